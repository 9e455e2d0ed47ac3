"""The current documents of a folder that is kept in sync."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from docprogress.client import exporting, reading
from docprogress.client.selections import FolderSelection
from docprogress.documents import Chunk, Page, Table
from docprogress.errors import SubmitError
from docprogress.exports.records import What
from docprogress.exports.writers import Format
from docprogress.formatting import plain, plural
from docprogress.store import DocumentRow, Store
from docprogress.store.snapshot import snapshot
from docprogress.store.source_rows import SourceRow

if TYPE_CHECKING:
    import pyarrow as pa
    from langchain_core.documents import Document as LangChainDocument
    from llama_index.core.schema import TextNode


class FolderDocuments:
    """The newest version of each document of a folder, over all its syncs.

    If the newest version of a file failed, the one before it is used. Exports and
    tables show the state of one moment: exactly one version of each file, even if
    documents are replaced in the meantime.

    Args:
        store: The store with the documents.
        source: The folder.
    """

    def __init__(self, store: Store, source: SourceRow) -> None:
        self._store = store
        self._selection = FolderSelection(source)
        #: The path of the folder, or its URL without secrets.
        self.root: str = source.root
        self.case_id: str | None = source.case_id
        #: When the last sync had submitted all changes.
        self.synchronized_at: datetime | None = (
            None
            if source.synced_at is None
            else datetime.fromtimestamp(source.synced_at).astimezone()
        )

    @classmethod
    def of(cls, store: Store, root: str, case_id: str | None) -> Self:
        """The documents of a folder in a case.

        Raises:
            SubmitError: The folder was never synchronized.
        """
        source = store.sources.get(root, case_id)
        if source is None:
            case = "without a case" if case_id is None else f"in case {case_id!r}"
            raise SubmitError(f"{plain(root)} was never synchronized {case}")
        return cls(store, source)

    def __repr__(self) -> str:
        rows = self.documents()
        current = sum(row.current for row in rows)
        found = plural(current, "current document")
        others = f", {len(rows) - current} not current" if len(rows) > current else ""
        return f"<Folder {plain(self.root)}: {found}{others}>"

    def documents(self) -> list[DocumentRow]:
        """A row for each document, by path: current ones, and newer ones that are not.

        A document whose newest version failed or is unfinished has two rows: the
        version that is kept, which is `current`, and the newest one.
        """
        with snapshot(self._store) as frozen:
            return [row for rows in self._selection.batches(frozen) for row in rows]

    def pages(self) -> Iterator[Page]:
        """The pages of all current documents, in bounded memory.

        As with `chunks` and `tables`, each document is read when the iteration reaches
        it.
        """
        for rows in self._batches():
            for _, pages in reading.page_parts(self._store, rows):
                yield from pages

    def chunks(self, *, vectors: bool = False) -> Iterator[Chunk]:
        """The chunks of all current documents, in bounded memory.

        Args:
            vectors: Whether to read their vectors, too.
        """
        for rows in self._batches():
            for _, chunks in reading.chunk_parts(self._store, rows, vectors=vectors):
                yield from chunks

    def tables(self) -> Iterator[Table]:
        """The tables of all current documents, in bounded memory."""
        for rows in self._batches():
            for _, tables in reading.table_parts(self._store, rows):
                yield from tables

    def to_arrow(self, what: What = "chunks") -> "pa.Table":
        """The chunks with their vectors, pages, tables or documents, in memory.

        `what` is as in `Run.export`.
        """
        return exporting.to_arrow(self._store, self._selection, what)

    def to_langchain(self) -> "list[LangChainDocument]":
        """The chunks as LangChain documents, with their positions as metadata."""
        return exporting.to_langchain(self._store, self._selection)

    def to_llama_index(self) -> "list[TextNode]":
        """The chunks as LlamaIndex nodes, with their vectors."""
        return exporting.to_llama_index(self._store, self._selection)

    def export(
        self,
        folder: str | os.PathLike[str],
        *,
        format: Format = "parquet",  # noqa: A002 - what pandas and others call it
        what: What = "chunks",
        progress: bool | exporting.OnProgress = False,
    ) -> Path:
        """Write the results of all current documents into a folder.

        The arguments are those of `Run.export`. The manifest lists the newest versions
        that are left out because they failed or are unfinished.

        Raises:
            ExportError: The folder contains something else or cannot be written, the
                disk is full, or a package is missing.
        """
        return exporting.export(
            self._store,
            self._selection,
            folder,
            format=format,
            what=what,
            progress=progress,
        )

    def _batches(self) -> Iterator[list[DocumentRow]]:
        return self._selection.batches(self._store, current=True)
