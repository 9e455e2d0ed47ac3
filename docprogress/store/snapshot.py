"""A snapshot of the database, unaffected by concurrent writes.

Everything that is read belongs to one moment: of two versions of a document there is
exactly one, with all of its results.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NoReturn

from sqlalchemy import Connection

from docprogress.errors import StoreError
from docprogress.store.engine import Database
from docprogress.store.store import Store

#: The reader may take long to write the data that it has read.
_NO_TIMEOUT = "SET LOCAL idle_in_transaction_session_timeout = 0"


class _Snapshot(Database):
    """A database whose transactions are all the same one."""

    def __init__(self, database: Database, connection: Connection) -> None:
        # Nothing is opened: it shares the connection of the other database.
        self.__dict__.update(vars(database))
        self._connection = connection

    def open(self) -> None:
        """It is."""

    def close(self) -> None:
        """Left to whoever has opened it."""

    def reading(self) -> AbstractContextManager[Connection]:
        """The connection."""
        return nullcontext(self._connection)

    def snapshot(self) -> AbstractContextManager[Connection]:
        """The connection."""
        return nullcontext(self._connection)

    def writing(self) -> NoReturn:
        """Nothing is written."""
        raise StoreError("a snapshot of the database cannot be written")


@contextmanager
def snapshot(store: Store) -> Iterator[Store]:
    """A snapshot of the store, for the calling thread.

    Raises:
        StoreError: It cannot be read.
    """
    with store.database.snapshot() as connection:
        if not store.database.is_sqlite:
            connection.exec_driver_sql(_NO_TIMEOUT)
        yield Store(database=_Snapshot(store.database, connection))
