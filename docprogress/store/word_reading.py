"""Read the postings that a query needs, under a filter."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, select

from docprogress.store import schema
from docprogress.store.postings import gather, join, unpack
from docprogress.store.search_filter import SearchFilter, read_first
from docprogress.store.word_owners import EntryOwners, Owner
from docprogress.store.word_scores import Found, Part, terms_of
from docprogress.store.word_sources import BITS, MANY_CHUNKS
from docprogress.words import OTHER_KIND, Query, hashed, kind_terms

#: Filters that admit no more entries are applied before the search, others after it.
SELECTIVE = 2000
_KEPT = 64

_document = schema.document.c
_entry = schema.word_document.c
_segment = schema.word_segment.c
_SEGMENTS = (
    select(
        _segment.id, _segment.count.label("chunks"), _segment.tokens, _segment.buckets
    )
    .where(_segment.complete == 1)
    .order_by(_segment.id)
)
_LENGTHS = select(_segment.lengths).where(_segment.id == bindparam("segment"))
#: The entries that are in no segment.
ENTRIES = select(
    _entry.document_id,
    _entry.number,
    _entry.attempt,
    _entry.count.label("chunks"),
    _entry.data,
).where(_entry.segment.is_(None))
_PLACES = (
    select(
        _entry.document_id,
        _entry.number,
        _entry.segment,
        _entry.first,
        _entry.count.label("chunks"),
    )
    .join_from(
        schema.document,
        schema.word_document,
        _entry.document_id == read_first(_document.id),
    )
    .where(_entry.attempt == _document.attempt)
)
_BLOCKS_IN_SQLITE = (
    "SELECT b.key, b.data FROM json_each(?) AS wanted"
    " CROSS JOIN word_block AS b ON b.segment = ? AND b.key = wanted.value"
)
_BLOCKS = (
    "SELECT b.key, b.data FROM word_block AS b"
    " WHERE b.key = ANY(CAST(%s AS BIGINT[])) AND b.segment = %s"
)

Lengths = dict[int, NDArray[np.uint16]]


@dataclass(slots=True)
class Read:
    """The data that a query needs."""

    parts: list[Part] = field(default_factory=list)
    #: For each part that is of entries, what it has words of.
    owners: list[EntryOwners | None] = field(default_factory=list)
    #: The number of chunks, and of words in them.
    chunks: int = 0
    tokens: int = 0
    #: In how many chunks each term is, whether the filter admits them or not: scores
    #: do not depend on the filter.
    frequencies: Counter[int] = field(default_factory=Counter)
    #: The number of entries that are in no segment.
    entries: int = 0
    #: Whether `parts` only allow chunks that the filter admits.
    filtered: bool = False


class Reader:
    """Reads the data that a query needs."""

    def __init__(
        self,
        connection: Connection,
        query: Query,
        scope: SearchFilter,
        lengths: Lengths,
    ) -> None:
        self._connection = connection
        self._terms = sorted(terms_of(query))
        self._kind = _kind_term(scope)
        self._plain = scope.kind == "text"
        self._scope = scope
        # Of segments, which never change.
        self._lengths = lengths

    def read(self) -> Read:
        """The postings of the query, of chunks that the filter may admit."""
        found = Read()
        admitted = self._admitted()
        by_segment: defaultdict[int | None, list[Any]] = defaultdict(list)
        for place in admitted or ():
            by_segment[place.segment].append(place)
        found.filtered = admitted is not None
        wanted = {(place.document_id, place.number) for place in by_segment[None]}
        self._read_entries(found, wanted if found.filtered else None)
        for row in self._connection.execute(_SEGMENTS).all():
            self._read_segment(found, row, by_segment[row.id])
        return found

    def _admitted(self) -> Sequence[Any] | None:
        """The entries that the filter admits; None if they are many."""
        if self._scope == SearchFilter(kind=self._scope.kind):
            return None
        query = _PLACES.where(self._scope.documents()).limit(SELECTIVE + 1)
        found = self._connection.execute(query).all()
        return None if len(found) > SELECTIVE else found

    def _read_entries(self, read: Read, wanted: set[tuple[str, int]] | None) -> None:
        kind = () if self._kind is None else (self._kind,)
        terms = np.array([*self._terms, *kind], np.int64)
        for rows in batches(self._connection.execute(ENTRIES)):
            gathered = gather([row.data for row in rows])
            read.entries += len(rows)
            read.chunks += len(gathered.lengths)
            read.tokens += int(gathered.lengths.sum(dtype=np.int64))
            postings = join([gathered.chosen(np.isin(gathered.terms, terms))])
            part = Part(gathered.lengths)
            for term in self._terms:
                if (found := postings.find(term)) is not None:
                    part.postings[term] = found
                    read.frequencies[term] += len(found[0])
            if not part.postings:
                continue
            owners = EntryOwners()
            allowed = np.full(len(part.lengths), wanted is None)
            for row in rows:
                if wanted is not None and (row.document_id, row.number) in wanted:
                    allowed[owners.chunks : owners.chunks + row.chunks] = True
                owners.add(Owner(row.document_id, row.number, row.attempt), row.chunks)
            part.allowed = None if wanted is None else allowed
            if self._kind is not None:
                self._allow_kind(part, postings.find(self._kind))
            read.parts.append(part)
            read.owners.append(owners)

    def _read_segment(self, read: Read, row: Any, admitted: Sequence[Any]) -> None:
        read.chunks += row.chunks
        read.tokens += row.tokens
        postings = self._postings(row.id, row.buckets, self._terms)
        for term, (places, _) in postings.items():
            read.frequencies[term] += len(places)
        if not postings or (read.filtered and not admitted):
            return
        part = Part(self._lengths_of(row.id), postings, segment=row.id)
        if read.filtered:
            part.allowed = np.zeros(row.chunks, np.bool_)
            for place in admitted:
                part.allowed[place.first : place.first + place.chunks] = True
        if self._kind is not None:
            kinds = self._postings(row.id, row.buckets, [self._kind])
            self._allow_kind(part, kinds.get(self._kind))
        read.parts.append(part)
        read.owners.append(None)

    def _postings(
        self, segment: int, buckets: int, terms: Sequence[int]
    ) -> dict[int, Found]:
        by_bucket: defaultdict[int, list[int]] = defaultdict(list)
        for term in terms:
            by_bucket[-1 - (term >> (BITS - buckets))].append(term)
        keys = [*by_bucket, *terms]
        if self._connection.dialect.name == "sqlite":
            rows = self._connection.exec_driver_sql(
                _BLOCKS_IN_SQLITE, (msgspec.json.encode(keys).decode(), segment)
            )
        else:
            rows = self._connection.exec_driver_sql(_BLOCKS, (keys, segment))
        found: dict[int, Found] = {}
        for key, data in rows:
            postings = unpack(data)
            for term in by_bucket.get(key, (key,)):
                if (places := postings.find(term)) is not None:
                    # Only these few bytes of a bucket are kept.
                    found[term] = (
                        places
                        if key >= 0
                        else (
                            places[0].copy(),
                            places[1].copy(),
                        )
                    )
        return found

    def _lengths_of(self, segment: int) -> NDArray[np.uint16]:
        found = self._lengths.get(segment)
        if found is None:
            data = self._connection.execute(_LENGTHS, {"segment": segment}).scalar_one()
            found = np.frombuffer(data, "<u2")
            while len(self._lengths) >= _KEPT:
                self._lengths.pop(next(iter(self._lengths)), None)
            self._lengths[segment] = found
        return found

    def _allow_kind(self, part: Part, found: Found | None) -> None:
        allowed = np.full(len(part.lengths), self._plain)
        if found is not None:
            allowed[found[0]] = not self._plain
        part.allowed = allowed if part.allowed is None else part.allowed & allowed


def batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Entries, as many at a time as their chunks allow."""
    batch: list[Any] = []
    chunks = 0
    for row in rows:
        if batch and chunks + row.chunks > MANY_CHUNKS:
            yield batch
            batch, chunks = [], 0
        batch.append(row)
        chunks += row.chunks
    if batch:
        yield batch


def _kind_term(scope: SearchFilter) -> int | None:
    """The term that chunks of the kind have; that chunks of plain text do not have."""
    if scope.kind is None:
        return None
    wanted = kind_terms(scope.kind)
    return hashed(wanted[-1] if wanted else OTHER_KIND)
