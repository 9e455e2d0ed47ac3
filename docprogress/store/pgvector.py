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
from sqlalchemy import Connection, text

from docprogress.store.schema import storable

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

_COMPLETE = text(
    "SELECT (SELECT coalesce(sum(count), 0)"
    " FROM vectors JOIN document ON document.id = vectors.document_id"
    " WHERE run_id = :run AND dimensions = :dimensions"
    " AND (vectors.embedder IS NULL OR vectors.embedder NOT LIKE 'unfinished %'))"
    " = (SELECT count(*)"
    " FROM embedding JOIN document ON document.id = embedding.document_id"
    " WHERE run_id = :run AND vector_dims(vector) = :dimensions)"
)
# The extension raises an error for vectors of different lengths, and only `CASE`
# guarantees the order of evaluation. The distance to a vector of zeros is NaN.
_NEAREST = text(
    "SELECT document_id, number, 1 - distance FROM ("
    " SELECT document_id, embedding.number, CASE"
    " WHEN vector_dims(vector) = :dimensions"
    " THEN vector <=> CAST(:query AS vector) END AS distance"
    " FROM embedding JOIN document ON document.id = embedding.document_id"
    " WHERE run_id = :run) AS compared"
    " WHERE distance < 1 ORDER BY distance, document_id, number LIMIT :limit"
)


class Match(NamedTuple):
    """A chunk that a search found, and its cosine similarity."""

    score: float
    document_id: str
    number: int


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


def nearest(
    connection: Connection, run_id: str, query: NDArray[np.float32], limit: int
) -> list[Match] | None:
    """The chunks of a run nearest to `query`; None if some of them are missing."""
    values: dict[str, Any] = {"run": run_id, "dimensions": len(query)}
    if not connection.execute(_COMPLETE, values).scalar():
        return None
    values |= {"query": _to_text(query), "limit": limit}
    return [
        Match(score, document_id, number)
        for document_id, number, score in connection.execute(_NEAREST, values)
    ]


def _to_text(vector: NDArray[np.float32]) -> str:
    # Digits of a double, which round to the same 32-bit number.
    return msgspec.json.encode(vector.tolist()).decode()
