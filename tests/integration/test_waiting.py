"""Documents wait for an unavailable embedding endpoint without using an attempt."""

import os
import re
import signal
import time
from datetime import datetime

import numpy as np
import pytest
from support.embedding_endpoint import endpoint, good, meaning
from support.patience import patient
from support.rows import add_documents, add_run
from support.services import Worker, eventually

from docprogress import Pipeline as Client
from docprogress.errors import HandedBack
from docprogress.events import Status
from docprogress.settings import load
from docprogress.steps import embed as embedding
from docprogress.steps import plan
from docprogress.storage import Files, Source
from docprogress.store import Store
from docprogress.worker.limits import HAND_BACK_SIGNAL, LimitEnforcer
from docprogress.worker.processing import (
    HANDED_BACK_MESSAGE,
    DocumentAttempt,
    DocumentProcessor,
)
from docprogress.worker.service_outages import MAX_WAIT, LocalMemory, ServiceOutages

WAITING = re.compile(
    r"Waiting for the embedding endpoint until \d\d:\d\d:\d\d \(([\w ]+)\)"
)


class Office:
    """A store, its files, and a worker that takes documents on request."""

    def __init__(self, folder, server):
        self.store = Store(f"sqlite:///{folder / 'store.db'}")
        self.files = Files(str(folder / "files"))
        self.memory = LocalMemory()
        self.now = time.time()
        self.events = []
        self.server = server

    def add(self, *, documents=1, **settings):
        text = " ".join(f"This is sentence number {n}." for n in range(60))
        settings = {
            "embedder": "openai:waiting",
            "chunk_characters": 100,
            "chunk_overlap": 0,
            "embedding_batch": 4,
            "max_attempts": 1,
        } | settings
        steps = [step.to_dict() for step in plan()]
        run = add_run(self.store, steps=steps, settings=settings)
        ids = add_documents(self.store, run, documents, name="a.txt")
        for document_id in ids:
            source = Source(name="a.txt", data=text.encode())
            self.files.add(document_id, source, max_bytes=1 << 20)
        self.store.submissions.mark_ready(
            [(document_id, 11, "x") for document_id in ids]
        )
        return ids

    def process(self, document_id, **options):
        attempt = self.store.documents.get(document_id).attempt
        claim = self.store.attempts.claim(document_id, attempt, worker="w")
        assert claim is not None
        self.worker(**options).process(claim)
        return self.store.documents.get(document_id)

    def worker(self, **options):
        return DocumentProcessor(
            store=self.store,
            files=self.files,
            settings=load(embedding_url=self.server.url, events_per_second=1e6),
            publish=options.pop("publish", self._publish),
            sleep=lambda _: None,
            outages=ServiceOutages(self.memory, clock=lambda: self.now),
            **options,
        )

    def _publish(self, event):
        self.events.append(event)
        return False


@pytest.fixture
def office(tmp_path, monkeypatch):
    """With an endpoint whose answers can be set, and which is asked without a pause."""
    monkeypatch.setattr("docprogress.steps.embedders.openai.FIRST_PAUSE", 0.0)
    with endpoint(good) as (_, server):
        made = Office(tmp_path, server)
        yield made
        made.store.close()
        embedding._endpoint.cache_clear()


LIMITED = (429, {"Retry-After": "45"}, {"error": "slow down"})
AWAY = (503, {}, "")


@pytest.mark.parametrize(
    ("answer", "reason", "seconds"),
    [
        (LIMITED, "rate limit", 45),
        ((429, {"Retry-After": "3000"}, ""), "rate limit", 3000),
        (AWAY, "503 Service Unavailable", 2),
        ((502, {}, b"<html>"), "502 Bad Gateway", 2),
        ((None, {}, ""), "the connection was lost", 2),
    ],
    ids=lambda value: str(value)[:20],
)
def test_document_waits_and_then_continues(office, answer, reason, seconds):
    office.server.answers[:] = [answer]
    [document_id] = office.add()

    row = office.process(document_id)

    assert (row.status, row.attempt) == (Status.QUEUED, 1)
    assert WAITING.fullmatch(row.message)[1] == reason
    assert row.due_at == pytest.approx(office.now + seconds, abs=0.1)
    until = datetime.fromtimestamp(row.due_at).astimezone()
    assert f" until {until:%H:%M:%S} (" in row.message
    assert office.events[-1].message == row.message

    office.server.answers[:] = [good]
    office.now += seconds + 1
    row = office.process(document_id)
    assert (row.status, row.attempt) == (Status.COMPLETED, 1)


def serving(served):
    """An answer that keeps the texts that it has embedded."""

    def answer(body):
        served.extend(body["input"])
        return good(body)

    return answer


