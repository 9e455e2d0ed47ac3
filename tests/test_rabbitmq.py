"""Celery's messages go through RabbitMQ, and everything else through Redis."""

import shutil

import pytest
from patience import patient
from services import Authority, RabbitMQ, Worker, eventually, lacking
from test_faults import documents, ended_right, in_the_middle

from docprogress import Pipeline
from docprogress.cli.doctor import findings
from docprogress.errors import BusRefused
from docprogress.settings import load
from docprogress.worker import turns
from docprogress.worker.app import DEFAULT_QUEUE, Sender, make_app, queue_name
from docprogress.worker.main import run_worker

STEPS = """
import time

def slow(pages):
    for page in pages:
        for _ in range(4):
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
def settings(rabbit, redis_url, short_path, tmp_path, monkeypatch):
    (tmp_path / "rabbit_steps.py").write_text(STEPS)
    monkeypatch.chdir(tmp_path)
    home = short_path / "home"
    return {"redis_url": redis_url, "broker_url": rabbit.url, "home": home}


@pytest.fixture
def started(settings):
    workers = []

    def start():
        url, home = settings["redis_url"], settings["home"]
        broker = settings["broker_url"]
        workers.append(Worker(url, home, DOCPROGRESS_BROKER_URL=broker))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def counts(settings):
    """How many messages wait in RabbitMQ."""
    with Sender(make_app(load(**settings))) as sender:
        return sum(sender.counts(turns.names(queue_name(None))).values())


@pytest.mark.slow
def test_a_run_outlasts_a_lost_worker_and_rabbitmq_restarted_and_emptied(
    rabbit, settings, started
):
    with Pipeline(**settings, steps=["rabbit_steps:slow"]) as pipeline:
        client = pipeline.bus.redis
        run = pipeline.submit(documents(40))
        assert counts(settings) == 40
        assert not list(client.scan_iter("*kombu*"))
        assert not client.exists(*turns.names(DEFAULT_QUEUE))
        worker, other = started(), started()
        in_the_middle(run)
        rabbit.server.kill()
        worker.kill()
        rabbit.start()
        assert counts(settings) > 0, "messages outlast a restart"
        for name in turns.names(DEFAULT_QUEUE):
            rabbit.control("purge_queue", name)

        rows = ended_right(run, seconds=120)

        assert other.process.poll() is None
        assert sum(row.attempt - 1 for row in rows) <= 2, "only what was begun"
        eventually(lambda: counts(settings) == 0)
        found = {f.what: f for f in findings(load(**settings))}
        assert found["workers"].said.count("docprogress@") == 1
        other.stop()
        assert other.process.wait(patient(15)) == 0


def test_messages_go_over_tls_to_whom_a_private_authority_has_signed(
    rabbit, settings, started
):
    settings["broker_url"] = rabbit.tls_url
    with Pipeline(**settings, steps=["rabbit_steps:slow"]) as pipeline:
        run = pipeline.submit(documents(4))
        assert counts(settings) == 4
        worker = started()

        ended_right(run, seconds=60)

        found = {f.what: f for f in findings(load(**settings))}
        assert found["workers"].said.startswith("docprogress@")
        worker.stop()
        assert worker.process.wait(patient(15)) == 0

    # Nobody has said that this authority is to be trusted.
    settings["broker_url"] = rabbit.tls_url.partition("?")[0]
    with pytest.raises(BusRefused, match="certificate"):
        run_worker(load(**settings))


def test_what_rabbitmq_refuses_is_told_at_once(rabbit, settings):
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
