"""Distributions of durations: a row for each, on one logarithmic axis."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from docprogress.plots.charts.style import (
    ALARM,
    COLOURS,
    FAINT,
    INK,
    LINE,
    SMALL,
    WIDTH,
    Plot,
    plain,
)

#: Inches of a row, of everything around the rows, and of a line of notes.
ROW = 0.62
AROUND = 1.5
NOTE = 0.19

#: Histogram bins for each power of ten.
BINS = 16

#: The smallest value on the axis in milliseconds; smaller ones are drawn there.
LEAST = 0.001

#: The width of the table of numbers relative to the axes, and the right edges of its
#: columns.
TABLE = 0.36
COLUMNS = (0.22, 0.48, 0.74, 1.0)

#: Markers of the percentiles and the maximum on the axis, and the same as text.
MARKERS = "o|d>"
SYMBOLS = "●|◆▶"

#: Characters in a line of notes.
LINE_LENGTH = 130

Floats = NDArray[np.float64]


class Row(NamedTuple):
    """One distribution."""

    label: str
    milliseconds: Floats
    #: Draw it in the first colour, as a total rather than a part of one.
    emphasised: bool


def distribution(
    rows: Sequence[Row],
    *,
    percentiles: Sequence[int],
    threshold: float,
    title: str,
    notes: Sequence[str] = (),
) -> Plot:
    """Draw a histogram for each row, with percentiles.

    Args:
        rows: The distributions, from top to bottom.
        percentiles: The three percentiles to mark, besides the maximum.
        threshold: Milliseconds at which to draw a line: what people perceive as
            instantaneous.
        title: The headline.
        notes: Paragraphs below the chart.
    """
    notes = [line for each in notes for line in textwrap.wrap(each, LINE_LENGTH)]
    plot = Plot(WIDTH, ROW * len(rows) + AROUND + NOTE * len(notes))
    axes, table = plot.subplots(1, 2, sharey=True, width_ratios=[1, TABLE])
    plain(axes)
    table.set_axis_off()
    shown = [
        row._replace(milliseconds=np.maximum(row.milliseconds, LEAST)) for row in rows
    ]
    _draw_axis(axes, np.concatenate([row.milliseconds for row in shown]), threshold)
    axes.set_ylim(len(rows) - 0.1, -0.35)
    for number, row in enumerate(shown):
        values = (*np.percentile(row.milliseconds, percentiles), row.milliseconds.max())
        _draw_row(axes, number, row, values)
        for x, value in zip(COLUMNS, values, strict=True):
            _write(table, x, number + 0.5, _number(value))
    axes.set_yticks(
        [number + 0.5 for number in range(len(rows))], [row.label for row in rows]
    )
    names = (*(f"p{percentile}" for percentile in percentiles), "max")
    for x, symbol, name in zip(COLUMNS, SYMBOLS, names, strict=True):
        _write(table, x, -0.12, f"{symbol} {name}", colour=FAINT)
    _write(table, COLUMNS[-1], len(rows) - 0.03, "milliseconds", colour=FAINT)
    plot.suptitle(title, x=0.01, horizontalalignment="left", fontsize=9.5, color=INK)
    if notes:
        plot.supxlabel(
            "\n".join(notes),
            x=0.01,
            horizontalalignment="left",
            fontsize=SMALL,
            color=FAINT,
            parse_math=False,
        )
    return plot


def _draw_axis(axes: Axes, values: Floats, threshold: float) -> None:
    least = min(10 ** np.floor(np.log10(values.min())), 1.0)
    most = max(10 ** np.ceil(np.log10(values.max())), 1000.0)
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    powers = 10.0 ** np.arange(np.log10(least), np.log10(most) + 0.5)
    axes.xaxis.set_major_locator(FixedLocator(powers.tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: _tick_label(ms)))
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axvline(threshold, color=ALARM, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    axes.text(
        threshold,
        -0.12,
        f"{threshold:g} ms: perceived as instantaneous",
        color=ALARM,
        backgroundcolor="white",
        fontsize=SMALL,
        verticalalignment="center",
        horizontalalignment="center",
    )
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _draw_row(axes: Axes, number: int, row: Row, values: Sequence[float]) -> None:
    milliseconds = row.milliseconds
    first, last = np.log10(milliseconds.min()), np.log10(milliseconds.max())
    bins = max(int(np.ceil((last - first) * BINS)), 1)
    edges = np.logspace(first, max(last, first + 1 / BINS), bins + 1)
    # Rounding may move the outer edges inside the range of the values.
    heights = np.histogram(np.clip(milliseconds, edges[0], edges[-1]), edges)[0]
    base = number + 0.72
    axes.stairs(
        base - 0.66 * heights / heights.max(),
        edges,
        baseline=base,
        fill=True,
        color=COLOURS[0] if row.emphasised else COLOURS[4],
        zorder=2,
    )
    axes.hlines(
        base, milliseconds.min(), milliseconds.max(), color=INK, linewidth=0.8, zorder=3
    )
    for value, marker in zip(values, MARKERS, strict=True):
        axes.plot(
            value,
            base,
            marker=marker,
            color=INK,
            markeredgecolor=INK if marker == "|" else "white",
            markeredgewidth=1.6 if marker == "|" else 0.7,
            markersize=9 if marker == "|" else 6,
            zorder=4,
            clip_on=False,
        )


def _write(axes: Axes, x: float, y: float, text: str, *, colour: str = INK) -> None:
    axes.text(
        x,
        y,
        text,
        transform=axes.get_yaxis_transform(),
        horizontalalignment="right",
        verticalalignment="center",
        fontsize=SMALL + 1,
        color=colour,
    )


def _number(milliseconds: float) -> str:
    """A number with three significant digits."""
    if milliseconds >= 99.95:  # noqa: PLR2004
        return f"{milliseconds:,.0f}"
    return f"{milliseconds:.1f}" if milliseconds >= 10 else f"{milliseconds:.2f}"  # noqa: PLR2004


def _tick_label(milliseconds: float) -> str:
    if milliseconds >= 1000:  # noqa: PLR2004
        return f"{milliseconds / 1000:,.0f} s"
    if milliseconds < 1:
        return f"{1000 * milliseconds:.0f} µs"
    return f"{milliseconds:.0f} ms"
