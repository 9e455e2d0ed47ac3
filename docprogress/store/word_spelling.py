"""Correct the words of a query that the index does not have, or hardly ever.

A word that no chunk has is replaced by the words within one error of it that some have,
or, if it is long, within two. A word that a few chunks have is searched for as well as
a word beside it that very many have. Codes, numbers and scripts without spaces are
never corrected.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, select

from docprogress.store import schema, word_filter
from docprogress.store.postings import gather
from docprogress.store.search_filter import SearchFilter
from docprogress.store.word_ranking import ranked
from docprogress.store.word_reading import ENTRIES, Lengths, Read, Reader, batches
from docprogress.words import Correction, Query, Wanted
from docprogress.words.folding import fold
from docprogress.words.query import corrected
from docprogress.words.spelling import ONE_ERROR, Spellings, known, spellings
from docprogress.words.stems import stem
from docprogress.words.terms import token_terms
from docprogress.words.tokens import tokens

#: The most words of a query that are looked up: each takes some milliseconds.
MOST_WORDS = 6
#: The most words that are searched for instead of one.
CHOICES = 3
#: A word in so few chunks is searched for in another spelling too, if one with one
#: error is in so many times as many.
RARE = 2
MANY_TIMES = 100
#: So many of the words that are found are looked up in so many texts each: the index
#: has stems and parts of compounds too, which nobody writes.
_MOST_READ = 8
_TEXTS_READ = 3
#: More spellings that may be in the index are not looked up: it is too small a word.
_MOST_FOUND = 500

_FILTERS = (
    select(schema.word_block.c.data)
    .join(schema.word_segment, schema.word_segment.c.id == schema.word_block.c.segment)
    .where(
        schema.word_segment.c.complete == 1,
        schema.word_block.c.key == bindparam("key"),
    )
)

_TEXT = select(schema.chunk.c.text, schema.chunk.c.headings).where(
    schema.chunk.c.document_id == bindparam("document"),
    schema.chunk.c.number == bindparam("chunk"),
)

Terms = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Found:
    """A word of the index, or the stem of one, and in how many chunks it is."""

    term: int
    word: str
    same_start: bool
    chunks: int
    #: As a text has it.
    written: str = ""


class Speller:
    """Corrects the words of a query."""

    def __init__(
        self, connection: Connection, scope: SearchFilter, lengths: Lengths
    ) -> None:
        self._connection = connection
        self._scope = scope
        self._lengths = lengths

    def corrections(self, query: Query, read: Read | None) -> dict[int, Correction]:
        """What is searched for instead of words, by their positions.

        Args:
            query: The query.
            read: What it has found; None if none of its words is in a chunk.
        """
        wanted = {
            at: chunks
            for at, word in enumerate(query.words)
            if len(word.plain) >= ONE_ERROR
            and (chunks := _chunks(read, word) if read else 0) <= RARE
        }
        found: dict[int, Correction] = {}
        for at, chunks in list(wanted.items())[:MOST_WORDS]:
            if correction := self._correction(query.words[at], chunks):
                found[at] = correction
        return found

    def _correction(self, word: Wanted, chunks: int) -> Correction | None:
        for errors in (1, 2) if not chunks else (1,):
            found = self._near(word.plain, errors)
            if chunks:
                found = [f for f in found if f.chunks >= MANY_TIMES * chunks]
                found = [f for f in found if stem(f.word) != stem(word.plain)]
            if found:
                best = [f for f in found if f.same_start == found[0].same_start]
                used = tuple(dict.fromkeys(each.written for each in best))[:CHOICES]
                return Correction(word.written, used, also=chunks > 0)
        return None

    def _near(self, word: str, errors: int) -> list[_Found]:
        """Words of the index with so many errors less, the most frequent first."""
        made: list[Spellings] = []
        for form in dict.fromkeys((word, stem(word))):
            made += spellings(form, errors)
        if not made:
            return []
        hashes = np.sort(np.concatenate([each.hashes for each in made]))
        having = self._in_index(hashes)
        if not having or len(having) > _MOST_FOUND:
            return []
        terms = Wanted(tuple((term, 1.0) for term in having))
        read = Reader(
            self._connection, Query((terms,)), self._scope, self._lengths
        ).read()
        found = []
        for term, each in known(made, np.array(having)).items():
            if chunks := _of(read, term):
                found.append(_Found(term, each, each[0] == word[0], chunks))
        found.sort(key=lambda f: (not f.same_start, -f.chunks, f.word))
        verified = (self._verified(read, each, word) for each in found[:_MOST_READ])
        return [each for each in verified if each is not None]

    def _in_index(self, hashes: Terms) -> list[int]:
        """Those of sorted hashes that a segment or an entry may have."""
        found: set[int] = set()
        for data in self._connection.scalars(_FILTERS, {"key": word_filter.KEY}):
            found.update(word_filter.contained(data, hashes).tolist())
        for rows in batches(self._connection.execute(ENTRIES)):
            terms = gather([row.data for row in rows]).terms
            at = np.searchsorted(hashes, terms).clip(max=len(hashes) - 1)
            found.update(terms[hashes[at] == terms].tolist())
        return sorted(found)

    def _verified(self, read: Read, found: _Found, word: str) -> _Found | None:
        """The word as texts have it; None if they only have it as a part of others."""
        query = Query((Wanted(((found.term, 1.0),)),))
        several, _ = ranked(self._connection, query, read, self._scope, _TEXTS_READ)
        for match in several:
            place = {"document": match.document_id, "chunk": match.number}
            for row in self._connection.execute(_TEXT, place):
                for token in tokens("\n".join((row.text, row.headings or ""))):
                    if _is(token, found.word, len(word)):
                        whole = token.isalpha()
                        return replace(found, written=token if whole else found.word)
        return None


def apply(query: Query, corrections: dict[int, Correction]) -> Query:
    """The query with its words corrected."""
    words: list[Wanted] = []
    for at, word in enumerate(query.words):
        correction = corrections.get(at)
        words.append(corrected(word, correction) if correction else word)
    return Query(tuple(words))


def _is(token: str, word: str, length: int) -> bool:
    """Whether a token is this word, a code with it, or a form of it about as long."""
    found = fold(token).replace("'", "")
    if found == word or (not found.isalpha() and word in token_terms(token)):
        return True
    return abs(len(found) - length) <= 1 and stem(found) == word


def _chunks(read: Read, word: Wanted) -> int:
    """In how many chunks that the filter admits a word is, in whatever form."""
    return max((_of(read, term) for term, _ in word.terms), default=0)


def _of(read: Read, term: int) -> int:
    count = 0
    for part in read.parts:
        if (found := part.postings.get(term)) is not None:
            places = found[0]
            count += (
                len(places) if part.allowed is None else int(part.allowed[places].sum())
            )
    return count
