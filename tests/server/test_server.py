import asyncio
import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis
from fastapi import FastAPI
from support.patience import patient
from support.services import Server, eventually
from support.settings import service_options
from support.web import TOKEN, running, served

from docprogress.bus import passwords
from docprogress.bus.keys import (
    LAST_RECOVERY_SECONDS,
    RECOVERY_LEADER_SECONDS,
    passwords_key,
)
from docprogress.client.pipeline import Pipeline
from docprogress.errors import (
    ServerBusy,
    SettingsError,
    StoreError,
    TooManyRequests,
    UnauthorizedError,
)
from docprogress.events import ProgressEvent, Status, now
from docprogress.server import BackgroundServer, ServerOptions, create_app
from docprogress.server.executor import SharedCall
from docprogress.server.rate_limit import RateLimiter
from docprogress.server.security import Access
from docprogress.server.subjects import Kind, Subject
from docprogress.settings import load
from docprogress.store import NewDocument, Store
from docprogress.store.engine import Database
from docprogress.store.runs import Runs
from docprogress.worker.leader_election import (
    LAST_RECOVERY,
    RECOVERY_LEADER,
    LeaderElection,
)

A = Subject(Kind.DOCUMENT, "a")
B = Subject(Kind.DOCUMENT, "b")


@pytest.fixture
def settings(redis_url, tmp_path):
    return load(
        **service_options(tmp_path, redis_url),
        max_bytes=300_000,
    )


@pytest.fixture
def web(settings):
    with served(settings) as web:
        yield web


@pytest.fixture(scope="module")
def shared(shared_server, tmp_path_factory):
    """A server for questions that change nothing."""
    folder = tmp_path_factory.mktemp("server")
    settings = load(
        **service_options(folder, shared_server.url),
        max_bytes=300_000,
    )
    with served(settings) as web:
        web.settings = settings
        yield web


def publish(bus, document_id="a", **changes):
    fields = {
        "document_id": document_id,
        "status": Status.PROCESSING,
        "step": "extraction",
        "progress": 10.0,
        "message": "Extracting",
        "timestamp": now(),
    }
    return bus.publish(ProgressEvent(**(fields | changes))).event


def left_over(settings):
    folder = Path(settings.storage.removeprefix("file://"))
    return [path for path in folder.rglob("*") if path.is_file()]


# Authorization


@pytest.mark.parametrize(
    "path",
    [
        "/progress/documents/a/stream",
        "/progress/documents/a/status",
        "/progress/documents/a/history",
        "/progress/stream?document_id=a",
        "/progress/runs/a/stream",
        "/progress/cases/a/stream",
        "/documents",
        "/documents/a",
        "/metrics",
    ],
)
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}]
)
def test_without_the_token_nothing_is_returned(shared, path, headers):
    answer = shared.client.get(path, headers={"Authorization": ""} | headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/documents/upload", "/documents/a/retry", "/documents/a/cancel", "/tickets"],
)
def test_without_the_token_nothing_is_done(shared, path):
    ticket = shared.client.post("/tickets", json={"documents": ["a"]}).json()["ticket"]

    for query in ("", f"?ticket={ticket}"):
        answer = shared.client.post(path + query, headers={"Authorization": ""})
        assert answer.status_code == 401


