"""Find queued documents whose message was lost, and send them again.

A message is lost if its level of its queue is empty, or holds only later messages. A
search examines one page of the queued documents and the next search continues there;
documents without a message are watched until they are certainly lost, or not.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from docprogress.bus.bus import Bus
from docprogress.bus.leases import owners
from docprogress.queueing.broker_inspection import BrokerInspector
from docprogress.store import QueuedRow, Store
from docprogress.worker import sightings
from docprogress.worker.fault_isolation import FaultIsolation
from docprogress.worker.resubmission import Resubmitter
from docprogress.worker.sightings import Key, Sightings

log = logging.getLogger(__name__)

#: Seconds after which a prefetched message counts as lost: longer than the broker takes
#: to redeliver it.
PREFETCHED_SECONDS = 30.0

#: Seconds after which a message that was sent again may count as lost.
RESENT_SECONDS = 60.0

#: How many queued documents one search examines.
PAGE_SIZE = 5_000

#: How many documents without a message are watched at the same time.
MAX_SUSPECTS = 1_000


class Resent(NamedTuple):
    """When a lost message was sent again."""

    #: On this process's monotonic clock.
    at: float
    #: On the clock that messages are stamped with.
    sent_at: float


class LostMessages:
    """Searches for lost messages, one page of documents at a time."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        broker: BrokerInspector,
        *,
        resubmitter: Resubmitter,
        sightings: Sightings,
        isolation: FaultIsolation,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._bus = bus
        self._broker = broker
        self._resubmitter = resubmitter
        self._sightings = sightings
        self._isolation = isolation
        self._clock = clock
        # Where the next page begins.
        self._cursor: int | str | None = None
        self._resent: dict[Key, Resent] = {}
        # Which of the resent ones are still queued, on the pages since the first one.
        self._still_queued: set[Key] = set()

    def clear(self) -> None:
        """Forget everything: another worker searches."""
        self._cursor = None
        self._resent, self._still_queued = {}, set()

    def search(self) -> None:
        """Examine the next page, and send lost documents again.

        Raises:
            DocProgressError: The store, Redis or the broker cannot be reached.
        """
        suspects = self._sightings.ids("message")
        missing: dict[Key, QueuedRow] = {}
        if suspects:
            missing = self._missing(self._store.documents.queued(ids=suspects))
        free = MAX_SUSPECTS - len(missing)
        if free > 0:
            missing |= self._next_page(free)
        self._resend(self._lost(missing))

    def _next_page(self, limit: int) -> dict[Key, QueuedRow]:
        """The documents of a page that have no message, up to a limit."""
        page = self._store.documents.queued(after=self._cursor, limit=PAGE_SIZE)
        missing = list(self._missing(page).items())
        if len(missing) > limit:
            self._cursor = missing[limit - 1][1].position
        elif len(page) == PAGE_SIZE:
            self._cursor = page[-1].position
        else:
            self._restart()
        return dict(missing[:limit])

    def _restart(self) -> None:
        """Restart at the first page, and forget documents that are no longer queued."""
        self._cursor = None
        self._resent = {
            k: v for k, v in self._resent.items() if k in self._still_queued
        }
        self._still_queued = set()

    def _missing(self, rows: Iterable[QueuedRow]) -> dict[Key, QueuedRow]:
        """Documents without a lease whose queue has no message as old."""
        levels: dict[QueuedRow, list[str]] = {}

        def locate(row: QueuedRow) -> None:
            if self._resubmitter.understands(row):
                levels[row] = self._resubmitter.levels(row)

        self._isolation.each("document", rows, locate)
        oldest = self._broker.oldest(
            {name for names in levels.values() for name in names}
        )
        missing = {}
        for row, names in levels.items():
            key = (row.id, row.attempt)
            since = row.updated_at.timestamp()
            if key in self._resent:
                self._still_queued.add(key)
                if self._clock() < self._resent[key].at + RESENT_SECONDS:
                    continue
                since = max(since, self._resent[key].sent_at)
            sent = (oldest[name] for name in names)
            if all(at is None or at > since + RESENT_SECONDS for at in sent):
                missing[key] = row
        held = owners(self._bus.redis, [row.id for row in missing.values()])
        return {key: row for key, row in missing.items() if held[row.id] is None}

    def _lost(self, missing: dict[Key, QueuedRow]) -> list[QueuedRow]:
        """Those without a message for so long that it is lost."""
        prefetched = self._broker.prefetched() if missing else set()
        lost = []
        for row in self._sightings.lasting(
            "message", missing, seconds=sightings.LOST_SECONDS
        ):
            duration = self._sightings.duration("message", (row.id, row.attempt))
            unknown = prefetched is None or row.id in prefetched
            if duration >= PREFETCHED_SECONDS or not unknown:
                lost.append(row)
        return lost

    def _resend(self, rows: list[QueuedRow]) -> None:
        self._resubmitter.send(rows)
        for row in rows:
            key = (row.id, row.attempt)
            log.warning("%s had no message in its queue and was sent again", row.id)
            self._resent[key] = Resent(self._clock(), time.time())
            self._still_queued.add(key)
            self._sightings.forget("message", key)
