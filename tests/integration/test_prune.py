"""Deleting a run removes all of its data and no other run's."""

import subprocess
import sys
import threading

import pytest
from support.patience import patient
from support.services import eventually
from support.settings import command_line, service_options
from typer.testing import CliRunner

from docprogress import Pipeline, Status
from docprogress.cli.app import app
from docprogress.errors import RunNotFound, RunUnfinished
from docprogress.store import schema

TEXT = b"Either party may terminate this agreement for convenience. " * 30

#: Messages stay there until a worker takes and discards them.
QUEUES = {"docprogress", *(f"docprogress:{level}" for level in range(1, 8))}


def texts(count):
    return [(f"{n}.txt", b"%d " % n + TEXT) for n in range(count)]


@pytest.fixture
def where(redis_url, tmp_path, monkeypatch):
    (tmp_path / "slowly.py").write_text(
        "import time\n\ndef slow(pages):\n    time.sleep(0.3)\n    yield from pages\n"
    )
    monkeypatch.chdir(tmp_path)
    return service_options(tmp_path, redis_url)


@pytest.fixture
def options(where):
    return command_line(where)


@pytest.fixture
def worker(options):
    process = subprocess.Popen(
        [sys.executable, "-m", "docprogress", "worker", "--concurrency=2", *options]
    )
    yield process
    process.kill()
    process.wait()


def everything(pipeline, tmp_path):
    """All that is kept anywhere: rows, files, keys."""
    with pipeline.store.database.reading() as connection:
        rows = {
            f"{table.name} {tuple(row)[:3]}"
            for table in schema.metadata.sorted_tables
            for row in connection.execute(table.select())
        }
    files = {str(path) for path in (tmp_path / "files").rglob("*") if path.is_file()}
    keys = {key.decode() for key in pipeline.bus.redis.scan_iter()}
    # What brokers and workers say of themselves comes and goes.
    of_others = (
        "_kombu",
        "docprogress:served",
        "documents:workers",
        "documents:reaper",
    )
    return rows | files | {key for key in keys if not key.startswith(of_others)}


def test_nothing_of_a_run_is_left_and_all_of_the_other_is(where, worker, tmp_path):
    with Pipeline(**where) as pipeline:
        kept = pipeline.submit(texts(5)).wait(timeout=patient(90))
        eventually(lambda: not pipeline.bus.redis.hgetall("documents:leased"))
        before = everything(pipeline, tmp_path)
        run = pipeline.submit(texts(5)).wait(timeout=patient(60))
        size = sum(row.size for row in run.documents())
        eventually(lambda: not pipeline.bus.redis.hgetall("documents:leased"))

        deleted = run.delete()

        assert everything(pipeline, tmp_path) == before
        assert (deleted.documents, deleted.files, deleted.bytes) == (5, 5, size)
        assert deleted.keys == 5 + 2
        assert len(kept.search("terminate")) > 0
        with pytest.raises(RunNotFound):
            run.delete()


def test_messages_of_a_cancelled_run_stay_in_the_queues_for_workers_to_discard(
    where, tmp_path
):
    with Pipeline(**where) as pipeline:
        kept = pipeline.submit(texts(20))
        before = everything(pipeline, tmp_path)
        run = pipeline.submit(texts(700))
        with pytest.raises(RunUnfinished, match="700 documents are unfinished"):
            run.delete()
        run.cancel()
        queued = pipeline.bus.redis.llen("docprogress")

        deleted = run.delete()

        assert deleted.messages == 0
        assert everything(pipeline, tmp_path) - QUEUES == before - QUEUES
        assert pipeline.bus.redis.llen("docprogress") == queued
        assert kept.summary() == "20 documents: 20 queued"


def test_a_run_is_deleted_while_workers_are_at_it(where, worker, tmp_path):
    with Pipeline(steps=["slowly:slow"], **where) as pipeline:
        run = pipeline.submit(texts(30))
        eventually(lambda: len(run.documents(status=Status.COMPLETED)) >= 2)
        run.cancel()

        run.delete()
        other = pipeline.submit(texts(3)).wait(timeout=patient(60))
        eventually(lambda: not pipeline.bus.redis.hgetall("documents:leased"))

        assert other.summary() == "3 documents: 3 completed"
        assert {row.id for row in pipeline.runs()} == {other.id}
        left = everything(pipeline, tmp_path)
        assert not [each for each in left if run.id in each]


def test_what_comes_to_rest_while_it_is_waited_for_is_deleted(where, monkeypatch):
    with Pipeline(**where) as pipeline:
        run = pipeline.submit(texts(1))
        [row] = run.documents()
        pipeline.store.attempts.claim(row.id, row.attempt, worker="w")
        run.cancel()
        count = pipeline.store.documents.counts

        def counted(run_id):
            counts = count(run_id)
            if counts[Status.PROCESSING]:
                pipeline.store.attempts.finish(
                    row.id, row.attempt, Status.CANCELLED, message="Cancelled"
                )
            return counts

        monkeypatch.setattr(pipeline.store.documents, "counts", counted)

        assert run.delete().documents == 1


def test_an_interrupted_deletion_is_gone_on_with(where, tmp_path):
    with Pipeline(**where) as pipeline:
        before = everything(pipeline, tmp_path)
        run = pipeline.submit(texts(700))
        run.cancel()

        def interrupt(done, total):
            assert (done, total) == (500, 700)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run.delete(on_progress=interrupt)
        assert len(run.documents()) == 200

        assert pipeline.attach(run.id).delete().documents == 200
        assert everything(pipeline, tmp_path) - QUEUES == before


def test_a_run_being_submitted_is_not_deleted(where):
    with Pipeline(**where) as pipeline:
        going, on = threading.Event(), threading.Event()

        def delivered(done, _):
            if done == 1:
                going.set()
                on.wait(patient(30))

        submitting = threading.Thread(
            target=pipeline.submit, args=(texts(3),), kwargs={"on_progress": delivered}
        )
        submitting.start()
        try:
            going.wait(patient(30))
            run = pipeline.attach("latest")
            run.cancel()
            with pytest.raises(RunUnfinished, match="being submitted"):
                run.delete()
        finally:
            on.set()
            submitting.join()


def test_prune_deletes_old_runs_and_lists_those_it_keeps(where, options, monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_HOME", str(where["home"]))
    command = CliRunner()
    with Pipeline(**where) as pipeline:
        ended = pipeline.submit(texts(3))
        ended.cancel()
        unfinished = pipeline.submit(texts(2))

        def prune(*arguments):
            return command.invoke(app, ["prune", *arguments, *options])

        assert "nothing to delete" in prune("--older-than=1h", "--yes").stdout
        shown = prune("--older-than=0m", "--dry-run").stdout
        assert "1 unfinished run kept" in shown
        assert f"{ended.id}: 3 documents: 3 cancelled" in shown
        assert {row.id for row in pipeline.runs()} == {ended.id, unfinished.id}
        refused = prune("--older-than=0m")
        assert "--yes" in str(refused.exception)
        assert "is not an age" in str(prune("--older-than=soon").exception)

        done = prune("--older-than=0m", "--yes")
        assert "deleted 1 run with 3 documents: 3 files (" in done.stdout
        assert {row.id for row in pipeline.runs()} == {unfinished.id}

        delete = ["delete", unfinished.id, "--yes", *options]
        assert command.invoke(app, delete).exit_code == 1
        assert command.invoke(app, [*delete, "--cancel"]).exit_code == 0
        assert pipeline.runs() == []
