"""Conditional writes of attempts.

They take effect only while the attempt is the document's current one.
"""

from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, select, text, update

from docprogress.errors import Superseded
from docprogress.events import Status, now
from docprogress.store import schema
from docprogress.store.rows import UNFINISHED, AttemptStatus, DocumentRow, document_row
from docprogress.store.statements import CompiledStatement

_document = schema.document.c
_attempt = schema.attempt.c
# The names of the parameters say which columns an update sets.
_OF_ATTEMPT = update(schema.document).where(
    _document.id == bindparam("document"),
    _document.attempt == bindparam("current_attempt"),
)
_PROCESSING = _OF_ATTEMPT.where(_document.status == Status.PROCESSING.value)
_QUEUED = _OF_ATTEMPT.where(_document.status == Status.QUEUED.value)
UPDATE = CompiledStatement(_PROCESSING.returning(schema.document))
CLAIM = CompiledStatement(
    _QUEUED.where(_document.ready)
    .values(
        started_at=func.coalesce(
            _document.started_at, bindparam("moment", type_=schema.Moment)
        )
    )
    .returning(schema.document)
)
BEGIN_NEXT = _PROCESSING.values(progress=_document.kept_progress).returning(
    schema.document
)
TAKE_DUE = _QUEUED.where(_document.due_at.is_not(None))
END_UNSUCCESSFUL = (
    _OF_ATTEMPT.where(_document.status.in_(UNFINISHED))
    .values(
        progress=case(
            (_document.progress < bindparam("reached"), bindparam("reached")),
            else_=_document.progress,
        )
    )
    .returning(schema.document)
)
FIRST_ATTEMPT = select(_document.first_attempt).where(
    _document.id == bindparam("document")
)
BEGIN_ATTEMPT = CompiledStatement(insert(schema.attempt))
_END_ATTEMPT = CompiledStatement(
    update(schema.attempt).where(
        _attempt.document_id == bindparam("document"),
        _attempt.number == bindparam("current_attempt"),
    )
)
COUNT_LOST = (
    select(func.count())
    .select_from(schema.attempt)
    .join(schema.document)
    .where(
        _document.id == bindparam("document"),
        _attempt.number >= _document.first_attempt,
        _attempt.status == AttemptStatus.LOST.value,
    )
)
# SQLAlchemy has no upsert for both databases.
UPSERT_TIMING = CompiledStatement(
    text(
        "INSERT INTO step_timing (document_id, attempt, position, step, started_at,"
        " seconds, items, unit) VALUES (:document_id, :attempt, :position, :step,"
        " :started_at, :seconds, :items, :unit)"
        " ON CONFLICT (document_id, attempt, position) DO UPDATE SET step = :step,"
        " started_at = :started_at, seconds = :seconds, items = :items, unit = :unit"
    ).bindparams(
        *(bindparam(column.name, type_=column.type) for column in schema.step_timing.c)
    )
)
ATTEMPTS_OF_RUN = (
    select(schema.attempt)
    .join(schema.document)
    .where(_document.run_id == bindparam("run"))
    .order_by(_document.number, schema.attempt.c.number)
)


def identify(document_id: str, attempt: int) -> dict[str, Any]:
    """The parameters that identify an attempt."""
    return {"document": document_id, "current_attempt": attempt}


def update_attempt(
    connection: Connection, document_id: str, attempt: int, **values: Any
) -> DocumentRow:
    """Update a document that this attempt is processing.

    Raises:
        Superseded: The attempt is over.
    """
    row = UPDATE.one_or_none(
        connection, identify(document_id, attempt) | values | {"updated_at": now()}
    )
    if row is None:
        raise Superseded(document_id, attempt)
    return document_row(row)


def end_attempt(
    connection: Connection, document_id: str, attempt: int, **values: Any
) -> None:
    """Record how an attempt ended."""
    _END_ATTEMPT.run(connection, identify(document_id, attempt) | values)
