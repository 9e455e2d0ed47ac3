"""Tell files that are complete from those that are still being written.

A file is complete when it has looked the same for a while: longer if it grew in steps,
or if the system says that somebody has it open for writing.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from docprogress.store.source_rows import FileState

#: Seconds for which a file must look the same: one with content, an empty one, which
#: somebody may be about to write, and one that is gone, which may be replaced.
QUIET_SECONDS = 1.1
EMPTY_SECONDS = 4.0
GONE_SECONDS = 1.1

#: How many times as long as its longest pause so far a growing file must look the same,
#: in seconds at most.
PAUSE_RATIO = 2.5
MAX_QUIET_SECONDS = 30.0

#: Seconds after which a file that looks the same is taken although somebody has it open
#: for writing: a log, say.
OPEN_SECONDS = 30.0

#: Whether somebody has a file open for writing; None if that is not known.
IsWritten = Callable[[str], bool | None]


@dataclass(slots=True)
class _Seen:
    state: tuple[object, ...] | None
    since: float
    #: The longest time between two changes.
    pause: float = 0.0


class SettledFiles:
    """Remembers what changed files looked like, and since when.

    Args:
        is_written: Looks at a file, given its path below the folder.
        clock: Seconds that only grow.
    """

    def __init__(
        self, is_written: IsWritten, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_written = is_written
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        #: Files that were not settled when they were last looked at.
        self.pending: set[str] = set()

    def settled(self, path: str, state: FileState | None) -> bool:
        """Whether a file that looks like this, or is gone, will stay so."""
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
    """Know nothing of who writes a file."""


def open_for_writing(root: str) -> IsWritten:
    """Looks at the files of a local folder, where the system can say it: Linux.

    It does of files of this user, by granting a lease that it refuses while somebody
    has the file open for writing.
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
            # A process that opens the file meanwhile has this signal sent, which is
            # ignored by default, unlike SIGIO.
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
