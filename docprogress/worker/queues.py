"""The queues as the store knows them: what waits in each, and who serves it.

What the broker holds is only a consequence of that, and not each broker can be asked.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import redis
from redis.exceptions import RedisError

from docprogress.bus.connection_errors import translate_error
from docprogress.bus.keys import SERVED_SECONDS, protocol_alive_key, queue_served_key
from docprogress.events import now
from docprogress.steps import Step
from docprogress.store import DocumentRow, Store
from docprogress.store.queues import QUEUED, Waiting
from docprogress.worker.app import DEFAULT, queue_name
from docprogress.worker.protocol import NEWER, PROTOCOL, UNDERSTOOD, newer

#: What is said of a document that waits in a queue of its own, and of one that waits
#: in a queue that nobody serves.
WAITING = "Waiting for queue {}"
UNSERVED = "Waiting for queue {}: no worker serves it"

#: Why documents of a run will never come.
SUBMITTER_GONE = "the process that submitted the run ended, or lost its connection"


class Queue(NamedTuple):
    """What waits in a queue."""

    name: str
    documents: int
    #: How long the oldest of them has waited; None if there is none.
    oldest_seconds: float | None
    #: Whether a worker takes from it; None if Redis cannot be asked.
    served: bool | None


def queues(store: Store, client: redis.Redis | None) -> list[Queue]:
    """The default queue, and each other one that something waits in, by name.

    Raises:
        StoreError: The store cannot be asked.
    """
    found: dict[str, list[Waiting]] = {DEFAULT: []}
    for waiting in store.queues.waiting():
        found.setdefault(_called(_queue(store, waiting)), []).append(waiting)
    moment = now()
    names = sorted(found)
    return [
        Queue(
            name,
            sum(waiting.documents for waiting in found[name]),
            _seconds(min((w.since for w in found[name]), default=None), moment),
            served,
        )
        for name, served in zip(names, _served(client, names), strict=True)
    ]


def serve(client: redis.Redis, names: Iterable[str | None]) -> None:
    """Say that these queues are served, for the next few seconds.

    Raises:
        BusError: Redis cannot be reached.
    """
    pipe = client.pipeline(transaction=False)
    for protocol in UNDERSTOOD:
        pipe.set(protocol_alive_key(protocol), 1, ex=SERVED_SECONDS)
        for name in dict.fromkeys(names):
            pipe.set(
                queue_served_key(queue_name(_called(name), protocol=protocol)),
                1,
                ex=SERVED_SECONDS,
            )
    try:
        pipe.execute()
    except (RedisError, OSError) as error:
        raise translate_error(error) from error


def say_unserved(
    store: Store,
    client: redis.Redis,
    tell: Callable[[Sequence[DocumentRow]], None],
    *,
    run_id: str | None = None,
) -> None:
    """Have documents say which queue they wait for while nobody serves it.

    Args:
        store: What waits, and where that is noted.
        client: The Redis that knows who serves.
        tell: Given the documents of which something else is said now.
        run_id: Only of this run.

    Raises:
        StoreError: The store cannot be asked.
    """
    all_waiting = []
    for waiting in store.queues.waiting(run_id):
        settings = store.runs.cached(waiting.run_id).settings
        version = newer(settings)
        if version is not None:
            # How it is to be read is not known: neither is where it has to wait.
            if worker_alive(client, settings["protocol"]) is False:
                tell(store.queues.set_message(waiting, NEWER.format(version)))
        else:
            all_waiting.append(waiting)
    names = [_called(_queue(store, waiting)) for waiting in all_waiting]
    known = list(dict.fromkeys(names))
    served = dict(zip(known, _served(client, known), strict=True))
    for waiting, name in zip(all_waiting, names, strict=True):
        unserved = UNSERVED.format(name)
        if served[name] is False:
            tell(store.queues.set_message(waiting, unserved))
        elif served[name]:
            usual = QUEUED if name == DEFAULT else WAITING.format(name)
            tell(store.queues.set_message(waiting, usual, instead_of=unserved))


def _queue(store: Store, waiting: Waiting) -> str | None:
    run = store.runs.cached(waiting.run_id)
    if newer(run.settings) is not None:
        return None  # how it is to be read is not known
    steps = run.steps
    return Step.from_dict(steps[min(waiting.position, len(steps) - 1)]).queue


def _called(queue: str | None) -> str:
    named = queue is not None and queue_name(queue) != queue_name(None)
    return queue if named and queue else DEFAULT


def _served(client: redis.Redis | None, names: Sequence[str]) -> list[bool | None]:
    if client is None:
        return [None] * len(names)
    pipe: Any = client.pipeline(transaction=False)
    for name in names:
        pipe.exists(queue_served_key(queue_name(name)))
    try:
        return [bool(found) for found in pipe.execute()]
    except (RedisError, OSError):
        return [None] * len(names)


def worker_alive(client: Any, protocol: int = PROTOCOL) -> bool | None:
    """Whether a worker lives that understands this; None if Redis cannot be asked."""
    try:
        return bool(client.exists(protocol_alive_key(protocol)))
    except (RedisError, OSError):
        return None


def _seconds(since: datetime | None, moment: datetime) -> float | None:
    return None if since is None else max((moment - since).total_seconds(), 0.0)
