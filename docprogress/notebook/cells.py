"""The running cell: whether a person or a program runs it, and callbacks at its end.

A program that executes a notebook (nbclient, papermill, nbconvert, a documentation
builder) has no page. It records what the running cell shows, so a widget would be saved
without what it draws, and what is sent between cells is lost.
"""

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def attended() -> bool:
    """Whether a person may be looking at the output of the running cell.

    Programs that execute notebooks do not allow `input()`.
    """
    request = _request()
    if request.get("content", {}).get("allow_stdin", True):
        return True
    # Voilà executes the notebook like these programs, and shows its widgets afterwards.
    # The identifier of the cell comes from a page.
    voila = os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
    return voila or "cellId" in request.get("metadata", {})


def running_cell() -> str | None:
    """What identifies the execution of the running cell; None outside of a kernel."""
    message_id = _request().get("header", {}).get("msg_id")
    return None if message_id is None else str(message_id)


class CellClock:
    """Tracks since when no cell has run, and calls back at the end of each cell.

    Args:
        on_end: Called while the output of the cell is still recorded.
        clock: The time in seconds.
    """

    def __init__(
        self, on_end: Callable[[], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_end = on_end
        self._clock = clock
        self._ended_at: float | None = None
        self._following = False

    @property
    def idle_seconds(self) -> float:
        """The seconds since the last cell has ended; 0 while one is running."""
        return 0.0 if self._ended_at is None else self._clock() - self._ended_at

    def follow(self) -> None:
        """Follow the cells from the running one on, if there are cells."""
        shell = _shell()
        if not self._following and shell is not None:
            self._following = True
            shell.events.register("pre_run_cell", self._begin)
            shell.events.register("post_run_cell", self._end)

    def _begin(self, *_: object) -> None:
        self._ended_at = None

    def _end(self, *_: object) -> None:
        try:
            self._on_end()
        except Exception:
            # An exception would be shown in an unrelated cell.
            log.exception("the output of a cell could not be updated")
        self._ended_at = self._clock()


def _request() -> dict[str, Any]:
    """The request that the kernel is answering; empty outside of a kernel."""
    kernel = getattr(_shell(), "kernel", None)
    return {} if kernel is None else dict(kernel.get_parent("shell"))


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
