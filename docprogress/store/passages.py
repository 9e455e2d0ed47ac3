"""Read the chunks that a search found, and the documents that they are in."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import select, text

from docprogress.documents import Chunk
from docprogress.errors import DocumentNotFound
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.search_filter import CURRENT, SearchFilter, any_of
from docprogress.store.statements import batches

#: The maximum number of passages in one statement.
PER_STATEMENT = 10_000

_document = schema.document.c
_READ = (
    "SELECT document.name, document.run_id, document.case_id, chunk.document_id,"
    ' chunk.number, chunk.text, chunk.start, chunk."end", chunk.first_page,'
    " chunk.last_page, chunk.kind, chunk.headings,"
    # Documents that are Markdown themselves: their text is not made plain.
    " EXISTS (SELECT 1 FROM page WHERE page.document_id = chunk.document_id"
    " AND page.number = chunk.first_page AND page.markdown = page.text) AS markdown"
    " FROM {wanted}"
    " CROSS JOIN chunk CROSS JOIN document"
    " WHERE chunk.document_id = wanted.id AND chunk.number = wanted.number"
    " AND document.id = chunk.document_id"
    " AND document.status = 'completed' AND document.retired_at IS NULL"
)
# SQLite joins in the order of `CROSS JOIN`; it would begin with all documents.
_IN_SQLITE = text(
    _READ.format(
        wanted="(SELECT json_extract(value, '$[0]') AS id,"
        " json_extract(value, '$[1]') AS number FROM json_each(:places)) AS wanted"
    )
)
_IN_POSTGRESQL = text(
    _READ.format(
        wanted="(SELECT value ->> 0 AS id, CAST(value ->> 1 AS INTEGER) AS number"
        " FROM json_array_elements(CAST(:places AS json))) AS wanted"
    )
)


class Passage(NamedTuple):
    """A chunk, and the document that it is in."""

    document: str
    run_id: str
    case_id: str | None
    chunk: Chunk
    #: Whether the chunk's text is Markdown.
    markdown: bool


class Passages:
    """The chunks that searches found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Passage]:
        """The chunks at these places (document id, number) that are current.

        So many are read in one state of the database as one statement takes.
        """
        found: dict[tuple[str, int], Passage] = {}
        query = _IN_SQLITE if self._database.is_sqlite else _IN_POSTGRESQL
        with self._database.reading() as connection:
            for some in batches(dict.fromkeys(places), PER_STATEMENT):
                rows = connection.execute(query, {"places": json.dumps(some)})
                for row in rows.mappings():
                    found[row["document_id"], row["number"]] = _passage(dict(row))
        return found

    def embedders(self, document_ids: Iterable[str]) -> dict[str, str | None]:
        """The names of documents' embedders, by document id."""
        statement = select(_document.id, _document.embedder)
        statement = statement.where(any_of(_document.id, document_ids))
        with self._database.reading() as connection:
            return dict(map(tuple, connection.execute(statement)))

    def among(self, given: Sequence[str], where: SearchFilter) -> SearchFilter:
        """The filter narrowed to documents given by ids or names.

        Raises:
            DocumentNotFound: None of the filter's runs and cases has one of them.
        """
        scope = []
        if where.run_ids is not None:
            scope.append(any_of(_document.run_id, where.run_ids))
        if where.case_id is not None:
            scope.append(_document.case_id == where.case_id)
        with self._database.reading() as connection:

            def found(
                column: Any, of: Any, wanted: Iterable[str], *more: Any
            ) -> set[str]:
                statement = select(column).where(any_of(of, wanted), *scope, *more)
                return set(connection.execute(statement.distinct()).scalars())

            ids = found(_document.id, _document.id, given)
            names = [each for each in given if each not in ids]
            known = found(_document.name, _document.name, names) if names else set()
            for name in names:
                if name not in known:
                    raise DocumentNotFound(
                        name,
                        f"none of the searched documents has the name or id {name!r}",
                    )
            if not ids and names:
                return replace(where, names=tuple(names))
            if names:
                ids |= found(_document.id, _document.name, names, CURRENT)
        return replace(where, document_ids=tuple(sorted(ids)))


def _passage(row: dict[str, Any]) -> Passage:
    headings = row.pop("headings")
    document, run_id, case_id, markdown = (
        row.pop(name) for name in ("name", "run_id", "case_id", "markdown")
    )
    chunk = Chunk(**row, headings=tuple(json.loads(headings)) if headings else ())
    return Passage(document, run_id, case_id, chunk, bool(markdown))