def test_probes_need_no_token_and_give_no_details(web):
    assert (
        web.client.get("/health", headers={"Authorization": ""}).json()["status"]
        == "ok"
    )
    answer = web.client.get("/ready", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.json()["workers"]["ok"] is False


def test_ticket_opens_what_it_names_and_nothing_else(web, bus):
    publish(bus, "a")
    ticket = web.client.post("/tickets", json={"documents": ["a"]}).json()["ticket"]

    with web.read(
        f"/progress/documents/a/stream?ticket={ticket}", token=None
    ) as reader:
        assert reader.progress().data["document_id"] == "a"
    for path in (
        "/progress/documents/b/stream?",
        "/progress/stream?document_id=a&document_id=b&",
        "/progress/runs/a/stream?",
        "/progress/cases/a/stream?",
        "/documents/b?",
    ):
        answer = web.client.get(f"{path}ticket={ticket}", headers={"Authorization": ""})
        assert answer.status_code == 403
        assert "does not name" in answer.json()["detail"]


def test_ticket_of_a_run_or_a_case_opens_the_documents_of_it(web, bus):
    mine, other = (upload(web, case_id=case).json() for case in ("mine", "other"))
    publish(bus, "elsewhere", run_id="published")
    named = ({"runs": [mine["run_id"]]}, {"cases": ["mine"]}, {"runs": ["published"]})
    opened = (mine["id"], mine["id"], "elsewhere")

    for wanted, document_id in zip(named, opened, strict=True):
        ticket = web.client.post("/tickets", json=wanted).json()["ticket"]

        def status(document_id, path, ticket=ticket):
            answer = web.client.get(
                f"/progress/documents/{document_id}/{path}?ticket={ticket}",
                headers={"Authorization": ""},
            )
            return answer.status_code

        for path in ("status", "history"):
            assert status(document_id, path) == 200
            assert status(other["id"], path) == 403
            assert status("unknown", path) == 403
        with web.read(
            f"/progress/stream?document_id={document_id}&ticket={ticket}", token=None
        ) as reader:
            assert reader.progress().data["document_id"] == document_id


def test_ticket_of_another_server_with_the_same_token_is_good(shared):
    # A document that no other test uses on this server.
    nobodys = Subject(Kind.DOCUMENT, "of-another-server")
    ticket, _ = Access(TOKEN).ticket([nobodys], seconds=60)

    answer = shared.client.get(
        f"/progress/documents/of-another-server/status?ticket={ticket}",
        headers={"Authorization": ""},
    )

    assert answer.status_code == 404


def test_expired_and_forged_tickets_are_refused():
    at = 1000.0
    access = Access(TOKEN, clock=lambda: at)
    ticket, until = access.ticket([A], seconds=60)
    assert access.grant(None, ticket).missing([A, B]) == [B]

    content, signature = ticket.split(".")
    other, _ = access.ticket([A, B], seconds=60)
    forged = [
        "",
        ".",
        "a.b",
        "ä.ö",
        content,
        f"{content}.",
        f"{content}.{signature[:-2]}",
        f"{other.split('.')[0]}.{signature}",
        f"{content}.{signature}.{signature}",
        "x" * 100_000,
    ]
    for each in forged:
        with pytest.raises(UnauthorizedError):
            access.grant(None, each)
    with pytest.raises(UnauthorizedError):
        Access("another token", clock=lambda: at).grant(None, ticket)
    at = float(until)
    with pytest.raises(UnauthorizedError, match="expired"):
        access.grant(None, ticket)


def test_ticket_is_never_good_for_longer_than_it_may_be(settings):
    with served(settings, ticket_seconds=10) as web:
        answer = web.client.post(
            "/tickets", json={"documents": ["a"], "seconds": 1e300}
        )

    assert answer.status_code == 201
    until = answer.json()["expires_at"]
    assert until < now().replace(year=now().year + 1).isoformat()


def test_wrong_tokens_are_slowed_down_more_than_right_ones(settings):
    with served(settings, requests_burst=100, requests_per_second=0.01) as web:
        answers = [
            web.client.get("/documents", headers={"Authorization": "Bearer wrong"})
            for _ in range(6)
        ]
    assert [answer.status_code for answer in answers] == [401] * 4 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 1


def test_pages_of_other_origins_may_ask_only_if_they_are_allowed(settings):
    with served(settings, cors_origins=("https://app.example.org",)) as web:
        for origin, allowed in (
            ("https://app.example.org", "https://app.example.org"),
            ("https://evil.example.org", None),
            ("null", None),
        ):
            answer = web.client.options(
                "/progress/documents/a/status",
                headers={
                    "Origin": origin,
                    "Access-Control-Request-Method": "GET",
                    "Access-Control-Request-Headers": "authorization",
                },
            )
            assert answer.headers.get("access-control-allow-origin") == allowed
            refused = web.client.get(
                "/documents", headers={"Origin": origin, "Authorization": ""}
            )
            assert refused.headers.get("access-control-allow-origin") == allowed


@pytest.mark.parametrize("origin", ["*", "app.example.org", "https://a/b", "ftp://a"])
def test_origins_are_named_one_by_one(origin):
    with pytest.raises(ValueError, match="an origin is"):
        ServerOptions(cors_origins=origin)


def test_secrets_are_never_shown(settings, caplog):
    options = ServerOptions(token=TOKEN)
    caplog.set_level(logging.DEBUG)
    with served(settings) as web:
        ticket = web.client.post("/tickets", json={"documents": ["a"]}).json()["ticket"]
        web.client.get(f"/progress/documents/a/status?ticket={ticket}")
        web.client.get(f"/progress/documents/a/status?ticket={ticket}&wait=x")
        web.client.get(f"/nothing?ticket={ticket}")
        logged = [
            record.getMessage()
            for record in caplog.records
            if record.name.startswith(("docprogress", "uvicorn"))
        ]

    assert TOKEN not in repr(options)
    assert any("/progress/documents/a/status 404" in line for line in logged)
    assert not [line for line in logged if ticket in line or TOKEN in line]


# Limits


def test_rate_limited_address_learns_when_to_retry():
    at = 0.0
    limits = RateLimiter(
        streams=3, streams_each=2, per_second=2.0, burst=2.0, clock=lambda: at
    )
    limits.spend("a")
    limits.spend("a")
    with pytest.raises(TooManyRequests) as caught:
        limits.spend("a")
    assert caught.value.retry_after == 0.5
    limits.spend("b")
    at = 0.5
    limits.spend("a")


def test_streams_are_limited_by_address_and_in_all():
    limits = RateLimiter(streams=3, streams_each=2, per_second=1.0, burst=1.0)
    limits.open_stream("a")
    limits.open_stream("a")
    with pytest.raises(TooManyRequests, match="this address"):
        limits.open_stream("a")
    limits.open_stream("b")
    with pytest.raises(TooManyRequests, match="limit of streams"):
        limits.open_stream("c")
    limits.close_stream("a")
    limits.open_stream("c")


def test_stream_too_many_gets_429_and_a_closed_one_makes_room(settings):
    with served(settings, streams_each=1) as web:
        with web.read("/progress/documents/a/stream") as first:
            first.next()
            with web.read("/progress/documents/a/stream") as second:
                assert second.status == 429
                assert int(second.headers["retry-after"]) >= 1
            waiting = web.client.get("/progress/documents/a/status?wait=5")
            assert waiting.status_code == 429

        def again():
            with web.read("/progress/documents/a/stream") as reader:
                return reader.status == 200

        eventually(again)


@pytest.mark.parametrize("count", [2_000, 5_000, 100_000])
def test_too_many_ids_in_one_url_get_a_clear_status(shared, count):
    query = "&".join(f"document_id=document-{number}" for number in range(count))

    with shared.read(f"/progress/stream?{query}") as reader:
        assert reader.status == (422 if count < 5_000 else 414)
    assert shared.client.get("/health").status_code == 200


def test_endless_headers_are_refused(shared):
    with shared.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n")
        for number in range(10_000):
            connection.sendall(b"X-Header-%d: %b\r\n" % (number, b"x" * 100))
            if number % 100 == 0:
                connection.setblocking(False)
                try:
                    reply = connection.recv(100)
                except BlockingIOError:
                    connection.setblocking(True)
                    connection.settimeout(patient(30))
                    continue
                assert reply.startswith(b"HTTP/1.1 431 ")
                return
        connection.settimeout(patient(30))
        assert connection.recv(100).startswith(b"HTTP/1.1 431 ")


def test_connection_without_a_request_is_closed(settings, monkeypatch):
    monkeypatch.setattr("docprogress.server.uvicorn_server.HEADER_SECONDS", 0.1)
    with served(settings) as web, web.connect() as silent, web.connect() as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost:")

        assert ended(silent)
        assert ended(slow)
        assert web.client.get("/health").status_code == 200


def ended(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


# Validation


@pytest.mark.parametrize(
    "document_id",
    [
        "..%2F..%2Fetc%2Fpasswd",
        "%2e%2e",
        "a%20b",
        "%C3%A4",
        "a%2Fb%2Fc",
        "%FF",
        "a:b*[c]%3F",
    ],
)
def test_strange_ids_are_ids(shared, document_id):
    answer = shared.client.get(f"/progress/documents/{document_id}/status")

    assert answer.status_code == 404
    assert "no document" in answer.json()["detail"]


@pytest.mark.parametrize("document_id", ["a%00b", "%7F", "x" * 201])
def test_ids_that_no_document_can_have_are_refused(shared, document_id):
    for path in ("status", "stream"):
        answer = shared.client.get(f"/progress/documents/{document_id}/{path}")
        assert answer.status_code == 422


def test_document_whose_id_holds_slashes_is_found(web, bus):
    publish(bus, "a/b", progress=30.0)

    assert web.client.get("/progress/documents/a%2Fb/status").json()["progress"] == 30


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"documents": []}', 422),
        (b'{"documents": ["\\ud800"]}', 422),
        (b'{"documents": [""]}', 422),
        (b'{"documents": ["a"], "seconds": -1}', 422),
        (b'{"documents": ["a"], "seconds": NaN}', 422),
        (b'{"documents": ["a"], "else": 1}', 422),
        (b'{"documents": [' + b"[" * 100_000, 422),
        (b"\xff", 422),
    ],
)
def test_tickets_for_nonsense_are_not_made(shared, content, status):
    answer = shared.client.post(
        "/tickets", content=content, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (status, 400)


def test_body_that_would_fill_the_memory_is_not_read(shared):
    for headers, status in (
        ({"Content-Length": "10737418240"}, 413),
        ({"Transfer-Encoding": "chunked"}, 411),
    ):
        lines = [f"{name}: {value}" for name, value in headers.items()]
        with shared.connect() as connection:
            request = "\r\n".join(["POST /tickets HTTP/1.1", "Host: test", *lines])
            connection.sendall(f"{request}\r\n\r\n".encode())
            assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


def test_problem_does_not_repeat_what_was_sent(shared):
    answer = shared.client.get("/progress/documents/a/status?wait=<script>")

    assert answer.status_code == 422
    assert "script" not in answer.text
    assert "query.wait" in answer.json()["detail"]


# Health, readiness and metrics


def test_ready_names_the_service_that_is_unavailable(settings, server: Server):
    with served(settings.model_copy(update={"redis_url": server.url})) as web:
        assert web.client.get("/ready").status_code == 200
        server.kill()
        answer = web.client.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["redis"]["ok"] is False
        assert answer.json()["database"]["ok"] is True
        assert web.client.get("/health").status_code == 200
        server.start()
        assert web.client.get("/ready").status_code == 200


def test_ready_says_when_a_worker_was_seen(web, redis_url):
    with redis.Redis.from_url(redis_url) as client:
        client.set(RECOVERY_LEADER, "worker", px=RECOVERY_LEADER_SECONDS * 1000 - 3_000)

    workers = web.client.get("/ready").json()["workers"]

    assert workers["ok"] is True
    seconds = float(re.fullmatch(r"one was seen (.+) s ago", workers["message"])[1])
    assert 3 <= seconds < RECOVERY_LEADER_SECONDS


def test_recovery_that_is_overdue_shows_in_ready_and_in_the_metrics(web, redis_url):
    name = "docprogress_recovery_last_look_seconds"
    assert web.client.get("/ready").json()["recovery"]["ok"] is False
    with redis.Redis.from_url(redis_url) as client:
        leader = LeaderElection(lambda: client, "a", fork=threading.Lock())
        assert leader.acquire()
        leader.record_search()
        assert web.client.get("/ready").json()["recovery"]["ok"] is True
        client.expire(LAST_RECOVERY, LAST_RECOVERY_SECONDS - 40)

        answer = web.client.get("/ready")

    assert answer.status_code == 200, "what is taken in waits"
    recovery = answer.json()["recovery"]
    assert recovery["ok"] is False
    seconds = float(re.search(r"looked for (.+) s ago", recovery["message"])[1])
    assert 40 <= seconds < 40 + patient(30)
    assert 40 <= web.metric(name) < 40 + patient(30)


def test_metrics_count_what_happened(web, bus):
    publish(bus)
    with web.read("/progress/documents/a/stream") as reader:
        reader.progress()
        publish(bus, progress=20.0)
        reader.progress()
        assert web.metric("docprogress_stream_clients") == 1
    assert web.metric('docprogress_documents{status="failed"}') == 0
    assert web.metric("docprogress_events_total") == 2
    assert web.metric("docprogress_frames_sent_total") == 2
    assert web.metric("docprogress_publish_to_send_seconds_count") == 1
    assert web.metric('docprogress_publish_to_send_seconds_bucket{le="+Inf"}') == 1
    eventually(
        lambda: web.metric('docprogress_requests_total{method="GET",status="200"}') >= 3
    )


def test_database_that_hangs_holds_up_no_other_answer(settings, monkeypatch):
    monkeypatch.setattr("docprogress.server.metrics.STORE_SECONDS", 0.5)
    monkeypatch.setattr("docprogress.server.readiness.READY_SECONDS", 0.5)
    let_go, hanging = threading.Event(), []

    def hang(*_, **__):
        hanging.append(threading.current_thread())
        let_go.wait(patient(120))
        raise StoreError("the database was away")

    # As a statement does on a database whose machine was cut off.
    monkeypatch.setattr("docprogress.server.metrics.Metrics._count", hang)
    monkeypatch.setattr(Runs, "find", hang)
    with served(settings) as web:
        try:
            for _ in range(8):
                assert "docprogress_documents" not in web.client.get("/metrics").text
                found = web.client.get("/ready").json()
                assert not found["database"]["ok"]
                assert found["redis"]["ok"]
            assert len(hanging) == 2, "what hangs is not asked again"
        finally:
            let_go.set()
        monkeypatch.undo()
        eventually(lambda: web.client.get("/ready").json()["database"]["ok"])


@pytest.mark.anyio
async def test_call_that_is_shared_is_waited_for_once():
    at, begun, let_go = 0.0, [], threading.Event()

    def call():
        begun.append(at)
        assert let_go.wait(patient(60))
        return len(begun)

    shared = SharedCall(call, seconds=1.0, fresh_seconds=10, clock=lambda: at)
    try:
        waiting = [asyncio.ensure_future(shared()) for _ in range(3)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in found] == [ServerBusy] * 3
        at = 100.0
        started = time.monotonic()
        with pytest.raises(ServerBusy):
            await shared()
        assert time.monotonic() - started < 1.0, "it has been waited for already"
        let_go.set()
        at = 100.1
        async with asyncio.timeout(patient(30)):
            while True:
                try:
                    assert await shared() == 1
                    break
                except ServerBusy:
                    await asyncio.sleep(0.01)
        at = 109.0
        assert await shared() == 1
        at = 111.0
        assert await shared() == 2
    finally:
        shared.close()


def test_openapi_describes_every_route(shared):
    described = shared.client.get("/openapi.json").json()

    operations = [
        operation
        for methods in described["paths"].values()
        for operation in methods.values()
    ]
    assert len(operations) >= 15
    for operation in operations:
        name = operation["operationId"]
        assert operation["description"], name
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], f"{name} {parameter['name']}"
        bodies = operation.get("requestBody"), *operation["responses"].values()
        for body in filter(None, bodies):
            for kind, content in body.get("content", {}).items():
                schema = content.get("schema", {}).get("$ref", "/").rsplit("/")[-1]
                shape = described["components"]["schemas"].get(schema, {})
                assert "example" in content or "example" in shape, f"{name} {kind}"
    assert described["components"]["securitySchemes"]


