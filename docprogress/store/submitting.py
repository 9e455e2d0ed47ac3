"""How runs and their documents come in, and go."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from docprogress.errors import RunNotFound
from docprogress.events import NOT_HANDED_IN, Status, now
from docprogress.store import schema
from docprogress.store.reading import INCOMPLETE, Reading
from docprogress.store.rows import (
    FACTS,
    FINAL,
    UNFINISHED,
    AttemptStatus,
    DocumentRow,
    NewDocument,
    RunRow,
    document_row,
)
from docprogress.store.statements import batches

#: How many documents are given up in one transaction.
GIVEN_UP_TOGETHER = 500

_document = schema.document.c
_run = schema.run.c

_ADD_RUN = insert(schema.run)
_SUBMITTED = tuple(field.name for field in fields(NewDocument))
_READY = update(schema.document).where(
    _document.id == bindparam("document"),
    _document.status == Status.QUEUED.value,
    _document.ready.is_(False),
)
_GIVEN_UP = (
    _document.status == Status.CANCELLED.value,
    _document.ready.is_(False),
    _document.message.startswith(NOT_HANDED_IN, autoescape=True),
)
# Given up while the submitting process was suspended: it resumes them unless a user
# has cancelled them since.
_READY_AFTER_ALL = (
    update(schema.document)
    .where(
        _document.id == bindparam("document"),
        *_GIVEN_UP,
        _document.cancel_requested.is_(False),
    )
    .values(
        status=Status.QUEUED.value,
        attempt=_document.attempt + 1,
        first_attempt=_document.attempt + 1,
        finished_at=None,
    )
)
_WAITS_FOR_BYTES = (
    _document.status == Status.QUEUED.value,
    _document.ready.is_(False),
)
_WITHOUT_DOCUMENTS = select(_run.id).where(INCOMPLETE)
_WITHOUT_BYTES = select(_document.run_id).where(*_WAITS_FOR_BYTES).distinct()
_HOW_FAR = select(
    schema.run,
    select(func.coalesce(func.max(_document.number), 0))
    .where(_document.run_id == _run.id)
    .scalar_subquery()
    .label("last"),
).where(_run.id == bindparam("run"))
_DELETE_RUN = delete(schema.run).where(schema.run.c.id == bindparam("run"))
_DOCUMENTS_OF_RUN = (
    select(_document.id)
    .where(_document.run_id == bindparam("run"))
    .order_by(_document.id)
    .with_for_update()
)

_moment = bindparam("moment", type_=schema.Moment)
_waits = _document.status == Status.QUEUED.value
# In one statement, so that all locks are taken in one order.
_CANCEL = (
    update(schema.document)
    .values(
        status=case((_waits, Status.CANCELLED.value), else_=_document.status),
        message=case((_waits, "Cancelled"), else_=_document.message),
        due_at=case((_waits, null()), else_=_document.due_at),
        finished_at=case((_waits, _moment), else_=_document.finished_at),
        updated_at=case((_waits, _moment), else_=_document.updated_at),
        cancel_requested=case((_waits, _document.cancel_requested), else_=True),
    )
    .returning(schema.document)
)
_KEEP_GIVEN_UP = update(schema.document).values(cancel_requested=True)
# Those that were handed from one queue to the next have begun.
_END_ATTEMPTS = (
    update(schema.attempt)
    .where(
        schema.attempt.c.document_id.in_(bindparam("documents", expanding=True)),
        schema.attempt.c.status == AttemptStatus.PROCESSING.value,
    )
    .values(status=AttemptStatus.CANCELLED.value, finished_at=_moment)
)
_NEXT_SERIES = (
    update(schema.document)
    .where(or_(_document.ready, _document.url.is_not(None)))
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
_UNSUCCESSFUL = _document.status.in_((Status.FAILED.value, Status.CANCELLED.value))
_RETRY = _NEXT_SERIES.values(progress=_document.kept_progress)
_COMPLETED = _document.status == Status.COMPLETED.value
_COMPLETED_RUNS = select(_document.run_id).where(_COMPLETED).distinct()
_AGAIN = _NEXT_SERIES.values(
    next_step=0, progress=0.0, kept_progress=0.0, **dict.fromkeys(FACTS)
)


class Submitting(Reading):
    """The part of the store that is used by whoever hands documents in."""

    def add_run(
        self,
        *,
        run_id: str,
        case_id: str | None,
        expected: int,
        steps: list[dict[str, Any]],
        settings: dict[str, Any],
        fingerprint: str,
    ) -> RunRow:
        """Begin a run of `expected` documents."""
        run = RunRow(
            id=run_id,
            case_id=case_id,
            created_at=now(),
            expected=expected,
            steps=steps,
            settings=settings,
            fingerprint=fingerprint,
        )
        with self.writing() as connection:
            connection.execute(_ADD_RUN, asdict(run))
        return run

    def add_documents(self, documents: Sequence[NewDocument]) -> None:
        """Add documents whose bytes are still to come: all of them, or none.

        One that was cancelled before it was added stays cancelled, and gets its name.
        """
        if not documents:
            return
        moment = now()
        rows = [
            # Not `asdict`, which copies every value with care.
            {name: getattr(document, name) for name in _SUBMITTED}
            | _NEW
            | {"created_at": moment, "updated_at": moment}
            for document in documents
        ]
        with self.writing() as connection:
            connection.execute(_add_documents(connection), rows)

    def mark_ready(self, stored: Sequence[tuple[str, int | None, str | None]]) -> None:
        """Let workers have these documents: (id, size, SHA-256) of each.

        A document that was cancelled in the meantime stays so, unless it was given up
        because its submitter seemed gone: then it begins its next attempt.
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
        with self.writing() as connection:
            if connection.execute(_READY, values).rowcount != len(values):
                connection.execute(_READY_AFTER_ALL, values)

    def being_submitted(self, run_id: str | None = None) -> list[str]:
        """The runs of which documents, or their bytes, are still to come.

        Args:
            run_id: Ask of this run alone.
        """
        documents, runs = _WITHOUT_BYTES, _WITHOUT_DOCUMENTS
        if run_id is not None:
            documents = documents.where(_document.run_id == run_id)
            runs = runs.where(_run.id == run_id)
        with self.reading() as connection:
            found = [*connection.scalars(documents), *connection.scalars(runs)]
        return list(dict.fromkeys(found))

    def give_up_submission(self, run_id: str, reason: str) -> list[DocumentRow]:
        """Cancel documents of a run that are still to come, a few hundred at a time.

        Those that were never added are added as cancelled, so that the run has as
        many documents as it was submitted with.

        Args:
            run_id: The run.
            reason: Why they do not come.

        Returns:
            The documents that are cancelled now; none when nothing is to come.
        """
        message = f"{NOT_HANDED_IN}{reason}"
        waiting = select(_document.id).where(
            _document.run_id == run_id, *_WAITS_FOR_BYTES
        )
        chosen = waiting.order_by(_document.id).limit(GIVEN_UP_TOGETHER)
        with self.writing() as connection:
            changed = connection.execute(
                _CANCEL.where(_document.id.in_(chosen.with_for_update())).values(
                    message=message
                ),
                {"moment": now()},
            )
            rows = list(map(document_row, changed))
            room = GIVEN_UP_TOGETHER - len(rows)
            rows += _added_as_cancelled(connection, run_id, message, most=room)
        return sorted(rows, key=_number)

    def cancel_missing(self, run_id: str, numbers: range) -> list[DocumentRow]:
        """Add documents that were never added, and have these numbers, as cancelled.

        Returns:
            The documents that were added.
        """
        with self.writing() as connection:
            return _added_as_cancelled(connection, run_id, "Cancelled", numbers=numbers)

    def not_handed_in(self, run_id: str) -> str | None:
        """Why documents of a run were not handed in; None if all were."""
        query = (
            select(_document.message)
            .where(
                _document.run_id == run_id,
                _document.status == Status.CANCELLED.value,
                _document.message.startswith(NOT_HANDED_IN, autoescape=True),
            )
            .limit(1)
        )
        with self.reading() as connection:
            found = connection.scalar(query)
        return None if found is None else found.removeprefix(NOT_HANDED_IN)

    def cancel(
        self,
        *,
        run_id: str | None = None,
        document_ids: Sequence[str] | None = None,
        numbers: range | None = None,
    ) -> tuple[list[DocumentRow], list[DocumentRow]]:
        """Cancel what has not come to rest: of a run, or of these documents, or both.

        Args:
            run_id: Of this run.
            document_ids: Of these.
            numbers: Of those that have these numbers in their run.

        Returns:
            The documents that were waiting and are cancelled, and those that a
            worker has, which it is to find out.
        """
        ended: list[DocumentRow] = []
        asked: list[DocumentRow] = []
        unfinished = _document.status.in_(UNFINISHED)
        with self.writing() as connection:
            moment = now()
            for chosen in _chosen(run_id, document_ids, numbers):
                # First, or a submitter that resumes could make them unfinished between
                # the two statements.
                given_up = _in_order(*_GIVEN_UP, *chosen)
                connection.execute(_KEEP_GIVEN_UP.where(given_up))
                statement = _CANCEL.where(_in_order(unfinished, *chosen))
                for row in connection.execute(statement, {"moment": moment}):
                    (ended if row.status in FINAL else asked).append(document_row(row))
            for ids in batches(row.id for row in ended):
                connection.execute(_END_ATTEMPTS, {"documents": ids, "moment": moment})
        return sorted(ended, key=_number), sorted(asked, key=_number)

    def retry(
        self,
        *,
        run_id: str | None = None,
        document_ids: Sequence[str] | None = None,
        numbers: range | None = None,
        failed_only: bool = True,
    ) -> list[DocumentRow]:
        """Begin a new series of attempts, of a run, or of these documents, or both.

        What failed or was cancelled goes on from its first unfinished step; what
        never arrived stays as it is.  Unless it is for `failed_only`, completed
        documents begin again from the first step.
        """
        again: list[DocumentRow] = []
        with self.writing() as connection:
            moment = {"moment": now()}
            for chosen in _chosen(run_id, document_ids, numbers):
                statement = _RETRY.where(_in_order(_UNSUCCESSFUL, *chosen))
                rows = connection.execute(statement, moment)
                again += map(document_row, rows)
                if failed_only:
                    continue
                for run in list(connection.scalars(_COMPLETED_RUNS.where(*chosen))):
                    steps = self._remembered_run(connection, run).steps
                    again += map(
                        document_row,
                        connection.execute(
                            _AGAIN.where(
                                _in_order(_COMPLETED, _document.run_id == run, *chosen)
                            ),
                            moment | {"step": steps[0]["name"]},
                        ),
                    )
        return sorted(again, key=_number)

    def delete_run(self, run_id: str) -> list[str]:
        """Forget a run, and all that its documents gave; the documents' ids.

        Raises:
            RunNotFound: There is none with this id.
        """
        with self.writing() as connection:
            ids = list(connection.scalars(_DOCUMENTS_OF_RUN, {"run": run_id}))
            if not connection.execute(_DELETE_RUN, {"run": run_id}).rowcount:
                raise RunNotFound(run_id)
        self._runs.pop(run_id, None)
        return ids


