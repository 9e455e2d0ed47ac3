"""Fold events into the newest state of each document, and derive every number.

All surfaces show these numbers and compute none of their own. Events may arrive late,
twice, out of order, or with half of the fields. A number is None while it is unknown,
and never negative, infinite or NaN. Durations use the receiver's clock, so a wrong
clock elsewhere cannot distort them.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from docprogress.events import ProgressEvent, Status, now
from docprogress.progress.comparison import is_duplicate, passes_step, visible_state
from docprogress.progress.document import (
    PAGE_UNITS,
    DocumentProgress,
    DocumentTiming,
    attempt_of,
    valid_count,
)
from docprogress.progress.estimate import Estimator
from docprogress.progress.forecast import Forecast
from docprogress.progress.rates import Rate
from docprogress.progress.shown_shares import ShownShares
from docprogress.progress.summary import describe_without_text, summarize
from docprogress.progress.tally import Tally
from docprogress.progress.throughput import Throughput
from docprogress.progress.time_left import TimeLeft
from docprogress.progress.waiting import common_reason, first_reason
from docprogress.progress.work import Work

#: The maximum age of a timestamp, in seconds; an older one means a wrong clock.
OLDEST = 7 * 24 * 3600.0

#: Seconds during which a new subscriber receives the current state.
CATCH_UP_SECONDS = 2.0


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
        #: Why no document is being processed; set by the code that queries the store
        #: and Redis.
        self.queue_reason: str | None = None
        self._clock = clock
        self._now = now
        self._documents: dict[str, DocumentProgress] = {}
        self._sizes: dict[str, int] = {}
        self._tally = Tally()
        self._work = Work()
        self._shown = ShownShares(self._work, self._tally)
        self._throughput = Throughput()
        self._estimator = Estimator(steps)
        self._time_left = TimeLeft(
            self._estimator, self._tally, self._throughput.completions
        )
        # On the receiver's clock: the first event applied, the start of the run as far
        # as it is known, and the newest event or heartbeat.
        self._first_seen_at: float | None = None
        self._saw_work = False
        self._began_at = 0.0
        self._last_seen = 0.0

    def __repr__(self) -> str:
        return f"<Progress: {self.summary()}>"

    @property
    def documents(self) -> Mapping[str, DocumentProgress]:
        """Every document by id, in the order of their first events."""
        return MappingProxyType(self._documents)

    @property
    def running(self) -> list[DocumentProgress]:
        """The documents being processed, in the order in which they started."""
        return list(self._tally.running.values())

    @property
    def waiting_for(self) -> str | None:
        """Why no document is being processed, such as "waiting for queue gpu".

        None if unknown: they wait for a worker.
        """
        if self.finished:
            return None
        moment = self._now()
        if running := self._tally.running:
            return common_reason((each.event for each in running.values()), moment)
        events = (document.event for document in self._documents.values())
        reason = first_reason(events, moment)
        return self.queue_reason if reason is None else reason

    @property
    def stalled_documents(self) -> list[DocumentProgress]:
        """The documents that are being processed without events or heartbeats."""
        return [
            document for document in self._tally.running.values() if document.stalled
        ]

    @property
    def failures(self) -> list[ProgressEvent]:
        """The last events of failed documents, in the order in which they failed."""
        return [document.event for document in self._tally.failed.values()]

    @property
    def counts(self) -> dict[Status, int]:
        """How many documents have each status, zeros included."""
        return dict(self._tally.counts)

    @property
    def total(self) -> int:
        """How many documents have events."""
        return len(self._documents)

    @property
    def ended(self) -> int:
        """How many documents are in a final state."""
        return self._tally.ended

    @property
    def partial(self) -> bool:
        """Whether the counts include documents without an event yet."""
        return self._tally.assumed is not None

    @property
    def finished(self) -> bool:
        """Whether every expected document is in a final state."""
        if self.expected is None and not self._documents:
            return False
        return self.ended == sum(self._tally.counts.values()) >= (self.expected or 0)

    @property
    def fraction(self) -> float:
        """The share of the run's work that is done, from 0 to 1.

        Documents are weighed by their pages or bytes: see `docprogress.progress.work`.
        If there turns out to be more work than expected, the fraction stays the same
        until that much is done.

        Failed and cancelled documents count with the progress they had made, so this is
        1 only if every document was completed.
        """
        return sum(self.shares.values())

    @property
    def shares(self) -> dict[Status, float]:
        """The contribution of each status to `fraction`."""
        return self._shown.by_status(
            self.total, self.expected or 0, finished=self.finished
        )

    @property
    def pages(self) -> int:
        """Pages read so far."""
        return self._throughput.pages

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
        return self._per_second(self._throughput.completions)

    @property
    def pages_per_second(self) -> float | None:
        """Pages read per second recently."""
        return self._per_second(self._throughput.page_rate)

    @property
    def bytes_per_second(self) -> float | None:
        """Bytes processed per second recently, of documents whose size is known."""
        return self._per_second(self._throughput.byte_rate)

    @property
    def remaining_seconds(self) -> float | None:
        """An estimate of the seconds left, from the durations of this run.

        None while that is unknown, and while every running document is stalled.
        """
        if self.finished:
            return 0.0
        found = self._forecast()
        return found.seconds if found is not None and found.sure else None

    @property
    def remaining_range(self) -> tuple[float, float] | None:
        """Between which numbers of seconds the time left is, in four of five cases.

        None while that is unknown, or so vague that it would say nothing.
        """
        if self.finished:
            return 0.0, 0.0
        found = self._forecast()
        return None if found is None else found.range

    def stalled(self, document_id: str) -> bool:
        """Whether a document is being processed without events or heartbeats."""
        document = self._documents.get(document_id)
        return document is not None and document.stalled

    def summary(self) -> str:
        """A line of text: how many documents have each status."""
        counts = self.counts
        total = max(sum(counts.values()), self.expected or 0)
        return summarize(
            counts,
            total,
            not_handed_in=self.not_handed_in,
            without_text=self.without_text,
            needs_ocr=self._tally.needs_ocr,
        )

    @property
    def missing_text(self) -> str | None:
        """How many documents have no text, for people; None if all have some."""
        count = self.without_text
        total = max(self.total, self.expected or 0)
        if not count:
            return None
        return describe_without_text(count, total, needs_ocr=self._tally.needs_ocr)

    @property
    def without_text(self) -> int:
        """How many documents have completed, and have no text."""
        return len(self._tally.without_text)

    @property
    def not_handed_in(self) -> str | None:
        """Why some documents were never submitted; None if all were."""
        return next(iter(self._tally.not_handed_in.values()), None)

    def add_sizes(self, sizes: Mapping[str, int]) -> None:
        """Set the sizes of documents in bytes, by their ids; their events may, too."""
        self._sizes |= {each: valid_count(size) or 0 for each, size in sizes.items()}
        for document_id in sizes.keys() & self._documents.keys():
            self._weigh(self._documents[document_id])

    def assume(self, counts: Mapping[Status, int] | None) -> None:
        """Use these counts until every document has an event; None to count events.

        Large runs know their counts long before each document's state.
        """
        self._tally.assume(counts)

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
        if at >= self._time_left.due:
            self._time_left.look(max(self.total, self.expected or 0), at)
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
        document.number = len(self._documents)
        self._documents[event.document_id] = document
        # Progress before the first event here says nothing about the pace.
        seen = sign > self._first_seen_at
        self._enter(document, event, sign)
        self._throughput.count(document, event, at, seen=seen)
        if seen and event.status is Status.COMPLETED:
            self._throughput.completions.add(at, 1)

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
        self._tally.remove(document)
        if fresh and not known.final:
            self._estimator.attempt_lost(document, at)
        self._replace(document, event, fresh=fresh)
        was_running = known.status is Status.PROCESSING and not fresh
        running = event.status is Status.PROCESSING
        if was_running and passes_step(known, event):
            self._pass(document, known, at)
        if not (was_running and running and event.step == known.step):
            timing.enter_step(at if running else None)
        elif event.unit != known.unit:
            # The step counts something else now: bytes downloaded, then pages.
            timing.step_baseline = None
        if (event.progress, event.current) != (known.progress, known.current):
            timing.advanced_at = at
        self._enter(document, event, at)
        if event.status is Status.COMPLETED:
            self._throughput.completions.add(at, 1)
            self._estimator.document_completed(document, at)
        elif event.status is Status.FAILED:
            self._estimator.attempt_lost(document, at)
            self._estimator.document_failed()
        self._throughput.count(document, event, at, seen=True)
        if running and event.ocr_total is not None:
            self._estimator.recognition.observe(document, at)

    def _replace(
        self, document: DocumentProgress, event: ProgressEvent, *, fresh: bool
    ) -> None:
        if document.event.final and not event.final:
            # It is repeated, which is more work.
            self._shown.restart()
        if fresh:
            document.attempt = attempt_of(event) or document.attempt
            document.timing.restart()
        elif document.attempt is None:
            document.attempt = attempt_of(event)
        document.event = event
        if event.name is not None and event.name != document.name:
            document.name = event.name
            document.kind = self._work.kind_of(document.name)

    def _enter(
        self, document: DocumentProgress, event: ProgressEvent, at: float
    ) -> None:
        """Add a document to every count."""
        timing = document.timing
        self._time_left.note(event, at)
        document.learn_work()
        self._weigh(document)
        started = self._tally.add(document)
        if started:
            self._estimator.concurrency.change(at, started)
        if event.final:
            timing.ended_at = at
        if event.status is not Status.PROCESSING:
            if event.status is Status.QUEUED and timing.paused_at is None:
                timing.paused_at = at
            return
        if timing.started_at is None:
            timing.started_at = at
            self._throughput.begin(self._clock())
        elif timing.paused_at is not None:
            timing.paused_seconds += at - timing.paused_at
        timing.paused_at = None
        if timing.attempt_baseline is None:
            timing.attempt_baseline = (at, event.progress / 100)
        if timing.step_baseline is None:
            share = self._estimator.step_share(event)
            timing.step_baseline = (at, share or 0.0)
            self._estimator.step_entered(event)

    def _weigh(self, document: DocumentProgress) -> None:
        """Count a document's current state in the work of the run."""
        size = document.event.size
        if size is None:
            size = self._sizes.get(document.id, 0)
        elif self._sizes.get(document.id) != size:
            size = self._sizes[document.id] = valid_count(size) or 0
        document.size = size
        self._work.count(document, size)

    def _pass(
        self, document: DocumentProgress, known: ProgressEvent, at: float
    ) -> None:
        """Learn from a document that has passed its known step."""
        pages = valid_count(known.total) if known.unit in PAGE_UNITS else None
        self._throughput.count_pages(document, pages, at)
        self._estimator.step_passed(known.step, document, at)

    def _forecast(self) -> Forecast | None:
        total = max(self.total, self.expected or 0)
        return self._time_left.forecast(total, self._clock(), last_seen=self._last_seen)

    def _per_second(self, rate: Rate) -> float | None:
        if self.finished and self._first_seen_at is not None:
            return rate.average(self._last_seen - self._first_seen_at)
        return rate.per_second(self._clock())
