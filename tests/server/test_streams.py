import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
import redis
from sqlalchemy import create_engine
from support.events import completed, event
from support.patience import patient
from support.services import Server, eventually
from support.settings import service_options
from support.web import Reader, served

from docprogress.bus.bus import Bus
from docprogress.errors import StoreError
from docprogress.events import FINAL_NUMBER, Status, now
from docprogress.server.counters import Counters
from docprogress.server.sse.broadcaster import Broadcaster
from docprogress.server.sse.client_queue import ClientQueue
from docprogress.server.sse.reconcile import YIELD_EVERY
from docprogress.server.sse.response import EventStream
from docprogress.server.subjects import Kind, Subject
from docprogress.settings import load
from docprogress.store import NewDocument, Store, schema
from docprogress.store.documents import Documents
from docprogress.store.engine import Database
from docprogress.store.members import NewMember


@pytest.fixture
def settings(redis_url, tmp_path):
    return load(
        **service_options(tmp_path, redis_url),
    )


@pytest.fixture
def web(settings):
    with served(settings, truth_seconds=0.2) as web:
        yield web


@pytest.fixture
def store(settings):
    with Store(settings.database) as store:
        yield store


def plain(document_id="test-doc", progress=10, **changes):
    fields = {
        "document_id": document_id,
        "status": "completed" if progress == 100 else "processing",
        "step": "extraction",
        "progress": progress,
        "message": f"{progress} %",
        "timestamp": now().isoformat(),
    }
    return json.dumps(fields | changes)


def add_run(store, *documents, run_id="run", case_id=None):
    store.runs.add(
        run_id=run_id,
        case_id=case_id,
        expected=len(documents),
        steps=[{"name": "extraction", "path": "x:y"}],
        settings={},
        fingerprint="",
    )
    store.submissions.add(
        [
            NewDocument(
                id=document_id,
                run_id=run_id,
                number=number,
                name=document_id,
                case_id=case_id,
                step="extraction",
            )
            for number, document_id in enumerate(documents, 1)
        ]
    )
    store.submissions.mark_ready([(document_id, 1, "0") for document_id in documents])


def received(connection):
    """All that comes until the other end closes."""
    data = b""
    with suppress(ConnectionResetError):
        while more := connection.recv(1_000_000):
            data += more
    return data


def listened_to(url, document_id):
    channel = f"document:{document_id}:progress"
    with redis.Redis.from_url(url) as client:
        eventually(lambda: client.pubsub_numsub(channel)[0][1] == 1)


def test_stream_greets_at_once_with_headers_that_keep_it_flowing(web):
    with web.read("/progress/documents/nobody-knows-it/stream") as reader:
        greeting = reader.next()

    assert reader.status == 200
    assert reader.comments == ["connected"]
    assert greeting.data == {"status": "connected"}
    assert 1_000 <= reader.retry <= 4_000
    assert reader.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reader.headers["x-accel-buffering"] == "no"
    assert "no-cache" in reader.headers["cache-control"]


def test_plain_publisher_is_streamed_until_its_end(web, redis_url):
    with (
        web.read("/progress/documents/test-doc/stream") as reader,
        redis.Redis.from_url(redis_url) as client,
    ):
        listened_to(redis_url, "test-doc")
        for progress in (10, 25, 50, 75, 100):
            client.publish("document:test-doc:progress", plain(progress=progress))
            assert reader.progress().data["progress"] == progress

        assert reader.next() is None


def test_events_without_a_pause_are_all_delivered(web, redis_url):
    with (
        web.read("/progress/documents/test-doc/stream") as reader,
        redis.Redis.from_url(redis_url) as client,
    ):
        listened_to(redis_url, "test-doc")
        pipeline = client.pipeline()
        for progress in (10, 25, 50, 75, 100):
            pipeline.publish("document:test-doc:progress", plain(progress=progress))
        pipeline.execute()

        assert [delivered.data["progress"] for delivered in reader.rest()] == [
            10,
            25,
            50,
            75,
            100,
        ]


def test_plain_publisher_s_final_event_is_delivered_to_later_clients(web, redis_url):
    with (
        web.read("/progress/documents/test-doc/stream") as reader,
        redis.Redis.from_url(redis_url) as client,
    ):
        listened_to(redis_url, "test-doc")
        client.publish("document:test-doc:progress", plain(progress=100))
        (end,) = reader.rest()

    with web.read("/progress/documents/test-doc/stream") as later:
        assert [delivered.data for delivered in later.rest()] == [end.data]
    with web.read("/progress/documents/test-doc/stream", since=end.id) as again:
        assert again.status == 204


