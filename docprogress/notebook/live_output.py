"""Outputs in the cells of a notebook: live during processing, static afterwards.

A saved notebook shows the static form. A live output has it too: beside a widget, or
alone, where the page draws what is live in place of an element of it, its anchor. Views
and uploads share this module, and with it one lock order: an uploader's output, then a
view's, then its view model.
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

#: The same output in several media types.
Bundle = dict[str, Any]

#: The minimum seconds between two updates of the output that a saved notebook keeps.
SAVE_SECONDS = 5.0

#: The maximum number of pages that are known to have outputs.
MOST_PAGES = 10

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


def anchor(html: str, key: str) -> str:
    """HTML in place of which a page draws what is live, where it has this key."""
    return f'<div class="docprogress-live-{key}">{html}</div>'


class LiveOutput:
    """Every output of one view or uploader.

    Args:
        key: See the attribute.
        widget: Returns the widget, which exists as long as outputs are live.
        render_live: Returns the static form with anchors.
        render_static: Returns the static form with a note.
        send: Sends a message to pages, if there are any.
    """

    def __init__(
        self,
        key: str,
        *,
        widget: Callable[[], Any],
        render_live: Callable[[], Bundle],
        render_static: Callable[[str], Bundle],
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        #: Guards the outputs, and other state that their owner changes with them.
        self.lock = threading.RLock()
        #: When the outputs became static; None while they are live.
        self.frozen_at: float | None = None
        #: By this, a page finds the outputs in the notebook.
        self.key = key
        self._widget = widget
        self._render_anchors = render_live
        self._render_static = render_static
        self._send = send
        self._display_ids: list[str] = []
        self._note = ""
        self._saved_at = float("-inf")
        # Whether a page draws in anchors, so that no widget is needed in outputs, and
        # whether some page does not know which outputs are updated.
        self._anchored = False
        self._pushing = False
        # The pages that have outputs, newest first.
        self._pages: list[str] = []

    def use_anchors(self, message: dict[str, Any]) -> None:
        """Have only HTML in outputs: a page draws what is live in its anchors.

        Args:
            message: The page's, with its id and whether it got the outputs from a
                saved notebook.
        """
        restored = message.get("restored") is True
        with self.lock:
            self._pages = [str(message.get("page")), *self._pages][:MOST_PAGES]
            self._anchored = True
            self._pushing |= restored
            if not self.frozen:
                self.redraw()
            elif restored:
                self._push(self._render_static(self._note))

    def save(self, *, every: float = 0.0) -> bool:
        """Update live outputs that have no widget; return whether they were.

        Args:
            every: The minimum seconds between two updates.
        """
        with self.lock:
            due = self.saves and time.monotonic() >= self._saved_at + every
            if due:
                self._redraw()
            return due

    @property
    def saves(self) -> bool:
        """Whether live outputs have no widget, so that they are to be kept current."""
        return self._anchored and not self.frozen

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
            self._saved_at = time.monotonic()
            if not live and not self._display_ids:
                self.frozen_at = time.monotonic()
            self._display_ids.append(display_id)
        return display_id

    def freeze(self, note: str = "") -> None:
        """Replace the outputs by their static form."""
        with self.lock:
            self._note = note
            self._update(
                lambda: self._render_static(note),
                self._display_ids,
                push=self._anchored,
            )
            self.frozen_at = time.monotonic()

    def thaw(self) -> None:
        """Replace static outputs by their live form."""
        with self.lock:
            if self.frozen:
                self.frozen_at = None
                self._redraw()

    def redraw(self) -> None:
        """Have pages draw live outputs again."""
        with self.lock:
            if not self.frozen:
                self._redraw()

    def detach(self, display_ids: Sequence[str], note: str) -> None:
        """Leave the static form in these outputs, and never update them again."""
        with self.lock:
            if not self.frozen:
                last = set(display_ids) == set(self._display_ids)
                self._update(
                    lambda: self._render_static(note),
                    display_ids,
                    push=self._anchored and last,
                )
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

    def _render_live(self) -> Bundle:
        widget = self._widget()
        data = self._render_anchors()
        html = f'<div class="docprogress-output-{self.key}">{data["text/html"]}</div>'
        data = {**data, "text/html": html}
        if self._anchored:
            return data
        view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        return {WIDGET_VIEW: view, **data}

    def _push(self, data: Bundle) -> None:
        """Send pages what their outputs are to be saved as."""
        self._send({"type": "table", "data": data, "pages": self._pages})

    def _redraw(self) -> None:
        self._update(self._render_live, self._display_ids, push=self._pushing)

    def _update(
        self,
        render: Callable[[], Bundle],
        display_ids: Sequence[str],
        *,
        push: bool = False,
    ) -> None:
        if display_ids:
            data = render()
            for each in display_ids:
                publish(data, display_id=each, update=True)
            self._saved_at = time.monotonic()
            if push:
                self._push(data)
