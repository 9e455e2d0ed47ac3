"""Views of a running run for terminals, pipes and programs.

A view is notified of events that `Progress` has already applied, then drawn. Every
number comes from `Progress`.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import IO, Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from docprogress.events import ProgressEvent, Status
from docprogress.formatting import plain
from docprogress.progress.fold import Progress
from docprogress.terminal.columns import GAP
from docprogress.terminal.drawing import frame, time_left
from docprogress.terminal.live_region import LiveRegion
from docprogress.terminal.results import Reword, describe_end
from docprogress.terminal.taskbar import Taskbar, TaskbarState

#: Seconds of silence after which a log gets a line with the state of the run.
SILENT_SECONDS = 30.0


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
        """Show a notice in addition to the run."""

    def close(self) -> None:
        """Restore the terminal."""


class TerminalView:
    """Draws in place when it is called. It has no thread."""

    def __init__(
        self, progress: Progress, console: Console, *, reword: Reword = str
    ) -> None:
        self._progress = progress
        self._console = console
        self._reword = reword
        self._name_width = 0
        self._region = LiveRegion(console)
        self._taskbar = Taskbar(console.file)

    def apply(self, event: ProgressEvent) -> None:
        """Widen the column of names if necessary; it never shrinks."""
        width = cell_len(plain(event.name or event.document_id))
        self._name_width = max(self._name_width, width)

    def draw(self, *, lost_at: datetime | None = None) -> None:
        width, height = self._region.size
        drawing = frame(
            self._progress,
            width=width,
            # The cursor stays on the last line.
            height=height - 1,
            name_width=self._name_width,
            ascii_only=not self._console.encoding.startswith("utf"),
            lost_at=lost_at,
            reword=self._reword,
        )
        self._region.draw(drawing)
        self._taskbar.show(self._taskbar_state(lost_at), self._progress.fraction)

    def notify(self, notice: str) -> None:
        self._region.print_above(Text(notice))

    def close(self) -> None:
        self._taskbar.clear()
        self._region.close()

    def _taskbar_state(self, lost_at: datetime | None) -> TaskbarState:
        progress = self._progress
        if progress.counts[Status.FAILED]:
            return TaskbarState.ERROR
        if lost_at is not None or progress.stalled_documents:
            return TaskbarState.PAUSED
        if not progress.running and not progress.ended:
            return TaskbarState.INDETERMINATE
        return TaskbarState.NORMAL


class _LineView:
    """Writes lines that stay: there is nothing to redraw or to restore."""

    def __init__(self, out: IO[str], notices: IO[str]) -> None:
        self._out = out
        self._notices = notices

    def apply(self, event: ProgressEvent) -> None:
        """Write nothing."""

    def draw(self, *, lost_at: datetime | None = None) -> None:
        """Draw nothing."""

    def notify(self, notice: str) -> None:
        self._notices.write(f"docprogress: {notice}\n")
        self._notices.flush()

    def close(self) -> None:
        """Do nothing."""

    def _write(self, line: str) -> None:
        self._out.write(f"{line}\n")
        self._out.flush()


class PlainView(_LineView):
    """Writes a line for each change of a document's status: for files and logs."""

    def __init__(
        self,
        progress: Progress,
        out: IO[str],
        notices: IO[str],
        *,
        reword: Reword = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(out, notices)
        self._progress = progress
        self._reword = reword
        self._clock = clock
        self._written_at = clock()
        # What was written last of each document: its attempt, and its status.
        self._known: dict[str, tuple[int, Status]] = {}

    def apply(self, event: ProgressEvent) -> None:
        document = self._progress.documents[event.document_id]
        newest = document.event
        attempt = document.attempt or 1
        state = (attempt, newest.status)
        if newest.status is Status.QUEUED or self._known.get(document.id) == state:
            return
        self._known[document.id] = state
        if newest.final:
            label, text = str(newest.status), describe_end(document, self._reword)
        elif attempt == 1:
            label, text = "started", plain(document.name)
        else:
            label, text = "retrying", f"{plain(document.name)}{GAP}attempt {attempt}"
        self._write(f"{label:<9}{GAP}{text}")

    def draw(self, *, lost_at: datetime | None = None) -> None:
        """Write the state of the run if nothing else was written for a while."""
        if self._clock() >= self._written_at + SILENT_SECONDS:
            line = f"{self._progress.summary()}; "
            if lost_at is None:
                line += time_left(self._progress)
            else:
                line += f"reconnecting to Redis since {lost_at.astimezone():%H:%M:%S}"
            self._write(line)

    def _write(self, line: str) -> None:
        super()._write(line)
        self._written_at = self._clock()


class JsonView(_LineView):
    """Writes every event as one line of JSON."""

    def apply(self, event: ProgressEvent) -> None:
        self._write(event.encode().decode())


class QuietView(_LineView):
    """Writes nothing but notices."""
