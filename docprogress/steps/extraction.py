"""The result of a reader, and the code that readers share: limits, errors, decoding."""

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from docprogress.documents import Document, Page
from docprogress.errors import LimitExceeded, TransientError, Unreadable
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps.metadata import tidy
from docprogress.steps.text import Decoded, clean, decode

if TYPE_CHECKING:
    from docprogress.steps.ocr.pages import Recognition

#: The maximum number of bytes of an encoded character, for a limit by file size.
LONGEST_CHARACTER = 4

#: Facts about a document, as JSON values: `media_type`, `engine`, `title` and `note`
#: are shown with it, all of them are kept as its metadata.
Facts = dict[str, Any]


class Extraction(Iterator[Page]):
    """An iterator over a document's pages.

    The file is closed after the last page, after an error, and by `close`.

    Args:
        pages: Yields the pages.
        total: The number of pages, as far as it is known.
        facts: Facts about the document; `pages` may add more.
        unit: The unit of this format, for progress: "page", "sheet", "slide".
        close: Closes the file.
        recognition: What recognises its pages; whoever reads them may keep what it
            recognises.
    """

    def __init__(
        self,
        pages: Iterator[Page],
        *,
        total: int,
        facts: Facts,
        unit: str = "page",
        close: Callable[[], None] = lambda: None,
        recognition: "Recognition | None" = None,
    ) -> None:
        self._pages = pages
        self.recognition = recognition
        self._close = close
        self._notes: list[str] = []
        self._done = 0
        #: The number of pages; a reader may correct it while it reads.
        self.total = total
        self.facts = facts
        self.unit = unit

    def __next__(self) -> Page:
        try:
            page = next(self._pages)
        except StopIteration:
            self._note()
            tidy(self.facts)
            self.close()
            raise
        except BaseException:
            self.close()
            raise
        self._done += 1
        return page

    def __length_hint__(self) -> int:
        return max(0, self.total - self._done)

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

    def add_note(self, note: str) -> None:
        """Add a note to those of the reader."""
        self._notes.append(note)

    def _note(self) -> None:
        if self._notes:
            notes = [*self._notes, self.facts.get("note")]
            self.facts["note"] = "; ".join(filter(None, notes))
            self._notes.clear()

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call something after the file is closed."""
        close = self._close

        def close_both() -> None:
            try:
                close()
            finally:
                callback()

        self._close = close_both

    def close(self) -> None:
        """Close the file and end the iteration; idempotent."""
        self._pages = iter(())
        self._done = self.total
        close, self._close = self._close, lambda: None
        close()


class Reader(Protocol):
    """Reads one kind of file."""

    def __call__(
        self, document: Document, *, settings: Settings, facts: Facts
    ) -> Extraction:
        """Open a file.

        Args:
            document: The document; its type has been detected.
            settings: Limits and options.
            facts: The facts about the document; the reader adds to them.

        Raises:
            Unreadable: The file is damaged, encrypted or empty.
            LimitExceeded: It has more pages or characters than the settings allow.
            OSError: It cannot be opened.
        """


def check_pages(
    document: Document, pages: int, settings: Settings, *, unit: str = "page"
) -> None:
    """Check the number of pages against the limit.

    Raises:
        LimitExceeded: There are more.
    """
    if pages > settings.max_pages:
        raise LimitExceeded(
            f"{document.name}: {plural(pages, unit)}, the limit is "
            f"{settings.max_pages:,} (max_pages)"
        )


def single_page(text: str, facts: Facts, *, markdown: str | None = None) -> Page:
    """The only page of a format without pages."""
    page = Page(
        number=1,
        text=clean(text),
        markdown=None if markdown is None else clean(markdown),
    )
    if not page.text.strip():
        facts["note"] = "no text"
    return page


def wants_structure(settings: Settings) -> bool:
    """Whether Markdown is made where that takes time."""
    return settings.structure != "off"


def read_bytes(document: Document, settings: Settings) -> bytes:
    """The content of a file that cannot be longer than its text.

    Raises:
        LimitExceeded: It is larger than any text within the limit.
        TransientError: It cannot be opened.
    """
    try:
        if document.path.stat().st_size > settings.max_characters * LONGEST_CHARACTER:
            raise too_long(document, settings)
        return document.path.read_bytes()
    except OSError as error:
        raise cannot_open(document, error) from error


def decode_text(
    document: Document,
    data: bytes,
    facts: Facts,
    declared: str | None = None,
    *,
    expected: Sequence[str] = (),
) -> Decoded:
    """Decode a text file, and note its encoding.

    Args:
        document: The document, for errors.
        data: The whole file.
        facts: The encoding is noted there.
        declared: The encoding that the file declares, if any.
        expected: The encodings that the settings expect.

    Raises:
        Unreadable: It is binary data.
    """
    decoded = decode(data, declared=declared, expected=expected)
    if decoded is None:
        raise Unreadable(
            f"{document.name}: binary data, not text; save it as PDF, DOCX, HTML or "
            "plain text"
        )
    facts["encoding"] = decoded.encoding
    if decoded.errors:
        facts["note"] = f"{plural(decoded.errors, 'character')} could not be decoded"
    return decoded


def read_text(document: Document, settings: Settings, facts: Facts) -> str:
    """The text of a file that is nothing but text; its encoding is noted.

    Raises:
        LimitExceeded: It has too many characters.
        TransientError: The file cannot be opened.
        Unreadable: It is binary data.
    """
    data = read_bytes(document, settings)
    text = decode_text(document, data, facts, expected=settings.encodings).text
    if len(text) > settings.max_characters:
        raise too_long(document, settings)
    return text


def too_long(document: Document, settings: Settings) -> LimitExceeded:
    """The error for a document with more characters than the limit."""
    return LimitExceeded(
        f"{document.name}: more than {settings.max_characters:,} characters, which is "
        "the limit (max_characters)"
    )


def cannot_open(document: Document, error: OSError) -> TransientError:
    """The error for a file that cannot be opened."""
    return TransientError(
        f"{document.name}: its file cannot be opened: {error.strerror or error}"
    )
