"""Send tasks to workers, and count the messages that wait."""

import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from docprogress.bus.connection_errors import translate_error
from docprogress.errors import BusError, BusRefused
from docprogress.queueing import fair_share
from docprogress.queueing.celery_app import RABBITMQ_OPTIONS, make_app
from docprogress.queueing.protocol import PROTOCOL
from docprogress.queueing.routing import queue_name, task_queues
from docprogress.settings import Settings, redacted

#: The task that processes each of its documents as far as its queue goes.
TASK = "docprogress.process"

#: The task that reconciles documents in a sink with the store.
SETTLE_TASK = "docprogress.settle"

#: Seconds that RabbitMQ may take to confirm a message.
CONFIRM_SECONDS = 10.0

#: Timeouts, in seconds, of the connection that counts messages.
_COUNT_OPTIONS = {"read_timeout": 10, "write_timeout": 10}

#: RabbitMQ's reply codes for wrong credentials, permissions or virtual hosts.
_REFUSAL_CODES = (403, 530)

_RETRY: dict[str, Any] = {
    "max_retries": 3,
    "interval_start": 0.1,
    "interval_step": 0.2,
    "interval_max": 1.0,
}


class Message(NamedTuple):
    """A task's documents, each with its attempt, in processing order."""

    queue: str | None
    documents: list[tuple[str, int]]
    #: The fair-share level: see `fair_share`.
    level: int = 0
    task: str = TASK


def recovered_messages(message: Message) -> list[Message]:
    """The messages for an interrupted document.

    One is fetched before all others. The second, in the document's usual level, is for
    workers of a version without the level for interrupted documents. The later delivery
    is dropped.
    """
    return [message._replace(level=fair_share.RECOVERED_LEVEL), message]


class Sender:
    """Sends tasks over one connection, and counts messages over another."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        # Guards the connection that counts.
        self._counting = threading.Lock()
        self._connection: Any = None

    @classmethod
    def for_settings(cls, settings: Settings) -> Self:
        """Make a sender for the broker that is set."""
        return cls(make_app(settings))

    def check(self) -> None:
        """Check that the broker can be used.

        Raises:
            BusRefused: The broker rejects the credentials, certificate or permissions.
            BusError: The broker cannot be reached.
        """
        with (
            self._app.connection_for_write() as connection,
            _translate_errors(connection),
        ):
            connection.connect()
            for queue in task_queues([None]):
                bound: Any = queue(connection.default_channel)
                bound.declare()

    def send(self, messages: Iterable[Message]) -> None:
        """Send a task for each message.

        Raises:
            BusRefused: The broker rejects the credentials, certificate or permissions.
            BusError: The broker cannot be reached.
        """
        with self._app.producer_pool.acquire(block=True, timeout=10) as producer:
            with _translate_errors(producer.connection):
                for message in messages:
                    self._app.send_task(
                        message.task,
                        args=message.documents,
                        queue=queue_name(message.queue, message.level),
                        headers={"sent_at": time.time(), "protocol": PROTOCOL},
                        producer=producer,
                        retry=True,
                        retry_policy=_RETRY,
                        confirm_timeout=CONFIRM_SECONDS,
                        ignore_result=True,
                    )

    def counts(self, queues: Collection[str]) -> dict[str, int]:
        """Count the messages that wait in each of the broker's queues.

        Raises:
            BusError: The broker cannot be reached.
        """
        with self._counting:
            connected = self._connection is not None
            try:
                return self._count(queues)
            except BusError:
                if not connected:
                    raise
                # The connection was lost while it was idle.
                return self._count(queues)

    def _count(self, queues: Collection[str]) -> dict[str, int]:
        if self._connection is None:
            # Nothing answers heartbeats between two calls; timeouts detect a lost
            # connection instead.
            self._connection = self._app.connection_for_read(
                heartbeat=0, transport_options=RABBITMQ_OPTIONS | _COUNT_OPTIONS
            )
        counts = {}
        try:
            with _translate_errors(self._connection):
                for name in queues:
                    queue = Queue(name)  # type: ignore[no-untyped-call]
                    declared: Any = queue(self._connection.default_channel)
                    counts[name] = declared.queue_declare().message_count
        except BaseException:
            self.disconnect()
            raise
        return counts

    def close(self) -> None:
        """Close both connections."""
        self.disconnect()
        self._app.close()

    def disconnect(self) -> None:
        """Close the connection that counts; the next count opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _translate_errors(connection: Any) -> Iterator[None]:
    """Raise errors of the broker's client as `BusError`."""
    client_errors = (*connection.connection_errors, *connection.channel_errors)
    try:
        yield
    except (OperationalError, RedisError, OSError, *client_errors) as error:
        raise _broker_error(error) from error


def _broker_error(error: BaseException) -> BusError:
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    if getattr(cause, "reply_code", None) in _REFUSAL_CODES:
        reason = redacted(str(getattr(cause, "reply_text", cause)))
        return BusRefused(
            f"the broker refuses: {reason}; set the user, password and virtual host in "
            "the URL: amqp://USER:PASSWORD@HOST:PORT/VHOST"
        )
    translated = translate_error(error)
    text = str(translated)
    if isinstance(translated, BusRefused):
        return BusRefused(text.replace("Redis refuses", "the broker refuses", 1))
    return BusError(text.replace("Redis cannot", "the broker cannot", 1))
