"""Results of documents with the same content, for `skip_existing`."""

import re
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, or_, select

from docprogress.events import NEEDS_OCR, Status, now
from docprogress.store import pgvector, results, schema, versions, word_entries
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
#: Results of a retired document stay until they are discarded, with its file.
HAS_RESULTS = or_(_document.retired_at.is_(None), _document.ready)
_SAME = (
    select(schema.document)
    .join(schema.run)
    .where(
        _document.sha256 == bindparam("sha256"),
        _document.status == Status.COMPLETED.value,
        # OCR may have been installed since.
        or_(_document.note.is_(None), ~_document.note.endswith(NEEDS_OCR)),
        schema.run.c.fingerprint == bindparam("fingerprint"),
        # The suffix of the name determines how some formats are read.
        func.lower(_document.name).like(bindparam("pattern"), escape="/"),
        HAS_RESULTS,
    )
    .order_by(_document.finished_at.desc())
    .limit(1)
)
_SOURCE = (
    select(schema.document)
    .where(
        _document.id == bindparam("document"),
        _document.status == Status.COMPLETED.value,
        HAS_RESULTS,
    )
    # On PostgreSQL it could be retried or deleted while it is copied.
    .with_for_update(read=True)
)
_COPIED = (
    *FACTS,
    *EXTRACTED,
    *("step", "next_step", "kept_progress"),
    *("pages", "characters", "chunks", "size", "sha256"),
)


class Remaining(NamedTuple):
    """The first step that remains to be done with results that were copied."""

    step: str
    position: int
    #: The document's progress where it begins.
    progress: float
    #: Whether chunks and their vectors are copied in addition to pages.
    chunks: bool = True
    vectors: bool = True


class Reuse:
    """Completed documents whose results can be copied to others."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self, sha256: str, fingerprint: str, *, name: str = ""
    ) -> DocumentRow | None:
        """A completed document with this content, from the same steps and settings.

        Args:
            sha256: Of the content.
            fingerprint: Of the steps and settings.
            name: Only one whose name has the same suffix.
        """
        values = {
            "sha256": sha256,
            "fingerprint": fingerprint,
            "pattern": f"%{_escaped(PurePosixPath(name).suffix.lower())}",
        }
        with self._database.reading() as connection:
            row = connection.execute(_SAME, values).one_or_none()
        return None if row is None else document_row(row)

    def copy(
        self,
        source_id: str,
        document_id: str,
        attempt: int,
        *,
        remaining: Remaining | None = None,
    ) -> DocumentRow | None:
        """Complete a document with the results of another one.

        None, without any change, if the other one is no longer completed.

        Args:
            source_id: The other one.
            document_id: The document.
            attempt: Its attempt.
            remaining: The first step that remains to be done; the document is queued
                for it, rather than completed.

        Raises:
            Superseded: The attempt is over.
        """
        with self._database.reading() as connection:
            # Before the transaction, which blocks all other writers on SQLite.
            chunks = word_entries.stored_chunks(connection, source_id)
        indexed = word_entries.entries(chunks) if remaining is None else []
        with self._database.writing() as connection:
            found = connection.execute(_SOURCE, {"document": source_id}).one_or_none()
            if found is None:
                return None
            source, moment = document_row(found), now()
            values: dict[str, Any] = {
                name: getattr(source, name) for name in _COPIED
            } | {
                "status": Status.COMPLETED.value,
                "message": f"Same content as {source.name}, already processed",
                "progress": 100.0,
                "finished_at": moment,
                "indexed_attempt": attempt,
            }
            if remaining is not None:
                values |= {
                    "status": Status.QUEUED.value,
                    "step": remaining.step,
                    "next_step": remaining.position,
                    "progress": remaining.progress,
                    "kept_progress": remaining.progress,
                    "finished_at": None,
                    "indexed_attempt": None,
                }
                if not remaining.vectors:
                    values["embedder"] = None
                if not remaining.chunks:
                    values["chunks"] = 0
            row = update_attempt(connection, document_id, attempt, **values)
            kept = remaining or Remaining("", 0, 0.0)
            copied = [
                schema.page,
                *([schema.chunk] if kept.chunks else []),
                *([schema.vectors] if kept.vectors else []),
            ]
            results.copy_rows(connection, source_id, document_id, copied)
            if kept.vectors and self._database.compares_vectors:
                pgvector.copy(connection, source_id, document_id)
            word_entries.replace(connection, document_id, attempt, indexed)
            if remaining is None:
                versions.take_place(connection, row, moment)
                end_attempt(
                    connection,
                    document_id,
                    attempt,
                    status=AttemptStatus.COMPLETED.value,
                    finished_at=moment,
                )
            return row


def _escaped(suffix: str) -> str:
    """A suffix as a part of a pattern."""
    return re.sub("([/%_])", r"/\1", suffix)
