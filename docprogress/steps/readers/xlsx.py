"""Read Excel workbooks (.xlsx, .xlsm and templates) sheet by sheet.

A streaming parser keeps the visible cells that have content and nothing else, so that
neither a sheet's claimed size nor empty cells take memory.
"""

import re
from collections.abc import Callable, Iterator

from docprogress.documents import Document
from docprogress.errors import Unreadable
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts
from docprogress.steps.readers import ooxml
from docprogress.steps.sheets.cells import CellFormats, SharedStrings, tidy
from docprogress.steps.sheets.pages import Rows, Sheet, extraction
from docprogress.steps.sheets.rows import (
    LAST_COLUMN,
    Budget,
    Merge,
    Row,
    cell_position,
    merge_of,
)
from docprogress.steps.zipped_xml import ZippedXml

_SPREADSHEET = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
_ELEMENTS = ooxml.elements(
    (
        _SPREADSHEET,
        "sheet workbookPr numFmt cellXfs xf si t rPh row c v is f col mergeCell",
    )
)
_WORKSHEET = "worksheet"

#: Bytes of a sheet's XML that make about one page.
BYTES_PER_PAGE = 4 * 1024 * 1024

#: The most merged cells of a sheet that are known.
MAX_MERGES = 10_000

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a workbook, a page for each sheet."""
    package = ZippedXml(
        document.name,
        document.path,
        what="an Excel workbook",
        max_characters=settings.max_characters,
    )
    facts["engine"] = "xlsx"
    budget = Budget(document, settings)
    try:
        workbook = XlsxWorkbook(
            package, budget, include_hidden=settings.include_hidden, name=document.name
        )
        ooxml.read_properties(package, facts)
        return extraction(
            document, workbook, settings=settings, facts=facts, budget=budget
        )
    except BaseException:
        package.close()
        raise


class XlsxWorkbook:
    """An Excel workbook in XML."""

    def __init__(
        self, package: ZippedXml, budget: Budget, *, include_hidden: bool, name: str
    ) -> None:
        self._package = package
        self._budget = budget
        self._include_hidden = include_hidden
        self.hidden_rows = self.hidden_columns = 0
        main = ooxml.main_part(package, r"(?i)xl/workbook\d*\.xml")
        if main is None:
            raise Unreadable(
                f"{name}: an Excel workbook that is damaged: its list of sheets is "
                "missing; save it again"
            )
        self._relations = ooxml.relations(package, main)
        self._formats = CellFormats()
        index = _Index(self._formats)
        package.parse(main, index)
        self.sheets = [
            Sheet(
                name=tidy(title),
                hidden=hidden,
                key=part,
                pages=1 + package.size(part) // BYTES_PER_PAGE,
            )
            for title, hidden, part in self._worksheets(index)
        ]
        self._strings: SharedStrings | None = None

    def rows(self, sheet: Sheet) -> Rows:
        merges: list[Merge] = []
        return Rows(rows=self._rows(str(sheet.key), merges), merges=merges)

    def close(self) -> None:
        self._package.close()

    def _rows(self, part: str, merges: list[Merge]) -> Iterator[Row]:
        strings = self._shared_strings()
        cells = _Cells(
            strings,
            self._formats,
            self._budget,
            merges,
            include_hidden=self._include_hidden,
        )
        for _ in self._package.parse_lazily(part, cells):
            yield from cells.rows
            cells.rows.clear()
        self.hidden_rows += cells.hidden_rows
        self.hidden_columns += cells.hidden_columns_used

    def _worksheets(self, index: "_Index") -> Iterator[tuple[str, bool, str]]:
        for title, hidden, relation in index.sheets:
            target = self._relations.get(relation)
            if target is not None and target.kind == _WORKSHEET:
                yield title, hidden, target.target

    def _shared_strings(self) -> SharedStrings:
        """The shared texts and the formats of cells, which are read once."""
        if self._strings is None:
            self._strings = SharedStrings(self._budget)
            texts = _Texts(self._strings.add, self._budget)
            for relation in self._relations.values():
                if relation.kind == "sharedStrings":
                    self._package.parse(relation.target, texts)
                elif relation.kind == "styles":
                    self._package.parse(relation.target, _Styles(self._formats))
        return self._strings


class _Index:
    """The sheets of a workbook."""

    def __init__(self, formats: CellFormats) -> None:
        self._formats = formats
        self.sheets: list[tuple[str, bool, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match _ELEMENTS.get(name):
            case "sheet":
                hidden = attributes.get("state", "visible") != "visible"
                title = attributes.get("name", "")
                self.sheets.append((title, hidden, ooxml.relation(attributes)))
            case "workbookPr":
                self._formats.since_1904 = _true(attributes.get("date1904"))

    def end(self, _: str) -> None: ...
    def characters(self, _: str) -> None: ...


class _Styles:
    """The number formats of cells."""

    def __init__(self, formats: CellFormats) -> None:
        self._formats = formats
        self._inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match _ELEMENTS.get(name):
            case "numFmt":
                number = _number(attributes.get("numFmtId"), 0)
                self._formats.codes[number] = attributes.get("formatCode", "General")
            case "cellXfs":
                self._inside = True
            case "xf" if self._inside:
                self._formats.add_style(_number(attributes.get("numFmtId"), 0))

    def end(self, name: str) -> None:
        if _ELEMENTS.get(name) == "cellXfs":
            self._inside = False

    def characters(self, _: str) -> None: ...


class _Texts:
    """The shared texts, without the readings of East Asian ones."""

    def __init__(self, add: Callable[[str], None], budget: Budget) -> None:
        self._add = add
        self._count = budget.copy().take
        self._pieces: list[str] = []
        self._inside = False
        self._phonetic = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        match _ELEMENTS.get(name):
            case "t":
                self._inside = not self._phonetic
            case "rPh":
                self._phonetic += 1

    def end(self, name: str) -> None:
        match _ELEMENTS.get(name):
            case "si":
                self._add(_unescaped("".join(self._pieces)))
                self._pieces.clear()
            case "t":
                self._inside = False
            case "rPh":
                self._phonetic -= 1

    def characters(self, data: str) -> None:
        if self._inside:
            self._count(len(data))
            self._pieces.append(data)


class _Cells:
    """The visible cells of a sheet that have content."""

    def __init__(
        self,
        strings: SharedStrings,
        formats: CellFormats,
        budget: Budget,
        merges: list[Merge],
        *,
        include_hidden: bool,
    ) -> None:
        self._strings = strings
        self._formats = formats
        self._budget = budget
        self._merges = merges
        self._include_hidden = include_hidden
        self._hidden_columns = bytearray(LAST_COLUMN + 1)
        self._used_hidden: set[int] = set()
        self._row = self._column = -1
        self._row_hidden = False
        self._cells: dict[int, str] = {}
        self._hidden_cells = 0
        self._type = ""
        self._style = 0
        self._pieces: list[str] = []
        self._collects = False
        self._phonetic = 0
        self.rows: list[Row] = []
        self.hidden_rows = 0
        self._skipped = 0

    @property
    def hidden_columns_used(self) -> int:
        """Hidden columns with content."""
        return len(self._used_hidden)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match _ELEMENTS.get(name):
            case "c":
                self._start_cell(attributes)
            case "v":
                self._collects = True
            case "t":
                self._collects = self._type == "inlineStr" and not self._phonetic
            case "rPh":
                self._phonetic += 1
            case "row":
                self._row = _number(attributes.get("r"), self._row + 2) - 1
                self._column = -1
                self._cells = {}
                hidden = _true(attributes.get("hidden")) or attributes.get("ht") == "0"
                self._row_hidden = hidden and not self._include_hidden
                self._hidden_cells = 0
            case "col" if not self._include_hidden:
                if _true(attributes.get("hidden")) or attributes.get("width") == "0":
                    first = max(_number(attributes.get("min"), 1) - 1, 0)
                    last = min(_number(attributes.get("max"), 0), LAST_COLUMN + 1)
                    self._hidden_columns[first:last] = b"\1" * (last - first)
            case "mergeCell" if len(self._merges) < MAX_MERGES:
                if merge := merge_of(attributes.get("ref", "")):
                    self._merges.append(merge)

    def end(self, name: str) -> None:
        match _ELEMENTS.get(name):
            case "v" | "t":
                self._collects = False
            case "c" if self._pieces:
                self._end_cell()
            case "rPh":
                self._phonetic -= 1
            case "row":
                self._end_row()

    def characters(self, data: str) -> None:
        if self._collects:
            self._budget.take(len(data))
            self._pieces.append(data)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._budget.take_cells(1)
        position = cell_position(attributes.get("r", ""))
        self._column = self._column + 1 if position is None else position[1]
        self._type = attributes.get("t", "n")
        self._style = _number(attributes.get("s"), 0)
        self._pieces.clear()

    def _end_cell(self) -> None:
        raw = "".join(self._pieces)
        self._pieces.clear()
        if not 0 <= self._column <= LAST_COLUMN:
            return
        if self._row_hidden:
            self._hidden_cells += 1
            return
        if self._hidden_columns[self._column]:
            self._used_hidden.add(self._column)
            return
        text = tidy(self._shown(raw))
        if text:
            self._budget.take(max(0, len(text) - len(raw)))
            self._cells[self._column] = text

    def _shown(self, raw: str) -> str:
        match self._type:
            case "s":
                text = self._strings[_number(raw, -1)]
                return self._formats.text(text, self._style)
            case "str" | "inlineStr":
                return self._formats.text(_unescaped(raw), self._style)
            case "b":
                return "TRUE" if raw.strip() == "1" else "FALSE"
            case "e" | "d":
                return raw
        try:
            value = float(raw)
        except ValueError:
            return raw
        return self._formats.number(value, self._style)

    def _end_row(self) -> None:
        if self._row_hidden:
            self._skipped += 1
            self.hidden_rows += self._hidden_cells > 0
        elif self._cells:
            self.rows.append(Row(self._row, self._row - self._skipped, self._cells))
        self._cells = {}


def _unescaped(text: str) -> str:
    """Text with the characters that XML cannot contain, such as `_x000D_`."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _number(value: str | None, otherwise: int) -> int:
    try:
        return int(value) if value is not None and len(value) < 12 else otherwise  # noqa: PLR2004
    except ValueError:
        return otherwise


def _true(value: str | None) -> bool:
    return value in ("1", "true", "on")