def test_failed_document_ends_its_stream_with_the_reason(web, bus):
    bus.publish(event(progress=40.0))
    bus.publish(
        event(status=Status.FAILED, progress=40.0, error="a.pdf: it is encrypted")
    )

    with web.read("/progress/documents/a/stream") as reader:
        (delivered,) = reader.rest()

    assert delivered.data["error"] == "a.pdf: it is encrypted"
    assert delivered.data["progress"] == 40


def test_current_state_is_delivered_first_and_then_updates(web, bus):
    bus.publish(event(progress=10.0))
    bus.publish(event(progress=20.0))

    with web.read("/progress/documents/a/stream") as reader:
        assert reader.progress().data["progress"] == 20
        bus.publish(event(progress=30.0))
        assert reader.progress().data["progress"] == 30
        bus.publish(completed())
        assert reader.progress().id == f"1-{FINAL_NUMBER}"
        assert reader.next() is None


def test_second_client_of_a_document_gets_its_current_state_too(web, bus):
    bus.publish(event(progress=10.0))
    with web.read("/progress/documents/a/stream") as first:
        assert first.progress().data["progress"] == 10
        bus.publish(event(progress=20.0))
        assert first.progress().data["progress"] == 20

        with web.read("/progress/documents/a/stream") as second:
            assert second.progress().data["progress"] == 20
            bus.publish(completed())
            assert [delivered.data["status"] for delivered in first.rest()] == [
                "completed"
            ]
            assert [delivered.data["status"] for delivered in second.rest()] == [
                "completed"
            ]


def test_last_event_id_replays_exactly_what_was_missed(web, bus):
    published = [bus.publish(event(progress=float(n))).event for n in range(10, 60, 10)]

    with web.read("/progress/documents/a/stream", since=published[1].id) as reader:
        missed = [reader.progress() for _ in range(3)]
        bus.publish(completed())
        rest = reader.rest()

    assert [delivered.data["progress"] for delivered in missed] == [30, 40, 50]
    assert [delivered.id for delivered in missed] == [each.id for each in published[2:]]
    assert [delivered.data["progress"] for delivered in rest] == [100]


def test_last_event_id_is_replayed_across_attempts(web, bus):
    first = bus.publish(event(progress=50.0)).event
    bus.publish(event(status=Status.FAILED, progress=50.0, error="no"))
    bus.publish(event(progress=10.0, attempt=2))

    with web.read("/progress/documents/a/stream", since=first.id) as reader:
        assert reader.progress().data["status"] == "failed"


def test_unknown_last_event_id_gives_the_current_state(web, bus, redis_url):
    known = bus.publish(event(progress=10.0)).event
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    bus.publish(event(progress=20.0))
    bus.publish(event(progress=30.0))

    since = known.id.replace("1-0", "1-77")
    with web.read("/progress/documents/a/stream", since=since) as reader:
        assert reader.progress().data["progress"] == 30


@pytest.mark.parametrize(
    "since", ["nonsense", "1-", "-", "(1-1", "9" * 50, "1-99999999999999999999"]
)
def test_invalid_last_event_id_gives_the_current_state(web, bus, since):
    bus.publish(event(progress=30.0))

    with web.read("/progress/documents/a/stream", since=since) as reader:
        assert reader.progress().data["progress"] == 30


def test_final_event_id_needs_no_stream_any_more(web, bus):
    end = bus.publish(completed()).event

    with web.read("/progress/documents/a/stream", since=end.id) as reader:
        assert reader.status == 204
    assert web.metric("docprogress_stream_clients") == 0


def test_document_that_is_retried_is_streamed_to_clients_that_saw_its_end(web, bus):
    end = bus.publish(event(status=Status.FAILED, error="no")).event
    bus.publish(event(attempt=2, progress=5.0))

    with web.read("/progress/documents/a/stream", since=end.id) as reader:
        assert reader.progress().data["attempt"] == 2


def test_many_documents_share_a_stream_that_ends_with_the_last(web, bus):
    bus.publish(event("a"))
    bus.publish(event("b"))

    with web.read("/progress/stream?document_id=a&document_id=b") as reader:
        assert {reader.progress().data["document_id"] for _ in "ab"} == {"a", "b"}
        bus.publish(completed("a"))
        assert reader.progress().data["document_id"] == "a"
        bus.publish(completed("b"))
        assert reader.progress().data["document_id"] == "b"
        end = reader.next()
        assert end.type == "end"
        assert reader.next() is None

    with web.read(
        "/progress/stream?document_id=a&document_id=b", since=end.id
    ) as again:
        assert again.status == 204


