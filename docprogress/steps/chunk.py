"""Pages become chunks: pieces that end where a sentence or a paragraph does."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from semantic_text_splitter import TextSplitter

from docprogress.documents import PAGE_SEPARATOR, Chunk, Page
from docprogress.errors import Unreadable
from docprogress.settings import Settings

#: Characters that the splitter is given at a time, at least this many and chunks.
#: Its time grows with the square of a text without line ends: a second for
#: 400,000 characters, hours for 50 million.
WINDOW = 16_384
WINDOW_CHUNKS = 4

#: Texts of up to so many characters are split before the first chunk is handed
#: on, which takes a second at most, so that their number is known.
COUNTED = 2_000_000

# More white space than a page has: no chunk goes across it.  The splitter takes
# seconds for a few thousand characters of it.
_EMPTY = re.compile(r"(?<!\s)\s{256,}")

# So much of it covers eight neighbours among the characters that lie 32 apart: where
# there are none, as nearly always, the text need not be gone through.
_APART = 32
_EMPTY_APART = re.compile(r"\s{8}")


class Chunks(Iterator[Chunk]):
    """A document's chunks, one after the other."""

    unit = "chunk"

    def __init__(self, pages: Iterable[Page], settings: Settings) -> None:
        kept = list(pages)
        self._numbers = [page.number for page in kept]
        self._starts: list[int] = []
        start = 0
        for page in kept:
            self._starts.append(start)
            start += len(page.text) + len(PAGE_SEPARATOR)
        self._text = PAGE_SEPARATOR.join(page.text for page in kept)
        self._made = 0
        self._spans = _spans(
            self._text, settings.chunk_characters, settings.chunk_overlap
        )
        #: How many there are; None if the text is so long that only the end tells.
        self.total: int | None = None
        if len(self._text) <= COUNTED:
            spans = list(self._spans)
            self.total = len(spans)
            self._spans = iter(spans)

    def __next__(self) -> Chunk:
        start, end = next(self._spans)
        self._made += 1
        return Chunk(
            number=self._made,
            text=self._text[start:end],
            start=start,
            end=end,
            first_page=self._page(start),
            last_page=self._page(end - 1),
        )

    def __length_hint__(self) -> int:
        if self.total is None:
            return NotImplemented  # type: ignore[no-any-return]
        return self.total - self._made

    def _page(self, offset: int) -> int:
        return self._numbers[bisect_right(self._starts, offset) - 1]


def chunk(pages: Iterable[Page], *, settings: Settings) -> Chunks:
    """Split the text of all pages, joined by `PAGE_SEPARATOR`, into chunks.

    Raises:
        Unreadable: The splitter gave up on the text.
    """
    return Chunks(pages, settings)


def _spans(text: str, most: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Where each chunk begins and ends, in characters."""
    splitter = TextSplitter(most, overlap)
    window = max(WINDOW, WINDOW_CHUNKS * most)
    for first, last in _stretches(text):
        begin = first
        while begin < last:
            end = min(begin + window, last)
            spans = [
                (begin + start, begin + start + len(piece))
                for start, piece in _split(splitter, text[begin:end])
            ]
            # The last one may go on behind the window: it is split again with what
            # follows it, which also keeps its overlap with the one before.
            further = end < last and len(spans) > 1 and spans[-1][0] > begin
            begin = spans.pop()[0] if further else end
            yield from spans


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Where the text between two long empty spaces begins and ends."""
    begin = 0
    if _EMPTY_APART.search(text[::_APART]):
        for empty in _EMPTY.finditer(text):
            yield begin, empty.start()
            begin = empty.end()
    yield begin, len(text)


def _split(splitter: TextSplitter, text: str) -> list[tuple[int, str]]:
    """The pieces of the text that are not blank, each with its offset.

    Unicode and Python disagree about white space: to the splitter, U+001C to U+001F
    are text.
    """
    try:
        pieces = splitter.chunk_indices(text)
        return [(start, piece) for start, piece in pieces if piece.strip()]
    except BaseException as error:
        # A panic of the splitter's Rust is no Exception, lest it be swallowed.
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable(f"the text cannot be split into chunks: {error}") from error
