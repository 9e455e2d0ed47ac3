"""LanceDB: a table in a folder, embedded in each worker process.

Every write is one commit of the table, so a killed worker leaves none or all of it. A
document that replaces another one is written, and that one deleted, in one commit.
Writers of other processes are met by LanceDB's own optimistic concurrency.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import lancedb
import pyarrow as pa

from docprogress.documents import Chunk
from docprogress.errors import DocProgressError, ServiceUnavailable, SinkError
from docprogress.settings import redacted
from docprogress.sinks.location import DEFAULT_TABLE, SinkLocation
from docprogress.sinks.protocol import SinkDocument
from docprogress.sinks.rows import row, vectors, wrong_length

log = logging.getLogger(__name__)

#: Chunks in one commit.
BATCH = 500

#: Commits of this process after which small files are merged, and how many times as
#: long as that took passes before it is done again.
COMMITS = 200
PAUSE_RATIO = 10

#: How long old versions of the table stay readable for those who have it open.
KEPT = timedelta(hours=1)

#: Documents that are deleted in one commit.
DELETED_TOGETHER = 500

_TYPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "document_id": pa.string(),
    "number": pa.int32(),
    "name": pa.string(),
    "run_id": pa.string(),
    "case_id": pa.string(),
    "text": pa.string(),
    "start": pa.int64(),
    "end": pa.int64(),
    "first_page": pa.int32(),
    "last_page": pa.int32(),
    "headings": pa.list_(pa.string()),
    "kind": pa.string(),
    "media_type": pa.string(),
    "title": pa.string(),
    "embedder": pa.string(),
    "parent_id": pa.string(),
    "attempt": pa.int32(),
    "metadata": pa.string(),
}


def open_sink(location: SinkLocation) -> "LanceSink":
    """The sink in a folder."""
    return LanceSink(location.path, location.options.get("table", DEFAULT_TABLE))


class LanceSink:
    """One table of a LanceDB folder."""

    replaces_documents = True

    def __init__(self, folder: str, table: str) -> None:
        self._folder = folder
        self._name = table
        self._table: Any = None
        self._commits = 0
        self._optimize_at = 0.0

    def check(self) -> str:
        """Describe the table.

        Raises:
            ServiceUnavailable: The folder cannot be used.
        """
        with _translated():
            table = self._open()
            count = 0 if table is None else table.count_rows()
        return f"LanceDB {lancedb.__version__}, {self._name}: {count:,} chunks"

    def upsert(self, document: SinkDocument, chunks: Sequence[Chunk]) -> Iterator[int]:
        """Replace a document's rows; each batch is a commit.

        Those of a document that replaces others are written in one commit, which
        deletes the others' as well. The last number is given before it.
        """
        dimensions = len(vectors(chunks[:1])[0]) if chunks else None
        with _translated():
            table = self._open(dimensions if document.creates else None)
        if table is None:
            if chunks:
                raise _away(f"table {self._name!r} is missing from {self._folder}")
            return
        if document.replaces:
            yield len(chunks)
            with _translated():
                self._replace(table, document, chunks)
        else:
            for start in range(0, len(chunks), BATCH):
                batch = chunks[start : start + BATCH]
                with _translated():
                    self._write(table, document, batch)
                yield start + len(batch)
        if not document.new:
            with _translated():
                self._drop_others(table, document, chunks)
        self._tidy(table)

    def delete(self, document_ids: Sequence[str]) -> None:
        """Delete the rows of documents."""
        with _translated():
            table = self._open()
            if table is None:
                return
            for start in range(0, len(document_ids), DELETED_TOGETHER):
                some = _of(document_ids[start : start + DELETED_TOGETHER])
                # Deleting nothing would be a commit, too.
                if table.count_rows(some):
                    self._commit(partial(table.delete, some))

    def _open(self, dimensions: int | None = None) -> Any:
        """The table at its newest version; None if it does not exist.

        With `dimensions`, it is made if it does not exist.
        """
        if self._table is not None:
            try:
                self._table.checkout_latest()
            except Exception:  # noqa: BLE001 - it may have been dropped and made again
                self._table = None
        if self._table is None:
            database = lancedb.connect(self._folder)
            try:
                self._table = database.open_table(self._name)
            except ValueError as error:
                if "not found" not in str(error):
                    raise
                if dimensions is None:
                    return None
                schema = _schema(dimensions)
                self._table = database.create_table(
                    self._name, schema=schema, exist_ok=True
                )
        return self._table

    def _write(
        self, table: Any, document: SinkDocument, chunks: Sequence[Chunk]
    ) -> None:
        data = _arrow(table.schema, document, chunks, f"table {self._name!r}")
        if document.new:
            self._commit(lambda: table.add(data))
            return
        self._commit(
            lambda: (
                table.merge_insert("id")
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute(data)
            )
        )

    def _replace(
        self, table: Any, document: SinkDocument, chunks: Sequence[Chunk]
    ) -> None:
        """Write a document, and delete what it replaces, in one commit."""
        others = _of([document.id, *document.replaces])
        if not chunks:
            self._commit(lambda: table.delete(others))
            return
        data = _arrow(table.schema, document, chunks, f"table {self._name!r}")
        self._commit(
            lambda: (
                table.merge_insert("id")
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .when_not_matched_by_source_delete(others)
                .execute(data)
            )
        )

    def _drop_others(
        self, table: Any, document: SinkDocument, chunks: Sequence[Chunk]
    ) -> None:
        """Delete rows of earlier attempts, and doubles of a late writer."""
        mine = _of([document.id])
        others = f"{mine} AND (attempt IS NULL OR attempt <> {document.attempt:d})"
        if table.count_rows(others):
            self._commit(lambda: table.delete(others))
        table.checkout_latest()
        if table.count_rows(mine) != len(chunks):
            log.warning("%s was written twice and is written again", document.id)
            self._commit(lambda: table.delete(mine))
            data = _arrow(table.schema, document, chunks, f"table {self._name!r}")
            self._commit(lambda: table.add(data))

    def _commit(self, write: Callable[[], object]) -> None:
        write()
        self._commits += 1

    def _tidy(self, table: Any) -> None:
        """Compact small files occasionally; each commit makes new ones."""
        started = time.monotonic()
        if self._commits < COMMITS or started < self._optimize_at:
            return
        self._commits = 0
        try:
            table.optimize(cleanup_older_than=KEPT)
        except Exception as error:  # noqa: BLE001 - whatever it is can be done later
            log.info(
                "LanceDB's files will be compacted later: %s", redacted(str(error))
            )
        ended = time.monotonic()
        self._optimize_at = ended + PAUSE_RATIO * (ended - started)


class _translated:  # noqa: N801 - reads as a statement
    """Raises LanceDB's errors as this package's."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _at: object) -> None:
        if isinstance(error, DocProgressError) or not isinstance(
            error, (OSError, RuntimeError, ValueError)
        ):
            return
        reason = redacted(str(error)).partition("\n")[0]
        if isinstance(error, ValueError):
            raise SinkError(f"LanceDB rejected the chunks: {reason}") from error
        # Its own errors have no other types.
        raise _away(getattr(error, "strerror", None) or reason) from error


