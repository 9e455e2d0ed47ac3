"""Chunks' vectors: packed into rows, and read back as arrays."""

from collections.abc import Iterator, Sequence
from operator import attrgetter, index

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from docprogress.documents import Chunk
from docprogress.errors import StoreError
from docprogress.store import pgvector, schema
from docprogress.store.engine import Database
from docprogress.store.packing import FLOAT, pack, unpack
from docprogress.store.schema import storable
from docprogress.store.search_filter import SearchFilter
from docprogress.store.statements import CompiledStatement
from docprogress.store.vector_index import embedders, exact
from docprogress.store.vector_index.embedders import HASHING, EmbedderInUse
from docprogress.store.vector_index.in_postgresql import PostgresSearch
from docprogress.store.vector_index.index import VectorIndex
from docprogress.store.vector_index.matches import Match
from docprogress.store.vector_index.selection import (
    FINISHED,
    UNFINISHED_PREFIX,
    VectorQuery,
)

#: The maximum number of vectors in one row.
VECTORS_PER_ROW = 1024
#: Bytes of vectors, and rows, that are read at a time.
BATCH_BYTES = 16 * 1024 * 1024
BATCH_ROWS = 256
_document = schema.document.c
_vectors = schema.vectors.c
_VECTORS_OF = (
    select(_vectors.first, _vectors.count, _vectors.dimensions, _vectors.data)
    .where(_vectors.document_id == bindparam("document"))
    .order_by(_vectors.first)
)
VECTORS_OF_DOCUMENT = _VECTORS_OF.where(FINISHED)
VECTORS_OF_SEVERAL = select(
    _vectors.document_id,
    _vectors.first,
    _vectors.count,
    _vectors.dimensions,
    _vectors.data,
).where(_vectors.document_id.in_(bindparam("documents", expanding=True)), FINISHED)
VECTORS_BETWEEN = VECTORS_OF_DOCUMENT.where(
    _vectors.first <= bindparam("last"),
    _vectors.first + _vectors.count > bindparam("first"),
)
_UNFINISHED_VECTORS = _VECTORS_OF.where(_vectors.embedder == bindparam("embedder"))
_LARGEST = (
    select(func.max(_vectors.count * _vectors.dimensions))
    .join(schema.document)
    .where(_document.run_id == bindparam("run"), FINISHED)
)
_DIMENSIONS = (
    select(_vectors.dimensions)
    .distinct()
    .join(schema.document)
    .where(_document.run_id == bindparam("run"), FINISHED)
)
_VECTORS_OF_RUN = (
    select(
        _document.number,
        _document.id,
        _vectors.first,
        _vectors.count,
        _vectors.dimensions,
        _vectors.data,
    )
    .join_from(schema.document, schema.vectors)
    .where(
        _document.run_id == bindparam("run"),
        FINISHED,
        _document.number >= bindparam("number"),
        or_(
            _document.number > bindparam("number"), _vectors.first > bindparam("first")
        ),
    )
    .order_by(_document.number, _vectors.first)
    .limit(bindparam("limit"))
)
_DELETE = delete(schema.vectors).where(_vectors.document_id == bindparam("document"))
_INSERT = CompiledStatement(insert(schema.vectors))


