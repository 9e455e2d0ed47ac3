"""A server in a thread, and readers of its streams."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx
from support.patience import patient

from docprogress.server import ServerOptions, create_app
from docprogress.server.uvicorn_server import listen, server
from docprogress.settings import Settings

TOKEN = "a-token-of-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class StreamEvent:
    """One event of a stream, as a browser would hand it on."""

    type: str
    data: Any
    id: str | None


class Reader:
    """Reads a stream over a socket of its own, as slowly as the test wants."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")
        self.status = int(self._line().split()[1])
        self.headers = {}
        while line := self._line():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self._chunked = self.headers.get("transfer-encoding") == "chunked"
        self._rest = b""
        self.comments: list[str] = []
        self.retry: int | None = None

    def next(self) -> StreamEvent | None:
        """The next event; None at the end of the stream."""
        while True:
            block = self._block()
            if block is None:
                return None
            kind, data, event_id = "message", [], None
            for line in block.splitlines():
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if not field:
                    self.comments.append(value)
                elif field == "data":
                    data.append(value)
                elif field == "event":
                    kind = value
                elif field == "id":
                    event_id = value
                elif field == "retry":
                    self.retry = int(value)
            if data:
                return StreamEvent(kind, json.loads("\n".join(data)), event_id)

    def progress(self) -> StreamEvent | None:
        """The next event that plain listeners receive, after the greeting."""
        while (event := self.next()) is not None:
            if event.type == "message" and event.data != {"status": "connected"}:
                return event
        return None

    def rest(self) -> list[StreamEvent]:
        """All that plain listeners receive until the stream ends."""
        return list(iter(self.progress, None))

    def comment(self) -> str:
        """The next comment."""
        while not self.comments:
            assert self._comment_block() is not None, "the stream ended"
        return self.comments.pop(0)

    def close(self) -> None:
        self._file.close()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _comment_block(self) -> bytes | None:
        block = self._block()
        for line in (block or "").splitlines():
            if line.startswith(":"):
                self.comments.append(line[1:].strip())
        return block

    def _block(self) -> str | None:
        while b"\n\n" not in self._rest:
            data = self._chunk()
            if not data:
                return None
            self._rest += data
        block, self._rest = self._rest.split(b"\n\n", 1)
        return block.decode()

    def _chunk(self) -> bytes:
        if not self._chunked:
            return self._file.read1(65536)
        size = int(self._line() or "0", 16)
        data = self._file.read(size)
        self._line()
        return data

    def _line(self) -> str:
        return self._file.readline().decode("latin-1").rstrip("\r\n")


class Web:
    """A server that runs, and what is asked of it."""

    def __init__(self, port: int, token: str | None = TOKEN) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        headers = {} if token is None else BEARER
        self.client = httpx.Client(
            base_url=self.url, headers=headers, timeout=patient(30)
        )

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        """A connection on which nothing was sent yet."""
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(patient(30))
        connection.connect(("127.0.0.1", self.port))
        return connection

    def read(
        self, path: str, *, since: str | None = None, token: str | None = TOKEN
    ) -> Reader:
        """Open a stream."""
        return Reader(self.ask(path, since=since, token=token))

    def ask(
        self,
        path: str,
        *,
        since: str | None = None,
        token: str | None = TOKEN,
        receive_buffer: int | None = None,
    ) -> socket.socket:
        """A connection on which a path is asked for, and nothing is read."""
        lines = [f"GET {path} HTTP/1.1", "Host: test"]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        if since is not None:
            lines.append(f"Last-Event-ID: {since}")
        connection = self.connect(receive_buffer=receive_buffer)
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection

    def metric(self, name: str) -> float:
        """The value of a metric, labels included in its name."""
        for line in self.client.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"there is no {name}")


@contextmanager
def served(settings: Settings, **options: Any) -> Iterator[Web]:
    """A server in a thread; it and all its streams end with the block."""
    options.setdefault("token", TOKEN)
    app = create_app(settings, ServerOptions(**options))
    with running(app, token=options["token"]) as web:
        yield web


@contextmanager
def running(
    app: Any, *, token: str | None = TOKEN, dismiss: Any = None, port: int = 0
) -> Iterator[Web]:
    """Any application in a thread; port 0 is any that is free."""
    listening = listen("127.0.0.1", port)
    port = listening.getsockname()[1]
    serving = server(app, dismiss=dismiss)
    thread = threading.Thread(target=serving.run, args=([listening],))
    thread.start()
    try:
        deadline = time.monotonic() + patient(30)
        while not serving.started:
            assert thread.is_alive(), "the server has not started"
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)
        web = Web(port, token)
        with web.client:
            yield web
    finally:
        serving.should_exit = True
        thread.join(patient(30))
        assert not thread.is_alive(), "the server does not stop"
