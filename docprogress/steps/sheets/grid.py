"""Collect the visible cells of a sheet while it is read."""

from docprogress.steps.sheets.cells import tidy
from docprogress.steps.sheets.pages import Hidden
from docprogress.steps.sheets.rows import (
    LAST_COLUMN,
    LAST_ROW,
    Budget,
    Merge,
    Row,
    cell_position,
)

#: The most merged cells of a sheet that are known.
MAX_MERGES = 10_000


class Grid:
    """The rows that a reader has found and no one has taken yet.

    Args:
        budget: Every character of a visible cell is taken from it.
        hidden: Rows and columns with content that are left out are counted there.
        include_hidden: Whether none are left out.
        name: The sheet's name.
    """

    def __init__(
        self, budget: Budget, hidden: Hidden, *, include_hidden: bool, name: str = ""
    ) -> None:
        self.name = name
        self._budget = budget
        self._hidden = hidden
        self._include_hidden = include_hidden
        self._hidden_columns = bytearray(LAST_COLUMN + 1)
        self._counted_columns = bytearray(LAST_COLUMN + 1)
        # Made with the first hidden row.
        self._hidden_rows = bytearray()
        self._skipped = 0
        self._row = -1
        self._row_hidden = False
        self._has_content = False
        self._cells: dict[int, str] = {}
        self.rows: list[Row] = []
        self.merges: list[Merge] = []
        #: Found while the rows are read: texts besides the cells, the charts and other
        #: objects, and comments.
        self.asides: list[str] = []
        self.objects: list[str] = []
        self.comments: list[str] = []

    @property
    def row(self) -> int:
        """The number of the row that was begun last, counted from 0."""
        return self._row

    def hide_columns(self, first: int, last: int) -> None:
        """Leave columns out, `last` included."""
        first, last = max(first, 0), min(last, LAST_COLUMN)
        if last >= first and not self._include_hidden:
            self._hidden_columns[first : last + 1] = b"\1" * (last + 1 - first)

    def merge(self, merge: Merge | None) -> None:
        if merge is not None and len(self.merges) < MAX_MERGES:
            self.merges.append(merge)

    def start_row(self, number: int, *, hidden: bool) -> None:
        self._row = number
        self._row_hidden = hidden and not self._include_hidden
        self._has_content = False
        self._cells = {}
        if self._row_hidden and 0 <= number <= LAST_ROW:
            self._hidden_rows = self._hidden_rows or bytearray(LAST_ROW + 1)
            self._hidden_rows[number] = 1

    def shows_cell(self, reference: str) -> bool:
        """Whether the cell of a reference such as `B12` is shown."""
        position = cell_position(reference)
        if position is None:
            return True
        row, column = position
        hidden = bool(self._hidden_rows) and bool(self._hidden_rows[row])
        return not hidden and not self._hidden_columns[column]

    def shows(self, column: int) -> bool:
        """Whether a cell of this row is shown; one that is not is counted."""
        if not 0 <= column <= LAST_COLUMN:
            return False
        if self._row_hidden:
            self._has_content = True
            return False
        if self._hidden_columns[column]:
            if not self._counted_columns[column]:
                self._counted_columns[column] = 1
                self._hidden.columns += 1
            return False
        return True

    def add(self, column: int, text: str, *, counted: int = 0) -> None:
        """Add a cell that is shown.

        Args:
            column: Counted from 0.
            text: What it shows.
            counted: Characters that were taken from the budget already.
        """
        text = tidy(text)
        if text:
            self._budget.take(max(0, len(text) - counted))
            self._cells[column] = text

    def end_row(self, repeat: int = 1) -> None:
        """End a row, which stands for `repeat` equal ones."""
        if self._row_hidden:
            self._skipped += repeat
            self._hidden.rows += repeat * self._has_content
        elif self._cells:
            position = self._row - self._skipped
            self.rows.append(Row(self._row, position, self._cells))
        self._cells = {}
