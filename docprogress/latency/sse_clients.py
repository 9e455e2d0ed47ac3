"""The process that follows a measurement over HTTP, as many clients at once.

It starts `docprogress serve`, opens a stream for each client, and records when each
event arrives. It ends when its input ends, and with it the server.
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

#: Its output when every client has the current state, and the input that means that
#: everything has been published.
READY = b"ready\n"
END = b"end\n"

#: Seconds for the server to start, for all clients to get the current state, for the
#: last events to arrive, and for the server to stop.
START_SECONDS = 30.0
JOIN_SECONDS = 30.0
LAST_SECONDS = 5.0
STOP_SECONDS = 5.0

#: The server's output once it listens.
_SERVES = re.compile(rb"http://127\.0\.0\.1:(\d+)")


class _EventData(msgspec.Struct):
    """The fields that identify an event."""

    document_id: str
    current: int = 0


class ClientsError(Exception):
    """Raised when clients receive nothing."""


class Record:
    """Which client received which event when: client, document, number, moment."""

    def __init__(self) -> None:
        self.places = array("i")
        self.moments = array("d")

    def add(self, client: int, document: int, number: int, moment: float) -> None:
        self.places.extend((client, document, number))
        self.moments.append(moment)

    def tobytes(self) -> bytes:
        """The number of entries in eight bytes, their places, and their moments."""
        count = len(self.moments).to_bytes(8, "little")
        return count + self.places.tobytes() + self.moments.tobytes()


class Client(asyncio.Protocol):
    """The connection of one client."""

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
        #: Whether an event has arrived; finished documents; what went wrong.
        self.joined = False
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
                self.problem = (
                    f"the server answered {lines[0][:100].decode().strip()!r}"
                )
        for line in lines:
            # Frames about the connection itself name no document.
            if line.startswith(b'data: {"') and b'"current"' in line:
                self._record_event(line[6:], at)
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.problem = self.problem or f"the stream was lost: {exc}"
        self._changed.set()

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._transport is not None:
            self._transport.abort()

    def _record_event(self, data: bytes, at: float) -> None:
        event = _DECODER.decode(data)
        index = self._plan.index(event.document_id)
        if index is None:
            return
        self.joined = True
        if event.current:
            self._record.add(self._number, index, event.current, at)
            self.ended += event.current == self._plan.count(index)


async def follow(plan: Plan, count: int) -> Record | None:
    """Follow the run until all events have arrived; None if the input ends first.

    Raises:
        ClientsError: Not every client could connect.
    """
    record = Record()
    async with _server() as (port, token):
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
            await _all_joined(clients, changed)
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
            raise ClientsError(f"no connection to the server: {error}") from error
        finally:
            for client in clients:
                client.close()
    return record


async def _all_joined(clients: Sequence[Client], changed: asyncio.Event) -> None:
    """Wait until every client has received an event."""
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            while not all(client.joined for client in clients):
                for problem in filter(None, (client.problem for client in clients)):
                    raise ClientsError(problem)
                changed.clear()
                await changed.wait()
    except TimeoutError:
        joined = sum(client.joined for client in clients)
        raise ClientsError(
            f"only {joined} of {len(clients)} clients received anything within "
            f"{JOIN_SECONDS:g} s"
        ) from None


@contextlib.asynccontextmanager
async def _server() -> AsyncIterator[tuple[int, str]]:
    """Start a server; yield its port and its token."""
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
            line = await server.stdout.readline()
    except TimeoutError:
        line = b""
    match = _SERVES.search(line)
    if match is None:
        log.seek(0)
        lines = log.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"it did not within {START_SECONDS:g} s"
        raise ClientsError(f"docprogress serve does not start: {reason}")
    return int(match[1])


_DECODER = msgspec.json.Decoder(_EventData)


def main() -> None:
    """Follow the run that standard input describes, and write what arrived."""
    parameters = json.loads(sys.stdin.buffer.readline())
    plan = Plan.from_dict(parameters["plan"])
    try:
        record = asyncio.run(follow(plan, parameters["clients"]))
    except ClientsError as error:
        sys.exit(str(error))
    if record is not None:
        sys.stdout.buffer.write(record.tobytes())


if __name__ == "__main__":
    main()
