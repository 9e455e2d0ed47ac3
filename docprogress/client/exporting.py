"""Export the results of a run to files, and to other libraries' types."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docprogress.client import reading
from docprogress.client.batches import document_batches
from docprogress.client.export_files import Batch, write_documents, write_parts
from docprogress.errors import ExportError
from docprogress.events import Status, now
from docprogress.exports import arrow, records
from docprogress.exports.folder import ExportFolder
from docprogress.exports.records import COLUMNS, Record, What
from docprogress.exports.writers import WRITERS, Format
from docprogress.store import DocumentRow, RunRow, Store
from docprogress.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

#: Called with how many documents are exported, out of how many.
OnProgress = Callable[[int, int], None]


def to_arrow(store: Store, run: RunRow, what: What) -> "pa.Table":
    """All records of a run as one Arrow table.

    Raises:
        ExportError: There are no records of this kind, or pyarrow is not installed.
    """
    _check_what(what)
    fields = arrow.schema(what, _dimensions(store, run, what))
    import pyarrow as pa

    parts = [
        arrow.table(found, fields)
        for rows in _batches(store, run, what)
        for found in _records(store, rows, what)
    ]
    return pa.concat_tables([arrow.table([], fields), *parts])


def export(
    store: Store,
    run: RunRow,
    folder: str | os.PathLike[str],
    *,
    format: Format,  # noqa: A002 - what pandas and others call it
    what: What,
    progress: bool | OnProgress,
) -> Path:
    """Write a run's records into a folder.

    Raises:
        ExportError: The folder holds something else or cannot be written, or the format
            is not known.
    """
    _check_what(what)
    if format not in (*WRITERS, "markdown"):
        known = ", ".join((*WRITERS, "markdown"))
        raise ExportError(f"unknown format {format!r}: choose one of {known}")
    if format == "markdown" and what != "tables":
        what = "documents"
    dimensions = _dimensions(store, run, what)
    if format == "parquet":
        # Reports a missing package before a folder is created.
        arrow.schema(what, dimensions)
    identity: dict[str, Any] = {"run": run.id, "format": format, "what": what}
    versions = {"docprogress": __version__, "dimensions": dimensions}
    with (
        ExportFolder(_target(folder), identity | versions) as output,
        _shown(progress, _total(store, run)) as on_progress,
    ):
        digest = _digest(store, run, up_to=output.state.after)
        if output.state.after and digest.hexdigest() != output.state.digest:
            # A document has been processed again since.
            output.restart()
            digest = sha256()
        batches = _export_batches(store, run, output, what, digest)
        shown = _counted(batches, on_progress, lambda: _total(store, run))
        if format == "markdown" or (format == "csv" and what == "tables"):
            write_documents(store, shown, output, file_format=format, what=what)
        else:
            write_parts(shown, output, suffix=format, what=what, dimensions=dimensions)
        state = output.state
        output.publish(
            {
                "docprogress": __version__,
                **identity,
                "case": run.case_id,
                "created": now().isoformat(),
                "finished": not any(
                    store.documents.counts(run.id)[status]
                    for status in Status
                    if not status.final
                ),
                "records": state.records,
                "documents": {status.value: 0 for status in Status} | state.documents,
            }
        )
    return output.target


def chunk_records(store: Store, run_id: str) -> Iterator[Record]:
    """The records of all chunks of a run, with their vectors."""
    for rows in reading.batches(store, run_id):
        for found in _records(store, rows, "chunks"):
            yield from found


def _check_what(what: str) -> None:
    if what not in COLUMNS:
        known = ", ".join(COLUMNS)
        raise ExportError(f"unknown kind of records {what!r}: choose one of {known}")


def _target(folder: str | os.PathLike[str]) -> Path:
    """The folder's own place, which has a name."""
    path = Path(folder).expanduser()
    # A link to a folder stays one.
    return path.resolve() if path.is_symlink() else Path(os.path.abspath(path))  # noqa: PTH100


def _dimensions(store: Store, run: RunRow, what: What) -> int | None:
    """The length of all vectors of a run; None if they differ, or are not exported."""
    found = store.vectors.dimensions(run.id) if what == "chunks" else set()
    return found.pop() if len(found) == 1 else None


def _total(store: Store, run: RunRow) -> int:
    return max(sum(store.documents.counts(run.id).values()), run.expected)


def _batches(store: Store, run: RunRow, what: What) -> Iterator[list[DocumentRow]]:
    if what == "documents":
        return document_batches(store, run.id)
    return reading.batches(store, run.id)


def _export_batches(
    store: Store, run: RunRow, output: ExportFolder, what: What, digest: Any
) -> Iterator[Batch]:
    """All documents that are not exported yet, in order, with their records."""
    after = output.state.after
    for rows in reading.batches(store, run.id, after=after, current=False):
        for row in rows:
            digest.update(_fingerprint(row))
        completed = [row for row in rows if row.current]
        yield Batch(
            rows=rows,
            completed=completed,
            records=_records(store, rows if what == "documents" else completed, what),
            digest=digest.hexdigest(),
        )


def _records(
    store: Store, rows: Sequence[DocumentRow], what: What
) -> Iterator[list[Record]]:
    """The records of a batch of documents, in parts of bounded size."""
    if not rows:
        return
    if what == "documents":
        yield [records.of_document(row) for row in rows]
    elif what == "pages":
        for row, pages in reading.page_parts(store, rows):
            yield [records.of_page(page, row.name) for page in pages]
    elif what == "tables":
        for row, tables in reading.table_parts(store, rows):
            yield [records.of_table(table, row.name) for table in tables]
    else:
        for row, chunks in reading.chunk_parts(store, rows, vectors=True):
            yield [records.of_chunk(chunk, row.name) for chunk in chunks]


def _digest(store: Store, run: RunRow, *, up_to: int) -> Any:
    """A digest of the states of a run's first documents."""
    digest = sha256()
    if up_to:
        for rows in document_batches(store, run.id):
            for row in rows:
                if row.number > up_to:
                    return digest
                digest.update(_fingerprint(row))
    return digest


def _fingerprint(row: DocumentRow) -> bytes:
    retired = " retired" if row.retired_at else ""
    return f"{row.id} {row.status} {row.attempt}{retired}\n".encode()


def _counted(
    batches: Iterator[Batch], on_progress: OnProgress, total: Callable[[], int]
) -> Iterator[Batch]:
    """The batches; each is reported once the next one is requested."""
    known = total()
    done = 0
    for batch in batches:
        yield batch
        done = batch.rows[-1].number
        if done > known:
            known = total()
        on_progress(done, max(done, known))
    on_progress(done, done)


def _shown(progress: bool | OnProgress, total: int) -> Any:
    """A context that gives a function to call with the progress."""
    if callable(progress):
        return nullcontext(progress)
    if not progress:
        return nullcontext(lambda *_: None)
    from docprogress.terminal.bar import progress_bar

    return progress_bar("Exporting", total, unit="documents")
