"""Deliver final events after a report has ended, until the process exits."""

import atexit
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable

from docprogress.bus.bus import Bus
from docprogress.bus.fork_safety import renew_after_fork
from docprogress.events import ProgressEvent
from docprogress.reporting.buffered_publisher import MAX_LOGGED, BufferedPublisher

log = logging.getLogger(__name__)

#: Seconds for which an exiting process waits until Redis has accepted everything.
EXIT_SECONDS = 5.0


class ProcessBuffer:
    """Events that ended publishers handed over, sent as long as the process lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # For each Redis, a publisher with a bus of its own.
        self._publishers: dict[Bus, BufferedPublisher] = {}
        self._registered = False
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Leave the events to the parent process."""
        self._lock = threading.Lock()
        self._publishers = {}
        self._registered = False

    def keep(self, bus: Bus, events: dict[str, ProgressEvent]) -> None:
        """Send these events once the Redis of `bus` accepts them."""
        with self._lock:
            publisher = self._of(bus)
            if publisher is None:
                own = bus.clone()
                publisher = self._publishers[own] = BufferedPublisher(own)
            if not self._registered:
                self._registered = True
                _at_process_exit(self.flush)
            publisher.hold(events)
        ends = [event for event in events.values() if event.final]
        for event in ends[:MAX_LOGGED]:
            log.warning(
                "the final event of document %s (%s) is held until Redis accepts it",
                event.document_id,
                event.status,
            )
        if len(ends) > MAX_LOGGED:
            log.warning(
                "the final events of %s more documents are held, too",
                len(ends) - MAX_LOGGED,
            )

    def deliver(self, bus: Bus, document_id: str) -> None:
        """Publish what was handed over for a document before anything newer.

        Raises:
            BusError: Redis does not accept it.
        """
        with self._lock:
            publisher = self._of(bus)
        if publisher is not None:
            publisher.deliver(document_id)

    def flush(self, seconds: float | None = None) -> None:
        """Wait for Redis to accept everything; the log names lost events."""
        deadline = time.monotonic() + (EXIT_SECONDS if seconds is None else seconds)
        with self._lock:
            publishers, self._publishers = self._publishers, {}
            self._registered = False
        for bus, publisher in publishers.items():
            publisher.close(max(deadline - time.monotonic(), 0.0))
            bus.close()

    def _of(self, bus: Bus) -> BufferedPublisher | None:
        found = (
            one for own, one in self._publishers.items() if own.identity == bus.identity
        )
        return next(found, None)


#: What this process has yet to publish.
process_buffer = ProcessBuffer()


def publish_later(bus: Bus, events: Iterable[ProgressEvent]) -> None:
    """Publish the final events among these once Redis accepts them."""
    ends = {event.document_id: event for event in events if event.final}
    if ends:
        process_buffer.keep(bus, ends)


def _at_process_exit(flush: Callable[[], None]) -> None:
    """Call this when the process exits in an orderly way.

    Children of `multiprocessing` skip `atexit`, and processes of Celery's pool skip
    both: they send a signal.
    """
    from multiprocessing.util import Finalize

    atexit.register(flush)
    Finalize(None, flush, exitpriority=100)
    if "celery" in sys.modules:
        from celery.signals import worker_process_shutdown

        worker_process_shutdown.connect(lambda **_: flush(), weak=False)
