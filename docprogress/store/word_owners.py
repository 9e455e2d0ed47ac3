"""Find the documents and the numbers of chunks that a search has ranked."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select

from docprogress.store import schema
from docprogress.store.search_filter import SearchFilter, any_of
from docprogress.store.vector_index.matches import Match
from docprogress.store.word_scores import Part, Scored

_document = schema.document.c
_IN_SQLITE = (
    "SELECT wanted.key, w.document_id, w.number, w.attempt, w.first, w.count"
    " FROM json_each(?) AS wanted"
    " CROSS JOIN word_document AS w"
    " ON w.segment = json_extract(wanted.value, '$[0]') AND w.first = ("
    " SELECT max(before.first) FROM word_document AS before"
    " WHERE before.segment = json_extract(wanted.value, '$[0]')"
    " AND before.first <= json_extract(wanted.value, '$[1]'))"
)
_IN_POSTGRESQL = (
    "SELECT wanted.key - 1, w.document_id, w.number, w.attempt, w.first, w.count"
    " FROM unnest(CAST(%s AS BIGINT[]), CAST(%s AS BIGINT[])) WITH ORDINALITY"
    " AS wanted (segment, place, key) CROSS JOIN LATERAL ("
    " SELECT * FROM word_document"
    " WHERE segment = wanted.segment AND first <= wanted.place"
    " ORDER BY first DESC LIMIT 1) AS w"
)


class Owner(NamedTuple):
    """A chunk, and the attempt that made it."""

    document_id: str
    number: int
    attempt: int


class EntryOwners:
    """The owners of the chunks of several entries, by place."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._owners: list[Owner] = []
        self.chunks = 0

    def add(self, owner: Owner, chunks: int) -> None:
        """Add an entry, whose first chunk is the owner."""
        self._firsts.append(self.chunks)
        self._owners.append(owner)
        self.chunks += chunks

    def at(self, place: int) -> Owner:
        """The owner of the chunk at a place."""
        entry = bisect_right(self._firsts, place) - 1
        owner = self._owners[entry]
        return owner._replace(number=owner.number + place - self._firsts[entry])


def matches(
    connection: Connection,
    scored: Scored,
    parts: Sequence[Part],
    entries: Sequence[EntryOwners | None],
    scope: SearchFilter | None,
) -> list[Match]:
    """The chunks that are there and that a filter admits, in their order.

    Without a filter, all of `parts` are known to be admitted.
    """
    owners = _owners(connection, scored, parts, entries)
    admitted = None
    if scope is not None:
        ids = {owner.document_id for owner in owners.values()}
        query = select(_document.id, _document.attempt).where(
            any_of(_document.id, ids), scope.documents()
        )
        admitted = {tuple(row) for row in connection.execute(query)}
    return [
        Match(float(score), owner.document_id, owner.number)
        for at, score in enumerate(scored.scores)
        if (owner := owners.get(at)) is not None
        and (admitted is None or (owner.document_id, owner.attempt) in admitted)
    ]


def _owners(
    connection: Connection,
    scored: Scored,
    parts: Sequence[Part],
    entries: Sequence[EntryOwners | None],
) -> dict[int, Owner]:
    """The owners of chunks, by position; none for chunks that are no more."""
    found: dict[int, Owner] = {}
    asked: list[tuple[int, int, int]] = []
    places = zip(scored.parts.tolist(), scored.places.tolist(), strict=True)
    for at, (part, place) in enumerate(places):
        entry = entries[part]
        segment = parts[part].segment
        if entry is not None:
            found[at] = entry.at(place)
        elif segment is not None:
            asked.append((at, segment, place))
    for key, document_id, number, attempt, first, count in _rows(connection, asked):
        at, _, place = asked[key]
        if place < first + count:
            found[at] = Owner(document_id, number + place - first, attempt)
    return found


def _rows(
    connection: Connection, asked: Sequence[tuple[int, int, int]]
) -> list[tuple[int, str, int, int, int, int]]:
    if not asked:
        return []
    if connection.dialect.name == "sqlite":
        wanted = msgspec.json.encode([row[1:] for row in asked]).decode()
        rows = connection.exec_driver_sql(_IN_SQLITE, (wanted,))
    else:
        segments, places = [row[1] for row in asked], [row[2] for row in asked]
        rows = connection.exec_driver_sql(_IN_POSTGRESQL, (segments, places))
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]
