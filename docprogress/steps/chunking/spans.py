"""Split text into pieces that end with sentences or paragraphs."""

import re
from collections.abc import Iterator

from semantic_text_splitter import TextSplitter

from docprogress.errors import Unreadable
from docprogress.steps.chunking.anchors import anchors
from docprogress.steps.chunking.sizes import Sizes

Span = tuple[int, int]

# More white space than pages have. No chunk spans it, since the splitter takes seconds
# for a few thousand characters of it.
_EMPTY = re.compile(r"(?<!\s)\s{256,}")

# Among every 32nd character, such white space covers eight neighbours. Nearly all texts
# have none, and need not be searched in full.
_STRIDE = 32
_EMPTY_STRIDED = re.compile(r"\s{8}")


def spans(
    text: str, sizes: Sizes, *, most: int | None = None, overlap: int | None = None
) -> Iterator[Span]:
    """The start and end of each piece, in characters.

    Raises:
        Unreadable: The splitter failed.
    """
    splitter = sizes.splitter(most, overlap)
    most = sizes.most if most is None else most
    for first, last in _parts(text, sizes):
        begin = first
        while begin < last:
            end = min(begin + sizes.window, last)
            found = [
                span
                for start, piece in split(splitter, text[begin:end])
                for span in _within(begin + start, piece, sizes, most)
            ]
            # The last chunk may continue after the window. It is split again with the
            # following text, which also preserves its overlap with the one before.
            further = end < last and len(found) > 1 and found[-1][0] > begin
            begin = found.pop()[0] if further else end
            yield from found


def trimmed(text: str, start: int, end: int) -> Span:
    """A span without the white space at its ends."""
    piece = text[start:end]
    begin = start + len(piece) - len(piece.lstrip())
    return begin, max(begin, start + len(piece.rstrip()))


def _parts(text: str, sizes: Sizes) -> Iterator[Span]:
    """The start and end of each part of the text that is split by itself."""
    for begin, last in _stretches(text):
        first = begin
        for anchor in anchors(text, begin, last, sizes):
            yield first, anchor.end
            first = anchor.begin
        yield first, last


def _stretches(text: str) -> Iterator[Span]:
    """The start and end of each stretch of text between long white space."""
    begin = 0
    if _EMPTY_STRIDED.search(text[::_STRIDE]):
        for empty in _EMPTY.finditer(text):
            yield begin, empty.start()
            begin = empty.end()
    yield begin, len(text)


def split(splitter: TextSplitter, text: str) -> list[tuple[int, str]]:
    """Split a text into pieces that are not blank, each with its offset.

    The splitter may return blank pieces: unlike Python, it counts U+001C to U+001F as
    text.

    Raises:
        Unreadable: The splitter failed.
    """
    try:
        pieces = splitter.chunk_indices(text)
        return [(start, piece) for start, piece in pieces if piece.strip()]
    except BaseException as error:
        # pyo3 derives panics of Rust code from BaseException.
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable(f"the text cannot be split into chunks: {error}") from error


def _within(start: int, piece: str, sizes: Sizes, most: int) -> Iterator[Span]:
    """A piece, in parts if it is too long.

    The splitter keeps together what is shown as one character, such as a family of
    emoji, which may be many characters and more tokens.
    """
    if len(piece) < 2 or sizes.of(piece) <= most:  # noqa: PLR2004 - cannot be split
        yield start, start + len(piece)
        return
    half = len(piece) // 2
    yield from _within(start, piece[:half], sizes, most)
    yield from _within(start + half, piece[half:], sizes, most)
