"""The chunks of a document whose vectors are known before its embedding begins.

Either this step was interrupted after it had embedded them, or the earlier version of a
changed document has the same text in a chunk.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from docprogress.documents import Chunk
from docprogress.settings import RUN_SETTINGS, Settings
from docprogress.steps.embed import embedder
from docprogress.store import DocumentRow, Store


class EmbeddedBefore(NamedTuple):
    """Chunks with vectors, which need not be embedded."""

    chunks: list[Chunk]
    #: How many of them have the vectors of the earlier version of the document.
    unchanged: int = 0


def embedded_before(
    store: Store,
    document: DocumentRow,
    chunks: Sequence[Chunk],
    settings: Settings,
    *,
    saved: bool,
) -> EmbeddedBefore:
    """The chunks whose vectors are known, in their order.

    Args:
        store: Has the results of earlier steps and versions.
        document: The document.
        chunks: Its chunks.
        settings: Those of its run.
        saved: Whether to look for what this step saved when it was interrupted.
    """
    known: dict[int, Any] = {}
    if saved:
        known = dict(store.vectors.unfinished(document.id, embedder=settings.embedder))
    unchanged = 0
    if document.replaces is not None:
        left = [chunk for chunk in chunks if chunk.number not in known]
        vectors = store.earlier.vectors(
            document,
            {chunk.text for chunk in left},
            embedder=embedder(settings).name,
            settings=settings.model_dump(include=set(RUN_SETTINGS)),
        )
        length = next((len(vector) for vector in known.values()), None)
        for chunk in left:
            vector = vectors.get(chunk.text)
            if vector is not None and length in (None, len(vector)):
                known[chunk.number] = vector
                unchanged += 1
    with_vectors = [
        replace(chunk, vector=known[chunk.number])
        for chunk in chunks
        if chunk.number in known
    ]
    return EmbeddedBefore(with_vectors, unchanged)
