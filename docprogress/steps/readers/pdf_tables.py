"""Tables between drawn lines: their cells, those that are merged repeated."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from docprogress.steps.readers.pdf_grids import Cell, Grid
from docprogress.steps.readers.pdf_hyphens import MARK, join_hyphenated
from docprogress.steps.readers.pdf_lines import Run, glue
from docprogress.steps.readers.pdf_text_lines import TextLine

#: The share of cells that have text, at least: grids of charts have few.
LEAST_FILLED = 0.35
LEAST_FILLED_OF_FEW = 0.6
FEW_CELLS = 9

#: The share of cells that are no rectangles, at most: drawings have such.
MOST_ODD = 0.05

#: How many of its four sides are drawn, at least: of the axes of a chart none is.
LEAST_SIDES = 2

#: How many characters would have fitted, in scripts without spaces.
WITHOUT_SPACES = 3

#: How far above its baseline the middle of a letter is, in sizes.
MIDDLE = 0.3


class Table(NamedTuple):
    """A table, and the lines of the page that it is made of."""

    lines: frozenset[int]
    #: Their cells' texts; line breaks within them are line feeds.
    rows: list[list[str]]
    #: Other text on these lines.
    beside: list[str]

    @property
    def place(self) -> int:
        """The first of its lines."""
        return min(self.lines)


def ruled_table(grid: Grid, lines: Sequence[TextLine]) -> Table | None:
    """The table of a grid; None if it is a drawing."""
    areas = grid.areas()
    extents = _extents(areas)
    if extents is None or grid.sides() < LEAST_SIDES:
        return None
    cells: dict[Cell, list[Run]] = {}
    taken: set[int] = set()
    beside: list[str] = []
    for number, line in enumerate(lines):
        if not line.runs or not _may_hold(grid, line):
            continue
        inside, rest = _inside(grid, line.runs)
        if inside:
            taken.add(number)
            for cell, run in inside:
                cells.setdefault(areas[cell], []).append(run)
            if rest:
                beside.append(join_hyphenated(" ".join(rest)))
    least = LEAST_FILLED_OF_FEW if len(extents) <= FEW_CELLS else LEAST_FILLED
    if not cells or len(cells) < least * len(extents):
        return None
    texts = {}
    for cell, runs in cells.items():
        begin, end = extents[cell]
        texts[cell] = cell_text(runs, grid.xs[begin], grid.xs[end + 1])
    rows = _rows(grid, areas, texts)
    several = sum(len({*filter(None, row)}) > 1 for row in rows)
    if len(rows) < 2 or len(rows[0]) < 2 or 2 * several < len(rows):  # noqa: PLR2004 - a frame around text
        return None
    return Table(frozenset(taken), rows, beside)


def _extents(areas: dict[Cell, Cell]) -> dict[Cell, tuple[int, int]] | None:
    """The first and last column of each cell; None if many are no rectangles."""
    members: dict[Cell, list[Cell]] = {}
    for cell, first in areas.items():
        members.setdefault(first, []).append(cell)
    extents = {}
    odd = 0
    for first, cells in members.items():
        rows, columns = zip(*cells, strict=True)
        height = max(rows) - min(rows) + 1
        width = max(columns) - min(columns) + 1
        odd += height * width != len(cells)
        extents[first] = min(columns), max(columns)
    return extents if odd <= MOST_ODD * len(members) else None


def _may_hold(grid: Grid, line: TextLine) -> bool:
    """Whether a line reaches into a grid."""
    return (
        line.last <= grid.top
        and line.first >= grid.bottom
        and line.left <= grid.xs[-1]
        and line.right >= grid.xs[0]
    )


def _inside(
    grid: Grid, runs: Iterable[Run]
) -> tuple[list[tuple[Cell, Run]], list[str]]:
    """The runs that stand in cells, with these, and the texts of the others."""
    inside: list[tuple[Cell, Run]] = []
    rest: list[str] = []
    for run in runs:
        x, y = (run.left + run.right) / 2, run.baseline + MIDDLE * run.size
        cell = grid.cell_at(x, y)
        if cell is None:
            rest.append(run.text)
        else:
            inside.append((cell, run))
    return inside, rest


def cell_text(runs: Sequence[Run], left: float, right: float) -> str:
    """The text of a cell that reaches from `left` to `right`.

    A line that ends although the next word would have fitted ends in a line feed.
    """
    rows: list[list[Run]] = []
    for run in runs:
        if rows and abs(rows[-1][-1].baseline - run.baseline) < 0.4 * run.size:
            rows[-1].append(run)
        else:
            rows.append([run])
    padding = max(min(run.left for run in runs) - left, 0.0)
    room = right - left - 2 * padding - 1
    text = ""
    for number, row in enumerate(rows):
        words = " ".join(run.text for run in row)
        if not text or text.endswith(MARK):
            text += words
            continue
        before, first = rows[number - 1], row[0]
        used = before[-1].right - before[0].left + MIDDLE * first.size
        space = glue(text, words)
        length = len(first.text.split()[0]) if space else WITHOUT_SPACES
        first_word = first.width * length / len(first.text)
        text += ("\n" if used + first_word < room else space) + words
    return join_hyphenated(text)


def _rows(
    grid: Grid, areas: dict[Cell, Cell], texts: dict[Cell, str]
) -> list[list[str]]:
    """The rows and columns that have text of their own."""
    rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
    used_rows = [r for r in range(rows) if any(first[0] == r for first in texts)]
    used_columns = [c for c in range(columns) if any(first[1] == c for first in texts)]
    return [
        [texts.get(areas[row, column], "") for column in used_columns]
        for row in used_rows
    ]
