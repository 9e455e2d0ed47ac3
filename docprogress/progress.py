"""What is known of many documents: the fold of their events.

Every surface shows this and nothing else.  Events may come late, twice, out of
order, or from programs that know half of the format.  A number is None while it
is unknown, and never negative, infinite or NaN.  Durations are measured on the
receiver's own clock, so that a wrong clock elsewhere cannot bend them.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from docprogress.events import NOT_HANDED_IN, ProgressEvent, Status, now

#: Seconds without a sign of life after which a running document is stalled.
STALLED_SECONDS = 15.0

#: Seconds of the recent past that a rate is taken from; more where fewer than
#: `RATE_SAMPLES` moments of it hold anything, so that a slow run does not flicker.
RATE_WINDOW = 30.0
RATE_SAMPLES = 8

#: Seconds that count as one moment, which bounds what a rate remembers.
RATE_MOMENT = 0.25

#: Seconds in which what was seen of concurrency fades, and the longest pause
#: between two documents that counts as the pipeline's own.
CONCURRENCY_SECONDS = 10.0
LONGEST_PAUSE = 5.0

#: The share, and the seconds, that must have been seen of something before its
#: own pace says when it ends.
LEAST_SHARE = 0.05
LEAST_SECONDS = 1.0

#: The seconds that a run must have been seen to work, and the share of a document
#: whose steps nobody knows, before there is an estimate.
LEAST_WORK = 5.0
LEAST_UNPLANNED = 0.1

#: Documents that must have been completed before they say how long those take that
#: have not begun: a number, and a share of those that wait up to a number.
LEAST_COMPLETED = 3
COMPLETED_SHARE = 0.1
MOST_COMPLETED = 20

#: Documents that must have been completed before they say how long the steps of another
#: one take of which it is not known how many pages it has.
LEAST_MEASURED = 2

#: What is overdue still takes this share of what it was expected to take, or
#: of what it has taken.  What has taken so many times as long is unlike the others.
OVERDUE = 0.1
UNLIKE = 2.0

#: Seconds of age that a timestamp is believed; beyond is a wrong clock.
OLDEST = 7 * 24 * 3600.0

#: Seconds in which a newcomer is told the present.
TELLING_SECONDS = 2.0

#: The steps that are measured, and the running documents that an estimate looks
#: at: bounds on what a program that has gone mad can cost.
MOST_STEPS = 32
MOST_LOOKED_AT = 500

#: The greatest count that is believed.
GREATEST_COUNT = 10**12

#: The units of `current` and `total` that are pages.
PAGE_UNITS = frozenset({"page", "pages"})

#: A document's share of the run is counted in whole numbers: they do not drift.
_WHOLE = 1_000_000

_FINAL = [status for status in Status if status.final]

#: States in the order in which a summary names them.
SUMMARY_ORDER = (
    Status.COMPLETED,
    Status.FAILED,
    Status.CANCELLED,
    Status.PROCESSING,
    Status.QUEUED,
)


class DocumentProgress:
    """One document as it is known now; it changes as events are applied."""

    __slots__ = (
        "_clock",
        "_ended",
        "_entered",
        "_highest",
        "_moved",
        "_pace_from",
        "_sign",
        "_started",
        "_step_from",
        "_whole",
        "attempt",
        "event",
        "name",
        "pages",
    )

    def __init__(self, event: ProgressEvent, clock: Callable[[], float]) -> None:
        #: The newest event, with the highest progress of its attempt.
        self.event = event
        #: The newest name that was told; the id where none was.
        self.name = event.name or event.document_id
        #: None as long as no event has told it.
        self.attempt = _attempt(event)
        #: Pages read, by the attempt that read the most.
        self.pages = 0
        self._clock = clock
        self._highest = 0.0
        # Moments on the receiver's clock.  `_entered` is known only for a step
        # that was seen to begin; `_whole` says the same of the attempt.
        self._sign = 0.0
        self._moved = 0.0
        self._whole = False
        self._started: float | None = None
        self._ended: float | None = None
        self._entered: float | None = None
        # What the pace of the attempt, and of its step, is measured from: a
        # moment, and the share that was done then.
        self._pace_from: tuple[float, float] | None = None
        self._step_from: tuple[float, float] | None = None

    def __repr__(self) -> str:
        event = self.event
        return f"<{event.document_id}: {event.status}, {event.step} {event.progress:g}>"

    @property
    def id(self) -> str:
        """The document's id."""
        return self.event.document_id

    @property
    def status(self) -> Status:
        """What the document is doing."""
        return self.event.status

    @property
    def elapsed(self) -> float | None:
        """The seconds that this attempt has run; None before it was seen to."""
        if self._started is None:
            return None
        end = self._clock() if self._ended is None else self._ended
        return max(end - self._started, 0.0)

    @property
    def silent_seconds(self) -> float:
        """The seconds since the last sign of life."""
        return max(self._clock() - self._sign, 0.0)

    @property
    def stalled(self) -> bool:
        """Whether the document is running, but nothing is heard of it."""
        running = self.event.status is Status.PROCESSING
        return running and self.silent_seconds >= STALLED_SECONDS


