"""When workers last searched for lost documents, and whether one leads recovery."""

from typing import Any, NamedTuple

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

#: Seconds without a search after which recovery is considered broken.
OVERDUE_SECONDS = 30.0


class LastRecovery(NamedTuple):
    """The last search for lost documents."""

    worker: str
    #: How long ago it ended.
    seconds: float

    @property
    def overdue(self) -> bool:
        """Whether the next search should have ended long ago."""
        return self.seconds > OVERDUE_SECONDS


def last_recovery(client: redis.Redis) -> LastRecovery | None:
    """The last search for lost documents.

    None if it is unknown: no worker has searched yet, Redis came back empty, or the
    leader is of a version that does not record its searches.

    Raises:
        BusError: Redis cannot be reached.
    """
    key, milliseconds = last_recovery_key(PROTOCOL), LAST_RECOVERY_SECONDS * 1000
    pipe: Any = client.pipeline(transaction=True)
    # Without this, a clock that was set back would make the search seem recent.
    pipe.pexpire(key, milliseconds, lt=True)
    pipe.get(key).pttl(key).get(recovery_leader_key(PROTOCOL))
    try:
        _, worker, left, leader = pipe.execute()
    except (RedisError, OSError) as error:
        raise translate_error(error) from error
    if worker is None or leader not in (None, worker):
        return None
    return LastRecovery(worker.decode(), max((milliseconds - left) / 1000, 0.0))


def last_leader_seen(client: redis.Redis) -> float | None:
    """How many seconds ago a worker renewed its lead of recovery; None if none leads.

    Raises:
        RedisError: Redis cannot be reached.
    """
    left: Any = client.pttl(recovery_leader_key(PROTOCOL))
    return max(RECOVERY_LEADER_SECONDS - left / 1000, 0.0) if left >= 0 else None
