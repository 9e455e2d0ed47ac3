"""Distinguish requests from this server's own pages from those of other origins.

A page of another origin cannot read the responses, but its requests would take effect
with the credentials of the browser's user. An origin is scheme, host and port, and all
three are compared.
"""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

#: Methods that do not change state.
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

#: Values of `Sec-Fetch-Site` for pages of other origins.
_OTHER_SITES = frozenset(("cross-site", "same-site"))

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The origin of a page."""

    scheme: str
    host: str
    port: int


def parse_origin(text: str) -> Origin | None:
    """Parse `scheme://host:port`; None if it is anything else."""
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


def is_cross_origin(scope: Scope, allowed: Iterable[str] = ()) -> bool:
    """Whether the request was sent by a page of an origin that is not allowed.

    Only browsers send an origin: requests of other clients pass.

    Args:
        scope: The request's ASGI scope.
        allowed: Origins whose pages may send any request.
    """
    headers = Headers(scope=scope)
    sites = headers.getlist("sec-fetch-site")
    named = headers.getlist("origin")
    if len(sites) > 1 or len(named) > 1:
        return True
    # Scripts cannot set this header, and a client that is no browser needs credentials
    # of its own. The browser compares the origins of all redirects, and it knows the
    # public host, which a proxy may hide.
    if sites == ["same-origin"]:
        return False
    other_site = not _OTHER_SITES.isdisjoint(sites)
    if not named:
        # Following a link sends no origin, and does not change state.
        return scope["method"] not in SAFE_METHODS and other_site
    page = parse_origin(named[0])
    if page is None:
        return True
    if page in map(parse_origin, allowed):
        return False
    scheme, host = _requested_host(scope, headers)
    return other_site or page != parse_origin(f"{scheme}://{host}")


def _requested_host(scope: Scope, headers: Headers) -> tuple[str, str]:
    """The scheme and host, with its port, that the browser sent the request to.

    Over a unix socket the client is a proxy of the server's own user, which is
    trusted. Over TCP the ASGI server knows which proxies to trust.
    """
    scheme, host = scope.get("scheme", "http"), headers.get("host", "")
    if scope.get("client") is None:
        scheme = _first_value(headers, "x-forwarded-proto") or scheme
        host = _first_value(headers, "x-forwarded-host") or host
    return scheme, host


def _first_value(headers: Headers, name: str) -> str:
    """The value that the outermost of several proxies has set."""
    return headers.get(name, "").partition(",")[0].strip().lower()
