"""Read binary Excel workbooks (.xlsb) sheet by sheet.

Their parts are sequences of records ([MS-XLSB]), which are read as they come, so that
only visible cells with content take memory.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from docprogress.documents import Document
from docprogress.errors import Unreadable
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts
from docprogress.steps.readers import ooxml
from docprogress.steps.sheets.asides import comment
from docprogress.steps.sheets.cells import ERRORS, CellFormats, SharedStrings
from docprogress.steps.sheets.excel import ExcelWorkbook, read_workbook
from docprogress.steps.sheets.grid import Grid
from docprogress.steps.sheets.rows import LAST_COLUMN, Budget, Merge, Row, column_name

#: The largest record; a cell has at most 32,767 characters.
MAX_RECORD = 1024 * 1024

# Types of records.
_ROW, _BLANK, _SHARED_ITEM, _FORMAT, _STYLE, _COLUMNS = 0, 1, 19, 44, 47, 60
_COMMENT_AUTHOR, _COMMENT, _COMMENT_TEXT = 632, 635, 637
_WORKBOOK, _SHEET, _MERGE, _STYLES_BEGIN, _STYLES_END = 153, 156, 176, 617, 618

#: What follows the header of a cell, by the type of its record.
_VALUES = {
    2: "compressed",
    3: "error",
    4: "boolean",
    5: "number",
    6: "text",
    7: "shared",
    8: "text",
    9: "number",
    10: "boolean",
    11: "error",
    62: "rich",
}

_ROW_HIDDEN = 0x10

#: Bytes before a cell's value: its column and its style.
_CELL_HEADER = 8


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a workbook, a page for each sheet."""
    return read_workbook(XlsbWorkbook, document, settings, facts)


