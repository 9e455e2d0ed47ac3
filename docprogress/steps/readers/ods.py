"""Read OpenDocument spreadsheets (.ods) sheet by sheet.

All sheets are in one part, which is read once. Repeated rows and cells are repeated
only where they have content.
"""

from collections.abc import Iterator
from functools import partial

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts
from docprogress.steps.readers.ods_asides import SHAPES, Aside, chart_titles
from docprogress.steps.readers.opendocument import (
    META,
    OFFICE,
    STYLE,
    TABLE,
    TEXT,
    check_password,
    read_properties,
)
from docprogress.steps.sheets.grid import Grid
from docprogress.steps.sheets.number_formats import number_format
from docprogress.steps.sheets.pages import Hidden, Sheet, extraction
from docprogress.steps.sheets.rows import (
    LAST_COLUMN,
    LAST_ROW,
    Budget,
    Merge,
    Row,
    column_name,
)
from docprogress.steps.zipped_xml import ZippedXml

_ELEMENTS = {
    f"{TABLE} table": "table",
    f"{TABLE} table-column": "column",
    f"{TABLE} table-row": "row",
    f"{TABLE} table-cell": "cell",
    f"{TABLE} covered-table-cell": "cell",
    f"{TEXT} p": "paragraph",
    f"{TEXT} h": "paragraph",
    f"{TEXT} s": "spaces",
    f"{TEXT} tab": "tab",
    f"{TEXT} line-break": "break",
    f"{STYLE} style": "style",
    f"{STYLE} table-properties": "properties",
    f"{OFFICE} annotation": "comment",
    f"{TABLE} shapes": "shapes",
    **dict.fromkeys(SHAPES, "shape"),
    **dict.fromkeys(
        (
            f"{TABLE} tracked-changes",
            f"{OFFICE} dde-source",
            f"{TEXT} ruby-text",
        ),
        "skipped",
    ),
}
#: Elements that are not part of a cell's text.
_APART = ("skipped", "comment", "shapes", "shape")
_NAME = f"{TABLE} name"
_STYLE = f"{TABLE} style-name"
_VISIBILITY = f"{TABLE} visibility"
_HIDDEN = ("collapse", "filter")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a spreadsheet, a page for each sheet."""
    package = ZippedXml(
        document.name,
        document.path,
        what="an OpenDocument spreadsheet",
        max_characters=settings.max_characters,
        facts=facts,
    )
    facts["engine"] = "ods"
    budget = Budget(document, settings)
    try:
        check_password(package, document.name)
        statistics = read_properties(package, facts)
        tables = _count(statistics.get(f"{META} table-count"), settings.max_pages)
        workbook = OdsWorkbook(package, budget, settings, tables=tables)
        return extraction(
            document, workbook, settings=settings, facts=facts, budget=budget
        )
    except BaseException:
        package.close()
        raise


class OdsWorkbook:
    """An OpenDocument spreadsheet.

    Args:
        package: The open file.
        budget: The limits.
        settings: The settings of reading.
        tables: How many sheets its properties declare.
    """

    def __init__(
        self, package: ZippedXml, budget: Budget, settings: Settings, *, tables: int
    ) -> None:
        self._package = package
        self._budget = budget
        self._settings = settings
        self.hidden = Hidden()
        self.shown = self.pages = tables

    def sheets(self) -> Iterator[Sheet]:
        found = self._found()
        following: list[Grid] = []

        def rows() -> Iterator[Row]:
            for item in found:
                if isinstance(item, Grid):
                    following.append(item)
                    return
                yield item

        for _ in rows():
            pass  # the content before the first sheet has none
        while following:
            grid = following.pop()
            yield Sheet(
                name=grid.name,
                rows=rows(),
                merges=grid.merges,
                asides=partial(self._asides, grid),
            )

    def close(self) -> None:
        self._package.close()

    def _asides(self, grid: Grid) -> Iterator[str]:
        yield from grid.asides
        yield from chart_titles(self._package, grid.objects, self._budget)
        yield from grid.comments

    def _found(self) -> Iterator[Grid | Row]:
        """Each sheet, followed by its rows."""
        content = _Content(self._budget, self.hidden, self._settings)
        for _ in self._package.parse_lazily("content.xml", content):
            for item, repeat in content.found:
                if isinstance(item, Grid):
                    yield item
                    continue
                yield item
                for number in range(1, repeat):
                    yield Row(
                        item.number + number, item.position + number, dict(item.cells)
                    )
            content.found.clear()


class _Content:
    """The sheets and their visible rows with content."""

    def __init__(self, budget: Budget, hidden: Hidden, settings: Settings) -> None:
        self._budget = budget
        self._hidden = hidden
        self._include_hidden = settings.include_hidden
        self._include_comments = settings.include_comments
        self._aside: Aside | None = None
        self._invisible: set[str] = set()
        self._style = ""
        self._grid: Grid | None = None
        self._depth = 0
        self._skipped = 0
        self._next_column = self._next_row = 0
        self._repeat = 1
        self._column = self._columns = 0
        self._attributes: dict[str, str] = {}
        self._pieces: list[str] | None = None
        self._paragraphs = 0
        #: Sheets and rows, and how often each row is repeated.
        self.found: list[tuple[Grid | Row, int]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = _ELEMENTS.get(name)
        if self._skipped or kind in _APART:
            self._start_apart(kind, name, attributes)
            return
        if kind == "style":
            self._style = attributes.get(f"{STYLE} name", "")
        elif kind == "properties" and attributes.get(f"{TABLE} display") == "false":
            self._invisible.add(self._style)
        elif kind == "table":
            self._depth += 1
            if self._depth == 1:
                self._start_table(attributes)
        elif self._grid is not None and self._depth == 1:
            self._start_inside(kind, attributes)

    def end(self, name: str) -> None:
        if self._skipped:
            self._end_apart(name)
            return
        match _ELEMENTS.get(name):
            case "table":
                self._depth -= 1
                if not self._depth:
                    self._grid = None
            case "cell" if self._grid is not None and self._depth == 1:
                self._end_cell(self._grid)
            case "row" if self._grid is not None and self._depth == 1:
                self._end_row(self._grid)

    def _start_apart(
        self, kind: str | None, name: str, attributes: dict[str, str]
    ) -> None:
        """Begin what is no part of a cell, or go on inside of it."""
        if not self._skipped and self._shows(kind):
            self._aside = Aside(self._budget)
        self._skipped += 1
        if self._aside is not None:
            self._aside.start(name, attributes)

    def _shows(self, kind: str | None) -> bool:
        """Whether a shape, or the comment on the cell that is read, is shown."""
        if self._grid is None or self._depth != 1 or kind == "skipped":
            return False
        if kind == "comment":
            return self._include_comments and self._grid.shows(self._column)
        return kind == "shapes" or self._grid.shows(self._column)

    def _end_apart(self, name: str) -> None:
        self._skipped -= 1
        aside, grid = self._aside, self._grid
        if aside is None or grid is None:
            return
        aside.end(name)
        kind = _ELEMENTS.get(name)
        if kind in ("shape", "shapes") and self._skipped <= 1:
            # Those of `table:shapes` one by one.
            if aside.text:
                grid.asides.append(aside.text)
            grid.objects += aside.objects
            self._aside = Aside(self._budget) if self._skipped else None
        elif not self._skipped:
            if aside.text:
                place = f"{column_name(self._column)}{grid.row + 1}"
                text = " ".join(aside.text.split())
                grid.comments.append(f"[{place}] {aside.author or 'Comment'}: {text}")
            self._aside = None

    def characters(self, data: str) -> None:
        if self._aside is not None:
            self._aside.characters(data)
        elif self._pieces is not None and self._paragraphs and not self._skipped:
            self._write(data)

    def _start_table(self, attributes: dict[str, str]) -> None:
        hidden = attributes.get(_STYLE, "") in self._invisible
        if hidden and not self._include_hidden:
            self._hidden.sheets += 1
            self._grid = None
            return
        self._grid = Grid(
            self._budget,
            self._hidden,
            include_hidden=self._include_hidden,
            name=attributes.get(_NAME, ""),
        )
        self._next_column = self._next_row = 0
        self.found.append((self._grid, 1))

    def _start_inside(self, kind: str | None, attributes: dict[str, str]) -> None:
        assert self._grid is not None
        match kind:
            case "column":
                count = _repeated(attributes, "columns", LAST_COLUMN + 1)
                if attributes.get(_VISIBILITY) in _HIDDEN:
                    first = self._next_column
                    self._grid.hide_columns(first, first + count - 1)
                self._next_column = min(self._next_column + count, LAST_COLUMN + 1)
            case "row":
                self._repeat = _repeated(attributes, "rows", LAST_ROW + 1)
                hidden = attributes.get(_VISIBILITY) in _HIDDEN
                self._grid.start_row(self._next_row, hidden=hidden)
                self._column = 0
            case "cell":
                self._budget.take_cells(1)
                self._columns = _repeated(attributes, "columns", LAST_COLUMN + 1)
                self._attributes = attributes
                self._pieces, self._paragraphs = [], 0
            case "paragraph" if self._pieces is not None:
                if self._paragraphs:
                    self._write("\n")
                self._paragraphs += 1
            case "spaces":
                self._write(" " * _count(attributes.get(f"{TEXT} c"), 1000))
            case "tab":
                self._write(" ")
            case "break":
                self._write("\n")

    def _write(self, text: str) -> None:
        if self._pieces is not None:
            self._budget.take(len(text))
            self._pieces.append(text)

    def _end_cell(self, grid: Grid) -> None:
        text = "".join(self._pieces or ())
        counted = len(text)
        self._pieces = None
        if not text.strip():
            text = _value(self._attributes)
        if text:
            self._merge(grid)
            for column in range(self._column, self._column + self._columns):
                if grid.shows(column):
                    grid.add(column, text, counted=counted)
                counted = 0
        self._column += self._columns

    def _merge(self, grid: Grid) -> None:
        wide = _count(self._attributes.get(f"{TABLE} number-columns-spanned"), 16384)
        high = _count(self._attributes.get(f"{TABLE} number-rows-spanned"), 1 << 20)
        if wide > 1 or high > 1:
            top, left = grid.row, self._column
            grid.merge(Merge(top, left, top + high - 1, left + wide - 1))

    def _end_row(self, grid: Grid) -> None:
        grid.end_row(self._repeat)
        for row in grid.rows:
            if self._repeat > 1:
                size = sum(map(len, row.cells.values()))
                self._budget.take(size * (self._repeat - 1))
                self._budget.take_cells(len(row.cells) * (self._repeat - 1))
            self.found.append((row, self._repeat))
        grid.rows.clear()
        self._next_row += self._repeat


def _value(attributes: dict[str, str]) -> str:
    """The displayed text of a cell without text, by its value."""
    for name in ("string-value", "date-value"):
        if value := attributes.get(f"{OFFICE} {name}"):
            return value
    if value := attributes.get(f"{OFFICE} boolean-value"):
        return value.upper()
    try:
        number = float(attributes.get(f"{OFFICE} value", ""))
    except ValueError:
        return ""
    match attributes.get(f"{OFFICE} value-type"):
        case "percentage":
            return number_format("0.##%").show(number).replace(".%", "%")
        case "currency":
            currency = attributes.get(f"{OFFICE} currency", "")
            return f"{number_format('#,##0.00').show(number)} {currency}".strip()
    return number_format("General").show(number)


def _repeated(attributes: dict[str, str], what: str, most: int) -> int:
    return _count(attributes.get(f"{TABLE} number-{what}-repeated"), most)


def _count(value: str | None, most: int) -> int:
    """A count from 1 to `most`."""
    if value is None or not value.isascii() or not value.isdigit():
        return 1
    return most if len(value) > 9 else max(1, min(int(value), most))  # noqa: PLR2004
