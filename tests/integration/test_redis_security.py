"""Redis with authentication: the documented rights suffice, and no more are used."""

import asyncio
import shutil
import signal
import time

import psutil
import pytest
import redis
from support.patience import patient
from support.runs import documents, ended_right
from support.services import (
    QUOTED,
    SECRET,
    Authority,
    Service,
    Worker,
    create_restricted_user,
    free_port,
    lacking,
)

from docprogress import Pipeline, ProgressEvent, Status
from docprogress.bus.bus import Bus
from docprogress.bus.celery_broker import celery_broker
from docprogress.bus.connection import connect
from docprogress.cli.diagnosis import State, findings
from docprogress.errors import BusError, BusRefused
from docprogress.events import now
from docprogress.settings import load, redacted
from docprogress.worker.main import run_worker

#: What Redis says in one of several ways.
REFUSED = r"(?i)permission|user executing the script can.t"


def event(message):
    return ProgressEvent(
        document_id="a",
        status=Status.PROCESSING,
        step="ocr",
        progress=1,
        message=message,
        timestamp=now(),
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "private")


@pytest.fixture(scope="module")
def encrypting(tmp_path_factory, authority):
    """A Redis that speaks TLS only, to who has a name."""
    binary = shutil.which("redis-server")
    if binary is None:
        lacking("no redis-server that speaks TLS (Debian: redis-server)")
    folder = tmp_path_factory.mktemp("encrypted")
    certificate, key = authority.signed("redis")
    port = free_port()
    options = {
        "port": 0,
        "tls-port": port,
        "bind": "127.0.0.1",
        "save": "",
        "tls-cert-file": certificate,
        "tls-key-file": key,
        "tls-auth-clients": "no",
    }
    command = [binary, *(str(p) for k, v in options.items() for p in (f"--{k}", v))]
    service = Service(port, command, folder)
    ca = f"ssl_ca_certs={authority.certificate}"
    try:
        with redis.Redis.from_url(f"rediss://127.0.0.1:{port}?{ca}") as client:
            create_restricted_user(client)
            client.execute_command("ACL", "SETUSER", "default", "off")
        yield service
    finally:
        service.kill()


@pytest.fixture
def encrypted(encrypting):
    """Its address."""
    return f"127.0.0.1:{encrypting.port}"


@pytest.fixture
def guarded(server):
    """A Redis on a unix socket that wants to know who comes."""
    with redis.Redis.from_url(server.url) as client:
        create_restricted_user(client)
        for name, rights in (
            ("reader", ["+@read", "+@connection"]),
            ("admin", ["+@all"]),
        ):
            user = [name, "on", f">{SECRET}", "~*", "&*", *rights]
            client.execute_command("ACL", "SETUSER", *user)
        client.execute_command("ACL", "SETUSER", "default", "off")
    return str(server.socket)


@pytest.fixture(params=["unix", "tls"])
def secured(request, authority):
    """The URL of a Redis whose user has only the rights that are written down."""
    if request.param == "unix":
        return f"unix://docprogress:{QUOTED}@{request.getfixturevalue('guarded')}"
    address = request.getfixturevalue("encrypted")
    ca = f"ssl_ca_certs={authority.certificate}"
    return f"rediss://docprogress:{QUOTED}@{address}/0?{ca}"


