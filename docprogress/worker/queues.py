"""The queues as the store knows them: what waits in each, and who serves it.

What the broker holds is only a consequence of that, and not each broker can be asked.
"""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import redis
from redis.exceptions import RedisError

from docprogress.connection import unreachable
from docprogress.events import now
from docprogress.settings import Settings
from docprogress.steps import Step
from docprogress.store import DocumentRow, Store
from docprogress.store.queueing import QUEUED, Waiting
from docprogress.worker import turns
from docprogress.worker.app import DEFAULT, is_rabbitmq, queue_name
from docprogress.worker.protocol import NEWER, PROTOCOL, UNDERSTOOD, alive_key, newer

#: Seconds for which a worker's word holds that it serves a queue.
SERVED_SECONDS = 15

#: How many messages of a queue are looked at together.
PAGE = 500

#: What is said of a document that waits in a queue of its own, and of one that waits
#: in a queue that nobody serves.
WAITING = "Waiting for queue {}"
UNSERVED = "Waiting for queue {}: no worker serves it"


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
    for waiting in store.waiting():
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
        pipe.set(alive_key(protocol), 1, ex=SERVED_SECONDS)
        for name in dict.fromkeys(names):
            pipe.set(_served_key(_called(name), protocol), 1, ex=SERVED_SECONDS)
    try:
        pipe.execute()
    except (RedisError, OSError) as error:
        raise unreachable(error) from error


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
    for waiting in store.waiting():
        settings = store.remembered_run(waiting.run_id).settings
        version = newer(settings)
        if version is not None:
            # How it is to be read is not known: neither is where it has to wait.
            if _alive(client, settings["protocol"]) is False:
                tell(store.say(waiting, NEWER.format(version)))
        elif run_id in (None, waiting.run_id):
            all_waiting.append(waiting)
    names = [_called(_queue(store, waiting)) for waiting in all_waiting]
    known = list(dict.fromkeys(names))
    served = dict(zip(known, _served(client, known), strict=True))
    for waiting, name in zip(all_waiting, names, strict=True):
        unserved = UNSERVED.format(name)
        if served[name] is False:
            tell(store.say(waiting, unserved))
        elif served[name]:
            usual = QUEUED if name == DEFAULT else WAITING.format(name)
            tell(store.say(waiting, usual, instead_of=unserved))


def _queue(store: Store, waiting: Waiting) -> str | None:
    run = store.remembered_run(waiting.run_id)
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
        pipe.exists(_served_key(name))
    try:
        return [bool(found) for found in pipe.execute()]
    except (RedisError, OSError):
        return [None] * len(names)


def _alive(client: Any, protocol: int) -> bool | None:
    """Whether a worker lives that understands this; None if Redis cannot be asked."""
    try:
        return bool(client.exists(alive_key(protocol)))
    except (RedisError, OSError):
        return None


def _served_key(name: str, protocol: int = PROTOCOL) -> str:
    return f"{queue_name(name, protocol=protocol)}:served"


def _seconds(since: datetime | None, moment: datetime) -> float | None:
    return None if since is None else max((moment - since).total_seconds(), 0.0)


def drop_messages(
    client: redis.Redis, settings: Settings, run_id: str, names: Iterable[str | None]
) -> int:
    """Take the messages of a run out of its queues; how many.

    Another broker than Redis keeps them until a worker takes one and drops it.

    Raises:
        BusError: Redis cannot be reached.
    """
    if is_rabbitmq(settings):
        return 0
    queues = dict.fromkeys(map(queue_name, names))
    levels = [level for queue in queues for level in turns.names(queue)]
    try:
        return sum(_dropped(client, level, f"{run_id}-") for level in levels)
    except (RedisError, OSError) as error:
        raise unreachable(error) from error


def _dropped(client: Any, queue: str, prefix: str) -> int:
    # From the end, where messages are taken, to the beginning, where they come in:
    # what is added meanwhile moves nothing.
    dropped, end = 0, -1
    while raws := client.lrange(queue, end - PAGE + 1, end):
        ours = [raw for raw in raws if _only_of(prefix, raw)]
        pipe = client.pipeline(transaction=False)
        for raw in ours:
            pipe.lrem(queue, -1, raw)
        dropped += sum(pipe.execute())
        end -= len(raws) - len(ours)
    return dropped


def _only_of(prefix: str, raw: bytes) -> bool:
    """Whether a message holds documents of one run, and no others."""
    ids = documents_of(raw)
    return bool(ids) and all(document_id.startswith(prefix) for document_id in ids)


def documents_of(raw: bytes) -> list[str]:
    """The documents that a message holds; none if it is another program's."""
    try:
        body = json.loads(base64.b64decode(json.loads(raw)["body"]))
        return [str(document_id) for document_id, _ in body[0]]
    except (KeyError, TypeError, ValueError, IndexError):
        return []
