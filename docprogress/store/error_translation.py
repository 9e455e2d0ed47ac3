"""Translate database errors into transient and permanent ones.

Messages name the cause. They contain neither a query's parameters, which may be
documents' text, nor a password.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from docprogress.errors import StoreError, StoreUnavailable
from docprogress.settings import redacted

#: SQLite's errors of locks, memory, disk space and file descriptors.
_SQLITE_TRANSIENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}

#: PostgreSQL's classes of transient errors, the first two characters of SQLSTATE:
#: connections, rolled back transactions, resources, locks, operator intervention,
#: and the system.
_POSTGRESQL_TRANSIENT = {"08", "40", "53", "55", "57", "58"}

#: A server that is read-only during a failover.
_POSTGRESQL_READ_ONLY = "25006"


@contextmanager
def translate_errors() -> Iterator[None]:
    """Translate the errors that the database raises inside this block.

    Raises:
        StoreUnavailable: The database is unreachable, busy or full.
        StoreError: It refuses the statement.
    """
    try:
        yield
    except sa.exc.TimeoutError as error:
        message = "the database is busy: no connection became free"
        raise StoreUnavailable(message) from error
    except (SQLAlchemyError, sqlite3.Error, OverflowError) as error:
        cause = getattr(error, "orig", None) or error
        if _is_transient(error, cause):
            message = f"the database is not available: {_reason(cause)}"
            raise StoreUnavailable(message) from error
        # Without its cause, which may contain the values of a row.
        raise StoreError(f"the database rejected the query: {_reason(cause)}") from None


def _is_transient(error: BaseException, cause: BaseException) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(cause, sqlite3.Error):
        # Errors of the Python module itself, such as a closed connection's, have none.
        code = getattr(cause, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _SQLITE_TRANSIENT
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InternalError):
        return False
    state = getattr(cause, "sqlstate", None)
    # A failed connection attempt has no code.
    return state is None or (
        state[:2] in _POSTGRESQL_TRANSIENT or state == _POSTGRESQL_READ_ONLY
    )


def _reason(cause: BaseException) -> str:
    # PostgreSQL shows the values of a row in the second line.
    lines = str(cause).strip().splitlines()
    return redacted(lines[0]) if lines else type(cause).__name__
