"""Parse a Redis URL once, for redis-py's clients and for Celery alike."""

import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from redis.connection import parse_url

from docprogress.errors import BusError, BusRefused
from docprogress.settings import redacted

#: Valkey's own schemes for servers that speak Redis's protocol.
_VALKEY = {
    "valkey": "redis",
    "valkeys": "rediss",
    "valkey+sentinel": "redis+sentinel",
    "valkeys+sentinel": "rediss+sentinel",
}

_PLAIN = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}

_FORM = "redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE[/DATABASE]"

#: Options of a URL that name a file.
_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """The contents of a Redis URL, as redis-py's clients take them."""

    #: Of the connection: `host`, `port`, `path`, `db`, `username`, `ssl_ca_certs`, …
    options: dict[str, Any]
    #: Whether the connection uses TLS.
    encrypted: bool = False
    #: The sentinels that know the primary of `service`; without any, it is `host`.
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    #: The sentinels' own credentials: `username` and `password`.
    sentinel_login: dict[str, Any] = field(default_factory=dict)


def parse_redis_url(url: str) -> RedisTarget:
    """Parse a URL: `redis://`, `rediss://`, `redis+sentinel://`, `unix://`.

    Raises:
        BusError: The URL cannot be used.
    """
    try:
        target = _parse(with_redis_scheme(url))
    except ValueError as error:
        raise invalid_url(str(error)) from None
    for name in _FILES:
        path = target.options.get(name)
        if path is not None and not os.access(path, os.R_OK):
            raise BusRefused(f"{name} in the Redis URL: {path} cannot be read")
    return target


def unix_url(path: str | os.PathLike[str]) -> str:
    """The URL of a Redis that listens on the unix socket at this path."""
    return f"unix://{quote(os.fsencode(path))}"


def with_redis_scheme(url: str) -> str:
    """The URL with Valkey's scheme replaced by Redis's."""
    scheme, separator, rest = url.partition("://")
    return f"{_VALKEY.get(scheme.lower(), scheme)}{separator}{rest}"


def invalid_url(reason: str) -> BusError:
    """An error that says why a URL is invalid, without its secrets."""
    return BusError(f"this Redis URL cannot be used: {redacted(reason)}")


def _parse(url: str) -> RedisTarget:
    parts = urlsplit(url)
    if parts.scheme not in _PLAIN:
        options = _parse_options(url)
        return RedisTarget(options, encrypted=parts.scheme == "rediss")
    credentials, at, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError(f"it does not name the sentinels' service: {_FORM}")
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is not a database number: {_FORM}")
    sentinels = [urlsplit(f"//{host}") for host in hosts.split(",")]
    if not all(one.hostname for one in sentinels):
        raise ValueError(f"it names no sentinel: {_FORM}")
    # redis-py parses everything except the list of hosts.
    plain = f"{_PLAIN[parts.scheme]}://{credentials}{at}-/{database}?{parts.query}"
    options = _parse_options(plain)
    for name in ("host", "port"):
        options.pop(name, None)
    names = ("sentinel_username", "sentinel_password")
    return RedisTarget(
        options,
        encrypted=parts.scheme == "rediss+sentinel",
        sentinels=tuple((one.hostname or "", one.port or 26379) for one in sentinels),
        service=unquote(service),
        sentinel_login={
            n.removeprefix("sentinel_"): options.pop(n) for n in names if n in options
        },
    )


def _parse_options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    options.pop("connection_class", None)
    return options
