"""Lay out rows as lines of text and as Markdown tables.

Rows without an empty row between them make a table. Columns that are empty in all of
its rows are left out.
"""

import bisect
from collections.abc import Iterator, Sequence

from docprogress.steps.sheets.rows import Merge, Row
from docprogress.structure import escaped, escaped_begin

#: The maximum number of rows of a page that merged cells are repeated into, and the
#: maximum number of characters that are repeated.
MAX_REPEATED = 200_000
MAX_CHARACTERS = 2_000_000

#: Tables with one column and at most as many rows are paragraphs in Markdown.
FEW_ROWS = 3


def fill_merged(
    rows: Sequence[Row], columns: Sequence[int], merges: Sequence[Merge]
) -> None:
    """Repeat the text of merged cells in each row, and each column, that they cover.

    `columns` are those that have content, in order.

    A text that is alone in its row, such as a title, is not repeated.
    """
    numbers = [row.number for row in rows]
    left, characters = MAX_REPEATED, MAX_CHARACTERS
    for merge in merges:
        begin = bisect.bisect_left(numbers, merge.top)
        if begin == len(rows) or numbers[begin] != merge.top:
            continue
        text = rows[begin].cells.get(merge.left)
        if not text:
            continue
        end = bisect.bisect_right(numbers, merge.bottom)
        start = bisect.bisect_left(columns, merge.left)
        covered = columns[start : bisect.bisect_right(columns, merge.right)]
        left -= end - begin
        if left < 0:
            return
        for row in rows[begin:end]:
            alone = all(merge.left <= column <= merge.right for column in row.cells)
            if alone and row.cells:
                continue
            for column in covered:
                row.cells.setdefault(column, text)
                characters -= len(text) + 3
                if characters < 0:
                    return


def tables(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The groups of rows without an empty row between them."""
    start = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place].position > rows[place - 1].position + 1:
            if place > start:
                yield rows[start:place]
            start = place


def columns_of(rows: Sequence[Row]) -> list[int]:
    """The columns that have content."""
    return sorted(set().union(*(row.cells for row in rows)))


def text_of(rows: Sequence[Row], columns: Sequence[int]) -> str:
    """A line for each row, its cells separated by tabs."""
    lines = (
        "\t".join([row.cells.get(column, "") for column in columns]).rstrip("\t")
        for row in rows
    )
    # A line break within a cell would look like the end of its row.
    return "\n".join(line.replace("\n", " ") for line in lines)


def markdown_of(
    rows: Sequence[Row], columns: Sequence[int], *, header: Row | None = None
) -> str:
    """A GitHub table, whose first row is the header; few lone cells are paragraphs.

    Args:
        rows: The rows of one table.
        columns: The columns to show.
        header: The header of a table that began on an earlier page.
    """
    if len(columns) == 1 and len(rows) <= FEW_ROWS and header is None:
        return "\n\n".join(
            escaped_begin(escaped(row.cells[columns[0]].replace("\n", " ")))
            for row in rows
        )
    lines = [_line(row, columns) for row in ((header, *rows) if header else rows)]
    lines.insert(1, "| " + " | ".join(["---"] * len(columns)) + " |")
    return "\n".join(lines)


def _line(row: Row, columns: Sequence[int]) -> str:
    cells = [row.cells.get(column, "") for column in columns]
    line = " | ".join(cells)
    if line.count("|") >= len(cells) or escaped(line) != line:
        line = " | ".join([escaped(cell).replace("|", "\\|") for cell in cells])
    return f"| {line} |".replace("\n", "<br>")
