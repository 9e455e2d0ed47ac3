"""Enforce limits of memory and time: a process that exceeds one is killed.

Each worker process writes its step's deadline into shared memory, and a later one with
every page or chunk. A thread of the parent checks it several times a second, so that
code that never returns to Python is stopped, too. The parent knows the reason, which a
dead process cannot report.
"""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import psutil

from docprogress.errors import DocProgressError, HandedBack, LimitExceeded
from docprogress.settings import MIB
from docprogress.worker.step_deadlines import SLOTS, Deadline, StepDeadlines

log = logging.getLogger(__name__)

#: Seconds between two checks.
CHECK_SECONDS = 0.2

#: Seconds between two checks while all processes are idle; `wake` ends the pause.
IDLE_CHECK_SECONDS = 1.0

#: Seconds that a step may take to stop by itself after its deadline.
GRACE_SECONDS = 2.0

#: The signal that makes a process hand back its document.
HAND_BACK_SIGNAL = signal.SIGUSR2

#: Makes a context from a step's seconds without progress and its total seconds. It
#: yields a function to call with each progress.
StepGuard = Callable[[float, float | None], AbstractContextManager[Callable[[], None]]]


def no_limit(
    _seconds: float, _total: float | None = None
) -> AbstractContextManager[Callable[[], None]]:
    """A context without a limit."""
    return nullcontext(lambda: None)


