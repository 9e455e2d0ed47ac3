"""Progress in a terminal's tab and in the taskbar, by OSC 9;4.

The terminal does not notice that a program has ended, so the program clears it.
"""

import os
import time
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import IO

from docprogress.terminal.capabilities import shows_progress

#: Seconds after which the same progress is sent again; some terminals hide it earlier
#: than the next change.
REPEAT_SECONDS = 5.0


class TaskbarState(IntEnum):
    """The states of OSC 9;4."""

    NONE = 0
    NORMAL = 1
    ERROR = 2
    INDETERMINATE = 3
    PAUSED = 4


class Taskbar:
    """Shows progress in the tab of a terminal that is known to support it.

    Args:
        out: The terminal; anything else is left alone.
        env: The environment that describes the terminal.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        out: IO[str],
        *,
        env: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._shows = shows_progress(env) and out.isatty()
        self._clock = clock
        self._shown = ""
        self._sent_at = 0.0

    def show(self, state: TaskbarState, fraction: float = 0.0) -> None:
        """Show a state and how much is done, from 0 to 1."""
        percent = min(max(int(fraction * 100), 0), 100)
        sequence = f"\x1b]9;4;{state:d};{percent}\x1b\\"
        now = self._clock()
        repeats = now >= self._sent_at + REPEAT_SECONDS
        if self._shows and (sequence != self._shown or repeats):
            self._write(sequence)
            self._shown, self._sent_at = sequence, now

    def clear(self) -> None:
        """Remove what was shown, if anything was."""
        if self._shown:
            self._shown = ""
            self._write(f"\x1b]9;4;{TaskbarState.NONE:d};0\x1b\\")

    def _write(self, sequence: str) -> None:
        self._out.write(sequence)
        self._out.flush()
