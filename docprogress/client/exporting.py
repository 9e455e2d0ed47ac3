"""Export the results of a run or a folder to files, and to other libraries' types.

An export is the state of one moment, even if documents are processed in the meantime.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docprogress.client import reading
from docprogress.client.export_files import Batch, write_documents, write_parts
from docprogress.client.selections import Selection
from docprogress.errors import ExportError
from docprogress.events import Status, now
from docprogress.exports import arrow, frameworks, records
from docprogress.exports.folder import ExportFolder
from docprogress.exports.records import COLUMNS, Record, What
from docprogress.exports.writers import WRITERS, Format
from docprogress.store import DocumentRow, Store
from docprogress.store.snapshot import snapshot
from docprogress.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa
    from langchain_core.documents import Document as LangChainDocument
    from llama_index.core.schema import TextNode

#: Called with how many documents are exported, out of how many.
OnProgress = Callable[[int, int], None]


def to_arrow(store: Store, selection: Selection, what: What) -> "pa.Table":
    """All records of a selection as one Arrow table.

    Raises:
        ExportError: There are no records of this kind, or pyarrow is not installed.
    """
    _check_what(what)
    with snapshot(store) as frozen:
        fields = arrow.schema(what, _dimensions(frozen, selection, what))
        import pyarrow as pa

        parts = [
            arrow.table(found, fields)
            for rows in selection.batches(frozen, current=what != "documents")
            for found in _records(frozen, rows, what)
        ]
        return pa.concat_tables([arrow.table([], fields), *parts])


def export(
    store: Store,
    selection: Selection,
    folder: str | os.PathLike[str],
    *,
    format: Format,  # noqa: A002 - what pandas and others call it
    what: What,
    progress: bool | OnProgress,
) -> Path:
    """Write the records of a selection into a folder.

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
    with snapshot(store) as frozen:
        return _write(
            frozen,
            selection,
            _target(folder),
            file_format=format,
            what=what,
            progress=progress,
        )


def _write(
    store: Store,
    selection: Selection,
    target: Path,
    *,
    file_format: Format,
    what: What,
    progress: bool | OnProgress,
) -> Path:
    dimensions = _dimensions(store, selection, what)
    if file_format == "parquet":
        # Reports a missing package before a folder is created.
        arrow.schema(what, dimensions)
    identity: dict[str, Any] = selection.identity | {
        "format": file_format,
        "what": what,
    }
    versions = {"docprogress": __version__, "dimensions": dimensions}
    with (
        ExportFolder(target, identity | versions) as output,
        _shown(progress, selection.total(store)) as on_progress,
    ):
        digest = _digest(store, selection, up_to=output.state.after)
        if output.state.after and digest.hexdigest() != output.state.digest:
            # A document has been processed again since.
            output.restart()
            digest = sha256()
        batches = _export_batches(store, selection, output, what, digest)
        shown = _counted(batches, on_progress, lambda: selection.total(store))
        if file_format == "markdown" or (file_format == "csv" and what == "tables"):
            write_documents(store, shown, output, file_format=file_format, what=what)
        else:
            suffix = file_format
            write_parts(shown, output, suffix=suffix, what=what, dimensions=dimensions)
        state = output.state
        output.publish(
            {
                "docprogress": __version__,
                **identity,
                "case": selection.case_id,
                "created": now().isoformat(),
                "finished": all(Status(name).final for name in state.documents),
                "records": state.records,
                "documents": {status.value: 0 for status in Status} | state.documents,
            }
        )
    return output.target


def to_langchain(store: Store, selection: Selection) -> "list[LangChainDocument]":
    """The chunks as LangChain documents, with their places as metadata."""
    with snapshot(store) as frozen:
        return frameworks.to_langchain(_chunk_records(frozen, selection))


def to_llama_index(store: Store, selection: Selection) -> "list[TextNode]":
    """The chunks as LlamaIndex nodes, with their vectors."""
    with snapshot(store) as frozen:
        return frameworks.to_llama_index(_chunk_records(frozen, selection))


def _chunk_records(store: Store, selection: Selection) -> Iterator[Record]:
    """The records of all chunks, with their vectors."""
    for rows in selection.batches(store, current=True):
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


def _dimensions(store: Store, selection: Selection, what: What) -> int | None:
    """The length of all vectors; None if they differ, or are not exported."""
    found = selection.dimensions(store) if what == "chunks" else set()
    return found.pop() if len(found) == 1 else None


def _export_batches(
    store: Store, selection: Selection, output: ExportFolder, what: What, digest: Any
) -> Iterator[Batch]:
    """All documents that are not exported yet, in order, with their records."""
    after = output.state.after
    for rows in selection.batches(store, after=after):
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


def _digest(store: Store, selection: Selection, *, up_to: int) -> Any:
    """A digest of the states of the first documents."""
    digest = sha256()
    if up_to:
        for rows in selection.batches(store):
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
