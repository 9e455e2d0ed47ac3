"""Statements that change documents: cancel, retry, delete."""

from sqlalchemy import bindparam, case, delete, null, or_, select, update

from docprogress.events import NOT_HANDED_IN, Status
from docprogress.store import schema
from docprogress.store.rows import EXTRACTED, FACTS, FINAL, AttemptStatus

_document = schema.document.c
_run = schema.run.c
#: Conditions of documents that were cancelled because their submission ended.
ABANDONED = (
    _document.status == Status.CANCELLED.value,
    _document.ready.is_(False),
    _document.message.startswith(NOT_HANDED_IN, autoescape=True),
)
_moment = bindparam("moment", type_=schema.Moment)
_waiting = _document.status == Status.QUEUED.value
#: Cancels waiting documents, and requests it for those in processing. One statement,
#: so that all locks are taken in one order.
CANCEL = (
    update(schema.document)
    .values(
        status=case((_waiting, Status.CANCELLED.value), else_=_document.status),
        message=case((_waiting, "Cancelled"), else_=_document.message),
        due_at=case((_waiting, null()), else_=_document.due_at),
        finished_at=case((_waiting, _moment), else_=_document.finished_at),
        updated_at=case((_waiting, _moment), else_=_document.updated_at),
        cancel_requested=case((_waiting, _document.cancel_requested), else_=True),
    )
    .returning(schema.document)
)
KEEP_ABANDONED = update(schema.document).values(cancel_requested=True)
# A waiting document has a current attempt if it was handed over between queues.
END_ATTEMPTS = (
    update(schema.attempt)
    .where(
        schema.attempt.c.document_id.in_(bindparam("documents", expanding=True)),
        schema.attempt.c.status == AttemptStatus.PROCESSING.value,
    )
    .values(status=AttemptStatus.CANCELLED.value, finished_at=_moment)
)
_NEXT_SERIES = (
    update(schema.document)
    .where(
        or_(_document.ready, _document.url.is_not(None)),
        # A newer version took its place, or its file was removed.
        _document.retired_at.is_(None),
    )
    .values(
        status=Status.QUEUED.value,
        ready=True,
        message="Queued",
        error=None,
        attempt=_document.attempt + 1,
        first_attempt=_document.attempt + 1,
        cancel_requested=False,
        due_at=None,
        worker=None,
        started_at=None,
        finished_at=None,
        updated_at=_moment,
    )
    .returning(schema.document)
)
UNSUCCESSFUL = _document.status.in_((Status.FAILED.value, Status.CANCELLED.value))
RETRY = _NEXT_SERIES.values(progress=_document.kept_progress)
COMPLETED = _document.status == Status.COMPLETED.value
COMPLETED_RUNS = select(_document.run_id).where(COMPLETED).distinct()
AGAIN = _NEXT_SERIES.values(
    next_step=0, progress=0.0, kept_progress=0.0, **dict.fromkeys((*FACTS, *EXTRACTED))
)
DELETE = (
    delete(schema.document)
    .where(
        _document.id.in_(bindparam("documents", expanding=True)),
        _document.status.in_(FINAL),
    )
    .returning(_document.id, _document.run_id)
)
# Without this, a run that was deleted in part would never finish.
EXPECT_LESS = (
    update(schema.run)
    .where(_run.id == bindparam("run"))
    .values(expected=_run.expected - bindparam("fewer"))
)
