"""What it costs to publish an event, and how long until it arrives."""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from statistics import median

import redis
from measuring import Row, compared, interleaved, percentile
from surroundings import server

from docprogress import Bus, ProgressEvent, Status
from docprogress.bus.keys import document_channel
from docprogress.events import now

#: Seconds between two events whose delay is measured.
PACE = 0.003

#: What every measured event has: all that a worker says.
EVENT = ProgressEvent(
    document_id="20260101-120000-abcdef-0001",
    run_id="20260101-120000-abcdef",
    case_id="case-17",
    name="manual-0001.pdf",
    status=Status.PROCESSING,
    step="extraction",
    progress=12.5,
    message="Extracting page 12 of 200",
    timestamp=now(),
    attempt=1,
    current=12,
    total=200,
    unit="page",
    worker="machine:12345",
)
CHANNEL = document_channel(EVENT.document_id)


def publish(rounds: int, events: int) -> Iterator[Row]:
    """`Bus.publish`, beside a plain `PUBLISH` of the same bytes by the same client.

    The plain one is given the bytes; ours makes them, remembers the event twice,
    publishes it on two channels and learns of cancels.
    """
    alone = EVENT.replace(document_id="a-document-without-a-run", run_id=None)
    with server() as url, Bus(url) as bus:
        raw = EVENT.encode()
        ours, without_run, plain = interleaved(
            rounds,
            lambda: _microseconds(lambda: bus.publish(EVENT), events),
            lambda: _microseconds(lambda: bus.publish(alone), events),
            lambda: _microseconds(lambda: bus.redis.publish(CHANNEL, raw), events),
        )
    what = "Bus.publish, beside PUBLISH"
    yield compared(what, ours, plain, unit="µs", at_most=2)
    yield compared(f"{what}, without a run", without_run, plain, unit="µs")


def subscribe(rounds: int, events: int) -> Iterator[Row]:
    """From before an event is made until `bus.subscribe` gives it.

    Beside a program written by hand: `json.dumps`, `PUBLISH`, the asynchronous
    client of redis-py, `json.loads`.  Both publish from another process.
    """
    with server() as url, Bus(url) as bus:
        bus.publish(EVENT)
        ours, plain = interleaved(
            rounds,
            lambda: asyncio.run(_delays(bus, url, events)),
            lambda: asyncio.run(_delays_by_hand(url, events)),
        )
    for share, name in ((0.50, "p50"), (0.99, "p99")):
        yield compared(
            f"published to received, {name}, beside redis.asyncio",
            [percentile(waits, share) for waits in ours],
            [percentile(waits, share) for waits in plain],
            unit="µs",
            at_most=1.5,
        )


def _microseconds(call: Callable[[], object], times: int) -> float:
    """What one call takes: the median of ten stretches of them."""
    stretch = max(1, times // 10)
    taken = []
    for _ in range(10):
        started = time.perf_counter()
        for _ in range(stretch):
            call()
        taken.append((time.perf_counter() - started) / stretch)
    return median(taken) * 1e6


async def _delays(bus: Bus, url: str, events: int) -> list[float]:
    waits: list[float] = []
    async with bus.subscribe([EVENT.document_id]) as events_received:
        # The present: from now on it is connected.
        await anext(events_received)
        with _publisher(_publish, url, events):
            while len(waits) < events:
                event = await anext(events_received)
                waits.append(_since(event.message))
    return waits


async def _delays_by_hand(url: str, events: int) -> list[float]:
    waits: list[float] = []
    async with redis.asyncio.Redis.from_url(url) as client, client.pubsub() as pubsub:
        await pubsub.subscribe(CHANNEL)
        async with aclosing(pubsub.listen()) as events_received:
            # The confirmation.
            await anext(events_received)
            with _publisher(_publish_by_hand, url, events):
                while len(waits) < events:
                    message = await anext(events_received)
                    waits.append(_since(json.loads(message["data"])["message"]))
    return waits


class _publisher:  # noqa: N801 - reads as a function
    """Another process, within whose life the events are published."""

    def __init__(
        self, target: Callable[[str, int], None], url: str, events: int
    ) -> None:
        # Not forked: the event loop of this process is nothing for it.
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=target, args=(url, events), daemon=True)

    def __enter__(self) -> None:
        self._process.start()

    def __exit__(self, *_: object) -> None:
        self._process.join()


def _publish(url: str, events: int) -> None:
    with Bus(url) as bus:
        bus.redis.ping()
        for _ in range(events):
            time.sleep(PACE)
            bus.publish(EVENT.replace(message=_stamp()))


def _publish_by_hand(url: str, events: int) -> None:
    fields = EVENT.to_dict()
    with redis.Redis.from_url(url) as client:
        client.ping()
        for _ in range(events):
            time.sleep(PACE)
            client.publish(CHANNEL, json.dumps(fields | {"message": _stamp()}))


def _stamp() -> str:
    # One clock for all processes of a machine.
    return str(time.clock_gettime_ns(time.CLOCK_MONOTONIC))


def _since(stamp: str) -> float:
    return (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - int(stamp)) / 1e3
