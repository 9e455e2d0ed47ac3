"""PDFs that are open in PDFium."""

import os
import threading
from collections.abc import Sequence
from ctypes import Array, c_ushort, string_at
from functools import partial
from pathlib import Path

import pypdfium2
from pypdfium2 import raw as pdfium

from docprogress.steps.readers.pdf_hyphens import join_hyphenated
from docprogress.steps.readers.pdf_page import (
    DAMAGED,
    ENCRYPTED,
    NO_PAGES,
    UNKNOWN_CIPHER,
    PageText,
)
from docprogress.steps.text import TooLong

# PDFium is not thread-safe, not even with separate documents. Reentrant, because
# garbage collection may close a document in a thread that holds the lock.
PDFIUM = threading.RLock()

#: The most bytes of a language's name.
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
        with PDFIUM:
            self._pdf = pypdfium2.PdfDocument(_open(name, path, passwords))
            self._buffer = _Buffer()
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
        # The raw API, because pypdfium2's objects, three for each page with finalizers,
        # cost 5 % of the time.
        with PDFIUM:
            page = pdfium.FPDF_LoadPage(self._pdf, index)
            if not page:
                return None
            try:
                found = _text_of(page, most, self._buffer)
            finally:
                pdfium.FPDF_ClosePage(page)
        return None if found is None else PageText(join_hyphenated(found))

    def close(self) -> None:
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


class _Buffer:
    """A buffer for the text of one page after the other."""

    def __init__(self) -> None:
        self._size = 4096
        self._array = (c_ushort * self._size)()

    def at_least(self, size: int) -> Array[c_ushort]:
        """An array of `size` characters or more.

        Sizes are powers of two, because ctypes creates a type for each size, which
        takes longer than reading the text.
        """
        if size > self._size:
            self._size = 1 << (size - 1).bit_length()
            self._array = (c_ushort * self._size)()
        return self._array


def _text_of(page: object, most: int, buffer: _Buffer) -> str | None:
    """The text of a loaded page; None if it cannot be read."""
    content = pdfium.FPDFText_LoadPage(page)
    if not content:
        return None
    try:
        count = pdfium.FPDFText_CountChars(content)
        if count > most:
            raise TooLong
        # Characters that PDFium leaves out of the text have no position in it, and text
        # that it inserts has no character index.
        position = partial(pdfium.FPDFText_GetTextIndexFromCharIndex, content)
        first, last = 0, count - 1
        while first <= last and position(first) < 0:
            first += 1
        while first <= last and position(last) < 0:
            last -= 1
        if first > last:
            return ""
        array = buffer.at_least(max(count, position(last) + 1) + 1)
        size = pdfium.FPDFText_GetText(content, first, last - first + 1, array)
        return string_at(array, 2 * max(size - 1, 0)).decode("utf-16-le", "ignore")
    finally:
        pdfium.FPDFText_ClosePage(content)