MANY = "/progress/stream?document_id=a&document_id=b&document_id=c"


def delivered_to_the_end(web, path, *, since=None):
    """What a reader is delivered, by document, and the id of the stream's own end."""
    with web.read(path, since=since) as reader:
        assert reader.status == 200
        delivered, end = {}, None
        while (each := reader.next()) is not None:
            if each.type == "end":
                end = each.id
            elif each.type == "message" and "document_id" in each.data:
                delivered[each.data["document_id"]] = each.data
    return delivered, end


def test_end_of_one_document_is_no_end_of_the_others(web, bus):
    ends = [bus.publish(completed(document_id)).event.id for document_id in "ab"]
    bus.publish(event("c"))
    for since in {*ends, "end"}:
        with web.read(MANY, since=since) as reader:
            assert reader.status == 200
            assert {reader.progress().data["document_id"] for _ in "abc"} == set("abc")

    # It ended while nobody was connected who had seen the end of another.
    bus.publish(event("c", status=Status.FAILED, error="c: no"))
    for since in {*ends, "end"}:
        delivered, end = delivered_to_the_end(web, MANY, since=since)
        assert delivered["c"]["error"] == "c: no"
        assert delivered.keys() == set("abc")

    with web.read(MANY, since=end) as again:
        assert again.status == 204


def test_end_of_another_program_s_document_is_no_end_of_the_others(web, redis_url):
    path = "/progress/stream?document_id=a&document_id=b"
    with web.read(path) as reader, redis.Redis.from_url(redis_url) as client:
        listened_to(redis_url, "b")
        client.publish("document:a:progress", plain("a", progress=100))
        end = reader.progress()
        assert end.data["document_id"] == "a"
        with web.read(path, since=end.id) as again:
            assert again.status == 200
            client.publish("document:b:progress", plain("b", progress=100))
            assert {each.data["document_id"] for each in again.rest()} == {"a", "b"}


def test_run_s_stream_continues_after_the_end_of_one_document(web, bus, store):
    add_run(store, "a", "b")
    end = bus.publish(completed("a", run_id="run")).event.id

    with web.read("/progress/runs/run/stream", since=end) as reader:
        assert reader.status == 200
        assert {reader.progress().data["document_id"] for _ in "ab"} == {"a", "b"}
        bus.publish(completed("b", run_id="run"))
        assert reader.progress().data["status"] == "completed"
        end = reader.next()
        assert end.type == "end"
    with web.read("/progress/runs/run/stream", since=end.id) as again:
        assert again.status == 204


@pytest.mark.parametrize("over", [False, True], ids=["goes-on", "is-over"])
def test_document_retried_after_the_stream_s_end_is_delivered(web, bus, over):
    for document_id in "abc":
        bus.publish(event(document_id, status=Status.FAILED, error="no"))
    _, end = delivered_to_the_end(web, MANY)
    bus.publish(event("b", attempt=2, progress=5.0))
    if over:
        bus.publish(completed("b", attempt=2))

    with web.read(MANY, since=end) as reader:
        assert reader.status == 200
        delivered = {}
        while "b" not in delivered:
            each = reader.progress().data
            delivered[each["document_id"]] = each
    assert delivered["b"]["attempt"] == 2
    assert delivered["b"]["status"] == ("completed" if over else "processing")


def test_second_final_event_of_another_program_s_document_is_delivered(web, redis_url):
    path = "/progress/documents/test-doc/stream"
    with redis.Redis.from_url(redis_url) as client:
        with web.read(path) as reader:
            listened_to(redis_url, "test-doc")
            client.publish("document:test-doc:progress", plain(progress=100))
            (first,) = reader.rest()
        with web.read("/progress/stream?document_id=test-doc&follow=true") as reader:
            reader.progress()
            for progress in (10, 100):
                client.publish("document:test-doc:progress", plain(progress=progress))
                assert reader.progress().data["progress"] == progress

    with web.read(path, since=first.id) as reader:
        assert reader.status == 200
        (second,) = reader.rest()
    assert second.id != first.id
    with web.read(path, since=second.id) as reader:
        assert reader.status == 204


