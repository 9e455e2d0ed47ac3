import asyncio
import gc
import json
import os
import signal
import threading
import warnings
from contextlib import aclosing

import pytest
from support.events import completed, event
from support.patience import patient
from support.proxy import Proxy
from support.services import Server, eventually

from docprogress.bus.bus import Bus
from docprogress.errors import BusError, EventError, HandedBack, Superseded
from docprogress.events import FINAL_NUMBER, Status, decode

pytestmark = pytest.mark.anyio


async def next_of(events):
    async with asyncio.timeout(patient(30)):
        return await anext(events)


async def subscribed(events):
    """Iterate until Redis has confirmed the subscription; nothing is delivered yet."""
    listening = asyncio.ensure_future(anext(events))
    async with asyncio.timeout(patient(30)):
        while not events.connected:
            await asyncio.sleep(0.01)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening


async def nothing_more(events):
    async with asyncio.timeout(patient(60)):
        while True:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await anext(events)
            if events.connected:
                return


async def nothing_before(adding, events):
    """Iterate until documents are added; nothing is delivered meanwhile, or after."""
    while not adding.done():
        await nothing_more(events)
    await nothing_more(events)
    await adding


async def test_subscriber_receives_the_current_state_then_updates(bus):
    bus.publish(event(progress=10.0))

    async with aclosing(bus.subscribe(["a"])) as received:
        assert (await next_of(received)).progress == 10
        bus.publish(event(progress=20.0))
        assert (await next_of(received)).progress == 20
        bus.publish(completed())
        assert (await next_of(received)).final


async def test_events_are_numbered_by_redis_within_their_attempt(bus):
    first = bus.publish(event()).event
    second = bus.publish(event()).event
    third = bus.publish(event(attempt=2)).event

    assert first.position < second.position < third.position
    assert third.position[0] == 2


async def test_an_old_attempt_cannot_write_after_a_new_one_has_begun(bus):
    bus.publish(event(attempt=1))
    bus.publish(event(attempt=2))

    with pytest.raises(Superseded):
        bus.publish(event(attempt=1))
    assert len(bus.history("a")) == 2


async def test_nothing_of_an_attempt_follows_its_final_event(bus):
    bus.publish(event())
    end = bus.publish(completed()).event

    assert end.position == (1, FINAL_NUMBER)
    with pytest.raises(Superseded):
        bus.publish(event(progress=50.0))
    with pytest.raises(Superseded):
        bus.publish(event(status=Status.FAILED, error="late"))
    assert bus.publish(event(attempt=2)).event.position[0] == 2


async def test_queued_state_is_not_published_once_a_worker_has_published(bus):
    queued = event(status=Status.QUEUED, progress=0.0)
    bus.publish_all([queued], only_if_queued=True)
    bus.publish(queued.replace(message="Waiting for a worker"), only_if_queued=True)
    bus.publish(event(progress=10.0))

    with pytest.raises(Superseded):
        bus.publish(queued, only_if_queued=True)
    bus.publish_all([queued, event("b", status=Status.QUEUED)], only_if_queued=True)
    assert [delivered.progress for delivered in bus.history("a")] == [0, 0, 10]
    assert len(bus.history("b")) == 1

    bus.publish(queued.replace(progress=10.0))  # handed back
    bus.publish(queued.replace(progress=10.0), only_if_queued=True)
    bus.publish(completed())
    bus.publish(queued.replace(attempt=2), only_if_queued=True)
    assert [delivered.attempt or 1 for delivered in bus.history("a")] == [1] * 6 + [2]


async def test_a_run_publishes_all_its_documents_on_one_channel(bus):
    bus.publish(event("a", run_id="r"))
    bus.publish(event("b", run_id="r"))
    bus.publish(event("c", run_id="other"))

    async with aclosing(bus.subscribe(runs=["r"])) as received:
        assert {(await next_of(received)).document_id for _ in range(2)} == {"a", "b"}
        bus.publish(completed("b", run_id="r"))
        assert (await next_of(received)).final
        await nothing_more(received)


