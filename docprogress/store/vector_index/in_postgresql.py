"""Search with pgvector, in the table `embedding`: exactly, or by an HNSW index.

An index is made for each length of vectors, once there are many. What the table lacks
is compared here.
"""

from typing import Any

import numpy as np
from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Select,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.types import UserDefinedType

from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.pgvector import to_text
from docprogress.store.vector_index import exact
from docprogress.store.vector_index.hnsw import HnswIndexes, expression
from docprogress.store.vector_index.matches import Match, best
from docprogress.store.vector_index.selection import VectorQuery

#: What a filter admits is compared exactly up to this many documents and vectors.
EXACT_DOCUMENTS = 2000
EXACT_VECTORS = 20_000
#: How many vectors the index looks at for each search, at least and at most; the
#: extension itself stops at `hnsw.max_scan_tuples`.
_EF_SEARCH = 300
_MOST_NEAR = 10_000
_SETTINGS = text(
    "SELECT set_config('hnsw.ef_search', :ef, true),"
    " set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    " set_config('hnsw.max_scan_tuples', '40000', true)"
)

_document = schema.document.c
_vectors = schema.vectors.c
_chunk = schema.chunk.c
_table = table("embedding", column("document_id"), column("number"), column("vector"))


class _Vector(UserDefinedType[str]):
    """A type of the extension, written as text."""

    cache_ok = True

    def __init__(self, name: str, dimensions: int) -> None:
        self.name = name
        self.dimensions = dimensions

    def get_col_spec(self, **_: object) -> str:
        return f"{self.name}({self.dimensions})"


class PostgresSearch:
    """Search in one database."""

    def __init__(self, database: Database) -> None:
        self.indexes = HnswIndexes(database)

    def nearest(self, connection: Connection, query: VectorQuery) -> list[Match]:
        """The chunks nearest to a query."""
        found = None
        if not _few(connection, query) and self.indexes.ready(
            connection, query.dimensions
        ):
            found = _by_index(connection, query)
        if found is None:
            found = _exactly(connection, query)
        rest = exact.nearest(connection, query, rows=_vectors.compared.is_not(True))
        # A version that does not mark what it compares has some in both.
        distinct = {match[1:]: match for match in (*found, *rest)}
        return best(distinct.values(), query.limit)


def _few(connection: Connection, query: VectorQuery) -> bool:
    """Whether so few documents are admitted that comparing them all is quicker."""
    if query.filter.admits_all_documents:
        return False
    admitted = select(_document.chunks).where(query.documents())
    counts = connection.execute(admitted.limit(EXACT_DOCUMENTS + 1)).scalars().all()
    return len(counts) <= EXACT_DOCUMENTS and sum(counts) <= EXACT_VECTORS


def _exactly(connection: Connection, query: VectorQuery) -> list[Match]:
    # The documents first, since the planner takes their condition for much rarer than
    # it is, and would look at each of their vectors before the rest of the condition.
    documents = _materialized(select(_document.id).where(query.documents()))
    # The extension raises an error for vectors of different lengths.
    distance = case((_has_length(query.dimensions), _distance(_table, query)))
    compared = select(
        _table.c.document_id, _table.c.number, distance.label("distance")
    ).join(documents, documents.c.id == _table.c.document_id)
    return _matches(connection, query, compared)


def _by_index(connection: Connection, query: VectorQuery) -> list[Match] | None:
    """The nearest chunks; None if too few of those the index finds are admitted."""
    ef = max(_EF_SEARCH, min(1000, 2 * query.limit))
    connection.execute(_SETTINGS, {"ef": str(ef)})
    count = 2 * query.limit + 40
    while count <= _MOST_NEAR:
        near = _materialized(_near(query, count))
        compared = select(
            near.c.document_id,
            near.c.number,
            _distance(near, query).label("distance"),
        )
        document = _document.id == near.c.document_id
        admitted = _looked_up(document, query.documents())
        found = _matches(connection, query, compared.where(admitted))
        if len(found) == query.limit:
            return found
        count *= 8
    return None


def _near(query: VectorQuery, count: int) -> Select[Any]:
    """The vectors that the index finds; it has 16-bit numbers."""
    half = _Vector("halfvec", query.dimensions)
    unit = query.vector / np.linalg.norm(query.vector)
    given = cast(literal(to_text(unit)), half)
    indexed = literal_column(expression(query.dimensions), half)
    distance: ColumnElement[float] = indexed.op("<=>", return_type=Double())(given)
    return (
        select(_table)
        .where(_has_length(query.dimensions))
        .order_by(distance)
        .limit(literal_column(str(count)))
    )


def _materialized(statement: Select[Any]) -> CTE:
    return statement.cte("given").prefix_with("MATERIALIZED", dialect="postgresql")


def _has_length(dimensions: int) -> ColumnElement[bool]:
    # Written out, since an index is not used for a parameter.
    return func.vector_dims(_table.c.vector) == literal_column(str(dimensions))


def _distance(rows: FromClause, query: VectorQuery) -> ColumnElement[float]:
    whole = _Vector("vector", query.dimensions)
    given = cast(literal(to_text(query.vector)), whole)
    vector = cast(rows.c.vector, whole)
    return vector.op("<=>", return_type=Double())(given)


def _matches(
    connection: Connection, query: VectorQuery, compared: Select[Any]
) -> list[Match]:
    """The nearest chunks among those compared, which have the kind that is wanted."""
    # Compared once each, whatever the plan.
    rows = _fenced(compared).subquery("compared")
    near = rows.c.distance
    statement = (
        select(1 - near, rows.c.document_id, rows.c.number)
        # The distance to a vector of zeros is NaN.
        .where(near < 1)
        .order_by(near, rows.c.document_id, rows.c.number)
        .limit(query.limit)
    )
    kind = query.filter.chunks()
    if kind is not None:
        number = _chunk.number == rows.c.number
        same = and_(_chunk.document_id == rows.c.document_id, number)
        statement = statement.where(_looked_up(same, kind))
    return [Match(*row) for row in connection.execute(statement)]


def _looked_up(
    key: ColumnElement[bool], condition: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Whether the row with a key meets a condition; found by the key, for each row.

    The planner takes such conditions for much rarer than they are, and would compare
    all documents with all that is near.
    """
    # Not a join nor EXISTS, which the planner makes one of.
    found: Select[Any] = select(literal_column("1")).where(key, condition)
    return _fenced(found).scalar_subquery().is_not(None)


def _fenced(statement: Select[Any]) -> Select[Any]:
    return statement.offset(literal_column("0"))
