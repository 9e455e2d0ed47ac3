"""The final event of a report reaches Redis, however long Redis was unavailable."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from support.patience import patient
from support.services import Server, eventually

from docprogress import report
from docprogress.bus.bus import Bus
from docprogress.events import ProgressEvent, Status, now
from docprogress.reporting import process_buffer

#: Seconds that a block's end may take without Redis: moments, on a busy machine too.
QUICK = 1.9


def ends(server, document_id="a"):
    with Bus(server.url) as bus:
        return [one.status for one in bus.history(document_id) if one.final]


def delivered(server, document_id="a", status=Status.COMPLETED):
    eventually(lambda: ends(server, document_id) == [status], seconds=60)


@pytest.fixture(autouse=True)
def _nothing_is_kept_for_the_next_test(server):
    yield
    eventually(
        lambda: (
            "docprogress-publisher" not in {one.name for one in threading.enumerate()}
        )
    )


class Script:
    """A process of a user's, which reports."""

    def __init__(self, server, body, *, folder, exit_seconds=60.0):
        path = folder / "script.py"
        path.write_text(
            "import os, sys, threading, time\n"
            "from docprogress import report\n"
            "from docprogress.reporting import process_buffer\n"
            f"process_buffer.EXIT_SECONDS = {exit_seconds}\n" + body
        )
        self.process = subprocess.Popen(
            [sys.executable, path],
            env=os.environ | {"DOCPROGRESS_REDIS_URL": server.url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def reaches(self, line):
        assert self.process.stdout.readline().strip() == line

    def goes_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ends(self, seconds=60):
        """Its exit status, and what it wrote to standard error."""
        _, output = self.process.communicate(timeout=patient(seconds))
        return self.process.returncode, output


REPORTED = """
with report("a", step="ocr", total=1) as progress:
    print("begun", flush=True)
    sys.stdin.readline()
    progress.advance()
print("ended", flush=True)
"""


@pytest.fixture
def script(server, tmp_path):
    made = []

    def make(body, **options):
        made.append(Script(server, body, folder=tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("error", [None, ValueError("page 3 is torn")])
def test_an_end_that_redis_missed_is_published_after_the_block(server: Server, error):
    with Bus(server.url) as bus:
        try:
            with report("a", step="ocr", total=1, bus=bus) as progress:
                server.kill()
                progress.advance()
                begun = time.monotonic()
                if error:
                    raise error
        except ValueError:
            pass
        assert time.monotonic() - begun < patient(QUICK)
    server.start()

    delivered(server, status=Status.FAILED if error else Status.COMPLETED)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2.5, 20.0])
def test_an_outage_may_last_longer_than_publish_waits(server: Server, seconds):
    with report("a", step="ocr", redis_url=server.url):
        server.kill()
    time.sleep(seconds)
    server.start()

    delivered(server)


def test_a_redis_that_hangs_delays_the_blocks_end_by_no_more_than_a_timeout(
    server: Server,
):
    with report("a", step="ocr", redis_url=server.url):
        server.pause()
        begun = time.monotonic()
    assert time.monotonic() - begun < patient(8)
    server.resume()

    delivered(server)


def test_many_ends_are_kept_by_one_thread(server: Server):
    server.kill()
    before = threading.active_count()
    for number in range(50):
        with report(f"d{number}", step="ocr", redis_url=server.url):
            pass
    eventually(lambda: threading.active_count() <= before + 1, seconds=60)
    server.start()

    for number in range(50):
        delivered(server, f"d{number}")
    eventually(lambda: threading.active_count() <= before)


def test_an_end_is_published_though_the_blocks_thread_has_ended(server: Server):
    def work():
        with report("a", step="ocr", redis_url=server.url):
            server.kill()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    server.start()

    delivered(server)


def test_a_document_can_be_reported_again_without_redis(
    server: Server,
):
    """Which attempt it is, nobody can say before Redis is back."""
    with Bus(server.url) as bus:
        for _ in range(2):
            with report("a", step="ocr", bus=bus):
                pass
        server.pause()
        for _ in range(2):
            with report("a", step="ocr", bus=bus, per_second=1e9) as progress:
                progress.advance()
        with report("a", step="ocr", bus=bus, per_second=1e9) as progress:
            server.resume()
            # Fewer events than are kept of a document that has ended.
            for _ in range(20):
                time.sleep(0.02)
                progress.advance()

        # Of the two that ended meanwhile, the newest is published.
        eventually(lambda: _final_attempts(bus) == [1, 2, 3, 4], seconds=60)


def _final_attempts(bus):
    return [one.position[0] for one in bus.history("a") if one.final]


def test_what_redis_refuses_of_one_document_holds_up_no_other(server: Server):
    server.kill()
    for name in ("a", "b"):
        with report(name, step="ocr", redis_url=server.url):
            pass
    server.start()
    with Bus(server.url) as bus:
        # Whichever comes first: one of them cannot be taken, for now.
        bus.redis.delete("document:a:progress")
        bus.redis.set("document:a:progress", "a value of another program")
        delivered(server, "b")
        bus.redis.delete("document:a:progress")
        delivered(server, "a")


def test_a_process_that_ends_waits_for_a_redis_that_comes_back(server, script):
    process = script(REPORTED)
    process.reaches("begun")
    server.kill()
    process.goes_on()
    process.reaches("ended")
    server.start()

    assert process.ends()[0] == 0
    assert ends(server) == [Status.COMPLETED]


def test_an_exiting_process_logs_lost_final_events(server, script):
    process = script(REPORTED, exit_seconds=0.3)
    process.reaches("begun")
    server.kill()
    process.goes_on()
    process.reaches("ended")

    status, output = process.ends()

    assert status == 0
    assert "lost the final event of document a (completed" in output


def test_a_killed_process_has_logged_what_was_not_published(server, script):
    process = script(REPORTED + "sys.stdin.readline()")
    process.reaches("begun")
    server.kill()
    process.goes_on()
    process.reaches("ended")
    process.process.send_signal(signal.SIGTERM)

    status, output = process.ends()

    assert status == -signal.SIGTERM
    assert "the final event of document a (completed) is held until" in output


FORKED = """
with report("a", step="ocr") as progress:
    print("begun", flush=True)
    sys.stdin.readline()
child = os.fork()
if not child:
    # What is kept is its parent's.
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print("ended", flush=True)
"""


def test_retained_events_are_left_to_the_process_that_reported_them(server, script):
    process = script(FORKED)
    process.reaches("begun")
    server.kill()
    process.goes_on()
    process.reaches("ended")
    server.start()

    status, output = process.ends()

    assert status == 0
    assert "lost" not in output
    assert ends(server) == [Status.COMPLETED]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_end_outlasts_the_end_of_a_child_of_multiprocessing(server: Server, method):
    context = multiprocessing.get_context(method)
    process = context.Process(target=_reported, args=(server.url,))
    server.kill()
    process.start()
    process.join(0.5)
    server.start()
    process.join(patient(60))

    assert process.exitcode == 0
    assert ends(server) == [Status.COMPLETED]


def _reported(url):
    process_buffer.EXIT_SECONDS = 60.0
    with report("a", step="ocr", redis_url=url):
        pass


CELERY = """
import os
from celery import Celery
from docprogress import report
from docprogress.reporting import process_buffer

app = Celery("users", broker=os.environ["BROKER"])
app.conf.worker_hijack_root_logger = False
process_buffer.EXIT_SECONDS = float(os.environ["EXIT_SECONDS"])


@app.task
def read(name, done):
    with report(name, step="ocr"):
        pass
    open(done, "w").close()
"""


class Celery:
    """A worker of a user's own, whose tasks report."""

    def __init__(self, broker, redis_url, folder, exit_seconds):
        broker = broker.replace("unix://", "redis+socket://")
        (folder / "users.py").write_text(CELERY)
        self.folder = folder
        self.environment = os.environ | {
            "BROKER": broker,
            "DOCPROGRESS_REDIS_URL": redis_url,
            "EXIT_SECONDS": str(exit_seconds),
        }
        self.log = (folder / "celery.log").open("w")
        options = ["--pool", "prefork", "--concurrency", "1", "--without-mingle"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "users", "worker", *options],
            cwd=folder,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )

    def does(self, name):
        done = self.folder / f"{name}.done"
        code = f"import users; users.read.delay({name!r}, {str(done)!r})"
        command = [sys.executable, "-c", code]
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True)
        eventually(done.exists, seconds=120)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(patient(60)) == 0

    def output(self):
        return (self.folder / "celery.log").read_text()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def celery(server, redis_url, tmp_path):
    made = []

    def make(exit_seconds):
        made.append(Celery(redis_url, server.url, tmp_path, exit_seconds))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_end_of_a_celery_task_is_published_after_the_task(server, celery):
    worker = celery(60.0)
    server.kill()
    worker.does("a")
    server.start()
    delivered(server)

    server.kill()
    worker.does("b")
    stopped = threading.Thread(target=worker.stop)
    stopped.start()
    server.start()
    stopped.join(patient(60))

    assert ends(server, "b") == [Status.COMPLETED], worker.output()


def test_an_exiting_process_of_celerys_pool_logs_lost_final_events(server, celery):
    worker = celery(0.3)
    server.kill()
    worker.does("a")
    worker.stop()

    assert "lost the final event of document a (completed" in worker.output()


def test_an_end_that_a_pipeline_could_not_publish_is_published_later(server: Server):
    end = ProgressEvent(
        document_id="a",
        status=Status.CANCELLED,
        step="ocr",
        progress=0.0,
        message="Cancelled",
        timestamp=now(),
        attempt=1,
    )
    server.kill()
    with Bus(server.url) as bus:
        process_buffer.publish_later(bus, [end, end.replace(document_id="b")])
        process_buffer.publish_later(bus, [])
    server.start()

    delivered(server, "a", Status.CANCELLED)
    delivered(server, "b", Status.CANCELLED)
