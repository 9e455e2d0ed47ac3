"""Read a page with pypdf if PDFium's text is incomplete."""

import mmap
import re
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from docprogress.errors import DocProgressError
from docprogress.steps.readers.pdf_hyphens import (
    SOFT_HYPHEN,
    may_have_soft,
    without_soft,
)
from docprogress.steps.readers.pdf_page import PageText
from docprogress.steps.readers.pdf_pypdf import PypdfDocument
from docprogress.steps.text import TooLong

#: How many pages without one are searched for soft hyphens before a PDF is taken to
#: have none.
SOFT_HYPHEN_PAGES = 2

#: How many pages with text in a font without an extent are read again before such text
#: is taken to be blank.
FONT_PAGES = 2

#: How many of a PDF's streams are searched for a soft hyphen's code before pypdf is
#: asked, and the maximum number of bytes of each.
FIRST_STREAMS = 60
MOST_COMPRESSED = 64 * 1024
MOST_DECOMPRESSED = 256 * 1024

_STREAM = b"stream"
_STREAM_END = b"endstream"
_SHOWS_TEXT = re.compile(rb"\bT[jJ]\b")
#: As a byte, as an octal escape, or in hexadecimal.
_SOFT_CODE = re.compile(rb"\xad|\\255|<[0-9A-Fa-f\s]*[Aa][Dd][0-9A-Fa-f\s]*>")

#: The encoding in which PDFium takes a soft hyphen for a hyphen.
_ENCODING = b"/WinAnsiEncoding"

#: What TeX calls itself, which writes no soft hyphens.
_TEX = b"TeX"


class SecondOpinion:
    """The text of a PDF's pages by pypdf, on demand."""

    def __init__(self, name: str, path: Path, passwords: Sequence[str]) -> None:
        self._name = name
        self._path = path
        self._passwords = passwords
        self._pdf: PypdfDocument | None = None
        self._refused = False
        # Fonts with empty objects in which no letters are lost.
        self._complete: set[bytes] = set()
        self._soft_hyphen_pages = SOFT_HYPHEN_PAGES
        self._font_pages = FONT_PAGES

    def improve(self, page: PageText, index: int, most: int) -> PageText:
        """A page with the letters that PDFium has lost, without soft hyphens.

        Raises:
            TooLong: It has more than `most` characters.
        """
        text = page.text
        if page.lost or (self._font_pages and not page.fonts <= self._complete):
            text = self._with_lost_letters(page, index, most)
        if SOFT_HYPHEN in text or (self._soft_hyphen_pages and may_have_soft(text)):
            text = self._without_soft_hyphens(text, index, most)
        return page if text is page.text else page._replace(text=text)

    def close(self) -> None:
        """Close the file."""
        if self._pdf is not None:
            self._pdf.close()

    def _with_lost_letters(self, page: PageText, index: int, most: int) -> str:
        if page.hidden:
            # pypdf would give what has been left out.
            return page.text
        other = self._read(index, most)
        if other is None or _letters(other) <= _letters(page.text):
            self._complete |= page.fonts
            self._font_pages -= bool(page.fonts)
            return page.text
        missing = [value for value in page.values if value not in other]
        return "\n".join([other, *missing])

    def _without_soft_hyphens(self, text: str, index: int, most: int) -> str:
        original = ""
        if self._soft_hyphen_pages and self._may_be_written():
            if self._open() and self._pdf and self._pdf.may_have_soft_hyphens(index):
                original = self._read(index, most) or ""
            if SOFT_HYPHEN not in original:
                self._soft_hyphen_pages -= 1
        return without_soft(text, original)

    def _may_be_written(self) -> bool:
        """Whether the PDF has a font in which a soft hyphen is taken for a hyphen."""
        with suppress(OSError, ValueError), self._path.open("rb") as file:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if (
                    content.find(_ENCODING) >= 0
                    and content.find(_TEX) < 0
                    and _draws_soft_hyphens(content)
                ):
                    return True
        self._soft_hyphen_pages = 0
        return False

    def _open(self) -> bool:
        if self._pdf is None and not self._refused:
            try:
                self._pdf = PypdfDocument(
                    self._name, self._path, passwords=self._passwords
                )
            except (DocProgressError, OSError):
                self._refused = True
        return self._pdf is not None

    def _read(self, index: int, most: int) -> str | None:
        if not self._open() or self._pdf is None or index >= len(self._pdf):
            return None
        with suppress(TooLong):
            return self._pdf.text(index, most=most)
        return None


def _draws_soft_hyphens(content: mmap.mmap) -> bool:
    """Whether one of a PDF's first streams may draw the code of a soft hyphen.

    It decompresses them itself, since pypdf first reads the tree of all pages.
    """
    position = 0
    for _ in range(FIRST_STREAMS):
        position = content.find(_STREAM, position)
        if position < 0:
            return False
        start = position + len(_STREAM)
        start += 2 if content[start : start + 2] == b"\r\n" else 1
        stream = content[start : start + MOST_COMPRESSED]
        try:
            stream = zlib.decompressobj().decompress(stream, MOST_DECOMPRESSED)
        except zlib.error:
            if not stream[:64].isascii():
                stream = b""  # an image
        if _SHOWS_TEXT.search(stream) and _SOFT_CODE.search(stream):
            return True
        position = content.find(_STREAM_END, start)
        if position < 0:
            return True  # damaged: pypdf may know more
        position += len(_STREAM_END)
    return False


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
