"""Subscribe to documents and runs: current state first, then updates, without a gap.

Redis must confirm every channel before the state is read, so that events published in
the meantime arrive as messages. After a lost connection the subscription starts over
with the current state; duplicates are dropped by their ids.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast

import redis.asyncio
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import RedisError

from docprogress.bus.channels import (
    Channel,
    PendingJoin,
    cancellation_count,
    channels_of,
    is_intermediate,
)
from docprogress.bus.connection import batched, connect_async
from docprogress.bus.connection_errors import translate_error
from docprogress.bus.history import decode_entries
from docprogress.bus.keys import document_channel, run_channel
from docprogress.bus.pubsub import (
    CLIENT_NAME,
    SilenceError,
    close_connection,
    read_message,
)
from docprogress.errors import BusRefused, DocProgressError, EventError, RunNotFound
from docprogress.events import ProgressEvent, decode, is_stale, now, sort_key
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: Seconds of silence after which Redis is pinged, and after which the connection is
#: considered dead.
PING_SECONDS = 3.0
DEAD_SECONDS = 8.0

#: A message that took longer than this many seconds was waited for, not buffered.
WAITED_SECONDS = 0.001

#: The longest pause, in seconds, before connecting again.
MAX_RETRY_SECONDS = 2.0

#: Seconds between two reconciliations.
RECONCILE_SECONDS = 5.0

#: Documents of a run that are read at once, and the most messages processed after each.
SCAN_PAGE = 500
MESSAGES_PER_SCAN_PAGE = 200

#: Given the newest delivered event of each document, returns the events that are newer
#: by another source, such as the store.
Reconcile = Callable[[Mapping[str, ProgressEvent]], Iterable[ProgressEvent]]


class Subscription:
    """The events that `Bus.subscribe` returns: an asynchronous iterator.

    It never ends by itself and survives lost connections. Only if Redis refuses the
    first connection does it raise `BusRefused`.
    """

    def __init__(
        self,
        url: str,
        *,
        documents: tuple[str, ...],
        runs: tuple[str, ...],
        since: str | None,
        reconcile: Reconcile | None,
        final_only: bool = False,
        pause: Callable[[], None] | None = None,
    ) -> None:
        if since is not None and (len(documents) != 1 or runs):
            raise ValueError("`since` requires exactly one document")
        if not documents and not runs:
            raise ValueError("name at least one document or run to subscribe to")
        self._url = url
        # The document whose missed events are replayed, and the id to start after.
        self._since = None if since is None else (documents[0], since)
        self._channels = {c.name: c for c in channels_of(documents, runs)}
        self._pending_joins: list[PendingJoin] = []
        self._completed_joins: list[PendingJoin] = []
        # Cursors of the runs whose current state is still being read.
        self._scans: dict[bytes, int] = {}
        self._reconcile_with = reconcile
        self._final_only = final_only
        self._pause = pause
        self._reconciled_at = 0.0
        self._delivered: dict[str, ProgressEvent] = {}
        self._pending: deque[ProgressEvent] = deque()
        self._client: redis.asyncio.Redis | None = None
        self._pubsub: redis.asyncio.client.PubSub | None = None
        # Closed by `aclose`, perhaps while a command was still being sent.
        self._closing: (
            tuple[redis.asyncio.Redis, redis.asyncio.client.PubSub] | None
        ) = None
        self._failures = 0
        self._retry_at = 0.0
        self._received_at = 0.0
        self._pinged_at = 0.0
        self._closed = False
        self._ever_connected = False
        #: Messages that were skipped because they are not events.
        self.invalid = 0
        #: When the connection was lost; None while connected.
        self.lost_at: datetime | None = now()

    @property
    def connected(self) -> bool:
        """Whether Redis is connected and the current state has been delivered."""
        return self._pubsub is not None and not self._scans

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ProgressEvent:
        try:
            return await self._next()
        finally:
            if self._closed:
                await self._finish_closing()

    async def _next(self) -> ProgressEvent:
        cancelled = cancellation_count()
        while not self._pending:
            self._notify_joined()
            if self._closed:
                raise StopAsyncIteration
            if self._pubsub is None:
                await self._connect()
            elif self._scans:
                await self._scan_page(self._pubsub)
            else:
                await self._wait_for_message(self._pubsub)
            if cancellation_count() > cancelled:
                # redis-py may swallow the cancellation.
                raise asyncio.CancelledError
        # Waiting tasks resume only after the pending events are taken.
        self._notify_joined()
        return self._pending.popleft()

    def _notify_joined(self) -> None:
        """Resume the callers of `add` whose channels are delivered."""
        for joining in self._completed_joins:
            joining.done.set()
        self._completed_joins.clear()

    async def add(
        self, documents: Iterable[str] = (), *, runs: Iterable[str] = ()
    ) -> None:
        """Subscribe to more; returns once their current state is queued for delivery.

        Call it from another task while this one keeps iterating.
        """
        new = [
            channel
            for channel in channels_of(documents, runs)
            if channel.name not in self._channels
        ]
        joining = PendingJoin(new)
        self._channels |= {channel.name: channel for channel in new}
        self._pending_joins.append(joining)
        if self._pubsub is not None:
            await self._subscribe_to(self._pubsub, joining)
        await joining.done.wait()

    async def remove(
        self, documents: Iterable[str] = (), *, runs: Iterable[str] = ()
    ) -> None:
        """Unsubscribe, and forget what was delivered."""
        gone = [
            channel.name
            for channel in channels_of(documents, runs)
            if self._channels.pop(channel.name, None) is not None
        ]
        self._delivered = {
            d: e for d, e in self._delivered.items() if self._subscribed_to(e)
        }
        if self._since is not None and (
            document_channel(self._since[0]).encode() in gone
        ):
            self._since = None
        for name in gone:
            self._scans.pop(name, None)
        for joining in list(self._pending_joins):
            joining.unconfirmed.difference_update(gone)
            if gone:
                self._complete_if_delivered(joining)
        if gone and self._pubsub is not None:
            try:
                await self._pubsub.unsubscribe(*gone)
            except (RedisError, OSError) as error:
                # The iterating task notices, too, and subscribes to the remaining
                # channels.
                log.info("lost Redis: %s", redacted(str(error)))

    async def aclose(self) -> None:
        """End the stream and close its connections."""
        self._closed = True
        self._pending.clear()
        for joining in list(self._pending_joins):
            self._complete(joining)
        self._notify_joined()
        if self._client is not None and self._pubsub is not None:
            self._closing = self._client, self._pubsub
        await self._disconnect()

    async def _finish_closing(self) -> None:
        """Close what this task opened while another one called `aclose`.

        redis-py leaves a connection open that was being opened when its client closed.
        """
        await self._disconnect()
        if self._closing is not None:
            await close_connection(*self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _connect(self) -> None:
        """Subscribe, wait for the confirmation, then deliver the current state."""
        # An absolute time: a cancelled wait does not start over.
        await asyncio.sleep(max(0.0, self._retry_at - time.monotonic()))
        try:
            client, pubsub, subscribed, waiting = await self._open()
        except (RedisError, OSError) as error:
            self._connection_lost(error)
            refusal = translate_error(error)
            if isinstance(refusal, BusRefused) and not self._ever_connected:
                raise refusal from error
            await self._reconcile()
            return
        self._ever_connected = True
        self._client, self._pubsub = client, pubsub
        self._failures = 0
        self._received_at = time.monotonic()
        self.lost_at = None
        self._reconciled_at = 0.0
        for event in waiting:
            self._deliver(event)
        channels = (self._channels[name] for name in subscribed & self._channels.keys())
        self._start_scans(channels)
        for joining in list(self._pending_joins):
            if joining.unconfirmed <= subscribed:
                joining.unconfirmed.clear()
                self._complete_if_delivered(joining)
            else:
                await self._subscribe_to(pubsub, joining)
        if not self._scans:
            await self._finish_scans(client)

    async def _open(
        self,
    ) -> tuple[
        redis.asyncio.Redis,
        redis.asyncio.client.PubSub,
        set[bytes],
        list[ProgressEvent],
    ]:
        client = connect_async(self._url, name=CLIENT_NAME)
        pubsub = client.pubsub()
        channels = list(self._channels.values())
        names = {channel.name for channel in channels}
        try:
            for batch in batched(list(names)):
                await pubsub.subscribe(*batch)
            early = await self._wait_for_confirmation(pubsub, names)
            present = await self._current_state(client, channels)
        except BaseException:
            await close_connection(client, pubsub)
            raise
        return client, pubsub, names, [*present, *early]

    async def _subscribe_to(
        self, pubsub: redis.asyncio.client.PubSub, joining: PendingJoin
    ) -> None:
        """Subscribe to added channels; the iterating task reads the confirmation."""
        if not joining.unconfirmed:
            self._complete_if_delivered(joining)
            return
        try:
            for batch in batched(list(joining.unconfirmed)):
                await pubsub.subscribe(*batch)
        except (RedisError, OSError) as error:
            # The iterating task notices too, and subscribes to all of them.
            log.info("lost Redis: %s", redacted(str(error)))

    async def _confirm_join(self, client: redis.asyncio.Redis, channel: bytes) -> bool:
        """Note that a channel is subscribed; False if no caller is adding it."""
        asked = [each for each in self._pending_joins if channel in each.unconfirmed]
        for joining in asked:
            joining.unconfirmed.discard(channel)
            if not joining.unconfirmed:
                for event in await self._current_state(client, joining.channels):
                    self._deliver(event)
                self._start_scans(joining.channels)
                self._complete_if_delivered(joining)
        return bool(asked)

    def _complete_if_delivered(self, joining: PendingJoin) -> None:
        """Complete a join once the whole state of its channels is delivered."""
        # Adding nothing waits for the initial channels.
        names = {channel.name for channel in joining.channels} or self._scans.keys()
        if not joining.unconfirmed and self._scans.keys().isdisjoint(names):
            self._complete(joining)

    def _complete(self, joining: PendingJoin) -> None:
        self._pending_joins.remove(joining)
        self._completed_joins.append(joining)

    async def _wait_for_confirmation(
        self, pubsub: redis.asyncio.client.PubSub, names: Iterable[bytes]
    ) -> list[ProgressEvent]:
        """Wait until every channel is confirmed; returns the events until then."""
        unconfirmed = set(names)
        early: list[ProgressEvent] = []
        while unconfirmed:
            message = await read_message(pubsub, DEAD_SECONDS)
            if message is None:
                raise SilenceError("Redis does not confirm the subscription")
            if message[0] == b"subscribe":
                unconfirmed.discard(message[1])
            elif (event := self._read(message)) is not None:
                early.append(event)
        return early

    async def _current_state(
        self, client: redis.asyncio.Redis, channels: Sequence[Channel]
    ) -> list[ProgressEvent]:
        present: list[ProgressEvent] = []
        documents = [channel for channel in channels if channel.document_id is not None]
        for channel in documents:
            if self._since is not None and channel.document_id == self._since[0]:
                missed = await self._replay(client, channel.name, *self._since)
                if missed is not None:
                    present += missed
                    documents.remove(channel)
                break
        for batch in batched(documents):
            pipe = client.pipeline(transaction=False)
            for channel in batch:
                pipe.xrevrange(channel.name, count=1)
            for entries in await pipe.execute():
                present += decode_entries(entries)
        return present

    def _start_scans(self, channels: Iterable[Channel]) -> None:
        """Begin to read the current state of the runs among these."""
        for channel in channels:
            if channel.document_id is None:
                self._scans[channel.name] = 0

    async def _scan_page(self, pubsub: redis.asyncio.client.PubSub) -> None:
        """Deliver a page of a run's state, and events published in the meantime."""
        client, name = self._client, next(iter(self._scans))
        assert client is not None
        try:
            cursor, page = await cast(
                "Any", client.hscan(name, self._scans[name], count=SCAN_PAGE)
            )
            if name in self._scans:
                for raw in page.values():
                    if (event := self._decode(raw)) is not None:
                        self._deliver(event)
                self._scans[name] = cursor
                if not cursor:
                    del self._scans[name]
            for _ in range(MESSAGES_PER_SCAN_PAGE):
                if not await self._receive(pubsub, 0):
                    break
            for joining in list(self._pending_joins):
                self._complete_if_delivered(joining)
            if not self._scans:
                await self._finish_scans(client)
        except (RedisError, OSError) as error:
            self._connection_lost(error)
            await self._disconnect()

    async def _finish_scans(self, client: redis.asyncio.Redis) -> None:
        """Release the connections that read the state, keeping the one for messages."""
        await client.connection_pool.disconnect(inuse_connections=False)
        await self._reconcile()

    async def _replay(
        self,
        client: redis.asyncio.Redis,
        channel: bytes,
        document_id: str,
        since: str,
    ) -> list[ProgressEvent] | None:
        """The events after `since`; None if Redis no longer has it."""
        delivered = self._delivered.get(document_id)
        if delivered is not None and delivered.id is not None:
            since = delivered.id
        entries = cast("list[Any]", await client.xrange(channel, min=since))
        if not entries or entries[0][0].decode() != since:
            return None
        return decode_entries(entries[1:])

    async def _wait_for_message(self, pubsub: redis.asyncio.client.PubSub) -> None:
        """Process one message, or check the connection after a silence."""
        wait = PING_SECONDS
        if self._reconcile_with is not None:
            wait = max(
                0.0,
                min(wait, self._reconciled_at + RECONCILE_SECONDS - time.monotonic()),
            )
        asked = time.monotonic()
        try:
            received = await self._receive(pubsub, wait)
            if not received:
                await self._check_alive(pubsub)
        except (RedisError, OSError) as error:
            self._connection_lost(error)
            await self._disconnect()
            return
        waited = time.monotonic() - asked > WAITED_SECONDS
        if self._pause is not None and received and waited:
            self._pause()
        if (
            self._reconcile_with is not None
            and not self._scans
            and time.monotonic() >= self._reconciled_at + RECONCILE_SECONDS
        ):
            await self._reconcile()

    async def _receive(self, pubsub: redis.asyncio.client.PubSub, wait: float) -> bool:
        """Process one message; whether there was one."""
        message = await read_message(pubsub, wait)
        if message is None:
            return False
        if message[0] == b"subscribe":
            assert self._client is not None
            if not await self._confirm_join(self._client, message[1]):
                # redis-py reconnected by itself: messages may be lost.
                raise LostError("the connection was replaced")
        self._received_at = time.monotonic()
        event = self._read(message)
        if event is not None:
            self._deliver(event)
        return True

    async def _check_alive(self, pubsub: redis.asyncio.client.PubSub) -> None:
        silence = time.monotonic() - self._received_at
        if silence >= DEAD_SECONDS:
            raise SilenceError(f"Redis has been silent for {silence:.0f} s")
        if (
            silence >= PING_SECONDS
            and time.monotonic() - self._pinged_at >= PING_SECONDS
        ):
            self._pinged_at = time.monotonic()
            await pubsub.ping()

    async def _reconcile(self) -> None:
        """Deliver newer events from another source."""
        reconcile = self._reconcile_with
        if reconcile is None:
            return
        try:
            events = await asyncio.to_thread(lambda: list(reconcile(self._delivered)))
        except RunNotFound:
            raise  # deleted: no event will follow
        except DocProgressError as error:
            log.warning(
                "a subscription could not be reconciled with the store: %s",
                redacted(str(error)),
            )
            events = []
        self._reconciled_at = time.monotonic()
        for event in events:
            delivered = self._delivered.get(event.document_id)
            if delivered is None or sort_key(event) > sort_key(delivered):
                self._deliver(event)

    def _read(self, message: Sequence[Any]) -> ProgressEvent | None:
        if message[0] != b"message":
            return None
        channel = self._channels.get(message[1])
        if channel is None:
            return None  # removed in the meantime
        if self._final_only and is_intermediate(message[2]):
            return None
        event = self._decode(message[2])
        expected = channel.document_id
        if event is not None and expected not in (None, event.document_id):
            self._skip(f"an event of {event.document_id!r} on {expected!r}")
            return None
        return event

    def _decode(self, raw: bytes) -> ProgressEvent | None:
        try:
            return decode(raw)
        except EventError as error:
            self._skip(str(error))
            return None

    def _skip(self, reason: str) -> None:
        self.invalid += 1
        if self.invalid == 1:
            log.warning(
                "skipped a message that is not a progress event: %.300s", reason
            )

    def _deliver(self, event: ProgressEvent) -> None:
        delivered = self._delivered.get(event.document_id)
        if delivered is not None and is_stale(event, delivered):
            return
        self._delivered[event.document_id] = event
        self._pending.append(event)

    def _subscribed_to(self, event: ProgressEvent) -> bool:
        if document_channel(event.document_id).encode() in self._channels:
            return True
        run_id = event.run_id
        return run_id is not None and run_channel(run_id).encode() in self._channels

    def _connection_lost(self, error: BaseException) -> None:
        if self.lost_at is None:
            self.lost_at = now()
            log.info(
                "lost the connection to Redis, reconnecting: %s", redacted(str(error))
            )
        self._failures = min(self._failures + 1, 10)
        pause = min(0.05 * 2**self._failures, MAX_RETRY_SECONDS)
        self._retry_at = time.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311

    async def _disconnect(self) -> None:
        client, pubsub = self._client, self._pubsub
        self._client = self._pubsub = None
        if client is not None and pubsub is not None:
            await close_connection(client, pubsub)
