"""Views of a running run for terminals, pipes and programs.

A view is notified of events that `Progress` has already applied, and asked to draw.
Every number comes from `Progress`.
"""

import sys
from datetime import datetime
from typing import IO, Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.text import Text

from docprogress.events import ProgressEvent
from docprogress.formatting import plain
from docprogress.progress.fold import Progress
from docprogress.terminal.drawing import GAP, frame
from docprogress.terminal.results import describe_end


class View(Protocol):
    """Shows a run while it is watched."""

    def apply(self, event: ProgressEvent) -> None:
        """Handle an event that `Progress` has already applied."""

    def draw(self, *, lost_at: datetime | None = None) -> None:
        """Draw the current state.

        Args:
            lost_at: When the last update arrived, if the connection is lost.
        """

    def notify(self, notice: str) -> None:
        """Show a notice besides the run."""

    def close(self) -> None:
        """Restore the terminal."""


class TerminalView:
    """Draws in place when asked to. It has no thread of its own."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._console = console
        self._name_width = 0
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            # Print warnings above the live display, unless they are redirected.
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start()

    def apply(self, event: ProgressEvent) -> None:
        """Widen the column of names if necessary; it never shrinks."""
        width = cell_len(plain(event.name or event.document_id))
        self._name_width = max(self._name_width, width)

    def draw(self, *, lost_at: datetime | None = None) -> None:
        width, height = self._console.size
        drawing = frame(
            self._progress,
            width=width,
            # The cursor stays on the last line.
            height=height - 1,
            name_width=self._name_width,
            ascii_only=not self._console.encoding.startswith("utf"),
            lost_at=lost_at,
        )
        self._live.update(drawing, refresh=True)

    def notify(self, notice: str) -> None:
        self._console.print(Text(notice))

    def close(self) -> None:
        self._live.stop()


class _LineView:
    """Writes lines that stay: there is nothing to redraw or to restore."""

    def __init__(self, out: IO[str], notices: IO[str]) -> None:
        self._out = out
        self._notices = notices

    def draw(self, *, lost_at: datetime | None = None) -> None:
        """Draw nothing."""

    def notify(self, notice: str) -> None:
        self._notices.write(f"docprogress: {notice}\n")
        self._notices.flush()

    def close(self) -> None:
        """Do nothing."""


class PlainView(_LineView):
    """Writes one line per finished document: for pipes, files and logs."""

    def __init__(self, progress: Progress, out: IO[str], notices: IO[str]) -> None:
        super().__init__(out, notices)
        self._progress = progress
        # The final event of each document that has been written.
        self._written: dict[str, ProgressEvent] = {}

    def apply(self, event: ProgressEvent) -> None:
        document = self._progress.documents[event.document_id]
        newest = document.event
        if newest.final and self._written.get(document.id) is not newest:
            self._written[document.id] = newest
            self._out.write(f"{newest.status:<9}{GAP}{describe_end(document)}\n")
            self._out.flush()


class JsonView(_LineView):
    """Writes every event as one line of JSON."""

    def apply(self, event: ProgressEvent) -> None:
        self._out.write(f"{event.encode().decode()}\n")
        self._out.flush()