def test_application_is_mounted_in_another_one(settings, bus):
    publish(bus)
    mounted = create_app(settings, token=None)
    host = FastAPI(lifespan=mounted.lifespan)
    host.mount("/docprogress", mounted)

    with running(host, token=None, dismiss=mounted.dismiss) as web:
        answer = web.client.get("/docprogress/progress/documents/a/status")
        assert answer.json()["progress"] == 10
        with web.read("/docprogress/progress/documents/a/stream") as reader:
            assert reader.progress().data["progress"] == 10


def test_middleware_around_a_mounted_application_sees_all_of_a_stream(settings, bus):
    publish(bus)
    mounted = create_app(settings, token=None)
    host = FastAPI(lifespan=mounted.lifespan)
    host.mount("/docprogress", mounted)

    async def shouting(scope, receive, send):
        async def shout(message):
            if "body" in message:
                body = message["body"].replace(b"processing", b"PROCESSING")
                message = message | {"body": body}
            await send(message)

        await host(scope, receive, shout)

    with (
        running(shouting, token=None, dismiss=mounted.dismiss) as web,
        web.read("/docprogress/progress/documents/a/stream") as reader,
    ):
        assert reader.progress().data["status"] == "PROCESSING"
        publish(bus, progress=20.0)
        assert reader.progress().data["status"] == "PROCESSING"


