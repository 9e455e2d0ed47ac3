"""How events travel from the workers to whoever is watching.

Workers publish and move on; watchers subscribe and wait.  A subscriber is told
the present first and the future after it, in one stream, with no gap between,
and again whenever the connection was lost.
"""

import asyncio
import functools
import hashlib
import logging
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from importlib.resources import files
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar, cast

import hiredis
import redis
import redis.asyncio
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as SlowError

from docprogress.connection import (
    COMMAND_SECONDS,
    connect,
    connect_async,
    renew_after_fork,
    unreachable,
)
from docprogress.errors import (
    BusError,
    BusRefused,
    DocProgressError,
    EventError,
    RunNotFound,
    Superseded,
)
from docprogress.events import (
    FINAL_NUMBER,
    ProgressEvent,
    Status,
    decode,
    document_channel,
    now,
    run_channel,
)
from docprogress.settings import redacted

log = logging.getLogger(__name__)

T = TypeVar("T")

#: What a subscriber's connections are called, for `CLIENT LIST`.
WATCHER = "docprogress-watcher"

#: Seconds of silence after which a subscriber asks Redis whether it is there,
#: and after which it takes the connection for dead.
PING_SECONDS = 3.0
DEAD_SECONDS = 8.0

#: Seconds after which a message had to be waited for, rather than being there.
WAITED_SECONDS = 0.001

#: The longest pause, in seconds, between two tries to connect.
LONGEST_PAUSE = 2.0

#: Seconds between two comparisons of what was told with the truth.
TRUTH_SECONDS = 5.0

#: How many channels or streams are named in one command.
BATCH = 500

#: How many documents of a run are read at a time, and the most messages that are
#: taken in between.
PAGE = 500
HEARD_BETWEEN = 200

#: What a subscription compares itself with: given the newest event told of each
#: document, the events that it should have told, whichever way it can know.
Truth = Callable[[Mapping[str, ProgressEvent]], Iterable[ProgressEvent]]


class Published(NamedTuple):
    """What Redis said to an event."""

    #: The event, with its id.
    event: ProgressEvent
    #: Whether somebody asked for this attempt to be cancelled.
    cancelled: bool


