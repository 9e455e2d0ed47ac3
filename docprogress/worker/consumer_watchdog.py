"""Reconnects a worker that no longer fetches messages although it could.

It is a safety net for Celery and kombu: a connection that looks alive but delivers
nothing is replaced. Running tasks are not affected, and a worker whose processes are
all busy is left alone.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from celery.bootsteps import RUN
from celery.worker import state
from redis.exceptions import RedisError

from docprogress.bus.connection import connect
from docprogress.bus.connection_errors import translate_error
from docprogress.errors import BusError
from docprogress.queueing.celery_app import is_rabbitmq
from docprogress.queueing.sender import Sender
from docprogress.settings import Settings

log = logging.getLogger(__name__)

#: Seconds that messages may wait while a process is idle before the worker reconnects.
STALL_SECONDS = 30.0

#: How often it checks in that time.
CHECKS = 3


class WaitingMessages:
    """Whether messages wait in the broker; one command for a Redis."""

    def __init__(self, settings: Settings, sender: Sender) -> None:
        self._sender = sender
        self._redis = None
        if not is_rabbitmq(settings):
            self._redis = connect(settings.broker_url or settings.redis_url or "")

    def __call__(self, queues: Sequence[str]) -> bool:
        """Whether any of these queues holds a message.

        Raises:
            BusError: The broker cannot be reached.
        """
        if self._redis is None:
            return any(self._sender.counts(queues).values())
        try:
            return bool(queues) and bool(self._redis.exists(*queues))
        except (RedisError, OSError) as error:
            raise translate_error(error) from error

    def close(self) -> None:
        """Close the connection to Redis."""
        if self._redis is not None:
            self._redis.close()


class ConsumerWatchdog:
    """Forces a new connection when messages wait, a process is idle, and none is begun.

    Args:
        worker: Celery's worker.
        waiting: Whether messages wait in any of these queues of the broker.
        seconds: How long that may last.
    """

    def __init__(
        self,
        worker: Any,
        waiting: Callable[[Sequence[str]], bool],
        *,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = worker
        self._waiting = waiting
        self._seconds = STALL_SECONDS if seconds is None else seconds
        self._clock = clock
        # The connection, and how many tasks were started, at the last check.
        self._seen: tuple[Any, int] = (None, 0)
        self._stalled_since: float | None = None
        # The connection that was requested to end.
        self._ended: Any = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread that checks."""
        self._thread = threading.Thread(
            target=self._watch, name="docprogress-consumer-watchdog", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop checking."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> bool:
        """Check once; returns whether the connection was requested to end."""
        consumer = getattr(self._worker, "consumer", None)
        connection = getattr(consumer, "connection", None)
        seen, self._seen = self._seen, (connection, state.all_total_count[0])
        if seen != self._seen or not self._could_fetch(consumer, connection):
            self._stalled_since = None
            return False
        now = self._clock()
        if self._stalled_since is None:
            self._stalled_since = now
        if now - self._stalled_since < self._seconds:
            return False
        self._stalled_since = None
        self._reconnect(consumer, connection)
        return True

    def _watch(self) -> None:
        while not self._stop.wait(self._seconds / CHECKS):
            try:
                self.check()
            except BusError as error:
                # The consumer notices that by itself.
                self._stalled_since = None
                log.debug("cannot check for waiting messages: %s", error)
            except Exception:
                self._stalled_since = None
                log.exception("a check by the consumer watchdog failed")

    def _could_fetch(self, consumer: Any, connection: Any) -> bool:
        if connection is None or consumer.blueprint.state != RUN:
            return False
        if len(state.active_requests) >= self._worker.pool.num_processes:
            return False
        queues = [queue.name for queue in consumer.task_consumer.queues]
        return self._waiting(queues)

    def _reconnect(self, consumer: Any, connection: Any) -> None:
        log.warning(
            "messages have waited for %g s although a process is idle: reconnecting",
            self._seconds,
        )
        if connection is self._ended:
            # The event loop has not run: it is blocked on this connection.
            _shut_down(connection)
        self._ended = connection
        consumer.hub.call_soon(_end, consumer, connection)


def _end(consumer: Any, connection: Any) -> None:
    """Make Celery restart the consumer, from within its event loop."""
    if consumer.connection is connection and consumer.blueprint.state == RUN:
        raise ConnectionResetError("messages wait, and none was delivered")


def _shut_down(connection: Any) -> None:
    """End a blocking read; only RabbitMQ's has no timeout."""
    with suppress(OSError, AttributeError):
        connection.connection.sock.shutdown(socket.SHUT_RDWR)
