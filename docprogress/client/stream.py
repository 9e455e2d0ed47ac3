"""The events of a run, for asynchronous and for blocking callers."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Self

from docprogress.bus.bus import Bus
from docprogress.bus.subscription import Subscription
from docprogress.client.connections import Connections
from docprogress.client.reconcile import StoreReconciler
from docprogress.errors import DocProgressError, RunNotFound, StoreError
from docprogress.events import ProgressEvent
from docprogress.progress.fold import Progress
from docprogress.steps.planning import stored_plan_spans
from docprogress.store import DocumentRow, RunRow

#: Seconds between two attempts to cancel a task that waits for events.
CANCEL_SECONDS = 0.5

#: Seconds in which events accumulate while more than `FEW` documents are unfinished. To
#: wake up for each event costs as much as reading a page.
GATHER_SECONDS = 0.05
FEW = 8


class RunStream:
    """The events of one run in order, and the progress they add up to.

    Args:
        connections: Where the run is.
        run: The run.
        final_only: Whether to deliver only final events; see `Bus.subscribe`.
    """

    def __init__(
        self, connections: Connections, run: RunRow, *, final_only: bool = False
    ) -> None:
        self._connections = connections
        self._run = run
        self._final_only = final_only
        self._subscription: Subscription | None = None
        self._ended = False
        #: Called after each message that was waited for; set it before iterating.
        self.pause: Callable[[], None] | None = None
        #: The state of the run, from the events so far.
        self.progress = Progress(
            expected=run.expected, steps=stored_plan_spans(run.steps)
        )

    @property
    def connected(self) -> bool:
        """Whether Redis is connected."""
        return self._subscription is not None and self._subscription.connected

    @property
    def lost_at(self) -> datetime | None:
        """When the connection was lost; None while connected."""
        return self._subscription.lost_at if self._subscription else None

    @property
    def unfinished(self) -> int:
        """How many documents are not in a final state, by the events so far."""
        progress = self.progress
        return max(progress.total, progress.expected or 0) - progress.ended

    def left(self) -> int:
        """How many documents are not in a final state, in the events or the store.

        At least one until the end of the run was delivered.
        """
        left = self.unfinished
        if self.progress.total < (self.progress.expected or 0):
            # The current state has not been delivered completely.
            with suppress(StoreError):
                counts = self._connections.store.documents.counts(self._run.id)
                ended = sum(count for status, count in counts.items() if status.final)
                left = max(sum(counts.values()), self.progress.expected or 0) - ended
        return max(left, 1)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ProgressEvent:
        # A run may have no documents, or none any more.
        if self._ended or self.progress.finished:
            raise StopAsyncIteration
        event = await anext(self._subscribed())
        if event.final and self.unfinished <= 1:
            await self._expect_members()
        self.progress.apply(event)
        self._ended = self.progress.finished
        return event

    async def _expect_members(self) -> None:
        """Learn of documents found in others, before the run seems to end.

        The store has them before their container has ended, whose event may arrive
        before theirs.
        """
        run_id = self._run.id
        with suppress(StoreError, RunNotFound):
            run = await asyncio.to_thread(self._connections.store.runs.get, run_id)
            known = self.progress.expected or 0
            self.progress.expected = max(known, run.expected)

    async def aclose(self) -> None:
        """Stop watching; the run continues."""
        self._ended = True
        if self._subscription is not None:
            await self._subscription.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _set_queue_reason(self, reason: str | None) -> None:
        self.progress.queue_reason = reason

    def _subscribed(self) -> Subscription:
        if self._subscription is None:
            self._subscription = subscribe(
                self._connections,
                self._run,
                final_only=self._final_only,
                pause=self.pause,
                until_deleted=True,
                on_queue_reason=self._set_queue_reason,
            )
        return self._subscription


def subscribe(
    connections: Connections,
    run: RunRow,
    *,
    final_only: bool = False,
    pause: Callable[[], None] | None = None,
    until_deleted: bool = False,
    on_queue_reason: Callable[[str | None], object] | None = None,
) -> Subscription:
    """Subscribe to a run's events, reconciled with the store.

    Args:
        connections: Where the run is.
        run: The run.
        final_only: As in `Bus.subscribe`.
        pause: As in `Bus.subscribe`.
        until_deleted: Whether to raise `RunNotFound` once the run is deleted.
        on_queue_reason: Called with why no document is processed, if one waits; from
            another thread, every few seconds.
    """
    reconciler = StoreReconciler(
        connections, run, until_deleted=until_deleted, on_queue_reason=on_queue_reason
    )
    # Not the pipeline's bus: watching does not start local services.
    return Bus(connections.redis_url).subscribe(
        runs=[run.id], reconcile=reconciler, final_only=final_only, pause=pause
    )


def iterate_blocking(
    stream: RunStream,
    timeout: float | None,
    *,
    wanted: Callable[[ProgressEvent], bool],
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[ProgressEvent]:
    """Iterate over a stream from blocking code, even where an event loop is running.

    Args:
        stream: The stream, which runs in a private event loop in a thread.
        timeout: Seconds after which to raise.
        wanted: Which events to yield.
        meanwhile: Called several times a second while waiting.

    Raises:
        TimeoutError: The run was unfinished after `timeout` seconds.
    """
    received: queue.SimpleQueue[ProgressEvent | BaseException | None]
    received = queue.SimpleQueue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(_forward(stream, wanted, received.put, seconds=timeout))

    def run() -> None:
        with suppress(asyncio.CancelledError, DocProgressError):
            loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, name="docprogress-wait", daemon=True)
    thread.start()
    try:
        while True:
            meanwhile()
            try:
                # Short, so that an interrupt is noticed.
                item = received.get(timeout=0.1)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        while thread.is_alive():
            # Repeatedly, since redis-py may swallow a cancellation.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)
            thread.join(CANCEL_SECONDS)


async def _forward(
    stream: RunStream,
    wanted: Callable[[ProgressEvent], bool],
    put: Callable[[ProgressEvent | BaseException | None], None],
    *,
    seconds: float | None,
) -> None:
    """Pass on the wanted events of a stream, then None or an exception."""

    def gather() -> None:
        if stream.unfinished > FEW:
            # Blocks the event loop, which would wake up for each event.
            time.sleep(GATHER_SECONDS)

    stream.pause = gather
    try:
        async with asyncio.timeout(seconds), stream:
            async for event in stream:
                if wanted(event):
                    put(event)
        put(None)
    except TimeoutError:
        left = await asyncio.to_thread(stream.left)
        are = "document is" if left == 1 else "documents are"
        put(TimeoutError(f"{left:,} {are} unfinished after {seconds:g} s"))
    except BaseException as error:
        put(error)
        raise


def as_ended(
    connections: Connections, run: RunRow, timeout: float | None
) -> Iterator[DocumentRow]:
    """Each document of a run as soon as it has ended, completed or not.

    Raises:
        TimeoutError: The run was unfinished after `timeout` seconds.
    """
    ended: set[str] = set()
    stream = RunStream(connections, run, final_only=True)
    for event in iterate_blocking(stream, timeout, wanted=lambda event: event.final):
        if event.document_id not in ended:
            ended.add(event.document_id)
            yield connections.store.documents.get(event.document_id)
