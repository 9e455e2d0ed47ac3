"""A run of a hundred thousand documents: what loads first, and what is kept."""

import asyncio
import json
import random
from contextlib import aclosing, suppress

import pytest
from support.clock import Clock
from support.events import event
from support.patience import patient
from support.settings import service_options

from docprogress import Pipeline
from docprogress.bus.bus import Bus
from docprogress.errors import Superseded
from docprogress.events import ProgressEvent, Status
from docprogress.notebook.progress import table
from docprogress.notebook.progress.source import RunSource
from docprogress.notebook.progress.update_scheduler import MOST_ROWS, UpdateScheduler
from docprogress.notebook.progress.view_model import ViewModel
from docprogress.store import NewDocument

RUN = "run"


def numbered_event(number, status=Status.QUEUED, **fields):
    fields = {"progress": 100.0 if status is Status.COMPLETED else 0.0} | fields
    return event(
        f"{RUN}-{number:04d}",
        status,
        # What only looks like the field must not be counted.
        message='"status":"failed"',
        error="broken" if status is Status.FAILED else None,
        run_id=RUN,
        **{"attempt": 1} | fields,
    )


def recounted(bus):
    """What the newest event of each document says, counted."""
    found = dict.fromkeys(Status, 0)
    events = [f"{RUN}-{number:04d}" for number in range(300)]
    for newest in bus.newest(events).values():
        found[newest.status] += 1
    return found


def test_counts_stay_right_through_retries_and_superseded_events(bus):
    chance = random.Random(7)
    attempts = dict.fromkeys(range(40), 1)
    for _ in range(800):
        number = chance.randrange(40)
        # Now and then of an attempt that is over, or of one that begins.
        attempt = max(1, attempts[number] + chance.choice((-1, 0, 0, 0, 1)))
        attempts[number] = max(attempts[number], attempt)
        with suppress(Superseded):
            bus.publish(
                numbered_event(number, chance.choice(list(Status)), attempt=attempt)
            )

    assert bus.counts(RUN) == recounted(bus)
    assert sum(bus.counts(RUN).values()) == len(set(attempts))


def test_counts_begin_again_with_a_redis_that_came_back_empty(bus):
    bus.publish_all([numbered_event(number) for number in range(3)])
    bus.redis.flushall()
    bus.publish(numbered_event(0, Status.COMPLETED))
    bus.publish(numbered_event(1, Status.CANCELLED))

    counts = bus.counts(RUN)
    assert counts == recounted(bus)
    assert (counts[Status.COMPLETED], counts[Status.CANCELLED]) == (1, 1)
    bus.forget([f"{RUN}-{number:04d}" for number in range(3)], run_id=RUN)
    assert bus.redis.keys() == []


@pytest.mark.anyio
async def test_updates_are_delivered_while_the_current_state_is_read(bus, redis_url):
    """A run of thousands does not keep the newest event from whoever watches."""
    bus.publish_all([numbered_event(number) for number in range(20_000)])
    delivered: dict[str, ProgressEvent] = {}
    at = None
    with Bus(redis_url) as other:
        async with (
            asyncio.timeout(patient(60)),
            aclosing(bus.subscribe(runs=[RUN])) as events,
        ):
            async for each in events:
                delivered[each.document_id] = each
                if len(delivered) == 1:
                    assert not events.connected, (
                        "the current state is not delivered yet"
                    )
                    other.publish(numbered_event(99_999, Status.PROCESSING))
                if each.document_id.endswith("99999"):
                    at = at or len(delivered)
                if len(delivered) == 20_001 and events.connected:
                    break

    assert at is not None
    assert at < 5_000


@pytest.mark.anyio
async def test_nothing_is_missed_or_reverted_while_the_current_state_is_read(
    bus, redis_url
):
    """Documents go on while their run is read page by page: the end is right."""
    count = 3_000
    bus.publish_all([numbered_event(number) for number in range(count)])
    delivered: dict[str, ProgressEvent] = {}

    def finish():
        with Bus(redis_url) as other:
            numbers = list(range(count))
            random.Random(3).shuffle(numbers)
            for number in numbers:
                other.publish(numbered_event(number, Status.PROCESSING, progress=50.0))
                other.publish(numbered_event(number, Status.COMPLETED))

    async with (
        asyncio.timeout(patient(90)),
        aclosing(bus.subscribe(runs=[RUN])) as events,
    ):
        going = None
        async for each in events:
            if going is None:
                going = asyncio.ensure_future(asyncio.to_thread(finish))
            known = delivered.get(each.document_id)
            assert known is None or not known.final, "nothing follows an end"
            delivered[each.document_id] = each
            if len(delivered) == count and all(
                found.final for found in delivered.values()
            ):
                break
        await going

    assert {each.status for each in delivered.values()} == {Status.COMPLETED}
    assert bus.counts(RUN)[Status.COMPLETED] == count


