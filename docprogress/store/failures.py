"""What the database's errors mean here: what may pass, and what cannot.

Messages name the cause, and neither a query's parameters (documents' text) nor
a password.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from docprogress.errors import StoreError, StoreUnavailable
from docprogress.settings import redacted

#: What SQLite says of a thing that may pass: a lock, memory, disk space, file
#: descriptors.
_SQLITE_PASSES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}

#: What PostgreSQL says of such a thing, by the first two characters of its code:
#: connections, rolled back transactions, resources, locks, its administrator,
#: and the machine.
_POSTGRESQL_PASSES = {"08", "40", "53", "55", "57", "58"}

#: A server that is read-only for as long as it takes to fail over.
_POSTGRESQL_READ_ONLY = "25006"


@contextmanager
def translated() -> Iterator[None]:
    """Within this block, what the database raises becomes an error of ours.

    Raises:
        StoreUnavailable: The database is away, busy or full.
        StoreError: It refuses, for good.
    """
    try:
        yield
    except sa.exc.TimeoutError as error:
        message = "the database is busy: no connection became free"
        raise StoreUnavailable(message) from error
    except (SQLAlchemyError, sqlite3.Error, OverflowError) as error:
        cause = getattr(error, "orig", None) or error
        if _passes(error, cause):
            message = f"the database is not available: {_reason(cause)}"
            raise StoreUnavailable(message) from error
        # Not with its cause, which may go on to show the values of a row.
        raise StoreError(f"the database refuses: {_reason(cause)}") from None


def _passes(error: BaseException, cause: BaseException) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(cause, sqlite3.Error):
        # Python's own complaints, of a closed connection say, have no code.
        code = getattr(cause, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _SQLITE_PASSES
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InternalError):
        return False
    state = getattr(cause, "sqlstate", None)
    # There is no code where no connection came about.
    return state is None or (
        state[:2] in _POSTGRESQL_PASSES or state == _POSTGRESQL_READ_ONLY
    )


def _reason(cause: BaseException) -> str:
    # PostgreSQL tells the values of a row in the second line.
    lines = str(cause).strip().splitlines()
    return redacted(lines[0]) if lines else type(cause).__name__
