"""Read the postings that a query needs, and find the chunks that they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from docprogress.store import schema
from docprogress.store.postings import unpack
from docprogress.store.search_filter import SearchFilter, any_of
from docprogress.store.vector_index.matches import Match
from docprogress.store.word_scores import Found, Part, Scored, terms_of
from docprogress.words import OTHER_KIND, Query, hashed, kind_terms

#: Filters that admit no more entries are applied before the search, others after it.
SELECTIVE = 2000

_document = schema.document.c
_entry = schema.word_document.c
_segment = schema.word_segment.c
_CURRENT_ENTRY = _entry.attempt == _document.attempt
_SEGMENTS = (
    select(_segment.id, _segment.count, _segment.tokens, _segment.buckets)
    .where(_segment.complete == 1)
    .order_by(_segment.id)
)
_ENTRIES = select(
    _entry.document_id, _entry.number, _entry.count, _entry.attempt, _entry.data
).where(_entry.segment.is_(None))
_PLACES = select(
    _entry.document_id, _entry.number, _entry.segment, _entry.first, _entry.count
).join(schema.document)
_BLOCKS = {
    "sqlite": (
        "SELECT b.key, b.data FROM json_each(?) AS wanted"
        " CROSS JOIN word_block AS b ON b.segment = ? AND b.key = wanted.value"
    ),
    "postgresql": (
        "SELECT b.key, b.data FROM word_block AS b"
        " WHERE b.key = ANY(%s::BIGINT[]) AND b.segment = %s"
    ),
}


@dataclass(slots=True)
class Entry:
    """An entry that is in no segment."""

    document_id: str
    number: int
    attempt: int


@dataclass(slots=True)
class Read:
    """What a query needs."""

    parts: list[Part]
    #: The number of words of all chunks.
    tokens: int
    entries: list[Entry]
    #: Whether `parts` only allows chunks that the filter admits.
    filtered: bool

    def resolve(
        self, connection: Connection, scored: Scored, scope: SearchFilter
    ) -> list[Match]:
        """The chunks that the filter admits, in their order."""
        owners = self._owners(scored)
        admitted = None
        if not self.filtered:
            ids = {owner.document_id for owner in owners if owner is not None}
            query = select(_document.id, _document.attempt).where(
                any_of(_document.id, ids), scope.documents()
            )
            admitted = {tuple(row) for row in connection.execute(query)}
        return [
            Match(float(score), owner.document_id, owner.number)
            for score, owner in zip(scored.scores, owners, strict=True)
            if owner is not None
            and (admitted is None or (owner.document_id, owner.attempt) in admitted)
        ]

    def _owners(self, scored: Scored) -> list[Entry | None]:
        """The document and the number of each chunk."""
        found: list[Entry | None] = []
        for at, place in zip(
            scored.parts.tolist(), scored.places.tolist(), strict=True
        ):
            part = self.parts[at]
            entry = self.entries[part.origin]
            found.append(Entry(entry.document_id, entry.number + place, entry.attempt))
        return found


def read(connection: Connection, query: Query, scope: SearchFilter) -> Read | None:
    """Read what a query needs; None if the filter admits nothing."""
    places = _admitted(connection, scope)
    if places is not None and not places:
        return None
    terms = terms_of(query)
    kind = _kind_terms(scope)
    tokens = 0
    parts: list[Part] = []
    entries: list[Entry] = []
    admitted = places and {(p.document_id, p.number) for p in places}
    for document_id, number, _, attempt, data in connection.execute(_ENTRIES):
        if admitted is not None and (document_id, number) not in admitted:
            continue
        postings = unpack(data)
        part = Part(len(entries), in_segment=False, lengths=postings.lengths)
        entries.append(Entry(document_id, number, attempt))
        parts.append(part)
        tokens += int(postings.lengths.sum(dtype=np.int64))
        for term in terms:
            if (found := postings.find(term)) is not None:
                part.postings[term] = found
        _allow_kind(part, scope, {t: postings.find(t) for t in kind})
    return Read(parts, tokens, entries, filtered=places is not None)


def _admitted(connection: Connection, scope: SearchFilter) -> Sequence[Any] | None:
    """The entries that a filter admits; None if they are many."""
    if scope == SearchFilter(kind=scope.kind):
        return None
    query = _PLACES.where(scope.documents(), _CURRENT_ENTRY).limit(SELECTIVE + 1)
    found = connection.execute(query).all()
    return None if len(found) > SELECTIVE else found


def _kind_terms(scope: SearchFilter) -> list[int]:
    """The term that a chunk of the filter's kind must have; for text, must not have."""
    if scope.kind is None:
        return []
    wanted = kind_terms(scope.kind)
    return [hashed(wanted[-1] if wanted else OTHER_KIND)]


def _allow_kind(
    part: Part, scope: SearchFilter, postings: dict[int, Found | None]
) -> None:
    for found in postings.values():
        other = scope.kind == "text"
        allowed = np.full(len(part.lengths), other)
        if found is not None:
            allowed[found[0]] = not other
        part.allowed = allowed if part.allowed is None else part.allowed & allowed
