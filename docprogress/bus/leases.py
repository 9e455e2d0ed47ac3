"""Leases: at most one attempt works on a document, and only while it is alive.

A lease is the only authority on that. It expires unless it is renewed, so a worker that
dies, hangs or loses its connection loses its documents.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, cast

import redis
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import RedisError

from docprogress.bus.connection_errors import translate_error
from docprogress.bus.keys import (
    LEASED_DOCUMENTS,
    cancel_key,
    document_channel,
    lease_key,
    run_channel,
)
from docprogress.errors import Cancelled, DocProgressError, Superseded
from docprogress.events import ProgressEvent, now
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: Renewals within the duration of a lease.
RENEWALS = 3

#: The reply to a renewal when the attempt is to be cancelled.
_CANCELLED = 2

#: Seconds between two attempts to renew while Redis is unreachable.
RETRY_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Lease:
    """One worker's claim on one document."""

    document_id: str
    owner: str
    run_id: str | None
    #: Whether the store still has this attempt processing. Called before taking a
    #: lease again that Redis has lost.
    current: Callable[[], bool]
    #: The newest published event, which the heartbeat repeats.
    newest: Callable[[], ProgressEvent | None]
    #: Ends the work with a reason: it was cancelled, or superseded.
    stop: Callable[[DocProgressError], None]
    due: float = 0.0
    #: Set once another owner has the lease.
    lost: threading.Event = field(default_factory=threading.Event)