def vectors(office, document_id):
    return [c.vector for c in office.store.results.chunks(document_id, vectors=True)]


def test_embedded_chunks_are_not_requested_again(office):
    served = []
    office.server.answers[:] = [serving(served), serving(served), LIMITED]
    [document_id] = office.add()
    row = office.process(document_id)
    assert row.progress > row.kept_progress
    # What is not finished is nobody else's.
    assert {v is None for v in vectors(office, document_id)} == {True}
    assert list(office.store.vectors.in_run(row.run_id)) == []

    office.now += 50
    office.server.answers[:] = [serving(served), AWAY]
    later = office.process(document_id)
    assert later.progress > row.progress
    office.now += 50
    office.server.answers[:] = [serving(served)]
    assert office.process(document_id).status is Status.COMPLETED

    chunks = office.store.results.chunks(document_id)
    assert served == [chunk.text for chunk in chunks]
    office.server.answers[:] = [good]
    [whole] = office.add()
    office.process(whole)
    assert np.array_equal(vectors(office, document_id), vectors(office, whole))


def test_what_was_embedded_survives_a_failure_and_a_worker_that_stops(office):
    served = []
    office.server.answers[:] = [serving(served), (401, {}, "")]
    [document_id] = office.add()
    assert office.process(document_id).status is Status.FAILED
    office.store.documents.retry(document_ids=[document_id])

    office.server.answers[:] = [serving(served)]
    seen = []

    def stopping(event):
        if event.step == "embedding" and event.status is Status.PROCESSING:
            seen.append(event)
            if len(seen) > 6:
                raise HandedBack("this worker stops")
        return False

    row = office.process(document_id, publish=stopping)
    assert row.status is Status.QUEUED
    assert office.process(document_id).status is Status.COMPLETED

    chunks = office.store.results.chunks(document_id)
    assert set(served) == {chunk.text for chunk in chunks}
    # A batch at most is done again.
    assert len(served) <= len(chunks) + 4


def test_vectors_are_kept_also_while_nothing_fails(office, monkeypatch):
    """So that a worker that is killed loses no more than some seconds' work."""
    monkeypatch.setattr("docprogress.worker.attempt_writer.SAVE_VECTORS_SECONDS", 0.0)
    kept = []

    def look(event):
        if event.step == "embedding":
            kept.append(
                len(
                    office.store.vectors.unfinished(
                        document_id, embedder="openai:waiting"
                    )
                )
            )
        return False

    [document_id] = office.add(embedding_batch=1)
    assert office.process(document_id, publish=look).status is Status.COMPLETED

    assert max(kept) > 5
    assert kept[:-1] == sorted(kept[:-1])


def test_worker_that_stops_does_not_interrupt_the_keeping_of_vectors(
    office, monkeypatch
):
    monkeypatch.setattr("docprogress.worker.attempt_writer.SAVE_VECTORS_SECONDS", 0.0)
    handlers = {n: signal.getsignal(n) for n in (signal.SIGALRM, HAND_BACK_SIGNAL)}
    guard = LimitEnforcer(memory=1 << 40).guard(0)
    keep, kept = office.store.attempts.save_vectors, []

    def keep_while_stopping(*args, **options):
        os.kill(os.getpid(), HAND_BACK_SIGNAL)
        keep(*args, **options)
        kept.append(len(args[2]))

    monkeypatch.setattr(office.store.attempts, "save_vectors", keep_while_stopping)
    [document_id] = office.add(embedding_batch=1)
    try:
        row = office.process(
            document_id, guard=guard.step, uninterrupted=guard.deferred
        )
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    assert row.status is Status.QUEUED
    assert row.message == HANDED_BACK_MESSAGE
    assert kept == [1], "kept once, and handed back after that"
    embedder = "openai:waiting"
    assert len(office.store.vectors.unfinished(document_id, embedder=embedder)) == 1


def test_vectors_of_another_length_are_replaced(office):
    [document_id] = office.add()
    office.server.answers[:] = [good, LIMITED]
    office.process(document_id)
    office.now += 50
    embedding._endpoint.cache_clear()

    office.server.answers[:] = [meaning]
    assert office.process(document_id).status is Status.COMPLETED

    assert {len(v) for v in vectors(office, document_id)} == {2}


def test_waiting_has_a_limit_of_its_own(office):
    office.server.answers[:] = [AWAY]
    [document_id] = office.add(wait_seconds=100)
    began, row = office.now, office.process(document_id)

    while row.status is Status.QUEUED:
        assert row.due_at - office.now <= MAX_WAIT
        office.now = row.due_at
        row = office.process(document_id)

    assert 100 <= office.now - began <= 100 + MAX_WAIT
    assert (row.status, row.attempt) == (Status.FAILED, 1)
    assert "503 Service Unavailable" in row.error
    assert "limit of 100 s (wait_seconds)" in row.error


