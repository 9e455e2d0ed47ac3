"""Read PDFs with PDFium, or with pypdf if PDFium rejects them."""

import logging
import os
import re
import threading
from collections.abc import Iterator
from ctypes import Array, c_ushort, string_at
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import pypdf
import pypdfium2
from pypdf.errors import DependencyError
from pypdfium2 import raw as pdfium

from docprogress.documents import Document, Page
from docprogress.errors import DocProgressError, Unreadable
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts, check_pages, too_long
from docprogress.steps.text import TooLong, clean, clean_title

# pypdf logs every repair, thousands of lines for a damaged file. A level that was set
# elsewhere is kept.
if logging.getLogger("pypdf").level == logging.NOTSET:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)

# PDFium is not thread-safe, not even with separate documents. Reentrant, because
# garbage collection may close a document in a thread that holds the lock.
_PDFIUM = threading.RLock()

_NO_PAGES = "the PDF has no pages"
_ENCRYPTED = "the PDF is encrypted and needs a password; save it without one"
_DAMAGED = "the PDF is damaged or cut short; fetch or export it again"
_UNKNOWN_CIPHER = "the PDF is encrypted in a way that is not known"

#: Characters before a hyphenation that are examined.
_LONGEST_WORD = 40
_WORD_END = re.compile(r"\S+\Z")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read the pages of a PDF."""
    pdf = open_pdf(document.name, document.path, engine=settings.pdf_engine)
    try:
        check_pages(document, len(pdf), settings)
        facts["engine"] = pdf.engine
        if title := clean_title(pdf.title):
            facts["title"] = title
    except BaseException:
        pdf.close()
        raise
    pages = _pages(pdf, document, settings, facts)
    return Extraction(pages, total=len(pdf), facts=facts, close=pdf.close)


def _pages(
    pdf: "Pdf", document: Document, settings: Settings, facts: Facts
) -> Iterator[Page]:
    left = settings.max_characters
    unread = 0
    blank = True
    for index in range(len(pdf)):
        try:
            found = pdf.text(index, most=left)
        except TooLong:
            raise too_long(document, settings) from None
        if found is None:
            unread += 1
        text = clean(found or "")
        left -= len(text)
        blank = blank and not text.strip()
        yield Page(number=index + 1, text=text)
    if unread == len(pdf):
        raise Unreadable(
            f"{document.name}: the PDF is damaged or cut short, not one of "
            "its pages can be read; fetch or export it again"
        )
    if unread:
        facts["note"] = f"{unread} of {len(pdf)} pages could not be read"
    elif blank:
        facts["note"] = "no text layer, OCR needed"


class Pdf(Protocol):
    """An open PDF."""

    engine: str

    def __len__(self) -> int:
        """The number of pages."""

    @property
    def title(self) -> str: ...

    def text(self, index: int, *, most: int) -> str | None:
        """The text of a page, counted from 0; None if it cannot be read.

        Raises:
            TooLong: It has more than `most` characters.
        """

    def close(self) -> None: ...


def open_pdf(
    name: str, path: Path, *, engine: Literal["auto", "pdfium", "pypdf"]
) -> Pdf:
    """Open a PDF with the requested engine, or the first one that can read it.

    Raises:
        Unreadable: No engine can.
        OSError: The file cannot be opened.
    """
    if engine == "pypdf":
        return PypdfDocument(name, path)
    try:
        return PdfiumDocument(name, path)
    except _RejectedByPdfium as rejection:
        if engine == "pdfium" or rejection.locked:
            raise Unreadable(str(rejection)) from None
    return PypdfDocument(name, path)


class _RejectedByPdfium(Exception):  # noqa: N818 - reads as a fact
    """Raised when PDFium cannot open a file."""

    def __init__(self, name: str, code: int) -> None:
        self.locked = code == pdfium.FPDF_ERR_PASSWORD
        messages = {
            pdfium.FPDF_ERR_SUCCESS: _NO_PAGES,
            pdfium.FPDF_ERR_PASSWORD: _ENCRYPTED,
            pdfium.FPDF_ERR_SECURITY: _UNKNOWN_CIPHER,
        }
        super().__init__(f"{name}: {messages.get(code, _DAMAGED)}")


class PdfiumDocument:
    """A PDF that is open in PDFium."""

    engine = "pdfium"

    def __init__(self, name: str, path: Path) -> None:
        with _PDFIUM:
            # `PdfDocument(path)` would report a PDF without pages with the error code
            # of an earlier document.
            opened = pdfium.FPDF_LoadDocument(os.fsencode(path), None)
            if not opened:
                raise _RejectedByPdfium(name, pdfium.FPDF_GetLastError())
            self._pdf = pypdfium2.PdfDocument(opened)
            self._buffer = _Buffer()
            self._pages = len(self._pdf)
            if not self._pages:
                self._pdf.close()
                raise _RejectedByPdfium(name, pdfium.FPDF_ERR_SUCCESS)

    def __len__(self) -> int:
        return self._pages

    @property
    def title(self) -> str:
        with _PDFIUM:
            return str(self._pdf.get_metadata_value("Title"))

    def text(self, index: int, *, most: int) -> str | None:
        # The raw API, because pypdfium2's objects, three for each page with finalizers,
        # cost 5 % of the time.
        with _PDFIUM:
            page = pdfium.FPDF_LoadPage(self._pdf, index)
            if not page:
                return None
            try:
                found = _text_of(page, most, self._buffer)
            finally:
                pdfium.FPDF_ClosePage(page)
        return found and _join_hyphenated(found)

    def close(self) -> None:
        with _PDFIUM:
            self._pdf.close()


class PypdfDocument:
    """A PDF that is open in pypdf."""

    engine = "pypdf"

    def __init__(self, name: str, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._reader, self._pages = _open_pypdf(name, self._file)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._pages

    @property
    def title(self) -> str:
        try:
            metadata = self._reader.metadata
            return str((metadata and metadata.title) or "")
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - a broken title is no reason to reject a document
            return ""

    def text(self, index: int, *, most: int) -> str | None:
        try:
            found = self._reader.pages[index].extract_text()
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - a damaged page can raise anything at all
            return None
        if len(found) > most:
            raise TooLong
        return found

    def close(self) -> None:
        self._file.close()


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


def _open_pypdf(name: str, file: BinaryIO) -> tuple[pypdf.PdfReader, int]:
    try:
        reader = pypdf.PdfReader(file, strict=False)
        locked = reader.is_encrypted and not reader.decrypt("")
        pages = 0 if locked else len(reader.pages)
    except (DocProgressError, MemoryError):
        raise
    except DependencyError as error:
        raise Unreadable(f"{name}: {_UNKNOWN_CIPHER} ({reason(error)})") from error
    except Exception as error:  # a damaged file can raise anything at all
        raise Unreadable(f"{name}: {_DAMAGED} ({reason(error)})") from error
    if locked:
        raise Unreadable(f"{name}: {_ENCRYPTED}")
    if not pages:
        raise Unreadable(f"{name}: {_NO_PAGES}")
    return reader, pages


def reason(error: BaseException) -> str:
    """The message of a parser's exception, shortened."""
    if isinstance(error, RecursionError):
        return "its parts refer to each other in a circle"
    message = clean_title(str(error)).removeprefix("Failed to load document ")
    return message.strip("().") or type(error).__name__


def _join_hyphenated(text: str) -> str:
    """Join words hyphenated at the end of a line.

    PDFium marks all hyphens at line ends with U+FFFE, including those that belong to
    the word, as in "day-to-day", "--all-files" and "Baden-Baden".
    """
    if "\ufffe" not in text:
        return text
    first, *others = text.split("\ufffe")
    parts = [first]
    for other in others:
        before = _WORD_END.search(parts[-1][-_LONGEST_WORD:])
        belongs = not (before and before[0].isalpha() and other[:1].islower())
        parts.append("-" if belongs else "")
        parts.append(other)
    return "".join(parts)
