"""Show runs at an IPython prompt: once, or while a caller waits for their end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console

from docprogress.events import ProgressEvent
from docprogress.progress.fold import Progress
from docprogress.terminal.drawing import frame
from docprogress.terminal.live import TerminalView
from docprogress.terminal.results import closing_lines, closing_parts, failure_lines

#: Seconds between two frames.
TICK = 0.1


class WaitDisplay:
    """Shows a run while a caller waits for it, if there is a terminal.

    Args:
        view: Where to draw; None draws nothing.
        progress: What to draw.
        lost_at: Returns when the connection to Redis was lost, None while it is open.
    """

    def __init__(
        self,
        view: TerminalView | None,
        progress: Progress,
        lost_at: Callable[[], datetime | None],
    ) -> None:
        self._view = view
        self._progress = progress
        self._lost_at = lost_at
        self._drawn_at = 0.0

    @property
    def visible(self) -> bool:
        """Whether anything is drawn at all."""
        return self._view is not None

    def apply(self, event: ProgressEvent) -> None:
        """Apply an event to what is drawn."""
        if self._view is not None:
            self._progress.apply(event)
            self._view.apply(event)

    def draw(self) -> None:
        """Draw the current state, at most once per tick."""
        at = time.monotonic()
        if self._view is not None and at >= self._drawn_at + TICK:
            self._drawn_at = at
            self._view.draw(lost_at=self._lost_at())


def at_prompt() -> bool:
    """Whether this is an interactive IPython prompt in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return (
        shell is not None
        and getattr(shell, "kernel", None) is None
        and sys.stdout.isatty()
    )


@contextmanager
def show_while_waiting(
    progress: Progress,
    lost_at: Callable[[], datetime | None],
    *,
    seconds: Callable[[], float | None] = lambda: None,
) -> Iterator[WaitDisplay]:
    """Show a run inside the block, and print its result at the end.

    Outside an IPython prompt it shows nothing.

    Args:
        progress: What to draw.
        lost_at: Returns when the connection to Redis was lost, None while it is open.
        seconds: Returns how long the run took; called once it has ended.
    """
    if not at_prompt():
        yield WaitDisplay(None, progress, lost_at)
        return
    console = Console(highlight=False)
    view = TerminalView(progress, console)
    try:
        yield WaitDisplay(view, progress, lost_at)
    finally:
        view.close()
        _print_result(progress, console, seconds())


def print_once(progress: Progress, *, seconds: float | None = None) -> None:
    """Print the current state of a run; `seconds` is how long it took, if known."""
    console = Console(highlight=False)
    # IPython has already written `Out[1]: ` on this line.
    console.print()
    if progress.finished:
        _print_result(progress, console, seconds)
        return
    width, height = console.size
    console.print(frame(progress, width=width, height=height - 1))


def _print_result(progress: Progress, console: Console, seconds: float | None) -> None:
    for line in failure_lines(progress, console):
        console.print(line, soft_wrap=True)
    # Events may have been missed: only the store knows the number of pages.
    for line in closing_lines(
        closing_parts(progress, seconds=seconds, pages=0), console
    ):
        console.print(line)
