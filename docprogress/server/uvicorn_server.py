"""Serve an application with uvicorn, and stop quickly while streams are open.

uvicorn waits for every response to end, and streams do not end by themselves. It also
waits indefinitely for clients that connect and then send or read nothing; here they are
disconnected.
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

#: Seconds that requests may take to finish when the server stops.
STOP_SECONDS = 2

#: Seconds within which a request's headers must arrive.
HEADER_SECONDS = 20.0

#: The maximum size of a request's head, in bytes.
MAX_HEAD_SIZE = 128 * 1024

#: Seconds that a refused client has to read the response: it would be lost if the
#: connection were closed while the client still sends.
LINGER_SECONDS = 3.0

#: Milliseconds after which the kernel closes a connection whose peer has vanished or
#: reads nothing, which uvicorn does not notice.
USER_TIMEOUT = 30_000

#: The kernel's send buffer for each connection, in bytes.
SEND_BUFFER = 128 * 1024

#: Connections waiting to be accepted.
BACKLOG = 4096


class Server(uvicorn.Server):
    """A uvicorn server that ends the application's streams before it waits for them.

    Args:
        config: uvicorn's configuration.
        dismiss: Ends the application's streams.
    """

    def __init__(self, config: uvicorn.Config, dismiss: Callable[[], None]) -> None:
        super().__init__(config)
        self._dismiss = dismiss
        self._silent: dict[Protocol, float] = {}

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End all streams, then wait for other requests."""
        self._dismiss()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Disconnect silent clients, once a second."""
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
    """uvicorn's protocol, with a limit on the size of a request's head.

    The application can close a connection at once, and write without a task switch.
    """

    _head: int | None = None
    _refused = False

    @property
    def idle(self) -> bool:
        """Whether no request is in progress."""
        # There is no cycle before the first request, whatever its type says.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def data_received(self, data: bytes) -> None:
        """Receive data."""
        if self._refused:
            return  # the client reads the response once it has sent all of this
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > MAX_HEAD_SIZE and not self._refused:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self._head = 0
        self.scope["extensions"] = {CONNECTION: {"abort": self.transport.abort}}

    def on_url(self, url: bytes) -> None:
        """Receive a part of the URL."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET_SIZE and not self._refused:
            self._refuse(b"414 URI Too Long")

    def on_headers_complete(self) -> None:
        """Start the response."""
        self._head = None
        if not self._refused:
            offered, before = self.scope["extensions"][CONNECTION], self.cycle
            super().on_headers_complete()
            if self.cycle is not before:
                offered["writer"] = partial(_writer, self.cycle)

    def send_400_response(self, msg: str) -> None:
        """Answer 400, unless the request was refused already."""
        if not self._refused:
            super().send_400_response(msg)

    def _refuse(self, status: bytes) -> None:
        self._refused = True
        self.transport.write(
            b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status
        )
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _writer(cycle: RequestResponseCycle, send: Send) -> Callable[[bytes], bool] | None:
    """What writes parts of a response; None if middleware wraps `send`."""
    return partial(_write, cycle) if send == cycle.send else None


def _write(cycle: RequestResponseCycle, part: bytes) -> bool:
    """Write a part of a response as uvicorn does, unless that would block."""
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
    """A server for an application. Pass the listening sockets to its `run`.

    Args:
        app: The result of `create_app`, or an application that mounts it.
        dismiss: The `dismiss` of the mounted application.
        options: More options of `uvicorn.Config`.
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
    """A listening socket; port 0 picks a free one.

    Raises:
        OSError: The address is not available.
    """
    family, _, _, _, place = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit these options.
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
    """A listening unix socket, for this user only.

    Raises:
        OSError: The path is not available.
    """
    if path.is_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise OSError(errno.EADDRINUSE, "another server listens there")
        path.unlink()  # left by a server that was killed
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
    """Raise this process's limit of open files as far as allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # keep the present limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
