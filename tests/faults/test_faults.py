"""Killed, stopped and disconnected processes: every run still ends correctly."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.patience import patient
from support.runs import (
    COUNT,
    TEXT,
    alive,
    documents,
    ended_right,
    in_the_middle,
    nothing_is_left,
    worker_of,
)
from support.services import eventually

from docprogress import Pipeline, Status, local
from docprogress.bus.leases import owners
from docprogress.errors import ServicesError
from docprogress.store import AttemptStatus

STEPS = """
import os, signal, time
from pathlib import Path

def slow(pages):
    for page in pages:
        for _ in range(4):
            time.sleep(0.1)
        yield page

def deadly(pages):
    for page in pages:
        if "poison" in page.text:
            os.kill(os.getpid(), signal.SIGKILL)
        yield page

def counted(pages, *, document):
    for page in pages:
        with Path("MARKS").open("a") as marks:
            marks.write(document.name + "\\n")
        yield page

def greedy(pages):
    for page in pages:
        hoard = []
        while "poison" in page.text:
            hoard.append(bytearray(os.urandom(1 << 20)) * 8)
            time.sleep(0.001)
        yield page

def endless(pages):
    for page in pages:
        while "poison" in page.text:
            time.sleep(0.01)
        yield page

def stubborn(pages):
    for page in pages:
        while "poison" in page.text:
            try:
                while True:
                    time.sleep(0.01)
            except Exception:
                pass
        yield page
