"""What every request passes: it is counted, limited, and noted without its query.

Tickets stand in queries, so that no query is ever written down.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from docprogress.errors import TooManyRequests
from docprogress.server.counters import Counters
from docprogress.server.origins import SAFE, foreign
from docprogress.server.rate_limit import RateLimiter

access_log = logging.getLogger("docprogress.server.access")

#: The longest path and query, in bytes.
LONGEST_TARGET = 64 * 1024

#: The longest body, in bytes, of a request that is no upload.
LONGEST_BODY = 1024 * 1024

#: Seconds that the body of a request that is refused may take.
BODY_SECONDS = 2.0

#: How the path ends that takes a body of any length, and takes it bit by bit.
UPLOAD = "/documents/upload"

#: What the page of another origin is told, or a proxy that hides the own one.
FOREIGN = (
    "the page that asks is of another origin: allow it by `cors_origins`, or have the "
    "proxy hand on `Host` and `X-Forwarded-Proto`"
)

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class AccessLog:
    """What is noted of one request, from its beginning to its end."""

    __slots__ = ("_meter", "_scope", "_send", "_started", "_status")

    def __init__(self, scope: Scope, send: Send, meter: Counters) -> None:
        self._scope = scope
        self._send = send
        self._meter = meter
        self._started = time.monotonic()
        self._status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def send(self, message: Message) -> None:
        """Hand an answer on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.setdefault("x-content-type-options", "nosniff")
            headers.setdefault("referrer-policy", "no-referrer")
        await self._send(message)

    def close(self) -> None:
        """Count the request, and write it down."""
        scope = self._scope
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._meter.requests[method, str(self._status)] += 1
        access_log.info(
            "%s %s %d",
            method,
            shown(scope["path"]),
            self._status,
            extra={
                "method": method,
                "path": shown(scope["path"]),
                "status": self._status,
                "seconds": round(time.monotonic() - self._started, 6),
                "client": address(scope),
            },
        )


class RequestGuard:
    """Turns away whoever asks too often, at too great a length, or from elsewhere."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: RateLimiter,
        hosts: Collection[str],
        origins: Collection[str],
    ) -> None:
        self._app = app
        self._limits = limits
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                await _read_away(scope, receive)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        raw = scope.get("raw_path") or b""
        if len(raw) + len(scope["query_string"]) > LONGEST_TARGET:
            return JSONResponse(
                {"detail": f"the URL is longer than {LONGEST_TARGET} bytes"},
                HTTPStatus.REQUEST_URI_TOO_LONG,
            )
        try:
            self._limits.spend(address(scope))
        except TooManyRequests as error:
            return too_many(error)
        headers = Headers(scope=scope)
        if self._hosts and _host(headers.get("host", "")) not in self._hosts:
            return JSONResponse(
                {"detail": "this server has another name, and answers to no other"},
                HTTPStatus.FORBIDDEN,
            )
        changes = scope["method"] not in SAFE
        if (changes or self._hosts) and foreign(scope, self._origins):
            return JSONResponse({"detail": FOREIGN}, HTTPStatus.FORBIDDEN)
        if not scope["path"].endswith(UPLOAD):
            return _too_large(headers)
        return None


async def _read_away(scope: Scope, receive: Receive) -> None:
    """Take a short body that nobody wants: a proxy may be able to send nothing else.

    jupyter-server-proxy, for one, answers 500 where the connection is closed before.
    """
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdigit() or not 0 < int(length) <= LONGEST_BODY:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            while (message := await receive())["type"] == "http.request":
                if not message.get("more_body"):
                    return


def _host(name: str) -> str | None:
    """A host without its port."""
    try:
        return urlsplit(f"//{name}").hostname
    except ValueError:
        return None


def _too_large(headers: Headers) -> JSONResponse | None:
    """The answer to a body that would be read whole, and is too large for that."""
    if "transfer-encoding" in headers:
        detail = "say how long the body is: Content-Length"
        return JSONResponse({"detail": detail}, HTTPStatus.LENGTH_REQUIRED)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LONGEST_BODY:
        return JSONResponse(
            {"detail": f"the body is longer than {LONGEST_BODY} bytes"},
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    return None


def too_many(error: TooManyRequests) -> JSONResponse:
    """What somebody is told who asks for too much."""
    return JSONResponse(
        {"detail": str(error)},
        HTTPStatus.TOO_MANY_REQUESTS,
        headers={"retry-after": str(max(1, math.ceil(error.retry_after)))},
    )


def address(scope: Scope) -> str:
    """Whom a request is from; one name for all that come over a unix socket."""
    client = scope.get("client")
    return client[0] if client else "local"


def shown(path: str) -> str:
    """A path as one short line, whatever its characters are."""
    return path[:300] if path.isprintable() else repr(path[:300])[1:-1]
