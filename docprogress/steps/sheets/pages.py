"""Make pages of a workbook's sheets: one of each, or several of a large one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
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
from docprogress.structure import escaped

#: A page ends after the row in which it reaches this number of characters, or of
#: cells, empty ones included.
PAGE_SIZE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet whose rows are read as they are taken."""

    name: str
    rows: Iterator[Row]
    #: Its merged cells; complete after the last row.
    merges: list[Merge] = field(default_factory=list)
    #: How many pages it probably makes.
    pages: int = 1
    #: The texts besides its cells; asked for after the last row.
    asides: Callable[[], Iterable[str]] = tuple


@dataclass(slots=True)
class Hidden:
    """Hidden parts of a workbook that are left out."""

    sheets: int = 0
    rows: int = 0
    columns: int = 0

    def __str__(self) -> str:
        counted = ((self.sheets, "sheet"), (self.rows, "row"), (self.columns, "column"))
        return ", ".join(plural(n, f"hidden {what}") for n, what in counted if n)


class Workbook(Protocol):
    """An open workbook."""

    #: How many sheets it shows, as far as that is known.
    shown: int
    #: How many pages they probably make.
    pages: int
    #: What it does not show; complete after the last sheet.
    hidden: Hidden

    def sheets(self) -> Iterator[Sheet]:
        """Its visible sheets; one is read to its end before the next is taken."""

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
    check_pages(document, workbook.shown, settings, unit="sheet")

    def pages() -> Iterator[Page]:
        number = 0
        empty = True
        left = workbook.pages
        facts["sheets"] = []
        for sheet in workbook.sheets():
            facts["sheets"].append(sheet.name)
            left -= sheet.pages
            expected = number + sheet.pages
            for page in sheet_pages(sheet, budget, heading=workbook.shown > 1):
                number += 1
                page_limit(document, number, settings)
                empty = empty and not page.text
                result.total = max(number, expected) + max(left, 0)
                yield replace(page, number=number)
        if number == 0:
            number = 1
            yield Page(number=1, text="")
        result.total = number
        if empty:
            facts["note"] = "no text"
        if hidden := str(workbook.hidden):
            facts.setdefault("warnings", []).append(
                f"{hidden} left out (include_hidden)"
            )

    result = Extraction(
        pages(),
        total=max(workbook.pages, 1),
        facts=facts,
        unit="sheet",
        close=workbook.close,
    )
    return result


def page_limit(document: Document, number: int, settings: Settings) -> None:
    """Check that a page's number is within the limit.

    Raises:
        LimitExceeded: It is not.
    """
    if number > settings.max_pages:
        raise LimitExceeded(
            f"{document.name}: its sheets make more than {settings.max_pages:,} "
            "pages, which is the limit (max_pages)"
        )


def sheet_pages(sheet: Sheet, budget: Budget, *, heading: bool) -> Iterator[Page]:
    """The pages of one sheet: at least one."""
    page = _PageBuilder(sheet.name, sheet.name if heading else None, sheet.merges)
    for row in sheet.rows:
        page.add(row)
        if page.full:
            yield page.build(budget.take)
            page = page.following()
    page.asides = list(sheet.asides())
    if page.rows or page.asides or not page.continued:
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
        #: Texts besides the cells, whose characters were counted.
        self.asides: list[str] = []

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
        shown = bool(self.rows or self.asides)
        begun = self._heading is not None and shown and not self.continued
        self._characters += sum(map(len, self.asides))
        texts = [str(self._heading)] * begun
        texts += [text_of(table, columns_of(table)) for table in tables(self.rows)]
        text = clean("\n\n".join([*texts, *self.asides]))
        count(max(0, len(text) - self._characters))
        fill_merged(self.rows, sorted(self._columns), self._merges)
        parts = [f"## {escaped(self._heading or '')}"] * begun
        for table in tables(self.rows):
            header = self._header if self._continues(table[0]) else None
            columns = columns_of(table if header is None else [header, *table])
            parts.append(markdown_of(table, columns, header=header))
            self._header = header or table[0]
        parts += [escaped(aside).replace("\n", "  \n") for aside in self.asides]
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