def test_wait_that_is_longer_than_the_limit_fails_at_once(office):
    office.server.answers[:] = [(429, {"Retry-After": "86400"}, "")]
    [first, second] = office.add(documents=2)

    row = office.process(first)

    assert row.status is Status.FAILED
    assert "429 Too Many Requests; it requests a wait of 24 h" in row.error
    # Another one is not held up by that.
    office.server.answers[:] = [good]
    assert office.process(second).status is Status.COMPLETED


def test_retried_document_may_wait_as_long_as_before(office):
    office.server.answers[:] = [AWAY]
    [document_id] = office.add(wait_seconds=10)
    row = office.process(document_id)
    while row.status is Status.QUEUED:
        office.now = row.due_at
        row = office.process(document_id)
    office.now += 1000

    office.store.documents.retry(document_ids=[document_id])

    assert office.process(document_id).status is Status.QUEUED


def test_documents_do_not_ask_an_endpoint_that_refused_another_one(office):
    office.server.answers[:] = [LIMITED]
    ids = office.add(documents=20)

    rows = [office.process(document_id) for document_id in ids]

    assert len(office.server.asked) == 1
    assert {WAITING.fullmatch(row.message)[1] for row in rows} == {"rate limit"}
    # They come back one after the other.
    due = [row.due_at for row in rows]
    assert due == sorted(set(due))
    assert 45 <= due[0] - office.now < due[-1] - office.now < 50


@pytest.mark.parametrize(("answer", "open_again"), [(LIMITED, False), (AWAY, True)])
def test_document_that_is_still_served_ends_no_rate_limit(office, answer, open_again):
    """What was on its way before the limit was reached says nothing about it."""
    [refused, served, other] = office.add(documents=3)
    office.server.answers[:] = [answer]
    claim = office.store.attempts.claim(served, 1, worker="w")
    assert office.process(refused).status is Status.QUEUED

    outages = ServiceOutages(office.memory, clock=lambda: office.now)
    runner = DocumentAttempt(office.worker(), claim).runner
    outages.record_success(runner.service_of(plan()[-1]), served)

    office.server.answers[:] = [good]
    assert (office.process(other).status is Status.COMPLETED) == open_again


def test_document_keeps_waiting_while_others_are_served(office):
    [patient, other] = office.add(documents=2, wait_seconds=100)
    for _ in range(4):
        office.server.answers[:] = [(429, {"Retry-After": "60"}, "")]
        assert office.process(patient).status is Status.QUEUED
        office.now += 70
        office.server.answers[:] = [good]
        assert office.process(other).status is Status.COMPLETED
        [other] = office.add(wait_seconds=100)

    assert office.process(patient).status is Status.COMPLETED


def test_document_that_alone_is_refused_comes_to_an_end(office, monkeypatch):
    monkeypatch.setattr("docprogress.worker.service_outages.MIN_REFUSALS", 3)
    [refused] = office.add(wait_seconds=100)
    for _ in range(10):
        office.server.answers[:] = [(429, {"Retry-After": "60"}, "")]
        if office.process(refused).status is Status.FAILED:
            break
        office.now += 70
        office.server.answers[:] = [good]
        [other] = office.add()
        assert office.process(other).status is Status.COMPLETED

    assert office.store.documents.get(refused).status is Status.FAILED


def test_waiting_document_is_cancelled_at_once(office):
    office.server.answers[:] = [LIMITED]
    [document_id] = office.add()
    office.process(document_id)

    [row], asked = office.store.documents.cancel(document_ids=[document_id])

    assert (row.status, asked) == (Status.CANCELLED, [])


def test_document_that_was_to_be_cancelled_does_not_wait(office):
    [document_id] = office.add()

    def cancelling(body):
        office.store.documents.cancel(document_ids=[document_id])
        return LIMITED

    office.server.answers[:] = [cancelling]

    assert office.process(document_id).status is Status.CANCELLED


def test_time_limit_of_a_step_excludes_waiting(office):
    office.server.answers[:] = [LIMITED]
    [document_id] = office.add(step_seconds=1.0)
    assert office.process(document_id).status is Status.QUEUED

    office.now += 50
    office.server.answers[:] = [good]
    assert office.process(document_id).status is Status.COMPLETED


