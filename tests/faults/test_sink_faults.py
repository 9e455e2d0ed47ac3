"""A sink has what the store has, whoever is killed, stopped, cancelled or away."""

import contextlib
import sqlite3
import time

import psutil
import pytest
from support.patience import patient
from support.runs import worker_of
from support.services import eventually
from support.sinks import LARGE, LanceFolder, chunks_of, large_documents

from docprogress import Pipeline, Status

#: Stores that a stopped process keeps from no other one.
SHARED = ["lancedb", "pgvector", "qdrant"]

STEPS = """
import time
from pathlib import Path
from docprogress.errors import DocumentError

HERE = Path(__file__).parent

def fewer(chunks, *, document):
    while document.name == "held.txt" and (HERE / "held").exists():
        time.sleep(0.01)
    if (HERE / "fail").exists():
        raise DocumentError("it fails this time")
    limit = 3 if (HERE / "fewer").exists() else 1_000_000
    return [chunk for chunk in chunks if chunk.number <= limit]
"""


@pytest.fixture
def steps(tmp_path, monkeypatch):
    (tmp_path / "sink_steps.py").write_text(STEPS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def children(home):
    return worker_of(home).children()


def storing(run):
    """The documents that are being stored, which have been in part."""
    events = run.connections.store.documents.find(run.id, status=Status.PROCESSING)
    newest = run.connections.bus.newest([row.id for row in events])
    return [
        event
        for event in newest.values()
        if event is not None
        and event.step == "storing"
        and event.current
        and event.total
        and event.current < event.total
    ]


def in_the_middle(run):
    """Wait until a document is stored in part."""
    return eventually(lambda: storing(run), what="a document is stored in part")


def has_what_the_run_has(vector_store, *runs):
    """Wait until it has; rows are deleted a moment after a run has ended."""
    expected = chunks_of(*runs)
    eventually(
        lambda: vector_store.rows() == expected, what="the sink has the run's chunks"
    )


@pytest.mark.slow
def test_workers_killed_while_they_store_leave_each_chunk_once(vector_store, home):
    with Pipeline(
        home=home, workers=2, sink=vector_store.sink, lease_seconds=3, **LARGE
    ) as p:
        run = p.submit(large_documents(4, vector_store.large))
        for _ in range(2):
            in_the_middle(run)
            for child in children(home):
                child.kill()
        run.wait(patient(120))

        assert run.progress().counts[Status.COMPLETED] == 4
        assert vector_store.rows() == chunks_of(run)
        assert len(vector_store.rows()) >= 4 * vector_store.large


@pytest.mark.slow
def test_documents_cancelled_while_they_are_stored_leave_nothing(vector_store, home):
    with Pipeline(home=home, workers=2, sink=vector_store.sink, **LARGE) as pipeline:
        kept = pipeline.submit([("small.txt", b"Some words. " * 20)]).wait(patient(60))
        run = pipeline.submit(large_documents(2, vector_store.large))
        in_the_middle(run)

        run.cancel()
        run.wait(patient(60))

        # One of them may have been stored just before.
        assert run.progress().counts[Status.CANCELLED] >= 1
        has_what_the_run_has(vector_store, kept, run)
        run.retry()
        run.wait(patient(60))
        assert run.progress().counts[Status.COMPLETED] == 2
        has_what_the_run_has(vector_store, kept, run)


@pytest.mark.slow
@pytest.mark.parametrize("vector_store", ["pgvector", "qdrant"], indirect=True)
def test_a_sink_that_is_unavailable_is_waited_for_and_a_cancel_does_not_wait(
    vector_store, home
):
    files = [(f"small-{n}.txt", b"Some words. " * 20) for n in range(4)]
    with Pipeline(home=home, workers=2, sink=vector_store.sink) as pipeline:
        run = pipeline.submit(files[:1]).wait(patient(60))
        with vector_store.away():
            late, cancelled = pipeline.submit(files), pipeline.submit(files)
            eventually(lambda: _waits(late), what="documents wait in the queue")
            started = time.monotonic()
            cancelled.cancel()
            cancelled.wait(patient(5))
            assert time.monotonic() - started < patient(5)
            run.delete()
        late.wait(patient(90))

        assert late.progress().counts[Status.COMPLETED] == len(files)
        assert {row.attempt for row in late.documents()} == {1}
        has_what_the_run_has(vector_store, late, cancelled)


@pytest.mark.slow
def test_a_folder_that_disappears_during_a_run_is_waited_for(tmp_path, home, steps):
    folder = LanceFolder(tmp_path)
    files = [("a.txt", b"One. " * 20), ("held.txt", b"Two. " * 20)]
    options = {"steps": ["sink_steps:fewer"], "sink": folder.sink}
    with Pipeline(home=home, workers=2, **options) as pipeline:
        (steps / "held").touch()
        run = pipeline.submit(files)
        eventually(lambda: run.documents(status=Status.COMPLETED))
        with folder.away():
            (steps / "held").unlink()
            eventually(lambda: _waits(run), what="the document waits")
        run.wait(patient(60))

        assert folder.rows() == chunks_of(run)
        assert len({document_id for document_id, *_ in folder.rows()}) == 2


@contextlib.contextmanager
def stopped_in_the_middle(pipeline, vector_store, home):
    """A run whose only document a stopped process was storing, and that process."""
    while True:
        run = pipeline.submit(large_documents(1, vector_store.large))
        [event] = in_the_middle(run)
        stopped = [c for c in children(home) if _works_on(run, event, c)]
        for child in stopped:
            child.suspend()
        try:
            unfinished = run.documents(status=Status.PROCESSING)
            if stopped and unfinished and _can_be_written(pipeline):
                yield run, stopped
                return
        finally:
            for child in stopped:
                child.resume()
        # It had ended, or had stopped while it held the lock of the whole database.
        run.wait(patient(60))
        run.delete()
        eventually(lambda: vector_store.rows() == [], what="nothing is left")


def _can_be_written(pipeline):
    path = pipeline.settings.database.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, timeout=2)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.rollback()
        return True


