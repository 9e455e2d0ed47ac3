"""Estimate the time left from what steps and documents have taken so far."""

import math
from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from itertools import islice

from docprogress.events import ProgressEvent
from docprogress.progress.document import DocumentProgress, counted_share
from docprogress.progress.durations import SPREAD, Sample, fits
from docprogress.progress.forecast import Forecast, summarize
from docprogress.progress.outlook import Running, Waiting, draw
from docprogress.progress.pace import Pace, by_mean, by_pace, of_percentage
from docprogress.progress.rates import Concurrency
from docprogress.progress.recognition import RecognitionTimes
from docprogress.progress.step_times import StepTimes

#: Bounds on what a misbehaving program can cost: the steps that are measured, and the
#: running documents that an estimate considers.
MAX_STEPS = 32
MAX_SAMPLED = 500

#: How many of the newest documents count.
MOST_DOCUMENTS = 300

#: For each step, the steps after it and the share of documents that pass them.
_Followers = dict[str, list[tuple[StepTimes, float]]]


class Estimator:
    """Learns how long steps and documents take, and estimates what is left.

    Args:
        plan: The steps in order, with the percent where each begins and ends; empty if
            they are unknown.
    """

    def __init__(self, plan: Mapping[str, tuple[float, float]]) -> None:
        self._plan = dict(plan)
        #: By step, what documents took that passed it.
        self.steps: dict[str, StepTimes] = {}
        self.concurrency = Concurrency()
        #: What pages took that were recognised.
        self.recognition = RecognitionTimes()
        # What documents took, the newest ones; and how many there were.
        self._samples: deque[Sample] = deque(maxlen=MOST_DOCUMENTS)
        self._completed = 0
        self._failed = 0
        # The seconds of attempts that completed their documents, and of all others.
        self._useful = self._wasted = 0.0

    def step_entered(self, event: ProgressEvent) -> None:
        """Learn where in a document a step begins."""
        step = self.steps.get(event.step)
        if step is None:
            if len(self.steps) >= MAX_STEPS:
                return
            step = self.steps[event.step] = StepTimes()
        step.entries += 1
        step.progress += event.progress

    def step_passed(self, name: str, document: DocumentProgress, at: float) -> None:
        """Learn from a document that has passed a step."""
        step, entered = self.steps.get(name), document.timing.step_entered_at
        if step and entered is not None and document.first_attempt:
            recognition = document.timing.recognition_seconds
            step.add(at - entered - recognition, document.pages)

    def document_completed(self, document: DocumentProgress, at: float) -> None:
        """Learn from a document that was completed."""
        timing = document.timing
        seconds = timing.worked(at)
        if seconds is None or not timing.seen_from_start:
            return
        self._useful += seconds
        if document.first_attempt:
            self._completed += 1
            self._samples.append(
                Sample(*_kind_and_size(document), seconds, place=document.number)
            )

    def attempt_lost(self, document: DocumentProgress, at: float) -> None:
        """Learn from an attempt that did not complete its document."""
        self._wasted += document.timing.worked(at) or 0.0

    def document_failed(self) -> None:
        """Learn that a document failed."""
        self._failed += 1

    def step_share(self, event: ProgressEvent) -> float | None:
        """The share of its step that is done; None if that is unknown."""
        share = counted_share(event)
        if share is None and event.step in self._plan:
            begin, end = self._plan[event.step]
            return min(max((event.progress - begin) / max(end - begin, 1e-9), 0.0), 1.0)
        return share

    def forecast(
        self,
        running: Collection[DocumentProgress],
        waiting: Sequence[DocumentProgress],
        at: float,
        *,
        total: int,
        unseen: int,
    ) -> Forecast | None:
        """The time left; None if nothing is known of it.

        Args:
            running: The documents in process.
            waiting: The documents that are queued, in order.
            at: The moment on the receiver's clock.
            total: How many documents there are, with those that have ended.
            unseen: Of how many of these nothing is known.
        """
        stride = -(-len(running) // MAX_SAMPLED) or 1
        followers = self._followers()
        states = [
            self._running(document, followers, at)
            for document in islice(running, 0, None, stride)
        ]
        # Places are whole numbers until all documents are known.
        total = max(total, 1)
        samples = [each._replace(place=each.place / total) for each in self._samples]
        states = [each._replace(place=each.place / total) for each in states]
        samples += filter(None, map(_sample, states))
        if not samples:
            return None
        queue = [
            Waiting(
                *_kind_and_size(document),
                1 - document.event.progress / 100,
                document.number / total,
            )
            for document in waiting
        ]
        queue += [Waiting(_UNSIZED, 0, 1.0, 1.0)] * unseen
        workers = max(float(len(running)), self.concurrency.at(at) or 0.0, 1.0)
        if stride > 1:
            workers = len(states)
            queue = queue[::stride]
        sizes: dict[str, list[int]] = defaultdict(list)
        for kind, size in (*(s[:2] for s in samples), *(w[:2] for w in queue)):
            if size:
                sizes[kind].append(size)
        found = fits(samples, sizes)
        drawn = draw(found, states, queue, workers, self._effort())
        return summarize(drawn)

    def _effort(self) -> float:
        """What a document costs besides what one takes that is completed at once."""
        ended = self._completed + self._failed
        if not ended or not self._useful:
            return 1.0
        share = self._completed / ended
        return share * (1 + self._wasted / self._useful)

    def _running(
        self, document: DocumentProgress, followers: _Followers, at: float
    ) -> Running:
        timing, done = document.timing, document.event.progress / 100
        spent = timing.worked(at) if timing.seen_from_start else None
        left, deviation = self._left(document, followers, at)
        if math.isinf(deviation):
            whole = 0.0
        elif spent is None:
            whole = max(left / max(1 - done, 1e-3), 1e-3)
        else:
            whole = max(spent + left, 1e-3)
            # What is spent is known.
            deviation *= left / whole
        kind, size = _kind_and_size(document)
        return Running(kind, size, spent, done, whole, deviation, document.number)

    def _left(
        self, document: DocumentProgress, followers: _Followers, at: float
    ) -> Pace:
        """The seconds that a running document still takes, by its own pace."""
        event, timing = document.event, document.timing
        pages, known = document.page_count, event.step in followers
        if event.ocr_total is not None:
            left = self.recognition.left(document, at)
            after = followers.get(event.step, [])
            return left if left.unknown else _and_then(left, after, pages)
        share = self.step_share(event)
        left = by_pace(timing.step_baseline, timing.advanced_at, share, at)
        if known or (self._plan and event.step == list(self._plan)[-1]):
            if left.unknown and known:
                expected = self.steps[event.step].mean(pages)
                since = timing.advanced_at if share else timing.step_entered_at
                if expected is not None and since is not None:
                    left = by_mean(expected * (1 - (share or 0.0)), at - since)
            after = followers.get(event.step, [])
            if left.unknown:
                return left
            slower = self._slowness(document, share, left.seconds, at)
            return _and_then(left, after, pages, slower)
        # What follows is unknown: by the percentage, as if that grew evenly.
        return of_percentage(document, at, planned=bool(self._plan))

    def _slowness(
        self, document: DocumentProgress, share: float | None, left: float, at: float
    ) -> float:
        """How much longer than others a document is believed to take for later steps.

        As much as for this step; half of that, as a logarithm, where its pages are
        known, of which others take as long.
        """
        entered, pages = document.timing.step_entered_at, document.page_count
        step = self.steps.get(document.event.step)
        expected = step.mean(pages) if step else None
        if not expected or entered is None or not share:
            return 1.0
        ratio = max((at - entered + left) / expected, 1e-3)
        return math.sqrt(ratio) if pages else ratio

    def _followers(self) -> _Followers:
        """The steps after each step, and the share of documents that pass them."""
        followers: _Followers = {}
        if not self._completed:
            return followers
        after: list[tuple[StepTimes, float]] = []
        in_order = sorted(self.steps.items(), key=lambda item: item[1].position)
        for name, step in reversed(in_order):
            followers[name] = list(after)
            # Before a step that no document has passed, what follows is unknown.
            if not step.documents:
                break
            after.append((step, min(1.0, step.documents / self._completed)))
        return followers


#: All documents of unknown size and kind are alike.
_UNSIZED = "?"


def _kind_and_size(document: DocumentProgress) -> tuple[str, int]:
    """What tells documents apart; those of unknown size are kinds of their own."""
    size = document.size
    return (document.kind, size) if size else (f"{document.kind}{_UNSIZED}", 0)


def _sample(state: Running) -> Sample | None:
    """What a running document says of others, as far as its duration is known."""
    if math.isinf(state.deviation):
        return None
    weight = SPREAD**2 / (SPREAD**2 + state.deviation**2)
    return Sample(state.kind, state.size, state.whole, weight, state.place)


def _and_then(
    left: Pace,
    after: Sequence[tuple[StepTimes, float]],
    pages: int | None,
    slower: float = 1.0,
) -> Pace:
    """What is left of a step, and of those after it."""
    rest = slower * sum((step.mean(pages) or 0.0) * share for step, share in after)
    count = min((step.documents for step, _ in after), default=1)
    deviation = math.hypot(STEP_DEVIATION, STEP_DEVIATION / math.sqrt(count))
    seconds = left.seconds + rest
    off = math.hypot(left.seconds * left.deviation, rest * deviation)
    return Pace(seconds, off / seconds if seconds else 0.0)


#: How far the duration of a step is from what others took, by their pages.
STEP_DEVIATION = 0.3
