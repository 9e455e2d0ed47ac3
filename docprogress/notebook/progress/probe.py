"""Observes a session, to measure how long its messages take."""

from typing import Protocol

from docprogress.events import ProgressEvent
from docprogress.notebook.progress.update_scheduler import Message


class Probe(Protocol):
    """Observes what passes through a session, immediately and on any thread."""

    def on_event(self, event: ProgressEvent) -> None:
        """The session has received an event."""

    def on_send(self, message: Message) -> None:
        """The session sends a message to the page."""

    def on_receive(self, message: Message) -> None:
        """A message has arrived from a page."""
