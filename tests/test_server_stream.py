import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
import redis
from services import Server, eventually
from web import Reader, served

from docprogress.bus import Bus
from docprogress.events import FINAL_NUMBER, ProgressEvent, Status, now
from docprogress.server.stream import EventStream
from docprogress.settings import load
from docprogress.store import NewDocument, Store


@pytest.fixture
def settings(redis_url, tmp_path):
    return load(
        home=tmp_path,
        redis_url=redis_url,
        database_url=f"sqlite:///{tmp_path / 'store.db'}",
        storage_url=(tmp_path / "files").as_uri(),
    )


@pytest.fixture
def web(settings):
    with served(settings, truth_seconds=0.2) as web:
        yield web


@pytest.fixture
def store(settings):
    with Store(settings.database) as store:
        yield store


def event(document_id="a", **changes):
    fields = {
        "document_id": document_id,
        "status": Status.PROCESSING,
        "step": "extraction",
        "progress": 10.0,
        "message": "Extracting page 1 of 10",
        "timestamp": now(),
    }
    return ProgressEvent(**(fields | changes))


def completed(document_id="a", **changes):
    return event(document_id, status=Status.COMPLETED, progress=100.0, **changes)


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
    store.add_run(
        run_id=run_id,
        case_id=case_id,
        expected=len(documents),
        steps=[{"name": "extraction", "path": "x:y"}],
        settings={},
        fingerprint="",
    )
    store.add_documents(
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
    store.mark_ready([(document_id, 1, "0") for document_id in documents])


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


def test_events_without_a_pause_between_them_are_all_told(web, redis_url):
    with (
        web.read("/progress/documents/test-doc/stream") as reader,
        redis.Redis.from_url(redis_url) as client,
    ):
        listened_to(redis_url, "test-doc")
        pipeline = client.pipeline()
        for progress in (10, 25, 50, 75, 100):
            pipeline.publish("document:test-doc:progress", plain(progress=progress))
        pipeline.execute()

        assert [told.data["progress"] for told in reader.rest()] == [
            10,
            25,
            50,
            75,
            100,
        ]


def test_plain_publisher_s_end_is_told_to_who_comes_later(web, redis_url):
    with (
        web.read("/progress/documents/test-doc/stream") as reader,
        redis.Redis.from_url(redis_url) as client,
    ):
        listened_to(redis_url, "test-doc")
        client.publish("document:test-doc:progress", plain(progress=100))
        (end,) = reader.rest()

    with web.read("/progress/documents/test-doc/stream") as later:
        assert [told.data for told in later.rest()] == [end.data]
    with web.read("/progress/documents/test-doc/stream", since=end.id) as again:
        assert again.status == 204


def test_failed_document_ends_its_stream_with_the_reason(web, bus):
    bus.publish(event(progress=40.0))
    bus.publish(
        event(status=Status.FAILED, progress=40.0, error="a.pdf: it is encrypted")
    )

    with web.read("/progress/documents/a/stream") as reader:
        (told,) = reader.rest()

    assert told.data["error"] == "a.pdf: it is encrypted"
    assert told.data["progress"] == 40


def test_present_is_told_first_and_then_the_future(web, bus):
    bus.publish(event(progress=10.0))
    bus.publish(event(progress=20.0))

    with web.read("/progress/documents/a/stream") as reader:
        assert reader.progress().data["progress"] == 20
        bus.publish(event(progress=30.0))
        assert reader.progress().data["progress"] == 30
        bus.publish(completed())
        assert reader.progress().id == f"1-{FINAL_NUMBER}"
        assert reader.next() is None


def test_second_client_of_a_document_hears_its_present_too(web, bus):
    bus.publish(event(progress=10.0))
    with web.read("/progress/documents/a/stream") as first:
        assert first.progress().data["progress"] == 10
        bus.publish(event(progress=20.0))
        assert first.progress().data["progress"] == 20

        with web.read("/progress/documents/a/stream") as second:
            assert second.progress().data["progress"] == 20
            bus.publish(completed())
            assert [told.data["status"] for told in first.rest()] == ["completed"]
            assert [told.data["status"] for told in second.rest()] == ["completed"]


def test_last_event_id_replays_exactly_what_was_missed(web, bus):
    published = [bus.publish(event(progress=float(n))).event for n in range(10, 60, 10)]

    with web.read("/progress/documents/a/stream", since=published[1].id) as reader:
        missed = [reader.progress() for _ in range(3)]
        bus.publish(completed())
        rest = reader.rest()

    assert [told.data["progress"] for told in missed] == [30, 40, 50]
    assert [told.id for told in missed] == [each.id for each in published[2:]]
    assert [told.data["progress"] for told in rest] == [100]


def test_last_event_id_is_replayed_across_attempts(web, bus):
    first = bus.publish(event(progress=50.0)).event
    bus.publish(event(status=Status.FAILED, progress=50.0, error="no"))
    bus.publish(event(progress=10.0, attempt=2))

    with web.read("/progress/documents/a/stream", since=first.id) as reader:
        assert reader.progress().data["status"] == "failed"


def test_last_event_id_that_nobody_remembers_gives_the_present(web, bus, redis_url):
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
def test_last_event_id_that_is_none_gives_the_present(web, bus, since):
    bus.publish(event(progress=30.0))

    with web.read("/progress/documents/a/stream", since=since) as reader:
        assert reader.progress().data["progress"] == 30


def test_final_event_id_needs_no_stream_any_more(web, bus):
    end = bus.publish(completed()).event

    with web.read("/progress/documents/a/stream", since=end.id) as reader:
        assert reader.status == 204
    assert web.metric("docprogress_stream_clients") == 0


def test_document_that_is_tried_again_is_streamed_to_who_saw_its_end(web, bus):
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


def test_run_s_stream_ends_when_all_its_documents_have(web, bus, store):
    add_run(store, "a", "b")
    bus.publish(completed("a", run_id="run"))

    with web.read("/progress/runs/run/stream") as reader:
        assert {reader.progress().data["document_id"] for _ in "ab"} == {"a", "b"}
        bus.publish(completed("b", run_id="run"))
        assert reader.progress().data["status"] == "completed"
        assert reader.next().type == "end"


def test_run_s_stream_tells_of_documents_that_are_watched_already(web, bus, store):
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


def test_case_s_stream_tells_of_runs_that_are_added(web, bus, store):
    add_run(store, "a", run_id="first", case_id="case/1")

    with web.read("/progress/cases/case%2F1/stream") as reader:
        assert reader.progress().data["document_id"] == "a"
        add_run(store, "b", run_id="second", case_id="case/1")
        assert reader.progress().data["document_id"] == "b"
        bus.publish(event("b", run_id="second", progress=50.0))
        assert reader.progress().data["progress"] == 50


def test_store_s_end_is_told_where_redis_knows_none(web, store):
    add_run(store, "a")
    with web.read("/progress/documents/a/stream") as reader:
        assert reader.progress().data["status"] == "queued"
        store.finish("a", 1, Status.FAILED, message="No", error="a: no")

        (end,) = reader.rest()

    assert end.data["error"] == "a: no"


def test_signs_of_life_and_their_lack_have_types_of_their_own(web, bus):
    silent = event(timestamp=now() - timedelta(seconds=20))
    published = bus.publish(silent).event

    with web.read("/progress/documents/a/stream") as reader:
        told = [reader.next() for _ in range(3)]
        beat = published.replace(timestamp=now(), heartbeat=True)
        bus.redis.publish("document:a:progress", beat.encode())
        told.append(reader.next())

    assert [each.type for each in told] == [
        "message",
        "message",
        "stalled",
        "heartbeat",
    ]
    assert told[2].data["silent_seconds"] >= 15
    assert {each.data["document_id"] for each in told[1:]} == {"a"}
    assert [each.id for each in told[2:]] == [None, None]


def test_silent_stream_is_kept_alive_by_comments(settings):
    with (
        served(settings, keep_alive_seconds=0.2) as web,
        web.read("/progress/documents/a/stream") as reader,
    ):
        assert reader.comment() == "connected"
        assert reader.comment() == "keep-alive"
        assert reader.comment() == "keep-alive"


def test_stream_goes_on_when_redis_comes_back_empty(settings, server: Server):
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


def test_stream_begins_and_status_answers_while_redis_is_away(
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


def test_client_that_waits_is_written_to_without_a_turn_of_its_own(
    web, bus, monkeypatch
):
    straight, told = EventStream._straight, []

    def noted(self, frame):
        told.append(straight(self, frame))
        return told[-1]

    monkeypatch.setattr(EventStream, "_straight", noted)
    bus.publish(event("a"))
    with web.read("/progress/documents/a/stream") as reader:
        assert reader.progress().data["progress"] == 10
        for progress in (20.0, 30.0, 40.0):
            bus.publish(event("a", progress=progress))
            assert reader.progress().data["progress"] == progress
        bus.publish(completed("a"))
        assert reader.progress().data["progress"] == 100
        assert reader.next() is None
    assert True in told
    assert len(told) <= 4, "an end is the stream's to tell"


def test_slow_client_hears_the_newest_and_every_end(web, bus, redis_url):
    ids = [f"d{number}" for number in range(50)]
    query = "&".join(f"document_id={each}" for each in ids)
    connection = web.ask(f"/progress/stream?{query}")
    listened_to(redis_url, ids[-1])
    for document_id in ids:
        for number in range(1, 20):
            bus.publish(event(document_id, progress=float(number)))
        bus.publish(completed(document_id))

    with Reader(connection) as reader:
        told = reader.rest()

    ended = [
        each.data["document_id"] for each in told if each.data["status"] == "completed"
    ]
    assert sorted(ended) == sorted(ids)


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


def test_status_that_does_not_change_is_told_after_the_wait(web, bus):
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


def test_no_subscription_is_left_when_nobody_watches(settings, monkeypatch):
    monkeypatch.setattr("docprogress.server.hub.LINGER_SECONDS", 0.1)
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
