"""What the routes ask of the pipeline, in threads: it blocks, and they must not."""

import asyncio
import base64
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from redis.exceptions import RedisError

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.bus.keys import RECOVERY_LEADER_SECONDS
from docprogress.client.pipeline import Pipeline
from docprogress.documents import document_id
from docprogress.errors import BusError, DocProgressError, DocumentNotFound, InvalidForm
from docprogress.events import ProgressEvent, Status, now, sort_key
from docprogress.queueing.recovery_status import last_leader_seen, last_recovery
from docprogress.server.executor import BoundedExecutor, SharedCall
from docprogress.server.schemas import DocumentHistory, Part, Readiness, StepTime
from docprogress.server.sse.client_queue import Kind, Subject
from docprogress.server.uploads import Upload
from docprogress.settings import Settings, redacted
from docprogress.store import DocumentRow
from docprogress.store.schema import storable

log = logging.getLogger(__name__)

#: BoundedExecutor that read, and threads that write; how many calls may wait for them.
READING, WRITING = 4, 4
MOST_WAITING = 1_000

#: Events of a document that are told as its history.
MOST_EVENTS = 256

#: Seconds that a call may take.
READ_SECONDS = 15.0
WRITE_SECONDS = 120.0

#: Seconds for which events may not be received: connecting again takes a moment.
DEAF_SECONDS = 2.0

#: Seconds in which what the server needs has to answer, to count as ready.
READY_SECONDS = 5.0


class Submitted(NamedTuple):
    """The run that was started for an upload, and its only document."""

    run_id: str
    document_id: str
    created_at: datetime


