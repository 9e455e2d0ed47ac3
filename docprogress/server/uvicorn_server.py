"""Serves an application by uvicorn, and stops it quickly with streams open.

uvicorn by itself waits for every response to end: a stream has no end unless it is
told to.  It waits as patiently for whoever opens a connection and says nothing, or
takes nothing: here they are let go.
"""

import contextlib
import errno
import os
import resource
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Send
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

from docprogress.server.app import Application
from docprogress.server.middleware import MAX_TARGET_SIZE
from docprogress.server.sse.response import CONNECTION

#: Seconds that requests have to end in when the server stops.
STOP_SECONDS = 2

#: Seconds in which a request's headers have to come.
HEADER_SECONDS = 20.0

#: The most bytes of a request before its body.
MAX_HEAD_SIZE = 128 * 1024

#: Seconds that a client whose request was refused has to read the answer in: were
#: the connection closed while it still sends, the answer would be lost.
LINGER_SECONDS = 3.0

#: Milliseconds after which the kernel gives up a connection whose other end has
#: vanished, or takes nothing: uvicorn cannot tell.
USER_TIMEOUT = 30_000

#: Bytes that the kernel keeps for each connection that is slow to take them.
SEND_BUFFER = 128 * 1024

#: Connections that wait to be accepted.
BACKLOG = 4096


class Server(uvicorn.Server):
    """A uvicorn server that ends the application's streams before it waits for them.

    Args:
        config: As uvicorn takes it.
        dismiss: Ends the application's streams.
    """

    def __init__(self, config: uvicorn.Config, dismiss: Callable[[], None]) -> None:
        super().__init__(config)
        self._dismiss = dismiss
        self._silent: dict[Protocol, float] = {}

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Have every stream end, then whatever else is under way."""
        self._dismiss()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Once a second, drop those who have connected and do not ask for anything."""
        if counter % 10 == 0:
            self._drop_silent(time.monotonic())
        return await super().on_tick(counter)

    def _drop_silent(self, moment: float) -> None:
        self._silent = {
            connection: self._silent.get(connection, moment)
            for connection in self.server_state.connections
            if isinstance(connection, Protocol) and connection.idle
        }
        for connection, since in self._silent.items():
            if moment - since >= HEADER_SECONDS:
                connection.transport.abort()


class Protocol(HttpToolsProtocol):
    """uvicorn's own, with a bound on what comes before a request's body.

    It lets the application end a connection at once.
    """

    _head: int | None = None
    _refused = False

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        # There is no cycle before the first request, whatever its type says.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if self._refused:
            return  # the client reads its answer once it has sent all of this
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > MAX_HEAD_SIZE and not self._refused:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Begin with a request."""
        super().on_message_begin()
        self._head = 0
        self.scope["extensions"] = {CONNECTION: {"abort": self.transport.abort}}

    def on_url(self, url: bytes) -> None:
        """Take a part of what is asked for."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET_SIZE and not self._refused:
            self._refuse(b"414 URI Too Long")

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._head = None
        if not self._refused:
            offered, before = self.scope["extensions"][CONNECTION], self.cycle
            super().on_headers_complete()
            if self.cycle is not before:
                offered["writer"] = partial(_writer, self.cycle)

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, unless it was said that it is too much."""
        if not self._refused:
            super().send_400_response(msg)

    def _refuse(self, status: bytes) -> None:
        self._refused = True
        self.transport.write(
            b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status
        )
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _writer(cycle: RequestResponseCycle, send: Send) -> Callable[[bytes], bool] | None:
    """Sends parts of a response; None where something is between it and the client."""
    return partial(_written, cycle) if send == cycle.send else None


def _written(cycle: RequestResponseCycle, part: bytes) -> bool:
    """Send a part of a response, as uvicorn does, unless it has to wait."""
    if (
        cycle.flow.write_paused
        or cycle.disconnected
        or cycle.response_complete
        or not cycle.chunked_encoding
    ):
        return False
    cycle.transport.write(b"%x\r\n%b\r\n" % (len(part), part))
    return True


def server(
    app: ASGIApp, *, dismiss: Callable[[], None] | None = None, **options: Any
) -> Server:
    """A server for an application; its `run` takes the sockets to listen on.

    Args:
        app: As `create_app` makes it, or one in which that is mounted.
        dismiss: The `dismiss` of what is mounted.
        options: More of `uvicorn.Config`.
    """
    if dismiss is None:
        assert isinstance(app, Application)
        dismiss = app.dismiss
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
        **options,
    )
    return Server(config, dismiss)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; `port` 0 is any that is free.

    Raises:
        OSError: It cannot be had.
    """
    family, _, _, _, place = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections that are accepted have the same.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listening.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT
            )
        listening.bind(place)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def listen_unix(path: Path) -> socket.socket:
    """A socket that listens at a path, for this user alone.

    Raises:
        OSError: It cannot be had.
    """
    if path.is_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise OSError(errno.EADDRINUSE, "another server listens there")
        path.unlink()  # of a server that was killed
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listening.bind(str(path))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(mask)
    return listening


def allow_connections() -> None:
    """Allow this process as many open connections as it may be allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # what there is will have to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
