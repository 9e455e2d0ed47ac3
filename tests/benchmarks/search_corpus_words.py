"""The index of words of any texts, written as workers do: twenty texts a document."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from search_speed import document_row, index_bytes
from search_synthetic import CHUNKS_PER_DOCUMENT

from docprogress.store import Store, schema, word_entries

#: So many documents are completed between two looks of the leader for merges.
_BETWEEN_MERGES = 50


class OwnIndex:
    """Texts in a store, found by their positions."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(f"sqlite:///{folder / uuid.uuid4().hex}.db")
        self._firsts: dict[str, int] = {}

    def fill(self, texts: Sequence[str]) -> int:
        """Index texts; the bytes of the index."""
        documents = range(0, len(texts), CHUNKS_PER_DOCUMENT)
        run = self._store.runs.add(
            run_id=uuid.uuid4().hex,
            case_id=None,
            expected=len(documents),
            steps=[{"name": "extraction"}],
            settings={},
            fingerprint="benchmark",
        )
        for count, first in enumerate(documents, 1):
            row = document_row(run.id, count)
            self._firsts[row["id"]] = first
            chunks = [
                word_entries.IndexedChunk(number, text, "text")
                for number, text in enumerate(
                    texts[first : first + CHUNKS_PER_DOCUMENT], 1
                )
            ]
            entries = word_entries.entries(chunks)
            with self._store.database.writing() as connection:
                connection.execute(sa.insert(schema.document), [row])
                word_entries.replace(connection, row["id"], 1, entries, new=True)
            if count % _BETWEEN_MERGES == 0:
                self._store.words.maintain(seconds=0.3)
        while self._store.words.merge():
            pass
        return index_bytes(self._store)

    def search(self, query: str, limit: int) -> list[int]:
        """The positions of the texts that match, best first."""
        return [
            self._firsts[match.document_id] + match.number - 1
            for match in self._store.words.search(query, limit=limit)
        ]
