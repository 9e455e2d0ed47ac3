"""Runs: added, found, counted and deleted."""

import secrets
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from docprogress.errors import RunNotFound
from docprogress.events import NOTES_WITHOUT_TEXT, Status, now
from docprogress.store import schema
from docprogress.store.engine import Database
from docprogress.store.rows import (
    FINAL,
    UNFINISHED,
    RunRow,
    RunSummary,
    Totals,
    counted,
    summary,
)
from docprogress.store.statements import batches

_document = schema.document.c
_run = schema.run.c

#: The maximum number of runs that are cached.
CACHED_RUNS = 64

_RUN = select(schema.run).where(_run.id == bindparam("run"))
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
# Other notes may precede this one.
_NOTES = (
    select(_document.note, func.count())
    .where(
        _document.run_id == bindparam("run"),
        _document.status == Status.COMPLETED.value,
        or_(*(_document.note.endswith(note) for note in NOTES_WITHOUT_TEXT)),
    )
    .group_by(_document.note)
)
_OF_RUN = select(_document.id).where(_document.run_id == _run.id)
# Documents are added in the order of their numbers, so the last one comes last.
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
_ADD_RUN = insert(schema.run)
_GIVE_KEY = (
    update(schema.run)
    .where(_run.id == bindparam("of"), _run.encryption_key.is_(None))
    .values(encryption_key=bindparam("key"))
)
_DELETE_RUN = delete(schema.run).where(
    _run.id == bindparam("run"), ~exists(_OF_RUN.correlate(schema.run))
)
_OLD = (
    select(_run.id)
    .where(_run.created_at < bindparam("before", type_=schema.Moment))
    .order_by(_run.created_at, _run.id)
)
_NEWER = select(_document.id).where(
    _document.run_id == _run.id,
    func.coalesce(_document.finished_at, _document.updated_at)
    >= bindparam("before", type_=schema.Moment),
)
_IN_FOLDER = (
    select(_document.id)
    .join_from(
        schema.document,
        schema.source_file,
        or_(
            schema.source_file.c.document_id == _document.id,
            schema.source_file.c.pending_id == _document.id,
        ),
    )
    .where(_document.run_id == _run.id)
)
_UNFINISHED = select(_document.id).where(
    _document.run_id == _run.id, _document.status.not_in(FINAL)
)