"""


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """A module of steps that are slow, or do harm."""
    code = STEPS.replace("MARKS", str(tmp_path / "marks"))
    (tmp_path / "fault_steps.py").write_text(code)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def slow_pipeline(home, steps):
    with Pipeline(
        home=home, workers=2, lease_seconds=6, steps=["fault_steps:slow"]
    ) as pipeline:
        # Until the workers are there, there is nothing to hurt.
        pipeline.submit([("first.txt", b"first")]).wait(timeout=patient(60))
        yield pipeline


def suspended_at_work(pipeline, run, *, step="slow"):
    """A worker process, stopped in the middle of a step; None if it was not."""
    rows = run.documents(status=Status.PROCESSING)
    holders = owners(pipeline.bus.redis, [row.id for row in rows])
    for document_id, holder in holders.items():
        if holder is None:
            continue
        victim = psutil.Process(int(holder.rpartition(":")[2]))
        victim.suspend()
        row = pipeline.store.documents.get(document_id)
        newest = pipeline.bus.newest([document_id]).get(document_id)
        if row.status is Status.PROCESSING and step in (None, newest and newest.step):
            return victim
        victim.resume()
    return None


def test_a_killed_worker_process_costs_one_attempt_and_no_document(home, steps):
    """Its parent knows at once: nobody could wait for this lease to run out."""
    with Pipeline(
        home=home, workers=2, lease_seconds=600, steps=["fault_steps:slow"]
    ) as pipeline:
        run = pipeline.submit(documents())
        in_the_middle(run)
        eventually(lambda: suspended_at_work(pipeline, run)).kill()

        rows = ended_right(run)

        assert [row.attempt for row in rows].count(2) == 1
        attempts = pipeline.store.attempts.of_run(run.id)
        assert [one.status for one in attempts].count(AttemptStatus.LOST) == 1
        messages = run.events()["message"]
        assert any("its worker process died" in message for message in messages)
    nothing_is_left(home)


def test_documents_that_came_in_one_message_with_the_one_that_died_are_sent_again(home):
    """Quick ones travel together; a death is that of the one that was at work."""
    texts = [(f"long-{n}.txt", f"{n}. {TEXT * 30}".encode()) for n in range(2 * COUNT)]
    with Pipeline(home=home, workers=2, lease_seconds=600) as pipeline:
        pipeline.submit([("first.txt", b"first")]).wait(timeout=patient(60))
        run = pipeline.submit(texts)

        eventually(lambda: suspended_at_work(pipeline, run, step=None)).kill()
        run.wait(timeout=patient(60))

        rows = run.documents()
        assert all(row.status is Status.COMPLETED for row in rows)
        assert sorted(row.attempt for row in rows) == [1] * (len(rows) - 1) + [2]
        for row in rows:
            numbers = [
                chunk.number for chunk in run.connections.store.results.chunks(row.id)
            ]
            assert numbers == list(range(1, row.chunks + 1))
    nothing_is_left(home)


def test_documents_of_a_killed_worker_go_to_the_next_one(slow_pipeline, home):
    run = slow_pipeline.submit(documents())
    in_the_middle(run)
    worker_of(home).kill()

    ended_right(run)
    nothing_is_left(home)


def test_a_worker_killed_with_all_its_processes_is_replaced(slow_pipeline, home):
    run = slow_pipeline.submit(documents())
    in_the_middle(run)
    worker = worker_of(home)
    for process in (worker, *worker.children()):
        process.kill()

    rows = ended_right(run)
    assert any(row.attempt == 2 for row in rows)
    nothing_is_left(home)


@pytest.mark.slow
def test_a_suspended_worker_process_finds_its_work_dropped(home, steps):
    """Stopped for longer than its lease, it goes on as if nothing had happened."""
    with Pipeline(
        home=home, workers=2, lease_seconds=3, steps=["fault_steps:slow"]
    ) as pipeline:
        pipeline.submit([("first.txt", b"first")]).wait(timeout=patient(60))
        run = pipeline.submit(documents(6))
        victim = eventually(lambda: suspended_at_work(pipeline, run))
        eventually(lambda: any(row.attempt > 1 for row in run.documents()))
        run.wait(timeout=patient(90))
        before = run.to_frame()
        victim.resume()

        pipeline.submit(documents(4)).wait(timeout=patient(60))

        ended_right(run)
        assert run.to_frame().equals(before)
        [again] = [row for row in run.documents() if row.attempt == 2]
        events = pipeline.bus.history(again.id)
        assert [event.attempt for event in events] == sorted(
            event.attempt for event in events
        )
    nothing_is_left(home)


def test_a_killed_supervisor_is_replaced(slow_pipeline, home):
    run = slow_pipeline.submit(documents())
    in_the_middle(run)
    before = local.status(home)
    os.kill(before.pid, signal.SIGKILL)

    ended_right(run)
    assert local.status(home).pid != before.pid
    assert local.status(home).redis_pid == before.redis_pid
    nothing_is_left(home)


@pytest.mark.slow
def test_a_supervisor_that_is_killed_while_its_worker_starts_is_replaced(
    slow_pipeline, home
):
    run = slow_pipeline.submit(documents())
    in_the_middle(run)
    supervisor = psutil.Process(local.status(home).pid)
    before = supervisor.children()
    worker_of(home).kill()
    eventually(lambda: set(supervisor.children()) - set(before))
    supervisor.kill()

    ended_right(run)
    nothing_is_left(home)


def test_a_server_that_all_others_were_killed_around_is_stopped(home, steps):
    with Pipeline(home=home, workers=2, steps=["fault_steps:slow"]) as pipeline:
        run = pipeline.submit(documents())
        in_the_middle(run)
    found, worker = local.status(home), worker_of(home)
    killed = [psutil.Process(found.pid), worker, *worker.children()]
    for process in killed:
        process.kill()
    eventually(lambda: not any(map(alive, killed)))
    server = psutil.Process(found.redis_pid)

    server.suspend()
    with pytest.raises(ServicesError, match="does not stop"):
        local.down(home)
    server.resume()
    nothing_is_left(home)
    assert not local.down(home)


def test_a_killed_server_is_replaced_and_filled_again(slow_pipeline, home):
    run = slow_pipeline.submit(documents())
    in_the_middle(run)
    os.kill(local.status(home).redis_pid, signal.SIGKILL)

    ended_right(run)
    nothing_is_left(home)


@pytest.mark.slow
def test_a_server_that_is_stopped_for_ten_seconds_holds_the_run_up_that_long(
    slow_pipeline, home
):
    run = slow_pipeline.submit(documents())
    in_the_middle(run)
    pid = local.status(home).redis_pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(10)  # the outage is the test
    os.kill(pid, signal.SIGCONT)

    rows = ended_right(run)

    assert all(row.attempt == 1 for row in rows)
    nothing_is_left(home)


@pytest.mark.parametrize(
    ("refuse", "accept"),
    [
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
    ],
    ids=["no-primary", "full"],
)
def test_a_server_that_refuses_to_write_for_a_while_ends_no_worker(
    slow_pipeline, home, refuse, accept
):
    run = slow_pipeline.submit(documents(12))
    in_the_middle(run)
    worker = worker_of(home)
    slow_pipeline.bus.redis.execute_command(*refuse.split())
    log = home / "logs" / "worker.log"
    eventually(lambda: "Connection to broker lost" in log.read_text())
    slow_pipeline.bus.redis.execute_command(*accept.split())

    ended_right(run)
    assert worker_of(home) == worker
    nothing_is_left(home)


def test_the_submitting_process_may_be_killed(slow_pipeline, home, tmp_path):
    for number, (name, content) in enumerate(documents()):
        (tmp_path / f"{number}-{name}").write_bytes(content)
    code = (
        "from docprogress import Pipeline\n"
        f"pipeline = Pipeline(home={str(home)!r}, steps=['fault_steps:slow'])\n"
        f"run = pipeline.submit({str(tmp_path)!r} + '/*.txt')\n"
        "print(run.id, flush=True)\n"
        "run.wait()\n"
    )
    submitter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    run_id = submitter.stdout.readline().decode().strip()
    run = slow_pipeline.attach(run_id)
    in_the_middle(run)
    submitter.kill()
    submitter.communicate()

    ended_right(run)
    nothing_is_left(home)


@pytest.mark.slow
def test_what_a_killed_process_never_uploaded_is_cancelled_with_that_reason(
    slow_pipeline, home, tmp_path
):
    """It dies while the second document is on its way."""
    (tmp_path / "1.txt").write_text(TEXT)
    code = (
        "import os, sys\n"
        "from docprogress import Pipeline\n"
        f"pipeline = Pipeline(home={str(home)!r})\n"
        "class Endless:\n"
        "    name = 'endless.txt'\n"
        "    def read(self, size=-1):\n"
        "        if not size:\n"
        "            return b''\n"
        "        print(pipeline.runs()[0].id, flush=True)\n"
        "        sys.stdin.read(1)\n"
        "        return b'x'\n"
        "pipeline.submit(['1.txt', Endless()])\n"
    )
    submitter = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    run = slow_pipeline.attach(submitter.stdout.readline().decode().strip())
    submitter.kill()
    submitter.communicate()

    run.wait(timeout=patient(60))

    one, two = run.documents()
    assert two.status is Status.CANCELLED
    assert "the process that submitted the run ended" in two.message
    assert one.status is Status.COMPLETED or one.message == two.message


#: Steps that do harm, settings that end them, and what is said of the document.
HARM = [
    ("deadly", {}, "died"),
    ("greedy", {}, "memory"),
    ("endless", {"step_seconds": 2}, "no progress for 2 s"),
    ("stubborn", {"step_seconds": 2}, "no progress for 2 s"),
]


def test_harmful_documents_fail_alone_with_the_reason(home, steps):
    """One after another, on the same workers: what the first breaks is mended."""
    for step, settings, expected in HARM:
        with Pipeline(
            home=home,
            workers=2,
            steps=[f"fault_steps:{step}"],
            worker_memory=600 * 2**20,
            **settings,
        ) as pipeline:
            content = [("bad.txt", b"poison"), *documents(10)]
            run = pipeline.submit(content).wait(timeout=patient(120))

            bad, *rest = run.documents()
            assert bad.status is Status.FAILED, step
            assert expected in bad.error
            assert bad.error.startswith("bad.txt: ")
            assert bad.progress < 100
            assert bad.attempt == (3 if step == "deadly" else 1), step
            assert all(row.status is Status.COMPLETED for row in rest), step
            assert all(row.attempt == 1 for row in rest), step
    nothing_is_left(home)


def test_a_step_that_was_finished_is_not_done_again(home, steps, tmp_path):
    with Pipeline(
        home=home, workers=2, steps=["fault_steps:counted", "fault_steps:deadly"]
    ) as pipeline:
        run = pipeline.submit([("bad.txt", b"poison")]).wait(timeout=patient(90))

        assert [row.attempt for row in run.documents()] == [3]
        assert (tmp_path / "marks").read_text() == "bad.txt\n"
    nothing_is_left(home)


def test_the_stop_button_stops_the_waiting_and_not_the_run(slow_pipeline, home):
    code = (
        "from docprogress import Pipeline\n"
        f"pipeline = Pipeline(home={str(home)!r}, steps=['fault_steps:slow'])\n"
        f"run = pipeline.submit([(f'{{n}}.txt', b'text') for n in range({COUNT})])\n"
        "print(run.id, flush=True)\n"
        "try:\n"
        "    run.wait()\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped', flush=True)\n"
    )
    kernel = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    run = slow_pipeline.attach(kernel.stdout.readline().decode().strip())
    in_the_middle(run)
    os.killpg(kernel.pid, signal.SIGINT)
    output, _ = kernel.communicate(timeout=patient(10))

    assert output.strip() == b"stopped"
    assert not run.progress().finished
    ended_right(run)


def test_a_home_that_cannot_be_written_is_an_error_at_once(tmp_path):
    if os.geteuid() == 0:
        # Root writes everywhere but where nothing can be written at all.
        home = Path("/proc/docprogress")
    else:
        home = tmp_path / "home"
        home.mkdir(mode=0o500)

    started = time.monotonic()
    with pytest.raises(Exception, match="DOCPROGRESS_HOME"):
        Pipeline(home=home)
    assert time.monotonic() - started < patient(5)
