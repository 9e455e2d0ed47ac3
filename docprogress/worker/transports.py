"""Kombu's channels, corrected: a worker survives a broker that stops responding.

Every wait for a reply has a limit, and a message that cannot be acknowledged or
returned to its queue never keeps a worker from fetching others.  Redis delivers such a
message again after the visibility timeout, and the second delivery drops itself.
"""

import logging
from queue import Empty
from typing import Any

from kombu.transport import pyamqp, redis, virtual

from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: The maximum seconds of a reply from RabbitMQ.
ANSWER_SECONDS = 20.0

#: Errors of a Redis that is unavailable, or no longer the primary.
_LOST = (*redis.Transport.connection_errors, *redis.Transport.channel_errors)


class _QoS(redis.QoS):
    """Counts unacknowledged messages, whether or not Redis can be reached."""

    channel: Any
    _delivered: Any

    def ack(self, delivery_tag: str) -> None:
        if self.channel.closed:
            # It was returned to its queue, or Redis will do so.
            self._count_acked(delivery_tag)
            return
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except _LOST:
            # kombu would count it as unacknowledged forever, and Celery only logs the
            # error: once they are as many as are prefetched, nothing is fetched.
            self._count_acked(delivery_tag)
            raise

    def _count_acked(self, delivery_tag: str) -> None:
        virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]

    def restore_unacked(self, client: Any = None) -> None:
        try:
            super().restore_unacked(client)  # type: ignore[no-untyped-call]
        except _LOST as error:
            log.info(
                "prefetched messages are left to the visibility timeout: %s",
                redacted(str(error)),
            )
            self._delivered.clear()


class _Closing:
    """Closes a channel completely, even if Redis cannot be reached.

    kombu's leaves the channel open after the first error.  Celery closes the connection
    a second time, when the channel has no address any more, and the worker then ends
    with "'NoneType' object has no attribute 'hostname'".
    """

    QoS = _QoS
    _in_poll: Any
    _closing: bool

    def close(self) -> None:
        self._closing = True
        if self._in_poll:
            try:
                self._brpop_read()  # type: ignore[attr-defined]
            except (Empty, *_LOST) as error:
                log.debug(
                    "the last message could not be fetched: %s", redacted(str(error))
                )
        super().close()  # type: ignore[misc]

    def _delete(self, *args: Any, **kwargs: Any) -> None:
        try:
            super()._delete(*args, **kwargs)  # type: ignore[misc]
        except _LOST:
            if not self._closing:
                raise


class Channel(_Closing, redis.Channel):
    """A channel to a Redis."""


class SentinelChannel(_Closing, redis.SentinelChannel):
    """A channel to the primary that sentinels know."""


class Connection(pyamqp.Connection):
    """A connection to RabbitMQ that is lost once a reply takes too long."""

    def blocking_read(self, timeout: float | None = None) -> Any:
        if timeout is None:
            timeout = ANSWER_SECONDS
        return super().blocking_read(timeout)


def install() -> None:
    """Use these for every connection of this process to a broker.

    It is a worker's own process.  The scheme of a URL selects one of kombu's
    transports, so that no other one can be named there.
    """
    redis.Transport.Channel = Channel
    redis.SentinelTransport.Channel = SentinelChannel
    pyamqp.Transport.Connection = Connection
