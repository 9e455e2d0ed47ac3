"""Keep documents in sync with a folder as long as the process lives.

If the folder, Redis, the database, the storage or the workers are unavailable, it
waits. Missed changes are found by comparing the folder with the store, which is also
how a restarted process begins.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from docprogress.client.folder_events import FolderEvents, watched
from docprogress.client.folders import Folder, LocalFolder
from docprogress.client.run import Run
from docprogress.client.settling import SettledFiles, open_for_writing, unknown
from docprogress.client.synchronizer import Synchronized
from docprogress.errors import (
    BusRefused,
    DocProgressError,
    SettingsError,
    StepError,
    StoreTooNew,
)
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: The minimum seconds between two checks of a folder without events, for a local one
#: and one behind a URL; and the pause as a multiple of the duration of a check.
LOCAL_SECONDS = 1.0
REMOTE_SECONDS = 5.0
PAUSE_RATIO = 10

#: Seconds between two checks of a folder with events, since some may be lost.
CHECK_SECONDS = 60.0

#: Seconds between two checks of files that are being written, local and behind a URL.
TICK_SECONDS = 0.1
REMOTE_TICK_SECONDS = 1.0

#: For how long files that are complete wait for others, in seconds.
GATHER_SECONDS = 0.7

#: Seconds after an error until the next try, at first and at most, and until it is
#: reported again.
FIRST_PAUSE = 0.5
MAX_PAUSE = 2.0
REPEAT_SECONDS = 3600.0

#: Waiting for what these say does not help.
_FATAL = (SettingsError, StepError, BusRefused, StoreTooNew)

#: Synchronizes the folder if there is anything to do.
Synchronize = Callable[[SettledFiles], Synchronized]


class FolderWatch:
    """Synchronizes a folder whenever it has changed.

    Args:
        open_folder: Opens the folder.
        synchronize: Synchronizes it.
        on_problem: Called with the reason when it cannot be synchronized, or when the
            reason changes, and with None when it can be again. Removals that
            are withheld are such a reason, too, although other changes are processed.
        interval: Seconds between two checks of a folder without events; None for a
            second, or five for a URL, and longer if a check takes long.
        stop: Ends the watch when it is set.
    """

    def __init__(
        self,
        open_folder: Callable[[], Folder],
        synchronize: Synchronize,
        *,
        on_problem: Callable[[str | None], object],
        interval: float | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._open = open_folder
        folder = open_folder()
        self._root = folder.root
        self._local = isinstance(folder, LocalFolder)
        self._synchronize = synchronize
        self._on_problem = on_problem
        self._problem: str | None = None
        self._reported = 0.0
        # Whether an unavailable service is waited for.
        self._away = False
        # Whether removals are withheld, which may be confirmed.
        self._withheld = False
        self._interval = interval
        self._stop = stop or threading.Event()
        self._changed = threading.Event()
        self._events: FolderEvents | None = None
        is_written = open_for_writing(self._root) if self._local else unknown
        self._settled = SettledFiles(is_written)
        # How long the last look took.
        self._took = 0.0
        self._pause = FIRST_PAUSE

    def runs(self) -> Iterator[Run]:
        """The runs, as they begin, until `stop` is set.

        Raises:
            DocProgressError: Waiting does not help.
        """
        try:
            while not self._stop.is_set():
                self._listen()
                run = self._try()
                if run is not None:
                    yield run
                self._wait()
        finally:
            if self._events is not None:
                self._events.close()

    def _try(self) -> Run | None:
        """Synchronize; what passes is waited for."""
        started = time.monotonic()
        try:
            run, withheld = self._synchronize(self._settled)
        except _FATAL:
            raise
        except (DocProgressError, OSError) as error:
            self._away = True
            reason = redacted(str(error)) or type(error).__name__
            self._report(f"the folder is not synchronized: {reason}")
            return None
        self._took = time.monotonic() - started
        self._settled.forget()
        self._pause = FIRST_PAUSE
        self._away, self._withheld = False, withheld is not None
        # Files that seem to be missing are checked again before it ends.
        if withheld is not None and (
            self._problem is None or not self._settled.pending
        ):
            self._report(withheld)
        elif self._problem is not None and not self._settled.pending:
            self._problem = None
            self._on_problem(None)
        return run

    def _report(self, message: str) -> None:
        reported = time.monotonic()
        if message != self._problem or reported - self._reported > REPEAT_SECONDS:
            self._problem, self._reported = message, reported
            self._on_problem(message)

    def _listen(self) -> None:
        """Have events come, if they can."""
        if self._events is not None and not self._events.alive:
            self._events.close()
            self._events = None
        if self._events is None and self._local:
            self._events = watched(self._root, self._changed)

    def _wait(self) -> None:
        """Wait until there may be something to do."""
        if self._away:
            self._changed.clear()
            self._stop.wait(self._pause)
            self._pause = min(2 * self._pause, MAX_PAUSE)
            return
        deadline = time.monotonic() + self._until_next_look()
        while not self._stop.is_set():
            left = deadline - time.monotonic()
            # A signal's handler runs between two waits.
            if self._settled.pending or self._changed.wait(min(max(left, 0), 0.5)):
                self._gather(deadline)
                return
            if left <= 0:
                return
            if self._events is not None and not self._events.alive:
                return

    def _until_next_look(self) -> float:
        if self._withheld:
            return max(MAX_PAUSE, PAUSE_RATIO * self._took)
        if self._events is not None:
            return CHECK_SECONDS
        least = LOCAL_SECONDS if self._local else REMOTE_SECONDS
        if self._interval is not None:
            least = self._interval
        return max(least, PAUSE_RATIO * self._took)

    def _gather(self, deadline: float) -> None:
        """Wait until the files that have changed are complete, or some are for long."""
        folder, first = self._open(), None
        tick = TICK_SECONDS if self._local else REMOTE_TICK_SECONDS
        while not self._stop.wait(tick):
            self._changed.clear()
            events = self._events.take() if self._events is not None else set()
            looked_at = self._settled.pending | events
            complete = [path for path in looked_at if self._look(folder, path)]
            now = time.monotonic()
            if complete and first is None:
                first = now
            if not self._settled.pending:
                return
            if now >= deadline or (first and now - first >= GATHER_SECONDS):
                return

    def _look(self, folder: Folder, path: str) -> bool:
        """Whether a file is complete, or permanently missing."""
        try:
            state: Any = folder.state(path)
        except OSError:
            state = None
        return self._settled.settled(path, state)


def log_problem(problem: str | None) -> None:
    """Log why a folder cannot be synchronized, and when it can be again."""
    if problem is None:
        log.warning("the folder is in sync again")
    else:
        log.warning("%s", problem)
