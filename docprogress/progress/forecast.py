"""The time left of a run, and how sure it is."""

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

#: The standard deviation of the logarithm of the time left up to which it is shown as a
#: number, and up to which as a range.
SURE = 0.2
VAGUE = 0.5

#: How much further the truth is off than what is drawn: nothing that is drawn is unlike
#: the model itself.
MODEL = 1.2

#: How far a run is from what its documents say, because something happens that nobody
#: knows of, as a share of what is left of it.
UNFORESEEN = 0.12

#: A range holds the truth in four of five cases: in standard deviations.
WIDTH = 1.6

#: How many forecasts are compared with a new one; how many of them say the same; as how
#: many counts the belief that they are right; and the seconds that say nothing.
MOST_LOOKS = 6
ALIKE = 2.0
BELIEF = 2.0
TRIFLE = 0.5


class Forecast(NamedTuple):
    """An estimate of the time left."""

    seconds: float
    #: Standard deviation of the logarithm of the seconds.
    deviation: float

    @property
    def sure(self) -> bool:
        """Whether it is near enough to the truth, to be shown as a number."""
        return self.deviation <= SURE

    @property
    def range(self) -> tuple[float, float] | None:
        """Between which seconds the truth is, in four of five cases; None if vague."""
        if self.deviation > VAGUE:
            return None
        factor = math.exp(WIDTH * self.deviation)
        return self.seconds / factor, self.seconds * factor

    def later(self, seconds: float) -> "Forecast":
        """The same, so many seconds later."""
        left = max(self.seconds - seconds, 0.1 * self.seconds)
        return Forecast(left, self.deviation)


def summarize(drawn: Sequence[float]) -> Forecast:
    """The forecast of times left that may be true, in ascending order."""
    count = len(drawn)
    low, middle, high = (
        max(drawn[round((count - 1) * share)], 1e-3) for share in (0.16, 0.5, 0.84)
    )
    return Forecast(middle, MODEL * math.log(high / low) / 2)


class Trust:
    """How far forecasts of this run can be trusted, by how much the end has moved.

    Each said how far it may be off. Where later ones differ from it by more than that,
    something happens that none of them knows of: workers come and go, the rest of the
    documents is unlike those before.
    """

    def __init__(self) -> None:
        # When the end was expected, and by how many seconds that was said to be off.
        self._ends: deque[tuple[float, float]] = deque(maxlen=MOST_LOOKS)
        self._scale = 1.0

    def compare(self, found: Forecast, at: float) -> None:
        """Compare a forecast with those before."""
        end, off = at + found.seconds, found.seconds * found.deviation
        squares = sum(
            ((before - end) / max(width, TRIFLE)) ** 2 for before, width in self._ends
        )
        mean = (BELIEF + squares / ALIKE) / (BELIEF + len(self._ends) / ALIKE)
        self._scale = max(math.sqrt(mean), 1.0)
        self._ends.append((end, off))

    def widened(self, found: Forecast, worked: float) -> Forecast:
        """A forecast that is as unsure as those before have turned out to be.

        Args:
            found: The forecast.
            worked: For how many seconds the run has been working.
        """
        left = found.seconds / ((found.seconds + worked) or 1.0)
        deviation = math.hypot(found.deviation * self._scale, UNFORESEEN * left)
        return found._replace(deviation=deviation)