async def test_subscribers_of_a_document_and_its_run_receive_each_event_once(bus):
    async with aclosing(bus.subscribe(["a"], runs=["r"])) as received:
        await subscribed(received)
        bus.publish(event(run_id="r"))
        assert (await next_of(received)).document_id == "a"
        await nothing_more(received)


async def test_a_plain_publish_of_seven_fields_is_understood(bus):
    seven = {
        "document_id": "a",
        "status": "processing",
        "step": "ocr",
        "progress": 25,
        "message": "Page 1",
        "timestamp": "2026-01-01T12:00:00+00:00",
        "error": None,
    }
    async with aclosing(bus.subscribe(["a"])) as received:
        await subscribed(received)
        for progress in (25, 50, 100):
            bus.redis.publish(
                "document:a:progress", json.dumps(seven | {"progress": progress})
            )

        delivered = [await next_of(received) for _ in range(3)]

    assert [one.progress for one in delivered] == [25, 50, 100]
    assert [one.final for one in delivered] == [False, False, True]


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[" * 100_000,
        b'{"document_id": "a"}',
        event(progress=30.0).encode().replace(b"30.0", b"1e999"),
        event("somebody else").encode(),
    ],
    ids=["empty", "no text", "null", "deep", "incomplete", "infinite", "another's"],
)
async def test_invalid_events_are_counted_and_skipped(bus, junk):
    async with aclosing(bus.subscribe(["a"])) as received:
        await subscribed(received)
        bus.redis.publish("document:a:progress", junk)
        bus.publish(event(progress=40.0))

        assert (await next_of(received)).progress == 40
        assert received.invalid == 1


async def test_unknown_fields_are_kept(bus):
    raw = json.loads(event().encode()) | {"colour": "red"}
    async with aclosing(bus.subscribe(["a"])) as received:
        await subscribed(received)
        bus.redis.publish("document:a:progress", json.dumps(raw))

        delivered = await next_of(received)

    assert delivered.extra == {"colour": "red"}
    assert json.loads(delivered.encode())["colour"] == "red"


async def test_since_replays_exactly_what_was_missed(bus):
    delivered = [bus.publish(event(progress=float(n))).event for n in range(5)]

    async with aclosing(bus.subscribe(["a"], since=delivered[1].id)) as received:
        missed = [await next_of(received) for _ in range(3)]
        await nothing_more(received)

    assert [one.id for one in missed] == [one.id for one in delivered[2:]]


async def test_since_an_expired_event_delivers_the_current_state(bus):
    bus.publish(event(progress=1.0))
    bus.redis.flushall()
    bus.publish(event(progress=7.0, attempt=2))

    async with aclosing(bus.subscribe(["a"], since="1-0")) as received:
        assert (await next_of(received)).progress == 7
        await nothing_more(received)


async def test_channels_added_to_a_replay_deliver_their_current_state(
    server: Server,
):
    """Events are replayed of the one document only, also where the line was lost."""
    with Bus(server.url) as bus:
        delivered = [bus.publish(event("a", progress=float(n))).event for n in range(4)]
        others = [bus.publish(event("b", progress=float(n))).event for n in range(3)]
        bus.publish(event("c", run_id="r"))

        async with aclosing(bus.subscribe(["a"], since=delivered[1].id)) as received:
            seen = [await next_of(received) for _ in range(2)]
            adding = asyncio.create_task(received.add(["b"], runs=["r"]))
            seen += [await next_of(received) for _ in range(2)]
            await nothing_before(adding, received)
            assert [one.id for one in seen[:3]] == [
                delivered[2].id,
                delivered[3].id,
                others[2].id,
            ]
            assert seen[3].document_id == "c"

            bus.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            missed = [bus.publish(event("a", progress=5.0 + n)).event for n in range(2)]
            end = bus.publish(completed("b")).event
            seen = [await next_of(received) for _ in range(3)]
            await nothing_more(received)

        assert sorted(one.id for one in seen) == sorted(
            [*(one.id for one in missed), end.id]
        )


