"""Attempts at documents.

Every write names its attempt, and takes effect only while that is the document's
current attempt. A worker whose attempt was superseded cannot change anything.
"""

import time
from collections.abc import Sequence
from typing import Any

from docprogress.documents import Chunk, Page
from docprogress.errors import Cancelled, Superseded
from docprogress.events import MAX_UNFINISHED_PROGRESS, Status, now
from docprogress.store import (
    pgvector,
    recognised,
    results,
    schema,
    vectors,
    versions,
    word_entries,
)
from docprogress.store.attempt_changes import completed_changes, step_changes, timing
from docprogress.store.attempt_statements import (
    ATTEMPTS_OF_RUN,
    BEGIN_ATTEMPT,
    BEGIN_NEXT,
    CLAIM,
    COUNT_LOST,
    END_UNSUCCESSFUL,
    FIRST_ATTEMPT,
    TAKE_DUE,
    UPDATE,
    UPSERT_TIMING,
    end_attempt,
    identify,
    update_attempt,
)
from docprogress.store.engine import Database
from docprogress.store.rows import (
    AttemptRow,
    AttemptStatus,
    Claim,
    DocumentRow,
    FinishedStep,
    document_row,
)
from docprogress.store.runs import Runs


class Attempts:
    """The attempts at documents, by the workers that make them."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    def claim(self, document_id: str, attempt: int, *, worker: str) -> Claim | None:
        """Begin a waiting attempt, or continue it after it was handed over.

        None if it is not waiting, because it was claimed already or is over.
        """
        with self._database.writing() as connection:
            moment = now()
            row = CLAIM.one_or_none(
                connection,
                {
                    **identify(document_id, attempt),
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
                BEGIN_ATTEMPT.run(
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
        """Continue an attempt in processing; None if it is not."""
        with self._database.writing() as connection:
            changes = {"updated_at": now()} | ({"worker": worker} if worker else {})
            row = UPDATE.one_or_none(
                connection, identify(document_id, attempt) | changes
            )
            if row is None:
                return None
            document = document_row(row)
            run = self._runs.cached(document.run_id, connection)
        return Claim(document=document, run=run)

    def hand_over(self, document_id: str, attempt: int, *, message: str) -> DocumentRow:
        """Release an attempt, so that any worker can claim its next step.

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
        """Release an attempt, so that any worker can claim it from `due_at` on.

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

    def take_due(
        self, document_id: str, attempt: int, *, message: str | None = None
    ) -> bool:
        """Clear the due time of an attempt; False if another process already did.

        Args:
            document_id: The document.
            attempt: Its attempt.
            message: The new message; None keeps the old one.
        """
        with self._database.writing() as connection:
            values: dict[str, Any] = {"due_at": None, "updated_at": now()}
            if message is not None:
                values["message"] = message
            taken = connection.execute(
                TAKE_DUE, identify(document_id, attempt) | values
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
        """Record the size and digest of a downloaded document.

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
        """Record an attempt's progress within a step.

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
        """Add vectors of an unfinished step to those it saved before.

        The first chunk must follow the last one saved.

        Raises:
            Superseded: The attempt is over.
        """
        rows = vectors.vector_rows(chunks)
        with self._database.writing() as connection:
            update_attempt(connection, document_id, attempt)
            vectors.add_unfinished(connection, document_id, rows, embedder)

    def save_recognised(
        self,
        document_id: str,
        attempt: int,
        pages: Sequence[Page],
        *,
        recogniser: str,
    ) -> None:
        """Keep pages that an unfinished extraction has recognised.

        Raises:
            Superseded: The attempt is over.
        """
        with self._database.writing() as connection:
            update_attempt(connection, document_id, attempt)
            recognised.add(connection, document_id, pages, recogniser)

    def finish_steps(
        self,
        document_id: str,
        attempt: int,
        steps: Sequence[FinishedStep],
        *,
        completed: str | None = None,
        new: bool = False,
    ) -> DocumentRow:
        """Store the results of several steps, in their order: all of them, or none.

        Args:
            document_id: The document.
            attempt: The attempt.
            steps: The steps, whose results replace earlier ones of their kind.
            completed: The message of a document that these steps complete.
            new: Whether the document has no results yet that would be replaced.

        Raises:
            Superseded: The attempt is over.
            Cancelled: The document would be completed, but cancelling was requested.
        """
        moment = now()
        values: dict[str, Any] = {"updated_at": moment}
        for finished in steps:
            values |= step_changes(finished)
        values |= completed_changes(completed, attempt, moment)
        # Prepared before the transaction, which blocks all other writers on SQLite.
        pages = next((s.pages for s in reversed(steps) if s.pages is not None), None)
        chunks = next((s.chunks for s in reversed(steps) if s.chunks is not None), None)
        page_rows = results.page_rows(pages or ())
        chunk_rows = results.chunk_rows(chunks or ())
        vector_rows = vectors.vector_rows(chunks or ())
        compared = (
            vectors.comparable(vector_rows) if self._database.compares_vectors else None
        )
        indexed = None if completed is None else self._indexed(document_id, chunks)
        timings = [timing(document_id, attempt, finished) for finished in steps]
        with self._database.writing() as connection:
            row = UPDATE.one_or_none(
                connection, identify(document_id, attempt) | values
            )
            if row is None:
                raise Superseded(document_id, attempt)
            document = document_row(row)
            if completed is not None and document.cancel_requested:
                raise Cancelled(document_id)
            if timings:
                UPSERT_TIMING.run(connection, *timings)
            if pages is not None:
                results.replace_rows(
                    connection, schema.page, document_id, page_rows, new=new
                )
                unfinished = not new or values.get("ocr_pages")
                recognised.discard(connection, [document_id] if unfinished else [])
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
                    pgvector.replace(connection, document_id, compared, new=new)
            if indexed is not None:
                word_entries.replace(connection, document_id, attempt, indexed, new=new)
            if completed is not None:
                end_attempt(
                    connection,
                    document_id,
                    attempt,
                    status=Status.COMPLETED.value,
                    finished_at=moment,
                    error=None,
                )
                versions.take_place(connection, document, moment)
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
        """End an attempt. One that was never claimed cannot complete.

        A completed document takes the place of the one that it replaces; the message of
        another one says so if an earlier version is kept.

        `progress` is that of a failed or cancelled attempt, if it is more than the
        stored one.

        Raises:
            Superseded: The attempt is over already.
        """
        if not status.final:
            raise ValueError(f"{status} is not the end of an attempt")
        completed = status is Status.COMPLETED
        indexed = self._indexed(document_id) if completed else []
        with self._database.writing() as connection:
            moment = now()
            values: dict[str, Any] = identify(document_id, attempt) | {
                "status": status.value,
                "message": message,
                "error": error,
                "due_at": None,
                "finished_at": moment,
                "updated_at": moment,
            }
            row: Sequence[Any] | None
            if completed:
                values |= {"progress": 100.0, "indexed_attempt": attempt}
                row = UPDATE.one_or_none(connection, values)
            else:
                values["reached"] = min(progress or 0.0, MAX_UNFINISHED_PROGRESS)
                row = connection.execute(END_UNSUCCESSFUL, values).one_or_none()
            if row is None:
                raise Superseded(document_id, attempt)
            if completed:
                word_entries.replace(connection, document_id, attempt, indexed)
            end_attempt(
                connection,
                document_id,
                attempt,
                status=status.value,
                finished_at=moment,
                error=error,
            )
            document = document_row(row)
            if completed:
                versions.take_place(connection, document, moment)
                return document
            return versions.note_kept(connection, document)

    def _indexed(
        self, document_id: str, chunks: Sequence[Chunk] | None = None
    ) -> list[word_entries.Entry]:
        """The entries in the index of words of these chunks, or of the stored ones."""
        if chunks is not None:
            return word_entries.entries(word_entries.given_chunks(chunks))
        with self._database.reading() as connection:
            stored = word_entries.stored_chunks(connection, document_id)
        return word_entries.entries(stored)

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
        """End an attempt, and queue the next one from the first unfinished step.

        Args:
            document_id: The document.
            attempt: The attempt to end.
            error: Why it ended.
            delay: Seconds until the next attempt is due.
            lost: Whether its worker died.
            tries: The maximum number of attempts of a series.

        Returns:
            The document, or None if the attempt is over already.
        """
        ids = identify(document_id, attempt)
        with self._database.writing() as connection:
            moment = now()
            first = connection.execute(FIRST_ATTEMPT, ids).scalar_one_or_none()
            number = attempt + 2 - (first or 1)
            row = connection.execute(
                BEGIN_NEXT,
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
        """The number of workers that died in this series of attempts."""
        with self._database.reading() as connection:
            return connection.execute(
                COUNT_LOST, {"document": document_id}
            ).scalar_one()

    def of_run(self, run_id: str) -> list[AttemptRow]:
        """The attempts of a run that began, in the order of the documents."""
        with self._database.reading() as connection:
            rows = connection.execute(ATTEMPTS_OF_RUN, {"run": run_id}).mappings()
            return [
                AttemptRow(**{**row, "status": AttemptStatus(row["status"])})
                for row in rows
            ]
