"""Results of documents with the same content, for `skip_existing`."""

from sqlalchemy import bindparam, or_, select

from docprogress.events import NEEDS_OCR, Status, now
from docprogress.store import pgvector, results, schema
from docprogress.store.attempt_statements import end_attempt, update_attempt
from docprogress.store.engine import Database
from docprogress.store.rows import (
    EXTRACTED,
    FACTS,
    AttemptStatus,
    DocumentRow,
    document_row,
)

_document = schema.document.c
_SAME = (
    select(schema.document)
    .join(schema.run)
    .where(
        _document.sha256 == bindparam("sha256"),
        _document.status == Status.COMPLETED.value,
        # OCR may have been installed since.
        or_(_document.note.is_(None), ~_document.note.endswith(NEEDS_OCR)),
        schema.run.c.fingerprint == bindparam("fingerprint"),
    )
    .order_by(_document.finished_at.desc())
    .limit(1)
)
_SOURCE = (
    select(schema.document)
    .where(
        _document.id == bindparam("document"),
        _document.status == Status.COMPLETED.value,
    )
    # On PostgreSQL it could be retried or deleted while it is copied.
    .with_for_update(read=True)
)
_COPIED = (
    *FACTS,
    *EXTRACTED,
    *("step", "next_step", "pages", "characters", "chunks", "size", "sha256"),
)


class Reuse:
    """Completed documents whose results can be copied to others."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, sha256: str, fingerprint: str) -> DocumentRow | None:
        """A completed document with this content, from the same steps and settings."""
        values = {"sha256": sha256, "fingerprint": fingerprint}
        with self._database.reading() as connection:
            row = connection.execute(_SAME, values).one_or_none()
        return None if row is None else document_row(row)

    def copy(
        self, source_id: str, document_id: str, attempt: int
    ) -> DocumentRow | None:
        """Complete a document with the results of another one.

        None, without any change, if the other one is no longer completed.

        Raises:
            Superseded: The attempt is over.
        """
        with self._database.writing() as connection:
            found = connection.execute(_SOURCE, {"document": source_id}).one_or_none()
            if found is None:
                return None
            source, moment = document_row(found), now()
            row = update_attempt(
                connection,
                document_id,
                attempt,
                **{name: getattr(source, name) for name in _COPIED},
                status=Status.COMPLETED.value,
                message=f"Same content as {source.name}, already processed",
                progress=100.0,
                kept_progress=source.kept_progress,
                finished_at=moment,
            )
            results.copy_rows(connection, source_id, document_id)
            if self._database.compares_vectors:
                pgvector.copy(connection, source_id, document_id)
            end_attempt(
                connection,
                document_id,
                attempt,
                status=AttemptStatus.COMPLETED.value,
                finished_at=moment,
            )
            return row
