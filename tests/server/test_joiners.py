"""Late subscribers get the current state, then every event, and never go back."""

import asyncio
import random
import threading
import time
from contextlib import aclosing

import pytest
from support.patience import patient
from support.proxy import Proxy
from support.services import Server

from docprogress.bus.bus import Bus
from docprogress.events import ProgressEvent, Status, now

pytestmark = pytest.mark.anyio

PUBLISHERS = 20
EVENTS = 60


def publish(url, document_id, stop):
    """Tell a document's whole story, an event every few milliseconds."""
    with Bus(url) as bus:
        for number in range(EVENTS):
            last = number == EVENTS - 1
            bus.publish(
                ProgressEvent(
                    document_id=document_id,
                    run_id="r",
                    status=Status.COMPLETED if last else Status.PROCESSING,
                    step="extraction",
                    progress=100.0 if last else number * 100 / EVENTS,
                    message=str(number),
                    timestamp=now(),
                    attempt=1,
                )
            )
            stop.wait(random.uniform(0.02, 0.08))


async def join(url, document_ids, runs, wanted):
    """Follow each document to its end. Returns the messages received, by document."""
    await asyncio.sleep(random.uniform(0, 3))
    received = {document_id: [] for document_id in wanted}
    ended = set()
    async with aclosing(Bus(url).subscribe(document_ids, runs=runs)) as events:
        while ended != wanted:
            event = await anext(events)
            received[event.document_id].append(int(event.message))
            if event.final:
                ended.add(event.document_id)
    return received


@pytest.mark.parametrize("count", [100, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("bad_line", [False, True], ids=["plain", "slow-and-cut"])
async def test_no_joiner_misses_anything_or_goes_back(server: Server, bad_line, count):
    documents = [f"d{number}" for number in range(PUBLISHERS)]
    stop = threading.Event()
    threads = [
        threading.Thread(target=publish, args=(server.url, document_id, stop))
        for document_id in documents
    ]
    path = server.socket.with_name("proxy.sock")
    with Proxy(server.socket, path, delay=0.02 if bad_line else 0.0) as proxy:
        for thread in threads:
            thread.start()
        joiners = []
        for number in range(count):
            if number % 10 == 0:
                joiners.append(join(proxy.url, [], ["r"], set(documents)))
            else:
                one = random.choice(documents)
                joiners.append(join(proxy.url, [one], [], {one}))
        cuts = asyncio.ensure_future(_cut(proxy, threads)) if bad_line else None
        try:
            async with asyncio.timeout(patient(120)):
                received = await asyncio.gather(*joiners)
        finally:
            stop.set()
            if cuts:
                cuts.cancel()
            for thread in threads:
                thread.join()

    assert len(received) == count
    for delivered in received:
        for numbers in delivered.values():
            assert numbers[-1] == EVENTS - 1
            assert numbers == sorted(set(numbers)), "went back, or delivered twice"
            if not bad_line:
                assert numbers == list(range(numbers[0], EVENTS)), "a gap"


async def _cut(proxy, threads):
    """Cut every line again and again, until the stories are delivered.

    Not for ever: a machine that is slow enough gets nobody connected between two.
    """
    cuts = 0
    while cuts < 5 or any(thread.is_alive() for thread in threads):
        await asyncio.sleep(random.uniform(1.0, 2.0))
        proxy.cut()
        cuts += 1


async def test_an_event_between_subscribing_and_reading_the_state_is_delivered(
    server: Server,
):
    """The classic gap: the slow line makes it wide enough to fall into."""
    path = server.socket.with_name("proxy.sock")
    missed = 0
    with Proxy(server.socket, path, delay=0.02) as proxy, Bus(server.url) as bus:
        for number in range(20):
            document_id = f"d{number}"
            done = threading.Event()

            def story(document_id=document_id, done=done):
                base = ProgressEvent(
                    document_id=document_id,
                    status=Status.PROCESSING,
                    step="s",
                    progress=1.0,
                    message="1",
                    timestamp=now(),
                )
                for percent in range(2, 10):
                    bus.publish(base.replace(progress=float(percent), timestamp=now()))
                    time.sleep(0.01)
                bus.publish(
                    base.replace(
                        status=Status.COMPLETED, progress=100.0, timestamp=now()
                    )
                )
                done.set()

            async with aclosing(Bus(proxy.url).subscribe([document_id])) as events:
                thread = threading.Thread(target=story)
                thread.start()
                last = None
                async with asyncio.timeout(patient(10)):
                    while last is None or not last.final:
                        before = last.progress if last else 0
                        last = await anext(events)
                        missed += (
                            bool(before and last.progress - before > 1.5)
                            and not last.final
                        )
                thread.join()
    assert missed == 0
