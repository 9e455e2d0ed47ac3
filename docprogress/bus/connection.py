"""Connect to Redis: directly, over TLS, on a unix socket or through sentinels."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import redis
import redis.asyncio
from redis import sentinel
from redis.asyncio import sentinel as asyncio_sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import RedisError
from redis.retry import Retry

from docprogress.bus.connection_errors import is_untrusted
from docprogress.bus.redis_url import (
    RedisTarget,
    invalid_url,
    parse_redis_url,
    with_redis_scheme,
)

T = TypeVar("T")

#: Seconds until a command, and an attempt to connect, time out.
COMMAND_SECONDS = 2.0
CONNECT_SECONDS = 2.0

#: The name of connections in `CLIENT LIST` that have no name of their own.
CLIENT_NAME = "docprogress"

#: Keys, channels or commands sent together.
COMMAND_BATCH = 500


def batched(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """The items in batches of `COMMAND_BATCH`."""
    return (
        items[start : start + COMMAND_BATCH]
        for start in range(0, len(items), COMMAND_BATCH)
    )


def connect(url: str) -> redis.Redis:
    """A client with short timeouts, one retry, and no secret in its repr.

    Raises:
        BusError: The URL cannot be used.
    """
    target = parse_redis_url(url)
    retry = Retry(NoBackoff(), 1, supported_errors=(LostError,))
    options = _defaults(target) | {"retry": retry}
    if target.sentinels:
        # Do not pause before trying the next sentinel.
        own = sentinel_options(target) | {"retry": Retry(NoBackoff(), 0)}
        manager: Any = _Sentinel(  # type: ignore[no-untyped-call]
            target.sentinels, sentinel_kwargs=own, **options
        )
        client: redis.Redis = manager.master_for(
            target.service, connection_pool_class=_Pool, **_options(target)
        )
    else:
        client = redis.Redis.from_url(with_redis_scheme(url), **options)
    _validate(client.connection_pool)
    return client


def connect_async(url: str, *, name: str) -> redis.asyncio.Redis:
    """A client for an event loop, without retries.

    Args:
        url: Where Redis is.
        name: The connections' name in `CLIENT LIST`.

    Raises:
        BusError: The URL cannot be used.
    """
    target = parse_redis_url(url)
    retry = AsyncRetry(NoBackoff(), 0, supported_errors=(LostError,))
    options = _defaults(target) | {"retry": retry, "client_name": name}
    if target.sentinels:
        own = sentinel_options(target) | {"retry": AsyncRetry(NoBackoff(), 0)}
        manager: Any = _AsyncSentinel(  # type: ignore[no-untyped-call]
            target.sentinels, sentinel_kwargs=own, **options
        )
        client: redis.asyncio.Redis = manager.master_for(
            target.service, connection_pool_class=_AsyncPool, **_options(target)
        )
    else:
        client = redis.asyncio.Redis.from_url(with_redis_scheme(url), **options)
    _validate(client.connection_pool)
    return client


def _defaults(target: RedisTarget) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": COMMAND_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        # RESP2 for every server, so that messages are plain arrays.
        "protocol": 2,
        # Saves a command per connection.
        "driver_info": None,
        **greeting(target, target.options),
    }
    return options if "path" in target.options else options | {"socket_keepalive": True}


def greeting(target: RedisTarget, login: dict[str, Any]) -> dict[str, Any]:
    """Options that make an encrypted connection send a command at once.

    The server's session tickets arrive after the handshake. Unless a reply is read
    after them, redis-py takes them for unexpected data, and the connection for one
    that is "not ready". A password has the same effect.
    """
    greets = target.encrypted and not (login.get("password") or login.get("username"))
    return {"client_name": CLIENT_NAME} if greets else {}


def _options(target: RedisTarget) -> dict[str, Any]:
    return target.options | ({"ssl": True} if target.encrypted else {})


def sentinel_options(target: RedisTarget) -> dict[str, Any]:
    """The options of connections to the sentinels themselves."""
    return {
        "socket_timeout": COMMAND_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        **target.sentinel_login,
        **encryption(target),
        **greeting(target, target.sentinel_login),
    }


def encryption(target: RedisTarget) -> dict[str, Any]:
    """The options of TLS, for clients that are not configured by a URL."""
    if not target.encrypted:
        return {}
    given = {k: v for k, v in target.options.items() if k.startswith("ssl_")}
    return {"ssl": True, "ssl_cert_reqs": "required", **given}


def _validate(pool: Any) -> None:
    """Raise now if the URL has an option that no connection takes."""
    try:
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError, RedisError) as error:
        raise invalid_url(str(error).rpartition("() ")[2]) from None


class _Sentinel(sentinel.Sentinel):
    """Keeps a rejected certificate as the cause, which redis-py drops."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        try:
            found: tuple[str, int] = super().discover_master(service_name)  # type: ignore[no-untyped-call]
        except sentinel.MasterNotFoundError as error:
            missing = error
        else:
            return found
        # Outside the handler, so that the causes are not chained to it.
        for one in self.sentinels:
            try:
                one.ping()
            except (RedisError, OSError) as cause:
                if is_untrusted(cause):
                    raise missing from cause
        raise missing


class _AsyncSentinel(asyncio_sentinel.Sentinel):
    """Keeps a rejected certificate as the cause, which redis-py drops."""

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
                if is_untrusted(cause):
                    raise missing from cause
        raise missing


class _Pool(sentinel.SentinelConnectionPool):
    """Closes the connections to the sentinels too."""

    def close(self) -> None:
        super().close()
        self.sentinel_manager.close()


class _AsyncPool(asyncio_sentinel.SentinelConnectionPool):
    """Closes the connections to the sentinels too."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()
