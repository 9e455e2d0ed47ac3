"""The text of PDFs, by PDFium, and by pypdf where PDFium gives up."""

import logging
import os
import re
import threading
from ctypes import Array, c_ushort, string_at
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import pypdf
import pypdfium2
from pypdf.errors import DependencyError
from pypdfium2 import raw as pdfium

from docprogress.errors import DocProgressError, Unreadable
from docprogress.steps.text import TooLong, clean_title

# pypdf warns once for each thing it repairs: thousands of lines for a damaged
# file. Whoever has set a level of their own keeps it.
if logging.getLogger("pypdf").level == logging.NOTSET:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)

# PDFium is not safe to use from two threads, not even with two documents.
# Reentrant, because a collected document is closed in whatever thread is on.
_PDFIUM = threading.RLock()

_NO_PAGES = "the PDF has no pages"
_ENCRYPTED = "the PDF is encrypted and needs a password; save it without one"
_DAMAGED = "the PDF is damaged or cut short; fetch or export it again"
_UNKNOWN_CIPHER = "the PDF is encrypted in a way that is not known"

#: The longest piece of a word, in characters, that is looked at to join it.
_LONGEST_WORD = 40
_WORD_END = re.compile(r"\S+\Z")


class Pdf(Protocol):
    """An open PDF."""

    engine: str

    def __len__(self) -> int:
        """How many pages it has."""

    @property
    def title(self) -> str: ...

    def text(self, index: int, *, most: int) -> str | None:
        """The text of one page, counted from 0; None if that cannot be read.

        Raises:
            TooLong: It has more than `most` characters.
        """

    def close(self) -> None: ...


def open_pdf(
    name: str, path: Path, *, engine: Literal["auto", "pdfium", "pypdf"]
) -> Pdf:
    """Open a PDF with the engine wanted, or with the first that can.

    Raises:
        Unreadable: None can.
        OSError: The file cannot be opened.
    """
    if engine == "pypdf":
        return PypdfDocument(name, path)
    try:
        return PdfiumDocument(name, path)
    except _Refused as refused:
        if engine == "pdfium" or refused.locked:
            raise Unreadable(str(refused)) from None
    return PypdfDocument(name, path)


class _Refused(Exception):  # noqa: N818 - reads as a fact
    """Raised when PDFium does not read a file."""

    def __init__(self, name: str, code: int) -> None:
        self.locked = code == pdfium.FPDF_ERR_PASSWORD
        said = {
            pdfium.FPDF_ERR_SUCCESS: _NO_PAGES,
            pdfium.FPDF_ERR_PASSWORD: _ENCRYPTED,
            pdfium.FPDF_ERR_SECURITY: _UNKNOWN_CIPHER,
        }
        super().__init__(f"{name}: {said.get(code, _DAMAGED)}")


class PdfiumDocument:
    """A PDF that is open in PDFium."""

    engine = "pdfium"

    def __init__(self, name: str, path: Path) -> None:
        with _PDFIUM:
            # Not by way of `PdfDocument(path)`: it tells a PDF without pages from
            # a refused one by an error code that an earlier document has left.
            opened = pdfium.FPDF_LoadDocument(os.fsencode(path), None)
            if not opened:
                raise _Refused(name, pdfium.FPDF_GetLastError())
            self._pdf = pypdfium2.PdfDocument(opened)
            self._buffer = _Buffer()
            self._pages = len(self._pdf)
            if not self._pages:
                self._pdf.close()
                raise _Refused(name, pdfium.FPDF_ERR_SUCCESS)

    def __len__(self) -> int:
        return self._pages

    @property
    def title(self) -> str:
        with _PDFIUM:
            return str(self._pdf.get_metadata_value("Title"))

    def text(self, index: int, *, most: int) -> str | None:
        # By the library's plain calls: its objects, three for each page and each with
        # a finalizer, took a twentieth of the time.
        with _PDFIUM:
            page = pdfium.FPDF_LoadPage(self._pdf, index)
            if not page:
                return None
            try:
                found = _text_of(page, most, self._buffer)
            finally:
                pdfium.FPDF_ClosePage(page)
        return found and _joined(found)

    def close(self) -> None:
        with _PDFIUM:
            self._pdf.close()


class PypdfDocument:
    """A PDF that is open in pypdf."""

    engine = "pypdf"

    def __init__(self, name: str, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._reader, self._pages = _opened(name, self._file)
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
        except Exception:  # noqa: BLE001 - no reason to refuse a document, whatever it is
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
    """Room for the text of one page after the other."""

    def __init__(self) -> None:
        self._room = 4096
        self._made = (c_ushort * self._room)()

    def of(self, size: int) -> Array[c_ushort]:
        """Room for so many characters, or more.

        There is a type of array for each size, and to make one takes longer than to
        have the text: so there are few sizes.
        """
        if size > self._room:
            self._room = 1 << (size - 1).bit_length()
            self._made = (c_ushort * self._room)()
        return self._made


def _text_of(page: object, most: int, room: _Buffer) -> str | None:
    """The text of a page that is loaded; None if it cannot be read."""
    content = pdfium.FPDFText_LoadPage(page)
    if not content:
        return None
    try:
        count = pdfium.FPDFText_CountChars(content)
        if count > most:
            raise TooLong
        # Characters that are left out of the text have no place in it, and what is put
        # in has a place and is no character.
        place = partial(pdfium.FPDFText_GetTextIndexFromCharIndex, content)
        first, last = 0, count - 1
        while first <= last and place(first) < 0:
            first += 1
        while first <= last and place(last) < 0:
            last -= 1
        if first > last:
            return ""
        buffer = room.of(max(count, place(last) + 1) + 1)
        size = pdfium.FPDFText_GetText(content, first, last - first + 1, buffer)
        return string_at(buffer, 2 * max(size - 1, 0)).decode("utf-16-le", "ignore")
    finally:
        pdfium.FPDFText_ClosePage(content)


def _opened(name: str, file: BinaryIO) -> tuple[pypdf.PdfReader, int]:
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
    """What a parser complains of, in a few words."""
    if isinstance(error, RecursionError):
        return "its parts refer to each other in a circle"
    said = clean_title(str(error)).removeprefix("Failed to load document ")
    return said.strip("().") or type(error).__name__


def _joined(text: str) -> str:
    """Join words that were hyphenated at the end of a line.

    PDFium marks the place with U+FFFE, whether the hyphen belongs to the word
    or not: it does in "day-to-day", "--all-files" and "Baden-Baden".
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
