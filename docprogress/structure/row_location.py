"""Find the rows of a table in a page's text."""

import re
from collections.abc import Sequence

from docprogress.structure.blocks import Block
from docprogress.structure.search import Search, Span

#: Characters beyond its own length that a row may have in the text.
_NEAR = 200
#: Cells of a row that are searched for one by one, at most.
_MOST_CELLS = 200
_WORD = re.compile(r"\w+")


def find_rows(search: Search, table: Block) -> tuple[Span | None, ...]:
    """The span of each row in the text; None for rows that it does not have."""
    rows = _same(search, table)
    return tuple([_row(search, row) for row in table.rows] if rows is None else rows)


def _same(search: Search, table: Block) -> list[Span | None] | None:
    """The rows of a table that the text has line by line, maybe without its header."""
    start = search.skip_blank()
    rows: list[Span | None] = []
    lines = table.text
    if not search.text.startswith(lines, start):
        _, line_end, lines = lines.partition("\n")
        if not line_end or not search.text.startswith(lines, start):
            return None
        rows.append(None)
    end = start + len(lines)
    if search.text[end : end + 1] not in ("", "\n") or len(lines.split("\n")) != (
        len(table.rows) - len(rows)
    ):
        return None
    for size in map(len, lines.split("\n")):
        rows.append((start, start + size) if size else None)
        start += size + 1
    search.place = end
    return rows


def _row(search: Search, row: Sequence[str]) -> Span | None:
    text = search.text
    start = search.skip_blank()
    line = "\t".join(row).strip()
    if "\n" in line:
        line = line.replace("\n", " ")
    if not line:
        return None
    end = start + len(line)
    if text.startswith(line, start) and text[end : end + 1] in ("", "\n", "\t"):
        span = (start, end)
    else:
        found = _line(text, start, row) or _cells(text, start, row)
        if found is None:
            return None
        span = found
    search.place = span[1]
    return span


def _line(text: str, start: int, row: Sequence[str]) -> Span | None:
    """The next line if all its words are the row's, as of a row with merged cells."""
    most = start + 2 * sum(map(len, row)) + _NEAR
    end = text.find("\n", start, most)
    if end < 0:
        if most < len(text):
            return None
        end = len(text)
    words = _WORD.findall(text[start:end])
    known = set(_WORD.findall(" ".join(row)))
    missing = sum(word not in known for word in words)
    # A word may be written in another way, with an entity or a hyphen.
    return (start, end) if words and 8 * missing <= len(words) else None


def _cells(text: str, start: int, row: Sequence[str]) -> Span | None:
    """From the first to the last cell, if most of them follow each other."""
    cells = [cell for cell in row if cell][:_MOST_CELLS]
    most = start + 2 * sum(map(len, cells)) + _NEAR
    place, first, found = start, -1, 0
    for cell in cells:
        at = _apart(text, cell, place, most)
        if at < 0 and "\n" in cell:
            cell = cell.partition("\n")[0]  # noqa: PLW2901 - its first line
            at = _apart(text, cell, place, most)
        if at < 0:
            continue
        first = at if first < 0 else first
        place = at + len(cell)
        found += 1
    if 2 * found <= len(cells):
        return None
    return first, place


def _apart(text: str, cell: str, start: int, most: int) -> int:
    """Where a cell is next, not as a part of a word."""
    for _ in range(4):
        start = text.find(cell, start, most)
        if start < 0:
            return -1
        end = start + len(cell)
        if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
            return start
        start = end
    return -1
