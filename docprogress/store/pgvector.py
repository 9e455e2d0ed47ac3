"""Vectors in PostgreSQL, if it has the `vector` extension.

The table `embedding` is a copy of `vectors` for comparison. It leaves out vectors that
are mostly zeros, and those that the extension rejects. The column `compared` of
`vectors` says what it has.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from docprogress.store.schema import storable

#: The maximum number of dimensions that the extension accepts.
MAX_DIMENSIONS = 16_000

_AVAILABLE = text("SELECT to_regtype('vector') IS NOT NULL")

_DELETE = text("DELETE FROM embedding WHERE document_id = :document")
_INSERT = (
    "INSERT INTO embedding (document_id, number, vector)"
    " SELECT %s, number, value::vector"
    " FROM unnest(%s::INTEGER[], %s::TEXT[]) AS given (number, value)"
)
_MARK = text(
    "UPDATE vectors SET compared = first = ANY(CAST(:firsts AS INTEGER[]))"
    " WHERE document_id = :document"
)
_COPY_MARKS = text(
    "UPDATE vectors SET compared = source.compared FROM vectors AS source"
    " WHERE vectors.document_id = :document AND source.document_id = :source"
    " AND source.first = vectors.first"
)
_COPY = text(
    "INSERT INTO embedding (document_id, number, vector)"
    " SELECT :document, number, vector FROM embedding WHERE document_id = :source"
)


class Rows(NamedTuple):
    """The numbers of chunks, and their vectors in the extension's text format."""

    #: The first numbers of the rows of `vectors` that they come from.
    firsts: list[int]
    numbers: list[int]
    vectors: list[str]


def available(connection: Connection) -> bool:
    """Whether the database has the extension."""
    return connection.dialect.name == "postgresql" and bool(
        connection.execute(_AVAILABLE).scalar()
    )


def rows(parts: Iterable[tuple[int, NDArray[np.float32]]]) -> Rows:
    """The comparable vectors of a document, given as (first number, array)."""
    found = Rows([], [], [])
    for first, array in parts:
        fits = array.shape[1] <= MAX_DIMENSIONS and bool(np.isfinite(array).all())
        if not fits or 2 * np.count_nonzero(array) < array.size:
            continue
        found.firsts.append(first)
        found.numbers.extend(range(first, first + len(array)))
        found.vectors.extend(map(to_text, array))
    return found


def replace(
    connection: Connection, document_id: str, given: Rows, *, new: bool = False
) -> None:
    """Replace a document's vectors; a `new` document has none."""
    if not new:
        connection.execute(_DELETE, {"document": storable(document_id)})
    if given.numbers:
        values = storable(document_id), given.numbers, given.vectors
        connection.exec_driver_sql(_INSERT, values)
    if given.numbers or not new:
        marks = {"document": storable(document_id), "firsts": given.firsts}
        connection.execute(_MARK, marks)


def copy(connection: Connection, source_id: str, document_id: str) -> None:
    """Replace a document's vectors with those of another one."""
    ids = {"document": document_id, "source": source_id}
    connection.execute(_DELETE, {"document": document_id})
    connection.execute(_COPY, ids)
    connection.execute(_COPY_MARKS, ids)


def discard(connection: Connection, document_ids: Iterable[str]) -> None:
    """Delete the vectors of documents."""
    for document_id in document_ids:
        connection.execute(_DELETE, {"document": document_id})


def to_text(vector: NDArray[np.float32]) -> str:
    """A vector in the extension's text format."""
    # Digits of a double, which round to the same 32-bit number.
    return msgspec.json.encode(vector.tolist()).decode()
