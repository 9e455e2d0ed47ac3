"""Counters of one server process: plain numbers, changed by the event loop alone."""

from bisect import bisect_left
from collections import Counter

#: The upper bounds of the latency histogram's buckets, in seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counters:
    """Cheap counters for each frame and client."""

    def __init__(self) -> None:
        #: Open streams.
        self.clients = 0
        #: Events that changed a document's state.
        self.events = 0
        #: Frames handed to clients' connections.
        self.frames = 0
        #: Clients dropped because they read nothing.
        self.dropped = 0
        #: Requests by method and status.
        self.requests: Counter[tuple[str, str]] = Counter()
        #: Bytes of uploaded documents.
        self.uploaded = 0
        self._latencies = [0] * (len(BUCKETS) + 1)
        self._latency_sum = 0.0

    def count_latency(self, seconds: float) -> None:
        """Count a frame that was sent this long after its event was published."""
        self._latencies[bisect_left(BUCKETS, seconds)] += 1
        self._latency_sum += seconds

    @property
    def latency(self) -> tuple[list[tuple[str, float]], float]:
        """The latency histogram: cumulative counts by upper bound, and the sum."""
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip(map(str, BUCKETS), self._latencies, strict=False):
            total += count
            buckets.append((bound, total))
        buckets.append(("+Inf", total + self._latencies[-1]))
        return buckets, self._latency_sum
