"""What a run has made: the text, pages, chunks and metadata of its documents."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from docprogress.documents import PAGE_SEPARATOR, Chunk, Page
from docprogress.errors import DocumentNotFound
from docprogress.events import Status
from docprogress.formatting import plural
from docprogress.store import DocumentRow, RunRow, Store

#: The most characters of the documents whose results are read at once, and the most
#: documents.
BATCH_CHARACTERS = 4_000_000
BATCH_DOCUMENTS = 500

#: Characters of the first page that a notebook shows.
PREVIEW_CHARACTERS = 4_000


class DocumentHandle:
    """One document of a run, and what was read of it.

    Results are read from the database when they are first asked for, and kept.

    Args:
        store: Where they are.
        row: The document in the store.
    """

    def __init__(self, store: Store, row: DocumentRow) -> None:
        self._store = store
        #: The document's state in the store: status, error, attempt, times.
        self.row = row
        self.id: str = row.id
        self.name: str = row.name

    def __repr__(self) -> str:
        return f"<Document {self.name}: {self.row.status}, {_size(self.row)}>"

    @cached_property
    def pages(self) -> list[Page]:
        """The pages, in order; empty before the document has been read."""
        return self._store.results.pages(self.id)

    @cached_property
    def chunks(self) -> list[Chunk]:
        """The chunks with their vectors, in order."""
        return self._store.results.chunks_of([self.id], vectors=True)[self.id]

    @property
    def text(self) -> str:
        """The text of all pages. Chunks' `start` and `end` are offsets into it."""
        return PAGE_SEPARATOR.join(page.text for page in self.pages)

    @property
    def markdown(self) -> str:
        """The document as Markdown; the plain text of pages without structure."""
        return PAGE_SEPARATOR.join(page.markdown or page.text for page in self.pages)

    @property
    def metadata(self) -> dict[str, Any]:
        """What is known of the document: title, author, media type, warnings."""
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
            "confidence": row.confidence,
            "parent_id": row.parent_id,
        }
        given = {name: value for name, value in known.items() if value is not None}
        return {**(row.metadata or {}), **given}

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the title, the metadata and the first page."""
        row = self.row
        facts = [row.status.value, _size(row)]
        facts += [fact for fact in (row.media_type, row.engine, row.note) if fact]
        lines = [f"**{_escaped(row.title or row.name)}**", _escaped(" · ".join(facts))]
        if row.error:
            lines.append(_escaped(row.error))
        if self.pages:
            first = self.pages[0].markdown or _escaped(self.pages[0].text)
            cut = first[:PREVIEW_CHARACTERS]
            lines.append(cut + (" …" if len(first) > len(cut) else ""))
        return "\n\n".join(lines)


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
            f"`docprogress status {run.id}` lists them",
        )
    if len(found) > 1:
        ids = ", ".join(row.id for row in found[:5])
        raise DocumentNotFound(
            which, f"{len(found):,} documents are named {which!r}: use an id ({ids}, …)"
        )
    return DocumentHandle(store, found[0])


def completed(
    store: Store, run_id: str, *, after: int = 0
) -> Iterator[list[DocumentRow]]:
    """The completed documents of a run in order, in batches of bounded size.

    Args:
        store: Where they are.
        run_id: The run.
        after: Only documents with greater numbers.
    """
    while rows := store.documents.find(
        run_id, status=Status.COMPLETED, after=after, limit=BATCH_DOCUMENTS
    ):
        after = rows[-1].number
        batch: list[DocumentRow] = []
        left = BATCH_CHARACTERS
        for row in rows:
            if batch and row.characters > left:
                yield batch
                batch, left = [], BATCH_CHARACTERS
            batch.append(row)
            left -= row.characters
        yield batch


def pages(store: Store, run_id: str) -> Iterator[Page]:
    """The pages of a run's completed documents, in order, in bounded memory."""
    for rows in completed(store, run_id):
        found = store.results.pages_of([row.id for row in rows])
        for row in rows:
            yield from found.pop(row.id)


def chunks(store: Store, run_id: str, *, vectors: bool) -> Iterator[Chunk]:
    """The chunks of a run's completed documents, in order, in bounded memory."""
    for rows in completed(store, run_id):
        found = store.results.chunks_of([row.id for row in rows], vectors=vectors)
        for row in rows:
            yield from found.pop(row.id)


def _size(row: DocumentRow) -> str:
    return f"{plural(row.pages, 'page')}, {plural(row.chunks, 'chunk')}"


def _escaped(text: str) -> str:
    """Plain text as Markdown that shows it as it is."""
    for character in "\\`*_{}[]<>()#+-!|~$":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", "  \n")
