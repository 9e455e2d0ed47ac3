"""Correct a subscription with newer states from the store."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from docprogress import local
from docprogress.bus.keys import submitting_key
from docprogress.client.batches import document_batches
from docprogress.client.connections import Connections
from docprogress.errors import BusError, DocProgressError
from docprogress.events import ProgressEvent, Status
from docprogress.queueing.availability import SUBMITTER_GONE, is_worker_alive
from docprogress.queueing.waits import queue_reasons
from docprogress.store import DocumentRow, RunRow

log = logging.getLogger(__name__)

#: Seconds that a submitting process must be gone before a watcher gives up the
#: documents that it has not submitted.
GONE_SECONDS = 10.0

#: How far back changes are read again: machines' clocks differ, and a change becomes
#: visible after the moment it is stamped with.
OVERLAP = timedelta(seconds=2)


class StoreReconciler:
    """Finds the documents of a run whose stored state one subscription has missed.

    It is called every few seconds, so it reads only what has changed since. It reads
    all documents at first, and whenever the changes do not explain the counts.

    Args:
        connections: Where the run is.
        run: The run.
        until_deleted: Whether to raise `RunNotFound` once the run is deleted.
        on_queue_reason: Called with why the run's queue does not move; None if it does.
    """

    def __init__(
        self,
        connections: Connections,
        run: RunRow,
        *,
        until_deleted: bool = False,
        on_queue_reason: Callable[[str | None], object] | None = None,
    ) -> None:
        self._connections = connections
        self._store = connections.store
        self._run = run
        self._until_deleted = until_deleted
        self._on_queue_reason = on_queue_reason
        # Changes up to here have been read; None before the first complete read.
        self._since: datetime | None = None
        # The counts by status at the last call.
        self._counts: dict[Status, int] | None = None
        # When the submitting process was first missing while documents were.
        self._gone_at: float | None = None

    def __call__(
        self, delivered: Mapping[str, ProgressEvent]
    ) -> Iterable[ProgressEvent]:
        """The events that are missing from what was delivered."""
        settings = self._connections.settings
        try:
            if settings.local:
                local.revive(settings)
        except DocProgressError as error:
            log.warning("local services have stopped: %s", error)
        counts = self._store.documents.counts(self._run.id)
        if self._until_deleted and not sum(counts.values()):
            self._store.runs.get(self._run.id)
        whole = sum(counts.values()) >= self._run.expected
        waits = counts[Status.QUEUED] or not whole
        if waits and counts == self._counts and not settings.local:
            # Nothing moves. There may be no worker, which would do both of these.
            self._mark_unserved()
            self._give_up_submission()
            counts = self._store.documents.counts(self._run.id)
        self._counts = counts
        if self._on_queue_reason is not None:
            self._on_queue_reason(self._queue_reason(counts))
        finals = sum(count for status, count in counts.items() if status.final)
        known = sum(event.final for event in delivered.values())
        if known == len(delivered) == sum(counts.values()) == finals:
            return []
        missing, newest = [], self._since
        for rows in self._rows():
            missing += [row for row in rows if _differs(row, delivered.get(row.id))]
            newest = max([*filter(None, [newest]), *(row.updated_at for row in rows)])
        # A final state in neither was stamped by a slow clock: read everything again.
        missed = finals > known + sum(row.status.final for row in missing)
        self._since = None if missed else newest
        return [row.event() for row in missing]

    def _queue_reason(self, counts: Mapping[Status, int]) -> str | None:
        if not counts[Status.QUEUED] or counts[Status.PROCESSING]:
            return None
        connections = self._connections
        with suppress(BusError):
            reasons = queue_reasons(
                self._store,
                connections.bus.redis,
                local=connections.settings.local,
            )
            return reasons.get(self._run.id)
        return None

    def _mark_unserved(self) -> None:
        with suppress(BusError):
            if is_worker_alive(self._connections.bus.redis) is False:
                self._connections.mark_unserved(self._run.id)

    def _give_up_submission(self) -> None:
        """Cancel documents that a process that ended long ago has not submitted."""
        run_id, connections = self._run.id, self._connections
        gone = False
        if self._store.submissions.unfinished(run_id):
            with suppress(BusError, RedisError, OSError):
                gone = not connections.bus.redis.exists(submitting_key(run_id))
        if not gone:
            self._gone_at = None
            return
        if self._gone_at is None:
            self._gone_at = time.monotonic()
        if time.monotonic() < self._gone_at + GONE_SECONDS:
            return
        while rows := self._store.submissions.abandon(run_id, SUBMITTER_GONE):
            connections.publish_states(rows)

    def _rows(self) -> Iterator[list[DocumentRow]]:
        """The documents to compare, some at a time."""
        if self._since is None:
            yield from document_batches(self._store, self._run.id)
        elif rows := self._store.documents.changes(self._run.id, self._since - OVERLAP):
            yield rows


def _differs(row: DocumentRow, delivered: ProgressEvent | None) -> bool:
    """Whether the stored state is not the delivered one."""
    return delivered is None or (
        (row.status, row.attempt) != (delivered.status, delivered.attempt)
    )
