"""Lines that are drawn on a page, and the grids that they make."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

#: Lines closer to each other are one, and lines that miss each other by less cross.
NEAR = 3.0

#: The maximum number of lines of a page in one direction, and the maximum number of
#: cells of a table.
MOST_RULES = 400
MOST_CELLS = 4_000

#: The lines of a table without upright ones: around the header, and below all.
LEAST_BANDS = 3
#: The least width of such a table, in points.
LEAST_WIDTH = 60.0

Cell = tuple[int, int]


class Rule(NamedTuple):
    """A horizontal or vertical line that is drawn."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def flat(self) -> bool:
        return self.right - self.left >= self.top - self.bottom


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

    @property
    def top(self) -> float:
        return -self.ys[0]

    @property
    def bottom(self) -> float:
        return -self.ys[-1]

    def sides(self) -> int:
        """How many of its four sides are drawn."""
        x, y = (self.xs[0] + self.xs[-1]) / 2, -(self.ys[0] + self.ys[-1]) / 2
        flat = [_near(self.flat, -end, flat=True) for end in (self.ys[0], self.ys[-1])]
        upright = [
            _near(self.upright, end, flat=False) for end in (self.xs[0], self.xs[-1])
        ]
        return sum(any(a <= x <= b for a, b in side) for side in flat) + sum(
            any(a <= y <= b for a, b in side) for side in upright
        )

    def areas(self) -> dict[Cell, Cell]:
        """For each cell the first one of those that it is merged with."""
        rows, columns = len(self.ys) - 1, len(self.xs) - 1
        first = {(r, c): (r, c) for r in range(rows) for c in range(columns)}

        def root(cell: Cell) -> Cell:
            while first[cell] != cell:
                first[cell] = first[first[cell]]
                cell = first[cell]
            return cell

        def merge(one: Cell, other: Cell) -> None:
            one, other = sorted((root(one), root(other)))
            first[other] = one

        heights = [-(y + below) / 2 for y, below in pairwise(self.ys)]
        middles = [(x + beside) / 2 for x, beside in pairwise(self.xs)]
        for column in range(1, columns):
            at = _near(self.upright, self.xs[column], flat=False)
            for row, y in enumerate(heights):
                if not any(low <= y <= high for low, high in at):
                    merge((row, column - 1), (row, column))
        for row in range(1, rows):
            at = _near(self.flat, -self.ys[row], flat=True)
            for column, x in enumerate(middles):
                if not any(left <= x <= right for left, right in at):
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


def bands(rules: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Horizontal lines of the same extent, from the top down."""
    left = [rule for rule in rules if rule.right - rule.left >= LEAST_WIDTH]
    while len(left) >= LEAST_BANDS:
        first = left[0]
        group = [
            rule
            for rule in left
            if abs(rule.left - first.left) <= NEAR
            and abs(rule.right - first.right) <= NEAR
        ]
        left = [rule for rule in left if rule not in group]
        if len(group) >= LEAST_BANDS:
            yield sorted(group, key=lambda rule: -rule.bottom)


def _near(
    rules: list[Rule], position: float, *, flat: bool
) -> list[tuple[float, float]]:
    """From where to where lines at a position reach."""
    if flat:
        return [
            (rule.left, rule.right)
            for rule in rules
            if abs(rule.bottom - position) <= NEAR
        ]
    return [
        (rule.bottom, rule.top) for rule in rules if abs(rule.left - position) <= NEAR
    ]


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
