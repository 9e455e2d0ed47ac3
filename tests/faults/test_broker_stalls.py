"""Redis stands still, is lost or is slow: workers fetch messages again afterwards."""

import contextlib
import itertools
import time
from types import SimpleNamespace

import pytest
import redis
from celery.bootsteps import RUN, TERMINATE
from celery.worker import state
from support.customized_workers import customized, deaf_worker
from support.patience import patient
from support.proxy import Proxy
from support.runs import at_work, documents, ended_right, in_the_middle
from support.services import Server, Worker, eventually

from docprogress import Pipeline
from docprogress.worker.consumer_watchdog import ConsumerWatchdog

STEPS = """
import time
from pathlib import Path

def slow(pages):
    for page in pages:
        for _ in range(4):
            time.sleep(0.1)
        yield page

def held(pages):
    for page in pages:
        while not Path("GATE").exists():
            time.sleep(0.1)
        yield page
"""

#: What a stall is to a worker that waits ten seconds for a command, in short.
IMPATIENT = """
from docprogress.queueing import celery_app
celery_app._REDIS_OPTIONS |= {"socket_timeout": 1, "socket_connect_timeout": 1}
"""


@pytest.fixture
def steps(tmp_path, gate, monkeypatch):
    code = STEPS.replace("GATE", str(gate))
    (tmp_path / "stall_steps.py").write_text(code)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def impatient(tmp_path):
    """What has a worker give up on a command after a second."""
    return customized(tmp_path, IMPATIENT)


@contextlib.contextmanager
def running(url, home, step="slow", **environment):
    """A pipeline, and a worker that has done a document already."""
    worker = Worker(url, home, **environment)
    try:
        with Pipeline(redis_url=url, home=home) as pipeline:
            pipeline.submit([("first.txt", b"first")]).wait(timeout=patient(60))
        with Pipeline(
            redis_url=url, home=home, steps=[f"stall_steps:{step}"]
        ) as pipeline:
            yield pipeline, worker
        assert worker.process.poll() is None, worker.output()
        worker.stop()
        assert worker.process.wait(patient(15)) == 0, worker.output()
    except BaseException:
        print(worker.output())
        raise
    finally:
        worker.kill()


def stand_still(server, how, seconds):
    """Have Redis answer nobody, until it is resumed or the time is over."""
    if how == "stopped":
        server.pause()
        return
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("CLIENT", "PAUSE", round(seconds * 1000), "ALL")


def unacknowledged(server):
    with redis.Redis.from_url(server.url) as client:
        return client.hlen("unacked")


@pytest.mark.parametrize("how", ["paused", "stopped"])
@pytest.mark.usefixtures("steps")
def test_worker_fetches_messages_again_after_redis_stood_still(
    server: Server, short_path, gate, impatient, how
):
    """So long that as many acknowledgements fail as messages are prefetched."""
    home = short_path / "home"
    with running(server.url, home, "held", **impatient) as (pipeline, _):
        run = begun(pipeline, server, "held")
        stand_still(server, how, 10)
        gate.touch()
        time.sleep(10)  # the stall is the test
        server.resume()

        rows = ended_right(run)

    assert all(row.attempt == 1 for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seconds", "timeout"),
    [(5, "default"), (45, "default"), (12, "short")],
    # Twelve timeouts in a row are what a stall of two minutes is by default.
)
@pytest.mark.usefixtures("steps")
def test_workers_outlast_long_stalls_of_redis(
    short_path, gate, impatient, seconds, timeout
):
    """With processes that are idle, busy, and at one document for all that time."""
    environment = impatient if timeout == "short" else {}
    stalls = itertools.product(["paused", "stopped"], ["idle", "busy", "held"])
    with contextlib.ExitStack() as stack:
        cases = []
        for how, work in stalls:
            folder = short_path / f"{how}-{work}"
            folder.mkdir()
            server = Server(folder)
            server.start()
            stack.callback(server.kill)
            stack.callback(server.resume)
            step = "held" if work == "held" else "slow"
            started = running(server.url, folder / "home", step, **environment)
            pipeline, _ = stack.enter_context(started)
            cases.append((how, work, server, pipeline))
        runs = [
            begun(pipeline, server, work)
            for _, work, server, pipeline in cases
            if work != "idle"
        ]
        for how, _, server, _ in cases:
            stand_still(server, how, seconds)
        time.sleep(seconds)  # the stall is the test
        for _, _, server, _ in cases:
            server.resume()
        gate.touch()
        runs += [
            pipeline.submit(documents(4))
            for _, work, _, pipeline in cases
            if work == "idle"
        ]

        rows = [row for run in runs for row in ended_right(run)]

    assert all(row.attempt == 1 for row in rows)


def begun(pipeline, server, work):
    """A run that keeps all processes busy, with more messages prefetched."""
    if work == "busy":
        run = pipeline.submit(documents(30))
        in_the_middle(run)
        return run
    run = pipeline.submit(documents(6))
    eventually(lambda: at_work(run) == 2 and unacknowledged(server) == 2)
    return run


