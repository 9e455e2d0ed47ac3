"""Which messages the broker holds, as far as recovery can find out.

Redis lists its messages. RabbitMQ only counts them, so workers record when the last
message that they fetched from a queue was sent: queues are first in, first out, and
whatever is left was sent later.
"""

import base64
import json
import threading
from collections.abc import Iterable
from typing import Protocol, cast

from redis.exceptions import RedisError

from docprogress.bus.bus import Bus
from docprogress.bus.connection import connect
from docprogress.bus.connection_errors import translate_error
from docprogress.bus.keys import LAST_TAKEN
from docprogress.queueing.celery_app import is_rabbitmq
from docprogress.queueing.sender import Sender
from docprogress.settings import Settings


class BrokerInspector(Protocol):
    """The interface of recovery to either broker."""

    def oldest(self, queues: Iterable[str]) -> dict[str, float | None]:
        """When the oldest message of each of these queues was sent, or a moment before.

        None for an empty queue.

        Raises:
            BusError: The broker cannot be reached.
        """

    def prefetched(self) -> set[str] | None:
        """The documents whose messages workers have prefetched and not started.

        None if that is unknown.

        Raises:
            BusError: The broker cannot be reached.
        """

    def record_started(self, queue: str, sent_at: float) -> None:
        """Record that this worker started a message of the queue, sent at this time."""

    def publish_positions(self) -> None:
        """Share what was recorded with all workers.

        Raises:
            BusError: Redis cannot be reached.
        """

    def close(self) -> None:
        """Close the connection."""


def inspector_for(settings: Settings, bus: Bus, sender: Sender) -> BrokerInspector:
    """Make the inspector for the broker that is set.

    Args:
        settings: The worker's.
        bus: Where workers share what they started, if they need to.
        sender: Has the connection to RabbitMQ.
    """
    if is_rabbitmq(settings):
        return RabbitInspector(bus, sender)
    return RedisInspector(settings.broker_url or settings.redis_url or "")


class RedisInspector:
    """Inspects a Redis, in which kombu keeps each queue as a list."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)

    def oldest(self, queues: Iterable[str]) -> dict[str, float | None]:
        names = list(queues)
        if not names:
            return {}
        try:
            pipe = self._redis.pipeline(transaction=False)
            for name in names:
                pipe.lindex(name, -1)
            found = pipe.execute()
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        return {
            name: _sent_at(raw) if raw else None
            for name, raw in zip(names, found, strict=True)
        }

    def prefetched(self) -> set[str]:
        try:
            unacked = cast("list[bytes]", self._redis.hvals("unacked"))
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        found: set[str] = set()
        for raw in unacked:
            try:
                body = json.loads(base64.b64decode(json.loads(raw)[0]["body"]))
                found.update(str(document_id) for document_id, _ in body[0])
            except (KeyError, TypeError, ValueError, IndexError):
                continue  # another program's message
        return found

    def record_started(self, queue: str, sent_at: float) -> None:
        """Do nothing: the messages show when they were sent."""

    def publish_positions(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        self._redis.close()


class RabbitInspector:
    """Inspects RabbitMQ, with what workers recorded in Redis."""

    def __init__(self, bus: Bus, sender: Sender) -> None:
        self._bus = bus
        self._sender = sender
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}

    def oldest(self, queues: Iterable[str]) -> dict[str, float | None]:
        names = list(queues)
        if not names:
            return {}
        counts = self._sender.counts(names)
        pipe = self._bus.redis.pipeline(transaction=False)
        for name in names:
            pipe.zscore(LAST_TAKEN, name)
        try:
            begun = pipe.execute()
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        return {
            name: float(sent_at or 0.0) if counts[name] else None
            for name, sent_at in zip(names, begun, strict=True)
        }

    def prefetched(self) -> None:
        """Return None: RabbitMQ does not say."""

    def record_started(self, queue: str, sent_at: float) -> None:
        with self._lock:
            self._started[queue] = max(sent_at, self._started.get(queue, 0.0))

    def close(self) -> None:
        self._sender.disconnect()

    def publish_positions(self) -> None:
        with self._lock:
            started, self._started = self._started, {}
        if not started:
            return
        try:
            self._bus.redis.zadd(LAST_TAKEN, dict(started), gt=True)
        except (RedisError, OSError) as error:
            for queue, sent_at in started.items():
                self.record_started(queue, sent_at)
            raise translate_error(error) from error


def _sent_at(raw: bytes) -> float:
    """When a message was sent; 0 if it is another program's."""
    try:
        return float(json.loads(raw)["headers"]["sent_at"])
    except (KeyError, TypeError, ValueError):
        return 0.0
