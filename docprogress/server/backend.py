"""Calls of the pipeline for the routes, in threads, since they block."""

import base64
import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from docprogress.bus.bus import Bus
from docprogress.client.pipeline import Pipeline
from docprogress.documents import document_id
from docprogress.errors import BusError, DocumentNotFound, InvalidForm
from docprogress.events import ProgressEvent, Status, now, sort_key
from docprogress.queueing.waits import queue_reasons
from docprogress.server.executor import BoundedExecutor
from docprogress.server.schemas import (
    DocumentHistory,
    StepSpan,
    StepTime,
    SyncedFolder,
)
from docprogress.server.step_spans import StepSpans
from docprogress.server.subjects import Subject, containers_of
from docprogress.server.synced_folders import synced_folder
from docprogress.server.uploads import Upload
from docprogress.settings import Settings, redacted
from docprogress.store import DocumentRow
from docprogress.store.schema import storable

log = logging.getLogger(__name__)

#: Threads that read, threads that write, and how many calls may be pending in each.
READERS, WRITERS = 4, 4
MAX_PENDING = 1_000

#: Events in the history of a document.
MAX_EVENTS = 256

#: Folders that are named in a list of documents.
MAX_FOLDERS = 20

#: Timeouts of calls, in seconds.
READ_SECONDS = 15.0
WRITE_SECONDS = 120.0

#: The minimum seconds between two queries for why runs wait.
REASONS_SECONDS = 2.0


class Submitted(NamedTuple):
    """The run that was started for an upload, and its document."""

    run_id: str
    document_id: str
    created_at: datetime


