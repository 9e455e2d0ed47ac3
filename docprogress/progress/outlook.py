"""The time left of a run, and whether it is known well enough to be shown."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from docprogress.progress.costs import Model, Sample
from docprogress.progress.schedule import makespan

#: How far the time left may be off to be shown, as a standard deviation and a share: at
#: the beginning, and how much more towards the end, when less can come between.
MOST_DEVIATION = 0.15
MORE_LATER = 0.3


class Outlook(NamedTuple):
    """The remaining work of a run."""

    #: The seconds that the documents in process still take, and how far they are off
    #: at most, as a standard deviation.
    running: Sequence[float]
    unsure: Sequence[float]
    #: Those that wait, in the order in which they are fetched.
    later: Sequence[Sample]
    model: Model
    #: How many documents are processed at once.
    workers: float
    #: The share of the documents that have ended.
    ended: float

    @property
    def waiting(self) -> list[float]:
        """What those that wait take."""
        return [each.seconds for each in self.later]

    def seconds(self) -> float | None:
        """The seconds left; None if the estimate could be far off."""
        waiting = self.waiting
        left = makespan(self.running, waiting, self.workers)
        most = MOST_DEVIATION + MORE_LATER * self.ended
        return left if self._deviation(waiting, left) <= most * left else None

    def _deviation(self, waiting: Sequence[float], left: float) -> float:
        """How far the end may be off: by each of what makes it later."""
        later = [
            each + off for each, off in zip(self.running, self.unsure, strict=True)
        ]
        found = [makespan(later, waiting, self.workers) - left]
        if waiting:
            # All are off in the same direction; and the longest one is, alone.
            share = self._share_of_waiting()
            slower = [each * (1 + share) for each in waiting]
            found.append(makespan(self.running, slower, self.workers) - left)
            longest = max(range(len(waiting)), key=waiting.__getitem__)
            one = list(waiting)
            one[longest] *= 1 + self.model.deviation_of_one
            found.append(makespan(self.running, one, self.workers) - left)
        return math.hypot(*found)

    def _share_of_waiting(self) -> float:
        """How far the sum of all that wait may be off, as a share of it."""
        total = sum(self.waiting)
        return self.model.deviation(self.later) / total if total else 0.0
