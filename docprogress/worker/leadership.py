"""Which worker recovers lost documents, and when one last looked for them.

At most one worker leads at a time.  Its key expires a few seconds after its death, and
a thread renews it, however long a look takes.
"""

import logging
import threading
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import redis
from redis.exceptions import RedisError

from docprogress.connection import unreachable
from docprogress.settings import redacted
from docprogress.worker.protocol import PROTOCOL

log = logging.getLogger(__name__)

#: The key that holds the name of the leader among the workers of a protocol, and the
#: seconds after which it expires unless it is renewed.
REAPER = f"documents:reaper:{PROTOCOL}"
REAPER_SECONDS = 5

#: How often leadership is renewed before it would expire.
RENEWALS = 2.5

#: Seconds after which a leader whose look does not end leaves the lead to another.
STUCK_SECONDS = 60.0

#: The key that is written after each look.  Its age follows from its time to live, so
#: that it depends on no clock but Redis's own, and outlasts a change of leader.
LOOKED = f"{REAPER}:looked"
LOOKED_SECONDS = 24 * 60 * 60

#: Seconds without a look after which something is wrong.
OVERDUE_SECONDS = 30.0


class LastLook(NamedTuple):
    """When lost documents were last looked for."""

    worker: str
    seconds: float

    @property
    def overdue(self) -> bool:
        """Whether it was too long ago."""
        return self.seconds > OVERDUE_SECONDS


class Leadership:
    """One worker's part in deciding who leads.

    Args:
        client: Makes, or finds, a Redis client.
        worker: The name of this worker.
        fork: Held during each call into the client's library from the thread.
        clock: Monotonic; tells how long a look has been going on.
    """

    def __init__(
        self,
        client: Callable[[], redis.Redis],
        worker: str,
        *,
        fork: threading.Lock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._worker = worker
        self._fork = fork
        self._clock = clock
        self._script = files("docprogress").joinpath("lead.lua").read_text("utf-8")
        self._leads = False
        self._active_at = clock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Renew leadership, once this worker has it, from a thread."""
        self._thread = threading.Thread(
            target=self._renew, name="docprogress-leadership", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop renewing; leadership expires unless it is resigned."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def acquire(self) -> bool:
        """Become, or stay, the leader if no other worker is; whether this one leads.

        Raises:
            BusError: Redis cannot be reached.
        """
        self._active_at = self._clock()
        self._leads = self._asked()
        return self._leads

    def looked(self) -> None:
        """Record that the leader has looked for lost documents.

        Raises:
            BusError: Redis cannot be reached.
        """
        self._active_at = self._clock()
        try:
            self._client().set(LOOKED, self._worker, ex=LOOKED_SECONDS)
        except (RedisError, OSError) as error:
            raise unreachable(error) from error

    def resign(self) -> None:
        """Leave the lead to another worker at once.

        Raises:
            BusError: Redis cannot be reached.
        """
        self._leads = False
        client = self._client()
        try:
            if client.get(REAPER) == self._worker.encode():
                client.delete(REAPER)
        except (RedisError, OSError) as error:
            raise unreachable(error) from error

    def _asked(self) -> bool:
        keys = (REAPER, LOOKED)
        lasts = round(REAPER_SECONDS * 1000)
        try:
            answer = self._client().eval(
                self._script, 2, *keys, self._worker, lasts, LOOKED_SECONDS * 1000
            )
        except (RedisError, OSError) as error:
            raise unreachable(error) from error
        return bool(answer)

    def _renew(self) -> None:
        while not self._closed.wait(REAPER_SECONDS / RENEWALS):
            try:
                if self._leads and self._clock() - self._active_at < STUCK_SECONDS:
                    with self._fork:
                        self._asked()
            except Exception as error:  # noqa: BLE001 - the thread must not end
                log.info("leadership was not renewed: %s", redacted(str(error)))


def last_look(client: redis.Redis) -> LastLook | None:
    """When a worker last looked for lost documents.

    None if that is not known: no worker has, Redis came back empty, or the leader is
    of a version that does not record it.

    Raises:
        BusError: Redis cannot be reached.
    """
    milliseconds = LOOKED_SECONDS * 1000
    pipe: Any = client.pipeline(transaction=True)
    # Without this, a clock that was set back would make the look seem recent.
    pipe.pexpire(LOOKED, milliseconds, lt=True)
    pipe.get(LOOKED).pttl(LOOKED).get(REAPER)
    try:
        _, worker, left, leader = pipe.execute()
    except (RedisError, OSError) as error:
        raise unreachable(error) from error
    if worker is None or leader not in (None, worker):
        return None
    return LastLook(worker.decode(), max((milliseconds - left) / 1000, 0.0))