def test_a_whole_run_needs_only_the_rights_that_are_written_down(secured, short_path):
    home = short_path / "home"
    worker = Worker(secured, home)
    try:
        with Pipeline(redis_url=secured, home=home) as pipeline:
            run = pipeline.submit(documents(6))
            ended_right(run, seconds=60)
            assert len(run.events()) >= 12
            run.retry(failed_only=False)
            run.cancel()
            run.wait(timeout=patient(60))
            # The answer of the workers comes over the broker.
            settings = load(redis_url=secured, home=home)
            found = {f.subject: f for f in findings(settings)}
            assert found["redis"].state is State.OK
            assert found["workers"].message.startswith("docprogress@")
            with connect(secured) as client:
                for command in (
                    ["SET", "other", "1"],
                    ["GET", "other"],
                    ["PUBLISH", "other", "1"],
                    ["SUBSCRIBE", "other"],
                    ["CONFIG", "GET", "*"],
                    ["KEYS", "*"],
                    ["ACL", "LIST"],
                    ["CLIENT", "LIST"],
                    ["SCRIPT", "FLUSH"],
                    ["FLUSHALL"],
                    ["SHUTDOWN"],
                    ["EVAL", "return redis.call('SET', 'other', '1')", "0"],
                ):
                    with pytest.raises(redis.ResponseError, match=REFUSED):
                        client.execute_command(*command)
        worker.stop()
        assert worker.process.wait(patient(15)) == 0
        assert "ermission" not in worker.output(), worker.output()
        assert QUOTED not in worker.output()
    finally:
        worker.kill()


def test_a_client_of_an_earlier_version_may_remove_messages_from_queues_alone(guarded):
    with connect(f"unix://docprogress:{QUOTED}@{guarded}") as client:
        for queue in ("docprogress", "docprogress:3", "docprogress.gpu:recovered"):
            client.lpush(queue, "a", "b")
            assert client.lrange(queue, -1000, -1) == [b"b", b"a"]
            assert client.lrem(queue, -1, "a") == 1
        for key in ("document:a:progress", "run:a:progress", "unacked", "other"):
            with pytest.raises(redis.ResponseError, match=REFUSED):
                client.lrange(key, 0, -1)
            with pytest.raises(redis.ResponseError, match=REFUSED):
                client.lrem(key, -1, "a")


def refusals(guarded, encrypted, authority, folder):
    """Each way to be refused: the URL, and the expected message."""
    ca = f"?ssl_ca_certs={authority.certificate}"
    other = f"?ssl_ca_certs={Authority(folder, 'other').certificate}"
    yield f"unix://docprogress:wrong@{guarded}", "password is wrong"
    yield f"unix://{guarded}", "password is wrong"
    yield f"unix://reader:{QUOTED}@{guarded}", r"(?i)permission.*redis\.acl"
    yield f"rediss://docprogress:wrong@{encrypted}{ca}", "password is wrong"
    mine = f"rediss://docprogress:{QUOTED}@{encrypted}"
    yield f"{mine}{other}", "is not trusted .*ssl_ca_certs=FILE"
    yield mine, "is not trusted .*ssl_ca_certs=FILE"
    yield f"{mine}?ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs .*/nowhere/ca.pem"


def test_a_refusal_is_reported_at_once_with_advice_and_no_secret(
    guarded, encrypted, authority, tmp_path, short_path
):
    for url, expected in refusals(guarded, encrypted, authority, tmp_path):
        begun = time.monotonic()
        with pytest.raises(BusRefused, match=expected) as raised:
            Pipeline(redis_url=url, home=short_path / "home")
        messages = [str(raised.value)]

        settings = load(redis_url=url, home=short_path / "home")
        with pytest.raises(BusRefused, match=expected) as raised:
            run_worker(settings)
        messages.append(str(raised.value))

        [found] = [f for f in findings(settings) if f.subject == "redis"]
        assert found.state is State.BROKEN
        messages.append(redacted(found.message))

        assert time.monotonic() - begun < patient(15), "each is reported at once"
        for message in messages:
            assert SECRET not in message
            assert QUOTED not in message
            assert "wrong@" not in message


@pytest.mark.anyio
async def test_a_subscription_that_is_refused_does_not_try_for_ever(guarded):
    with Bus(f"unix://docprogress:wrong@{guarded}") as bus:
        async with bus.subscribe(["a"]) as events:
            with pytest.raises(BusRefused, match="password is wrong"):
                await anext(events)


