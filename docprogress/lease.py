"""Who works on a document: at most one attempt, and only while it is alive.

A lease is the only authority on that.  It runs out by itself, so that a worker
that died, hangs or is cut off loses its documents, whatever it believes.
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

from docprogress.bus import cancel_key
from docprogress.connection import unreachable
from docprogress.errors import Cancelled, DocProgressError, Superseded
from docprogress.events import ProgressEvent, document_channel, now, run_channel
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: A hash of the documents that have a lease, or had one whose owner died, with the
#: milliseconds that it holds.
LEASED = "documents:leased"

#: How often, in each period of a lease, it is renewed.
RENEWALS = 3

#: What Redis says to a renewal where the attempt is to be cancelled.
_CANCELLED = 2

#: Seconds between two tries to renew while Redis is away.
RETRY_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Lease:
    """One worker's claim on one document."""

    document_id: str
    owner: str
    run_id: str | None
    #: Whether the store still has this attempt at work: asked before a lease
    #: that Redis forgot is taken again.
    current: Callable[[], bool]
    #: The newest event that was published, for the sign of life.
    newest: Callable[[], ProgressEvent | None]
    #: Given why, ends the work: nobody wants it any more, or it is somebody else's.
    stop: Callable[[DocProgressError], None]
    due: float = 0.0
    #: Set once the lease is known to be somebody else's.
    lost: threading.Event = field(default_factory=threading.Event)


