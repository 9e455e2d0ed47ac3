"""Read the documents of a run of any size in bounded memory."""

from collections.abc import Iterator

from docprogress.store import DocumentRow, Store

#: Documents that are read from the store at once.
BATCH_SIZE = 1000


def document_batches(
    store: Store, run_id: str, size: int = BATCH_SIZE, *, after: int = 0
) -> Iterator[list[DocumentRow]]:
    """The documents of a run in order, so many at a time, after this number."""
    while rows := store.documents.find(run_id, after=after, limit=size):
        after = rows[-1].number
        yield rows
