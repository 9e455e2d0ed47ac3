"""Tables between drawn lines: their cells, those that are merged repeated."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from docprogress.steps.readers.pdf_hyphens import MARK, join_hyphenated
from docprogress.steps.readers.pdf_lines import Rule, Run
from docprogress.steps.readers.pdf_text_lines import TextLine

#: Lines closer to each other are one, and lines that miss each other by less cross.
NEAR = 3.0

#: The most lines of a page in one direction, and the most cells of a table.
MOST_RULES = 400
MOST_CELLS = 4_000

#: The share of cells that have text, at least: grids of charts have few.
LEAST_FILLED = 0.25

#: How far above its baseline the middle of a letter is, in sizes.
MIDDLE = 0.3

Cell = tuple[int, int]


class Table(NamedTuple):
    """A table, and the lines of the page that it is made of."""

    lines: frozenset[int]
    #: Their cells' texts; line breaks within them are line feeds.
    rows: list[list[str]]
    #: What else stands on these lines.
    beside: list[str]

    @property
    def place(self) -> int:
        """The first of its lines."""
        return min(self.lines)


class Grid(NamedTuple):
    """Lines that cross, as the borders of cells."""

    #: Where columns begin, with the end of the last one, from the left.
    xs: list[float]
    #: Where rows begin, with the end of the last one, from the top, negative.
    ys: list[float]
    flat: list[Rule]
    upright: list[Rule]

    def cell_at(self, x: float, y: float) -> Cell | None:
        """The row and column of a point."""
        row = bisect_right(self.ys, -y) - 1
        column = bisect_right(self.xs, x) - 1
        inside = 0 <= row < len(self.ys) - 1 and 0 <= column < len(self.xs) - 1
        return (row, column) if inside else None

    def may_hold(self, line: TextLine) -> bool:
        """Whether a line reaches into it."""
        return (
            line.last <= -self.ys[0]
            and line.first >= -self.ys[-1]
            and line.left <= self.xs[-1]
            and line.right >= self.xs[0]
        )

    def areas(self) -> dict[Cell, Cell]:
        """For each cell the first one of those that it is merged with."""
        rows, columns = len(self.ys) - 1, len(self.xs) - 1
        first = {(r, c): (r, c) for r in range(rows) for c in range(columns)}

        def root(cell: Cell) -> Cell:
            while first[cell] != cell:
                cell = first[cell]
            return cell

        def merge(one: Cell, other: Cell) -> None:
            one, other = sorted((root(one), root(other)))
            first[other] = one

        for row in range(rows):
            y = -(self.ys[row] + self.ys[row + 1]) / 2
            for column in range(1, columns):
                if not _covers(self.upright, self.xs[column], y, flat=False):
                    merge((row, column - 1), (row, column))
        for column in range(columns):
            x = (self.xs[column] + self.xs[column + 1]) / 2
            for row in range(1, rows):
                if not _covers(self.flat, -self.ys[row], x, flat=True):
                    merge((row - 1, column), (row, column))
        return {cell: root(cell) for cell in first}


def grids(rules: Iterable[Rule]) -> tuple[list[Grid], list[Rule]]:
    """The grids that lines make, and the horizontal lines that are in none."""
    rules = list(rules)
    flat = _merged([rule for rule in rules if rule.flat], flat=True)
    upright = _merged([rule for rule in rules if not rule.flat], flat=False)
    if not upright or max(len(flat), len(upright)) > MOST_RULES:
        return [], flat[:MOST_RULES]
    groups = _connected(flat, upright)
    found, used = [], set()
    for group in groups:
        h = [flat[n] for n in group if n < len(flat)]
        v = [upright[n - len(flat)] for n in group if n >= len(flat)]
        xs = _positions(
            [rule.left for rule in v]
            + [min(rule.left for rule in h), max(rule.right for rule in h)]
        )
        ys = _positions(
            [-rule.top for rule in h]
            + [-max(rule.top for rule in v), -min(rule.bottom for rule in v)]
        )
        if len(xs) < 3 or len(ys) < 3 or len(xs) * len(ys) > MOST_CELLS:  # noqa: PLR2004 - two cells in each direction
            continue
        found.append(Grid(xs, ys, h, v))
        used |= {n for n in group if n < len(flat)}
    return found, [rule for n, rule in enumerate(flat) if n not in used]


def ruled_table(grid: Grid, lines: Sequence[TextLine]) -> Table | None:
    """The table of a grid; None if it is a drawing."""
    cells: dict[Cell, list[Run]] = {}
    taken: set[int] = set()
    beside: list[str] = []
    areas = grid.areas()
    for number, line in enumerate(lines):
        if not line.runs or not grid.may_hold(line):
            continue
        inside, rest = _inside(grid, line.runs)
        if inside:
            taken.add(number)
            for cell, run in inside:
                cells.setdefault(areas[cell], []).append(run)
            if rest:
                beside.append(join_hyphenated(" ".join(rest)))
    if not taken:
        return None
    texts = {}
    for cell, runs in cells.items():
        members = [one for one, first in areas.items() if first == cell]
        begin = grid.xs[min(column for _, column in members)]
        end = grid.xs[max(column for _, column in members) + 1]
        texts[cell] = cell_text(runs, begin, end)
    rows = _rows(grid, areas, texts)
    filled = sum(bool(text) for row in rows for text in row)
    if len(rows) < 2 or len(rows[0]) < 2:  # noqa: PLR2004 - a frame around text
        return None
    if filled < LEAST_FILLED * len(rows) * len(rows[0]):
        return None
    return Table(frozenset(taken), rows, beside)


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
        first_word = first.width * len(first.text.split()[0]) / len(first.text)
        text += ("\n" if used + first_word < room else " ") + words
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


def _covers(rules: list[Rule], position: float, across: float, *, flat: bool) -> bool:
    """Whether a line at this position passes a point across it."""
    if flat:
        return any(
            abs(rule.bottom - position) <= NEAR and rule.left <= across <= rule.right
            for rule in rules
        )
    return any(
        abs(rule.left - position) <= NEAR and rule.bottom <= across <= rule.top
        for rule in rules
    )


def _merged(rules: list[Rule], *, flat: bool) -> list[Rule]:
    """Lines on the same straight line that touch each other, as one."""
    if flat:
        rules = sorted(rules, key=lambda rule: (round(rule.bottom / NEAR), rule.left))
    else:
        rules = sorted(rules, key=lambda rule: (round(rule.left / NEAR), rule.bottom))
    found: list[Rule] = []
    for rule in rules:
        if found:
            last = found[-1]
            if flat:
                beside = abs(last.bottom - rule.bottom) <= NEAR
                touches = beside and rule.left <= last.right + NEAR
            else:
                beside = abs(last.left - rule.left) <= NEAR
                touches = beside and rule.bottom <= last.top + NEAR
            if touches:
                found[-1] = last._replace(
                    right=max(last.right, rule.right) if flat else last.right,
                    top=last.top if flat else max(last.top, rule.top),
                )
                continue
        found.append(rule)
    return found


def _connected(flat: list[Rule], upright: list[Rule]) -> list[list[int]]:
    """Groups of lines that cross, by their numbers; upright ones come after flat."""
    first = list(range(len(flat) + len(upright)))

    def root(number: int) -> int:
        while first[number] != number:
            first[number] = first[first[number]]
            number = first[number]
        return number

    for n, h in enumerate(flat):
        low, high = h.bottom - NEAR, h.bottom + NEAR
        for m, v in enumerate(upright, len(flat)):
            if (
                v.bottom <= high
                and low <= v.top
                and h.left - NEAR <= v.left <= h.right + NEAR
            ):
                first[root(m)] = root(n)
    groups: dict[int, list[int]] = {}
    for number in range(len(first)):
        groups.setdefault(root(number), []).append(number)
    return [group for group in groups.values() if len(group) > 1]


def _positions(values: list[float]) -> list[float]:
    """Positions, those near each other as one."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > NEAR:
            found.append(value)
    return found
