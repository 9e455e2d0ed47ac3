"""Vectors that PostgreSQL compares itself, where its `vector` extension is there.

They are a copy: `vectors` holds the truth, and what is not here is compared elsewhere.
Left out is what compares otherwise, or not at all: vectors of mostly zeros, which are
the words of a text, and those that the extension does not take.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from docprogress.store.schema import storable

#: The most numbers of a vector that the extension takes.
DIMENSIONS = 16_000

_THERE = text("SELECT to_regtype('vector') IS NOT NULL")

_CREATE = text(
    "CREATE TABLE IF NOT EXISTS embedding ("
    " document_id TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " vector vector NOT NULL,"
    " PRIMARY KEY (document_id, number))"
)
_EXISTS = text("SELECT to_regclass('embedding') IS NOT NULL")

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
# In a `CASE`: vectors of different lengths cannot be compared, and nothing else says
# which condition is looked at first.  The distance to a vector of zeros is no number.
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
    """A chunk, and how near it is: the cosine similarity, of 1 at most."""

    score: float
    document_id: str
    number: int


class Rows(NamedTuple):
    """The numbers of chunks, and their vectors as the extension reads them."""

    numbers: list[int]
    vectors: list[str]


def there(connection: Connection) -> bool:
    """Whether vectors can be compared here."""
    return connection.dialect.name == "postgresql" and bool(
        connection.execute(_THERE).scalar()
    )


def exists(connection: Connection) -> bool:
    """Whether there is a table for them."""
    return bool(connection.execute(_EXISTS).scalar())


def create(connection: Connection) -> None:
    """Make the table, unless somebody else just has."""
    connection.execute(_CREATE)


def rows(parts: Iterable[tuple[int, NDArray[np.float32]]]) -> Rows:
    """What is to be compared of a document, given as (number of the first, array)."""
    found = Rows([], [])
    for first, array in parts:
        fits = array.shape[1] <= DIMENSIONS and bool(np.isfinite(array).all())
        if not fits or 2 * np.count_nonzero(array) < array.size:
            continue
        found.numbers.extend(range(first, first + len(array)))
        found.vectors.extend(map(_written, array))
    return found


def replace(connection: Connection, document_id: str, given: Rows) -> None:
    """Store a document's vectors instead of those that are there."""
    connection.execute(_DELETE, {"document": storable(document_id)})
    if given.numbers:
        connection.exec_driver_sql(_INSERT, (storable(document_id), *given))


def copy(connection: Connection, source_id: str, document_id: str) -> None:
    """Give a document the vectors of another one."""
    ids = {"document": document_id, "source": source_id}
    connection.execute(_DELETE, {"document": document_id})
    connection.execute(_COPY, ids)


def nearest(
    connection: Connection, run_id: str, query: NDArray[np.float32], limit: int
) -> list[Match] | None:
    """The chunks of a run nearest to `query`; None where not all of them are here."""
    values: dict[str, Any] = {"run": run_id, "dimensions": len(query)}
    if not connection.execute(_COMPLETE, values).scalar():
        return None
    values |= {"query": _written(query), "limit": limit}
    return [
        Match(score, document_id, number)
        for document_id, number, score in connection.execute(_NEAREST, values)
    ]


def _written(vector: NDArray[np.float32]) -> str:
    # With more digits than it takes: the nearest number of 32 bits is the same one.
    return msgspec.json.encode(vector.tolist()).decode()
