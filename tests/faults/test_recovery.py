"""Recovery finds every lost document, whatever the backlog and other failures."""

import base64
import itertools
import json
import logging
import os
import signal
import threading
import time

import pytest
import redis
from support.queues import level_queue_names
from support.services import Worker, eventually
from support.settings import service_options

from docprogress import Pipeline, Status
from docprogress.bus.keys import LAST_RECOVERY_SECONDS, RECOVERY_LEADER_SECONDS
from docprogress.cli.diagnosis import State, check_recovery, findings
from docprogress.documents import Chunk
from docprogress.events import now
from docprogress.queueing import fair_share
from docprogress.queueing.queues import queues
from docprogress.queueing.recovery_status import last_recovery
from docprogress.queueing.routing import queue_name
from docprogress.queueing.sender import Sender
from docprogress.settings import load
from docprogress.steps import step
from docprogress.store import FinishedStep, NewDocument, Store, submissions
from docprogress.worker import leader_election, lost_messages, periodic, sightings
from docprogress.worker import recovery as recovery_module
from docprogress.worker.leader_election import LeaderElection
from docprogress.worker.periodic import Periodic
from docprogress.worker.recovery import Death, Recovery
from docprogress.worker.sightings import LOST_SECONDS

SLOW = """
import time

def slow(pages):
    time.sleep(0.4)
    yield from pages

def held(pages):
    time.sleep(3600)
    yield from pages
"""


