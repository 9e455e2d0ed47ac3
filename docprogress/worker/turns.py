"""How runs share the workers: a small one does not wait for the end of a large one.

Every queue has a few levels.  The first documents of a run go to the first level,
the next ones, of which there may be eight times as many, to the second, and so on:
the further a run has got, the later it has its turn.  So whatever is new is begun
at once, and whatever is small is done soon.  For every few messages one of the later
levels comes first, each in its turn: a large run goes on, however many small ones come.

Nothing of it needs a process that is alive, or a broker that knows of priorities.
"""

from collections.abc import Iterable

from docprogress.errors import SubmitError

#: How many documents of a run go to each level but the last.
SIZES = (16, 128, 1024, 8192, 65536)
LEVELS = len(SIZES) + 1

#: The level of work that was interrupted, whose worker died or stopped: it is always
#: taken before all others.
RECOVERED = -1

#: For one of so many messages a later level comes first.
LATER_FIRST = 8

#: What stands between a queue's name and its level, in no name of a user's own.
_MARK = ":"
_RECOVERED = "recovered"


def level(place: int, priority: int = 0) -> int:
    """The level of a document, by its place in its run, counted from 1.

    Args:
        place: Its place.
        priority: How many levels before its usual one it is to have.
    """
    reached = usual = 0
    for size in SIZES:
        reached += size
        usual += place > reached
    return min(max(usual - priority, 0), LEVELS - 1)


def checked(priority: object) -> int:
    """The priority, if it is one.

    Raises:
        SubmitError: It is none.
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


def name(queue: str, level: int) -> str:
    """What a level of a queue is called in the broker."""
    if level == RECOVERED:
        return f"{queue}{_MARK}{_RECOVERED}"
    return f"{queue}{_MARK}{level}" if level else queue


def names(queue: str) -> list[str]:
    """What the levels of a queue that runs share are called in the broker."""
    return [name(queue, level) for level in range(LEVELS)]


class Turns:
    """From which of a worker's queues the next message is taken, as kombu asks for it.

    Queues of the same level take turns.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = list(names)
        self._taken = 0

    def update(self, names: Iterable[str]) -> None:
        """These are the queues."""
        self._names = list(names)

    def consume(self, count: int) -> list[str]:
        """The queues, the one that is asked first before the others."""
        turn, place = divmod(self._taken, LATER_FIRST)
        later_first = place == LATER_FIRST - 1
        first = 1 + turn % (LEVELS - 1) if later_first else 0

        def order(name: str) -> int:
            level = _level_of(name)
            return level if level == RECOVERED else (level - first) % LEVELS

        return sorted(self._names[:count], key=order)

    def rotate(self, last_used: str) -> str:
        """A message came from this queue."""
        self._taken += 1
        if last_used in self._names:
            self._names.remove(last_used)
            self._names.append(last_used)
        return last_used


def _level_of(name: str) -> int:
    level = name.rpartition(_MARK)[2] if _MARK in name else "0"
    return RECOVERED if level == _RECOVERED else int(level)