class LimitEnforcer:
    """Kills worker processes that exceed their memory or time.

    Make it before the processes are forked, and `start` it after.
    """

    def __init__(
        self, *, memory: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._deadlines = StepDeadlines()
        self._closed = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._reasons: dict[int, str] = {}
        #: Whether the worker stops, and processes that do not are killed.
        self.stopping = False

    def start(self) -> None:
        """Start the thread that checks."""
        self._thread = threading.Thread(
            target=self._watch, name="docprogress-limits", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop checking."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """Check soon, because a process starts to work."""
        self._wake.set()

    def reason(self, pid: int) -> str | None:
        """Return, once, why a process was killed here; None if it was not."""
        return self._reasons.pop(pid, None)

    def guard(self, slot: int) -> "StepLimit":
        """Make the limit of the process in this slot."""
        return StepLimit(self._deadlines, slot % SLOTS, self._clock)

    def stop_all(self) -> None:
        """Make every process hand back its document; kill steps that do not stop."""
        self.stopping = True
        for slot in range(SLOTS):
            deadline = self._deadlines[slot]
            if deadline.pid == 0:
                break
            if deadline.moment:
                self._deadlines[slot] = Deadline(deadline.pid, self._clock())
            with suppress(ProcessLookupError):
                os.kill(deadline.pid, HAND_BACK_SIGNAL)

    def _watch(self) -> None:
        pause = CHECK_SECONDS
        while not self._closed:
            if self._wake.wait(pause):
                self._wake.clear()
            pause = IDLE_CHECK_SECONDS
            for slot in range(SLOTS):
                deadline = self._deadlines[slot]
                if deadline.pid == 0:
                    # Slots are taken from the first on.
                    break
                if deadline.moment:
                    pause = CHECK_SECONDS
                    try:
                        self._look(slot, deadline)
                    except Exception:
                        # The limits of the other processes must be enforced.
                        log.exception("process %s could not be checked", deadline.pid)

    def _look(self, slot: int, deadline: Deadline) -> None:
        pid = deadline.pid
        reason = _reason(deadline.limit, in_total=deadline.in_total)
        try:
            used = psutil.Process(pid).memory_info().rss
        except psutil.Error:
            return
        if used > self._memory:
            reason = f"it needs more memory than the limit of {self._memory // MIB} MB"
            reason += " (worker_memory)"
        elif self._clock() <= deadline.moment + GRACE_SECONDS:
            return
        log.warning("killing worker process %s: %s", pid, reason)
        self._reasons[pid] = reason
        self._deadlines[slot] = Deadline(pid, 0.0)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            self._reasons.pop(pid, None)


class StepLimit:
    """Enforces the limit of a step from within its worker process."""

    def __init__(
        self, deadlines: StepDeadlines, slot: int, clock: Callable[[], float]
    ) -> None:
        self._deadlines = deadlines
        self._slot = slot
        self._clock = clock
        # Whether a step is running, and the exception that stops it.
        self._running = threading.Event()
        self._seconds = self._total = 0.0
        self._end = self._due = math.inf
        self._error: DocProgressError | None = None
        # Whether interrupts wait for the end of a block, and the first that does.
        self._deferring = False
        self._deferred: DocProgressError | None = None
        #: Whether this worker stops, and no further document is started.
        self.stopping = False
        self._write(0.0, 0.0)
        signal.signal(signal.SIGALRM, self._over)
        signal.signal(HAND_BACK_SIGNAL, self._stop_here)

    @contextmanager
    def step(
        self, seconds: float, total: float | None = None
    ) -> Iterator[Callable[[], None]]:
        """Within this block, no more than `seconds` pass without progress.

        Args:
            seconds: The limit, which begins again with each call of what this yields.
            total: The maximum number of seconds that the block takes in any case; None
                for no limit.

        Raises:
            LimitExceeded: They have passed.
            DocProgressError: What `stop` was given in the meantime.
        """
        started = self._clock()
        self._error, self._seconds = None, seconds
        self._end = math.inf if total is None else started + total
        self._total = total or 0.0
        self._renew()
        self._running.set()
        signal.setitimer(signal.ITIMER_REAL, self._due - started)
        try:
            yield self._renew
        finally:
            self._running.clear()
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._write(0.0, 0.0)

    def _renew(self) -> None:
        """Begin the time without progress again."""
        self._due = min(self._clock() + self._seconds, self._end)
        in_total = self._due == self._end
        limit = self._total if in_total else self._seconds
        self._write(self._due, limit, in_total=in_total)
        if self._error is not None or self.stopping:
            # Whatever was to stop the step must not be delayed.
            self._write(self._clock(), 0.0)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer interrupts of the step to the end of this block.

        For a query to a database, which an exception from a signal handler would leave
        half done. A process that exceeds its limits is killed all the same.

        Raises:
            DocProgressError: The deferred interrupt.
        """
        self._deferred, self._deferring = None, True
        try:
            yield
        finally:
            self._deferring = False
            if self._deferred is not None:
                # Also replaces an error of the query, which would be retried.
                raise self._deferred

    def stop(self, error: DocProgressError) -> None:
        """Raise an error in the running step; one that does not stop is killed.

        To be called from another thread than the one that runs steps.
        """
        if not self._running.is_set():
            return
        if self._error is None:
            self._error = error
            self._write(self._clock(), 0.0)
        os.kill(os.getpid(), signal.SIGALRM)
        if not self._running.is_set():
            # The step ended in the meantime, perhaps before the deadline was written.
            self._write(0.0, 0.0)

    def _stop_here(self, *_: Any) -> None:
        self.stopping = True
        if self._running.is_set():
            self._write(self._clock(), 0.0)
            self._interrupt(HandedBack("this worker stops"))

    def _over(self, *_: Any) -> None:
        if not self._running.is_set():
            return
        left = self._due - self._clock()
        if self._error is None and left > 0:
            signal.setitimer(signal.ITIMER_REAL, left)
            return
        in_total = self._due == self._end
        limit = self._total if in_total else self._seconds
        self._interrupt(self._error or LimitExceeded(_reason(limit, in_total=in_total)))

    def _interrupt(self, error: DocProgressError) -> None:
        if not self._deferring:
            raise error
        self._deferred = self._deferred or error

    def _write(self, deadline: float, limit: float, *, in_total: bool = False) -> None:
        self._deadlines[self._slot] = Deadline(os.getpid(), deadline, limit, in_total)


def _reason(seconds: float, *, in_total: bool) -> str:
    """Why a step is stopped: the limit that it has reached, or a request (0)."""
    if not seconds:
        return "it was asked to stop, and did not"
    if in_total:
        return f"the step took longer than its limit of {seconds:g} s (total_seconds)"
    return f"the step made no progress for {seconds:g} s, its limit (step_seconds)"
