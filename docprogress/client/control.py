"""Cancel and retry the documents of a run, in batches, however large it is."""

import logging
from collections.abc import Sequence

from docprogress.client.batches import selections
from docprogress.client.connections import Connections
from docprogress.errors import BusError, RunTooNew
from docprogress.queueing import protocol
from docprogress.store import RunRow

log = logging.getLogger(__name__)


def cancel(
    connections: Connections,
    run_id: str,
    document_ids: Sequence[str] | None,
    *,
    expected: int,
) -> int:
    """Cancel unfinished documents of a run, these or all; returns how many."""
    store = connections.store
    count = 0
    for chosen in selections(store, run_id, expected, document_ids):
        if document_ids is None:
            missing = store.submissions.add_cancelled(**chosen)
            connections.publish_states(missing)
            count += len(missing)
        ended, requested = store.documents.cancel(**chosen)
        connections.publish_states(ended)
        if requested:
            attempts = {row.id: row.attempt for row in requested}
            try:
                connections.bus.request_cancel(attempts)
            except BusError as error:
                log.warning(
                    "workers will be notified of the cancellation later: %s", error
                )
        count += len(ended) + len(requested)
    return count


def retry(
    connections: Connections,
    run: RunRow,
    document_ids: Sequence[str] | None,
    *,
    expected: int,
    failed_only: bool,
    passwords: Sequence[str],
) -> int:
    """Retry documents of a run, these or all; returns how many.

    Raises:
        BusError: Redis, which passwords need, cannot be reached.
        RunTooNew: The run was submitted by a later version than this one.
    """
    if (version := protocol.required_version(run.settings)) is not None:
        raise RunTooNew(run.id, version)
    if isinstance(passwords, str):
        raise TypeError("passwords are a list: passwords=[…]")
    connections.share_passwords(run.id, passwords)
    connections.share_sink(run)
    store = connections.store
    count = 0
    for chosen in selections(store, run.id, expected, document_ids):
        rows = store.documents.retry(**chosen, failed_only=failed_only)
        connections.publish_states(rows)
        connections.send_tasks(rows, first=count + 1)
        count += len(rows)
    return count
