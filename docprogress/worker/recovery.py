"""Finds what was lost, and sends it again.

The store says what has to be done; a document that nobody works on and that has no
message on its way is sent again.  One worker at a time looks, and nothing here
depends on a clock that may jump: a thing counts as lost once it was seen so for
long enough, on this process's own monotonic clock.

A look does a bounded amount of work, however much waits, and whatever is wrong with
one document is logged and keeps nobody else's from being found.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple, TypeVar

from redis.exceptions import RedisError

from docprogress.bus.bus import Bus
from docprogress.bus.keys import (
    LEASED_DOCUMENTS,
    SUBMITTING_SECONDS,
    lease_key,
    submitting_key,
)
from docprogress.bus.leases import lease_owner, leased_documents, owners
from docprogress.errors import (
    BusError,
    DocumentNotFound,
    RunNotFound,
    StoreTooNew,
    StoreUnavailable,
    Superseded,
)
from docprogress.events import Status
from docprogress.queueing import fair_share
from docprogress.queueing.availability import (
    SUBMITTER_GONE,
    announce_queues,
    mark_unserved,
)
from docprogress.queueing.broker_inspection import inspector_for
from docprogress.queueing.protocol import required_version
from docprogress.queueing.routing import next_step, queue_name
from docprogress.queueing.sender import Message, Sender, recovered_messages
from docprogress.settings import Settings, redacted
from docprogress.store import DocumentRow, QueuedRow, RunRow, Store
from docprogress.store.schema import HEAD
from docprogress.worker.leader_election import LeaderElection
from docprogress.worker.processing import HANDED_BACK_MESSAGE, MAX_RETRY_DELAY

log = logging.getLogger(__name__)

T = TypeVar("T")

Row = TypeVar("Row", DocumentRow, QueuedRow)

#: What of recovery waits for, rather than logs and goes on: nothing could be done.
_OUTAGES = (BusError, StoreUnavailable, RedisError)

#: Seconds between two looks: while there are unfinished documents, and while there
#: are none.  At most: a look that takes long is followed by a longer pause.
SEARCH_SECONDS = 1.0

IDLE_SECONDS = 10.0

#: How many times as long as work takes the pause after it is, at the least: what
#: waits may be very much.
PAUSE_RATIO = 10

#: The longest pause after a look that took long.  Two looks find a lost lease, and
#: its document has to be with another worker 30 seconds after the first one died.
MAX_PAUSE = 5.0

#: Seconds that a document must be seen without a lease, or without a message,
#: before it counts as lost.  More than it takes a worker to take its lease again
#: after Redis came back empty.
LOST_SECONDS = 6.0

#: Seconds after which a message that a worker has taken is not waited for any
#: longer.  More than it takes the broker to give it to another one.
PREFETCHED_SECONDS = 30.0

#: Seconds after which a message that was sent again is not waited for any longer.
RESENT_SECONDS = 60.0

#: How many queued documents one look examines; the next one goes on from there.
PAGE_SIZE = 5_000

#: How many documents without a message are watched together until they count as lost.
MAX_SUSPECTS = 1_000

#: How many attempts that are due are sent in one look, and how many documents of a run
#: are given up that its submitting process did not hand in.
MAX_DUE = 500

MAX_ABANDONED = 2_000

#: Seconds between two looks whether the tables are still those of this version.
SCHEMA_CHECK_SECONDS = 5.0

#: Seconds between two looks whether each queue is served.
QUEUE_CHECK_SECONDS = 5.0

#: Seconds for which the process that submits a run must be gone: more than it takes to
#: say again that it lives, in a Redis that came back empty.
SUBMITTER_LOST_SECONDS = 10.0

#: How often a worker may die of a document before the document has failed.
MAX_DEATHS = 3

#: The longest pause after a part of a look that took long.
MAX_TASK_PAUSE = 20.0

#: How many runs are remembered, and errors whose repetition is not logged.
CACHE_SIZE = 1_000

#: Seconds for which the repetition of an error is not logged.
LOG_INTERVAL = 60.0


class Death(NamedTuple):
    """A worker process that died and had this document, begun or not."""

    document_id: str
    attempt: int
    pid: int
    #: The limit that it broke, if it was killed for that.
    reason: str | None


class Resent(NamedTuple):
    """When a lost message was sent again."""

    #: On this process's monotonic clock.
    at: float
    #: By the clock that messages are stamped with.
    sent_at: float


class Recovery:
    """Looks for lost documents from a thread of a worker's parent.

    No process is forked while it is in the middle of a call into a library that
    holds locks: a child would inherit them held.
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
        self._settings = settings
        self._sender = sender
        self._worker = worker
        self._queues = queues
        self._paces = {
            self._due: Periodic(SEARCH_SECONDS, clock),
            self._missing_messages: Periodic(SEARCH_SECONDS, clock),
            self._unserved: Periodic(QUEUE_CHECK_SECONDS, clock),
        }
        self._tables = Periodic(SCHEMA_CHECK_SECONDS, clock)
        self._submissions = Periodic(SEARCH_SECONDS, clock)
        self._took = 0.0
        self._idle = False
        self._clock = clock
        self._store = Store(settings.database, busy_seconds=2.0)
        self._bus = Bus(
            settings.redis_url or "", remember_seconds=settings.remember_seconds
        )
        self._broker = inspector_for(settings, self._bus, sender)
        # What ends a pause early: a death, or, with None, work after there was none.
        self._wake: queue.SimpleQueue[Death | None] = queue.SimpleQueue()
        self._seen: dict[tuple[str, str, int], float] = {}
        self._cursor: int | str | None = None
        self._again: dict[tuple[str, int], Resent] = {}
        self._met: set[tuple[str, int]] = set()
        self._dead: list[Death] = []
        self._runs: dict[str, RunRow] = {}
        self._logged: dict[str, float] = {}
        self._fork, renewing = threading.Lock(), threading.Lock()
        # Handlers before a fork run in reverse order. The lock that a look holds is
        # waited for first, so that leadership is renewed meanwhile.
        self._locks = (renewing, self._fork)
        self._leadership = LeaderElection(
            lambda: self._bus.redis, worker, fork=renewing, clock=clock
        )
        self._closed = self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        for lock in self._locks:
            os.register_at_fork(
                before=lock.acquire,
                after_in_parent=lock.release,
                after_in_child=lock.release,
            )
        self._leadership.start()
        self._thread = threading.Thread(
            target=self._watch, name="docprogress-recovery", daemon=True
        )
        self._thread.start()

    def close(self, seconds: float | None = None) -> None:
        """Look no more, and hand back what this worker's processes have not finished.

        They are to have ended before that.  It may take so many seconds.
        """
        self._closed = True
        self._wake.put(None)
        if self._thread is not None:
            self._thread.join(seconds)
        else:
            self._disconnect()

    def died(self, death: Death) -> None:
        """A process of this worker died: its document need not wait."""
        self._wake.put(death)

    def begun(self, queue: str, sent_at: float) -> None:
        """A process of this worker has begun a message of this queue."""
        self._broker.record_started(queue, sent_at)
        if self._idle:
            self._idle = False
            self._wake.put(None)

    def look(self) -> None:
        """Look once, and send again what is lost.

        Raises:
            DocProgressError: The store or Redis cannot be reached.
        """
        well = self._each("a death", list(self._dead), self._handle_death)
        self._broker.publish_positions()
        announce_queues(self._bus.redis, self._queues)
        with self._tables.turn() as due:
            if due:
                self._check_tables()
        if not self._leadership.acquire():
            self._forget()
            self._again, self._met, self._cursor = {}, set(), None
            self._idle = False
            return
        self._idle = self._store.documents.idle()
        if self._idle:
            self._forget(but=("end", "upload"))
        else:
            well = self._guarded("_lost_leases", self._lost_leases) and well
            for chore, pace in self._paces.items():
                with pace.turn() as due:
                    if due:
                        well = self._guarded(chore.__name__, chore) and well
        well = self._guarded("_ends", self._ends) and well
        with self._submissions.turn() as due:
            if due:
                # A run may have none of its documents yet.
                well = self._guarded("_uploads", self._uploads) and well
        if well:
            self._leadership.looked()

    def _lost_leases(self) -> None:
        """Begin the next attempt at what a worker had that is gone."""
        rows = self._understood(self._store.documents.processing())
        held = owners(self._bus.redis, [row.id for row in rows])
        free = {(row.id, row.attempt): row for row in rows if held[row.id] is None}
        lost = self._lost("lease", free, LOST_SECONDS)
        self._each("document", lost, lambda row: self._lose(row, "its worker was lost"))
        asked = {row.id: row.attempt for row in rows if row.cancel_requested}
        if asked:
            self._bus.request_cancel(asked)

    def _due(self) -> None:
        """Send what has waited long enough for its next attempt."""
        rows = self._understood(
            self._store.documents.due(latest=MAX_RETRY_DELAY, limit=MAX_DUE)
        )
        held = owners(self._bus.redis, [row.id for row in rows])

        def send(row: DocumentRow) -> None:
            if held[row.id] is None and self._store.attempts.take_due(
                row.id, row.attempt
            ):
                self._send([row])

        self._each("document", rows, send)

    def _unserved(self) -> None:
        """Have documents say that nobody serves the queue that they wait for."""
        mark_unserved(self._store, self._bus.redis, self._tell_waiting)

    def _understood(self, rows: Iterable[Row]) -> list[Row]:
        """Those that are not to be left to a later version."""
        found: list[Row] = []

        def understand(row: Row) -> None:
            if required_version(self._run(row).settings) is None:
                found.append(row)

        self._each("document", rows, understand)
        return found

    def _each(self, what: str, things: Iterable[T], act: Callable[[T], object]) -> bool:
        """Act on each of these; one that fails is logged, and keeps none from it."""
        well = True
        for thing in things:
            name = f"{what} {getattr(thing, 'id', thing)}"
            well = self._guarded(name, partial(act, thing)) and well
        return well

    def _guarded(self, what: str, act: Callable[[], object]) -> bool:
        """Do something; whether it went well, or is of no account any more."""
        try:
            act()
        except _OUTAGES:
            raise
        except (RunNotFound, DocumentNotFound, Superseded):
            return True  # it was deleted, or went on, meanwhile
        except Exception:
            moment = self._clock()
            if moment >= self._logged.get(what, float("-inf")) + LOG_INTERVAL:
                if len(self._logged) >= CACHE_SIZE:
                    self._logged.clear()
                self._logged[what] = moment
                log.exception("recovery went wrong with %s", what)
            return False
        return True

    def _forget(self, *, but: Sequence[str] = ()) -> None:
        """Forget what was seen: it says nothing after an outage, or another's lead."""
        self._seen = {key: since for key, since in self._seen.items() if key[0] in but}

    def _check_tables(self) -> None:
        """Stop where a later version has changed the tables under this worker."""
        if self._store.version() != HEAD:
            self._stop()

    def _stop(self) -> None:
        if self._stopping:
            return  # a second signal would end it at once
        self._stopping = True
        log.error(
            "a later docprogress has changed the tables of the database: this "
            "worker stops; upgrade it"
        )
        os.kill(os.getpid(), signal.SIGTERM)

    def _watch(self) -> None:
        while self._waited():
            with self._fork:
                began = self._clock()
                try:
                    if not self._guarded("a look", self._look):
                        self._forget()
                except _OUTAGES as error:
                    self._forget()
                    log.warning(
                        "cannot look for lost documents: %s", redacted(str(error))
                    )
                self._took = self._clock() - began
        with self._fork:
            try:
                self._guarded("handing back", self._hand_back)
            except _OUTAGES as error:
                log.warning("nothing is handed back: %s", redacted(str(error)))
        self._leadership.close()
        with self._fork:
            self._disconnect()

    def _disconnect(self) -> None:
        self._store.close()
        self._broker.close()
        self._bus.close()

    def _look(self) -> None:
        try:
            self._store.open()
        except StoreTooNew:
            self._stop()
            return
        self.look()

    def _waited(self) -> bool:
        """Wait for the next look, or a death; whether to go on."""
        pause = max(SEARCH_SECONDS, min(self._took * PAUSE_RATIO, MAX_PAUSE))
        if self._idle:
            pause = max(pause, IDLE_SECONDS)
        with suppress(queue.Empty):
            death = self._wake.get(timeout=pause)
            if death is not None:
                self._dead.append(death)
        return not self._closed

    def _hand_back(self) -> None:
        """Leave to others what was killed at work, at no attempt's cost."""
        mine = [
            row
            for row in self._store.documents.processing()
            if row.worker == self._worker
        ]
        client = self._bus.redis
        held = owners(client, [row.id for row in mine])

        def hand_back(row: DocumentRow) -> None:
            holder = held[row.id]
            if holder is not None and f":{self._worker}:" not in holder:
                return
            if row.cancel_requested:
                self._end(row, Status.CANCELLED)
                return
            newest = self._bus.newest([row.id]).get(row.id)
            seen = newest.progress if newest and newest.attempt == row.attempt else 0.0
            self._store.attempts.save_progress(
                row.id,
                row.attempt,
                progress=max(seen, row.progress),
                step=row.step,
                message=HANDED_BACK_MESSAGE,
            )
            back = self._store.attempts.hand_over(
                row.id, row.attempt, message=HANDED_BACK_MESSAGE
            )
            client.delete(lease_key(row.id))
            client.hdel(LEASED_DOCUMENTS, row.id)
            self._tell(back)
            self._send_first(back)

        self._each("document", mine, hand_back)
        self._leadership.resign()

    def _lost(
        self, what: str, current: Mapping[tuple[str, int], T], seconds: float
    ) -> list[T]:
        """Those that have been seen like this for so long; these are all there are."""
        known = {key for key in self._seen if key[0] == what}
        for key in known - {(what, *key) for key in current}:
            del self._seen[key]
        moment = self._clock()
        return [
            thing
            for key, thing in current.items()
            if moment - self._seen.setdefault((what, *key), moment) >= seconds
        ]

    def _handle_death(self, death: Death) -> None:
        """Go on after a process of this worker died over a document."""
        try:
            self._bury(death)
        except _OUTAGES:
            raise  # it is tried again with the next look
        except BaseException:
            self._dead.remove(death)
            raise
        self._dead.remove(death)

    def _bury(self, death: Death) -> None:
        key = lease_key(death.document_id)
        mine = lease_owner(death.attempt, self._worker, death.pid).encode()
        held = self._bus.redis.get(key)
        if held == mine:
            self._bus.redis.delete(key)
        row = self._store.documents.get(death.document_id)
        if row.attempt != death.attempt or held not in (None, mine):
            return
        if row.status.final:
            self._tell(row)
        elif row.status is Status.QUEUED:
            self._send_first(row)
        elif row.cancel_requested:
            self._end(row, Status.CANCELLED)
        elif death.reason is not None:
            self._end(row, Status.FAILED, death.reason)
        else:
            self._lose(row, "its worker process died")

    def _lose(self, row: DocumentRow, cause: str) -> None:
        """Begin the next attempt, unless this document has killed enough."""
        if row.cancel_requested:
            self._end(row, Status.CANCELLED)
            return
        deaths = self._store.attempts.count_lost(row.id) + 1
        tries = row.attempt - row.first_attempt + 1
        most = int(
            self._run(row).settings.get("max_attempts", self._settings.max_attempts)
        )
        if deaths >= MAX_DEATHS or tries >= most:
            self._end(row, Status.FAILED, f"{cause} ({deaths} times on this document)")
            return
        error = f"{row.name}: {cause}"
        new = self._store.attempts.next_attempt(
            row.id, row.attempt, error=error, delay=0, lost=True, tries=most
        )
        if new is not None:
            log.warning("%s: %s: attempt %s follows", row.id, cause, new.attempt)
            self._tell(new)
            self._send_first(new)

    def _end(self, row: DocumentRow, status: Status, reason: str | None = None) -> None:
        """Bring a document to its end, and tell it."""
        newest = self._bus.newest([row.id]).get(row.id)
        seen = newest.progress if newest and newest.attempt == row.attempt else 0.0
        try:
            ended = self._store.attempts.finish(
                row.id,
                row.attempt,
                status,
                message="Cancelled" if reason is None else f"Failed during {row.step}",
                error=None if reason is None else f"{row.name}: {reason}",
                progress=max(seen, row.progress),
            )
        except Superseded:
            return
        self._tell(ended)

    def _missing_messages(self) -> None:
        """Send the documents whose message was lost.

        That is known where its level of its queue is empty, or holds only younger
        messages.  A look examines one page of what waits, and the next one goes on
        from there; those that seem lost are watched until they are, or are not.
        """
        suspects = [key[1] for key in self._seen if key[0] == "message"]
        found = (
            self._missing(self._store.documents.queued(ids=suspects))
            if suspects
            else {}
        )
        free = MAX_SUSPECTS - len(found)
        if free > 0:
            page = self._store.documents.queued(after=self._cursor, limit=PAGE_SIZE)
            missing = list(self._missing(page).items())
            found |= missing[:free]
            if len(missing) > free:
                self._cursor = missing[free - 1][1].position
            elif len(page) == PAGE_SIZE:
                self._cursor = page[-1].position
            else:
                self._begin_again()
        taken = self._broker.prefetched() if found else set()
        lost = []
        for row in self._lost("message", found, LOST_SECONDS):
            since = self._clock() - self._seen["message", row.id, row.attempt]
            if since >= PREFETCHED_SECONDS or not (taken is None or row.id in taken):
                lost.append(row)
        self._send(lost)
        for row in lost:
            key = (row.id, row.attempt)
            log.warning("%s had no message on its way: sent again", row.id)
            self._again[key] = Resent(self._clock(), time.time())
            self._met.add(key)
            del self._seen["message", row.id, row.attempt]

    def _missing(self, rows: Iterable[QueuedRow]) -> dict[tuple[str, int], QueuedRow]:
        """Those that nobody has, and whose level of their queue has no such message."""
        levels: dict[QueuedRow, list[str]] = {}

        def locate(row: QueuedRow) -> None:
            levels[row] = self._levels(row)

        self._each("document", self._understood(rows), locate)
        oldest = self._broker.oldest(
            {name for names in levels.values() for name in names}
        )
        missing = {}
        for row, names in levels.items():
            key = (row.id, row.attempt)
            since = row.updated_at.timestamp()
            if key in self._again:
                self._met.add(key)
                if self._clock() < self._again[key].at + RESENT_SECONDS:
                    continue
                since = max(since, self._again[key].sent_at)
            sent = (oldest[name] for name in names)
            if all(at is None or at > since + RESENT_SECONDS for at in sent):
                missing[key] = row
        held = owners(self._bus.redis, [row.id for row in missing.values()])
        return {key: row for key, row in missing.items() if held[row.id] is None}

    def _begin_again(self) -> None:
        """Begin with the first page again, and forget what waits no longer."""
        self._cursor = None
        self._again = {k: v for k, v in self._again.items() if k in self._met}
        self._met = set()

    def _uploads(self) -> None:
        """Cancel what can never arrive, because the process that had it is gone."""
        gone = {
            (run_id, 0): run_id
            for run_id in self._store.submissions.unfinished()
            if not self._submitting(run_id)
        }
        lost = self._lost("upload", gone, SUBMITTER_LOST_SECONDS)
        self._each("run", lost, self._give_up)

    def _give_up(self, run_id: str) -> None:
        """Cancel documents of a run that are still to come: as many as a look may."""
        if required_version(self._store.runs.get(run_id).settings) is not None:
            return
        count = 0
        while count < MAX_ABANDONED:
            rows = self._store.submissions.abandon(run_id, SUBMITTER_GONE)
            if not rows:
                break
            self._tell_all(rows)
            count += len(rows)
        if count:
            log.warning("run %s: %s documents were not handed in", run_id, count)

    def _submitting(self, run_id: str) -> bool:
        """Whether the process that stores a run's documents lives."""
        key = submitting_key(run_id)
        # No longer than it holds when it is renewed: a clock may have been set back.
        self._bus.redis.expire(key, SUBMITTING_SECONDS, lt=True)
        return bool(self._bus.redis.exists(key))

    def _ends(self) -> None:
        """Tell the ends whose worker died after the store knew and before Redis did."""
        client = self._bus.redis
        held = owners(client, leased_documents(client))
        free = [document_id for document_id, held_by in held.items() if held_by is None]
        rows = {row.id: row for row in self._store.documents.find(ids=free)}
        for document_id in free:
            if document_id not in rows:
                client.hdel(LEASED_DOCUMENTS, document_id)

        def settle(row: DocumentRow) -> None:
            if row.status.final:
                self._tell(row)
            client.hdel(LEASED_DOCUMENTS, row.id)

        ended = {
            (row.id, row.attempt): row
            for row in rows.values()
            if row.status is not Status.PROCESSING
        }
        self._each("document", self._lost("end", ended, LOST_SECONDS), settle)

    def _tell(self, row: DocumentRow) -> None:
        if self._settings.events_per_second:
            with suppress(Superseded):
                self._bus.publish(row.event())

    def _tell_all(self, rows: Sequence[DocumentRow]) -> None:
        if self._settings.events_per_second:
            self._bus.publish_all([row.event() for row in rows])

    def _tell_waiting(self, rows: Sequence[DocumentRow]) -> None:
        if self._settings.events_per_second:
            self._bus.publish_all([row.event() for row in rows], only_if_queued=True)

    def _send(self, rows: Iterable[DocumentRow | QueuedRow]) -> None:
        """Send each by itself: it may be what its worker died of."""
        messages = list(map(self._message, rows))
        if messages:
            self._sender.send(messages)

    def _send_first(self, row: DocumentRow) -> None:
        """Send a document that was begun: it is not to wait behind all others."""
        self._sender.send(recovered_messages(self._message(row)))

    def _message(self, row: DocumentRow | QueuedRow) -> Message:
        return Message(self._queue(row), [(row.id, row.attempt)], self._level(row))

    def _queue(self, row: DocumentRow | QueuedRow) -> str | None:
        return next_step(row, self._run(row)).queue

    def _levels(self, row: QueuedRow) -> list[str]:
        """The levels in one of which the message of a document has to be.

        Somebody who retries documents sends them by their place among these: it is at
        or before their usual level.
        """
        last = self._level(row)
        retried = row.attempt == row.first_attempt > 1
        levels = range(last + 1) if retried else [last]
        queue = self._queue(row)
        return [queue_name(queue, level) for level in levels]

    def _level(self, row: DocumentRow | QueuedRow) -> int:
        return fair_share.priority_level(
            row.number, self._run(row).settings.get("priority", 0)
        )

    def _run(self, row: DocumentRow | QueuedRow) -> RunRow:
        if row.run_id not in self._runs:
            if len(self._runs) >= CACHE_SIZE:
                self._runs.clear()
            self._runs[row.run_id] = self._store.runs.get(row.run_id)
        return self._runs[row.run_id]


class Periodic:
    """When work is due that is repeated: seldom, if it takes long.

    As a context, it gives whether the work is due, and measures how long it takes.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._due_at = float("-inf")

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether the work is due; within this block it is done."""
        began = self._clock()
        if began < self._due_at:
            yield False
            return
        try:
            yield True
        finally:
            ended = self._clock()
            pause = min((ended - began) * PAUSE_RATIO, MAX_TASK_PAUSE)
            self._due_at = max(began + self._seconds, ended + pause)
