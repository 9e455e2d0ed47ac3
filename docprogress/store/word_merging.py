"""Merge entries of the index of words into segments, and segments into larger ones.

A segment holds the postings of many documents, by term, so that a search reads a few
blocks of it. It is written in several short transactions, and takes the place of what
it was merged from in one more. One process at a time merges.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from docprogress.errors import StoreError
from docprogress.store import schema, word_filter
from docprogress.store.engine import Database
from docprogress.store.postings import Postings, join
from docprogress.store.word_sources import BITS, Source, chosen, due

#: A term in this many chunks of a segment has its own block.
FREQUENT = 512
_POSTINGS_PER_BUCKET = 4096
_POSTINGS_AT_ONCE = 1 << 19
_BYTES_PER_TRANSACTION = 1 << 22
#: Seconds after which a merge that writes nothing is taken for dead.
_STALE = 60
# So that seconds fit into 32 bits.
_EPOCH = 1_700_000_000
_LOCK = 0x646F63776F7264

_entry = schema.word_document.c
_segment = schema.word_segment.c
_block = schema.word_block.c
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
_SHIFT = (
    update(schema.word_document)
    .where(_entry.segment == bindparam("source"))
    .values(segment=bindparam("into"), first=_entry.first + bindparam("places"))
)


class _OutdatedError(Exception):
    """Another process has merged the same segments."""


def merge(database: Database) -> Iterator[None]:
    """Do the most urgent merge, one step at a time.

    Nothing is yielded if there is none, or if another process merges. Abandoning the
    iterator leaves the index as it is.
    """
    with database.reading() as connection:
        if not due(connection):
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
        sources = chosen(connection)
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


def _written(
    database: Database, sources: Sequence[Source], bits: int, parts: int
) -> Iterator[list[tuple[int, bytes]]]:
    """The blocks of the new segment, as many at a time as one transaction writes."""
    blocks: list[tuple[int, bytes]] = []
    size = 0
    terms: list[NDArray[np.int64]] = []
    for part in range(1 << parts):
        with database.reading() as connection:
            found = [
                postings.moved(source.places)
                for source in sources
                for postings in source.between(connection, parts, part)
            ]
        joined = join(found)
        terms.append(joined.terms)
        for key, postings in _blocks(joined, bits):
            blocks.append((key, postings.pack()))
            size += len(blocks[-1][1])
            if size >= _BYTES_PER_TRANSACTION:
                yield blocks
                blocks, size = [], 0
    blocks.append((word_filter.KEY, word_filter.packed(np.concatenate(terms))))
    yield blocks


def _blocks(postings: Postings, bits: int) -> Iterator[tuple[int, Postings]]:
    """The postings of each frequent term, and of each bucket of the others."""
    frequent = postings.chunks >= FREQUENT
    for at in np.flatnonzero(frequent):
        yield int(postings.terms[at]), postings.part(int(at), int(at) + 1)
    others = postings.chosen(~frequent)
    buckets = others.terms >> np.int64(BITS - bits)
    starts = np.flatnonzero(np.diff(buckets, prepend=-1)).tolist()
    for start, end in pairwise([*starts, len(buckets)] if starts else ()):
        yield -1 - int(buckets[start]), others.part(start, end)


def _finish(
    connection: Connection,
    segment: int,
    sources: Sequence[Source],
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
    shifts = {s.segment: s.shift for s in sources if s.segment is not None}
    for moved, places in shifts.items():
        if places is not None:
            # All that the segment had when it was read is there, or deleted since.
            values = {"source": moved, "into": segment, "places": places}
            connection.execute(_SHIFT, values)
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
        if source.segment is None or shifts[source.segment] is None
        for owner in source.owners
    ]
    if moves:
        connection.execute(_MOVE, moves)
    connection.execute(delete(schema.word_block).where(_block.segment.in_(replaced)))
    # The remaining entries belong to attempts that have ended.
    connection.execute(delete(schema.word_document).where(_entry.segment.in_(replaced)))


def _seconds() -> int:
    return int(time.time()) - _EPOCH
