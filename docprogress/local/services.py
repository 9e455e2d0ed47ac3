"""Start, find and stop the local services of a home folder.

A supervisor process, detached from the one that started it, keeps them running and
exits after a while without work. Each home folder has at most one, even if several
processes start it at once.
"""

import contextlib
import hashlib
import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from docprogress.errors import ServicesError
from docprogress.local.home import START_LOCK, STOPPED, SUPERVISOR_LOCK, prepare
from docprogress.local.launch import spawn, take
from docprogress.local.lock import is_held, locked
from docprogress.local.logs import last_line
from docprogress.local.valkey import server_binary, socket_path, stop_server
from docprogress.version import __version__

if TYPE_CHECKING:
    from docprogress.settings import Settings

log = logging.getLogger(__name__)

#: Seconds that starting, and stopping, may take.
START_SECONDS = 30.0
STOP_SECONDS = 10.0

#: Seconds to wait for another process that starts or stops services.
LOCK_SECONDS = 2 * START_SECONDS

#: Settings of the local services. If they change, the services are restarted.
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
    """Running local services, as `services.json` in the home folder describes them."""

    pid: int
    redis_url: str
    redis_pid: int
    workers: int
    version: str
    started: str
    #: A digest of each setting that they run with.
    settings: dict[str, str]


def up(settings: "Settings") -> Services:
    """Find the local services of a home folder, or start them.

    Raises:
        ServicesError: They could not be started; the message says why.
    """
    home = prepare(settings.home)
    launch = take(home)
    lock = launch.lock if launch else locked(home / START_LOCK, seconds=LOCK_SECONDS)
    with _translate_errors(home), lock:
        (home / STOPPED).unlink(missing_ok=True)
        found = _wait_until_started(home, launch.process) if launch else status(home)
        if found is not None and _differs(found, settings):
            found = _restart(found, settings)
        if found is None:
            found = _start(settings)
        os.utime(home / START_LOCK)
    return found


def revive(settings: "Settings") -> None:
    """Restart services that have died, unless a user stopped them.

    Raises:
        ServicesError: They cannot be started.
    """
    if settings.home.exists() and not (settings.home / STOPPED).exists():
        up(settings)


def down(home: Path) -> bool:
    """Stop the local services; whether there were any.

    Unfinished documents continue when they are started again.

    Raises:
        ServicesError: They do not stop.
    """
    if not (home / START_LOCK).exists():
        return False
    with _translate_errors(home), locked(home / START_LOCK, seconds=LOCK_SECONDS):
        # Processes that watch a run must not start them again.
        (home / STOPPED).touch(mode=0o600)
        return _stop(home)


def status(home: Path) -> Services | None:
    """The running local services of a home folder; None if there are none."""
    if not is_held(home / SUPERVISOR_LOCK):
        return None
    try:
        return Services(**json.loads((home / "services.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def stop_launched(home: Path, process: "subprocess.Popen[bytes]") -> None:
    """Stop what has been launched; the start lock must be held.

    Raises:
        ServicesError: It does not stop.
    """
    with contextlib.suppress(ServicesError):
        _wait_until_started(home, process)
    _stop(home)


def _differs(services: Services, settings: "Settings") -> bool:
    """Whether the services run with different settings."""
    asked = settings.model_fields_set & set(_STARTED_WITH)
    wanted = digests(settings)
    return services.version != __version__ or any(
        services.settings.get(name) != wanted[name] for name in asked
    )


def _restart(services: Services, settings: "Settings") -> Services | None:
    """Stop services with other settings, unless documents are unfinished."""
    from docprogress.store import Store

    with Store(settings.database).open() as store:
        unfinished = store.documents.count_unfinished()
    if unfinished:
        log.warning(
            "the local services run with other settings (%s workers, version %s), and "
            "%s documents are unfinished; to apply your settings, wait until they have "
            "ended or run `docprogress down`",
            services.workers,
            services.version,
            unfinished,
        )
        return services
    _stop(settings.home)
    return None


def _start(settings: "Settings") -> Services:
    home = settings.home
    server_binary()
    socket_path(home)
    (home / "services.json").unlink(missing_ok=True)
    names = settings.model_fields_set
    given = {name: getattr(settings, name) for name in names}
    return _wait_until_started(home, spawn(home, given))


def _wait_until_started(home: Path, starter: "subprocess.Popen[bytes]") -> Services:
    """Wait for services that have been launched.

    Raises:
        ServicesError: They do not start.
    """
    log_path = home / "logs" / "supervisor.log"
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
        if not is_held(home / SUPERVISOR_LOCK):
            # The supervisor held the lock before its starter exited: it has died.
            break
        time.sleep(0.01)
    raise ServicesError(f"the local services did not start: {last_line(log_path)}")


def _stop(home: Path) -> bool:
    found = status(home)
    if found is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
        deadline = time.monotonic() + START_SECONDS
        while is_held(home / SUPERVISOR_LOCK) or _exists(found.pid):
            if time.monotonic() > deadline:
                message = f"the supervisor (process {found.pid}) does not stop"
                raise ServicesError(message)
            time.sleep(0.02)
    return stop_server(home) or found is not None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def digests(settings: "Settings") -> dict[str, str]:
    """A digest of each setting that the services run with, which reveals none."""
    values = {name: getattr(settings, name) for name in _STARTED_WITH}
    values["workers"] = settings.processes
    return {
        name: hashlib.sha256(f"{name}={value}".encode()).hexdigest()
        for name, value in values.items()
    }


@contextlib.contextmanager
def _translate_errors(home: Path) -> Iterator[None]:
    """Raise errors of the operating system as `ServicesError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        at = f" ({error.filename})" if error.filename else ""
        raise ServicesError(
            f"the local services of {home} cannot be started or stopped: {reason}{at}; "
            "run `docprogress doctor` for details"
        ) from error
