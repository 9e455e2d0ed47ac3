"""How work tells its progress without being hurt by the telling.

A `Publisher` never raises because Redis is away and never waits for it for
long; a `StepProgress` counts, and tells no more often than anybody can look.
"""

import atexit
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from operator import length_hint
from typing import Any, Self, TypeVar

from redis.exceptions import ResponseError

from docprogress.bus.bus import Bus
from docprogress.bus.fork_safety import renew_after_fork
from docprogress.errors import BusError, Cancelled, SettingsError, Superseded
from docprogress.events import MAX_UNFINISHED_PROGRESS, ProgressEvent, Status, now
from docprogress.settings import load

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Events a second and document, unless the settings say otherwise.
EVENTS_PER_SECOND = 20.0

#: Seconds between two tries to send what is held back: the first and the longest.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0

#: Seconds for which the end of a process waits until Redis has what is kept for it.
EXIT_SECONDS = 5.0

#: The most documents of which a log names each.
MOST_NAMED = 100

#: Seconds between two looks whether everything is out.
FLUSH_TICK = 0.02

#: Seconds, and events, after which Redis's word on what was posted is heard with what
#: follows: steps that take moments do not wait for it in between.
HEARD_SECONDS = 0.05
HEARD_EVENTS = 8


class Publisher:
    """Publishes events, and holds the newest of each document while Redis is away.

    Args:
        bus: Where to publish.
        keeps: Whether it has what other publishers left, rather than come after them.
        clock: Seconds, from any start.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        keeps: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._keeps = keeps
        # Other publishers on the same bus read the answers to their own events.
        self._writer = bus.new_publisher()
        self._clock = clock
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        # Held while something of what is held back is sent; taken before the other.
        self._sending = threading.Lock()
        self._held: dict[str, ProgressEvent] = {}
        self._posted: dict[str, ProgressEvent] = {}
        self._newest: dict[str, ProgressEvent] = {}
        self._superseded: dict[str, int] = {}
        self._forgotten: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._unheard = 0
        self._hear_at = 0.0
        self._sender: threading.Thread | None = None
        self._wake = threading.Event()
        self._warned = False
        self._closed = False

    def after_fork(self) -> None:
        """Leave what is held back to the parent process."""
        self._begin()

    def publish(self, event: ProgressEvent) -> bool:
        """Publish, or hold the event back until that is possible.

        Only of a final event it waits for Redis's word: see `post`.

        Returns:
            Whether somebody asked for this attempt to be cancelled, as far as
            is known.

        Raises:
            Superseded: A later attempt has begun, or this one has ended.
        """
        with self._lock:
            cancelled = self.post(event)
            if event.final:
                self.hear()
                self._check(event)
        return cancelled

    def post(self, event: ProgressEvent) -> bool:
        """As `publish`, but Redis's word is heard with what follows, or by `hear`."""
        with self._lock:
            self._check(event)
            if self._held:
                # Redis is away; the sender finds out when it is back.
                self._held[event.document_id] = event
                return False
            due = (
                event.document_id not in self._posted
                or self._unheard >= HEARD_EVENTS
                or self._clock() >= self._hear_at
            )
            try:
                cancelled = self._settle() if due else set()
                event = self._numbered(event)
                self._check(event)
                self._writer.publish_nowait(event)
                self._posted[event.document_id] = event
                self._unheard += 1
                self._forgotten.discard(event.document_id)
            except BusError as error:
                # The newest of each document is all that has to be told.
                self._hold({**self._posted, event.document_id: event}, error)
                return False
            return event.document_id in cancelled

    def hear(self) -> None:
        """Hear what Redis said to what was posted, or hold it back."""
        with self._lock:
            try:
                self._settle()
            except BusError as error:
                self._hold(dict(self._posted), error)

    def newest(self, document_id: str) -> ProgressEvent | None:
        """The last event of an unfinished document that Redis has taken."""
        with self._lock:
            self.hear()
            return self._newest.get(document_id)

    def flush(self, seconds: float) -> bool:
        """Wait for everything that is held back to be out; whether it is."""
        self.hear()
        deadline = self._clock() + seconds
        while self._held and self._clock() < deadline:
            self._wake.set()
            time.sleep(FLUSH_TICK)
        return not self._held

    def close(self, seconds: float = 2.0) -> None:
        """Send what is held back, if that takes no longer than this, and stop.

        Ends that are lost are named in the log.
        """
        self.flush(seconds)
        self._stop()
        if self._sender is not None:
            self._sender.join()
        with self._lock:
            _log_lost(self._held.values())

    def leave(self) -> None:
        """Stop at once: this process goes on sending what is held back."""
        self.hear()
        self._stop()
        with self._lock:
            held = dict(self._held)
            self._held.clear()
        if held:
            _kept.keep(self._bus, held)

    def keep(self, events: dict[str, ProgressEvent]) -> None:
        """Hold these back, and send them once Redis takes them."""
        with self._lock:
            self._hold(events, None)

    def deliver(self, document_id: str) -> None:
        """Send what is held back of a document, if anything is, now.

        Raises:
            BusError: Redis does not take it.
        """
        with self._lock:
            event = self._held.get(document_id)
        if event is not None:
            self._send_held(event)

    def held(self) -> list[ProgressEvent]:
        """What Redis has not accepted yet."""
        with self._lock:
            return list(self._held.values())

    def _stop(self) -> None:
        self._closed = True
        self._wake.set()
        self._writer.close()

    def _numbered(self, event: ProgressEvent) -> ProgressEvent:
        """The event with its attempt: without one, the next after the last that ended.

        Raises:
            BusError: That has to be asked, and Redis cannot be reached.
        """
        if event.attempt is not None:
            return event
        name = event.document_id
        if self._keeps:
            return event.replace(attempt=_next_attempt(self._bus, name))
        if name not in self._attempts:
            # An end that an earlier block left comes first.
            _kept.deliver(self._bus, name)
            self._attempts[name] = _next_attempt(self._bus, name)
        return event.replace(attempt=self._attempts[name])

    def _check(self, event: ProgressEvent) -> None:
        attempt = event.attempt or self._attempts.get(event.document_id, 1)
        if attempt <= self._superseded.get(event.document_id, 0):
            raise Superseded(event.document_id, attempt)

    def _settle(self) -> set[str]:
        """Hear what Redis said to what was posted; which documents to cancel."""
        cancelled = set()
        while True:
            try:
                for published in self._writer.collect():
                    self._remember(published.event)
                    if published.cancelled:
                        cancelled.add(published.event.document_id)
                break
            except Superseded as error:
                # The answers to what was posted after it are still to be read.
                self._superseded[error.document_id] = error.attempt
        self._posted.clear()
        self._unheard = 0
        self._hear_at = self._clock() + HEARD_SECONDS
        for document_id in self._forgotten:
            self._newest.pop(document_id, None)
            self._superseded.pop(document_id, None)
        self._forgotten.clear()
        return cancelled

    def _hold(self, events: dict[str, ProgressEvent], error: BusError | None) -> None:
        self._posted.clear()
        if not events:
            return
        if error is not None and not self._warned:
            self._warned = True
            log.warning("progress is held back until Redis is there again: %s", error)
        self._held |= events
        if self._sender is None or not self._sender.is_alive():
            self._sender = threading.Thread(
                target=self._send, name="docprogress-publisher", daemon=True
            )
            self._sender.start()

    def _send(self) -> None:
        """Send what is held back as soon as Redis takes it."""
        pause = FIRST_PAUSE
        while not self._closed:
            self._wake.wait(pause)
            self._wake.clear()
            pause = min(pause * 2, LONGEST_PAUSE)
            for event in self.held():
                try:
                    self._send_held(event)
                except BusError as error:
                    if not isinstance(error.__cause__, ResponseError):
                        break
                    # It is this one that Redis refuses: the others do not wait for it.
                except Exception:
                    log.exception("an event of %s cannot be sent", event.document_id)
            with self._lock:
                if not self._held:
                    self._warned = False
                    self._sender = None
                    return

    def _send_held(self, event: ProgressEvent) -> None:
        """Publish what was held back, while the work may hold back something newer.

        Raises:
            BusError: Redis does not take it.
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
                    return  # sent meanwhile, or there is something newer
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
                    self._remember(published)

    def _remember(self, event: ProgressEvent) -> None:
        if event.final:
            self._newest.pop(event.document_id, None)
            self._superseded.pop(event.document_id, None)
            self._attempts.pop(event.document_id, None)
        else:
            self._newest[event.document_id] = event

    def forget(self, document_id: str) -> None:
        """Drop what is known of a document, once the last of it was heard."""
        with self._lock:
            self._forgotten.add(document_id)


class _Kept:
    """What blocks that have ended left to be sent, for the rest of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # For each Redis, one publisher with a bus of its own.
        self._publishers: dict[Bus, Publisher] = {}
        self._hooked = False
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Leave what is kept to the parent process."""
        self._lock = threading.Lock()
        self._publishers = {}
        self._hooked = False

    def keep(self, bus: Bus, events: dict[str, ProgressEvent]) -> None:
        """Send these once the Redis of `bus` takes them, newest of each document."""
        with self._lock:
            publisher = self._of(bus)
            if publisher is None:
                own = bus.clone()
                publisher = self._publishers[own] = Publisher(own, keeps=True)
            if not self._hooked:
                self._hooked = True
                _at_end_of_process(self.flush)
            publisher.keep(events)
        ends = [event for event in events.values() if event.final]
        for event in ends[:MOST_NAMED]:
            log.warning(
                "the end of document %s (%s) is kept until Redis takes it",
                event.document_id,
                event.status,
            )
        if len(ends) > MOST_NAMED:
            log.warning("so are those of %s more documents", len(ends) - MOST_NAMED)

    def deliver(self, bus: Bus, document_id: str) -> None:
        """Send what is kept of a document before anything newer is.

        Raises:
            BusError: Redis does not take it.
        """
        with self._lock:
            publisher = self._of(bus)
        if publisher is not None:
            publisher.deliver(document_id)

    def flush(self, seconds: float | None = None) -> None:
        """Wait a while for Redis to take everything; the log names what is lost."""
        deadline = time.monotonic() + (EXIT_SECONDS if seconds is None else seconds)
        with self._lock:
            publishers, self._publishers = self._publishers, {}
            self._hooked = False
        for bus, publisher in publishers.items():
            publisher.close(max(deadline - time.monotonic(), 0.0))
            bus.close()

    def _of(self, bus: Bus) -> Publisher | None:
        found = (one for own, one in self._publishers.items() if own.is_equivalent(bus))
        return next(found, None)


_kept = _Kept()


def publish_later(bus: Bus, events: Iterable[ProgressEvent]) -> None:
    """Publish the ends among these events once Redis takes them."""
    ends = {event.document_id: event for event in events if event.final}
    if ends:
        _kept.keep(bus, ends)


def _at_end_of_process(flush: Callable[[], None]) -> None:
    """Have this called when this process ends, whichever way it does so in order.

    Children of `multiprocessing` leave without the interpreter's own end, and the
    processes of Celery's pool without either: they send a signal.
    """
    from multiprocessing.util import Finalize

    atexit.register(flush)
    Finalize(None, flush, exitpriority=100)
    if "celery" in sys.modules:
        from celery.signals import worker_process_shutdown

        worker_process_shutdown.connect(lambda **_: flush(), weak=False)


def _log_lost(events: Iterable[ProgressEvent]) -> None:
    ends = [event for event in events if event.final]
    for event in ends[:MOST_NAMED]:
        log.error(
            "lost the end of document %s (%s: %s): Redis did not take it before this "
            "process ended",
            event.document_id,
            event.status,
            event.error or event.message,
        )
    if len(ends) > MOST_NAMED:
        log.error("lost the ends of %s more documents", len(ends) - MOST_NAMED)


class StepProgress:
    """Counts within one step of one document, and tells it.

    Args:
        publish: Takes an event, and says whether to stop.
        event: What does not change: the document, the run, the attempt, …
        step: The step's name.
        total: How many there are to count; None if that is not known yet.
        unit: What is counted.
        span: The step's share of the document's progress, in percent.
        verb: What the message says is being done.
        per_second: How often it is told at most; 0 tells nothing but boundaries.
    """

    def __init__(
        self,
        publish: Callable[[ProgressEvent], bool],
        event: ProgressEvent,
        *,
        step: str,
        total: int | None = None,
        unit: str | None = None,
        span: tuple[float, float] = (0.0, 100.0),
        verb: str | None = None,
        per_second: float = EVENTS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._event = event
        self._verb = verb or step
        self._span = span
        self._interval = 1 / per_second if per_second else float("inf")
        self._clock = clock
        self._due = clock()
        self._message: str | None = None
        self.step = step
        self.unit = unit
        self.total = total
        self.current = 0

    @property
    def progress(self) -> float:
        """The document's progress, in percent, short of 100."""
        low, high = self._span
        part = min(self.current / self.total, 1.0) if self.total else 0.0
        return min(
            max(low + (high - low) * part, self._event.progress),
            MAX_UNFINISHED_PROGRESS,
        )

    @property
    def message(self) -> str:
        """What is being done, for a person."""
        if self._message is not None:
            return self._message
        unit = self.unit or "item"
        if self.total is not None and self.current:
            return (
                f"{self._verb} {unit} {min(self.current, self.total)} of {self.total}"
            )
        if self.current:
            return f"{self._verb}: {self.current} {unit}{'s' * (self.current != 1)}"
        return self._verb

    def advance(self, count: int = 1, *, message: str | None = None) -> None:
        """Count `count` more as done.

        Raises:
            Cancelled: Somebody asked for that.
            Superseded: Another attempt works on this document now.
        """
        self.update(self.current + count, message=message)

    def update(
        self,
        current: int | None = None,
        *,
        total: int | None = None,
        message: str | None = None,
    ) -> None:
        """Say how many are done, out of how many, or what is being done.

        Raises:
            Cancelled: Somebody asked for that.
            Superseded: Another attempt works on this document now.
        """
        if current is not None:
            self.current = max(current, self.current)
        if total is not None:
            self.total = total
        if message is not None:
            self._message = message
        if self._clock() >= self._due:
            self.tell()

    def track(self, items: Iterable[T], *, total: int | None = None) -> Iterator[T]:
        """Hand the items on, and count each one when the next is asked for."""
        if total is None and self.total is None:
            total = length_hint(items, 0) or None
        if total is not None:
            self.total = total
        for item in items:
            yield item
            self.advance()

    def tell(self) -> None:
        """Publish where the document stands, however long ago the last time was.

        Raises:
            Cancelled: Somebody asked for that.
            Superseded: Another attempt works on this document now.
        """
        self._due = self._clock() + self._interval
        self._event = self._event.replace(
            status=Status.PROCESSING,
            step=self.step,
            progress=self.progress,
            message=self.message,
            timestamp=now(),
            current=self.current if self.total is not None or self.current else None,
            total=self.total,
            unit=self.unit,
        )
        if self._publish(self._event):
            raise Cancelled(self._event.document_id)

    def __enter__(self) -> Self:
        self.tell()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing: what follows a step tells that it is over."""


@contextmanager
def report(
    document_id: str,
    *,
    step: str,
    total: int | None = None,
    unit: str | None = None,
    name: str | None = None,
    span: tuple[float, float] = (0.0, 100.0),
    attempt: int | None = None,
    bus: Bus | None = None,
    redis_url: str | None = None,
    per_second: float = EVENTS_PER_SECOND,
    **fields: Any,
) -> Iterator[StepProgress]:
    """Report the progress of any work on a document, in any process.

    ::

        with report("contract-7", step="ocr", total=len(pages)) as progress:
            for page in progress.track(pages):
                ...

    The document is completed when the block ends, failed when it raises, with
    the exception as its error. If Redis is away, the work goes on, and the newest
    event is published once Redis is back: also after the block, as long as the
    process lives. A process that ends waits for that for some seconds, and logs
    which documents' ends were lost.

    Args:
        document_id: Any id; whoever watches it sees the report.
        step: What is being done: `ocr`.
        total: How many there are to count.
        unit: What is counted: `page`.
        name: The file's name.
        span: The share of the whole document's progress that this step has;
            one that ends below 100 leaves the document unfinished.
        attempt: Counted from 1. None: one more than the last one that ended.
        bus: Where to publish. None: the Redis of `redis_url`, or of the
            environment's `DOCPROGRESS_REDIS_URL`.
        redis_url: Where to publish, if no `bus` is given.
        per_second: How often, at most, it is told.
        fields: More fields of the event, such as `run_id` and `case_id`.

    Raises:
        SettingsError: There is neither a bus nor a Redis to publish on.
        Cancelled: Somebody asked for that.
        Superseded: A later attempt has begun.
    """
    used = bus or Bus(_redis_url(redis_url))
    publisher = Publisher(used)
    start = ProgressEvent(
        document_id=document_id,
        status=Status.PROCESSING,
        step=step,
        progress=min(span[0], MAX_UNFINISHED_PROGRESS),
        message=step,
        timestamp=now(),
        name=name,
        attempt=attempt,
        **fields,
    )
    progress = StepProgress(
        publisher.publish,
        start,
        step=step,
        total=total,
        unit=unit,
        span=span,
        per_second=per_second,
    )
    try:
        yield from _reported(publisher, start, progress, completes=span[1] >= 100)  # noqa: PLR2004
    finally:
        publisher.leave()
        if bus is None:
            used.close()


def _reported(
    publisher: Publisher,
    start: ProgressEvent,
    progress: StepProgress,
    *,
    completes: bool,
) -> Iterator[StepProgress]:
    def end(status: Status, message: str, error: str | None = None) -> None:
        publisher.publish(
            start.replace(
                status=status,
                progress=100.0 if status is Status.COMPLETED else progress.progress,
                message=message,
                error=error,
                timestamp=now(),
                current=progress.current or None,
                total=progress.total,
                unit=progress.unit,
            )
        )

    try:
        progress.tell()
        yield progress
    except Superseded:
        raise
    except (Cancelled, KeyboardInterrupt):
        with suppress(Superseded):
            end(Status.CANCELLED, "Cancelled")
        raise
    except BaseException as error:
        reason = str(error).strip() or type(error).__name__
        with suppress(Superseded):
            end(Status.FAILED, f"Failed during {progress.step}", reason)
        raise
    if completes:
        end(Status.COMPLETED, "Completed")
    else:
        progress.tell()


def _redis_url(url: str | None) -> str:
    found = load(redis_url=url).redis_url
    if found is None:
        raise SettingsError(
            "there is no Redis to report to: pass `bus` or `redis_url`, or set "
            "DOCPROGRESS_REDIS_URL"
        )
    return found


def _next_attempt(bus: Bus, document_id: str) -> int:
    """The attempt that is at work, or the one after the last that ended.

    Raises:
        BusError: Redis cannot be reached.
    """
    newest = bus.newest([document_id]).get(document_id)
    if newest is None or newest.position is None:
        return 1
    return newest.position[0] + (1 if newest.final else 0)
