"""Write an attempt's results to the store, waiting while the database is unavailable.

The store is written before an event is published, so events are never ahead of it.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from docprogress.documents import Chunk, Page
from docprogress.errors import Cancelled, StoreUnavailable, Superseded
from docprogress.events import ProgressEvent, now, pages_of_text
from docprogress.settings import redacted
from docprogress.store import DocumentRow, FinishedStep

if TYPE_CHECKING:
    from docprogress.worker.processing import DocumentProcessor

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds to wait for an unavailable database before the attempt fails.
STORE_WAIT_SECONDS = 60.0

#: The longest pause, in seconds, between two tries.
MAX_PAUSE = 2.0

#: Seconds between two times that the vectors of an unfinished step are saved.
SAVE_VECTORS_SECONDS = 10.0

#: The minimum seconds between two times that recognised pages are saved.
SAVE_PAGES_SECONDS = 0.05


class AttemptWriter:
    """Writes and publishes for one attempt at a document."""

    def __init__(
        self, processor: "DocumentProcessor", document: DocumentRow, *, embedder: str
    ) -> None:
        self._processor = processor
        self._attempts = processor.store.attempts
        self._id = document.id
        self._attempt = document.attempt
        self._embedder = embedder
        #: The last event that was published.
        self.event = document.event()
        #: Finished steps that are not saved yet.
        self.unsaved: list[FinishedStep] = []
        #: The step that has stored the chunks in the sink.
        self.stored: FinishedStep | None = None
        # Chunks of the unfinished step whose vectors are not saved yet.
        self._vectors: list[Chunk] = []
        self._save_vectors_at = 0.0
        # Recognised pages of the unfinished step that are not saved yet.
        self._recognised: list[Page] = []
        self._recogniser = ""
        self._save_pages_at = 0.0
        # Whether the store has no results of this document yet.
        self._new = document.attempt == 1 and document.next_step == 0

    def publish(self, event: ProgressEvent) -> bool:
        """Publish an event; whether the attempt is to be cancelled."""
        self.event = event
        return self._processor.publish(event)

    def publish_row(self, row: DocumentRow) -> None:
        """Publish the state in the store, unless the attempt was superseded."""
        with suppress(Superseded):
            self._processor.publish(row.event())

    def publish_message(self, message: str) -> None:
        """Publish another message.

        Raises:
            Cancelled: The attempt is to be cancelled.
        """
        if self.publish(self.event.replace(message=message, timestamp=now())):
            raise Cancelled(self._id)

    def set_work(
        self, items: Sequence[Page] | Sequence[Chunk], *, ocr_pages: int | None
    ) -> None:
        """Set the work in all later events."""
        characters = sum(len(item.text) for item in items)
        self.event = self.event.replace(
            work=pages_of_text(len(items), characters), ocr_pages=ocr_pages or None
        )

    def set_size(self, size: int) -> None:
        """Set the size of the file in all later events."""
        self.event = self.event.replace(size=size)

    def write(self, write: Callable[[], T]) -> T:
        """Write to the store, and try again while it is unavailable.

        Raises:
            StoreUnavailable: It was unavailable for too long.
        """
        deadline = self._processor.clock() + STORE_WAIT_SECONDS
        pause = 0.1
        while True:
            try:
                return write()
            except StoreUnavailable as error:
                if self._processor.clock() >= deadline:
                    raise
                log.warning("waiting for the database: %s", redacted(str(error)))
                message = "Waiting for the database"
                self.publish(self.event.replace(message=message, timestamp=now()))
            self._processor.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE)

    def save(self) -> None:
        """Save finished steps.

        Raises:
            Cancelled: The attempt is to be cancelled.
        """
        unsaved, self.unsaved = self.unsaved, []
        if unsaved and self._finish_steps(unsaved).cancel_requested:
            raise Cancelled(self._id)

    def complete(self, message: str) -> DocumentRow:
        """Save the last steps, and complete the document."""
        last = [self.stored] if self.stored else []
        return self._finish_steps([*self.unsaved, *last], completed=message)

    def begin_vectors(self) -> None:
        """Begin a step whose vectors are saved before it is finished."""
        self._vectors = []
        self._save_vectors_at = self._processor.clock() + SAVE_VECTORS_SECONDS

    def add_vector(self, chunk: Chunk) -> None:
        """Save a chunk's vector with the next ones, if the step is not finished."""
        self._vectors.append(chunk)
        if self._processor.clock() >= self._save_vectors_at:
            self.save_vectors()

    def discard_vectors(self) -> None:
        """Leave vectors that are not saved yet to the finished step."""
        self._vectors = []

    def save_vectors(self) -> None:
        """Save the vectors of an unfinished step."""
        self._save_vectors_at = self._processor.clock() + SAVE_VECTORS_SECONDS
        if not self._vectors:
            return
        self._new = False

        def save() -> None:
            with self._processor.uninterrupted():
                self._attempts.save_vectors(
                    self._id, self._attempt, self._vectors, embedder=self._embedder
                )
                self._vectors = []

        self.write(save)

    def add_recognised(self, page: Page, *, recogniser: str) -> None:
        """Keep a recognised page, unless the last ones were saved just now."""
        self._recognised.append(page)
        self._recogniser = recogniser
        if self._processor.clock() >= self._save_pages_at:
            self.save_recognised()

    def save_recognised(self) -> None:
        """Save the pages that an unfinished step has recognised."""
        if not self._recognised:
            return

        def save() -> None:
            with self._processor.uninterrupted():
                self._attempts.save_recognised(
                    self._id,
                    self._attempt,
                    self._recognised,
                    recogniser=self._recogniser,
                )
                self._recognised = []

        self.write(save)
        self._save_pages_at = self._processor.clock() + SAVE_PAGES_SECONDS

    def discard_recognised(self) -> None:
        """Leave pages that are not saved yet to the finished step."""
        self._recognised = []

    def _finish_steps(
        self, finished: list[FinishedStep], *, completed: str | None = None
    ) -> DocumentRow:
        def finish() -> DocumentRow:
            # After a lost connection it is unknown whether this was written.
            new, self._new = self._new, False
            return self._attempts.finish_steps(
                self._id, self._attempt, finished, completed=completed, new=new
            )

        return self.write(finish)