async def test_a_document_that_was_removed_is_not_replayed_when_it_is_added_again(bus):
    delivered = [bus.publish(event("a", progress=float(n))).event for n in range(3)]
    async with aclosing(bus.subscribe(["a"], since=delivered[0].id)) as received:
        assert [(await next_of(received)).id for _ in range(2)] == [
            one.id for one in delivered[1:]
        ]
        adding = asyncio.create_task(received.add(["b"]))
        await nothing_before(adding, received)
        await received.remove(["a"])
        adding = asyncio.create_task(received.add(["a"]))

        assert (await next_of(received)).id == delivered[2].id
        await nothing_before(adding, received)


async def test_the_publisher_learns_of_a_cancel_with_its_next_event(bus):
    assert not bus.publish(event()).cancelled

    bus.request_cancel({"a": 1})

    assert bus.publish(event()).cancelled
    assert not bus.publish(event(attempt=2)).cancelled


async def test_a_lost_connection_is_restored_with_the_current_state(server: Server):
    with Bus(server.url) as bus:
        bus.publish(event(progress=10.0))
        async with aclosing(bus.subscribe(["a"])) as received:
            await next_of(received)
            bus.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            bus.publish(event(progress=20.0))

            assert (await next_of(received)).progress == 20
            assert received.connected
            assert received.lost_at is None


async def test_a_redis_that_came_back_empty_is_not_mistaken_for_old_news(
    server: Server,
):
    with Bus(server.url) as bus:
        for progress in range(10):
            bus.publish(event(progress=float(progress)))
        async with aclosing(bus.subscribe(["a"])) as received:
            assert (await next_of(received)).progress == 9

            server.kill()
            waiting = asyncio.ensure_future(next_of(received))
            while received.connected:
                await asyncio.sleep(0.01)
            assert received.lost_at is not None
            server.start()
            bus.publish(event(progress=11.0))

            assert (await waiting).progress == 11
            bus.publish(event(progress=12.0))
            assert (await next_of(received)).progress == 12


def test_an_interrupted_wait_for_redis_costs_nothing_that_follows(server):
    """Publish as a worker that gets a signal in the middle of it."""

    def interrupt(*_):
        raise HandedBack("this worker stops")

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with Bus(server.url) as bus:
            writer = bus.new_publisher()
            writer.publish(event())
            server.pause()
            writer.publish_nowait(event(progress=11.0))
            writer.publish_nowait(event(progress=12.0))
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
            timer.start()
            with pytest.raises(HandedBack):
                writer.collect()
            timer.join()
            server.resume()

            with pytest.raises(BusError, match="dropped"):
                writer.collect()
            writer.publish_nowait(event(progress=13.0))
            [delivered] = writer.collect()
            writer.close()

            [newest] = bus.newest(["a"]).values()
            assert (delivered.event.progress, delivered.event.id) == (13.0, newest.id)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_replies_around_a_superseded_event_are_all_collected(bus):
    publisher = bus.new_publisher()
    bus.publish(event(document_id="b", attempt=2))
    bus.request_cancel({"a": 1})
    for document_id in ("a", "b", "c"):
        publisher.publish_nowait(event(document_id=document_id, attempt=1))

    first, second, third = publisher.collect()
    publisher.close()

    assert (first.event.document_id, first.cancelled) == ("a", True)
    assert isinstance(second, Superseded)
    assert (second.document_id, second.attempt) == ("b", 1)
    assert (third.event.document_id, third.cancelled) == ("c", False)


async def test_a_silent_redis_is_noticed(server: Server):
    with Bus(server.url) as bus:
        bus.publish(event())
        async with aclosing(bus.subscribe(["a"])) as received:
            await next_of(received)
            server.pause()
            waiting = asyncio.ensure_future(next_of(received))
            async with asyncio.timeout(patient(20)):
                while received.connected:
                    await asyncio.sleep(0.01)
            server.resume()
            bus.publish(event(progress=33.0))

            assert (await waiting).progress == 33


