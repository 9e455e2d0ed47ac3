"""The results of steps: pages, chunks, and timings."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import index, itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Connection,
    Insert,
    RowMapping,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
)

from docprogress.documents import Chunk, Page
from docprogress.errors import StoreError
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.packing import unpack
from docprogress.store.rows import StepTiming
from docprogress.store.schema import storable
from docprogress.store.statements import batches
from docprogress.store.vectors import (
    VECTORS_BETWEEN,
    VECTORS_OF_DOCUMENT,
    VECTORS_OF_SEVERAL,
)

#: The maximum number of pages, and chunks, that are read at once of a long document.
PAGES_PER_SLICE = 100
CHUNKS_PER_SLICE = 1000

_document = schema.document.c
_page = schema.page.c
_chunk = schema.chunk.c
_PAGES = (
    select(_page.number, _page.text, _page.title, _page.markdown, _page.confidence)
    .where(_page.document_id == bindparam("document"))
    .order_by(_page.number)
)
_CHUNKS = (
    select(
        _chunk.number,
        _chunk.text,
        _chunk.start,
        _chunk.end,
        _chunk.first_page,
        _chunk.last_page,
        _chunk.kind,
        _chunk.headings,
    )
    .where(_chunk.document_id == bindparam("document"))
    .order_by(_chunk.number)
)
_PAGES_OF_SEVERAL = (
    select(schema.page)
    .where(_page.document_id.in_(bindparam("documents", expanding=True)))
    .order_by(_page.document_id, _page.number)
)
_CHUNKS_OF_SEVERAL = (
    select(schema.chunk)
    .where(_chunk.document_id.in_(bindparam("documents", expanding=True)))
    .order_by(_chunk.document_id, _chunk.number)
)
_PAGES_AFTER = (
    select(schema.page)
    .where(
        _page.document_id == bindparam("document"), _page.number > bindparam("after")
    )
    .order_by(_page.number)
    .limit(PAGES_PER_SLICE)
)
_CHUNKS_AFTER = (
    select(schema.chunk)
    .where(
        _chunk.document_id == bindparam("document"), _chunk.number > bindparam("after")
    )
    .order_by(_chunk.number)
    .limit(CHUNKS_PER_SLICE)
)
_SOME_CHUNKS = _CHUNKS.where(_chunk.number.in_(bindparam("numbers", expanding=True)))
_TIMINGS = (
    select(schema.step_timing)
    .join(schema.document)
    .where(_document.run_id == bindparam("run"))
    .order_by(_document.number)
    .order_by(schema.step_timing.c.attempt, schema.step_timing.c.position)
)
_STEP_TOTALS = select(
    schema.step_timing.c.step, func.count(), func.sum(schema.step_timing.c.seconds)
).group_by(schema.step_timing.c.step)

#: The tables of items, which are replaced as a whole.
_TABLES = (schema.page, schema.chunk)
#: The tables with a document's results, except copies for comparison.
ALL_TABLES = (*_TABLES, schema.vectors)
_DELETE = {
    table: delete(table).where(table.c.document_id == bindparam("document"))
    for table in _TABLES
}
_STORED = {
    table: select(*(c for c in table.c if c.name != "document_id"))
    .where(table.c.document_id == bindparam("document"))
    .order_by(table.c.number)
    for table in _TABLES
}


class Results:
    """The results of documents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pages(self, document_id: str) -> list[Page]:
        """The pages of a document; none before its extraction."""
        with self._database.reading() as connection:
            rows = connection.execute(_PAGES, {"document": document_id}).mappings()
            return [Page(**row) for row in rows]

    def chunks(self, document_id: str, *, vectors: bool = False) -> list[Chunk]:
        """The chunks of a document, with their vectors if requested."""
        with self._database.reading() as connection:
            rows = (
                connection.execute(_CHUNKS, {"document": document_id}).mappings().all()
            )
            found: dict[int, NDArray[np.float32]] = {}
            if vectors:
                for first, *stored in connection.execute(
                    VECTORS_OF_DOCUMENT, {"document": document_id}
                ):
                    found |= enumerate(unpack(*stored), first)
        return [_chunk_of(row, vector=found.get(row["number"])) for row in rows]

    def pages_of(self, document_ids: Sequence[str]) -> dict[str, list[Page]]:
        """The pages of several documents, by their ids."""
        found: dict[str, list[Page]] = {each: [] for each in document_ids}
        with self._database.reading() as connection:
            for some in batches(found):
                rows = connection.execute(_PAGES_OF_SEVERAL, {"documents": some})
                for row in rows.mappings():
                    found[row["document_id"]].append(Page(**row))
        return found

    def chunks_of(
        self, document_ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, list[Chunk]]:
        """The chunks of several documents, by their ids."""
        found: dict[str, list[Chunk]] = {each: [] for each in document_ids}
        stored: dict[tuple[str, int], NDArray[np.float32]] = {}
        with self._database.reading() as connection:
            for some in batches(found):
                values = {"documents": some}
                if vectors:
                    rows = connection.execute(VECTORS_OF_SEVERAL, values)
                    for document_id, first, *packed in rows:
                        for number, vector in enumerate(unpack(*packed), first):
                            stored[document_id, number] = vector
                chunks = connection.execute(_CHUNKS_OF_SEVERAL, values)
                for row in chunks.mappings():
                    key = row["document_id"], row["number"]
                    chunk = _chunk_of(row, vector=stored.pop(key, None))
                    found[key[0]].append(chunk)
        return found

    def page_slices(self, document_id: str) -> Iterator[list[Page]]:
        """The pages of a document in order, some at a time.

        Concurrent changes may or may not be seen.
        """
        values = {"document": document_id, "after": 0}
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(_PAGES_AFTER, values).mappings()
                pages = [Page(**row) for row in rows]
            if not pages:
                return
            yield pages
            values["after"] = pages[-1].number

    def chunk_slices(
        self, document_id: str, *, vectors: bool = False
    ) -> Iterator[list[Chunk]]:
        """The chunks of a document in order, some at a time.

        Concurrent changes may or may not be seen.
        """
        values = {"document": document_id, "after": 0}
        while True:
            found: dict[int, NDArray[np.float32]] = {}
            with self._database.reading() as connection:
                rows = connection.execute(_CHUNKS_AFTER, values).mappings().all()
                if not rows:
                    return
                numbers = {"first": rows[0]["number"], "last": rows[-1]["number"]}
                if vectors:
                    for first, *stored in connection.execute(
                        VECTORS_BETWEEN, values | numbers
                    ):
                        found |= enumerate(unpack(*stored), first)
            yield [_chunk_of(row, vector=found.get(row["number"])) for row in rows]
            values["after"] = numbers["last"]

    def chunks_numbered(self, document_id: str, numbers: Sequence[int]) -> list[Chunk]:
        """The chunks of a document that have these numbers."""
        with self._database.reading() as connection:
            return [
                _chunk_of(row)
                for some in batches(sorted(set(numbers)))
                for row in connection.execute(
                    _SOME_CHUNKS, {"document": document_id, "numbers": some}
                ).mappings()
            ]

    def timings(
        self,
        run_id: str,
        *,
        document_id: str | None = None,
        after: int = 0,
        up_to: int | None = None,
    ) -> list[StepTiming]:
        """The timings of a run's steps, in the order of its documents.

        Args:
            run_id: The run.
            document_id: Only of this document.
            after: Only of documents with greater numbers.
            up_to: Only of documents with numbers up to this one.
        """
        query = _TIMINGS.where(_document.number > after)
        if document_id is not None:
            query = query.where(_document.id == document_id)
        if up_to is not None:
            query = query.where(_document.number <= up_to)
        with self._database.reading() as connection:
            rows = connection.execute(query, {"run": run_id}).mappings()
            return [StepTiming(**row) for row in rows]

    def step_totals(self) -> dict[str, tuple[int, float]]:
        """How often each step was finished, and the seconds it took in total."""
        with self._database.reading() as connection:
            rows = connection.execute(_STEP_TOTALS)
            return {step: (count, seconds) for step, count, seconds in rows}


