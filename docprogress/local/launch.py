"""Launch the supervisor of a home folder, also while the starter still loads.

Loading the client takes as long as loading what workers need: on two cores they can be
loaded at the same time. So this module imports little.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docprogress.errors import ServicesError
from docprogress.local.home import (
    START_LOCK,
    STOPPED,
    SUPERVISOR_LOCK,
    chosen,
    prepare,
)
from docprogress.local.lock import is_held, locked
from docprogress.local.logs import log_file

#: Not passed to the supervisor: arguments that are not settings, and passwords, which
#: reach the workers with their runs.
_NOT_PASSED = {"steps", "start", "passwords"}


@dataclass(frozen=True, slots=True)
class Launch:
    """A process that becomes the supervisor, and the start lock of its home folder."""

    process: subprocess.Popen[bytes]
    lock: contextlib.ExitStack


# Launches that have not been waited for yet, by home folder and thread.
_pending: dict[tuple[Path, int], Launch] = {}


def spawn(home: Path, settings: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Start a process that becomes the supervisor, detached from this one."""
    with log_file(home / "logs" / "supervisor.log") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "docprogress.daemon"],
            env=os.environ | _environment(home, settings),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


@contextlib.contextmanager
def launched(**settings: Any) -> Iterator[bool]:
    """Launch local services, if they are needed and not running, for an `up` inside.

    Yields whether it has launched them. It reports no errors, since `up` does. Services
    that are not used after all are stopped, for example if the settings are invalid.
    """
    key = None
    with contextlib.suppress(ServicesError, OSError):
        key = _launch(settings)
    try:
        yield key is not None
    finally:
        if key is not None and (launch := _pending.pop(key, None)) is not None:
            _abandon(key[0], launch)


def take(home: Path) -> Launch | None:
    """The pending launch for a home folder by this thread; its lock must be closed."""
    return _pending.pop((home, threading.get_ident()), None)


def _launch(settings: Mapping[str, Any]) -> tuple[Path, int] | None:
    names = {name.upper() for name, value in os.environ.items() if value}
    if settings.get("redis_url") or "DOCPROGRESS_REDIS_URL" in names:
        return None
    home = prepare(chosen(settings.get("home")))
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(home / START_LOCK, seconds=0))
        if is_held(home / SUPERVISOR_LOCK):
            return None
        (home / STOPPED).unlink(missing_ok=True)
        (home / "services.json").unlink(missing_ok=True)
        process = spawn(home, settings)
        key = (home, threading.get_ident())
        _pending[key] = Launch(process, stack.pop_all())
    return key


def _abandon(home: Path, launch: Launch) -> None:
    """Stop services that are not used after all."""
    from docprogress.local.services import stop_launched

    with launch.lock, contextlib.suppress(ServicesError, OSError):
        stop_launched(home, launch.process)


def _environment(home: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """Explicit settings as environment variables.

    Unlike arguments, other users cannot read the environment.
    """
    given = {name: settings[name] for name in settings.keys() - _NOT_PASSED}
    return {
        f"DOCPROGRESS_{name.upper()}": (
            json.dumps(value) if isinstance(value, dict) else str(value)
        )
        for name, value in {**given, "home": home}.items()
        if value is not None
    }
