"""The Redis subscription of one server process, for all its clients.

A subscription that is refused or lost is retried for as long as a client needs it.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Iterable

from docprogress.bus.bus import Bus
from docprogress.bus.subscription import Subscription
from docprogress.errors import DocProgressError
from docprogress.events import ProgressEvent
from docprogress.server.sse.channel import Channel, subscribed_ids
from docprogress.server.subjects import Kind
from docprogress.server.tasks import TaskSet
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: Seconds that a new client waits for Redis before only the store is read.
JOIN_SECONDS = 1.0

#: Seconds until a refused subscription is retried: at first, and at most.
RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 5.0


class RedisListener:
    """Subscribes to documents and runs as long as channels need them.

    Args:
        bus: How to reach Redis. Nothing is started for it.
        channels: Returns all current channels.
        on_event: Called with each event.
        tasks: Where background tasks run.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        channels: Callable[[], Collection[Channel]],
        on_event: Callable[[ProgressEvent], None],
        tasks: TaskSet,
    ) -> None:
        self._bus = bus
        self._channels = channels
        self._on_event = on_event
        self._tasks = tasks
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._lost_since: float | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a subscription, and Redis answers."""
        return self._subscription is not None and self._subscription.connected

    @property
    def receiving(self) -> bool:
        """Whether events published now are received, if any channel needs them."""
        if not self._needed():
            return True
        return self._subscription is not None and self._subscription.lost_at is None

    @property
    def lost_seconds(self) -> float:
        """For how long needed events have not been received."""
        if self._lost_since is None or self.receiving:
            return 0.0
        return time.monotonic() - self._lost_since

    def check(self, moment: float) -> None:
        """Note whether events are received; called regularly."""
        if self.receiving:
            self._lost_since = None
        elif self._lost_since is None:
            self._lost_since = moment

    async def subscribe(self, channels: Iterable[Channel]) -> None:
        """Subscribe for these channels, waiting no longer than a new client does."""
        added = asyncio.ensure_future(self._subscribe(channels))
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await asyncio.shield(added)
        except TimeoutError:
            self._tasks.add(added)  # retries until Redis is back

    async def unsubscribe(self, documents: Iterable[str], runs: Iterable[str]) -> None:
        """Unsubscribe from what no channel needs; disconnect if that is everything."""
        if not self._needed():
            await self._disconnect()
        elif self._subscription is not None:
            needed = set().union(*(channel.runs for channel in self._channels()))
            unneeded = [run_id for run_id in runs if run_id not in needed]
            if unneeded or documents:
                await self._subscription.remove(documents, runs=unneeded)

    def _needed(self) -> bool:
        return any(
            channel.runs or channel.subject.kind is Kind.DOCUMENT
            for channel in self._channels()
        )

    async def _subscribe(self, channels: Iterable[Channel]) -> None:
        documents, runs = subscribed_ids(channels)
        if not documents and not runs:
            return
        if self._task is None:
            documents, runs = subscribed_ids(self._channels())
            subscription = self._bus.subscribe(documents, runs=runs)
            self._subscription = subscription
            self._task = self._tasks.start(
                self._receive(subscription), "docprogress-sse-listen"
            )
            # Wait for the current state of the first documents and runs.
            await subscription.add()
        elif self._subscription is not None:
            await self._subscription.add(documents, runs=runs)
        # Otherwise it was refused, and the next attempt includes these.

    async def _receive(self, subscription: Subscription) -> None:
        """Receive events while any channel needs them."""
        failures = 0
        while True:
            try:
                async with subscription as events:
                    async for event in events:
                        failures = 0
                        self._on_event(event)
            except DocProgressError as error:
                level = logging.INFO if failures else logging.WARNING
                log.log(
                    level,
                    "events cannot be received, retrying: %s",
                    redacted(str(error)),
                )
            except Exception:
                log.exception("events cannot be received, retrying")
            self._subscription = None
            pause = min(RETRY_SECONDS * 2**failures, MAX_RETRY_SECONDS)
            failures = min(failures + 1, 10)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            documents, runs = subscribed_ids(self._channels())
            if not documents and not runs:
                self._task = None
                return
            subscription = self._bus.subscribe(documents, runs=runs)
            self._subscription = subscription

    async def _disconnect(self) -> None:
        task, self._task, self._subscription = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
