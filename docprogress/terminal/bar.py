"""A plain progress bar for work in this process."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from docprogress.formatting import duration
from docprogress.terminal.capabilities import draws

#: Seconds between two updates of a bar in a notebook.
UPDATE_SECONDS = 0.2

_Update = Callable[[int, int], None]


@contextmanager
def progress_bar(verb: str, total: int, *, unit: str) -> Iterator[_Update]:
    """Show a bar on standard error, or in the notebook, while the context is open.

    A file, a pipe and a terminal that cannot draw get nothing.

    Returns:
        A function to call with the work done and the total.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if console.is_jupyter:
        # A saved notebook shows nothing of rich's bar, which is a widget.
        yield _NotebookBar(verb, total, unit).update
        return
    if not (sys.stderr.isatty() and draws(os.environ)):
        yield lambda *_: None
        return
    columns = (
        TextColumn(verb),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} " + unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, of: bar.update(task, completed=min(done, of), total=of)


class _NotebookBar:
    """A bar in the output of a notebook's cell, which stays as it was at the end."""

    def __init__(self, verb: str, total: int, unit: str) -> None:
        from IPython import display as ipython

        display: Any = ipython.display
        self._verb = verb
        self._unit = unit
        self._started = self._shown = time.monotonic()
        first = self._bundle(0, total, 0.0)
        self._handle: Any = display(first, raw=True, display_id=True)

    def update(self, done: int, of: int) -> None:
        now = time.monotonic()
        if done >= of or now - self._shown >= UPDATE_SECONDS:
            self._shown = now
            bundle = self._bundle(min(done, of), of, now - self._started)
            self._handle.update(bundle, raw=True)

    def _bundle(self, done: int, of: int, seconds: float) -> dict[str, str]:
        text = f"{self._verb}: {done:,} of {of:,} {self._unit}"
        if seconds:
            text += f" in {duration(seconds)}"
        bar = f'<progress value="{done}" max="{max(of, 1)}"></progress>'
        return {"text/html": f"{bar} {escape(text)}", "text/plain": text}
