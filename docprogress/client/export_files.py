"""Write the files of an export: of many records each, or one for each document."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from docprogress.client import reading
from docprogress.documents import PAGE_SEPARATOR, Page, Table
from docprogress.exports.file_names import FileNames
from docprogress.exports.folder import ExportFolder, File
from docprogress.exports.records import Record, What
from docprogress.exports.writers import WRITERS, Format, Writer, write_table
from docprogress.store import DocumentRow, Store
from docprogress.structure.tables import titled

#: A file is finished once it has this many records, or covers so many documents.
RECORDS_PER_FILE = 50_000
DOCUMENTS_PER_FILE = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive documents of a run, with their records."""

    rows: Sequence[DocumentRow]
    #: Those of them that have results.
    completed: Sequence[DocumentRow]
    #: Lists of bounded size; read while they are iterated over.
    records: Iterator[list[Record]]
    #: The digest of all documents up to the last of these.
    digest: str


@dataclass(slots=True)
class _Covered:
    """The documents that an export's folder has covered."""

    left_out: list[dict[str, Any]] = field(default_factory=list)
    documents: Counter[str] = field(default_factory=Counter)
    after: int = 0
    digest: str = ""

    def add(self, batch: Batch) -> None:
        self.documents.update(row.status.value for row in batch.rows)
        self.left_out += (
            {
                "document_id": row.id,
                "document": row.name,
                "status": row.status.value,
                "reason": row.error or row.message,
            }
            for row in batch.rows
            if not row.current
        )
        self.after = batch.rows[-1].number
        self.digest = batch.digest

    def save(self, output: ExportFolder, files: Sequence[File]) -> None:
        output.save(
            files,
            self.left_out,
            documents=self.documents,
            after=self.after or output.state.after,
            digest=self.digest or output.state.digest,
        )


def write_parts(
    batches: Iterator[Batch],
    output: ExportFolder,
    *,
    suffix: str,
    what: What,
    dimensions: int | None,
) -> None:
    """Write files of many records, each with whole documents; at least one."""
    batch = next(batches, None)
    while batch is not None or not output.state.files:
        name = f"{what}-{output.state.files:05d}.{suffix}"
        covered = _Covered()
        count = 0
        with _opened(output, name, what, suffix, dimensions) as writer:
            while batch is not None:
                for found in batch.records:
                    writer.write(found)
                    count += len(found)
                covered.add(batch)
                batch = next(batches, None)
                documents = covered.documents.total()
                if count >= RECORDS_PER_FILE or documents >= DOCUMENTS_PER_FILE:
                    break
        covered.save(output, [File(name=name, records=count)])


def write_documents(
    store: Store,
    batches: Iterator[Batch],
    output: ExportFolder,
    *,
    file_format: Format,
    what: What,
) -> None:
    """Write a Markdown file for each document, or a CSV file for each table."""
    names = FileNames(output.names())
    for batch in batches:
        files: list[File] = []
        with output.errors():
            if what != "tables":
                files += _write_texts(store, batch.completed, output.path, names)
            elif file_format == "markdown":
                files += _write_tables(store, batch.completed, output.path, names)
            else:
                files += _write_each_table(store, batch.completed, output.path, names)
        covered = _Covered()
        covered.add(batch)
        covered.save(output, files)


def _write_texts(
    store: Store, rows: Sequence[DocumentRow], folder: Path, names: FileNames
) -> Iterator[File]:
    for row, parts in _by_document(reading.page_parts(store, rows) if rows else ()):
        name = names.add(row.name, ".md", number=row.number)
        with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
            separator = ""
            page: Page
            for page in parts:
                file.write(separator + (page.markdown or page.text))
                separator = PAGE_SEPARATOR
            file.write("\n")
        yield File(name=name, records=1, source=_source(row))


def _write_tables(
    store: Store, rows: Sequence[DocumentRow], folder: Path, names: FileNames
) -> Iterator[File]:
    for row, parts in _by_document(reading.table_parts(store, rows) if rows else ()):
        name = names.add(row.name, ".md", number=row.number)
        count = 0
        with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
            table: Table
            for table in parts:
                file.write("\n" if count else "")
                file.write(f"## {titled(table)}\n")
                count += 1
        yield File(name=name, records=count, source=_source(row))


def _write_each_table(
    store: Store, rows: Sequence[DocumentRow], folder: Path, names: FileNames
) -> Iterator[File]:
    for row, tables in reading.table_parts(store, rows) if rows else ():
        for table in tables:
            name = names.add(
                row.name, ".csv", number=row.number, part=f"-table-{table.number}"
            )
            write_table(folder / name, table.rows)
            place = {"number": table.number, "page": table.page, "title": table.title}
            yield File(
                name=name, records=len(table.rows) - 1, source=_source(row) | place
            )


def _by_document(parts: Iterable[Any]) -> Iterator[tuple[DocumentRow, Iterator[Any]]]:
    """The items of each document, of which a long one has several parts."""
    for row, found in groupby(parts, itemgetter(0)):
        yield row, (item for _, items in found for item in items)


def _source(row: DocumentRow) -> dict[str, Any]:
    return {"document_id": row.id, "document": row.name}


@contextmanager
def _opened(
    output: ExportFolder,
    name: str,
    what: What,
    suffix: str,
    dimensions: int | None,
) -> Iterator[Writer]:
    """A file of an export, complete once the context is left without an error."""
    with output.errors():
        writer = WRITERS[suffix](output.path / name, what, dimensions=dimensions)
        try:
            yield writer
        except BaseException:
            with suppress(OSError):
                writer.close()
            raise
        writer.close()