async def test_reconciling_delivers_what_redis_has_not(bus):
    end = completed(attempt=1, id=f"1-{FINAL_NUMBER}")
    bus.publish(event(progress=50.0))

    async with aclosing(
        bus.subscribe(["a"], reconcile=lambda delivered: [end])
    ) as received:
        delivered = [await next_of(received), await next_of(received)]

    assert [one.status for one in delivered] == [Status.PROCESSING, Status.COMPLETED]


async def test_final_only_skips_intermediate_events_of_a_first_attempt(bus):
    first = event(run_id="r", attempt=1, worker="w")
    bus.publish(first)

    async with aclosing(bus.subscribe(runs=["r"], final_only=True)) as received:
        assert (await next_of(received)).progress == 10
        bus.publish(first.replace(progress=20.0))
        bus.publish(completed(run_id="r", attempt=1))
        assert (await next_of(received)).final
        # Any event that contradicts the end is delivered.
        bus.publish(event(run_id="r", attempt=2, status=Status.QUEUED, progress=0.0))
        assert (await next_of(received)).status is Status.QUEUED
        bus.publish(event(run_id="r", attempt=2, progress=30.0))
        assert (await next_of(received)).progress == 30
        await nothing_more(received)


async def test_a_final_event_mistaken_for_an_intermediate_one_is_reconciled(bus):
    delivered = []
    async with aclosing(
        bus.subscribe(runs=["r"], final_only=True, reconcile=lambda _: list(delivered))
    ) as received:
        await subscribed(received)
        end = completed(
            run_id="r", attempt=1, worker="w", extra={"was": {"status": "processing"}}
        )
        delivered.append(bus.publish(end).event)

        assert (await next_of(received)).final


async def test_events_that_arrive_during_a_pause_are_delivered_in_order(bus):
    # More than is read from a socket at once, so that a message is cut in two.
    count, padding = 300, "x" * 1000
    pauses = []

    def pause():
        if not pauses:
            for number in range(count):
                bus.publish(event(progress=number / 10, message=padding))
        pauses.append(None)

    async with aclosing(bus.subscribe(["a"], pause=pause)) as received:
        await subscribed(received)
        waiting = asyncio.create_task(next_of(received))
        await asyncio.sleep(0.05)
        bus.publish(event(progress=0.0))
        await waiting
        delivered = [(await next_of(received)).progress for _ in range(count)]

    assert delivered == [number / 10 for number in range(count)]
    # Not after each of them: what is there already is not waited for.
    assert len(pauses) < count / 2


async def test_an_old_attempt_is_not_delivered_after_a_reconciled_new_one(bus):
    new = event(attempt=2, status=Status.QUEUED, progress=0.0)

    async with aclosing(
        bus.subscribe(["a"], reconcile=lambda delivered: [new])
    ) as received:
        assert (await next_of(received)).attempt == 2
        bus.publish(event(attempt=1, progress=20.0))
        bus.publish(event(attempt=2, progress=30.0))

        assert (await next_of(received)).progress == 30


async def test_an_id_repeated_by_an_emptied_redis_is_delivered(bus):
    first = bus.publish(event(progress=10.0)).event
    async with aclosing(bus.subscribe(["a"])) as received:
        await next_of(received)
        bus.redis.flushall()
        again = bus.publish(event(progress=20.0)).event

        assert again.id == first.id
        assert (await next_of(received)).progress == 20


async def test_reconciling_continues_while_redis_is_unreachable(server: Server):
    server.kill()
    end = completed(attempt=1, id=f"1-{FINAL_NUMBER}")
    with Bus(server.url) as bus:
        async with aclosing(
            bus.subscribe(["a"], reconcile=lambda delivered: [end])
        ) as received:
            assert (await next_of(received)).final
            assert not received.connected
    server.start()


