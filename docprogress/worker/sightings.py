"""Since when documents and runs have been seen in a state.

It does not depend on clocks that may jump: durations are measured by this process's
monotonic clock.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

T = TypeVar("T")

#: Seconds that a document must be seen without a lease, or without a message, before it
#: counts as lost: longer than a worker takes to renew its lease after Redis came back
#: empty.
LOST_SECONDS = 6.0

#: Identifies a document's attempt or, with 0, a run.
Key = tuple[str, int]


class Sightings:
    """Remembers when something was first seen, for as long as it is seen again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: dict[tuple[str, str, int], float] = {}

    def lasting(
        self, state: str, current: Mapping[Key, T], *, seconds: float
    ) -> list[T]:
        """Return the documents that have been in a state for this long.

        Args:
            state: The state's name.
            current: Everything that is in this state now.
            seconds: How long.
        """
        gone = {key for key in self._first if key[0] == state}
        gone -= {(state, *key) for key in current}
        for key in gone:
            del self._first[key]
        now = self._clock()
        return [
            thing
            for key, thing in current.items()
            if now - self._first.setdefault((state, *key), now) >= seconds
        ]

    def ids(self, state: str) -> list[str]:
        """The ids that were last seen in a state."""
        return [key[1] for key in self._first if key[0] == state]

    def duration(self, state: str, key: Key) -> float:
        """For how many seconds something has been in a state."""
        return self._clock() - self._first[state, *key]

    def forget(self, state: str, key: Key) -> None:
        """Forget one of them."""
        del self._first[state, *key]

    def clear(self, *, but: Collection[str] = ()) -> None:
        """Forget everything, except what is in some states.

        After an outage, or while another worker leads, it means nothing.
        """
        kept = {key: first for key, first in self._first.items() if key[0] in but}
        self._first = kept
