"""Which worker was busy with which document, from when to when.

Spans are computed from the store, so they are the same in every process and at any
time.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from docprogress.bus.bus import Bus
from docprogress.errors import BusError
from docprogress.events import Status, now
from docprogress.store import AttemptRow, DocumentRow, RunRow, StepTiming, Store
from docprogress.store.rows import AttemptStatus

#: Seconds by which two documents of one process may appear to overlap.
OVERLAP = 0.001


class Mark(StrEnum):
    """How an attempt ended, where it did not complete."""

    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    LOST = "worker lost"


class StepSpan(NamedTuple):
    """The time a worker spent on one step; `step` is None if it did not finish."""

    step: str | None
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time a worker spent on one document without interruption.

    Times are seconds since the run began.
    """

    worker: str
    name: str
    steps: Sequence[StepSpan]
    mark: Mark | None = None

    @property
    def begin(self) -> float:
        return self.steps[0].begin

    @property
    def end(self) -> float:
        return self.steps[-1].end


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpans:
    """All spans of one run."""

    begin: datetime
    documents: Sequence[DocumentRow]
    spans: Sequence[Span]
    #: The names of the steps, in order.
    steps: Sequence[str]


def spans_of(store: Store, run: RunRow, connect: Callable[[], Bus]) -> RunSpans:
    """Compute the spans of a run.

    Args:
        store: Where the run is kept.
        run: The run.
        connect: Opens the bus; called only if the steps use several queues, to find
            out which worker did which step.

    Raises:
        StoreError: The store cannot be read.
    """
    documents = store.documents.find(run.id)
    attempts = store.attempts.of_run(run.id)
    timings = store.results.timings(run.id)
    workers: Mapping[tuple[str, int, str], str] = {}
    if len({step.get("queue") for step in run.steps}) > 1:
        attempted = {attempt.document_id for attempt in attempts}
        workers = _workers(attempted, connect)
    begin = min([run.created_at, *(attempt.started_at for attempt in attempts)])
    planned = [step["name"] for step in run.steps]
    return RunSpans(
        begin=begin,
        documents=documents,
        spans=_spans(documents, attempts, timings, workers, begin=begin, until=now()),
        # Include steps that another version of the plan ran.
        steps=list(dict.fromkeys([*planned, *(timing.step for timing in timings)])),
    )


def pack(spans: Iterable[Span]) -> dict[str, list[list[Span]]]:
    """Arrange each worker's spans on tracks, one for each process it must have had."""
    tracks: dict[str, list[list[Span]]] = {}
    for span in sorted(spans, key=lambda span: (span.begin, span.end)):
        of_worker = tracks.setdefault(span.worker, [])
        free = [track for track in of_worker if track[-1].end <= span.begin + OVERLAP]
        if free:
            # Most likely the process that finished last took the next document.
            max(free, key=lambda track: track[-1].end).append(span)
        else:
            of_worker.append([span])
    return {worker: tracks[worker] for worker in sorted(tracks, key=_natural_key)}


def _workers(
    document_ids: Iterable[str], connect: Callable[[], Bus]
) -> dict[tuple[str, int, str], str]:
    """The worker of each (document, attempt, step) that Redis still remembers."""
    workers: dict[tuple[str, int, str], str] = {}
    with connect() as bus:
        try:
            for document_id in document_ids:
                for event in bus.history(document_id):
                    if event.worker and event.status is Status.PROCESSING:
                        key = (document_id, event.attempt or 1, event.step)
                        workers[key] = event.worker
        except BusError:
            pass  # use each attempt's first worker for all its steps
    return workers


def _spans(
    documents: Iterable[DocumentRow],
    attempts: Iterable[AttemptRow],
    timings: Iterable[StepTiming],
    workers: Mapping[tuple[str, int, str], str],
    *,
    begin: datetime,
    until: datetime,
) -> list[Span]:
    documents_by_id = {document.id: document for document in documents}
    timings_of: dict[tuple[str, int], list[StepTiming]] = defaultdict(list)
    for timing in timings:
        timings_of[timing.document_id, timing.attempt].append(timing)

    def seconds(moment: datetime) -> float:
        return (moment - begin).total_seconds()

    spans: list[Span] = []
    for attempt in attempts:
        document = documents_by_id.get(attempt.document_id)
        if document is None:
            continue  # added since the documents were read
        steps: list[tuple[str, StepSpan]] = []
        worker, at = attempt.worker, seconds(attempt.started_at)
        for timing in timings_of[attempt.document_id, attempt.number]:
            key = (attempt.document_id, attempt.number, timing.step)
            worker = workers.get(key, worker)
            # The previous step may have ended on a machine whose clock is ahead.
            at = max(at, seconds(timing.started_at))
            steps.append((worker, StepSpan(timing.step, at, at + timing.seconds)))
            at += timing.seconds
        ended = attempt.finished_at or (until if _running(document, attempt) else None)
        if attempt.status is not AttemptStatus.COMPLETED or not steps:
            key = (attempt.document_id, attempt.number, document.step)
            end = at if ended is None else max(at, seconds(ended))
            steps.append((workers.get(key, worker), StepSpan(None, at, end)))
        spans += _split(document, steps, _mark(document, attempt))
    return spans


def _split(
    document: DocumentRow, steps: Iterable[tuple[str, StepSpan]], mark: Mark | None
) -> list[Span]:
    """A span for each worker that the document was handed over to."""
    spans = [
        Span(worker=worker, name=document.name, steps=[step for _, step in group])
        for worker, group in groupby(steps, key=lambda each: each[0])
    ]
    return [*spans[:-1], replace(spans[-1], mark=mark)]


def _running(document: DocumentRow, attempt: AttemptRow) -> bool:
    return document.attempt == attempt.number and document.status is Status.PROCESSING


def _mark(document: DocumentRow, attempt: AttemptRow) -> Mark | None:
    if attempt.status is AttemptStatus.LOST:
        return Mark.LOST
    if attempt.status is AttemptStatus.CANCELLED:
        return Mark.CANCELLED
    if attempt.status is AttemptStatus.FAILED:
        return Mark.RETRIED if document.attempt > attempt.number else Mark.FAILED
    return None


def _natural_key(worker: str) -> list[tuple[int, str]]:
    """Sort numbers by value: host-9 before host-10."""
    parts = re.findall(r"(\d{1,18})|(\D+)", worker)
    return [(int(number or -1), text) for number, text in parts]
