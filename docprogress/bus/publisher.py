"""Publish events over one connection, in order, optionally without waiting.

Redis answers in the order of the commands that it receives. A connection with an
unknown number of pending replies is dropped, so a reply is never matched to another
event. This covers interruptions by a signal too.
"""

import functools
import hashlib
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any, NamedTuple

import redis
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as SlowError

from docprogress.bus.connection import batched
from docprogress.bus.connection_errors import translate_error
from docprogress.bus.fork_safety import ForkSafeClient, renew_after_fork
from docprogress.bus.keys import cancel_key, counts_key, document_channel, run_channel
from docprogress.errors import BusError, BusRefused, DocProgressError, Superseded
from docprogress.events import FINAL_NUMBER, ProgressEvent


class Published(NamedTuple):
    """The reply of Redis to an event."""

    #: The event, with its id.
    event: ProgressEvent
    #: Whether this attempt is to be cancelled.
    cancelled: bool


class Publisher:
    """Publishes events over one connection; threads take turns.

    Args:
        client: Where to publish.
        retention_ms: How long Redis keeps a document after its last event.
    """

    def __init__(self, client: ForkSafeClient, *, retention_ms: int) -> None:
        self._source = client
        self._retention_ms = retention_ms
        self._reset()
        renew_after_fork(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._client: redis.Redis | None = None
        self._connection: Any = None
        # Events whose reply has not been read yet.
        self._uncollected: deque[ProgressEvent] = deque()
        # Replies that Redis owes, including those to commands that failed to send.
        self._pending_replies = 0
        # Whether a connection was dropped before all replies had been collected.
        self._lost = False

    def after_fork(self) -> None:
        """Forget what belongs to the parent process, its lock included."""
        self._reset()

    def publish(
        self, event: ProgressEvent, *, only_if_queued: bool = False
    ) -> Published:
        """Publish an event and store it as the document's current state.

        Args:
            event: The document's state.
            only_if_queued: Reject it once a worker has published for this attempt.

        Raises:
            Superseded: A later attempt has begun, this one has ended, or it is no
                longer queued.
            BusError: Redis cannot be reached, or refuses.
        """
        # A pooled client costs as much per command as Redis itself.
        try:
            with self._lock:
                self._require_collected()
                self._send([event], only_if_queued)
                return _published(event, self._read_reply(event))
        except NoScriptError:
            pass  # Redis was emptied: send the script again.
        except BusError as error:
            if isinstance(error.__cause__, TimeoutError | SlowError):
                raise
        return self._publish_with_script(event, only_if_queued)

    def publish_all(
        self, events: Sequence[ProgressEvent], *, only_if_queued: bool = False
    ) -> None:
        """Publish many events, waiting for Redis once per few hundred.

        Superseded events are skipped.

        Args:
            events: The documents' states.
            only_if_queued: Skip documents that a worker has published events for since.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        for batch in batched(events):
            try:
                self._publish_batch(batch, only_if_queued)
            except (BusError, NoScriptError):
                # Some may be published already. Publishing them again is harmless.
                for event in batch:
                    with suppress(Superseded):
                        self.publish(event, only_if_queued=only_if_queued)

    def publish_nowait(self, event: ProgressEvent) -> None:
        """Publish without waiting for the reply, which `collect` reads.

        Raises:
            BusError: Redis cannot be reached.
        """
        with self._lock:
            self._send([event])
            self._uncollected.append(event)

    def collect(self) -> list[Published | Superseded]:
        """Read the replies to `publish_nowait` since the last call, in order.

        The reply to an event whose attempt had ended, or been followed by a later one,
        is a `Superseded`, which is not raised: the other replies count all the same.

        Raises:
            BusError: Redis cannot be reached; events may be lost.
        """
        replies: list[Published | Superseded] = []
        with self._lock:
            self._drop_if_inconsistent()
            if self._lost:
                self._disconnect()
                self._lost = False
                raise translate_error(LostError("the connection was dropped"))
            while self._uncollected:
                event = self._uncollected.popleft()
                try:
                    replies.append(_published(event, self._read_reply(event)))
                except Superseded as refusal:
                    replies.append(refusal)
                except NoScriptError:
                    # Redis was restarted empty and has lost the script too.
                    self._disconnect()
                    self._lost = False
                    raise translate_error(ConnectionError("it was emptied")) from None
                except BusError:
                    self._lost = False
                    raise
        return replies

    def close(self) -> None:
        """Close the connection; a later call opens another one."""
        with self._lock:
            self._disconnect()

    def _publish_batch(
        self, events: Sequence[ProgressEvent], only_if_queued: bool
    ) -> None:
        with self._lock:
            self._require_collected()
            self._send(events, only_if_queued)
            try:
                for event in events:
                    with suppress(Superseded):
                        self._read_reply(event)
            except BaseException:
                # The remaining replies are not read.
                self._disconnect()
                raise

    def _publish_with_script(
        self, event: ProgressEvent, only_if_queued: bool
    ) -> Published:
        """Publish over a pooled connection, loading the script where it is missing."""
        keys, arguments = self._command(event, only_if_queued)
        client = self._source.client
        try:
            reply = client.register_script(_script())(keys, arguments, client=client)
        except (RedisError, OSError) as error:
            raise _translate_refusal(event, error) from error
        return _published(event, reply)

    def _command(
        self, event: ProgressEvent, only_if_queued: bool
    ) -> tuple[list[str], list[Any]]:
        """The keys and arguments of the publishing script."""
        attempt = event.attempt or 1
        number = str(FINAL_NUMBER) if event.final else "*"
        keys = [document_channel(event.document_id), cancel_key(event.document_id)]
        if event.run_id:
            keys += [run_channel(event.run_id), counts_key(event.run_id)]
        unsent = event if event.id is None else event.replace(id=None)
        return keys, [
            f"{attempt}-{number}",
            unsent.encode(),
            self._retention_ms,
            event.document_id,
            attempt,
            event.status.value,
            *([1] if only_if_queued else []),
        ]

    def _send(
        self, events: Sequence[ProgressEvent], only_if_queued: bool = False
    ) -> None:
        self._drop_if_inconsistent()
        try:
            connection = self._connection
            if connection is None:
                connection = self._connect()
            sha = _script_sha()
            commands = []
            for event in events:
                keys, arguments = self._command(event, only_if_queued)
                commands.append(("EVALSHA", sha, len(keys), *keys, *arguments))
            # One system call, and one wake-up of Redis, for all of them.
            packed = connection.pack_commands(commands)
            self._pending_replies += len(commands)
            connection.send_packed_command(packed)
        except (RedisError, OSError) as error:
            self._disconnect()
            raise translate_error(error) from error
        except BaseException:
            # Interrupted: it is unknown what was sent.
            self._disconnect()
            raise

    def _connect(self) -> Any:
        self._client = self._source.client
        connection: Any = self._client.connection_pool.get_connection()
        self._connection = connection
        connection.send_command("SCRIPT", "LOAD", _script())
        connection.read_response()
        return connection

    def _read_reply(self, event: ProgressEvent) -> Any:
        connection = self._connection
        if connection is None:
            raise translate_error(LostError("the connection was dropped"))
        try:
            reply = connection.read_response()
        except ResponseError as error:
            self._pending_replies -= 1
            if isinstance(error, NoScriptError):
                raise
            raise _translate_refusal(event, error) from error
        except (RedisError, OSError) as error:
            self._disconnect()
            raise translate_error(error) from error
        except BaseException:
            # Interrupted: the reply still to come would be matched to the next event.
            self._disconnect()
            raise
        self._pending_replies -= 1
        return reply

    def _drop_if_inconsistent(self) -> None:
        """Drop a connection with more or fewer pending replies than events."""
        if self._pending_replies != len(self._uncollected):
            self._disconnect()

    def _require_collected(self) -> None:
        if self._uncollected:
            raise RuntimeError("collect the replies to `publish_nowait` first")

    def _disconnect(self) -> None:
        self._lost = self._lost or bool(self._uncollected)
        self._uncollected.clear()
        self._pending_replies = 0
        connection, self._connection = self._connection, None
        client, self._client = self._client, None
        if connection is not None and client is not None:
            connection.disconnect()
            client.connection_pool.release(connection)


@functools.cache
def _script() -> str:
    return files("docprogress.bus").joinpath("scripts/publish.lua").read_text("utf-8")


@functools.cache
def _script_sha() -> str:
    """The digest by which Redis identifies the script."""
    return hashlib.sha1(_script().encode(), usedforsecurity=False).hexdigest()


def _published(event: ProgressEvent, reply: Any) -> Published:
    stream_id, cancelled = reply
    return Published(event.replace(id=stream_id.decode()), bool(cancelled))


def _translate_refusal(event: ProgressEvent, error: BaseException) -> DocProgressError:
    if not isinstance(error, ResponseError):
        return translate_error(error)
    if "equal or smaller" in str(error):
        return Superseded(event.document_id, event.attempt or 1)
    refusal = translate_error(error)
    if isinstance(refusal, BusRefused):
        return refusal
    return BusError(f"Redis refused an event: {error}")
