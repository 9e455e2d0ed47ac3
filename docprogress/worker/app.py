"""The Celery application: what a task is called, where it goes, how it is sent."""

import ssl
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from docprogress.bus.celery_broker import celery_broker
from docprogress.bus.connection_errors import translate_error
from docprogress.errors import BusError, BusRefused
from docprogress.settings import Settings, redacted
from docprogress.worker import turns
from docprogress.worker.protocol import PROTOCOL, UNDERSTOOD

#: The one task: it takes each of its documents as far as its queue goes.
TASK = "docprogress.process"

#: The queue of every step that has none of its own.
DEFAULT_QUEUE = "docprogress"

#: What people call that one.
DEFAULT = "default"

#: Seconds that RabbitMQ may take to say that it has a message.
CONFIRM_SECONDS = 10.0

#: How the connection to a Redis behaves.  Half-open connections are noticed in
#: seconds.  Tasks are acknowledged when they begin, so that the visibility timeout
#: is only about what a worker has taken and not begun: it comes back in seconds if
#: that worker died, and a second delivery from one that lives drops itself.
_REDIS = {
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 5,
    "visibility_timeout": 20,
    # A worker that has nothing to do asks again this often; it takes a message at once.
    "polling_interval": 2,
    # No message has a priority of Redis's: levels are queues.
    "priority_steps": [0],
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "queue_order_strategy": "docprogress.worker.turns:Turns",
}

#: The same for RabbitMQ, which says that it has a message before that counts as sent.
_RABBITMQ = {"confirm_publish": True}
_RABBITMQ_HEARTBEAT = 10

#: How long, in seconds, an answer of RabbitMQ is waited for.
_ASKING = {"read_timeout": 10, "write_timeout": 10}


def make_app(settings: Settings) -> Celery:
    """The application for one broker; tasks are added by the worker."""
    app = Celery("docprogress", set_as_current=False)
    app.conf.update(
        **broker_settings(settings),
        broker_connection_timeout=5,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A Redis that is no primary any more, or is full, refuses for a while.
        broker_channel_error_retry=True,
        task_default_queue=DEFAULT_QUEUE,
        task_ignore_result=True,
        task_acks_late=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_soft_shutdown_timeout=10,
        worker_proc_alive_timeout=60,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # Tasks that run are acknowledged: they take no place of a prefetched one.
        worker_enable_prefetch_count_reduction=False,
    )
    return app


def broker_settings(settings: Settings) -> dict[str, Any]:
    """Where Celery's messages go, and how, as Celery spells it.

    Raises:
        BusError: The URL cannot be used.
    """
    url = settings.broker_url or settings.redis_url or ""
    if is_rabbitmq(settings):
        plain, encryption = _rabbitmq(url)
        options: dict[str, Any] = {
            "broker_heartbeat": _RABBITMQ_HEARTBEAT,
            "broker_transport_options": _RABBITMQ,
        }
    else:
        found = celery_broker(url)
        plain, encryption = found.url, found.encryption
        options = {"broker_transport_options": _REDIS | found.options}
    return options | {"broker_url": plain, "broker_use_ssl": encryption or None}


def is_rabbitmq(settings: Settings) -> bool:
    """Whether Celery's messages go through RabbitMQ."""
    return urlsplit(settings.broker_url or "").scheme in ("amqp", "amqps")


def _rabbitmq(url: str) -> tuple[str, dict[str, Any]]:
    """The URL without what it says of certificates, and that."""
    parts = urlsplit(url)
    said = {k.removeprefix("ssl_"): v for k, v in parse_qsl(parts.query)}
    plain = urlunsplit(("amqp", parts.netloc, parts.path, "", ""))
    if parts.scheme == "amqp":
        return plain, {}
    if parts.port is None:
        plain = urlunsplit(("amqp", f"{parts.netloc}:5671", parts.path, "", ""))
    files = {k: v for k, v in said.items() if k in ("ca_certs", "certfile", "keyfile")}
    # With a name to compare with, the certificate has to be of that name.
    sure = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
    return plain, sure | files


def queue_name(queue: str | None, level: int = 0, protocol: int = PROTOCOL) -> str:
    """What the queue of a step is called in the broker; each level has a name."""
    base = DEFAULT_QUEUE if protocol == 1 else f"{DEFAULT_QUEUE}-{protocol}"
    own = queue not in (None, DEFAULT, DEFAULT_QUEUE)
    return turns.name(f"{base}.{queue}" if own else base, level)


