"""PDFs that are open in PDFium."""

import os
import threading
from collections.abc import Sequence
from ctypes import c_ushort
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
from pypdfium2 import raw as pdfium

from docprogress.steps.ocr import drawing
from docprogress.steps.readers.pdf_hidden import is_scan
from docprogress.steps.readers.pdf_layouts import LayoutReader
from docprogress.steps.readers.pdf_lines import MOST_CHARACTERS, Layout
from docprogress.steps.readers.pdf_outline import Outline, read_outline
from docprogress.steps.readers.pdf_page import (
    DAMAGED,
    ENCRYPTED,
    NO_PAGES,
    UNKNOWN_CIPHER,
    PageText,
)
from docprogress.steps.readers.pdf_page_reader import PageReader
from docprogress.steps.readers.pdf_second_opinion import SecondOpinion
from docprogress.steps.text import TooLong

if TYPE_CHECKING:
    from docprogress.steps.ocr.engine import Picture

# PDFium is not thread-safe, not even with separate documents. Reentrant, because
# garbage collection may close a document in a thread that holds the lock.
PDFIUM = threading.RLock()

#: The maximum number of bytes of a language's name.
MOST_LANGUAGE = 200


class RejectedByPdfium(Exception):  # noqa: N818 - reads as a fact
    """Raised when PDFium cannot open a file."""

    def __init__(self, name: str, code: int) -> None:
        #: Whether it needs a password.
        self.locked = code == pdfium.FPDF_ERR_PASSWORD
        messages = {
            pdfium.FPDF_ERR_SUCCESS: NO_PAGES,
            pdfium.FPDF_ERR_PASSWORD: ENCRYPTED,
            pdfium.FPDF_ERR_SECURITY: UNKNOWN_CIPHER,
        }
        super().__init__(f"{name}: {messages.get(code, DAMAGED)}")


class PdfiumDocument:
    """A PDF that is open in PDFium."""

    engine = "pdfium"

    def __init__(self, name: str, path: Path, *, passwords: Sequence[str] = ()) -> None:
        self._second = SecondOpinion(name, path, passwords)
        # Pages that were read before their turn, and whether they are unmapped.
        self._ahead: dict[int, tuple[PageText, bool]] = {}
        with PDFIUM:
            self._pdf = pypdfium2.PdfDocument(_open(name, path, passwords))
            self._reader = PageReader(self._pdf)
            self._pages = len(self._pdf)
            if not self._pages:
                self._pdf.close()
                raise RejectedByPdfium(name, pdfium.FPDF_ERR_SUCCESS)

    def __len__(self) -> int:
        return self._pages

    def metadata(self, name: str) -> str:
        with PDFIUM:
            return str(self._pdf.get_metadata_value(name))

    @property
    def language(self) -> str:
        with PDFIUM:
            size = pdfium.FPDFCatalog_GetLanguage(self._pdf, None, 0)
            if size > MOST_LANGUAGE:
                return ""
            buffer = (c_ushort * (size // 2 + 1))()
            pdfium.FPDFCatalog_GetLanguage(self._pdf, buffer, size)
            return bytes(buffer).decode("utf-16-le", "ignore").strip("\0")

    def page(self, index: int, *, most: int) -> PageText | None:
        if index in self._ahead:
            found, self._reader.unmapped = self._ahead.pop(index)
            if len(found.text) > most:
                raise TooLong
        else:
            read = self._read(index, most)
            if read is None:
                return None
            found = read
        return self._second.improve(found, index, most)

    def _read(self, index: int, most: int) -> PageText | None:
        # The raw API, because pypdfium2's objects, three for each page with finalizers,
        # cost 5 % of the time.
        with PDFIUM:
            page = pdfium.FPDF_LoadPage(self._pdf, index)
            if not page:
                return None
            try:
                return self._reader.read(page, most)
            finally:
                pdfium.FPDF_ClosePage(page)

    def keep_layouts(self) -> None:
        """Keep the layouts of pages."""
        self._reader.layouts = LayoutReader(self._pdf)

    def layout(self, index: int) -> tuple[Layout | None, str]:
        """Where the lines of a page are, and its text.

        The page is kept until it is asked for.
        """
        unmapped = self._reader.unmapped
        try:
            found = self._read(index, MOST_CHARACTERS)
            if found is None:
                return None, ""
            self._ahead[index] = found, self._reader.unmapped
        except TooLong:
            return None, ""
        finally:
            self._reader.unmapped = unmapped
        return found.layout, found.text

    def outline(self) -> Outline:
        """The bookmarks."""
        with PDFIUM:
            return read_outline(self._pdf)

    @property
    def unmapped(self) -> bool:
        return self._reader.unmapped

    def render(self, index: int, dpi: int) -> "Picture | None":
        with PDFIUM:
            return drawing.draw(self._pdf, index, dpi)

    def is_image(self, index: int) -> bool:
        with PDFIUM:
            page = pdfium.FPDF_LoadPage(self._pdf, index)
            if not page:
                return False
            try:
                return is_scan(page)
            finally:
                pdfium.FPDF_ClosePage(page)

    def close(self) -> None:
        self._second.close()
        with PDFIUM:
            self._pdf.close()


def _open(name: str, path: Path, passwords: Sequence[str]) -> object:
    # `PdfDocument(path)` would report a PDF without pages with the error code of an
    # earlier document.
    file = os.fsencode(path)
    code = pdfium.FPDF_ERR_PASSWORD
    for password in ("", *passwords):
        if opened := pdfium.FPDF_LoadDocument(file, password.encode() or None):
            return opened
        code = pdfium.FPDF_GetLastError()
        if code != pdfium.FPDF_ERR_PASSWORD:
            break
    raise RejectedByPdfium(name, code)