async def test_waiting_may_be_given_up_and_taken_up_again(bus):
    async with aclosing(bus.subscribe(["a"])) as received:
        for _ in range(5):
            await nothing_more(received)
        bus.publish(event())
        assert (await next_of(received)).document_id == "a"


async def test_leaving_closes_the_connections(bus):
    def watchers():
        clients = bus.redis.client_list()
        return [one for one in clients if one["name"] == "docprogress-watcher"]

    async with aclosing(bus.subscribe(["a"])) as received:
        await subscribed(received)
        assert watchers()

    eventually(lambda: not watchers())


@pytest.mark.parametrize("cancels", [False, True])
async def test_closing_at_any_moment_leaves_no_connection_open(
    server: Server, short_path, cancels
):
    async def close_after(seconds, url):
        with Bus(url) as slow:
            events = slow.subscribe(runs=["r"])
            listening = asyncio.ensure_future(anext(events, None))
            await asyncio.sleep(seconds)
            await events.aclose()
            if cancels:
                listening.cancel()
            await asyncio.wait([listening])

    with Proxy(server.socket, short_path / "slow.sock", delay=0.02) as proxy:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for hundredths in range(30):
                await close_after(hundredths / 100, proxy.url)
            gc.collect()

    assert [str(each.message) for each in caught] == []


async def test_an_unreachable_redis_is_reported_without_secrets():
    with Bus("redis://user:secret-word@127.0.0.1:1/0") as bus:
        with pytest.raises(BusError) as caught:
            bus.publish(event())

    assert "secret-word" not in str(caught.value)
    assert "secret-word" not in repr(bus)


async def test_a_foreign_value_under_our_key_is_an_error_and_no_crash(bus):
    bus.redis.set("document:a:progress", "not a stream")

    with pytest.raises(BusError):
        bus.publish(event())


def test_ids_that_are_not_ours_are_refused():
    raw = json.loads(event().encode()) | {"id": "x"}

    with pytest.raises(EventError):
        decode(json.dumps(raw))


def long_event(number, **changes):
    message = f"Extracting page {number} of 2000" + " of an appendix" * 10
    return event(progress=number / 21, message=message, run_id="r", **changes)


async def test_of_an_attempt_that_has_ended_the_last_few_dozen_events_are_kept(bus):
    key = "document:a:progress"
    delivered = [bus.publish(long_event(number)).event for number in range(1000)]
    assert len(bus.history("a")) >= 256
    at_work = bus.redis.memory_usage(key, samples=0)

    end = bus.publish(completed(run_id="r")).event

    kept = [*delivered[-31:], end]
    assert [one.id for one in bus.history("a")] == [one.id for one in kept]
    assert bus.redis.memory_usage(key, samples=0) < at_work / 4
    # A subscriber that lost its connection gets everything it missed.
    async with aclosing(bus.subscribe(["a"], since=kept[3].id)) as received:
        missed = [await next_of(received) for _ in kept[4:]]
        await nothing_more(received)
    assert [one.id for one in missed] == [one.id for one in kept[4:]]
    # And who has for longer, the present.
    async with aclosing(bus.subscribe(["a"], since=delivered[500].id)) as received:
        assert (await next_of(received)).id == end.id
        await nothing_more(received)


async def test_a_document_that_is_tried_again_keeps_how_the_attempt_before_ended(bus):
    for number in range(300):
        bus.publish(long_event(number, attempt=1))
    bus.publish(event(attempt=2, status=Status.QUEUED, progress=0.0))  # it was lost
    assert len(bus.history("a")) == 32
    failed = event(attempt=2, status=Status.FAILED, error="page 3 is torn")
    bus.publish(failed)
    bus.publish(event(attempt=3, status=Status.QUEUED, progress=0.0))
    bus.publish(event(attempt=3))
    bus.publish(completed(attempt=3))

    history = bus.history("a")

    assert len(history) == 32
    assert [one.error for one in history if one.status is Status.FAILED] == [
        "page 3 is torn"
    ]
