"""A few threads for calls that block, so that the event loop never does.

Neither the threads nor what waits for them grows with the number of clients.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from docprogress.errors import ServerBusy

T = TypeVar("T")


class SharedCall(Generic[T]):
    """One blocking call at a time, whose answer all who ask meanwhile are given.

    Whoever asks while it hangs waits no longer than the first one, and no thread
    beside its own is ever held up.

    Args:
        function: What is called, in a thread.
        seconds: How long it is waited for; its answer is kept all the same.
        fresh_seconds: For how long its answer, or its error, is given again.
        clock: Seconds that never jump.
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
        self._begun_at = self._ended_at = 0.0

    async def __call__(self) -> T:
        """What the call gives, or raises.

        Raises:
            ServerBusy: It takes too long.
        """
        call = self._call
        if call is None or (
            call.done() and self._clock() >= self._ended_at + self._fresh_seconds
        ):
            call = asyncio.wrap_future(self._executor.submit(self._function))
            call.add_done_callback(self._ended)
            self._call, self._begun_at = call, self._clock()
        left = self._begun_at + self._seconds - self._clock()
        await asyncio.wait([call], timeout=max(left, 0.0))
        if not call.done():
            raise ServerBusy(f"no answer for {self._clock() - self._begun_at:.0f} s")
        return call.result()

    def close(self) -> None:
        """Make no more calls."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _ended(self, call: "asyncio.Future[T]") -> None:
        self._ended_at = self._clock()
        if not call.cancelled():
            call.exception()  # whoever asks is told; nobody may


class BoundedExecutor:
    """Runs blocking calls in at most `count` threads.

    Args:
        count: How many threads there are.
        most: How many calls may be under way or waiting.
        seconds: How long one is waited for; it goes on, and its answer is dropped.
    """

    def __init__(self, count: int, *, most: int, seconds: float) -> None:
        self._executor = ThreadPoolExecutor(count, "docprogress-server")
        self._most = most
        self._seconds = seconds
        self._under_way = 0

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the call gives, or raises.

        Raises:
            ServerBusy: Too many calls wait, or this one takes too long.
        """
        if self._under_way >= self._most:
            raise ServerBusy("the server is busy; try again in a moment")
        self._under_way += 1
        loop = asyncio.get_running_loop()
        future = self._executor.submit(function, *arguments)

        def count(_: Future[T]) -> None:
            # Counted when the call has ended, however long it was waited for.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._ended)

        future.add_done_callback(count)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise ServerBusy(
                f"the store has not answered for {self._seconds:g} s"
            ) from None

    def close(self) -> None:
        """Take no more calls; those that wait are dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _ended(self) -> None:
        self._under_way -= 1
