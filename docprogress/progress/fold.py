"""Fold events into the newest state of each document, and derive every number.

All surfaces show these numbers and compute none of their own. Events may arrive late,
twice, out of order, or with half of the fields. A number is None while it is unknown,
and never negative, infinite or NaN. Durations use the receiver's clock, so a wrong
clock elsewhere cannot distort them.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from docprogress.events import ProgressEvent, Status, now
from docprogress.progress.comparison import is_duplicate, passes_step, visible_state
from docprogress.progress.document import (
    PAGE_UNITS,
    STALLED_SECONDS,
    DocumentProgress,
    DocumentTiming,
    attempt_of,
    valid_count,
)
from docprogress.progress.estimate import Estimator, from_rate, from_share
from docprogress.progress.rates import Rate
from docprogress.progress.recognition import has_own_pace
from docprogress.progress.summary import (
    SUMMARY_ORDER,
    describe_without_text,
    lacks_text,
    summarize,
    why_not_handed_in,
)
from docprogress.progress.waiting import waiting_text
from docprogress.progress.work import Work

#: Seconds that a run must have been working before there is an estimate.
LEAST_WORK = 5.0

#: An estimate is kept for a second for each of so many documents that wait, less these
#: seconds: it costs as much as there are documents.
FORECAST_DOCUMENTS = 5_000
FEW_SECONDS = 0.1

#: The greatest fraction of a run of which not every document is completed.
MAX_INCOMPLETE_FRACTION = 1 - 1e-6

#: Seconds of age up to which a timestamp is believed; an older one is a wrong clock.
OLDEST = 7 * 24 * 3600.0

#: Seconds during which a new subscriber receives the current state.
CATCH_UP_SECONDS = 2.0

_FINAL = [status for status in Status if status.final]


class Progress:
    """The state of many documents, folded from their events.

    Not thread-safe: one thread owns it and applies the events.

    Args:
        expected: How many documents there will be; None if unknown.
        steps: The steps in order, by name, with the percent of a document's progress
            where each begins and ends; empty if unknown.
        clock: Monotonic seconds.
        now: The wall clock, for the age of events' timestamps.
    """

    def __init__(
        self,
        *,
        expected: int | None = None,
        steps: Mapping[str, tuple[float, float]] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = now,
    ) -> None:
        self.expected = expected
        #: Why the queue does not move, for as long as no document is processed; set by
        #: whoever asks the store and Redis.
        self.queue_reason: str | None = None
        #: Pages read so far.
        self.pages = 0
        self._estimator = Estimator(steps)
        self._clock = clock
        self._now = now
        self._documents: dict[str, DocumentProgress] = {}
        self._sizes: dict[str, int] = {}
        self._counts = dict.fromkeys(Status, 0)
        # Counts of all documents, until an event of each has arrived.
        self._assumed_counts: dict[Status, int] | None = None
        # In the order in which they started, and in which they failed.
        self._running: dict[str, DocumentProgress] = {}
        self._failed: dict[str, DocumentProgress] = {}
        self._queued: dict[str, DocumentProgress] = {}
        self._work = Work()
        # The greatest fraction that was shown.
        self._shown = 0.0
        # Why documents were never submitted, by their ids.
        self._not_handed_in: dict[str, str] = {}
        # Whether completed documents without text need OCR, by their ids.
        self._without_text: dict[str, bool] = {}
        # On the receiver's clock: the first event applied, the start of the run as far
        # as it is known, and the newest event or heartbeat.
        self._first_seen_at: float | None = None
        # When a document was first seen to run, or to end.
        self._working_since: float | None = None
        self._saw_work = False
        # When the time left was estimated last, and what it was.
        self._forecast: tuple[float, float | None] = (float("-inf"), None)
        self._began_at = 0.0
        self._last_seen = 0.0
        self._completions = Rate()
        self._page_rate = Rate()
        self._byte_rate = Rate()

    def __repr__(self) -> str:
        return f"<Progress: {self.summary()}>"

    @property
    def documents(self) -> Mapping[str, DocumentProgress]:
        """Every document by id, in the order of their first events."""
        return MappingProxyType(self._documents)

    @property
    def running(self) -> list[DocumentProgress]:
        """The documents being processed, in the order in which they started."""
        return list(self._running.values())

    @property
    def waiting_for(self) -> str | None:
        """What the documents wait for while none moves: "waiting for queue gpu".

        None if that is unknown: they wait for a worker.
        """
        if self.finished:
            return None
        moment = self._now()
        if self._running:
            texts = [
                waiting_text(each.event, moment) for each in self._running.values()
            ]
            return texts[0] if all(texts) else None
        for document in self._documents.values():
            if document.event.status is Status.QUEUED:
                text = waiting_text(document.event, moment)
                if text is not None:
                    return text
        return self.queue_reason

    @property
    def stalled_documents(self) -> list[DocumentProgress]:
        """The documents that are being processed without events or heartbeats."""
        return [document for document in self._running.values() if document.stalled]

    @property
    def failures(self) -> list[ProgressEvent]:
        """The last events of failed documents, in the order in which they failed."""
        return [document.event for document in self._failed.values()]

    @property
    def counts(self) -> dict[Status, int]:
        """How many documents have each status, zeros included."""
        return dict(self._counted)

    @property
    def _counted(self) -> Mapping[Status, int]:
        return self._counts if self._assumed_counts is None else self._assumed_counts

    @property
    def total(self) -> int:
        """How many documents have events."""
        return len(self._documents)

    @property
    def ended(self) -> int:
        """How many documents are in a final state."""
        counts = self._counted
        return sum([counts[status] for status in _FINAL if status in counts])

    @property
    def partial(self) -> bool:
        """Whether the counts include documents without an event yet."""
        return self._assumed_counts is not None

    @property
    def finished(self) -> bool:
        """Whether every expected document is in a final state."""
        if self.expected is None and not self._documents:
            return False
        return self.ended == sum(self._counted.values()) >= (self.expected or 0)

    @property
    def fraction(self) -> float:
        """The share of the run's work that is done, from 0 to 1.

        Documents are weighed by what is known of them: see `docprogress.progress.work`.
        Where more work is found than was expected, the fraction stays as it was shown
        until that much is done.

        Failed and cancelled documents count with the progress they had made, so this is
        1 only if every document was completed.
        """
        return sum(self.shares.values())

    @property
    def shares(self) -> dict[Status, float]:
        """The contribution of each status to `fraction`."""
        counts = self._counted
        expected = max(self.total, self.expected or 0, sum(counts.values()))
        shares = dict.fromkeys(SUMMARY_ORDER, 0.0)
        if counts[Status.COMPLETED] == expected and self.finished:
            return shares | {Status.COMPLETED: 1.0}
        missing = max(expected - self.total, 0)
        # Assumed counts may be newer than the documents' events.
        completed = counts[Status.COMPLETED] - self._counts[Status.COMPLETED]
        done, whole = self._work.shares(missing, min(max(completed, 0), missing))
        shares |= {status: each / whole for status, each in done.items()}
        return self._kept(shares, partly=missing > 0)

    def _kept(
        self, shares: dict[Status, float], *, partly: bool
    ) -> dict[Status, float]:
        """Shares that add up to no less than was shown before, and to less than 1."""
        fraction = sum(shares.values())
        if self.finished:
            kept = fraction
        elif partly:
            kept = max(fraction, self._shown)
        else:
            kept = self._shown = max(fraction, self._shown)
        kept = min(kept, MAX_INCOMPLETE_FRACTION)
        if kept == fraction:
            return shares
        if fraction > 0:
            return {status: each * (kept / fraction) for status, each in shares.items()}
        return shares | {Status.PROCESSING: kept}

    @property
    def elapsed(self) -> float | None:
        """The seconds from the run's first event to its end, or to now.

        None if only final events arrived, which do not show when it began.
        """
        if self._first_seen_at is None or not self._saw_work:
            return None
        end = self._last_seen if self.finished else self._clock()
        return max(end - self._began_at, 0.0)

    @property
    def documents_per_second(self) -> float | None:
        """Documents completed per second recently."""
        return self._per_second(self._completions)

    @property
    def pages_per_second(self) -> float | None:
        """Pages read per second recently."""
        return self._per_second(self._page_rate)

    @property
    def bytes_per_second(self) -> float | None:
        """Bytes processed per second recently, of documents whose size is known."""
        return self._per_second(self._byte_rate)

    @property
    def remaining_seconds(self) -> float | None:
        """An estimate of the seconds left, from what this run has taken so far.

        None while that is unknown, and while every running document is stalled.
        """
        if self.finished:
            return 0.0
        at = self._clock()
        if all(document.stalled for document in self._running.values()) and (
            self._running or at - self._last_seen >= STALLED_SECONDS
        ):
            return None
        if self._working_since is None:
            return None
        if at - self._working_since < LEAST_WORK:
            total = max(self.total, self.expected or 0)
            recognises = any(d.event.ocr_total for d in self._running.values())
            worked = at - self._working_since
            return None if recognises else from_share(worked, self.ended, total)
        return self._estimate(at)

    def _estimate(self, at: float) -> float | None:
        """The seconds left of a run that works."""
        left = max(self.total, self.expected or 0) - self.ended
        running, waiting = self._running.values(), list(self._queued.values())
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
        ended = self.ended / (self.ended + len(running) + len(waiting))
        found = self._estimator.from_sizes(running, waiting, at, ended=ended)
        self._forecast = at, found
        return found

    def stalled(self, document_id: str) -> bool:
        """Whether a document is being processed without events or heartbeats."""
        document = self._documents.get(document_id)
        return document is not None and document.stalled

    def summary(self) -> str:
        """One line for people: how many documents have each status."""
        counts = self.counts
        total = max(sum(counts.values()), self.expected or 0)
        return summarize(
            counts,
            total,
            not_handed_in=self.not_handed_in,
            without_text=self.without_text,
            needs_ocr=any(self._without_text.values()),
        )

    @property
    def missing_text(self) -> str | None:
        """How many documents have no text, for people; None if all have some."""
        count = self.without_text
        total = max(self.total, self.expected or 0)
        needs_ocr = any(self._without_text.values())
        return (
            describe_without_text(count, total, needs_ocr=needs_ocr) if count else None
        )

    @property
    def without_text(self) -> int:
        """How many documents have completed, and have no text."""
        return len(self._without_text)

    @property
    def not_handed_in(self) -> str | None:
        """Why documents were never submitted; None if none is known to be missing."""
        return next(iter(self._not_handed_in.values()), None)

    def add_sizes(self, sizes: Mapping[str, int]) -> None:
        """Set the sizes of documents in bytes, by their ids; their events may, too."""
        self._sizes |= {each: valid_count(size) or 0 for each, size in sizes.items()}
        for document_id in sizes.keys() & self._documents.keys():
            self._weigh(self._documents[document_id])

    def assume(self, counts: Mapping[Status, int] | None) -> None:
        """Use these counts until every document has an event; None to count events.

        Large runs know their counts long before each document's state.
        """
        whole = counts is None or self.total >= max(sum(counts.values()), 1)
        self._assumed_counts = None if whole or counts is None else dict(counts)

    def apply(self, event: ProgressEvent) -> bool:
        """Apply an event; whether anything visible has changed.

        Within an attempt progress never falls and nothing follows a final event. Events
        of older attempts are ignored.
        """
        at = self._clock()
        document = self._documents.get(event.document_id)
        if document is None:
            self._add(event, at)
            return True
        known, attempt = document.event, attempt_of(event)
        if attempt is not None and document.attempt is not None:
            if attempt < document.attempt:
                return False
            fresh = attempt > document.attempt
        else:
            # A program without attempts may start again after a final event.
            later = event.timestamp > known.timestamp
            fresh = known.final and not event.final and later
        if not fresh and (known.final or is_duplicate(known, event)):
            return False
        if not fresh and event.progress < known.progress:
            event = event.replace(progress=known.progress)
        changed = document.stalled or visible_state(event) != visible_state(known)
        document.timing.last_seen = self._last_seen = max(at, self._last_seen)
        self._update(document, event, at, fresh=fresh)
        return changed

    def _add(self, event: ProgressEvent, at: float) -> None:
        """Add a document with its first event."""
        age = (self._now() - event.timestamp).total_seconds()
        sign = at - (age if 0 < age <= OLDEST else 0.0)
        if self._first_seen_at is None:
            self._first_seen_at = at
            self._began_at = self._last_seen = sign
        elif at - self._first_seen_at < CATCH_UP_SECONDS:
            self._began_at = min(self._began_at, sign)
        self._last_seen = max(self._last_seen, sign)
        self._saw_work = self._saw_work or not event.final
        timing = DocumentTiming(
            sign,
            seen_from_start=event.status is Status.QUEUED,
            highest=event.progress,
        )
        document = DocumentProgress(event, self._clock, timing)
        document.kind = self._work.kind_of(document.name)
        self._documents[event.document_id] = document
        # What happened before the first event here says nothing about the pace.
        seen = sign > self._first_seen_at
        self._enter(document, event, sign)
        self._read(document, event, at, seen=seen)
        if seen and event.status is Status.COMPLETED:
            self._completions.add(at, 1)

    def _update(
        self,
        document: DocumentProgress,
        event: ProgressEvent,
        at: float,
        *,
        fresh: bool,
    ) -> None:
        """Replace a document's known event with a newer one."""
        known, timing = document.event, document.timing
        self._leave(document)
        self._replace(document, event, fresh=fresh)
        was_running = known.status is Status.PROCESSING and not fresh
        running = event.status is Status.PROCESSING
        if was_running and passes_step(known, event):
            self._pass(document, known, at)
        if not (was_running and running and event.step == known.step):
            timing.step_baseline = timing.attempt_baseline = None
            timing.step_entered_at = at if running else None
            timing.recognised_at = timing.recognition_baseline = None
            timing.recognition_seconds = 0.0
        elif event.unit != known.unit:
            # The step counts something else now: bytes downloaded, then pages.
            timing.step_baseline = None
        if (event.progress, event.current) != (known.progress, known.current):
            timing.advanced_at = at
        self._enter(document, event, at)
        if event.status is Status.COMPLETED:
            self._completions.add(at, 1)
            self._estimator.document_completed(document)
        self._read(document, event, at, seen=True)
        if running and event.ocr_total is not None:
            self._estimator.recognition.observe(document, at)

    def _replace(
        self, document: DocumentProgress, event: ProgressEvent, *, fresh: bool
    ) -> None:
        if document.event.final and not event.final:
            # Somebody repeats it, which is more work.
            self._shown = 0.0
        if fresh:
            document.attempt = attempt_of(event) or document.attempt
            document.timing.restart()
        elif document.attempt is None:
            document.attempt = attempt_of(event)
        document.event = event
        if event.name is not None and event.name != document.name:
            document.name = event.name
            document.kind = self._work.kind_of(document.name)

    def _leave(self, document: DocumentProgress) -> None:
        """Remove a document from every count."""
        event = document.event
        self._counts[event.status] -= 1
        if event.status is Status.FAILED:
            del self._failed[event.document_id]
        elif event.status is Status.QUEUED:
            self._queued.pop(event.document_id, None)
        self._not_handed_in.pop(event.document_id, None)
        self._without_text.pop(event.document_id, None)

    def _enter(
        self, document: DocumentProgress, event: ProgressEvent, at: float
    ) -> None:
        """Add a document to every count."""
        timing = document.timing
        self._note_working(event, at)
        self._counts[event.status] += 1
        document.learn_work()
        self._weigh(document)
        if event.status is Status.PROCESSING:
            if event.document_id not in self._running:
                self._estimator.concurrency.change(at, +1)
                self._running[event.document_id] = document
            if timing.started_at is None:
                timing.started_at = at
                self._begin_rates()
            if timing.attempt_baseline is None:
                timing.attempt_baseline = (at, event.progress / 100)
            if timing.step_baseline is None:
                share = self._estimator.step_share(event)
                timing.step_baseline = (at, share or 0.0)
                self._estimator.step_entered(event)
            return
        if self._running.pop(event.document_id, None) is not None:
            self._estimator.concurrency.change(at, -1)
        if event.final:
            timing.ended_at = at
        else:
            self._queued[event.document_id] = document
        self._enter_end(document, event)

    def _weigh(self, document: DocumentProgress) -> None:
        """Count a document in the work of the run, as what it is now."""
        size = document.event.size
        if size is None:
            size = self._sizes.get(document.id, 0)
        elif self._sizes.get(document.id) != size:
            size = self._sizes[document.id] = valid_count(size) or 0
        document.size = size
        self._work.count(document, size)

    def _enter_end(self, document: DocumentProgress, event: ProgressEvent) -> None:
        """Note how a document has ended, if it has."""
        if event.status is Status.FAILED:
            self._failed[event.document_id] = document
        elif event.status is Status.COMPLETED:
            needs_ocr = lacks_text(event.message)
            if needs_ocr is not None:
                self._without_text[event.document_id] = needs_ocr
        elif (reason := why_not_handed_in(event)) is not None:
            self._not_handed_in[event.document_id] = reason

    def _read(
        self, document: DocumentProgress, event: ProgressEvent, at: float, *, seen: bool
    ) -> None:
        """Count the pages and bytes that an event adds."""
        if event.unit in PAGE_UNITS:
            self._count_pages(document, valid_count(event.current), at, seen=seen)
        timing = document.timing
        if event.progress > timing.highest:
            size = self._sizes.get(event.document_id, 0)
            gained = event.progress - timing.highest
            self._byte_rate.add(at, round(size * gained / 100))
            timing.highest = event.progress

    def _note_working(self, event: ProgressEvent, at: float) -> None:
        if self._working_since is None and event.status is not Status.QUEUED:
            self._working_since = at

    def _begin_rates(self) -> None:
        """Start the rates when a document is first seen to run."""
        for rate in (self._completions, self._page_rate, self._byte_rate):
            rate.begin(self._clock())

    def _count_pages(
        self, document: DocumentProgress, pages: int | None, at: float, *, seen: bool
    ) -> None:
        gained = (pages or 0) - document.pages
        if gained > 0:
            document.pages += gained
            self.pages += gained
            if seen:
                self._page_rate.add(at, gained)

    def _pass(
        self, document: DocumentProgress, known: ProgressEvent, at: float
    ) -> None:
        """Learn from a document that has passed its known step."""
        pages = valid_count(known.total) if known.unit in PAGE_UNITS else None
        self._count_pages(document, pages, at, seen=True)
        self._estimator.step_passed(known.step, document, at)

    def _per_second(self, rate: Rate) -> float | None:
        if self.finished and self._first_seen_at is not None:
            return rate.average(self._last_seen - self._first_seen_at)
        return rate.per_second(self._clock())
