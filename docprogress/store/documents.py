"""Documents: queries, and the actions of users: cancel, retry, delete."""

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
    func,
    literal_column,
    or_,
    select,
)

from docprogress.errors import DocumentNotFound
from docprogress.events import ProgressEvent, Status, now
from docprogress.store import schema
from docprogress.store.document_statements import (
    ABANDONED,
    AGAIN,
    CANCEL,
    COMPLETED,
    COMPLETED_RUNS,
    DELETE,
    END_ATTEMPTS,
    EXPECT_LESS,
    KEEP_ABANDONED,
    RETRY,
    UNSUCCESSFUL,
)
from docprogress.store.engine import Database
from docprogress.store.rows import (
    FINAL,
    UNFINISHED,
    DocumentRow,
    QueuedRow,
    counted,
    document_row,
)
from docprogress.store.runs import Runs
from docprogress.store.search_filter import CURRENT
from docprogress.store.sinks import mark_deleted
from docprogress.store.statements import batches
from docprogress.store.versions import note_kept

_document = schema.document.c
_run = schema.run.c
_BY_ID = select(schema.document).where(_document.id == bindparam("document"))
_LAST_NUMBER = select(func.max(_document.number)).where(
    _document.run_id == bindparam("run")
)
_COUNTS = select(_document.status, func.count()).group_by(_document.status)


