"""What is left of a document, at its own pace or that of others, and how surely."""

import math
from typing import NamedTuple

from docprogress.progress.document import DocumentProgress
from docprogress.progress.rates import LEAST_SECONDS, Rate

#: The share of something that must have been observed before its own pace counts.
LEAST_SHARE = 0.03

#: How far the second half of something is from what its first half said, as the
#: standard deviation of the logarithm; and how far at least, and at most.
HALF_DEVIATION = 0.12
LEAST_DEVIATION = 0.03
MOST_DEVIATION = 0.8

#: How far a document is from what its percentage says: if the steps that follow were
#: never seen, and if there is no plan of steps, as a share of what is left of it.
UNSEEN_DEVIATION = 0.8
UNPLANNED_DEVIATION = 0.3

#: How far a step is from what others took, by their pages; and what is overdue.
OTHERS_DEVIATION = 0.4
OVERDUE_DEVIATION = 0.8

#: What is overdue is expected to take this share of its expected or elapsed duration.
#: What has taken `OUTLIER` times as long says nothing about the others.
OVERDUE = 0.1
OUTLIER = 2.0

#: Seconds that a run may take to count as short, the share of its documents that must
#: have ended, and how many times as long as these the others may take.
SHORT_RUN_SECONDS = 1.5
SHORT_RUN_SHARE = 0.75
SHORT_RUN_MARGIN = 3.0


class Pace(NamedTuple):
    """The seconds that something still takes."""

    seconds: float
    #: Standard deviation of the logarithm of the seconds; infinite if they are unknown.
    deviation: float

    @property
    def unknown(self) -> bool:
        """Whether nothing is known."""
        return math.isinf(self.deviation)


UNKNOWN = Pace(0.0, math.inf)


def by_pace(
    baseline: tuple[float, float] | None,
    advanced_at: float,
    share: float | None,
    at: float,
) -> Pace:
    """What is left at the pace since a baseline."""
    if baseline is None or share is None:
        return UNKNOWN
    began, before = baseline
    if share - before < LEAST_SHARE - 1e-9 or advanced_at - began < LEAST_SECONDS:
        return UNKNOWN
    gained = share - before
    left = (1 - share) * (advanced_at - began) / gained
    deviation = HALF_DEVIATION * math.sqrt((1 - share) / gained)
    deviation = min(max(deviation, LEAST_DEVIATION), MOST_DEVIATION)
    return _countdown(left, at - advanced_at, deviation)


def of_percentage(document: DocumentProgress, at: float, *, planned: bool) -> Pace:
    """What is left at the pace of a document's percentage."""
    timing, share = document.timing, document.event.progress / 100
    left = by_pace(timing.attempt_baseline, timing.advanced_at, share, at)
    if left.unknown:
        return left
    # It stands for steps that take what they take.
    unseen = UNSEEN_DEVIATION if planned else UNPLANNED_DEVIATION * (1 - share)
    return Pace(left.seconds, math.hypot(left.deviation, unseen))


def by_mean(seconds: float, spent: float) -> Pace:
    """What is left of the mean of others; nothing is known of an outlier."""
    if spent > OUTLIER * seconds + 1:
        return UNKNOWN
    return _countdown(seconds, spent, OTHERS_DEVIATION)


def from_rate(completions: Rate, left: int, at: float) -> Pace:
    """What is left, by the rate at which documents were completed."""
    rate = completions.per_second(at)
    if not rate:
        return UNKNOWN
    return Pace(left / rate, 1 / math.sqrt(completions.total))


def from_share(worked: float, ended: int, total: int) -> float | None:
    """The seconds left of a run that ends before more is known; None otherwise.

    Args:
        worked: Seconds since its first document was begun.
        ended: How many documents have ended.
        total: How many there are.
    """
    if not ended or ended < SHORT_RUN_SHARE * total:
        return None
    left = worked * (total - ended) / ended
    expected = worked + SHORT_RUN_MARGIN * left
    return left if expected < SHORT_RUN_SECONDS else None


def _countdown(expected: float, spent: float, deviation: float) -> Pace:
    """What is left of `expected` seconds; something is left even when overdue."""
    left = expected - spent
    least = OVERDUE * max(expected, spent)
    if left <= least:
        return Pace(least, OVERDUE_DEVIATION)
    # What is off of the whole is more of what is left of it.
    return Pace(left, min(deviation * expected / left, OVERDUE_DEVIATION))
