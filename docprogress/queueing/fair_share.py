"""Fair share among runs: a small run does not wait for a large one to finish.

Every queue has several levels, each a queue of its own in the broker. A run's first
documents go to level 0, the next ones, up to eight times as many, to level 1, and so
on. Workers usually poll level 0 first, so new and small runs start at once. Every
eighth fetch starts at a later level, so that large runs make progress however many
small ones arrive.

This needs neither a scheduler process nor a broker with message priorities.
"""

from collections.abc import Iterable

from docprogress.errors import SubmitError

#: How many documents of a run go to each level except the last.
LEVEL_SIZES = (16, 128, 1024, 8192, 65536)

LEVELS = len(LEVEL_SIZES) + 1

#: The level of interrupted documents, whose worker died or stopped. It is always polled
#: first.
RECOVERED_LEVEL = -1

#: One of so many fetches starts at a later level.
LATER_LEVEL_EVERY = 8

#: Separates a queue's name from its level. No name of a user's queue contains it.
_SEPARATOR = ":"

_RECOVERED = "recovered"


def priority_level(position: int, priority: int = 0) -> int:
    """The level of a document.

    Args:
        position: Its position in its run, counted from 1.
        priority: How many levels earlier than usual it goes.
    """
    end = level = 0
    for size in LEVEL_SIZES:
        end += size
        level += position > end
    return min(max(level - priority, 0), LEVELS - 1)


def validate_priority(priority: object) -> int:
    """Return the priority if it is valid.

    Raises:
        SubmitError: It is not.
    """
    if (
        isinstance(priority, int)
        and not isinstance(priority, bool)
        and -LEVELS < priority < LEVELS
    ):
        return priority
    raise SubmitError(
        f"a priority is a whole number from {1 - LEVELS} to {LEVELS - 1}, "
        f"not {priority!r}"
    )


def level_queue_name(queue: str, level: int) -> str:
    """The broker's name for one level of a queue."""
    if level == RECOVERED_LEVEL:
        return f"{queue}{_SEPARATOR}{_RECOVERED}"
    return f"{queue}{_SEPARATOR}{level}" if level else queue


class FairShareOrder:
    """The polling order of a worker's queues, as a strategy of kombu's.

    Queues of the same level are polled in turn.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = list(names)
        self._fetched = 0

    def update(self, names: Iterable[str]) -> None:
        """Replace the queues."""
        self._names = list(names)

    def consume(self, count: int) -> list[str]:
        """Return queue names in polling order.

        Usually level 0 first; every eighth fetch starts at a later level so that large
        runs make progress.
        """
        cycle, position = divmod(self._fetched, LATER_LEVEL_EVERY)
        later_first = position == LATER_LEVEL_EVERY - 1
        first = 1 + cycle % (LEVELS - 1) if later_first else 0

        def order(name: str) -> int:
            level = _level_of(name)
            return level if level == RECOVERED_LEVEL else (level - first) % LEVELS

        return sorted(self._names[:count], key=order)

    def rotate(self, last_used: str) -> str:
        """Move the queue that a message was fetched from behind the others."""
        self._fetched += 1
        if last_used in self._names:
            self._names.remove(last_used)
            self._names.append(last_used)
        return last_used


def _level_of(name: str) -> int:
    level = name.rpartition(_SEPARATOR)[2] if _SEPARATOR in name else "0"
    return RECOVERED_LEVEL if level == _RECOVERED else int(level)
