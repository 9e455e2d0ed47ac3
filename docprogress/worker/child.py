"""A worker process: processes one document at a time, under a lease."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from docprogress.bus import passwords
from docprogress.bus.bus import Bus
from docprogress.bus.leases import Lease, Leases, lease_owner
from docprogress.errors import BusError, DocProgressError, RunNotFound, Superseded
from docprogress.events import ProgressEvent, Status
from docprogress.queueing import fair_share
from docprogress.queueing.batching import MessageBatcher
from docprogress.queueing.protocol import NEWER_WORKER_NEEDED, required_version
from docprogress.queueing.routing import next_step, queue_name
from docprogress.queueing.sender import Message, Sender, recovered_messages
from docprogress.reporting.buffered_publisher import BufferedPublisher
from docprogress.settings import Settings, redacted
from docprogress.sinks.location import SinkLocation, with_secrets
from docprogress.storage import Files
from docprogress.store import DocumentRow, Store
from docprogress.store.sinks import SinkEntry
from docprogress.worker.limits import StepLimit, no_limit
from docprogress.worker.processing import DocumentProcessor, Outcome
from docprogress.worker.service_outages import ServiceOutages, SharedMemory
from docprogress.worker.sink_settlement import SinkSettler

log = logging.getLogger(__name__)

#: The maximum seconds for which a task waits for Redis.
REDIS_WAIT_SECONDS = 10.0

#: Seconds for which a document's next task waits for its buffered events.
FLUSH_SECONDS = 2.0

#: Seconds between two checks that the parent is alive.
PARENT_SECONDS = 1.0


class Child:
    """The resources of one worker process, made after the fork."""

    def __init__(
        self,
        settings: Settings,
        *,
        worker: str,
        queues: Sequence[str | None] = (None,),
        guard: StepLimit | None,
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._queues = {queue_name(queue) for queue in queues}
        # Opened with the first document: it may be unavailable when this process
        # starts.
        self._store = Store(settings.database)
        self._bus = Bus(
            settings.redis_url or "", remember_seconds=settings.remember_seconds
        )
        self._publisher = BufferedPublisher(self._bus)
        self._batcher = MessageBatcher(self._store, processes=settings.processes)
        self._leases = Leases(lambda: self._bus.redis, seconds=settings.lease_seconds)
        self._sender = Sender.for_settings(settings)
        self._lease: Lease | None = None
        self._changing = threading.Lock()
        self._guard = guard
        self._processor = DocumentProcessor(
            store=self._store,
            files=Files(settings.storage, settings.storage_options),
            settings=settings,
            publish=self._publish,
            guard=self._guarded,
            uninterrupted=guard.deferred if guard else nullcontext,
            outages=ServiceOutages(SharedMemory(self._bus)),
            publish_rows=self._publish_rows,
            send=self._send_members,
            passwords=self._passwords,
            locate_sink=self._locate_sink,
        )
        self._settler = SinkSettler(
            self._store,
            settings,
            guard=self._guarded,
            locate=self._locate_sink,
            lease=self._holding,
            uninterrupted=guard.deferred if guard else nullcontext,
        )
        self._idle = threading.Event()
        self._idle.set()

    def process(self, documents: Sequence[tuple[str, int]]) -> None:
        """Process each document as far as its queue goes.

        A document is skipped if another worker holds its lease, or if the attempt is
        over, because the message was delivered twice. Once this worker stops, the
        remaining documents are left to others.
        """
        try:
            for position, (document_id, attempt) in enumerate(documents):
                if self._guard is not None and self._guard.stopping:
                    self._resend(documents[position:])
                    return
                self._process(document_id, attempt)
        finally:
            self._leases.flush()
            self._publisher.collect()

    def _process(self, document_id: str, attempt: int) -> None:
        self._idle.clear()
        try:
            lease = self._acquire_lease(document_id, attempt)
            if lease is None:
                log.info("%s is already being processed: delivery dropped", document_id)
                return
            with self._changing:
                self._lease = lease
            try:
                outcome = self._process_claimed(document_id, attempt, lease)
            finally:
                with self._changing:
                    self._lease = None
                self._leases.release_later(lease)
                self._publisher.forget(document_id)
            if outcome is not None and outcome.send:
                # The next worker finds the lease released, and all events of this one
                # published, unless Redis stays unavailable.
                self._publisher.flush(FLUSH_SECONDS)
                self._leases.flush()
                self._send(outcome)
        finally:
            self._idle.set()

    def settle(self, document_ids: Sequence[str]) -> None:
        """Reconcile documents in sinks with the store."""
        self._idle.clear()
        try:
            self._settler.settle(document_ids)
        finally:
            self._idle.set()

    @contextmanager
    def _holding(self, document_id: str) -> Iterator[Lease | None]:
        """Hold a document's lease without an attempt; None if another process does."""
        lease = self._leases.take(
            document_id,
            lease_owner(0, self._worker, os.getpid()),
            stop=lambda error: self._stop(document_id, error),
        )
        with self._changing:
            before, self._lease = self._lease, lease
        try:
            yield lease
        finally:
            with self._changing:
                self._lease = before
            if lease is not None:
                self._leases.release(lease)

    def close(self) -> None:
        """Release everything."""
        self._leases.close()
        self._publisher.close()
        self._bus.close()
        self._store.close()

    def watch_parent(self, parent: int) -> None:
        """Exit after the current document once the parent was killed."""

        def watch() -> None:
            while os.getppid() == parent:
                time.sleep(PARENT_SECONDS)
            self._idle.wait()
            try:
                self._publisher.flush(REDIS_WAIT_SECONDS)
            finally:
                os._exit(1)

        threading.Thread(target=watch, name="docprogress-parent", daemon=True).start()

    def _process_claimed(
        self, document_id: str, attempt: int, lease: Lease
    ) -> Outcome | None:
        claim = self._store.attempts.claim(document_id, attempt, worker=self._worker)
        if claim is None:
            log.info("attempt %s of %s is over: delivery dropped", attempt, document_id)
            return None
        if (version := required_version(claim.run.settings)) is not None:
            # Its message was sent by an older version.
            message = NEWER_WORKER_NEEDED.format(version)
            row = self._store.attempts.hand_over(document_id, attempt, message=message)
            self._publish(row.event())
            log.warning(
                "%s needs docprogress %s: left for another worker", document_id, version
            )
            return None
        lease.run_id = claim.document.run_id
        queue = next_step(claim.document, claim.run).queue
        if queue_name(queue) not in self._queues:
            # A second delivery of a message from an earlier queue.
            message = f"Waiting for queue {queue or 'default'}"
            row = self._store.attempts.hand_over(document_id, attempt, message=message)
            self._publish(row.event())
            return Outcome(row, send=True)
        return self._processor.process(claim)

    def _acquire_lease(self, document_id: str, attempt: int) -> Lease | None:
        deadline = time.monotonic() + REDIS_WAIT_SECONDS
        while True:
            try:
                return self._leases.take(
                    document_id,
                    lease_owner(attempt, self._worker, os.getpid()),
                    current=lambda: (
                        self._store.documents.get(document_id).attempt == attempt
                    ),
                    newest=lambda: self._publisher.newest(document_id),
                    stop=lambda error: self._stop(document_id, error),
                )
            except BusError as error:
                if time.monotonic() >= deadline:
                    raise
                log.warning("waiting for Redis: %s", redacted(str(error)))
                time.sleep(0.2)

    def _stop(self, document_id: str, error: DocProgressError) -> None:
        """Stop work on a document, from the thread that renews its lease."""
        with self._changing:
            at_work = self._lease is not None and self._lease.document_id == document_id
            if at_work and self._guard is not None:
                log.info("%s was stopped: %s", document_id, error)
                self._guard.stop(error)

    def _publish(self, event: ProgressEvent) -> bool:
        lease = self._lease
        if lease is not None and lease.lost.is_set():
            raise Superseded(event.document_id, event.attempt or 1)
        if not self._settings.events_per_second:
            return False
        if event.worker != self._worker:
            event = event.replace(worker=self._worker)
        return self._publisher.publish_nowait(event)

    def _publish_rows(self, rows: Sequence[DocumentRow]) -> None:
        """Publish the state of documents that another worker may already process."""
        if not self._settings.events_per_second:
            return
        events = [row.event() for row in rows]
        waiting = [event for event in events if event.status is Status.QUEUED]
        try:
            self._bus.publish_all(waiting, only_if_queued=True)
            self._bus.publish_all([event for event in events if event.final])
        except BusError:
            self._publisher.hold({event.document_id: event for event in events})

    def _passwords(self, run_id: str) -> list[str]:
        """The passwords of a run; none if Redis is unreachable."""
        try:
            # Not the cached run, which may lack a newer key.
            run = self._store.runs.get(run_id)
            return passwords.load(self._bus.redis, run_id, run.encryption_key)
        except (BusError, RunNotFound) as error:
            log.warning("passwords cannot be read: %s", redacted(str(error)))
            return []

    def _locate_sink(self, entry: SinkEntry) -> SinkLocation:
        """The sink of a document, with the secrets that are set here or were shared."""
        shared, key = None, self._store.sinks.encryption_key(entry.sink)
        if key is not None:
            try:
                shared = passwords.load_sink(self._bus.redis, entry.sink, key)
            except BusError as error:
                log.warning(
                    "the sink's secrets cannot be read: %s", redacted(str(error))
                )
        known = (shared, self._settings.sink)
        return with_secrets(entry.sink, folder=entry.folder, known=known)

    def _send_members(self, rows: Sequence[DocumentRow]) -> None:
        """Send members. If that fails, recovery finds them."""
        with suppress(BusError):
            self._sender.send(self._batcher.batch(rows))

    def _guarded(
        self, seconds: float, total: float | None
    ) -> AbstractContextManager[Callable[[], None]]:
        return (
            self._guard.step(seconds, total)
            if self._guard
            else no_limit(seconds, total)
        )

    def _send(self, outcome: Outcome) -> None:
        """Send the next task. If that fails, recovery finds the document."""
        row = outcome.document
        if row is not None:
            message = self._message(row)
            with suppress(BusError):
                self._sender.send(
                    recovered_messages(message) if outcome.interrupted else [message]
                )

    def _resend(self, documents: Sequence[tuple[str, int]]) -> None:
        """Send documents that were not started to another worker."""
        rows = self._store.documents.find(
            ids=[document_id for document_id, _ in documents]
        )
        waiting = [row for row in rows if row.status is Status.QUEUED]
        with suppress(BusError):
            for row in waiting:
                self._sender.send(recovered_messages(self._message(row)))

    def _message(self, row: DocumentRow) -> Message:
        run = self._store.runs.get(row.run_id)
        step = next_step(row, run)
        level = fair_share.priority_level(row.number, run.settings.get("priority", 0))
        return Message(step.queue, [(row.id, row.attempt)], level)
