"""What one server process hears of documents, and everybody that it tells.

One subscription serves all clients, and an event is encoded once, for all of them.
Every client has one slot for each document: the newest event wins, except that an
end is always told.  All of this belongs to the event loop; what blocks is done in
the threads, and the store is compared with what was told again and again, so that
an end that never reached Redis is told all the same.  A subscription that is refused
is tried again for as long as there is a client.
"""

import asyncio
import hashlib
import logging
import operator
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.bus.subscription import Subscription
from docprogress.errors import DocProgressError, RunNotFound
from docprogress.events import ProgressEvent, Status, is_stale, now, sort_key
from docprogress.progress.document import STALLED_SECONDS
from docprogress.progress.fold import OLDEST
from docprogress.server.counters import Counters
from docprogress.server.executor import BoundedExecutor
from docprogress.server.sse.client_queue import (
    END,
    Client,
    Frame,
    Kind,
    Subject,
    denotes_stream_end,
    event_id,
    progress,
    sign,
)
from docprogress.settings import Settings, redacted
from docprogress.store import DocumentRow, Store

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two looks at who is silent, stuck or stalled.
TICK_SECONDS = 1.0

#: Seconds that a newcomer waits for Redis before the store alone is asked.
JOIN_SECONDS = 1.0

#: Seconds that something is listened to after its last client has left, for many
#: come again at once; and how many such things there may be.
LINGER_SECONDS = 10.0
MOST_LINGERING = 10_000

#: Seconds until a subscription that was refused is tried again: at first, and at most.
RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 5.0

#: How far before the newest change that was seen the store is asked for changes: one
#: may become visible after another that is newer.
OVERLAP = timedelta(seconds=10)

#: Documents of a case that are told before others have a turn.
PART = 500

#: Documents of other programs whose end is remembered: Redis remembers none.
MOST_ENDS = 10_000


class DocumentState:
    """Where one document stands, with the frame that tells it."""

    __slots__ = ("frame", "heard_at", "rooms", "stalled")

    def __init__(self, frame: Frame, heard_at: float) -> None:
        self.frame = frame
        self.heard_at = heard_at
        self.stalled: Frame | None = None
        self.rooms: set[Channel] = set()

    @property
    def event(self) -> ProgressEvent:
        assert self.frame.event is not None
        return self.frame.event


class Channel:
    """A document, a run or a case that is listened to, and its clients."""

    __slots__ = (
        "clients",
        "counts",
        "documents",
        "empty_since",
        "ended",
        "expected",
        "missing",
        "ready",
        "runs",
        "seen_at",
        "subject",
    )

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.clients: set[Client] = set()
        #: The documents that were heard of, in that order.
        self.documents: dict[str, None] = {}
        #: How many of them have come to rest.
        self.ended = 0
        #: How many there will be; None while nobody knows.
        self.expected = 1 if subject.kind is Kind.DOCUMENT else None
        #: Set once the present has been told.
        self.ready = asyncio.Event()
        self.empty_since: float | None = None
        #: The runs that are listened to: of a case, those that have not ended.
        self.runs = {subject.id} if subject.kind is Kind.RUN else set[str]()
        #: The newest change of a run's or a case's documents that the store has told.
        self.seen_at: datetime | None = None
        #: How many documents of a run there were, and how many had ended, by the store.
        self.counts: tuple[int, int] | None = None
        #: Whether the store has answered that it has none of this.
        self.missing = False

    @property
    def finished(self) -> bool:
        """Whether all of it is known to have come to rest."""
        return (
            self.expected is not None
            and self.ended == len(self.documents) >= self.expected
            and self.ended > 0
        )


