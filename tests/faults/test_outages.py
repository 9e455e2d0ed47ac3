"""Outages of the database, the disk, the clock or the network: runs end correctly."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from support.patience import patient
from support.proxy import Proxy
from support.runs import (
    documents,
    ended_right,
    in_the_middle,
    nothing_is_left,
    worker_of,
)
from support.services import Server, eventually

from docprogress import Pipeline, Status
from docprogress.worker.leader_election import RECOVERY_LEADER

CI = "CI" in os.environ

STEPS = """
import time
from pathlib import Path

def slow(pages):
    for page in pages:
        for _ in range(4):
            time.sleep(0.1)
        yield page

def held(pages):
    while not Path(__file__).with_name("released").exists():
        time.sleep(0.05)
    yield from pages
"""


@pytest.fixture
def steps(tmp_path, monkeypatch):
    (tmp_path / "outage_steps.py").write_text(STEPS)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("seconds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_database_that_is_locked_is_waited_for(home, steps, seconds):
    with Pipeline(home=home, workers=2, steps=["outage_steps:slow"]) as pipeline:
        run = pipeline.submit(documents(12))
        in_the_middle(run)
        with contextlib.closing(sqlite3.connect(home / "docprogress.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)  # the outage is the test
            other.rollback()

        rows = ended_right(run)

    assert all(row.attempt == 1 for row in rows)
    nothing_is_left(home)


def test_a_disk_that_was_full_and_is_freed_loses_nothing(
    home, small_disk, steps, tmp_path
):
    # More than fits into what SQLite has allocated.
    files = [(name, 5 * content) for name, content in documents(12)]
    with Pipeline(
        home=home,
        workers=2,
        steps=["outage_steps:held"],
        database_url=f"sqlite:///{small_disk}/store.db",
    ) as pipeline:
        run = pipeline.submit(files)
        eventually(lambda: run.documents(status=Status.PROCESSING))
        with (small_disk / "filler").open("wb", buffering=0) as filler:
            with contextlib.suppress(OSError):
                while True:
                    filler.write(bytes(4096))
        (tmp_path / "released").touch()
        eventually(
            lambda: any(
                "Waiting for the database" in event.message
                for row in run.documents()
                for event in pipeline.bus.history(row.id)
            )
        )
        (small_disk / "filler").unlink()

        ended_right(run)
    nothing_is_left(home)


#: Imported by every Python process that is started with it on its path.
JUMPING = """
import datetime, time
from pathlib import Path

offset, real = Path({offset!r}), time.time
time.time = lambda: real() + float(offset.read_text() or 0)

import docprogress.events
docprogress.events.now = lambda: datetime.datetime.fromtimestamp(
    time.time(), datetime.UTC
)
"""


@pytest.mark.parametrize(
    "jump",
    ["3600", pytest.param("-3600", marks=pytest.mark.slow)],
    ids=["forth", "back"],
)
def test_a_clock_that_jumps_by_an_hour_changes_nothing(
    home, steps, tmp_path, monkeypatch, jump
):
    """The workers' clock: the one that events, retries and the reaper go by."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    (tmp_path / "jumping").mkdir()
    code = JUMPING.format(offset=str(offset))
    (tmp_path / "jumping" / "sitecustomize.py").write_text(code)
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path / "jumping"))
        pipeline = Pipeline(home=home, workers=2, steps=["outage_steps:slow"])
    with pipeline:
        run = pipeline.submit(documents(20))
        delivered = []

        def watch():
            for row in run.as_completed(timeout=patient(90)):
                delivered.append(row.id)
                remaining = run.progress().remaining_seconds
                assert remaining is None or remaining >= 0

        watcher = threading.Thread(target=watch)
        watcher.start()
        in_the_middle(run)
        offset.write_text(jump)
        eventually(lambda: len(run.documents(status=Status.COMPLETED)) > 12)
        offset.write_text("0")

        rows = ended_right(run)
        watcher.join()

        assert all(row.attempt == 1 for row in rows)
        ends = [row.finished_at for row in rows]
        assert max(ends) - min(ends) > timedelta(minutes=50), "the clock did not jump"
        assert sorted(delivered) == [row.id for row in rows]
        for row in rows:
            shown = [event.progress for event in pipeline.bus.history(row.id)]
            assert shown == sorted(shown)
    nothing_is_left(home)


@pytest.mark.slow
def test_a_worker_that_dies_after_the_clock_was_set_back_is_not_waited_for(home, steps):
    """To Redis, whatever ends by the clock then ends an hour later."""
    with Pipeline(
        home=home, workers=2, steps=["outage_steps:slow"], lease_seconds=3
    ) as pipeline:
        run = pipeline.submit(documents(10))
        in_the_middle(run)
        client = pipeline.bus.redis
        worker = worker_of(home)
        processes = [worker, *worker.children()]

        def suspended_at_work():
            for process in processes:
                process.suspend()
            if run.documents(status=Status.PROCESSING):
                return True
            for process in processes:
                process.resume()
            return False

        eventually(suspended_at_work)
        ending = [key for key in client.scan_iter() if 0 < client.pttl(key) < 100_000]
        assert any(key.endswith(b":lease") for key in ending)
        for key in ending:
            client.pexpire(key, client.pttl(key) + 3_600_000)
        # Whether it was that worker's turn to look just now is left to chance.
        client.set(RECOVERY_LEADER, "somebody:1", px=3_600_000)
        for process in processes:
            process.kill()

        rows = ended_right(run, seconds=60)

        assert any(row.attempt == 2 for row in rows)
    nothing_is_left(home)


@pytest.mark.slow
def test_a_connection_that_drops_all_packets_is_detected(
    server: Server, short_path, steps
):
    """Half open: no end of the connection ever comes, and no byte."""
    home = short_path / "home"
    proxy_socket = short_path / "proxy.sock"
    with Proxy(server.socket, proxy_socket) as proxy:
        environment = os.environ | {
            "DOCPROGRESS_REDIS_URL": proxy.url,
            "DOCPROGRESS_HOME": str(home),
        }
        with Pipeline(home=home, redis_url=server.url) as pipeline:
            worker = subprocess.Popen(
                [sys.executable, "-m", "docprogress", "worker", "--concurrency", "2"],
                env=environment,
                stderr=subprocess.DEVNULL,
            )
            try:
                pipeline.submit([("first.txt", b"first")]).wait(timeout=patient(60))
                proxy.swallow()

                ended_right(pipeline.submit(documents(4)), seconds=30)
            finally:
                worker.terminate()
                worker.wait(patient(30))


def test_a_home_that_is_deleted_takes_its_services_along(home):
    with Pipeline(home=home, workers=1, idle_seconds=2) as pipeline:
        pipeline.submit([("first.txt", b"first")]).wait(timeout=patient(60))
    shutil.rmtree(home)

    nothing_is_left(home)
