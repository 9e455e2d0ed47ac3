"""Scores of chunks by BM25, over the postings of a query's terms."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docprogress.words import Query, Wanted

#: How soon more of the same word stops to matter, and how much long chunks lose.
K1 = 1.2
B = 0.75
#: So many chunks are sorted first; mostly, they suffice.
_FEW = 64

Found = tuple[NDArray[np.uint16], NDArray[np.uint8]]


@dataclass(slots=True)
class Part:
    """The postings of a query's terms in a segment, or in an entry of a document."""

    lengths: NDArray[np.uint16]
    #: By term.
    postings: dict[int, Found] = field(default_factory=dict)
    #: The chunks that the search considers; None for all of them.
    allowed: NDArray[np.bool_] | None = None
    #: The segment; None for an entry.
    segment: int | None = None


class Scored(NamedTuple):
    """Chunks with their scores, best first."""

    scores: NDArray[np.float32]
    #: The positions of their parts, and their places in them.
    parts: NDArray[np.uint16]
    places: NDArray[np.uint16]


def terms_of(query: Query) -> set[int]:
    """All terms of a query."""
    return {
        term
        for word in query.words
        for term in (*(term for term, _ in word.terms), *word.parts)
    }


class Ranking:
    """The chunks that a query finds, in the order of their scores."""

    def __init__(
        self,
        query: Query,
        parts: Sequence[Part],
        *,
        frequencies: Mapping[int, int],
        chunks: int,
        tokens: int,
    ) -> None:
        self._rarity = {
            term: log(1 + (chunks - df + 0.5) / (df + 0.5))
            for term, df in frequencies.items()
        }
        #: The rarity of a term that no chunk has.
        self._unknown = log(1 + (chunks + 0.5) / 0.5)
        #: The score of a chunk of average length that has every word of the query once.
        self.complete = sum(map(self._complete, query.words))
        self._average = max(tokens / chunks, 1.0) if chunks else 1.0
        self._scores: list[NDArray[np.float32]] = []
        self._parts: list[NDArray[np.uint16]] = []
        self._places: list[NDArray[np.uint16]] = []
        for at, part in enumerate(parts):
            self._add(at, part, query.words)

    def best(self) -> Iterator[Scored]:
        """The chunks, some at a time: more each time, since few may do."""
        if not self._scores:
            return
        scores = np.concatenate(self._scores)
        parts = np.concatenate(self._parts)
        places = np.concatenate(self._places)
        first = np.arange(len(scores))
        if len(scores) > _FEW:
            first = np.argpartition(scores, -_FEW)[-_FEW:]
        first = first[np.lexsort((first, -scores[first]))]
        yield Scored(scores[first], parts[first], places[first])
        if len(scores) <= _FEW:
            return
        order = np.argsort(-scores, kind="stable")
        order = order[~np.isin(order, first)]
        start, size = 0, 4 * _FEW
        while start < len(order):
            some = order[start : start + size]
            yield Scored(scores[some], parts[some], places[some])
            start, size = start + size, 4 * size

    def _complete(self, word: Wanted) -> float:
        """The score of a word, if a chunk of average length has it once."""
        known = [self._rarity[term] for term, _ in word.terms if term in self._rarity]
        if known and word.needed > 1:
            # Pairs of letters that no chunk has may only join two words.
            return len(word.terms) * sum(known) / len(known)
        if known:
            return max(known)
        parts = [self._rarity.get(term, self._unknown) for term in word.parts]
        return max([self._unknown, *parts])

    def _add(self, at: int, part: Part, words: Iterable[Wanted]) -> None:
        norms = K1 * (1 - B + B / self._average * part.lengths.astype(np.float32))
        total = np.zeros(len(norms), np.float32)
        touched = False
        for word in words:
            touched |= self._add_word(total, part, norms, word)
        if not touched:
            return
        if part.allowed is not None:
            total *= part.allowed
        [places] = np.nonzero(total)
        if len(places):
            self._scores.append(total[places])
            self._parts.append(np.full(len(places), at, np.uint16))
            self._places.append(places.astype(np.uint16))

    def _add_word(
        self,
        total: NDArray[np.float32],
        part: Part,
        norms: NDArray[np.float32],
        word: Wanted,
    ) -> bool:
        found = [
            (part.postings[term], weight * self._rarity[term])
            for term, weight in word.terms
            if term in part.postings
        ]
        touched = False
        if len(found) >= word.needed:
            touched = True
            if word.needed == 1:
                for postings, weight in found:
                    _add(total, postings, norms, weight)
            else:
                _add_several(total, found, norms, word.needed)
        if word.parts and all(term in part.postings for term in word.parts):
            touched = True
            share = word.parts_weight / len(word.parts)
            every = [
                (part.postings[term], share * self._rarity[term]) for term in word.parts
            ]
            _add_several(total, every, norms, len(every))
        return touched


def _add_several(
    total: NDArray[np.float32],
    found: Sequence[tuple[Found, float]],
    norms: NDArray[np.float32],
    needed: int,
) -> None:
    """Add the scores of chunks that have enough of several terms."""
    scores = np.zeros_like(total)
    counts = np.zeros(len(total), np.uint8)
    for postings, weight in found:
        _add(scores, postings, norms, weight)
        counts[postings[0]] += 1
    scores[counts < needed] = 0
    total += scores


def _add(
    total: NDArray[np.float32],
    postings: Found,
    norms: NDArray[np.float32],
    weight: float,
) -> None:
    places, frequencies = postings
    score = frequencies.astype(np.float32)
    score /= score + norms[places]
    score *= np.float32(weight * (K1 + 1))
    total[places] += score
