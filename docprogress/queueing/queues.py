"""The queues by the store: which documents wait in each, and whether it has a worker.

Not every broker can list its messages, and the store is the source of truth.
"""

from datetime import datetime

import redis

from docprogress.events import now
from docprogress.queueing.availability import served_queues
from docprogress.queueing.queue_state import DEFAULT_DISPLAY_NAME, Queue
from docprogress.queueing.routing import display_name, waiting_queue
from docprogress.store import Store
from docprogress.store.queues import Waiting


def queues(store: Store, client: redis.Redis | None) -> list[Queue]:
    """The default queue and every other queue with waiting documents, by name.

    Raises:
        StoreError: The store cannot be reached.
    """
    found: dict[str, list[Waiting]] = {DEFAULT_DISPLAY_NAME: []}
    for waiting in store.queues.waiting():
        name = display_name(waiting_queue(store, waiting))
        found.setdefault(name, []).append(waiting)
    current = now()
    names = sorted(found)
    return [
        Queue(
            name,
            sum(waiting.documents for waiting in found[name]),
            _age(min((w.since for w in found[name]), default=None), current),
            served,
        )
        for name, served in zip(names, served_queues(client, names), strict=True)
    ]


def _age(since: datetime | None, current: datetime) -> float | None:
    return None if since is None else max((current - since).total_seconds(), 0.0)
