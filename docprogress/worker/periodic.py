"""Repeat work at an interval that grows with how long the work takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: The shortest pause after the work, as a multiple of the work's duration.
PAUSE_RATIO = 10

#: The longest pause, in seconds, that the work's duration causes.
MAX_TASK_PAUSE = 20.0


class Periodic:
    """Determines when work is due, and measures how long it takes."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._due_at = float("-inf")

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Yield whether the work is due; the block does it."""
        started = self._clock()
        if started < self._due_at:
            yield False
            return
        try:
            yield True
        finally:
            ended = self._clock()
            pause = min((ended - started) * PAUSE_RATIO, MAX_TASK_PAUSE)
            self._due_at = max(started + self._seconds, ended + pause)
