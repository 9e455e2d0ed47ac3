"""pgvector: a table in the user's PostgreSQL and schema.

A document is written in one transaction that holds a lock on it, so a killed worker
leaves nothing of it. What it replaces is deleted in the same transaction. Whether the
attempt still holds the document is checked while the lock is held: one that is over
cannot write after the next one.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.types.json import Jsonb

from docprogress.documents import Chunk
from docprogress.errors import ServiceUnavailable, SinkError
from docprogress.settings import redacted
from docprogress.sinks.location import DEFAULT_TABLE, SinkLocation
from docprogress.sinks.protocol import SinkDocument
from docprogress.sinks.rows import json_value, row, vectors, wrong_length

log = logging.getLogger(__name__)

#: Rows that are sent together.
BATCH = 100

#: Documents that are deleted in one transaction, each of which is locked.
DELETED_TOGETHER = 100

#: Seconds to wait for a connection, for another worker that writes the same document,
#: and, on the server, for one that stopped within a transaction.
CONNECT_SECONDS = 5
LOCK_SECONDS = 3
IDLE_SECONDS = 10

_CONNECTION: dict[str, str | int] = {
    "application_name": "docprogress",
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

_COLUMNS: Mapping[str, str] = {
    "document_id": "text NOT NULL",
    "number": "integer NOT NULL",
    "name": "text",
    "run_id": "text",
    "case_id": "text",
    "text": "text",
    "start": "bigint",
    "end": "bigint",
    "first_page": "integer",
    "last_page": "integer",
    "headings": "text[]",
    "kind": "text",
    "media_type": "text",
    "title": "text",
    "embedder": "text",
    "parent_id": "text",
    "attempt": "integer",
    "metadata": "jsonb",
}

#: The columns that a table of the user's must have.
_NEEDED = ("document_id", "number", "vector")

#: Why a server refuses a connection, other than for the moment.
_REFUSAL = re.compile(
    r"authentication failed|no pg_hba\.conf entry|does not exist|no password supplied"
    r"|SSL was required|permission denied"
)

#: SQLSTATE's classes of errors that pass, and a server that is read-only for a while.
_TRANSIENT = ("08", "40", "53", "55", "57", "58", "25006")

#: The advisory lock under which the table is made.
_TABLE_LOCK = "docprogress: table"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_LOCK_ALL = (
    "SELECT pg_advisory_xact_lock(hashtextextended(key, 0))"
    " FROM (SELECT unnest(%s::text[]) AS key ORDER BY 1) AS locked"
)
# The two halves of a lock's key are in two columns.
_END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks"
    " WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND ((classid::bigint << 32) | objid::bigint)"
    " IN (SELECT hashtextextended(key, 0) FROM unnest(%s::text[]) AS key)"
)


def open_sink(location: SinkLocation) -> "PgVectorSink":
    """The sink in a PostgreSQL."""
    options = location.options
    table = options.pop("table", DEFAULT_TABLE)
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    parts = location.parts
    url = f"postgresql://{parts.netloc}{parts.path}{query}"
    return PgVectorSink(url, table)


class PgVectorSink:
    """One table of a PostgreSQL database.

    Args:
        url: The database.
        table: `name` or `schema.name`.
    """

    replaces_documents = True

    def __init__(self, url: str, table: str) -> None:
        self._url = url
        self._name = table
        self._table = sql.Identifier(*table.split("."))
        self._connection: psycopg.Connection | None = None

    def check(self) -> str:
        """Describe the table.

        Raises:
            ServiceUnavailable: The server cannot be reached.
            SinkError: It refuses.
        """
        with self._transaction() as connection:
            _require_extension(connection)
            columns = self._columns(connection)
            version = connection.info.server_version // 10_000
            there = "its table is made when it is needed"
            if columns:
                count = sql.SQL("SELECT count(*) FROM {}").format(self._table)
                found = connection.execute(count).fetchone()
                there = f"{found[0] if found else 0:,} chunks"
        return f"PostgreSQL {version} with pgvector, {self._name}: {there}"

    def upsert(self, document: SinkDocument, chunks: Sequence[Chunk]) -> Iterator[int]:
        """Replace a document's rows, and those of earlier versions, in one transaction.

        The last number is given before it is committed.
        """
        made = vectors(chunks) if chunks else None
        if made is not None:
            # In a separate transaction: others wait for it.
            with self._transaction() as connection:
                if not self._columns(connection):
                    if not document.creates:
                        raise _away(f"table {self._name!r} is gone")
                    self._create(connection, made.shape[1])
        with self._transaction() as connection:
            columns = self._columns(connection)
            if columns:
                self._check_columns(columns, None if made is None else made.shape[1])
                both = [document.id, *document.replaces]
                self._lock(connection, both)
                connection.execute(self._deletion(), [both])
            if made is None:
                yield 0
                return
            if not columns:
                raise _away(f"table {self._name!r} is gone")
            names = [name for name in (*_COLUMNS, "vector") if name in columns]
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                self._table,
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join([sql.SQL("%s")] * len(names)),
            )
            for start in range(0, len(chunks), BATCH):
                batch = range(start, min(start + BATCH, len(chunks)))
                rows = [
                    row(document, chunks[index])
                    | {
                        "vector": made[index],
                        "metadata": Jsonb(json_value(document.metadata)),
                    }
                    for index in batch
                ]
                with connection.cursor() as cursor:
                    cursor.executemany(
                        statement, [[each[name] for name in names] for each in rows]
                    )
                yield batch.stop

    def delete(self, document_ids: Sequence[str]) -> None:
        """Delete the rows of documents."""
        for start in range(0, len(document_ids), DELETED_TOGETHER):
            some = list(document_ids[start : start + DELETED_TOGETHER])
            with self._transaction() as connection:
                if self._columns(connection):
                    # Writers of any of them must end first.
                    self._lock(connection, some)
                    connection.execute(self._deletion(), [some])

    def _deletion(self) -> sql.Composed:
        statement = sql.SQL("DELETE FROM {} WHERE document_id = ANY(%s)")
        return statement.format(self._table)

    def _lock(self, connection: psycopg.Connection, document_ids: list[str]) -> None:
        """Wait for other writers of documents, whose transactions see each other.

        A process that does not end within `LOCK_SECONDS`, because it was stopped or
        lost its connection, has lost the document to this one. Its transaction is
        rolled back.
        """
        keys = sorted(f"docprogress: {self._name}: {each}" for each in document_ids)
        try:
            with connection.transaction():
                connection.execute(_LOCK_ALL, [keys])
        except psycopg.errors.LockNotAvailable:
            ended = connection.execute(_END_OTHERS, [keys]).fetchall()
            log.warning(
                "terminated %s sink connections of superseded attempts", len(ended)
            )
            connection.execute(_LOCK_ALL, [keys])

    def _columns(self, connection: psycopg.Connection) -> dict[str, int]:
        """The table's columns with their modifiers; none if there is no table."""
        found = connection.execute(
            "SELECT attname, atttypmod FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            [self._table.as_string(connection)],
        )
        return dict(found.fetchall())

    def _check_columns(self, columns: dict[str, int], dimensions: int | None) -> None:
        for name in _NEEDED:
            if name not in columns:
                raise SinkError(
                    f"table {self._name!r} has no column {name!r}: add it, or name "
                    "another table"
                )
        stored = columns["vector"]
        # Without a length, the column takes vectors of any.
        if dimensions is not None and stored not in (-1, dimensions):
            what = f"table {self._name!r}"
            raise wrong_length(what, stored=stored, made=dimensions)

    def _create(self, connection: psycopg.Connection, dimensions: int) -> None:
        connection.execute(_LOCK, [_TABLE_LOCK])
        if "." in self._name:
            schema = self._name.partition(".")[0]
            known = "SELECT FROM pg_namespace WHERE nspname = %s"
            if connection.execute(known, [schema]).fetchone() is None:
                create = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}")
                connection.execute(create.format(sql.Identifier(schema)))
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in [*_COLUMNS.items(), ("vector", f"vector({dimensions})")]
        ]
        create = sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY (document_id, number))"
        )
        connection.execute(create.format(self._table, sql.SQL(", ").join(columns)))

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        """A transaction; the connection is opened again after it was lost."""
        with _translated():
            try:
                connection = self._connect()
                with connection.transaction():
                    yield connection
            except BaseException:
                if self._connection is not None and self._connection.closed:
                    self._connection = None
                raise

    def _connect(self) -> psycopg.Connection:
        connection = self._connection
        if connection is not None and not connection.closed:
            try:
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                connection.close()
            else:
                return connection
        self._connection = None
        connection = psycopg.connect(self._url, autocommit=True, **_CONNECTION)  # type: ignore[arg-type]
        try:
            for name, seconds in (
                ("lock_timeout", LOCK_SECONDS),
                ("idle_in_transaction_session_timeout", IDLE_SECONDS),
            ):
                setting = "SELECT set_config(%s, %s, false)"
                connection.execute(setting, [name, f"{seconds}s"])
            _require_extension(connection)
            register_vector(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection


def _require_extension(connection: psycopg.Connection) -> None:
    found = connection.execute("SELECT to_regtype('vector')").fetchone()
    if found and found[0] is not None:
        return
    try:
        with connection.transaction():
            # Two that make it at once would fail.
            connection.execute(_LOCK, [_TABLE_LOCK])
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise SinkError(
            "the database of the sink has no pgvector: ask its administrator to "
            "install "
            f"it and run `CREATE EXTENSION vector` ({_reason(error)})"
        ) from None


class _translated:  # noqa: N801 - reads as a statement
    """Raises PostgreSQL's errors as this package's."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _at: object) -> None:
        if not isinstance(error, psycopg.Error):
            return
        reason = _reason(error)
        state = error.sqlstate
        lost = isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
        if state is None:
            passes = lost and not _REFUSAL.search(reason)
        else:
            passes = state.startswith(_TRANSIENT)
        if isinstance(error, psycopg.errors.LockNotAvailable):
            reason = "another worker still writes this document"
        if passes:
            raise _away(reason) from error
        # Without its cause, which may contain the values of a row.
        raise SinkError(f"PostgreSQL rejected the chunks: {reason}") from None


def _away(reason: str) -> ServiceUnavailable:
    message = f"the PostgreSQL of the sink cannot be used: {reason}"
    return ServiceUnavailable(message, service="pgvector", reason=reason)


def _reason(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    # The last line of a failed connection says why.
    lines = text.strip().splitlines()
    return redacted(lines[-1]) if lines else type(error).__name__
