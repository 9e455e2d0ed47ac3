"""One document of a run: its text, pages, tables, chunks and metadata."""

from functools import cached_property
from typing import Any

from docprogress.documents import PAGE_SEPARATOR, Chunk, Page, Table
from docprogress.errors import DocumentNotFound, ResultsUnavailable
from docprogress.events import Status
from docprogress.formatting import plain, plural
from docprogress.store import DocumentRow, RunRow, Store
from docprogress.structure.tables import tables


class DocumentHandle:
    """One document of a run, and its results.

    Results are read from the database when they are first accessed. Those of a document
    that has ended are cached.

    A document that failed or is unfinished may have some of its results, for example
    its pages if it failed later. Accessing a missing result raises
    `ResultsUnavailable`, so that it is never mistaken for an empty one.

    Args:
        store: The store with the results.
        row: The document in the store.
    """

    def __init__(self, store: Store, row: DocumentRow) -> None:
        self._store = store
        self._row = row
        self.id: str = row.id
        self.name: str = row.name

    def __repr__(self) -> str:
        row = self.row
        parts = [row.status.value]
        if row.error:
            parts.append(plain(row.error))
        else:
            parts += [plural(row.pages, "page"), plural(row.chunks, "chunk")]
        return f"<Document {plain(self.name)}: {', '.join(parts)}>"

    @property
    def row(self) -> DocumentRow:
        """The state of the document in the store, with its error, attempt and times."""
        if not self._row.status.final:
            self._row = self._store.documents.get(self.id)
        return self._row

    @property
    def pages(self) -> list[Page]:
        """The pages, in order.

        Raises:
            ResultsUnavailable: The document has not been read.
        """
        # The state is read first: results read after it can only be newer.
        return self._pages if self.row.status.final else self._read_pages()

    @property
    def chunks(self) -> list[Chunk]:
        """The chunks with their vectors, in order.

        Raises:
            ResultsUnavailable: The document has not been chunked.
        """
        return self._chunks if self.row.status.final else self._read_chunks()

    @property
    def tables(self) -> list[Table]:
        """The tables, in order, with their rows; `table.to_frame()` is a DataFrame.

        Raises:
            ResultsUnavailable: The document has not been read.
        """
        return self._tables if self.row.status.final else self._found_tables()

    @property
    def text(self) -> str:
        """The text of all pages. Chunks' `start` and `end` are offsets into it.

        Raises:
            ResultsUnavailable: The document has not been read.
        """
        return PAGE_SEPARATOR.join(page.text for page in self.pages)

    @property
    def markdown(self) -> str:
        """The document as Markdown; the plain text of pages without structure.

        Raises:
            ResultsUnavailable: The document has not been read.
        """
        return PAGE_SEPARATOR.join(page.markdown or page.text for page in self.pages)

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts about the document, such as title, author, media type and warnings."""
        row = self.row
        known = {
            "name": row.name,
            "media_type": row.media_type,
            "engine": row.engine,
            "title": row.title,
            "note": row.note,
            "size": row.size,
            "sha256": row.sha256,
            "page_count": row.pages,
            "ocr_pages": row.ocr_pages,
            "ocr_share": row.ocr_pages and round(row.ocr_pages / max(row.pages, 1), 4),
            "confidence": row.confidence,
            "parent_id": row.parent_id,
        }
        given = {name: value for name, value in known.items() if value is not None}
        return {**(row.metadata or {}), **given}

    def _repr_html_(self) -> str:
        """What a notebook shows: title, metadata, first page, tables."""
        from docprogress.client.document_html import document_html

        return document_html(self._store, self.row, self.metadata)

    @cached_property
    def _pages(self) -> list[Page]:
        return self._read_pages()

    @cached_property
    def _chunks(self) -> list[Chunk]:
        return self._read_chunks()

    @cached_property
    def _tables(self) -> list[Table]:
        return self._found_tables()

    def _found_tables(self) -> list[Table]:
        return list(tables(self.pages, media_type=self._row.media_type))

    def _read_pages(self) -> list[Page]:
        found = self._store.results.pages_of([self.id])[self.id]
        return found if found and self._row.retired_at is None else self._none("pages")

    def _read_chunks(self) -> list[Chunk]:
        found = self._store.results.chunks_of([self.id], vectors=True)[self.id]
        return found if found and self._row.retired_at is None else self._none("chunks")

    def _none(self, what: str) -> list[Any]:
        """Return an empty list if the document really has none."""
        row = self._row
        if row.status is Status.COMPLETED:
            row = self._store.documents.get(self.id)
            if row.retired_at is None:
                return []
            raise ResultsUnavailable(
                self.id,
                f"{row.name} has no {what} any more: {row.message.lower()}",
            )
        if row.status is Status.FAILED:
            cause = (row.error or row.message).removeprefix(f"{row.name}: ")
            reason = f"it failed: {cause}"
        elif row.status is Status.CANCELLED:
            reason = "it was cancelled"
        else:
            reason = f"it is {row.status.value}; `run.wait()` waits for its end"
        raise ResultsUnavailable(self.id, f"{row.name} has no {what}: {reason}")


def document(store: Store, run: RunRow, which: str) -> DocumentHandle:
    """The document of a run with this name or id.

    Raises:
        DocumentNotFound: The run has none, or several with this name.
    """
    found = store.documents.find(run.id, ids=[which])
    found = found or store.documents.find(run.id, name=which)
    if not found:
        raise DocumentNotFound(
            which,
            f"no document of run {run.id} has the name or id {which!r}; "
            "`run.to_frame()` lists them",
            run_id=run.id,
        )
    if len(found) > 1:
        ids = ", ".join(row.id for row in found[:5])
        more = ", …" if len(found) > 5 else ""  # noqa: PLR2004 - as above
        raise DocumentNotFound(
            which,
            f"{len(found):,} documents are named {which!r}: use an id ({ids}{more})",
        )
    return DocumentHandle(store, found[0])
