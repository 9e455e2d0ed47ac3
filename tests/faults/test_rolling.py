"""Workers are replaced during a run without costing any document an attempt."""

import signal
import time

import pytest
from support.patience import patient
from support.runs import documents, ended_right, in_the_middle
from support.services import Worker, eventually

from docprogress import Pipeline, Status
from docprogress.bus.leases import owners
from docprogress.store import AttemptStatus
from docprogress.worker.processing import HANDED_BACK_MESSAGE

STEPS = """
import time

def slow(pages):
    for page in pages:
        for _ in range(4):
            time.sleep(0.1)
        yield page

def long(pages):
    for page in pages:
        for _ in range(400 if "for ever" in page.text else 1):
            time.sleep(0.1)
        yield page

def stubborn(pages):
    for page in pages:
        ends = time.monotonic() + 60
        while "for ever" in page.text and time.monotonic() < ends:
            try:
                while time.monotonic() < ends:
                    time.sleep(0.01)
            except Exception:
                pass
        yield page
"""


@pytest.fixture
def steps(tmp_path, monkeypatch):
    (tmp_path / "rolling_steps.py").write_text(STEPS)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def started(redis_url, short_path):
    """Starts workers, each by itself, as services on several machines are."""
    workers = []

    def start(**options):
        workers.append(Worker(redis_url, short_path / "home", **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def pipeline_of(redis_url, short_path, steps):
    def made(*names):
        return Pipeline(
            redis_url=redis_url,
            home=short_path / "home",
            steps=[f"rolling_steps:{name}" for name in names],
        )

    return made


def at_work(pipeline, run, worker):
    """The documents that a worker's processes hold."""
    rows = run.documents(status=Status.PROCESSING)
    holders = owners(pipeline.bus.redis, [row.id for row in rows])
    mine = f":{worker.process.pid}:"
    return [d for d, holder in holders.items() if holder and mine in holder]


def held(pipeline, run, worker):
    """Wait until a worker is at a run's documents."""
    return eventually(lambda: at_work(pipeline, run, worker))


def in_step(pipeline, run, step):
    """Wait until the first document of a run is in a step."""
    name = f"{run.id}-0001"
    return eventually(lambda: pipeline.bus.newest([name])[name].step == step)


def messages(pipeline, row):
    return [event.message for event in pipeline.bus.history(row.id)]


def test_all_workers_are_replaced_during_a_run_and_no_attempt_is_lost(
    pipeline_of, started
):
    with pipeline_of("slow") as pipeline:
        old = [started(), started()]
        run = pipeline.submit(documents(40))
        in_the_middle(run)
        for worker in old:
            started().ready()
            worker.stop()
            assert worker.process.wait(patient(10)) == 0

        rows = ended_right(run)

        assert all(row.attempt == 1 for row in rows)
        for row in rows:
            events = pipeline.bus.history(row.id)
            shown = [event.progress for event in events]
            assert shown == sorted(shown), [
                (event.id, event.progress, event.worker, event.message)
                for event in events
            ]


def test_steps_that_do_not_end_are_handed_back_within_ten_seconds(pipeline_of, started):
    """One that can be stopped, and one that has to be killed."""
    with pipeline_of("long") as pipeline, pipeline_of("stubborn") as other:
        worker = started()
        runs = [
            each.submit([("long.txt", b"This takes for ever.")])
            for each in (pipeline, other)
        ]
        for run, step in zip(runs, ("long", "stubborn"), strict=True):
            assert held(pipeline, run, worker)
            assert in_step(pipeline, run, step)
        begun = time.monotonic()
        worker.stop()

        assert worker.process.wait(patient(15)) == 0

        assert time.monotonic() - begun < patient(10)
        for run in runs:
            [row] = run.documents()
            stands = (row.status, row.attempt, row.message)
            assert stands == (Status.QUEUED, 1, HANDED_BACK_MESSAGE)
            assert HANDED_BACK_MESSAGE in messages(pipeline, row)
            assert not pipeline.bus.redis.exists(f"document:{row.id}:lease")

        # Another worker takes them at once, as the same attempts.
        following = started()
        for run in runs:
            assert held(pipeline, run, following)
            run.cancel()
            run.wait(timeout=patient(30))
            [attempt] = pipeline.store.attempts.of_run(run.id)
            assert (attempt.number, attempt.status) == (1, AttemptStatus.CANCELLED)


def test_documents_of_a_message_that_were_not_begun_go_to_another_worker(
    pipeline_of, started
):
    """One message carries several documents; the worker stops at the first."""
    with pipeline_of() as pipeline:
        first = started(DOCPROGRESS_STEP_SECONDS="60")
        first.ready()
        run = pipeline.submit(documents(60))
        first.stop()
        assert first.process.wait(patient(10)) == 0
        started()

        rows = ended_right(run, seconds=60)

        assert all(row.attempt == 1 for row in rows)


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_worker_at_once(pipeline_of, started, again):
    with pipeline_of("long") as pipeline:
        worker = started()
        run = pipeline.submit([("long.txt", b"This takes for ever.")])
        eventually(lambda: at_work(pipeline, run, worker))
        children = worker.children()
        worker.stop()
        time.sleep(0.5)
        assert worker.process.poll() is None

        worker.process.send_signal(again)

        assert worker.process.wait(patient(2)) == 128 + again
        eventually(lambda: not any(child.is_running() for child in children))
        run.cancel()
