"""The time that is left of a run, as far as it is known."""

import math

from docprogress.events import ProgressEvent, Status
from docprogress.progress.document import STALLED_SECONDS
from docprogress.progress.estimate import Estimator
from docprogress.progress.forecast import Forecast, Trust
from docprogress.progress.pace import from_rate, from_share
from docprogress.progress.rates import Rate
from docprogress.progress.tally import Tally

#: Seconds that a run must have been working before there is a forecast.
LEAST_WORK = 5.0

#: A forecast is kept for a second for each of so many documents, less those that cost
#: nothing, and for so many seconds at most if few wait.
KEPT_DOCUMENTS = 40
FREE_DOCUMENTS = 5
LONGEST_KEPT = 1.0
MANY_DOCUMENTS = 3_000


class TimeLeft:
    """The time left of a run that is not finished.

    Args:
        estimator: What was learned of steps and documents.
        tally: The run's documents.
        completions: How many documents were completed recently.
    """

    def __init__(self, estimator: Estimator, tally: Tally, completions: Rate) -> None:
        self._estimator = estimator
        self._tally = tally
        self._completions = completions
        # When a document was first seen to run, or to end.
        self._working_since: float | None = None
        self._kept: tuple[float, int, Forecast | None] = (-math.inf, 0, None)
        self._events = 0
        self._trust = Trust()
        self._total = 0
        #: When the next forecast is made that tells how far they can be trusted.
        self.due = math.inf

    def note(self, event: ProgressEvent, at: float) -> None:
        """Note that something has happened."""
        self._events += 1
        if self._working_since is None and event.status is not Status.QUEUED:
            self._working_since = at
            self.due = at + LEAST_WORK

    def look(self, total: int, at: float) -> None:
        """Compare what is forecast with what was forecast before."""
        if total != self._total:
            # More documents were found: no forecast knew of them.
            self._trust, self._total = Trust(), total
        found = self._current(total, at)
        if found is not None:
            self._trust.compare(found, at)
        worked = at - (at if self._working_since is None else self._working_since)
        self.due = at + max(1.0, 0.1 * worked)

    def forecast(self, total: int, at: float, *, last_seen: float) -> Forecast | None:
        """The time left; None while that is unknown.

        Args:
            total: How many documents there are.
            at: The moment on the receiver's clock.
            last_seen: When the newest event or heartbeat arrived.
        """
        running = self._tally.running.values()
        if all(document.stalled for document in running) and (
            running or at - last_seen >= STALLED_SECONDS
        ):
            return None
        if self._working_since is None:
            return None
        worked = at - self._working_since
        if worked < LEAST_WORK:
            recognises = any(document.event.ocr_total for document in running)
            ended = self._tally.ended
            left = None if recognises else from_share(worked, ended, total)
            return None if left is None else Forecast(left, 0.0)
        found = self._current(total, at)
        return None if found is None else self._trust.widened(found, worked)

    def _current(self, total: int, at: float) -> Forecast | None:
        """The forecast of the documents as they are now, or were a moment ago."""
        since, events, found = self._kept
        age = at - since
        if events != self._events and age >= self._keep(total):
            found, age = self._made(total, at), 0.0
            self._kept = at, self._events, found
        return None if found is None else found.later(age)

    def _keep(self, total: int) -> float:
        """For how many seconds a forecast is kept."""
        left = total - self._tally.ended
        shortest = min((left - FREE_DOCUMENTS) / KEPT_DOCUMENTS, LONGEST_KEPT)
        return max(shortest, left / MANY_DOCUMENTS - LONGEST_KEPT)

    def _made(self, total: int, at: float) -> Forecast | None:
        running, queued = (
            self._tally.running.values(),
            list(self._tally.queued.values()),
        )
        left = total - self._tally.ended
        unseen = max(left - len(running) - len(queued), 0)
        found = self._estimator.forecast(
            running, queued, at, total=total, unseen=unseen
        )
        if found is None and not running:
            pace = from_rate(self._completions, left, at)
            return None if pace.unknown else Forecast(pace.seconds, pace.deviation)
        return found
