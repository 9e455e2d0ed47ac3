"""Progress over HTTP beside a bare application and nginx's nchan, under many clients.

All servers are processes of their own, one each, and are measured in turn with the
same clients; ours and the bare one get events from the same Redis.  The bare one
is the least that an ASGI application can do: one subscription, each frame shared by
all.  nchan is what nginx does it with, in C: events are handed to it over HTTP.

    python tests/benchmarks/run.py sse
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psutil
import redis.asyncio
from measuring import Row, compared, interleaved, limited, percentile
from surroundings import server as redis_server
from surroundings import short_folder

from docprogress.bus.keys import document_channel

#: What an event's message is: the number of the event among all that were sent.
NUMBER = re.compile(rb'"message": ?"number (\d+) of the benchmark"')

#: Seconds that a server has to greet all of its clients.
PATIENCE = 60.0

#: How many times as long as with the others an event may take with ours.
MOST = {"bare": 1.5, "nchan": 2.0}

#: Where Debian's libnginx-mod-nchan puts it.
MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")

NCHAN = """
load_module {module};
daemon off;
master_process off;
pid {folder}/nginx.pid;
worker_rlimit_nofile 65536;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location ~ ^/progress/documents/(.+)/stream$ {{
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
        }}
        location ~ ^/publish/(.+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            nchan_message_buffer_length 1;
        }}
    }}
}}
"""

#: Tells of an event: of which document, and what.
Publish = Callable[[str, str], Awaitable[None]]


class Sizes(Protocol):
    """How much is measured."""

    clients: int
    crowded_rounds: int
    seconds: float


def bare(url: str, port: int) -> None:
    """Serve by nothing but ASGI, and one subscription."""
    import uvicorn
    from starlette.types import Receive, Scope, Send

    newest: dict[bytes, asyncio.Future[bytes]] = defaultdict(asyncio.Future)

    async def listen() -> None:
        # A subscriber may receive nothing for any length of time.
        client = redis.asyncio.Redis.from_url(url, socket_timeout=None)
        pubsub = client.pubsub()
        await pubsub.psubscribe(document_channel("*"))
        async for message in pubsub.listen():
            if message["type"] == "pmessage":
                waiting = newest.pop(message["channel"], None)
                if waiting is not None:
                    waiting.set_result(b"data: %b\n\n" % message["data"])

    async def live(receive: Receive, send: Send) -> None:
        await receive()
        listening = asyncio.create_task(listen())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        listening.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        document_id = scope["path"].split("/")[3]
        channel = document_channel(document_id).encode()
        await receive()
        leaving = asyncio.create_task(receive())
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        frame = b': connected\ndata: {"status": "connected"}\n\n'
        while not leaving.done():
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            # Who leaves must not cancel what the others wait for.
            frame = await asyncio.shield(newest[channel])

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


class Side:
    """One of the servers, in a process of its own.

    Args:
        name: What it is called in the table.
        port: Where it listens.
        command: What runs it.
        greeting: What it says to each client first.
    """

    def __init__(
        self, name: str, port: int, command: list[str], *, greeting: bytes
    ) -> None:
        self.name = name
        self.port = port
        self.greeting = greeting
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.process = psutil.Process(self._process.pid)

    def publisher(self) -> contextlib.AbstractAsyncContextManager[Publish]:
        """Publish events to this server."""
        raise NotImplementedError

    async def answers(self) -> None:
        """Wait until it listens."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{self.name} does not start") from None
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()


class Subscriber(Side):
    """A server that gets its events from Redis."""

    def __init__(self, name: str, port: int, command: list[str], url: str) -> None:
        super().__init__(
            name, port, [sys.executable, *command], greeting=b'"connected"'
        )
        self._url = url

    @contextlib.asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publish]:
        """Publish to Redis."""
        client = redis.asyncio.Redis.from_url(self._url)

        async def publish(document_id: str, content: str) -> None:
            await client.publish(document_channel(document_id), content)

        yield publish
        await client.aclose()


