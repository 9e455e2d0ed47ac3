"""Why no document of a run is being processed, from the store and Redis."""

from docprogress.bus.bus import Bus
from docprogress.client.connections import Connections
from docprogress.errors import BusError
from docprogress.events import Status, now
from docprogress.progress.waiting import waiting_text
from docprogress.queueing.waits import queue_reasons

#: The number of queued documents whose messages are read.
MOST_ASKED = 100


def waiting_for(connections: Connections, run_id: str) -> str | None:
    """Why no document of a run is being processed; None if one is, or if unknown.

    Raises:
        StoreError: The store cannot be reached.
    """
    documents = connections.store.documents
    counts = documents.counts(run_id)
    if not counts[Status.QUEUED] or counts[Status.PROCESSING]:
        return None
    for row in documents.find(run_id, status=Status.QUEUED, limit=MOST_ASKED):
        if (text := waiting_text(row.event(), now())) is not None:
            return text
    try:
        # Not the pipeline's bus, which would start local services.
        with Bus(connections.redis_url) as bus:
            reasons = queue_reasons(
                connections.store, bus.redis, local=connections.settings.local
            )
    except BusError:
        return None
    return reasons.get(run_id)
