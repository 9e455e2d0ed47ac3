"""The widget of an uploader, as front ends such as JupyterLab know it."""

from collections.abc import Callable
from typing import Any

import traitlets

from docprogress.notebook.progress.widget import FRONTEND, ProgressWidget

OnMessage = Callable[[dict[str, Any], list[memoryview]], None]


class UploadWidget(ProgressWidget):
    """Carries messages and bytes between an upload session and pages.

    Args:
        make_snapshot: Returns the current state, for a page that has just been loaded.
        on_message: Called with each message from a page and the bytes that came with
            it, on any thread.
    """

    _esm = traitlets.Unicode(FRONTEND.joinpath("uploader.js").read_text("utf-8")).tag(
        sync=True
    )
    _css = traitlets.Unicode(FRONTEND.joinpath("uploader.css").read_text("utf-8")).tag(
        sync=True
    )

    def __init__(
        self, make_snapshot: Callable[[], dict[str, Any]], on_message: OnMessage
    ) -> None:
        self._on_message_with_buffers = on_message
        super().__init__(make_snapshot, lambda _: None)

    def __repr__(self) -> str:
        return "UploadWidget()"

    def _take(self, _: object, content: Any, buffers: Any) -> None:
        if isinstance(content, dict):
            # marimo hands out bytes.
            views = [memoryview(each) for each in buffers or ()]
            self._on_message_with_buffers(content, views)
