"""Distribute progress events to all clients of one server process.

One Redis subscription serves all clients, and each event is encoded once.
Regular comparison with the store delivers what never reached Redis.
Everything here runs on the event loop; what blocks runs in a thread.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.errors import DocProgressError
from docprogress.events import ProgressEvent, Status, is_stale, now, sort_key
from docprogress.progress.document import STALLED_SECONDS
from docprogress.progress.fold import OLDEST
from docprogress.server.counters import Counters
from docprogress.server.executor import BoundedExecutor
from docprogress.server.sse.channel import (
    Channel,
    DocumentState,
    split_cases,
    subscribed_ids,
)
from docprogress.server.sse.client_queue import ClientQueue
from docprogress.server.sse.frames import (
    END,
    Frame,
    event_id,
    is_stream_end_id,
    progress_frame,
    typed_frame,
)
from docprogress.server.sse.listener import JOIN_SECONDS, RedisListener
from docprogress.server.sse.reconcile import Reconciler
from docprogress.server.subjects import Kind, Subject, subjects_of
from docprogress.server.tasks import TaskSet
from docprogress.settings import Settings, redacted
from docprogress.store import Store

log = logging.getLogger(__name__)

#: Seconds between checks for silent clients, stuck clients and stalled documents.
TICK_SECONDS = 1.0

#: Seconds that a channel is kept after its last client has left, since many reconnect
#: at once; and how many such channels are kept.
LINGER_SECONDS = 10.0
MAX_LINGERING = 10_000

#: Documents of other programs whose final event is kept, since Redis does not keep it.
MAX_FINAL_FRAMES = 10_000


class Broadcaster:
    """Distributes events to clients.

    Args:
        bus: How to reach Redis. Nothing is started for it.
        store: The store to compare with.
        settings: The pipeline's settings.
        counters: Where events and dropped clients are counted.
        keep_alive_seconds: How long a stream is silent before a comment is sent.
        stuck_seconds: How long a client may read nothing before it is dropped.
        reconcile_seconds: Seconds between two comparisons with the store.
    """

    def __init__(
        self,
        bus: Bus,
        store: Store,
        settings: Settings,
        *,
        counters: Counters,
        keep_alive_seconds: float = 15.0,
        stuck_seconds: float = 10.0,
        reconcile_seconds: float = 5.0,
    ) -> None:
        self.keep_alive_seconds = keep_alive_seconds
        self._stuck_seconds = stuck_seconds
        self._reconcile_seconds = reconcile_seconds
        self._bus = bus
        self._settings = settings
        self._counters = counters
        self._executor = BoundedExecutor(1, max_pending=10_000, seconds=30.0)
        self._tasks = TaskSet()
        self._channels: dict[Subject, Channel] = {}
        self._documents: dict[str, DocumentState] = {}
        self._clients: dict[ClientQueue, set[Channel]] = {}
        #: The final events of other programs' documents.
        self._finals: OrderedDict[str, Frame] = OrderedDict()
        #: New channels that are about to be subscribed to.
        self._new: list[Channel] = []
        self._reconciled_at = 0.0
        self._reconciling = False
        self._closing = False
        self._listener = RedisListener(
            bus,
            channels=self._channels.values,
            on_event=self._on_event,
            tasks=self._tasks,
        )
        self._reconciler = Reconciler(
            store,
            self._executor,
            accept=self._accept_if_newer,
            subscribe=self._listener.subscribe,
            unsubscribe=self._listener.unsubscribe,
        )

    @property
    def lost_seconds(self) -> float:
        """For how long events that a client needs have not been received."""
        return self._listener.lost_seconds

    @property
    def closing(self) -> bool:
        """Whether no more clients are accepted."""
        return self._closing

    def start(self) -> None:
        """Start the regular checks."""
        self._tasks.start(self._tick(), "docprogress-sse-tick")

    def end_streams(self) -> None:
        """Have all streams end."""
        self._closing = True
        for client in self._clients:
            client.closed = True
            client.wake.set()

    async def close(self) -> None:
        """End all streams and everything that was started."""
        self.end_streams()
        await self._tasks.close()
        self._executor.close()

    def join(self, client: ClientQueue) -> None:
        """Send a client the current state of its subjects, then their updates."""
        self._clients[client] = set()
        self._counters.clients += 1
        client.closed = self._closing
        for subject in client.subjects:
            self._enter(client, subject)

    def leave(self, client: ClientQueue) -> bool:
        """Send a client nothing more. Returns whether it had joined."""
        channels = self._clients.pop(client, None)
        if channels is None:
            return False
        self._counters.clients -= 1
        client.clear()
        for channel in channels:
            channel.clients.discard(client)
            if not channel.clients:
                channel.empty_since = time.monotonic()
        return True

    async def ready(
        self, client: ClientQueue, *, seconds: float = 2 * JOIN_SECONDS
    ) -> None:
        """Wait until the client's current state is known, but no longer than this."""
        try:
            async with asyncio.timeout(seconds):
                for channel in list(self._clients[client]):
                    await channel.ready.wait()
        except TimeoutError:
            return

    def ended(self, client: ClientQueue) -> bool:
        """Whether everything the client watches is in a final state.

        What was deleted counts too, for a client that saw the stream's end before.
        """
        if any(subject.kind is Kind.CASE for subject in client.subjects):
            return False
        return all(
            channel.ready.is_set()
            and (channel.finished or (client.saw_end and self._unknown(channel)))
            for channel in self._clients[client]
        )

    def delivered_all(self, client: ClientQueue) -> bool:
        """Whether everything has ended, and the client has received all of it."""
        return not client.pending and self.ended(client)

    def end_id(self, client: ClientQueue) -> str:
        """The id of the end of everything the client watches.

        A client that reconnects with it has received everything, unless a document
        was retried since.
        """
        digest = hashlib.blake2b(digest_size=8)
        documents = self._documents_of(client)
        for document_id in sorted(documents):
            final = event_id(documents[document_id].event)
            digest.update(f"{document_id}\n{final}\n".encode())
        return f"{END}-{digest.hexdigest()}"

    def received_end(self, client: ClientQueue, since: str) -> bool:
        """Whether a client that reconnects with this id has received everything."""
        client.saw_end = is_stream_end_id(since)
        if not client.saw_end or not self.ended(client):
            return False
        return since == self.end_id(client) or not self._documents_of(client)

    def unknown(self, document_id: str) -> bool:
        """Whether a watched document is in neither Redis nor the store."""
        return self._unknown(self._channels[Subject(Kind.DOCUMENT, document_id)])

    def newest(self, document_id: str) -> ProgressEvent | None:
        """The newest event of a document that is watched."""
        state = self._documents.get(document_id)
        return None if state is None else state.event

    async def missed(self, document_id: str, since: str) -> list[Frame] | None:
        """The events after this id; None if they are no longer stored."""
        newest = self.newest(document_id)
        if newest is not None and newest.id == since:
            return []
        try:
            events = await self._executor.run(
                lambda: self._bus.history(document_id, since=since)
            )
        except DocProgressError as error:
            log.info(
                "events cannot be replayed, sending the current state instead: %s",
                redacted(str(error)),
            )
            return None
        if not events or events[0].id != since:
            return None
        return [progress_frame(event) for event in events[1:]]

    def refresh_case(self, case_id: str | None) -> None:
        """Look for new documents of a case at once, if it is watched."""
        if case_id is not None and Subject(Kind.CASE, case_id) in self._channels:
            self._reconciled_at = 0.0
            self._start_reconciling()

    def _documents_of(self, client: ClientQueue) -> dict[str, DocumentState]:
        documents: dict[str, DocumentState] = {}
        for channel in self._clients[client]:
            documents |= channel.documents
        return documents

    def _unknown(self, channel: Channel) -> bool:
        return self._listener.receiving and channel.missing and not channel.documents

    # Joining

    def _enter(self, client: ClientQueue, subject: Subject) -> None:
        channel = self._channels.get(subject)
        if channel is None:
            channel = self._channels[subject] = Channel(subject)
            self._add_known_documents(channel)
            self._new.append(channel)
            if len(self._new) == 1:
                # Subscribe once for all that are new in this turn of the event loop.
                asyncio.get_running_loop().call_soon(self._start_new)
        channel.clients.add(client)
        channel.empty_since = None
        self._clients[client].add(channel)
        for state in channel.documents.values():
            client.put(state.frame)
            if state.stalled is not None:
                client.put(state.stalled)

    def _add_known_documents(self, channel: Channel) -> None:
        """Seed a new channel with documents already tracked, without resending them."""
        kind, subject_id = channel.subject
        if kind is Kind.DOCUMENT:
            state = self._documents.get(subject_id)
            if state is None and (final := self._finals.get(subject_id)) is not None:
                state = self._update(final, time.monotonic())
            if state is not None:
                channel.add(subject_id, state)
            return
        for document_id, state in self._documents.items():
            event = state.event
            if subject_id == (event.run_id if kind is Kind.RUN else event.case_id):
                channel.add(document_id, state)

    def _start_new(self) -> None:
        channels, self._new = self._new, []
        if channels and not self._closing:
            self._tasks.start(self._prepare(channels), "docprogress-sse-join")

    async def _prepare(self, channels: list[Channel]) -> None:
        """Subscribe for new channels, and read their documents from the store."""
        cases, others = split_cases(channels)
        try:
            await self._listener.subscribe(others)
            await self._reconciler.reconcile(
                channel for channel in others if not channel.finished
            )
            for channel in cases:
                await self._reconciler.reconcile_case(channel)
        finally:
            for channel in channels:
                channel.ready.set()
                channel.wake_clients()

    # Events

    def _on_event(self, event: ProgressEvent) -> None:
        state = self._documents.get(event.document_id)
        if event.heartbeat:
            if state is not None and state.event.id == event.id:
                state.seen_at = time.monotonic()
                state.stalled = None
                fields = {
                    "document_id": event.document_id,
                    "timestamp": event.timestamp.isoformat(timespec="microseconds"),
                }
                state.send(typed_frame("heartbeat", event.document_id, fields))
                return
            event = event.replace(heartbeat=False)
        if state is None or not is_stale(event, state.event):
            self._accept(event)

    def _accept_if_newer(self, event: ProgressEvent) -> None:
        state = self._documents.get(event.document_id)
        if state is None or sort_key(event) > sort_key(state.event):
            self._accept(event)

    def _accept(self, event: ProgressEvent) -> None:
        """Make an event its document's newest, and send it."""
        known = self._documents.get(event.document_id)
        channels = [
            channel
            for subject in subjects_of(event)
            if (channel := self._channels.get(subject)) is not None
        ]
        # An event may lack the case that the document has in the store.
        if not channels and known is None:
            return
        self._counters.events += 1
        frame = progress_frame(event)
        age = time.time() - event.timestamp.timestamp()
        if event.id is None and event.final:
            self._keep_final(frame)
        elif event.id is None:
            self._finals.pop(event.document_id, None)
        seen_at = time.monotonic() - (age if 0 < age <= OLDEST else 0.0)
        state = self._update(frame, seen_at)
        for channel in channels:
            channel.add(event.document_id, state)
        if event.final:
            self._confirm_ends(channels)
        # The first event of a document is its current state: its age is no latency.
        if known is not None:
            frame = frame._replace(published=event.timestamp.timestamp())
        state.send(frame)

    def _confirm_ends(self, channels: Iterable[Channel]) -> None:
        """Check with the store whether runs that seem to have ended really have.

        Documents may have been found in others: the store has them before their
        container has ended, whose event may arrive before theirs.
        """
        for channel in channels:
            if channel.subject.kind is Kind.RUN and channel.finished:
                channel.confirmed = False
                self._tasks.start(
                    self._reconciler.reconcile([channel]), "docprogress-sse-end"
                )

    def _update(self, frame: Frame, seen_at: float) -> DocumentState:
        state = self._documents.get(frame.slot)
        if state is None:
            state = self._documents[frame.slot] = DocumentState(frame, seen_at)
        else:
            state.update(frame, seen_at)
        return state

    def _keep_final(self, frame: Frame) -> None:
        self._finals[frame.slot] = frame
        self._finals.move_to_end(frame.slot)
        if len(self._finals) > MAX_FINAL_FRAMES:
            self._finals.popitem(last=False)

    # Regular checks

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self._check(time.monotonic())
            except Exception:
                # Whatever it is, the check is repeated in a second.
                log.exception("the periodic check of the streams failed")

    async def _check(self, moment: float) -> None:
        self._listener.check(moment)
        for client in list(self._clients):
            self._check_client(client, moment)
        self._find_stalled(moment)
        await self._remove_unwatched(moment)
        if moment >= self._reconciled_at + self._reconcile_seconds:
            self._start_reconciling()

    def _check_client(self, client: ClientQueue, moment: float) -> None:
        if client.sending_since is not None:
            if moment - client.sending_since >= self._stuck_seconds:
                self._counters.dropped += 1
                client.closed = True
                client.sending_since = None
                client.abort()
        elif moment - client.sent_at >= self.keep_alive_seconds:
            client.wake.set()

    def _find_stalled(self, moment: float) -> None:
        for document_id, state in self._documents.items():
            silent = moment - state.seen_at
            if (
                state.stalled is None
                and silent >= STALLED_SECONDS
                and state.event.status is Status.PROCESSING
            ):
                fields = {
                    "document_id": document_id,
                    "silent_seconds": round(silent, 1),
                    "timestamp": now().isoformat(timespec="microseconds"),
                }
                state.stalled = typed_frame("stalled", document_id, fields)
                state.send(state.stalled)

    async def _remove_unwatched(self, moment: float) -> None:
        """Remove channels that have had no client for a while."""
        empty = [
            (channel, channel.empty_since)
            for channel in self._channels.values()
            if channel.empty_since is not None and channel.ready.is_set()
        ]
        keep_seconds = LINGER_SECONDS if len(empty) <= MAX_LINGERING else 0.0
        removed = [each for each, since in empty if moment - since >= keep_seconds]
        for channel in removed:
            channel.removed = True
            del self._channels[channel.subject]
            for document_id, state in channel.documents.items():
                state.channels.discard(channel)
                if not state.channels:
                    del self._documents[document_id]
        await self._listener.unsubscribe(*subscribed_ids(removed))

    def _start_reconciling(self) -> None:
        due = time.monotonic() >= self._reconciled_at + self._reconcile_seconds
        if due and self._channels and not self._reconciling:
            self._tasks.start(self._reconcile(), "docprogress-sse-reconcile")

    async def _reconcile(self) -> None:
        self._reconciling = True
        try:
            self._reconciled_at = time.monotonic()
            if self._settings.local and not self._listener.connected:
                await self._reconciler.read(lambda: local.revive(self._settings))
            cases, others = split_cases(
                channel
                for channel in self._channels.values()
                if channel.ready.is_set()
                and not channel.finished
                and not channel.external
            )
            await self._reconciler.reconcile(others)
            for channel in cases:
                await self._reconciler.reconcile_case(channel)
        finally:
            self._reconciling = False
