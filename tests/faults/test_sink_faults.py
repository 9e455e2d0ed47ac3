"""A sink has what the store has, whoever is killed, stopped, cancelled or away."""

import contextlib

import psutil
import pytest
from support.patience import patient
from support.postgres import vector_postgres
from support.runs import worker_of
from support.services import eventually
from support.sinks import (
    LARGE,
    LanceFolder,
    PgTable,
    QdrantServer,
    chunks_of,
    large_documents,
)

from docprogress import Pipeline, Status

STEPS = """
from pathlib import Path
from docprogress.errors import DocumentError

HERE = Path(__file__).parent

def fewer(chunks):
    if (HERE / "fail").exists():
        raise DocumentError("it fails this time")
    limit = 3 if (HERE / "fewer").exists() else 1_000_000
    return [chunk for chunk in chunks if chunk.number <= limit]
"""


@pytest.fixture(scope="module")
def vectors():
    with vector_postgres() as server:
        yield server


@pytest.fixture(params=["lancedb", "pgvector", "qdrant"])
def stored(request, tmp_path):
    """A vector store of each kind."""
    if request.param == "lancedb":
        yield LanceFolder(tmp_path)
    elif request.param == "pgvector":
        server = request.getfixturevalue("vectors")
        with server.database() as url:
            yield PgTable(server, url)
    else:
        server = QdrantServer(tmp_path / "qdrant")
        server.start()
        yield server
        server.stop()


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


def has_what_the_run_has(stored, *runs):
    """Wait until it has; rows are deleted a moment after a run has ended."""
    expected = chunks_of(*runs)
    eventually(lambda: stored.rows() == expected, what="the sink has the run's chunks")


@pytest.mark.slow
def test_workers_killed_while_they_store_leave_each_chunk_once(stored, home):
    with Pipeline(
        home=home, workers=2, sink=stored.sink, lease_seconds=3, **LARGE
    ) as p:
        run = p.submit(large_documents(4, stored.large))
        for _ in range(2):
            in_the_middle(run)
            for child in children(home):
                child.kill()
        run.wait(patient(120))

        assert run.progress().counts[Status.COMPLETED] == 4
        assert stored.rows() == chunks_of(run)
        assert len(stored.rows()) >= 4 * stored.large


@pytest.mark.slow
def test_documents_cancelled_while_they_are_stored_leave_nothing(stored, home):
    with Pipeline(home=home, workers=2, sink=stored.sink, **LARGE) as pipeline:
        kept = pipeline.submit([("small.txt", b"Some words. " * 20)]).wait(patient(60))
        run = pipeline.submit(large_documents(2, stored.large))
        in_the_middle(run)

        run.cancel()
        run.wait(patient(60))

        # One of them may have been stored just before.
        assert run.progress().counts[Status.CANCELLED] >= 1
        has_what_the_run_has(stored, kept, run)
        run.retry()
        run.wait(patient(60))
        assert run.progress().counts[Status.COMPLETED] == 2
        has_what_the_run_has(stored, kept, run)


@pytest.mark.slow
def test_a_sink_that_is_away_is_waited_for_and_a_cancel_does_not_wait(stored, home):
    files = [(f"small-{n}.txt", b"Some words. " * 20) for n in range(4)]
    with Pipeline(home=home, workers=2, sink=stored.sink) as pipeline:
        run = pipeline.submit(files[:1]).wait(patient(60))
        retried = run
        with stored.away():
            late = pipeline.submit(files)
            retried.retry(failed_only=False)
            cancelled = pipeline.submit(files)
            eventually(
                lambda: (
                    any("Waiting for" in row.message for row in late.documents())
                    or any("Waiting for the sink" in m for m in late.events().message)
                ),
                what="a document says what it waits for",
            ) if not isinstance(stored, LanceFolder) else None
            cancelled.cancel()
            cancelled.wait(patient(10))
            if isinstance(stored, LanceFolder):
                late.cancel()
                late.wait(patient(10))
        late.wait(patient(90))
        run.wait(patient(90))

        if not isinstance(stored, LanceFolder):
            assert late.progress().counts[Status.COMPLETED] == len(files)
            assert {row.attempt for row in late.documents()} == {1}
        has_what_the_run_has(stored, run, late, cancelled)