def test_stream_that_is_followed_continues_when_all_have_ended(web, bus):
    bus.publish(event("a", status=Status.FAILED, error="no"))
    path = "/progress/stream?document_id=a&follow=true"

    with web.read(path) as reader:
        failed = reader.progress()
        assert failed.data["status"] == "failed"
        bus.publish(event("a", attempt=2, progress=5.0))
        assert reader.progress().data["attempt"] == 2
        bus.publish(completed("a", attempt=2))
        assert reader.progress().data["status"] == "completed"
    with web.read(path, since=failed.id) as again:
        assert again.status == 200
        assert again.progress().data["status"] == "completed"


def test_run_s_stream_ends_when_all_its_documents_have(web, bus, store):
    add_run(store, "a", "b")
    bus.publish(completed("a", run_id="run"))

    with web.read("/progress/runs/run/stream") as reader:
        assert {reader.progress().data["document_id"] for _ in "ab"} == {"a", "b"}
        bus.publish(completed("b", run_id="run"))
        assert reader.progress().data["status"] == "completed"
        assert reader.next().type == "end"


def test_run_s_stream_does_not_end_before_documents_found_in_others(web, bus, store):
    """Their events may be lost: the store has them before their container ends."""
    add_run(store, "a")
    claim = store.attempts.claim("a", 1, worker="w")

    with web.read("/progress/runs/run/stream") as reader:
        assert reader.progress().data["document_id"] == "a"
        store.members.add(
            claim.document,
            [NewMember(1, "a/b.txt", 1)],
            root_id="a",
            step="extraction",
            max_members=9,
            max_bytes=9,
        )
        bus.publish(completed("a", run_id="run"))
        assert reader.progress().data["status"] == "completed"
        found = reader.progress().data
        assert (found["document_id"], found["parent_id"]) == ("a.1", "a")
        bus.publish(completed("a.1", run_id="run"))
        assert reader.progress().data["status"] == "completed"
        assert reader.next().type == "end"


def test_run_s_stream_contains_documents_that_are_watched_already(web, bus, store):
    add_run(store, "a", "b")
    bus.publish(event("a", run_id="run", progress=20.0))

    with web.read("/progress/documents/a/stream") as first:
        assert first.progress().data["progress"] == 20
        with web.read("/progress/runs/run/stream") as reader:
            assert {reader.progress().data["document_id"] for _ in "ab"} == {"a", "b"}
            bus.publish(completed("a", run_id="run"))
            assert first.rest()[-1].data["status"] == "completed"
            assert reader.progress().data["status"] == "completed"
            with web.read("/progress/documents/a/stream") as second:
                assert second.rest()[-1].data["status"] == "completed"


def test_case_s_stream_contains_runs_that_are_added(web, bus, store):
    add_run(store, "a", run_id="first", case_id="case/1")

    with web.read("/progress/cases/case%2F1/stream") as reader:
        assert reader.progress().data["document_id"] == "a"
        add_run(store, "b", run_id="second", case_id="case/1")
        assert reader.progress().data["document_id"] == "b"
        bus.publish(event("b", run_id="second", progress=50.0))
        assert reader.progress().data["progress"] == 50


def add_case(settings, runs, *, case_id, status=Status.COMPLETED):
    """Add many runs of one document each, as uploads do."""
    at = now()
    run = {
        "case_id": case_id,
        "created_at": at,
        "expected": 1,
        "steps": [],
        "settings": {},
        "fingerprint": "",
    }
    zeros = ("next_step", "kept_progress", "pages", "characters", "chunks")
    document = dict.fromkeys(zeros, 0) | {
        "number": 1,
        "case_id": case_id,
        "name": "a.pdf",
        "ready": True,
        "status": status.value,
        "step": "extraction",
        "progress": 100.0,
        "message": "",
        "attempt": 1,
        "first_attempt": 1,
        "cancel_requested": False,
        "created_at": at,
        "updated_at": at,
    }
    engine = create_engine(settings.database)
    with engine.begin() as connection:
        connection.execute(schema.run.insert(), [run | {"id": each} for each in runs])
        connection.execute(
            schema.document.insert(),
            [document | {"id": f"{each}-1", "run_id": each} for each in runs],
        )
    engine.dispose()


