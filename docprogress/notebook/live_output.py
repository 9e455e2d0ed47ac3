"""Outputs in the cells of a notebook: live during processing, static afterwards.

A saved notebook shows the static form. Views and uploads share this module, and with
it one lock order: an uploader's output, then a view's, then its view model.
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

#: The same output in several media types.
Bundle = dict[str, Any]

#: The media type of a widget.
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def publish(
    data: Bundle, *, display_id: str | None = None, update: bool = False
) -> None:
    """Show an output in the running cell, or update an existing one.

    Any thread may call it, also after the cell has ended.

    Args:
        data: The output.
        display_id: The id by which it can be updated.
        update: Whether to replace the output that has this id.
    """
    from IPython.display import publish_display_data

    transient = {} if display_id is None else {"display_id": display_id}
    publish_display_data(data, transient=transient, update=update)  # type: ignore[no-untyped-call]


def widget_bundle(widget: Any, static: Bundle, *, key: str = "") -> Bundle:
    """A widget, and the output to show if no page can draw it.

    Args:
        widget: The widget.
        static: The output to show instead, by media type.
        key: By this, a page finds its HTML, to show a live view instead.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    bundle = {WIDGET_VIEW: view, **static}
    if key:
        html = static["text/html"]
        bundle["text/html"] = f'<div class="docprogress-live-{key}">{html}</div>'
    return bundle


class LiveOutput:
    """Every output of one view or uploader.

    Args:
        render_live: Returns the live form.
        render_static: Returns the static form with a note.
    """

    def __init__(
        self,
        render_live: Callable[[], Bundle],
        render_static: Callable[[str], Bundle],
    ) -> None:
        #: Guards the outputs, and other state that their owner changes with them.
        self.lock = threading.RLock()
        #: When the outputs became static; None while they are live.
        self.frozen_at: float | None = None
        self._render_live = render_live
        self._render_static = render_static
        self._display_ids: list[str] = []

    @property
    def frozen(self) -> bool:
        """Whether the outputs are static."""
        return self.frozen_at is not None

    @property
    def displayed(self) -> bool:
        """Whether any cell has an output."""
        return bool(self._display_ids)

    def show(self, *, live: bool, note: str = "") -> str:
        """Add an output to the running cell; return its display id.

        Args:
            live: Whether to show the live form.
            note: The note of the static form.
        """
        display_id = uuid.uuid4().hex
        with self.lock:
            data = self._render_live() if live else self._render_static(note)
            publish(data, display_id=display_id)
            if not live and not self._display_ids:
                self.frozen_at = time.monotonic()
            self._display_ids.append(display_id)
        return display_id

    def freeze(self, note: str = "") -> None:
        """Replace the outputs by their static form."""
        with self.lock:
            self._update(lambda: self._render_static(note), self._display_ids)
            self.frozen_at = time.monotonic()

    def thaw(self) -> None:
        """Replace static outputs by their live form."""
        with self.lock:
            if self.frozen:
                self.frozen_at = None
                self._update(self._render_live, self._display_ids)

    def redraw(self) -> None:
        """Have pages draw live outputs again."""
        with self.lock:
            if not self.frozen:
                self._update(self._render_live, self._display_ids)

    def detach(self, display_ids: Sequence[str], note: str) -> None:
        """Leave the static form in these outputs, and never update them again."""
        with self.lock:
            if not self.frozen:
                self._update(lambda: self._render_static(note), display_ids)
            for each in display_ids:
                self._display_ids.remove(each)

    def clear(self, display_ids: Sequence[str]) -> None:
        """Empty these outputs, and never update them again."""
        with self.lock:
            self._update(lambda: {"text/plain": ""}, display_ids)
            for each in display_ids:
                self._display_ids.remove(each)

    def abandon(self) -> None:
        """Leave all outputs as they are; the next one is live."""
        with self.lock:
            self._display_ids.clear()
            self.frozen_at = None

    def _update(self, render: Callable[[], Bundle], display_ids: Sequence[str]) -> None:
        if display_ids:
            data = render()
            for each in display_ids:
                publish(data, display_id=each, update=True)
