"""The response that streams Server-Sent Events to one client.

It sends frames that the broadcaster encoded once for all clients. A slow client gets
the newest events when it is ready for them, a client that reads nothing is dropped,
and the stream ends when everything it names has ended.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from docprogress.errors import ServerBusy
from docprogress.server.counters import Counters
from docprogress.server.middleware import client_address
from docprogress.server.rate_limit import RateLimiter
from docprogress.server.sse.broadcaster import Broadcaster
from docprogress.server.sse.client_queue import ClientQueue
from docprogress.server.sse.frames import Frame, event_id, is_final_id
from docprogress.server.subjects import Subject

#: Milliseconds that a browser waits before it reconnects: a random number in this
#: range, so that not all clients reconnect at once after a restart.
RETRY = (1_000, 4_000)

#: The ASGI extension by which the server offers to close the connection, and to send
#: a part of the response without a task switch.
CONNECTION = "docprogress.connection"

#: The key in the request's scope of a list that takes started streams. An application
#: that sets it runs them itself.
STARTED_STREAMS = "docprogress.started_streams"

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_KEEP_ALIVE = b": keep-alive\n\n"
_CONNECTED = b': connected\nretry: %d\ndata: {"status": "connected"}\n\n'
_END = b'event: end\nid: %b\ndata: {"status": "end"}\n\n'


async def open_stream(
    request: Request,
    subjects: Iterable[Subject],
    *,
    broadcaster: Broadcaster,
    rate_limiter: RateLimiter,
    counters: Counters,
    single: bool = False,
    endless: bool = False,
) -> Response:
    """Stream these subjects from their current state on, or answer 204.

    Args:
        request: The request; its `Last-Event-ID` has missed events replayed.
        subjects: What to stream.
        broadcaster: Where the events come from.
        rate_limiter: Limits the streams of an address.
        counters: Where frames are counted.
        single: Whether it is one document's stream, which its final event ends.
        endless: Whether it continues after everything has ended, for retries.

    Raises:
        TooManyRequests: There are too many streams.
        ServerBusy: The server is stopping.
    """
    if broadcaster.closing:
        raise ServerBusy("the server is stopping")
    address = client_address(request.scope)
    rate_limiter.open_stream(address)
    client = ClientQueue(subjects, abort=_abort(request))
    response = EventStream(
        broadcaster,
        client,
        rate_limiter=rate_limiter,
        counters=counters,
        address=address,
        single=single,
        endless=endless,
    )
    try:
        broadcaster.join(client)
        since = None if endless else request.headers.get("last-event-id")
        if since and await _already_delivered(broadcaster, client, since, single):
            response.release()
            return Response(status_code=HTTPStatus.NO_CONTENT)
    except BaseException:
        response.release()
        raise
    return response


class EventStream(Response):
    """Streams to one client until everything it watches has ended.

    Args:
        broadcaster: The broadcaster that the client has joined.
        client: The client's queue; it leaves the broadcaster when the stream ends.
        rate_limiter: Where the stream is counted as closed.
        counters: Where frames are counted.
        address: The client's address.
        single: Whether a final event ends the stream.
        endless: Whether it continues after everything has ended.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        broadcaster: Broadcaster,
        client: ClientQueue,
        *,
        rate_limiter: RateLimiter,
        counters: Counters,
        address: str,
        single: bool,
        endless: bool,
    ) -> None:
        self.status_code = 200
        self.background: BackgroundTask | None = None
        self.raw_headers = list(_HEADERS)
        self._broadcaster = broadcaster
        self._client = client
        self._rate_limiter = rate_limiter
        self._counters = counters
        self._address = address
        self._single = single
        self._endless = endless
        self._extension: Mapping[str, Any] = {}
        self._write: Callable[[bytes], bool] | None = None
        self._written: Frame | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers; then stream, unless the application does that itself."""
        self._extension = scope.get("extensions", {}).get(CONNECTION, {})
        started = scope.get(STARTED_STREAMS)
        if started is not None:
            started.append(self)
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
        if started is None:
            await self.stream(receive, send)

    async def stream(self, receive: Receive, send: Send) -> None:
        """Send frames until the stream ends or the client disconnects."""
        if "writer" in self._extension:
            self._write = self._extension["writer"](send)
        watching = asyncio.create_task(close_on_disconnect(receive, self._client))
        try:
            await self._send(send, _CONNECTED % random.randint(*RETRY))  # noqa: S311
            await self._send_frames(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watching.cancel()
            self.release()

    def release(self) -> None:
        """Leave the broadcaster, and make room for another stream."""
        if self._broadcaster.leave(self._client):
            self._rate_limiter.close_stream(self._address)

    async def _send_frames(self, send: Send) -> None:
        client, broadcaster = self._client, self._broadcaster
        while True:
            frames = client.take()
            if self._single:
                frames = _up_to_final(frames)
            if frames:
                await self._send(send, b"".join([frame.data for frame in frames]))
                self._count(frames)
            elif self._silent():
                await self._send(send, _KEEP_ALIVE)
            if client.closed or (self._single and frames and frames[-1].final):
                return
            if not (self._single or self._endless) and broadcaster.delivered_all(
                client
            ):
                await self._send(send, _END % broadcaster.end_id(client).encode())
                return
            if not client.pending:
                client.wake.clear()
                client.send_now = self._send_now if self._write else None
                try:
                    await client.wake.wait()
                finally:
                    client.send_now = None

    def _send_now(self, frame: Frame) -> bool:
        """Send a frame without a task switch, if the connection accepts it."""
        if frame is self._written:
            return True  # clients of a document and its run get it twice
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
        silent = time.monotonic() - self._client.sent_at
        return silent >= self._broadcaster.keep_alive_seconds

    def _count(self, frames: Sequence[Frame]) -> None:
        self._counters.frames += len(frames)
        at = time.time()
        for frame in frames:
            if frame.published is not None:
                self._counters.count_latency(max(at - frame.published, 0.0))


async def close_on_disconnect(receive: Receive, client: ClientQueue) -> None:
    """Wait until the client disconnects, and have its task notice."""
    while (await receive())["type"] != "http.disconnect":
        pass  # a request body, which is ignored
    client.closed = True
    client.wake.set()


async def _already_delivered(
    broadcaster: Broadcaster, client: ClientQueue, since: str, single: bool
) -> bool:
    """Whether a reconnecting client has received everything; else replay to it.

    The end of one document says nothing about the others in its stream, so that
    everything is sent again for several documents.
    """
    await broadcaster.ready(client)
    if not single:
        return broadcaster.received_end(client, since)
    (subject,) = client.subjects
    newest = broadcaster.newest(subject.id)
    if newest is None and is_final_id(since):
        # A final event that has expired was delivered all the same.
        return broadcaster.unknown(subject.id)
    if newest is not None and newest.final and event_id(newest) == since:
        return True
    missed = await broadcaster.missed(subject.id, since)
    if missed is not None:
        client.replay(missed)
    return False


def _up_to_final(frames: list[Frame]) -> list[Frame]:
    for count, frame in enumerate(frames, 1):
        if frame.final:
            return frames[:count]
    return frames


def _abort(request: Request) -> Callable[[], object]:
    """What closes the connection of a request at once.

    Where the server offers no way to do it, the request's task is cancelled, and it
    is up to the server to close the connection.
    """
    extension = request.scope.get("extensions", {}).get(CONNECTION)
    if extension is not None:
        abort: Callable[[], object] = extension["abort"]
        return abort
    task = asyncio.current_task()
    assert task is not None
    return task.cancel