def page_rows(pages: Sequence[Page]) -> list[tuple[Any, ...]]:
    """The rows of `page`, without the document's id.

    Raises:
        StoreError: Two pages have the same number.
    """
    rows = (
        (
            index(page.number),
            storable(page.text),
            page.title and storable(page.title),
            page.markdown and storable(page.markdown),
            page.confidence,
        )
        for page in pages
    )
    return _numbered("pages", rows)


def chunk_rows(chunks: Sequence[Chunk]) -> list[tuple[Any, ...]]:
    """The rows of `chunk`, without the document's id.

    Raises:
        StoreError: Two chunks have the same number.
    """
    rows = (
        (
            # Users' steps may pass NumPy integers.
            index(chunk.number),
            index(chunk.start),
            index(chunk.end),
            index(chunk.first_page),
            index(chunk.last_page),
            storable(chunk.text),
            chunk.kind,
            json.dumps(chunk.headings) if chunk.headings else None,
        )
        for chunk in chunks
    )
    return _numbered("chunks", rows)


def replace_rows(
    connection: Connection,
    table: Table,
    document_id: str,
    rows: list[tuple[Any, ...]],
    *,
    new: bool = False,
) -> None:
    """Replace a document's rows, if they differ from the stored ones.

    They often do not: embedding yields the chunks that it takes, with vectors. A `new`
    document has no rows.
    """
    if not new:
        stored = connection.execute(_STORED[table], {"document": document_id}).all()
        if stored == rows:
            return
        if stored:
            connection.execute(_DELETE[table], {"document": document_id})
    if rows:
        insert_rows(connection, table, document_id, rows)


