"""Says how far a measurement has come: in a cell's output, or in a terminal."""

import sys
import time
import uuid
from types import TracebackType
from typing import Self

from docprogress.notebook.environment import in_kernel

#: Seconds between two lines that tell of the same.
SELDOM = 0.5


class Teller:
    """One line that is written again and again; nowhere if nobody could see it."""

    def __init__(self) -> None:
        self._display = uuid.uuid4().hex if in_kernel() else None
        self._terminal = self._display is None and sys.stderr.isatty()
        self._said_at = float("-inf")
        self._said = ""

    def __call__(self, line: str) -> None:
        """Write a line over the one before."""
        same = line.partition(":")[0] == self._said.partition(":")[0]
        if same and time.monotonic() < self._said_at + SELDOM:
            return
        self._write(line, update=bool(self._said))
        self._said, self._said_at = line, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave nothing where the line was."""
        if self._said:
            self._write("", update=True)

    def _write(self, line: str, *, update: bool) -> None:
        if self._display is not None:
            from docprogress.notebook.live_output import publish

            publish({"text/plain": line}, display_id=self._display, update=update)
        elif self._terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
