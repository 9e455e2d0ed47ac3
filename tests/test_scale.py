"""A hundred thousand documents in a run: what is told first, and what is kept."""

import asyncio
import random
from contextlib import aclosing, suppress

import pytest

from docprogress.bus import Bus
from docprogress.errors import Superseded
from docprogress.events import ProgressEvent, Status, now

RUN = "run"


def event(number, status=Status.QUEUED, *, attempt=1, progress=0.0):
    return ProgressEvent(
        document_id=f"{RUN}-{number:04d}",
        status=status,
        step="extraction",
        progress=100.0 if status is Status.COMPLETED else progress,
        # What only looks like the field must not be counted.
        message='"status":"failed"',
        timestamp=now(),
        error="broken" if status is Status.FAILED else None,
        run_id=RUN,
        attempt=attempt,
    )


def recounted(bus):
    """What the newest event of each document says, counted."""
    found = dict.fromkeys(Status, 0)
    events = [f"{RUN}-{number:04d}" for number in range(300)]
    for newest in bus.newest(events).values():
        found[newest.status] += 1
    return found


def test_counts_stay_right_through_retries_and_what_is_superseded(bus):
    chance = random.Random(7)
    attempts = dict.fromkeys(range(40), 1)
    for _ in range(800):
        number = chance.randrange(40)
        # Now and then of an attempt that is over, or of one that begins.
        attempt = max(1, attempts[number] + chance.choice((-1, 0, 0, 0, 1)))
        attempts[number] = max(attempts[number], attempt)
        with suppress(Superseded):
            bus.publish(event(number, chance.choice(list(Status)), attempt=attempt))

    assert bus.counts(RUN) == recounted(bus)
    assert sum(bus.counts(RUN).values()) == len(set(attempts))


def test_counts_begin_again_with_a_redis_that_came_back_empty(bus):
    bus.publish_all([event(number) for number in range(3)])
    bus.redis.flushall()
    bus.publish(event(0, Status.COMPLETED))
    bus.publish(event(1, Status.CANCELLED))

    counts = bus.counts(RUN)
    assert counts == recounted(bus)
    assert (counts[Status.COMPLETED], counts[Status.CANCELLED]) == (1, 1)
    bus.forget([f"{RUN}-{number:04d}" for number in range(3)], run_id=RUN)
    assert bus.redis.keys() == []


@pytest.mark.anyio
async def test_what_happens_is_told_before_all_of_the_present_is(bus, redis_url):
    """A run of thousands does not keep the newest event from whoever watches."""
    bus.publish_all([event(number) for number in range(20_000)])
    told: dict[str, ProgressEvent] = {}
    at = None
    with Bus(redis_url) as other:
        async with asyncio.timeout(60), aclosing(bus.subscribe(runs=[RUN])) as events:
            async for each in events:
                told[each.document_id] = each
                if len(told) == 1:
                    assert not events.connected, "the present is not told yet"
                    other.publish(event(99_999, Status.PROCESSING))
                if each.document_id.endswith("99999"):
                    at = at or len(told)
                if len(told) == 20_001 and events.connected:
                    break

    assert at is not None
    assert at < 5_000


@pytest.mark.anyio
async def test_nothing_is_missed_or_told_back_while_the_present_is_told(bus, redis_url):
    """Documents go on while their run is read page by page: the end is right."""
    count = 3_000
    bus.publish_all([event(number) for number in range(count)])
    told: dict[str, ProgressEvent] = {}

    def finish():
        with Bus(redis_url) as other:
            numbers = list(range(count))
            random.Random(3).shuffle(numbers)
            for number in numbers:
                other.publish(event(number, Status.PROCESSING, progress=50.0))
                other.publish(event(number, Status.COMPLETED))

    async with asyncio.timeout(90), aclosing(bus.subscribe(runs=[RUN])) as events:
        going = None
        async for each in events:
            if going is None:
                going = asyncio.ensure_future(asyncio.to_thread(finish))
            known = told.get(each.document_id)
            assert known is None or not known.final, "nothing follows an end"
            told[each.document_id] = each
            if len(told) == count and all(found.final for found in told.values()):
                break
        await going

    assert {each.status for each in told.values()} == {Status.COMPLETED}
    assert bus.counts(RUN)[Status.COMPLETED] == count
