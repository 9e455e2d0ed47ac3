"""The stream of Server-Sent Events: a response that is woken when there is news.

What is sent are frames that the hub encoded once for all clients.  A client that is
slow is told the newest events when it is ready for them; one that takes nothing is
dropped; one that has been told everything is told that it may go.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from docprogress.server.counters import Counters
from docprogress.server.rate_limit import RateLimiter
from docprogress.server.sse.broadcaster import Broadcaster
from docprogress.server.sse.client_queue import Client, Frame

#: What a browser waits before it connects again, in milliseconds: from, to.  Not the
#: same for all, so that they do not come at once when a server was restarted.
RETRY = (1_000, 4_000)

#: The name under which a server offers, in ASGI's extensions, to end a connection,
#: and to send a part of a response without a task of its own.
CONNECTION = "docprogress.connection"

#: Where, in a request's scope, an application that goes on with streams itself has
#: a list for them.
BEGUN = "docprogress.begun"

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]

#: What is sent to a client that has heard nothing for a while.
KEEP_ALIVE = b": keep-alive\n\n"

_HELLO = b': connected\nretry: %d\ndata: {"status": "connected"}\n\n'
_END = b'event: end\nid: %b\ndata: {"status": "end"}\n\n'


class EventStream(Response):
    """Tells one client what the hub tells it, until all of it has ended.

    Args:
        hub: What the client has joined.
        client: Who it is; it leaves the hub when the stream ends.
        single: Whether it is about one document, whose final event is the last.
        endless: Whether it goes on when all has ended, for what is tried again.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        hub: Broadcaster,
        client: Client,
        *,
        meter: Counters,
        limits: RateLimiter,
        address: str,
        single: bool,
        endless: bool = False,
    ) -> None:
        self.status_code = 200
        self.background: BackgroundTask | None = None
        self.raw_headers = list(_HEADERS)
        self._hub = hub
        self._client = client
        self._meter = meter
        self._limits = limits
        self._address = address
        self._single = single
        self._endless = endless
        self._offered: Mapping[str, Any] = {}
        self._write: Callable[[bytes], bool] | None = None
        self._written: Frame | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin; go on at once, or later if the application wants to do that."""
        self._offered = scope.get("extensions", {}).get(CONNECTION, {})
        begun = scope.get(BEGUN)
        if begun is not None:
            begun.append(self)
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
        except BaseException:
            self.release()
            raise
        if begun is None:
            await self.tell(receive, send)

    async def tell(self, receive: Receive, send: Send) -> None:
        """Tell everything, until it has ended or the client has gone."""
        if "writer" in self._offered:
            self._write = self._offered["writer"](send)
        leaving = asyncio.create_task(_left(receive, self._client))
        try:
            await self._send(send, _HELLO % random.randint(*RETRY))  # noqa: S311
            await self._tell(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()
            self.release()

    def release(self) -> None:
        """Let the client go, and another one in its place."""
        if self._hub.leave(self._client):
            self._limits.leave(self._address)

    async def _tell(self, send: Send) -> None:
        client = self._client
        while True:
            frames = client.take()
            if self._single:
                frames = _to_the_end(frames)
            if frames:
                await self._send(send, b"".join([frame.data for frame in frames]))
                self._count(frames)
            elif self._silent():
                await self._send(send, KEEP_ALIVE)
            if client.closed or (self._single and frames and frames[-1].final):
                return
            if not (self._single or self._endless) and self._hub.finished(client):
                await self._send(send, _END % self._hub.end_id(client).encode())
                return
            if not client.waiting:
                client.wake.clear()
                client.straight = self._straight if self._write else None
                try:
                    await client.wake.wait()
                finally:
                    client.straight = None

    def _straight(self, frame: Frame) -> bool:
        """Send a frame while nothing else is being sent: it waits for no turn."""
        if frame is self._written:
            return True  # it comes twice to who watches a document and its run
        assert self._write is not None
        if not self._write(frame.data):
            return False
        self._written = frame
        self._client.sent_at = time.monotonic()
        self._count([frame])
        return True

    async def _send(self, send: Send, data: bytes) -> None:
        client = self._client
        client.sending_since = time.monotonic()
        await send({"type": "http.response.body", "body": data, "more_body": True})
        client.sending_since = None
        client.sent_at = time.monotonic()

    def _silent(self) -> bool:
        return time.monotonic() - self._client.sent_at >= self._hub.keep_alive_seconds

    def _count(self, frames: Sequence[Frame]) -> None:
        self._meter.frames += len(frames)
        at = time.time()
        for frame in frames:
            if frame.published is not None:
                self._meter.sent(max(at - frame.published, 0.0))


async def _left(receive: Receive, client: Client) -> None:
    """Wait until the client has gone, and see to it that this is noticed."""
    while (await receive())["type"] != "http.disconnect":
        pass  # a request's body, which nobody asked for
    client.closed = True
    client.wake.set()


def _to_the_end(frames: list[Frame]) -> list[Frame]:
    for count, frame in enumerate(frames, 1):
        if frame.final:
            return frames[:count]
    return frames
