"""The connection to SQLite or PostgreSQL, opened on first use.

Every transaction is short. Writing transactions take SQLite's write lock when they
begin, so that processes wait for each other instead of deadlocking.
"""

import os
import select
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.engine import make_url

from docprogress.errors import StoreError
from docprogress.settings import redacted
from docprogress.store import migrations, pgvector
from docprogress.store.error_translation import translate_errors
from docprogress.store.fork_guard import fork_guard
from docprogress.store.migrations import additions, embedding
from docprogress.store.table_version import HEAD, VERSION_TABLE

#: Arguments of PostgreSQL's client that detect a lost connection.
_POSTGRESQL_ARGUMENTS: dict[str, Any] = {
    "application_name": "docprogress",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

#: Seconds that PostgreSQL waits for the next statement of a transaction. Without a
#: limit it would hold the locks of a machine that lost its network for hours.
IDLE_SECONDS = 10.0

#: Run on each new SQLite connection. In WAL mode, `synchronous=NORMAL` cannot corrupt
#: the database; a power failure may undo the last transactions.
_PRAGMAS = (
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-16384",
    "PRAGMA journal_size_limit=67108864",
)

#: The advisory lock for changing PostgreSQL's schema: "docprog" as a number.
_UPGRADE_LOCK = 0x646F6370726F67

_ACCEPTED_URLS = "sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"


class Database:
    """A database with this package's tables.

    Args:
        url: `sqlite:///PATH`, or `postgresql+psycopg://…`.
        busy_seconds: Seconds that a transaction waits for another one.

    Raises:
        StoreError: `url` is neither.
    """

    def __init__(self, url: str, *, busy_seconds: float = 30.0) -> None:
        self._url, self._path = _parse_url(url)
        self._busy_seconds = busy_seconds
        self.engine = self._create_engine()
        # Shares the pool.
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._repeatable = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._opened = False
        #: Whether the database has pgvector; known once it is open.
        self.compares_vectors = False
        fork_guard.watch(self.engine)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    @property
    def url(self) -> str:
        """The database's URL without its password."""
        return redacted(self._url.render_as_string(hide_password=True))

    def open(self) -> None:
        """Create the database, or bring its tables up to date.

        Idempotent, and safe to call from many processes at once.

        Raises:
            StoreUnavailable: The database cannot be reached now.
            StoreError: It cannot be written, is newer than this code, or has the
                tables of another program.
        """
        if self._opened:
            return
        try:
            self._prepare()
        except StoreError:
            self.close()
            raise
        self._opened = True

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        with fork_guard:
            self.engine.dispose()
        self._opened = False

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, not PostgreSQL."""
        return self._path is not None

    @property
    def path(self) -> Path | None:
        """SQLite's file; None for PostgreSQL."""
        return self._path

    def version(self) -> str | None:
        """The version of the tables in the database now."""
        with self.reading() as connection:
            return _version(connection)

    def check(self) -> None:
        """Check that the database can be read and written.

        Raises:
            StoreError: It cannot.
        """
        with self.writing() as connection:
            connection.exec_driver_sql(
                f"UPDATE {VERSION_TABLE} SET version_num = version_num"  # noqa: S608
            )

    def system(self) -> str:
        """The database system and its version, and whether it has pgvector.

        Raises:
            StoreError: It cannot be used.
        """
        with self.reading() as connection:
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
        if self.is_sqlite:
            return f"SQLite {version}"
        compares = "with" if self.compares_vectors else "without"
        return f"PostgreSQL {version} {compares} pgvector"

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection for reading: a snapshot on SQLite, autocommit on PostgreSQL."""
        # PostgreSQL's default isolation takes a snapshot for each statement anyway; a
        # transaction would only cost two more round trips.
        engine = self.engine if self.is_sqlite else self._autocommit
        return self._transaction(engine, "BEGIN")

    def snapshot(self) -> AbstractContextManager[Connection]:
        """A connection for reading whose statements all see one state."""
        return self._transaction(self._repeatable, "BEGIN")

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction for writing, exclusive on SQLite."""
        return self._transaction(self.engine, "BEGIN IMMEDIATE")

    @contextmanager
    def _transaction(self, engine: Engine, begin: str) -> Iterator[Connection]:
        self.open()
        with fork_guard, translate_errors(), self._begin(engine, begin) as connection:
            yield connection

    @contextmanager
    def _begin(self, engine: Engine, begin: str) -> Iterator[Connection]:
        with engine.begin() as connection:
            if self.is_sqlite:
                # Sent to the driver directly: SQLAlchemy's documented way, an event
                # listener, slows down every statement.
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.execute(begin)
            yield connection

    def _create_engine(self) -> Engine:
        options: dict[str, Any] = {
            "hide_parameters": True,
            "pool_timeout": self._busy_seconds,
        }
        if self.is_sqlite:
            arguments = {"timeout": self._busy_seconds, "isolation_level": None}
            engine = sa.create_engine(self._url, connect_args=arguments, **options)
            event.listen(engine, "connect", _run_pragmas)
            return engine
        arguments = {
            k: v for k, v in _POSTGRESQL_ARGUMENTS.items() if k not in self._url.query
        }
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
        with fork_guard, translate_errors():
            if self.is_sqlite:
                self._enable_wal()
            with self._begin(self.engine, "BEGIN") as connection:
                version = _version(connection)
                self.compares_vectors = pgvector.available(connection)
                ready = (
                    version == HEAD
                    and additions.complete(connection)
                    and (not self.compares_vectors or embedding.exists(connection))
                )
            if not ready:
                self._upgrade()

    def _enable_wal(self) -> None:
        """Switch to WAL mode, in which readers and writers do not block each other."""
        deadline = time.monotonic() + self._busy_seconds
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            while True:
                try:
                    driver.execute("PRAGMA journal_mode=WAL")
                except sqlite3.OperationalError as error:
                    # SQLite's busy timeout does not apply while the file is created.
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or time.monotonic() >= deadline:
                        raise
                    time.sleep(0.01)
                else:
                    return

    def _upgrade(self) -> None:
        with self._begin(self.engine, "BEGIN IMMEDIATE") as connection:
            if not self.is_sqlite:
                lock = sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK))
                connection.execute(lock)
            if migrations.is_new(connection):
                migrations.create(connection)
            elif (version := _version(connection)) != HEAD:
                migrations.upgrade(connection, version)
            additions.create(connection)
            if self.compares_vectors:
                embedding.create(connection)


