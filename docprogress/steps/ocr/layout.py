"""Put recognised lines into reading order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

#: A line that is wider than this share of the page belongs to no column.
SPANNING_SHARE = 0.6

#: The minimum number of lines of a column, and its least width in heights of a line.
LEAST_COLUMN_LINES = 3
LEAST_COLUMN_WIDTH = 6.0

#: The share of their column's width that lines of running text have, by their median.
#: Cells of a table are narrower, and are read row by row.
PROSE_SHARE = 0.7

#: The least width of the gap between two columns, in heights of a line.
COLUMN_GAP = 0.6

#: The distance of two lines, relative to their usual one, that begins a paragraph.
PARAGRAPH_DISTANCE = 1.5

#: The least slope, in radians, that is straightened.
LEAST_SLOPE = 0.001

Corners = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A piece of a line of text, upright."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def straightened(found: Sequence[tuple[Corners, str]]) -> list[Line]:
    """Lines with the page's slope removed.

    Args:
        found: The corners, clockwise from the top left, and the text of each line.
    """
    slope = _slope([corners for corners, _ in found])
    cosine, sine = math.cos(slope), math.sin(slope)
    lines = []
    for corners, text in found:
        x = [x * cosine + y * sine for x, y in corners]
        y = [y * cosine - x * sine for x, y in corners]
        # The mean of two corners, which are not quite parallel.
        lines.append(
            Line(
                left=(x[0] + x[3]) / 2,
                top=(y[0] + y[1]) / 2,
                right=(x[1] + x[2]) / 2,
                bottom=(y[2] + y[3]) / 2,
                text=text,
            )
        )
    return lines


def in_reading_order(lines: Sequence[Line]) -> str:
    """The text of a page: rows from top to bottom, one column after the other."""
    if not lines:
        return ""
    left, right = min(x.left for x in lines), max(x.right for x in lines)
    widest = SPANNING_SHARE * (right - left)
    blocks: list[str] = []
    block: list[Line] = []
    spanning = False
    for row in _rows(lines):
        spans = any(line.width > widest for line in row)
        if spans is not spanning and block:
            blocks.append(_block(block, columns=not spanning))
            block = []
        block.extend(row)
        spanning = spans
    blocks.append(_block(block, columns=not spanning))
    return "\n".join(blocks)


def _block(lines: Sequence[Line], *, columns: bool) -> str:
    """The text of lines between two that span the page."""
    found = _columns(lines) if columns else [lines]
    return "\n".join(_text(column) for column in found)


def _columns(lines: Sequence[Line]) -> Sequence[Sequence[Line]]:
    """The columns of running text, from left to right; one if there are none."""
    height = median(line.height for line in lines)
    columns: list[list[Line]] = []
    edge = -math.inf
    for line in sorted(lines, key=lambda line: line.left):
        if not columns or line.left - edge > COLUMN_GAP * height:
            columns.append([])
        columns[-1].append(line)
        edge = max(edge, line.right)
    prose = len(columns) > 1 and all(_is_prose(each, height) for each in columns)
    return columns if prose else [lines]


def _is_prose(column: Sequence[Line], height: float) -> bool:
    if len(column) < LEAST_COLUMN_LINES:
        return False
    width = max(x.right for x in column) - min(x.left for x in column)
    usual = median(line.width for line in column)
    return width >= LEAST_COLUMN_WIDTH * height and usual >= PROSE_SHARE * width


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines beside each other, from left to right, in rows from top to bottom."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.middle):
        row = rows[-1] if rows else None
        if row is not None:
            middle = sum(each.middle for each in row) / len(row)
            height = min(line.height, *(each.height for each in row))
            if abs(line.middle - middle) < height / 2:
                row.append(line)
                continue
        rows.append([line])
    for row in rows:
        row.sort(key=lambda line: line.left)
    return rows


def _text(lines: Sequence[Line]) -> str:
    """The text of one column; an empty line separates paragraphs."""
    rows = _rows(lines)
    tops = [min(line.top for line in row) for row in rows]
    distances = [after - before for before, after in pairwise(tops)]
    usual = median(distances) if distances else 0.0
    parts: list[str] = []
    for index, row in enumerate(rows):
        if index:
            apart = distances[index - 1] > PARAGRAPH_DISTANCE * usual
            parts.append("\n\n" if apart else "\n")
        parts.append(" ".join(line.text for line in row))
    return "".join(parts)


def _slope(boxes: Sequence[Corners]) -> float:
    """The slope of the page in radians: that of its lines, by their median."""
    slopes = []
    for box in boxes:
        across, down = box[1][0] - box[0][0], box[1][1] - box[0][1]
        # The slope of a short word is mostly noise.
        height = math.dist(box[0], box[3])
        if across > 5 * height:
            slopes.append(math.atan2(down, across))
    slope = median(slopes) if slopes else 0.0
    return slope if abs(slope) >= LEAST_SLOPE else 0.0
