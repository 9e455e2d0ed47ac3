"""Progress over HTTP beside a plain streaming response, under many clients.

`python sse.py` measures both servers in turn, each a process of its own, against the
same Redis and with the same clients, and prints ratios.  The plain one is what is
written in an hour: Starlette, one Redis subscription, each frame shared by all.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import re
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import redis.asyncio
from measuring import Row, compared, interleaved, limited, machine, percentile, table
from surroundings import server as redis_server
from surroundings import short_folder

from docprogress.events import document_channel

#: What an event's message is: the number of the event among all that were sent.
NUMBER = re.compile(rb'"message": ?"number (\d+) of the benchmark"')

#: Seconds that a server has to greet all of its clients.
PATIENCE = 60.0


def plain(url: str, port: int) -> None:
    """Serve by Starlette's own streaming response, and one subscription."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    newest: dict[bytes, asyncio.Future[bytes]] = defaultdict(asyncio.Future)

    async def listen() -> None:
        # A subscriber may hear nothing for as long as it likes.
        client = redis.asyncio.Redis.from_url(url, socket_timeout=None)
        pubsub = client.pubsub()
        await pubsub.psubscribe(document_channel("*"))
        async for message in pubsub.listen():
            if message["type"] == "pmessage":
                told = newest.pop(message["channel"], None)
                if told is not None:
                    told.set_result(b"data: %b\n\n" % message["data"])

    async def told(channel: bytes) -> AsyncIterator[bytes]:
        yield b': connected\ndata: {"status": "connected"}\n\n'
        while True:
            # Who leaves must not cancel what the others wait for.
            yield await asyncio.shield(newest[channel])

    async def stream(request: Request) -> StreamingResponse:
        channel = document_channel(request.path_params["document_id"]).encode()
        return StreamingResponse(told(channel), media_type="text/event-stream")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        listening = asyncio.create_task(listen())
        yield
        listening.cancel()

    route = Route("/progress/documents/{document_id}/stream", stream)
    app = Starlette(routes=[route], lifespan=lifespan)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


class Side:
    """One of the two servers, in a process of its own."""

    def __init__(self, name: str, port: int, command: list[str]) -> None:
        self.name = name
        self.port = port
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.process = psutil.Process(self._process.pid)

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
        self._process.terminate()
        self._process.wait()


@dataclass
class Crowd:
    """What all clients of a round have heard."""

    sent: dict[int, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    greeted: int = 0


class Listener(asyncio.Protocol):
    """One client: it counts, and notes when it heard what."""

    def __init__(self, path: str, crowd: Crowd) -> None:
        self._path = path
        self._crowd = crowd
        self._rest = b""
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        request = f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
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
        if not self._greeted and b'"connected"' in data:
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
    side: Side, url: str, *, clients: int, documents: int, rate: float, seconds: float
) -> Measured:
    """Connect everybody, publish, and listen."""
    loop = asyncio.get_running_loop()
    crowd = Crowd()
    before = side.process.memory_info().rss
    transports = []
    for number in range(clients):
        path = f"/progress/documents/document-{number % documents}/stream"
        transport, _ = await loop.create_connection(
            lambda path=path: Listener(path, crowd), "127.0.0.1", side.port
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
        count = await _published(url, crowd, documents, rate, seconds)
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
    url: str, crowd: Crowd, documents: int, rate: float, seconds: float
) -> int:
    client = redis.asyncio.Redis.from_url(url)
    start = time.perf_counter()
    count = round(rate * seconds)
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
        await client.publish(document_channel(document_id), json.dumps(content))
    await client.aclose()
    return count


@contextlib.contextmanager
def sides(url: str) -> Iterator[tuple[Side, Side]]:
    """Our server, and the plain one."""
    with short_folder() as folder, contextlib.ExitStack() as stack:
        ours = Side(
            "docprogress",
            8931,
            [
                *("-m", "docprogress", "serve", "--port", "8931", "--token", ""),
                f"--redis-url={url}",
                f"--database-url=sqlite:///{folder / 'store.db'}",
                f"--storage-url={(folder / 'files').as_uri()}",
            ],
        )
        stack.callback(ours.close)
        against = Side(
            "plain", 8932, [str(Path(__file__)), "--plain", url, "--port", "8932"]
        )
        stack.callback(against.close)
        yield ours, against


def rows(what: str, ours: list[Measured], against: list[Measured]) -> Iterator[Row]:
    """The lines of one comparison."""
    for name in ("p50", "p99"):
        yield compared(
            f"{what}: {name}",
            [getattr(each, name) for each in ours],
            [getattr(each, name) for each in against],
            unit="ms",
            at_most=1.5,
        )
    yield compared(
        f"{what}: share that arrived",
        [each.delivered for each in ours],
        [each.delivered for each in against],
        unit="",
        at_least=1.0,
    )


def main(rounds: int, seconds: float) -> None:
    """Measure everything, and print it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(machine())
    lines: list[Row] = []
    with redis_server() as url, sides(url) as (ours, against):
        asyncio.run(_both_answer(ours, against))
        for what, clients, documents, rate in (
            ("1,000 clients, one document, 10 events/s", 1000, 1, 10.0),
            ("1,000 clients, 1,000 documents, 1,000 events/s", 1000, 1000, 1000.0),
            ("100 clients, one document, 10 events/s", 100, 1, 10.0),
        ):

            def side(of: Side) -> Measured:
                return asyncio.run(
                    measured(
                        of,
                        url,
                        clients=clients,  # noqa: B023 - called in this turn
                        documents=documents,  # noqa: B023
                        rate=rate,  # noqa: B023
                        seconds=seconds,
                    )
                )

            mine, others = interleaved(
                rounds, lambda: side(ours), lambda: side(against)
            )
            lines += rows(what, mine, others)
            if clients < 1000:
                worst = max(each.p99 for each in mine)
                lines.append(limited(f"{what}: worst p99", worst, unit="ms", under=100))
    with redis_server() as url, sides(url) as (ours, against):
        # Memory that was used once is used again: each server is new.
        asyncio.run(_both_answer(ours, against))
        idle = [
            asyncio.run(
                measured(each, url, clients=1000, documents=1, rate=1.0, seconds=2.0)
            ).kib_each
            for each in (ours, against)
        ]
        lines.append(
            compared(
                "memory of an idle client",
                [idle[0]],
                [idle[1]],
                unit="KiB",
                at_most=1.5,
            )
        )
    print(table(lines))


async def _both_answer(*both: Side) -> None:
    for side in both:
        await side.answers()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--plain", metavar="URL")
    parser.add_argument("--port", type=int)
    given = parser.parse_args()
    if given.plain:
        plain(given.plain, given.port)
    else:
        main(given.rounds, given.seconds)
