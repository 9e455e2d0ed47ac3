"""Metrics for Prometheus: the process's counters, and numbers from the store."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from docprogress.bus.bus import Bus
from docprogress.errors import BusError, DocProgressError
from docprogress.events import Status
from docprogress.queueing.queue_state import Queue
from docprogress.queueing.queues import queues
from docprogress.queueing.recovery_status import LastRecovery, last_recovery
from docprogress.server.counters import Counters
from docprogress.server.executor import SharedCall
from docprogress.store import Store

#: Seconds for which numbers from the store are reused: counting takes a while.
FRESH_SECONDS = 10.0

#: The timeout of the store, in seconds. Prometheus gives up after ten.
STORE_SECONDS = 3.0


class Stored(NamedTuple):
    """Numbers from the store and from Redis."""

    #: Documents by status.
    documents: dict[Status, int]
    #: How often each step was finished, and the seconds it took in total.
    steps: dict[str, tuple[int, float]]
    #: Documents waiting for a worker.
    queues: list[Queue]
    #: When lost documents were last looked for; None if that is not known.
    look: LastRecovery | None


class Metrics:
    """Collects the metrics on request.

    Args:
        counters: The counters of this process.
        store: Where documents and steps are counted.
        bus: Which queues are served.
        lost_seconds: For how long needed events have not been received.
    """

    def __init__(
        self,
        counters: Counters,
        store: Store,
        bus: Bus,
        lost_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._counters = counters
        self._store = store
        self._bus = bus
        self._lost_seconds = lost_seconds
        self._stored = SharedCall(
            self._count, seconds=STORE_SECONDS, fresh_seconds=FRESH_SECONDS
        )

    async def text(self) -> bytes:
        """All metrics, as Prometheus reads them."""
        try:
            stored = await self._stored()
        except DocProgressError:
            # Leave out numbers that are unknown, rather than repeat old ones.
            stored = None
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(list(self._families(stored))))
        return generate_latest(registry)

    def close(self) -> None:
        """Stop reading the store."""
        self._stored.close()

    def _count(self) -> Stored:
        documents = self._store.documents.counts()
        steps = self._store.results.step_totals()
        try:
            look = last_recovery(self._bus.redis)
        except BusError:
            look = None
        return Stored(
            documents,
            steps,
            queues(self._store, self._bus.redis),
            look,
        )

    def _families(self, stored: Stored | None) -> Iterator[Metric]:
        counters = self._counters
        yield GaugeMetricFamily(
            "docprogress_stream_clients", "Open streams", counters.clients
        )
        yield CounterMetricFamily(
            "docprogress_stream_clients_dropped",
            "Streams dropped because their client read nothing",
            counters.dropped,
        )
        yield CounterMetricFamily(
            "docprogress_events", "Progress events received", counters.events
        )
        yield CounterMetricFamily(
            "docprogress_frames_sent", "Frames sent", counters.frames
        )
        yield CounterMetricFamily(
            "docprogress_uploaded_bytes",
            "Bytes of uploaded documents",
            counters.uploaded,
        )
        requests = CounterMetricFamily(
            "docprogress_requests", "Requests", labels=["method", "status"]
        )
        for (method, status), count in counters.requests.items():
            requests.add_metric([method, status], count)
        yield requests
        buckets, total = counters.latency
        yield HistogramMetricFamily(
            "docprogress_publish_to_send_seconds",
            "Time from the creation of an event to sending it to one client",
            buckets=buckets,
            sum_value=total,
        )
        yield GaugeMetricFamily(
            "docprogress_events_deaf_seconds",
            "For how long events that streams need have not been received",
            self._lost_seconds(),
        )
        if stored is not None:
            yield from _stored_families(stored)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _stored_families(stored: Stored) -> Iterator[Metric]:
    documents = GaugeMetricFamily(
        "docprogress_documents", "Documents in the store", labels=["status"]
    )
    for status in Status:
        # Report zero too: an alert may depend on it.
        documents.add_metric([status.value], stored.documents[status])
    yield documents
    steps = SummaryMetricFamily(
        "docprogress_step_seconds",
        "Duration of finished steps",
        labels=["step"],
    )
    for step, (count, seconds) in stored.steps.items():
        steps.add_metric([step], count_value=count, sum_value=seconds)
    yield steps
    yield from _queue_families(stored.queues)
    if stored.look is not None:
        yield GaugeMetricFamily(
            "docprogress_recovery_last_look_seconds",
            "How long ago a worker last looked for lost documents",
            stored.look.seconds,
        )


def _queue_families(found: Iterable[Queue]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "docprogress_queue_documents",
        "Documents waiting for a worker",
        labels=["queue"],
    )
    oldest = GaugeMetricFamily(
        "docprogress_queue_oldest_seconds",
        "How long the oldest of them has been waiting",
        labels=["queue"],
    )
    served = GaugeMetricFamily(
        "docprogress_queue_served",
        "Whether a worker serves the queue",
        labels=["queue"],
    )
    for queue in found:
        waiting.add_metric([queue.name], queue.documents)
        oldest.add_metric([queue.name], queue.oldest_seconds or 0.0)
        if queue.served is not None:
            served.add_metric([queue.name], queue.served)
    yield from (waiting, oldest, served)
