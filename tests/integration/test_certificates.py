"""Every client refuses a certificate for another host."""

import asyncio
import shutil

import pytest
import redis
from kombu.exceptions import OperationalError
from support.events import event
from support.patience import patient
from support.services import Authority, Service, free_port, lacking

from docprogress import Pipeline
from docprogress.bus.bus import Bus
from docprogress.bus.connection import connect
from docprogress.bus.connection_errors import translate_error
from docprogress.bus.leases import Leases
from docprogress.cli.diagnosis import State, findings
from docprogress.errors import BusError, BusRefused
from docprogress.queueing.broker_inspection import RedisInspector
from docprogress.queueing.celery_app import make_app
from docprogress.queueing.sender import Sender
from docprogress.settings import load

UNTRUSTED = r"is not trusted \((Hostname|IP address) mismatch"


class Secured:
    """A Redis with a certificate for `host`, and a sentinel with one for 127.0.0.1."""

    def __init__(self, folder, host):
        binary = shutil.which("redis-server")
        if binary is None:
            lacking("no redis-server that speaks TLS (Debian: redis-server)")
        self.authority = Authority(folder, "private")
        self.port, self.sentinel_port = free_port(), free_port()
        self._services = []
        self._start(folder, binary, self.port, host)
        configuration = folder / "sentinel.conf"
        configuration.write_text(
            f"sentinel monitor papers 127.0.0.1 {self.port} 1\n"
            "sentinel down-after-milliseconds papers 60000\n"
        )
        command = [binary, configuration, "--sentinel", "--tls-replication", "yes"]
        self._start(folder, command, self.sentinel_port, "127.0.0.1")

    def _start(self, folder, binary, port, host):
        command = [binary] if isinstance(binary, str) else binary
        certificate, key = self.authority.signed(f"{host}-{port}", host=host)
        options = {
            "port": 0,
            "tls-port": port,
            "bind": "127.0.0.1",
            "tls-cert-file": certificate,
            "tls-key-file": key,
            "tls-ca-cert-file": self.authority.certificate,
            "tls-auth-clients": "no",
        }
        given = [str(part) for k, v in options.items() for part in (f"--{k}", v)]
        self._services.append(Service(port, [*command, *given], folder))

    def url(self, host, scheme="rediss"):
        return f"{scheme}://{host}:{self.port}/0{self._ca}"

    def sentinel_url(self, host):
        return f"rediss+sentinel://{host}:{self.sentinel_port}/papers/0{self._ca}"

    @property
    def _ca(self):
        return f"?ssl_ca_certs={self.authority.certificate}"

    def kill(self):
        for service in self._services:
            service.kill()


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    secured = Secured(tmp_path_factory.mktemp("right"), "127.0.0.1")
    yield secured
    secured.kill()


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    secured = Secured(tmp_path_factory.mktemp("wrong"), "redis.example.org")
    yield secured
    secured.kill()


def clients(url, tmp_path):
    """Everybody who connects to a Redis: each connects, or raises."""
    settings = load(redis_url=url, home=tmp_path)
    yield from _of_redis(url)
    yield from _of_celery(settings)

    def pipeline():
        Pipeline(redis_url=url, home=tmp_path).close()

    def doctor():
        [found] = [one for one in findings(settings) if one.subject == "redis"]
        if found.state is State.BROKEN:
            raise BusRefused(found.message)

    def recovery():
        broker = RedisInspector(url)
        try:
            broker.oldest("docprogress")
        finally:
            broker.close()

    yield from (pipeline, doctor, recovery)


def _of_celery(settings):
    def celery():
        # As a worker does, which takes messages.
        with make_app(settings).connection_for_read() as connection:
            try:
                connection.connect()
            except (redis.RedisError, OSError, OperationalError) as error:
                raise translate_error(error) from error

    def sender():
        with Sender.for_settings(settings) as sender:
            sender.check()

    yield from (celery, sender)


def _of_redis(url):
    def client():
        with connect(url) as client:
            try:
                client.ping()
            except (redis.RedisError, OSError) as error:
                raise translate_error(error) from error

    def publish():
        with Bus(url) as bus:
            bus.publish(event())

    def publish_nowait():
        with Bus(url) as bus:
            publisher = bus.new_publisher()
            publisher.publish_nowait(event())
            publisher.close()

    def lease():
        with Bus(url) as bus:
            leases = Leases(lambda: bus.redis)
            try:
                leases.take("a", "1:worker:1")
            finally:
                leases.close()

    yield from (client, publish, publish_nowait, lease)


async def subscribed(url):
    with Bus(url) as bus:
        async with asyncio.timeout(patient(30)), bus.subscribe(["a"]) as events:
            return await anext(events)


def urls(right, wrong):
    """The URLs of a Redis, or of sentinels, whose certificate has another name."""
    yield right.url("localhost")
    yield wrong.url("127.0.0.1")
    yield wrong.url("127.0.0.1", "valkeys")
    yield right.sentinel_url("localhost")
    # That of the sentinel is right, and that of the primary is not.
    yield wrong.sentinel_url("127.0.0.1")


def refusal(connects, url):
    """The expected message: Celery only knows that no sentinel answers."""
    through = "sentinel" in url and "localhost" in url
    unknown = through and connects.__name__ in ("celery", "sender")
    return "no sentinel reports a primary" if unknown else UNTRUSTED


@pytest.mark.anyio
@pytest.mark.parametrize("number", range(5))
async def test_a_certificate_for_another_host_is_refused(
    right, wrong, tmp_path, number
):
    url = list(urls(right, wrong))[number]

    for connects in clients(url, tmp_path):
        with pytest.raises(BusError, match=refusal(connects, url)):
            connects()
            pytest.fail(f"{connects.__name__} takes the certificate")
    with pytest.raises(BusRefused, match=UNTRUSTED):
        await subscribed(url)


@pytest.mark.anyio
@pytest.mark.parametrize("through_sentinels", [False, True])
async def test_a_certificate_for_the_host_is_accepted(
    right, tmp_path, through_sentinels
):
    url = (
        right.sentinel_url("127.0.0.1") if through_sentinels else right.url("127.0.0.1")
    )

    for connects in clients(url, tmp_path):
        connects()
    assert (await subscribed(url)).document_id == "a"
