"""Every run ends, however its submission ended, and is started only once."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import delete
from sqlalchemy import event as sql
from support.patience import patient
from support.queues import level_queue_names
from support.services import Server, Worker, eventually
from support.settings import command_line, service_options
from support.web import served
from typer.testing import CliRunner

from docprogress import Pipeline, Status, local
from docprogress.bus.keys import submitting_key
from docprogress.cli.app import app
from docprogress.errors import RunNotFound, ServicesError, StoreError, SubmitError
from docprogress.settings import load
from docprogress.storage import spool
from docprogress.store import schema
from docprogress.store.submissions import Submissions

TEXT = b"Either party may terminate this agreement for convenience. " * 30

COUNT = 20
BATCH = 5


def texts(count, word="contract"):
    return [(f"{word}-{n}.txt", b"%d " % n + TEXT) for n in range(count)]


@pytest.fixture
def where(redis_url, tmp_path):
    return service_options(tmp_path, redis_url)


@pytest.fixture
def options(where, monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_HOME", str(where["home"]))
    return command_line(where)


@contextmanager
def worker(where):
    settings = {name: str(where[name]) for name in ("database_url", "storage_url")}
    environment = {f"DOCPROGRESS_{k.upper()}": v for k, v in settings.items()}
    process = Worker(where["redis_url"], where["home"], **environment)
    try:
        process.ready()
        yield process
    finally:
        process.kill()


SUBMITTER = """
import os, signal, sys, time
from pathlib import Path
from docprogress import Pipeline
from docprogress.client import submission
from docprogress.store.submissions import Submissions

def pause():
    print(pipeline.runs()[0].id, flush=True)
    {pause}

submission.ADDED_TOGETHER = {batch}
added, stored = {added}, {stored}
add = Submissions.add

def add_some(store, documents):
    if documents[0].number == added + 1:
        pause()
    add(store, documents)

def on_progress(done, total):
    if done == stored:
        pause()