def test_case_with_many_runs_is_delivered_whole(web, bus, settings, store):
    runs = [f"run{number:04}" for number in range(1_500)]
    add_case(settings, runs, case_id="case")
    add_run(store, "going-on", run_id="at-work", case_id="case")
    expected = {f"{run}-1" for run in runs} | {"going-on"}

    with web.read("/progress/cases/case/stream") as reader:
        delivered = set()
        while delivered != expected:
            delivered.add(reader.progress().data["document_id"])
        # Of all these runs, that one is listened to which has not ended.
        listened = bus.redis.pubsub_channels("run:*")
        assert listened == [b"run:at-work:progress"]
        bus.publish(event("going-on", run_id="at-work", progress=50.0))
        assert reader.progress().data["progress"] == 50

        add_run(store, "new", run_id="of-now", case_id="case")
        assert reader.progress().data["document_id"] == "new"
        bus.publish(event("new", run_id="of-now", progress=60.0))
        assert reader.progress().data["progress"] == 60

        with web.read("/progress/cases/case/stream") as second:
            delivered = {}
            while delivered.keys() != expected | {"new"}:
                data = second.progress().data
                delivered[data["document_id"]] = data
            assert delivered["new"]["progress"] == 60


def test_case_s_documents_are_delivered_when_they_are_retried(web, bus, store):
    add_run(store, "a", run_id="first", case_id="case")
    store.attempts.finish("a", 1, Status.FAILED, message="No", error="a: no")

    with web.read("/progress/cases/case/stream") as reader:
        assert reader.progress().data["status"] == "failed"
        assert bus.redis.pubsub_channels("run:*") == []
        store.documents.retry(run_id="first")
        delivered = reader.progress().data
        assert (delivered["status"], delivered["attempt"]) == ("queued", 2)
        eventually(lambda: bus.redis.pubsub_channels("run:*"))
        bus.publish(event("a", run_id="first", attempt=2, progress=30.0))
        assert reader.progress().data["progress"] == 30
        store.attempts.finish("a", 2, Status.FAILED, message="No", error="a: no again")
        assert reader.progress().data["error"] == "a: no again"
        eventually(lambda: not bus.redis.pubsub_channels("run:*"))


def test_server_listens_again_once_redis_allows_it(settings, server: Server):
    settings = settings.model_copy(update={"redis_url": server.url})

    def ready():
        answer = web.client.get("/ready")
        return answer.status_code, answer.json()["events"]["ok"]

    with (
        served(settings) as web,
        redis.Redis.from_url(server.url) as client,
        Bus(server.url) as bus,
    ):
        client.execute_command("ACL", "SETUSER", "default", "resetchannels")
        assert ready() == (200, True), "nobody waits for anything"
        with (
            web.read("/progress/documents/a/stream") as first,
            web.read("/progress/documents/b/stream") as second,
        ):
            eventually(lambda: ready() == (503, False), seconds=60)
            assert web.metric("docprogress_events_deaf_seconds") > 0
            client.execute_command("ACL", "SETUSER", "default", "allchannels")
            eventually(lambda: ready() == (200, True), seconds=60)
            assert web.metric("docprogress_events_deaf_seconds") == 0
            for reader, document_id in ((first, "a"), (second, "b")):
                bus.publish(event(document_id, progress=20.0))
                assert reader.progress().data["progress"] == 20
            with web.read("/progress/documents/c/stream") as third:
                bus.publish(event("c", progress=30.0))
                assert third.progress().data["progress"] == 30


def test_fault_while_clients_are_looked_after_ends_nothing(web, bus, monkeypatch):
    sweep, swept = Broadcaster._remove_unwatched, []

    async def failing(self, moment):
        swept.append(moment)
        if len(swept) == 1:
            raise RuntimeError("a fault of this test")
        await sweep(self, moment)

    monkeypatch.setattr(Broadcaster, "_remove_unwatched", failing)
    with web.read("/progress/documents/a/stream") as reader:
        eventually(lambda: len(swept) >= 3)
        bus.publish(event("a", progress=20.0))
        assert reader.progress().data["progress"] == 20


def test_final_state_in_the_store_is_delivered_when_redis_has_none(web, store):
    add_run(store, "a")
    with web.read("/progress/documents/a/stream") as reader:
        assert reader.progress().data["status"] == "queued"
        store.attempts.finish("a", 1, Status.FAILED, message="No", error="a: no")

        (end,) = reader.rest()

    assert end.data["error"] == "a: no"


def run_to_its_end(web, store, run_id="run"):
    """The id of the end of a run's stream, which has seen its documents fail."""
    rows = store.documents.find(run_id)
    for row in rows:
        store.attempts.finish(row.id, 1, Status.FAILED, message="No", error="no")
    delivered, end = delivered_to_the_end(web, f"/progress/runs/{run_id}/stream")
    assert delivered.keys() == {row.id for row in rows}
    return end