def _away(reason: str) -> ServiceUnavailable:
    message = f"LanceDB cannot be used: {reason}"
    return ServiceUnavailable(message, service="LanceDB", reason=reason)


def _schema(dimensions: int) -> pa.Schema:
    vector = pa.list_(pa.float32(), dimensions)
    return pa.schema([*_TYPES.items(), ("vector", vector)])


def _arrow(
    schema: pa.Schema, document: SinkDocument, chunks: Sequence[Chunk], what: str
) -> pa.Table:
    """The rows of chunks, with the columns that the table has."""
    for needed in ("id", "document_id", "attempt", "vector"):
        if needed not in schema.names:
            raise SinkError(f"{what} has no column {needed!r}: use another table")
    made = vectors(chunks)
    stored = getattr(schema.field("vector").type, "list_size", made.shape[1])
    if stored != made.shape[1]:
        raise wrong_length(what, stored=stored, made=made.shape[1])
    flat = pa.array(made.ravel(), pa.float32())
    arrays: dict[str, Any] = {
        "vector": pa.FixedSizeListArray.from_arrays(flat, made.shape[1])
    }
    rows = [row(document, chunk) for chunk in chunks]
    for name, kind in _TYPES.items():
        if name in schema.names:
            arrays[name] = pa.array([each[name] for each in rows], kind)
    return pa.table(arrays)


def _of(document_ids: Sequence[str]) -> str:
    quoted = ", ".join("'" + each.replace("'", "''") + "'" for each in document_ids)
    return f"document_id IN ({quoted})"
