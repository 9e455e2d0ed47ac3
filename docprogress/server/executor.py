"""Threads for blocking calls, so that the event loop never blocks.

Neither the threads nor the calls that wait for them grow with the number of clients.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from docprogress.errors import ServerBusy

T = TypeVar("T")


class SharedCall(Generic[T]):
    """One blocking call at a time, whose result all concurrent callers share.

    If it hangs, later callers wait no longer than the first one did, and only its own
    thread is blocked.

    Args:
        function: What to call, in a thread.
        seconds: The timeout; the result is kept even if it comes later.
        fresh_seconds: For how long the result, or the error, is reused.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        function: Callable[[], T],
        *,
        seconds: float,
        fresh_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._function = function
        self._seconds = seconds
        self._fresh_seconds = fresh_seconds
        self._clock = clock
        self._executor = ThreadPoolExecutor(1, "docprogress-server")
        self._call: asyncio.Future[T] | None = None
        self._started_at = self._ended_at = 0.0

    async def __call__(self) -> T:
        """The result of the call, or its error.

        Raises:
            ServerBusy: The call timed out.
        """
        call = self._call
        if call is None or (
            call.done() and self._clock() >= self._ended_at + self._fresh_seconds
        ):
            call = asyncio.wrap_future(self._executor.submit(self._function))
            call.add_done_callback(self._on_done)
            self._call, self._started_at = call, self._clock()
        left = self._started_at + self._seconds - self._clock()
        await asyncio.wait([call], timeout=max(left, 0.0))
        if not call.done():
            raise ServerBusy(
                f"no response for {self._clock() - self._started_at:.0f} s"
            )
        return call.result()

    def close(self) -> None:
        """Make no more calls."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _on_done(self, call: "asyncio.Future[T]") -> None:
        self._ended_at = self._clock()
        if not call.cancelled():
            call.exception()  # retrieved here, because no caller may be waiting


class BoundedExecutor:
    """Runs blocking calls in a few threads.

    Args:
        threads: How many threads there are.
        max_pending: How many calls may be running or waiting.
        seconds: The timeout of a call. The call continues, but its result is dropped.
    """

    def __init__(self, threads: int, *, max_pending: int, seconds: float) -> None:
        self._executor = ThreadPoolExecutor(threads, "docprogress-server")
        self._max_pending = max_pending
        self._seconds = seconds
        self._pending = 0

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of the call, or its error.

        Raises:
            ServerBusy: Too many calls are waiting, or this one timed out.
        """
        if self._pending >= self._max_pending:
            raise ServerBusy("the server is busy; try again in a moment")
        self._pending += 1
        loop = asyncio.get_running_loop()
        future = self._executor.submit(function, *arguments)

        def on_done(_: Future[T]) -> None:
            # Counted when the call has ended, not when its timeout has passed.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._on_done)

        future.add_done_callback(on_done)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise ServerBusy(
                f"the store has not responded for {self._seconds:g} s"
            ) from None

    def close(self) -> None:
        """Accept no more calls, and drop those that wait."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _on_done(self) -> None:
        self._pending -= 1
