"""The values of a run's report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from docprogress.events import Status

#: The order of statuses in a report: what needs attention comes first.
STATUS_ORDER = (
    *(Status.FAILED, Status.CANCELLED, Status.PROCESSING),
    *(Status.QUEUED, Status.COMPLETED),
)


class Segment(NamedTuple):
    """A part of a track of the timeline: seconds since the run began."""

    #: The step, or what became of the attempt.
    kind: str
    begin: float
    end: float
    #: The document, and what else there is to say of it.
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What one worker process did, in order."""

    worker: str
    segments: Sequence[Segment]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """A document in the table."""

    number: int
    name: str
    status: Status
    #: The error, or what there is to say of how it was read.
    detail: str
    pages: int
    chunks: int
    ocr_pages: int | None
    size: int | None
    seconds: float | None
    attempts: int
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why documents failed, and which."""

    text: str
    count: int
    #: The names of the first of them.
    names: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """How long a step took, over all documents that finished it; seconds."""

    name: str
    documents: int
    total: float
    median: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KindLine:
    """How the documents of one kind were read by one engine."""

    kind: str
    engine: str
    documents: int
    pages: int
    ocr_pages: int
    #: The mean confidence of the recognised pages, from 0 to 1.
    confidence: float | None
    without_text: int
    warnings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningLine:
    """What was noticed while a document was read."""

    name: str
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """All that a report shows of a run."""

    run_id: str
    case_id: str | None
    summary: str
    created_at: datetime
    #: When the report was made.
    written_at: datetime
    #: From the submission to the last document's end; until now if it is unfinished.
    seconds: float
    finished: bool
    counts: Mapping[Status, int]
    totals: Mapping[str, int]
    #: Those that did not complete come first.
    documents: Sequence[DocumentLine]
    #: How many there are, of which `documents` may be the first ones.
    document_count: int
    reasons: Sequence[Reason]
    steps: Sequence[StepLine]
    kinds: Sequence[KindLine]
    warnings: Sequence[WarningLine]
    #: How many documents have warnings.
    warning_count: int
    tracks: Sequence[Track]
    #: How many tracks there are, of which `tracks` may be the first ones.
    track_count: int
    #: When documents ended: seconds since the run began, and their pages.
    ends: Sequence[tuple[float, int]]
    settings: Mapping[str, object]
    versions: Mapping[str, str]
