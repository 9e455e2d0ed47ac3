"""Passwords of documents and of sinks, on their way from a client to the workers.

Redis keeps them for some time, encrypted with a key that only the database has, so
neither of the two can be read without the other. They are in no message and no setting
of a run.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError

from docprogress.bus.connection_errors import translate_error
from docprogress.bus.keys import (
    PASSWORDS_SECONDS,
    SINK_SECONDS,
    passwords_key,
    sink_key,
)

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def store(
    client: Redis, run_id: str, encryption_key: str, passwords: Sequence[str]
) -> None:
    """Add passwords to those that the workers of a run may try.

    Raises:
        BusError: Redis cannot be reached, or refuses.
    """
    known = load(client, run_id, encryption_key)
    content = json.dumps(list(dict.fromkeys([*known, *passwords])))
    token = _cipher(encryption_key).encrypt(content.encode())
    try:
        client.set(passwords_key(run_id), token, ex=PASSWORDS_SECONDS)
    except (RedisError, OSError) as error:
        raise translate_error(error) from error


def load(client: Redis, run_id: str, encryption_key: str | None) -> list[str]:
    """The passwords that were given for a run; none if they have expired.

    Raises:
        BusError: Redis cannot be reached, or refuses.
    """
    try:
        token = client.get(passwords_key(run_id))
    except (RedisError, OSError) as error:
        raise translate_error(error) from error
    if token is None or encryption_key is None:
        return []
    from cryptography.fernet import InvalidToken

    try:
        content = _cipher(encryption_key).decrypt(token, ttl=PASSWORDS_SECONDS)
    except (InvalidToken, ValueError):
        return []
    passwords: list[str] = json.loads(content)
    return passwords


def store_sink(client: Redis, sink: str, encryption_key: str, url: str) -> None:
    """Store a sink's URL with its secrets for the workers.

    Args:
        client: Redis.
        sink: The sink without its secrets.
        encryption_key: What they are encrypted with.
        url: The sink with its secrets.

    Raises:
        BusError: Redis cannot be reached, or refuses.
    """
    token = _cipher(encryption_key).encrypt(url.encode())
    try:
        client.set(sink_key(sink), token, ex=SINK_SECONDS)
    except (RedisError, OSError) as error:
        raise translate_error(error) from error


def load_sink(client: Redis, sink: str, encryption_key: str) -> str | None:
    """The URL of a sink with its secrets; None if they have expired.

    Raises:
        BusError: Redis cannot be reached, or refuses.
    """
    try:
        token = client.get(sink_key(sink))
    except (RedisError, OSError) as error:
        raise translate_error(error) from error
    if token is None:
        return None
    from cryptography.fernet import InvalidToken

    try:
        return _cipher(encryption_key).decrypt(token).decode()
    except (InvalidToken, ValueError):
        return None


def _cipher(encryption_key: str) -> "Fernet":
    from cryptography.fernet import Fernet

    return Fernet(encryption_key + "=")