def insert_rows(
    connection: Connection, table: Table, document_id: str, rows: list[tuple[Any, ...]]
) -> None:
    """Add rows to a document in one statement.

    It is passed to the driver directly, since SQLAlchemy would convert each value.
    """
    columns = [column for column in table.c if column.name != "document_id"]
    into = ", ".join(f'"{column.name}"' for column in columns)
    into = f"INSERT INTO {table.name} (document_id, {into})"
    document_id = storable(document_id)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" for _ in table.c)
        connection.exec_driver_sql(
            f"{into} VALUES ({marks})", [(document_id, *row) for row in rows]
        )
        return
    # One array parameter for each column, instead of parameters for each row.
    arrays = ", ".join(
        f"%s::{column.type.compile(connection.dialect)}[]" for column in columns
    )
    connection.exec_driver_sql(
        f"{into} SELECT %s, * FROM unnest({arrays})",  # noqa: S608
        (document_id, *(list(values) for values in zip(*rows, strict=True))),
    )


def copy_rows(
    connection: Connection,
    source_id: str,
    document_id: str,
    tables: Sequence[Table] = ALL_TABLES,
) -> None:
    """Replace a document's results with some of those of another one."""
    ids = {"document": document_id, "source": source_id}
    for table in ALL_TABLES:
        connection.execute(
            delete(table).where(table.c.document_id == bindparam("document")), ids
        )
    for table in tables:
        connection.execute(_copy(table), ids)


def discard(connection: Connection, document_ids: Sequence[str]) -> None:
    """Delete all results of documents."""
    ids = {"documents": list(document_ids)}
    for table in (*ALL_TABLES, schema.recognised_page):
        chosen = table.c.document_id.in_(bindparam("documents", expanding=True))
        connection.execute(delete(table).where(chosen), ids)


def _chunk_of(row: RowMapping, *, vector: NDArray[np.float32] | None = None) -> Chunk:
    values: dict[str, Any] = {**row}
    headings = values.pop("headings")
    if headings:
        values["headings"] = tuple(json.loads(headings))
    return Chunk(**values, vector=vector)


def _numbered(what: str, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found = sorted(rows, key=itemgetter(0))
    for row, following in pairwise(found):
        if row[0] == following[0]:
            raise StoreError(f"two {what} have the number {row[0]}")
    return found


def _copy(table: Table) -> Insert:
    left_out = ("document_id", "compared")
    names = [column.name for column in table.c if column.name not in left_out]
    document_id = bindparam("document", type_=schema.Text)
    rows = select(document_id, *(table.c[name] for name in names))
    return insert(table).from_select(
        ["document_id", *names], rows.where(table.c.document_id == bindparam("source"))
    )
