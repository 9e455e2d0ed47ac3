"""The table `embedding`, which exists only in databases with pgvector.

Rows of `vectors` that are not complete in it are compared outside the database. An
index finds them.

It is no numbered migration: the extension can be installed at any time, and processes
of a version that does not know the table can still use the database.
"""

from sqlalchemy import Connection, text

_EXISTS = text(
    "SELECT to_regclass('embedding') IS NOT NULL"
    " AND to_regclass('vectors_not_compared') IS NOT NULL"
)
_CREATE = text(
    "CREATE TABLE IF NOT EXISTS embedding ("
    " document_id TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " vector vector NOT NULL,"
    " PRIMARY KEY (document_id, number))"
)
# Earlier versions filled the table without saying so.
_MARK = text(
    "UPDATE vectors SET compared = count ="
    " (SELECT count(*) FROM embedding"
    " WHERE embedding.document_id = vectors.document_id"
    " AND number >= first AND number < first + vectors.count)"
    " WHERE embedder IS NULL OR embedder NOT LIKE 'unfinished %'"
)
_INDEX = text(
    "CREATE INDEX IF NOT EXISTS vectors_not_compared ON vectors (dimensions)"
    " WHERE compared IS NOT TRUE"
)


def exists(connection: Connection) -> bool:
    """Whether the table and the index exist."""
    return bool(connection.execute(_EXISTS).scalar())


def create(connection: Connection) -> None:
    """Create what does not exist."""
    for statement in (_CREATE, _MARK, _INDEX):
        connection.execute(statement)
