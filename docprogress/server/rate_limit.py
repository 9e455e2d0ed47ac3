"""How much one client may ask for, so that it cannot harm the others.

A client is an address.  What is remembered of addresses is bounded as well.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from docprogress.errors import TooManyRequests

#: Addresses whose rate is remembered.
MOST_ADDRESSES = 10_000


class RateLimiter:
    """Counts what each address has, and does.

    Args:
        streams: How many streams there may be in all.
        streams_each: How many of them one address may have.
        per_second: Requests a second and address, on average.
        burst: Requests that may come at once.
        clock: Seconds that never jump.
    """

    def __init__(
        self,
        *,
        streams: int,
        streams_each: int,
        per_second: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._streams = streams
        self._streams_each = streams_each
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._total = 0
        # What each address has left, and when that was so.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, address: str, cost: float = 1.0) -> None:
        """Count a request.

        Raises:
            TooManyRequests: The address has spent what it had.
        """
        at = self._clock()
        left, since = self._left.pop(address, (self._burst, at))
        left = min(self._burst, left + (at - since) * self._per_second)
        enough = left >= cost
        self._left[address] = (left - cost if enough else left, at)
        if len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        if not enough:
            wait = (cost - left) / self._per_second
            raise TooManyRequests("too many requests from this address", wait)

    def enter(self, address: str) -> None:
        """Count a stream that opens; `leave` has to follow.

        Raises:
            TooManyRequests: There are as many as there may be.
        """
        if self._open[address] >= self._streams_each:
            raise TooManyRequests(
                f"this address has {self._streams_each} streams open, the most that "
                "it may have; watch many documents over one",
                RETRY_SECONDS,
            )
        if self._total >= self._streams:
            raise TooManyRequests("the server has no stream left", RETRY_SECONDS)
        self._open[address] += 1
        self._total += 1

    def leave(self, address: str) -> None:
        """Count a stream that has closed."""
        self._total -= 1
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


#: Seconds after which a client that was given no stream may try again.
RETRY_SECONDS = 5.0
