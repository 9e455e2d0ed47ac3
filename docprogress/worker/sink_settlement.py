"""Reconcile sinks with the store, for the documents in which they may differ.

These are documents that were deleted or retired, that failed or were cancelled after
they were partly written, and those that a superseded attempt may have written. If a new
version of a document failed after it had replaced the earlier one in the sink, the
earlier one is restored. The tasks are recorded in the store, so they survive outages
and killed workers.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from functools import partial
from itertools import groupby

from docprogress.bus.leases import Lease
from docprogress.errors import DocProgressError, HandedBack, Superseded
from docprogress.queueing.sender import Sender
from docprogress.queueing.settlement import settlement_messages
from docprogress.settings import Settings, redacted
from docprogress.sinks import Sink, SinkLocation, open_sink
from docprogress.store import DocumentRow, Store
from docprogress.store.sinks import SinkEntry
from docprogress.worker.limits import StepGuard
from docprogress.worker.periodic import Periodic
from docprogress.worker.storing import document_of, numbers, replaces_documents

log = logging.getLogger(__name__)

#: Makes a sink write everything that its `upsert` was given.
Finish = Callable[[Iterable[int] | None], None]

#: Makes a context within which a write is not interrupted.
Whole = Callable[[], AbstractContextManager[object]]

#: The maximum number of documents that are looked for at once.
LIMIT = 1_000

#: Seconds between two searches, and between two for documents that were deleted by a
#: version without sinks.
SEARCH_SECONDS = 1.0
ORPHANS_SECONDS = 60.0

#: Seconds after which documents that still differ are sent again: at first, and at
#: most.
FIRST_PAUSE = 5.0
MAX_PAUSE = 60.0


class SettlementRequests:
    """Sends documents that must be reconciled with a sink; for the leader."""

    def __init__(
        self, store: Store, sender: Sender, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._search = Periodic(SEARCH_SECONDS, clock)
        self._orphans = Periodic(ORPHANS_SECONDS, clock)
        # When each document is sent again, and after which pause. One that was marked
        # again is another matter, which does not wait for that.
        self._sent: dict[tuple[str, int], tuple[float, float]] = {}

    def send(self) -> None:
        """Send those that were not sent lately.

        Raises:
            DocProgressError: The store or the broker cannot be reached.
        """
        with self._search.turn() as due:
            if not due:
                return
            with self._orphans.turn() as orphaned:
                entries = self._store.sinks.to_settle(limit=LIMIT, orphaned=orphaned)
        found = {(entry.document_id, entry.marks) for entry in entries}
        self._sent = {key: at for key, at in self._sent.items() if key in found}
        now, ready = self._clock(), []
        for entry in entries:
            key = entry.document_id, entry.marks
            due_at, pause = self._sent.get(key, (now, FIRST_PAUSE))
            if now >= due_at:
                ready.append(entry)
                following = now + pause, min(2 * pause, MAX_PAUSE)
                self._sent[key] = following
        if ready:
            self._sender.send(settlement_messages(ready))


class SinkSettler:
    """Reconciles documents in sinks with the store; for a worker process.

    Args:
        store: The expected state.
        settings: This machine's.
        guard: Makes a context that enforces a limit of time.
        locate: Finds a sink, with its secrets.
        lease: Makes a context that holds a document; it gives None if another process
            has it.
        uninterrupted: Makes a context within which that limit interrupts nothing.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        guard: StepGuard,
        locate: Callable[[SinkEntry], SinkLocation],
        lease: Callable[[str], AbstractContextManager[Lease | None]],
        uninterrupted: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._store = store
        self._settings = settings
        self._guard = guard
        self._locate = locate
        self._lease = lease
        self._uninterrupted = uninterrupted

    def settle(self, document_ids: Sequence[str]) -> None:
        """Reconcile these documents. Failures are retried later."""
        entries = sorted(self._store.sinks.entries(document_ids), key=_sink)
        for _, group in groupby(entries, key=_sink):
            some = list(group)
            try:
                with self._guard(self._settings.step_seconds, None) as renew:
                    self._settle(some, renew)
            except HandedBack:
                return
            except Superseded as error:
                log.info("%s", error)
            except Exception as error:
                reason = redacted(str(error))
                if not isinstance(error, DocProgressError):
                    log.exception("the sink %s", redacted(some[0].sink))
                log.warning("the sink will be reconciled later: %s", reason)

    def _settle(self, entries: list[SinkEntry], renew: Callable[[], None]) -> None:
        location = self._locate(entries[0])
        sink = open_sink(location)
        ids = [entry.document_id for entry in entries]
        existing = {row.id: row for row in self._store.documents.find(ids=ids)}
        gone = [entry for entry in entries if _gone(existing.get(entry.document_id))]
        if gone:
            # No other process writes them: their ids are never used again.
            with self._whole(location):
                sink.delete([entry.document_id for entry in gone])
            self._store.sinks.forget_gone(gone)
        left = [entry for entry in entries if entry not in gone]
        # Earlier versions first: they take the places of those that were unsuccessful.
        left.sort(key=lambda entry: not existing[entry.document_id].current)
        for entry in left:
            renew()
            # A commit that is interrupted may go on in a library's own threads.
            whole = partial(self._whole, location)
            self._settle_one(
                sink, entry, partial(_finish, location, renew, whole), whole
            )

    def _whole(self, location: SinkLocation) -> AbstractContextManager[object]:
        """Within this context, a built-in sink is not interrupted."""
        return self._uninterrupted() if location.scheme else nullcontext()

    def _settle_one(
        self, sink: Sink, entry: SinkEntry, finish: Finish, whole: Whole
    ) -> None:
        with ExitStack() as leases:
            if leases.enter_context(self._lease(entry.document_id)) is None:
                return
            rows = self._store.documents.find(ids=[entry.document_id])
            if not rows or not rows[0].status.final:
                return  # its attempt writes it
            newer: list[SinkEntry] | None = []
            if rows[0].current:
                newer = self._unsuccessful_versions(entry, leases)
            if newer is None:
                return  # the newer version writes it
            try:
                self._write(sink, rows[0], finish, newer, whole)
            except BaseException:
                # A part may be written, or still be, while the next attempt writes.
                if not entry.marks:
                    self._store.sinks.mark(entry)
                raise
            if not self._store.sinks.settle(entry, rows[0]):
                self._store.sinks.mark(entry)

    def _unsuccessful_versions(
        self, entry: SinkEntry, leases: ExitStack
    ) -> list[SinkEntry] | None:
        """Newer versions that did not take a document's place, which are held.

        None if one of them has taken it, or still may.
        """
        newer = self._store.sinks.replaced_by(entry)
        for each in newer or ():
            if leases.enter_context(self._lease(each.document_id)) is None:
                return None
        # Nobody begins one that is held; one may have been begun before.
        return newer and self._store.sinks.replaced_by(entry)

    def _write(
        self,
        sink: Sink,
        row: DocumentRow,
        finish: Finish,
        newer: Sequence[SinkEntry],
        whole: Whole,
    ) -> None:
        if not row.current:
            with whole():
                sink.delete([row.id])
            return
        chunks = self._store.results.chunks(row.id, vectors=True)
        replaced = tuple([entry.document_id for entry in newer])
        with whole():
            made = sink.upsert(document_of(row, replaces=replaced), chunks)
        finish(made)
        if replaced and not replaces_documents(sink):
            with whole():
                sink.delete(replaced)


def _gone(row: DocumentRow | None) -> bool:
    """Whether a document is deleted, or retired and no longer being processed."""
    return row is None or (row.retired_at is not None and row.status.final)


def _finish(
    location: SinkLocation,
    renew: Callable[[], None],
    whole: Whole,
    made: Iterable[int] | None,
) -> None:
    """Make a sink write everything that it was given."""
    with closing(numbers(made, location)) as done:
        while True:
            with whole():
                count = next(done, None)
            if count is None:
                return
            renew()


def _sink(entry: SinkEntry) -> tuple[str, str]:
    return entry.sink, entry.folder or ""