@pytest.mark.slow
def test_a_worker_that_was_stopped_writes_nothing_after_the_next_one(stored, home):
    with Pipeline(
        home=home, workers=2, sink=stored.sink, lease_seconds=3, **LARGE
    ) as p:
        run = p.submit(large_documents(1, stored.large))
        [event] = in_the_middle(run)
        stopped = [c for c in children(home) if _works_on(run, event, c)]
        for child in stopped:
            child.suspend()
        try:
            run.wait(patient(60))
        finally:
            for child in stopped:
                child.resume()

        assert run.documents()[0].attempt == 2
        _let_it_end(home, stopped)
        has_what_the_run_has(stored, run)


@pytest.mark.slow
def test_a_worker_that_was_stopped_leaves_nothing_of_a_deleted_run(stored, home):
    with Pipeline(
        home=home, workers=2, sink=stored.sink, lease_seconds=3, **LARGE
    ) as p:
        run = p.submit(large_documents(1, stored.large))
        [event] = in_the_middle(run)
        stopped = [c for c in children(home) if _works_on(run, event, c)]
        for child in stopped:
            child.suspend()
        try:
            run.wait(patient(60))
            run.delete()
        finally:
            for child in stopped:
                child.resume()
        _let_it_end(home, stopped)
        eventually(lambda: stored.rows() == [], what="nothing is left")


@pytest.mark.slow
def test_a_document_that_is_repeated_leaves_no_chunk_of_before(stored, home, steps):
    files = [(f"a-{n}.txt", b"Some words. " * 60) for n in range(3)]
    options = {"steps": ["sink_steps:fewer"], "sink": stored.sink, **LARGE}
    with Pipeline(home=home, workers=2, **options) as pipeline:
        run = pipeline.submit(files).wait(patient(60))
        assert len(stored.rows()) > 9
        (steps / "fewer").touch()

        run.retry(failed_only=False)
        run.wait(patient(60))

        assert len(stored.rows()) == 9
        assert stored.rows() == chunks_of(run)
        (steps / "fail").touch()
        run.retry(failed_only=False)
        run.wait(patient(60))
        assert run.progress().counts[Status.FAILED] == 3
        has_what_the_run_has(stored, run)
        assert stored.rows() == []


@pytest.mark.slow
def test_what_is_deleted_while_the_sink_is_away_is_gone_once_it_is_back(stored, home):
    files = [(f"small-{n}.txt", b"Some words. " * 20) for n in range(4)]
    with Pipeline(home=home, workers=2, sink=stored.sink) as pipeline:
        run = pipeline.submit(files).wait(patient(60))
        other = pipeline.submit(files).wait(patient(60))
        if isinstance(stored, LanceFolder):
            pytest.skip("a folder that is gone has nothing to delete")
        with stored.away():
            run.delete()
            for child in children(home):
                child.kill()
        eventually(
            lambda: stored.rows() == chunks_of(other),
            seconds=60,
            what="the deleted run's rows are gone",
        )


def _works_on(run, event, process):
    owner = run.connections.bus.redis.get(f"document:{event.document_id}:lease")
    return owner is not None and owner.decode().endswith(f":{process.pid}")


def _let_it_end(home, stopped):
    """Wait until processes that continue have seen that they are late."""
    redis_idle = lambda: all(not _busy(process) for process in stopped)  # noqa: E731
    eventually(redis_idle, what="the late worker has ended its document")


def _busy(process):
    with contextlib.suppress(psutil.Error):
        return process.cpu_percent(interval=0.5) > 5
    return False