@pytest.mark.slow
@pytest.mark.parametrize("vector_store", SHARED, indirect=True)
def test_a_worker_that_was_stopped_writes_nothing_after_the_next_one(
    vector_store, home
):
    with Pipeline(
        home=home, workers=2, sink=vector_store.sink, lease_seconds=3, **LARGE
    ) as p:
        with stopped_in_the_middle(p, vector_store, home) as (run, stopped):
            run.wait(patient(60))

        assert run.documents()[0].attempt == 2
        _let_it_end(stopped)
        has_what_the_run_has(vector_store, run)


@pytest.mark.slow
@pytest.mark.parametrize("vector_store", SHARED, indirect=True)
def test_a_worker_that_was_stopped_leaves_nothing_of_a_deleted_run(vector_store, home):
    with Pipeline(
        home=home, workers=2, sink=vector_store.sink, lease_seconds=3, **LARGE
    ) as p:
        with stopped_in_the_middle(p, vector_store, home) as (run, stopped):
            run.wait(patient(60))
            run.delete()
        _let_it_end(stopped)
        eventually(lambda: vector_store.rows() == [], what="nothing is left")


@pytest.mark.slow
def test_a_document_that_is_repeated_leaves_no_chunk_of_before(
    vector_store, home, steps
):
    files = [(f"a-{n}.txt", b"Some words. " * 60) for n in range(3)]
    options = {"steps": ["sink_steps:fewer"], "sink": vector_store.sink, **LARGE}
    with Pipeline(home=home, workers=2, **options) as pipeline:
        run = pipeline.submit(files).wait(patient(60))
        assert len(vector_store.rows()) > 9
        (steps / "fewer").touch()

        run.retry(failed_only=False)
        run.wait(patient(60))

        assert len(vector_store.rows()) == 9
        assert vector_store.rows() == chunks_of(run)
        (steps / "fail").touch()
        run.retry(failed_only=False)
        run.wait(patient(60))
        assert run.progress().counts[Status.FAILED] == 3
        has_what_the_run_has(vector_store, run)
        assert vector_store.rows() == []


def _waits(run):
    """Whether a document waits in the queue for its sink, and says so."""
    rows = run.documents(status=Status.QUEUED)
    return any(row.message.startswith("Waiting for ") and row.due_at for row in rows)


def _works_on(run, event, process):
    owner = run.connections.bus.redis.get(f"document:{event.document_id}:lease")
    return owner is not None and owner.decode().endswith(f":{process.pid}")


def _let_it_end(stopped):
    """Wait until processes that continue have seen that they are late."""
    eventually(lambda: not any(map(_busy, stopped)), what="the late worker has ended")


def _busy(process):
    with contextlib.suppress(psutil.Error):
        return process.cpu_percent(interval=0.5) > 5
    return False
