"""Which table of a page continues the last one of the previous page.

Two tables that only resemble each other stay two. Between the parts of one there is
nothing but running titles and page numbers, and their headers agree, or else their
columns of numbers.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from docprogress.documents import Page
from docprogress.structure.blocks import Block

#: Blocks between the two parts of a table, and the longest one, in characters.
MOST_BETWEEN = 6
LONGEST_BETWEEN = 200

#: Rows of a table that is put together.
MOST_ROWS = 50_000

#: Rows below a header by which a column is known to have numbers.
LEAST_ROWS = 2

Rows = tuple[tuple[str, ...], ...]

_NUMBER = re.compile(r"[-+(\u2212]?\s*[€$£¥]?\s*\d[\d.,'\s]*[%€$£¥)]?", re.ASCII)
_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|seite|página|pagina|strona|страница|p\.|s\.)\s*)?"
    r"\d+(?:\s*(?:/|of|von|de|di|z|из)\s*\d+)?\W*",
    re.IGNORECASE,
)
_CONTINUED = re.compile(
    r"\b(?:continued|cont'?d\.?|fortsetzung|forts\.|suite|continuación|continuação|"
    r"continua|ciąg dalszy|продолжение)",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """A table of a page, and its surroundings."""

    rows: Rows
    page: Page
    title: str | None
    #: All blocks of its page, once the next table is found.
    around: list[Block]
    #: The first blocks after it, with their pages, which may be the next ones.
    after: list[tuple[Block, int]]


def joined(found: Iterable[Found]) -> Iterator[Found]:
    """The tables; those that go on on the next page are one, on the first page."""
    whole: Found | None = None
    last: Found | None = None
    for table in found:
        rows = last and whole and _joined(whole.rows, last, table)
        if whole and rows:
            whole = whole._replace(rows=rows)
        else:
            if whole:
                yield whole
            whole = table
        last = table
    if whole:
        yield whole


def _joined(whole: Rows, first: Found, second: Found) -> Rows | None:
    """Both as one table, of which `first` is the last part so far; or None."""
    rows = second.rows
    if not _fits(whole, rows) or not _follows(first, second):
        return None
    if _plain(whole[0]) == _plain(rows[0]):
        return (*whole, *rows[1:])
    rest = rows if any(cell.strip() for cell in rows[0]) else rows[1:]
    says_so = any(_says_so(block) for block, _ in first.after)
    if rest and (says_so or _same_numbers(whole, rest[0])):
        return (*whole, *rest)
    return None


def _fits(whole: Rows, rows: Rows) -> bool:
    if not (whole and rows) or len(whole[0]) != len(rows[0]):
        return False
    return len(whole) + len(rows) <= MOST_ROWS


def _follows(first: Found, second: Found) -> bool:
    """Whether only content that is on every page is between two tables."""
    if second.page.number != first.page.number + 1 or len(first.after) > MOST_BETWEEN:
        return False
    pages = _running_titles(first), _running_titles(second)
    return all(
        len(block.text) <= LONGEST_BETWEEN
        and (
            _PAGE_NUMBER.fullmatch(block.text)
            or _says_so(block)
            or (
                block.kind == "text"
                and all(_forms(block, page) & titles for titles in pages)
            )
        )
        for block, page in first.after
    )


def _says_so(block: Block) -> bool:
    return block.kind == "text" and _CONTINUED.search(block.text) is not None


def _running_titles(table: Found) -> set[str]:
    page = table.page.number
    return set().union(
        *(
            _forms(each, page)
            for each in table.around
            if len(each.text) <= LONGEST_BETWEEN
        )
    )


def _same_numbers(first: Rows, row: Sequence[str]) -> bool:
    """Whether a row has numbers exactly where the rows of a table have them."""
    header, *others = first
    if len(others) < LEAST_ROWS:
        return False
    found = False
    for place, cell in enumerate(row):
        numbers = [_is_number(each[place]) for each in others if each[place].strip()]
        if not numbers or not cell.strip():
            continue
        if all(numbers) and not _is_number(header[place]):
            found = True
            if not _is_number(cell):
                return False
        elif not any(numbers) and _is_number(cell):
            return False
    return found


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell.strip()) is not None


def _plain(cells: Sequence[str]) -> list[str]:
    return [" ".join(cell.split()).casefold() for cell in cells]


def _forms(block: Block, page: int) -> set[str]:
    """A running title as it is, and without its page's number."""
    text = "".join(block.text.split()).casefold()
    # On the last page, its number is the number of pages as well.
    found = re.finditer(rf"(?<!\d){page}(?!\d)", text)
    return {text, *(f"{text[: each.start()]}#{text[each.end() :]}" for each in found)}