def test_server_in_the_background_has_a_token_and_ends_when_it_is_closed(settings):
    with BackgroundServer(settings) as server:
        assert httpx.get(f"{server.url}/health").status_code == 200
        assert httpx.get(f"{server.url}/documents").status_code == 401
        found = httpx.get(
            f"{server.url}/documents",
            headers={"Authorization": f"Bearer {server.token}"},
        )
        assert found.status_code == 200
        assert server.token not in repr(server)
        assert server.page.endswith(server.token)
    server.close()
    with BackgroundServer(settings, ServerOptions(token="a+b/c=&#d%e")) as other:
        assert other.page.endswith("/#token=a%2Bb%2Fc%3D%26%23d%25e")

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/health")
    assert "docprogress-serve" not in [each.name for each in threading.enumerate()]


def test_background_server_reports_why_it_cannot_start(settings, tmp_path):
    (tmp_path / "file").touch()
    database = f"sqlite:///{tmp_path / 'file' / 'store.db'}"
    wrong = settings.model_copy(update={"database_url": database})

    with pytest.raises(StoreError):
        BackgroundServer(wrong)


def threads_of_servers():
    return {
        each for each in threading.enumerate() if each.name.startswith("docprogress")
    }


def test_mounted_application_opens_with_a_request_and_closes_with_the_server(
    settings, bus
):
    publish(bus)
    of_others = threads_of_servers()
    host = FastAPI()
    host.mount("/docprogress", create_app(settings, token=TOKEN))

    with running(host, dismiss=lambda: None) as web:
        answer = web.client.get("/docprogress/health")
        assert answer.status_code == 200
        assert web.client.get("/docprogress/ready").json()["ready"]
        with ThreadPoolExecutor(8) as pool:
            asked = ["/docprogress/progress/documents/a/status"] * 8
            answers = list(pool.map(web.client.get, asked))
        assert [each.json()["progress"] for each in answers] == [10] * 8
        with web.read("/docprogress/progress/documents/a/stream") as reader:
            assert reader.progress().data["progress"] == 10
            publish(bus, status=Status.COMPLETED, progress=100.0)
            assert reader.rest()[-1].data["status"] == "completed"
        assert upload_to(web, "/docprogress").status_code == 201
        assert threads_of_servers() > of_others

    eventually(lambda: threads_of_servers() <= of_others)
    clients = bus.redis.client_list
    eventually(lambda: "docprogress-watcher" not in {c["name"] for c in clients()})