_Insert = postgresql.Insert | sqlite.Insert


def _add_documents(connection: Connection) -> _Insert:
    """Adds documents; one that is there keeps everything but what it is made from."""
    statement = _insert(connection)
    made_from = {name: statement.excluded[name] for name in ("name", "url", "size")}
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_=made_from,
        where=_document.status == Status.CANCELLED.value,
    )


def _insert(connection: Connection) -> _Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(schema.document)
    return postgresql.insert(schema.document)


def _added_as_cancelled(
    connection: Connection,
    run_id: str,
    message: str,
    *,
    numbers: range | None = None,
    most: int | None = None,
) -> list[DocumentRow]:
    """Add the documents of a run that are missing at its end, as cancelled."""
    run = connection.execute(_HOW_FAR, {"run": run_id}).one_or_none()
    if run is None:
        return []
    begin, end = run.last + 1, run.expected + 1
    if numbers is not None:
        begin, end = max(begin, numbers.start), min(end, numbers.stop)
    if most is not None:
        end = min(end, begin + most)
    moment = now()
    rows = [
        _NEW
        | {
            "id": document_id(run_id, number),
            "run_id": run_id,
            "number": number,
            # Its name was known to the submitting process alone.
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
    for some in batches(rows, GIVEN_UP_TOGETHER):
        connection.execute(_insert(connection).on_conflict_do_nothing(), some)
        # Not those that the submitting process has just added.
        mine = select(schema.document).where(
            _document.id.in_([row["id"] for row in some]),
            _document.status == Status.CANCELLED.value,
            _document.created_at == moment,
        )
        added += map(document_row, connection.execute(mine))
    return sorted(added, key=_number)


def document_id(run_id: str, number: int) -> str:
    """The id of a run's document, by its place in the run, counted from 1."""
    return f"{run_id}-{number:04d}"


def _chosen(
    run_id: str | None, document_ids: Sequence[str] | None, numbers: range | None
) -> Iterator[list[ColumnElement[bool]]]:
    """The conditions that choose documents, in parts that a statement takes."""
    if run_id is None and document_ids is None:
        raise ValueError("name a run, or documents")
    condition = [] if run_id is None else [_document.run_id == run_id]
    if numbers is not None:
        condition.append(_document.number.between(numbers[0], numbers[-1]))
    if document_ids is None:
        yield condition
        return
    for ids in batches(dict.fromkeys(document_ids)):
        yield [*condition, _document.id.in_(ids)]


def _in_order(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a document is one of these, locked in the order of their ids.

    On PostgreSQL, two that took many in orders of their own would wait for each
    other; on SQLite there is but one lock.
    """
    ids = select(_document.id).where(*conditions).order_by(_document.id)
    return _document.id.in_(ids.with_for_update())


def _number(row: DocumentRow) -> int:
    return row.number


_NEW: dict[str, Any] = {
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
