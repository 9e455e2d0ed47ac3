"""What has been submitted, and where it stands."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from docprogress.errors import DocumentNotFound, RunNotFound
from docprogress.events import ProgressEvent, Status
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.rows import (
    FINAL,
    UNFINISHED,
    DocumentRow,
    QueuedRow,
    RunRow,
    RunSummary,
    counted,
    document_row,
)
from docprogress.store.statements import batches

#: How many runs a store remembers: a worker asks for the same ones again and again.
REMEMBERED = 64

_document = schema.document.c
_run = schema.run.c

_RUN = select(schema.run).where(_run.id == bindparam("run"))
_DOCUMENT = select(schema.document).where(_document.id == bindparam("document"))
_LAST_NUMBER = select(func.max(_document.number)).where(
    _document.run_id == bindparam("run")
)
_COUNTS = (
    select(
        _document.run_id,
        _document.status,
        func.count(),
        func.max(_document.finished_at),
    )
    .where(_document.run_id.in_(bindparam("runs", expanding=True)))
    .group_by(_document.run_id, _document.status)
)
_OF_RUN = select(_document.id).where(_document.run_id == _run.id)
# Documents are added in the order of their numbers.
INCOMPLETE = (_run.expected > 0) & ~exists(
    _OF_RUN.where(_document.number >= _run.expected)
)
_RUN_TOTALS = select(
    func.count(),
    func.count().filter(
        INCOMPLETE | exists(_OF_RUN.where(_document.status.in_(UNFINISHED)))
    ),
).select_from(schema.run)
_STATUS_TOTALS = select(_document.status, func.count()).group_by(_document.status)


class Totals(NamedTuple):
    """What a store holds."""

    runs: int
    #: Runs of which documents have not come to rest, or are still to come.
    unfinished: int
    #: Documents of each status, also where there are none.
    counts: dict[Status, int]


class Reading(Database):
    """The half of the store that only looks."""

    def __init__(self, url: str, *, busy_seconds: float = 30.0) -> None:
        super().__init__(url, busy_seconds=busy_seconds)
        self._runs: dict[str, RunRow] = {}

    def run(self, run_id: str) -> RunRow:
        """A run, as it was submitted.

        Raises:
            RunNotFound: There is none with this id.
        """
        with self.reading() as connection:
            row = connection.execute(_RUN, {"run": run_id}).one_or_none()
        if row is None:
            raise RunNotFound(run_id)
        return RunRow(**row._mapping)

    def run_ids(self, prefix: str, *, limit: int) -> list[str]:
        """The ids of runs that begin like this, the newest first."""
        query = (
            select(_run.id)
            # Not LIKE, which ignores case on SQLite.
            .where(func.substr(_run.id, 1, len(prefix)) == prefix)
            .order_by(_run.created_at.desc(), _run.id.desc())
            .limit(limit)
        )
        with self.reading() as connection:
            return list(connection.scalars(query))

    def totals(self) -> Totals:
        """How many runs there are, how many are unfinished, and their documents."""
        with self.reading() as connection:
            runs, unfinished = connection.execute(_RUN_TOTALS).one()
            rows = connection.execute(_STATUS_TOTALS).all()
        return Totals(
            runs=runs, unfinished=unfinished, counts=counted(dict(map(tuple, rows)))
        )

    def runs(
        self,
        *,
        case_id: str | None = None,
        run_id: str | None = None,
        limit: int = 100,
    ) -> list[RunSummary]:
        """The runs, newest first, and how far they have come."""
        query = select(schema.run).order_by(_run.created_at.desc(), _run.id.desc())
        if case_id is not None:
            query = query.where(_run.case_id == case_id)
        if run_id is not None:
            query = query.where(_run.id == run_id)
        counts: dict[str, dict[str, int]] = {}
        ended: dict[str, list[datetime]] = {}
        with self.reading() as connection:
            rows = connection.execute(query.limit(limit)).all()
            for ids in batches([row.id for row in rows]):
                for found, status, count, end in connection.execute(
                    _COUNTS, {"runs": ids}
                ):
                    counts.setdefault(found, {})[status] = count
                    if end is not None:
                        ended.setdefault(found, []).append(end)
        return [
            _summary(row._mapping, counts.get(row.id, {}), ended.get(row.id, []))
            for row in rows
        ]

    def document(self, document_id: str) -> DocumentRow:
        """Where a document stands.

        Raises:
            DocumentNotFound: There is none with this id.
        """
        with self.reading() as connection:
            row = connection.execute(_DOCUMENT, {"document": document_id}).one_or_none()
        if row is None:
            raise DocumentNotFound(document_id)
        return document_row(row)

    def documents(
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
        with self.reading() as connection:
            rows = connection.execute(query.limit(limit))
            return [(row[0], document_row(row[1:])) for row in rows]

    def case(self, case_id: str, *, since: datetime | None = None) -> list[DocumentRow]:
        """The documents of a case, of all runs; those that changed since a moment."""
        conditions = [_document.case_id == case_id]
        if since is not None:
            conditions.append(_document.updated_at >= since)
        return self._found(*conditions)

    def case_size(self, case_id: str) -> int:
        """How many documents a case has."""
        query = select(func.count()).where(_document.case_id == case_id)
        with self.reading() as connection:
            return connection.execute(query).scalar_one()

    def counts(self, run_id: str) -> dict[Status, int]:
        """How many documents of a run have each status."""
        with self.reading() as connection:
            rows = connection.execute(_COUNTS, {"runs": [run_id]}).all()
        return counted({status: count for _, status, count, _ in rows})

    def last_number(self, run_id: str) -> int:
        """The highest number that a document of a run has; 0 if there is none."""
        with self.reading() as connection:
            return connection.scalar(_LAST_NUMBER, {"run": run_id}) or 0

    def present(
        self, *, documents: Sequence[str] = (), runs: Sequence[str] = ()
    ) -> list[ProgressEvent]:
        """Where these documents, and those of these runs, stand now."""
        rows = {row.id: row for row in self._found(ids=documents)} if documents else {}
        for run_id in runs:
            rows |= {row.id: row for row in self.documents(run_id)}
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
        with self.reading() as connection:
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
        if self._path is not None:
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
        with self.reading() as connection:
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
        with self.reading() as connection:
            return connection.execute(query).first() is None

    def unfinished(self) -> int:
        """How many documents have not come to rest, in all runs."""
        query = select(func.count()).where(_document.status.in_(UNFINISHED))
        with self.reading() as connection:
            return connection.execute(query).scalar_one()

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
        with self.reading() as connection:
            if ids is None:
                return [document_row(row) for row in connection.execute(query)]
            found = [
                document_row(row)
                for some in batches(dict.fromkeys(ids))
                for row in connection.execute(query.where(_document.id.in_(some)))
            ]
        found.sort(key=lambda row: (row.created_at, row.number))
        return found[:limit]

    def _remembered_run(self, connection: Connection, run_id: str) -> RunRow:
        """The run of a document, which is there as long as the document is."""
        run = self._runs.get(run_id)
        if run is None:
            row = connection.execute(_RUN, {"run": run_id}).one()
            run = RunRow(**row._mapping)
            if len(self._runs) >= REMEMBERED:
                self._runs.clear()
            self._runs[run_id] = run
        return run


def _summary(run: Any, found: dict[str, int], ended: list[datetime]) -> RunSummary:
    counts = counted(found)
    final = sum(count for status, count in counts.items() if status.final)
    finished = final >= run["expected"] and final == sum(counts.values())
    return RunSummary(
        **run, counts=counts, finished_at=max(ended, default=None) if finished else None
    )
