"""Whether the server is ready: Redis, the database, events, workers and recovery."""

import asyncio
import logging
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.bus.keys import RECOVERY_LEADER_SECONDS
from docprogress.errors import DocProgressError
from docprogress.queueing.recovery_status import last_leader_seen, last_recovery
from docprogress.server.executor import SharedCall
from docprogress.server.schemas import Part, Readiness
from docprogress.settings import Settings, redacted
from docprogress.store import Store

log = logging.getLogger(__name__)

#: Seconds without events before the server is not ready: reconnecting takes a moment.
LOST_SECONDS = 2.0

#: The timeout of each check, in seconds.
READY_SECONDS = 5.0

_EVENTS_RECEIVED = Part(ok=True, message="received as far as a stream waits for them")
_IDLE = Part(ok=True, message="local services start when they are needed")


class ReadinessProbe:
    """Checks the services that the server depends on.

    Args:
        bus: How to reach Redis. Nothing is started for it.
        store: The store.
        settings: The pipeline's settings.
    """

    def __init__(self, bus: Bus, store: Store, settings: Settings) -> None:
        self._bus = bus
        self._store = store
        self._settings = settings
        # A check that hangs blocks no other, and is not repeated in the meantime.
        self._checks = {
            check: SharedCall(check, seconds=READY_SECONDS)
            for check in (self._redis, self._database, self._workers, self._recovery)
        }

    def close(self) -> None:
        """Make no more checks."""
        for check in self._checks.values():
            check.close()

    async def check(self, *, lost_seconds: float = 0.0) -> Readiness:
        """Whether Redis and the database answer, and workers and recovery work.

        Args:
            lost_seconds: For how long needed events have not been received.
        """
        redis, database, workers, recovery = await asyncio.gather(
            *map(self._run, self._checks)
        )
        events = _EVENTS_RECEIVED
        if lost_seconds >= LOST_SECONDS:
            message = f"none could be received for {lost_seconds:.0f} s"
            events = Part(ok=False, message=message)
        return Readiness(
            ready=redis.ok and database.ok and events.ok,
            redis=redis,
            database=database,
            events=events,
            workers=workers,
            recovery=recovery,
        )

    async def _run(self, check: Callable[[], Part]) -> Part:
        try:
            return await self._checks[check]()
        except (DocProgressError, RedisError, OSError) as error:
            # The log has the reason: probes need no token, so the response says less.
            log.warning("not ready: %s", redacted(str(error)))
            return Part(ok=False, message="no response; see the server's log")

    def _redis(self) -> Part:
        if self._idle():
            return _IDLE
        started = time.perf_counter()
        self._bus.redis.ping()
        return _answered(started)

    def _database(self) -> Part:
        started = time.perf_counter()
        self._store.runs.find(limit=1)
        return _answered(started)

    def _workers(self) -> Part:
        if self._idle():
            return _IDLE
        # Held by the worker that recovers lost documents; the worker changes.
        ago = last_leader_seen(self._bus.redis)
        if ago is None:
            return Part(
                ok=False, message=f"none was seen for {RECOVERY_LEADER_SECONDS} s"
            )
        return Part(ok=True, message=f"one was seen {ago:.1f} s ago")

    def _recovery(self) -> Part:
        if self._idle():
            return _IDLE
        look = last_recovery(self._bus.redis)
        if look is None:
            return Part(ok=False, message="not known: no worker has looked yet")
        message = f"lost documents were looked for {look.seconds:.1f} s ago"
        return Part(ok=not look.overdue, message=message)

    def _idle(self) -> bool:
        settings = self._settings
        return settings.local and local.status(settings.home) is None


def _answered(started: float) -> Part:
    taken = (time.perf_counter() - started) * 1000
    return Part(ok=True, message=f"responded in {taken:.1f} ms")