class XlsbWorkbook(ExcelWorkbook):
    """An Excel workbook in records."""

    engine = "xlsb"
    main = r"(?i)xl/workbook\d*\.bin"
    bytes_per_page = 2 * 1024 * 1024

    def _listed(self, main: str) -> Iterator[tuple[str, bool, str]]:
        with self._intact():
            for kind, record in self._records(main):
                if kind == _WORKBOOK:
                    self._formats.since_1904 = bool(record[0] & 1)
                elif kind == _SHEET:
                    (state,) = struct.unpack_from("<I", record)
                    for start in (8, 12):  # the first versions of Excel 2007 use 12
                        relation, place = _string(record, start)
                        target = self._relations.get(relation)
                        if target is not None and target.kind == "worksheet":
                            name, _ = _string(record, place)
                            yield name, bool(state & 3), target.target
                            break

    def _rows(self, part: str, grid: Grid) -> Iterator[Row]:
        with self._intact():
            cells = _Cells(self._shared_strings(), self._formats, self._budget, grid)
            for kind, record in self._records(part):
                cells.add(kind, record)
                if grid.rows:
                    yield from grid.rows
                    grid.rows.clear()
        cells.end()
        yield from grid.rows

    def _read_strings(self, part: str, strings: SharedStrings) -> None:
        for kind, record in self._records(part):
            if kind == _SHARED_ITEM:
                strings.add(_string(record, 1)[0])

    def _read_styles(self, part: str) -> None:
        inside = False
        for kind, record in self._records(part):
            if kind in (_STYLES_BEGIN, _STYLES_END):
                inside = kind == _STYLES_BEGIN
            elif kind == _FORMAT:
                (number,) = struct.unpack_from("<H", record)
                self._formats.codes[number] = _string(record, 2)[0]
            elif kind == _STYLE and inside:
                self._formats.add_style(struct.unpack_from("<H", record, 2)[0])

    def _asides(self, part: str, grid: Grid) -> Iterator[str]:
        yield from super()._asides(part, grid)
        related = ooxml.relations(self._package, part) if self._comments else {}
        for found in related.values():
            if found.kind == "comments" and found.target.endswith(".bin"):
                # Damaged ones cost no cell.
                with suppress(Unreadable, struct.error, IndexError):
                    yield from self._comments_in(found.target, grid)

    def _comments_in(self, part: str, grid: Grid) -> Iterator[str]:
        authors: list[str] = []
        author, row, column = "", 0, 0
        for kind, record in self._records(part):
            if kind == _COMMENT_AUTHOR:
                authors.append(_string(record, 0)[0][:200])
            elif kind == _COMMENT:
                number, row, _, column = struct.unpack_from("<4I", record)
                author = "".join(authors[number : number + 1])
            elif kind == _COMMENT_TEXT:
                place = f"{column_name(min(column, LAST_COLUMN))}{row + 1}"
                shown = comment(place, author, _string(record, 1)[0])
                if shown and grid.shows_cell(place):
                    self._budget.take(len(shown))
                    yield shown

    def _records(self, part: str) -> Iterator[tuple[int, bytes]]:
        """The records of a part: their types and their bytes."""
        if part not in self._package.names:
            return
        left = b""
        for block in self._package.blocks(part):
            data, place = left + block, 0
            while (head := _head(data, place)) is not None:
                kind, begin, end = head
                if end - begin > MAX_RECORD:
                    raise self._damaged(f"a record of {end - begin:,} bytes")
                if end > len(data):
                    break
                yield kind, data[begin:end]
                place = end
            left = data[place:]

    @contextmanager
    def _intact(self) -> Iterator[None]:
        """Translate the errors of damaged records."""
        try:
            yield
        except (struct.error, IndexError) as error:
            raise self._damaged(error) from error


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

    def add(self, kind: int, record: bytes) -> None:
        """Take the next record.

        Raises:
            struct.error: It is too short.
        """
        if kind == _ROW:
            self.end()
            (number,) = struct.unpack_from("<I", record)
            self._grid.start_row(number, hidden=bool(record[11] & _ROW_HIDDEN))
        elif kind == _BLANK:
            self._budget.take_cells(1)
        elif kind in _VALUES:
            self._budget.take_cells(1)
            column, style = struct.unpack_from("<II", record)
            if self._grid.shows(column):
                text = self._shown(_VALUES[kind], record, style & 0xFFFFFF)
                self._grid.add(column, text)
        elif kind == _COLUMNS:
            first, last = struct.unpack_from("<II", record)
            (flags,) = struct.unpack_from("<H", record, 16)
            if flags & 1:
                self._grid.hide_columns(first, last)
        elif kind == _MERGE:
            top, bottom, left, right = struct.unpack_from("<IIII", record)
            self._grid.merge(Merge(top, left, bottom, right))

    def end(self) -> None:
        """End the last row."""
        if self._grid.row >= 0:
            self._grid.end_row()

    def _shown(self, value: str, record: bytes, style: int) -> str:
        """The displayed text of a cell, by the kind of its value."""
        match value:
            case "number":
                (number,) = struct.unpack_from("<d", record, _CELL_HEADER)
                return self._formats.number(number, style)
            case "compressed":
                return self._formats.number(_compressed(record), style)
            case "boolean":
                return "TRUE" if record[_CELL_HEADER] else "FALSE"
            case "error":
                return ERRORS.get(record[_CELL_HEADER], "#ERROR!")
            case "shared":
                (place,) = struct.unpack_from("<I", record, _CELL_HEADER)
                text = self._strings[place]
            case _:
                text, _ = _string(record, _CELL_HEADER + (value == "rich"))
        return self._formats.text(text, style)


def _compressed(record: bytes) -> float:
    """A number in four bytes: an integer or half of a float, perhaps times 100."""
    (bits,) = struct.unpack_from("<i", record, _CELL_HEADER)
    if bits & 2:
        value = float(bits >> 2)
    else:
        (value,) = struct.unpack("<d", struct.pack("<q", (bits & ~3) << 32))
    return value / 100 if bits & 1 else value


def _head(data: bytes, place: int) -> tuple[int, int, int] | None:
    """A record's type, and the beginning and end of its bytes; None if cut off."""
    kind = size = 0
    for index in range(2):
        if place >= len(data):
            return None
        byte = data[place]
        place += 1
        kind |= (byte & 0x7F) << 7 * index
        if byte < 0x80:  # noqa: PLR2004
            break
    for index in range(4):
        if place >= len(data):
            return None
        byte = data[place]
        place += 1
        size |= (byte & 0x7F) << 7 * index
        if byte < 0x80:  # noqa: PLR2004
            break
    return kind, place, place + size


def _string(record: bytes, place: int) -> tuple[str, int]:
    """A text in UTF-16 after its length, and where it ends."""
    (length,) = struct.unpack_from("<I", record, place)
    end = place + 4 + 2 * length
    if length in (0, 0xFFFFFFFF):
        return "", place + 4
    if end > len(record):
        raise struct.error("a text that is cut off")
    return record[place + 4 : end].decode("utf-16-le", "replace"), end
