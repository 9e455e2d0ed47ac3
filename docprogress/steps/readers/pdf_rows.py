"""Rows of a page with several parts, and their common columns."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple

from docprogress.steps.readers.pdf_lines import Run
from docprogress.steps.readers.pdf_text_lines import TextLine

#: The least gap between two cells, in sizes.
GAP = 0.95


class Segment(NamedTuple):
    """Words without a gap, as in a cell."""

    runs: list[Run]
    left: float
    right: float


class Row(NamedTuple):
    """The segments at one height."""

    segments: list[Segment]
    lines: list[int]
    baseline: float
    size: float


def has_gap(lines: Sequence[TextLine], number: int) -> bool:
    """Whether a line has a gap, or stands beside the one before it."""
    line = lines[number]
    size = line.size
    if number and -0.3 * size < lines[number - 1].last - line.first < 0.3 * size:
        return True
    runs = line.runs
    if len(runs) == 1:
        return False
    least = GAP * size
    end = inf
    for run in runs:
        if run.left - end > least:
            return True
        end = run.right
    return False


def rows_of(lines: Sequence[TextLine], taken: set[int], gap: float) -> Iterator[Row]:
    """The rows of lines that follow each other; a row ends where lines are left out."""
    for number, line in enumerate(lines):
        if number in taken or not line.placed or not line.text:
            continue
        near = 0.3 * line.size
        if number and line.runs and number - 1 not in taken:
            before = lines[number - 1]
            if (
                -near < before.last - line.first < near
                and before.placed
                and line.left >= before.right
            ):
                continue  # taken along with the line before it
        runs, numbers = line.runs, [number]
        for other in range(number + 1, len(lines)):
            following = lines[other]
            if (
                not -near < following.first - line.first < near
                or other in taken
                or not following.placed
                or following.left < runs[-1].right
            ):
                break
            runs = [*runs, *following.runs]
            numbers.append(other)
        yield Row(_segments(runs, gap), numbers, line.first, line.size)


def _segments(runs: Sequence[Run], gap: float) -> list[Segment]:
    if len(runs) == 1:
        return [Segment([*runs], runs[0].left, runs[0].right)]
    segments: list[Segment] = []
    for run in runs:
        if segments:
            last = segments[-1]
            if run.left - last.right < gap * run.size and run.left > last.left:
                segments[-1] = Segment(
                    [*last.runs, run], last.left, max(last.right, run.right)
                )
                continue
        segments.append(Segment([run], run.left, run.right))
    return segments


def columns_of(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Where the columns of rows begin and end: what overlaps is one."""
    columns: list[tuple[float, float]] = []
    for left, right in sorted((s.left, s.right) for row in rows for s in row.segments):
        if columns and left < columns[-1][1] + 1:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def places_of(segment: Segment, columns: Sequence[tuple[float, float]]) -> list[int]:
    """The columns that a segment stands in."""
    return [
        number
        for number, (left, right) in enumerate(columns)
        if segment.left < right and left < segment.right
    ]