@pytest.mark.parametrize("whole", [True, False], ids=["run", "one of its documents"])
def test_stream_of_a_deleted_document_ends_for_clients_that_saw_its_end(
    web, store, bus, monkeypatch, whole
):
    monkeypatch.setattr("docprogress.server.sse.broadcaster.LINGER_SECONDS", 0.0)
    add_run(store, "a", "b")
    path = "/progress/runs/run/stream"
    if not whole:
        path = "/progress/stream?document_id=a&document_id=b"
    run_to_its_end(web, store)
    _, end = delivered_to_the_end(web, path)
    store.documents.delete(["a", "b"] if whole else ["a"])
    if whole:
        store.runs.delete_empty("run")
    eventually(lambda: not bus.redis.pubsub_channels("*:progress"))

    def statuses():
        nonlocal end
        with web.read(path, since=end) as reader:
            if reader.status == 200:
                # A browser comes again with the id of the new end.
                end = [each.id for each in iter(reader.next, None)][-1]
            return reader.status

    eventually(lambda: statuses() == 204)
    with web.read("/progress/runs/other/stream") as reader:
        assert reader.status == 200


def test_nothing_is_taken_for_deleted_while_the_store_does_not_answer(
    web, store, bus, monkeypatch
):
    monkeypatch.setattr("docprogress.server.sse.broadcaster.LINGER_SECONDS", 0.0)
    monkeypatch.setattr("docprogress.server.sse.listener.JOIN_SECONDS", 0.2)
    add_run(store, "a")
    end = run_to_its_end(web, store)
    (document,) = store.documents.current_events(documents=["a"])
    eventually(lambda: not bus.redis.pubsub_channels("*:progress"))

    def unavailable(*_):
        raise StoreError("the database is away")

    monkeypatch.setattr(Database, "reading", unavailable)
    for path, since in (
        ("/progress/runs/run/stream", end),
        ("/progress/documents/a/stream", document.id),
    ):
        with web.read(path, since=since) as reader:
            assert reader.status == 200


def test_watched_run_is_read_whole_only_once(web, store, monkeypatch):
    documents, changes, whole = Documents.find, Documents.changes, []
    looked = []

    def counted(self, run_id=None, **options):
        if run_id is not None:
            whole.append(run_id)
        return documents(self, run_id, **options)

    def changed(self, run_id, since):
        looked.append(len(rows := changes(self, run_id, since)))
        return rows

    monkeypatch.setattr(Documents, "find", counted)
    monkeypatch.setattr(Documents, "changes", changed)
    ids = [f"d{number}" for number in range(50)]
    add_run(store, *ids)
    with web.read("/progress/runs/run/stream") as reader:
        assert {reader.progress().data["document_id"] for _ in ids} == set(ids)
        eventually(lambda: len(looked) >= 2)
        store.attempts.finish("d7", 1, Status.FAILED, message="No", error="d7: no")
        end = reader.progress()
        eventually(lambda: len(looked) >= 4)

    assert end.data["error"] == "d7: no"
    assert whole == ["run"]


@pytest.mark.anyio
async def test_others_run_while_a_large_run_is_read(settings, store, redis_url):
    ids = [f"d{number}" for number in range(3 * YIELD_EVERY)]
    add_run(store, *ids)
    client = ClientQueue([Subject(Kind.RUN, "run")], abort=lambda: None)
    counts = [0]
    with Bus(redis_url) as bus:
        broadcaster = Broadcaster(bus, store, settings, counters=Counters())
        try:
            broadcaster.join(client)
            async with asyncio.timeout(patient(30)):
                while counts[-1] < len(ids):
                    await asyncio.sleep(0)
                    taken = sum(map(len, iter(client.take, [])))
                    counts.append(counts[-1] + taken)
        finally:
            await broadcaster.close()

    assert any(0 < count < len(ids) for count in counts)


def test_end_stored_under_an_older_time_is_delivered(web, store, monkeypatch):
    add_run(store, "a", "b")
    hour = timedelta(hours=1)
    with web.read("/progress/runs/run/stream") as reader:
        for _ in "ab":
            assert reader.progress().data["status"] == "queued"
        monkeypatch.setattr("docprogress.store.attempts.now", lambda: now() - hour)
        for document_id in "ab":
            store.attempts.finish(
                document_id, 1, Status.FAILED, message="No", error="no"
            )
        assert {each.data["document_id"] for each in reader.rest()} == {"a", "b"}