def upload_to(web, path):
    form = {"file": ("a.txt", b"Some text.")}
    return web.client.post(f"{path}/documents/upload", files=form)


def test_mounted_application_without_a_configured_token_requires_a_generated_one(
    settings, caplog
):
    host = FastAPI()
    host.mount("/docprogress", create_app(settings))
    kept = settings.home / "server-token"

    with running(host, token=None, dismiss=lambda: None) as web:
        assert web.client.get("/docprogress/documents").status_code == 401
        assert upload_to(web, "/docprogress").status_code == 401
        token = kept.read_text().strip()
        web.client.headers["Authorization"] = f"Bearer {token}"
        assert web.client.get("/docprogress/documents").status_code == 200

    assert kept.stat().st_mode & 0o777 == 0o600
    assert str(kept) in caplog.text
    assert token not in caplog.text


def test_no_token_is_required_only_where_that_is_explicit(settings, monkeypatch):
    monkeypatch.setenv("DOCPROGRESS_SERVER_TOKEN", "of-the-environment")
    for app, status in (
        (create_app(settings), 401),
        (create_app(settings, ServerOptions()), 401),
        (create_app(settings, token="of-the-call"), 401),
        (create_app(settings, token=None), 200),
        (create_app(settings, ServerOptions(token=None)), 200),
    ):
        with running(app, token=None) as web:
            assert web.client.get("/documents").status_code == status
    with pytest.raises(SettingsError, match="token"):
        create_app(settings, token="")
    with pytest.raises(ValueError, match="must not be empty"):
        ServerOptions(token=" ")


def test_mounted_application_opens_once_the_store_can_be_used(settings, tmp_path):
    folder = tmp_path / "later"
    later = settings.model_copy(
        update={"database_url": f"sqlite:///{folder / 'store.db'}"}
    )
    folder.touch()
    host = FastAPI()
    host.mount("/docprogress", create_app(later, token=TOKEN))

    with running(host, dismiss=lambda: None) as web:
        answer = web.client.get("/docprogress/documents")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        folder.unlink()
        folder.mkdir()
        assert web.client.get("/docprogress/documents").status_code == 200


# Uploads


def upload(web, content=b"Some text.", name="a.txt", **fields):
    return web.client.post(
        "/documents/upload", files={"file": (name, content)}, data=fields
    )


