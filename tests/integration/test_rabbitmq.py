"""Celery's messages go through RabbitMQ, and everything else through Redis."""

import contextlib
import shutil
import time

import pytest
import redis
from kombu import Connection
from support.customized_workers import deaf_worker
from support.patience import patient
from support.proxy import Proxy
from support.queues import level_queue_names
from support.runs import at_work, documents, ended_right, in_the_middle
from support.services import (
    QUOTED,
    Authority,
    RabbitMQ,
    Worker,
    create_restricted_user,
    eventually,
    free_port,
    lacking,
)

from docprogress import Pipeline, Status
from docprogress.cli.diagnosis import findings
from docprogress.errors import BusRefused
from docprogress.queueing.queue_state import DEFAULT_QUEUE
from docprogress.queueing.routing import queue_name, task_queues
from docprogress.queueing.sender import Sender
from docprogress.settings import load
from docprogress.steps import step
from docprogress.worker.lost_messages import PREFETCHED_SECONDS
from docprogress.worker.main import run_worker
from docprogress.worker.recovery import Recovery

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


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    if not RabbitMQ.SERVER.exists():
        lacking("no RabbitMQ (Debian: rabbitmq-server)")
    if not shutil.which("epmd"):
        lacking("no epmd, which RabbitMQ is found by")
    authority = Authority(tmp_path_factory.mktemp("authority"), "private")
    rabbit = RabbitMQ(tmp_path_factory.mktemp("rabbit"), authority)
    yield rabbit
    rabbit.kill()


@pytest.fixture
def steps(tmp_path, gate, monkeypatch):
    code = STEPS.replace("GATE", str(gate))
    (tmp_path / "rabbit_steps.py").write_text(code)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(rabbit, redis_url, short_path, steps):
    home = short_path / "home"
    # No message that another test has left is counted, or taken.
    with Connection(rabbit.url) as connection:
        for queue in task_queues([None]):
            connection.default_channel.queue_delete(queue.name)
    return {"redis_url": redis_url, "broker_url": rabbit.url, "home": home}


