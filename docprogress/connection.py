"""How to reach Redis: one URL says it, to each of its clients and to Celery alike.

A server that cannot be reached may be there again in a moment.  One that refuses,
for a password, a certificate or a right, will go on doing so: that is told apart,
and told at once, with what to do about it and without what is secret in it.
"""

import os
import re
import ssl
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

import redis
import redis.asyncio
from redis import sentinel
from redis.asyncio import sentinel as asyncio_sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as LostError
from redis.retry import Retry

from docprogress.errors import BusError, BusRefused
from docprogress.settings import redacted

#: Seconds that one command may wait for Redis, and that connecting may take.
COMMAND_SECONDS = 2.0
CONNECT_SECONDS = 2.0

#: What connections are called, for `CLIENT LIST`, that have nothing else to say.
CLIENT = "docprogress"

#: Valkey's own names for what speaks the protocol of Redis.
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

_NO_PRIMARY = (sentinel.MasterNotFoundError, asyncio_sentinel.MasterNotFoundError)

#: An encrypted connection that ended, which is no refusal.
_ENDED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL says, as redis-py's clients take it."""

    #: Of the connection: `host`, `port`, `path`, `db`, `username`, `ssl_ca_certs`, …
    options: dict[str, Any]
    #: Whether the connection is encrypted.
    encrypted: bool = False
    #: The sentinels that know the primary of `service`; without any, it is `host`.
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    #: What the sentinels themselves want: `username` and `password`.
    login: dict[str, Any] = field(default_factory=dict)


def target(url: str) -> Target:
    """What a URL says.

    Raises:
        BusError: The URL cannot be used.
    """
    try:
        found = _target(_as_redis(url))
    except ValueError as error:
        raise _unusable(str(error)) from None
    for name in _FILES:
        path = found.options.get(name)
        if path is not None and not os.access(path, os.R_OK):
            raise BusRefused(f"{name} in the Redis URL: {path} cannot be read")
    return found


def unix_url(path: str | os.PathLike[str]) -> str:
    """The URL of a Redis that listens on the unix socket at this path."""
    return f"unix://{quote(os.fsencode(path))}"


def _as_redis(url: str) -> str:
    """The URL with the scheme that clients know."""
    scheme, separator, rest = url.partition("://")
    return f"{_VALKEY.get(scheme.lower(), scheme)}{separator}{rest}"


def _target(url: str) -> Target:
    parts = urlsplit(url)
    if parts.scheme not in _PLAIN:
        options = _options_of(url)
        return Target(options, encrypted=parts.scheme == "rediss")
    credentials, at, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError(f"it names no service of the sentinels: {_FORM}")
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is not the number of a database: {_FORM}")
    sentinels = [urlsplit(f"//{host}") for host in hosts.split(",")]
    if not all(one.hostname for one in sentinels):
        raise ValueError(f"it names no sentinel: {_FORM}")
    # All but the names of the hosts, as redis-py reads it.
    plain = f"{_PLAIN[parts.scheme]}://{credentials}{at}-/{database}?{parts.query}"
    options = _options_of(plain)
    for name in ("host", "port"):
        options.pop(name, None)
    names = ("sentinel_username", "sentinel_password")
    return Target(
        options,
        encrypted=parts.scheme == "rediss+sentinel",
        sentinels=tuple((one.hostname or "", one.port or 26379) for one in sentinels),
        service=unquote(service),
        login={
            n.removeprefix("sentinel_"): options.pop(n) for n in names if n in options
        },
    )


def _options_of(url: str) -> dict[str, Any]:
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    options.pop("connection_class", None)
    return options


def _unusable(reason: str) -> BusError:
    return BusError(f"this Redis URL cannot be used: {redacted(reason)}")


def connect(url: str) -> redis.Redis:
    """A client with short timeouts, one retry, and nothing in its repr to hide.

    Raises:
        BusError: The URL cannot be used.
    """
    found = target(url)
    retry = Retry(NoBackoff(), 1, supported_errors=(LostError,))
    options = _defaults(found) | {"retry": retry}
    if found.sentinels:
        # One that is gone is not tried again with pauses: the next one is asked.
        own = _sentinel_options(found) | {"retry": Retry(NoBackoff(), 0)}
        manager: Any = _Sentinel(  # type: ignore[no-untyped-call]
            found.sentinels, sentinel_kwargs=own, **options
        )
        client: redis.Redis = manager.master_for(
            found.service, connection_pool_class=_Pool, **_options(found)
        )
    else:
        client = redis.Redis.from_url(_as_redis(url), **options)
    _check(client.connection_pool)
    return client


