"""Publish progress without slowing down or failing the work because of Redis.

While Redis is unreachable, only the newest event of each document is held, and a thread
sends it once Redis is back.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Protocol

from redis.exceptions import ResponseError

from docprogress.bus.bus import Bus
from docprogress.bus.fork_safety import renew_after_fork
from docprogress.errors import BusError, Superseded
from docprogress.events import ProgressEvent

log = logging.getLogger(__name__)

#: The first and the longest pause, in seconds, between attempts to send held events.
FIRST_PAUSE = 0.2
MAX_PAUSE = 2.0

#: The maximum number of documents that a log names one by one.
MAX_LOGGED = 100

#: Seconds between two checks whether everything is sent.
FLUSH_TICK = 0.02

#: Seconds, and events, after which the next event also reads the replies to earlier
#: ones, so that short steps never wait for them.
COLLECT_SECONDS = 0.05
COLLECT_EVENTS = 8


class Handover(Protocol):
    """Delivers events for publishers that have ended."""

    def keep(self, bus: Bus, events: dict[str, ProgressEvent]) -> None:
        """Take over events that Redis has not accepted yet."""

    def deliver(self, bus: Bus, document_id: str) -> None:
        """Publish now what was taken over for a document."""


class BufferedPublisher:
    """Publishes events, and holds the newest per document while Redis is unreachable.

    Args:
        bus: Where to publish.
        handover: Takes over held events when this publisher ends. None for a publisher
            that lasts as long as its process.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        handover: Handover | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._handover = handover
        self._publisher = bus.new_publisher()
        self._clock = clock
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        # Held while a held event is sent. Lock order: `_sending`, then `_lock`.
        self._sending = threading.Lock()
        self._held: dict[str, ProgressEvent] = {}
        self._sent: dict[str, ProgressEvent] = {}
        self._newest: dict[str, ProgressEvent] = {}
        self._superseded: dict[str, int] = {}
        self._forgotten: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._uncollected = 0
        self._collect_at = 0.0
        self._sender: threading.Thread | None = None
        self._wake = threading.Event()
        self._warned = False
        self._closed = False

    def after_fork(self) -> None:
        """Leave held events to the parent process."""
        self._begin()

    def publish(self, event: ProgressEvent) -> bool:
        """Publish an event, or hold it until that is possible.

        Only a final event waits for Redis's reply; see `publish_nowait`.

        Returns:
            Whether this attempt is to be cancelled, as far as is known.

        Raises:
            Superseded: A later attempt has begun, or this one has ended.
        """
        with self._lock:
            cancelled = self.publish_nowait(event)
            if event.final:
                self.collect()
                self._check(event)
        return cancelled

    def publish_nowait(self, event: ProgressEvent) -> bool:
        """Publish; the reply is read with later events, or by `collect`."""
        with self._lock:
            self._check(event)
            if self._held:
                # Redis is unreachable; the sender thread finds out when it is back.
                self._held[event.document_id] = event
                return False
            due = (
                event.document_id not in self._sent
                or self._uncollected >= COLLECT_EVENTS
                or self._clock() >= self._collect_at
            )
            try:
                cancelled = self._collect() if due else set()
                event = self._numbered(event)
                self._check(event)
                self._publisher.publish_nowait(event)
                self._sent[event.document_id] = event
                self._uncollected += 1
                self._forgotten.discard(event.document_id)
            except BusError as error:
                # Only the newest event of each document matters.
                self._hold({**self._sent, event.document_id: event}, error)
                return False
            return event.document_id in cancelled

    def collect(self) -> None:
        """Read the replies to sent events; hold the events if that fails."""
        with self._lock:
            try:
                self._collect()
            except BusError as error:
                self._hold(dict(self._sent), error)

    def newest(self, document_id: str) -> ProgressEvent | None:
        """The last event of an unfinished document that Redis has accepted."""
        with self._lock:
            self.collect()
            return self._newest.get(document_id)

    def flush(self, seconds: float) -> bool:
        """Wait until nothing is held any more; whether that was reached in time."""
        self.collect()
        deadline = self._clock() + seconds
        while self._held and self._clock() < deadline:
            self._wake.set()
            time.sleep(FLUSH_TICK)
        return not self._held

    def close(self, seconds: float = 2.0) -> None:
        """Send held events, within this many seconds, and stop.

        The log names documents whose final events are lost.
        """
        self.flush(seconds)
        self._stop()
        if self._sender is not None:
            self._sender.join()
        with self._lock:
            log_lost(self._held.values())

    def hand_over(self) -> None:
        """Stop at once; the `handover` sends held events in the background."""
        self.collect()
        self._stop()
        with self._lock:
            held = dict(self._held)
            self._held.clear()
        if held and self._handover is not None:
            self._handover.keep(self._bus, held)

    def hold(self, events: dict[str, ProgressEvent]) -> None:
        """Hold these events, and send them once Redis accepts them."""
        with self._lock:
            self._hold(events, None)

    def deliver(self, document_id: str) -> None:
        """Send the held event of a document now, if there is one.

        Raises:
            BusError: Redis does not accept it.
        """
        with self._lock:
            event = self._held.get(document_id)
        if event is not None:
            self._send_held(event)

    def held(self) -> list[ProgressEvent]:
        """The events that Redis has not accepted yet."""
        with self._lock:
            return list(self._held.values())

    def _stop(self) -> None:
        self._closed = True
        self._wake.set()
        self._publisher.close()

    def _numbered(self, event: ProgressEvent) -> ProgressEvent:
        """The event with an attempt: its own, or one more than the last that ended.

        Raises:
            BusError: Redis cannot be reached.
        """
        if event.attempt is not None:
            return event
        name = event.document_id
        if self._handover is None:
            return event.replace(attempt=_next_attempt(self._bus, name))
        if name not in self._attempts:
            # The final event of an earlier block comes first.
            self._handover.deliver(self._bus, name)
            self._attempts[name] = _next_attempt(self._bus, name)
        return event.replace(attempt=self._attempts[name])

    def _check(self, event: ProgressEvent) -> None:
        attempt = event.attempt or self._attempts.get(event.document_id, 1)
        if attempt <= self._superseded.get(event.document_id, 0):
            raise Superseded(event.document_id, attempt)

    def _collect(self) -> set[str]:
        """Read the replies to sent events; returns the documents to cancel."""
        cancelled = set()
        for reply in self._publisher.collect():
            if isinstance(reply, Superseded):
                self._superseded[reply.document_id] = reply.attempt
                continue
            self._record(reply.event)
            if reply.cancelled:
                cancelled.add(reply.event.document_id)
        self._sent.clear()
        self._uncollected = 0
        self._collect_at = self._clock() + COLLECT_SECONDS
        for document_id in self._forgotten:
            self._newest.pop(document_id, None)
            self._superseded.pop(document_id, None)
        self._forgotten.clear()
        return cancelled

    def _hold(self, events: dict[str, ProgressEvent], error: BusError | None) -> None:
        self._sent.clear()
        if not events:
            return
        if error is not None and not self._warned:
            self._warned = True
            log.warning("progress is held until Redis is reachable again: %s", error)
        self._held |= events
        if self._sender is None or not self._sender.is_alive():
            self._sender = threading.Thread(
                target=self._send, name="docprogress-publisher", daemon=True
            )
            self._sender.start()

    def _send(self) -> None:
        """Send held events as soon as Redis accepts them."""
        pause = FIRST_PAUSE
        while not self._closed:
            self._wake.wait(pause)
            self._wake.clear()
            pause = min(pause * 2, MAX_PAUSE)
            # Final events last: a run has not ended before what was found in a document
            # is known.
            for event in sorted(self.held(), key=attrgetter("final")):
                try:
                    self._send_held(event)
                except BusError as error:
                    if not isinstance(error.__cause__, ResponseError):
                        break
                    # Redis rejects this event; the others need not wait for it.
                except Exception:
                    log.exception(
                        "an event of %s could not be published", event.document_id
                    )
            with self._lock:
                if not self._held:
                    self._warned = False
                    self._sender = None
                    return

    def _send_held(self, event: ProgressEvent) -> None:
        """Publish a held event, while the work may hold a newer one.

        Raises:
            BusError: Redis does not accept it.
        """
        with self._sending:
            name = event.document_id
            if event.attempt is None:
                numbered = self._numbered(event)
                with self._lock:
                    if self._held.get(name) is event:
                        self._held[name] = numbered
                event = numbered
            with self._lock:
                if self._held.get(name) is not event:
                    return  # sent in the meantime, or replaced by a newer one
            try:
                published = self._bus.publish(event).event
            except Superseded:
                published = None
            with self._lock:
                if self._held.get(name) is event:
                    del self._held[name]
                if published is None:
                    self._superseded[name] = event.attempt or 1
                    self._attempts.pop(name, None)
                else:
                    self._record(published)

    def _record(self, event: ProgressEvent) -> None:
        if event.final:
            self._newest.pop(event.document_id, None)
            self._superseded.pop(event.document_id, None)
            self._attempts.pop(event.document_id, None)
        else:
            self._newest[event.document_id] = event

    def forget(self, document_id: str) -> None:
        """Forget a document once the replies to its events are read."""
        with self._lock:
            self._forgotten.add(document_id)


def log_lost(events: Iterable[ProgressEvent]) -> None:
    """Log the documents whose final events were never published."""
    ends = [event for event in events if event.final]
    for event in ends[:MAX_LOGGED]:
        log.error(
            "lost the final event of document %s (%s: %s): Redis did not accept it "
            "before this process ended",
            event.document_id,
            event.status,
            event.error or event.message,
        )
    if len(ends) > MAX_LOGGED:
        log.error("lost the final events of %s more documents", len(ends) - MAX_LOGGED)


def _next_attempt(bus: Bus, document_id: str) -> int:
    """The attempt that is running, or the one after the last that ended.

    Raises:
        BusError: Redis cannot be reached.
    """
    newest = bus.newest([document_id]).get(document_id)
    if newest is None or newest.position is None:
        return 1
    return newest.position[0] + (1 if newest.final else 0)