class Broadcaster:
    """Listens for all clients of this process, over one subscription.

    Args:
        bus: Where Redis is, without starting anything.
        store: What Redis has forgotten, or never heard.
        settings: Those of the pipeline.
        meter: Where events and dropped clients are counted.
        keep_alive_seconds: How long a client is told nothing, before it is told that.
        stuck_seconds: How long a client may take nothing, before it is dropped.
        truth_seconds: How often what was told is compared with the store.
    """

    def __init__(
        self,
        bus: Bus,
        store: Store,
        settings: Settings,
        *,
        meter: Counters,
        keep_alive_seconds: float = 15.0,
        stuck_seconds: float = 10.0,
        truth_seconds: float = 5.0,
    ) -> None:
        self._truth_seconds = truth_seconds
        self.keep_alive_seconds = keep_alive_seconds
        self._stuck_seconds = stuck_seconds
        self._bus = bus
        self._store = store
        self._settings = settings
        self._meter = meter
        self._threads = BoundedExecutor(1, most=10_000, seconds=30.0)
        self._rooms: dict[Subject, Channel] = {}
        self._standings: dict[str, DocumentState] = {}
        self._ends: OrderedDict[str, Frame] = OrderedDict()
        self._clients: set[Client] = set()
        self._wanted: list[Channel] = []
        self._subscription: Subscription | None = None
        self._listener: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Future[None]] = set()
        self._deaf_since: float | None = None
        self._truth_at = 0.0
        self._comparing = False
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether Redis is there, as far as somebody listens."""
        return self._subscription is not None and self._subscription.connected

    @property
    def deaf_seconds(self) -> float:
        """For how long events could not be received that somebody waits for."""
        if self._deaf_since is None or self._receiving():
            return 0.0
        return time.monotonic() - self._deaf_since

    def _receiving(self) -> bool:
        """Whether what is published now is received, as far as anybody waits for it."""
        if not self._wants_events():
            return True
        return self._subscription is not None and self._subscription.lost_at is None

    def _wants_events(self) -> bool:
        return any(
            room.runs or room.subject.kind is Kind.DOCUMENT
            for room in self._rooms.values()
        )

    @property
    def closing(self) -> bool:
        """Whether no more clients are taken."""
        return self._closing

    def start(self) -> None:
        """Begin to look after clients."""
        self._begin(self._tick(), "docprogress-hub-tick")

    def dismiss(self) -> None:
        """End all streams, as soon as each can be told."""
        self._closing = True
        for client in self._clients:
            client.closed = True
            client.wake.set()

    async def close(self) -> None:
        """End everything that was started."""
        self.dismiss()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.close()

    def join(self, client: Client) -> None:
        """Tell a client the present of its subjects, then what happens to them."""
        self._clients.add(client)
        self._meter.clients += 1
        client.closed = self._closing
        for subject in client.subjects:
            self._enter(client, subject)

    def leave(self, client: Client) -> bool:
        """Tell a client nothing more; whether it was told something until now."""
        if client not in self._clients:
            return False
        self._clients.discard(client)
        self._meter.clients -= 1
        client.forget()
        for room in client.rooms:
            room.clients.discard(client)
            if not room.clients:
                room.empty_since = time.monotonic()
        client.rooms.clear()
        return True

    async def ready(self, client: Client, *, seconds: float = 2 * JOIN_SECONDS) -> None:
        """Wait until the client's present is there, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                for room in list(client.rooms):
                    await room.ready.wait()
        except TimeoutError:
            return

    def finished(self, client: Client) -> bool:
        """Whether all that the client watches has come to rest, and is told."""
        return not client.waiting and self.ended(client)

    def ended(self, client: Client) -> bool:
        """Whether all that a client watches has come to rest.

        What was deleted counts, for a client that saw the end of the stream before.
        """
        return bool(
            all(subject.kind is not Kind.CASE for subject in client.subjects)
            and all(
                room.ready.is_set()
                and (room.finished or (client.saw_end and self._forgotten(room)))
                for room in client.rooms
            )
        )

    def saw_end(self, client: Client, since: str) -> bool:
        """Whether a client that comes again with this id was told everything."""
        client.saw_end = denotes_stream_end(since)
        if not client.saw_end or not self.ended(client):
            return False
        deleted = not any(room.documents for room in client.rooms)
        return deleted or since == self.end_id(client)

    def end_id(self, client: Client) -> str:
        """What names the end of all that a client watches, and no other end of it.

        Whoever comes again with it has been told everything, unless a document was
        tried again since.
        """
        digest = hashlib.blake2b(digest_size=8)
        documents = {each for room in client.rooms for each in room.documents}
        for document_id in sorted(documents):
            end = event_id(self._standings[document_id].event)
            digest.update(f"{document_id}\n{end}\n".encode())
        return f"{END}-{digest.hexdigest()}"

    def forgotten(self, document_id: str) -> bool:
        """Whether nobody knows of a document: neither Redis nor the store."""
        return self._forgotten(self._rooms[Subject(Kind.DOCUMENT, document_id)])

    def _forgotten(self, room: Channel) -> bool:
        return self._receiving() and room.missing and not room.documents

    def newest(self, document_id: str) -> ProgressEvent | None:
        """The newest event of a document that is listened to."""
        standing = self._standings.get(document_id)
        return None if standing is None else standing.event

    async def missed(self, document_id: str, since: str) -> list[Frame] | None:
        """What came after an event; None if that is not remembered any more."""
        newest = self.newest(document_id)
        if newest is not None and newest.id == since:
            return []
        try:
            events = await self._threads.run(
                lambda: self._bus.history(document_id, since=since)
            )
        except DocProgressError as error:
            log.info("the present is told instead: %s", redacted(str(error)))
            return None
        if not events or events[0].id != since:
            return None
        return [progress(event) for event in events[1:]]

    def look(self, case_id: str | None) -> None:
        """Look at once for what is new of a case that somebody watches."""
        if case_id is not None and Subject(Kind.CASE, case_id) in self._rooms:
            self._truth_at = 0.0
            self._compare_soon()

    def _enter(self, client: Client, subject: Subject) -> None:
        room = self._rooms.get(subject)
        if room is None:
            room = self._rooms[subject] = Channel(subject)
            self._wanted.append(room)
            if len(self._wanted) == 1:
                # Those who come in the same turn of the loop are asked for together.
                asyncio.get_running_loop().call_soon(self._ask)
            self._open(room)
        room.clients.add(client)
        room.empty_since = None
        client.rooms.add(room)
        for document_id in room.documents:
            standing = self._standings[document_id]
            client.offer(standing.frame)
            if standing.stalled is not None:
                client.offer(standing.stalled)

    def _open(self, room: Channel) -> None:
        """Let a room have what is known already: nothing is told twice."""
        kind, subject_id = room.subject
        if kind is not Kind.DOCUMENT:
            for standing in self._standings.values():
                event = standing.event
                if subject_id == (event.run_id if kind is Kind.RUN else event.case_id):
                    self._house(standing, room)
        elif (known := self._standings.get(subject_id)) is not None:
            self._house(known, room)
        elif (end := self._ends.get(subject_id)) is not None:
            self._house(self._stand(end, time.monotonic()), room)

    def _ask(self) -> None:
        rooms, self._wanted = self._wanted, []
        if rooms and not self._closing:
            self._begin(self._welcome(rooms), "docprogress-hub-join")

    async def _welcome(self, rooms: list[Channel]) -> None:
        """Subscribe to what is new, and ask the store about it."""
        cases, others = _parted(rooms)
        try:
            await self._listen_to(others)
            await self._compare([room for room in others if not room.finished])
            for room in cases:
                await self._look_into(room)
        finally:
            for room in rooms:
                room.ready.set()
                _wake(room)

    async def _listen_to(self, rooms: Iterable[Channel]) -> None:
        """Subscribe, for as long as a newcomer waits for that."""
        added = asyncio.ensure_future(self._subscribe(rooms))
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await asyncio.shield(added)
        except TimeoutError:
            self._keep(added)  # it goes on until Redis is back

    async def _subscribe(self, rooms: Iterable[Channel]) -> None:
        documents, runs = _named(rooms)
        if not documents and not runs:
            return
        if self._listener is None:
            subscription = self._begin_to_listen()
            # What it begins with is told like what is added: wait for that.
            await subscription.add()
        elif self._subscription is not None:
            await self._subscription.add(documents, runs=runs)
        # Else it was refused, and the next try names all there is.

    def _begin_to_listen(self) -> Subscription:
        documents, runs = _named(self._rooms.values())
        subscription = self._bus.subscribe(documents, runs=runs)
        self._subscription = subscription
        self._listener = asyncio.create_task(
            self._listen(subscription), name="docprogress-hub-listen"
        )
        self._keep(self._listener)
        return subscription

    async def _listen(self, subscription: Subscription) -> None:
        """Receive events for as long as somebody waits for them."""
        failures = 0
        while True:
            try:
                async with subscription as events:
                    async for event in events:
                        failures = 0
                        self._hear(event)
            except DocProgressError as error:
                say = log.info if failures else log.warning
                say("no events for now, trying again: %s", redacted(str(error)))
            except Exception:
                log.exception("no events for now, trying again")
            self._subscription = None
            pause = min(RETRY_SECONDS * 2**failures, LONGEST_RETRY_SECONDS)
            failures = min(failures + 1, 10)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            documents, runs = _named(self._rooms.values())
            if not documents and not runs:
                self._listener = None
                return
            subscription = self._bus.subscribe(documents, runs=runs)
            self._subscription = subscription

    def _hear(self, event: ProgressEvent) -> None:
        standing = self._standings.get(event.document_id)
        if event.heartbeat:
            if standing is not None and standing.event.id == event.id:
                standing.heard_at = time.monotonic()
                standing.stalled = None
                fields = {
                    "document_id": event.document_id,
                    "timestamp": event.timestamp.isoformat(timespec="microseconds"),
                }
                self._tell(standing, sign("heartbeat", event.document_id, fields))
                return
            event = event.replace(heartbeat=False)
        if standing is None or not is_stale(event, standing.event):
            self._take(event)

    def _take(self, event: ProgressEvent) -> None:
        """Let a document stand where an event says, and tell its clients."""
        standing = self._standings.get(event.document_id)
        rooms = [
            room
            for subject in _subjects(event)
            if (room := self._rooms.get(subject)) is not None
        ]
        # An event need not name the case that the store has the document in.
        if not rooms and standing is None:
            return
        self._meter.events += 1
        frame = progress(event)
        age = time.time() - event.timestamp.timestamp()
        if event.id is None and event.final:
            self._remember(frame)
        elif event.id is None:
            self._ends.pop(event.document_id, None)
        at = time.monotonic() - (age if 0 < age <= OLDEST else 0.0)
        known = standing is not None
        standing = self._stand(frame, at)
        for room in rooms:
            self._house(standing, room)
        # What is heard first of a document is the present: nothing is late about it.
        live = frame._replace(published=event.timestamp.timestamp()) if known else frame
        self._tell(standing, live)

    def _stand(self, frame: Frame, at: float) -> DocumentState:
        standing = self._standings.get(frame.slot)
        if standing is None:
            standing = self._standings[frame.slot] = DocumentState(frame, at)
            return standing
        change = int(frame.final) - int(standing.frame.final)
        for room in standing.rooms:
            room.ended += change
        standing.frame, standing.heard_at, standing.stalled = frame, at, None
        return standing

    def _house(self, standing: DocumentState, room: Channel) -> None:
        if room not in standing.rooms:
            standing.rooms.add(room)
            room.documents[standing.frame.slot] = None
            room.ended += standing.frame.final

    def _tell(self, standing: DocumentState, frame: Frame) -> None:
        for room in standing.rooms:
            for client in room.clients:
                client.offer(frame)

    def _remember(self, frame: Frame) -> None:
        self._ends[frame.slot] = frame
        self._ends.move_to_end(frame.slot)
        if len(self._ends) > MOST_ENDS:
            self._ends.popitem(last=False)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            moment = time.monotonic()
            try:
                await self._look_around(moment)
            except Exception:
                # Whatever it is, the clients are looked after.
                log.exception("the clients could not be looked after for a moment")

    async def _look_around(self, moment: float) -> None:
        if self._receiving():
            self._deaf_since = None
        elif self._deaf_since is None:
            self._deaf_since = moment
        for client in list(self._clients):
            self._look_after(client, moment)
        self._find_stalled(moment)
        await self._sweep(moment)
        if moment >= self._truth_at + self._truth_seconds:
            self._compare_soon()

    def _look_after(self, client: Client, moment: float) -> None:
        if client.sending_since is not None:
            if moment - client.sending_since >= self._stuck_seconds:
                self._meter.dropped += 1
                client.closed = True
                client.sending_since = None
                client.abort()
        elif moment - client.sent_at >= self.keep_alive_seconds:
            client.wake.set()

    def _find_stalled(self, moment: float) -> None:
        for document_id, standing in self._standings.items():
            silent = moment - standing.heard_at
            if (
                standing.stalled is None
                and silent >= STALLED_SECONDS
                and standing.event.status is Status.PROCESSING
            ):
                fields = {
                    "document_id": document_id,
                    "silent_seconds": round(silent, 1),
                    "timestamp": now().isoformat(timespec="microseconds"),
                }
                standing.stalled = sign("stalled", document_id, fields)
                self._tell(standing, standing.stalled)

    async def _sweep(self, moment: float) -> None:
        """Listen no more to what nobody has watched for a while."""
        empty = [room for room in self._rooms.values() if room.empty_since is not None]
        if len(empty) <= MOST_LINGERING:
            empty = [r for r in empty if moment - r.empty_since >= LINGER_SECONDS]  # type: ignore[operator]
        gone = [room for room in empty if room.ready.is_set()]
        for room in gone:
            del self._rooms[room.subject]
            for document_id in room.documents:
                standing = self._standings[document_id]
                standing.rooms.discard(room)
                if not standing.rooms:
                    del self._standings[document_id]
        await self._unsubscribe(*_named(gone))

    async def _unsubscribe(self, documents: Iterable[str], runs: Iterable[str]) -> None:
        """Listen no more to these, as far as nobody else does."""
        if not self._wants_events():
            await self._hang_up()
        elif self._subscription is not None:
            wanted = set().union(*(room.runs for room in self._rooms.values()))
            gone = [run_id for run_id in runs if run_id not in wanted]
            if gone or documents:
                await self._subscription.remove(documents, runs=gone)

    async def _hang_up(self) -> None:
        """Hold no connection while nobody watches anything."""
        listener, self._listener, self._subscription = self._listener, None, None
        if listener is not None:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    def _compare_soon(self) -> None:
        due = time.monotonic() >= self._truth_at + self._truth_seconds
        if due and self._rooms and not self._comparing:
            self._begin(self._compare_all(), "docprogress-hub-truth")

    async def _compare_all(self) -> None:
        self._comparing = True
        try:
            self._truth_at = time.monotonic()
            if self._settings.local and not self.connected:
                await self._do(lambda: local.up_again(self._settings))
            cases, others = _parted(
                room
                for room in self._rooms.values()
                if room.ready.is_set() and not room.finished and not self._foreign(room)
            )
            await self._compare(others)
            for room in cases:
                await self._look_into(room)
        finally:
            self._comparing = False

    def _foreign(self, room: Channel) -> bool:
        """Whether it is a document of another program, which no store knows."""
        standing = self._standings.get(room.subject.id)
        return (
            room.subject.kind is Kind.DOCUMENT
            and standing is not None
            and standing.event.run_id is None
        )

    async def _look_into(self, room: Channel) -> None:
        """Tell what is new of a case, and listen to the runs of it that go on."""
        unfinished = [
            each for each in room.documents if not self._standings[each].frame.final
        ]
        known = frozenset(room.documents)
        rows = await self._do(
            lambda: _of_case(
                self._store, room.subject.id, room.seen_at, known, unfinished
            )
        )
        if rows is None or self._rooms.get(room.subject) is not room:
            return
        room.seen_at = max((row.updated_at for row in rows), default=room.seen_at)
        ended = [row for row in rows if row.status.final]
        going_on = [row for row in rows if not row.status.final]
        before, room.runs = room.runs, {row.run_id for row in going_on}
        await self._tell_all(row.event() for row in ended)
        if not room.runs <= before:
            await self._listen_to([room])
        # What Redis knows of these is newer, and was told just now.
        await self._tell_all(row.event() for row in going_on)
        if not before <= room.runs:
            await self._unsubscribe([], before - room.runs)

    async def _tell_all(self, events: Iterable[ProgressEvent]) -> None:
        """Tell what the store knows better, and let others have a turn meanwhile."""
        for count, event in enumerate(events, 1):
            self._take_if_newer(event)
            if count % PART == 0:
                await asyncio.sleep(0)

    def _take_if_newer(self, event: ProgressEvent) -> None:
        standing = self._standings.get(event.document_id)
        if standing is None or sort_key(event) > sort_key(standing.event):
            self._take(event)

    async def _compare(self, rooms: list[Channel]) -> None:
        """Tell what the store knows better."""
        documents = [room for room in rooms if room.subject.kind is Kind.DOCUMENT]
        if documents:
            ids = [room.subject.id for room in documents]
            events = await self._do(
                lambda: self._store.documents.current_events(documents=ids)
            )
            if events is not None:
                await self._tell_all(events)
                for room in documents:
                    room.missing = not room.documents
                    _wake(room)
        for room in rooms:
            if room.subject.kind is Kind.RUN:
                await self._compare_run(room)

    async def _compare_run(self, room: Channel) -> None:
        """Tell what has changed of a run; read all of it where that does not add up."""
        before = room.counts
        found = await self._read_run(room)
        if found is not None and room.seen_at is not None:
            told = len(room.documents), room.ended
            # Events that arrived meanwhile may have made it more than that.
            behind = any(map(operator.lt, told, found.counts))
            if behind or told != found.counts == before:
                # A change was stored under an older time: its writer's clock is late.
                room.seen_at = None
                found = await self._read_run(room)
        if found is None:
            return
        if room.expected is None:
            room.expected = found.expected
        room.missing = found.expected is None and not room.documents
        _wake(room)

    async def _read_run(self, room: Channel) -> "_Found | None":
        """Tell what changed of a run since it was read; all of it at first."""
        found = await self._do(
            lambda: _of_run(self._store, room.subject.id, room.seen_at)
        )
        if found is not None:
            await self._tell_all(row.event() for row in found.rows)
            changed = (row.updated_at for row in found.rows)
            room.seen_at = max(changed, default=room.seen_at)
            room.counts = found.counts
        return found

    async def _do(self, function: Callable[[], T]) -> T | None:
        """What the store says; None if it says nothing now, as it may."""
        try:
            return await self._threads.run(function)
        except DocProgressError as error:
            log.warning("the store could not be asked: %s", redacted(str(error)))
            return None

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._keep(asyncio.create_task(work, name=name))

    def _keep(self, task: "asyncio.Future[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the server has failed", exc_info=error)


