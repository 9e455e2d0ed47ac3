"""The host of the primary fails during a run, and the run ends correctly."""

import asyncio
import shutil
import threading
import time

import pytest
import redis
from support.patience import patient
from support.runs import documents, ended_right, in_the_middle
from support.services import Authority, Service, Worker, eventually, free_port, lacking

from docprogress import Pipeline
from docprogress.bus.bus import Bus
from docprogress.cli.diagnosis import State, findings
from docprogress.errors import BusError, BusRefused
from docprogress.local import server_binary
from docprogress.settings import load

SECRET, SENTINEL_SECRET = "first:secret", "second@secret"
QUOTED, SENTINEL_QUOTED = "first%3Asecret", "second%40secret"

SENTINEL = """
bind 127.0.0.1
requirepass {own}
sentinel sentinel-pass {own}
sentinel monitor papers 127.0.0.1 {primary} 2
sentinel auth-pass papers {secret}
sentinel down-after-milliseconds papers 1000
sentinel failover-timeout papers 4000
"""

STEPS = """
import time

def slow(pages):
    for page in pages:
        for _ in range(4):
            time.sleep(0.1)
        yield page
"""


class Watched:
    """A primary, its replica, and three sentinels; with an authority all over TLS."""

    def __init__(self, folder, authority=None):
        self._folder = folder
        self._binary = server_binary()
        self._listens, self._asks = ["--port"], {"host": "127.0.0.1"}
        scheme, known = "redis+sentinel", ""
        if authority is not None:
            self._binary = shutil.which("redis-server")
            certificate, key = authority.signed("redis")
            self._listens = ["--tls-cert-file", certificate, "--tls-key-file", key]
            self._listens += ["--tls-ca-cert-file", authority.certificate]
            self._listens += ["--tls-replication", "yes", "--tls-auth-clients", "no"]
            self._listens += ["--port", "0", "--tls-port"]
            self._asks |= {"ssl": True, "ssl_ca_certs": str(authority.certificate)}
            scheme, known = (
                "rediss+sentinel",
                f"&ssl_ca_certs={authority.certificate}",
            )
        self.ports = [free_port() for _ in range(5)]
        self.services = [self._server(self.ports[0]), self._server(self.ports[1])]
        for port in self.ports[2:]:
            path = folder / f"sentinel-{port}.conf"
            values = {"own": SENTINEL_SECRET, "secret": SECRET}
            path.write_text(SENTINEL.format(primary=self.ports[0], **values))
            command = [self._binary, path, "--sentinel", *self._listens, port]
            self.services.append(Service(port, command, folder))
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports[2:])
        self.url = (
            f"{scheme}://:{QUOTED}@{hosts}/papers"
            f"?sentinel_password={SENTINEL_QUOTED}{known}"
        )

    def _server(self, port):
        primary = self.ports[0]
        command = [self._binary, *self._listens, port, "--bind", "127.0.0.1"]
        command += [
            "--save",
            "",
            "--dir",
            self._folder,
            "--repl-diskless-sync-delay",
            "0",
        ]
        command += ["--requirepass", SECRET, "--masterauth", SECRET]
        if port != primary:
            command += ["--replicaof", f"127.0.0.1 {primary}"]
        return Service(port, command, self._folder)

    def agreed(self):
        """Whether every sentinel knows the replica and both other sentinels.

        A server that closes the connection while it starts has not agreed yet.
        """
        try:
            linked = all(map(self._sees_all, self.ports[2:]))
            asks = self._asks | {"port": self.ports[1], "password": SECRET}
            with redis.Redis(**asks) as replica:
                state = replica.info("replication")
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        return linked and state["master_link_status"] == "up"

    def _sees_all(self, port):
        asks = self._asks | {"port": port, "password": SENTINEL_SECRET}
        with redis.Redis(**asks) as sentinel:
            state = sentinel.sentinel_masters()["papers"]
        return (state["num-slaves"], state["num-other-sentinels"]) == (1, 2)

    def lose_primary(self):
        """The machine that the primary and one sentinel are on is gone."""
        for service in (self.services[0], self.services[2]):
            service.process.kill()
            service.process.wait()

    def bring_back(self):
        self.services[0].kill()
        self.services[0] = self._server(self.ports[0])

    def close(self):
        for service in self.services:
            service.kill()