class Bus:
    """Publish and subscribe over one Redis.

    Args:
        url: `redis://`, `rediss://`, `redis+sentinel://` or `unix://`.
        remember_seconds: How long Redis keeps a document after its last event.
    """

    def __init__(self, url: str, *, remember_seconds: float = 7 * 24 * 3600) -> None:
        self._url = url
        self._remember = round(remember_seconds * 1000)
        # Guards the creation of the client; connections have locks of their own.
        self._lock = threading.Lock()
        self._redis: redis.Redis | None = None
        self._writer = EventWriter(self)
        self._posting = EventWriter(self)
        renew_after_fork(self)

    def __repr__(self) -> str:
        return f"Bus({redacted(self._url)!r})"

    @property
    def redis(self) -> redis.Redis:
        """The client, which any number of threads may use.

        A forked process gets a client of its own.
        """
        client = self._redis
        if client is None:
            with self._lock:
                client = self._redis
                if client is None:
                    client = connect(self._url)
                    # Else it would close, as it is collected, what is still in use.
                    client.auto_close_connection_pool = False
                    self._redis = client
        return client

    def after_fork(self) -> None:
        """Forget what belongs to the parent process, its lock included."""
        self._lock = threading.Lock()
        self._redis = None

    def writer(self) -> "EventWriter":
        """A connection of one's own to publish on; whoever asks for it closes it."""
        return EventWriter(self)

    def again(self) -> "Bus":
        """Another bus over the same Redis, which is closed by itself."""
        return Bus(self._url, remember_seconds=self._remember / 1000)

    def same_as(self, other: "Bus") -> bool:
        """Whether both publish in the same way to the same Redis."""
        return (self._url, self._remember) == (other._url, other._remember)

    def publish(self, event: ProgressEvent, *, waiting: bool = False) -> Published:
        """Tell everybody where a document stands, and remember it.

        Args:
            event: Where it stands.
            waiting: Only while it is still said to be queued.

        Raises:
            Superseded: A later attempt has begun, or this one has ended, or it
                waits no longer.
            BusError: Redis cannot be reached, or refuses.
        """
        # A connection of our own: the client's way to one costs as much as Redis does.
        try:
            return self._writer.publish(event, waiting=waiting)
        except NoScriptError:
            pass  # Redis was emptied: the client sends the script as well.
        except BusError as error:
            if isinstance(error.__cause__, TimeoutError | SlowError):
                raise
        keys, arguments = self.command(event, waiting=waiting)
        client = self.redis
        try:
            answer = client.register_script(_script())(keys, arguments, client=client)
        except (RedisError, OSError) as error:
            raise _refused(event, error) from error
        return _published(event, answer)

    def post(self, event: ProgressEvent) -> None:
        """Publish without waiting for Redis's answer, which `settle` reads.

        Threads that post should each use a `writer` of their own.

        Raises:
            BusError: Redis cannot be reached.
        """
        self._posting.post(event)

    def settle(self) -> list[Published]:
        """Read what Redis answered to the events posted since the last call.

        Raises:
            Superseded: A later attempt had begun, or this one had ended.
            BusError: Redis cannot be reached; posted events may be lost.
        """
        return self._posting.settle()

    def publish_all(
        self, events: Sequence[ProgressEvent], *, waiting: bool = False
    ) -> None:
        """Publish many, waiting for Redis once for each few hundred.

        What has been superseded is left out.

        Args:
            events: Where the documents stand.
            waiting: Only of those that are still said to be queued: a worker may
                have told more of one since somebody looked.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        for batch in _batches(events):
            try:
                self._writer.publish_all(batch, waiting=waiting)
            except (BusError, NoScriptError):
                # Some may have been told: that is repeated, and harmless.
                for event in batch:
                    with suppress(Superseded):
                        self.publish(event, waiting=waiting)

    def command(
        self, event: ProgressEvent, *, waiting: bool = False
    ) -> tuple[list[str], list[Any]]:
        """The keys and the arguments of the script that publishes an event."""
        attempt = event.attempt or 1
        number = str(FINAL_NUMBER) if event.final else "*"
        keys = [
            document_channel(event.document_id),
            cancel_key(event.document_id),
        ]
        if event.run_id:
            keys += [run_channel(event.run_id), counts_key(event.run_id)]
        unsent = event if event.id is None else event.replace(id=None)
        return keys, [
            f"{attempt}-{number}",
            unsent.encode(),
            self._remember,
            event.document_id,
            attempt,
            event.status.value,
            *([1] if waiting else []),
        ]

    def history(
        self, document_id: str, *, since: str | None = None
    ) -> list[ProgressEvent]:
        """The events that Redis remembers of a document, oldest first.

        Args:
            document_id: The document's id.
            since: Only from the event with this id on, itself included.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        try:
            entries = self.redis.xrange(document_channel(document_id), min=since or "-")
        except (RedisError, OSError) as error:
            raise unreachable(error) from error
        return _remembered(cast("list[Any]", entries))

    def newest(self, document_ids: Sequence[str]) -> dict[str, ProgressEvent]:
        """The newest event that Redis remembers of each document.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        found: dict[str, ProgressEvent] = {}
        try:
            for batch in _batches(document_ids):
                pipe = self.redis.pipeline(transaction=False)
                for document_id in batch:
                    pipe.xrevrange(document_channel(document_id), count=1)
                for entries in pipe.execute():
                    found |= {
                        event.document_id: event for event in _remembered(entries)
                    }
        except (RedisError, OSError) as error:
            raise unreachable(error) from error
        return found

    def counts(self, run_id: str) -> dict[Status, int]:
        """How many documents of a run have each status, of those that were told.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        try:
            found = cast("dict[bytes, bytes]", self.redis.hgetall(counts_key(run_id)))
        except (RedisError, OSError) as error:
            raise unreachable(error) from error
        return {status: int(found.get(status.encode(), 0)) for status in Status}

    def ask_to_cancel(self, attempts: Mapping[str, int]) -> None:
        """Have the workers told, with their next event, that they should stop.

        Args:
            attempts: Document ids, each with the attempt that is to stop.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        pipe = self.redis.pipeline(transaction=False)
        for document_id, attempt in attempts.items():
            pipe.set(cancel_key(document_id), attempt, px=self._remember)
        try:
            pipe.execute()
        except (RedisError, OSError) as error:
            raise unreachable(error) from error

    def forget(self, document_ids: Sequence[str], *, run_id: str | None = None) -> int:
        """Delete everything that Redis remembers of these documents; how many keys.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        named = (document_channel, cancel_key, waiting_key)
        keys = [key(d) for d in document_ids for key in named]
        if run_id:
            keys += [run_channel(run_id), counts_key(run_id)]
        try:
            unlinked: list[Any] = [
                self.redis.unlink(*batch) for batch in _batches(keys)
            ]
            return sum(unlinked)
        except (RedisError, OSError) as error:
            raise unreachable(error) from error

    def check(self) -> None:
        """Do once, with a document that nobody knows, what is done with Redis.

        Raises:
            BusRefused: It wants another password, certificate or right.
            BusError: Redis cannot be reached.
        """
        name = f"check-{secrets.token_hex(8)}"
        event = ProgressEvent(
            document_id=name,
            status=Status.QUEUED,
            step="",
            progress=0,
            message="Check",
            timestamp=now(),
            run_id=name,
        )
        try:
            self.redis.ping()
            self.publish(event)
            self.ask_to_cancel({name: 1})
            self.history(name)
            with self.redis.pubsub() as pubsub:  # type: ignore[no-untyped-call]
                pubsub.subscribe(document_channel(name), run_channel(name))
                pubsub.get_message(timeout=COMMAND_SECONDS)
        except (RedisError, OSError) as error:
            raise unreachable(error) from error
        finally:
            with suppress(BusError):
                self.forget([name], run_id=name)

    def subscribe(
        self,
        documents: Iterable[str] = (),
        *,
        runs: Iterable[str] = (),
        since: str | None = None,
        truth: Truth | None = None,
        only_ends: bool = False,
        pause: Callable[[], None] | None = None,
    ) -> "Subscription":
        """The present of documents and runs, then what happens to them.

        The present of a run comes a few hundred documents at a time, in no order,
        and what happens meanwhile comes in between.

        Use it as ``async with bus.subscribe(["a"]) as events``: leaving closes the
        connection, a bare ``break`` does not.

        Args:
            documents: Document ids.
            runs: Run ids.
            since: The id of the last event seen, for one document: what came
                after it is told instead of the present, if it is remembered.
            truth: Asked on every connection and every few seconds, so that an
                event that never reached Redis is told all the same.
            only_ends: For whoever wants no more than to know how documents end:
                what a first attempt tells on its way is passed over unread.  The
                present, and any later attempt, is told whole.
            pause: Called after each message that had to be waited for: what comes
                meanwhile is taken together.  It holds up the event loop, which has
                to be one that nobody else uses.
        """
        return Subscription(
            self._url,
            documents=tuple(dict.fromkeys(documents)),
            runs=tuple(dict.fromkeys(runs)),
            since=since,
            truth=truth,
            only_ends=only_ends,
            pause=pause,
        )

    def close(self) -> None:
        """Give the connections back; a later use opens new ones."""
        self._writer.close()
        self._posting.close()
        with self._lock:
            client, self._redis = self._redis, None
        if client is not None:
            # What another thread is using closes with the pool, once that is done.
            client.connection_pool.disconnect(inuse_connections=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventWriter:
    """One connection on which events are published, by one thread at a time.

    Redis answers in the order of what it is sent, so a connection of which anything
    is unknown is given up: an answer is never taken for another event's.  A signal
    that interrupts in the middle leaves such a connection behind as well.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._lock = threading.RLock()
        self._client: redis.Redis | None = None
        self._connection: Any = None
        # Events whose answer nobody has waited for yet.
        self._unsettled: deque[ProgressEvent] = deque()
        # Answers that Redis owes, whether or not all of what was sent is known.
        self._owed = 0
        # Whether a connection was given up that owed answers to posted events.
        self._lost = False
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Forget what belongs to the parent process, its lock included."""
        self._lock = threading.RLock()
        self._client = self._connection = None
        self._unsettled = deque()
        self._owed = 0
        self._lost = False

    def publish(self, event: ProgressEvent, *, waiting: bool = False) -> Published:
        """Publish, and wait for Redis's answer.

        Raises:
            Superseded: A later attempt has begun, or this one has ended, or it
                waits no longer.
            BusError: Redis cannot be reached, or refuses.
            NoScriptError: Redis was emptied, and has forgotten the script as well.
        """
        with self._lock:
            self._check_settled()
            self._send([event], waiting)
            return _published(event, self._answer(event))

    def publish_all(
        self, events: Sequence[ProgressEvent], *, waiting: bool = False
    ) -> None:
        """Publish many, and wait for all answers; what has been superseded is left out.

        Raises:
            BusError: Redis cannot be reached, or refuses.
            NoScriptError: Redis was emptied, and has forgotten the script as well.
        """
        with self._lock:
            self._check_settled()
            self._send(events, waiting)
            try:
                for event in events:
                    with suppress(Superseded):
                        self._answer(event)
            except BaseException:
                # The others' answers are not waited for.
                self._disconnect()
                raise

    def post(self, event: ProgressEvent) -> None:
        """Publish without waiting for Redis's answer, which `settle` reads.

        Raises:
            BusError: Redis cannot be reached.
        """
        with self._lock:
            self._send([event])
            self._unsettled.append(event)

    def settle(self) -> list[Published]:
        """What Redis answered to the events posted since the last time.

        Raises:
            Superseded: A later attempt had begun, or this one had ended.
            BusError: Redis cannot be reached; what was posted may not have been told.
        """
        told = []
        with self._lock:
            self._check()
            if self._lost:
                self._disconnect()
                self._lost = False
                raise unreachable(LostError("the connection was given up"))
            while self._unsettled:
                event = self._unsettled.popleft()
                try:
                    told.append(_published(event, self._answer(event)))
                except NoScriptError:
                    # Redis came back empty, and has forgotten the script as well.
                    self._disconnect()
                    self._lost = False
                    raise unreachable(ConnectionError("it was emptied")) from None
                except BusError:
                    self._lost = False
                    raise
        return told

    def close(self) -> None:
        """Close the connection; a later use opens another one."""
        with self._lock:
            self._disconnect()

    def _check(self) -> None:
        """Give up a connection that owes more, or less, than is waited for."""
        if self._owed != len(self._unsettled):
            self._disconnect()

    def _check_settled(self) -> None:
        if self._unsettled:
            raise RuntimeError("settle what was posted first")

    def _send(self, events: Sequence[ProgressEvent], waiting: bool = False) -> None:
        self._check()
        try:
            connection = self._connection
            if connection is None:
                connection = self._connect()
            sha = _sha()
            commands = []
            for event in events:
                keys, arguments = self._bus.command(event, waiting=waiting)
                commands.append(("EVALSHA", sha, len(keys), *keys, *arguments))
            # Many at once: neither a call of the system nor a waking for each.
            packed = connection.pack_commands(commands)
            self._owed += len(commands)
            connection.send_packed_command(packed)
        except (RedisError, OSError) as error:
            self._disconnect()
            raise unreachable(error) from error
        except BaseException:
            # Interrupted: nobody knows what was sent.
            self._disconnect()
            raise

    def _connect(self) -> Any:
        self._client = self._bus.redis
        connection: Any = self._client.connection_pool.get_connection()
        self._connection = connection
        connection.send_command("SCRIPT", "LOAD", _script())
        connection.read_response()
        return connection

    def _answer(self, event: ProgressEvent) -> Any:
        connection = self._connection
        if connection is None:
            raise unreachable(LostError("the connection was given up"))
        try:
            answer = connection.read_response()
        except ResponseError as error:
            self._owed -= 1
            if isinstance(error, NoScriptError):
                raise
            raise _refused(event, error) from error
        except (RedisError, OSError) as error:
            self._disconnect()
            raise unreachable(error) from error
        except BaseException:
            # Interrupted: what is said yet would be taken for an answer to the next.
            self._disconnect()
            raise
        self._owed -= 1
        return answer

    def _disconnect(self) -> None:
        self._lost = self._lost or bool(self._unsettled)
        self._unsettled.clear()
        self._owed = 0
        connection, self._connection = self._connection, None
        client, self._client = self._client, None
        if connection is not None and client is not None:
            connection.disconnect()
            client.connection_pool.release(connection)


class Subscription:
    """The stream of events that `Bus.subscribe` gives: an asynchronous iterator.

    It never ends by itself, and no loss of a connection ends it. Where Redis refuses
    the very first one, waiting is of no use: that raises `BusRefused`.
    """

    def __init__(
        self,
        url: str,
        *,
        documents: tuple[str, ...],
        runs: tuple[str, ...],
        since: str | None,
        truth: Truth | None,
        only_ends: bool = False,
        pause: Callable[[], None] | None = None,
    ) -> None:
        if since is not None and (len(documents) != 1 or runs):
            raise ValueError("`since` goes with exactly one document")
        if not documents and not runs:
            raise ValueError("name at least one document or run to subscribe to")
        self._url = url
        # The document whose missed events are replayed, and the last one seen of it.
        self._since = None if since is None else (documents[0], since)
        self._channels = {c.name: c for c in _channels(documents, runs)}
        self._joining: list[_Joining] = []
        self._joined_now: list[_Joining] = []
        # The runs whose present is being told, each with how far that is.
        self._telling: dict[bytes, int] = {}
        self._truth = truth
        self._only_ends = only_ends
        self._pause = pause
        self._truth_at = 0.0
        self._told: dict[str, ProgressEvent] = {}
        self._pending: deque[ProgressEvent] = deque()
        self._client: redis.asyncio.Redis | None = None
        self._pubsub: redis.asyncio.client.PubSub | None = None
        # What `aclose` has closed, perhaps while a command was still being sent.
        self._abandoned: (
            tuple[redis.asyncio.Redis, redis.asyncio.client.PubSub] | None
        ) = None
        self._failures = 0
        self._try_at = 0.0
        self._heard_at = 0.0
        self._asked_at = 0.0
        self._closed = False
        self._accepted = False
        #: How many messages were skipped because they are not events.
        self.invalid = 0
        #: When the connection was lost; None while it is there.
        self.lost_at: datetime | None = now()

    @property
    def connected(self) -> bool:
        """Whether Redis is there and the present has been told."""
        return self._pubsub is not None and not self._telling

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ProgressEvent:
        try:
            return await self._next()
        finally:
            if self._closed:
                await self._close_again()

    async def _next(self) -> ProgressEvent:
        cancelled = _cancellations()
        while not self._pending:
            self._let_go()
            if self._closed:
                raise StopAsyncIteration
            if self._pubsub is None:
                await self._connect()
            elif self._telling:
                await self._tell_more(self._pubsub)
            else:
                await self._listen(self._pubsub)
            if _cancellations() > cancelled:
                # redis-py may lose it, and whoever interrupts waits for ever.
                raise asyncio.CancelledError
        # What is pending is taken before whoever waited for it has a turn.
        self._let_go()
        return self._pending.popleft()

    def _let_go(self) -> None:
        """Wake those whose channels were added, and are told."""
        for joining in self._joined_now:
            joining.told.set()
        self._joined_now.clear()

    async def add(
        self, documents: Iterable[str] = (), *, runs: Iterable[str] = ()
    ) -> None:
        """Subscribe to more; done once their present is among what is told.

        It is for another task than the one that iterates, which has to go on.
        """
        new = [
            channel
            for channel in _channels(documents, runs)
            if channel.name not in self._channels
        ]
        joining = _Joining(new)
        self._channels |= {channel.name: channel for channel in new}
        self._joining.append(joining)
        if self._pubsub is not None:
            await self._ask_for(self._pubsub, joining)
        await joining.told.wait()

    async def remove(
        self, documents: Iterable[str] = (), *, runs: Iterable[str] = ()
    ) -> None:
        """Subscribe to less, and forget what was told of it."""
        gone = [
            channel.name
            for channel in _channels(documents, runs)
            if self._channels.pop(channel.name, None) is not None
        ]
        self._told = {d: e for d, e in self._told.items() if self._subscribed_to(e)}
        if self._since is not None and (
            document_channel(self._since[0]).encode() in gone
        ):
            self._since = None
        for name in gone:
            self._telling.pop(name, None)
        for joining in list(self._joining):
            joining.unconfirmed.difference_update(gone)
            if gone:
                self._join(joining)
        if gone and self._pubsub is not None:
            try:
                await self._pubsub.unsubscribe(*gone)
            except (RedisError, OSError) as error:
                # Whoever iterates finds out as well, and subscribes to what is left.
                log.info("lost Redis: %s", redacted(str(error)))

    async def aclose(self) -> None:
        """End the stream and close its connections."""
        self._closed = True
        self._pending.clear()
        for joining in list(self._joining):
            self._joined(joining)
        self._let_go()
        if self._client is not None and self._pubsub is not None:
            self._abandoned = self._client, self._pubsub
        await self._disconnect()

    async def _close_again(self) -> None:
        """Close what this task opened after another task had called `aclose`.

        A connection that is just being opened is not closed with its client: redis-py
        would use it for the command, and leave it open.
        """
        await self._disconnect()
        if self._abandoned is not None:
            await _closed(*self._abandoned)

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
        """Subscribe, wait until Redis confirms it, only then tell the present."""
        # Whoever gives up waiting and comes again does not wait from the start.
        await asyncio.sleep(max(0.0, self._try_at - time.monotonic()))
        try:
            client, pubsub, subscribed, waiting = await self._subscribed()
        except (RedisError, OSError) as error:
            self._lose(error)
            refusal = unreachable(error)
            if isinstance(refusal, BusRefused) and not self._accepted:
                raise refusal from error
            await self._compare()
            return
        self._accepted = True
        self._client, self._pubsub = client, pubsub
        self._failures = 0
        self._heard_at = time.monotonic()
        self.lost_at = None
        self._truth_at = 0.0
        for event in waiting:
            self._tell(event)
        channels = (self._channels[name] for name in subscribed & self._channels.keys())
        self._begin_telling(channels)
        for joining in list(self._joining):
            if joining.unconfirmed <= subscribed:
                joining.unconfirmed.clear()
                self._join(joining)
            else:
                await self._ask_for(pubsub, joining)
        if not self._telling:
            await self._told_all(client)

    async def _subscribed(
        self,
    ) -> tuple[
        redis.asyncio.Redis,
        redis.asyncio.client.PubSub,
        set[bytes],
        list[ProgressEvent],
    ]:
        client = connect_async(self._url, name=WATCHER)
        pubsub = client.pubsub()
        channels = list(self._channels.values())
        names = {channel.name for channel in channels}
        try:
            for batch in _batches(list(names)):
                await pubsub.subscribe(*batch)
            early = await self._confirmed(pubsub, names)
            present = await self._present(client, channels)
        except BaseException:
            await _closed(client, pubsub)
            raise
        return client, pubsub, names, [*present, *early]

    async def _ask_for(
        self, pubsub: redis.asyncio.client.PubSub, joining: "_Joining"
    ) -> None:
        """Send for channels that are added; whoever listens hears the answer."""
        if not joining.unconfirmed:
            self._join(joining)
            return
        try:
            for batch in _batches(list(joining.unconfirmed)):
                await pubsub.subscribe(*batch)
        except (RedisError, OSError) as error:
            # Whoever iterates finds out as well, and subscribes to all of them.
            log.info("lost Redis: %s", redacted(str(error)))

    async def _confirm(self, client: redis.asyncio.Redis, channel: bytes) -> bool:
        """Note that a channel was added; False if nobody has asked for it."""
        asked = [each for each in self._joining if channel in each.unconfirmed]
        for joining in asked:
            joining.unconfirmed.discard(channel)
            if not joining.unconfirmed:
                for event in await self._present(client, joining.channels):
                    self._tell(event)
                self._begin_telling(joining.channels)
                self._join(joining)
        return bool(asked)

    def _join(self, joining: "_Joining") -> None:
        """Say that channels were added, once their whole present is told."""
        # Who adds nothing waits for what the subscription began with.
        names = {channel.name for channel in joining.channels} or self._telling.keys()
        if not joining.unconfirmed and self._telling.keys().isdisjoint(names):
            self._joined(joining)

    def _joined(self, joining: "_Joining") -> None:
        self._joining.remove(joining)
        self._joined_now.append(joining)

    async def _confirmed(
        self, pubsub: redis.asyncio.client.PubSub, names: Iterable[bytes]
    ) -> list[ProgressEvent]:
        """Wait for Redis's word on every channel; what was said meanwhile."""
        unconfirmed = set(names)
        early: list[ProgressEvent] = []
        while unconfirmed:
            said = await _said(pubsub, DEAD_SECONDS)
            if said is None:
                raise _SilenceError("Redis does not confirm the subscription")
            if said[0] == b"subscribe":
                unconfirmed.discard(said[1])
            elif (event := self._read(said)) is not None:
                early.append(event)
        return early

    async def _present(
        self, client: redis.asyncio.Redis, channels: Sequence["_Channel"]
    ) -> list[ProgressEvent]:
        present: list[ProgressEvent] = []
        documents = [channel for channel in channels if channel.document_id is not None]
        for channel in documents:
            if self._since is not None and channel.document_id == self._since[0]:
                missed = await self._missed(client, channel.name, *self._since)
                if missed is not None:
                    present += missed
                    documents.remove(channel)
                break
        for batch in _batches(documents):
            pipe = client.pipeline(transaction=False)
            for channel in batch:
                pipe.xrevrange(channel.name, count=1)
            for entries in await pipe.execute():
                present += _remembered(entries)
        return present

    def _begin_telling(self, channels: Iterable["_Channel"]) -> None:
        """Tell the present of the runs among these, from the beginning."""
        for channel in channels:
            if channel.document_id is None:
                self._telling[channel.name] = 0

    async def _tell_more(self, pubsub: redis.asyncio.client.PubSub) -> None:
        """Tell some more of a run's present, and what has happened meanwhile."""
        client, name = self._client, next(iter(self._telling))
        assert client is not None
        try:
            cursor, page = await cast(
                "Any", client.hscan(name, self._telling[name], count=PAGE)
            )
            if name in self._telling:
                for raw in page.values():
                    if (event := self._decoded(raw)) is not None:
                        self._tell(event)
                self._telling[name] = cursor
                if not cursor:
                    del self._telling[name]
            for _ in range(HEARD_BETWEEN):
                if not await self._hear(pubsub, 0):
                    break
            for joining in list(self._joining):
                self._join(joining)
            if not self._telling:
                await self._told_all(client)
        except (RedisError, OSError) as error:
            self._lose(error)
            await self._disconnect()

    async def _told_all(self, client: redis.asyncio.Redis) -> None:
        """Go on with one connection: the present is told."""
        await client.connection_pool.disconnect(inuse_connections=False)
        await self._compare()

    async def _missed(
        self,
        client: redis.asyncio.Redis,
        channel: bytes,
        document_id: str,
        since: str,
    ) -> list[ProgressEvent] | None:
        """What came after the last event seen; None if that is not remembered."""
        told = self._told.get(document_id)
        if told is not None and told.id is not None:
            since = told.id
        entries = cast("list[Any]", await client.xrange(channel, min=since))
        if not entries or entries[0][0].decode() != since:
            return None
        return _remembered(entries[1:])

    async def _listen(self, pubsub: redis.asyncio.client.PubSub) -> None:
        """Take one message, or notice that there is nothing to be heard."""
        wait = PING_SECONDS
        if self._truth is not None:
            wait = max(
                0.0, min(wait, self._truth_at + TRUTH_SECONDS - time.monotonic())
            )
        asked = time.monotonic()
        try:
            heard = await self._hear(pubsub, wait)
            if not heard:
                await self._ask(pubsub)
        except (RedisError, OSError) as error:
            self._lose(error)
            await self._disconnect()
            return
        waited = time.monotonic() - asked > WAITED_SECONDS
        if self._pause is not None and heard and waited:
            self._pause()
        if (
            self._truth is not None
            and not self._telling
            and time.monotonic() >= self._truth_at + TRUTH_SECONDS
        ):
            await self._compare()

    async def _hear(self, pubsub: redis.asyncio.client.PubSub, wait: float) -> bool:
        """Take one message in; whether there was one."""
        said = await _said(pubsub, wait)
        if said is None:
            return False
        if said[0] == b"subscribe":
            assert self._client is not None
            if not await self._confirm(self._client, said[1]):
                # redis-py connected again by itself: what was said is gone.
                raise LostError("the connection was replaced")
        self._heard_at = time.monotonic()
        event = self._read(said)
        if event is not None:
            self._tell(event)
        return True

    async def _ask(self, pubsub: redis.asyncio.client.PubSub) -> None:
        silence = time.monotonic() - self._heard_at
        if silence >= DEAD_SECONDS:
            raise _SilenceError(f"nothing was heard of Redis for {silence:.0f} s")
        if (
            silence >= PING_SECONDS
            and time.monotonic() - self._asked_at >= PING_SECONDS
        ):
            self._asked_at = time.monotonic()
            await pubsub.ping()

    async def _compare(self) -> None:
        """Tell what the truth knows better."""
        if self._truth is None:
            return
        try:
            events = await asyncio.to_thread(lambda: list(self._truth(self._told)))  # type: ignore[misc]
        except RunNotFound:
            raise  # deleted: nothing will ever come
        except DocProgressError as error:
            log.warning("the store could not be asked: %s", redacted(str(error)))
            events = []
        self._truth_at = time.monotonic()
        for event in events:
            told = self._told.get(event.document_id)
            if told is None or order(event) > order(told):
                self._tell(event)

    def _read(self, said: Sequence[Any]) -> ProgressEvent | None:
        if said[0] != b"message":
            return None
        channel = self._channels.get(said[1])
        if channel is None:
            return None  # removed, while this was on its way
        if self._only_ends and _on_its_way(said[2]):
            return None
        event = self._decoded(said[2])
        expected = channel.document_id
        if event is not None and expected not in (None, event.document_id):
            self._skip(f"an event of {event.document_id!r} on {expected!r}")
            return None
        return event

    def _decoded(self, raw: bytes) -> ProgressEvent | None:
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

    def _tell(self, event: ProgressEvent) -> None:
        told = self._told.get(event.document_id)
        if told is not None and told_already(event, told):
            return
        self._told[event.document_id] = event
        self._pending.append(event)

    def _subscribed_to(self, event: ProgressEvent) -> bool:
        if document_channel(event.document_id).encode() in self._channels:
            return True
        run_id = event.run_id
        return run_id is not None and run_channel(run_id).encode() in self._channels

    def _lose(self, error: BaseException) -> None:
        if self.lost_at is None:
            self.lost_at = now()
            log.info("lost Redis, connecting again: %s", redacted(str(error)))
        self._failures = min(self._failures + 1, 10)
        pause = min(0.05 * 2**self._failures, LONGEST_PAUSE)
        self._try_at = time.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311

    async def _disconnect(self) -> None:
        client, pubsub = self._client, self._pubsub
        self._client = self._pubsub = None
        if client is not None and pubsub is not None:
            await _closed(client, pubsub)


class _Channel(NamedTuple):
    name: bytes
    #: None for a run's channel, which tells of many documents.
    document_id: str | None


class _Joining:
    """Channels that were added, until their present is told."""

    def __init__(self, channels: Sequence[_Channel]) -> None:
        self.channels = channels
        self.unconfirmed = {channel.name for channel in channels}
        self.told = asyncio.Event()


class _SilenceError(OSError):
    """Raised when Redis keeps the connection and says nothing."""


def _cancellations() -> int:
    """How often the present task was asked to end."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def _channels(documents: Iterable[str], runs: Iterable[str]) -> list[_Channel]:
    return [
        *(_Channel(document_channel(d).encode(), d) for d in documents),
        *(_Channel(run_channel(r).encode(), None) for r in runs),
    ]


def order(event: ProgressEvent) -> tuple[int, int]:
    """Where an event stands among all of its document, if it has no id too."""
    return event.position or (event.attempt or 0, -1)


def told_already(event: ProgressEvent, told: ProgressEvent) -> bool:
    """Whether an event that Redis gives is no news after the one that was told."""
    position, before = event.position, told.position
    attempt = event.attempt if position is None else position[0]
    latest = told.attempt if before is None else before[0]
    if attempt is not None and latest is not None and attempt != latest:
        return attempt < latest
    if position is None or before is None:
        return False
    # A number that is no higher, with a later time: a sign of life, or Redis was
    # emptied and counts anew.
    return told.final or (position <= before and event.timestamp <= told.timestamp)


def _on_its_way(raw: bytes) -> bool:
    """Whether a message is of a first attempt that goes on, as far as can be seen.

    As workers write them; whatever else looks like one is known by the truth.
    """
    return b'"status":"processing"' in raw and b'"attempt":1,' in raw


def _remembered(
    entries: Iterable[tuple[bytes, dict[bytes, bytes]]],
) -> list[ProgressEvent]:
    found = []
    for stream_id, fields in entries:
        try:
            event = decode(fields[b"event"])
        except (EventError, KeyError):
            continue
        found.append(event.replace(id=stream_id.decode()))
    return found


@functools.cache
def _script() -> str:
    """The script that publishes an event."""
    return files("docprogress").joinpath("publish.lua").read_text("utf-8")


@functools.cache
def _sha() -> str:
    """What Redis calls that script."""
    return hashlib.sha1(_script().encode(), usedforsecurity=False).hexdigest()


def counts_key(run_id: str) -> str:
    """The key of a hash: each status, with how many documents of a run have it."""
    return f"run:{run_id}:counts"


def cancel_key(document_id: str) -> str:
    """The key that holds the attempt that somebody asked to cancel."""
    return f"document:{document_id}:cancel"


def waiting_key(document_id: str) -> str:
    """The key that holds since when an attempt waits for a service that is away."""
    return f"document:{document_id}:waiting"


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _published(event: ProgressEvent, answer: Any) -> Published:
    stream_id, cancelled = answer
    return Published(event.replace(id=stream_id.decode()), bool(cancelled))


def _refused(event: ProgressEvent, error: BaseException) -> DocProgressError:
    if not isinstance(error, ResponseError):
        return unreachable(error)
    if "equal or smaller" in str(error):
        return Superseded(event.document_id, event.attempt or 1)
    refusal = unreachable(error)
    if isinstance(refusal, BusRefused):
        return refusal
    return BusError(f"Redis refused an event: {error}")


async def _said(
    pubsub: redis.asyncio.client.PubSub, wait: float
) -> Sequence[Any] | None:
    """The next that Redis says to a subscriber; None if that is nothing for so long.

    The client's own way to a message takes longer than all that is done with it.
    """
    connection: Any = pubsub.connection
    if connection is None or not connection.is_connected:
        raise LostError("the connection was closed")
    said = _here(connection)
    if said is None:
        said = await connection.read_response(
            timeout=wait, disconnect_on_error=False, push_request=True
        )
    if said is None or (isinstance(said, list) and said[0] == b"message"):
        return said
    # What the client keeps of it: the channels that it is subscribed to.
    await pubsub.handle_message(said)  # type: ignore[no-untyped-call]
    return said if isinstance(said, list) else [said]


def _here(connection: Any) -> Sequence[Any] | None:
    """The next message, if it came with the one before; None if that is not known.

    What hiredis has read is taken from it: the client sets a timer for each message,
    which takes longer than all the rest.  Where a client keeps it elsewhere, it is
    asked as usual.
    """
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    if not isinstance(reader, hiredis.Reader):
        return None
    said = reader.gets()
    if isinstance(said, BaseException):
        raise said
    # Anything else is the client's own sign that there is nothing, or half a message.
    return said if isinstance(said, list | bytes) else None


async def _closed(
    client: redis.asyncio.Redis, pubsub: redis.asyncio.client.PubSub
) -> None:
    writer = getattr(pubsub.connection, "_writer", None)
    try:
        await pubsub.aclose()  # type: ignore[no-untyped-call]
    finally:
        if writer is not None:
            # redis-py does not wait for the end of the line.  With TLS that takes an
            # answer of Redis, and the loop may be gone before it is there.
            writer.transport.abort()
        await client.aclose()