def test_upload_is_kept_and_queued_for_its_case(web, settings):
    answer = upload(web, b"Some text.", "a.txt", case_id="case-123")

    assert answer.status_code == 201
    found = answer.json()
    assert found["filename"] == "a.txt"
    assert found["case_id"] == "case-123"
    assert found["size"] == 10
    assert found["media_type"] == "text/plain"
    assert found["status"] == "queued"
    document = web.client.get(f"/documents/{found['id']}").json()
    assert document["case_id"] == "case-123"
    listed = web.client.get("/documents", params={"case_id": "case-123"}).json()
    assert [each["id"] for each in listed["documents"]] == [found["id"]]
    for name in ("filename", "run_id", "size", "sha256", "media_type", "status"):
        assert found[name] == (document[name] or "text/plain")
    assert [path.read_bytes() for path in left_over(settings)] == [b"Some text."]
    status = web.client.get(found["status_url"]).json()
    assert status["name"] == "a.txt"


def test_upload_that_has_started_is_answered_without_the_database(web, monkeypatch):
    submit = Pipeline.submit

    def submit_and_lose_the_database(*arguments, **options):
        run = submit(*arguments, **options)

        def unavailable(*_):
            raise StoreError("the database is away")

        monkeypatch.setattr(Database, "reading", unavailable)
        return run

    monkeypatch.setattr(Pipeline, "submit", submit_and_lose_the_database)
    answer = upload(web)
    monkeypatch.undo()

    assert answer.status_code == 201
    (document,) = web.client.get("/documents").json()["documents"]
    assert document["id"] == answer.json()["id"]


def test_list_has_the_steps_that_all_its_documents_have(web, settings):
    assert web.client.get("/documents").json()["steps"] == []
    with Store(settings.database) as store:
        for number, steps in enumerate([["read"], ["read"], ["read", "look"]]):
            run_id = f"run-{number}"
            store.runs.add(
                run_id=run_id,
                case_id=run_id,
                expected=1,
                steps=[
                    {"name": name, "path": "x:y", "takes": "pages", "gives": "pages"}
                    for name in steps
                ],
                settings={},
                fingerprint="",
            )
            new = {"id": run_id, "run_id": run_id, "case_id": run_id}
            store.submissions.add([NewDocument(**new, number=1, name="a")])

    def steps(**query):
        listed = web.client.get("/documents", params=query).json()["steps"]
        return [(step["name"], step["start"], step["end"]) for step in listed]

    assert steps(case_id="run-0") == [("read", 0, 100)]
    assert steps(case_id="run-2") == [("read", 0, 50), ("look", 50, 100)]
    assert steps() == []


def test_documents_are_searched_by_all_words_in_names_messages_and_errors(
    web, settings
):
    with Store(settings.database) as store:
        store.runs.add(
            run_id="run",
            case_id=None,
            expected=3,
            steps=[],
            settings={},
            fingerprint="",
        )
        names = ["Invoice 100%.pdf", "a_b.pdf", "lease.pdf"]
        store.submissions.add(
            [
                NewDocument(id=f"d{n}", run_id="run", number=n, name=name, step="x")
                for n, name in enumerate(names, 1)
            ]
        )
        store.attempts.claim("d3", 1, worker="a-worker")
        error = "the PDF is encrypted and needs a password"
        store.attempts.finish("d3", 1, Status.FAILED, message="", error=error)

    def found(search, **query):
        query |= {"search": search}
        listed = web.client.get("/documents", params=query).json()["documents"]
        return [each["id"] for each in listed]

    assert found("iNVOICE") == ["d1"]
    assert found("password lease") == ["d3"]
    assert found("password invoice") == []
    # No character is a wildcard.
    assert (found("%"), found("a_"), found("\0")) == (["d1"], ["d2"], [])
    assert found("d2") == ["d2"]
    assert found("pdf", status="failed") == ["d3"]
    assert found(" ") == ["d1", "d2", "d3"]


def test_documents_are_listed_with_the_newest_first(web):
    ids = [upload(web, case_id=case).json()["id"] for case in ("a", "b", "a")]
    web.client.post(f"/documents/{ids[0]}/cancel")

    def listed(**query):
        answer = web.client.get("/documents", params=query).json()
        return [each["id"] for each in answer["documents"]]

    assert listed() == ids[::-1]
    assert listed(case_id="a") == [ids[2], ids[0]]
    assert listed(case_id="a", status="queued") == [ids[2]]
    assert listed(status="cancelled") == [ids[0]]
    assert listed(limit=1) == [ids[2]]
    assert web.client.get("/documents?limit=2").json()["more"] is True
    assert web.client.get("/documents?limit=3").json()["more"] is False
    assert listed(run_id=ids[1].rsplit("-", 1)[0]) == [ids[1]]
    assert listed(case_id="unknown") == []


@pytest.mark.parametrize("query", ["", "&case_id=mine", "&status=queued"])
def test_documents_are_listed_to_the_last_page_by_page(web, query):
    made = [upload(web, case_id="mine").json()["id"] for _ in range(7)][::-1]

    listed, path, pages = [], f"/documents?limit=3{query}", 0
    while path:
        answer = web.client.get(path).json()
        listed += [each["id"] for each in answer["documents"]]
        pages += 1
        # What is added meanwhile comes before all of it, and moves nothing.
        upload(web, case_id="mine")
        assert answer["more"] == (answer["next"] is not None)
        following = answer["next"]
        path = following and f"/documents?limit=3{query}&after={following}"

    assert pages == 3
    assert listed == made