@pytest.fixture
def started(settings):
    workers = []

    def start(**options):
        url, home = settings["redis_url"], settings["home"]
        options = {"DOCPROGRESS_BROKER_URL": settings["broker_url"]} | options
        workers.append(Worker(url, home, **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def counts(settings):
    """How many messages wait in RabbitMQ."""
    with Sender.for_settings(load(**settings)) as sender:
        return sum(sender.counts(level_queue_names(queue_name(None))).values())


@pytest.mark.slow
def test_a_run_outlasts_a_lost_worker_and_rabbitmq_restarted_and_emptied(
    rabbit, settings, started
):
    with Pipeline(**settings, steps=["rabbit_steps:slow"]) as pipeline:
        client = pipeline.bus.redis
        run = pipeline.submit(documents(40))
        assert counts(settings) == 40
        assert not list(client.scan_iter("*kombu*"))
        assert not client.exists(*level_queue_names(DEFAULT_QUEUE))
        worker, other = started(), started()
        in_the_middle(run)
        rabbit.server.kill()
        worker.kill()
        rabbit.start()
        assert counts(settings) > 0, "messages outlast a restart"
        for name in level_queue_names(DEFAULT_QUEUE):
            rabbit.control("purge_queue", name)

        rows = ended_right(run, seconds=120)

        assert other.process.poll() is None
        assert sum(row.attempt - 1 for row in rows) <= 2, "only what was begun"
        eventually(lambda: counts(settings) == 0)
        found = {f.subject: f for f in findings(load(**settings))}
        assert found["workers"].message.count("docprogress@") == 1
        other.stop()
        assert other.process.wait(patient(15)) == 0


def connections(rabbit):
    return set(rabbit.control("-q", "list_connections", "pid").splitlines())


@pytest.mark.slow
def test_looks_for_lost_messages_share_one_connection_and_outlast_it(rabbit, settings):
    with Pipeline(**settings, steps=["rabbit_steps:slow"]) as pipeline:
        run = pipeline.submit(documents(3))
    now = [1000.0]
    found = load(**settings, database_url=pipeline.settings.database)
    with Sender.for_settings(found) as sender:
        recovery = Recovery(found, sender, worker="host:1", clock=lambda: now[0])

        def look():
            now[0] += 1.0
            recovery.search()

        try:
            look()
            opened = connections(rabbit)
            for _ in range(5):
                look()
            assert connections(rabbit) == opened
            rabbit.control("close_all_connections", "test")
            rabbit.control("purge_queue", queue_name(None))
            for _ in range(round(PREFETCHED_SECONDS) + 3):
                look()
            first = queue_name(None)
            assert sender.counts([first]) == {first: 3}, "sent again"
        finally:
            recovery.close()
    run.cancel()


def test_recovery_beside_rabbitmq_needs_only_the_rights_that_are_written_down(
    settings, server
):
    with redis.Redis.from_url(server.url) as client:
        create_restricted_user(client)
        client.execute_command("ACL", "SETUSER", "default", "off")
    settings["redis_url"] = f"unix://docprogress:{QUOTED}@{server.socket}"
    now = [1000.0]
    with Pipeline(**settings, steps=["rabbit_steps:slow"]) as pipeline:
        run = pipeline.submit(documents(3))
        found = load(**settings, database_url=pipeline.settings.database)
        first = queue_name(None)
        with Sender.for_settings(found) as sender:
            sender.counts([first])
            recovery = Recovery(found, sender, worker="host:1", clock=lambda: now[0])
            recovery.message_started(first, time.time())
            while counts(settings):
                with Connection(settings["broker_url"]) as connection:
                    connection.default_channel.queue_purge(first)
            try:
                for _ in range(round(PREFETCHED_SECONDS) + 3):
                    now[0] += 1.0
                    recovery.search()
            finally:
                recovery.close()
            assert sender.counts([first]) == {first: 3}, "sent again"
        run.cancel()


@pytest.mark.parametrize("backlog", [300, pytest.param(3_000, marks=pytest.mark.slow)])
def test_interrupted_work_is_resumed_before_a_backlog(settings, started, backlog):
    # So that it is resumed long before the backlog is done.
    leases = {"DOCPROGRESS_LEASE_SECONDS": "3"}
    with Pipeline(**settings, steps=["rabbit_steps:slow"]) as pipeline:
        worker, _ = started(**leases), started(**leases)
        run = pipeline.submit(documents(backlog))
        in_the_middle(run)
        name = f":{worker.process.pid}"

        def taken():
            processing = run.documents(status=Status.PROCESSING)
            return [row for row in processing if row.worker.endswith(name)]

        killed = worker.kill_during(taken)

        def resumed():
            rows = run.connections.store.documents.find(ids=[row.id for row in killed])
            return all(row.attempt == 2 and row.status.final for row in rows)

        eventually(resumed, seconds=60)
        assert run.documents(status=Status.QUEUED), "before the backlog"
        run.cancel()


def test_messages_go_over_tls_to_whom_a_private_authority_has_signed(
    rabbit, settings, started
):
    settings["broker_url"] = rabbit.tls_url
    with Pipeline(**settings, steps=["rabbit_steps:slow"]) as pipeline:
        run = pipeline.submit(documents(4))
        assert counts(settings) == 4
        worker = started()

        ended_right(run, seconds=60)

        found = {f.subject: f for f in findings(load(**settings))}
        assert found["workers"].message.startswith("docprogress@")
        worker.stop()
        assert worker.process.wait(patient(15)) == 0

    # Nothing configures this authority as trusted.
    settings["broker_url"] = rabbit.tls_url.partition("?")[0]
    with pytest.raises(BusRefused, match="certificate"):
        run_worker(load(**settings))


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [5, 90])
def test_workers_outlast_long_stalls_of_rabbitmq(
    rabbit, settings, started, gate, seconds
):
    """With processes that are idle, busy, and at one document for all that time."""
    steps = {
        "default": step("rabbit_steps:slow"),
        "held": step("rabbit_steps:held", queue="held"),
        "idle": step("rabbit_steps:slow", queue="idle"),
    }
    workers = {queue: started(queues=queue) for queue in steps}
    with contextlib.ExitStack() as stack:
        pipelines = {
            queue: stack.enter_context(Pipeline(**settings, steps=[one]))
            for queue, one in steps.items()
        }
        pipelines["idle"].submit(documents(1)).wait(timeout=patient(60))
        runs = {
            queue: pipelines[queue].submit(documents(count))
            for queue, count in (("default", 30), ("held", 6))
        }
        in_the_middle(runs["default"])
        eventually(lambda: at_work(runs["held"]) == 2)
        rabbit.pause()
        time.sleep(seconds)  # the stall is the test
        rabbit.resume()
        gate.touch()
        runs["idle"] = pipelines["idle"].submit(documents(4))

        rows = [row for run in runs.values() for row in ended_right(run)]

    assert all(row.attempt == 1 for row in rows)
    assert all(worker.process.poll() is None for worker in workers.values())


@pytest.mark.slow
@pytest.mark.parametrize("work", ["idle", "busy"])
def test_connections_to_rabbitmq_that_swallow_everything_are_replaced(
    rabbit, settings, started, work
):
    """Also those of the processes, which send the messages of the next step."""
    port = free_port()
    broker = rabbit.url.replace(str(rabbit.port), str(port))
    slow = "rabbit_steps:slow"
    second = step(slow, name="second", queue="second")
    with (
        Proxy(rabbit.port, port) as proxy,
        Pipeline(**settings, steps=[slow, second]) as pipeline,
    ):
        workers = [
            started(DOCPROGRESS_BROKER_URL=broker, queues=queue)
            for queue in ("default", "second")
        ]
        pipeline.submit(documents(4)).wait(timeout=patient(60))
        run = pipeline.submit(documents(20)) if work == "busy" else None
        if run is not None:
            in_the_middle(run)
        proxy.swallow()
        run = run or pipeline.submit(documents(4))

        ended_right(run)

        assert all(worker.process.poll() is None for worker in workers)


def test_worker_that_rabbitmq_no_longer_delivers_to_reconnects(
    settings, started, tmp_path
):
    deaf, environment = deaf_worker(tmp_path)
    with Pipeline(**settings, steps=["rabbit_steps:slow"]) as pipeline:
        worker = started(**environment)
        pipeline.submit(documents(1)).wait(timeout=patient(60))
        deaf.touch()
        eventually(lambda: not deaf.exists())

        ended_right(pipeline.submit(documents(4)))

        assert worker.output().count("although a process is idle: reconnecting") == 1


def test_what_rabbitmq_refuses_is_reported_at_once(rabbit, settings):
    for url in (
        rabbit.url.replace("guest:guest", "guest:wr0ng"),
        f"{rabbit.url}/nowhere",
    ):
        changed = settings | {"broker_url": url}
        for use in (lambda: Pipeline(**changed), lambda: run_worker(load(**changed))):  # noqa: B023
            with pytest.raises(BusRefused, match="the broker refuses") as raised:
                use()
            assert "wr0ng" not in str(raised.value)
            assert "guest:guest" not in str(raised.value)
