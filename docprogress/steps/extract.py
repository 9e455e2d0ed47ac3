"""The extraction step: a document's file to pages of text."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from docprogress.documents import Document, Page
from docprogress.errors import LimitExceeded, TransientError, Unreadable
from docprogress.settings import Settings
from docprogress.steps import formats, html
from docprogress.steps.docx import DocxDocument
from docprogress.steps.formats import media_type
from docprogress.steps.pdf import Pdf, open_pdf
from docprogress.steps.text import Decoded, TooLong, clean, clean_title, decode

#: The most bytes of an encoded character, for a limit by file size.
LONGEST_CHARACTER = 4


class Extraction(Iterator[Page]):
    """An iterator over a document's pages.

    The file is closed after the last page, after an error, and by `close`.

    Args:
        pages: Yields the pages.
        total: The number of pages.
        facts: Facts about the document; `pages` may add more.
        close: Closes the file.
    """

    unit = "page"

    def __init__(
        self,
        pages: Iterator[Page],
        *,
        total: int,
        facts: dict[str, str | int],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._pages = pages
        self._close = close
        self._left = total
        self.total = total
        self.facts = facts

    def __next__(self) -> Page:
        try:
            page = next(self._pages)
        except BaseException:
            self.close()
            raise
        self._left -= 1
        return page

    def __length_hint__(self) -> int:
        return max(0, self._left)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_close"):
            self.close()

    def close(self) -> None:
        """Close the file and end the iteration; idempotent."""
        self._pages = iter(())
        self._left = 0
        close, self._close = self._close, lambda: None
        close()


def extract(document: Document, *, settings: Settings) -> Extraction:
    """Read the pages of a PDF, DOCX, HTML, Markdown or plain text file.

    The format is detected from the content. Formats without pages give one page.

    Raises:
        Unreadable: It has another format, or is damaged, encrypted, or empty.
        LimitExceeded: It has more pages or characters than the settings allow.
        TransientError: The file cannot be opened.
    """
    try:
        kind = media_type(document)
        facts: dict[str, str | int] = {"media_type": kind}
        if kind == formats.PDF:
            return _pdf(document, settings, facts)
        if kind == formats.DOCX:
            return _docx(document, settings, facts)
    except OSError as error:
        raise _cannot_open(document, error) from error
    pages = _html if kind == formats.HTML else _text
    return Extraction(pages(document, settings, facts), total=1, facts=facts)


def _pdf(
    document: Document, settings: Settings, facts: dict[str, str | int]
) -> Extraction:
    pdf = open_pdf(document.name, document.path, engine=settings.pdf_engine)
    try:
        _check_pages(document, len(pdf), settings)
        facts["engine"] = pdf.engine
        if title := clean_title(pdf.title):
            facts["title"] = title
    except BaseException:
        pdf.close()
        raise
    pages = _pdf_pages(pdf, document, settings, facts)
    return Extraction(pages, total=len(pdf), facts=facts, close=pdf.close)


def _check_pages(document: Document, pages: int, settings: Settings) -> None:
    if pages > settings.max_pages:
        raise LimitExceeded(
            f"{document.name}: {pages} pages, the limit is {settings.max_pages} "
            "(max_pages)"
        )


def _pdf_pages(
    pdf: Pdf, document: Document, settings: Settings, facts: dict[str, str | int]
) -> Iterator[Page]:
    left = settings.max_characters
    unread = 0
    blank = True
    for index in range(len(pdf)):
        try:
            found = pdf.text(index, most=left)
        except TooLong:
            raise _too_long(document, settings) from None
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


def _docx(
    document: Document, settings: Settings, facts: dict[str, str | int]
) -> Extraction:
    docx = DocxDocument(
        document.name, document.path, max_characters=settings.max_characters
    )
    facts["engine"] = "docx"

    def pages() -> Iterator[Page]:
        if title := docx.title():
            facts["title"] = title
        try:
            text = docx.text()
        except TooLong:
            raise _too_long(document, settings) from None
        yield _single_page(text, facts)

    return Extraction(pages(), total=1, facts=facts, close=docx.close)


def _html(
    document: Document, settings: Settings, facts: dict[str, str | int]
) -> Iterator[Page]:
    data = _read_bytes(document, settings)
    decoded = _decode(document, data, facts, html.declared_encoding(data))
    try:
        text = html.read(decoded.text, most=settings.max_characters)
    except TooLong:
        raise _too_long(document, settings) from None
    facts["engine"] = "html"
    if text.title:
        facts["title"] = text.title
    yield _single_page(str(text), facts)


def _text(
    document: Document, settings: Settings, facts: dict[str, str | int]
) -> Iterator[Page]:
    decoded = _decode(document, _read_bytes(document, settings), facts)
    if len(decoded.text) > settings.max_characters:
        raise _too_long(document, settings)
    facts["engine"] = "text"
    yield _single_page(decoded.text, facts)


def _single_page(text: str, facts: dict[str, str | int]) -> Page:
    page = Page(number=1, text=clean(text))
    if not page.text.strip():
        facts["note"] = "no text"
    return page


def _read_bytes(document: Document, settings: Settings) -> bytes:
    try:
        if document.path.stat().st_size > settings.max_characters * LONGEST_CHARACTER:
            raise _too_long(document, settings)
        return document.path.read_bytes()
    except OSError as error:
        raise _cannot_open(document, error) from error


def _decode(
    document: Document,
    data: bytes,
    facts: dict[str, str | int],
    declared: str | None = None,
) -> Decoded:
    decoded = decode(data, declared=declared)
    if decoded is None:
        raise Unreadable(
            f"{document.name}: binary data, not text; save it as PDF, DOCX, HTML or "
            "plain text"
        )
    facts["encoding"] = decoded.encoding
    if decoded.errors:
        characters = "character" if decoded.errors == 1 else "characters"
        facts["note"] = f"{decoded.errors} {characters} could not be decoded"
    return decoded


def _too_long(document: Document, settings: Settings) -> LimitExceeded:
    return LimitExceeded(
        f"{document.name}: more than {settings.max_characters} characters, which is "
        "the limit (max_characters)"
    )


def _cannot_open(document: Document, error: OSError) -> TransientError:
    return TransientError(
        f"{document.name}: its file cannot be opened: {error.strerror or error}"
    )
