"""Why something waits is said where it is true, and only as long as it is."""

from datetime import UTC, timedelta

import pytest
from support.events import event_at

from docprogress.events import Status, decode, from_dict, now
from docprogress.progress.fold import Progress
from docprogress.progress.waiting import shown_message, waiting_text
from docprogress.queueing import availability, waits

LIMITED = "Waiting for the embedding endpoint until 03:04:05 (rate limit)"


@pytest.fixture
def progress(clock):
    return Progress(expected=2, clock=clock, now=clock.today)


def test_a_rate_limit_ends_at_its_time_in_the_viewers_time_zone(clock, progress):
    until = clock.today() + timedelta(seconds=30)
    shown = f"{until.astimezone():%H:%M:%S}"
    event = event_at(
        clock, "a", Status.QUEUED, message=LIMITED, waiting_until=until.isoformat()
    )
    progress.apply(event)

    text = f"waiting for the embedding endpoint until {shown} (rate limit)"
    assert progress.waiting_for == text
    assert shown_message(event, clock.today()) == text.replace("w", "W", 1)

    clock.advance(31)
    assert progress.waiting_for is None
    assert shown_message(event, clock.today()) == "Queued"


def test_an_attempt_that_follows_later_says_when(clock):
    until = clock.today() + timedelta(seconds=30)
    event = event_at(
        clock,
        "a",
        Status.QUEUED,
        message="Trying again (attempt 2 of 3): a.pdf: it was reset",
        waiting_until=until.isoformat(),
    )

    shown = f"waiting until {until.astimezone():%H:%M:%S} to try again"
    assert waiting_text(event, clock.today()) == shown
    assert shown_message(event, clock.today()) == event.message


@pytest.mark.parametrize("until", ["soon", "", "2026-13-01T00:00:00", "9" * 400])
def test_an_invalid_time_is_no_wait(clock, until):
    event = event_at(clock, "a", Status.QUEUED, message=LIMITED, waiting_until=until)

    assert waiting_text(event, clock.today()) is None


def test_the_reason_of_the_queue_ends_when_a_document_is_processed(clock, progress):
    progress.apply(event_at(clock, "a", Status.QUEUED, message="Queued"))
    progress.queue_reason = "waiting behind run x: 3 documents to go"
    assert progress.waiting_for == progress.queue_reason

    progress.apply(event_at(clock, "a", Status.PROCESSING))

    assert progress.waiting_for is None


def test_a_run_waits_while_all_documents_in_process_do(clock, progress):
    progress.apply(event_at(clock, "a", message="Waiting for the storage"))
    progress.apply(event_at(clock, "b", message="Waiting for the storage"))
    assert progress.waiting_for == "waiting for the storage"

    progress.apply(event_at(clock, "b", message="Extracting page 1", progress=1))
    assert progress.waiting_for is None

    for name in "ab":
        message = "Waiting for the storage"
        progress.apply(event_at(clock, name, Status.CANCELLED, message=message))
    assert progress.waiting_for is None


def test_fields_of_other_programs_with_these_names_are_kept(clock):
    raw = event_at(clock, "a").to_dict() | {"size": "12 MB", "work": True}

    event = from_dict(raw)

    assert (event.size, event.work) == (None, None)
    assert decode(event.encode()).extra == {"size": "12 MB", "work": True}


class Queues:
    """What the store has of each run: status and documents, by its queue's name."""

    def __init__(self, monkeypatch, served):
        self.found = []
        monkeypatch.setattr(waits, "_queue", lambda _, each: self.queue_of[each.run_id])
        monkeypatch.setattr(
            waits, "served_queues", lambda _, names: [served.get(n) for n in names]
        )
        self.queue_of = {}
        self.queues = self

    def add(self, run_id, status, documents, queue="default"):
        since = now().astimezone(UTC) - timedelta(seconds=5)
        self.found.append(waits.Unfinished(run_id, 0, Status(status), documents, since))
        self.queue_of[run_id] = queue

    def unfinished(self):
        return self.found


def test_a_queue_without_a_worker_is_named(monkeypatch):
    store = Queues(monkeypatch, {"gpu": False, "default": True})
    store.add("a", "queued", 3, queue="gpu")
    store.add("b", "queued", 3)
    store.add("c", "processing", 1, queue="gpu")

    text = availability.UNSERVED_MESSAGE.format("gpu").replace("W", "w", 1)
    assert waits.queue_reasons(store, None) == {"a": text}


def test_workers_that_are_being_started_are_named_at_once(monkeypatch):
    served = {"default": False, "gpu": False}
    store = Queues(monkeypatch, served)
    store.add("a", "queued", 3)
    store.add("b", "queued", 1, queue="gpu")
    store.found = [each._replace(since=now()) for each in store.found]

    assert waits.queue_reasons(store, None, local=True) == {"a": "starting workers"}
    assert waits.queue_reasons(store, None) == {}

    served["default"] = True
    assert waits.queue_reasons(store, None, local=True) == {}


def test_runs_that_keep_the_workers_busy_are_named(monkeypatch):
    store = Queues(monkeypatch, {"default": True, "gpu": True})
    store.add("large", "processing", 4)
    store.add("large", "queued", 1230)
    store.add("other", "processing", 9, queue="gpu")
    store.add("small", "queued", 2)

    reasons = waits.queue_reasons(store, None)
    assert reasons == {"small": "waiting behind run large: 1,234 documents to go"}

    store.add("third", "processing", 1)
    reasons = waits.queue_reasons(store, None)
    assert reasons == {"small": "waiting behind 2 other runs: 1,235 documents to go"}

    store.add("small", "processing", 1)
    assert waits.queue_reasons(store, None) == {}


def test_nothing_is_claimed_if_redis_is_unreachable(monkeypatch):
    store = Queues(monkeypatch, {})
    store.add("large", "processing", 4)
    store.add("small", "queued", 2)

    assert waits.queue_reasons(store, None) == {}


def test_documents_that_were_sent_just_now_do_not_wait(monkeypatch):
    store = Queues(monkeypatch, {"default": False})
    store.add("a", "queued", 3)
    moment = now() - timedelta(seconds=4.5)

    assert waits.queue_reasons(store, None, moment=moment) == {}
