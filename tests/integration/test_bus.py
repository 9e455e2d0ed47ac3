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
    """Iterate until Redis has confirmed the subscription; nothing is told yet."""
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
    """Iterate until documents are added; nothing is told meanwhile, or after."""
    while not adding.done():
        await nothing_more(events)
    await nothing_more(events)
    await adding


async def test_subscriber_hears_the_present_then_the_future(bus):
    bus.publish(event(progress=10.0))

    async with aclosing(bus.subscribe(["a"])) as heard:
        assert (await next_of(heard)).progress == 10
        bus.publish(event(progress=20.0))
        assert (await next_of(heard)).progress == 20
        bus.publish(completed())
        assert (await next_of(heard)).final


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


async def test_what_waits_is_told_no_more_once_a_worker_has_told_more(bus):
    queued = event(status=Status.QUEUED, progress=0.0)
    bus.publish_all([queued], only_if_queued=True)
    bus.publish(queued.replace(message="Waiting for a worker"), only_if_queued=True)
    bus.publish(event(progress=10.0))

    with pytest.raises(Superseded):
        bus.publish(queued, only_if_queued=True)
    bus.publish_all([queued, event("b", status=Status.QUEUED)], only_if_queued=True)
    assert [told.progress for told in bus.history("a")] == [0, 0, 10]
    assert len(bus.history("b")) == 1

    bus.publish(queued.replace(progress=10.0))  # handed back
    bus.publish(queued.replace(progress=10.0), only_if_queued=True)
    bus.publish(completed())
    bus.publish(queued.replace(attempt=2), only_if_queued=True)
    assert [told.attempt or 1 for told in bus.history("a")] == [1] * 6 + [2]


async def test_a_run_tells_all_its_documents_over_one_channel(bus):
    bus.publish(event("a", run_id="r"))
    bus.publish(event("b", run_id="r"))
    bus.publish(event("c", run_id="other"))

    async with aclosing(bus.subscribe(runs=["r"])) as heard:
        assert {(await next_of(heard)).document_id for _ in range(2)} == {"a", "b"}
        bus.publish(completed("b", run_id="r"))
        assert (await next_of(heard)).final
        await nothing_more(heard)


async def test_a_document_and_its_run_tell_each_event_once(bus):
    async with aclosing(bus.subscribe(["a"], runs=["r"])) as heard:
        await subscribed(heard)
        bus.publish(event(run_id="r"))
        assert (await next_of(heard)).document_id == "a"
        await nothing_more(heard)


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
    async with aclosing(bus.subscribe(["a"])) as heard:
        await subscribed(heard)
        for progress in (25, 50, 100):
            bus.redis.publish(
                "document:a:progress", json.dumps(seven | {"progress": progress})
            )

        told = [await next_of(heard) for _ in range(3)]

    assert [one.progress for one in told] == [25, 50, 100]
    assert [one.final for one in told] == [False, False, True]


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
)
async def test_what_is_no_event_is_counted_and_skipped(bus, junk):
    async with aclosing(bus.subscribe(["a"])) as heard:
        await subscribed(heard)
        bus.redis.publish("document:a:progress", junk)
        bus.publish(event(progress=40.0))

        assert (await next_of(heard)).progress == 40
        assert heard.invalid == 1


async def test_unknown_fields_are_kept(bus):
    raw = json.loads(event().encode()) | {"colour": "red"}
    async with aclosing(bus.subscribe(["a"])) as heard:
        await subscribed(heard)
        bus.redis.publish("document:a:progress", json.dumps(raw))

        told = await next_of(heard)

    assert told.extra == {"colour": "red"}
    assert json.loads(told.encode())["colour"] == "red"


async def test_since_replays_exactly_what_was_missed(bus):
    told = [bus.publish(event(progress=float(n))).event for n in range(5)]

    async with aclosing(bus.subscribe(["a"], since=told[1].id)) as heard:
        missed = [await next_of(heard) for _ in range(3)]
        await nothing_more(heard)

    assert [one.id for one in missed] == [one.id for one in told[2:]]


async def test_since_an_event_that_is_forgotten_tells_the_present(bus):
    bus.publish(event(progress=1.0))
    bus.redis.flushall()
    bus.publish(event(progress=7.0, attempt=2))

    async with aclosing(bus.subscribe(["a"], since="1-0")) as heard:
        assert (await next_of(heard)).progress == 7
        await nothing_more(heard)