class Leases:
    """Takes leases for one worker process, and renews them from one thread.

    Args:
        client: Returns a Redis client that this process may use.
        seconds: How long a lease lasts without being renewed.
    """

    def __init__(
        self,
        client: Callable[[], redis.Redis],
        *,
        seconds: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._milliseconds = round(seconds * 1000)
        self._interval = seconds / RENEWALS
        self._clock = clock
        self._held: dict[str, Lease] = {}
        # Given up here, but not yet in Redis.
        self._released: list[Lease] = []
        self._lock = threading.Lock()
        self._connection: Any = None
        self._connection_lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        folder = files("docprogress.bus").joinpath("scripts")
        self._take_lua = folder.joinpath("take.lua").read_text("utf-8")
        self._renew_lua = folder.joinpath("renew.lua").read_text("utf-8")
        self._release_lua = folder.joinpath("release.lua").read_text("utf-8")

    def take(
        self,
        document_id: str,
        owner: str,
        *,
        run_id: str | None = None,
        current: Callable[[], bool] = lambda: True,
        newest: Callable[[], ProgressEvent | None] = lambda: None,
        stop: Callable[[DocProgressError], None] = lambda _: None,
    ) -> Lease | None:
        """Take a document; None if another owner has it.

        Raises:
            BusError: Redis cannot be reached.
        """
        keys, arguments = self._take_command(document_id, owner)
        try:
            if not self._execute(
                [("EVAL", self._take_lua, len(keys), *keys, *arguments)]
            ):
                return None
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        lease = Lease(document_id, owner, run_id, current, newest, stop)
        lease.due = self._clock() + self._interval
        with self._lock:
            self._held[document_id] = lease
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="docprogress-leases", daemon=True
                )
                self._thread.start()
        return lease

    def release(self, lease: Lease) -> None:
        """Release a document. Without Redis, the lease expires by itself."""
        self.release_later(lease)
        self.flush()

    def release_later(self, lease: Lease) -> None:
        """Release a document together with the next `take`, or with `flush`."""
        with self._lock:
            self._held.pop(lease.document_id, None)
            self._released.append(lease)

    def flush(self) -> None:
        """Send the releases that are still pending."""
        try:
            self._execute([])
        except (RedisError, OSError) as error:
            log.info(
                "a lease could not be released and will expire: %s",
                redacted(str(error)),
            )

    def close(self) -> None:
        """Stop renewing; leases that are still held expire."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._disconnect()

    def _take_command(
        self, document_id: str, owner: str
    ) -> tuple[list[str], list[Any]]:
        keys = [lease_key(document_id), LEASED_DOCUMENTS]
        return keys, [owner, self._milliseconds, document_id]

    def _release_command(self, lease: Lease) -> tuple[Any, ...]:
        keys = lease_key(lease.document_id), LEASED_DOCUMENTS
        return "EVAL", self._release_lua, 2, *keys, lease.owner, lease.document_id

    def _take_again(self, document_id: str, owner: str) -> bool:
        keys, arguments = self._take_command(document_id, owner)
        return bool(self._client().eval(self._take_lua, len(keys), *keys, *arguments))

    def _execute(self, commands: list[tuple[Any, ...]]) -> Any:
        """Send the pending releases and these commands; returns the last reply.

        It uses a connection of its own: a pooled client costs as much per command as
        Redis itself.
        """
        with self._connection_lock:
            with self._lock:
                released, self._released = self._released, []
            batch = [*map(self._release_command, released), *commands]
            if not batch:
                return None
            reused = self._connection is not None
            try:
                return self._send(batch)
            except LostError:
                if not reused:
                    raise
                # It was lost while it was idle.
                return self._send(batch)

    def _send(self, commands: list[tuple[Any, ...]]) -> Any:
        reply: Any = None
        try:
            if self._connection is None:
                self._connection = self._client().connection_pool.get_connection()
            connection = self._connection
            connection.send_packed_command(connection.pack_commands(commands))
            for _ in commands:
                reply = connection.read_response()
        except BaseException:
            # Unread replies would be matched to later commands.
            self._disconnect()
            raise
        return reply

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()
            self._client().connection_pool.release(connection)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._renew_due())

    def _renew_due(self) -> float:
        """Renew the leases that are due; returns the seconds until the next one is."""
        with self._lock:
            held = list(self._held.values())
        for lease in held:
            if lease.due <= self._clock():
                renewed = self._renew(lease)
                pause = self._interval if renewed else RETRY_SECONDS
                lease.due = self._clock() + pause
        until = min(
            (lease.due for lease in held), default=self._clock() + RETRY_SECONDS
        )
        return min(max(until - self._clock(), 0.0), RETRY_SECONDS)

    def _renew(self, lease: Lease) -> bool:
        try:
            reply = self._send_renewal(lease)
            if (
                reply == 0
                and lease.current()
                and self._held.get(lease.document_id) is lease
            ):
                # Redis was restarted empty: the first owner to renew its lease gets it.
                reply = 1 if self._take_again(lease.document_id, lease.owner) else -1
        except (RedisError, OSError, DocProgressError) as error:
            log.info("a lease could not be renewed: %s", redacted(str(error)))
            return False
        except Exception:
            # The other leases must be renewed all the same.
            log.exception("the lease of %s could not be renewed", lease.document_id)
            return False
        if reply == _CANCELLED:
            lease.stop(Cancelled(lease.document_id))
        elif reply != 1:
            lease.lost.set()
            lease.stop(Superseded(lease.document_id, int(lease.owner.split(":")[0])))
        return True

    def _send_renewal(self, lease: Lease) -> int:
        keys = [
            lease_key(lease.document_id),
            document_channel(lease.document_id),
            cancel_key(lease.document_id),
        ]
        if lease.run_id:
            keys.append(run_channel(lease.run_id))
        event = lease.newest()
        heartbeat = ["", ""]
        if event is not None and event.id is not None and not event.final:
            beat = event.replace(timestamp=now(), heartbeat=True)
            heartbeat = [event.id, beat.encode().decode()]
        arguments: list[Any] = [
            lease.owner,
            self._milliseconds,
            lease.document_id,
            *heartbeat,
        ]
        reply = self._client().eval(self._renew_lua, len(keys), *keys, *arguments)
        return int(cast("int", reply))


def leased_documents(client: redis.Redis) -> list[str]:
    """The documents that have a lease, or had one whose owner died.

    Caps every lease at its configured length. If the Redis host's clock was set back,
    TTLs would otherwise last until it catches up.

    Raises:
        BusError: Redis cannot be reached.
    """
    try:
        found = cast("dict[bytes, bytes]", client.hgetall(LEASED_DOCUMENTS))
        pipe = client.pipeline(transaction=False)
        for document_id, milliseconds in found.items():
            pipe.pexpire(lease_key(document_id.decode()), int(milliseconds), lt=True)
        pipe.execute()
    except (RedisError, OSError) as error:
        raise translate_error(error) from error
    return [document_id.decode() for document_id in found]


def lease_owner(attempt: int, worker: str, process_id: int) -> str:
    """The name under which an attempt holds a lease."""
    return f"{attempt}:{worker}:{process_id}"


def owners(client: redis.Redis, document_ids: Iterable[str]) -> dict[str, str | None]:
    """The owner of each document; None for a document without one.

    Raises:
        BusError: Redis cannot be reached.
    """
    wanted = list(document_ids)
    if not wanted:
        return {}
    try:
        values = cast("list[bytes | None]", client.mget([lease_key(d) for d in wanted]))
    except (RedisError, OSError) as error:
        raise translate_error(error) from error
    return {
        document_id: None if value is None else value.decode()
        for document_id, value in zip(wanted, values, strict=True)
    }