class Backend:
    """A pipeline, and the threads in which it is asked.

    Args:
        settings: The pipeline's; local services are found or started.

    Raises:
        StoreError: The database cannot be used.
        ServicesError: Local services cannot be started.
        BusError: The URL of Redis cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        self.pipeline = Pipeline(**(given | {"home": settings.home}))
        #: Where progress is told, without anything being started for that.
        self.bus = Bus(
            self.pipeline.redis_url, remember_seconds=settings.remember_seconds
        )
        try:
            self.bus.redis  # noqa: B018 - a URL that cannot be used is found out here
        except BaseException:
            self.pipeline.close()
            raise
        self.reading = BoundedExecutor(READING, most=MOST_WAITING, seconds=READ_SECONDS)
        self.writing = BoundedExecutor(
            WRITING, most=MOST_WAITING, seconds=WRITE_SECONDS
        )
        # What hangs holds up no other, and is not asked twice.
        self._parts = {
            ask: SharedCall(ask, seconds=READY_SECONDS)
            for ask in (self._redis, self._database, self._workers, self._recovery)
        }

    def close(self) -> None:
        """Give threads and connections back."""
        for threads in (self.reading, self.writing):
            threads.close()
        for part in self._parts.values():
            part.close()
        self.bus.close()
        self.pipeline.close()

    async def newest(self, document_id: str) -> ProgressEvent | None:
        """Where a document stands, by Redis or the store, whichever knows better."""

        def ask() -> ProgressEvent | None:
            try:
                told = self.bus.newest([document_id]).get(document_id)
            except BusError as error:
                log.info("the store alone is asked: %s", redacted(str(error)))
                told = None
            if told is not None and told.final:
                return told
            kept = self.pipeline.store.documents.current_events(documents=[document_id])
            return max([*kept, *([told] if told else [])], key=sort_key, default=None)

        return await self.reading.run(ask)

    async def document(self, document_id: str) -> DocumentRow:
        """What the store knows of a document.

        Raises:
            DocumentNotFound: It knows none with this id.
        """
        return await self.reading.run(self.pipeline.document, document_id)

    async def documents(
        self,
        *,
        case_id: str | None,
        run_id: str | None,
        status: Status | None,
        after: str | None,
        limit: int,
    ) -> tuple[list[DocumentRow], str | None]:
        """Documents of which all of this is true, those of the newest run first.

        Returns:
            The first of them, or those behind `after`, and the `after` of the next
            ones; None if there are no more.

        Raises:
            InvalidForm: `after` is none that was given here.
        """
        place = None if after is None else _place(after)
        found = await self.reading.run(
            lambda: self.pipeline.store.documents.recent(
                run_id=run_id,
                case_id=case_id,
                status=status,
                after=place,
                limit=limit + 1,
            )
        )
        rows = [row for _, row in found[:limit]]
        if len(found) <= limit:
            return rows, None
        made, last = found[limit - 1]
        return rows, _cursor(made, last)

    async def history(self, document_id: str) -> DocumentHistory:
        """What is remembered of a document: the newest events, and its steps' times.

        Raises:
            DocumentNotFound: Nothing is.
        """

        def find() -> DocumentHistory:
            try:
                events = self.bus.history(document_id)[-MOST_EVENTS:]
            except BusError as error:
                log.info("the store alone is asked: %s", redacted(str(error)))
                events = []
            try:
                row = self.pipeline.document(document_id)
            except DocumentNotFound:
                if not events:
                    raise
                return DocumentHistory(
                    document_id=document_id, events=_told(events), steps=[]
                )
            timings = self.pipeline.store.results.timings(
                row.run_id, document_id=row.id
            )
            return DocumentHistory(
                document_id=document_id,
                # Redis does not remember for ever: the store knows how it ended.
                events=_told(events or [row.event()]),
                steps=[
                    StepTime(name=each.step, seconds=each.seconds, attempt=each.attempt)
                    for each in timings
                ],
            )

        return await self.reading.run(find)

    async def holders(self, document_ids: Sequence[str]) -> dict[str, set[Subject]]:
        """The runs and cases of which documents are, as far as anybody knows."""

        def find() -> dict[str, set[Subject]]:
            kept = self.pipeline.store.documents.current_events(documents=document_ids)
            found = {event.document_id: event for event in kept}
            unknown = [each for each in document_ids if each not in found]
            if unknown:
                try:
                    found |= self.bus.newest(unknown)
                except BusError as error:
                    log.info("the store alone is asked: %s", redacted(str(error)))
            return {each: _containing(event) for each, event in found.items()}

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

    async def retry(self, document_id: str) -> int:
        """Try a document again; how many that is.

        Raises:
            DocumentNotFound: There is none with this id.
        """

        def again() -> int:
            row = self.pipeline.document(document_id)
            return self.pipeline.attach(row.run_id).retry(document_ids=[document_id])

        return await self.writing.run(again)

    async def cancel(self, document_id: str) -> int:
        """Cancel a document; how many that is.

        Raises:
            DocumentNotFound: There is none with this id.
        """

        def end() -> int:
            row = self.pipeline.document(document_id)
            return self.pipeline.attach(row.run_id).cancel([document_id])

        return await self.writing.run(end)

    async def readiness(self, *, deaf_seconds: float = 0.0) -> Readiness:
        """Whether Redis and the database answer, and workers do what they have to.

        Args:
            deaf_seconds: For how long events could not be received.
        """
        redis, database, workers, recovery = await asyncio.gather(
            *map(self._part, self._parts)
        )
        events = _RECEIVED
        if deaf_seconds >= DEAF_SECONDS:
            message = f"none could be received for {deaf_seconds:.0f} s"
            events = Part(ok=False, message=message)
        return Readiness(
            ready=redis.ok and database.ok and events.ok,
            redis=redis,
            database=database,
            events=events,
            workers=workers,
            recovery=recovery,
        )

    async def _part(self, ask: Callable[[], Part]) -> Part:
        try:
            return await self._parts[ask]()
        except (DocProgressError, RedisError, OSError) as error:
            # For whoever runs the server: a probe is answered without a token.
            log.warning("not ready: %s", redacted(str(error)))
            return Part(ok=False, message="no answer; the server's log says more")

    def _redis(self) -> Part:
        if self._resting():
            return _RESTING
        started = time.perf_counter()
        self.bus.redis.ping()
        return _answered(started)

    def _database(self) -> Part:
        started = time.perf_counter()
        self.pipeline.store.runs.find(limit=1)
        return _answered(started)

    def _workers(self) -> Part:
        if self._resting():
            return _RESTING
        # Held by the worker that looks for lost documents; it takes turns.
        ago = last_leader_seen(self.bus.redis)
        if ago is None:
            return Part(
                ok=False, message=f"none was seen for {RECOVERY_LEADER_SECONDS} s"
            )
        return Part(ok=True, message=f"one was seen {ago:.1f} s ago")

    def _recovery(self) -> Part:
        if self._resting():
            return _RESTING
        look = last_recovery(self.bus.redis)
        if look is None:
            return Part(ok=False, message="not known: no worker has looked yet")
        message = f"lost documents were looked for {look.seconds:.1f} s ago"
        return Part(ok=not look.overdue, message=message)

    def _resting(self) -> bool:
        settings = self.pipeline.settings
        return settings.local and local.status(settings.home) is None


_NO_PLACE = "`after` has to be the `next` of the list before"
_RECEIVED = Part(ok=True, message="received as far as a stream waits for them")
_RESTING = Part(ok=True, message="local services start when they are needed")


def _cursor(made: datetime, row: DocumentRow) -> str:
    """Where a list goes on: behind this document, whatever is added before it."""
    place = msgspec.json.encode([made.isoformat(), row.run_id, row.number])
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def _place(cursor: str) -> tuple[datetime, str, int]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place = base64.b64decode(padded, altchars=b"-_", validate=True)
        made, run_id, number = msgspec.json.decode(place, type=tuple[str, str, int])
        moment = datetime.fromisoformat(made)
    except (ValueError, msgspec.DecodeError):
        raise InvalidForm(_NO_PLACE) from None
    if moment.tzinfo is None or not 0 <= number < 2**31 or storable(run_id) != run_id:
        raise InvalidForm(_NO_PLACE)
    return moment, run_id, number


def _told(events: Iterable[ProgressEvent]) -> list[dict[str, Any]]:
    return [event.to_dict() for event in events]


def _containing(event: ProgressEvent) -> set[Subject]:
    """The run and the case of a document."""
    named = ((Kind.RUN, event.run_id), (Kind.CASE, event.case_id))
    return {Subject(kind, name) for kind, name in named if name is not None}


def _answered(started: float) -> Part:
    taken = (time.perf_counter() - started) * 1000
    return Part(ok=True, message=f"answered in {taken:.1f} ms")