class Nchan(Side):
    """nginx with nchan, which is handed events over HTTP."""

    def __init__(self, nginx: str, port: int, folder: Path) -> None:
        config = folder / "nginx.conf"
        config.write_text(NCHAN.format(module=MODULE, folder=folder, port=port))
        command = [nginx, "-e", str(folder / "nginx.log"), "-c", str(config)]
        super().__init__("nchan", port, command, greeting=b"\n: hi")

    @contextlib.asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publish]:
        """Publish over a connection that stays."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)

        async def publish(document_id: str, content: str) -> None:
            writer.write(
                f"POST /publish/{document_id} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Content-Length: {len(content)}\r\n\r\n{content}".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 20"):
                raise RuntimeError(f"refused: {head!r}")
            (length,) = re.findall(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length))

        yield publish
        writer.close()


@dataclass
class Crowd:
    """What all clients of a round have received."""

    sent: dict[int, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    greeted: int = 0


class Listener(asyncio.Protocol):
    """One client, which records when each event arrives."""

    def __init__(self, path: str, crowd: Crowd, greeting: bytes) -> None:
        self._path = path
        self._greeting = greeting
        self._crowd = crowd
        self._rest = b""
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        request = (
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Accept: text/event-stream\r\n\r\n"
        )
        transport.write(request.encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        at = time.perf_counter()
        data = self._rest + data
        if not self._greeted and not data.startswith(b"HTTP/1.1 200"[: len(data)]):
            raise RuntimeError(f"refused: {data[:300]!r}")
        end = 0
        for match in NUMBER.finditer(data):
            end = match.end()
            sent = self._crowd.sent.get(int(match[1]))
            if sent is not None:
                self._crowd.latencies.append(at - sent)
        if not self._greeted and self._greeting in data:
            self._greeted = True
            self._crowd.greeted += 1
        if self._greeted:
            self._rest = data[max(end, len(data) - 100) :]
        else:
            self._rest = data


@dataclass(frozen=True)
class Measured:
    """One round of one server."""

    p50: float
    p99: float
    delivered: float
    kib_each: float


async def measured(
    side: Side, *, clients: int, documents: int, rate: float, seconds: float
) -> Measured:
    """Connect everybody, publish, and listen."""
    loop = asyncio.get_running_loop()
    crowd = Crowd()
    before = side.process.memory_info().rss
    transports = []
    for number in range(clients):
        path = f"/progress/documents/document-{number % documents}/stream"
        transport, _ = await loop.create_connection(
            lambda path=path: Listener(path, crowd, side.greeting),
            "127.0.0.1",
            side.port,
        )
        transports.append(transport)
    deadline = time.monotonic() + PATIENCE
    while crowd.greeted < clients:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{side.name} greeted {crowd.greeted} of {clients}")
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    kib_each = (side.process.memory_info().rss - before) / 1024 / clients
    # What this process collects is not to be taken for the server's slowness.
    gc.collect()
    gc.disable()
    try:
        count = await _published(side, crowd, documents, rate, seconds)
        await asyncio.sleep(1.0)
    finally:
        gc.enable()
        for transport in transports:
            transport.abort()
    await asyncio.sleep(0.5)
    expected = count * clients / documents
    return Measured(
        p50=percentile(crowd.latencies, 0.50) * 1000,
        p99=percentile(crowd.latencies, 0.99) * 1000,
        delivered=len(crowd.latencies) / expected,
        kib_each=kib_each,
    )


async def _published(
    side: Side, crowd: Crowd, documents: int, rate: float, seconds: float
) -> int:
    count = round(rate * seconds)
    async with side.publisher() as publish:
        start = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
            document_id = f"document-{number % documents}"
            content = {
                "document_id": document_id,
                "status": "processing",
                "step": "extraction",
                "progress": number % 100,
                "message": f"number {number} of the benchmark",
                "timestamp": datetime.now(UTC).isoformat(timespec="microseconds"),
            }
            crowd.sent[number] = time.perf_counter()
            await publish(document_id, json.dumps(content))
    return count


@contextlib.contextmanager
def sides(url: str) -> Iterator[list[Side]]:
    """Our server, the bare one, and nchan where it is installed."""
    with short_folder() as folder, contextlib.ExitStack() as stack:

        def begun(side: Side) -> Side:
            stack.callback(side.close)
            asyncio.run(side.answers())
            return side

        def serve(port: int) -> list[str]:
            return [
                *("-m", "docprogress", "serve", "--port", str(port), "--token", ""),
                f"--redis-url={url}",
                f"--database-url=sqlite:///{folder / 'store.db'}",
                f"--storage-url={(folder / 'files').as_uri()}",
            ]

        def plainly(port: int) -> list[str]:
            return [str(Path(__file__)), "--bare", url, "--port", str(port)]

        found = []
        for name, command in (("docprogress", serve), ("bare", plainly)):
            port = _free_port()
            found.append(begun(Subscriber(name, port, command(port), url)))
        nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if nginx is not None and MODULE.exists():
            found.append(begun(Nchan(nginx, _free_port(), folder)))
        yield found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def under_load(sizes: Sizes) -> Iterator[Row]:
    """What clients see, and what each of them costs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = sizes.clients
    with redis_server() as url, sides(url) as servers:
        yield from _one_document(servers, crowd, sizes)
        yield from _one_document(servers, crowd // 10, sizes, few=True)
        yield from _compared(
            f"{crowd:,} clients, {crowd:,} documents, {crowd:,} events/s",
            servers[:2],
            sizes,
            clients=crowd,
            documents=crowd,
            rate=float(crowd),
        )
    with redis_server() as url, sides(url) as servers:
        # Memory that was used once is used again: each server is new.
        idle = [
            asyncio.run(
                measured(side, clients=crowd, documents=1, rate=1.0, seconds=2.0)
            )
            for side in servers
        ]
    for side, each in zip(servers[1:], idle[1:], strict=True):
        yield compared(
            f"memory of an idle client, {side.name}",
            [idle[0].kib_each * 1.024],
            [each.kib_each * 1.024],
            unit="kB",
            at_most=1.5 if side.name == "bare" else None,
        )


def _one_document(
    servers: list[Side], clients: int, sizes: Sizes, *, few: bool = False
) -> Iterator[Row]:
    what = f"{clients:,} clients, one document, 10 events/s"
    load = {"clients": clients, "documents": 1, "rate": 10.0}
    yield from _compared(what, servers, sizes, few=few, **load)
    if not any(isinstance(side, Nchan) for side in servers):
        yield Row(what=f"{what}, nchan", ours="", against="it is not installed")


def _compared(
    what: str, servers: list[Side], sizes: Sizes, *, few: bool = False, **load: Any
) -> Iterator[Row]:
    """Yield ratios; with few clients only our own latency has a limit."""

    def side(of: Side) -> Callable[[], Measured]:
        return lambda: asyncio.run(measured(of, seconds=sizes.seconds, **load))

    ours, *others = interleaved(sizes.crowded_rounds, *map(side, servers))
    for against, theirs in zip(servers[1:], others, strict=True):
        for name in ("p50", "p99"):
            yield compared(
                f"{what}: {name}, {against.name}",
                [getattr(each, name) for each in ours],
                [getattr(each, name) for each in theirs],
                unit="ms",
                at_most=None if few else MOST[against.name],
            )
    yield Row(
        what=f"{what}: events that arrived",
        ours=f"{100 * min(each.delivered for each in ours):.2f} %",
        against=", ".join(
            f"{side.name} {100 * min(each.delivered for each in theirs):.2f} %"
            for side, theirs in zip(servers[1:], others, strict=True)
        ),
        wanted="100 %",
        ok=all(each.delivered == 1 for each in ours),
    )
    if few:
        worst = max(each.p99 for each in ours)
        yield limited(f"{what}: worst p99", worst, unit="ms", under=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="the bare application, for `run.py`")
    parser.add_argument("--bare", metavar="URL", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    bare(given.bare, given.port)
