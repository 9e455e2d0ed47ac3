"""Estimate the time left from what steps and documents have taken so far."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

from docprogress.events import ProgressEvent
from docprogress.progress.costs import Costs, Model, Sample
from docprogress.progress.document import DocumentProgress, counted_share
from docprogress.progress.outlook import Outlook
from docprogress.progress.pace import (
    LEAST_COMPLETED,
    LEAST_SHARE,
    OVERDUE,
    by_mean,
    by_pace,
    is_representative,
)
from docprogress.progress.rates import Concurrency
from docprogress.progress.recognition import RecognitionTimes, has_own_pace
from docprogress.progress.step_times import StepTimes

#: The share of a document whose steps are unknown that must have been observed before
#: its own pace counts.
LEAST_UNPLANNED_SHARE = 0.1

#: Completed documents needed to estimate the steps of a document whose number of pages
#: is unknown.
LEAST_MEASURED = 2

#: How far the time left of a running document may be off, as a standard deviation.
OWN_DEVIATION = 0.1

#: Bounds on what a misbehaving program can cost: the steps that are measured, and the
#: running documents that an estimate considers.
MAX_STEPS = 32
MAX_SAMPLED = 500


#: For each step, the steps after it and the share of documents that pass them.
_Followers = dict[str, list[tuple[StepTimes, float]]]


class Estimator:
    """Measures how long steps and documents take, and estimates the time left.

    Args:
        plan: The steps in order, with the percent where each begins and ends; empty if
            they are unknown.
    """

    def __init__(self, plan: Mapping[str, tuple[float, float]]) -> None:
        self._plan = dict(plan)
        #: By step, what documents took that passed it.
        self.steps: dict[str, StepTimes] = {}
        #: What whole documents took.
        self.documents = StepTimes()
        self.concurrency = Concurrency()
        #: What pages took that were recognised.
        self.recognition = RecognitionTimes()
        #: What documents took by their bytes.
        self.costs = Costs()

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

    def document_completed(self, document: DocumentProgress) -> None:
        """Learn from a document that was completed."""
        timing = document.timing
        seen = timing.seen_from_start and timing.started_at is not None
        if seen and document.first_attempt:
            seconds = document.elapsed or 0.0
            self.documents.add(seconds, 0)
            self.costs.add(Sample(*_kind_and_size(document), seconds))

    def step_share(self, event: ProgressEvent) -> float | None:
        """The share of its step that is done; None if that is unknown."""
        share = counted_share(event)
        if share is None and event.step in self._plan:
            begin, end = self._plan[event.step]
            return min(max((event.progress - begin) / max(end - begin, 1e-9), 0.0), 1.0)
        return share

    def from_sizes(
        self,
        running: Collection[DocumentProgress],
        waiting: Sequence[DocumentProgress],
        at: float,
        *,
        ended: float,
    ) -> float | None:
        """The seconds left, estimated from the sizes of the documents that wait.

        None if it may be far from the truth, by how far documents were from what was
        expected of them.
        """
        moving = [document for document in running if not document.stalled]
        sample = moving[:MAX_SAMPLED]
        followers = self._followers()
        # Before its pages are known, its bytes say more than what others took.
        lefts = [
            None
            if document.page_count is None and document.event.ocr_total is None
            else self._left(document, followers, at)
            for document in sample
        ]
        seen = [
            Sample(*_kind_and_size(document), whole)
            for document, left in zip(sample, lefts, strict=True)
            if left is not None and (whole := _whole(document, left, at)) is not None
        ]
        model = self.costs.model(seen)
        if model.count < LEAST_COMPLETED:
            return None
        known = [
            self._expected_left(document, model) if left is None else left
            for document, left in zip(sample, lefts, strict=True)
        ]
        # Stalled work is done again.
        again = [document for document in running if document.stalled]
        later = [
            Sample(kind, size, model.expect(kind, size))
            for kind, size in map(_kind_and_size, (*again, *waiting))
        ]
        workers = max(float(len(moving)), self.concurrency.at(at) or 0.0, 1.0)
        unsure = [
            left * (OWN_DEVIATION if found is not None else model.deviation_of_one)
            for left, found in zip(known, lefts, strict=True)
        ]
        return Outlook(known, unsure, later, model, workers, ended).seconds()

    def _expected_left(self, document: DocumentProgress, model: Model) -> float:
        spent = document.elapsed or 0.0
        expected = model.expect(*_kind_and_size(document))
        share = document.event.progress / 100
        return max(expected - spent, OVERDUE * max(expected, spent) * (1 - share))

    def from_steps(
        self, running: Collection[DocumentProgress], waiting: int, at: float
    ) -> float | None:
        """The seconds left, by the durations of steps and the concurrency seen."""
        concurrency = self.concurrency.at(at)
        if concurrency is None:
            return None
        stride = -(-len(running) // MAX_SAMPLED) or 1
        sample = list(islice(running, 0, None, stride))
        followers = self._followers()
        lefts = [self._left(document, followers, at) for document in sample]
        if any(left is None for left in lefts):
            return None
        known = [left for left in lefts if left is not None]
        work = stride * sum(known)
        if waiting > 0:
            whole = self._whole_document(sample, known, waiting, at)
            if whole is None:
                return None
            work += waiting * whole
        return max(work / concurrency, *known, 0.0)

    def _left(
        self, document: DocumentProgress, followers: _Followers, at: float
    ) -> float | None:
        """The seconds that a running document still takes; None if unknown."""
        event, timing = document.event, document.timing
        if event.ocr_total is not None:
            return self._left_recognising(document, followers, at)
        share = self.step_share(event)
        left = by_pace(timing.step_baseline, timing.advanced_at, share, at)
        # What follows this step is known once a document was seen to complete.
        pages = document.page_count
        measured = self.documents.documents
        if event.step in followers and (pages or measured >= LEAST_MEASURED):
            if left is None:
                expected = self.steps[event.step].mean(pages)
                since = timing.advanced_at if share else timing.step_entered_at
                if expected is None or since is None:
                    return None
                left = by_mean(expected * (1 - (share or 0.0)), at - since)
            if left is None:
                return None
            after = followers[event.step]
            rest = sum((s.mean(pages) or 0.0) * part for s, part in after)
            return left + rest * self._slowness(document, share, left, at)
        if self._plan:
            return left if event.step == list(self._plan)[-1] else None
        # By its percentage, as if that grew evenly from this step on.
        done, baseline = event.progress / 100, timing.attempt_baseline
        return by_pace(
            baseline, timing.advanced_at, done, at, least=LEAST_UNPLANNED_SHARE
        )

    def _slowness(
        self, document: DocumentProgress, share: float | None, left: float, at: float
    ) -> float:
        """How much longer than others a document is believed to take for later steps.

        Its pages are larger, or its machine is slower: half of what this step showed.
        """
        entered = document.timing.step_entered_at
        expected = self.steps[document.event.step].mean(document.page_count)
        if not (expected and entered is not None and share and share >= LEAST_SHARE):
            return 1.0
        return math.sqrt(min(max((at - entered + left) / expected, 0.25), 4.0))

    def _left_recognising(
        self, document: DocumentProgress, followers: _Followers, at: float
    ) -> float | None:
        """The same of one whose pages are recognised, which takes most of its time."""
        left = self.recognition.left(document, at)
        if left is None:
            return None
        pages, after = document.page_count, followers.get(document.event.step, [])
        return left + sum((step.mean(pages) or 0.0) * part for step, part in after)

    def _followers(self) -> _Followers:
        """The steps after each step, and the share of documents that pass them."""
        followers: _Followers = {}
        if not self.documents.documents:
            return followers
        after: list[tuple[StepTimes, float]] = []
        in_order = sorted(self.steps.items(), key=lambda item: item[1].position)
        for name, step in reversed(in_order):
            followers[name] = list(after)
            # Before a step that no document has passed, what follows is unknown.
            if not step.documents:
                break
            after.append((step, min(1.0, step.documents / self.documents.documents)))
        return followers

    def _whole_document(
        self,
        documents: Sequence[DocumentProgress],
        lefts: Iterable[float],
        waiting: int,
        at: float,
    ) -> float | None:
        """The seconds that a whole document takes; None if unknown."""
        enough = is_representative(self.documents.documents, waiting)
        # Scans take so long that waiting for some to complete would leave the time left
        # unknown for most of a run.
        known = bool(documents) and all(map(has_own_pace, documents))
        if not (enough or known):
            return None
        # Short documents complete first, so count the running ones as well.
        found = (
            _whole(document, left, at)
            for document, left in zip(documents, lefts, strict=True)
        )
        wholes = [whole for whole in found if whole is not None]
        count = self.documents.documents + len(wholes)
        if not count:
            return None
        mean = (self.documents.seconds + sum(wholes)) / count
        squares = self.documents.squares + sum(whole * whole for whole in wholes)
        # The mean of a few that differ much may be far from that of the rest.
        deviation = math.sqrt(max(squares / count - mean * mean, 0.0))
        return mean + (2 + 6 / count) * deviation / math.sqrt(count)


def _kind_and_size(document: DocumentProgress) -> tuple[str, int]:
    """The key of a document's group; all of unknown size are in one."""
    return (document.kind, document.size) if document.size else ("?", 0)


def _whole(document: DocumentProgress, left: float, at: float) -> float | None:
    """The seconds that a running document takes from its start; None if unknown."""
    timing = document.timing
    if timing.seen_from_start and timing.started_at is not None:
        return at - timing.started_at + left
    if not has_own_pace(document):
        return None
    total, done = document.event.ocr_total or 0, document.event.ocr_current or 0
    return left * total / (total - done) if total > done else None
