"""The tables of a page: data tables as grids, layout tables as their contents.

A table is layout if it says so, if a table without a header has another one in a cell,
or if it has one column and no header.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from docprogress.steps.markdown.blocks import (
    MOST_CONTAINERS,
    Block,
    Container,
    in_cell,
)
from docprogress.steps.markdown.grid import MOST_COLUMNS, Grid
from docprogress.steps.markup.lists import Lists

#: Nested tables that are distinguished.
MOST_TABLES = 100

#: Rows of one cell each that are kept until the table's kind is known.
MOST_SINGLE = 1_000

_MOST_ROWS = 1_000_000
_HEADERS = ("th", "thead", "caption")
_PRESENTATION = ("presentation", "none")


class Scope:
    """The page, or a table's cell: what is open in it, and its blocks."""

    def __init__(
        self, blocks: list[Block] | None = None, around: tuple[Container, ...] = ()
    ) -> None:
        self.blocks: list[Block] = [] if blocks is None else blocks
        self.lists = Lists(around)
        #: The style of the text.
        self.style = 0
        self._styles: dict[int, int] = {}

    def change_style(self, style: int, by: int) -> None:
        self._styles[style] = max(0, self._styles.get(style, 0) + by)
        self.style = sum(one for one, count in self._styles.items() if count)

    def add(self, block: Block) -> None:
        block.containers = self.lists.containers
        self.blocks.append(block)

    def insert(self, blocks: list[Block]) -> None:
        """Add blocks that have been collected elsewhere."""
        around = self.lists.containers
        for block in blocks if around else ():
            block.containers = (around + block.containers)[:MOST_CONTAINERS]
        self.blocks += blocks


@dataclass(slots=True)
class _Cell:
    blocks: list[Block]
    across: int
    down: int


@dataclass(slots=True)
class _Table:
    #: Its position.
    outer: Scope
    layout: bool = False
    #: Whether it has a header.
    data: bool = False
    grid: Grid = field(default_factory=Grid)
    cell: _Cell | None = None
    #: The cells so far, if there is one in each row.
    single: list[_Cell] | None = field(default_factory=list)
    row: bool = False

    def begin_row(self) -> None:
        self.row = True
        if self.single is None:
            self.grid.begin_row()

    def add(self, cell: _Cell, *, first: bool) -> None:
        if self.single is not None and first:
            self.single.append(cell)
            if len(self.single) > MOST_SINGLE:
                self.leave_single() if self.data else self.emit()
            return
        self.leave_single()
        self.grid.add(in_cell(cell.blocks), cell.across, cell.down)

    def leave_single(self) -> None:
        for cell in self.single or ():
            self.grid.begin_row()
            self.grid.add(in_cell(cell.blocks), cell.across, cell.down)
        self.single = None

    def emit(self) -> None:
        """Add its blocks so far to the surrounding scope."""
        if self.single is not None and self.data and len(self.single) > 1:
            self.leave_single()
        for cell in self.single or ():
            self.outer.insert(cell.blocks)
        if table := str(self.grid):
            self.outer.add(Block(table, ready=True))
        self.grid, self.single = Grid(), []


class Tables:
    """Follows the tags of tables.

    Args:
        flush: Ends the paragraph that is being read.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        #: Where text goes at the moment.
        self.scope = Scope()
        self._open: list[_Table] = []
        # Tables within a cell of a table with data: their cells are only text.
        self._flat = 0
        self._first = True

    @property
    def flat(self) -> bool:
        """Whether a cell is only text at the moment."""
        return self._flat > 0 or not self._open

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self._start_table(attributes)
        elif not self.flat:
            table = self._open[-1]
            if name in _HEADERS:
                table.data = True
            if name in ("td", "th"):
                self._start_cell(table, attributes)
            else:
                self._end_cell(table)
                if name == "tr":
                    table.begin_row()
                    self._first = True

    def end(self, name: str) -> None:
        if name == "table" and self._flat:
            self._flat -= 1
        elif name == "table" and self._open:
            self._end_table()
        elif not self.flat and name != "caption":
            self._end_cell(self._open[-1])

    def finish(self) -> None:
        """End all tables that are open."""
        self._flat = 0
        while self._open:
            self._end_table()

    def _start_table(self, attributes: dict[str, str]) -> None:
        if self._flat:
            self._flat += 1
            return
        outer = self._open[-1] if self._open else None
        if outer is not None and outer.cell is None:
            self._end_table()
        elif outer is not None and not outer.layout:
            if outer.data or len(self._open) >= MOST_TABLES:
                self._flat = 1
                return
            self._make_layout(outer)
        elif len(self._open) >= MOST_TABLES:
            self._flat = 1
            return
        role = attributes.get("role", "").strip().lower()
        self._open.append(_Table(self.scope, layout=role in _PRESENTATION))

    def _make_layout(self, table: _Table) -> None:
        """Treat a table as layout: its blocks go to the surrounding scope."""
        table.layout = True
        table.emit()
        outer = table.outer
        outer.insert(self.scope.blocks)
        self.scope.blocks = outer.blocks
        self.scope.lists.move_into(outer.lists.containers)

    def _start_cell(self, table: _Table, attributes: dict[str, str]) -> None:
        self._end_cell(table)
        if not table.row:
            table.begin_row()
            self._first = True
        scope = Scope()
        if table.layout:
            scope = Scope(table.outer.blocks, table.outer.lists.containers)
        across = _count(attributes.get("colspan"), MOST_COLUMNS)
        down = _count(attributes.get("rowspan"), _MOST_ROWS, zero=_MOST_ROWS)
        table.cell = _Cell(scope.blocks, across, down)
        self.scope = scope

    def _end_cell(self, table: _Table) -> None:
        self._flush()
        cell, table.cell = table.cell, None
        self.scope = table.outer
        if cell is not None and not table.layout:
            table.add(cell, first=self._first)
            self._first = False

    def _end_table(self) -> None:
        self._end_cell(self._open[-1])
        self._open.pop().emit()
        self._first = False


def _count(value: str | None, most: int, *, zero: int = 1) -> int:
    digits = (value or "1").strip()
    if not (digits.isascii() and digits.isdecimal()):
        return 1
    return min(int(digits[:10]), most) or zero
