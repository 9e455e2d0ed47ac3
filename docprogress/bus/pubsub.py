"""Read and close a pub/sub connection where redis-py is too slow or too lax."""

from collections.abc import Sequence
from typing import Any

import hiredis
import redis.asyncio
from redis.exceptions import ConnectionError as LostError

#: The name of subscribers' connections in `CLIENT LIST`.
CLIENT_NAME = "docprogress-watcher"


class SilenceError(OSError):
    """Raised when Redis keeps a connection open but does not answer."""


async def read_message(
    pubsub: redis.asyncio.client.PubSub, seconds: float
) -> Sequence[Any] | None:
    """The next message as Redis sends it; None if there is none for so long.

    redis-py's `get_message` takes longer than processing the message.
    """
    connection: Any = pubsub.connection
    if connection is None or not connection.is_connected:
        raise LostError("the connection was closed")
    message = _buffered_message(connection)
    if message is None:
        message = await connection.read_response(
            timeout=seconds, disconnect_on_error=False, push_request=True
        )
    if message is None or (isinstance(message, list) and message[0] == b"message"):
        return message
    # Let redis-py keep track of the channels that it is subscribed to.
    await pubsub.handle_message(message)  # type: ignore[no-untyped-call]
    return message if isinstance(message, list) else [message]


def _buffered_message(connection: Any) -> Sequence[Any] | None:
    """The next message if hiredis has read it already; None if that is unknown.

    redis-py starts a timer per message, which costs more than all the rest. If it
    keeps its reader elsewhere, it is asked as usual.
    """
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    if not isinstance(reader, hiredis.Reader):
        return None
    message = reader.gets()
    if isinstance(message, BaseException):
        raise message
    # Anything else is redis-py's own sign for an incomplete message, or for none.
    return message if isinstance(message, list | bytes) else None


async def close_connection(
    client: redis.asyncio.Redis, pubsub: redis.asyncio.client.PubSub
) -> None:
    """Close a subscriber's connections without waiting for Redis."""
    writer = getattr(pubsub.connection, "_writer", None)
    try:
        await pubsub.aclose()  # type: ignore[no-untyped-call]
    finally:
        if writer is not None:
            # redis-py does not wait until the connection is closed. With TLS that
            # takes an answer from Redis, and the event loop may end before it comes.
            writer.transport.abort()
        await client.aclose()
