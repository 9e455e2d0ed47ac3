"""The connection to SQLite or PostgreSQL: opened lazily, given back at once.

Every transaction is short.  One that writes takes SQLite's write lock as it begins,
so that two processes wait for each other, and never for ever.
"""

import os
import select
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.engine import make_url

from docprogress.errors import StoreError
from docprogress.settings import redacted
from docprogress.store import embeddings, migrations
from docprogress.store.failures import translated
from docprogress.store.forks import gate
from docprogress.store.schema import HEAD, VERSION_TABLE

#: What may be asked of PostgreSQL's client, so that a lost connection is noticed.
_POSTGRESQL: dict[str, Any] = {
    "application_name": "docprogress",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

#: How long PostgreSQL waits for the next statement of a transaction.  Of a machine
#: that was cut off it would keep the locks for hours.
IDLE_SECONDS = 10.0

#: How each SQLite connection is set up.  In WAL mode `NORMAL` cannot corrupt the
#: database; a power failure may undo the last moments, as one that came earlier.
_PRAGMAS = (
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-16384",
    "PRAGMA journal_size_limit=67108864",
)

#: The advisory lock under which a PostgreSQL schema is changed: "docprog", as a number.
_LOCK = 0x646F6370726F67

_ACCEPTED = "sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"


class Database:
    """A database with our tables in it.

    Args:
        url: `sqlite:///PATH`, or `postgresql+psycopg://…`.
        busy_seconds: How long a transaction waits for another one.

    Raises:
        StoreError: `url` is neither.
    """

    def __init__(self, url: str, *, busy_seconds: float = 30.0) -> None:
        self._url, self._path = _parsed(url)
        self._busy_seconds = busy_seconds
        self._engine = self._made()
        # The same connections.
        self._looking = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._opened = False
        # Whether the database compares vectors itself.
        self._compares = False
        gate.watch(self._engine)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    @property
    def url(self) -> str:
        """Where the database is, without its password."""
        return redacted(self._url.render_as_string(hide_password=True))

    def open(self) -> Self:
        """Make the database ready: create it, or bring its tables up to date.

        Doing so again is nothing.  Many processes may do so at once.

        Raises:
            StoreUnavailable: The database cannot be reached now.
            StoreError: It cannot be written, is newer than this code, or is not
                one of ours.
        """
        if self._opened:
            return self
        try:
            self._prepare()
        except StoreError:
            self.close()
            raise
        self._opened = True
        return self

    def close(self) -> None:
        """Give all connections back; the next use opens new ones."""
        with gate:
            self._engine.dispose()
        self._opened = False

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def version(self) -> str | None:
        """The version that the tables have now, whoever has changed them."""
        with self._reading() as connection:
            return _version(connection)

    def check(self) -> None:
        """Read and write a little.

        Raises:
            StoreError: One of the two cannot be done.
        """
        with self._writing() as connection:
            connection.exec_driver_sql(
                f"UPDATE {VERSION_TABLE} SET version_num = version_num"  # noqa: S608
            )

    def system(self) -> str:
        """What the database is, and whether it compares vectors itself.

        Raises:
            StoreError: It cannot be used.
        """
        with self._reading() as connection:
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
        if self._path is not None:
            return f"SQLite {version}"
        compares = "with" if self._compares else "without"
        return f"PostgreSQL {version} {compares} pgvector"

    def _reading(self) -> AbstractContextManager[Connection]:
        """A connection to look with: on SQLite, at one moment of the database."""
        # PostgreSQL shows each statement a moment of its own in any case: there, a
        # transaction around them is two more messages, and a connection that waits.
        engine = self._engine if self._path is not None else self._looking
        return self._transaction(engine, "BEGIN")

    def _writing(self) -> AbstractContextManager[Connection]:
        """A transaction that is the only one to write, on SQLite."""
        return self._transaction(self._engine, "BEGIN IMMEDIATE")

    @contextmanager
    def _transaction(self, engine: Engine, begin: str) -> Iterator[Connection]:
        self.open()
        with gate, translated(), self._begun(engine, begin) as connection:
            yield connection

    @contextmanager
    def _begun(self, engine: Engine, begin: str) -> Iterator[Connection]:
        with engine.begin() as connection:
            if self._path is not None:
                # Straight to the driver: SQLAlchemy's way, an event, makes every
                # statement slower.
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.execute(begin)
            yield connection

    def _made(self) -> Engine:
        options: dict[str, Any] = {
            "hide_parameters": True,
            "pool_timeout": self._busy_seconds,
        }
        if self._path is not None:
            arguments = {"timeout": self._busy_seconds, "isolation_level": None}
            engine = sa.create_engine(self._url, connect_args=arguments, **options)
            event.listen(engine, "connect", _set_up)
            return engine
        arguments = {k: v for k, v in _POSTGRESQL.items() if k not in self._url.query}
        try:
            engine = sa.create_engine(self._url, connect_args=arguments, **options)
        except ModuleNotFoundError as error:
            raise StoreError(
                "PostgreSQL needs one more package: pip install 'docprogress[postgres]'"
            ) from error
        limits = {
            "lock_timeout": int(self._busy_seconds * 1000),
            "idle_in_transaction_session_timeout": int(IDLE_SECONDS * 1000),
        }

        def limit(connection: Any, _: object) -> None:
            for name, milliseconds in limits.items():
                connection.execute(f"SET {name} = {milliseconds}")
            connection.commit()

        event.listen(engine, "connect", limit)
        event.listen(engine, "checkout", _check_alive)
        return engine

    def _prepare(self) -> None:
        if self._path is not None:
            _check_folder(self._path)
        with gate, translated():
            if self._path is not None:
                self._write_ahead()
            with self._begun(self._engine, "BEGIN") as connection:
                version = _version(connection)
                self._compares = embeddings.there(connection)
                ready = version == HEAD and (
                    not self._compares or embeddings.exists(connection)
                )
            if not ready:
                self._upgrade()

    def _write_ahead(self) -> None:
        """Keep the journal so that reading and writing do not wait for each other."""
        deadline = time.monotonic() + self._busy_seconds
        with self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            while True:
                try:
                    driver.execute("PRAGMA journal_mode=WAL")
                except sqlite3.OperationalError as error:
                    # Two processes that both create the file get no turn to wait.
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or time.monotonic() >= deadline:
                        raise
                    time.sleep(0.01)
                else:
                    return

    def _upgrade(self) -> None:
        with self._begun(self._engine, "BEGIN IMMEDIATE") as connection:
            if self._path is None:
                lock = sa.select(sa.func.pg_advisory_xact_lock(_LOCK))
                connection.execute(lock)
            version = _version(connection)
            if version != HEAD:
                migrations.upgrade(connection, version)
            if self._compares:
                embeddings.create(connection)


def _parsed(url: str) -> tuple[URL, Path | None]:
    """The URL, and the file that it names if it is SQLite's."""
    for prefix in ("sqlite:///", "sqlite+pysqlite:///"):
        if url.startswith(prefix):
            # All of the rest: a folder's name may hold a question mark.
            name = url.removeprefix(prefix)
            if not name or name.startswith((":memory:", "file:")) or "\0" in name:
                raise StoreError(f"the database must be a file: {_ACCEPTED}")
            path = Path(name).expanduser().absolute()
            return URL.create("sqlite", database=str(path)), path
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # What was raised may show a password.
        raise StoreError(f"the database URL cannot be read: {_ACCEPTED}") from None
    if parsed.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        message = f"no database of the kind {parsed.drivername!r}: {_ACCEPTED}"
        raise StoreError(message)
    return parsed.set(drivername="postgresql+psycopg"), None


def _check_folder(path: Path) -> None:
    """Say at once what SQLite would say late, and not in so many words."""
    remedy = "choose another folder with --home or DOCPROGRESS_HOME"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The journal lies beside the file.
        if not _allowed(path.parent, os.W_OK | os.X_OK):
            raise StoreError(f"the folder {path.parent} cannot be written: {remedy}")
        if path.is_dir():
            raise StoreError(f"{path} is a folder, not a database: {remedy}")
        if path.exists() and not _allowed(path, os.W_OK):
            raise StoreError(f"{path} cannot be written: {remedy}")
    except OSError as error:
        raise StoreError(
            f"{path} cannot be used ({error.strerror}): {remedy}"
        ) from error


def _allowed(path: Path, mode: int) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(path, mode, effective_ids=effective)


def _check_alive(connection: Any, *_: object) -> None:
    """Have a connection made anew that the server has ended, or the line has lost.

    Nothing is expected on one that is idle: what can be read is its end.  That costs
    no message, as asking the server would.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise sa.exc.DisconnectionError


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _version(connection: Connection) -> str | None:
    """The version of our tables; None if there are none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    query = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608
    return connection.exec_driver_sql(query).scalar()
