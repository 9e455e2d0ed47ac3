"""The chunking step: pages to chunks that end with sentences or paragraphs."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from semantic_text_splitter import TextSplitter

from docprogress.documents import PAGE_SEPARATOR, Chunk, Page
from docprogress.errors import Unreadable
from docprogress.settings import Settings

#: Characters that the splitter gets at a time: at least so many, and so many chunks.
#: Its time is quadratic in a text without line ends: a second for 400,000 characters,
#: hours for 50 million.
WINDOW = 16_384
WINDOW_CHUNKS = 4

#: Texts up to this many characters are split at once, which takes a second at most, so
#: that the number of chunks is known.
COUNTED_CHARACTERS = 2_000_000

# More white space than pages have. No chunk spans it, since the splitter takes seconds
# for a few thousand characters of it.
_EMPTY = re.compile(r"(?<!\s)\s{256,}")

# Among every 32nd character, such white space covers eight neighbours. Nearly all texts
# have none, and need not be searched in full.
_STRIDE = 32
_EMPTY_STRIDED = re.compile(r"\s{8}")


class Chunks(Iterator[Chunk]):
    """An iterator over a document's chunks."""

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
        #: The number of chunks; None for long texts, where it is unknown.
        self.total: int | None = None
        if len(self._text) <= COUNTED_CHARACTERS:
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
        Unreadable: The splitter failed.
    """
    return Chunks(pages, settings)


def _spans(text: str, most: int, overlap: int) -> Iterator[tuple[int, int]]:
    """The start and end of each chunk, in characters."""
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
            # The last chunk may continue after the window. It is split again with the
            # following text, which also preserves its overlap with the one before.
            further = end < last and len(spans) > 1 and spans[-1][0] > begin
            begin = spans.pop()[0] if further else end
            yield from spans


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """The start and end of each stretch of text between long white space."""
    begin = 0
    if _EMPTY_STRIDED.search(text[::_STRIDE]):
        for empty in _EMPTY.finditer(text):
            yield begin, empty.start()
            begin = empty.end()
    yield begin, len(text)


def _split(splitter: TextSplitter, text: str) -> list[tuple[int, str]]:
    """Split a text into pieces that are not blank, each with its offset.

    The splitter may return blank pieces: unlike Python, it counts U+001C to U+001F as
    text.
    """
    try:
        pieces = splitter.chunk_indices(text)
        return [(start, piece) for start, piece in pieces if piece.strip()]
    except BaseException as error:
        # pyo3 derives panics of Rust code from BaseException.
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable(f"the text cannot be split into chunks: {error}") from error
