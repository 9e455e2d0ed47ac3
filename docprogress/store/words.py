"""The index of words: which chunks contain the words of a query, best first.

It is written in the transaction that completes a document.  Documents that processes of
earlier versions complete are indexed later, some at a time.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, func, select, text, update

from docprogress.errors import StoreError
from docprogress.store import schema, word_entries, word_merging, word_spelling
from docprogress.store.engine import Database
from docprogress.store.search_filter import SearchFilter
from docprogress.store.vector_index.matches import Match
from docprogress.store.word_ranking import ranked
from docprogress.store.word_reading import Lengths, Reader
from docprogress.store.word_sources import MOST_ENTRIES
from docprogress.store.word_spelling import Speller
from docprogress.words import Correction, Query, parse

log = logging.getLogger(__name__)

_document = schema.document.c
_PENDING = f"FROM document {{hint}} WHERE {schema.NOT_INDEXED.text}"
# Without statistics, SQLite would read all documents that are completed.
_SOME_PENDING = {
    dialect: text(f"SELECT id, attempt {_PENDING.format(hint=hint)} LIMIT :limit")
    for dialect, hint in (
        ("sqlite", "INDEXED BY document_not_indexed"),
        ("postgresql", ""),
    )
}
_INDEXED = (
    update(schema.document)
    .where(
        _document.id == bindparam("document"),
        _document.attempt == bindparam("current_attempt"),
        schema.NOT_INDEXED,
    )
    .values(indexed_attempt=bindparam("current_attempt"))
)
#: Documents that are indexed later are looked for this many at a time.
_BATCH = 50
#: How long a search indexes documents before it starts, at most.
_SEARCH_SECONDS = 1.0
#: With more entries that are in no segment, a search merges some when it is done.
_MANY_ENTRIES = 4 * MOST_ENTRIES
#: How often segments without any chunk are looked for.
_PURGE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class WordMatches:
    """Chunks with words of a query."""

    #: The chunks, best first.
    matches: list[Match] = field(default_factory=list)
    #: The score of a chunk of average length that has every word of the query, once.
    complete: float = 0.0
    #: What was searched for instead of words that no chunk has.
    corrections: tuple[Correction, ...] = ()
    #: What was searched for.
    query: Query = field(default_factory=lambda: Query(()))

    @property
    def share(self) -> float:
        """Which share of the query the best chunk has: about 1 if it has all of it."""
        if not self.matches or not self.complete:
            return 0.0
        return self.matches[0].score / self.complete


class WordIndex:
    """Searches chunks by words."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lengths: Lengths = {}
        self._merging: Iterator[None] | None = None
        self._purge_at = float("-inf")

    def search(
        self,
        query: str,
        filter: SearchFilter | None = None,  # noqa: A002
        *,
        limit: int = 10,
    ) -> list[Match]:
        """The chunks with words of the query, best first.

        Every chunk that is found has at least one of the words, or an inflected form of
        it, or a compound with it. Scores are those of BM25, and only comparable within
        one search.
        """
        return self.rank(query, filter, limit=limit).matches

    def rank(
        self,
        query: str,
        filter: SearchFilter | None = None,  # noqa: A002
        *,
        limit: int = 10,
        correct: bool = False,
    ) -> WordMatches:
        """The same, with the score that tells which share of the query they have.

        Args:
            query: The query.
            filter: Which chunks are searched.
            limit: The most chunks.
            correct: Search for other words instead of those that no chunk has.
        """
        parsed = parse(query)
        if not parsed or limit < 1:
            return WordMatches()
        scope = filter or SearchFilter()
        self._keep_up(self._catch_up)
        with self._database.snapshot() as connection:
            read = Reader(connection, parsed, scope, self._lengths).read()
            found, complete = ranked(connection, parsed, read, scope, limit)
            corrections: dict[int, Correction] = {}
            if correct:
                speller = Speller(connection, scope, self._lengths)
                # A word may only be in chunks that the filter does not admit.
                corrections = speller.corrections(parsed, read if found else None)
            if corrections:
                parsed = word_spelling.apply(parsed, corrections)
                read = Reader(connection, parsed, scope, self._lengths).read()
                found, complete = ranked(connection, parsed, read, scope, limit)
        if read.entries > _MANY_ENTRIES:
            self._keep_up(self._merge_until)
        return WordMatches(found, complete, tuple(corrections.values()), parsed)

    def maintain(self, *, seconds: float) -> None:
        """Keep the index complete and quick to read, for about this long.

        Work that is left continues with the next call.
        """
        deadline = time.monotonic() + seconds
        if time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + _PURGE_SECONDS
            word_merging.purge(self._database)
        self._merge_until(deadline)
        while time.monotonic() < deadline and not self._index_some(deadline):
            self._merge_until(deadline)

    def merge(self) -> bool:
        """Do the most urgent merge of the index; False if there is none."""
        return bool(list(word_merging.merge(self._database)))

    def _merge_until(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            begun = self._merging is not None
            merging = self._merging or word_merging.merge(self._database)
            # Forgotten if it fails.
            self._merging = None
            for _ in merging:
                begun = True
                if time.monotonic() >= deadline:
                    self._merging = merging
                    return
            if not begun:
                return

    def _keep_up(self, work: Callable[[float], object]) -> None:
        """Update the index, if that does not take long."""
        try:
            work(time.monotonic() + _SEARCH_SECONDS)
        except StoreError as error:
            # The disk may be full, the database read-only.
            log.warning("the word index could not be updated: %s", error)

    def not_indexed(self, scope: SearchFilter | None = None) -> int:
        """How many documents of a search are not indexed yet."""
        condition = (scope or SearchFilter()).documents()
        query = select(func.count()).select_from(schema.document)
        with self._database.reading() as connection:
            if not _pending(connection, 1):
                return 0
            return connection.execute(
                query.where(condition, schema.NOT_INDEXED)
            ).scalar_one()

    def catch_up(self, *, seconds: float) -> bool:
        """Index documents that were completed without it, for about this long.

        Returns:
            Whether none is left.
        """
        return self._catch_up(time.monotonic() + seconds)

    def _catch_up(self, deadline: float) -> bool:
        while not self._index_some(deadline):
            if time.monotonic() >= deadline:
                return False
            self._merge_until(deadline)
        return True

    def _index_some(self, deadline: float) -> bool:
        """Index some of the documents that are not; whether none is left."""
        with self._database.reading() as connection:
            some = _pending(connection, _BATCH)
        for document_id, attempt in some:
            self._index(document_id, attempt)
            if time.monotonic() >= deadline:
                return False
        return len(some) < _BATCH

    def _index(self, document_id: str, attempt: int) -> None:
        with self._database.reading() as connection:
            chunks = word_entries.stored_chunks(connection, document_id)
        given = word_entries.entries(chunks)
        values = {"document": document_id, "current_attempt": attempt}
        with self._database.writing() as connection:
            if connection.execute(_INDEXED, values).rowcount:
                word_entries.replace(connection, document_id, attempt, given)


def _pending(connection: Connection, limit: int) -> list[tuple[str, int]]:
    """The ids and attempts of some documents that are not indexed."""
    statement = _SOME_PENDING[connection.dialect.name]
    rows = connection.execute(statement, {"limit": limit})
    return [(document_id, attempt) for document_id, attempt in rows]
