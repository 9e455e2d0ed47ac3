"""A few threads for calls that block, so that the event loop never does.

Neither the threads nor what waits for them grows with the number of clients.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from docprogress.errors import TransientError

T = TypeVar("T")


class BusyError(TransientError):
    """Raised when too much waits already, or an answer does not come in time."""


class Threads:
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
            BusyError: Too many calls wait, or this one takes too long.
        """
        if self._under_way >= self._most:
            raise BusyError("the server is busy; try again in a moment")
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
            raise BusyError(
                f"the store has not answered for {self._seconds:g} s"
            ) from None

    def close(self) -> None:
        """Take no more calls; those that wait are dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _ended(self) -> None:
        self._under_way -= 1