class Vectors:
    """The vectors of chunks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._in_postgresql = PostgresSearch(database)
        self._index: VectorIndex | None = None
        if database.path is not None:
            folder = database.path.with_name(f"{database.path.name}.vectors")
            self._index = VectorIndex(database, folder)

    def in_run(self, run_id: str) -> Iterator[tuple[str, int, NDArray[np.float32]]]:
        """Iterate over a run's vectors in bounded memory: (document id, first, array).

        Row `i` of an array is the vector of chunk number `first + i`. Concurrent
        changes may or may not be seen.
        """
        with self._database.reading() as connection:
            largest = connection.execute(_LARGEST, {"run": run_id}).scalar()
        if not largest:
            return
        limit = max(1, min(BATCH_ROWS, BATCH_BYTES // (largest * FLOAT.itemsize)))
        number, first = 0, 0
        while True:
            # The connection is not held while the caller processes the rows.
            with self._database.reading() as connection:
                rows = connection.execute(
                    _VECTORS_OF_RUN,
                    {"run": run_id, "number": number, "first": first, "limit": limit},
                ).all()
            for _, document_id, start, *stored in rows:
                yield document_id, start, unpack(*stored)
            if len(rows) < limit:
                return
            number, _, first, *_ = rows[-1]

    def dimensions(self, run_id: str) -> set[int]:
        """The lengths of a run's vectors: more than one if documents differ."""
        with self._database.reading() as connection:
            rows = connection.execute(_DIMENSIONS, {"run": run_id})
            return set(rows.scalars())

    def nearest(
        self,
        vector: NDArray[np.float32],
        *,
        embedder: str | None,
        filter: SearchFilter,  # noqa: A002
        limit: int,
    ) -> list[Match]:
        """The chunks nearest to a query's vector by cosine similarity, best first.

        A chunk is found if its document is current, the filter admits it, and its
        vector was made by this embedder, has the same length, and has a positive
        similarity.
        """
        query = VectorQuery(
            vector=np.ascontiguousarray(vector, FLOAT),
            embedder=embedder,
            filter=filter,
            limit=limit,
        )
        if limit < 1 or not np.isfinite(query.vector).all() or not query.vector.any():
            return []
        if self._index is not None and embedder != HASHING:
            return self._index.nearest(query)
        with self._database.snapshot() as connection:
            if self._database.compares_vectors:
                return self._in_postgresql.nearest(connection, query)
            return exact.nearest(connection, query)

    def update_index(self) -> None:
        """Add new vectors to the index beside SQLite, as a search does first."""
        if self._index is not None:
            self._index.update()

    def make_index(self, dimensions: int) -> None:
        """Make the index of vectors of this length in a PostgreSQL with pgvector.

        It is made without this, too, once there are many.
        """
        self._database.open()
        if self._database.compares_vectors:
            self._in_postgresql.indexes.make(dimensions)

    def embedders(
        self,
        filter: SearchFilter,  # noqa: A002
    ) -> list[EmbedderInUse]:
        """The embedders that made the vectors of the documents the filter admits."""
        with self._database.snapshot() as connection:
            if self._index is not None:
                return embedders.in_use_by_runs(connection, filter)
            return embedders.in_use(connection, filter)

    def unfinished(
        self, document_id: str, *, embedder: str
    ) -> dict[int, NDArray[np.float32]]:
        """Vectors that an unfinished step with this embedder has saved, by chunk."""
        values = {"document": document_id, "embedder": UNFINISHED_PREFIX + embedder}
        found: dict[int, NDArray[np.float32]] = {}
        with self._database.reading() as connection:
            for first, *stored in connection.execute(_UNFINISHED_VECTORS, values):
                found |= enumerate(unpack(*stored), first)
        return found


def vector_rows(chunks: Sequence[Chunk]) -> list[tuple[int, int, int, bytes]]:
    """First, count, dimensions and data of each row of `vectors`.

    Empty if no chunk has a vector.

    Raises:
        StoreError: Some have one, or their vectors differ in shape.
    """
    shapes = {np.shape(c.vector) for c in chunks if c.vector is not None}
    if not shapes:
        return []
    if len(shapes) > 1 or len(shape := shapes.pop()) != 1:
        raise StoreError("the vectors of a document's chunks must have one length")
    rows: list[list[Chunk]] = []
    for chunk in sorted(chunks, key=attrgetter("number")):
        if chunk.vector is None:
            message = f"chunk {chunk.number} has no vector, though others have one"
            raise StoreError(message)
        row = rows[-1] if rows else []
        if row and len(row) < VECTORS_PER_ROW and chunk.number == row[-1].number + 1:
            row.append(chunk)
        else:
            rows.append([chunk])
    return [
        (
            index(row[0].number),
            len(row),
            shape[0],
            pack(np.array([chunk.vector for chunk in row], FLOAT)),
        )
        for row in rows
    ]


def comparable(rows: list[tuple[int, int, int, bytes]]) -> pgvector.Rows:
    """The rows of `vectors` in the form in which the database compares them."""
    return pgvector.rows(
        (first, unpack(count, dimensions, data))
        for first, count, dimensions, data in rows
    )


def replace(
    connection: Connection,
    document_id: str,
    rows: list[tuple[int, int, int, bytes]],
    embedder: str | None,
    *,
    new: bool = False,
) -> None:
    """Replace a document's vectors; a `new` document has none."""
    if not new:
        connection.execute(_DELETE, {"document": document_id})
    _insert(connection, document_id, rows, embedder)


def _insert(
    connection: Connection,
    document_id: str,
    rows: list[tuple[int, int, int, bytes]],
    embedder: str | None,
) -> None:
    for first, count, dimensions, data in rows:
        _INSERT.run(
            connection,
            {
                "document_id": document_id,
                "first": first,
                "count": count,
                "dimensions": dimensions,
                "embedder": embedder,
                "data": data,
            },
        )


def add_unfinished(
    connection: Connection,
    document_id: str,
    rows: list[tuple[int, int, int, bytes]],
    embedder: str,
) -> None:
    """Add vectors of an unfinished step, and drop those of other steps."""
    tag = UNFINISHED_PREFIX + embedder
    first = rows[0][0] if rows else 0
    connection.execute(
        delete(schema.vectors).where(
            _vectors.document_id == storable(document_id),
            or_(_vectors.embedder.is_distinct_from(tag), _vectors.first >= first),
        )
    )
    _insert(connection, document_id, rows, tag)
