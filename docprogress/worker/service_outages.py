"""Outages of services that steps use, shared by all workers.

A service that rejected one document is not used for the next ones for a while:
documents wait in the queue, and return a few at a time. Outages are shared through
Redis; without Redis, each worker knows only its own, which suffices.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from redis.exceptions import RedisError

from docprogress.bus.bus import Bus
from docprogress.bus.keys import outage_key, waiting_key
from docprogress.errors import BusError, ServiceUnavailable
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: The minimum and maximum seconds until a service that specifies no time is tried
#: again; in between, half the duration of the outage.
FIRST_WAIT = 2.0

MAX_WAIT = 60.0

#: Seconds between two documents that return to the same service.
RETURN_INTERVAL = 0.05

#: How often a document is rejected by a service that serves others before it fails.
MIN_REFUSALS = 30

#: Seconds for which an outage is remembered after its last change.
RETENTION_SECONDS = 24 * 3600


@dataclass(slots=True)
class Outage:
    """An outage of a service; times are in seconds since the epoch."""

    service: str
    reason: str
    #: When it began.
    since: float
    #: Until when it is not used.
    until: float
    #: When the next waiting document may return.
    next: float
    #: When it last served a document.
    served: float = 0.0
    #: Whether the service specified that time itself.
    named: bool = False


@dataclass(slots=True)
class Waiting:
    """An attempt that waits for a service."""

    attempt: int
    since: float
    refusals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long a document is to wait.

    `until` is when it may ask again; `waited` counts the seconds during which nobody
    was served, unless the document was refused again and again beside others.
    """

    service: str
    reason: str
    until: float
    waited: float


class KnownOutage(ServiceUnavailable):
    """Raised before a step whose service is known to be unavailable."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(
            f"{wait.service} is unavailable: {wait.reason}",
            service=wait.service,
            reason=wait.reason,
        )
        self.wait = wait


class Memory(Protocol):
    """The storage of outages, by key."""

    def read(self, key: str) -> bytes | None: ...

    def write(self, key: str, value: bytes | None) -> None:
        """Keep a value; None forgets it."""


@dataclass(slots=True)
class LocalMemory:
    """Keeps outages within one process."""

    values: dict[str, bytes] = field(default_factory=dict)

    def read(self, key: str) -> bytes | None:
        return self.values.get(key)

    def write(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value


class SharedMemory:
    """Keeps outages in Redis, and within this process while Redis is unavailable."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._local = LocalMemory()

    def read(self, key: str) -> bytes | None:
        try:
            found: Any = self._bus.redis.get(key)
        except (BusError, RedisError, OSError) as error:
            log.info("outages are not shared: %s", redacted(str(error)))
            return self._local.read(key)
        return found  # type: ignore[no-any-return]

    def write(self, key: str, value: bytes | None) -> None:
        self._local.write(key, value)
        try:
            if value is None:
                self._bus.redis.unlink(key)
            else:
                self._bus.redis.set(key, value, ex=RETENTION_SECONDS)
        except (BusError, RedisError, OSError) as error:
            log.info("outages are not shared: %s", redacted(str(error)))


class ServiceOutages:
    """Decides when a document may use a service, and how long it has waited.

    Of two concurrent writes one may be lost: then the service is used once more, or a
    document waits a little longer.
    """

    def __init__(
        self, memory: Memory | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._memory = LocalMemory() if memory is None else memory
        self._clock = clock

    def current_wait(self, key: str, document_id: str, attempt: int) -> Wait | None:
        """How long a document must wait for the service; None if it need not."""
        outage = self._read(outage_key(key), Outage)
        if outage is None or outage.until <= self._clock():
            return None
        turn = self._turn(key, outage)
        return self._wait(document_id, attempt, outage, turn, refused=False)

    def record_refusal(
        self,
        key: str,
        document_id: str,
        attempt: int,
        error: ServiceUnavailable,
        *,
        longest: float,
    ) -> Wait:
        """Record that a document was rejected, and return how long it must wait.

        If that is more than `longest` seconds, other documents may still use the
        service.
        """
        moment = self._clock()
        outage = self._read(outage_key(key), Outage)
        if outage is None or outage.served > outage.since:
            since, following = moment, 0.0
            served = 0.0 if outage is None else outage.served
        else:
            since, following, served = outage.since, outage.next, outage.served
        pause = min(max(FIRST_WAIT, (moment - since) / 2), MAX_WAIT)
        if error.seconds is not None:
            pause = max(1.0, error.seconds)
        until = moment + pause
        outage = Outage(
            service=error.service,
            reason=error.reason,
            since=since,
            until=until,
            next=max(following, until),
            served=served,
            named=error.seconds is not None,
        )
        turn = until if pause > longest else self._turn(key, outage)
        return self._wait(document_id, attempt, outage, turn, refused=True)

    def record_success(self, key: str, document_id: str) -> None:
        """Record that the service has served a document."""
        outage = self._read(outage_key(key), Outage)
        if outage is None:
            return
        outage.served = self._clock()
        if not outage.named:
            outage.until = 0.0
        self._write(outage_key(key), outage)
        self._memory.write(waiting_key(document_id), None)

    def _turn(self, key: str, outage: Outage) -> float:
        """When a document returns: after those that already wait."""
        turn = max(outage.next, outage.until)
        outage.next = turn + RETURN_INTERVAL
        self._write(outage_key(key), outage)
        return turn

    def _wait(
        self,
        document_id: str,
        attempt: int,
        outage: Outage,
        until: float,
        *,
        refused: bool,
    ) -> Wait:
        moment = self._clock()
        key = waiting_key(document_id)
        waiting = self._read(key, Waiting)
        if waiting is None or waiting.attempt != attempt:
            waiting = Waiting(attempt=attempt, since=moment)
        waiting.refusals += refused
        self._write(key, waiting)
        since = waiting.since
        if waiting.refusals < MIN_REFUSALS:
            since = max(since, outage.served)
        return Wait(
            service=outage.service,
            reason=outage.reason,
            until=until,
            waited=max(0.0, moment - since),
        )

    def _read(self, key: str, kind: type[Any]) -> Any:
        value = self._memory.read(key)
        try:
            return None if value is None else msgspec.json.decode(value, type=kind)
        except msgspec.MsgspecError:
            return None

    def _write(self, key: str, value: Outage | Waiting) -> None:
        self._memory.write(key, msgspec.json.encode(value))


def service_key(*parts: str | None) -> str:
    """A key for a service, from which its parts cannot be read."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]