Submissions.add = add_some
pipeline = Pipeline(**{where!r})
pipeline.submit([(f"{{n}}.txt", b"%d text" % n) for n in range({count})], on_progress=on_progress)
"""


def paused_submission(where, *, added=COUNT, stored=0, pause="signal.pause()"):
    """A process that pauses after so many documents, and the id of its run."""
    code = SUBMITTER.format(
        where={name: str(value) for name, value in where.items()},
        batch=BATCH,
        count=COUNT,
        added=added,
        stored=stored,
        pause=pause,
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def killed_submission(where, *, added=COUNT, stored=0):
    """The id of a run whose submitting process was killed with so many documents."""
    process, run_id = paused_submission(where, added=added, stored=stored)
    process.kill()
    process.communicate()
    return run_id


@pytest.fixture
def impatient(monkeypatch):
    """Whoever watches gives up at once what will not be handed in."""
    monkeypatch.setattr("docprogress.client.reconcile.GONE_SECONDS", 0)
    monkeypatch.setattr("docprogress.bus.subscription.RECONCILE_SECONDS", 0.2)


def gone(pipeline, run_id):
    """Let the sign of life of a killed process run out now."""
    pipeline.bus.redis.delete(submitting_key(run_id))


REASON = "the process that submitted the run ended"


@pytest.mark.parametrize(
    "killed",
    [{"added": 0}, {"added": 2 * BATCH}, {"stored": 9}],
    ids=["nothing added", "half added", "half stored"],
)
def test_a_worker_ends_the_run_of_a_killed_submission_with_a_reason(
    where, options, killed
):
    with Pipeline(**where) as pipeline, worker(where):
        run_id = killed_submission(where, **killed)
        run = pipeline.attach(run_id)
        handed_in = sum(row.ready for row in run.documents())
        assert (handed_in > 0) == ("stored" in killed)
        gone(pipeline, run_id)

        eventually(lambda: pipeline.runs()[0].finished_at, seconds=patient(60))

        counts = Counter(row.status for row in run.documents())
        assert counts[Status.CANCELLED] == COUNT - handed_in
        assert counts[Status.COMPLETED] == handed_in
        assert [row.number for row in run.documents()] == list(range(1, COUNT + 1))
        last = run.documents()[-1]
        assert REASON in last.message
        assert REASON in repr(run)
        assert run.retry() == 0, "there is nothing to try again with"
        assert run.wait(timeout=patient(30)) is run
        assert REASON in run.progress().summary()
        eventually(
            lambda: pipeline.bus.counts(run_id)[Status.CANCELLED] == COUNT - handed_in
        )
        shown = CliRunner().invoke(app, ["status", run_id, *options]).stdout
        assert REASON in shown.splitlines()[0]
        assert last.name in shown


@pytest.mark.parametrize("added", [0, 2 * BATCH])
def test_waiting_ends_such_a_run_without_a_worker(where, added, impatient):
    run_id = killed_submission(where, added=added)
    with Pipeline(**where) as pipeline:
        gone(pipeline, run_id)
        run = pipeline.attach(run_id).wait(timeout=patient(30))

        assert run.summary().startswith(f"{COUNT} documents: {COUNT} cancelled; ")
        assert REASON in run.not_handed_in


def test_every_watcher_sees_the_end_of_such_a_run(where, impatient):
    run_id = killed_submission(where, added=BATCH)

    async def ends(run):
        async with asyncio.timeout(patient(30)), run.watch() as events:
            async for _ in events:
                pass
            return events.progress

    with Pipeline(**where) as pipeline, Pipeline(**where) as other:
        gone(pipeline, run_id)

        async def both():
            return await asyncio.gather(
                ends(pipeline.attach(run_id)), ends(other.attach(run_id))
            )

        for progress in asyncio.run(both()):
            assert progress.finished
            assert progress.counts[Status.CANCELLED] == COUNT
            assert REASON in progress.not_handed_in


def test_a_stream_over_http_ends_with_such_a_run(where, impatient):
    run_id = killed_submission(where, added=BATCH)
    with Pipeline(**where) as pipeline, served(load(**where)) as web:
        with web.read(f"/progress/runs/{run_id}/stream") as reader:
            assert reader.progress().data["status"] == "queued"
            gone(pipeline, run_id)
            pipeline.attach(run_id).wait(timeout=patient(30))

            delivered = reader.rest()

    ended = {each.data["document_id"]: each.data for each in delivered}
    assert len(ended) == COUNT
    assert {each["status"] for each in ended.values()} == {"cancelled"}
    assert all(REASON in each["message"] for each in ended.values())


def test_a_run_that_is_still_being_submitted_is_not_given_up(where, impatient):
    with Pipeline(**where) as pipeline:
        seen = []

        def on_progress(done, total):
            if done == 1:
                run = pipeline.attach("latest")
                with pytest.raises(TimeoutError, match=f"{total} documents are unf"):
                    run.wait(timeout=1)
                seen.append(run.summary())

        run = pipeline.submit(texts(COUNT), on_progress=on_progress)

        assert seen == [f"{COUNT} documents: {COUNT} queued"]
        assert run.summary() == f"{COUNT} documents: {COUNT} queued"


@pytest.mark.parametrize("added", [0, 2 * BATCH])
def test_cancelling_ends_the_run_of_a_killed_submission(where, options, added):
    run_id = killed_submission(where, added=added)
    with Pipeline(**where) as pipeline:
        run = pipeline.attach(run_id)

        assert run.cancel() == COUNT
        assert run.cancel() == 0
        assert run.wait(timeout=patient(30)).progress().finished
        assert pipeline.runs()[0].counts[Status.CANCELLED] == COUNT
        assert pipeline.store.runs.totals().unfinished == 0
        gone(pipeline, run_id)
        assert run.delete().documents == COUNT


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_documents_cancelled_before_they_are_added_stay_cancelled(
    where, monkeypatch, request, database
):
    if database == "postgresql":
        where |= {"database_url": request.getfixturevalue("postgres_url")}
    monkeypatch.setattr("docprogress.client.submission.ADDED_TOGETHER", BATCH)
    add = Submissions.add
    cancelled = []

    def add_after_cancelling(store, documents):
        add(store, documents)
        if documents[0].number == 1:
            cancelled.append(pipeline.attach(documents[0].run_id).cancel())

    monkeypatch.setattr(Submissions, "add", add_after_cancelling)
    with Pipeline(**where) as pipeline:
        run = pipeline.submit(texts(COUNT))

        assert cancelled == [COUNT]
        assert run.summary() == f"{COUNT} documents: {COUNT} cancelled"
        assert [row.name for row in run.documents()] == [n for n, _ in texts(COUNT)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_documents_cancelled_during_their_upload_can_be_retried(
    where, request, database
):
    if database == "postgresql":
        where |= {"database_url": request.getfixturevalue("postgres_url")}
    with Pipeline(**where) as pipeline:

        def on_progress(done, _):
            if done == 1:
                pipeline.attach("latest").cancel()

        run = pipeline.submit(texts(3), on_progress=on_progress)
        assert run.summary() == "3 documents: 3 cancelled"
        assert all(row.sha256 and row.size for row in run.documents())

        assert run.retry() == 3
        with worker(where):
            run.wait(timeout=patient(60))
        assert run.summary() == "3 documents: 3 completed"


def test_a_submission_that_was_given_up_by_mistake_continues(where):
    """As where a laptop slept in the middle of it."""
    with Pipeline(**where) as pipeline:

        def on_progress(done, _):
            if done == 1:
                run_id = pipeline.runs()[0].id
                assert len(pipeline.store.submissions.abandon(run_id, "asleep"))

        run = pipeline.submit(texts(3), on_progress=on_progress)
        assert {row.status for row in run.documents()} == {Status.QUEUED}
        assert run.not_handed_in is None
        with worker(where):
            run.wait(timeout=patient(60))

    assert run.summary() == "3 documents: 3 completed"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("reached", [{"added": BATCH}, {"stored": 9}])
def test_cancelled_documents_stay_cancelled_when_a_suspended_submitter_resumes(
    where, request, database, reached
):
    if database == "postgresql":
        where |= {"database_url": request.getfixturevalue("postgres_url")}
    suspend = "os.kill(os.getpid(), signal.SIGSTOP)"
    process, run_id = paused_submission(where, pause=suspend, **reached)
    try:
        with Pipeline(**where) as pipeline:
            run = pipeline.attach(run_id)
            given_up = pipeline.store.submissions.abandon(run_id, REASON)
            handed_in = COUNT - len(given_up)

            assert run.cancel() == handed_in
            process.send_signal(signal.SIGCONT)
            assert process.wait(patient(30)) == 0

            assert pipeline.runs()[0].counts[Status.CANCELLED] == COUNT
            assert run.not_handed_in == REASON
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyboardInterrupt(), "the submission was interrupted"),
        (RuntimeError("out of paper"), "the submission failed: out of paper"),
    ],
)
@pytest.mark.parametrize("added", [0, BATCH, COUNT])
def test_a_submission_that_raises_leaves_nothing_running(
    where, monkeypatch, error, reason, added
):
    monkeypatch.setattr("docprogress.client.submission.ADDED_TOGETHER", BATCH)
    add = Submissions.add

    def interrupted(store, documents):
        if documents[0].number > added:
            raise error
        add(store, documents)

    def on_progress(done, _):
        if done == BATCH:
            raise error

    monkeypatch.setattr(Submissions, "add", interrupted)
    with Pipeline(**where) as pipeline:
        with pytest.raises(type(error)):
            pipeline.submit(texts(COUNT), on_progress=on_progress)

        run = pipeline.attach("latest")
        assert {row.status for row in run.documents()} == {Status.CANCELLED}
        assert len(run.documents()) == COUNT
        assert reason in repr(run)
        assert run.wait(timeout=patient(30)).progress().finished


def test_a_file_that_cannot_be_read_fails_alone(where):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if size:
                raise ValueError("the cable was pulled")
            return b""

    with Pipeline(**where) as pipeline:
        run = pipeline.submit([*texts(2), ("broken.txt", Broken(TEXT))])

        *others, broken = run.documents()
        assert {row.status for row in others} == {Status.QUEUED}
        assert broken.status is Status.FAILED
        assert broken.error == "broken.txt: it cannot be read: the cable was pulled"


def test_a_file_that_cannot_be_read_and_was_cancelled_raises_nothing(where, tmp_path):
    (tmp_path / "gone.txt").write_bytes(TEXT)
    with Pipeline(**where) as pipeline:

        def on_progress(done, _):
            if done == 1:
                pipeline.attach("latest").cancel()
                (tmp_path / "gone.txt").unlink()

        run = pipeline.submit(
            [("a.txt", TEXT), tmp_path / "gone.txt"], on_progress=on_progress
        )

        assert run.summary() == "2 documents: 2 cancelled"


def test_no_message_is_sent_for_what_was_cancelled_during_its_upload(where):
    with Pipeline(**where) as pipeline:

        def on_progress(done, _):
            if done == 1:
                pipeline.attach("latest").cancel()

        pipeline.submit(texts(100), on_progress=on_progress)

        names = level_queue_names("docprogress")
        queued = sum(pipeline.bus.redis.llen(name) for name in names)
        assert queued <= 1


def test_a_generator_that_raises_starts_nothing(where):
    def broken():
        yield from texts(3)
        raise RuntimeError("no more")

    with Pipeline(**where) as pipeline:
        with pytest.raises(RuntimeError, match="no more"):
            pipeline.submit(broken())
        assert pipeline.runs() == []


def test_a_full_disk_is_an_error_before_anything_starts(where, monkeypatch):
    monkeypatch.setattr("docprogress.storage.spool.IN_MEMORY", 1)
    full = Path("/dev/full")
    monkeypatch.setattr(spool.tempfile, "TemporaryFile", lambda **_: full.open("w+b"))
    with Pipeline(**where) as pipeline:
        with pytest.raises(SubmitError, match="no space left"):
            pipeline.submit(text for text in texts(3))
        assert pipeline.runs() == []


def test_a_database_that_becomes_unavailable_during_submission_ends_the_run_once_it_is_back(
    where, postgres, postgres_url
):
    where |= {"database_url": postgres_url}
    with Pipeline(**where) as pipeline:

        def on_progress(done, _):
            if done == 2:
                postgres.stop()

        with pytest.raises(StoreError):
            pipeline.submit(texts(COUNT), on_progress=on_progress)
        postgres.start()
        with worker(where):
            run = pipeline.attach("latest").wait(timeout=patient(60))

        assert REASON in repr(run)
        assert len(run.documents()) == COUNT


def test_a_run_that_has_started_is_returned_though_the_database_is_unavailable(
    where, postgres, postgres_url
):
    where |= {"database_url": postgres_url}
    with Pipeline(**where) as pipeline:

        def on_progress(done, total):
            if done == total:
                postgres.stop()

        run = pipeline.submit(texts(3), on_progress=on_progress)
        postgres.start()

        assert run.summary() == "3 documents: 3 queued"


def test_a_run_that_has_started_is_returned_though_redis_is_unavailable(where, server):
    where |= {"redis_url": server.url}
    with Pipeline(**where) as pipeline:

        def on_progress(done, _):
            if done == 1:
                server.kill()

        run = pipeline.submit(texts(3), on_progress=on_progress)

        assert run.summary() == "3 documents: 3 queued"


def test_queues_are_checked_for_that_run_alone(where):
    with Pipeline(**where) as pipeline:
        others = [pipeline.submit(texts(1)) for _ in range(3)]
        asked = []
        sql.listen(
            pipeline.store.database.engine,
            "before_cursor_execute",
            lambda _, __, statement, parameters, *___: asked.append(
                (statement, parameters)
            ),
        )
        run = pipeline.submit(texts(2))

        counting = [each for each in asked if "count(*)" in each[0]]
        assert counting
        for statement, parameters in counting:
            assert run.id in parameters, statement
            with pipeline.store.database.reading() as connection:
                plan = connection.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {statement}", parameters
                )
                assert all("SCAN document" not in row[3] for row in plan)
        unserved = "Waiting for queue default: no worker serves it"
        assert {row.message for row in run.documents()} == {unserved}
        assert {each.documents()[0].message for each in others} == {unserved}


@pytest.mark.parametrize("timeout", [0, 0.001, 0.5])
@pytest.mark.parametrize("count", [1, 3])
def test_a_wait_timeout_counts_unfinished_documents(where, timeout, count):
    left = {1: "1 document is unfinished", 3: "3 documents are unfinished"}[count]
    with Pipeline(**where) as pipeline:
        run = pipeline.submit(texts(count))

        with pytest.raises(TimeoutError, match=f"^{left} after {timeout:g} s$"):
            run.wait(timeout=timeout)
        with pytest.raises(TimeoutError, match=f"^{left} after {timeout:g} s$"):
            list(run.as_completed(timeout=timeout))


def test_waiting_reports_that_no_worker_is_running(where, impatient):
    with Pipeline(**where) as pipeline:
        with worker(where):
            pass  # says for a few seconds yet that it serves
        run = pipeline.submit(texts(2))
        pipeline.bus.redis.delete("docprogress:served", "documents:workers:1")

        async def messages():
            async with asyncio.timeout(patient(30)), run.watch() as events:
                async for event in events:
                    if "no worker serves it" in event.message:
                        return event.message
            return None

        assert "Waiting for queue default" in asyncio.run(messages())


def test_a_run_without_documents_is_at_its_end(where):
    with Pipeline(**where) as pipeline:
        row = pipeline.store.runs.add(
            run_id="nothing",
            case_id=None,
            expected=0,
            steps=[],
            settings={},
            fingerprint="",
        )
        run = pipeline.attach(row.id)

        assert run.wait(timeout=patient(30)) is run
        assert run.cancel() == 0


def test_a_run_that_is_deleted_in_part_is_complete_with_the_rest(where):
    with Pipeline(**where) as pipeline:
        run = pipeline.submit(texts(5))
        run.cancel()
        ids = [row.id for row in run.documents()]
        pipeline.store.documents.delete(ids[:2])

        again = pipeline.attach(run.id).wait(timeout=patient(30))

        assert again.expected == 3
        assert pipeline.runs()[0].finished_at is not None
        assert pipeline.store.submissions.unfinished() == []
        pipeline.store.documents.delete(ids)
        assert pipeline.store.submissions.unfinished() == []
        assert pipeline.attach(run.id).wait(timeout=patient(30)).expected == 0
        assert pipeline.attach(run.id).delete().documents == 0


def test_waiting_ends_when_the_run_is_deleted(where, impatient):
    with Pipeline(**where) as pipeline, Pipeline(**where) as other:
        run = pipeline.submit(texts(2))
        ended = []

        def wait():
            try:
                run.wait(timeout=patient(30))
            except RunNotFound as error:
                ended.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        # At once: who waits would find that all documents were cancelled.
        with pipeline.store.database.writing() as connection:
            for table, column in ((schema.document, "run_id"), (schema.run, "id")):
                connection.execute(delete(table).where(table.c[column] == run.id))
        other.bus.forget([f"{run.id}-0001", f"{run.id}-0002"], run_id=run.id)
        waiting.join(patient(30))

        assert [error.run_id for error in ended] == [run.id]


def test_deleting_a_run_leaves_its_messages_to_workers_which_discard_them(
    where, short_path
):
    server = Server(short_path)
    server.start()
    where |= {"redis_url": server.url}
    try:
        with Pipeline(**where) as pipeline:
            kept = pipeline.submit(texts(3, "kept"))
            run = pipeline.submit(texts(100))
            run.cancel()
            assert run.delete().documents == 100
            # Cancelled and deleted by somebody while its messages are on their way.
            last = pipeline.submit(texts(3, "last"))

            used = set(pipeline.bus.redis.info("commandstats"))
            assert used.isdisjoint({"cmdstat_lrem", "cmdstat_lrange", "cmdstat_keys"})
            with worker(where) as process:
                kept.wait(timeout=patient(60))
                last.wait(timeout=patient(60))
                eventually(
                    lambda: (
                        not any(
                            pipeline.bus.redis.llen(name)
                            for name in pipeline.bus.redis.scan_iter("docprogress*")
                            if pipeline.bus.redis.type(name) == b"list"
                        )
                    )
                )
                eventually(lambda: not pipeline.bus.redis.hlen("documents:leased"))
                output = process.output()

            assert kept.summary() == "3 documents: 3 completed"
            assert last.summary() == "3 documents: 3 completed"
            assert "Traceback" not in output
            assert "ERROR" not in output
            assert [row.id for row in pipeline.runs()] == [last.id, kept.id]
            left = [key.decode() for key in pipeline.bus.redis.scan_iter()]
            assert not [key for key in left if run.id in key]
    finally:
        server.kill()


def test_runs_are_found_by_a_prefix_without_loading_them(where):
    ids = ["20261130-a", "20261130-b", "2026%", "2026_x", "Abc", "abd"]
    with Pipeline(**where) as pipeline:
        for run_id in ids:
            pipeline.store.runs.add(
                run_id=run_id,
                case_id=None,
                expected=1,
                steps=[],
                settings={},
                fingerprint="",
            )
        statements = []
        sql.listen(
            pipeline.store.database.engine,
            "before_cursor_execute",
            lambda _, __, statement, *___: statements.append(statement),
        )

        assert pipeline.attach("20261130-b").id == "20261130-b"
        assert pipeline.attach("2026%").id == "2026%"
        assert pipeline.attach("2026_").id == "2026_x"
        assert pipeline.attach("ab").id == "abd"
        assert pipeline.attach("latest").id == "abd"
        for ambiguous in ("2026", "20261130-", "", "%", "nothing"):
            with pytest.raises(RunNotFound):
                pipeline.attach(ambiguous)
        assert not [each for each in statements if "count(" in each]


def test_status_reads_only_sums_from_the_database(where, options):
    with Pipeline(**where) as pipeline:
        pipeline.submit(texts(3)).cancel()
        pipeline.submit(texts(2))
        pipeline.store.runs.add(
            run_id="begun",
            case_id=None,
            expected=7,
            steps=[],
            settings={},
            fingerprint="",
        )

    shown = CliRunner().invoke(app, ["status", "--json", *options]).stdout

    printed = json.loads(shown)
    assert printed["runs"] == {"total": 3, "unfinished": 2}
    assert printed["counts"] == {
        "queued": 2,
        "processing": 0,
        "completed": 0,
        "failed": 0,
        "cancelled": 3,
    }
    assert "3 (2 unfinished)" in CliRunner().invoke(app, ["status", *options]).stdout


def test_a_slow_start_of_local_services_is_an_error_with_advice(home, monkeypatch):
    monkeypatch.setattr("docprogress.local.services.START_SECONDS", 0.01)
    with pytest.raises(ServicesError, match=r"did not start within 0\.01 s.*try again"):
        Pipeline(home=home)
    started = [each.cmdline() for each in psutil.Process().children()]
    assert not [each for each in started if "docprogress.daemon" in each]
    monkeypatch.undo()

    with Pipeline(home=home, workers=1) as pipeline:
        assert pipeline.bus.redis.ping()


def test_what_the_system_refuses_at_the_start_is_an_error_with_advice(home):
    settings = load(home=home)
    local.prepare(settings.home)
    (home / "logs" / "supervisor.log").mkdir()

    with pytest.raises(ServicesError, match=r"supervisor\.log.*docprogress doctor"):
        local.up(settings)


def test_local_services_are_looked_up_at_most_once_a_second(home, monkeypatch):
    looks = []
    up = local.up
    monkeypatch.setattr(local, "up", lambda settings: looks.append(1) or up(settings))
    with Pipeline(home=home, workers=1) as pipeline:
        run = pipeline.submit(texts(60)).wait(timeout=patient(60))
        looks.clear()
        began = time.monotonic()
        run.events()
        for _ in range(100):
            assert pipeline.bus.redis.ping()

        assert len(looks) <= 2 + time.monotonic() - began


def test_local_services_that_died_are_started_again_when_they_are_needed(home):
    with Pipeline(home=home, workers=1) as pipeline:
        services = local.status(home)
        for pid in (services.pid, services.redis_pid):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not local.is_held(home / "supervisor.lock"))

        run = pipeline.submit(texts(2)).wait(timeout=patient(60))

        assert run.summary() == "2 documents: 2 completed"