@pytest.fixture
def large(redis_url, tmp_path):
    """A run of 12,000 documents, of which some have ended, that nobody works on."""
    where = service_options(tmp_path, redis_url)
    with Pipeline(**where) as pipeline:
        store = pipeline.store
        steps = [step.to_dict() for step in pipeline.steps]
        store.runs.add(
            run_id=RUN,
            case_id=None,
            expected=12_000,
            steps=steps,
            settings={},
            fingerprint="",
        )
        ids = [f"{RUN}-{number:04d}" for number in range(1, 12_001)]
        for start in range(0, len(ids), 1000):
            some = ids[start : start + 1000]
            store.submissions.add(
                [
                    NewDocument(
                        id=document_id,
                        run_id=RUN,
                        number=number,
                        name=f"{number}.txt",
                        step="extraction",
                    )
                    for number, document_id in enumerate(some, start + 1)
                ]
            )
            store.submissions.mark_ready(
                [(document_id, 1, None) for document_id in some]
            )
            pipeline.connections.publish_states(store.documents.find(ids=some))
        broken = store.attempts.finish(
            ids[11_000], 1, Status.FAILED, message="Failed", error="broken"
        )
        pipeline.connections.publish_states([broken])
        store.documents.cancel(document_ids=ids[:50])
        yield pipeline.attach(RUN)


@pytest.mark.anyio
async def test_a_view_begins_with_counts_and_what_went_wrong(large):
    clock = Clock()
    view_model = ViewModel(RunSource(large))
    scheduler = UpdateScheduler(view_model, clock=clock)
    scheduler.mark_changed(view_model.load())
    first = scheduler.next_message()
    summary = first["summary"]
    shown = table.bundle(view_model)["text/plain"].splitlines()

    assert summary["counts"] == {
        "queued": 11_949,
        "processing": 0,
        "completed": 0,
        "failed": 1,
        "cancelled": 50,
    }
    assert (summary["total"], summary["loading"]) == (12_000, True)
    assert len(first["rows"]) == summary["rows"] < 1000
    assert 11_000 in {row["index"] for row in first["rows"]}
    assert not summary["finished"]
    assert shown[0] == large.summary()
    assert shown[1].startswith("11001.txt")
    assert shown[-2] == "… and 11,940 more"

    rows = {row["index"]: row for row in first["rows"]}
    async with asyncio.timeout(patient(60)), aclosing(large.subscribe()) as events:
        async for event in events:
            scheduler.mark_changed(view_model.apply((event,)))
            if not view_model.progress.partial:
                break
    last = first
    for _ in range(100):
        clock.seconds += 0.1
        message = scheduler.next_message()
        if message is not None:
            assert len(message["rows"]) <= MOST_ROWS + 100
            assert len(json.dumps(message)) < 1_000_000
            last = message
            rows |= {
                row["index"]: rows.get(row["index"], {}) | row
                for row in message["rows"]
            }
    assert sorted(rows) == list(range(12_000))
    assert all(rows[n]["name"] == f"{n + 1}.txt" for n in rows)
    assert (last["summary"]["loading"], last["summary"]["rows"]) == (False, 12_000)
    assert last["summary"]["counts"] == summary["counts"]


def test_counts_of_a_view_that_loads_are_those_of_now(large):
    """Also where Redis came back empty, and knows of a few documents only."""
    view_model = ViewModel(RunSource(large))
    view_model.load()
    store, ids = large.connections.store, [row.id for row in large.documents()[100:103]]
    large.connections.bus.redis.flushall()
    large.cancel(ids)

    assert view_model.recount()
    assert view_model.progress.counts[Status.CANCELLED] == 53
    store.documents.cancel(run_id=RUN)
    assert view_model.recount()
    assert view_model.finished
    assert (
        large.wait(timeout=patient(60)).summary().endswith("1 failed, 11,999 cancelled")
    )


def test_a_run_is_summed_up_without_its_documents(large, monkeypatch):
    monkeypatch.setattr(large.connections.store.documents, "find", None)

    text = repr(large)

    assert "12,000 documents: 1 failed, 50 cancelled, 11,949 queued" in text


def test_a_table_of_many_documents_comes_in_parts(large):
    whole = large.to_frame()
    parts = list(large.to_frames(5000))

    assert [len(part) for part in parts] == [5000, 5000, 2000]
    assert list(parts[0].columns) == list(whole.columns)
    ids = [document_id for part in parts for document_id in part["document_id"]]
    assert ids == list(whole["document_id"])
    assert whole["status"].value_counts().to_dict() == {
        "queued": 11_949,
        "cancelled": 50,
        "failed": 1,
    }
    numbers = [row.number for row in large.documents(after=7, limit=2)]
    assert numbers == [8, 9]
