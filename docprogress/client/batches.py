"""Go through the documents of a run of any size in bounded memory."""

from collections.abc import Iterator, Sequence
from typing import Any

from docprogress.store import DocumentRow, Store

#: Documents that are read from the store at once.
BATCH_SIZE = 1000

#: Documents that are cancelled, or retried, in one transaction.
CHANGED_TOGETHER = 2_000


def document_batches(
    store: Store, run_id: str, size: int = BATCH_SIZE, *, after: int = 0
) -> Iterator[list[DocumentRow]]:
    """The documents of a run in order, so many at a time, after this number."""
    while rows := store.documents.find(run_id, after=after, limit=size):
        after = rows[-1].number
        yield rows


def selections(
    store: Store, run_id: str, expected: int, document_ids: Sequence[str] | None
) -> Iterator[dict[str, Any]]:
    """Arguments of the store's methods that select these documents of a run, or all.

    In batches, so that neither side waits long, however large the run is.
    """
    if document_ids is not None:
        yield {"document_ids": document_ids}
        return
    first = 1
    while first <= max(store.documents.last_number(run_id), expected):
        numbers = range(first, first + CHANGED_TOGETHER)
        yield {"run_id": run_id, "numbers": numbers}
        first += CHANGED_TOGETHER