@pytest.mark.parametrize("times", [2, pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("steps")
def test_worker_survives_a_lost_redis_beside_a_prefetched_message(
    server: Server, short_path, gate, impatient, times
):
    """It waits for messages, and holds one that is not begun."""
    home = short_path / "home"
    with running(server.url, home, "held", **impatient) as (pipeline, worker):
        for _ in range(times):
            run = pipeline.submit(documents(3))
            eventually(lambda run=run: at_work(run) == 2)
            eventually(lambda: unacknowledged(server) == 1)
            server.kill()
            server.start()
            gate.touch()

            ended_right(run)

            gate.unlink()
            assert worker.process.poll() is None, worker.output()


@pytest.mark.usefixtures("steps")
def test_worker_fetches_again_after_its_connections_swallow_everything(
    server: Server, short_path, gate, impatient
):
    proxy_socket = short_path / "proxy.sock"
    home = short_path / "home"
    with (
        Proxy(server.socket, proxy_socket) as proxy,
        running(proxy.url, home, "held", **impatient) as (pipeline, _),
    ):
        run = begun(pipeline, server, "held")
        proxy.swallow()
        gate.touch()

        ended_right(run)


@pytest.mark.usefixtures("steps")
def test_worker_fetches_again_after_redis_was_slow(
    server: Server, short_path, gate, impatient
):
    """Every reply is late, by longer than a command waits for one."""
    proxy_socket = short_path / "proxy.sock"
    home = short_path / "home"
    with Proxy(server.socket, proxy_socket) as proxy:
        with running(proxy.url, home, "held", **impatient) as (pipeline, _):
            run = begun(pipeline, server, "held")
            proxy.delay = 3.0
            gate.touch()
            time.sleep(8)  # slow for a while is the test
            proxy.delay = 0.0

            ended_right(run)


def test_worker_that_stopped_fetching_reconnects_by_itself(
    server: Server, short_path, steps, tmp_path
):
    deaf, environment = deaf_worker(tmp_path)
    home = short_path / "home"
    with running(server.url, home, **environment) as (pipeline, worker):
        deaf.touch()
        eventually(lambda: not deaf.exists())

        ended_right(pipeline.submit(documents(4)))

        assert worker.output().count("although a process is idle: reconnecting") == 1


@pytest.fixture
def fetching(monkeypatch):
    """A worker with two processes, as the watchdog sees it, and what the watchdog does."""
    hub = SimpleNamespace(ends=[])
    hub.call_soon = lambda *call: hub.ends.append(call)
    consumer = SimpleNamespace(
        connection=object(),
        blueprint=SimpleNamespace(state=RUN),
        hub=hub,
        task_consumer=SimpleNamespace(queues=[SimpleNamespace(name="docprogress")]),
    )
    worker = SimpleNamespace(
        consumer=consumer, pool=SimpleNamespace(num_processes=2), messages=1, asked=0
    )
    monkeypatch.setattr(state, "active_requests", {"one"})
    monkeypatch.setattr(state, "all_total_count", [7])
    return worker


def ends(worker, *, seconds=100, each_second=lambda worker: None):
    """How often a connection is ended in so many seconds."""
    now = [0.0]

    def waiting(queues):
        assert queues == ["docprogress"]
        worker.asked += 1
        return bool(worker.messages)

    watchdog = ConsumerWatchdog(worker, waiting, seconds=30, clock=lambda: now[0])
    for _ in range(seconds):
        each_second(worker)
        watchdog.check()
        now[0] += 1
    return len(worker.consumer.hub.ends)


def test_watchdog_ends_a_connection_that_delivers_nothing_for_30_seconds(fetching):
    assert ends(fetching, seconds=31) == 0
    assert ends(fetching, seconds=32) == 1


def test_watchdog_lets_a_busy_worker_alone(fetching, monkeypatch):
    monkeypatch.setattr(state, "active_requests", {"one", "two"})

    assert ends(fetching, seconds=1000) == 0
    assert fetching.asked == 0, "the broker is not asked for nothing"


def test_watchdog_lets_a_worker_alone_that_has_nothing_to_do(fetching):
    fetching.messages = 0

    assert ends(fetching) == 0


def test_watchdog_lets_a_worker_alone_that_begins_a_task_now_and_then(fetching):
    seconds = iter(range(1000))

    def begin(_):
        state.all_total_count[0] += next(seconds) % 20 == 0

    assert ends(fetching, each_second=begin) == 0


def test_watchdog_lets_a_worker_alone_that_reconnects_or_stops(fetching):
    def reconnect(worker):
        worker.consumer.connection = object()

    assert ends(fetching, each_second=reconnect) == 0
    fetching.consumer.connection = None
    assert ends(fetching) == 0
    fetching.consumer.connection = object()
    fetching.consumer.blueprint.state = TERMINATE
    assert ends(fetching) == 0
