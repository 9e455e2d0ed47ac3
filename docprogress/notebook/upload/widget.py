"""The widget's model of an uploader: what JupyterLab and its like keep of it."""

from collections.abc import Callable
from typing import Any

import traitlets

from docprogress.notebook.progress.widget import FRONTEND, ProgressWidget

Heard = Callable[[dict[str, Any], list[memoryview]], None]


class UploadWidget(ProgressWidget):
    """The one model of an uploader: it carries messages and knows nothing.

    Args:
        present: Gives what a page is told that begins now.
        heard: Called with each message of a page, and the bytes that came with it, on
            whichever thread it comes.
    """

    _esm = traitlets.Unicode(FRONTEND.joinpath("uploader.js").read_text("utf-8")).tag(
        sync=True
    )
    _css = traitlets.Unicode(FRONTEND.joinpath("uploader.css").read_text("utf-8")).tag(
        sync=True
    )

    def __init__(self, present: Callable[[], dict[str, Any]], heard: Heard) -> None:
        self._heard_bytes = heard
        super().__init__(present, lambda _: None)

    def __repr__(self) -> str:
        return "UploadWidget()"

    def _take(self, _: object, content: Any, buffers: Any) -> None:
        if isinstance(content, dict):
            self._heard_bytes(content, list(buffers or ()))
