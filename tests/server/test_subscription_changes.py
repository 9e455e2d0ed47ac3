"""Subscriptions to which the server adds subjects while they are active."""

import asyncio
import contextlib
from contextlib import asynccontextmanager

import pytest
from support.events import event
from support.patience import patient
from support.proxy import Proxy
from support.services import Server

from docprogress.bus.bus import Bus

pytestmark = pytest.mark.anyio


class Received:
    """What a subscription has delivered so far, by document."""

    def __init__(self):
        self.events = []
        self.more = asyncio.Condition()

    async def listen(self, subscription):
        async for each in subscription:
            async with self.more:
                self.events.append(each)
                self.more.notify_all()

    def progress(self, document_id):
        return [e.progress for e in self.events if e.document_id == document_id]

    async def until(self, document_id, progress):
        async with asyncio.timeout(patient(20)), self.more:
            await self.more.wait_for(lambda: progress in self.progress(document_id))


@asynccontextmanager
async def listening(bus, *documents, runs=()):
    received = Received()
    async with bus.subscribe(documents, runs=runs) as subscription:
        task = asyncio.create_task(received.listen(subscription))
        try:
            yield subscription, received
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def added(subscription, *documents, **more):
    async with asyncio.timeout(patient(20)):
        await subscription.add(documents, **more)


async def test_added_document_is_delivered_from_its_current_state_on(bus):
    bus.publish(event("b", progress=20.0))
    async with listening(bus, "a") as (subscription, received):
        await added(subscription, "b")
        assert received.progress("b") == [20]
        bus.publish(event("b", progress=30.0))
        await received.until("b", 30)
        bus.publish(event("a", progress=40.0))
        await received.until("a", 40)


async def test_added_run_is_delivered_from_its_current_state_on(bus):
    bus.publish(event("b", run_id="run", progress=20.0))
    async with listening(bus, "a") as (subscription, received):
        await added(subscription, runs=["run"])
        assert received.progress("b") == [20]
        bus.publish(event("c", run_id="run", progress=30.0))
        await received.until("c", 30)


async def test_nothing_is_lost_while_a_document_is_added_over_a_slow_line(
    shared_server, redis_url, short_path
):
    with (
        Bus(redis_url) as bus,
        Proxy(shared_server.socket, short_path / "proxy.sock", delay=0.02) as proxy,
    ):
        async with listening(Bus(proxy.url), "a") as (subscription, received):
            bus.publish(event("a", progress=1.0))
            await received.until("a", 1)
            for trial in range(20):
                document_id = f"d{trial}"
                bus.publish(event(document_id, progress=1.0))
                adding = asyncio.create_task(added(subscription, document_id))
                for progress in range(2, 12):
                    await asyncio.sleep(0.005)
                    bus.publish(event(document_id, progress=float(progress)))
                await adding
                await received.until(document_id, 11)
                delivered = received.progress(document_id)
                assert delivered == sorted(set(delivered))
                assert delivered == list(range(int(delivered[0]), 12))


async def test_many_are_added_at_once(bus):
    ids = [f"d{number}" for number in range(1200)]
    for document_id in ids[::100]:
        bus.publish(event(document_id, progress=50.0))
    async with listening(bus, "a") as (subscription, received):
        await asyncio.gather(
            *(
                added(subscription, *ids[start : start + 7])
                for start in range(0, 1200, 7)
            )
        )
        assert {each.document_id for each in received.events} == set(ids[::100])


async def test_events_of_a_subject_added_twice_are_delivered_once(bus):
    bus.publish(event("b", progress=20.0))
    async with listening(bus, "a") as (subscription, received):
        await added(subscription, "b")
        await added(subscription, "b", "a")
        assert received.progress("b") == [20]


async def test_removed_document_is_no_longer_delivered(bus):
    async with listening(bus, "a", "b") as (subscription, received):
        bus.publish(event("b", progress=20.0))
        await received.until("b", 20)
        await subscription.remove(["b"])
        async with asyncio.timeout(patient(20)):
            while bus.redis.pubsub_numsub("document:b:progress")[0][1]:
                await asyncio.sleep(0.01)
        bus.publish(event("b", progress=30.0))
        bus.publish(event("a", progress=40.0))
        await received.until("a", 40)
        assert received.progress("b") == [20]

        await added(subscription, "b")
        assert received.progress("b") == [20, 30]


async def test_document_added_while_redis_is_unavailable_is_delivered_when_it_is_back(
    server: Server,
):
    async with listening(Bus(server.url), "a") as (subscription, received):
        with Bus(server.url) as bus:
            bus.publish(event("a", progress=10.0))
            await received.until("a", 10)
            server.kill()
            adding = asyncio.create_task(added(subscription, "b"))
            await asyncio.sleep(0.2)
            assert not adding.done()
            server.start()
            bus.publish(event("b", progress=20.0))
            await adding
            await received.until("b", 20)


async def test_connections_that_are_cut_lose_nothing_that_was_added(
    shared_server, redis_url, short_path
):
    with (
        Bus(redis_url) as bus,
        Proxy(shared_server.socket, short_path / "proxy.sock", delay=0.005) as proxy,
    ):
        async with listening(Bus(proxy.url), "a") as (subscription, received):
            for trial in range(8):
                document_id = f"d{trial}"
                bus.publish(event(document_id, progress=1.0))
                adding = asyncio.create_task(added(subscription, document_id))
                await asyncio.sleep(0.004 * trial)
                proxy.cut()
                await adding
                bus.publish(event(document_id, progress=2.0))
                await received.until(document_id, 2)
            for trial in range(8):
                bus.publish(event(f"d{trial}", progress=3.0))
                await received.until(f"d{trial}", 3)


async def test_closing_a_subscription_wakes_every_waiter(server: Server):
    server.kill()
    async with listening(Bus(server.url), "a") as (subscription, _):
        adding = asyncio.create_task(added(subscription, "b"))
        await asyncio.sleep(0.1)
    await adding
