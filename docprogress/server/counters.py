"""What the server counts about itself: plain numbers, changed by the event loop alone.

Counting costs next to nothing, so that it may be done for each frame and client.
"""

from bisect import bisect_left
from collections import Counter

#: The upper bounds, in seconds, of the latency histogram.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counters:
    """The counters of one server process."""

    def __init__(self) -> None:
        #: Streams that are open.
        self.clients = 0
        #: Events that were heard and were news.
        self.events = 0
        #: Frames that were handed to clients' connections.
        self.frames = 0
        #: Clients that were dropped because they took nothing.
        self.dropped = 0
        #: Requests by method and status.
        self.requests: Counter[tuple[str, str]] = Counter()
        #: Bytes of documents that were uploaded.
        self.uploaded = 0
        self._latencies = [0] * (len(BUCKETS) + 1)
        self._latency_sum = 0.0

    def sent(self, seconds: float) -> None:
        """Count a frame that was sent so long after its event was published."""
        self._latencies[bisect_left(BUCKETS, seconds)] += 1
        self._latency_sum += seconds

    @property
    def latency(self) -> tuple[list[tuple[str, float]], float]:
        """The latency histogram: cumulated counts by upper bound, and the sum."""
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip(map(str, BUCKETS), self._latencies, strict=False):
            total += count
            buckets.append((bound, total))
        buckets.append(("+Inf", total + self._latencies[-1]))
        return buckets, self._latency_sum
