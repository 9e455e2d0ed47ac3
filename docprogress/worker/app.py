"""The Celery application: what a task is called, where it goes, how it is sent."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from docprogress.errors import BusError
from docprogress.settings import Settings, redacted

#: The one task: it takes each of its documents as far as its queue goes.
TASK = "docprogress.process"

#: The queue of every step that has none of its own.
DEFAULT_QUEUE = "docprogress"

#: What a queue of a step's own is called in Redis: no other program's.
QUEUE_PREFIX = "docprogress."

#: Seconds for which a process that submits is believed to live without a sign.
SUBMITTING_SECONDS = 15

#: How the connection to the broker behaves.  Half-open connections are noticed in
#: seconds.  Tasks are acknowledged when they begin, so that the visibility timeout
#: is only about what a worker has taken and not begun: it comes back in seconds if
#: that worker died, and a second delivery from one that lives drops itself.
_TRANSPORT = {
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 5,
    "visibility_timeout": 20,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}


def make_app(settings: Settings) -> Celery:
    """The application for one broker; tasks are added by the worker."""
    app = Celery("docprogress", set_as_current=False)
    app.conf.update(
        broker_url=broker_url(settings),
        broker_transport_options=_TRANSPORT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
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
    )
    return app


def broker_url(settings: Settings) -> str:
    """Where Celery's messages go, as Celery spells it."""
    url = settings.broker_url or settings.redis_url or ""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    credentials = f"{parts.netloc}" if "@" in parts.netloc else ""
    return f"redis+socket://{credentials}{quote(parts.path)}?virtual_host=0"


def queue_name(queue: str | None) -> str:
    """What the queue of a step is called in the broker."""
    return DEFAULT_QUEUE if queue in (None, DEFAULT_QUEUE) else f"{QUEUE_PREFIX}{queue}"


def task_queues(names: Sequence[str | None]) -> list[Queue]:
    """The queues that a worker takes its tasks from."""
    named = dict.fromkeys(map(queue_name, names))
    return [Queue(name) for name in named]  # type: ignore[no-untyped-call]


def submitting_key(run_id: str) -> str:
    """The key that is there as long as somebody uploads a run's documents."""
    return f"run:{run_id}:submitting"


class Message(NamedTuple):
    """What one task is given: documents, with their attempts, one after the other."""

    queue: str | None
    documents: list[tuple[str, int]]


class Sender:
    """Sends documents on their way, over one connection."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, messages: Iterable[Message]) -> None:
        """Send a task for each message.

        Raises:
            BusError: The broker cannot be reached.
        """
        try:
            with self._app.producer_pool.acquire(block=True, timeout=10) as producer:
                for message in messages:
                    self._app.send_task(
                        TASK,
                        args=message.documents,
                        queue=queue_name(message.queue),
                        headers={"sent_at": time.time()},
                        producer=producer,
                        retry=True,
                        retry_policy=_RETRY,
                        ignore_result=True,
                    )
        except (OperationalError, OSError) as error:
            reason = f"the broker cannot be reached: {redacted(str(error))}"
            raise BusError(reason) from error

    def close(self) -> None:
        """Give the connection back."""
        self._app.close()


_RETRY: dict[str, Any] = {
    "max_retries": 3,
    "interval_start": 0.1,
    "interval_step": 0.2,
    "interval_max": 1.0,
}
