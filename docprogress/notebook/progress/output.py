"""The outputs of a view session: the state of the documents in them, and since when."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from docprogress.notebook.live_output import SAVE_SECONDS, LiveOutput, anchor
from docprogress.notebook.progress import table
from docprogress.notebook.progress.view_model import ViewModel

if TYPE_CHECKING:
    from docprogress.notebook.progress.widget import ProgressWidget

#: The minimum seconds between two tables of documents that start and end repeatedly.
REFREEZE_SECONDS = 1.0


class ViewOutput(LiveOutput):
    """Every output of one view session.

    Args:
        view_model: The documents.
        key: The key of the session.
        widget: Returns its widget.
        send: Sends a message to pages, if there are any.
    """

    def __init__(
        self,
        view_model: ViewModel,
        key: str,
        *,
        widget: Callable[[], "ProgressWidget"],
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        super().__init__(
            key,
            widget=widget,
            render_live=self.live_bundle,
            render_static=lambda note: table.bundle(view_model, note=note),
            send=send,
        )
        self._view_model = view_model
        self._changes = 0
        #: Whether the newest table was shown while a cell was running.
        self.recorded = True

    def live_bundle(self) -> dict[str, str]:
        """The static forms, with an anchor for the live one."""
        data = table.bundle(self._view_model)
        return data | {"text/html": anchor(data["text/html"], self.key)}

    @property
    def changed(self) -> bool:
        """Whether documents have changed since the table was made."""
        return self._changes != self._view_model.changes

    @property
    def outdated(self) -> bool:
        """Whether they have changed, and the table is not recent."""
        late = time.monotonic() >= (self.frozen_at or 0.0) + REFREEZE_SECONDS
        return late and self.changed

    def note_changes(self) -> None:
        """Note that the table shows the current state."""
        self._changes = self._view_model.changes

    def freeze_table(self, *, recorded: bool = False) -> None:
        """Show a table of the current state.

        Args:
            recorded: Whether a cell is running, which records it.
        """
        self.note_changes()
        self.freeze()
        self.recorded = recorded

    def save_changes(self) -> None:
        """Keep the table under a live view current."""
        changes = self._view_model.changes
        if self.changed and self.save(every=SAVE_SECONDS):
            self._changes = changes