def connect_async(url: str, *, name: str) -> redis.asyncio.Redis:
    """The same for an event loop, without any retry.

    Args:
        url: Where Redis is.
        name: What the connections are called, for `CLIENT LIST`.

    Raises:
        BusError: The URL cannot be used.
    """
    found = target(url)
    retry = AsyncRetry(NoBackoff(), 0, supported_errors=(LostError,))
    options = _defaults(found) | {"retry": retry, "client_name": name}
    if found.sentinels:
        own = _sentinel_options(found) | {"retry": AsyncRetry(NoBackoff(), 0)}
        manager: Any = _AsyncSentinel(  # type: ignore[no-untyped-call]
            found.sentinels, sentinel_kwargs=own, **options
        )
        client: redis.asyncio.Redis = manager.master_for(
            found.service, connection_pool_class=_AsyncPool, **_options(found)
        )
    else:
        client = redis.asyncio.Redis.from_url(_as_redis(url), **options)
    _check(client.connection_pool)
    return client


def _defaults(found: Target) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": COMMAND_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        # One protocol for every server: messages come as plain arrays.
        "protocol": 2,
        # Who the client is, is looked up and sent again for each connection.
        "driver_info": None,
        **_greeting(found, found.options),
    }
    return options if "path" in found.options else options | {"socket_keepalive": True}


def _greeting(found: Target, login: dict[str, Any]) -> dict[str, Any]:
    """Something to say as an encrypted connection begins, if no password is.

    The server's session tickets come after the handshake. Unless the answer to a
    command is read behind them, redis-py takes them for data that nobody asked for,
    and the connection for one that is "not ready".
    """
    greets = found.encrypted and not (login.get("password") or login.get("username"))
    return {"client_name": CLIENT} if greets else {}


def _options(found: Target) -> dict[str, Any]:
    return found.options | ({"ssl": True} if found.encrypted else {})


def _sentinel_options(found: Target) -> dict[str, Any]:
    return {
        "socket_timeout": COMMAND_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        **found.login,
        **_encryption(found),
        **_greeting(found, found.login),
    }


def _encryption(found: Target) -> dict[str, Any]:
    """What is said of certificates, for who is not given a URL."""
    if not found.encrypted:
        return {}
    said = {k: v for k, v in found.options.items() if k.startswith("ssl_")}
    return {"ssl": True, "ssl_cert_reqs": "required", **said}


def _check(pool: Any) -> None:
    """Find out now that the URL has an option which no connection takes."""
    try:
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError, RedisError) as error:
        raise _unusable(str(error).rpartition("() ")[2]) from None


class _Sentinel(sentinel.Sentinel):
    """Says why no sentinel answers, which redis-py leaves out."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        try:
            found: tuple[str, int] = super().discover_master(service_name)  # type: ignore[no-untyped-call]
        except sentinel.MasterNotFoundError as error:
            missing = error
        else:
            return found
        # Not while that is handled: redis-py would give it as the reason.
        for one in self.sentinels:
            try:
                one.ping()
            except (RedisError, OSError) as cause:
                if _untrusted(cause):
                    raise missing from cause
        raise missing


class _AsyncSentinel(asyncio_sentinel.Sentinel):
    """Says why no sentinel answers, which redis-py leaves out."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        try:
            found: tuple[str, int] = await super().discover_master(service_name)
        except asyncio_sentinel.MasterNotFoundError as error:
            missing = error
        else:
            return found
        for one in self.sentinels:
            try:
                await one.ping()
            except (RedisError, OSError) as cause:
                if _untrusted(cause):
                    raise missing from cause
        raise missing


def _untrusted(error: BaseException) -> bool:
    """Whether the certificate of the other side is refused."""
    return any(isinstance(e, ssl.SSLCertVerificationError) for e in _causes(error))


class _Pool(sentinel.SentinelConnectionPool):
    """Closes its connections to the sentinels with its own."""

    def close(self) -> None:
        super().close()
        self.sentinel_manager.close()


