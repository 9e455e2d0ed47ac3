"""What every request passes through: access log, rate limit and origin check.

Queries may contain tickets, so they are never logged.
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
from docprogress.server.origins import SAFE_METHODS, is_cross_origin
from docprogress.server.rate_limit import RateLimiter

access_log = logging.getLogger("docprogress.server.access")

#: The maximum size of path and query, in bytes.
MAX_TARGET_SIZE = 64 * 1024

#: The maximum size of a request body that is not an upload, in bytes.
MAX_BODY_SIZE = 1024 * 1024

#: Seconds to wait for the body of a refused request.
DRAIN_SECONDS = 2.0

#: The suffix of the path that takes a body of any size, as a stream.
UPLOAD_PATH = "/documents/upload"

#: The answer to a request from another origin, or through a proxy that hides its own.
CROSS_ORIGIN = (
    "the request comes from a page of another origin: allow it by `cors_origins`, or "
    "have the proxy pass on `Host` and `X-Forwarded-Proto`"
)

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class AccessLog:
    """Counts and logs one request."""

    __slots__ = ("_counters", "_scope", "_send", "_started", "_status")

    def __init__(self, scope: Scope, send: Send, counters: Counters) -> None:
        self._scope = scope
        self._send = send
        self._counters = counters
        self._started = time.monotonic()
        self._status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def send(self, message: Message) -> None:
        """Send a message, with the headers that every response has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.setdefault("x-content-type-options", "nosniff")
            headers.setdefault("referrer-policy", "no-referrer")
        await self._send(message)

    def close(self) -> None:
        """Count and log the request."""
        scope = self._scope
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._counters.requests[method, str(self._status)] += 1
        access_log.info(
            "%s %s %d",
            method,
            printable_path(scope["path"]),
            self._status,
            extra={
                "method": method,
                "path": printable_path(scope["path"]),
                "status": self._status,
                "seconds": round(time.monotonic() - self._started, 6),
                "client": client_address(scope),
            },
        )


class RequestGuard:
    """Refuses requests that are too frequent, too large, or from another origin."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        rate_limiter: RateLimiter,
        hosts: Collection[str],
        origins: Collection[str],
    ) -> None:
        self._app = app
        self._rate_limiter = rate_limiter
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                await _drain_body(scope, receive)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        raw = scope.get("raw_path") or b""
        if len(raw) + len(scope["query_string"]) > MAX_TARGET_SIZE:
            return JSONResponse(
                {"detail": f"the URL is longer than {MAX_TARGET_SIZE} bytes"},
                HTTPStatus.REQUEST_URI_TOO_LONG,
            )
        try:
            self._rate_limiter.spend(client_address(scope))
        except TooManyRequests as error:
            return too_many_requests(error)
        headers = Headers(scope=scope)
        if self._hosts and _host(headers.get("host", "")) not in self._hosts:
            return JSONResponse(
                {"detail": "this server has another host name"},
                HTTPStatus.FORBIDDEN,
            )
        changes = scope["method"] not in SAFE_METHODS
        if (changes or self._hosts) and is_cross_origin(scope, self._origins):
            return JSONResponse({"detail": CROSS_ORIGIN}, HTTPStatus.FORBIDDEN)
        if not scope["path"].endswith(UPLOAD_PATH):
            return _body_refusal(headers)
        return None


async def _drain_body(scope: Scope, receive: Receive) -> None:
    """Read and drop the short body of a refused request.

    Some proxies cannot relay the response before they have sent the body:
    jupyter-server-proxy answers 500 if the connection is closed before.
    """
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdigit() or not 0 < int(length) <= MAX_BODY_SIZE:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while (message := await receive())["type"] == "http.request":
                if not message.get("more_body"):
                    return


def _host(name: str) -> str | None:
    """The host name without the port."""
    try:
        return urlsplit(f"//{name}").hostname
    except ValueError:
        return None


def _body_refusal(headers: Headers) -> JSONResponse | None:
    """The response to a body that is too large to be read into memory."""
    if "transfer-encoding" in headers:
        detail = "the request needs a Content-Length"
        return JSONResponse({"detail": detail}, HTTPStatus.LENGTH_REQUIRED)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_SIZE:
        return JSONResponse(
            {"detail": f"the body is larger than {MAX_BODY_SIZE} bytes"},
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    return None


def too_many_requests(error: TooManyRequests) -> JSONResponse:
    """The response to a client over its limits."""
    return JSONResponse(
        {"detail": str(error)},
        HTTPStatus.TOO_MANY_REQUESTS,
        headers={"retry-after": str(max(1, math.ceil(error.retry_after)))},
    )


def client_address(scope: Scope) -> str:
    """The client's IP address; the same name for all clients of a unix socket."""
    client = scope.get("client")
    return client[0] if client else "local"


def printable_path(path: str) -> str:
    """A path as one short line, with special characters escaped."""
    return path[:300] if path.isprintable() else repr(path[:300])[1:-1]