def test_documents_of_one_run_are_listed_page_by_page(web, settings):
    with Store(settings.database) as store:
        store.runs.add(
            run_id="run",
            case_id=None,
            expected=5,
            steps=[],
            settings={},
            fingerprint="",
        )
        store.submissions.add(
            [
                NewDocument(id=f"d{n}", run_id="run", number=n, name="a", step="x")
                for n in range(1, 6)
            ]
        )
    listed, after = [], {}
    while True:
        asked = {"run_id": "run", "limit": 2, **after}
        answer = web.client.get("/documents", params=asked).json()
        listed += [each["id"] for each in answer["documents"]]
        if answer["next"] is None:
            break
        after = {"after": answer["next"]}

    assert listed == ["d1", "d2", "d3", "d4", "d5"]


@pytest.mark.parametrize(
    "after", ["", "x", "é", "W10", "WyIyMDI2IiwiYSIsMV0", "null", "a" * 3_000]
)
def test_place_that_no_list_has_named_is_refused(shared, after):
    answer = shared.client.get("/documents", params={"after": after})

    assert answer.status_code == 422


def test_history_contains_events_from_before_the_first_request(web, bus):
    publish(bus, "a", progress=10.0)
    publish(bus, "a", progress=20.0)

    found = web.client.get("/progress/documents/a/history").json()
    assert [event["progress"] for event in found["events"]] == [10, 20]
    assert found["steps"] == []
    assert web.client.get("/progress/documents/unknown/history").status_code == 404

    document_id = upload(web).json()["id"]
    web.client.post(f"/documents/{document_id}/cancel")
    bus.forget([document_id])
    found = web.client.get(f"/progress/documents/{document_id}/history").json()
    assert [event["status"] for event in found["events"]] == ["cancelled"]


def test_case_may_precede_the_file(web):
    body = form(("case_id", None, b"first"), ("file", "a.txt", b"text"))

    assert post(web, body).json()["case_id"] == "first"


def test_uploaded_document_is_cancelled_and_tried_again(web):
    document_id = upload(web).json()["id"]

    assert web.client.post(f"/documents/{document_id}/cancel").json() == {
        "documents": 1
    }
    assert web.client.get(f"/documents/{document_id}").json()["status"] == "cancelled"
    assert web.client.post(f"/documents/{document_id}/retry").json() == {"documents": 1}
    assert web.client.get(f"/documents/{document_id}").json()["attempt"] == 2
    assert web.client.post("/documents/unknown/retry").status_code == 404
    assert web.client.post("/documents/unknown/cancel").status_code == 404


def test_passwords_for_a_retry_are_in_the_body_and_nowhere_else(
    web, bus, settings, caplog
):
    caplog.set_level(logging.DEBUG)
    secret = "xyzzy-the-password"
    document_id = upload(web).json()["id"]
    web.client.post(f"/documents/{document_id}/cancel")
    path = f"/documents/{document_id}/retry"

    for wrong in (
        {"passwords": secret},
        {"password": secret},
        {"passwords": [[secret]]},
    ):
        refused = web.client.post(path, json=wrong)
        assert refused.status_code == 422
        assert secret not in refused.text
    assert web.client.post(path, json={"passwords": [secret, ""]}).json() == {
        "documents": 1
    }

    store = Store(settings.database_url)
    run_id = store.documents.get(document_id).run_id
    key = store.runs.encryption_key(run_id)
    store.close()
    assert passwords.load(bus.redis, run_id, key) == [secret]
    assert secret.encode() not in bus.redis.dump(passwords_key(run_id))
    assert secret not in web.client.get(f"/documents/{document_id}").text
    assert secret not in caplog.text


@pytest.mark.parametrize("body", [None, "null", "{}"])
def test_a_retry_needs_no_body(web, body):
    document_id = upload(web).json()["id"]
    web.client.post(f"/documents/{document_id}/cancel")

    found = web.client.post(
        f"/documents/{document_id}/retry",
        content=body,
        headers={"content-type": "application/json"} if body else {},
    )

    assert found.json() == {"documents": 1}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\windows\\a.txt", "a.txt"),
        ("/etc/shadow", "shadow"),
        ("..", "unnamed"),
        ("%2e%2e%2fa.txt", "%2e%2e%2fa.txt"),
        ("x" * 1000 + ".txt", None),
    ],
)
def test_name_is_for_people_only(web, settings, name, shown):
    answer = upload(web, name=name)

    assert answer.status_code == 201
    found = answer.json()["filename"]
    assert found == shown if shown else len(found) <= 255
    assert all(path.name == answer.json()["id"] for path in left_over(settings))


@pytest.mark.parametrize(
    "raw", [b"a\x01\x7f.txt", b"\xff\xfe.txt", "\u202etxt.a".encode()]
)
def test_name_shows_no_control_characters(shared, raw):
    body = form(("file", raw.decode("latin-1"), b"text"))

    answer = post(shared, body)

    assert answer.status_code in (201, 422)
    if answer.status_code == 201:
        assert "\x01" not in answer.json()["filename"]
        assert "\u202e" not in answer.json()["filename"]


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"\0\0\0\x18ftypmp42" + b"\0" * 100, "a.pdf", "a video"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 100, "a.txt", "a video"),
        (b"MZ\x90\0" + b"\0" * 200, "a.docx", "a program"),
    ],
)
def test_content_decides_what_a_file_is(shared, content, name, reason):
    answer = upload(shared, content, name)

    assert answer.status_code == 415
    assert reason in answer.json()["detail"]
    assert not [
        path for path in left_over(shared.settings) if path.parent.name == "incoming"
    ]


