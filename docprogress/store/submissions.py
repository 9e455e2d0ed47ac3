"""The documents of a run while they are being submitted."""

from collections.abc import Sequence
from dataclasses import fields
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from docprogress.documents import document_id
from docprogress.events import NOT_HANDED_IN, Status, now
from docprogress.store import schema
from docprogress.store.document_statements import ABANDONED, CANCEL
from docprogress.store.documents import by_number
from docprogress.store.engine import Database
from docprogress.store.rows import DocumentRow, NewDocument, document_row
from docprogress.store.runs import INCOMPLETE
from docprogress.store.statements import batches

#: Documents that one transaction abandons.
ABANDONED_TOGETHER = 500

_document = schema.document.c
_run = schema.run.c
#: The columns of a document that was just added.
NEW_DOCUMENT: dict[str, Any] = {
    "ready": False,
    "status": Status.QUEUED.value,
    "next_step": 0,
    "progress": 0.0,
    "kept_progress": 0.0,
    "message": "Waiting to be uploaded",
    "attempt": 1,
    "first_attempt": 1,
    "cancel_requested": False,
    "pages": 0,
    "characters": 0,
    "chunks": 0,
}
_FIELDS = tuple(field.name for field in fields(NewDocument))
#: What only the submitting process knows of a document.
_FILLED_IN = ("name", "url", "size", "replaces")
#: Locks documents. On PostgreSQL, transactions that lock rows in different orders
#: deadlock.
LOCK_DOCUMENTS = (
    select(_document.id)
    .where(_document.id.in_(bindparam("documents", expanding=True)))
    .order_by(_document.id)
    .with_for_update()
)
_READY = update(schema.document).where(
    _document.id == bindparam("document"),
    _document.status == Status.QUEUED.value,
    _document.ready.is_(False),
)
# Abandoned while the submitting process was suspended, which now continues. Documents
# that a user has cancelled since stay cancelled.
_RESUME_ABANDONED = (
    update(schema.document)
    .where(
        _document.id == bindparam("document"),
        *ABANDONED,
        _document.cancel_requested.is_(False),
    )
    .values(
        status=Status.QUEUED.value,
        attempt=_document.attempt + 1,
        first_attempt=_document.attempt + 1,
        finished_at=None,
    )
)
# So that a cancelled document can be retried.
_STORE_CANCELLED = (
    update(schema.document)
    .where(
        _document.id == bindparam("document"),
        _document.status == Status.CANCELLED.value,
        _document.ready.is_(False),
    )
    .values(
        ready=True, size=bindparam("stored_size"), sha256=bindparam("stored_sha256")
    )
)
_WITHOUT_FILE = (
    _document.status == Status.QUEUED.value,
    _document.ready.is_(False),
)
_RUNS_WITHOUT_DOCUMENTS = select(_run.id).where(INCOMPLETE)
_RUNS_WITHOUT_FILES = select(_document.run_id).where(*_WITHOUT_FILE).distinct()
_RUN_AND_LAST_NUMBER = select(
    schema.run,
    select(func.coalesce(func.max(_document.number), 0))
    .where(_document.run_id == _run.id)
    .scalar_subquery()
    .label("last"),
).where(_run.id == bindparam("run"))
_Insert = postgresql.Insert | sqlite.Insert


