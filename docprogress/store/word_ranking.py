"""The best of the chunks that were read for a query."""

from sqlalchemy import Connection

from docprogress.store import word_owners
from docprogress.store.search_filter import SearchFilter
from docprogress.store.vector_index.matches import Match
from docprogress.store.word_reading import Read
from docprogress.store.word_scores import Ranking
from docprogress.words import Query


def ranked(
    connection: Connection, query: Query, read: Read, scope: SearchFilter, limit: int
) -> tuple[list[Match], float]:
    """Chunks that the filter admits, best first, and the score of a complete one."""
    ranking = Ranking(
        query,
        read.parts,
        frequencies=read.frequencies,
        chunks=read.chunks,
        tokens=read.tokens,
    )
    checked = None if read.filtered else scope
    found: list[Match] = []
    for scored in ranking.best():
        found += word_owners.matches(
            connection, scored, read.parts, read.owners, checked
        )
        if len(found) >= limit:
            break
    return found[:limit], ranking.complete