def test_empty_file_is_taken_in_and_fails_as_in_every_other_way_in(pipeline):
    with served(pipeline.settings) as web:
        answer = upload(web, b"", "empty.pdf")
        assert answer.status_code == 201
        assert answer.json()["media_type"] == "application/x-empty"

        run = pipeline.attach(answer.json()["run_id"]).wait(patient(60))

    [document] = run.documents()
    assert document.status is Status.FAILED
    assert document.error == "empty.pdf: the file is empty"


def test_uploaded_pdf_is_read_as_a_pdf_under_any_name(web, samples):
    content = (samples / "services-agreement.pdf").read_bytes()

    assert upload(web, content, "a.exe").json()["media_type"] == "application/pdf"


def test_file_that_is_too_large_is_refused_and_leaves_nothing(shared):
    answer = upload(shared, b"x" * 310_000)

    assert answer.status_code == 413
    assert "300000" in answer.json()["detail"]
    assert not [
        path for path in left_over(shared.settings) if path.parent.name == "incoming"
    ]


def test_size_that_is_declared_too_large_is_refused_unread(shared):
    with shared.connect() as connection:
        connection.sendall(
            b"POST /documents/upload HTTP/1.1\r\nHost: test\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 10737418240\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_endless_body_is_refused_when_it_is_too_long(shared):
    def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(10_000):
            yield b"x" * 10_000

    answer = post(shared, endless())

    assert answer.status_code == 413


def test_upload_that_pauses_for_too_long_is_refused(settings):
    with served(settings, upload_pause_seconds=0.2) as web:
        with web.connect() as connection:
            connection.sendall(
                b"POST /documents/upload HTTP/1.1\r\nHost: test\r\n"
                b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n"
                b"Content-Length: 10000\r\n\r\n--x\r\n"
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
        assert upload(web).status_code == 201
    assert len(left_over(settings)) == 1


def test_upload_whose_sender_vanishes_leaves_nothing(web, settings):
    with web.connect() as connection:
        connection.sendall(
            b"POST /documents/upload HTTP/1.1\r\nHost: test\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 200000\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            + b"x"
            * 100_000
        )
    name = 'docprogress_requests_total{method="POST",status="400"}'
    eventually(lambda: name in web.client.get("/metrics").text)

    assert left_over(settings) == []


def form(*parts, boundary="x"):
    body = b""
    for name, filename, content in parts:
        shown = f'form-data; name="{name}"'
        if filename is not None:
            shown += f'; filename="{filename}"'
        body += f"--{boundary}\r\nContent-Disposition: {shown}\r\n\r\n".encode(
            "latin-1"
        )
        body += content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def post(web, body, kind="multipart/form-data; boundary=x"):
    return web.client.post(
        "/documents/upload", content=body, headers={"Content-Type": kind}
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary="),
        (b"", "multipart/form-data; boundary=x"),
        (b"nonsense", "multipart/form-data; boundary=x"),
        (form(), "multipart/form-data; boundary=x"),
        (form(("case_id", None, b"a")), "multipart/form-data; boundary=x"),
        (form(("other", "a.txt", b"a")), "multipart/form-data; boundary=x"),
        (form(("file", None, b"a")), "multipart/form-data; boundary=x"),
        (
            form(("file", "a", b"a"), ("file", "b", b"b")),
            "multipart/form-data; boundary=x",
        ),
        (
            form(("file", "a", b"a"), ("case_id", None, b"x" * 300)),
            "multipart/form-data; boundary=x",
        ),
        (
            form(("file", "a", b"a"), ("case_id", None, b"x" * 100_000)),
            "multipart/form-data; boundary=x",
        ),
        (
            form(("file", "a", b"a"), ("case_id", None, b"a\x00b")),
            "multipart/form-data; boundary=x",
        ),
        (
            form(("file", "a", b"a"), ("case_id", None, b"\xff")),
            "multipart/form-data; boundary=x",
        ),
        (form(("file", "a", b"a"))[:-10], "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\na\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (
            b"--x\r\n" + b"A: b\r\n" * 1000 + b"\r\na\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
        (
            form(("file", "a", b"a"), boundary="y" * 5000),
            f"multipart/form-data; boundary={'y' * 5000}",
        ),
    ],
)
def test_invalid_form_is_refused(shared, body, kind):
    answer = post(shared, body, kind)

    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert not [
        path for path in left_over(shared.settings) if path.parent.name == "incoming"
    ]


def test_upload_that_hardly_moves_gives_way_to_another(settings):
    with served(settings, uploads=1) as web, web.connect() as slow:
        slow.sendall(
            b"POST /documents/upload HTTP/1.1\r\nHost: test\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 200000\r\n\r\n--x\r\n"
        )
        # There may be no more; and it may only just have begun.
        answer = eventually(lambda: (found := upload(web)).status_code == 429 and found)
        assert int(answer.headers["retry-after"]) >= 1

        eventually(lambda: upload(web).status_code == 201)
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_upload_without_redis_says_when_to_try_again(settings, server: Server):
    with served(settings.model_copy(update={"redis_url": server.url})) as web:
        server.kill()
        answer = upload(web)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert left_over(settings) == []
