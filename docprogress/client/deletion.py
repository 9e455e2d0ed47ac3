"""Delete a run: files, results, Redis keys and, last, the rows that name all of them.

It works in batches, so an interrupted deletion is continued by deleting again.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from docprogress.bus.keys import submitting_key
from docprogress.client.connections import Connections
from docprogress.errors import BusError, RunUnfinished
from docprogress.events import Status
from docprogress.queueing.settlement import settlement_messages

#: Documents that are deleted at once, and the threads that delete their files.
BATCH = 500
THREADS = 8

#: Seconds to wait for workers that process cancelled documents, and between two checks.
WAIT_SECONDS = 20.0
WAIT_TICK = 0.1

#: Documents whose deletion from a sink is requested at once; workers find the others.
SETTLED_TOGETHER = 100_000

log = logging.getLogger(__name__)


class Deleted(NamedTuple):
    """The numbers of things that were deleted with a run."""

    documents: int
    #: The number of files, and their total size in bytes.
    files: int
    bytes: int
    #: Redis keys.
    keys: int
    #: Always 0: messages stay in their queues until a worker takes and discards them.
    messages: int = 0


class RunDeletion:
    """Deletes one run.

    Args:
        connections: Where the run is.
        run_id: The run.
        on_progress: Called with how many documents are deleted, out of how many.
    """

    def __init__(
        self,
        connections: Connections,
        run_id: str,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._connections = connections
        self._store = connections.store
        self._run_id = run_id
        self._on_progress = on_progress

    def delete(self) -> Deleted:
        """Delete the run; see `Run.delete`."""
        run_id, bus = self._run_id, self._connections.bus
        self._connections.share_sink(self._store.runs.get(run_id))
        self._wait_for_workers(time.monotonic() + WAIT_SECONDS)
        total = sum(self._store.documents.counts(run_id).values())
        documents = files = size = keys = 0
        while rows := self._store.documents.find(run_id, limit=BATCH):
            if any(not row.status.final for row in rows):
                raise RunUnfinished(run_id, "documents were retried in the meantime")
            ids = [row.id for row in rows]
            with ThreadPoolExecutor(THREADS) as threads:
                for _ in threads.map(self._connections.files.delete, ids):
                    pass
            keys += bus.forget(ids)
            documents += self._store.documents.delete(ids)
            files += sum(row.sha256 is not None for row in rows)
            size += sum(row.size or 0 for row in rows if row.sha256 is not None)
            self._on_progress(documents, total)
        keys += bus.forget([], run_id=run_id)
        if not self._store.runs.delete_empty(run_id):
            raise RunUnfinished(run_id, "documents were added in the meantime")
        self._settle_sink()
        return Deleted(documents, files, size, keys)

    def _settle_sink(self) -> None:
        """Request that workers delete the run from its sink, and wait for a while.

        The request is in the store, so workers carry it out in any case, once they can.
        """
        sinks, deadline = self._store.sinks, time.monotonic() + WAIT_SECONDS
        if entries := sinks.of_run(self._run_id, limit=SETTLED_TOGETHER):
            with suppress(BusError):
                self._connections.sender.send(settlement_messages(entries))
        while left := sinks.count(self._run_id):
            if time.monotonic() >= deadline:
                log.warning(
                    "%s documents of run %s will be deleted from the sink once a "
                    "worker reaches it",
                    left,
                    self._run_id,
                )
                return
            time.sleep(WAIT_TICK)

    def _wait_for_workers(self, deadline: float) -> None:
        """Wait until no worker processes a cancelled document any more."""
        run_id = self._run_id
        if self._connections.bus.redis.exists(submitting_key(run_id)):
            raise RunUnfinished(run_id, "its documents are still being submitted")
        while True:
            counts = self._store.documents.counts(run_id)
            left = sum(count for status, count in counts.items() if not status.final)
            if not left:
                return
            # Some of them may have ended in the meantime.
            held = self._store.documents.find(run_id, status=Status.PROCESSING)
            cancelled = left == counts[Status.PROCESSING] and all(
                row.cancel_requested for row in held
            )
            if not cancelled or time.monotonic() >= deadline:
                still = "are still at a worker" if cancelled else "are unfinished"
                hint = (
                    "try again in a moment"
                    if cancelled
                    else "cancel it first: run.cancel()"
                )
                raise RunUnfinished(run_id, f"{left:,} documents {still}; {hint}")
            time.sleep(WAIT_TICK)
