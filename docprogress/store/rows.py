"""What the store takes and gives: plain values, one for each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from docprogress.documents import Chunk, Page
from docprogress.events import (
    FINAL_NUMBER,
    MAX_UNFINISHED_PROGRESS,
    ProgressEvent,
    Status,
)

FINAL = tuple(status.value for status in Status if status.final)
UNFINISHED = (Status.QUEUED.value, Status.PROCESSING.value)

#: What a step may find out about a document, beside what it makes.
FACTS = ("media_type", "engine", "title", "note", "embedder")


class AttemptStatus(StrEnum):
    """What has become of an attempt; `lost` where its worker died."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A document that is about to be uploaded, or fetched."""

    id: str
    run_id: str
    #: Its place in the run, counted from 1.
    number: int
    name: str
    #: Where a worker fetches it from; None if it is uploaded.
    #: Not shown: it may hold a password.
    url: str | None = field(default=None, repr=False)
    size: int | None = None
    case_id: str | None = None
    #: The name of the first step.
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run, as it was submitted; nothing of it ever changes."""

    id: str
    case_id: str | None
    created_at: datetime
    #: How many documents were handed in.
    expected: int
    steps: list[dict[str, Any]]
    settings: dict[str, Any]
    #: The same for runs whose steps and settings give the same results.
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary(RunRow):
    """A run, and how far it has come."""

    #: Documents of each status, also where there are none.
    counts: dict[Status, int]
    #: When the last document came to rest; None until then.
    finished_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long the run took: from its submission to the end of its last document.

        None until then.
        """
        if self.finished_at is None:
            return None
        return max((self.finished_at - self.created_at).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """Where one document stands, as the store has it."""

    id: str
    run_id: str
    number: int
    case_id: str | None
    name: str
    #: Not shown: it may hold a password.
    url: str | None = field(repr=False)
    size: int | None
    sha256: str | None
    #: Whether its bytes, or its URL, are there for a worker.
    ready: bool
    media_type: str | None
    engine: str | None
    title: str | None
    note: str | None
    status: Status
    step: str
    #: The position of the first step that is not finished, counted from 0.
    next_step: int
    progress: float
    #: What the finished steps are worth: where the next attempt would begin.
    kept_progress: float
    message: str
    error: str | None
    #: Counted from 1.
    attempt: int
    #: The attempt that the present series of tries began with.
    first_attempt: int
    cancel_requested: bool
    #: Not to be sent before, in seconds since the epoch.
    due_at: float | None
    pages: int
    characters: int
    chunks: int
    embedder: str | None
    worker: str | None
    created_at: datetime
    #: When the present attempt began.
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime

    def event(self) -> ProgressEvent:
        """The truth as an event; it has an id if the attempt is over."""
        completed = self.status is Status.COMPLETED
        final = self.status.final
        return ProgressEvent(
            document_id=self.id,
            status=self.status,
            step=self.step,
            progress=100.0
            if completed
            else min(self.progress, MAX_UNFINISHED_PROGRESS),
            message=self.message,
            timestamp=self.updated_at,
            error=self.error if self.status is Status.FAILED else None,
            id=f"{self.attempt}-{FINAL_NUMBER}" if final else None,
            run_id=self.run_id,
            case_id=self.case_id,
            name=self.name,
            attempt=self.attempt,
            worker=self.worker,
        )


class QueuedRow(NamedTuple):
    """What says whether a document that waits for a worker has a message."""

    #: Its place in the order in which queued documents are read.
    position: int | str
    id: str
    run_id: str
    number: int
    #: The position of the first step that is not finished, counted from 0.
    next_step: int
    attempt: int
    #: The attempt that the present series of tries began with.
    first_attempt: int
    #: When it began to wait.
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A document that is this worker's to process, and its run."""

    document: DocumentRow
    run: RunRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One attempt at a document."""

    document_id: str
    number: int
    status: AttemptStatus
    worker: str
    started_at: datetime
    finished_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTiming:
    """How long a finished step took, and how many items it made."""

    document_id: str
    attempt: int
    position: int
    step: str
    started_at: datetime
    seconds: float
    items: int
    unit: str


def document_row(row: Sequence[Any]) -> DocumentRow:
    """The value of a row that holds all columns of `document`."""
    values = dict(zip(_DOCUMENT_FIELDS, row, strict=True))
    values["status"] = Status(values["status"])
    return DocumentRow(**values)


def counted(found: Mapping[str, int]) -> dict[Status, int]:
    """A number for every status."""
    return {status: found.get(status, 0) for status in Status}


_DOCUMENT_FIELDS = tuple(field.name for field in fields(DocumentRow))


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedStep:
    """What a step has made of a document, and how long that took."""

    #: The step's place among the run's steps, from 0.
    position: int
    step: str
    #: The step that follows; its own name for the last one.
    next_step: str
    started_at: datetime
    seconds: float
    items: int
    unit: str
    #: What the document's progress is worth with it, in percent.
    progress: float
    facts: Mapping[str, str | int] = field(default_factory=dict)
    pages: Sequence[Page] | None = None
    chunks: Sequence[Chunk] | None = None
