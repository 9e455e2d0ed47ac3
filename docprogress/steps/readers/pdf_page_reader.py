"""Read the text of a page that is loaded in PDFium.

Most pages are read as PDFium gives them. Only where the survey of a page's objects says
that there is more to it are its characters looked at one by one.
"""

from ctypes import Array, addressof, c_char, c_ulong, c_ushort, string_at
from functools import partial

import pypdfium2
from pypdfium2 import raw as pdfium

from docprogress.steps.ocr.drawing import is_unmapped
from docprogress.steps.readers import pdf_native as native
from docprogress.steps.readers.pdf_bidi import leftwards, may_run_left
from docprogress.steps.readers.pdf_broken_lines import may_be_broken, rejoined
from docprogress.steps.readers.pdf_forms import filled, has_filled, placed
from docprogress.steps.readers.pdf_hidden import is_scan, set_active, unseen
from docprogress.steps.readers.pdf_hyphens import join_hyphenated, positions
from docprogress.steps.readers.pdf_layout import downwards, in_columns
from docprogress.steps.readers.pdf_layouts import LayoutReader
from docprogress.steps.readers.pdf_lines import Layout
from docprogress.steps.readers.pdf_page import PageText
from docprogress.steps.readers.pdf_pieces import Line, Piece, lines_of, text_of
from docprogress.steps.readers.pdf_survey import Survey, survey, vertical_texts
from docprogress.steps.text import TooLong

#: The least share of a page's text objects that have no extent if letters are lost,
#: rather than objects of spaces.
LEAST_LOST = 0.05

#: The share of lines that end in a number in a table of contents.
NUMBERED = 0.5

#: The maximum number of fonts of letters without a glyph that are named.
MOST_FONTS = 50
LONGEST_NAME = 200

_ACTUAL_TEXT = b"ActualText"