async def test_what_is_added_to_a_subscription_since_an_event_is_told_its_present(
    server: Server,
):
    """Events are replayed of the one document only, also where the line was lost."""
    with Bus(server.url) as bus:
        told = [bus.publish(event("a", progress=float(n))).event for n in range(4)]
        others = [bus.publish(event("b", progress=float(n))).event for n in range(3)]
        bus.publish(event("c", run_id="r"))

        async with aclosing(bus.subscribe(["a"], since=told[1].id)) as heard:
            seen = [await next_of(heard) for _ in range(2)]
            adding = asyncio.create_task(heard.add(["b"], runs=["r"]))
            seen += [await next_of(heard) for _ in range(2)]
            await nothing_before(adding, heard)
            assert [one.id for one in seen[:3]] == [
                told[2].id,
                told[3].id,
                others[2].id,
            ]
            assert seen[3].document_id == "c"

            bus.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            missed = [bus.publish(event("a", progress=5.0 + n)).event for n in range(2)]
            end = bus.publish(completed("b")).event
            seen = [await next_of(heard) for _ in range(3)]
            await nothing_more(heard)

        assert sorted(one.id for one in seen) == sorted(
            [*(one.id for one in missed), end.id]
        )


async def test_a_document_that_was_removed_is_not_replayed_when_it_is_added_again(bus):
    told = [bus.publish(event("a", progress=float(n))).event for n in range(3)]
    async with aclosing(bus.subscribe(["a"], since=told[0].id)) as heard:
        assert [(await next_of(heard)).id for _ in range(2)] == [
            one.id for one in told[1:]
        ]
        adding = asyncio.create_task(heard.add(["b"]))
        await nothing_before(adding, heard)
        await heard.remove(["a"])
        adding = asyncio.create_task(heard.add(["a"]))

        assert (await next_of(heard)).id == told[2].id
        await nothing_before(adding, heard)


async def test_the_publisher_learns_of_a_cancel_with_its_next_event(bus):
    assert not bus.publish(event()).cancelled

    bus.request_cancel({"a": 1})

    assert bus.publish(event()).cancelled
    assert not bus.publish(event(attempt=2)).cancelled


async def test_a_lost_connection_is_healed_and_the_present_told_again(server: Server):
    with Bus(server.url) as bus:
        bus.publish(event(progress=10.0))
        async with aclosing(bus.subscribe(["a"])) as heard:
            await next_of(heard)
            bus.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            bus.publish(event(progress=20.0))

            assert (await next_of(heard)).progress == 20
            assert heard.connected
            assert heard.lost_at is None


async def test_a_redis_that_came_back_empty_is_not_mistaken_for_old_news(
    server: Server,
):
    with Bus(server.url) as bus:
        for progress in range(10):
            bus.publish(event(progress=float(progress)))
        async with aclosing(bus.subscribe(["a"])) as heard:
            assert (await next_of(heard)).progress == 9

            server.kill()
            waiting = asyncio.ensure_future(next_of(heard))
            while heard.connected:
                await asyncio.sleep(0.01)
            assert heard.lost_at is not None
            server.start()
            bus.publish(event(progress=11.0))

            assert (await waiting).progress == 11
            bus.publish(event(progress=12.0))
            assert (await next_of(heard)).progress == 12


def test_an_interrupted_wait_for_redis_costs_nothing_that_follows(server):
    """As of a worker that is told to stop: the signal comes in the middle of it."""

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
            [told] = writer.collect()
            writer.close()

            [newest] = bus.newest(["a"]).values()
            assert (told.event.progress, told.event.id) == (13.0, newest.id)
    finally:
        signal.signal(signal.SIGUSR1, before)


async def test_a_redis_that_says_nothing_is_noticed(server: Server):
    with Bus(server.url) as bus:
        bus.publish(event())
        async with aclosing(bus.subscribe(["a"])) as heard:
            await next_of(heard)
            server.pause()
            waiting = asyncio.ensure_future(next_of(heard))
            async with asyncio.timeout(patient(20)):
                while heard.connected:
                    await asyncio.sleep(0.01)
            server.resume()
            bus.publish(event(progress=33.0))

            assert (await waiting).progress == 33


async def test_the_truth_is_told_where_redis_does_not_know_it(bus):
    end = completed(attempt=1, id=f"1-{FINAL_NUMBER}")
    bus.publish(event(progress=50.0))

    async with aclosing(bus.subscribe(["a"], reconcile=lambda told: [end])) as heard:
        told = [await next_of(heard), await next_of(heard)]

    assert [one.status for one in told] == [Status.PROCESSING, Status.COMPLETED]