def task_queues(names: Sequence[str | None]) -> list[Queue]:
    """The queues that a worker takes its tasks from, in all their levels."""
    named = dict.fromkeys(
        queue_name(name, protocol=protocol) for protocol in UNDERSTOOD for name in names
    )
    levels = [
        level
        for name in named
        for level in (turns.name(name, turns.RECOVERED), *turns.names(name))
    ]
    return [Queue(level) for level in levels]  # type: ignore[no-untyped-call]


class Message(NamedTuple):
    """What one task is given: documents, with their attempts, one after the other."""

    queue: str | None
    documents: list[tuple[str, int]]
    #: When it has its turn: see `turns`.
    level: int = 0


def recovered(message: Message) -> list[Message]:
    """The messages for a document that was interrupted: one is taken before all others.

    The other one is in the document's usual level, for workers of a version that does
    not know the level of what was interrupted.  Whichever comes second is dropped.
    """
    return [message._replace(level=turns.RECOVERED), message]


class Sender:
    """Sends documents on their way, over one connection, and counts over another."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._asking = threading.Lock()
        self._connection: Any = None

    def check(self) -> None:
        """Find out now that the broker cannot be used.

        Raises:
            BusRefused: It wants another password, certificate or right.
            BusError: It cannot be reached.
        """
        with self._app.connection_for_write() as connection, _translated(connection):
            connection.connect()
            for queue in task_queues([None]):
                bound: Any = queue(connection.default_channel)
                bound.declare()

    def send(self, messages: Iterable[Message]) -> None:
        """Send a task for each message.

        Raises:
            BusRefused: The broker wants another password, certificate or right.
            BusError: The broker cannot be reached.
        """
        with self._app.producer_pool.acquire(block=True, timeout=10) as producer:
            with _translated(producer.connection):
                for message in messages:
                    self._app.send_task(
                        TASK,
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
        """How many messages wait in each of these queues of the broker.

        Raises:
            BusError: The broker cannot be asked.
        """
        with self._asking:
            known = self._connection is not None
            try:
                return self._counted(queues)
            except BusError:
                if not known:
                    raise
                # The connection was lost while nobody asked.
                return self._counted(queues)

    def _counted(self, queues: Collection[str]) -> dict[str, int]:
        if self._connection is None:
            # Nobody is there to answer heartbeats between two questions.  A lost
            # connection is noticed by an answer that does not come.
            self._connection = self._app.connection_for_read(
                heartbeat=0, transport_options=_RABBITMQ | _ASKING
            )
        counts = {}
        try:
            with _translated(self._connection):
                for name in queues:
                    queue = Queue(name)  # type: ignore[no-untyped-call]
                    declared: Any = queue(self._connection.default_channel)
                    counts[name] = declared.queue_declare().message_count
        except BaseException:
            self.disconnect()
            raise
        return counts

    def close(self) -> None:
        """Give the connections back."""
        self.disconnect()
        self._app.close()

    def disconnect(self) -> None:
        """Give the connection back that is counted over; the next count makes one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


#: What RabbitMQ says to a wrong password, right or virtual host.
_REFUSED = (403, 530)


@contextmanager
def _translated(connection: Any) -> Iterator[None]:
    """Have errors of the broker's client raised as ours."""
    theirs = (*connection.connection_errors, *connection.channel_errors)
    try:
        yield
    except (OperationalError, RedisError, OSError, *theirs) as error:
        raise _unusable(error) from error


def _unusable(error: BaseException) -> BusError:
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    if getattr(cause, "reply_code", None) in _REFUSED:
        said = redacted(str(getattr(cause, "reply_text", cause)))
        return BusRefused(
            f"the broker refuses: {said}; the user, the password and the virtual host "
            "belong into the URL: amqp://USER:PASSWORD@HOST:PORT/VHOST"
        )
    found = translate_error(error)
    if isinstance(found, BusRefused):
        return BusRefused(str(found).replace("Redis refuses", "the broker refuses", 1))
    return BusError(str(found).replace("Redis cannot", "the broker cannot", 1))


_RETRY: dict[str, Any] = {
    "max_retries": 3,
    "interval_start": 0.1,
    "interval_step": 0.2,
    "interval_max": 1.0,
}
