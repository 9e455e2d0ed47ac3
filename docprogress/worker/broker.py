"""What is on its way in the broker, as far as it can be asked: for the reaper.

A Redis shows its messages.  RabbitMQ says only how many there are, and workers note
what they took last: as each queue is a queue, whatever is still in it is younger.
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
from docprogress.settings import Settings
from docprogress.worker.app import Sender, is_rabbitmq


class Broker(Protocol):
    """What the reaper asks of either broker."""

    def oldest(self, levels: Iterable[str]) -> dict[str, float | None]:
        """When the oldest message of each level of a queue was sent, at the earliest.

        None if a level holds no message.

        Raises:
            BusError: The broker cannot be asked.
        """

    def taken(self) -> set[str] | None:
        """The documents whose messages a worker has, and has not begun.

        None if that is not known.

        Raises:
            BusError: The broker cannot be asked.
        """

    def note(self, queue: str, sent_at: float) -> None:
        """This worker has begun a message of this queue, sent at this time."""

    def tell(self) -> None:
        """Let all workers know what was noted.

        Raises:
            BusError: Redis cannot be reached.
        """

    def close(self) -> None:
        """Give the connection back."""


def broker_of(settings: Settings, bus: Bus, sender: Sender) -> Broker:
    """The broker that the settings name.

    Args:
        settings: Those of the worker.
        bus: Where workers note what they took, if need be.
        sender: Has the connection to the broker.
    """
    if is_rabbitmq(settings):
        return RabbitBroker(bus, sender)
    return RedisBroker(settings.broker_url or settings.redis_url or "")


class RedisBroker:
    """A Redis: kombu keeps each level of a queue in a list."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)

    def oldest(self, levels: Iterable[str]) -> dict[str, float | None]:
        names = list(levels)
        if not names:
            return {}
        try:
            pipe = self._redis.pipeline(transaction=False)
            for level in names:
                pipe.lindex(level, -1)
            found = pipe.execute()
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        return {
            level: _sent_at(raw) if raw else None
            for level, raw in zip(names, found, strict=True)
        }

    def taken(self) -> set[str]:
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

    def note(self, queue: str, sent_at: float) -> None:
        """Nothing: the messages that are left say it."""

    def tell(self) -> None:
        """Nothing."""

    def close(self) -> None:
        self._redis.close()


class RabbitBroker:
    """RabbitMQ, which is told by workers what they took."""

    def __init__(self, bus: Bus, sender: Sender) -> None:
        self._bus = bus
        self._sender = sender
        self._lock = threading.Lock()
        self._noted: dict[str, float] = {}

    def oldest(self, levels: Iterable[str]) -> dict[str, float | None]:
        names = list(levels)
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
            level: float(sent_at or 0.0) if counts[level] else None
            for level, sent_at in zip(names, begun, strict=True)
        }

    def taken(self) -> None:
        """Nothing is known of that."""

    def note(self, queue: str, sent_at: float) -> None:
        with self._lock:
            self._noted[queue] = max(sent_at, self._noted.get(queue, 0.0))

    def close(self) -> None:
        self._sender.disconnect()

    def tell(self) -> None:
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            self._bus.redis.zadd(LAST_TAKEN, dict(noted), gt=True)
        except (RedisError, OSError) as error:
            for queue, sent_at in noted.items():
                self.note(queue, sent_at)
            raise translate_error(error) from error


def _sent_at(raw: bytes) -> float:
    """When a message was sent; long ago if it does not say."""
    try:
        return float(json.loads(raw)["headers"]["sent_at"])
    except (KeyError, TypeError, ValueError):
        return 0.0
