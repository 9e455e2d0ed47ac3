"""Postings: which chunks have a term, and how often; as arrays and as bytes."""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from docprogress.words import Counts

_HEADER = np.dtype("<u4")
_TERM = np.dtype("<i8")
_SMALL = np.dtype("<u2")
_FREQUENCY = np.dtype("u1")
_SIZES = struct.Struct("<4I")
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

    def part(self, start: int, end: int) -> Self:
        """The postings of the terms from position `start` to `end`."""
        first = int(self.chunks[:start].sum(dtype=np.int64))
        last = first + int(self.chunks[start:end].sum(dtype=np.int64))
        return self._replace(
            terms=self.terms[start:end],
            chunks=self.chunks[start:end],
            places=self.places[first:last],
            frequencies=self.frequencies[first:last],
            lengths=self.lengths[:0],
        )

    def between(self, first: int, last: int) -> Self:
        """The postings of the terms from `first` to `last`."""
        start = int(np.searchsorted(self.terms, first))
        end = int(np.searchsorted(self.terms, last, side="right"))
        return self.part(start, end)

    def chosen(self, which: NDArray[np.bool_]) -> Self:
        """The postings of some of the terms."""
        of_posting = np.repeat(which, self.chunks)
        return self._replace(
            terms=self.terms[which],
            chunks=self.chunks[which],
            places=self.places[of_posting],
            frequencies=self.frequencies[of_posting],
        )

    def moved(self, places: NDArray[np.int32]) -> Self:
        """The postings at their new places; those without one are left out."""
        moved = places[self.places]
        kept = moved >= 0
        if kept.all():
            return self._replace(places=moved.astype(np.uint16))
        term = np.repeat(np.arange(len(self.terms)), self.chunks)[kept]
        left = np.bincount(term, minlength=len(self.terms))
        return self._replace(
            terms=self.terms[left > 0],
            chunks=left[left > 0].astype(np.uint16),
            places=moved[kept].astype(np.uint16),
            frequencies=self.frequencies[kept],
        )

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


def gather(several: Sequence[bytes]) -> Postings:
    """The postings of packed ones, one after the other.

    Places continue those of the one before. They are not sorted: see `join`.
    """
    cuts: list[list[bytes]] = [[], [], [], [], []]
    sizes = np.zeros((2, len(several)), np.int64)
    for at, data in enumerate(several):
        _, terms, places, lengths = _SIZES.unpack_from(data)
        sizes[:, at] = places, lengths
        start = _SIZES.size
        for cut, size in zip(
            cuts, (8 * terms, 2 * terms, 2 * places, 2 * lengths, places), strict=True
        ):
            cut.append(data[start : start + size])
            start += size
    kinds = _TERM, _SMALL, _SMALL, _SMALL, _FREQUENCY
    found: list[NDArray[Any]] = [
        np.frombuffer(b"".join(cut), kind)  # type: ignore[call-overload]
        for cut, kind in zip(cuts, kinds, strict=True)
    ]
    starts = np.cumsum(sizes[1]) - sizes[1]
    moved = found[2] + np.repeat(starts, sizes[0])
    return Postings(found[0], found[1], moved.astype(np.uint16), found[4], found[3])


def join(several: Sequence[Postings]) -> Postings:
    """The postings of all of these; places grow from one to the next."""
    terms = np.concatenate([one.terms for one in several])
    chunks = np.concatenate([one.chunks for one in several]).astype(np.int64)
    places = np.concatenate([one.places for one in several])
    frequencies = np.concatenate([one.frequencies for one in several])
    starts = np.cumsum(chunks) - chunks
    order = np.argsort(terms, kind="stable")
    terms, chunks = terms[order], chunks[order]
    shift = starts[order] - (np.cumsum(chunks) - chunks)
    taken = np.repeat(shift, chunks) + np.arange(len(places))
    first = np.flatnonzero(np.diff(terms, prepend=-1))
    return Postings(
        terms[first],
        (np.add.reduceat(chunks, first) if len(first) else chunks).astype(np.uint16),
        places[taken],
        frequencies[taken],
        np.zeros(0, np.uint16),
    )
