"""The current state of one document, and what its events say about its pace."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from docprogress.events import ProgressEvent, Status

if TYPE_CHECKING:
    from docprogress.progress.work import Weight

#: Seconds without an event or heartbeat after which a running document is stalled.
STALLED_SECONDS = 15.0

#: The maximum plausible count.
GREATEST_COUNT = 10**12

#: The units of `current` and `total` that are pages.
PAGE_UNITS = frozenset({"page", "pages"})

#: A document's share of the run is counted in whole numbers, which do not drift.
WHOLE = 1_000_000


class DocumentTiming:
    """When things happened to a document, in seconds on the receiver's clock."""

    __slots__ = (
        "advanced_at",
        "attempt_baseline",
        "ended_at",
        "highest",
        "last_seen",
        "paused_at",
        "paused_seconds",
        "recognised_at",
        "recognised_pages",
        "recognition_baseline",
        "recognition_seconds",
        "seen_from_start",
        "started_at",
        "step_baseline",
        "step_entered_at",
    )

    def __init__(
        self, seen: float, *, seen_from_start: bool = False, highest: float = 0.0
    ) -> None:
        #: The newest event or heartbeat.
        self.last_seen = seen
        #: The newest event that reported progress.
        self.advanced_at = seen
        #: Whether the attempt was seen to begin.
        self.seen_from_start = seen_from_start
        #: The highest progress of any attempt, in percent.
        self.highest = highest
        self.started_at: float | None = None
        self.ended_at: float | None = None
        #: When the attempt was queued again, and for how long it has been so before.
        self.paused_at: float | None = None
        self.paused_seconds = 0.0
        #: None for a step that was not seen to begin.
        self.step_entered_at: float | None = None
        #: The baselines for the pace of the attempt and its step: a moment, and the
        #: share that was done then.
        self.attempt_baseline: tuple[float, float] | None = None
        self.step_baseline: tuple[float, float] | None = None
        #: When the newest page was recognised, or recognition began; and a moment, with
        #: the number of pages that were recognised then.
        self.recognised_at: float | None = None
        self.recognition_baseline: tuple[float, int] | None = None
        #: The pages that were recognised, and the seconds since they began, in this
        #: step.
        self.recognised_pages = 0
        self.recognition_seconds = 0.0

    def restart(self) -> None:
        """Begin another attempt."""
        self.started_at = self.ended_at = self.step_entered_at = None
        self.paused_at, self.paused_seconds = None, 0.0
        self.attempt_baseline = self.step_baseline = None
        self.recognised_at = self.recognition_baseline = None
        self.seen_from_start = True

    def worked(self, at: float) -> float | None:
        """The seconds for which this attempt was processed; None if it was not."""
        if self.started_at is None:
            return None
        end = at if self.paused_at is None else self.paused_at
        return max(end - self.started_at - self.paused_seconds, 0.0)

    def enter_step(self, at: float | None) -> None:
        """Begin another step at this moment; None if the document does not run."""
        self.step_baseline = self.attempt_baseline = None
        self.step_entered_at = at
        self.recognised_at = self.recognition_baseline = None
        self.recognition_seconds = 0.0


class DocumentProgress:
    """The current state of one document; it changes as events are applied."""

    __slots__ = (
        "_clock",
        "attempt",
        "event",
        "kind",
        "name",
        "number",
        "pages",
        "recognised",
        "size",
        "timing",
        "to_recognise",
        "weight",
        "work",
    )

    def __init__(
        self,
        event: ProgressEvent,
        clock: Callable[[], float],
        timing: DocumentTiming | None = None,
    ) -> None:
        #: The newest event, with the highest progress of its attempt.
        self.event = event
        #: The newest name; the id if there was none.
        self.name = event.name or event.document_id
        #: Its place in the order of first events.
        self.number = 0
        #: None until an event states it.
        self.attempt = attempt_of(event)
        #: Pages read, by the attempt that read the most.
        self.pages = 0
        #: Its work without OCR, in pages; None while unknown.
        self.work: int | None = None
        #: The number of pages that need OCR, and how many of them are done.
        self.to_recognise = self.recognised = 0
        #: The size of the file in bytes; 0 if unknown.
        self.size = 0
        #: The kind of file, by its name.
        self.kind = ""
        #: Its weight in the work of its run.
        self.weight: Weight | None = None
        self._clock = clock
        self.timing = DocumentTiming(0.0) if timing is None else timing

    def __repr__(self) -> str:
        event = self.event
        return f"<{event.document_id}: {event.status}, {event.step} {event.progress:g}>"

    @property
    def id(self) -> str:
        """The document's id."""
        return self.event.document_id

    @property
    def status(self) -> Status:
        """The document's status."""
        return self.event.status

    @property
    def elapsed(self) -> float | None:
        """The seconds that this attempt has run; None before it was seen to run."""
        timing = self.timing
        if timing.started_at is None:
            return None
        end = self._clock() if timing.ended_at is None else timing.ended_at
        return max(end - timing.started_at, 0.0)

    @property
    def silent_seconds(self) -> float:
        """The seconds since the last event or heartbeat."""
        return max(self._clock() - self.timing.last_seen, 0.0)

    @property
    def stalled(self) -> bool:
        """Whether the document is running without events or heartbeats."""
        running = self.event.status is Status.PROCESSING
        return running and self.silent_seconds >= STALLED_SECONDS

    @property
    def first_attempt(self) -> bool:
        """Whether nothing was done before, so that durations show the whole work."""
        return self.attempt is None or self.attempt <= 1

    @property
    def page_count(self) -> int | None:
        """How many pages the document has; None while that is unknown."""
        if self.event.unit in PAGE_UNITS:
            return valid_count(self.event.total) or None
        return self.pages or None

    def learn_work(self) -> None:
        """Update the work from the newest event."""
        event = self.event
        if event.work is not None:
            self.work = valid_count(event.work)
        elif event.unit in PAGE_UNITS and event.total:
            self.work = valid_count(event.total) or self.work
        if event.ocr_total is None and event.ocr_pages is None:
            if self.to_recognise:
                # It is part of the step that determines the work.
                self.recognised = 0 if event.work is None else self.to_recognise
            return
        found = event.ocr_total if event.ocr_pages is None else event.ocr_pages
        self.to_recognise = max(self.to_recognise, valid_count(found) or 0)
        done = event.ocr_current if event.ocr_pages is None else event.ocr_pages
        self.recognised = min(valid_count(done) or 0, self.to_recognise)


def attempt_of(event: ProgressEvent) -> int | None:
    """The attempt of an event, from its field or its id; None if it has neither."""
    if event.attempt is not None:
        return event.attempt
    position = event.position
    return None if position is None else position[0]


def valid_count(value: int | None) -> int | None:
    """The count, or None if it cannot be right."""
    return value if value is not None and 0 <= value <= GREATEST_COUNT else None


def counted_share(event: ProgressEvent) -> float | None:
    """The share of its step that an event counts as done; None if it counts nothing."""
    current, total = valid_count(event.current), valid_count(event.total)
    return None if current is None or not total else min(current / total, 1.0)
