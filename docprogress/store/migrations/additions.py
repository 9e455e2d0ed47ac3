"""Additions to the tables that earlier versions ignore: nullable columns, new tables.

They are no numbered migrations, so that clients and workers of earlier versions can
still use the database. Add new ones at the end of `_ADDITIONS`, and never change one.
"""

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.types import TypeEngine

from docprogress.store.migrations import vector_parts
from docprogress.store.schema import ADDITIONS_TABLE, Moment

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")


class _ForSQLite(str):
    """A statement for SQLite alone."""

    __slots__ = ()


#: Columns, and statements that create tables, in groups that are each made in one step.
_ADDITIONS: tuple[tuple[tuple[str, str, TypeEngine[Any]] | str, ...], ...] = (
    (
        ("document", "parent_id", sa.Text()),
        ("document", "metadata", sa.Text()),
        ("document", "ocr_pages", sa.Integer()),
        ("document", "confidence", sa.Double()),
        ("page", "title", sa.Text()),
        ("page", "markdown", sa.Text()),
        ("page", "confidence", sa.Double()),
        ("chunk", "kind", sa.Text()),
        ("chunk", "headings", sa.Text()),
    ),
    (
        ("document", "unpacked_members", sa.Integer()),
        ("document", "unpacked_bytes", sa.BigInteger()),
        ("run", "encryption_key", sa.Text()),
    ),
    (
        (
            "CREATE TABLE IF NOT EXISTS recognised_page ("
            "document_id TEXT NOT NULL, number INTEGER NOT NULL,"
            " recogniser TEXT NOT NULL, text TEXT NOT NULL,"
            " confidence {double}, PRIMARY KEY (document_id, number),"
            " FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE)"
        ),
    ),
    (
        (
            "CREATE TABLE IF NOT EXISTS sink_document ("
            "document_id TEXT NOT NULL PRIMARY KEY, run_id TEXT NOT NULL,"
            " sink TEXT NOT NULL, folder TEXT, queue TEXT, marks INTEGER NOT NULL)"
        ),
        "CREATE INDEX IF NOT EXISTS sink_document_run ON sink_document (run_id)",
        "CREATE INDEX IF NOT EXISTS sink_document_marks ON sink_document (marks)",
    ),
    (
        (
            "CREATE TABLE IF NOT EXISTS sink_key ("
            "sink TEXT NOT NULL PRIMARY KEY, encryption_key TEXT NOT NULL)"
        ),
    ),
    (
        ("document", "replaces", sa.Text()),
        ("document", "retired_at", Moment()),
    ),
    (
        ("document", "indexed_attempt", sa.Integer()),
        # Documents that the word index lacks, whichever version completed them.
        (
            "CREATE INDEX IF NOT EXISTS document_not_indexed ON document (id)"
            " WHERE status = 'completed' AND retired_at IS NULL AND chunks > 0"
            " AND coalesce(indexed_attempt, 0) <> attempt"
        ),
        (
            "CREATE TABLE IF NOT EXISTS word_document ("
            "document_id TEXT NOT NULL, number INTEGER NOT NULL,"
            " count INTEGER NOT NULL, attempt INTEGER NOT NULL, segment BIGINT,"
            " first INTEGER NOT NULL, data {blob}, PRIMARY KEY (document_id, number),"
            " FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE)"
        ),
        (
            "CREATE INDEX IF NOT EXISTS word_document_segment"
            " ON word_document (segment, first)"
        ),
        (
            "CREATE TABLE IF NOT EXISTS word_segment ("
            "id BIGINT NOT NULL PRIMARY KEY, count INTEGER NOT NULL,"
            " tokens BIGINT NOT NULL, buckets INTEGER NOT NULL, complete INTEGER,"
            " lengths {blob} NOT NULL)"
        ),
        (
            "CREATE TABLE IF NOT EXISTS word_block ("
            "segment BIGINT NOT NULL, key BIGINT NOT NULL, data {blob} NOT NULL,"
            " PRIMARY KEY (segment, key))"
        ),
    ),
    (
        (
            "CREATE INDEX IF NOT EXISTS document_parent ON document (parent_id)"
            " WHERE parent_id IS NOT NULL"
        ),
        (
            "CREATE INDEX IF NOT EXISTS document_replaces ON document (replaces)"
            " WHERE replaces IS NOT NULL"
        ),
        (
            "CREATE INDEX IF NOT EXISTS document_retired ON document"
            " (ready, retired_at) WHERE retired_at IS NOT NULL"
        ),
        (
            "CREATE TABLE IF NOT EXISTS source ("
            "id TEXT NOT NULL PRIMARY KEY, root TEXT NOT NULL, case_id TEXT,"
            " fingerprint TEXT, run_id TEXT, synced_at {double},"
            " lock_owner TEXT, locked_until {double})"
        ),
        (
            "CREATE TABLE IF NOT EXISTS source_file ("
            "source_id TEXT NOT NULL, path TEXT {binary} NOT NULL, size BIGINT,"
            " mtime BIGINT, etag TEXT, seen_at {double},"
            " document_id TEXT, pending_id TEXT, PRIMARY KEY (source_id, path),"
            " FOREIGN KEY(source_id) REFERENCES source (id) ON DELETE CASCADE)"
        ),
        (
            "CREATE INDEX IF NOT EXISTS source_file_document"
            " ON source_file (document_id)"
        ),
        ("CREATE INDEX IF NOT EXISTS source_file_pending ON source_file (pending_id)"),
    ),
    (
        (
            "CREATE TABLE IF NOT EXISTS vector_part ("
            "id {identity}, token BIGINT NOT NULL, document_id TEXT NOT NULL,"
            " first INTEGER NOT NULL, count INTEGER NOT NULL,"
            " dimensions INTEGER NOT NULL)"
        ),
        (
            "CREATE UNIQUE INDEX IF NOT EXISTS vector_part_document"
            " ON vector_part (document_id, first)"
        ),
        (
            "CREATE TABLE IF NOT EXISTS vector_space ("
            "run_id TEXT NOT NULL, embedder TEXT NOT NULL, dimensions INTEGER NOT NULL,"
            " PRIMARY KEY (run_id, embedder, dimensions),"
            " FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE)"
        ),
        *map(_ForSQLite, vector_parts.STATEMENTS),
    ),
    # Searches in some documents, by name.
    ("CREATE INDEX IF NOT EXISTS document_name ON document (name)",),
    (("vectors", "compared", sa.Boolean()),),
    (("source", "withheld_of", sa.Integer()),),
)


