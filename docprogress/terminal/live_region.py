"""Lines at the bottom of a terminal that are drawn again in place.

The cursor stays on an empty line below them. A terminal that becomes narrower wraps
the lines, so they are erased by the rows that they take now.
"""

import os
import sys
import threading
from collections.abc import Mapping
from typing import IO, Any

from rich.console import Console
from rich.text import Text

from docprogress.terminal.capabilities import rewraps

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"


class LiveRegion:
    """Draws text in place until it is closed, and prints other text above it.

    While it is open, what this process writes to a terminal as standard error is
    printed above it, too.
    """

    def __init__(
        self, console: Console, *, env: Mapping[str, str] = os.environ
    ) -> None:
        self._console = console
        self._rewraps = rewraps(env)
        self._lock = threading.RLock()
        self._drawn: Text | None = None
        self._written = ""
        self._size = (0, 0)
        self._stderr = sys.stderr
        self._open = True
        if sys.stderr.isatty():
            sys.stderr = _Above(self, sys.stderr)
        self._write(_HIDE_CURSOR)

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the terminal, which may have changed."""
        try:
            # The environment has the size that the terminal once had.
            width, height = os.get_terminal_size(self._console.file.fileno())
        except (OSError, ValueError, AttributeError):
            width = height = 0
        if width and height:
            self._console.size = (width, height)
        return self._console.size

    def draw(self, text: Text) -> None:
        """Replace the drawn lines."""
        with self._lock:
            size = self.size
            lines = text.split("\n", allow_blank=True)
            for line in lines:
                line.rstrip()
            written = self._render(Text("\n").join(lines))
            if self._open and (written, size) != (self._written, self._size):
                # Erased first: after a full line, the last cell would be erased.
                rows = written.splitlines(keepends=True)
                fresh = "".join(f"{_ERASE_LINE}{row}" for row in rows)
                self._write(f"{self._up(size)}{fresh}{_ERASE_BELOW}")
                self._drawn, self._written, self._size = text, written, size

    def print_above(self, text: Text) -> None:
        """Print text that stays above the drawn lines."""
        with self._lock:
            erase = self._up(self.size) + _ERASE_BELOW
            self._write(f"{erase}{self._render(text, soft_wrap=True)}")
            drawn, self._drawn, self._written = self._drawn, None, ""
            if drawn is not None:
                self.draw(drawn)

    def close(self) -> None:
        """Erase the drawn lines, and show the cursor again."""
        with self._lock:
            if self._open:
                self._open = False
                self._write(f"{self._up(self.size)}{_ERASE_BELOW}{_SHOW_CURSOR}")
                sys.stderr = self._stderr

    def _up(self, size: tuple[int, int]) -> str:
        """Move the cursor to the first cell of the drawn lines."""
        if self._drawn is None:
            return "\r"
        width, height = size
        lines = self._drawn.split("\n", allow_blank=True)
        rows = len(lines)
        if self._rewraps and width < self._size[0]:
            for line in lines:
                line.rstrip()
            rows = sum(max(-(-line.cell_len // width), 1) for line in lines)
        rows = min(rows, height - 1)
        return f"\r\x1b[{rows}A" if rows else "\r"

    def _render(self, text: Text, *, soft_wrap: bool = False) -> str:
        with self._console.capture() as captured:
            self._console.print(
                text, soft_wrap=soft_wrap, no_wrap=not soft_wrap, overflow="ignore"
            )
        return captured.get()

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


class _Above:
    """A standard error whose lines are printed above a live region."""

    def __init__(self, region: LiveRegion, stream: IO[str]) -> None:
        self._region = region
        self._stream = stream
        self._lock = threading.Lock()
        self._held = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._held = (self._held + text).split("\n")
        for line in lines:
            self._region.print_above(Text.from_ansi(line))
        return len(text)

    def flush(self) -> None:
        """Do nothing: lines are written as they are completed."""
