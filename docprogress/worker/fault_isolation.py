"""Keep a problem with one document from stopping the recovery of others."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from redis.exceptions import RedisError

from docprogress.errors import (
    BusError,
    DocumentNotFound,
    RunNotFound,
    StoreUnavailable,
    Superseded,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Errors that end a search: nothing else would succeed either.
OUTAGES = (BusError, StoreUnavailable, RedisError)

#: Errors of documents and runs that were deleted, or continued, in the meantime.
_OBSOLETE = (RunNotFound, DocumentNotFound, Superseded)

#: Seconds for which a repeated error is not logged, and how many are remembered.
LOG_INTERVAL = 60.0
MAX_REMEMBERED = 1_000


class FaultIsolation:
    """Runs actions, and logs their exceptions."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._logged: dict[str, float] = {}

    def run(self, name: str, action: Callable[[], object]) -> bool:
        """Run an action; whether it succeeded, or is obsolete.

        Raises:
            DocProgressError: The store or Redis cannot be reached.
        """
        try:
            action()
        except OUTAGES:
            raise
        except _OBSOLETE:
            return True
        except Exception:
            if self._is_new(name):
                log.exception("recovery failed for %s", name)
            return False
        return True

    def each(
        self, kind: str, things: Iterable[T], action: Callable[[T], object]
    ) -> bool:
        """Run an action for each of some things; whether all succeeded.

        Raises:
            DocProgressError: The store or Redis cannot be reached.
        """
        succeeded = True
        for thing in things:
            name = f"{kind} {getattr(thing, 'id', thing)}"
            succeeded = self.run(name, partial(action, thing)) and succeeded
        return succeeded

    def _is_new(self, name: str) -> bool:
        """Whether an error of this name was not logged lately; it counts as logged."""
        now = self._clock()
        if now < self._logged.get(name, float("-inf")) + LOG_INTERVAL:
            return False
        if len(self._logged) >= MAX_REMEMBERED:
            self._logged.clear()
        self._logged[name] = now
        return True
