"""Limits on what one client may request, so that it cannot harm the others.

A client is an IP address. The number of addresses remembered is limited as well.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from docprogress.errors import TooManyRequests

#: Addresses whose request rate is remembered.
MAX_ADDRESSES = 10_000

#: Seconds after which a client that was refused a stream may try again.
RETRY_SECONDS = 5.0


class RateLimiter:
    """Counts the requests and the streams of each address.

    Args:
        streams: The maximum number of streams in total.
        streams_each: The maximum number of streams of one address.
        per_second: Requests per second and address, on average.
        burst: Requests that an address may send at once.
        clock: A monotonic clock, in seconds.
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
        # The tokens of each address's bucket, and when that was computed.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, address: str, cost: float = 1.0) -> None:
        """Count a request.

        Raises:
            TooManyRequests: The address has used up its allowance.
        """
        at = self._clock()
        tokens, since = self._buckets.pop(address, (self._burst, at))
        tokens = min(self._burst, tokens + (at - since) * self._per_second)
        allowed = tokens >= cost
        self._buckets[address] = (tokens - cost if allowed else tokens, at)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = (cost - tokens) / self._per_second
            raise TooManyRequests("too many requests from this address", wait)

    def open_stream(self, address: str) -> None:
        """Count a stream that opens; `close_stream` must follow.

        Raises:
            TooManyRequests: The limit is reached.
        """
        if self._open[address] >= self._streams_each:
            raise TooManyRequests(
                f"this address has {self._streams_each} open streams, which is the "
                "limit; request several documents in one stream",
                RETRY_SECONDS,
            )
        if self._total >= self._streams:
            raise TooManyRequests(
                "the server's limit of streams is reached", RETRY_SECONDS
            )
        self._open[address] += 1
        self._total += 1

    def close_stream(self, address: str) -> None:
        """Count a stream that has closed."""
        self._total -= 1
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
