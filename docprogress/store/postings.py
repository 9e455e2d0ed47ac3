"""Postings: which chunks have a term, and how often; as arrays and as bytes."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from docprogress.words import Counts

_HEADER = np.dtype("<u4")
_TERM = np.dtype("<i8")
_SMALL = np.dtype("<u2")
_FREQUENCY = np.dtype("u1")
_VERSION = 1


class Postings(NamedTuple):
    """Sorted by term, then by place, which is a chunk's number in a segment."""

    terms: NDArray[np.int64]
    #: In how many chunks each term is.
    chunks: NDArray[np.uint16]
    places: NDArray[np.uint16]
    frequencies: NDArray[np.uint8]
    #: The numbers of words of the chunks; empty where they are elsewhere.
    lengths: NDArray[np.uint16]

    @classmethod
    def of(cls, counts: Counts) -> Self:
        """The postings of a document's chunks, in their order."""
        return cls(
            counts.terms,
            counts.texts.astype(np.uint16),
            counts.numbers,
            counts.frequencies,
            counts.lengths,
        )

    def find(self, term: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]] | None:
        """The places of a term and its frequencies."""
        at = int(np.searchsorted(self.terms, term))
        if at == len(self.terms) or self.terms[at] != term:
            return None
        start = int(self.chunks[:at].sum(dtype=np.int64))
        end = start + int(self.chunks[at])
        return self.places[start:end], self.frequencies[start:end]

    def pack(self) -> bytes:
        """The postings as bytes."""
        sizes = [_VERSION, len(self.terms), len(self.places), len(self.lengths)]
        return b"".join(
            (
                np.array(sizes, _HEADER).tobytes(),
                self.terms.astype(_TERM, copy=False).tobytes(),
                self.chunks.astype(_SMALL, copy=False).tobytes(),
                self.places.astype(_SMALL, copy=False).tobytes(),
                self.lengths.astype(_SMALL, copy=False).tobytes(),
                self.frequencies.tobytes(),
            )
        )


def unpack(data: bytes) -> Postings:
    """The postings of bytes, which are not copied."""
    _, terms, places, lengths = map(int, np.frombuffer(data, _HEADER, 4))
    start = 4 * _HEADER.itemsize
    found: list[NDArray[Any]] = []
    for kind, count in (
        (_TERM, terms),
        (_SMALL, terms),
        (_SMALL, places),
        (_SMALL, lengths),
        (_FREQUENCY, places),
    ):
        found.append(np.frombuffer(data, kind, count, start))
        start += count * kind.itemsize
    return Postings(found[0], found[1], found[2], found[4], found[3])
