"""The interface of a sink, which stores the chunks of whole documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from docprogress.documents import Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkDocument:
    """The document whose chunks a sink is given."""

    id: str
    #: The file's name; a container's member has its container's name in front.
    name: str
    run_id: str
    case_id: str | None = None
    #: The document that this one was contained in: a mail, an archive.
    parent_id: str | None = None
    media_type: str | None = None
    title: str | None = None
    #: What made the vectors.
    embedder: str | None = None
    #: The attempt whose chunks these are. It grows whenever a document is tried again.
    attempt: int = 1
    #: Whether nothing of this document was ever written.
    new: bool = False
    #: Whether a table that is missing is made. It is not once other documents of the
    #: run are stored: then the store is unavailable.
    creates: bool = True
    #: Earlier versions of this document, whose chunks are deleted when this one's are
    #: there: if possible in the same transaction.
    replaces: tuple[str, ...] = ()
    #: What else is known of it, as JSON values: author, created, language, ….
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Sink(Protocol):
    """A vector store of the user's.

    Each worker process makes one, in which methods are called one at a time. An error
    fails the document; `TransientError` has it tried again, and `ServiceUnavailable`
    has it wait until the store is back.

    A sink whose `upsert` deletes the chunks of `document.replaces`, so that nobody
    finds both versions or neither, says so by `replaces_documents = True`. For others,
    `delete` is called with them after `upsert`.
    """

    def upsert(
        self, document: SinkDocument, chunks: Sequence[Chunk]
    ) -> Iterable[int] | None:
        """Replace the stored chunks of a document by these.

        Called again after any interruption: the result must be the same. A generator
        that yields how many chunks are stored so far has its progress shown, and is
        closed if the document is cancelled.
        """

    def delete(self, document_ids: Sequence[str]) -> None:
        """Delete all chunks of these documents, of which there may be none."""
