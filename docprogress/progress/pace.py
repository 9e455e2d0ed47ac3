"""The time left at a pace: of the document itself, of others, or of the whole run."""

from docprogress.progress.rates import LEAST_SECONDS, Rate

#: The share of something that must have been observed before its own pace counts.
LEAST_SHARE = 0.05

#: Completed documents needed to estimate those that wait: a number, and a share of
#: those that wait up to a number.
LEAST_COMPLETED = 3
COMPLETED_SHARE = 0.1
MOST_COMPLETED = 20

#: An overdue document is expected to take this further share of its duration. What has
#: taken `OUTLIER` times as long says nothing about the others.
OVERDUE = 0.1
OUTLIER = 2.0

#: Seconds that a run may take to count as short, the share of its documents that must
#: have ended, and how many times as long as these the others may take.
SHORT_RUN_SECONDS = 1.5
SHORT_RUN_SHARE = 0.75
SHORT_RUN_MARGIN = 3.0


def by_pace(
    baseline: tuple[float, float] | None,
    advanced_at: float,
    share: float | None,
    at: float,
    *,
    least: float = LEAST_SHARE,
) -> float | None:
    """The seconds left at the pace since a baseline; None if unknown."""
    if baseline is None or share is None:
        return None
    began, before = baseline
    if share - before < least - 1e-9 or advanced_at - began < LEAST_SECONDS:
        return None
    left = (1 - share) * (advanced_at - began) / (share - before)
    return _countdown(left, at - advanced_at)


def by_mean(seconds: float, spent: float) -> float | None:
    """The time left by the mean of others; None for an outlier."""
    return None if spent > OUTLIER * seconds + 1 else _countdown(seconds, spent)


def is_representative(completed: int, waiting: int) -> bool:
    """Whether so many completed documents represent those that wait."""
    wanted = max(LEAST_COMPLETED, COMPLETED_SHARE * waiting)
    return completed >= min(wanted, MOST_COMPLETED)


def from_rate(completions: Rate, left: int, at: float) -> float | None:
    """The seconds left, by the rate at which documents were completed."""
    rate = completions.per_second(at)
    if not rate or not is_representative(completions.total, left):
        return None
    return left / rate


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


def _countdown(expected: float, spent: float) -> float:
    """The time left of `expected` seconds, which is positive even when overdue."""
    return max(expected - spent, OVERDUE * max(expected, spent))
