"""The widget of a view, as front ends such as JupyterLab know it."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

FRONTEND = files("docprogress").joinpath("frontend", "dist")


class ProgressWidget(anywidget.AnyWidget):
    """Carries messages between a session and pages, and has no state of its own.

    Args:
        make_snapshot: Returns the current state, for a page that has just been loaded.
        on_message: Called with each message from a page, on any thread.
    """

    # Read once: anywidget starts a thread to watch each path for changes.
    _esm = traitlets.Unicode(
        FRONTEND.joinpath("progress-view.js").read_text("utf-8")
    ).tag(sync=True)
    _css = traitlets.Unicode(
        FRONTEND.joinpath("progress-view.css").read_text("utf-8")
    ).tag(sync=True)

    #: Never set: it is computed whenever a page asks for the widget's state.
    snapshot = traitlets.Any(read_only=True).tag(
        sync=True, to_json=lambda _, model: model.make_snapshot()
    )

    def __init__(
        self,
        make_snapshot: Callable[[], dict[str, Any]],
        on_message: Callable[[dict[str, Any]], None],
    ) -> None:
        self.make_snapshot = make_snapshot
        self._on_message = on_message
        super().__init__()
        self.on_msg(self._take)
        if hasattr(self.comm, "_reply_subshell_for"):
            # ipykernel 7.4 delays replies until the cell that created the comm ends;
            # without this attribute, a subshell sends them while a cell is busy.
            self.comm._reply_subshell_for = None  # noqa: SLF001 - not public yet

    def __repr__(self) -> str:
        return "ProgressWidget()"

    def close(self) -> None:
        """Close the widget and its layout."""
        self.layout.close()
        self.on_msg(self._take, remove=True)
        super().close()

    def _take(self, _: object, content: Any, __: object) -> None:
        if isinstance(content, dict):
            self._on_message(content)