class Runs:
    """The runs of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: dict[str, RunRow] = {}

    def add(
        self,
        *,
        run_id: str,
        case_id: str | None,
        expected: int,
        steps: list[dict[str, Any]],
        settings: dict[str, Any],
        fingerprint: str,
    ) -> RunRow:
        """Add a run that will have `expected` documents."""
        run = RunRow(
            id=run_id,
            case_id=case_id,
            created_at=now(),
            expected=expected,
            steps=steps,
            settings=settings,
            fingerprint=fingerprint,
            encryption_key=secrets.token_urlsafe(32),
        )
        with self._database.writing() as connection:
            connection.execute(_ADD_RUN, asdict(run))
        return run

    def get(self, run_id: str) -> RunRow:
        """The run with this id.

        Raises:
            RunNotFound: There is none.
        """
        with self._database.reading() as connection:
            row = connection.execute(_RUN, {"run": run_id}).mappings().one_or_none()
        if row is None:
            raise RunNotFound(run_id)
        return RunRow(**row)

    def encryption_key(self, run_id: str) -> str:
        """The key of a run's passwords; a run of an earlier version is given one.

        Raises:
            RunNotFound: There is no such run.
        """
        with self._database.writing() as connection:
            connection.execute(
                _GIVE_KEY, {"of": run_id, "key": secrets.token_urlsafe(32)}
            )
        key = self.get(run_id).encryption_key
        assert key is not None
        return key

    def cached(self, run_id: str, connection: Connection | None = None) -> RunRow:
        """A run that exists, from this process's cache if it is there.

        Args:
            run_id: The run, which exists as long as its documents do.
            connection: The caller's transaction, if it is inside one.
        """
        run = self._cache.get(run_id)
        if run is None:
            if connection is None:
                run = self.get(run_id)
            else:
                rows = connection.execute(_RUN, {"run": run_id})
                run = RunRow(**rows.mappings().one())
            if len(self._cache) >= CACHED_RUNS:
                self._cache.clear()
            self._cache[run_id] = run
        return run

    def steps(self, run_ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
        """The steps of runs, by the run's id; those that do not exist are left out."""
        query = select(_run.id, _run.steps).where(_run.id.in_(run_ids))
        with self._database.reading() as connection:
            return {row.id: row.steps for row in connection.execute(query)}

    def ids(self, prefix: str, *, limit: int) -> list[str]:
        """The ids of runs with this prefix, newest first."""
        query = (
            select(_run.id)
            # Not LIKE, which ignores case on SQLite.
            .where(func.substr(_run.id, 1, len(prefix)) == prefix)
            .order_by(_run.created_at.desc(), _run.id.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def find(
        self,
        *,
        case_id: str | None = None,
        run_id: str | None = None,
        limit: int = 100,
    ) -> list[RunSummary]:
        """Runs with their progress, newest first."""
        query = select(schema.run).order_by(_run.created_at.desc(), _run.id.desc())
        if case_id is not None:
            query = query.where(_run.case_id == case_id)
        if run_id is not None:
            query = query.where(_run.id == run_id)
        counts: dict[str, dict[str, int]] = {}
        ended: dict[str, list[datetime]] = {}
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit)).mappings().all()
            for ids in batches([row["id"] for row in rows]):
                for found, status, count, end in connection.execute(
                    _COUNTS, {"runs": ids}
                ):
                    counts.setdefault(found, {})[status] = count
                    if end is not None:
                        ended.setdefault(found, []).append(end)
        return [
            summary(row, counts.get(row["id"], {}), ended.get(row["id"], []))
            for row in rows
        ]

    def without_text(self, run_id: str) -> dict[str, int]:
        """How many completed documents of a run have no text, by their last note."""
        found: dict[str, int] = {}
        with self._database.reading() as connection:
            for note, count in connection.execute(_NOTES, {"run": run_id}):
                last = note.rpartition("; ")[2]
                found[last] = found.get(last, 0) + count
        return found

    def totals(self) -> Totals:
        """Count runs, unfinished runs, and documents by status."""
        with self._database.reading() as connection:
            runs, unfinished = connection.execute(_RUN_TOTALS).one()
            rows = connection.execute(_STATUS_TOTALS).all()
        return Totals(
            runs=runs, unfinished=unfinished, counts=counted(dict(map(tuple, rows)))
        )

    def old(self, before: datetime) -> tuple[list[str], list[str]]:
        """Runs that finished before a moment, and unfinished ones created before it.

        Both are sorted by age, oldest first. Runs with documents of folders that are
        kept in sync are neither, because those documents are as old as their files.
        """
        with self._database.reading() as connection:
            finished = _OLD.where(
                ~exists(_NEWER.correlate(schema.run)),
                ~exists(_UNFINISHED.correlate(schema.run)),
                ~exists(_IN_FOLDER.correlate(schema.run)),
            )
            unfinished = _OLD.where(exists(_UNFINISHED.correlate(schema.run)))
            moment = {"before": before}
            return (
                list(connection.scalars(finished, moment)),
                list(connection.scalars(unfinished, moment)),
            )

    def delete_empty(self, run_id: str) -> bool:
        """Delete a run without documents; return False if it has some.

        Raises:
            RunNotFound: There is no such run.
        """
        with self._database.writing() as connection:
            if connection.execute(_DELETE_RUN, {"run": run_id}).rowcount:
                self._cache.pop(run_id, None)
                return True
            found = connection.execute(select(_run.id).where(_run.id == run_id))
            if found.one_or_none() is None:
                raise RunNotFound(run_id)
            return False
