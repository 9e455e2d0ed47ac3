"""Places at which a long text is always divided, which depend only on the text nearby.

Between them, the splitter fills each chunk as far as it goes, so that an insertion
would move all chunks after it. An anchor stops that: behind the next one, the chunks
are what they were before, and need no new vectors. A short text has none.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from docprogress.steps.chunking.sizes import Sizes

#: How far around an anchor the text decides on it, in chunks: the least distance of
#: two of them. On average, it is twice that.
REACH_CHUNKS = 4
#: Characters of a token, about.
TOKEN_CHARACTERS = 4

#: The number of characters that identify a place.
COMPARED = 24

#: White space that a match may begin with before the range that is searched.
_BEFORE = 300

_LINE_END = r"(?:\r\n?|\n)"
# Full stops and other signs that end a sentence, of many scripts; without a space after
# them only where they are wide. Quotation marks and brackets may follow.
_WIDE = "[\\u3002\\uff01\\uff1f\\uff1b]"
_CLOSING = "[\"'\\u201d\\u2019\\xbb)\\]\\u300d\\u300f\\uff09]"
_STOP = rf"(?:[.!?:;\u2026\u061f\u06d4\u0964\u0965]|{_WIDE}){_CLOSING}?"
#: What is before a place, from the best to the worst: the end of a paragraph, of a line
#: that ends with a sentence, of a line, of a sentence, of a word.
_PLACES = (
    re.compile(rf"(?:\n|\r(?!\n))[^\S\r\n]*{_LINE_END}\s*(?=\S)"),
    re.compile(rf"{_STOP}[^\S\r\n]*{_LINE_END}\s*(?=\S)"),
    re.compile(rf"{_LINE_END}\s*(?=\S)"),
    re.compile(rf"{_STOP}\s+(?=\S)|{_WIDE}{_CLOSING}?(?=\S)"),
    re.compile(r"\s+(?=\S)"),
)


class Anchor(NamedTuple):
    """Where one part of a text ends, and where the next one begins."""

    end: int
    #: Before the end, if the parts share some text.
    begin: int


class _Place(NamedTuple):
    at: int
    #: Smaller is better.
    rank: int


def anchors(text: str, first: int, last: int, sizes: Sizes) -> Iterator[Anchor]:
    """The anchors of a part of a text."""
    reach = REACH_CHUNKS * sizes.most
    if sizes.count is not None:
        reach *= TOKEN_CHARACTERS
    if last - first <= 2 * reach:
        return
    found = _Places(text, first, last, reach)
    for block in range(1, (last - first - 1) // reach):
        anchor = found.anchor(block)
        if anchor is not None:
            place, level = anchor
            yield Anchor(place, _shared(text, first, place, level, sizes))


class _Places:
    """The places of a text by blocks, which are as long as the reach of an anchor."""

    def __init__(self, text: str, first: int, last: int, reach: int) -> None:
        self._text = text
        self._first = first
        self._last = last
        self._reach = reach
        # A block is needed for itself and for its neighbours.
        self._in_block = lru_cache(maxsize=4 * len(_PLACES))(self._search)

    def anchor(self, block: int) -> tuple[int, int] | None:
        """The best place of a block, with its level, unless a better one is near."""
        for level in range(len(_PLACES)):
            places = self._in_block(block, level)
            if places:
                best = min(places, key=_rank)
                near = self._near(block, best.at, level)
                if best.at > self._last - self._reach or near is None:
                    return None
                return (best.at, level) if best.rank < near else None
        return None

    def _near(self, block: int, at: int, level: int) -> int | None:
        """The best rank of the others near a place; None if one has a better level."""
        others = [block - 1, block, block + 1]
        ranks = [1 << 32]
        for better in range(level + 1):
            for other in others:
                for place in self._in_block(other, better):
                    if place.at != at and abs(place.at - at) < self._reach:
                        if better < level:
                            return None
                        ranks.append(place.rank)
        return min(ranks)

    def _search(self, block: int, level: int) -> list[_Place]:
        start = self._first + block * self._reach
        end = min(start + self._reach, self._last)
        search = _PLACES[level].finditer(
            self._text, max(self._first, start - _BEFORE), min(end + 1, self._last)
        )
        return [
            _Place(at, _hash(self._text, at))
            for at in (match.end() for match in search)
            if start <= at < end
        ]


def _rank(place: _Place) -> int:
    return place.rank


def _hash(text: str, at: int) -> int:
    return crc32(text[at : at + COMPARED].encode("utf-8", "surrogatepass"))


def _shared(text: str, first: int, at: int, level: int, sizes: Sizes) -> int:
    """Where a part begins that shares text with the one that ends at `at`."""
    reach = sizes.overlap * (1 if sizes.count is None else TOKEN_CHARACTERS)
    if not reach:
        return at
    search = _PLACES[level].finditer(text, max(first, at - reach - _BEFORE), at)
    begins = [match.end() for match in search]
    for begin in begins[bisect_left(begins, at - reach) :]:
        if sizes.of(text[begin:at].rstrip()) <= sizes.overlap:
            return begin
    return at
