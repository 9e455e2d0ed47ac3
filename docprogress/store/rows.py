"""The store's parameters and results: one plain value for each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from docprogress.documents import Chunk, Page
from docprogress.events import (
    FINAL_NUMBER,
    MAX_UNFINISHED_PROGRESS,
    ProgressEvent,
    Status,
    pages_of_text,
)

FINAL = tuple(status.value for status in Status if status.final)
UNFINISHED = (Status.QUEUED.value, Status.PROCESSING.value)

#: The facts about a document that a step can report in addition to its items.
FACTS = ("media_type", "engine", "title", "note", "embedder")

#: The columns that are filled by extraction: numbers, and a JSON object of all other
#: facts.
EXTRACTED = ("metadata", "ocr_pages", "confidence")


class AttemptStatus(StrEnum):
    """The status of an attempt; `lost` if its worker died."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A document that is about to be uploaded or downloaded."""

    id: str
    run_id: str
    #: Its position in the run, counted from 1.
    number: int
    name: str
    #: Where a worker downloads it from; None if it is uploaded.
    #: Hidden from `repr`, since it may contain a password.
    url: str | None = field(default=None, repr=False)
    size: int | None = None
    case_id: str | None = None
    #: The name of the first step.
    step: str = ""
    #: The document that contains this one: a mail, an archive.
    parent_id: str | None = None
    #: The earlier version of it, which it retires when it is completed.
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as it was submitted."""

    id: str
    case_id: str | None
    created_at: datetime
    #: The number of documents submitted.
    expected: int
    steps: list[dict[str, Any]]
    settings: dict[str, Any]
    #: Equal for runs whose steps and settings give the same results.
    fingerprint: str
    #: The key that encrypts this run's passwords in Redis.
    encryption_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary(RunRow):
    """A run and its progress."""

    #: Documents of every status, including zeros.
    counts: dict[Status, int]
    #: When the last document reached a final status; None until then.
    finished_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """Seconds from submission to the end of the last document; None until then."""
        if self.finished_at is None:
            return None
        return max((self.finished_at - self.created_at).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """The state of a document."""

    id: str
    run_id: str
    number: int
    case_id: str | None
    name: str
    #: Hidden from `repr`, since it may contain a password.
    url: str | None = field(repr=False)
    size: int | None
    sha256: str | None
    #: Whether a worker can read its file, or download it.
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
    #: The progress of its finished steps, where the next attempt would begin.
    kept_progress: float
    message: str
    error: str | None
    #: Counted from 1.
    attempt: int
    #: The first attempt of the current series.
    first_attempt: int
    cancel_requested: bool
    #: When the attempt may be sent, in seconds since the epoch; None if it was.
    due_at: float | None
    pages: int
    characters: int
    chunks: int
    embedder: str | None
    worker: str | None
    created_at: datetime
    #: When the current attempt began.
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    #: The document that this one was contained in: a mail, an archive.
    parent_id: str | None = None
    #: Other facts about the document, as JSON values.
    metadata: dict[str, Any] | None = None
    #: The number of pages that were recognised (OCR); None if it was not attempted.
    ocr_pages: int | None = None
    #: The mean confidence of the recognised pages, from 0 to 1.
    confidence: float | None = None
    #: Of a submitted container: how many members have been added to the run from it,
    #: and their bytes; those of nested containers are included.
    unpacked_members: int | None = None
    unpacked_bytes: int | None = None
    #: The earlier version of the document, which it retires when it is completed.
    replaces: str | None = None
    #: When a newer version took its place, or its file was removed; None if it is
    #: current.
    retired_at: datetime | None = None
    #: The attempt whose chunks are in the index of words.
    indexed_attempt: int | None = None

    @property
    def current(self) -> bool:
        """Whether searches and exports see it."""
        return self.status is Status.COMPLETED and self.retired_at is None

    @property
    def _waiting_until(self) -> str | None:
        if self.status is not Status.QUEUED or self.due_at is None:
            return None
        try:
            return datetime.fromtimestamp(self.due_at, UTC).isoformat()
        except (OverflowError, OSError, ValueError):
            return None

    def event(self) -> ProgressEvent:
        """The event of this state; it has an id if the attempt has ended."""
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
            size=self.size,
            # One that is completed without pages has none.
            work=pages_of_text(self.pages, self.characters)
            if self.pages or completed
            else None,
            ocr_pages=self.ocr_pages,
            waiting_until=self._waiting_until,
            worker=self.worker,
            parent_id=self.parent_id,
        )


class QueuedRow(NamedTuple):
    """A document that waits for a worker, and should have a message in a queue."""

    #: Its position in the order of `Documents.queued`.
    position: int | str
    id: str
    run_id: str
    number: int
    #: The position of the first step that is not finished, counted from 0.
    next_step: int
    attempt: int
    #: The first attempt of the current series.
    first_attempt: int
    #: When it began to wait.
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A document that a worker has claimed, and its run."""

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
    """The duration of a finished step, and the number of items it made."""

    document_id: str
    attempt: int
    position: int
    step: str
    started_at: datetime
    seconds: float
    items: int
    unit: str


def document_row(row: Sequence[Any]) -> DocumentRow:
    """The value of a row with all columns of `document`."""
    values = dict(zip(_DOCUMENT_FIELDS, row, strict=True))
    values["status"] = Status(values["status"])
    return DocumentRow(**values)


class Totals(NamedTuple):
    """The numbers of runs and documents in the store."""

    runs: int
    #: Runs with documents that are unfinished or still being submitted.
    unfinished: int
    #: Documents of every status, including zeros.
    counts: dict[Status, int]


def summary(run: Any, found: dict[str, int], ended: list[datetime]) -> RunSummary:
    """A run with the counts of its documents, and when those of each status ended."""
    counts = counted(found)
    final = sum(count for status, count in counts.items() if status.final)
    finished = final >= run["expected"] and final == sum(counts.values())
    return RunSummary(
        **run, counts=counts, finished_at=max(ended, default=None) if finished else None
    )


def counted(found: Mapping[str, int]) -> dict[Status, int]:
    """The counts of all statuses, including zeros."""
    return {status: found.get(status, 0) for status in Status}


_DOCUMENT_FIELDS = tuple(field.name for field in fields(DocumentRow))


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedStep:
    """The results of a step, and how long it took."""

    #: The step's position in the run's plan, counted from 0.
    position: int
    step: str
    #: The following step's name; its own for the last one.
    next_step: str
    started_at: datetime
    seconds: float
    items: int
    unit: str
    #: The document's progress after this step, in percent.
    progress: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    pages: Sequence[Page] | None = None
    chunks: Sequence[Chunk] | None = None
