"""What the steps have made: pages, chunks, vectors, and how long it took."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter, index
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
)

from docprogress.documents import Chunk, Page
from docprogress.errors import StoreError
from docprogress.events import Status
from docprogress.store import pgvector, schema
from docprogress.store.pgvector import Match
from docprogress.store.reading import Reading
from docprogress.store.rows import (
    AttemptRow,
    AttemptStatus,
    DocumentRow,
    StepTiming,
    document_row,
)
from docprogress.store.schema import storable
from docprogress.store.statements import CompiledStatement, batches

#: The most vectors of one row.
VECTORS = 1024

#: How many bytes of vectors, and how many rows, are read at a time.
BATCH_BYTES = 16 * 1024 * 1024
BATCH_ROWS = 256

_FLOAT = np.dtype("<f4")

#: What stands before the embedder's name where the step is not finished: only the
#: step itself, when it goes on, reads these vectors.
UNFINISHED = "unfinished "

_document = schema.document.c
_page = schema.page.c
_chunk = schema.chunk.c
_vectors = schema.vectors.c

_PAGES = (
    select(_page.number, _page.text)
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
    )
    .where(_chunk.document_id == bindparam("document"))
    .order_by(_chunk.number)
)
_SOME_CHUNKS = _CHUNKS.where(_chunk.number.in_(bindparam("numbers", expanding=True)))
_FINISHED = or_(
    _vectors.embedder.is_(None), _vectors.embedder.not_like(f"{UNFINISHED}%")
)
_VECTORS_OF = (
    select(_vectors.first, _vectors.count, _vectors.dimensions, _vectors.data)
    .where(_vectors.document_id == bindparam("document"))
    .order_by(_vectors.first)
)
_VECTORS = _VECTORS_OF.where(_FINISHED)
_UNFINISHED_VECTORS = _VECTORS_OF.where(_vectors.embedder == bindparam("embedder"))
_LARGEST = (
    select(func.max(_vectors.count * _vectors.dimensions))
    .join(schema.document)
    .where(_document.run_id == bindparam("run"), _FINISHED)
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
        _FINISHED,
        _document.number >= bindparam("number"),
        or_(
            _document.number > bindparam("number"), _vectors.first > bindparam("first")
        ),
    )
    .order_by(_document.number, _vectors.first)
    .limit(bindparam("limit"))
)
_TIMINGS = (
    select(schema.step_timing)
    .join(schema.document)
    .where(_document.run_id == bindparam("run"))
    .order_by(_document.number)
    .order_by(schema.step_timing.c.attempt, schema.step_timing.c.position)
)
_ATTEMPTS = (
    select(schema.attempt)
    .join(schema.document)
    .where(_document.run_id == bindparam("run"))
    .order_by(_document.number, schema.attempt.c.number)
)
_SAME = (
    select(schema.document)
    .join(schema.run)
    .where(
        _document.sha256 == bindparam("sha256"),
        _document.status == Status.COMPLETED.value,
        schema.run.c.fingerprint == bindparam("fingerprint"),
    )
    .order_by(_document.finished_at.desc())
    .limit(1)
)


class Results(Reading):
    """The part of the store that gives what the steps have made."""

    def pages(self, document_id: str) -> list[Page]:
        """The pages of a document; none before it was extracted."""
        with self.reading() as connection:
            rows = connection.execute(_PAGES, {"document": document_id})
            return [Page(number=number, text=text) for number, text in rows]

    def chunks(self, document_id: str, *, vectors: bool = False) -> list[Chunk]:
        """The chunks of a document, with their vectors if these are wanted."""
        with self.reading() as connection:
            rows = connection.execute(_CHUNKS, {"document": document_id}).all()
            found: dict[int, NDArray[np.float32]] = {}
            if vectors:
                for first, *stored in connection.execute(
                    _VECTORS, {"document": document_id}
                ):
                    found |= enumerate(_array(*stored), first)
        return [Chunk(**row._mapping, vector=found.get(row.number)) for row in rows]

    def unfinished_vectors(
        self, document_id: str, *, embedder: str
    ) -> dict[int, NDArray[np.float32]]:
        """The vectors that an unfinished step of this embedder has kept, by chunk."""
        values = {"document": document_id, "embedder": UNFINISHED + embedder}
        found: dict[int, NDArray[np.float32]] = {}
        with self.reading() as connection:
            for first, *stored in connection.execute(_UNFINISHED_VECTORS, values):
                found |= enumerate(_array(*stored), first)
        return found

    def chunk(self, document_id: str, numbers: Sequence[int]) -> list[Chunk]:
        """Some chunks of a document: those of these numbers that there are."""
        with self.reading() as connection:
            return [
                Chunk(**row._mapping)
                for some in batches(sorted(set(numbers)))
                for row in connection.execute(
                    _SOME_CHUNKS, {"document": document_id, "numbers": some}
                )
            ]

    def vectors(self, run_id: str) -> Iterator[tuple[str, int, NDArray[np.float32]]]:
        """The vectors of a run: (document id, first, array), a bounded part at a time.

        Row `i` of an array is the vector of chunk number `first + i`.  What changes
        meanwhile is seen or not.
        """
        with self.reading() as connection:
            largest = connection.execute(_LARGEST, {"run": run_id}).scalar()
        if not largest:
            return
        limit = max(1, min(BATCH_ROWS, BATCH_BYTES // (largest * _FLOAT.itemsize)))
        number, first = 0, 0
        while True:
            # Nothing is held open while the caller does what it does.
            with self.reading() as connection:
                rows = connection.execute(
                    _VECTORS_OF_RUN,
                    {"run": run_id, "number": number, "first": first, "limit": limit},
                ).all()
            for _, document_id, start, *stored in rows:
                yield document_id, start, _array(*stored)
            if len(rows) < limit:
                return
            number, _, first, *_ = rows[-1]

    def nearest(
        self, run_id: str, query: NDArray[np.float32], *, limit: int
    ) -> list[Match] | None:
        """The chunks of a run nearest to `query`, best first, as the database finds.

        None where it cannot compare them, or not all of them.
        """
        self.open()
        if not self.compares_vectors:
            return None
        with self.reading() as connection:
            return pgvector.nearest(connection, run_id, query, limit)

    def timings(
        self,
        run_id: str,
        *,
        document_id: str | None = None,
        after: int = 0,
        up_to: int | None = None,
    ) -> list[StepTiming]:
        """How long each step of each attempt took, in the order of the documents.

        Args:
            run_id: The run's id.
            document_id: Only of this document of the run.
            after: Only of documents with a greater number.
            up_to: Only of documents with no greater number.
        """
        query = _TIMINGS.where(_document.number > after)
        if document_id is not None:
            query = query.where(_document.id == document_id)
        if up_to is not None:
            query = query.where(_document.number <= up_to)
        with self.reading() as connection:
            rows = connection.execute(query, {"run": run_id})
            return [StepTiming(**row._mapping) for row in rows]

    def attempts(self, run_id: str) -> list[AttemptRow]:
        """The attempts that began, in the order of the documents."""
        with self.reading() as connection:
            rows = connection.execute(_ATTEMPTS, {"run": run_id})
            return [
                AttemptRow(**{**row._mapping, "status": AttemptStatus(row.status)})
                for row in rows
            ]

    def find_same(self, sha256: str, fingerprint: str) -> DocumentRow | None:
        """A completed document of the same bytes, from the same steps and settings."""
        values = {"sha256": sha256, "fingerprint": fingerprint}
        with self.reading() as connection:
            row = connection.execute(_SAME, values).one_or_none()
        return None if row is None else document_row(row)


def page_rows(pages: Sequence[Page]) -> list[tuple[Any, ...]]:
    """The rows of `page`, without the document.

    Raises:
        StoreError: Two pages have the same number.
    """
    rows = ((index(page.number), storable(page.text)) for page in pages)
    return _numbered("pages", rows)


def chunk_rows(chunks: Sequence[Chunk]) -> list[tuple[Any, ...]]:
    """The rows of `chunk`, without the document.

    Raises:
        StoreError: Two chunks have the same number.
    """
    rows = (
        (
            # A step of somebody's own may count with NumPy.
            index(chunk.number),
            index(chunk.start),
            index(chunk.end),
            index(chunk.first_page),
            index(chunk.last_page),
            storable(chunk.text),
        )
        for chunk in chunks
    )
    return _numbered("chunks", rows)


def vector_rows(chunks: Sequence[Chunk]) -> list[tuple[int, int, int, bytes]]:
    """First, count, dimensions and data of each row of `vectors`.

    None if no chunk has a vector.

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
        if row and len(row) < VECTORS and chunk.number == row[-1].number + 1:
            row.append(chunk)
        else:
            rows.append([chunk])
    return [
        (
            index(row[0].number),
            len(row),
            shape[0],
            _packed(np.array([chunk.vector for chunk in row], _FLOAT)),
        )
        for row in rows
    ]


