"""Find lost documents, and send them again.

By the store, a document is lost if it is unfinished, no worker processes it, and it has
no message. One worker at a time searches: the leader.

A search does a bounded amount of work however many documents wait, and a fault with one
document is logged and does not keep the others from being found.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar

from docprogress.bus.bus import Bus
from docprogress.bus.keys import (
    LEASED_DOCUMENTS,
    SUBMITTING_SECONDS,
    lease_key,
    submitting_key,
)
from docprogress.bus.leases import lease_owner, leased_documents, owners
from docprogress.errors import BusError, StoreTooNew
from docprogress.events import Status, now
from docprogress.progress.waiting import WAITING
from docprogress.queueing.availability import (
    SUBMITTER_GONE,
    announce_queues,
    mark_unserved,
)
from docprogress.queueing.broker_inspection import inspector_for
from docprogress.queueing.protocol import required_version
from docprogress.queueing.sender import Sender
from docprogress.settings import Settings, redacted
from docprogress.storage import Files
from docprogress.store import DocumentRow, QueuedRow, Store
from docprogress.store.queues import QUEUED
from docprogress.store.table_version import HEAD
from docprogress.worker import sightings
from docprogress.worker.fault_isolation import OUTAGES, FaultIsolation
from docprogress.worker.leader_election import LeaderElection
from docprogress.worker.lost_messages import LostMessages
from docprogress.worker.periodic import PAUSE_RATIO, Periodic
from docprogress.worker.processing import HANDED_BACK_MESSAGE, MAX_RETRY_DELAY
from docprogress.worker.resubmission import Resubmitter
from docprogress.worker.retirement import discard_retired
from docprogress.worker.sightings import Sightings
from docprogress.worker.sink_settlement import SettlementRequests

log = logging.getLogger(__name__)

Row = TypeVar("Row", DocumentRow, QueuedRow)

#: Seconds between two searches while there are unfinished documents.
SEARCH_SECONDS = 1.0

#: Seconds between two searches while there are none.
IDLE_SECONDS = 10.0

#: The longest pause, in seconds, after a search that took long. Two searches find a
#: lost lease, and its document must be with another worker 30 seconds after its first
#: worker died.
MAX_PAUSE = 5.0

#: How many due attempts are sent in one search.
MAX_DUE = 500

#: How many documents of an abandoned submission are cancelled in one search.
MAX_ABANDONED = 2_000

#: Seconds between two checks of the database schema's version.
SCHEMA_CHECK_SECONDS = 5.0

#: Seconds between two checks for queues without a worker.
QUEUE_CHECK_SECONDS = 5.0

#: Seconds between two searches for retired documents that are not deleted.
RETIREMENT_SECONDS = 20.0

#: Seconds for which a submitter must be missing: longer than it takes to announce
#: itself again in a Redis that came back empty.
SUBMITTER_LOST_SECONDS = 10.0


#: Seconds that a search spends on the index of words, at most: a fork waits for it.
WORD_INDEX_SECONDS = 0.3


class Death(NamedTuple):
    """A worker process died with this document, started or prefetched."""

    document_id: str
    attempt: int
    pid: int
    #: The limit that it exceeded, if it was killed for that.
    reason: str | None


class Recovery:
    """Searches for lost documents from a thread of a worker's parent process.

    No process is forked during a call into a library that holds locks: the child would
    inherit them locked.
    """

    def __init__(
        self,
        settings: Settings,
        sender: Sender,
        *,
        worker: str,
        queues: Sequence[str | None] = (None,),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = worker
        self._queues = queues
        self._clock = clock
        self._store = Store(settings.database, busy_seconds=2.0)
        self._bus = Bus(
            settings.redis_url or "", remember_seconds=settings.remember_seconds
        )
        self._broker = inspector_for(settings, self._bus, sender)
        self._resubmitter = Resubmitter(settings, self._store, self._bus, sender)
        self._isolation = FaultIsolation(clock)
        self._sightings = Sightings(clock)
        self._lost_messages = LostMessages(
            self._store,
            self._bus,
            self._broker,
            resubmitter=self._resubmitter,
            sightings=self._sightings,
            isolation=self._isolation,
            clock=clock,
        )
        # The tasks while there are unfinished documents, and when they are due.
        self._tasks = {
            self._send_due: Periodic(SEARCH_SECONDS, clock),
            self._lost_messages.search: Periodic(SEARCH_SECONDS, clock),
            self._mark_unserved: Periodic(QUEUE_CHECK_SECONDS, clock),
        }
        self._settlements = SettlementRequests(self._store, sender, clock)
        self._files = Files(settings.storage, settings.storage_options)
        self._retirement = Periodic(RETIREMENT_SECONDS, clock)
        self._schema_check = Periodic(SCHEMA_CHECK_SECONDS, clock)
        self._submission_check = Periodic(SEARCH_SECONDS, clock)
        self._word_index_check = Periodic(SEARCH_SECONDS, clock)
        self._search_duration = 0.0
        self._idle = False
        # Ends a pause early: a death or, with None, the end of idleness.
        self._wake: queue.SimpleQueue[Death | None] = queue.SimpleQueue()
        self._deaths: list[Death] = []
        # A fork waits for the end of a search, and leadership is renewed meanwhile:
        # handlers before a fork run in reverse order.
        self._fork, renewing = threading.Lock(), threading.Lock()
        self._fork_locks = (renewing, self._fork)
        self._election = LeaderElection(
            lambda: self._bus.redis, worker, fork=renewing, clock=clock
        )
        self._closed = self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread that searches."""
        for lock in self._fork_locks:
            os.register_at_fork(
                before=lock.acquire,
                after_in_parent=lock.release,
                after_in_child=lock.release,
            )
        self._election.start()
        self._thread = threading.Thread(
            target=self._search_repeatedly, name="docprogress-recovery", daemon=True
        )
        self._thread.start()

    def close(self, seconds: float | None = None) -> None:
        """Stop searching, and hand back the unfinished documents of this worker.

        The processes must have ended.

        Args:
            seconds: How long that may take.
        """
        self._closed = True
        self._wake.put(None)
        if self._thread is not None:
            self._thread.join(seconds)
        else:
            self._disconnect()

    def process_died(self, death: Death) -> None:
        """Recover the document of a process of this worker without waiting."""
        self._wake.put(death)

    def message_started(self, queue: str, sent_at: float) -> None:
        """Record that a process of this worker started a message of a queue."""
        self._broker.record_started(queue, sent_at)
        if self._idle:
            self._idle = False
            self._wake.put(None)

    def search(self) -> None:
        """Search once, and send lost documents again.

        Raises:
            DocProgressError: The store or Redis cannot be reached.
        """
        announce_queues(self._bus.redis, self._queues)
        succeeded = self._isolation.each(
            "a death", list(self._deaths), self._handle_death
        )
        self._broker.publish_positions()
        with self._schema_check.turn() as due:
            if due:
                self._check_schema()
        if not self._election.acquire():
            self._sightings.clear()
            self._lost_messages.clear()
            self._idle = False
            return
        self._idle = self._store.documents.idle()
        if self._idle:
            self._sightings.clear(but=("final", "submission"))
        else:
            succeeded = self._run(self._retry_lost_leases) and succeeded
            for task, period in self._tasks.items():
                with period.turn() as due:
                    if due:
                        succeeded = self._run(task) and succeeded
        succeeded = self._run(self._publish_final_states) and succeeded
        succeeded = self._run(self._settlements.send) and succeeded
        with self._word_index_check.turn() as due:
            if due:
                succeeded = self._run(self._maintain_word_index) and succeeded
        with self._retirement.turn() as due:
            if due:
                succeeded = self._run(self._settle_versions) and succeeded
        with self._submission_check.turn() as due:
            if due:
                # A run may have none of its documents yet.
                succeeded = self._run(self._abandon_submissions) and succeeded
        if succeeded:
            self._election.record_search()

    def _run(self, task: Callable[[], object]) -> bool:
        return self._isolation.run(task.__name__, task)

    def _retry_lost_leases(self) -> None:
        """Begin the next attempt at documents whose worker has disappeared."""
        rows = self._readable(self._store.documents.processing())
        held = owners(self._bus.redis, [row.id for row in rows])
        free = {(row.id, row.attempt): row for row in rows if held[row.id] is None}
        lost = self._sightings.lasting("lease", free, seconds=sightings.LOST_SECONDS)
        retry = partial(self._resubmitter.retry_or_fail, cause="its worker was lost")
        self._isolation.each("document", lost, retry)
        cancelled = {row.id: row.attempt for row in rows if row.cancel_requested}
        if cancelled:
            self._bus.request_cancel(cancelled)

    def _send_due(self) -> None:
        """Send documents whose retry is due."""
        due = self._store.documents.due(latest=MAX_RETRY_DELAY, limit=MAX_DUE)
        rows = self._readable(due)
        held = owners(self._bus.redis, [row.id for row in rows])

        def send(row: DocumentRow) -> None:
            attempts = self._store.attempts
            waited = row.message.startswith(WAITING)
            message = QUEUED if waited else row.message
            if held[row.id] is None and attempts.take_due(
                row.id, row.attempt, message=message
            ):
                # The wait of the document is over.
                ready = replace(row, due_at=None, message=message, updated_at=now())
                with suppress(BusError):
                    self._resubmitter.publish([ready], only_if_queued=True)
                self._resubmitter.send([row])

        self._isolation.each("document", rows, send)

    def _mark_unserved(self) -> None:
        """Update the messages of documents that wait in a queue without a worker."""
        publish = partial(self._resubmitter.publish, only_if_queued=True)
        mark_unserved(self._store, self._bus.redis, publish)

    def _readable(self, rows: Iterable[Row]) -> list[Row]:
        """Those that this version can process."""
        readable: list[Row] = []

        def check(row: Row) -> None:
            if self._resubmitter.understands(row):
                readable.append(row)

        self._isolation.each("document", rows, check)
        return readable

    def _maintain_word_index(self) -> None:
        """Index documents that earlier versions completed, and merge added entries."""
        self._store.words.maintain(seconds=WORD_INDEX_SECONDS)

    def _publish_final_states(self) -> None:
        """Publish final states whose worker died between the store and Redis."""
        client = self._bus.redis
        held = owners(client, leased_documents(client))
        free = [document_id for document_id, owner in held.items() if owner is None]
        rows = {row.id: row for row in self._store.documents.find(ids=free)}
        for document_id in free:
            if document_id not in rows:
                client.hdel(LEASED_DOCUMENTS, document_id)

        def publish(row: DocumentRow) -> None:
            if row.status.final:
                self._resubmitter.publish([row])
            client.hdel(LEASED_DOCUMENTS, row.id)

        ended = {
            (row.id, row.attempt): row
            for row in rows.values()
            if row.status is not Status.PROCESSING
        }
        lost = self._sightings.lasting("final", ended, seconds=sightings.LOST_SECONDS)
        self._isolation.each("document", lost, publish)

    def _abandon_submissions(self) -> None:
        """Cancel documents that the ended submitter will never submit."""
        gone = {
            (run_id, 0): run_id
            for run_id in self._store.submissions.unfinished()
            if not self._is_submitting(run_id)
        }
        lost = self._sightings.lasting(
            "submission", gone, seconds=SUBMITTER_LOST_SECONDS
        )
        self._isolation.each("run", lost, self._abandon)

    def _abandon(self, run_id: str) -> None:
        if required_version(self._store.runs.get(run_id).settings) is not None:
            return
        count = 0
        while count < MAX_ABANDONED:
            rows = self._store.submissions.abandon(run_id, SUBMITTER_GONE)
            if not rows:
                break
            self._resubmitter.publish(rows)
            count += len(rows)
        if count:
            log.warning("run %s: %s documents were not submitted", run_id, count)

    def _settle_versions(self) -> None:
        """Retire documents for workers of earlier versions, and delete their data."""
        self._store.sources.settle()
        discard_retired(self._store, self._files)

    def _is_submitting(self, run_id: str) -> bool:
        """Whether the process that submits a run is alive."""
        key = submitting_key(run_id)
        # A clock that was set back would make it last longer.
        self._bus.redis.expire(key, SUBMITTING_SECONDS, lt=True)
        return bool(self._bus.redis.exists(key))

    def _handle_death(self, death: Death) -> None:
        try:
            self._recover_from(death)
        except OUTAGES:
            raise  # the next search tries again
        except BaseException:
            self._deaths.remove(death)
            raise
        self._deaths.remove(death)

    def _recover_from(self, death: Death) -> None:
        """Continue a document after a process of this worker died."""
        key = lease_key(death.document_id)
        own = lease_owner(death.attempt, self._worker, death.pid).encode()
        held = self._bus.redis.get(key)
        if held == own:
            self._bus.redis.delete(key)
        row = self._store.documents.get(death.document_id)
        if row.attempt != death.attempt or held not in (None, own):
            # It may have written to a sink after the next attempt.
            self._store.sinks.mark_known(row.id)
            return
        if row.status.final:
            self._resubmitter.publish([row])
        elif row.status is Status.QUEUED:
            self._resubmitter.send_first(row)
        elif row.cancel_requested:
            self._resubmitter.finish(row, Status.CANCELLED)
        elif death.reason is not None:
            self._resubmitter.finish(row, Status.FAILED, death.reason)
        else:
            self._resubmitter.retry_or_fail(row, "its worker process died")

    def _check_schema(self) -> None:
        """Stop if a later version has changed the database under this worker."""
        if self._store.version() != HEAD:
            self._stop_worker()

    def _stop_worker(self) -> None:
        if self._stopping:
            return  # a second signal would kill it
        self._stopping = True
        log.error(
            "a later docprogress has changed the tables of the database: this "
            "worker stops; upgrade it"
        )
        os.kill(os.getpid(), signal.SIGTERM)

    def _search_repeatedly(self) -> None:
        # Before the first pause, which may outlast all of the worker's documents.
        with self._fork, suppress(*OUTAGES):
            announce_queues(self._bus.redis, self._queues)
        while self._wait():
            with self._fork:
                started = self._clock()
                try:
                    if not self._isolation.run("a search", self._open_and_search):
                        self._sightings.clear()
                except OUTAGES as error:
                    self._sightings.clear()
                    reason = redacted(str(error))
                    log.warning("cannot search for lost documents: %s", reason)
                self._search_duration = self._clock() - started
        with self._fork:
            try:
                self._isolation.run("handing back", self._hand_back_all)
            except OUTAGES as error:
                log.warning(
                    "documents could not be handed back: %s", redacted(str(error))
                )
        self._election.close()
        with self._fork:
            self._disconnect()

    def _wait(self) -> bool:
        """Wait for the next search or a death; whether to continue."""
        pause = max(SEARCH_SECONDS, min(self._search_duration * PAUSE_RATIO, MAX_PAUSE))
        if self._idle:
            pause = max(pause, IDLE_SECONDS)
        with suppress(queue.Empty):
            death = self._wake.get(timeout=pause)
            if death is not None:
                self._deaths.append(death)
        return not self._closed

    def _open_and_search(self) -> None:
        try:
            self._store.open()
        except StoreTooNew:
            self._stop_worker()
            return
        self.search()

    def _hand_back_all(self) -> None:
        """Hand documents of killed processes back without using up an attempt."""
        processing = self._store.documents.processing()
        own = [row for row in processing if row.worker == self._worker]
        held = owners(self._bus.redis, [row.id for row in own])

        def hand_back(row: DocumentRow) -> None:
            owner = held[row.id]
            if owner is None or f":{self._worker}:" in owner:
                self._hand_back(row)

        self._isolation.each("document", own, hand_back)
        self._election.resign()

    def _hand_back(self, row: DocumentRow) -> None:
        if row.cancel_requested:
            self._resubmitter.finish(row, Status.CANCELLED)
            return
        self._store.attempts.save_progress(
            row.id,
            row.attempt,
            progress=self._resubmitter.progress(row),
            step=row.step,
            message=HANDED_BACK_MESSAGE,
        )
        queued = self._store.attempts.hand_over(
            row.id, row.attempt, message=HANDED_BACK_MESSAGE
        )
        self._bus.redis.delete(lease_key(row.id))
        self._bus.redis.hdel(LEASED_DOCUMENTS, row.id)
        self._resubmitter.publish([queued])
        self._resubmitter.send_first(queued)

    def _disconnect(self) -> None:
        self._store.close()
        self._broker.close()
        self._bus.close()
