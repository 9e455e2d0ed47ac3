"""Whether a browser sends a request for a page of this server, or of another one.

A page of another origin cannot read the answers, but what it asks for is done all the
same, with whatever the browser is trusted for.  An origin is scheme, host and port,
and all three are compared.
"""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

#: Methods that change nothing.
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))

#: What `Sec-Fetch-Site` says of a page that is not of the server's origin.
_ELSEWHERE = frozenset(("cross-site", "same-site"))

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Where a page is from."""

    scheme: str
    host: str
    port: int


def origin(text: str) -> Origin | None:
    """What `scheme://host:port` means; None if it is anything else."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    rest = text.partition("://")[2]
    plain = rest == parts.netloc and "@" not in rest
    if parts.scheme not in _PORTS or not host or not plain:
        return None
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme])


def foreign(scope: Scope, allowed: Iterable[str] = ()) -> bool:
    """Whether the page that sends this is of another origin, and not allowed to.

    Only browsers name a page: whatever names none is not held up.

    Args:
        scope: The request's.
        allowed: Origins whose pages may send anything.
    """
    headers = Headers(scope=scope)
    sites = headers.getlist("sec-fetch-site")
    named = headers.getlist("origin")
    if len(sites) > 1 or len(named) > 1:
        return True
    # No page can set this header. The browser compares origins for the whole chain of
    # redirects, and knows the address bar, which a proxy may hide from this server.
    if sites == ["same-origin"]:
        return False
    elsewhere = not _ELSEWHERE.isdisjoint(sites)
    if not named:
        # A link that somebody follows names no origin, and changes nothing.
        return scope["method"] not in SAFE and elsewhere
    page = origin(named[0])
    if page is None:
        return True
    if page in map(origin, allowed):
        return False
    scheme, host = _asked(scope, headers)
    return elsewhere or page != origin(f"{scheme}://{host}")


def _asked(scope: Scope, headers: Headers) -> tuple[str, str]:
    """The scheme and the host, with its port, that the browser has asked.

    Over a unix socket it is a proxy of the server's own user that asks, and is
    believed.  Over TCP the ASGI server knows which proxies it believes.
    """
    scheme, host = scope.get("scheme", "http"), headers.get("host", "")
    if scope.get("client") is None:
        scheme = _first(headers, "x-forwarded-proto") or scheme
        host = _first(headers, "x-forwarded-host") or host
    return scheme, host


def _first(headers: Headers, name: str) -> str:
    """What the outermost of several proxies has said."""
    return headers.get(name, "").partition(",")[0].strip().lower()