def compared(rows: list[tuple[int, int, int, bytes]]) -> pgvector.Rows:
    """The rows of `vectors`, as the database compares them."""
    return pgvector.rows(
        (first, _array(count, dimensions, data))
        for first, count, dimensions, data in rows
    )


def replace_rows(
    connection: Connection,
    table: Table,
    document_id: str,
    rows: list[tuple[Any, ...]],
    *,
    new: bool = False,
) -> None:
    """Store a document's rows, if they differ from those that are there.

    The chunks that a step gives are often those that it took, with vectors.
    Of a `new` document nothing is there.
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
    """Add rows to what a document has, in one statement.

    It is for the driver as it is: SQLAlchemy would take each value in hand.
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
    # A column is one value: neither a message nor a parameter for each row.
    arrays = ", ".join(
        f"%s::{column.type.compile(connection.dialect)}[]" for column in columns
    )
    connection.exec_driver_sql(
        f"{into} SELECT %s, * FROM unnest({arrays})",  # noqa: S608
        (document_id, *(list(values) for values in zip(*rows, strict=True))),
    )


def replace_vectors(
    connection: Connection,
    document_id: str,
    rows: list[tuple[int, int, int, bytes]],
    embedder: str | None,
    *,
    new: bool = False,
) -> None:
    """Store a document's vectors instead of those that are there."""
    if not new:
        connection.execute(_DELETE[schema.vectors], {"document": document_id})
    _insert_vectors(connection, document_id, rows, embedder)