@pytest.mark.anyio
async def test_a_subscription_outlasts_a_password_that_is_changed_and_changed_back(
    guarded, server
):
    async def received(events, message):
        async for event in events:
            if event.message == message:
                return event
        raise AssertionError

    url = f"unix://docprogress:{QUOTED}@{guarded}"
    admin = redis.Redis.from_url(f"unix://admin:{QUOTED}@{guarded}")
    with Bus(url) as bus, admin:
        async with bus.subscribe(["a"]) as events:
            bus.publish(event("first"))
            await received(events, "first")
            admin.execute_command("ACL", "SETUSER", "docprogress", "resetpass", ">new")
            admin.execute_command("CLIENT", "KILL", "USER", "docprogress")
            with pytest.raises(BusRefused):
                bus.publish(event("lost"))
            admin.execute_command("ACL", "SETUSER", "docprogress", ">" + SECRET)
            bus.publish(event("second"))

            assert (await received(events, "second")).message == "second"


def test_an_encrypted_line_is_closed_though_redis_does_not_answer(
    encrypting, encrypted, authority
):
    url = f"rediss://docprogress:{QUOTED}@{encrypted}/0?ssl_ca_certs={authority.certificate}"

    def lines():
        open_ = psutil.Process().net_connections()
        return {line.laddr for line in open_ if line.raddr[1:] == (encrypting.port,)}

    # Those of pools that are yet to be collected.
    before = lines()

    async def watch():
        async with bus.subscribe(["a"]) as events:
            bus.publish(event("delivered"))
            assert (await anext(events)).message == "delivered"
            assert len(lines() - before) == 2
            encrypting.process.send_signal(signal.SIGSTOP)

    try:
        with Bus(url) as bus:
            asyncio.run(watch())

            # It is the bus's own.
            assert len(lines() - before) == 1
        assert lines() <= before
    finally:
        encrypting.process.send_signal(signal.SIGCONT)


def test_a_refused_worker_exits_with_the_reason(guarded, short_path):
    worker = Worker(f"unix://docprogress:wrong@{guarded}", short_path / "home")
    try:
        assert worker.process.wait(patient(30)) == 1
        assert "docprogress: Redis refuses: the username or password" in worker.output()
        assert "wrong@" not in worker.output()
    finally:
        worker.kill()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h/0?colour=red", "colour"),
        ("redis://h:port/0", "cannot be used"),
        ("redis+sentinel://h:26379", "does not name the sentinels' service"),
        ("redis+sentinel:///primary", "names no sentinel"),
        ("redis+sentinel://h/primary/zero", "not a database number"),
        ("rediss://h?ssl_cert_reqs=perhaps", "cannot be used"),
    ],
)
def test_an_unusable_url_is_reported(url, expected):
    with pytest.raises(BusError, match=expected):
        connect(url)


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("redis://h", "redis://h:6379/0"),
        ("redis://u:p%40@[::1]:1/3", "redis://u:p%40@[::1]:1/3"),
        ("redis://:p@h:1?db=2", "redis://:p@h:1/2"),
        ("unix:///run/a.sock?db=2", "redis+socket:///run/a.sock?virtual_host=2"),
        ("unix://u:p@/a.sock", "redis+socket://u:p@/a.sock?virtual_host=0"),
        (
            "redis+sentinel://u:p@a:1,b/primary/4?sentinel_password=q",
            "sentinel://u:p@a:1/4;sentinel://u:p@b:26379/4",
        ),
    ],
)
def test_celery_gets_the_same_redis(url, spelled):
    assert celery_broker(url).url == spelled


def test_certificate_options_reach_celery_and_the_sentinels(authority):
    ca = str(authority.certificate)
    options = {"ssl_cert_reqs": "required", "ssl_ca_certs": ca}
    plain = celery_broker(f"rediss://h?ssl_ca_certs={ca}")
    through = celery_broker(
        f"rediss+sentinel://h/x?ssl_ca_certs={ca}&sentinel_password=q"
    )

    assert plain.encryption == through.encryption == options
    own = through.options["sentinel_kwargs"]
    assert own.items() >= {"ssl": True, "password": "q", **options}.items()
    assert celery_broker("redis://h").encryption == {}
