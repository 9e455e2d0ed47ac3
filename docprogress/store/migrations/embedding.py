"""The table `embedding`, which exists only in databases with pgvector.

It is no numbered migration: the extension can be installed at any time, and processes
of a version that does not know the table can still use the database.
"""

from sqlalchemy import Connection, text

_EXISTS = text("SELECT to_regclass('embedding') IS NOT NULL")
_CREATE = text(
    "CREATE TABLE IF NOT EXISTS embedding ("
    " document_id TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " vector vector NOT NULL,"
    " PRIMARY KEY (document_id, number))"
)


def exists(connection: Connection) -> bool:
    """Whether the table exists."""
    return bool(connection.execute(_EXISTS).scalar())


def create(connection: Connection) -> None:
    """Create the table, unless it exists."""
    connection.execute(_CREATE)
