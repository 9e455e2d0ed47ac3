"""Elect the worker that recovers lost documents.

At most one worker leads at a time. Its key expires a few seconds after its death, and a
thread renews it however long a search takes.
"""

import logging
import threading
import time
from collections.abc import Callable
from importlib.resources import files

import redis
from redis.exceptions import RedisError

from docprogress.bus.connection_errors import translate_error
from docprogress.bus.keys import (
    LAST_RECOVERY_SECONDS,
    RECOVERY_LEADER_SECONDS,
    last_recovery_key,
    recovery_leader_key,
)
from docprogress.queueing.protocol import PROTOCOL
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: The keys of the leader and of the last search, which outlasts a change of leader.
RECOVERY_LEADER = recovery_leader_key(PROTOCOL)

LAST_RECOVERY = last_recovery_key(PROTOCOL)

#: How often leadership is renewed before it would expire.
RENEWALS = 2.5

#: Seconds after which a leader whose search does not end loses the lead.
STUCK_SECONDS = 60.0


class LeaderElection:
    """One worker's part in the election.

    Args:
        client: Returns a Redis client.
        worker: The name of this worker.
        fork: Held by the thread during each call into the client library.
        clock: Monotonic; measures how long a search takes.
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
        self._script = (
            files("docprogress.bus").joinpath("scripts/lead.lua").read_text("utf-8")
        )
        self._leads = False
        self._active_at = clock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread that renews leadership."""
        self._thread = threading.Thread(
            target=self._renew, name="docprogress-leader-election", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop renewing; leadership expires unless it is resigned."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def acquire(self) -> bool:
        """Become or stay the leader unless another worker is; whether this one leads.

        Raises:
            BusError: Redis cannot be reached.
        """
        self._active_at = self._clock()
        self._leads = self._claim()
        return self._leads

    def record_search(self) -> None:
        """Record that the leader has searched for lost documents.

        Raises:
            BusError: Redis cannot be reached.
        """
        self._active_at = self._clock()
        try:
            self._client().set(LAST_RECOVERY, self._worker, ex=LAST_RECOVERY_SECONDS)
        except (RedisError, OSError) as error:
            raise translate_error(error) from error

    def resign(self) -> None:
        """Resign leadership, so that another worker can lead at once.

        Raises:
            BusError: Redis cannot be reached.
        """
        self._leads = False
        client = self._client()
        try:
            if client.get(RECOVERY_LEADER) == self._worker.encode():
                client.delete(RECOVERY_LEADER)
        except (RedisError, OSError) as error:
            raise translate_error(error) from error

    def _claim(self) -> bool:
        keys = (RECOVERY_LEADER, LAST_RECOVERY)
        lasts = round(RECOVERY_LEADER_SECONDS * 1000)
        try:
            answer = self._client().eval(
                self._script,
                2,
                *keys,
                self._worker,
                lasts,
                LAST_RECOVERY_SECONDS * 1000,
            )
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        return bool(answer)

    def _renew(self) -> None:
        while not self._closed.wait(RECOVERY_LEADER_SECONDS / RENEWALS):
            try:
                if self._leads and self._clock() - self._active_at < STUCK_SECONDS:
                    with self._fork:
                        self._claim()
            except Exception as error:  # noqa: BLE001 - the thread must not end
                log.info("leadership was not renewed: %s", redacted(str(error)))