@pytest.fixture(params=["plain", pytest.param("tls", marks=pytest.mark.slow)])
def watched(request, tmp_path):
    authority = None
    if request.param == "tls":
        if shutil.which("redis-server") is None:
            lacking("no redis-server that speaks TLS (Debian: redis-server)")
        authority = Authority(tmp_path, "private")
    watched = Watched(tmp_path, authority)
    try:
        eventually(watched.agreed, what="the sentinels know each other")
        yield watched
    finally:
        watched.close()


class Lines:
    """What a watcher of a run sees of its line to Redis, and of the documents."""

    def __init__(self, run):
        self.states = []
        self.ended = []
        self._run = run
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()))
        self._thread.start()

    async def _watch(self):
        async with asyncio.timeout(patient(120)), self._run.watch() as watch:
            looking = asyncio.create_task(self._look(watch))
            async for event in watch:
                if event.final:
                    self.ended.append(event.document_id)
            looking.cancel()

    async def _look(self, watch):
        while True:
            if not self.states or self.states[-1] != watch.connected:
                self.states.append(watch.connected)
            await asyncio.sleep(0.01)

    def join(self):
        self._thread.join()


def test_a_failover_during_a_run_loses_nothing(
    watched, short_path, tmp_path, monkeypatch
):
    (tmp_path / "sentinel_steps.py").write_text(STEPS)
    monkeypatch.chdir(tmp_path)
    home = short_path / "home"
    workers = [Worker(watched.url, home), Worker(watched.url, home)]
    try:
        with Pipeline(
            redis_url=watched.url, home=home, steps=["sentinel_steps:slow"]
        ) as pipeline:
            run = pipeline.submit(documents(30))
            lines = Lines(run)
            eventually(lambda: True in lines.states, what="the run is watched")
            in_the_middle(run)
            watched.lose_primary()

            rows = ended_right(run)
            lines.join()

            assert lines.states[-3:] == [True, False, True], lines.states
            assert sorted(set(lines.ended)) == [row.id for row in rows]
            assert all(row.attempt == 1 for row in rows)
            host = pipeline.bus.redis.connection_pool.get_master_address()
            assert host == ("127.0.0.1", watched.ports[1])

            # The one that comes back is a replica, which nobody writes to.
            watched.bring_back()
            again = pipeline.submit(documents(3))
            ended_right(again, seconds=30)
        for worker in workers:
            worker.stop()
        for worker in workers:
            assert worker.process.wait(patient(15)) == 0, worker.output()
    finally:
        for worker in workers:
            worker.kill()


def test_a_refusal_by_the_sentinels_is_reported_at_once(watched, short_path):
    home = short_path / "home"
    wrong = watched.url.replace(SENTINEL_QUOTED, "wrong")
    with pytest.raises(BusRefused, match="of the sentinels is wrong") as raised:
        Pipeline(redis_url=wrong, home=home)
    assert "wrong&" not in str(raised.value)
    assert SECRET not in str(raised.value)
    with pytest.raises(BusRefused, match=r"password is wrong; .* the URL"):
        Pipeline(redis_url=watched.url.replace(QUOTED, "wrong"), home=home)

    begun = time.monotonic()
    unknown = watched.url.replace("/papers", "/letters")
    with Bus(unknown) as bus, pytest.raises(BusError, match="the service 'letters'"):
        bus.check()
    assert time.monotonic() - begun < patient(10)

    [found] = [
        f
        for f in findings(load(redis_url=watched.url, home=home))
        if f.subject == "redis"
    ]
    assert found.state is State.OK
