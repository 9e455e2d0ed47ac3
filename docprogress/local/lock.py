"""Locks of a home folder, held by one process and visible to all.

They are `flock` locks rather than a library's. Whether one is held must be checked with
a shared lock, so that two processes that check at once do not mistake each other for
the holder, and the file must stay, because its modification time is used, too.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from docprogress.errors import ServicesError

#: Seconds between two tries to take a lock.
RETRY_SECONDS = 0.02


@contextmanager
def locked(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold a lock, waiting for it if necessary.

    Raises:
        ServicesError: Another process has held it for that long.
    """
    with path.open("a") as file:
        if not acquire(file, seconds=seconds):
            raise ServicesError(
                "another process has been starting the local services for "
                f"{seconds:.0f} s (it holds {path})"
            )
        yield


def acquire(file: IO[Any], *, seconds: float = 0.0) -> bool:
    """Lock an open file until it is closed; whether that succeeded in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(RETRY_SECONDS)
        else:
            return True


def release(file: IO[Any]) -> None:
    """Unlock a file, and keep it open."""
    fcntl.flock(file, fcntl.LOCK_UN)


def is_held(path: Path) -> bool:
    """Whether a process holds a lock."""
    try:
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except OSError:
        return False
    return False