@pytest.fixture
def where(redis_url, tmp_path, monkeypatch):
    """Settings of services that no worker serves yet, and steps of one's own."""
    (tmp_path / "recovery_steps.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    return service_options(tmp_path, redis_url)


@pytest.fixture
def store(where):
    with Store(where["database_url"]) as store:
        yield store


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


class SteppedRecovery:
    """A worker's recovery that looks when the test says so, on the test's clock."""

    def __init__(self, where, name="host:1"):
        self.now = 1000.0
        settings = load(**where)
        self._sender = Sender.for_settings(settings)
        self.recovery = Recovery(
            settings, self._sender, worker=name, clock=lambda: self.now
        )

    def look(self, seconds=1.0):
        self.now += seconds
        self.recovery.search()

    def look_for(self, seconds):
        for _ in range(round(seconds)):
            self.look()

    def close(self):
        self.recovery.close()
        self._sender.close()


@pytest.fixture
def recovery(where):
    recovery = SteppedRecovery(where)
    yield recovery
    recovery.close()


def add_documents(
    store, count, *, steps=("recovery_steps:slow",), ready=True, priority=0
):
    """A run of documents that have been submitted, and whose messages were not sent."""
    steps = [each if isinstance(each, dict) else step(each) for each in steps]
    run = store.runs.add(
        run_id=f"run{time.time_ns():x}",
        case_id=None,
        expected=count,
        steps=[each if isinstance(each, dict) else each.to_dict() for each in steps],
        settings={"priority": priority},
        fingerprint="",
    )
    documents = [
        NewDocument(
            id=f"{run.id}-{number}",
            run_id=run.id,
            number=number,
            name=f"{number}.txt",
            step="slow",
        )
        for number in range(1, count + 1)
    ]
    store.submissions.add(documents)
    if ready:
        store.submissions.mark_ready([(each.id, 1, "x") for each in documents])
    return [each.id for each in documents]


def texts(count):
    return [(f"{n}.txt", f"Number {n}.".encode()) for n in range(count)]


def documents_of(raw):
    return [
        each for each, _ in json.loads(base64.b64decode(json.loads(raw)["body"]))[0]
    ]


def sent(client, level):
    """The documents whose messages wait in a level of the default queue."""
    name = level if isinstance(level, str) else queue_name(None, level)
    return [each for raw in client.lrange(name, 0, -1) for each in documents_of(raw)]


def test_a_lost_message_is_found_beside_older_messages_of_other_levels(
    where, client, recovery
):
    with Pipeline(**where) as pipeline:
        run = pipeline.submit(texts(200))
    lost = [row.id for row in run.documents()[:16]]
    assert set(sent(client, 0)) == set(lost)
    client.delete(queue_name(None, 0))

    recovery.look_for(LOST_SECONDS + 2)

    assert sorted(sent(client, 0)) == sorted(lost)
    recovery.look_for(lost_messages.RESENT_SECONDS / 2)
    assert len(sent(client, 0)) == 16, "sent again once"
    assert len(sent(client, 1)) == 128


def test_a_lost_document_is_found_behind_many_pages_of_an_unserved_queue(
    where, client, recovery, store, monkeypatch
):
    monkeypatch.setattr(lost_messages, "PAGE_SIZE", 100)
    add_documents(store, 2_000, steps=[step("recovery_steps:slow", queue="gpu")])
    for level in range(fair_share.LEVELS):
        # A message of which it is not known when it was sent was sent long ago.
        client.lpush(queue_name("gpu", level), b"{}")
    lost = add_documents(store, 1)

    recovery.look_for(2_000 / 100 + LOST_SECONDS + 2)

    assert sent(client, 0) == lost


def test_everything_lost_at_once_is_sent_again_a_part_with_each_look(
    client, recovery, store, monkeypatch
):
    monkeypatch.setattr(lost_messages, "PAGE_SIZE", 100)
    monkeypatch.setattr(lost_messages, "MAX_SUSPECTS", 50)
    lost = add_documents(store, 300)
    found = []

    def take():
        """Take what was sent, as a worker that completes it at once."""
        for level in range(fair_share.LEVELS):
            found.extend(sent(client, level))
            client.delete(queue_name(None, level))
        store.documents.cancel(document_ids=found)

    for _ in range(120):
        before = len(found)
        recovery.look()
        take()
        assert len(found) - before <= 50

    assert sorted(found) == sorted(lost)


def test_uploads_of_large_runs_are_given_up_a_part_with_each_look(
    recovery, store, monkeypatch
):
    monkeypatch.setattr(recovery_module, "MAX_ABANDONED", 20)
    monkeypatch.setattr(submissions, "ABANDONED_TOGETHER", 10)
    ids = add_documents(store, 50, ready=False)
    run_id = store.documents.get(ids[0]).run_id

    cancelled = [0]
    for _ in range(60):
        recovery.look()
        cancelled.append(store.documents.counts(run_id)[Status.CANCELLED])

    assert cancelled[-1] == 50
    steps = [after - before for before, after in itertools.pairwise(cancelled)]
    assert max(steps) == 20


@pytest.mark.slow
def test_a_look_at_a_hundred_thousand_queued_documents_costs_a_page(
    client, recovery, store
):
    add_documents(store, 100_000)
    for level in range(fair_share.LEVELS):
        client.lpush(queue_name(None, level), b"{}")
    read = []
    queued = recovery.recovery._store.documents.queued

    def counted(**arguments):
        rows = queued(**arguments)
        read.append(len(rows))
        return rows

    recovery.recovery._store.documents.queued = counted
    recovery.look_for(25)

    assert max(read) <= lost_messages.PAGE_SIZE
    assert sum(read) >= 100_000


def test_a_death_in_a_run_that_was_deleted_does_not_stop_recovery(
    client, recovery, store
):
    lost = add_documents(store, 1)
    recovery.recovery._deaths.append(Death("deleted-1", 1, 4711, None))

    recovery.look_for(LOST_SECONDS + 2)

    assert sent(client, 0) == lost
    assert recovery.recovery._deaths == []


def test_a_document_that_cannot_be_understood_keeps_none_from_being_found(
    client, recovery, store, caplog
):
    add_documents(store, 1, steps=[{"name": "", "path": "?"}])
    [begun] = add_documents(store, 1, steps=[{"name": "", "path": "?"}])
    store.attempts.claim(begun, 1, worker="w")
    [lost] = add_documents(store, 1)
    [lease_lost] = add_documents(store, 1, priority=-1)
    store.attempts.claim(lease_lost, 1, worker="w")

    recovery.look_for(LOST_SECONDS + 2)

    assert (sent(client, 0), sent(client, 1)) == ([lost], [lease_lost])
    wrong = [r for r in caplog.records if r.levelno == logging.ERROR and r.exc_info]
    assert 1 <= len(wrong) <= 3, "each once, with its traceback"
    assert last_recovery(client).seconds < 30


def test_a_document_that_cannot_be_understood_is_counted_in_the_default_queue(
    client, store
):
    add_documents(store, 1, steps=[{"name": "", "path": "?"}])

    [default] = queues(store, client)

    assert (default.name, default.documents) == ("default", 1)


def test_a_part_of_a_look_that_fails_keeps_none_of_the_others_from_being_done(
    client, recovery, store, caplog
):
    def fail(*_):
        raise RuntimeError("unforeseen")

    [lost] = add_documents(store, 1)
    store.attempts.claim(lost, 1, worker="w")
    recovery.recovery._store.documents.due = fail
    recovery.recovery._store.submissions.unfinished = fail

    recovery.look_for(LOST_SECONDS + 2)

    assert store.documents.get(lost).attempt == 2
    assert "unforeseen" in caplog.text
    assert "Traceback" in caplog.text


def test_the_recovery_thread_survives_errors(where, client, store, monkeypatch):
    monkeypatch.setattr(recovery_module, "SEARCH_SECONDS", 0.05)
    monkeypatch.setattr(sightings, "LOST_SECONDS", 0.2)
    settings = load(**where)
    [lost] = add_documents(store, 1)
    with Sender.for_settings(settings) as sender:
        recovery = Recovery(settings, sender, worker="host:1")
        failures = iter([RuntimeError("unforeseen"), KeyError("x"), SystemError("y")])
        version = recovery._store.version

        def failing():
            for error in failures:
                raise error
            return version()

        recovery._store.version = failing
        monkeypatch.setattr(recovery_module, "SCHEMA_CHECK_SECONDS", 0.05)
        recovery._schema_check = Periodic(0.0, time.monotonic)
        recovery.start()
        try:
            eventually(lambda: sent(client, 0) == [lost])
        finally:
            recovery.close()


@pytest.mark.parametrize(
    ("look", "workers"), [(0.055, 2), (0.2, 5), (1.0, 2), (1.0, 5)]
)
def test_lost_documents_are_found_however_long_a_look_takes(
    where, store, monkeypatch, look, workers
):
    """All at a tenth of the usual times."""
    client = redis.Redis.from_url(where["redis_url"])
    for module, name in (
        (recovery_module, "SEARCH_SECONDS"),
        (recovery_module, "IDLE_SECONDS"),
        (recovery_module, "MAX_PAUSE"),
        (periodic, "MAX_TASK_PAUSE"),
        (sightings, "LOST_SECONDS"),
        (lost_messages, "PREFETCHED_SECONDS"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name) / 10)
    monkeypatch.setattr(leader_election, "RECOVERY_LEADER_SECONDS", 0.5)
    settings = load(**where)
    [lost] = add_documents(store, 1)
    [lease_lost] = add_documents(store, 1, priority=-1)
    store.attempts.claim(lease_lost, 1, worker="w")
    senders = [Sender.for_settings(settings) for _ in range(workers)]
    recoveries = [
        Recovery(settings, sender, worker=f"host:{number}")
        for number, sender in enumerate(senders)
    ]
    for recovery in recoveries:
        processing = recovery._store.documents.processing

        def slow(processing=processing):
            time.sleep(look)
            return processing()

        recovery._store.documents.processing = slow
        recovery.start()
    try:
        eventually(lambda: lost in sent(client, 0))
        eventually(lambda: lease_lost in sent(client, 1))
        assert store.documents.get(lease_lost).attempt == 2
    finally:
        for recovery in recoveries:
            recovery._closed = True
        for recovery, sender in zip(recoveries, senders, strict=True):
            recovery.close()
            sender.close()
        client.close()


def test_another_worker_leads_within_seconds_after_the_leader_died(redis_url, client):
    leader, other = (
        LeaderElection(lambda: client, name, fork=threading.Lock()) for name in "ab"
    )
    assert leader.acquire()
    leader.start()
    assert not other.acquire()
    leader.close()  # without resigning, as a process that was killed

    started = time.monotonic()
    eventually(other.acquire)

    assert time.monotonic() - started <= RECOVERY_LEADER_SECONDS + 5
    assert not leader.acquire()


def test_a_leader_whose_look_does_not_end_leaves_the_lead_to_another(
    client, monkeypatch
):
    monkeypatch.setattr(leader_election, "RECOVERY_LEADER_SECONDS", 0.5)
    now = [0.0]
    stuck = LeaderElection(
        lambda: client, "a", fork=threading.Lock(), clock=lambda: now[0]
    )
    other = LeaderElection(lambda: client, "b", fork=threading.Lock())
    assert stuck.acquire()
    stuck.start()
    try:
        now[0] = leader_election.STUCK_SECONDS - 1
        time.sleep(1.0)  # twice as long as leadership lasts without being renewed
        assert not other.acquire()
        now[0] = leader_election.STUCK_SECONDS + 1
        eventually(other.acquire)
    finally:
        stuck.close()


def test_leadership_is_renewed_while_a_fork_waits_for_the_end_of_a_look(
    where, client, monkeypatch
):
    forks = []
    monkeypatch.setattr(
        os, "register_at_fork", lambda **handlers: forks.append(handlers)
    )
    recovery = SteppedRecovery(where)
    try:
        recovery.recovery.start()
        eventually(lambda: client.exists(leader_election.RECOVERY_LEADER))
        with recovery.recovery._fork:

            def fork():
                for handlers in reversed(forks):
                    handlers["before"]()
                for handlers in forks:
                    handlers["after_in_parent"]()

            waiting = threading.Thread(target=fork)
            waiting.start()
            client.pexpire(leader_election.RECOVERY_LEADER, 3000)
            eventually(lambda: client.pttl(leader_election.RECOVERY_LEADER) > 3000)
            assert waiting.is_alive()
        waiting.join()
    finally:
        recovery.close()


def test_the_last_look_is_known_after_a_change_of_leader_and_of_the_clock(client):
    one = LeaderElection(lambda: client, "a", fork=threading.Lock())
    other = LeaderElection(lambda: client, "b", fork=threading.Lock())
    assert last_recovery(client) is None
    assert one.acquire()
    assert last_recovery(client).seconds < 30, "time counts from when a worker leads"
    one.record_search()
    client.expire(leader_election.LAST_RECOVERY, LAST_RECOVERY_SECONDS - 40)
    one.resign()
    assert other.acquire()

    found = last_recovery(client)
    assert (found.worker, found.overdue) == ("b", True)
    assert 40 <= found.seconds < 70

    client.expire(leader_election.LAST_RECOVERY, LAST_RECOVERY_SECONDS + 3600)
    assert last_recovery(client).seconds < 30
    assert client.ttl(leader_election.LAST_RECOVERY) <= LAST_RECOVERY_SECONDS


def test_the_doctor_says_that_recovery_is_overdue(where, client):
    def recovery():
        found = {finding.subject: finding for finding in findings(load(**where))}
        return found["recovery"]

    assert recovery().state is State.NOTE
    worker = Worker(where["redis_url"], where["home"])
    try:
        worker.ready()
        eventually(lambda: recovery().state is State.OK)
        worker.process.send_signal(signal.SIGSTOP)
        client.expire(leader_election.LAST_RECOVERY, LAST_RECOVERY_SECONDS - 40)
        # It does not answer either: that no worker is there is no fault of recovery.
        assert recovery().state is State.NOTE
        assert "documents 4" in recovery().message
    finally:
        worker.process.send_signal(signal.SIGCONT)
        worker.kill()
    url = where["redis_url"]
    assert check_recovery(url, any_worker=True).state is State.BROKEN


def test_recovered_work_is_sent_before_all_that_waits(client, recovery, store):
    ids = add_documents(store, 40)
    lease_lost, process_lost, prefetched = ids[20], ids[21], ids[22]
    for document_id in (lease_lost, process_lost):
        store.attempts.claim(document_id, 1, worker="host:1")
    for document_id in (process_lost, prefetched):
        recovery.recovery._deaths.append(Death(document_id, 1, 4711, None))

    recovery.look_for(LOST_SECONDS + 2)

    first = sent(client, fair_share.RECOVERED_LEVEL)
    assert sorted(first) == sorted([lease_lost, process_lost, prefetched])
    assert set(first) <= set(sent(client, 1)), "for workers of earlier versions, too"


@pytest.mark.parametrize("backlog", [250, pytest.param(10_000, marks=pytest.mark.slow)])
def test_killed_work_is_resumed_before_a_backlog(where, backlog):
    home, redis_url = where["home"], where["redis_url"]
    environment = {
        "DOCPROGRESS_DATABASE_URL": where["database_url"],
        "DOCPROGRESS_STORAGE_URL": where["storage_url"],
        "DOCPROGRESS_LEASE_SECONDS": "3",
    }
    workers = [Worker(redis_url, home, **environment) for _ in range(2)]
    try:
        with Pipeline(steps=["recovery_steps:slow"], **where) as pipeline:
            run = pipeline.submit(texts(backlog))
            eventually(lambda: len(run.documents(status=Status.COMPLETED)) > 20)
            name = f":{workers[0].process.pid}"

            def taken():
                processing = run.documents(status=Status.PROCESSING)
                return [row for row in processing if row.worker.endswith(name)]

            killed = workers[0].kill_during(taken)

            def resumed():
                rows = run.connections.store.documents.find(
                    ids=[row.id for row in killed]
                )
                return all(row.attempt == 2 and row.status.final for row in rows)

            eventually(resumed, seconds=60)
            assert len(run.documents(status=Status.QUEUED)) > 100, "before the backlog"
            run.cancel()
    finally:
        for worker in workers:
            worker.kill()


def test_the_message_of_each_document_is_in_the_level_that_recovery_expects(
    where, client, recovery, tmp_path
):
    files = [*texts(150), ("empty.pdf", b""), *texts(150)]
    with Pipeline(**where) as pipeline:
        run = pipeline.submit(files)
        recovery.look_for(LOST_SECONDS + 2)
        for row in run.documents(status=Status.QUEUED):
            assert row.id in sent(client, fair_share.priority_level(row.number)), (
                row.number
            )
        run.cancel()
        client.delete(*level_queue_names(queue_name(None)))
        run.retry(document_ids=[row.id for row in run.documents()[200:260]])
        before = [sent(client, level) for level in range(fair_share.LEVELS)]

        recovery.look_for(LOST_SECONDS + 2)

    assert [sent(client, level) for level in range(fair_share.LEVELS)] == before
    assert [len(level) for level in before[:2]] == [16, 44]


def test_leader_indexes_the_words_of_what_an_earlier_version_completed(store, recovery):
    [document_id] = add_documents(store, 1)
    chunk = Chunk(number=1, text="the lease", start=0, end=9, first_page=1, last_page=1)
    finished = FinishedStep(
        position=0,
        step="slow",
        next_step="slow",
        started_at=now(),
        seconds=0.0,
        items=1,
        unit="chunk",
        progress=100.0,
        chunks=[chunk],
    )
    store.attempts.claim(document_id, 1, worker="w")
    store.attempts.finish_steps(document_id, 1, [finished], completed="Done")
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE document SET indexed_attempt = NULL")
        connection.exec_driver_sql("DELETE FROM word_document")
    assert store.words.not_indexed() == 1

    recovery.look()

    assert store.words.not_indexed() == 0
    assert [match.document_id for match in store.words.search("lease")] == [document_id]
