"""Small runs do not wait for large ones; queues without workers are reported."""

import contextlib
import os
import subprocess
import sys

import psutil
import pytest
from support.patience import patient
from support.queues import level_queue_names
from support.services import eventually
from support.settings import command_line, service_options

from docprogress import Pipeline, Status
from docprogress.errors import SubmitError
from docprogress.queueing import fair_share
from docprogress.queueing.queues import queues
from docprogress.queueing.sender import Message, Sender
from docprogress.settings import load
from docprogress.steps import step

STEPS = """
import time
from pathlib import Path

def slow(pages):
    time.sleep(0.02)
    yield from pages

def held(pages):
    for page in pages:
        if page.text.startswith("Large"):
            begun = Path({begun!r})
            while len(list(begun.iterdir())) >= {held} and not Path({gate!r}).exists():
                time.sleep(0.02)
            (begun / page.text).touch()
        yield page
"""

#: Documents of a large run that are done before the others are held.
DONE = 40


@pytest.fixture
def where(redis_url, tmp_path, gate, monkeypatch):
    """Settings of services that no worker serves yet, and steps of one's own."""
    begun = tmp_path / "begun"
    begun.mkdir()
    code = STEPS.format(held=DONE, gate=str(gate), begun=str(begun))
    (tmp_path / "slowly.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    return service_options(tmp_path, redis_url)


@contextlib.contextmanager
def worker(where, *arguments):
    options = command_line(where)
    process = subprocess.Popen(
        [sys.executable, "-m", "docprogress", "worker", *arguments, *options],
        env=os.environ | {"DOCPROGRESS_HOME": str(where["home"])},
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=patient(30))
        finally:
            process.kill()
            process.wait()


def texts(count, name="Number"):
    return ((f"{n}.txt", f"{name} {n}.".encode()) for n in range(count))


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_small_run_overtakes_a_large_one_that_is_under_way(where, gate, count):
    with Pipeline(steps=["slowly:held"], **where) as pipeline:
        large = pipeline.submit(texts(count, "Large"))
        with worker(where, "--concurrency", "2"):
            # The others wait for the gate, however slow this machine is.
            eventually(lambda: len(large.documents(status=Status.COMPLETED)) >= DONE)
            small = pipeline.submit(texts(10, "Small"))
            gate.touch()
            small.wait(timeout=patient(60))
            large.cancel()

    rows = small.documents()
    submitted, last_start = rows[0].created_at, max(row.started_at for row in rows)
    # By when they start: while one of the small ones takes longer, others go on.
    meanwhile = [
        row
        for row in large.documents(status=Status.COMPLETED)
        if submitted <= row.finished_at and row.started_at <= last_start
    ]
    assert small.progress().counts[Status.COMPLETED] == 10
    # What a worker had taken already, and its turn of each eight.
    assert 1 <= len(meanwhile) <= 10


def test_a_run_is_spread_over_levels_by_what_comes_before():
    levels = [
        fair_share.priority_level(place)
        for place in (1, 16, 17, 144, 145, 10_000, 10**9)
    ]

    assert levels == [0, 0, 1, 1, 2, 4, fair_share.LEVELS - 1]
    assert (
        fair_share.priority_level(17, priority=1)
        == fair_share.priority_level(1, priority=5)
        == 0
    )
    assert fair_share.priority_level(1, priority=-2) == 2


def test_each_later_level_has_its_turn_of_eight():
    order = fair_share.FairShareOrder()
    order.update([*level_queue_names("one"), *level_queue_names("other")])
    asked = []
    for _ in range(8 * (fair_share.LEVELS - 1)):
        asked.append(order.consume(2 * fair_share.LEVELS)[0])
        order.rotate(asked[-1])

    later = [name.partition(":")[2] for name in asked[7::8]]
    assert later == [str(level) for level in range(1, fair_share.LEVELS)]
    assert abs(asked.count("one") - asked.count("other")) <= 1
    assert asked.count("one") + asked.count("other") == 7 * (fair_share.LEVELS - 1)


def test_interrupted_work_is_always_taken_first():
    order = fair_share.FairShareOrder()
    recovered = fair_share.level_queue_name("one", fair_share.RECOVERED_LEVEL)
    order.update([*level_queue_names("one"), recovered])
    for _ in range(16):
        assert order.consume(fair_share.LEVELS + 1)[0] == recovered
        order.rotate("one")


@pytest.mark.parametrize("priority", [True, 1.5, "high", None, 6, -6])
def test_invalid_priority_is_refused_and_starts_nothing(where, priority):
    with Pipeline(**where) as pipeline:
        with pytest.raises(SubmitError, match="priority"):
            pipeline.submit(b"text", priority=priority)

        assert pipeline.runs() == []


def test_priority_decides_between_runs_of_one_size(where):
    with Pipeline(steps=["slowly:slow"], **where) as pipeline:
        usual = pipeline.submit(texts(25))
        urgent = pipeline.submit(texts(25), priority=2)
        with worker(where, "--concurrency", "1"):
            urgent.wait(timeout=patient(60))
            usual.wait(timeout=patient(60))

    ends = [max(row.finished_at for row in run.documents()) for run in (urgent, usual)]
    assert ends[0] < ends[1]


def messages(run):
    return {row.message for row in run.documents()}


def test_a_worker_does_no_step_of_a_redelivered_message_whose_queue_it_does_not_serve(
    where,
):
    """Its second delivery may come once the first has sent the document on."""
    with Pipeline(steps=[step("slowly:slow", queue="gpu")], **where) as pipeline:
        run = pipeline.submit(texts(1))
        [row] = run.documents()

        def waits():
            messages = [event.message for event in pipeline.bus.history(row.id)]
            return messages.count("Waiting for queue gpu")

        with worker(where):
            eventually(waits)
            with Sender.for_settings(load(**where)) as sender:
                sender.send([Message(None, [(row.id, 1)])])
            eventually(lambda: waits() == 2)
            events = pipeline.bus.history(row.id)
            assert {event.step for event in events} <= {"", "extraction", "slow"}
            assert pipeline.store.documents.get(row.id).status is Status.QUEUED
            with worker(where, "--queues", "gpu"):
                run.wait(timeout=patient(60))
    assert [row.status for row in run.documents()] == [Status.COMPLETED]


def test_documents_name_a_queue_without_workers_until_one_serves_it(where):
    unserved = "Waiting for queue {}: no worker serves it"
    with Pipeline(steps=[step("slowly:slow", queue="gpu")], **where) as pipeline:
        run = pipeline.submit(texts(3))
        assert messages(run) == {unserved.format("default")}

        with worker(where):
            eventually(lambda: messages(run) == {unserved.format("gpu")})
            ids = [row.id for row in run.documents()]
            eventually(
                lambda: (
                    {each.message for each in pipeline.bus.newest(ids).values()}
                    == messages(run)
                )
            )
            (default, gpu) = queues(pipeline.store, pipeline.bus.redis)
            assert (default.documents, default.served) == (0, True)
            assert (gpu.documents, gpu.served) == (3, False)
            assert gpu.oldest_seconds > 0

            run.cancel([run.documents()[0].id])
            with worker(where, "--queues", "gpu", "--concurrency", "4") as serving:
                run.wait(timeout=patient(60))
                parent = psutil.Process(serving.pid)
                assert len(parent.children()) == 4

    statuses = [row.status for row in run.documents()]
    assert statuses == [Status.CANCELLED, Status.COMPLETED, Status.COMPLETED]
