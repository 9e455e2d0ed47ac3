"""Distinguish complete files from those that are still being written.

A file is complete when it has not changed for a while: longer if it grew in steps, or
if the system reports that a process has it open for writing.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from docprogress.store.source_rows import FileState

#: Seconds for which a file must not change: one with content, an empty one, which may
#: be about to be written, and a missing one, which may be replaced.
QUIET_SECONDS = 1.1
EMPTY_SECONDS = 4.0
GONE_SECONDS = 1.1

#: A growing file must not change for this multiple of its longest pause so far, and at
#: most for this many seconds.
PAUSE_RATIO = 2.5
MAX_QUIET_SECONDS = 30.0

#: Seconds after which an unchanged file is taken although a process has it open for
#: writing, such as a log.
OPEN_SECONDS = 30.0

#: Whether a process has a file open for writing; None if unknown.
IsWritten = Callable[[str], bool | None]


@dataclass(slots=True)
class _Seen:
    state: tuple[object, ...] | None
    since: float
    #: The longest time between two changes.
    pause: float = 0.0


class SettledFiles:
    """Remembers the states of changed files, and since when.

    Args:
        is_written: Checks a file, given its path below the folder.
        clock: Seconds that only grow.
    """

    def __init__(
        self, is_written: IsWritten, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_written = is_written
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        #: Files that were not settled when they were last checked.
        self.pending: set[str] = set()

    def settled(self, path: str, state: FileState | None) -> bool:
        """Whether a file in this state, or a missing one, is expected to stay so."""
        now = self._clock()
        looks = state and (state.size, state.mtime, state.etag)
        seen = self._seen.get(path)
        if seen is None:
            seen = self._seen[path] = _Seen(looks, now)
        elif seen.state != looks:
            seen.pause = max(seen.pause, now - seen.since)
            seen.state, seen.since = looks, now
        found = self._is_settled(path, seen, now - seen.since)
        (self.pending.discard if found else self.pending.add)(path)
        return found

    def forget(self) -> None:
        """Forget settled files; they have been synchronized."""
        self._seen = {path: self._seen[path] for path in self.pending}

    def _is_settled(self, path: str, seen: _Seen, quiet: float) -> bool:
        if seen.state is None:
            return quiet >= GONE_SECONDS
        least = QUIET_SECONDS if seen.state[0] else EMPTY_SECONDS
        if quiet < min(max(least, PAUSE_RATIO * seen.pause), MAX_QUIET_SECONDS):
            return False
        return quiet >= OPEN_SECONDS or not self._is_written(path)


def unknown(_path: str) -> None:
    """Report that it is unknown whether a file is being written."""


def open_for_writing(root: str) -> IsWritten:
    """Checks the files of a local folder, on Linux only.

    For files of this user, Linux grants a lease only if no process has the file open
    for writing.
    """
    if not sys.platform.startswith("linux"):
        return unknown
    import fcntl

    def is_written(path: str) -> bool | None:
        try:
            file = os.open(f"{root}/{path}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            # If another process opens the file in the meantime, this signal is sent,
            # which is ignored by default, unlike SIGIO.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            return True
        except OSError:
            return None
        else:
            with suppress(OSError):
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return False
        finally:
            os.close(file)

    return is_written