class _AsyncPool(asyncio_sentinel.SentinelConnectionPool):
    """Closes its connections to the sentinels with its own."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


@dataclass(frozen=True, slots=True)
class Broker:
    """A Redis, as Celery is told of it."""

    url: str
    #: What is said of certificates; nothing for a connection that is not encrypted.
    encryption: dict[str, Any]
    #: Options of the transport.
    options: dict[str, Any]


def broker(url: str) -> Broker:
    """How Celery spells the Redis of a URL.

    Raises:
        BusError: The URL cannot be used.
    """
    found = target(url)
    options = found.options
    login = _login(options)
    database = int(options.get("db") or 0)
    encryption = _encryption(found)
    encryption.pop("ssl", None)
    if "path" in options:
        path = quote(options["path"])
        spelled = f"redis+socket://{login}{path}?virtual_host={database}"
    elif not found.sentinels:
        host, port = options.get("host", "localhost"), options.get("port", 6379)
        spelled = f"redis://{login}{_address(host, port)}/{database}"
    else:
        spelled = ";".join(
            f"sentinel://{login}{_address(host, port)}/{database}"
            for host, port in found.sentinels
        )
        own = _sentinel_options(found) | {"retry": Retry(NoBackoff(), 0)}
        named = {"master_name": found.service, "sentinel_kwargs": own}
        return Broker(spelled, encryption, named | _greeting(found, options))
    return Broker(spelled, encryption, _greeting(found, options))


def _login(options: dict[str, Any]) -> str:
    name, password = options.get("username"), options.get("password")
    if not name and not password:
        return ""
    return f"{quote(name or '', safe='')}:{quote(password or '', safe='')}@"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unreachable(error: BaseException) -> BusError:
    """An error of a client's, as one of ours."""
    for cause in _causes(error):
        if isinstance(cause, _NO_PRIMARY) and not _untrusted(error):
            return _no_primary(str(cause))
    for cause in _causes(error):
        if (reason := _refusal(cause)) is not None:
            return BusRefused(f"Redis refuses: {redacted(reason)}")
    return BusError(f"Redis cannot be reached: {redacted(str(error))}")


def _no_primary(text: str) -> BusError:
    """What the sentinels said, without all that is known of each connection."""
    service = text.partition("'")[2].partition("'")[0]
    said = dict.fromkeys(re.findall(r" - (?:\w+:)?(\w+Error)\b", text))
    if "AuthenticationError" in said:
        return BusRefused(
            "Redis refuses: the user or the password of the sentinels is wrong: they "
            "belong into the URL, as ?sentinel_username=…&sentinel_password=…"
        )
    errors = f" ({', '.join(said)})" if said else ""
    known = f"no sentinel knows a primary of the service {service!r}{errors}"
    return BusError(f"Redis cannot be reached: {known}")


def _refusal(error: BaseException) -> str | None:
    """Why waiting will not help; None where it may."""
    text = str(error)
    if isinstance(error, AuthenticationError):
        return "the user or the password is wrong: they belong into the URL"
    if isinstance(error, ssl.SSLError) and not isinstance(error, _ENDED):
        return _refused_encryption(error)
    rights = files("docprogress").joinpath("redis.acl")
    no_right = f"{text.rstrip('.')}; what its user has to be allowed is in {rights}"
    if isinstance(error, NoPermissionError):
        return no_right
    reasons = {
        "ACL failure in script": no_right,
        "The user executing the script can't": no_right,
        "DB index is out of range": "it has no database of the URL's number",
        "over TLS": "it wants an encrypted connection: rediss://",
    }
    return next((reasons[said] for said in reasons if said in text), None)


def _refused_encryption(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate cannot be trusted ({error.verify_message}); a private "
            "authority is named in the URL: rediss://HOST:PORT?ssl_ca_certs=FILE"
        )
    return (
        f"the connection cannot be encrypted ({error.reason or error}): does it speak "
        "TLS at that port, and does it want a certificate, which the URL names as "
        "?ssl_certfile=FILE&ssl_keyfile=FILE?"
    )


class Renewable(Protocol):
    """What a forked process must not use as its parent left it."""

    def after_fork(self) -> None:
        """Make a new lock, and forget the connections of the parent."""


_renewables: "weakref.WeakSet[Renewable]" = weakref.WeakSet()


def renew_after_fork(renewable: Renewable) -> None:
    """Have this renewed in every process that is forked while it exists.

    Another thread may hold its lock at that moment, and would never release it there.
    """
    _renewables.add(renewable)


def _renew() -> None:
    for renewable in list(_renewables):
        renewable.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        current = current.__cause__ or current.__context__
