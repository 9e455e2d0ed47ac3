"""Which queues and protocol versions have a worker.

Workers announce what they serve every few seconds, and the keys expire.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis
from redis.exceptions import RedisError

from docprogress.bus.connection_errors import translate_error
from docprogress.bus.keys import SERVED_SECONDS, protocol_alive_key, queue_served_key
from docprogress.queueing.protocol import (
    NEWER_WORKER_NEEDED,
    PROTOCOL,
    UNDERSTOOD,
    required_version,
)
from docprogress.queueing.queue_state import DEFAULT_DISPLAY_NAME
from docprogress.queueing.routing import (
    display_name,
    queue_name,
    waiting_queue,
)
from docprogress.store import DocumentRow, Store
from docprogress.store.queues import QUEUED

#: The message of a document that waits in a queue other than the default one.
WAITING_MESSAGE = "Waiting for queue {}"

#: The message of a document that waits in a queue without a worker.
UNSERVED_MESSAGE = "Waiting for queue {}: no worker serves it"

#: Why the remaining documents of a run will never be submitted.
SUBMITTER_GONE = "the process that submitted the run ended, or lost its connection"


def announce_queues(client: redis.Redis, queues: Iterable[str | None]) -> None:
    """Announce for the next few seconds that a worker serves these queues.

    Raises:
        BusError: Redis cannot be reached.
    """
    names = dict.fromkeys(map(display_name, queues))
    pipe = client.pipeline(transaction=False)
    for protocol in UNDERSTOOD:
        pipe.set(protocol_alive_key(protocol), 1, ex=SERVED_SECONDS)
        for name in names:
            key = queue_served_key(queue_name(name, protocol=protocol))
            pipe.set(key, 1, ex=SERVED_SECONDS)
    try:
        pipe.execute()
    except (RedisError, OSError) as error:
        raise translate_error(error) from error


def served_queues(
    client: redis.Redis | None, names: Sequence[str]
) -> list[bool | None]:
    """Whether each queue has a worker; None if Redis cannot be reached.

    Args:
        client: The Redis that workers announce their queues to.
        names: Display names.
    """
    if client is None:
        return [None] * len(names)
    pipe: Any = client.pipeline(transaction=False)
    for name in names:
        pipe.exists(queue_served_key(queue_name(name)))
    try:
        return [bool(found) for found in pipe.execute()]
    except (RedisError, OSError):
        return [None] * len(names)


def is_worker_alive(client: Any, protocol: int = PROTOCOL) -> bool | None:
    """Whether a worker understands this protocol; None if Redis cannot be reached."""
    try:
        return bool(client.exists(protocol_alive_key(protocol)))
    except (RedisError, OSError):
        return None


def mark_unserved(
    store: Store,
    client: redis.Redis,
    publish: Callable[[Sequence[DocumentRow]], None],
    *,
    run_id: str | None = None,
) -> None:
    """Update the messages of documents that wait in a queue without a worker.

    Args:
        store: Holds the waiting documents and their messages.
        client: The Redis that workers announce their queues to.
        publish: Called with the documents whose message has changed.
        run_id: Only documents of this run.

    Raises:
        StoreError: The store cannot be reached.
    """
    readable = []
    for waiting in store.queues.waiting(run_id):
        settings = store.runs.cached(waiting.run_id).settings
        version = required_version(settings)
        if version is None:
            readable.append(waiting)
        elif is_worker_alive(client, settings["protocol"]) is False:
            # Its plan cannot be read, so its queue is unknown.
            message = NEWER_WORKER_NEEDED.format(version)
            publish(store.queues.set_message(waiting, message))
    names = [display_name(waiting_queue(store, waiting)) for waiting in readable]
    distinct = list(dict.fromkeys(names))
    served = dict(zip(distinct, served_queues(client, distinct), strict=True))
    for waiting, name in zip(readable, names, strict=True):
        unserved = UNSERVED_MESSAGE.format(name)
        if served[name] is False:
            publish(store.queues.set_message(waiting, unserved))
        elif served[name]:
            default = name == DEFAULT_DISPLAY_NAME
            usual = QUEUED if default else WAITING_MESSAGE.format(name)
            publish(store.queues.set_message(waiting, usual, instead_of=unserved))