def test_step_of_your_own_may_wait_for_a_service(office, tmp_path, monkeypatch):
    (tmp_path / "waiting_steps.py").write_text(
        "from docprogress.errors import ServiceUnavailable\n"
        "def ocr(pages):\n"
        "    raise ServiceUnavailable('no answer from it', service='the OCR service',\n"
        "                             reason='rate limit', seconds=30)\n"
    )
    monkeypatch.chdir(tmp_path)
    steps = [step.to_dict() for step in plan(["waiting_steps:ocr"])]
    run = add_run(office.store, steps=steps, settings={})
    ids = add_documents(office.store, run, 2, name="a.txt")
    for document_id in ids:
        source = Source(name="a.txt", data=b"Some words.")
        office.files.add(document_id, source, max_bytes=99)
    office.store.submissions.mark_ready([(document_id, 11, "x") for document_id in ids])

    for row in map(office.process, ids):
        assert row.status is Status.QUEUED
        assert re.fullmatch(
            r"Waiting for the OCR service until [\d:]{8} \(rate limit\)", row.message
        )


def test_step_that_yields_before_its_service_refuses_waits_no_longer_than_the_limit(
    office, tmp_path, monkeypatch
):
    (tmp_path / "refused_steps.py").write_text(
        "from docprogress.errors import ServiceUnavailable\n"
        "def ocr(pages):\n"
        "    yield from pages\n"
        "    raise ServiceUnavailable('no answer from it', service='the OCR service',\n"
        "                             reason='no answer')\n"
    )
    monkeypatch.chdir(tmp_path)
    steps = [step.to_dict() for step in plan(["refused_steps:ocr"])]
    run = add_run(office.store, steps=steps, settings={"wait_seconds": 100})
    [document_id] = add_documents(office.store, run, 1, name="a.txt")
    office.files.add(document_id, Source(name="a.txt", data=b"Words."), max_bytes=99)
    office.store.submissions.mark_ready([(document_id, 11, "x")])
    began, row = office.now, office.process(document_id)

    while row.status is Status.QUEUED:
        assert office.now - began < 1000
        office.now = row.due_at
        row = office.process(document_id)

    assert 100 <= office.now - began <= 100 + MAX_WAIT
    assert (row.status, row.attempt) == (Status.FAILED, 1)
    assert "limit of 100 s (wait_seconds)" in row.error


@pytest.fixture
def pipeline_of(home, redis_url):
    """Makes a pipeline for an endpoint, and a worker that does its work."""
    workers, pipelines = [], []

    def make(url, **settings):
        settings = {"embedder": "openai:m", "max_attempts": 1} | settings
        client = Client(home=home, redis_url=redis_url, embedding_url=url, **settings)
        pipelines.append(client)

        def work():
            worker = Worker(redis_url, home, DOCPROGRESS_EMBEDDING_URL=url)
            workers.append(worker)
            return worker

        return client, work

    yield make
    for worker in workers:
        worker.kill()
    for client in pipelines:
        client.close()


TEXTS = [(f"{n}.txt", f"text {n}. ".encode() * 50) for n in range(4)]


def waiting_messages(run):
    return {row.message for row in run.documents() if WAITING.fullmatch(row.message)}


def test_rate_limit_of_some_seconds_is_waited_for_by_real_workers(pipeline_of):
    over = []

    def answer(body):
        return good(body) if over else (429, {"Retry-After": "4"}, "")

    with endpoint(answer) as (_, server):
        pipeline, work = pipeline_of(server.url)
        run = pipeline.submit(TEXTS)
        worker = work()
        eventually(
            lambda: len(waiting_messages(run)) > 0, seconds=60, what=worker.output()
        )
        # A worker that is stopped meanwhile has nothing to hand back.
        worker.stop()
        worker.process.wait(patient(60))
        work()
        over.append(True)
        run.wait(timeout=patient(120))

        rows = run.documents()

    assert {(row.status, row.attempt) for row in rows} == {(Status.COMPLETED, 1)}


def test_endpoint_that_is_not_there_yet_is_waited_for(pipeline_of):
    with endpoint(good) as (_, server):
        port = server.server_port
    pipeline, work = pipeline_of(f"http://127.0.0.1:{port}/v1")
    run = pipeline.submit(TEXTS)
    worker = work()
    eventually(lambda: len(waiting_messages(run)) > 0, seconds=60, what=worker.output())
    assert "it cannot be reached" in waiting_messages(run).pop()

    with endpoint(good, port=port):
        run.wait(timeout=patient(120))

    rows = run.documents()
    assert {(row.status, row.attempt) for row in rows} == {(Status.COMPLETED, 1)}


def test_run_that_waits_is_cancelled_within_five_seconds(pipeline_of):
    with endpoint((429, {"Retry-After": "600"}, "")) as (_, server):
        pipeline, work = pipeline_of(server.url)
        run = pipeline.submit(TEXTS)
        worker = work()
        eventually(
            lambda: len(waiting_messages(run)) > 0, seconds=60, what=worker.output()
        )

        run.cancel()
        run.wait(timeout=patient(30))

    assert {row.status for row in run.documents()} == {Status.CANCELLED}
