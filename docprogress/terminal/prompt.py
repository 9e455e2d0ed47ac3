"""Runs at an IPython prompt: drawn once, or for as long as their end is waited for."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.text import Text

from docprogress.events import ProgressEvent
from docprogress.progress import Progress
from docprogress.terminal.live import (
    TerminalView,
    closing_line,
    failure_lines,
    frame,
)

#: Seconds between two pictures.
TICK = 0.1


class Waiting:
    """What is drawn while somebody waits; nothing where nobody could see it.

    Args:
        view: Where it is drawn; None: nowhere.
        progress: What is drawn.
        lost_at: Says when Redis was lost; None while it is there.
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
    def drawn(self) -> bool:
        """Whether anything is drawn at all."""
        return self._view is not None

    def told(self, event: ProgressEvent) -> None:
        """Take an event in."""
        if self._view is not None:
            self._progress.apply(event)
            self._view.told(event)

    def draw(self) -> None:
        """Show the present, if it is time again."""
        at = time.monotonic()
        if self._view is not None and at >= self._drawn_at + TICK:
            self._drawn_at = at
            self._view.draw(lost_at=self._lost_at())


def at_prompt() -> bool:
    """Whether somebody types at an IPython prompt in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return (
        shell is not None
        and getattr(shell, "kernel", None) is None
        and sys.stdout.isatty()
    )


@contextmanager
def waiting(
    progress: Progress,
    lost_at: Callable[[], datetime | None],
    *,
    seconds: Callable[[], float | None] = lambda: None,
) -> Iterator[Waiting]:
    """Draw a run for as long as its end is waited for; what is left is its result.

    Args:
        progress: What is drawn.
        lost_at: Says when Redis was lost; None while it is there.
        seconds: Says how long the run took, once it has ended.
    """
    if not at_prompt():
        yield Waiting(None, progress, lost_at)
        return
    console = Console(highlight=False)
    view = TerminalView(progress, console)
    try:
        yield Waiting(view, progress, lost_at)
    finally:
        view.close()
        _print_result(progress, console, seconds())


def print_once(progress: Progress, *, seconds: float | None = None) -> None:
    """Draw where a run stands now; `seconds` is how long it took, if that is known."""
    console = Console(highlight=False)
    # IPython has begun the line, with `Out[1]: `.
    console.print()
    if progress.finished:
        _print_result(progress, console, seconds)
        return
    width, height = console.size
    console.print(frame(progress, width=width, height=height - 1))


def _print_result(progress: Progress, console: Console, seconds: float | None) -> None:
    for line in failure_lines(progress, console):
        console.print(line, soft_wrap=True)
    # Not all pages were told of, and only the store knows how many there are.
    console.print(
        Text(closing_line(progress, seconds=seconds, pages=0)), soft_wrap=True
    )
