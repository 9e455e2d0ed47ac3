"""Export what a run has made to files, and to other libraries' types."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docprogress.client import results
from docprogress.client.batches import document_batches
from docprogress.documents import PAGE_SEPARATOR
from docprogress.errors import ExportError
from docprogress.events import Status, now
from docprogress.exports import records
from docprogress.exports.folder import ExportFolder
from docprogress.exports.records import COLUMNS, Record, What
from docprogress.exports.writers import WRITERS, Format
from docprogress.store import DocumentRow, RunRow, Store
from docprogress.version import __version__

if TYPE_CHECKING:
    import pyarrow as pa

#: A file is finished once it has this many records.
RECORDS_PER_FILE = 50_000

#: The longest name of a Markdown file, in bytes, without its ending.
_LONGEST_STEM = 200

#: Called with how many documents are exported, out of how many.
OnProgress = Callable[[int, int], None]

_Batch = tuple[list[DocumentRow], list[Record]]


def to_arrow(store: Store, run: RunRow, what: What) -> "pa.Table":
    """All records of a run as one Arrow table."""
    import pyarrow as pa

    _check_what(what)
    parts = [records.table(what, found) for _, found in _read(store, run, what, 0)]
    return pa.concat_tables(parts) if parts else records.table(what, [])


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
        ExportError: The folder is not empty, or the format is not known.
    """
    _check_what(what)
    if format not in (*WRITERS, "markdown"):
        known = ", ".join((*WRITERS, "markdown"))
        raise ExportError(f"no format {format!r}: choose one of {known}")
    if format == "markdown":
        what = "documents"
    target = Path(folder).expanduser().absolute()
    identity = {"run": run.id, "format": format, "what": what}
    output = ExportFolder(target, identity)
    counts = store.documents.counts(run.id)
    total = sum(counts.values())
    with _shown(progress, total) as on_progress:
        if format == "markdown":
            _write_markdown(store, run, output, on_progress)
        else:
            _write_parts(
                store, run, output, suffix=format, what=what, on_progress=on_progress
            )
        on_progress(total, total)
    output.publish(
        {
            "docprogress": __version__,
            **identity,
            "case": run.case_id,
            "created": now().isoformat(),
            "files": output.files,
            "records": sum(output.files.values()),
            "documents": {str(status): count for status, count in counts.items()},
            "left_out": _left_out(store, run),
        }
    )
    return target


def chunk_records(store: Store, run_id: str) -> Iterator[Record]:
    """The records of all chunks of a run, with their vectors."""
    for rows in results.completed(store, run_id):
        chunks = store.results.chunks_of([row.id for row in rows], vectors=True)
        for row in rows:
            for chunk in chunks.pop(row.id):
                yield records.of_chunk(chunk, row.name)


def _check_what(what: str) -> None:
    if what not in COLUMNS:
        known = ", ".join(COLUMNS)
        raise ExportError(f"no records of the kind {what!r}: choose one of {known}")


def _read(store: Store, run: RunRow, what: What, after: int) -> Iterator[_Batch]:
    """Documents with their records, from the document after this number on."""
    if what == "documents":
        for rows in document_batches(store, run.id, after=after):
            yield rows, [records.of_document(row) for row in rows]
        return
    for rows in results.completed(store, run.id, after=after):
        ids = [row.id for row in rows]
        if what == "pages":
            pages = store.results.pages_of(ids)
            found = [
                records.of_page(page, row.name)
                for row in rows
                for page in pages[row.id]
            ]
        else:
            chunks = store.results.chunks_of(ids, vectors=True)
            found = [
                records.of_chunk(chunk, row.name)
                for row in rows
                for chunk in chunks[row.id]
            ]
        yield rows, found


def _write_parts(
    store: Store,
    run: RunRow,
    output: ExportFolder,
    *,
    suffix: str,
    what: What,
    on_progress: OnProgress,
) -> None:
    """Write files of many records, each with whole documents."""
    batches = _read(store, run, what, output.after)
    written = True
    while written or not output.files:
        name = f"{what}-{len(output.files):05d}.{suffix}"
        with closing(WRITERS[suffix](output.path / name, what)) as file:
            count, after = 0, 0
            for rows, found in batches:
                if found:
                    file.write(found)
                count += len(found)
                after = rows[-1].number
                on_progress(after, max(after, run.expected))
                if count >= RECORDS_PER_FILE:
                    break
        written = after > 0
        if written or not output.files:
            output.files[name] = count
            output.save(after=max(after, output.after))


def _write_markdown(
    store: Store, run: RunRow, output: ExportFolder, on_progress: OnProgress
) -> None:
    """Write a Markdown file for each completed document."""
    for rows in results.completed(store, run.id, after=output.after):
        pages = store.results.pages_of([row.id for row in rows])
        taken = {name.casefold() for name in output.files}
        for row in rows:
            name = _file_name(row, taken)
            taken.add(name.casefold())
            found = pages.pop(row.id)
            text = PAGE_SEPARATOR.join(page.markdown or page.text for page in found)
            path = output.path / name
            path.write_text(text + "\n", encoding="utf-8", newline="\n")
            output.files[name] = 1
        output.save(after=rows[-1].number)
        on_progress(rows[-1].number, max(rows[-1].number, run.expected))


def _file_name(row: DocumentRow, taken: set[str]) -> str:
    """A file name that every file system accepts, unlike all that are taken."""
    stem = "".join("_" if each in '/\\:*?"<>|' else each for each in row.name)
    stem = (
        stem.encode()[:_LONGEST_STEM].decode(errors="ignore").strip(" .") or "unnamed"
    )
    name = f"{stem}.md"
    return f"{stem}-{row.number}.md" if name.casefold() in taken else name


def _left_out(store: Store, run: RunRow) -> list[dict[str, Any]]:
    """The documents whose results are not in the export, with the reasons."""
    return [
        {
            "document_id": row.id,
            "document": row.name,
            "status": str(row.status),
            "reason": row.error or row.message,
        }
        for status in Status
        if status is not Status.COMPLETED
        for row in store.documents.find(run.id, status=status)
    ]


def _shown(progress: bool | OnProgress, total: int) -> Any:
    """A context that gives a function to call with the progress."""
    if callable(progress):
        return nullcontext(progress)
    if not progress:
        return nullcontext(lambda *_: None)
    from docprogress.terminal.bar import progress_bar

    return progress_bar("Exporting", total, unit="documents")
