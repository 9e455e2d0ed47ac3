"""The process that follows a measurement over HTTP, as so many clients at once.

It starts a `docprogress serve` of its own, opens a stream for each client, and notes
when which of them heard of which event.  It ends with whoever started it: when its
input ends; and the server ends with it.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import sys
import tempfile
from array import array
from collections.abc import AsyncIterator, Sequence
from typing import IO

import msgspec

from docprogress.latency.plan import Plan, clock

#: What it says when every client has been told the present, and what it is told when
#: everything was published.
READY = b"ready\n"
END = b"end\n"

#: Seconds that the server may take to start, that all clients may take to be told the
#: present, and that the last events may take; and that the server may take to stop.
START_SECONDS = 30.0
JOIN_SECONDS = 30.0
LAST_SECONDS = 5.0
STOP_SECONDS = 5.0

#: What the server says once it listens.
_SERVES = re.compile(rb"http://127\.0\.0\.1:(\d+)")


class Told(msgspec.Struct):
    """What of an event is needed to know it again."""

    document_id: str
    current: int = 0


class WatchError(Exception):
    """Raised when clients cannot be told anything."""


class Record:
    """Who heard of which event when: client, document, number and moment."""

    def __init__(self) -> None:
        self.places = array("i")
        self.moments = array("d")

    def add(self, client: int, document: int, number: int, moment: float) -> None:
        self.places.extend((client, document, number))
        self.moments.append(moment)

    def tobytes(self) -> bytes:
        """How many there are, as eight bytes; their places; their moments."""
        count = len(self.moments).to_bytes(8, "little")
        return count + self.places.tobytes() + self.moments.tobytes()


class Client(asyncio.Protocol):
    """One client's connection, and what came over it."""

    def __init__(
        self,
        number: int,
        plan: Plan,
        record: Record,
        request: bytes,
        *,
        changed: asyncio.Event,
    ) -> None:
        self._number = number
        self._changed = changed
        self._plan = plan
        self._record = record
        self._request = request
        self._rest = b""
        self._begun = False
        self._transport: asyncio.WriteTransport | None = None
        #: Whether anything was told; documents that have ended; what went wrong.
        self.told = False
        self.ended = 0
        self.problem: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        at = clock()
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines and not self._begun:
            self._begun = True
            if not lines[0].startswith(b"HTTP/1.1 200"):
                self.problem = f"the server said {lines[0][:100].decode().strip()!r}"
        for line in lines:
            # What is told of a connection, and of its end, is about no document.
            if line.startswith(b'data: {"') and b'"current"' in line:
                self._hear(line[6:], at)
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.problem = self.problem or f"the stream was lost: {exc}"
        self._changed.set()

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._transport is not None:
            self._transport.abort()

    def _hear(self, data: bytes, at: float) -> None:
        told = _DECODER.decode(data)
        index = self._plan.index(told.document_id)
        if index is None:
            return
        self.told = True
        if told.current:
            self._record.add(self._number, index, told.current, at)
            self.ended += told.current == self._plan.count(index)


async def watch(plan: Plan, count: int) -> Record | None:
    """Follow the run until all of it was heard; None if nobody wants it any more.

    Raises:
        WatchError: Not every client could begin.
    """
    record = Record()
    async with _served() as (port, token):
        request = (
            f"GET /progress/runs/{plan.run_id}/stream HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode()
        changed = asyncio.Event()
        clients = [
            Client(n, plan, record, request, changed=changed) for n in range(count)
        ]
        loop = asyncio.get_running_loop()
        try:
            for client in clients:
                await loop.create_connection(
                    lambda client=client: client,  # type: ignore[misc]
                    "127.0.0.1",
                    port,
                )
            await _all_told(clients, changed)
            sys.stdout.buffer.write(READY)
            sys.stdout.buffer.flush()
            if await asyncio.to_thread(sys.stdin.buffer.readline) != END:
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    while any(client.ended < plan.documents for client in clients):
                        changed.clear()
                        await changed.wait()
        except OSError as error:
            raise WatchError(f"no connection to the server: {error}") from error
        finally:
            for client in clients:
                client.close()
    return record


async def _all_told(clients: Sequence[Client], changed: asyncio.Event) -> None:
    """Wait until every client has heard something."""
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            while not all(client.told for client in clients):
                for problem in filter(None, (client.problem for client in clients)):
                    raise WatchError(problem)
                changed.clear()
                await changed.wait()
    except TimeoutError:
        told = sum(client.told for client in clients)
        raise WatchError(
            f"only {told} of {len(clients)} clients were told anything within "
            f"{JOIN_SECONDS:g} s"
        ) from None


@contextlib.asynccontextmanager
async def _served() -> AsyncIterator[tuple[int, str]]:
    """A server, its port and its token."""
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryFile() as log:
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "docprogress", "serve"),
            *("--host", "127.0.0.1", "--port", "0"),
            env=os.environ | {"DOCPROGRESS_SERVER_TOKEN": token},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        try:
            yield await _listening(server, log), token
        finally:
            if server.returncode is None:
                server.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await server.wait()
            except TimeoutError:
                server.kill()
                await server.wait()


async def _listening(server: asyncio.subprocess.Process, log: IO[bytes]) -> int:
    assert server.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            said = await server.stdout.readline()
    except TimeoutError:
        said = b""
    match = _SERVES.search(said)
    if match is None:
        log.seek(0)
        lines = log.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"it did not within {START_SECONDS:g} s"
        raise WatchError(f"docprogress serve does not start: {reason}")
    return int(match[1])


_DECODER = msgspec.json.Decoder(Told)


def main() -> None:
    """Watch what standard input says, and tell who heard what."""
    given = json.loads(sys.stdin.buffer.readline())
    plan = Plan.from_dict(given["plan"])
    try:
        record = asyncio.run(watch(plan, given["clients"]))
    except WatchError as error:
        sys.exit(str(error))
    if record is not None:
        sys.stdout.buffer.write(record.tobytes())


if __name__ == "__main__":
    main()
