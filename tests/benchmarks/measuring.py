"""Measure alternatives in turn, in one process, and report ratios.

A busy or slow machine slows both sides: seconds mean little on another machine,
ratios mean much.  Nothing here is an assertion.
"""

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import psutil

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    against: str = ""
    ratio: str = ""
    wanted: str = ""
    #: None where nothing is wanted.
    ok: bool | None = None


def interleaved(rounds: int, *sides: Callable[[], T]) -> list[list[T]]:
    """What each side gives in each round; the first one warms up and is dropped.

    Every second round goes the other way: who follows whom is worth some percent.
    """
    results: list[list[T]] = [[] for _ in sides]
    turns = list(zip(sides, results, strict=True))
    for number in range(rounds + 1):
        for side, kept in turns:
            measured = side()
            if number:
                kept.append(measured)
        turns.reverse()
    return results


def compared(
    what: str,
    ours: Sequence[float],
    against: Sequence[float],
    *,
    unit: str,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """The median of the rounds' ratios, and the least and the greatest of them.

    Not the ratio of the medians: a machine is not as fast in each round.
    """
    ratios = [mine / other for mine, other in zip(ours, against, strict=True)]
    ratio = median(ratios)
    ok = None
    wanted = ""
    if at_least is not None:
        wanted, ok = f"≥ {at_least:g}", ratio >= at_least
    elif at_most is not None:
        wanted, ok = f"≤ {at_most:g}", ratio <= at_most
    return Row(
        what=what,
        ours=f"{median(ours):,.4g} {unit}",
        against=f"{median(against):,.4g} {unit}",
        ratio=f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        wanted=wanted,
        ok=ok,
    )


def limited(what: str, measured: float, *, unit: str, under: float) -> Row:
    """One number that has a limit of its own."""
    return Row(
        what=what,
        ours=f"{measured:,.4g} {unit}",
        wanted=f"< {under:g} {unit}",
        ok=measured < under,
    )


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of all are below, by the nearest rank."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def machine() -> str:
    """What this was measured on, and how busy that was before."""
    load = " ".join(f"{value:.1f}" for value in psutil.getloadavg())
    return (
        f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {load}"
    )


def table(rows: Sequence[Row]) -> str:
    """The rows, with columns that are as wide as they have to be."""
    head = ("what", "ours", "against", "ratio", "wanted", "ok?")
    verdicts = {True: "yes", False: "NO", None: ""}
    lines = [
        head,
        *(
            (row.what, row.ours, row.against, row.ratio, row.wanted, verdicts[row.ok])
            for row in rows
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("─" * width for width in widths))
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )
