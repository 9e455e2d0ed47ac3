"""The documents of the files of a folder, with their members.

These are the current ones, and the newest ones that are not current because they
failed, were cancelled, or are unfinished.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, select

from docprogress.store import schema, versions
from docprogress.store.engine import Database
from docprogress.store.rows import DocumentRow, document_row
from docprogress.store.statements import batches

#: The number of files whose documents are read together.
FILES_TOGETHER = 500

_file = schema.source_file.c
_document = schema.document.c
_vectors = schema.vectors.c
_FILES = (
    select(_file.path, _file.document_id, _file.pending_id)
    .where(_file.source_id == bindparam("source"), _file.path > bindparam("after"))
    .order_by(_file.path)
    .limit(FILES_TOGETHER)
)
_chosen: BindParameter[list[str]] = bindparam("documents", expanding=True)
_BY_IDS = select(schema.document).where(
    _document.id.in_(_chosen), _document.retired_at.is_(None)
)
_MEMBERS = select(schema.document).where(
    _document.parent_id.in_(_chosen), _document.retired_at.is_(None)
)
_DIMENSIONS = (
    select(_vectors.dimensions).distinct().where(_vectors.document_id.in_(_chosen))
)


class SourceDocuments:
    """The documents of sources."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, source_id: str) -> Iterator[list[DocumentRow]]:
        """The documents by the paths of their files, in batches."""
        after = ""
        while True:
            values = {"source": source_id, "after": after}
            with self._database.reading() as connection:
                files = connection.execute(_FILES, values).all()
                ids = [each for file in files for each in file[1:] if each is not None]
                rows = _with_members(connection, list(dict.fromkeys(ids)))
            if rows:
                yield rows
            if len(files) < FILES_TOGETHER:
                return
            after = files[-1].path

    def dimensions(self, document_ids: Sequence[str]) -> set[int]:
        """The lengths of the vectors of documents."""
        with self._database.reading() as connection:
            return {
                found
                for some in batches(document_ids)
                for found in connection.scalars(_DIMENSIONS, {"documents": some})
            }


def _with_members(connection: Connection, ids: Sequence[str]) -> list[DocumentRow]:
    """Documents that are not retired, each followed by its members."""
    # The position of the file that each belongs to.
    places = {document_id: place for place, document_id in enumerate(ids)}
    found = {row.id: row for row in _rows(connection, _BY_IDS, ids)}
    new = list(found.values())
    while new:
        for row in new:
            if row.replaces is not None and not row.current:
                # It may belong to a container that is retired.
                for kept in versions.current_before(connection, row.replaces):
                    places.setdefault(kept, places[row.id])
        kept_ids = [each for each in places if each not in found]
        following = [
            *_rows(connection, _BY_IDS, kept_ids),
            *_rows(connection, _MEMBERS, [row.id for row in new]),
        ]
        new = [row for row in following if row.id not in found]
        for row in new:
            if row.id not in places and row.parent_id is not None:
                places[row.id] = places[row.parent_id]
        found |= {row.id: row for row in new}
        places = {each: place for each, place in places.items() if each in found}
    return sorted(found.values(), key=lambda row: (places[row.id], row.id))


def _rows(
    connection: Connection, query: Select[Any], document_ids: Sequence[str]
) -> list[DocumentRow]:
    return [
        document_row(row)
        for some in batches(document_ids)
        for row in connection.execute(query, {"documents": some})
    ]
