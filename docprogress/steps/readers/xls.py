"""Read old Excel workbooks (.xls) with xlrd, sheet by sheet."""

import io
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from docprogress.documents import Document
from docprogress.errors import DocProgressError, Unreadable
from docprogress.settings import Settings
from docprogress.steps import ole
from docprogress.steps.encryption import INSTALL
from docprogress.steps.extraction import Extraction, Facts
from docprogress.steps.readers.ole_properties import note_properties
from docprogress.steps.sheets.asides import comment
from docprogress.steps.sheets.cells import ERRORS, CellFormats
from docprogress.steps.sheets.grid import Grid
from docprogress.steps.sheets.pages import Hidden, Sheet, extraction
from docprogress.steps.sheets.rows import Budget, Merge, Row, column_name

#: The types of cells that have content: text, number, date, boolean, error.
_CONTENT = range(1, 6)


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a workbook, a page for each sheet."""
    facts["engine"] = "xlrd"
    budget = Budget(document, settings)
    workbook = XlsWorkbook(document, budget, settings)
    try:
        note_properties(document.path, facts)
        return extraction(
            document, workbook, settings=settings, facts=facts, budget=budget
        )
    except BaseException:
        workbook.close()
        raise


class XlsWorkbook:
    """An old Excel workbook."""

    def __init__(self, document: Document, budget: Budget, settings: Settings) -> None:
        self._document = document
        self._budget = budget
        self._include_hidden = settings.include_hidden
        self._include_comments = settings.include_comments
        self._log = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        try:
            self._book = self._open()
        except BaseException:
            self._log.close()
            raise
        self._formats = self._cell_formats()
        self.hidden = Hidden()
        self.shown = self.pages = int(self._book.nsheets)

    def sheets(self) -> Iterator[Sheet]:
        for number in range(self._book.nsheets):
            try:
                sheet = self._book.sheet_by_index(number)
            except DocProgressError:
                raise
            except Exception as error:
                raise self._damaged(error) from error
            if sheet.visibility and not self._include_hidden:
                self.hidden.sheets += 1
            else:
                grid = self._grid(sheet)
                yield Sheet(
                    name=sheet.name,
                    rows=self._rows(sheet, grid),
                    merges=grid.merges,
                    asides=partial(self._comments, sheet, grid),
                )
            self._book.unload_sheet(number)

    def close(self) -> None:
        self._book.release_resources()
        self._log.close()

    def _open(self) -> Any:
        try:
            import olefile  # noqa: F401 - both come with the extra
            import xlrd
        except ImportError:
            raise Unreadable(
                f"{self._document.name}: an old Excel workbook (.xls), which needs "
                "xlrd; run `pip install 'docprogress[formats]'`, or save it as .xlsx"
            ) from None
        data = self._document.path.read_bytes()
        try:
            return xlrd.open_workbook(
                file_contents=_records(data),
                logfile=self._log,
                formatting_info=True,
                on_demand=True,
                ragged_rows=True,
            )
        except DocProgressError:
            raise
        except Exception as error:
            # Damaged files make xlrd raise errors of many kinds.
            if "encrypted" in str(error):
                raise Unreadable(
                    f"{self._document.name}: the workbook is encrypted and needs a "
                    f"password; {INSTALL}, or save it without one"
                ) from error
            raise self._damaged(error) from error

    def _cell_formats(self) -> CellFormats:
        formats = CellFormats()
        formats.since_1904 = self._book.datemode == 1
        for key, known in self._book.format_map.items():
            if key not in formats.codes:
                formats.codes[key] = known.format_str
        for style in self._book.xf_list:
            formats.add_style(style.format_key)
        return formats

    def _grid(self, sheet: Any) -> Grid:
        grid = Grid(self._budget, self.hidden, include_hidden=self._include_hidden)
        for column, known in sheet.colinfo_map.items():
            if known.hidden:
                grid.hide_columns(column, column)
        for top, bottom, left, right in sheet.merged_cells:
            grid.merge(Merge(top, left, bottom - 1, right - 1))
        return grid

    def _rows(self, sheet: Any, grid: Grid) -> Iterator[Row]:
        for number in range(sheet.nrows):
            known = sheet.rowinfo_map.get(number)
            grid.start_row(number, hidden=bool(known and known.hidden))
            types, values = sheet.row_types(number), sheet.row_values(number)
            self._budget.take_cells(len(types))
            for column, (kind, value) in enumerate(zip(types, values, strict=True)):
                if kind in _CONTENT and grid.shows(column):
                    style = sheet.cell_xf_index(number, column)
                    grid.add(column, self._shown(kind, value, style))
            grid.end_row()
            yield from grid.rows
            grid.rows.clear()

    def _comments(self, sheet: Any, grid: Grid) -> Iterator[str]:
        """The notes on cells that are shown."""
        notes = sheet.cell_note_map if self._include_comments else {}
        for (row, column), note in sorted(notes.items()):
            reference = f"{column_name(column)}{row + 1}"
            author = " ".join(str(note.author).split())[:200]
            shown = comment(reference, author, str(note.text))
            if shown and grid.shows_cell(reference):
                self._budget.take(len(shown))
                yield shown

    def _shown(self, kind: int, value: Any, style: int) -> str:
        match kind:
            case 1:  # text
                return self._formats.text(value, style)
            case 4:
                return "TRUE" if value else "FALSE"
            case 5:
                return ERRORS.get(value, "#ERROR!")
        return self._formats.number(value, style)

    def _damaged(self, error: Exception) -> Unreadable:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return Unreadable(
            f"{self._document.name}: an Excel workbook (.xls) that is damaged or cut "
            f"short ({reason}); save it again"
        )


def _records(data: bytes) -> bytes:
    """The workbook's records, which the oldest files consist of.

    xlrd would find them too, but follows a circular chain of sectors without end.
    """
    if not data.startswith(ole.SIGNATURE):
        return data
    import olefile

    with olefile.OleFileIO(io.BytesIO(data)) as file:
        name = "Workbook" if file.exists("Workbook") else "Book"
        with file.openstream(name) as stream:
            found: bytes = stream.read()
    return found
