"""Nearest-neighbour search in PostgreSQL, if it has the `vector` extension.

The table `embedding` is a copy of `vectors` for comparison. It leaves out vectors that
are mostly zeros, which the search weights itself, and those that the extension rejects.
Runs that are not complete in it are searched outside the database.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Connection,
    Double,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.types import UserDefinedType

from docprogress.store import schema
from docprogress.store.schema import storable
from docprogress.store.vector_index.matches import Match, best
from docprogress.store.vector_index.selection import VectorQuery

#: The most dimensions that the extension accepts.
MAX_DIMENSIONS = 16_000

_AVAILABLE = text("SELECT to_regtype('vector') IS NOT NULL")

_DELETE = text("DELETE FROM embedding WHERE document_id = :document")
_INSERT = (
    "INSERT INTO embedding (document_id, number, vector)"
    " SELECT %s, number, value::vector"
    " FROM unnest(%s::INTEGER[], %s::TEXT[]) AS given (number, value)"
)
_COPY = text(
    "INSERT INTO embedding (document_id, number, vector)"
    " SELECT :document, number, vector FROM embedding WHERE document_id = :source"
)


class _Vector(UserDefinedType[str]):
    """The extension's type, written as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "vector"


_table = table("embedding", column("document_id"), column("number"), column("vector"))
_embedding = _table.c
_document = schema.document.c
_vectors = schema.vectors.c
_chunk = schema.chunk.c
_length = func.vector_dims(_embedding.vector)


class Rows(NamedTuple):
    """The numbers of chunks, and their vectors in the extension's text format."""

    numbers: list[int]
    vectors: list[str]


def available(connection: Connection) -> bool:
    """Whether the database has the extension."""
    return connection.dialect.name == "postgresql" and bool(
        connection.execute(_AVAILABLE).scalar()
    )


def rows(parts: Iterable[tuple[int, NDArray[np.float32]]]) -> Rows:
    """The comparable vectors of a document, given as (first number, array)."""
    found = Rows([], [])
    for first, array in parts:
        fits = array.shape[1] <= MAX_DIMENSIONS and bool(np.isfinite(array).all())
        if not fits or 2 * np.count_nonzero(array) < array.size:
            continue
        found.numbers.extend(range(first, first + len(array)))
        found.vectors.extend(map(_to_text, array))
    return found


def replace(connection: Connection, document_id: str, given: Rows) -> None:
    """Replace a document's vectors."""
    connection.execute(_DELETE, {"document": storable(document_id)})
    if given.numbers:
        connection.exec_driver_sql(_INSERT, (storable(document_id), *given))


def copy(connection: Connection, source_id: str, document_id: str) -> None:
    """Replace a document's vectors with those of another one."""
    ids = {"document": document_id, "source": source_id}
    connection.execute(_DELETE, {"document": document_id})
    connection.execute(_COPY, ids)


def discard(connection: Connection, document_ids: Iterable[str]) -> None:
    """Delete the vectors of documents."""
    for document_id in document_ids:
        connection.execute(_DELETE, {"document": document_id})


def nearest(connection: Connection, query: VectorQuery) -> list[Match] | None:
    """The chunks nearest to a query; None if some of those admitted are missing."""
    stored = (
        select(func.coalesce(func.sum(_vectors.count), 0))
        .join_from(schema.document, schema.vectors)
        .where(query.rows())
    )
    compared = (
        select(func.count())
        .join_from(schema.document, _table, _document.id == _embedding.document_id)
        .where(query.documents(), _length == query.dimensions)
    )
    complete = select(stored.scalar_subquery() == compared.scalar_subquery())
    if not connection.execute(complete).scalar():
        return None
    # The extension raises an error for vectors of different lengths, and only `CASE`
    # guarantees the order of evaluation. The distance to a vector of zeros is NaN.
    given = cast(literal(_to_text(query.vector)), _Vector)
    distance = case(
        (
            _length == query.dimensions,
            _embedding.vector.op("<=>", return_type=Double())(given),
        )
    )
    rows = (
        select(_document.id, _embedding.number, distance.label("distance"))
        .join_from(schema.document, _table, _document.id == _embedding.document_id)
        .where(query.documents())
    )
    admitted = query.filter.chunks()
    if admitted is not None:
        same = and_(
            _chunk.document_id == _document.id, _chunk.number == _embedding.number
        )
        rows = rows.join(schema.chunk, same).where(admitted)
    found = rows.subquery().c
    nearest_first = (
        select(found.id, found.number, 1 - found.distance)
        .where(found.distance < 1)
        .order_by(found.distance, found.id, found.number)
        .limit(query.limit)
    )
    matches = (
        Match(score, document_id, number)
        for document_id, number, score in connection.execute(nearest_first)
    )
    return best(matches, query.limit)


def _to_text(vector: NDArray[np.float32]) -> str:
    # Digits of a double, which round to the same 32-bit number.
    return msgspec.json.encode(vector.tolist()).decode()