def test_heartbeats_and_stalls_have_event_types_of_their_own(web, bus):
    silent = event(timestamp=now() - timedelta(seconds=20))
    published = bus.publish(silent).event

    with web.read("/progress/documents/a/stream") as reader:
        delivered = [reader.next() for _ in range(3)]
        beat = published.replace(timestamp=now(), heartbeat=True)
        bus.redis.publish("document:a:progress", beat.encode())
        delivered.append(reader.next())

    assert [each.type for each in delivered] == [
        "message",
        "message",
        "stalled",
        "heartbeat",
    ]
    assert delivered[2].data["silent_seconds"] >= 15
    assert {each.data["document_id"] for each in delivered[1:]} == {"a"}
    assert [each.id for each in delivered[2:]] == [None, None]


def test_silent_stream_is_kept_alive_by_comments(settings):
    with (
        served(settings, keep_alive_seconds=0.2) as web,
        web.read("/progress/documents/a/stream") as reader,
    ):
        assert reader.comment() == "connected"
        assert reader.comment() == "keep-alive"
        assert reader.comment() == "keep-alive"


def test_stream_continues_when_redis_comes_back_empty(settings, server: Server):
    with (
        served(settings.model_copy(update={"redis_url": server.url})) as web,
        Bus(server.url) as bus,
    ):
        bus.publish(event(progress=10.0))
        with web.read("/progress/documents/a/stream") as reader:
            known = reader.progress()
            server.kill()
            server.start()
            listened_to(server.url, "a")
            bus.publish(event(progress=20.0))
            assert reader.progress().data["progress"] == 20
            with web.read("/progress/documents/a/stream", since=known.id) as again:
                assert again.progress().data["progress"] == 20


def test_stream_begins_and_status_answers_while_redis_is_unavailable(
    settings, store, server: Server
):
    add_run(store, "a")
    server.kill()
    with served(settings.model_copy(update={"redis_url": server.url})) as web:
        with web.read("/progress/documents/a/stream") as reader:
            assert reader.progress().data["status"] == "queued"
            assert (
                web.client.get("/progress/documents/a/status").json()["status"]
                == "queued"
            )
            server.start()
            with Bus(server.url) as bus:
                bus.publish(event(progress=20.0))
                assert reader.progress().data["progress"] == 20


def test_client_that_never_reads_is_dropped_and_others_are_not_held_up(settings, bus):
    pages = "x" * 60_000
    with served(settings, stuck_seconds=0.5) as web:
        stuck = web.ask("/progress/documents/a/stream", receive_buffer=4096)
        with stuck, web.read("/progress/documents/a/stream") as reader:
            reader.next()
            listened_to(settings.redis_url, "a")
            count = 0
            while web.metric("docprogress_stream_clients_dropped_total") == 0:
                count += 1
                assert count < 3000
                bus.publish(event(progress=10.0, message=f"{count} {pages}"))
                assert reader.progress().data["message"].startswith(f"{count} ")
            eventually(lambda: web.metric("docprogress_stream_clients") == 1)
            assert len(received(stuck)) < 1_000_000
            bus.publish(completed())
            assert reader.rest()[-1].data["status"] == "completed"


def test_client_that_leaves_is_forgotten(web, redis_url):
    with web.read("/progress/documents/a/stream") as reader:
        reader.next()
        assert web.metric("docprogress_stream_clients") == 1
    eventually(lambda: web.metric("docprogress_stream_clients") == 0)


def test_hundred_clients_share_one_subscription(web, bus, redis_url):
    bus.publish(event())
    with ThreadPoolExecutor(20) as pool:
        readers = list(
            pool.map(lambda _: web.read("/progress/documents/a/stream"), range(100))
        )
        with redis.Redis.from_url(redis_url) as client:
            assert client.pubsub_numsub("document:a:progress")[0][1] == 1
            watchers = [
                each
                for each in client.client_list()
                if each["name"] == "docprogress-watcher"
            ]
            assert len(watchers) <= 2
        bus.publish(completed())
        ends = list(pool.map(lambda reader: reader.rest()[-1].data, readers))
    for reader in readers:
        reader.close()

    assert {end["status"] for end in ends} == {"completed"}


