"""Why no document of a run is being processed, from the store and Redis.

It is computed from the current state and never stored, so it ends with the wait.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import redis

from docprogress.events import Status, now
from docprogress.formatting import plural
from docprogress.queueing.availability import UNSERVED_MESSAGE, served_queues
from docprogress.queueing.queue_state import DEFAULT_DISPLAY_NAME
from docprogress.queueing.routing import display_name, waiting_queue
from docprogress.store import Store
from docprogress.store.queues import Unfinished, Waiting

#: How long a run's documents must have waited: most are fetched at once.
LEAST_WAIT = timedelta(seconds=1)

#: What documents wait for until the local services' first worker is there.
STARTING_WORKERS = "starting workers"


def queue_reasons(
    store: Store,
    client: redis.Redis | None,
    *,
    local: bool = False,
    moment: datetime | None = None,
) -> dict[str, str]:
    """Why runs wait that have sent documents, none of which is being processed.

    Args:
        store: Holds the documents of all runs.
        client: The Redis that workers announce their queues to.
        local: Whether workers are started as they are needed, so that there always is
            one, or will be in a moment.
        moment: Now.

    Raises:
        StoreError: The store cannot be reached.
    """
    found = store.queues.unfinished()
    busy = {each.run_id for each in found if each.status is Status.PROCESSING}
    since = (moment or now()) - LEAST_WAIT
    waiting = [
        each
        for each in found
        if each.run_id not in busy and (local or each.since <= since)
    ]
    if not waiting:
        return {}
    queues = {each: _queue(store, each) for each in found}
    names = list(dict.fromkeys(queues[each] for each in waiting))
    served = dict(zip(names, served_queues(client, names), strict=True))
    reasons: dict[str, str] = {}
    for each in waiting:
        name = queues[each]
        if served[name] is False and local and name == DEFAULT_DISPLAY_NAME:
            reasons[each.run_id] = STARTING_WORKERS
        if each.since > since:
            continue
        if served[name] is False and not local:
            unserved = UNSERVED_MESSAGE.format(name)
            reasons[each.run_id] = f"w{unserved[1:]}"
            continue
        others = [
            other
            for other, queue in queues.items()
            if queue == name and other.run_id != each.run_id
        ]
        ahead = _ahead(others)
        if served[name] and ahead:
            reasons.setdefault(each.run_id, _behind(ahead))
    return reasons


def _ahead(others: Iterable[Unfinished]) -> dict[str, int]:
    """The runs that keep the workers busy, and how many documents each has to go."""
    unfinished: dict[str, int] = {}
    processed: set[str] = set()
    for each in others:
        unfinished[each.run_id] = unfinished.get(each.run_id, 0) + each.documents
        if each.status is Status.PROCESSING:
            processed.add(each.run_id)
    return {run_id: unfinished[run_id] for run_id in sorted(processed)}


def _behind(ahead: Mapping[str, int]) -> str:
    to_go = plural(sum(ahead.values()), "document")
    if len(ahead) == 1:
        return f"waiting behind run {next(iter(ahead))}: {to_go} to go"
    return f"waiting behind {len(ahead)} other runs: {to_go} to go"


def _queue(store: Store, each: Unfinished) -> str:
    waiting = Waiting(each.run_id, each.position, each.documents, each.since)
    return display_name(waiting_queue(store, waiting))