def _parse_url(url: str) -> tuple[URL, Path | None]:
    """The URL, and the file's path for SQLite."""
    for prefix in ("sqlite:///", "sqlite+pysqlite:///"):
        if url.startswith(prefix):
            # `make_url` would take a question mark in a folder's name for a query.
            name = url.removeprefix(prefix)
            if not name or name.startswith((":memory:", "file:")) or "\0" in name:
                raise StoreError(f"the database must be a file: {_ACCEPTED_URLS}")
            path = Path(name).expanduser().absolute()
            return URL.create("sqlite", database=str(path)), path
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # The original error may contain the password.
        raise StoreError(f"the database URL cannot be read: {_ACCEPTED_URLS}") from None
    if parsed.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        message = f"no database of the kind {parsed.drivername!r}: {_ACCEPTED_URLS}"
        raise StoreError(message)
    return parsed.set(drivername="postgresql+psycopg"), None


def _check_folder(path: Path) -> None:
    """Report problems that SQLite would report later, and less clearly."""
    remedy = "choose another folder with Pipeline(home=…) or DOCPROGRESS_HOME"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite creates the journal beside the file.
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
    """Replace a pooled connection that the server has closed or the network lost.

    An idle connection that is readable has ended. Unlike a ping, this check needs no
    round trip.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise sa.exc.DisconnectionError


def _run_pragmas(connection: sqlite3.Connection, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _version(connection: Connection) -> str | None:
    """The version of the tables; None if there are none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    query = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608
    return connection.exec_driver_sql(query).scalar()
