"""The index of words: which chunks contain the words of a query, best first.

It is written in the transaction that completes a document.  Documents that processes of
earlier versions complete are indexed later, some at a time.
"""

import logging
import time
from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, select, update

from docprogress.store import schema, word_entries, word_reading
from docprogress.store.engine import Database
from docprogress.store.search_filter import SearchFilter
from docprogress.store.vector_index.matches import Match
from docprogress.store.word_scores import Ranking
from docprogress.words import parse

log = logging.getLogger(__name__)

_document = schema.document.c
_NOT_INDEXED = (
    select(_document.id, _document.attempt)
    .where(schema.NOT_INDEXED)
    .limit(bindparam("limit"))
)
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


@dataclass(frozen=True, slots=True)
class WordMatches:
    """Chunks with words of a query."""

    #: The chunks, best first.
    matches: list[Match] = field(default_factory=list)
    #: The score of a chunk of average length that has every word of the query, once.
    complete: float = 0.0


class WordIndex:
    """Searches chunks by words."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
    ) -> WordMatches:
        """The same, with the score that tells which share of the query they have."""
        parsed = parse(query)
        if not parsed or limit < 1:
            return WordMatches()
        scope = filter or SearchFilter()
        with self._database.snapshot() as connection:
            read = word_reading.read(connection, parsed, scope)
            if read is None:
                return WordMatches()
            ranking = Ranking(parsed, read.parts, tokens=read.tokens)
            found: list[Match] = []
            for scored in ranking.best():
                found += read.resolve(connection, scored, scope)
                if len(found) >= limit:
                    break
        return WordMatches(found[:limit], ranking.complete)

    def not_indexed(self, scope: SearchFilter | None = None) -> int:
        """How many documents of a search are not indexed yet."""
        condition = (scope or SearchFilter()).documents()
        query = select(func.count()).select_from(schema.document)
        with self._database.reading() as connection:
            return connection.execute(
                query.where(condition, schema.NOT_INDEXED)
            ).scalar_one()

    def catch_up(self, *, seconds: float) -> bool:
        """Index documents that were completed without it, for about this long.

        Returns:
            Whether none is left.
        """
        deadline = time.monotonic() + seconds
        while True:
            with self._database.reading() as connection:
                some = connection.execute(_NOT_INDEXED, {"limit": _BATCH}).all()
            for document_id, attempt in some:
                self._index(document_id, attempt)
                if time.monotonic() >= deadline:
                    return False
            if len(some) < _BATCH:
                return True

    def _index(self, document_id: str, attempt: int) -> None:
        with self._database.reading() as connection:
            chunks = word_entries.stored_chunks(connection, document_id)
        given = word_entries.entries(chunks)
        values = {"document": document_id, "current_attempt": attempt}
        with self._database.writing() as connection:
            if connection.execute(_INDEXED, values).rowcount:
                word_entries.replace(connection, document_id, attempt, given)
