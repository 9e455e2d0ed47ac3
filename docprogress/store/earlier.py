"""Results of an earlier version of a document that the new one can reuse."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, select

from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.results import Results
from docprogress.store.rows import DocumentRow
from docprogress.store.schema import storable

#: How many earlier versions are considered, since some may have failed.
MOST_VERSIONS = 8

#: The settings of a run that decide on the vector of a text.
_DECIDING = ("embedder", "embedding_tokens")

_document = schema.document.c
_EARLIER = (
    select(
        _document.id,
        _document.replaces,
        _document.embedder,
        _document.chunks,
        schema.run.c.settings,
    )
    .join(schema.run)
    .where(_document.id == bindparam("document"))
)


class EarlierVersions:
    """The documents that others replace."""

    def __init__(self, database: Database, results: Results) -> None:
        self._database = database
        self._results = results

    def vectors(
        self,
        document: DocumentRow,
        texts: Collection[str],
        *,
        embedder: str,
        settings: Mapping[str, Any],
    ) -> dict[str, NDArray[np.float32]]:
        """The vectors of those texts that the earlier version has in its chunks, too.

        Only if the same embedder with the same settings has made them.

        Args:
            document: The new version.
            texts: What its chunks are about to be embedded.
            embedder: The name of what made the vectors.
            settings: Those of the new version's run.
        """
        document_id = document.replaces
        wanted = {storable(text): text for text in texts}
        for _ in range(MOST_VERSIONS):
            if document_id is None:
                break
            with self._database.reading() as connection:
                row = connection.execute(
                    _EARLIER, {"document": document_id}
                ).one_or_none()
            if row is None:
                break
            same = all(row.settings.get(key) == settings.get(key) for key in _DECIDING)
            if row.chunks and row.embedder == embedder and same:
                return self._vectors(row.id, wanted)
            document_id = row.replaces
        return {}

    def _vectors(
        self, document_id: str, wanted: Mapping[str, str]
    ) -> dict[str, NDArray[np.float32]]:
        found: dict[str, NDArray[np.float32]] = {}
        for some in self._results.chunk_slices(document_id, vectors=True):
            for chunk in some:
                text = wanted.get(chunk.text)
                if text is not None and chunk.vector is not None:
                    # A copy, or it would keep those of all chunks of its row.
                    found[text] = np.array(chunk.vector)
        lengths = {len(vector) for vector in found.values()}
        return found if len(lengths) == 1 else {}
