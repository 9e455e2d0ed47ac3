"""Read the results of a run in order and in bounded memory.

The memory that is needed depends neither on the number nor on the length of documents.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from docprogress.documents import Chunk, Page, Table
from docprogress.store import DocumentRow, Store
from docprogress.structure.tables import tables as tables_of

T = TypeVar("T")

#: The maximum number of documents whose results are read at once, and their weight:
#: characters of text, and as many for each chunk as its vector may take.
BATCH_DOCUMENTS = 500
BATCH_WEIGHT = 1_000_000
CHUNK_WEIGHT = 2_000

#: A document and some of its results; those of a long document come in several parts.
Part = tuple[DocumentRow, Sequence[T]]


def batches(
    store: Store,
    run_id: str,
    *,
    after: int = 0,
    current: bool = True,
) -> Iterator[list[DocumentRow]]:
    """The documents of a run in order, in batches of bounded weight.

    A document that exceeds the weight is a batch of its own.

    Args:
        store: Where they are.
        run_id: The run.
        after: Only documents with greater numbers.
        current: Only completed ones that no newer version has replaced, and whose
            files were not removed from their folder.
    """
    while rows := store.documents.find(
        run_id, current=current, after=after, limit=BATCH_DOCUMENTS
    ):
        after = rows[-1].number
        yield from weighed(rows)


def weighed(rows: Sequence[DocumentRow]) -> Iterator[list[DocumentRow]]:
    """Documents in batches of bounded weight."""
    batch: list[DocumentRow] = []
    left = BATCH_WEIGHT
    for row in rows:
        if batch and _weight(row) > left:
            yield batch
            batch, left = [], BATCH_WEIGHT
        batch.append(row)
        left -= _weight(row)
    if batch:
        yield batch


def page_parts(store: Store, rows: Sequence[DocumentRow]) -> Iterator[Part[Page]]:
    """The pages of a batch of documents."""
    results = store.results
    return _parts(rows, results.pages_of, results.page_slices)


def chunk_parts(
    store: Store, rows: Sequence[DocumentRow], *, vectors: bool
) -> Iterator[Part[Chunk]]:
    """The chunks of a batch of documents."""
    return _parts(
        rows,
        partial(store.results.chunks_of, vectors=vectors),
        partial(store.results.chunk_slices, vectors=vectors),
    )


def table_parts(store: Store, rows: Sequence[DocumentRow]) -> Iterator[Part[Table]]:
    """The tables of a batch of documents; those without tables are left out."""
    if _long(rows):
        [row] = rows
        slices = store.results.page_slices(row.id)
        every = (page for pages in slices for page in pages)
        for table in tables_of(every, media_type=row.media_type):
            yield row, [table]
        return
    for row, pages in page_parts(store, rows):
        # Most documents have none, and no Markdown has a table without it.
        some = any(page.markdown and "|" in page.markdown for page in pages)
        if some and (found := _tables(row, pages)):
            yield row, found


def _tables(row: DocumentRow, pages: Sequence[Page]) -> list[Table]:
    return list(tables_of(pages, media_type=row.media_type))


def pages(store: Store, run_id: str) -> Iterator[Page]:
    """The pages of a run's completed documents."""
    for rows in batches(store, run_id):
        for _, found in page_parts(store, rows):
            yield from found


def chunks(store: Store, run_id: str, *, vectors: bool) -> Iterator[Chunk]:
    """The chunks of a run's completed documents."""
    for rows in batches(store, run_id):
        for _, found in chunk_parts(store, rows, vectors=vectors):
            yield from found


def tables(store: Store, run_id: str) -> Iterator[Table]:
    """The tables of a run's completed documents."""
    for rows in batches(store, run_id):
        for _, found in table_parts(store, rows):
            yield from found


def _parts(
    rows: Sequence[DocumentRow],
    read: Callable[[list[str]], dict[str, list[T]]],
    read_slices: Callable[[str], Iterator[list[T]]],
) -> Iterator[Part[T]]:
    if _long(rows):
        [row] = rows
        for part in read_slices(row.id):
            yield row, part
        return
    found = read([row.id for row in rows])
    for row in rows:
        yield row, found.pop(row.id)


def _long(rows: Sequence[DocumentRow]) -> bool:
    return len(rows) == 1 and _weight(rows[0]) > BATCH_WEIGHT


def _weight(row: DocumentRow) -> int:
    return row.characters + CHUNK_WEIGHT * row.chunks
