"""The shares of a run's work that are shown: they never fall, and end at 1.

Where more work is found than was expected, what was shown stays until that much is
done.
"""

from docprogress.events import Status
from docprogress.progress.summary import SUMMARY_ORDER
from docprogress.progress.tally import Tally
from docprogress.progress.work import Work

#: The greatest fraction of a run of which not every document is completed.
MAX_INCOMPLETE_FRACTION = 1 - 1e-6


class ShownShares:
    """The share of a run's work that is shown as done.

    Args:
        work: The work of the documents of which an event has arrived.
        tally: The same documents, and the counts of all.
    """

    def __init__(self, work: Work, tally: Tally) -> None:
        self._work = work
        self._tally = tally
        # The greatest fraction that was shown.
        self._greatest = 0.0

    def restart(self) -> None:
        """Start again from the current share, because completed work is repeated."""
        self._greatest = 0.0

    def by_status(
        self, total: int, expected: int, *, finished: bool
    ) -> dict[Status, float]:
        """What documents of each status contribute.

        Args:
            total: Of how many documents an event has arrived.
            expected: How many documents there are at least.
            finished: Whether all of them have ended.
        """
        counts, seen = self._tally.counts, self._tally.seen
        expected = max(total, expected, sum(counts.values()))
        shares = dict.fromkeys(SUMMARY_ORDER, 0.0)
        if counts[Status.COMPLETED] == expected and finished:
            return shares | {Status.COMPLETED: 1.0}
        missing = max(expected - total, 0)
        # Assumed counts may be newer than the documents' events.
        completed = counts[Status.COMPLETED] - seen[Status.COMPLETED]
        done, whole = self._work.shares(missing, min(max(completed, 0), missing))
        shares |= {status: each / whole for status, each in done.items()}
        if finished:
            return _scaled(shares, sum(shares.values()))
        return self._kept(shares, partly=missing > 0)

    def _kept(
        self, shares: dict[Status, float], *, partly: bool
    ) -> dict[Status, float]:
        """Shares that add up to no less than was shown before."""
        kept = max(sum(shares.values()), self._greatest)
        if not partly:
            self._greatest = kept
        return _scaled(shares, kept)


def _scaled(shares: dict[Status, float], fraction: float) -> dict[Status, float]:
    """The same shares, adding up to this fraction, or to just below 1."""
    before = sum(shares.values())
    fraction = min(fraction, MAX_INCOMPLETE_FRACTION)
    if fraction == before:
        return shares
    if before > 0:
        return {status: each * (fraction / before) for status, each in shares.items()}
    return shares | {Status.PROCESSING: fraction}
