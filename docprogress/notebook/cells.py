"""The running cell: who has it executed, and what is done when it ends.

A program that executes a notebook (nbclient, papermill, nbconvert, a documentation
builder) has no page. It records what the running cell shows, so a widget would be saved
without what it draws, and what is sent between cells is lost.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def attended() -> bool:
    """Whether somebody may look at the output of the running cell.

    Programs that execute notebooks say that nobody can answer `input()`.
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


def at_cell_end(callback: Callable[[], None]) -> None:
    """Call this at the end of every cell from now on, while its output is recorded."""

    def ended(*_: object) -> None:
        try:
            callback()
        except Exception:
            # An exception would be shown in the cell of somebody else.
            log.exception("what a cell shows could not be updated")

    _shell().events.register("post_run_cell", ended)


def _request() -> dict[str, Any]:
    """The request that the kernel is answering; empty outside of a kernel."""
    kernel = getattr(_shell(), "kernel", None)
    return {} if kernel is None else dict(kernel.get_parent("shell"))


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
