"""GitHub tables, in which a merged cell is repeated in each place that it covers."""

from collections.abc import Sequence

#: The maximum number of columns of a row, and the maximum number of characters that the
#: merged cells of a table are repeated with.
MOST_COLUMNS = 1_000
MOST_REPEATED = 2_000_000

#: The maximum number of places of a table whose short rows are filled with empty cells.
MOST_FILLED = 200_000


class Grid:
    """The rows of a table, as its cells are added.

    A cell's text is Markdown; a line feed in it is a line break.
    """

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._row: list[str] | None = None
        # What reaches down into this row, and into the next one: the rows that are left
        # and the text, by column.
        self._above: dict[int, tuple[int, str]] = {}
        self._below: dict[int, tuple[int, str]] = {}
        self._before: list[str] = []
        self._left = MOST_REPEATED
        self._cells = 0

    def begin_row(self) -> None:
        self.end_row()
        self._row = []
        self._cells = 0

    def add(self, text: str, across: int = 1, down: int = 1) -> None:
        """Add a cell to the row."""
        if self._row is None:
            self.begin_row()
        row = self._row
        assert row is not None
        self._fill(row)
        self._cells += 1
        if len(row) >= MOST_COLUMNS:
            self.begin_row()  # go on in a row of its own
            self.add(text)
            return
        for number in range(min(max(across, 1), MOST_COLUMNS - len(row))):
            if number and not self._repeats(text):
                return
            self._above.pop(len(row), None)
            if down > 1:
                self._below[len(row)] = (down - 1, text)
            row.append(text)

    def add_continued(self, across: int = 1) -> None:
        """Add a cell that belongs to the one above it."""
        column = len(self._row or ())
        text = self._before[column] if column < len(self._before) else ""
        self.add(text if self._repeats(text) else "", across)

    def add_beside(self) -> None:
        """Add a cell that belongs to the one before it."""
        text = self._row[-1] if self._row else ""
        self.add(text if self._repeats(text) else "")
        self._cells -= 1

    def end_row(self) -> None:
        """End the row, if one has begun; one without text is left out."""
        row, self._row = self._row, None
        if row is None:
            return
        self._fill_rest(row)
        self._above, self._below = self._below, {}
        self._before = row
        # A text that is alone in its row, such as a title, is not repeated.
        alone = self._cells == 1 and len(row) > 1 and len(set(row)) == 1
        if alone:
            row = row[:1]
        if any(row):
            self.rows.append(row)

    def __str__(self) -> str:
        """The table, its first row the header; one cell alone is a paragraph."""
        self.end_row()
        return github_table(self.rows)

    def _fill(self, row: list[str]) -> None:
        """Add what reaches down from the rows above, as far as the next free place."""
        while len(row) in self._above:
            self._take(row)

    def _fill_rest(self, row: list[str]) -> None:
        """Add what reaches down behind the last cell of the row."""
        for column in sorted(self._above):
            row += [""] * (column - len(row))
            self._take(row)

    def _take(self, row: list[str]) -> None:
        left, text = self._above.pop(len(row))
        if left > 1 and self._repeats(text):
            self._below[len(row)] = (left - 1, text)
        row.append(text)

    def _repeats(self, text: str) -> bool:
        """Whether a text may be repeated once more."""
        self._left -= len(text) + 3
        return self._left >= 0


def cell(text: str) -> str:
    """Inline Markdown within a table, on one line."""
    if "|" in text:
        text = text.replace("|", "\\|")
    if "\n" in text:
        lines = filter(None, (line.strip() for line in text.split("\n")))
        return "<br>".join(lines)
    return text.strip()


def github_table(rows: Sequence[Sequence[str]]) -> str:
    """A GitHub table of cells; one cell alone is a paragraph."""
    if not rows:
        return ""
    width = max(map(len, rows))
    if width == 1 and len(rows) == 1:
        return rows[0][0].replace("\\|", "|").replace("<br>", "  \n")
    # Only the header needs all columns: in a long table one wide row could cost much.
    full = len(rows) if width * len(rows) <= MOST_FILLED else 1
    lines = [
        f"| {' | '.join(row)}{' | ' * (width - len(row)) if place < full else ''} |"
        for place, row in enumerate(rows)
    ]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)