class Documents:
    """The documents of a database."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    def get(self, document_id: str) -> DocumentRow:
        """The document with this id.

        Raises:
            DocumentNotFound: There is none.
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
        name: str | None = None,
        ids: Sequence[str] | None = None,
        status: Status | None = None,
        current: bool = False,
        after: int = 0,
        limit: int | None = None,
    ) -> list[DocumentRow]:
        """Documents that match all filters, oldest run first, in the run's order.

        Args:
            run_id: Only of this run.
            case_id: Only of this case.
            name: Only with this name.
            ids: Only these; there may be any number of them.
            status: Only with this status.
            current: Only completed ones that no newer version has replaced, and whose
                files were not removed from their folder.
            after: Only with greater numbers; the last one of the page before.
            limit: The size of a page.
        """
        conditions: list[ColumnElement[bool]] = [_document.number > after]
        if run_id is not None:
            conditions.append(_document.run_id == run_id)
        if case_id is not None:
            conditions.append(_document.case_id == case_id)
        if name is not None:
            conditions.append(_document.name == name)
        if status is not None:
            conditions.append(_document.status == status.value)
        if current:
            conditions.append(CURRENT)
        return self._find(*conditions, ids=ids, limit=limit)

    def recent(
        self,
        *,
        run_id: str | None = None,
        case_id: str | None = None,
        status: Status | None = None,
        words: Sequence[str] = (),
        after: tuple[datetime, str, int] | None = None,
        limit: int = 100,
    ) -> list[tuple[datetime, DocumentRow]]:
        """Documents that match all filters, newest run first, in the run's order.

        Args:
            run_id: Only of this run.
            case_id: Only of this case.
            status: Only with this status.
            words: Only if each occurs in the name, message, error or id, in upper or
                lower case; SQLite tells them apart outside of ASCII.
            after: The last one of the page before: its run's creation time, its run,
                and its number.
            limit: The size of a page.

        Returns:
            Each with the creation time of its run.
        """
        query = select(_run.created_at, schema.document).join(schema.run)
        if run_id is not None:
            query = query.where(_document.run_id == run_id)
        if case_id is not None:
            query = query.where(_document.case_id == case_id)
        if status is not None:
            query = query.where(_document.status == status.value)
        for word in words:
            texts = (_document.name, _document.message, _document.error, _document.id)
            query = query.where(
                or_(*(text.icontains(word, autoescape=True) for text in texts))
            )
        if after is not None:
            created_at, run, number = after
            query = query.where(
                or_(
                    _run.created_at < created_at,
                    and_(_run.created_at == created_at, _run.id < run),
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
        return self._find(*conditions)

    def count_in_case(self, case_id: str) -> int:
        """The number of documents in a case."""
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
        """The highest document number of a run; 0 if it has no documents."""
        with self._database.reading() as connection:
            return connection.scalar(_LAST_NUMBER, {"run": run_id}) or 0

    def current_events(
        self, *, documents: Sequence[str] = (), runs: Sequence[str] = ()
    ) -> list[ProgressEvent]:
        """The current events of these documents, and of all documents of these runs."""
        rows = {row.id: row for row in self._find(ids=documents)} if documents else {}
        for run_id in runs:
            rows |= {row.id: row for row in self.find(run_id)}
        return [row.event() for row in rows.values()]

    def finished(self, run_id: str) -> list[DocumentRow]:
        """The documents of a run that have a final status."""
        return self._find(_document.run_id == run_id, _document.status.in_(FINAL))

    def changes(self, run_id: str, since: datetime) -> list[DocumentRow]:
        """The documents of a run that changed at a moment or later.

        On PostgreSQL a change may become visible a little after its `updated_at`, so
        the next query should overlap with this one.
        """
        return self._find(_document.run_id == run_id, _document.updated_at >= since)

    def processing(self) -> list[DocumentRow]:
        """The documents that a worker is processing, or was when it died."""
        return self._find(_document.status == Status.PROCESSING.value)

    def due(self, *, latest: float, limit: int) -> list[DocumentRow]:
        """Documents whose scheduled attempt is due, earliest first.

        Args:
            latest: The longest delay of an attempt, in seconds. One that is due later
                was scheduled before the clock was set back, and counts as due.
            limit: The maximum number of documents to return.
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
        """The documents that should have a message in a queue, page by page.

        Args:
            after: The `position` of the last document of the page before.
            ids: Only these.
            limit: The size of a page.
        """
        # SQLite's index by status is ordered by row id, so that a page costs no more
        # than its own rows.
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
        """Whether all documents of all runs have a final status."""
        query = select(_document.id).where(_document.status.in_(UNFINISHED)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is None

    def count_unfinished(self) -> int:
        """The number of documents without a final status, in all runs."""
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
        """Cancel unfinished documents that match all filters.

        Args:
            run_id: Only of this run.
            document_ids: Only these.
            numbers: Only with these numbers in their run.

        Returns:
            The waiting documents, which are cancelled now, and those in processing,
            which their workers will cancel.
        """
        cancelled: list[DocumentRow] = []
        requested: list[DocumentRow] = []
        unfinished = _document.status.in_(UNFINISHED)
        with self._database.writing() as connection:
            moment = now()
            for chosen in _filters(run_id, document_ids, numbers):
                # First, because a submitter that resumes could make abandoned
                # documents unfinished between the two statements. It locks the
                # documents of both.
                either = or_(unfinished, and_(*ABANDONED))
                locked = _in_order(either, *chosen)
                connection.execute(KEEP_ABANDONED.where(*ABANDONED, locked))
                statement = CANCEL.where(_in_order(unfinished, *chosen))
                changed = connection.execute(statement, {"moment": moment}).all()
                for document in map(document_row, changed):
                    if document.status.final:
                        cancelled.append(note_kept(connection, document))
                    else:
                        requested.append(document)
            for ids in batches(row.id for row in cancelled):
                connection.execute(END_ATTEMPTS, {"documents": ids, "moment": moment})
        return sorted(cancelled, key=by_number), sorted(requested, key=by_number)

    def retry(
        self,
        *,
        run_id: str | None = None,
        document_ids: Sequence[str] | None = None,
        numbers: range | None = None,
        failed_only: bool = True,
    ) -> list[DocumentRow]:
        """Begin a new series of attempts for documents that match all filters.

        Failed and cancelled documents continue from their first unfinished step.
        Documents whose files were never uploaded stay as they are. Without
        `failed_only`, completed documents start over from the first step.
        """
        retried: list[DocumentRow] = []
        with self._database.writing() as connection:
            moment = {"moment": now()}
            for chosen in _filters(run_id, document_ids, numbers):
                statement = RETRY.where(_in_order(UNSUCCESSFUL, *chosen))
                rows = connection.execute(statement, moment)
                retried += map(document_row, rows)
                if failed_only:
                    continue
                for run in list(connection.scalars(COMPLETED_RUNS.where(*chosen))):
                    steps = self._runs.cached(run, connection).steps
                    retried += map(
                        document_row,
                        connection.execute(
                            AGAIN.where(
                                _in_order(COMPLETED, _document.run_id == run, *chosen)
                            ),
                            moment | {"step": steps[0]["name"]},
                        ),
                    )
        return sorted(retried, key=by_number)

    def delete(self, document_ids: Sequence[str]) -> int:
        """Delete documents that have a final status, with their results.

        The expected number of documents of their runs decreases accordingly.

        Returns:
            The number of documents deleted.
        """
        chosen = {"documents": list(document_ids)}
        with self._database.writing() as connection:
            deleted = list(connection.execute(DELETE, chosen))
            counts = Counter(run_id for _, run_id in deleted)
            for run_id, count in sorted(counts.items()):
                connection.execute(EXPECT_LESS, {"run": run_id, "fewer": count})
            mark_deleted(connection, [document_id for document_id, _ in deleted])
        return len(deleted)

    def _find(
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


def _filters(
    run_id: str | None, document_ids: Sequence[str] | None, numbers: range | None
) -> Iterator[list[ColumnElement[bool]]]:
    """The conditions of a filter, with as many ids as one statement takes."""
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
    """The condition that a document matches, locking rows in the order of their ids.

    On PostgreSQL, transactions that lock rows in different orders deadlock.
    """
    ids = select(_document.id).where(*conditions).order_by(_document.id)
    return _document.id.in_(ids.with_for_update())


def by_number(row: DocumentRow) -> int:
    """The sort key for the order of a run's documents."""
    return row.number
