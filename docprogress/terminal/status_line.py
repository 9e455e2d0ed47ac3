"""One line with the current activity of a command, before there is a run to show.

It is drawn at once, and imports nothing that would make the command wait.
"""

import os
from collections.abc import Mapping
from typing import IO, Self

from docprogress.terminal.capabilities import draws
from docprogress.terminal.taskbar import Taskbar, TaskbarState


class StatusLine:
    """Draws a line in place in a terminal, and nothing anywhere else.

    As a context manager it erases the line at the end.

    Args:
        out: The terminal.
        enabled: Whether to show progress.
        logs: Whether announcements are written as lines that stay.
        env: The environment that describes the terminal.
    """

    def __init__(
        self,
        out: IO[str],
        *,
        enabled: bool = True,
        logs: bool = False,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self._out = out
        self._draws = enabled and out.isatty() and draws(env)
        self._logs = logs
        self._taskbar = Taskbar(out, env=env)
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def announce(self, text: str) -> None:
        """Show what will take a moment; in a log it is a line that stays."""
        if self._logs:
            self._write(f"docprogress: {text}\n")
        else:
            self.show(text)

    def show(self, text: str, fraction: float | None = None) -> None:
        """Show a line instead of the one before.

        Args:
            text: Plain text without control characters.
            fraction: The share of the work done, from 0 to 1, if known.
        """
        if self._draws and text != self._shown:
            # A line that wraps could not be erased.
            self._write(f"\r\x1b[2K{text[: self._width() - 1]}")
            self._shown = text
            if fraction is None:
                self._taskbar.show(TaskbarState.INDETERMINATE)
            else:
                self._taskbar.show(TaskbarState.NORMAL, fraction)

    def clear(self) -> None:
        """Erase the line."""
        if self._shown:
            self._shown = ""
            self._taskbar.clear()
            self._write("\r\x1b[2K")

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
