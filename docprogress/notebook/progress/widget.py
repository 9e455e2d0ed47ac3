"""The widget's model: what JupyterLab and its like keep of a view."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

FRONTEND = files("docprogress").joinpath("frontend", "dist")


class ProgressWidget(anywidget.AnyWidget):
    """The one model of a view: it carries messages and knows nothing.

    Args:
        present: Gives what a page is told that begins now.
        heard: Called with each message of a page, on whichever thread it comes.
    """

    # Read once, here: a path would be watched for changes, by a thread for each.
    _esm = traitlets.Unicode(
        FRONTEND.joinpath("progress-view.js").read_text("utf-8")
    ).tag(sync=True)
    _css = traitlets.Unicode(
        FRONTEND.joinpath("progress-view.css").read_text("utf-8")
    ).tag(sync=True)

    #: Never set: it is made whenever a page asks for the model's state.
    snapshot = traitlets.Any(read_only=True).tag(
        sync=True, to_json=lambda _, model: model.present()
    )

    def __init__(
        self,
        present: Callable[[], dict[str, Any]],
        heard: Callable[[dict[str, Any]], None],
    ) -> None:
        self.present = present
        self._heard = heard
        super().__init__()
        self.on_msg(self._take)
        if hasattr(self.comm, "_reply_subshell_for"):
            # ipykernel 7.4 has replies wait for the cell that created the comm;
            # without this they come in a subshell, while a cell is busy.
            self.comm._reply_subshell_for = None  # noqa: SLF001

    def __repr__(self) -> str:
        return "ProgressWidget()"

    def close(self) -> None:
        """Close the model, and the layout that came with it."""
        self.layout.close()
        self.on_msg(self._take, remove=True)
        super().close()

    def _take(self, _: object, content: Any, __: object) -> None:
        if isinstance(content, dict):
            self._heard(content)