def test_waiting_client_is_sent_a_frame_without_a_task_switch(web, bus, monkeypatch):
    send_now, sent = EventStream._send_now, []

    def recorded(self, frame):
        sent.append(send_now(self, frame))
        return sent[-1]

    monkeypatch.setattr(EventStream, "_send_now", recorded)
    bus.publish(event("a"))
    with web.read("/progress/documents/a/stream") as reader:
        assert reader.progress().data["progress"] == 10
        for progress in (20.0, 30.0, 40.0):
            bus.publish(event("a", progress=progress))
            assert reader.progress().data["progress"] == progress
        bus.publish(completed("a"))
        assert reader.progress().data["progress"] == 100
        assert reader.next() is None
    assert any(sent)
    assert len(sent) <= 4, "the stream sends final events itself"


def test_slow_client_gets_the_newest_and_every_final_event(settings, bus, redis_url):
    ids = [f"d{number}" for number in range(20)]
    query = "&".join(f"document_id={each}" for each in ids)
    long = "x" * 20_000
    with served(settings, stuck_seconds=300) as web:
        connection = web.ask(f"/progress/stream?{query}", receive_buffer=4096)
        listened_to(redis_url, ids[-1])
        published = 0
        for number in range(1, 31):
            for document_id in ids:
                bus.publish(event(document_id, progress=float(number), message=long))
                published += 1
        # More than the kernel keeps of what is sent: the rest waits in the server.
        eventually(lambda: web.metric("docprogress_events_total") >= published)
        for document_id in ids:
            bus.publish(completed(document_id))

        with Reader(connection) as reader:
            delivered = reader.rest()

    for document_id in ids:
        mine = [
            each.data for each in delivered if each.data["document_id"] == document_id
        ]
        progress = [each["progress"] for each in mine]
        assert progress == sorted(set(progress))
        assert mine[-1]["status"] == "completed"
    assert len(delivered) < published / 2, "what is old was delivered all the same"


def test_status_waits_for_a_change_without_a_thread_for_each(web, bus):
    bus.publish(event(progress=10.0))
    with ThreadPoolExecutor(50) as pool:
        waiting = [
            pool.submit(web.client.get, "/progress/documents/a/status?wait=30")
            for _ in range(50)
        ]
        eventually(lambda: web.metric("docprogress_stream_clients") == 50)
        bus.publish(event(progress=20.0))
        answers = [each.result().json()["progress"] for each in waiting]

    assert answers == [20] * 50


def test_status_answers_at_once_where_the_known_event_is_old(web, bus):
    known = bus.publish(event(progress=10.0)).event
    bus.publish(event(progress=20.0))

    # The client gives up sooner.
    answer = web.client.get(
        "/progress/documents/a/status", params={"wait": 3600, "since": known.id}
    )

    assert answer.json()["progress"] == 20


def test_unchanged_status_is_returned_after_the_wait(web, bus):
    bus.publish(event(progress=10.0))

    answer = web.client.get("/progress/documents/a/status?wait=0.2")

    assert answer.json()["progress"] == 10


def test_status_of_an_unknown_document_is_404(web):
    assert web.client.get("/progress/documents/unknown/status").status_code == 404
    answer = web.client.get("/progress/documents/unknown/status?wait=0.1")
    assert answer.status_code == 404


def test_status_says_why_a_document_has_failed(web, bus):
    bus.publish(event(status=Status.FAILED, error="a.pdf: it is encrypted"))

    answer = web.client.get("/progress/documents/a/status").json()

    assert answer["status"] == "failed"
    assert answer["error_message"] == "a.pdf: it is encrypted"


def test_no_subscription_is_left_after_the_last_stream_closes(settings, monkeypatch):
    monkeypatch.setattr("docprogress.server.sse.broadcaster.LINGER_SECONDS", 0.1)
    with served(settings) as web, redis.Redis.from_url(settings.redis_url) as client:
        with web.read("/progress/documents/a/stream") as a:
            a.next()
            listened_to(settings.redis_url, "a")
            with web.read("/progress/documents/b/stream") as b:
                b.next()
                listened_to(settings.redis_url, "b")
            eventually(lambda: client.pubsub_numsub("document:b:progress")[0][1] == 0)
            assert client.pubsub_numsub("document:a:progress")[0][1] == 1
        eventually(
            lambda: (
                not [
                    each
                    for each in client.client_list()
                    if each["name"] == "docprogress-watcher"
                ]
            )
        )
        with Bus(settings.redis_url) as bus:
            bus.publish(event("b", progress=70.0))
        with web.read("/progress/documents/b/stream") as b:
            assert b.progress().data["progress"] == 70