async def test_who_wants_only_ends_is_spared_what_a_first_attempt_tells_on_its_way(bus):
    first = event(run_id="r", attempt=1, worker="w")
    bus.publish(first)

    async with aclosing(bus.subscribe(runs=["r"], final_only=True)) as heard:
        assert (await next_of(heard)).progress == 10
        bus.publish(first.replace(progress=20.0))
        bus.publish(completed(run_id="r", attempt=1))
        assert (await next_of(heard)).final
        # Whatever tells that an end was none is heard of.
        bus.publish(event(run_id="r", attempt=2, status=Status.QUEUED, progress=0.0))
        assert (await next_of(heard)).status is Status.QUEUED
        bus.publish(event(run_id="r", attempt=2, progress=30.0))
        assert (await next_of(heard)).progress == 30
        await nothing_more(heard)


async def test_an_end_that_is_taken_for_something_on_its_way_is_told_by_the_truth(bus):
    told = []
    async with aclosing(
        bus.subscribe(runs=["r"], final_only=True, reconcile=lambda _: list(told))
    ) as heard:
        await subscribed(heard)
        end = completed(
            run_id="r", attempt=1, worker="w", extra={"was": {"status": "processing"}}
        )
        told.append(bus.publish(end).event)

        assert (await next_of(heard)).final


async def test_what_comes_in_a_pause_is_told_whole_and_in_order(bus):
    # More than is read from a socket at once, so that a message is cut in two.
    count, padding = 300, "x" * 1000
    pauses = []

    def pause():
        if not pauses:
            for number in range(count):
                bus.publish(event(progress=number / 10, message=padding))
        pauses.append(None)

    async with aclosing(bus.subscribe(["a"], pause=pause)) as heard:
        await subscribed(heard)
        waiting = asyncio.create_task(next_of(heard))
        await asyncio.sleep(0.05)
        bus.publish(event(progress=0.0))
        await waiting
        told = [(await next_of(heard)).progress for _ in range(count)]

    assert told == [number / 10 for number in range(count)]
    # Not after each of them: what is there already is not waited for.
    assert len(pauses) < count / 2


async def test_an_old_attempt_is_not_told_after_the_truth_of_a_new_one(bus):
    new = event(attempt=2, status=Status.QUEUED, progress=0.0)

    async with aclosing(bus.subscribe(["a"], reconcile=lambda told: [new])) as heard:
        assert (await next_of(heard)).attempt == 2
        bus.publish(event(attempt=1, progress=20.0))
        bus.publish(event(attempt=2, progress=30.0))

        assert (await next_of(heard)).progress == 30


async def test_a_number_that_an_emptied_redis_gives_again_is_told(bus):
    first = bus.publish(event(progress=10.0)).event
    async with aclosing(bus.subscribe(["a"])) as heard:
        await next_of(heard)
        bus.redis.flushall()
        again = bus.publish(event(progress=20.0)).event

        assert again.id == first.id
        assert (await next_of(heard)).progress == 20


async def test_the_truth_is_told_while_redis_is_away(server: Server):
    server.kill()
    end = completed(attempt=1, id=f"1-{FINAL_NUMBER}")
    with Bus(server.url) as bus:
        async with aclosing(
            bus.subscribe(["a"], reconcile=lambda told: [end])
        ) as heard:
            assert (await next_of(heard)).final
            assert not heard.connected
    server.start()


async def test_waiting_may_be_given_up_and_taken_up_again(bus):
    async with aclosing(bus.subscribe(["a"])) as heard:
        for _ in range(5):
            await nothing_more(heard)
        bus.publish(event())
        assert (await next_of(heard)).document_id == "a"


async def test_leaving_closes_the_connections(bus):
    def watchers():
        clients = bus.redis.client_list()
        return [one for one in clients if one["name"] == "docprogress-watcher"]

    async with aclosing(bus.subscribe(["a"])) as heard:
        await subscribed(heard)
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


async def test_a_bus_without_redis_says_so_and_shows_no_secret():
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
    told = [bus.publish(long_event(number)).event for number in range(1000)]
    assert len(bus.history("a")) >= 256
    at_work = bus.redis.memory_usage(key, samples=0)

    end = bus.publish(completed(run_id="r")).event

    kept = [*told[-31:], end]
    assert [one.id for one in bus.history("a")] == [one.id for one in kept]
    assert bus.redis.memory_usage(key, samples=0) < at_work / 4
    # Who has lost the connection for a moment is told all that was missed.
    async with aclosing(bus.subscribe(["a"], since=kept[3].id)) as heard:
        missed = [await next_of(heard) for _ in kept[4:]]
        await nothing_more(heard)
    assert [one.id for one in missed] == [one.id for one in kept[4:]]
    # And who has for longer, the present.
    async with aclosing(bus.subscribe(["a"], since=told[500].id)) as heard:
        assert (await next_of(heard)).id == end.id
        await nothing_more(heard)


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
