"""How many documents have each status, and which ones run, wait or have ended badly."""

from collections.abc import Mapping

from docprogress.events import Status
from docprogress.progress.document import DocumentProgress
from docprogress.progress.summary import lacks_text, why_not_handed_in

_FINAL = [status for status in Status if status.final]


class Tally:
    """The documents of a run, counted by their current states."""

    def __init__(self) -> None:
        #: Of the documents of which an event has arrived.
        self.seen = dict.fromkeys(Status, 0)
        #: The counts of all documents, until an event of each has arrived.
        self.assumed: dict[Status, int] | None = None
        #: By id, in the order in which they started, and in which they failed.
        self.running: dict[str, DocumentProgress] = {}
        self.failed: dict[str, DocumentProgress] = {}
        self.queued: dict[str, DocumentProgress] = {}
        #: Why documents were never submitted, by their ids.
        self.not_handed_in: dict[str, str] = {}
        #: Whether completed documents without text need OCR, by their ids.
        self.without_text: dict[str, bool] = {}

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many documents have each status, as far as that is known."""
        return self.seen if self.assumed is None else self.assumed

    @property
    def ended(self) -> int:
        """How many documents are in a final state."""
        counts = self.counts
        return sum([counts[status] for status in _FINAL if status in counts])

    @property
    def needs_ocr(self) -> bool:
        """Whether some document without text needs OCR."""
        return any(self.without_text.values())

    def assume(self, counts: Mapping[Status, int] | None) -> None:
        """Use these counts until an event of every document has arrived."""
        total = sum(self.seen.values())
        whole = counts is None or total >= max(sum(counts.values()), 1)
        self.assumed = None if whole or counts is None else dict(counts)

    def remove(self, document: DocumentProgress) -> None:
        """Remove a document that is about to change."""
        event = document.event
        self.seen[event.status] -= 1
        if event.status is Status.FAILED:
            del self.failed[event.document_id]
        elif event.status is Status.QUEUED:
            self.queued.pop(event.document_id, None)
        self.not_handed_in.pop(event.document_id, None)
        self.without_text.pop(event.document_id, None)

    def add(self, document: DocumentProgress) -> int:
        """Count a document; returns the change in the number in progress."""
        event = document.event
        self.seen[event.status] += 1
        if event.status is Status.PROCESSING:
            if event.document_id in self.running:
                return 0
            self.running[event.document_id] = document
            return 1
        stopped = self.running.pop(event.document_id, None) is not None
        if event.status is Status.QUEUED:
            self.queued[event.document_id] = document
        elif event.status is Status.FAILED:
            self.failed[event.document_id] = document
        elif event.status is Status.COMPLETED:
            needs_ocr = lacks_text(event.message)
            if needs_ocr is not None:
                self.without_text[event.document_id] = needs_ocr
        elif (reason := why_not_handed_in(event)) is not None:
            self.not_handed_in[event.document_id] = reason
        return -1 if stopped else 0
