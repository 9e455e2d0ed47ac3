"""Exact search: every vector that the filter admits is compared, some at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, select

from docprogress.store import schema
from docprogress.store.packing import FLOAT, unpack
from docprogress.store.search_filter import SearchFilter, any_of
from docprogress.store.vector_index.matches import Match, best, similarities
from docprogress.store.vector_index.selection import SAME_PART, VectorQuery

#: About how many bytes of vectors are compared at a time.
BATCH_BYTES = 8 * 1024 * 1024
#: Rows that are fetched at a time; each has at most 1,024 vectors.
ROWS_PER_FETCH = 16

_vectors = schema.vectors.c
_part = schema.vector_part.c
_ROWS = (
    select(
        _vectors.document_id,
        _vectors.first,
        _vectors.count,
        _vectors.dimensions,
        _vectors.data,
    )
    .join_from(schema.document, schema.vectors)
    .execution_options(yield_per=ROWS_PER_FETCH)
)


def nearest(
    connection: Connection,
    query: VectorQuery,
    *,
    after: int | None = None,
    rows: ColumnElement[bool] | None = None,
) -> list[Match]:
    """The chunks nearest to a query.

    Args:
        connection: It sees one state of the database, as long as this takes.
        query: The query.
        after: Only those in rows that follow this one of `vector_part`.
        rows: Only those in rows of `vectors` that meet this condition.
    """
    statement = _ROWS.where(query.rows())
    if after is not None:
        statement = statement.join(schema.vector_part, SAME_PART).where(
            _part.id > after
        )
    if rows is not None:
        statement = statement.where(rows)
    found: list[Match] = []
    for batch in _batches(connection.execute(statement)):
        admitted = _admitted(connection, batch, query.filter)
        found = best([*found, *_compared(batch, query, admitted)], query.limit)
    return found


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    batch, size = [], 0
    for row in rows:
        batch.append(row)
        size += row.count * row.dimensions * FLOAT.itemsize
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _compared(
    batch: Sequence[Any],
    query: VectorQuery,
    admitted: dict[str, NDArray[np.int64]] | None,
) -> Iterator[Match]:
    counts = [row.count for row in batch]
    array = np.concatenate([unpack(*row[2:]) for row in batch])
    scores = similarities(array, query.vector)
    owners = np.repeat(np.arange(len(batch)), counts)
    numbers = np.concatenate(
        [np.arange(row.first, row.first + row.count) for row in batch]
    )
    if admitted is not None:
        nothing = np.empty(0, np.int64)
        for at, row in enumerate(batch):
            own = owners == at
            wanted = admitted.get(row.document_id, nothing)
            scores[own] *= np.isin(numbers[own], wanted)
    for at in _largest(scores, query.limit):
        document_id = batch[owners[at]].document_id
        yield Match(float(scores[at]), document_id, int(numbers[at]))


def _largest(scores: NDArray[np.float32], limit: int) -> NDArray[np.intp]:
    """The positions of the largest positive scores; more if several are equal."""
    if len(scores) > limit:
        least = np.partition(scores, -limit)[-limit]
        return np.nonzero((scores >= least) & (scores > 0))[0]
    return np.nonzero(scores > 0)[0]


def _admitted(
    connection: Connection, batch: Sequence[Any], wanted: SearchFilter
) -> dict[str, NDArray[np.int64]] | None:
    """The numbers of the chunks that the filter admits; None if it admits all."""
    condition = wanted.chunks()
    if condition is None:
        return None
    chunk = schema.chunk.c
    owners = {row.document_id for row in batch}
    query = select(chunk.document_id, chunk.number).where(
        any_of(chunk.document_id, owners), condition
    )
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for document_id, number in connection.execute(query):
        numbers[document_id].append(number)
    return {key: np.array(some, np.int64) for key, some in numbers.items()}
