"""What the database knows about the rows that the index contains, or not yet."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, func, select

from docprogress.store import schema
from docprogress.store.packing import FLOAT, unpack
from docprogress.store.search_filter import any_of, read_first
from docprogress.store.vector_index.selection import SAME_PART, VectorQuery

_part = schema.vector_part.c
_document = schema.document.c
_vectors = schema.vectors.c
_chunk = schema.chunk.c

_NEWEST_UP_TO = (
    select(_part.id, _part.token)
    .where(_part.id <= bindparam("last"))
    .order_by(_part.id.desc())
    .limit(1)
)
_WAITING = select(func.coalesce(func.sum(_part.count), 0)).where(
    _part.id > bindparam("last")
)
_COUNT = select(func.count()).select_from(schema.vector_part)
# Bytes of one vector each; those of a sparse row are unpacked as a whole.
_VECTORS = (
    "SELECT wanted.key, v.count, CASE WHEN length(v.data) = v.count * v.dimensions * 4"
    " THEN substr(v.data, 1 + json_extract(wanted.value, '$[2]') * v.dimensions * 4,"
    " v.dimensions * 4) ELSE v.data END"
    " FROM json_each(?) AS wanted CROSS JOIN vectors AS v"
    " ON v.document_id = json_extract(wanted.value, '$[0]')"
    " AND v.first = json_extract(wanted.value, '$[1]')"
)
_AFTER = (
    select(
        _part.id,
        _part.token,
        _part.document_id,
        _part.first,
        _document.embedder,
        _vectors.count,
        _vectors.dimensions,
        _vectors.data,
    )
    .join_from(schema.vector_part, schema.vectors, SAME_PART)
    .join(schema.document, _document.id == _part.document_id)
    .where(_part.id > bindparam("last"))
    .order_by(_part.id)
    .execution_options(yield_per=16)
)


def newest_up_to(connection: Connection, last: int) -> tuple[int, int] | None:
    """Number and token of the newest row that an index up to `last` must contain."""
    row = connection.execute(_NEWEST_UP_TO, {"last": last}).one_or_none()
    return None if row is None else (row.id, row.token)


def waiting(connection: Connection, last: int) -> int:
    """How many vectors follow the row `last`."""
    found: int = connection.execute(_WAITING, {"last": last}).scalar_one()
    return found


def count(connection: Connection) -> int:
    """How many rows there are."""
    found: int = connection.execute(_COUNT).scalar_one()
    return found


def after(connection: Connection, last: int) -> Iterator[Any]:
    """The rows that follow `last`, in their order."""
    yield from connection.execute(_AFTER, {"last": last})


def kinds(connection: Connection, document_ids: set[str]) -> dict[str, dict[int, str]]:
    """The kinds of chunks that are not text, by document and number."""
    query = select(_chunk.document_id, _chunk.number, _chunk.kind).where(
        any_of(_chunk.document_id, document_ids), _chunk.kind != "text"
    )
    found: dict[str, dict[int, str]] = {}
    for document_id, number, kind in connection.execute(query):
        found.setdefault(document_id, {})[number] = kind
    return found


def admitted(
    connection: Connection,
    query: VectorQuery,
    *,
    among: NDArray[np.int64] | None = None,
    limit: int | None = None,
) -> dict[int, tuple[str, int]]:
    """Document and count of the rows that a query admits, by number.

    Args:
        connection: A connection.
        query: The query.
        among: Only rows with these numbers.
        limit: The maximum number of rows.
    """
    owner = _document.id if among is not None else read_first(_document.id)
    statement = (
        select(_part.id, _part.document_id, _part.count)
        .join_from(schema.document, schema.vector_part, _part.document_id == owner)
        .where(query.documents(), _part.dimensions == query.dimensions)
        .limit(limit)
    )
    if among is not None:
        statement = statement.where(any_of(_part.id, among.tolist()))
    return {
        number: (document_id, size)
        for number, document_id, size in connection.execute(statement)
    }


def vectors(
    connection: Connection, places: Sequence[tuple[str, int, int]], dimensions: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Vectors by their position in `places`; none of rows that are no more.

    Each place is a document, the first number of a row of its vectors, and the
    position in this row.
    """
    wanted = msgspec.json.encode(places).decode()
    for at, count, data in connection.exec_driver_sql(_VECTORS, (wanted,)):
        if len(data) == dimensions * FLOAT.itemsize:
            yield at, np.frombuffer(data, FLOAT)
        else:
            yield at, unpack(count, dimensions, data)[places[at][2]]