def _insert_vectors(
    connection: Connection,
    document_id: str,
    rows: list[tuple[int, int, int, bytes]],
    embedder: str | None,
) -> None:
    for first, count, dimensions, data in rows:
        _INSERT_VECTORS.run(
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


def add_unfinished_vectors(
    connection: Connection,
    document_id: str,
    rows: list[tuple[int, int, int, bytes]],
    embedder: str,
) -> None:
    """Store vectors of a step that is not finished; other steps' are dropped."""
    tag = UNFINISHED + embedder
    first = rows[0][0] if rows else 0
    connection.execute(
        delete(schema.vectors).where(
            _vectors.document_id == storable(document_id),
            or_(_vectors.embedder.is_distinct_from(tag), _vectors.first >= first),
        )
    )
    _insert_vectors(connection, document_id, rows, tag)


def copy_results(connection: Connection, source_id: str, document_id: str) -> None:
    """Give a document the pages, chunks and vectors of another one."""
    ids = {"document": document_id, "source": source_id}
    for table in RESULTS:
        connection.execute(_DELETE[table], ids)
        connection.execute(_COPY[table], ids)


def _numbered(what: str, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found = sorted(rows)
    for row, following in pairwise(found):
        if row[0] == following[0]:
            raise StoreError(f"two {what} have the number {row[0]}")
    return found


def _packed(array: NDArray[np.float32]) -> bytes:
    """The numbers of an array; where most are zero, only the others, and where.

    So it is with a hashing embedder, whose numbers are the words of a text.
    """
    dense = array.tobytes()
    # Not `array != 0`: a negative zero is to stay one.
    there = array.view(np.uint32) != 0
    sparse = np.packbits(there).tobytes() + array[there].tobytes()
    return sparse if len(sparse) < len(dense) else dense


def _array(count: int, dimensions: int, data: bytes) -> NDArray[np.float32]:
    if len(data) == count * dimensions * _FLOAT.itemsize:
        return np.frombuffer(data, _FLOAT).reshape(count, dimensions)
    array = np.zeros(count * dimensions, _FLOAT)
    marks = -(-array.size // 8)
    there = np.unpackbits(np.frombuffer(data, np.uint8, marks), count=array.size)
    array[there.view(bool)] = np.frombuffer(data, _FLOAT, offset=marks)
    return array.reshape(count, dimensions)


def _copied(table: Table) -> Select[Any]:
    columns = [c for c in table.c if c.name != "document_id"]
    target = bindparam("document", type_=schema.Text)
    return select(target, *columns).where(table.c.document_id == bindparam("source"))


#: The tables that hold what the steps have made.
RESULTS = (schema.page, schema.chunk, schema.vectors)

_DELETE = {
    table: delete(table).where(table.c.document_id == bindparam("document"))
    for table in RESULTS
}
_INSERT_VECTORS = CompiledStatement(insert(schema.vectors))
_STORED = {
    table: select(*(c for c in table.c if c.name != "document_id"))
    .where(table.c.document_id == bindparam("document"))
    .order_by(table.c.number)
    for table in (schema.page, schema.chunk)
}
_COPY = {
    table: insert(table).from_select(
        ["document_id", *(c.name for c in table.c if c.name != "document_id")],
        _copied(table),
    )
    for table in RESULTS
}