class Progress:
    """Fold events into the newest of each document, and derive every number.

    Not for several threads at once: whoever applies the events owns it.

    Args:
        expected: How many documents there will be; None if nobody knows.
        steps: The steps of a document in their order, by their names, with the percent
            of its progress where each begins and ends; empty if nobody knows.
        clock: Seconds that never jump.
        now: The time of day, to which events' timestamps are compared.
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
        #: Pages read so far.
        self.pages = 0
        self._plan = dict(steps)
        self._clock = clock
        self._now = now
        self._documents: dict[str, DocumentProgress] = {}
        self._sizes: dict[str, int] = {}
        self._counts = dict.fromkeys(Status, 0)
        # What is known of all documents, while not each of them was heard of.
        self._assumed: dict[Status, int] | None = None
        # In the order in which they began, and in which they failed.
        self._running: dict[str, DocumentProgress] = {}
        self._failed: dict[str, DocumentProgress] = {}
        # What documents of each status have done, in whole numbers.
        self._work = dict.fromkeys(Status, 0)
        # Why documents were not handed in, by their ids.
        self._not_handed_in: dict[str, str] = {}
        # Moments on the receiver's clock: the first event that was applied,
        # the beginning of the run as far as is known, its newest sign of life.
        self._watched_from: float | None = None
        # When something was first seen to run, or to end.
        self._working_from: float | None = None
        self._ran = False
        self._began = 0.0
        self._sign = 0.0
        self._completions = _Rate()
        self._page_rate = _Rate()
        self._byte_rate = _Rate()
        self._steps: dict[str, _StepTimes] = {}
        self._measured = _StepTimes()
        self._concurrency = _Concurrency()

    def __repr__(self) -> str:
        return f"<Progress: {self.summary()}>"

    @property
    def documents(self) -> Mapping[str, DocumentProgress]:
        """Every document by its id, in the order of their first events."""
        return MappingProxyType(self._documents)

    @property
    def running(self) -> list[DocumentProgress]:
        """The documents that are being processed, in the order they began."""
        return list(self._running.values())

    @property
    def waiting_for(self) -> str | None:
        """What a document says that it waits for, while none is being processed.

        Such as "waiting for queue gpu".  None if none says so: it waits for a worker.
        """
        if self._running:
            return None
        for document in self._documents.values():
            event = document.event
            if event.status is Status.QUEUED and event.message.startswith(_WAITING):
                return event.message[0].lower() + event.message[1:]
        return None

    @property
    def stalled_documents(self) -> list[DocumentProgress]:
        """The documents that are being processed without a sign of life."""
        return [document for document in self._running.values() if document.stalled]

    @property
    def failures(self) -> list[ProgressEvent]:
        """The last events of the documents that have failed, in that order."""
        return [document.event for document in self._failed.values()]

    @property
    def counts(self) -> dict[Status, int]:
        """How many documents are in each state, zeros included."""
        return dict(self._counted)

    @property
    def _counted(self) -> Mapping[Status, int]:
        return self._counts if self._assumed is None else self._assumed

    @property
    def total(self) -> int:
        """How many documents have been heard of."""
        return len(self._documents)

    @property
    def ended(self) -> int:
        """How many documents have come to rest."""
        counts = self._counted
        return sum([counts[status] for status in _FINAL if status in counts])

    @property
    def partial(self) -> bool:
        """Whether more documents are counted than were heard of."""
        return self._assumed is not None

    @property
    def finished(self) -> bool:
        """Whether every document that is expected has come to rest."""
        if self.expected is None and not self._documents:
            return False
        return self.ended == sum(self._counted.values()) >= (self.expected or 0)

    @property
    def fraction(self) -> float:
        """The share of the run's work that is done, from 0 to 1.

        A document that failed or was cancelled counts with the progress that it had
        made, so this is 1 only if every document was completed.
        """
        if self.finished and not self._documents and not self.ended:
            return 1.0
        return sum(self._done().values()) / self._whole

    @property
    def shares(self) -> dict[Status, float]:
        """What the documents of each status contribute to `fraction`."""
        return {status: done / self._whole for status, done in self._done().items()}

    @property
    def _whole(self) -> int:
        """The work of the whole run, in the unit of `_work`."""
        return _WHOLE * max(
            self.total, self.expected or 0, sum(self._counted.values()), 1
        )

    def _done(self) -> dict[Status, int]:
        """The work that is done, by the status of the documents."""
        completed = self._counted[Status.COMPLETED] * _WHOLE
        left, done = self._whole, {}
        for status in SUMMARY_ORDER:
            work = completed if status is Status.COMPLETED else self._work[status]
            # Counts that were assumed may be newer than what was heard of documents.
            done[status] = min(work, left)
            left -= done[status]
        return done

    @property
    def elapsed(self) -> float | None:
        """The seconds from the first news of the run to its end, or to now.

        None where only ends were heard of: they do not tell when it began.
        """
        if self._watched_from is None or not self._ran:
            return None
        end = self._sign if self.finished else self._clock()
        return max(end - self._began, 0.0)

    @property
    def documents_per_second(self) -> float | None:
        """How many documents have been completed a second, of late."""
        return self._per_second(self._completions)

    @property
    def pages_per_second(self) -> float | None:
        """How many pages have been read a second, of late."""
        return self._per_second(self._page_rate)

    @property
    def bytes_per_second(self) -> float | None:
        """How many bytes were worked through a second, where sizes are known."""
        return self._per_second(self._byte_rate)

    @property
    def remaining_seconds(self) -> float | None:
        """The seconds that are left, by what this run has taken so far.

        None while that is unknown, and while nothing shows a sign of life.
        """
        if self.finished:
            return 0.0
        at = self._clock()
        if all(document.stalled for document in self._running.values()) and (
            self._running or at - self._sign >= STALLED_SECONDS
        ):
            return None
        if self._working_from is None or at - self._working_from < LEAST_WORK:
            return None
        estimate = self._from_steps(at)
        return self._from_rate(at) if estimate is None else estimate

    def stalled(self, document_id: str) -> bool:
        """Whether a document is being processed without a sign of life."""
        document = self._documents.get(document_id)
        return document is not None and document.stalled

    def summary(self) -> str:
        """One line for a person: the documents, and how many are in each state."""
        counts = self.counts
        total = max(sum(counts.values()), self.expected or 0)
        return summed_up(counts, total, not_handed_in=self.not_handed_in)

    @property
    def not_handed_in(self) -> str | None:
        """Why documents were never handed in; None if none is known to be missing."""
        return next(iter(self._not_handed_in.values()), None)

    def add_sizes(self, sizes: Mapping[str, int]) -> None:
        """Say how many bytes documents have, by their ids."""
        self._sizes.update(sizes)

    def assume(self, counts: Mapping[Status, int] | None) -> None:
        """Count by this, until each document was heard of; None: by what was heard.

        It is for many documents, whose counts are known long before each of them is.
        """
        whole = counts is None or self.total >= max(sum(counts.values()), 1)
        self._assumed = None if whole or counts is None else dict(counts)

    def apply(self, event: ProgressEvent) -> bool:
        """Take one event in; whether anything that is shown has changed.

        Within an attempt progress never falls and nothing follows a final
        event; news of an older attempt is ignored.
        """
        at = self._clock()
        document = self._documents.get(event.document_id)
        if document is None:
            self._welcome(event, at)
            return True
        known, attempt = document.event, _attempt(event)
        if attempt is not None and document.attempt is not None:
            if attempt < document.attempt:
                return False
            fresh = attempt > document.attempt
        else:
            # A program that counts no attempts may begin again after an end.
            later = event.timestamp > known.timestamp
            fresh = known.final and not event.final and later
        if not fresh and (known.final or _already_told(known, event)):
            return False
        if not fresh and event.progress < known.progress:
            event = event.replace(progress=known.progress)
        changed = document.stalled or _shown(event) != _shown(known)
        document._sign = self._sign = max(at, self._sign)
        self._move(document, event, at, fresh=fresh)
        return changed

    def _welcome(self, event: ProgressEvent, at: float) -> None:
        """Begin with a document that nothing was known of."""
        age = (self._now() - event.timestamp).total_seconds()
        sign = at - (age if 0 < age <= OLDEST else 0.0)
        if self._watched_from is None:
            self._watched_from = at
            self._began = self._sign = sign
        elif at - self._watched_from < TELLING_SECONDS:
            self._began = min(self._began, sign)
        self._sign = max(self._sign, sign)
        self._ran = self._ran or not event.final
        document = DocumentProgress(event, self._clock)
        document._sign = document._moved = sign
        document._whole = event.status is Status.QUEUED
        document._highest = event.progress
        self._documents[event.document_id] = document
        # What happened before anybody watched says nothing about the pace.
        seen = sign > self._watched_from
        self._enter(document, event, sign)
        self._read(document, event, at, seen=seen)
        if seen and event.status is Status.COMPLETED:
            self._completions.add(at, 1)

    def _move(
        self,
        document: DocumentProgress,
        event: ProgressEvent,
        at: float,
        *,
        fresh: bool,
    ) -> None:
        """Let a document go on from the event that is known to the next."""
        known = document.event
        self._leave(document)
        if fresh:
            document.attempt = _attempt(event) or document.attempt
            document._started = document._ended = document._pace_from = None
            document._step_from = document._entered = None
            document._whole = True
        elif document.attempt is None:
            document.attempt = _attempt(event)
        document.event = event
        document.name = event.name or document.name

        was_running = known.status is Status.PROCESSING and not fresh
        running = event.status is Status.PROCESSING
        if was_running and _passed(known, event):
            self._pass(document, known, at)
        if not (was_running and running and event.step == known.step):
            document._step_from = document._pace_from = None
            document._entered = at if running else None
        elif event.unit != known.unit:
            # The step counts something else now: what it fetched, then what it reads.
            document._step_from = None
        if (event.progress, event.current) != (known.progress, known.current):
            document._moved = at
        self._enter(document, event, at)
        if event.status is Status.COMPLETED:
            self._completions.add(at, 1)
            seen = document._whole and document._started is not None
            if seen and _first_attempt(document):
                self._measured.add(document.elapsed or 0.0, 0)
        self._read(document, event, at, seen=True)

    def _leave(self, document: DocumentProgress) -> None:
        """Take a document out of every number that counts documents."""
        event = document.event
        self._counts[event.status] -= 1
        self._work[event.status] -= _work(event)
        if event.status is Status.FAILED:
            del self._failed[event.document_id]
        self._not_handed_in.pop(event.document_id, None)

    def _enter(
        self, document: DocumentProgress, event: ProgressEvent, at: float
    ) -> None:
        """Put a document into every number that counts documents."""
        self._note_work(event, at)
        self._counts[event.status] += 1
        self._work[event.status] += _work(event)
        if event.status is Status.PROCESSING:
            if event.document_id not in self._running:
                self._concurrency.change(at, +1)
                self._running[event.document_id] = document
            if document._started is None:
                document._started = at
                self._begin_rates()
            if document._pace_from is None:
                document._pace_from = (at, event.progress / 100)
            if document._step_from is None:
                document._step_from = (at, self._step_share(event) or 0.0)
                self._note_step(event)
            return
        if self._running.pop(event.document_id, None) is not None:
            self._concurrency.change(at, -1)
        if event.final:
            document._ended = at
        if event.status is Status.FAILED:
            self._failed[event.document_id] = document
        elif (reason := _not_handed_in(event)) is not None:
            self._not_handed_in[event.document_id] = reason

    def _read(
        self, document: DocumentProgress, event: ProgressEvent, at: float, *, seen: bool
    ) -> None:
        """Count the pages and bytes that an event has brought."""
        if event.unit in PAGE_UNITS:
            self._count_pages(document, _count(event.current), at, seen=seen)
        if event.progress > document._highest:
            size = self._sizes.get(event.document_id, 0)
            gained = event.progress - document._highest
            self._byte_rate.add(at, round(size * gained / 100))
            document._highest = event.progress

    def _note_work(self, event: ProgressEvent, at: float) -> None:
        if self._working_from is None and event.status is not Status.QUEUED:
            self._working_from = at

    def _begin_rates(self) -> None:
        """Measure from the moment when something was first seen to run."""
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

    def _note_step(self, event: ProgressEvent) -> None:
        """Learn where in a document a step stands."""
        step = self._steps.get(event.step)
        if step is None:
            if len(self._steps) >= MOST_STEPS:
                return
            step = self._steps[event.step] = _StepTimes()
        step.entries += 1
        step.progress += event.progress

    def _pass(
        self, document: DocumentProgress, known: ProgressEvent, at: float
    ) -> None:
        """Learn from a document that has passed the step where it was known."""
        pages = _count(known.total) if known.unit in PAGE_UNITS else None
        self._count_pages(document, pages, at, seen=True)
        step = self._steps.get(known.step)
        if step and document._entered is not None and _first_attempt(document):
            step.add(at - document._entered, document.pages)

    def _per_second(self, rate: "_Rate") -> float | None:
        if self.finished and self._watched_from is not None:
            return rate.average(self._sign - self._watched_from)
        return rate.per_second(self._clock())

    def _from_steps(self, at: float) -> float | None:
        """What is left, by the times of the steps and the concurrency seen."""
        concurrency = self._concurrency.at(at)
        if concurrency is None:
            return None
        stride = -(-len(self._running) // MOST_LOOKED_AT) or 1
        looked_at = list(islice(self._running.values(), 0, None, stride))
        later = self._later()
        lefts = [self._left(document, later, at) for document in looked_at]
        if any(left is None for left in lefts):
            return None
        known = [left for left in lefts if left is not None]
        work = stride * sum(known)
        waiting = max(self.total, self.expected or 0) - len(self._running) - self.ended
        if waiting > 0:
            whole = self._whole_seconds(looked_at, known, waiting, at)
            if whole is None:
                return None
            work += waiting * whole
        return max(work / concurrency, *known, 0.0)

    def _left(
        self, document: DocumentProgress, later: "_Later", at: float
    ) -> float | None:
        """The seconds that a running document still takes; None if unknown."""
        event = document.event
        share = self._step_share(event)
        left = _pace(document._step_from, document._moved, share, at)
        # What comes after this step is known once a document was seen to end.
        pages = _pages_of(document)
        measured = self._measured.documents
        if event.step in later and (pages or measured >= LEAST_MEASURED):
            if left is None:
                expected = self._steps[event.step].mean(pages)
                since = document._moved if share else document._entered
                if expected is None or since is None:
                    return None
                left = _expected(expected * (1 - (share or 0.0)), at - since)
            if left is None:
                return None
            after = later[event.step]
            return left + sum((s.mean(pages) or 0.0) * part for s, part in after)
        if self._plan:
            return left if event.step == list(self._plan)[-1] else None
        # By its percentage, as if that grew evenly from this step on.
        done = event.progress / 100
        least = LEAST_UNPLANNED
        return _pace(document._pace_from, document._moved, done, at, least=least)

    def _step_share(self, event: ProgressEvent) -> float | None:
        """The share of its step that is done; None if nobody knows."""
        share = _step_share(event)
        if share is None and event.step in self._plan:
            begin, end = self._plan[event.step]
            return min(max((event.progress - begin) / max(end - begin, 1e-9), 0.0), 1.0)
        return share

    def _later(self) -> "_Later":
        """For each step the ones after it, and the share of documents they see."""
        later: _Later = {}
        if not self._measured.documents:
            return later
        after: list[tuple[_StepTimes, float]] = []
        in_order = sorted(self._steps.items(), key=lambda item: item[1].position)
        for name, step in reversed(in_order):
            later[name] = list(after)
            # Before a step that nobody has passed, what comes after is unknown.
            if not step.documents:
                break
            after.append((step, min(1.0, step.documents / self._measured.documents)))
        return later

    def _whole_seconds(
        self,
        documents: Iterable[DocumentProgress],
        lefts: Iterable[float],
        waiting: int,
        at: float,
    ) -> float | None:
        """The seconds that a whole document takes; None if unknown."""
        mean = self._measured.mean(None)
        if mean is None or not _enough(self._measured.documents, waiting):
            return None
        # What ends first is shorter than the rest: what runs now counts as well.
        wholes = [
            at - document._started + left
            for document, left in zip(documents, lefts, strict=True)
            if document._whole and document._started is not None
        ]
        count = self._measured.documents + len(wholes)
        mean = (self._measured.seconds + sum(wholes)) / count
        squares = self._measured.squares + sum(whole * whole for whole in wholes)
        # The mean of few that differ much may be far from that of the rest.
        deviation = math.sqrt(max(squares / count - mean * mean, 0.0))
        return mean + (2 + 6 / count) * deviation / math.sqrt(count)

    def _from_rate(self, at: float) -> float | None:
        """What is left, by the rate at which documents were completed."""
        rate = self._completions.per_second(at)
        left = max(self.total, self.expected or 0) - self.ended
        if self._running or not rate or not _enough(self._completions.total, left):
            return None
        return left / rate


class _Rate:
    """How fast a count has grown of late, in bounded memory."""

    __slots__ = ("_began", "_recent", "_samples", "total")

    def __init__(self) -> None:
        self.total = 0
        self._recent = 0
        # The moment after which everything that counts now has happened.
        self._began: float | None = None
        self._samples: deque[tuple[float, int]] = deque()

    def begin(self, at: float) -> None:
        """Count from this moment on, unless counting has begun."""
        if self._began is None:
            self._began = at

    def add(self, at: float, amount: int) -> None:
        self.begin(at)
        self.total += amount
        self._recent += amount
        if self._samples and at - self._samples[-1][0] < RATE_MOMENT:
            began, before = self._samples[-1]
            self._samples[-1] = (began, before + amount)
        else:
            self._samples.append((at, amount))
            self._forget(at)

    def per_second(self, at: float) -> float | None:
        self._forget(at)
        if self._began is None or not self._recent:
            return None
        seconds = at - self._began
        return self._recent / seconds if seconds >= LEAST_SECONDS else None

    def average(self, seconds: float) -> float | None:
        return self.total / seconds if self.total and seconds >= RATE_MOMENT else None

    def _forget(self, at: float) -> None:
        samples = self._samples
        while len(samples) > RATE_SAMPLES and samples[0][0] < at - RATE_WINDOW:
            self._began, amount = samples.popleft()
            self._recent -= amount


class _StepTimes:
    """What a step has taken, over the documents that were seen to pass it."""

    __slots__ = (
        "documents",
        "entries",
        "paged_seconds",
        "pages",
        "progress",
        "seconds",
        "squares",
    )

    def __init__(self) -> None:
        self.documents = 0
        self.seconds = 0.0
        self.squares = 0.0
        #: Of the documents whose pages are known.
        self.pages = 0
        self.paged_seconds = 0.0
        #: The sum of documents' progress when they came here.
        self.progress = 0.0
        self.entries = 0

    @property
    def position(self) -> float:
        """Where in a document the step begins, in per cent."""
        return self.progress / self.entries if self.entries else 0.0

    def add(self, seconds: float, pages: int) -> None:
        self.documents += 1
        self.seconds += max(seconds, 0.0)
        self.squares += max(seconds, 0.0) ** 2
        if pages:
            self.pages += pages
            self.paged_seconds += max(seconds, 0.0)

    def mean(self, pages: int | None) -> float | None:
        """The seconds for a document, weighed by its pages where they are known."""
        if not self.documents:
            return None
        if pages and self.pages:
            return self.paged_seconds / self.pages * pages
        return self.seconds / self.documents


#: For each step, the steps after it and the share of documents that pass them.
_Later = dict[str, list[tuple[_StepTimes, float]]]


class _Concurrency:
    """How many documents have been processed at once, of late, on average.

    The pauses between two documents count, so that what the pipeline needs
    besides the steps is in the average.
    """

    __slots__ = ("_area", "_at", "_running", "_seconds")

    def __init__(self) -> None:
        self._at: float | None = None
        self._running = 0
        self._area = 0.0
        self._seconds = 0.0

    def change(self, at: float, difference: int) -> None:
        self._area, self._seconds = self._faded(at)
        self._running += difference
        self._at = at if self._at is None else max(at, self._at)

    def at(self, at: float) -> float | None:
        area, seconds = self._faded(at)
        if seconds < RATE_MOMENT:
            return float(self._running) or None
        return area / seconds if area > 0 else None

    def _faded(self, at: float) -> tuple[float, float]:
        if self._at is None:
            return 0.0, 0.0
        passed = max(at - self._at, 0.0)
        if not self._running:
            passed = min(passed, LONGEST_PAUSE)
        kept = math.exp(-passed / CONCURRENCY_SECONDS)
        gained = CONCURRENCY_SECONDS * (1 - kept)
        area = self._area * kept + self._running * gained
        return area, self._seconds * kept + gained


def summed_up(
    counts: Mapping[Status, int], total: int, *, not_handed_in: str | None = None
) -> str:
    """One line for a person; whatever is not counted is queued.

    Args:
        counts: How many documents are in each state.
        total: How many there are.
        not_handed_in: Why documents were never handed in, if any were not.
    """
    if not total:
        return "no documents"
    queued = counts[Status.QUEUED] + total - sum(counts.values())
    shown = {**counts, Status.QUEUED: queued}
    said = [f"{shown[s]:,} {s}" for s in SUMMARY_ORDER if shown[s]]
    line = f"{total:,} document{'' if total == 1 else 's'}: {', '.join(said)}"
    if not_handed_in is not None:
        line += f"; not all were handed in: {not_handed_in}"
    return line


#: How the message of a document begins that says what it waits for.
_WAITING = "Waiting for "


def _not_handed_in(event: ProgressEvent) -> str | None:
    """Why a document was never handed in; None if it was."""
    if event.status is not Status.CANCELLED:
        return None
    reason = event.message.removeprefix(NOT_HANDED_IN)
    return None if reason == event.message else reason


def _attempt(event: ProgressEvent) -> int | None:
    if event.attempt is not None:
        return event.attempt
    position = event.position
    return None if position is None else position[0]


def _count(value: int | None) -> int | None:
    """A count that can be believed, or None."""
    return value if value is not None and 0 <= value <= GREATEST_COUNT else None


def _work(event: ProgressEvent) -> int:
    """What a document has done, of `_WHOLE`: all of it only if it is completed."""
    if event.status is Status.COMPLETED:
        return _WHOLE
    return min(int(event.progress / 100 * _WHOLE), _WHOLE - 1)


def _step_share(event: ProgressEvent) -> float | None:
    """The share of its step that is done; None if it is not counted."""
    current, total = _count(event.current), _count(event.total)
    return None if current is None or not total else min(current / total, 1.0)


def _shown(event: ProgressEvent) -> tuple[object, ...]:
    """What a person can see of an event."""
    return (
        event.status,
        event.step,
        event.progress,
        event.message,
        event.error,
        event.attempt,
        event.current,
        event.total,
        event.unit,
        event.name,
        event.worker,
    )


def _already_told(known: ProgressEvent, event: ProgressEvent) -> bool:
    """Whether an event of the same attempt is no newer than what is known."""
    before, position = known.position, event.position
    if before is not None and position is not None:
        # A Redis that came back empty numbers from the start again, with later
        # timestamps.
        return position <= before and event.timestamp <= known.timestamp
    if event.timestamp == known.timestamp:
        return _shown(event) == _shown(known)
    if event.timestamp > known.timestamp or event.final:
        return False
    # An attempt has one clock; other programs are taken as they come.
    return _attempt(known) is not None and _attempt(event) is not None


def _pages_of(document: DocumentProgress) -> int | None:
    """How many pages a document has; None while that is unknown."""
    event = document.event
    if event.unit in PAGE_UNITS:
        return _count(event.total) or None
    return document.pages or None


def _passed(known: ProgressEvent, event: ProgressEvent) -> bool:
    """Whether the step that is known was done when `event` happened."""
    if event.final:
        return event.status is Status.COMPLETED
    return event.step != known.step


def _first_attempt(document: DocumentProgress) -> bool:
    """Whether nothing was done before: only then do times say what work takes."""
    return document.attempt is None or document.attempt <= 1


def _pace(
    since: tuple[float, float] | None,
    moved: float,
    share: float | None,
    at: float,
    *,
    least: float = LEAST_SHARE,
) -> float | None:
    """The seconds that are left at the pace since a moment; None if unknown."""
    if since is None or share is None:
        return None
    began, before = since
    if share - before < least - 1e-9 or moved - began < LEAST_SECONDS:
        return None
    left = (1 - share) * (moved - began) / (share - before)
    return _countdown(left, at - moved)


def _enough(completed: int, waiting: int) -> bool:
    """Whether so many documents say how long those take that wait."""
    wanted = max(LEAST_COMPLETED, COMPLETED_SHARE * waiting)
    return completed >= min(wanted, MOST_COMPLETED)


def _expected(seconds: float, spent: float) -> float | None:
    """What is left of what others took; None of what takes much longer than they."""
    return None if spent > UNLIKE * seconds + 1 else _countdown(seconds, spent)


def _countdown(expected: float, spent: float) -> float:
    """What is left of `expected` seconds; some is left even of what is overdue."""
    return max(expected - spent, OVERDUE * max(expected, spent))
