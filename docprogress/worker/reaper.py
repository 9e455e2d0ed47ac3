"""Finds what was lost, and sends it again.

The store says what has to be done; a document that nobody works on and that has no
message on its way is sent again.  One worker at a time looks, and nothing here
depends on a clock that may jump: a thing counts as lost once it was seen so for
long enough, on this process's own monotonic clock.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from redis.exceptions import RedisError

from docprogress.bus import Bus
from docprogress.errors import DocProgressError, RunNotFound, Superseded
from docprogress.events import Status
from docprogress.lease import LEASED, lease_key, leased, owners
from docprogress.pipeline import HANDED_BACK, LONGEST_DELAY
from docprogress.settings import Settings, redacted
from docprogress.store import DocumentRow, RunRow, Store
from docprogress.store.schema import HEAD
from docprogress.worker import turns
from docprogress.worker.app import (
    SUBMITTING_SECONDS,
    Message,
    Sender,
    queue_name,
    submitting_key,
)
from docprogress.worker.broker import broker_of
from docprogress.worker.child import next_step, owner
from docprogress.worker.protocol import PROTOCOL, newer
from docprogress.worker.queues import SUBMITTER_GONE, say_unserved, serve

log = logging.getLogger(__name__)

#: Seconds between two looks.
LOOK_SECONDS = 1.0

#: How many times as long as a look takes the next one is waited for, at the least:
#: what waits may be very much.
PAUSES = 10

#: Seconds that a document must be seen without a lease, or without a message,
#: before it counts as lost.  More than it takes a worker to take its lease again
#: after Redis came back empty.
LOST_SECONDS = 6.0

#: Seconds after which a message that a worker has taken is not waited for any
#: longer.  More than it takes the broker to give it to another one.
TAKEN_SECONDS = 30.0

#: Seconds after which a message that was sent again is not waited for any longer.
AGAIN_SECONDS = 60.0

#: Seconds between two looks whether the tables are still those of this version.
TABLES_SECONDS = 5.0

#: Seconds between two looks whether each queue is served.
QUEUES_SECONDS = 5.0

#: Seconds between two looks for runs whose submitting process is gone, and for which
#: it must be gone: more than it takes to say again that it lives, in a Redis that
#: came back empty.
UPLOADS_SECONDS = 5.0
UPLOADS_LOST_SECONDS = 10.0

#: How often a worker may die of a document before the document has failed.
DEATHS = 3

#: Who looks, among the workers of a protocol: the key, and seconds for which it holds.
REAPER = f"documents:reaper:{PROTOCOL}"
REAPER_SECONDS = 5


class Death(NamedTuple):
    """A worker process that died and had this document, begun or not."""

    document_id: str
    attempt: int
    pid: int
    #: The limit that it broke, if it was killed for that.
    reason: str | None


class Reaper:
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
        self._queues_at = self._tables_at = self._uploads_at = float("-inf")
        # The runs whose submitting process is gone, and since when.
        self._gone: dict[str, float] = {}
        self._took = 0.0
        self._clock = clock
        self._store = Store(settings.database, busy_seconds=2.0)
        self._bus = Bus(
            settings.redis_url or "", remember_seconds=settings.remember_seconds
        )
        self._broker = broker_of(settings, self._bus, sender)
        self._deaths: queue.SimpleQueue[Death | None] = queue.SimpleQueue()
        self._seen: dict[tuple[str, str, int], float] = {}
        self._dead: list[Death] = []
        self._runs: dict[str, RunRow] = {}
        self._fork = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        os.register_at_fork(
            before=self._fork.acquire,
            after_in_parent=self._fork.release,
            after_in_child=self._fork.release,
        )
        self._thread = threading.Thread(
            target=self._watch, name="docprogress-reaper", daemon=True
        )
        self._thread.start()

    def close(self, seconds: float | None = None) -> None:
        """Look no more, and hand back what this worker's processes have not finished.

        They are to have ended before that.  It may take so many seconds.
        """
        self._closed = True
        self._deaths.put(None)
        if self._thread is not None:
            self._thread.join(seconds)

    def died(self, death: Death) -> None:
        """A process of this worker died: its document need not wait."""
        self._deaths.put(death)

    def begun(self, queue: str, sent_at: float) -> None:
        """A process of this worker has begun a message of this queue."""
        self._broker.note(queue, sent_at)

    def look(self) -> None:
        """Look once, and send again what is lost.

        Raises:
            DocProgressError: The store or Redis cannot be reached.
        """
        while self._dead:
            self._bury(self._dead[0])
            self._dead.pop(0)
        self._broker.tell()
        serve(self._bus.redis, self._queues)
        if self._clock() >= self._tables_at + TABLES_SECONDS:
            self._check_tables()
            self._tables_at = self._clock()
        if not self._leading():
            self._seen.clear()
            self._gone.clear()
            return
        processing = self._understood(self._store.processing())
        queued = self._understood(self._store.queued())
        held = owners(self._bus.redis, [row.id for row in (*processing, *queued)])
        free = [row for row in processing if held[row.id] is None]
        waiting = [row for row in queued if held[row.id] is None]
        self._send_due(waiting)
        for row in self._lost("lease", free, LOST_SECONDS):
            self._lose(row, "its worker was lost")
        self._send_again([row for row in waiting if row.due_at is None])
        self._give_up_uploads()
        self._tell_ends()
        asked = {row.id: row.attempt for row in processing if row.cancel_requested}
        if asked:
            self._bus.ask_to_cancel(asked)
        if self._clock() >= self._queues_at + QUEUES_SECONDS:
            say_unserved(self._store, self._bus.redis, self._tell_waiting)
            self._queues_at = self._clock()

    def _understood(self, rows: Iterable[DocumentRow]) -> list[DocumentRow]:
        """Those that are not to be left to a later version."""
        return [row for row in rows if newer(self._run(row).settings) is None]

    def _check_tables(self) -> None:
        """Stop where a later version has changed the tables under this worker."""
        if self._store.version() != HEAD:
            log.error(
                "a later docprogress has changed the tables of the database: this "
                "worker stops; upgrade it"
            )
            os.kill(os.getpid(), signal.SIGTERM)

    def _watch(self) -> None:
        while self._waited():
            with self._fork:
                try:
                    self._store.open()
                    began = self._clock()
                    self.look()
                    self._took = self._clock() - began
                except (DocProgressError, RedisError) as error:
                    # What was seen before an outage says nothing after it.
                    self._seen.clear()
                    log.warning(
                        "cannot look for lost documents: %s", redacted(str(error))
                    )
        with self._fork:
            try:
                self._hand_back()
            except (DocProgressError, RedisError) as error:
                log.warning("nothing is handed back: %s", redacted(str(error)))
            self._store.close()
            self._broker.close()
            self._bus.close()

    def _waited(self) -> bool:
        """Wait for the next look, or a death; whether to go on."""
        with suppress(queue.Empty):
            pause = max(LOOK_SECONDS, self._took * PAUSES)
            death = self._deaths.get(timeout=pause)
            if death is not None:
                self._dead.append(death)
        return not self._closed

    def _leading(self) -> bool:
        """Whether it is this worker that looks."""
        client, milliseconds = self._bus.redis, REAPER_SECONDS * 1000
        if client.set(REAPER, self._worker, nx=True, px=milliseconds):
            return True
        mine = client.get(REAPER) == self._worker.encode()
        # Of another's, only what is more than it ever was: a clock was set back.
        client.pexpire(REAPER, milliseconds, lt=not mine)
        return mine

    def _hand_back(self) -> None:
        """Leave to others what was killed at work, at no attempt's cost."""
        mine = [row for row in self._store.processing() if row.worker == self._worker]
        client = self._bus.redis
        held = owners(client, [row.id for row in mine])
        for row in mine:
            holder = held[row.id]
            if holder is not None and f":{self._worker}:" not in holder:
                continue
            if row.cancel_requested:
                self._end(row, Status.CANCELLED)
                continue
            newest = self._bus.newest([row.id]).get(row.id)
            seen = newest.progress if newest and newest.attempt == row.attempt else 0.0
            with suppress(Superseded):
                self._store.progress(
                    row.id,
                    row.attempt,
                    progress=max(seen, row.progress),
                    step=row.step,
                    message=HANDED_BACK,
                )
                back = self._store.hand_over(row.id, row.attempt, message=HANDED_BACK)
                client.delete(lease_key(row.id))
                client.hdel(LEASED, row.id)
                self._tell(back)
                self._send([back])
        if client.get(REAPER) == self._worker.encode():
            client.delete(REAPER)

    def _lost(
        self, what: str, rows: Iterable[DocumentRow], seconds: float | None = None
    ) -> list[DocumentRow]:
        """Those of the rows that have been seen like this for so long."""
        current = {(what, row.id, row.attempt): row for row in rows}
        known = {key: since for key, since in self._seen.items() if key[0] == what}
        for key in known.keys() - current.keys():
            del self._seen[key]
        moment = self._clock()
        return [
            row
            for key, row in current.items()
            if moment - self._seen.setdefault(key, moment) >= (seconds or 0)
        ]

    def _bury(self, death: Death) -> None:
        """Go on after a process of this worker died over a document."""
        key = lease_key(death.document_id)
        mine = owner(death.attempt, self._worker, death.pid).encode()
        held = self._bus.redis.get(key)
        if held == mine:
            self._bus.redis.delete(key)
        row = self._store.document(death.document_id)
        if row.attempt != death.attempt or held not in (None, mine):
            return
        if row.status.final:
            self._tell(row)
        elif row.status is Status.QUEUED:
            self._send([row])
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
        deaths = self._store.lost_attempts(row.id) + 1
        tries = row.attempt - row.first_attempt + 1
        most = int(
            self._run(row).settings.get("max_attempts", self._settings.max_attempts)
        )
        if deaths >= DEATHS or tries >= most:
            self._end(row, Status.FAILED, f"{cause} ({deaths} times on this document)")
            return
        error = f"{row.name}: {cause}"
        new = self._store.next_attempt(
            row.id, row.attempt, error=error, delay=0, lost=True, tries=most
        )
        if new is not None:
            log.warning("%s: %s: attempt %s follows", row.id, cause, new.attempt)
            self._tell(new)
            self._send([new])

    def _end(self, row: DocumentRow, status: Status, reason: str | None = None) -> None:
        """Bring a document to its end, and tell it."""
        newest = self._bus.newest([row.id]).get(row.id)
        seen = newest.progress if newest and newest.attempt == row.attempt else 0.0
        try:
            ended = self._store.finish(
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

    def _send_due(self, rows: Iterable[DocumentRow]) -> None:
        """Send what has waited long enough for its next attempt."""
        due = [row for row in rows if row.due_at is not None and not _early(row.due_at)]
        self._send([row for row in due if self._store.take_due(row.id, row.attempt)])

    def _send_again(self, rows: list[DocumentRow]) -> None:
        """Send the documents whose message was lost.

        That is known where the queue is empty, or holds only younger messages.
        """
        if not rows:
            self._lost("message", [])
            return
        oldest = {
            name: self._broker.oldest(queue_name(name))
            for name in {self._queue(row) for row in rows}
        }
        taken = self._broker.taken()
        lost = []
        for row in self._lost("message", rows, LOST_SECONDS):
            since = self._clock() - self._seen["message", row.id, row.attempt]
            sent = oldest[self._queue(row)]
            behind = (
                sent is not None and sent <= row.updated_at.timestamp() + AGAIN_SECONDS
            )
            has = taken is None or row.id in taken
            if behind or (has and since < TAKEN_SECONDS):
                continue
            lost.append(row)
        for row in lost:
            log.warning("%s had no message on its way: sent again", row.id)
            # Not before a while: its new message may have to wait, too.
            self._seen["message", row.id, row.attempt] = self._clock() + AGAIN_SECONDS
        self._send(lost)

    def _give_up_uploads(self) -> None:
        """Cancel what can never arrive, because the process that had it is gone."""
        if self._clock() < self._uploads_at + UPLOADS_SECONDS:
            return
        gone = {
            run_id
            for run_id in self._store.being_submitted()
            if not self._submitting(run_id)
        }
        moment = self._clock()
        self._gone = {run_id: self._gone.get(run_id, moment) for run_id in gone}
        more = False
        for run_id, since in self._gone.items():
            if moment - since < UPLOADS_LOST_SECONDS or self._is_newer(run_id):
                continue
            rows = self._store.give_up_submission(run_id, SUBMITTER_GONE)
            if rows:
                count = len(rows)
                log.warning("run %s: %s documents were not handed in", run_id, count)
                self._tell_all(rows)
                more = True
        if not more:
            self._uploads_at = moment

    def _is_newer(self, run_id: str) -> bool:
        """Whether a run is to be left to a later version."""
        try:
            return newer(self._store.run(run_id).settings) is not None
        except RunNotFound:
            return True  # deleted meanwhile

    def _submitting(self, run_id: str) -> bool:
        """Whether the process that stores a run's documents lives."""
        key = submitting_key(run_id)
        # No longer than it holds when it is renewed: a clock may have been set back.
        self._bus.redis.expire(key, SUBMITTING_SECONDS, lt=True)
        return bool(self._bus.redis.exists(key))

    def _tell_ends(self) -> None:
        """Tell the ends whose worker died after the store knew and before Redis did."""
        client = self._bus.redis
        held = owners(client, leased(client))
        free = [document_id for document_id, held_by in held.items() if held_by is None]
        rows = {row.id: row for row in self._store.documents(ids=free)}
        for document_id in free:
            if document_id not in rows:
                client.hdel(LEASED, document_id)
        for row in self._lost("end", rows.values(), LOST_SECONDS):
            if row.status is Status.PROCESSING:
                continue
            if row.status.final:
                self._tell(row)
            client.hdel(LEASED, row.id)

    def _tell(self, row: DocumentRow) -> None:
        if self._settings.events_per_second:
            with suppress(Superseded):
                self._bus.publish(row.event())

    def _tell_all(self, rows: Sequence[DocumentRow]) -> None:
        if self._settings.events_per_second:
            self._bus.publish_all([row.event() for row in rows])

    def _tell_waiting(self, rows: Sequence[DocumentRow]) -> None:
        if self._settings.events_per_second:
            self._bus.publish_all([row.event() for row in rows], waiting=True)

    def _send(self, rows: Iterable[DocumentRow]) -> None:
        """Send each by itself: it may be what its worker died of."""
        messages = [
            Message(self._queue(row), [(row.id, row.attempt)], self._level(row))
            for row in rows
        ]
        if messages:
            self._sender.send(messages)

    def _queue(self, row: DocumentRow) -> str | None:
        return next_step(row, self._run(row)).queue

    def _level(self, row: DocumentRow) -> int:
        return turns.level(row.number, self._run(row).settings.get("priority", 0))

    def _run(self, row: DocumentRow) -> RunRow:
        if row.run_id not in self._runs:
            self._runs[row.run_id] = self._store.run(row.run_id)
        return self._runs[row.run_id]


def _early(due_at: float) -> bool:
    """Whether the moment is still to come, on a clock that may have been set back."""
    return 0 < due_at - time.time() <= LONGEST_DELAY