class PageReader:
    """Reads one page of a PDF after the other."""

    def __init__(self, pdf: pypdfium2.PdfDocument) -> None:
        self._pdf = pdf
        self._buffer = _Buffer()
        #: Whether the characters of the page read last have no meaning.
        self.unmapped = False
        self._form: object | None = None
        self._has_form: bool | None = None
        self._own_hyphens_are_typed: bool | None = None
        #: Reads where lines are, if that is wanted.
        self.layouts: LayoutReader | None = None
        self._layout: Layout | None = None

    def read(self, page: object, most: int) -> PageText | None:
        """The text of a loaded page; None if it cannot be read.

        Raises:
            TooLong: It has more than `most` characters.
        """
        found = survey(page)
        hidden = self._hide(page, found, most) if found.maybe_hidden else 0
        content = pdfium.FPDFText_LoadPage(page)
        if not content:
            return None
        try:
            text, values = self._text(page, content, found, most)
        finally:
            pdfium.FPDFText_ClosePage(content)
        if len(text) > most:
            raise TooLong
        fonts: frozenset[bytes] = frozenset()
        if len(found.empty) > LEAST_LOST * found.texts:
            fonts = _fonts(found.empty)
        lost = bool(found.texts) and not text.strip() and not hidden
        shown = tuple(value.text for value in values)
        return PageText(text, hidden, lost, fonts, shown, self._layout)

    def _text(
        self, page: object, content: object, found: Survey, most: int
    ) -> tuple[str, list[Piece]]:
        text, first = _text_of(content, most, self._buffer)
        self.unmapped = is_unmapped(content, pdfium.FPDFText_CountChars(content))
        values: list[Piece] = []
        if pdfium.FPDFPage_GetAnnotCount(page) and has_filled(page):
            values = filled(page, self._open_form())
        gaps = found.gaps and not _is_numbered(text)
        runs_left = may_run_left(text)
        broken = may_be_broken(text)
        if values or gaps or found.vertical or runs_left or broken:
            lines = lines_of(content, pdfium.FPDFText_CountChars(content))
            ordered = rejoined(lines) if broken else None
            lines = ordered or lines
            if values:
                ordered = lines = placed(lines, values)
            vertical = vertical_texts(page) if found.vertical else set()
            if len(vertical) > 1:
                ordered = downwards(lines, vertical)
            elif gaps:
                ordered = in_columns(lines) or ordered
            if runs_left:
                ordered = leftwards(ordered or lines) or ordered
            if ordered is not None:
                self._keep_layout(page, content, text, first, found, ordered=ordered)
                text, own = text_of(ordered)
                typed = own if self._typed_hyphens_are_own() else set()
                return join_hyphenated(text, typed), values
        self._keep_layout(page, content, text, first, found)
        if "\ufffe" in text:
            text = join_hyphenated(text, self._typed(content, text, first))
        return text, values

    def _keep_layout(
        self,
        page: object,
        content: object,
        text: str,
        first: int,
        found: Survey,
        *,
        ordered: list[Line] | None = None,
    ) -> None:
        """Keep where the lines of the page are, if that is wanted."""
        if self.layouts is not None:
            self._layout = self.layouts.read(
                page, content, text, first, drawn=found.others, ordered=ordered
            )

    def _typed(self, content: object, text: str, first: int) -> set[int]:
        """The positions of hyphens that are objects of their own, and so were typed."""
        found = positions(text)
        if not found or not self._typed_hyphens_are_own():
            return set()
        owner = partial(native.text_object, native.address(content))
        typed = set()
        for position in found:
            index = native.char_index(native.address(content), first + position)
            hyphen = owner(index) if index > 0 else 0
            if hyphen and hyphen != owner(index - 1) and not _stands_for_other(hyphen):
                typed.add(position)
        return typed

    def _typed_hyphens_are_own(self) -> bool:
        """Whether hyphens that are objects of their own have been typed.

        Those that LibreOffice puts in are.
        """
        if self._own_hyphens_are_typed is None:
            producer = str(self._pdf.get_metadata_value("Producer"))
            self._own_hyphens_are_typed = "Office" not in producer or (
                "Microsoft" in producer
            )
        return self._own_hyphens_are_typed

    def _hide(self, page: object, found: Survey, most: int) -> int:
        """Leave invisible text out of the page's text, and count its characters.

        The invisible text of a scan is what was recognised in it, and is kept.
        """
        undrawn = [text.address for text in found.undrawn]
        off = unseen(page, found)
        everything = self._length(page, most)
        set_active([*undrawn, *off], active=False)
        shown = self._length(page, most)
        if undrawn and is_scan(page):
            set_active(undrawn, active=True)
            recognised = self._length(page, most) - shown
            if recognised >= shown:
                return everything - shown - recognised
            set_active(undrawn, active=False)
        return everything - shown

    def _length(self, page: object, most: int) -> int:
        """The number of visible characters in the page's text."""
        content = pdfium.FPDFText_LoadPage(page)
        if not content:
            return 0
        try:
            text, _ = _text_of(content, most, self._buffer)
            return len("".join(text.split()))
        finally:
            pdfium.FPDFText_ClosePage(content)

    def _open_form(self) -> object | None:
        if self._has_form is None:
            self._pdf.init_forms()
            environment = self._pdf.formenv
            self._has_form = environment is not None
            self._form = environment and environment.raw
        return self._form


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


def _text_of(content: object, most: int, buffer: _Buffer) -> tuple[str, int]:
    """The text of a page, and the position in PDFium's text that it begins at."""
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
        return "", 0
    array = buffer.at_least(max(count, position(last) + 1) + 1)
    size = pdfium.FPDFText_GetText(content, first, last - first + 1, array)
    text = string_at(array, 2 * max(size - 1, 0)).decode("utf-16-le", "ignore")
    return text, position(first)


def _is_numbered(text: str) -> bool:
    """Whether most lines end in a number, as in a table of contents."""
    lines = text.split("\r\n")
    return sum(line[-1:].isdigit() for line in lines) >= NUMBERED * len(lines)


def _stands_for_other(text: int) -> bool:
    """Whether a text object is marked as standing for another text: a soft hyphen."""
    size = c_ulong()
    return any(
        native.mark_text(
            native.get_mark(text, number), _ACTUAL_TEXT, None, 0, addressof(size)
        )
        for number in range(native.count_marks(text))
    )


def _fonts(texts: list[int]) -> frozenset[bytes]:
    """The names of the fonts of text objects, except fonts that are embedded."""
    names = set()
    buffer = (c_char * LONGEST_NAME)()
    for text in texts[:MOST_FONTS]:
        font = native.font_of(text)
        if font and not native.is_embedded(font):
            size = native.font_name(font, addressof(buffer), LONGEST_NAME)
            names.add(buffer.raw[: min(size, LONGEST_NAME)])
    return frozenset(names)
