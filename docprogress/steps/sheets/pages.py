"""Make pages of a workbook's sheets: one of each, or several of a large one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from docprogress.documents import Document, Page
from docprogress.errors import LimitExceeded
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts, check_pages
from docprogress.steps.sheets.rows import Budget, Merge, Row
from docprogress.steps.sheets.tables import (
    columns_of,
    fill_merged,
    markdown_of,
    tables,
    text_of,
)
from docprogress.steps.text import clean

#: A page ends after the row in which it reaches this number of characters, or of
#: cells, empty ones included.
PAGE_SIZE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet of a workbook."""

    name: str
    hidden: bool
    #: How the workbook finds it: a part's name, a number.
    key: str | int
    #: How many pages it probably makes.
    pages: int = 1


@dataclass(slots=True, kw_only=True)
class Rows:
    """A sheet's rows, which are read as they are taken."""

    rows: Iterator[Row]
    #: Its merged cells; complete after the last row.
    merges: list[Merge]


class Workbook(Protocol):
    """An open workbook."""

    sheets: list[Sheet]
    #: Rows and columns that were left out because they are hidden.
    hidden_rows: int
    hidden_columns: int

    def rows(self, sheet: Sheet) -> Rows:
        """The visible rows of a sheet."""

    def close(self) -> None: ...


def extraction(
    document: Document,
    workbook: Workbook,
    *,
    settings: Settings,
    facts: Facts,
    budget: Budget,
) -> Extraction:
    """The pages of a workbook's sheets.

    Raises:
        LimitExceeded: It has more sheets than the settings allow.
    """
    shown = [s for s in workbook.sheets if settings.include_hidden or not s.hidden]
    hidden = [s.name for s in workbook.sheets if s.hidden]
    check_pages(document, len(shown), settings, unit="sheet")
    facts["sheets"] = [sheet.name for sheet in shown]
    expected = sum(sheet.pages for sheet in shown)

    def pages() -> Iterator[Page]:
        number = 0
        empty = True
        for place, sheet in enumerate(shown):
            heading = sheet.name if len(shown) > 1 else None
            for page in _sheet_pages(sheet, workbook.rows(sheet), budget, heading):
                number += 1
                if number > settings.max_pages:
                    raise LimitExceeded(
                        f"{document.name}: its sheets make more than "
                        f"{settings.max_pages:,} pages, which is the limit (max_pages)"
                    )
                empty = empty and not page.text
                following = sum(one.pages for one in shown[place + 1 :])
                result.total = max(expected, number + following)
                yield _numbered(page, number)
            result.total = number + sum(one.pages for one in shown[place + 1 :])
        if empty:
            facts["note"] = "no text"
        _note_hidden(facts, workbook, [] if settings.include_hidden else hidden)

    result = Extraction(
        pages(), total=expected, facts=facts, unit="sheet", close=workbook.close
    )
    return result


def _numbered(page: Page, number: int) -> Page:
    return replace(page, number=number)


def _note_hidden(facts: Facts, workbook: Workbook, sheets: list[str]) -> None:
    left_out = []
    if sheets:
        left_out.append(plural(len(sheets), "hidden sheet"))
    if workbook.hidden_rows:
        left_out.append(plural(workbook.hidden_rows, "hidden row"))
    if workbook.hidden_columns:
        left_out.append(plural(workbook.hidden_columns, "hidden column"))
    if left_out:
        facts.setdefault("warnings", []).append(
            f"{', '.join(left_out)} left out (include_hidden)"
        )


def _sheet_pages(
    sheet: Sheet, source: Rows, budget: Budget, heading: str | None
) -> Iterator[Page]:
    """The pages of one sheet: at least one."""
    page = _PageBuilder(sheet.name, heading, source.merges)
    for row in source.rows:
        page.add(row)
        if page.full:
            yield page.build(budget.take)
            page = page.following()
    if page.rows or not page.continued:
        yield page.build(budget.take)


class _PageBuilder:
    """Collects the rows of a page."""

    def __init__(
        self,
        title: str,
        heading: str | None,
        merges: list[Merge],
        last: Row | None = None,
        header: Row | None = None,
    ) -> None:
        self._title = title
        self._heading = heading
        self._merges = merges
        # Of the page before: its last row, and the header of its last table.
        self._last = last
        self._header = header
        self._columns: set[int] = set()
        self._characters = 0
        self.rows: list[Row] = []

    @property
    def continued(self) -> bool:
        """Whether the sheet began on an earlier page."""
        return self._last is not None

    @property
    def full(self) -> bool:
        return (
            self._characters >= PAGE_SIZE
            or len(self.rows) * len(self._columns) >= PAGE_SIZE
        )

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self._columns.update(row.cells)
        self._characters += sum(map(len, row.cells.values()))

    def build(self, count: Callable[[int], None]) -> Page:
        """The page; its separators are counted, as its texts have been.

        The text has a merged cell once, and the Markdown in each row and column.
        """
        begun = self._heading is not None and bool(self.rows) and not self.continued
        texts = [str(self._heading)] * begun
        texts += [text_of(table, columns_of(table)) for table in tables(self.rows)]
        text = clean("\n\n".join(texts))
        count(max(0, len(text) - self._characters))
        fill_merged(self.rows, sorted(self._columns), self._merges)
        parts = [f"## {self._heading}"] * begun
        for table in tables(self.rows):
            header = self._header if self._continues(table[0]) else None
            columns = columns_of(table if header is None else [header, *table])
            parts.append(markdown_of(table, columns, header=header))
            self._header = header or table[0]
        return Page(
            number=1,
            text=text,
            title=self._title or None,
            markdown=clean("\n\n".join(parts)),
        )

    def following(self) -> "_PageBuilder":
        """The page after this one, which has been built."""
        return _PageBuilder(
            self._title, self._heading, self._merges, self.rows[-1], self._header
        )

    def _continues(self, row: Row) -> bool:
        """Whether a row belongs to the last table of the page before."""
        return (
            self._last is not None
            and row is self.rows[0]
            and row.position == self._last.position + 1
        )
