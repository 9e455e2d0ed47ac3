"""Read Excel workbooks (.xlsx, .xlsm and templates) sheet by sheet.

A streaming parser keeps the visible cells that have content and nothing else, so that
neither a sheet's claimed size nor empty cells take memory.
"""

import re
from collections.abc import Callable, Iterator

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts
from docprogress.steps.readers import ooxml
from docprogress.steps.sheets.cells import CellFormats, SharedStrings, tidy
from docprogress.steps.sheets.excel import ExcelWorkbook, read_workbook
from docprogress.steps.sheets.grid import Grid
from docprogress.steps.sheets.rows import Budget, Row, cell_position, merge_of

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

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a workbook, a page for each sheet."""
    return read_workbook(XlsxWorkbook, document, settings, facts)


class XlsxWorkbook(ExcelWorkbook):
    """An Excel workbook in XML."""

    engine = "xlsx"
    main = r"(?i)xl/workbook\d*\.xml"
    bytes_per_page = 4 * 1024 * 1024

    def _listed(self, main: str) -> Iterator[tuple[str, bool, str]]:
        index = _Index(self._formats)
        self._package.parse(main, index)
        for title, hidden, relation in index.sheets:
            target = self._relations.get(relation)
            if target is not None and target.kind == _WORKSHEET:
                yield tidy(title), hidden, target.target

    def _rows(self, part: str, grid: Grid) -> Iterator[Row]:
        cells = _Cells(self._shared_strings(), self._formats, self._budget, grid)
        for _ in self._package.parse_lazily(part, cells):
            yield from grid.rows
            grid.rows.clear()

    def _read_strings(self, part: str, strings: SharedStrings) -> None:
        self._package.parse(part, _Texts(strings.add, self._budget))

    def _read_styles(self, part: str) -> None:
        self._package.parse(part, _Styles(self._formats))


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
        grid: Grid,
    ) -> None:
        self._strings = strings
        self._formats = formats
        self._budget = budget
        self._grid = grid
        self._column = -1
        self._type = ""
        self._style = 0
        self._pieces: list[str] = []
        self._collects = False
        self._phonetic = 0

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
                row = _number(attributes.get("r"), self._grid.row + 2) - 1
                self._grid.start_row(row, hidden=_is_hidden(attributes, "ht"))
                self._column = -1
            case "col" if _is_hidden(attributes, "width"):
                first = _number(attributes.get("min"), 1) - 1
                last = _number(attributes.get("max"), 0) - 1
                self._grid.hide_columns(first, last)
            case "mergeCell":
                self._grid.merge(merge_of(attributes.get("ref", "")))

    def end(self, name: str) -> None:
        match _ELEMENTS.get(name):
            case "v" | "t":
                self._collects = False
            case "c" if self._pieces:
                self._end_cell()
            case "rPh":
                self._phonetic -= 1
            case "row":
                self._grid.end_row()

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
        if self._grid.shows(self._column):
            self._grid.add(self._column, self._shown(raw), counted=len(raw))

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


def _is_hidden(attributes: dict[str, str], size: str) -> bool:
    """Whether a row or a column is hidden, or has no height or width."""
    return _true(attributes.get("hidden")) or attributes.get(size) == "0"


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