class Backend:
    """A pipeline, and the threads in which it is called.

    Args:
        settings: The pipeline's settings. Local services are found or started.

    Raises:
        StoreError: The database cannot be used.
        ServicesError: Local services cannot be started.
        BusError: The URL of Redis cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        self.pipeline = Pipeline(**(given | {"home": settings.home}))
        #: The connection to Redis. Using it starts nothing.
        self.bus = Bus(
            self.pipeline.redis_url, remember_seconds=settings.remember_seconds
        )
        try:
            self.bus.redis  # noqa: B018 - raises if the URL is invalid
        except BaseException:
            self.pipeline.close()
            raise
        self.step_spans = StepSpans(self.pipeline.store)
        self.reading = BoundedExecutor(
            READERS, max_pending=MAX_PENDING, seconds=READ_SECONDS
        )
        self.writing = BoundedExecutor(
            WRITERS, max_pending=MAX_PENDING, seconds=WRITE_SECONDS
        )
        self._reasons: dict[str, str] = {}
        self._reasons_at = float("-inf")

    def close(self) -> None:
        """Close threads and connections."""
        for threads in (self.reading, self.writing):
            threads.close()
        self.bus.close()
        self.pipeline.close()

    async def newest(self, document_id: str) -> ProgressEvent | None:
        """A document's newest event, from Redis or the store."""

        def find_newest() -> ProgressEvent | None:
            try:
                published = self.bus.newest([document_id]).get(document_id)
            except BusError as error:
                log.info("asking only the store: %s", redacted(str(error)))
                published = None
            if published is not None and published.final:
                return published
            stored = self.pipeline.store.documents.current_events(
                documents=[document_id]
            )
            return max(
                [*stored, *([published] if published else [])],
                key=sort_key,
                default=None,
            )

        return await self.reading.run(find_newest)

    async def document(self, document_id: str) -> DocumentRow:
        """A document's row in the store.

        Raises:
            DocumentNotFound: There is none with this id.
        """
        return await self.reading.run(self.pipeline.document, document_id)

    async def documents(
        self,
        *,
        case_id: str | None,
        run_id: str | None,
        status: Status | None,
        search: str | None,
        after: str | None,
        limit: int,
    ) -> tuple[list[DocumentRow], str | None, list[StepSpan]]:
        """A page of documents that match all of this, the newest run's first.

        Returns:
            The documents, the `after` of the next page, which is None if there is none,
            and the steps that all of them have.

        Raises:
            InvalidForm: `after` is not a cursor returned by this method.
        """
        position = None if after is None else _decode_cursor(after)

        def find() -> tuple[list[tuple[datetime, DocumentRow]], list[StepSpan]]:
            found = self.pipeline.store.documents.recent(
                run_id=run_id,
                case_id=case_id,
                status=status,
                words=storable(search or "").split(),
                after=position,
                limit=limit + 1,
            )
            return found, self.step_spans.of(row for _, row in found[:limit])

        found, steps = await self.reading.run(find)
        rows = [row for _, row in found[:limit]]
        if len(found) <= limit:
            return rows, None, steps
        created_at, last = found[limit - 1]
        return rows, _encode_cursor(created_at, last), steps

    async def queue_reasons(self, rows: Iterable[DocumentRow]) -> dict[str, str]:
        """Why the runs of queued documents wait of which none is processed.

        They are queried every `REASONS_SECONDS` at most.
        """
        runs = {row.run_id for row in rows if row.status is Status.QUEUED}
        if not runs:
            return {}
        if time.monotonic() >= self._reasons_at + REASONS_SECONDS:
            self._reasons_at = time.monotonic()
            self._reasons = await self.reading.run(
                lambda: queue_reasons(
                    self.pipeline.store,
                    self.bus.redis,
                    local=self.pipeline.settings.local,
                )
            )
        return {run: why for run, why in self._reasons.items() if run in runs}

    async def folders(self, case_id: str | None) -> list[SyncedFolder]:
        """The folders that were synchronized last, of this case or of all."""

        def find() -> list[SyncedFolder]:
            store = self.pipeline.store
            sources = store.sources.newest(case_id, limit=MAX_FOLDERS)
            return [
                found
                for source in sources
                if (found := synced_folder(store, source)) is not None
            ]

        return await self.reading.run(find)

    async def history(self, document_id: str) -> DocumentHistory:
        """A document's newest events, and the durations of its steps.

        Raises:
            DocumentNotFound: The document is in neither Redis nor the store.
        """

        def find() -> DocumentHistory:
            try:
                events = self.bus.history(document_id)[-MAX_EVENTS:]
            except BusError as error:
                log.info("asking only the store: %s", redacted(str(error)))
                events = []
            try:
                row = self.pipeline.document(document_id)
            except DocumentNotFound:
                if not events:
                    raise
                return DocumentHistory(
                    document_id=document_id, events=_to_dicts(events), steps=[]
                )
            timings = self.pipeline.store.results.timings(
                row.run_id, document_id=row.id
            )
            return DocumentHistory(
                document_id=document_id,
                # Once Redis has expired them, the store has the last one.
                events=_to_dicts(events or [row.event()]),
                steps=[
                    StepTime(name=each.step, seconds=each.seconds, attempt=each.attempt)
                    for each in timings
                ],
            )

        return await self.reading.run(find)

    async def containers(self, document_ids: Sequence[str]) -> dict[str, set[Subject]]:
        """The runs and cases that contain documents."""

        def find() -> dict[str, set[Subject]]:
            stored = self.pipeline.store.documents.current_events(
                documents=document_ids
            )
            found = {event.document_id: event for event in stored}
            unknown = [each for each in document_ids if each not in found]
            if unknown:
                try:
                    found |= self.bus.newest(unknown)
                except BusError as error:
                    log.info("asking only the store: %s", redacted(str(error)))
            return {each: set(containers_of(event)) for each, event in found.items()}

        return await self.reading.run(find)

    async def submit(self, upload: Upload) -> Submitted:
        """Submit an uploaded document for processing.

        The store is not asked about it afterwards: once the run has started, nothing
        may fail, or the client would upload the document again.
        """

        def submit() -> Submitted:
            run = self.pipeline.submit(
                (upload.name, upload.file), case_id=upload.case_id
            )
            return Submitted(run.id, document_id(run.id, 1), now())

        return await self.writing.run(submit)

    async def retry(self, document_id: str, passwords: Sequence[str] = ()) -> int:
        """Retry a document. Returns the number of documents retried.

        Args:
            document_id: The document.
            passwords: Tried on it, if it is encrypted.

        Raises:
            DocumentNotFound: There is none with this id.
        """

        def retry() -> int:
            row = self.pipeline.document(document_id)
            return self.pipeline.attach(row.run_id).retry(
                document_ids=[document_id], passwords=passwords
            )

        return await self.writing.run(retry)

    async def cancel(self, document_id: str) -> int:
        """Cancel a document. Returns the number of documents cancelled.

        Raises:
            DocumentNotFound: There is none with this id.
        """

        def cancel() -> int:
            row = self.pipeline.document(document_id)
            return self.pipeline.attach(row.run_id).cancel([document_id])

        return await self.writing.run(cancel)


_INVALID_CURSOR = "`after` has to be the `next` of the previous page"


def _encode_cursor(created_at: datetime, row: DocumentRow) -> str:
    """The cursor of the page after this document, whatever is added before it."""
    position = msgspec.json.encode([created_at.isoformat(), row.run_id, row.number])
    return base64.urlsafe_b64encode(position).rstrip(b"=").decode()


def _decode_cursor(cursor: str) -> tuple[datetime, str, int]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        position = base64.b64decode(padded, altchars=b"-_", validate=True)
        text, run_id, number = msgspec.json.decode(position, type=tuple[str, str, int])
        moment = datetime.fromisoformat(text)
    except (ValueError, msgspec.DecodeError):
        raise InvalidForm(_INVALID_CURSOR) from None
    if moment.tzinfo is None or not 0 <= number < 2**31 or storable(run_id) != run_id:
        raise InvalidForm(_INVALID_CURSOR)
    return moment, run_id, number


def _to_dicts(events: Iterable[ProgressEvent]) -> list[dict[str, Any]]:
    return [event.to_dict() for event in events]
