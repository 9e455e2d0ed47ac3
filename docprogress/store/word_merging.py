"""Merge entries of the index of words into segments, and segments into larger ones.

A segment holds the postings of many documents, by term, so that a search reads a few
blocks of it. It is written in several short transactions, and takes the place of what
it was merged from in one more. One process at a time merges.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from docprogress.errors import StoreError
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.postings import Postings, join, unpack

#: Entries are merged when there are so many of them, or of their chunks.
MOST_ENTRIES = 64
MANY_CHUNKS = 4096
#: So many segments of similar sizes are merged into one.
FAN_OUT = 8
#: The most chunks of a segment: places are numbers of 16 bits.
MOST_CHUNKS = 65_535
#: A term in so many chunks of a segment has a block of its own.
FREQUENT = 512
_POSTINGS_PER_BUCKET = 4096
_POSTINGS_AT_ONCE = 1 << 19
_BYTES_PER_TRANSACTION = 1 << 22
#: Bits of a term.
_BITS = 63
#: Seconds after which a merge that writes nothing is taken for dead.
_STALE = 60
# So that seconds fit into 32 bits.
_EPOCH = 1_700_000_000
_LOCK = 0x646F63776F7264

_entry = schema.word_document.c
_segment = schema.word_segment.c
_block = schema.word_block.c
_UNMERGED = (
    select(
        _entry.document_id,
        _entry.number,
        _entry.attempt,
        _entry.first,
        _entry.count.label("chunks"),
        _entry.data,
    )
    .where(_entry.segment.is_(None))
    .limit(4 * MOST_ENTRIES)
)
_COUNT_UNMERGED = select(func.count(), func.coalesce(func.sum(_entry.count), 0)).where(
    _entry.segment.is_(None)
)
_ENTRIES_OF = (
    select(
        _entry.document_id, _entry.number, _entry.attempt, _entry.first, _entry.count
    )
    .join(
        schema.document,
        and_(
            schema.document.c.id == _entry.document_id,
            schema.document.c.attempt == _entry.attempt,
        ),
    )
    .where(_entry.segment == bindparam("segment"))
    .order_by(_entry.first)
)
_SIZES = select(_segment.id, _segment.count.label("chunks")).where(
    _segment.complete == 1
)
_SEGMENTS = select(
    _segment.id, _segment.count.label("chunks"), _segment.buckets, _segment.lengths
).where(_segment.complete == 1)
_BLOCKS = select(_block.key, _block.data).where(
    _block.segment == bindparam("segment"),
    or_(
        _block.key.between(bindparam("first_term"), bindparam("last_term")),
        _block.key.between(bindparam("last_bucket"), bindparam("first_bucket")),
    ),
)
_LIVE = (
    select(_entry.segment)
    .join(
        schema.document,
        and_(
            schema.document.c.id == _entry.document_id,
            schema.document.c.attempt == _entry.attempt,
        ),
    )
    .where(_entry.segment == _segment.id)
)
_GONE = select(_segment.id).where(_segment.complete == 1, ~_LIVE.exists())
_MOVE = (
    update(schema.word_document)
    .where(
        _entry.document_id == bindparam("document"),
        _entry.number == bindparam("chunk"),
        _entry.attempt == bindparam("of_attempt"),
        _entry.segment.is_not_distinct_from(bindparam("source")),
    )
    .values(segment=bindparam("into"), first=bindparam("place"), data=None)
)


class _OutdatedError(Exception):
    """Another process has merged the same segments."""


class _Owner(NamedTuple):
    """An entry of the source of a merge, and where its chunks go."""

    document_id: str
    number: int
    attempt: int
    place: int


class _Source:
    """An entry or a segment that is merged into a new one."""

    def __init__(self, segment: int | None, lengths: NDArray[np.uint16]) -> None:
        self.segment = segment
        self.buckets = 0
        self.postings: Postings | None = None
        self.owners: list[_Owner] = []
        self.lengths = lengths
        #: The new place of each old one; -1 for chunks that are no more.
        self.places = np.full(len(lengths), -1, np.int32)

    def take(self, rows: Iterable[Sequence[Any]], place: int) -> int:
        """Give new places to the chunks of these entries; the next free place."""
        for document_id, number, attempt, first, chunks, *_ in rows:
            self.owners.append(_Owner(document_id, number, attempt, place))
            self.places[first : first + chunks] = np.arange(place, place + chunks)
            place += chunks
        return place

    def between(self, connection: Connection, bits: int, part: int) -> list[Postings]:
        """The postings of the terms whose first bits are `part`."""
        first = part << (_BITS - bits)
        last = first + (1 << (_BITS - bits)) - 1
        if self.postings is not None:
            return [self.postings.between(first, last)]
        shift = _BITS - self.buckets
        rows = connection.execute(
            _BLOCKS,
            {
                "segment": self.segment,
                "first_term": first,
                "last_term": last,
                "first_bucket": -1 - (first >> shift),
                "last_bucket": -1 - (last >> shift),
            },
        )
        return [unpack(data).between(first, last) for _, data in rows]


def merge(database: Database) -> Iterator[None]:
    """Do the most urgent merge, one step at a time.

    Nothing is yielded if there is none, or if another process merges. Abandoning the
    iterator leaves the index as it is.
    """
    with database.reading() as connection:
        if not _due(connection):
            return
    segment = _begin(database)
    if segment is None:
        return
    try:
        yield from _merge_into(database, segment)
    except _OutdatedError:
        pass
    except Exception:
        with suppress(StoreError), database.writing() as connection:
            _discard(connection, segment)
        raise
    with database.writing() as connection:
        _discard(connection, segment)


def purge(database: Database) -> None:
    """Remove segments without any chunk that is still there."""
    with database.reading() as connection:
        gone = list(connection.scalars(_GONE))
    for segment in gone:
        with database.writing() as connection:
            for table, column in (
                (schema.word_document, _entry.segment),
                (schema.word_block, _block.segment),
                (schema.word_segment, _segment.id),
            ):
                connection.execute(delete(table).where(column == segment))


def _due(connection: Connection) -> bool:
    entries, chunks = connection.execute(_COUNT_UNMERGED).one()
    if entries >= MOST_ENTRIES or chunks >= MANY_CHUNKS:
        return True

    segments = connection.execute(_SIZES).all()
    return bool(_similar([(row.id, row.chunks) for row in segments]))


def _similar(segments: Sequence[tuple[int, int]]) -> list[int]:
    """Segments of similar sizes that are worth merging; the smallest first."""
    by_size: dict[int, list[tuple[int, int]]] = {}
    for segment, count in segments:
        by_size.setdefault(max(count, 1).bit_length() // 3, []).append((count, segment))
    for size in sorted(by_size):
        group = sorted(by_size[size])[:FAN_OUT]
        if len(group) == FAN_OUT:
            chosen: list[int] = []
            total = 0
            for count, segment in group:
                total += count
                if total > MOST_CHUNKS:
                    break
                chosen.append(segment)
            if len(chosen) > 1:
                return chosen
    return []


def _begin(database: Database) -> int | None:
    """Register a new segment, unless another process is writing one."""
    segment = secrets.randbits(62)
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        writing = connection.execute(
            select(_segment.id, _segment.complete).where(_segment.complete != 1)
        ).all()
        for other, moment in writing:
            if -moment > _seconds() - _STALE:
                return None
            _discard(connection, other)
        connection.execute(
            insert(schema.word_segment).values(
                id=segment,
                count=0,
                tokens=0,
                buckets=0,
                complete=-_seconds(),
                lengths=b"",
            )
        )
    return segment


def _discard(connection: Connection, segment: int) -> None:
    """Remove a segment that is not complete."""
    removed = connection.execute(
        delete(schema.word_segment).where(
            _segment.id == segment, _segment.complete != 1
        )
    )
    if removed.rowcount:
        connection.execute(delete(schema.word_block).where(_block.segment == segment))


def _merge_into(database: Database, segment: int) -> Iterator[None]:
    with database.snapshot() as connection:
        sources = _unmerged(connection) or _segments(connection)
    if not sources:
        return
    lengths = np.concatenate([source.lengths[source.places >= 0] for source in sources])
    tokens = int(lengths.sum(dtype=np.int64))
    # About as many as there are words.
    bits = max(0, tokens // _POSTINGS_PER_BUCKET).bit_length()
    parts = min(bits, (tokens // _POSTINGS_AT_ONCE).bit_length())
    for blocks in _written(database, sources, bits, parts):
        with database.writing() as connection:
            alive = connection.execute(
                update(schema.word_segment)
                .where(_segment.id == segment)
                .values(complete=-_seconds())
            )
            if not alive.rowcount:
                raise _OutdatedError
            connection.execute(
                insert(schema.word_block),
                [
                    {"segment": segment, "key": key, "data": data}
                    for key, data in blocks
                ],
            )
        yield
    finished = {
        "count": len(lengths),
        "tokens": tokens,
        "buckets": bits,
        "lengths": lengths.astype("<u2").tobytes(),
        "complete": 1,
    }
    with database.writing() as connection:
        _finish(connection, segment, sources, finished)
    yield


def _unmerged(connection: Connection) -> list[_Source]:
    """The entries that are in no segment, if they are many."""
    entries, chunks = connection.execute(_COUNT_UNMERGED).one()
    if entries < MOST_ENTRIES and chunks < MANY_CHUNKS:
        return []
    sources = []
    place = 0
    for row in connection.execute(_UNMERGED):
        if place + row.chunks > MOST_CHUNKS:
            break
        postings = unpack(row.data)
        source = _Source(None, postings.lengths)
        source.postings = postings
        place = source.take([row], place)
        sources.append(source)
    return sources


def _segments(connection: Connection) -> list[_Source]:
    """The segments that are merged next."""
    found = {row.id: row for row in connection.execute(_SEGMENTS)}
    sources = []
    place = 0
    for segment in _similar([(row.id, row.chunks) for row in found.values()]):
        row = found[segment]
        source = _Source(segment, np.frombuffer(row.lengths, "<u2"))
        source.buckets = row.buckets
        owners = connection.execute(_ENTRIES_OF, {"segment": segment})
        place = source.take(owners, place)
        sources.append(source)
    return sources


def _written(
    database: Database, sources: Sequence[_Source], bits: int, parts: int
) -> Iterator[list[tuple[int, bytes]]]:
    """The blocks of the new segment, as many at a time as one transaction writes."""
    blocks: list[tuple[int, bytes]] = []
    size = 0
    for part in range(1 << parts):
        with database.reading() as connection:
            found = [
                postings.moved(source.places)
                for source in sources
                for postings in source.between(connection, parts, part)
            ]
        for key, postings in _blocks(join(found), bits):
            blocks.append((key, postings.pack()))
            size += len(blocks[-1][1])
            if size >= _BYTES_PER_TRANSACTION:
                yield blocks
                blocks, size = [], 0
    if blocks:
        yield blocks


def _blocks(postings: Postings, bits: int) -> Iterator[tuple[int, Postings]]:
    """The postings of each frequent term, and of each bucket of the others."""
    frequent = postings.chunks >= FREQUENT
    for at in np.flatnonzero(frequent):
        yield int(postings.terms[at]), postings.part(int(at), int(at) + 1)
    others = postings.chosen(~frequent)
    buckets = others.terms >> np.int64(_BITS - bits)
    starts = np.flatnonzero(np.diff(buckets, prepend=-1)).tolist()
    for start, end in pairwise([*starts, len(buckets)] if starts else ()):
        yield -1 - int(buckets[start]), others.part(start, end)


def _finish(
    connection: Connection,
    segment: int,
    sources: Sequence[_Source],
    finished: dict[str, Any],
) -> None:
    """Put the new segment in the place of its sources."""
    replaced = [s.segment for s in sources if s.segment is not None]
    gone = connection.execute(
        delete(schema.word_segment).where(
            _segment.id.in_(replaced), _segment.complete == 1
        )
    )
    completed = connection.execute(
        update(schema.word_segment).where(_segment.id == segment).values(**finished)
    )
    if gone.rowcount != len(replaced) or not completed.rowcount:
        raise _OutdatedError
    moves = [
        {
            "document": owner.document_id,
            "chunk": owner.number,
            "of_attempt": owner.attempt,
            "source": source.segment,
            "into": segment,
            "place": owner.place,
        }
        for source in sources
        for owner in source.owners
    ]
    if moves:
        connection.execute(_MOVE, moves)
    connection.execute(delete(schema.word_block).where(_block.segment.in_(replaced)))
    # What is left are entries of attempts that are over.
    connection.execute(delete(schema.word_document).where(_entry.segment.in_(replaced)))


def _seconds() -> int:
    return int(time.time()) - _EPOCH
