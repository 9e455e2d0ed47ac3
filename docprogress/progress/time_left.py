"""The seconds left of a run, estimated by the method that suits the available data."""

from collections.abc import Collection, Sequence

from docprogress.events import ProgressEvent, Status
from docprogress.progress.document import STALLED_SECONDS, DocumentProgress
from docprogress.progress.estimate import Estimator
from docprogress.progress.pace import from_rate, from_share
from docprogress.progress.rates import Rate
from docprogress.progress.recognition import has_own_pace
from docprogress.progress.tally import Tally

#: Seconds that a run must have been working before there is an estimate.
LEAST_WORK = 5.0

#: An estimate is kept for a second for each of so many documents that wait, less these
#: seconds: it costs as much as there are documents.
FORECAST_DOCUMENTS = 5_000
FEW_SECONDS = 0.1


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
        # When the time left was estimated last by sizes, and what it was.
        self._forecast: tuple[float, float | None] = (float("-inf"), None)

    def note(self, event: ProgressEvent, at: float) -> None:
        """Note when the run begins to work."""
        if self._working_since is None and event.status is not Status.QUEUED:
            self._working_since = at

    def seconds(self, total: int, at: float, *, last_seen: float) -> float | None:
        """The seconds left; None while that is unknown.

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
            return None if recognises else from_share(worked, ended, total)
        return self._of_working_run(total - self._tally.ended, at)

    def _of_working_run(self, left: int, at: float) -> float | None:
        """The seconds left of a run of which this number of documents is unfinished."""
        running = self._tally.running.values()
        waiting = list(self._tally.queued.values())
        if running and left == len(running) + len(waiting):
            sized = all(document.size for document in (*running, *waiting))
            if sized or (waiting and not any(map(has_own_pace, running))):
                return self._from_sizes(running, waiting, at)
        estimate = self._estimator.from_steps(running, left - len(running), at)
        if estimate is None and not running:
            return from_rate(self._completions, left, at)
        return estimate

    def _from_sizes(
        self,
        running: Collection[DocumentProgress],
        waiting: Sequence[DocumentProgress],
        at: float,
    ) -> float | None:
        """The estimate by the documents' bytes, which is kept where they are many."""
        since, known = self._forecast
        if at - since < len(waiting) / FORECAST_DOCUMENTS - FEW_SECONDS:
            return None if known is None else max(known - (at - since), 0.0)
        ended = self._tally.ended
        share = ended / (ended + len(running) + len(waiting))
        found = self._estimator.from_sizes(running, waiting, at, ended=share)
        self._forecast = at, found
        return found