def _wake(room: Channel) -> None:
    for client in room.clients:
        client.wake.set()


def _subjects(event: ProgressEvent) -> list[Subject]:
    subjects = [Subject(Kind.DOCUMENT, event.document_id)]
    if event.run_id is not None:
        subjects.append(Subject(Kind.RUN, event.run_id))
    if event.case_id is not None:
        subjects.append(Subject(Kind.CASE, event.case_id))
    return subjects


def _parted(rooms: Iterable[Channel]) -> tuple[list[Channel], list[Channel]]:
    """The cases, and the other rooms."""
    found = list(rooms)
    cases = [room for room in found if room.subject.kind is Kind.CASE]
    return cases, [room for room in found if room.subject.kind is not Kind.CASE]


def _named(rooms: Iterable[Channel]) -> tuple[list[str], list[str]]:
    """The ids of documents and of runs that are listened to."""
    documents: list[str] = []
    runs: dict[str, None] = {}
    for room in rooms:
        if room.subject.kind is Kind.DOCUMENT:
            documents.append(room.subject.id)
        runs |= dict.fromkeys(room.runs)
    return documents, list(runs)


def _of_case(
    store: Store,
    case_id: str,
    since: datetime | None,
    known: frozenset[str],
    unfinished: Iterable[str],
) -> list[DocumentRow]:
    """The documents of a case that have changed, and all that have not ended.

    Args:
        store: What is asked.
        case_id: Of which case.
        since: The newest change that is known; None if none is.
        known: The documents that are known.
        unfinished: Those of them that had not ended, as far as is known.
    """
    if since is None:
        return store.documents.in_case(case_id)
    rows = {
        row.id: row for row in store.documents.in_case(case_id, since=since - OVERLAP)
    }
    if store.documents.count_in_case(case_id) > len(known | rows.keys()):
        # The clock of whoever has added one is late.
        return store.documents.in_case(case_id)
    missing = [each for each in unfinished if each not in rows]
    return [*store.documents.find(ids=missing), *rows.values()]


class _Found(NamedTuple):
    """What the store says of a run."""

    rows: list[DocumentRow]
    #: How many documents there are, and how many have ended.
    counts: tuple[int, int]
    #: How many there will be; None if there is no such run.
    expected: int | None


def _of_run(store: Store, run_id: str, since: datetime | None) -> _Found:
    """The documents of a run that have changed; all if `since` is None."""
    try:
        expected = store.runs.get(run_id).expected
    except RunNotFound:
        expected = None
    counts = store.documents.counts(run_id)
    ended = sum(count for status, count in counts.items() if status.final)
    if since is None:
        rows = store.documents.find(run_id)
    else:
        rows = store.documents.changes(run_id, since - OVERLAP)
    return _Found(rows, (sum(counts.values()), ended), expected)
