"""Documents: where they stand, and what users do to them."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from docprogress.errors import (
    DocumentNotFound,
)
from docprogress.events import (
    NOT_HANDED_IN,
    ProgressEvent,
    Status,
    now,
)
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.rows import (
    FACTS,
    FINAL,
    UNFINISHED,
    AttemptStatus,
    DocumentRow,
    QueuedRow,
    counted,
    document_row,
)
from docprogress.store.runs import Runs
from docprogress.store.statements import batches

_document = schema.document.c
_run = schema.run.c
_BY_ID = select(schema.document).where(_document.id == bindparam("document"))
_LAST_NUMBER = select(func.max(_document.number)).where(
    _document.run_id == bindparam("run")
)
_COUNTS = select(_document.status, func.count()).group_by(_document.status)
ABANDONED = (
    _document.status == Status.CANCELLED.value,
    _document.ready.is_(False),
    _document.message.startswith(NOT_HANDED_IN, autoescape=True),
)
_moment = bindparam("moment", type_=schema.Moment)
_waits = _document.status == Status.QUEUED.value
# In one statement, so that all locks are taken in one order.
CANCEL = (
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
_KEEP_ABANDONED = update(schema.document).values(cancel_requested=True)
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
_DELETE = (
    delete(schema.document)
    .where(
        _document.id.in_(bindparam("documents", expanding=True)),
        _document.status.in_(FINAL),
    )
    .returning(_document.run_id)
)
# A run that is deleted in part is complete with what is left of it.
_EXPECT_LESS = (
    update(schema.run)
    .where(_run.id == bindparam("run"))
    .values(expected=_run.expected - bindparam("fewer"))
)


class Documents:
    """The documents of a database."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    def get(self, document_id: str) -> DocumentRow:
        """Where a document stands.

        Raises:
            DocumentNotFound: There is none with this id.
        """
        with self._database.reading() as connection:
            row = connection.execute(_BY_ID, {"document": document_id}).one_or_none()
        if row is None:
            raise DocumentNotFound(document_id)
        return document_row(row)

    def find(
        self,
        run_id: str | None = None,
        *,
        case_id: str | None = None,
        ids: Sequence[str] | None = None,
        status: Status | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[DocumentRow]:
        """The documents of which all of this is true, in the order of their numbers.

        Args:
            run_id: Of this run.
            case_id: Of this case.
            ids: With one of these ids, however many.
            status: With this status.
            after: With a greater number: the last one of the page before.
            limit: The first so many.
        """
        conditions: list[ColumnElement[bool]] = [_document.number > after]
        if run_id is not None:
            conditions.append(_document.run_id == run_id)
        if case_id is not None:
            conditions.append(_document.case_id == case_id)
        if status is not None:
            conditions.append(_document.status == status.value)
        return self._found(*conditions, ids=ids, limit=limit)

    def recent(
        self,
        *,
        run_id: str | None = None,
        case_id: str | None = None,
        status: Status | None = None,
        after: tuple[datetime, str, int] | None = None,
        limit: int = 100,
    ) -> list[tuple[datetime, DocumentRow]]:
        """Documents of all runs: those of the newest run first, each run's in order.

        Args:
            run_id: Of this run.
            case_id: Of this case.
            status: With this status.
            after: Behind this one: when its run was made, its run, and its number.
            limit: The first so many.

        Returns:
            Each with the moment when its run was made.
        """
        query = select(_run.created_at, schema.document).join(schema.run)
        if run_id is not None:
            query = query.where(_document.run_id == run_id)
        if case_id is not None:
            query = query.where(_document.case_id == case_id)
        if status is not None:
            query = query.where(_document.status == status.value)
        if after is not None:
            made, run, number = after
            query = query.where(
                or_(
                    _run.created_at < made,
                    and_(_run.created_at == made, _run.id < run),
                    and_(_run.id == run, _document.number > number),
                )
            )
        query = query.order_by(_run.created_at.desc(), _run.id.desc(), _document.number)
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit))
            return [(row[0], document_row(row[1:])) for row in rows]

    def in_case(
        self, case_id: str, *, since: datetime | None = None
    ) -> list[DocumentRow]:
        """The documents of a case in all runs, optionally only recent changes."""
        conditions = [_document.case_id == case_id]
        if since is not None:
            conditions.append(_document.updated_at >= since)
        return self._found(*conditions)

    def count_in_case(self, case_id: str) -> int:
        """How many documents a case has."""
        query = select(func.count()).where(_document.case_id == case_id)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def counts(self, run_id: str | None = None) -> dict[Status, int]:
        """The number of documents of each status, in one run or in all."""
        query = _COUNTS
        if run_id is not None:
            query = query.where(_document.run_id == run_id)
        with self._database.reading() as connection:
            return counted(dict(map(tuple, connection.execute(query))))

    def last_number(self, run_id: str) -> int:
        """The highest number that a document of a run has; 0 if there is none."""
        with self._database.reading() as connection:
            return connection.scalar(_LAST_NUMBER, {"run": run_id}) or 0

    def current_events(
        self, *, documents: Sequence[str] = (), runs: Sequence[str] = ()
    ) -> list[ProgressEvent]:
        """Where these documents, and those of these runs, stand now."""
        rows = {row.id: row for row in self._found(ids=documents)} if documents else {}
        for run_id in runs:
            rows |= {row.id: row for row in self.find(run_id)}
        return [row.event() for row in rows.values()]

    def finals(self, run_id: str) -> list[DocumentRow]:
        """The documents of a run that have come to rest."""
        return self._found(_document.run_id == run_id, _document.status.in_(FINAL))

    def changes(self, run_id: str, since: datetime) -> list[DocumentRow]:
        """The documents of a run that changed at that moment or later.

        On PostgreSQL a change may become visible a little after the moment it
        names: ask again from somewhat before the newest one.
        """
        return self._found(_document.run_id == run_id, _document.updated_at >= since)

    def processing(self) -> list[DocumentRow]:
        """The documents that a worker has, or had when it died."""
        return self._found(_document.status == Status.PROCESSING.value)

    def due(self, *, latest: float, limit: int) -> list[DocumentRow]:
        """The documents whose next attempt is due, those that are due first at first.

        Args:
            latest: The longest that an attempt is ever put off, in seconds: one that
                is due later than that was scheduled before the clock was set back.
            limit: The first so many.
        """
        moment = time.time()
        query = (
            select(schema.document)
            .where(_document.status == Status.QUEUED.value, _document.ready)
            .where(or_(_document.due_at <= moment, _document.due_at > moment + latest))
            .order_by(_document.due_at)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [document_row(row) for row in connection.execute(query)]

    def queued(
        self,
        *,
        after: int | str | None = None,
        ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[QueuedRow]:
        """The documents that have been sent and wait for a worker, page by page.

        Args:
            after: The `position` of the last document of the page before.
            ids: Only those with one of these ids.
            limit: The size of a page.
        """
        # An index holds the queued documents in the order of SQLite's row ids, so
        # that a page costs no more than its own rows.
        position: ColumnElement[Any] = _document.id
        if self._database.is_sqlite:
            position = literal_column("document.rowid", Integer)
        query = (
            select(
                position,
                *(getattr(_document, name) for name in QueuedRow._fields[1:]),
            )
            .where(
                _document.status == Status.QUEUED.value,
                _document.ready,
                _document.due_at.is_(None),
            )
            .order_by(position)
            .limit(limit)
        )
        if after is not None:
            query = query.where(position > after)
        with self._database.reading() as connection:
            if ids is None:
                return [QueuedRow(*row) for row in connection.execute(query)]
            return [
                QueuedRow(*row)
                for some in batches(dict.fromkeys(ids))
                for row in connection.execute(query.where(_document.id.in_(some)))
            ]

    def idle(self) -> bool:
        """Whether every document of every run has reached a final state."""
        query = select(_document.id).where(_document.status.in_(UNFINISHED)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is None

    def count_unfinished(self) -> int:
        """How many documents have not come to rest, in all runs."""
        query = select(func.count()).where(_document.status.in_(UNFINISHED))
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

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
        with self._database.writing() as connection:
            moment = now()
            for chosen in _chosen(run_id, document_ids, numbers):
                # First, or a submitter that resumes could make them unfinished between
                # the two statements.
                given_up = _in_order(*ABANDONED, *chosen)
                connection.execute(_KEEP_ABANDONED.where(given_up))
                statement = CANCEL.where(_in_order(unfinished, *chosen))
                for row in connection.execute(statement, {"moment": moment}):
                    (ended if row.status in FINAL else asked).append(document_row(row))
            for ids in batches(row.id for row in ended):
                connection.execute(_END_ATTEMPTS, {"documents": ids, "moment": moment})
        return sorted(ended, key=by_number), sorted(asked, key=by_number)

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
        with self._database.writing() as connection:
            moment = {"moment": now()}
            for chosen in _chosen(run_id, document_ids, numbers):
                statement = _RETRY.where(_in_order(_UNSUCCESSFUL, *chosen))
                rows = connection.execute(statement, moment)
                again += map(document_row, rows)
                if failed_only:
                    continue
                for run in list(connection.scalars(_COMPLETED_RUNS.where(*chosen))):
                    steps = self._runs.cached(run, connection).steps
                    again += map(
                        document_row,
                        connection.execute(
                            _AGAIN.where(
                                _in_order(_COMPLETED, _document.run_id == run, *chosen)
                            ),
                            moment | {"step": steps[0]["name"]},
                        ),
                    )
        return sorted(again, key=by_number)

    def delete(self, document_ids: Sequence[str]) -> int:
        """Forget documents that have come to rest, and all that they gave.

        Their runs are as many documents smaller.
        """
        chosen = {"documents": list(document_ids)}
        with self._database.writing() as connection:
            deleted = Counter(connection.scalars(_DELETE, chosen))
            for run_id, count in sorted(deleted.items()):
                connection.execute(_EXPECT_LESS, {"run": run_id, "fewer": count})
        return deleted.total()

    def _found(
        self,
        *conditions: ColumnElement[bool],
        ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[DocumentRow]:
        query = (
            select(schema.document)
            .where(*conditions)
            .order_by(_document.created_at, _document.number)
            .limit(limit)
        )
        with self._database.reading() as connection:
            if ids is None:
                return [document_row(row) for row in connection.execute(query)]
            found = [
                document_row(row)
                for some in batches(dict.fromkeys(ids))
                for row in connection.execute(query.where(_document.id.in_(some)))
            ]
        found.sort(key=lambda row: (row.created_at, row.number))
        return found[:limit]


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


def by_number(row: DocumentRow) -> int:
    """The sort key for the order of a run's documents."""
    return row.number
