"""Convert a Redis URL to the form that Celery's transport expects."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from redis.backoff import NoBackoff
from redis.retry import Retry

from docprogress.bus.connection import encryption, greeting, sentinel_options
from docprogress.bus.redis_url import parse_redis_url


@dataclass(frozen=True, slots=True)
class CeleryBroker:
    """A Redis, as Celery is configured for it."""

    url: str
    #: The certificates' options; empty for a connection without TLS.
    encryption: dict[str, Any]
    #: Options of the transport.
    options: dict[str, Any]


def celery_broker(url: str) -> CeleryBroker:
    """Translate a Redis URL for Celery.

    Raises:
        BusError: The URL cannot be used.
    """
    target = parse_redis_url(url)
    options = target.options
    login = _login(options)
    database = int(options.get("db") or 0)
    certificates = encryption(target)
    certificates.pop("ssl", None)
    if "path" in options:
        path = quote(options["path"])
        broker_url = f"redis+socket://{login}{path}?virtual_host={database}"
    elif not target.sentinels:
        host, port = options.get("host", "localhost"), options.get("port", 6379)
        broker_url = f"redis://{login}{_address(host, port)}/{database}"
    else:
        broker_url = ";".join(
            f"sentinel://{login}{_address(host, port)}/{database}"
            for host, port in target.sentinels
        )
        own = sentinel_options(target) | {"retry": Retry(NoBackoff(), 0)}
        named = {"master_name": target.service, "sentinel_kwargs": own}
        return CeleryBroker(broker_url, certificates, named | greeting(target, options))
    return CeleryBroker(broker_url, certificates, greeting(target, options))


def _login(options: dict[str, Any]) -> str:
    name, password = options.get("username"), options.get("password")
    if not name and not password:
        return ""
    return f"{quote(name or '', safe='')}:{quote(password or '', safe='')}@"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
