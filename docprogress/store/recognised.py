"""Pages that an unfinished extraction has recognised, so that it can continue."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, or_, select

from docprogress.documents import Page
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.schema import storable

_pages = schema.recognised_page.c
_KEPT = select(_pages.number, _pages.text, _pages.confidence).where(
    _pages.document_id == bindparam("document"),
    _pages.recogniser == bindparam("recogniser"),
)
_DELETE = delete(schema.recognised_page).where(
    _pages.document_id == bindparam("document")
)


class RecognisedPages:
    """Recognised pages of documents whose extraction is not finished."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def kept(self, document_id: str, *, recogniser: str) -> dict[int, Page]:
        """What an earlier attempt has recognised with this engine, by page."""
        values = {"document": document_id, "recogniser": recogniser}
        with self._database.reading() as connection:
            rows = connection.execute(_KEPT, values).mappings()
            return {row["number"]: Page(**row) for row in rows}


def add(
    connection: Connection, document_id: str, pages: Sequence[Page], recogniser: str
) -> None:
    """Keep pages, and drop those of other engines."""
    if not pages:
        return
    numbers = [page.number for page in pages]
    connection.execute(
        delete(schema.recognised_page).where(
            _pages.document_id == storable(document_id),
            or_(_pages.recogniser != recogniser, _pages.number.in_(numbers)),
        )
    )
    connection.execute(
        insert(schema.recognised_page),
        [
            {
                "document_id": document_id,
                "number": page.number,
                "recogniser": recogniser,
                "text": storable(page.text),
                "confidence": page.confidence,
            }
            for page in pages
        ],
    )


def discard(connection: Connection, document_ids: Sequence[str]) -> None:
    """Drop the pages of documents whose extraction is finished."""
    for document_id in document_ids:
        connection.execute(_DELETE, {"document": document_id})
