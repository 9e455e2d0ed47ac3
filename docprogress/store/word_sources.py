"""Which segments of the word index are merged next, and where their chunks go."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, bindparam, func, or_, select

from docprogress.store import schema
from docprogress.store.postings import Postings, gather, join, unpack

#: Entries are merged when there are so many of them, or of their chunks.
MOST_ENTRIES = 256
MANY_CHUNKS = 4096
#: The maximum number of entries of one merge.
_ENTRIES_AT_ONCE = 4096
#: So many segments of similar sizes are merged into one.
FAN_OUT = 8
#: The maximum number of chunks of a segment: places are numbers of 16 bits.
MOST_CHUNKS = 65_535
#: Bits of a term.
BITS = 63

_entry = schema.word_document.c
_segment = schema.word_segment.c
_block = schema.word_block.c
_UNMERGED = (
    select(
        _entry.document_id,
        _entry.number,
        _entry.attempt,
        _entry.count.label("chunks"),
        _entry.data,
    )
    .where(_entry.segment.is_(None))
    .limit(_ENTRIES_AT_ONCE)
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


class Owner(NamedTuple):
    """An entry of the source of a merge, and where its chunks go."""

    document_id: str
    number: int
    attempt: int
    place: int


class Source:
    """Entries or a segment that are merged into a new one."""

    def __init__(self, segment: int | None, lengths: NDArray[np.uint16]) -> None:
        self.segment = segment
        self.buckets = 0
        self.postings: Postings | None = None
        self.owners: list[Owner] = []
        self.lengths = lengths
        #: The new place of each old one; -1 for chunks that are no more.
        self.places = np.full(len(lengths), -1, np.int32)

    @property
    def shift(self) -> int | None:
        """How far all places move; None if some chunks are no more."""
        moved = self.places - np.arange(len(self.places), dtype=np.int32)
        if not len(moved) or self.places[0] < 0 or (moved != moved[0]).any():
            return None
        return int(moved[0])

    def take(self, rows: Iterable[Sequence[Any]], place: int) -> int:
        """Give new places to the chunks of these entries; the next free place."""
        for document_id, number, attempt, first, chunks in rows:
            self.owners.append(Owner(document_id, number, attempt, place))
            self.places[first : first + chunks] = np.arange(place, place + chunks)
            place += chunks
        return place

    def between(self, connection: Connection, bits: int, part: int) -> list[Postings]:
        """The postings of the terms whose first bits are `part`."""
        first = part << (BITS - bits)
        last = first + (1 << (BITS - bits)) - 1
        if self.postings is not None:
            return [self.postings.between(first, last)]
        shift = BITS - self.buckets
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


def due(connection: Connection) -> bool:
    """Whether there is something to merge."""
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
            several: list[int] = []
            total = 0
            for count, segment in group:
                total += count
                if total > MOST_CHUNKS:
                    break
                several.append(segment)
            if len(several) > 1:
                return several
    return []


def chosen(connection: Connection) -> list[Source]:
    """The next merge: entries, if there are many, or segments of similar sizes."""
    return _unmerged(connection) or _segments(connection)


def _unmerged(connection: Connection) -> list[Source]:
    """The entries that are in no segment, if they are many."""
    entries, chunks = connection.execute(_COUNT_UNMERGED).one()
    if entries < MOST_ENTRIES and chunks < MANY_CHUNKS:
        return []
    owners: list[Owner] = []
    packed = []
    place = 0
    for document_id, number, attempt, chunks, data in connection.execute(_UNMERGED):
        if place + chunks > MOST_CHUNKS:
            break
        owners.append(Owner(document_id, number, attempt, place))
        packed.append(data)
        place += chunks
    postings = gather(packed)
    source = Source(None, postings.lengths)
    source.postings = join([postings])
    source.owners = owners
    source.places = np.arange(place, dtype=np.int32)
    return [source]


def _segments(connection: Connection) -> list[Source]:
    """The segments that are merged next."""
    found = {row.id: row for row in connection.execute(_SEGMENTS)}
    sources = []
    place = 0
    for segment in _similar([(row.id, row.chunks) for row in found.values()]):
        row = found[segment]
        source = Source(segment, np.frombuffer(row.lengths, "<u2"))
        source.buckets = row.buckets
        owners = connection.execute(_ENTRIES_OF, {"segment": segment})
        place = source.take(owners, place)
        sources.append(source)
    return sources