class Submissions:
    """Submissions that are under way: documents added, and ready for workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, documents: Sequence[NewDocument]) -> None:
        """Add documents whose files are not stored yet: all of them, or none.

        A document that was cancelled before it was added stays cancelled.
        """
        if documents:
            with self._database.writing() as connection:
                add_documents(connection, documents)

    def mark_ready(self, stored: Sequence[tuple[str, int | None, str | None]]) -> None:
        """Make documents available to workers: (id, size, SHA-256) of each.

        A document that was cancelled in the meantime stays cancelled, and can be
        retried. One that was abandoned because its submitter seemed to be gone begins a
        new attempt.
        """
        if not stored:
            return
        moment = now()
        values = [
            {
                "document": document_id,
                "size": size,
                "sha256": sha256,
                "ready": True,
                "message": "Queued",
                "updated_at": moment,
            }
            for document_id, size, sha256 in sorted(stored, key=itemgetter(0))
        ]
        with self._database.writing() as connection:
            if not self._database.is_sqlite:
                connection.execute(
                    LOCK_DOCUMENTS, {"documents": [name for name, *_ in stored]}
                )
            if connection.execute(_READY, values).rowcount != len(values):
                connection.execute(_RESUME_ABANDONED, values)
                connection.execute(
                    _STORE_CANCELLED,
                    [
                        {
                            "document": value["document"],
                            "stored_size": value["size"],
                            "stored_sha256": value["sha256"],
                        }
                        for value in values
                    ],
                )

    def unfinished(self, run_id: str | None = None) -> list[str]:
        """The runs whose submission is not complete: documents or files are missing.

        Args:
            run_id: Only this run.
        """
        documents, runs = _RUNS_WITHOUT_FILES, _RUNS_WITHOUT_DOCUMENTS
        if run_id is not None:
            documents = documents.where(_document.run_id == run_id)
            runs = runs.where(_run.id == run_id)
        with self._database.reading() as connection:
            found = [*connection.scalars(documents), *connection.scalars(runs)]
        return list(dict.fromkeys(found))

    def abandon(self, run_id: str, reason: str) -> list[DocumentRow]:
        """Cancel documents of a run without files, a few hundred at a time.

        Documents that were never added are added as cancelled, so that the run gets
        its expected number of documents.

        Args:
            run_id: The run.
            reason: Why the submission ended.

        Returns:
            The documents cancelled by this call; none if the submission is complete.
        """
        message = f"{NOT_HANDED_IN}{reason}"
        waiting = select(_document.id).where(_document.run_id == run_id, *_WITHOUT_FILE)
        chosen = waiting.order_by(_document.id).limit(ABANDONED_TOGETHER)
        with self._database.writing() as connection:
            changed = connection.execute(
                CANCEL.where(_document.id.in_(chosen.with_for_update())).values(
                    message=message
                ),
                {"moment": now()},
            )
            rows = list(map(document_row, changed))
            remaining = ABANDONED_TOGETHER - len(rows)
            rows += _add_as_cancelled(connection, run_id, message, most=remaining)
        return sorted(rows, key=by_number)

    def add_cancelled(self, run_id: str, numbers: range) -> list[DocumentRow]:
        """Add the documents with these numbers, unless they exist, as cancelled.

        Returns:
            The documents that were added.
        """
        with self._database.writing() as connection:
            return _add_as_cancelled(connection, run_id, "Cancelled", numbers=numbers)

    def abandoned_reason(self, run_id: str) -> str | None:
        """Why documents of a run were abandoned; None if none were."""
        query = (
            select(_document.message)
            .where(
                _document.run_id == run_id,
                _document.status == Status.CANCELLED.value,
                _document.message.startswith(NOT_HANDED_IN, autoescape=True),
            )
            .limit(1)
        )
        with self._database.reading() as connection:
            found = connection.scalar(query)
        return None if found is None else found.removeprefix(NOT_HANDED_IN)


def add_documents(connection: Connection, documents: Sequence[NewDocument]) -> None:
    """Add documents whose files are not stored yet; a part of a transaction."""
    moment = now()
    rows = [
        # `asdict` copies every value deeply, which is slow.
        {name: getattr(document, name) for name in _FIELDS}
        | NEW_DOCUMENT
        | {"created_at": moment, "updated_at": moment}
        for document in documents
    ]
    connection.execute(_upsert_documents(connection), rows)


def _upsert_documents(connection: Connection) -> _Insert:
    """An insert that fills in documents cancelled before they were added."""
    statement = insert_document(connection)
    source = {name: statement.excluded[name] for name in _FILLED_IN}
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_=source,
        where=_document.status == Status.CANCELLED.value,
    )


def insert_document(connection: Connection) -> _Insert:
    """An insert of documents, for this database."""
    return insert_for(connection, schema.document)


def insert_for(connection: Connection, table: Table) -> _Insert:
    """An insert for this database, which may say what to do with rows that exist."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _add_as_cancelled(
    connection: Connection,
    run_id: str,
    message: str,
    *,
    numbers: range | None = None,
    most: int | None = None,
) -> list[DocumentRow]:
    """Add the last documents of a run, which are missing, as cancelled."""
    run = connection.execute(_RUN_AND_LAST_NUMBER, {"run": run_id}).one_or_none()
    if run is None:
        return []
    begin, end = run.last + 1, run.expected + 1
    if numbers is not None:
        begin, end = max(begin, numbers.start), min(end, numbers.stop)
    if most is not None:
        end = min(end, begin + most)
    moment = now()
    rows = [
        NEW_DOCUMENT
        | {
            "id": document_id(run_id, number),
            "run_id": run_id,
            "number": number,
            # Only the submitting process knows its name.
            "name": f"document {number:,}",
            "url": None,
            "size": None,
            "case_id": run.case_id,
            "step": run.steps[0]["name"] if run.steps else "",
            "status": Status.CANCELLED.value,
            "message": message,
            "created_at": moment,
            "finished_at": moment,
            "updated_at": moment,
        }
        for number in range(begin, end)
    ]
    added: list[DocumentRow] = []
    for some in batches(rows, ABANDONED_TOGETHER):
        connection.execute(insert_document(connection).on_conflict_do_nothing(), some)
        # Without those that the submitting process has just added.
        inserted = select(schema.document).where(
            _document.id.in_([row["id"] for row in some]),
            _document.status == Status.CANCELLED.value,
            _document.created_at == moment,
        )
        added += map(document_row, connection.execute(inserted))
    return sorted(added, key=by_number)
