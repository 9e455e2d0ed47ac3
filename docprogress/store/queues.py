"""The documents that wait for workers, by run and step."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, bindparam, func, or_, select, update

from docprogress.events import Status
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.rows import DocumentRow, document_row

_document = schema.document.c
#: The message of a document that waits for a worker.
QUEUED = "Queued"
#: Documents that one statement updates.
SET_TOGETHER = 500
_SENT = (
    _document.status == Status.QUEUED.value,
    _document.ready,
    _document.due_at.is_(None),
)
_WAITING = (
    select(
        _document.run_id,
        _document.next_step,
        func.count(),
        func.min(_document.updated_at, type_=schema.Moment),
    )
    .where(*_SENT)
    .group_by(_document.run_id, _document.next_step)
)
_OTHERS = (
    select(_document.id)
    .where(
        *_SENT,
        _document.run_id == bindparam("run"),
        _document.next_step == bindparam("position"),
        _document.message != bindparam("new_message"),
    )
    .order_by(_document.number)
    .limit(SET_TOGETHER)
    # Documents that another transaction is changing are no longer waiting.
    .with_for_update(skip_locked=True)
)


_UNFINISHED = (
    select(
        _document.run_id,
        _document.next_step,
        _document.status,
        func.count(),
        func.min(_document.updated_at, type_=schema.Moment),
    )
    .where(
        or_(
            _document.status == Status.PROCESSING.value,
            and_(*_SENT),
        )
    )
    .group_by(_document.run_id, _document.next_step, _document.status)
)


class Unfinished(NamedTuple):
    """The documents of a run that are processed, or sent to workers, at one step."""

    run_id: str
    #: The step's place among the run's steps, from 0.
    position: int
    status: Status
    documents: int
    #: When the first of them changed last.
    since: datetime


class Waiting(NamedTuple):
    """The documents of a run that wait for a worker at the same step."""

    run_id: str
    #: The step's place among the run's steps, from 0.
    position: int
    documents: int
    #: When the first of them began to wait.
    since: datetime


class QueueBacklog:
    """The documents that are queued and due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, run_id: str | None = None) -> list[Waiting]:
        """Count the documents that wait for a worker, by run and step.

        Args:
            run_id: Only of this run.
        """
        query = _WAITING
        if run_id is not None:
            query = query.where(_document.run_id == run_id)
        with self._database.reading() as connection:
            return [Waiting(*row) for row in connection.execute(query)]

    def unfinished(self) -> list[Unfinished]:
        """Count the documents of all runs that are processed, or wait for a worker."""
        with self._database.reading() as connection:
            return [
                Unfinished(run_id, position, Status(status), documents, since)
                for run_id, position, status, documents, since in connection.execute(
                    _UNFINISHED
                )
            ]

    def set_message(
        self, waiting: Waiting, message: str, *, instead_of: str = ""
    ) -> list[DocumentRow]:
        """Set the message of waiting documents, of the first few hundred at most.

        Args:
            waiting: The documents.
            message: The message.
            instead_of: Only replace messages with this prefix.

        Returns:
            The documents whose message changed.
        """
        begins = _document.message.startswith(instead_of, autoescape=True)
        others = _OTHERS.where(begins)
        changed = (
            update(schema.document)
            .where(_document.id.in_(others), *_SENT)
            .returning(schema.document)
        )
        # `updated_at` stays: it is when they began to wait.
        values = {
            "run": waiting.run_id,
            "position": waiting.position,
            "new_message": message,
            "message": message,
        }
        with self._database.writing() as connection:
            rows = connection.execute(changed, values).all()
        return sorted(map(document_row, rows), key=lambda row: row.number)