class Leases:
    """Takes leases for one worker process, and keeps them with one thread.

    Args:
        client: Makes, or finds, a Redis client that this process may use.
        seconds: How long a lease holds without being renewed.
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
        # What nobody holds any more, and Redis is yet to hear of.
        self._let_go: list[Lease] = []
        self._lock = threading.Lock()
        self._line: Any = None
        self._asking = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        folder = files("docprogress")
        self._take = folder.joinpath("take.lua").read_text("utf-8")
        self._renew = folder.joinpath("renew.lua").read_text("utf-8")
        self._release = folder.joinpath("release.lua").read_text("utf-8")

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
        """Begin to hold a document; None if somebody else holds it.

        Raises:
            BusError: Redis cannot be reached.
        """
        keys, arguments = self._claim(document_id, owner)
        try:
            if not self._asked([("EVAL", self._take, len(keys), *keys, *arguments)]):
                return None
        except (RedisError, OSError) as error:
            raise unreachable(error) from error
        lease = Lease(document_id, owner, run_id, current, newest, stop)
        lease.due = self._clock() + self._interval
        with self._lock:
            self._held[document_id] = lease
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._keep, name="docprogress-leases", daemon=True
                )
                self._thread.start()
        return lease

    def release(self, lease: Lease) -> None:
        """Give a document back.  Without Redis, the lease runs out by itself."""
        self.let_go(lease)
        self.settle()

    def let_go(self, lease: Lease) -> None:
        """Give a document back with the next one that is taken, or with `settle`."""
        with self._lock:
            self._held.pop(lease.document_id, None)
            self._let_go.append(lease)

    def settle(self) -> None:
        """Have Redis know what was given back."""
        try:
            self._asked([])
        except (RedisError, OSError) as error:
            log.info("a lease is left to run out: %s", redacted(str(error)))

    def close(self) -> None:
        """Stop renewing; leases that are still held run out."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._hang_up()

    def _claim(self, document_id: str, owner: str) -> tuple[list[str], list[Any]]:
        keys = [lease_key(document_id), LEASED]
        return keys, [owner, self._milliseconds, document_id]

    def _return(self, lease: Lease) -> tuple[Any, ...]:
        keys = lease_key(lease.document_id), LEASED
        return "EVAL", self._release, 2, *keys, lease.owner, lease.document_id

    def _taken(self, document_id: str, owner: str) -> bool:
        keys, arguments = self._claim(document_id, owner)
        return bool(self._client().eval(self._take, len(keys), *keys, *arguments))

    def _asked(self, commands: list[tuple[Any, ...]]) -> Any:
        """What Redis says to the last of these, once it knows what was given back.

        On a connection of our own: the client's way to one costs as much as Redis
        does.
        """
        with self._asking:
            with self._lock:
                let_go, self._let_go = self._let_go, []
            wanted = [*map(self._return, let_go), *commands]
            if not wanted:
                return None
            known = self._line is not None
            try:
                return self._answered(wanted)
            except LostError:
                if not known:
                    raise
                # It was lost while nobody asked.
                return self._answered(wanted)

    def _answered(self, commands: list[tuple[Any, ...]]) -> Any:
        answer: Any = None
        try:
            if self._line is None:
                self._line = self._client().connection_pool.get_connection()
            line = self._line
            line.send_packed_command(line.pack_commands(commands))
            for _ in commands:
                answer = line.read_response()
        except BaseException:
            # What is said to the others would be taken for an answer to what follows.
            self._hang_up()
            raise
        return answer

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.disconnect()
            self._client().connection_pool.release(line)

    def _keep(self) -> None:
        while not self._closed:
            self._wake.wait(self._keep_due())

    def _keep_due(self) -> float:
        """Renew what is due; how many seconds there are until the next one is."""
        with self._lock:
            held = list(self._held.values())
        for lease in held:
            if lease.due <= self._clock():
                renewed = self._renewed(lease)
                pause = self._interval if renewed else RETRY_SECONDS
                lease.due = self._clock() + pause
        until = min(
            (lease.due for lease in held), default=self._clock() + RETRY_SECONDS
        )
        return min(max(until - self._clock(), 0.0), RETRY_SECONDS)

    def _renewed(self, lease: Lease) -> bool:
        try:
            answer = self._told_alive(lease)
            if (
                answer == 0
                and lease.current()
                and self._held.get(lease.document_id) is lease
            ):
                # Redis came back empty.  Whoever asks first has it.
                answer = 1 if self._taken(lease.document_id, lease.owner) else -1
        except (RedisError, OSError, DocProgressError) as error:
            log.info("a lease could not be renewed: %s", redacted(str(error)))
            return False
        except Exception:
            # The other leases of this process have to be renewed all the same.
            log.exception("the lease of %s could not be renewed", lease.document_id)
            return False
        if answer == _CANCELLED:
            lease.stop(Cancelled(lease.document_id))
        elif answer != 1:
            lease.lost.set()
            lease.stop(Superseded(lease.document_id, int(lease.owner.split(":")[0])))
        return True

    def _told_alive(self, lease: Lease) -> int:
        keys = [
            lease_key(lease.document_id),
            document_channel(lease.document_id),
            cancel_key(lease.document_id),
        ]
        if lease.run_id:
            keys.append(run_channel(lease.run_id))
        event = lease.newest()
        sign = ["", ""]
        if event is not None and event.id is not None and not event.final:
            beat = event.replace(timestamp=now(), heartbeat=True)
            sign = [event.id, beat.encode().decode()]
        arguments: list[Any] = [
            lease.owner,
            self._milliseconds,
            lease.document_id,
            *sign,
        ]
        answer = self._client().eval(self._renew, len(keys), *keys, *arguments)
        return int(cast("int", answer))


def leased(client: redis.Redis) -> list[str]:
    """The documents that have a lease, or had one whose owner died.

    None holds for longer than it does from now: where the clock of Redis's host was
    set back, it would last until that is made up for.

    Raises:
        BusError: Redis cannot be reached.
    """
    try:
        found = cast("dict[bytes, bytes]", client.hgetall(LEASED))
        pipe = client.pipeline(transaction=False)
        for document_id, milliseconds in found.items():
            pipe.pexpire(lease_key(document_id.decode()), int(milliseconds), lt=True)
        pipe.execute()
    except (RedisError, OSError) as error:
        raise unreachable(error) from error
    return [document_id.decode() for document_id in found]


def lease_key(document_id: str) -> str:
    """The key that holds the owner of a document."""
    return f"document:{document_id}:lease"


def owners(client: redis.Redis, document_ids: Iterable[str]) -> dict[str, str | None]:
    """Who works on each document; None where nobody does.

    Raises:
        BusError: Redis cannot be reached.
    """
    wanted = list(document_ids)
    if not wanted:
        return {}
    try:
        values = cast("list[bytes | None]", client.mget([lease_key(d) for d in wanted]))
    except (RedisError, OSError) as error:
        raise unreachable(error) from error
    return {
        document_id: None if value is None else value.decode()
        for document_id, value in zip(wanted, values, strict=True)
    }
