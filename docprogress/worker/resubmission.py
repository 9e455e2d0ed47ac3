"""Begin a document's next attempt, end it, or send its message again."""

import logging
from collections.abc import Iterable, Sequence

from docprogress.bus.bus import Bus
from docprogress.errors import Superseded
from docprogress.events import Status
from docprogress.queueing.fair_share import priority_level
from docprogress.queueing.protocol import required_version
from docprogress.queueing.routing import next_step, queue_name
from docprogress.queueing.sender import Message, Sender, recovered_messages
from docprogress.settings import Settings
from docprogress.store import DocumentRow, QueuedRow, RunRow, Store

log = logging.getLogger(__name__)

#: How many worker deaths a document survives before it fails.
MAX_DEATHS = 3

#: How many runs are cached.
CACHE_SIZE = 1_000


class Resubmitter:
    """Changes documents in the store, publishes that, and sends their messages."""

    def __init__(
        self, settings: Settings, store: Store, bus: Bus, sender: Sender
    ) -> None:
        self._settings = settings
        self._store = store
        self._bus = bus
        self._sender = sender
        self._runs: dict[str, RunRow] = {}

    def retry_or_fail(self, row: DocumentRow, cause: str) -> None:
        """Begin the next attempt, unless the document has killed too many workers."""
        if row.cancel_requested:
            self.finish(row, Status.CANCELLED)
            return
        deaths = self._store.attempts.count_lost(row.id) + 1
        tries = row.attempt - row.first_attempt + 1
        limit = self._run(row).settings.get("max_attempts", self._settings.max_attempts)
        if deaths >= MAX_DEATHS or tries >= int(limit):
            reason = f"{cause} ({deaths} times on this document)"
            self.finish(row, Status.FAILED, reason)
            return
        new = self._store.attempts.next_attempt(
            row.id,
            row.attempt,
            error=f"{row.name}: {cause}",
            delay=0,
            lost=True,
            tries=int(limit),
        )
        if new is not None:
            log.warning("%s: %s: attempt %s follows", row.id, cause, new.attempt)
            self.publish([new])
            self.send_first(new)

    def finish(
        self, row: DocumentRow, status: Status, reason: str | None = None
    ) -> None:
        """Give a document its final state, and publish it."""
        try:
            ended = self._store.attempts.finish(
                row.id,
                row.attempt,
                status,
                message="Cancelled" if reason is None else f"Failed during {row.step}",
                error=None if reason is None else f"{row.name}: {reason}",
                progress=self.progress(row),
            )
        except Superseded:
            return
        self.publish([ended])

    def progress(self, row: DocumentRow) -> float:
        """The progress of an attempt, as published or as stored."""
        newest = self._bus.newest([row.id]).get(row.id)
        published = newest.progress if newest and newest.attempt == row.attempt else 0.0
        return max(published, row.progress)

    def publish(
        self, rows: Sequence[DocumentRow], *, only_if_queued: bool = False
    ) -> None:
        """Publish the state of documents, unless it has been superseded."""
        if self._settings.events_per_second:
            events = [row.event() for row in rows]
            self._bus.publish_all(events, only_if_queued=only_if_queued)

    def send(self, rows: Iterable[DocumentRow | QueuedRow]) -> None:
        """Send each document in its own message: it may have killed its worker."""
        messages = list(map(self._message, rows))
        if messages:
            self._sender.send(messages)

    def send_first(self, row: DocumentRow) -> None:
        """Send a document that was interrupted, ahead of all others."""
        self._sender.send(recovered_messages(self._message(row)))

    def understands(self, row: DocumentRow | QueuedRow) -> bool:
        """Whether a document's run can be read by this version."""
        return required_version(self._run(row).settings) is None

    def levels(self, row: QueuedRow) -> list[str]:
        """The broker's queues, in one of which a document's message must be.

        A retried document is sent by its position among the retried ones, which is at
        or before its usual level.
        """
        last = self._level(row)
        retried = row.attempt == row.first_attempt > 1
        levels = range(last + 1) if retried else [last]
        queue = self._queue(row)
        return [queue_name(queue, level) for level in levels]

    def _message(self, row: DocumentRow | QueuedRow) -> Message:
        return Message(self._queue(row), [(row.id, row.attempt)], self._level(row))

    def _queue(self, row: DocumentRow | QueuedRow) -> str | None:
        return next_step(row, self._run(row)).queue

    def _level(self, row: DocumentRow | QueuedRow) -> int:
        return priority_level(row.number, self._run(row).settings.get("priority", 0))

    def _run(self, row: DocumentRow | QueuedRow) -> RunRow:
        if row.run_id not in self._runs:
            if len(self._runs) >= CACHE_SIZE:
                self._runs.clear()
            self._runs[row.run_id] = self._store.runs.get(row.run_id)
        return self._runs[row.run_id]
