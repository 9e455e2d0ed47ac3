"""Attempts at documents.

Every write names its attempt, and takes effect only while that is the document's
current attempt. A worker whose attempt was superseded cannot change anything.
"""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    case,
    func,
    insert,
    select,
    text,
    update,
)

from docprogress.documents import Chunk
from docprogress.errors import (
    Cancelled,
    Superseded,
)
from docprogress.events import (
    MAX_UNFINISHED_PROGRESS,
    Status,
    now,
)
from docprogress.store import pgvector, results, schema, vectors
from docprogress.store.engine import Database
from docprogress.store.rows import (
    FACTS,
    UNFINISHED,
    AttemptRow,
    AttemptStatus,
    Claim,
    DocumentRow,
    FinishedStep,
    document_row,
)
from docprogress.store.runs import Runs
from docprogress.store.statements import CompiledStatement

_document = schema.document.c
_attempt = schema.attempt.c
# What an update sets is named by its parameters.
_OF_ATTEMPT = update(schema.document).where(
    _document.id == bindparam("document"),
    _document.attempt == bindparam("present_attempt"),
)
_PROCESSING = _OF_ATTEMPT.where(_document.status == Status.PROCESSING.value)
_QUEUED = _OF_ATTEMPT.where(_document.status == Status.QUEUED.value)
_CHANGE = CompiledStatement(_PROCESSING.returning(schema.document))
_STEP = _PROCESSING.returning(_document.cancel_requested)
_CLAIM = CompiledStatement(
    _QUEUED.where(_document.ready)
    .values(
        started_at=func.coalesce(
            _document.started_at, bindparam("moment", type_=schema.Moment)
        )
    )
    .returning(schema.document)
)
_NEXT = _PROCESSING.values(progress=_document.kept_progress).returning(schema.document)
_TAKE_DUE = _QUEUED.where(_document.due_at.is_not(None))
_END = (
    _OF_ATTEMPT.where(_document.status.in_(UNFINISHED))
    .values(
        progress=case(
            (_document.progress < bindparam("reached"), bindparam("reached")),
            else_=_document.progress,
        )
    )
    .returning(schema.document)
)
_FIRST_ATTEMPT = select(_document.first_attempt).where(
    _document.id == bindparam("document")
)
_BEGIN_ATTEMPT = CompiledStatement(insert(schema.attempt))
_END_ATTEMPT = CompiledStatement(
    update(schema.attempt).where(
        _attempt.document_id == bindparam("document"),
        _attempt.number == bindparam("present_attempt"),
    )
)
_LOST = (
    select(func.count())
    .select_from(schema.attempt)
    .join(schema.document)
    .where(
        _document.id == bindparam("document"),
        _attempt.number >= _document.first_attempt,
        _attempt.status == AttemptStatus.LOST.value,
    )
)
# Core has no word for this that both databases take.
_TIMING = CompiledStatement(
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
_ATTEMPTS = (
    select(schema.attempt)
    .join(schema.document)
    .where(_document.run_id == bindparam("run"))
    .order_by(_document.number, schema.attempt.c.number)
)


class Attempts:
    """The attempts at documents, by the workers that make them."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    def claim(self, document_id: str, attempt: int, *, worker: str) -> Claim | None:
        """Begin this attempt, or go on with it after it was handed over.

        None if it is not waiting: it was claimed already, or is over.
        """
        with self._database.writing() as connection:
            moment = now()
            row = _CLAIM.one_or_none(
                connection,
                {
                    **_present(document_id, attempt),
                    "moment": moment,
                    "status": Status.PROCESSING.value,
                    "message": "Started",
                    "worker": worker,
                    "due_at": None,
                    "updated_at": moment,
                },
            )
            if row is None:
                return None
            document = document_row(row)
            if document.started_at == moment:
                _BEGIN_ATTEMPT.run(
                    connection,
                    {
                        "document_id": document_id,
                        "number": attempt,
                        "status": AttemptStatus.PROCESSING.value,
                        "worker": worker,
                        "started_at": moment,
                    },
                )
            return Claim(
                document=document,
                run=self._runs.cached(document.run_id, connection),
            )

    def resume(
        self, document_id: str, attempt: int, *, worker: str | None = None
    ) -> Claim | None:
        """Go on with an attempt that is being processed; None if it is not."""
        with self._database.writing() as connection:
            changes = {"updated_at": now()} | ({"worker": worker} if worker else {})
            row = _CHANGE.one_or_none(
                connection, _present(document_id, attempt) | changes
            )
            if row is None:
                return None
            document = document_row(row)
            run = self._runs.cached(document.run_id, connection)
        return Claim(document=document, run=run)

    def hand_over(self, document_id: str, attempt: int, *, message: str) -> DocumentRow:
        """Leave the next step of this attempt to whoever claims it.

        Raises:
            Superseded: The attempt is over.
        """
        with self._database.writing() as connection:
            return update_attempt(
                connection,
                document_id,
                attempt,
                status=Status.QUEUED.value,
                message=message,
            )

    def postpone(
        self,
        document_id: str,
        attempt: int,
        *,
        due_at: float,
        progress: float,
        message: str,
    ) -> DocumentRow:
        """Have this attempt go on later, with whoever claims it then.

        Raises:
            Superseded: The attempt is over.
        """
        with self._database.writing() as connection:
            return update_attempt(
                connection,
                document_id,
                attempt,
                status=Status.QUEUED.value,
                due_at=due_at,
                progress=min(progress, MAX_UNFINISHED_PROGRESS),
                message=message,
            )

    def take_due(self, document_id: str, attempt: int) -> bool:
        """Whether it is the caller who sends this attempt, whose time has come."""
        with self._database.writing() as connection:
            values = {"due_at": None, "updated_at": now()}
            taken = connection.execute(
                _TAKE_DUE, _present(document_id, attempt) | values
            )
            return taken.rowcount > 0

    def set_content(
        self,
        document_id: str,
        attempt: int,
        *,
        size: int | None,
        sha256: str | None,
    ) -> None:
        """Keep what is known of a document once a worker has fetched it.

        Raises:
            Superseded: The attempt is over.
        """
        with self._database.writing() as connection:
            update_attempt(connection, document_id, attempt, size=size, sha256=sha256)

    def save_progress(
        self,
        document_id: str,
        attempt: int,
        *,
        progress: float,
        step: str,
        message: str,
    ) -> None:
        """Keep where an attempt stands within a step.

        Raises:
            Superseded: The attempt is over.
        """
        values = {
            "progress": min(progress, MAX_UNFINISHED_PROGRESS),
            "step": step,
            "message": message,
        }
        with self._database.writing() as connection:
            update_attempt(connection, document_id, attempt, **values)

    def save_vectors(
        self,
        document_id: str,
        attempt: int,
        chunks: Sequence[Chunk],
        *,
        embedder: str,
    ) -> None:
        """Keep the vectors of a step that is not finished, beside those it has kept.

        The first chunk follows the last one that was kept.

        Raises:
            Superseded: The attempt is over.
        """
        rows = vectors.vector_rows(chunks)
        with self._database.writing() as connection:
            update_attempt(connection, document_id, attempt)
            vectors.add_unfinished(connection, document_id, rows, embedder)

    def finish_steps(
        self,
        document_id: str,
        attempt: int,
        steps: Sequence[FinishedStep],
        *,
        completed: str | None = None,
        new: bool = False,
    ) -> DocumentRow:
        """Keep what several steps have made, in their order: all of it, or nothing.

        With a message, they were the last ones: the document is `completed` as well.
        One that is `new` has nothing yet that would have to be looked for.

        Raises:
            Superseded: The attempt is over.
            Cancelled: It would be completed, and somebody asked for it to be cancelled.
        """
        moment = now()
        values: dict[str, Any] = {"updated_at": moment}
        for finished in steps:
            values |= _worth(finished)
        if completed is not None:
            values |= {
                "status": Status.COMPLETED.value,
                "message": completed,
                "progress": 100.0,
                "error": None,
                "due_at": None,
                "finished_at": moment,
            }
        # Made before the transaction: on SQLite everybody else waits for its end.
        # Of several outputs of a kind, the last one is what there is.
        pages = next((s.pages for s in reversed(steps) if s.pages is not None), None)
        chunks = next((s.chunks for s in reversed(steps) if s.chunks is not None), None)
        page_rows = results.page_rows(pages or ())
        chunk_rows = results.chunk_rows(chunks or ())
        vector_rows = vectors.vector_rows(chunks or ())
        compared = (
            vectors.comparable(vector_rows) if self._database.compares_vectors else None
        )
        timings = [_timed(document_id, attempt, finished) for finished in steps]
        with self._database.writing() as connection:
            row = _CHANGE.one_or_none(
                connection, _present(document_id, attempt) | values
            )
            if row is None:
                raise Superseded(document_id, attempt)
            document = document_row(row)
            if completed is not None and document.cancel_requested:
                raise Cancelled(document_id)
            if timings:
                _TIMING.run(connection, *timings)
            if pages is not None:
                results.replace_rows(
                    connection, schema.page, document_id, page_rows, new=new
                )
            if chunks is not None:
                results.replace_rows(
                    connection, schema.chunk, document_id, chunk_rows, new=new
                )
                vectors.replace(
                    connection,
                    document_id,
                    vector_rows,
                    values.get("embedder"),
                    new=new,
                )
                if compared is not None:
                    pgvector.replace(connection, document_id, compared)
            if completed is not None:
                end_attempt(
                    connection,
                    document_id,
                    attempt,
                    status=Status.COMPLETED.value,
                    finished_at=moment,
                    error=None,
                )
            return document

    def finish(
        self,
        document_id: str,
        attempt: int,
        status: Status,
        *,
        message: str,
        error: str | None = None,
        progress: float | None = None,
    ) -> DocumentRow:
        """Bring an attempt to its end; one that was never claimed cannot complete.

        Short of that, `progress` says how far it came, if that is more than the
        store knows of.

        Raises:
            Superseded: The attempt is over already.
        """
        if not status.final:
            raise ValueError(f"{status} is not the end of an attempt")
        with self._database.writing() as connection:
            moment = now()
            values: dict[str, Any] = _present(document_id, attempt) | {
                "status": status.value,
                "message": message,
                "error": error,
                "due_at": None,
                "finished_at": moment,
                "updated_at": moment,
            }
            row: Sequence[Any] | None
            if status is Status.COMPLETED:
                row = _CHANGE.one_or_none(connection, values | {"progress": 100.0})
            else:
                values["reached"] = min(progress or 0.0, MAX_UNFINISHED_PROGRESS)
                row = connection.execute(_END, values).one_or_none()
            if row is None:
                raise Superseded(document_id, attempt)
            end_attempt(
                connection,
                document_id,
                attempt,
                status=status.value,
                finished_at=moment,
                error=error,
            )
            return document_row(row)

    def next_attempt(
        self,
        document_id: str,
        attempt: int,
        *,
        error: str,
        delay: float,
        lost: bool,
        tries: int,
    ) -> DocumentRow | None:
        """Give this attempt up, and let the next one wait for a worker.

        It goes on from the first step that is not finished, and is not to be sent
        before `delay` seconds are over.  `lost` says that the worker died, and
        `tries` how many attempts a series has at most.

        Returns:
            The document, or None if the attempt is over already.
        """
        ids = _present(document_id, attempt)
        with self._database.writing() as connection:
            moment = now()
            first = connection.execute(_FIRST_ATTEMPT, ids).scalar_one_or_none()
            number = attempt + 2 - (first or 1)
            row = connection.execute(
                _NEXT,
                ids
                | {
                    "status": Status.QUEUED.value,
                    "attempt": attempt + 1,
                    "due_at": time.time() + delay if delay else None,
                    "message": f"Trying again (attempt {number} of {tries}): {error}",
                    "worker": None,
                    "started_at": None,
                    "updated_at": moment,
                },
            ).one_or_none()
            if row is None:
                return None
            ended = AttemptStatus.LOST if lost else AttemptStatus.FAILED
            end_attempt(
                connection,
                document_id,
                attempt,
                status=ended.value,
                finished_at=moment,
                error=error,
            )
            return document_row(row)

    def count_lost(self, document_id: str) -> int:
        """How many workers have died of a document in the present series of tries."""
        with self._database.reading() as connection:
            return connection.execute(_LOST, {"document": document_id}).scalar_one()

    def of_run(self, run_id: str) -> list[AttemptRow]:
        """The attempts that began, in the order of the documents."""
        with self._database.reading() as connection:
            rows = connection.execute(_ATTEMPTS, {"run": run_id}).mappings()
            return [
                AttemptRow(**{**row, "status": AttemptStatus(row["status"])})
                for row in rows
            ]


def _present(document_id: str, attempt: int) -> dict[str, Any]:
    """What an update's conditions need."""
    return {"document": document_id, "present_attempt": attempt}


def _worth(finished: FinishedStep) -> dict[str, Any]:
    """What a finished step changes of its document."""
    worth = min(finished.progress, MAX_UNFINISHED_PROGRESS)
    values: dict[str, Any] = {
        k: str(v) for k, v in finished.facts.items() if k in FACTS and v is not None
    }
    values |= {
        "next_step": finished.position + 1,
        "step": finished.next_step,
        "progress": worth,
        "kept_progress": worth,
        "message": f"Finished {finished.step}",
    }
    if finished.pages is not None:
        values["pages"] = len(finished.pages)
        values["characters"] = sum(len(page.text) for page in finished.pages)
    if finished.chunks is not None:
        values["chunks"] = len(finished.chunks)
    return values


def _timed(document_id: str, attempt: int, finished: FinishedStep) -> dict[str, Any]:
    return {
        "document_id": document_id,
        "attempt": attempt,
        "position": finished.position,
        "step": finished.step,
        "started_at": finished.started_at,
        "seconds": finished.seconds,
        "items": finished.items,
        "unit": finished.unit,
    }


def update_attempt(
    connection: Connection, document_id: str, attempt: int, **values: Any
) -> DocumentRow:
    """Update a document that this attempt is processing.

    Raises:
        Superseded: The attempt is over.
    """
    row = _CHANGE.one_or_none(
        connection, _present(document_id, attempt) | values | {"updated_at": now()}
    )
    if row is None:
        raise Superseded(document_id, attempt)
    return document_row(row)


def end_attempt(
    connection: Connection, document_id: str, attempt: int, **values: Any
) -> None:
    """Record how an attempt ended."""
    _END_ATTEMPT.run(connection, _present(document_id, attempt) | values)