def complete(connection: Connection) -> bool:
    """Whether the database has all additions of this version."""
    return _count(connection) >= len(_ADDITIONS)


def tables() -> set[str]:
    """The tables that additions create."""
    statements = (each for group in _ADDITIONS for each in group)
    made = (_TABLE.match(each) for each in statements if isinstance(each, str))
    return {ADDITIONS_TABLE, *(found[1] for found in made if found)}


def create(connection: Connection, *, columns: bool = True) -> None:
    """Create the additions that the database does not have.

    Args:
        connection: A transaction that writes.
        columns: Whether tables that additions do not create lack the columns, too.
    """
    own = tables()
    made = _count(connection)
    sqlite = connection.dialect.name == "sqlite"
    if not made:
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {ADDITIONS_TABLE} "
            "(number INTEGER NOT NULL PRIMARY KEY)"
        )
    for number, group in enumerate(_ADDITIONS[made:], made + 1):
        for addition in group:
            if isinstance(addition, _ForSQLite) and not sqlite:
                continue
            if isinstance(addition, str):
                connection.exec_driver_sql(addition.format(**_types(connection)))
                continue
            table, name, kind = addition
            if not columns and table not in own:
                continue
            connection.exec_driver_sql(
                f"ALTER TABLE {table} ADD COLUMN {name} "
                f"{kind.compile(connection.dialect)}"
            )
        connection.exec_driver_sql(
            f"INSERT INTO {ADDITIONS_TABLE} (number) VALUES ({number:d})"  # noqa: S608
        )


def _types(connection: Connection) -> dict[str, str]:
    """The parts of the statements above that depend on the database."""
    postgresql = connection.dialect.name == "postgresql"
    return {
        "double": sa.Double().compile(connection.dialect),
        "identity": "BIGINT PRIMARY KEY"
        if postgresql
        else "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
        "blob": sa.LargeBinary().compile(connection.dialect),
        # SQLite compares bytes anyway.
        "binary": 'COLLATE "C"' if postgresql else "",
    }


def _count(connection: Connection) -> int:
    if not sa.inspect(connection).has_table(ADDITIONS_TABLE):
        return 0
    query = f"SELECT max(number) FROM {ADDITIONS_TABLE}"  # noqa: S608
    return connection.exec_driver_sql(query).scalar() or 0
