"""The documents that wait for workers, by run and step."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, update

from docprogress.events import Status
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.rows import DocumentRow, document_row

_document = schema.document.c
#: What is said of a document that waits for a worker.
QUEUED = "Queued"
#: How many documents one statement says something of.
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
    # On PostgreSQL: what somebody else is about to change need not be waited for.
    .with_for_update(skip_locked=True)
)


class Waiting(NamedTuple):
    """The documents of a run that wait for a worker to do the same step."""

    run_id: str
    #: The step's place among the run's steps, from 0.
    position: int
    documents: int
    #: Since when the first of them waits.
    since: datetime


class QueueBacklog:
    """The documents that are queued and due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, run_id: str | None = None) -> list[Waiting]:
        """The documents that wait for a worker, and not for a time.

        Args:
            run_id: Only of this run, however many wait in all.
        """
        query = _WAITING
        if run_id is not None:
            query = query.where(_document.run_id == run_id)
        with self._database.reading() as connection:
            return [Waiting(*row) for row in connection.execute(query)]

    def set_message(
        self, waiting: Waiting, message: str, *, instead_of: str = ""
    ) -> list[DocumentRow]:
        """Say the same of all these documents, or of the first few hundred.

        With `instead_of`, only of those whose message begins so.

        Returns:
            The documents of which something else was said before.
        """
        begins = _document.message.startswith(instead_of, autoescape=True)
        others = _OTHERS.where(begins)
        changed = (
            update(schema.document)
            .where(_document.id.in_(others), *_SENT)
            .returning(schema.document)
        )
        # When they began to wait stays as it is.
        values = {
            "run": waiting.run_id,
            "position": waiting.position,
            "new_message": message,
            "message": message,
        }
        with self._database.writing() as connection:
            rows = connection.execute(changed, values).all()
        return sorted(map(document_row, rows), key=lambda row: row.number)
