"""The bodies of requests and responses, as OpenAPI describes them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StringConstraints,
)

from docprogress.events import LONGEST_ID, Status

#: Passwords of a request, and characters of one.
MAX_PASSWORDS = 100
MAX_PASSWORD_LENGTH = 1_000

#: An id in a URL or in JSON.
Id = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=LONGEST_ID,
        pattern=r"^[^\x00-\x1f\x7f]+$",
    ),
]

_EVENT: dict[str, JsonValue] = {
    "document_id": "20260101-120000-3f9a01-0001",
    "status": "processing",
    "step": "extraction",
    "progress": 12.5,
    "message": "Extracting page 12 of 200",
    "timestamp": "2026-01-01T12:00:00.000000+00:00",
    "id": "1-17",
    "name": "contract.pdf",
    "attempt": 1,
}

_UPLOADED: dict[str, JsonValue] = {
    "id": "20260101-120000-3f9a01-0001",
    "filename": "contract.pdf",
    "case_id": "case-123",
    "run_id": "20260101-120000-3f9a01",
    "size": 11091,
    "sha256": "05d93afd6e8c9f2e9c2cd0451d2165c42c7d12474ef6ef946d7284830bc120ed",
    "media_type": "application/pdf",
    "status": "queued",
    "created_at": "2026-01-01T12:00:00.000000Z",
}

_DETAILS: dict[str, JsonValue] = _UPLOADED | {
    "title": "Services agreement",
    "status": "completed",
    "step": "embedding",
    "progress": 100.0,
    "message": "Completed: 4 pages, 10 chunks",
    "error_message": None,
    "attempt": 1,
    "pages": 4,
    "characters": 9120,
    "chunks": 10,
    "work": 4,
    "ocr_pages": None,
    "started_at": "2026-01-01T12:00:00.120000Z",
    "finished_at": "2026-01-01T12:00:00.480000Z",
    "updated_at": "2026-01-01T12:00:00.480000Z",
}

_READY: dict[str, JsonValue] = {
    "ready": True,
    "redis": {"ok": True, "message": "responded in 0.4 ms"},
    "database": {"ok": True, "message": "responded in 0.7 ms"},
    "events": {"ok": True, "message": "received as far as a stream waits for them"},
    "workers": {"ok": True, "message": "one was seen 1.2 s ago"},
    "recovery": {"ok": True, "message": "lost documents were looked for 0.8 s ago"},
}


def _example(example: dict[str, JsonValue]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class DocumentStatus(BaseModel):
    """A document's status: the fields of its newest event."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"example": _EVENT | {"error_message": None}}
    )

    document_id: str
    status: Status
    step: str
    #: Of the whole document, 0 to 100; 100 exactly when completed.
    progress: float
    message: str
    timestamp: str
    #: The reason of a failure; null otherwise.
    error_message: str | None


class Uploaded(BaseModel):
    """An uploaded document."""

    model_config = _example(
        _UPLOADED
        | {
            "stream": "/progress/documents/20260101-120000-3f9a01-0001/stream",
            "status_url": "/progress/documents/20260101-120000-3f9a01-0001/status",
        }
    )

    id: str
    filename: str
    case_id: str | None
    run_id: str
    size: int | None
    sha256: str | None
    media_type: str
    status: Status
    created_at: datetime
    #: The path of its event stream.
    stream: str
    status_url: str


class DocumentDetails(BaseModel):
    """The details of an uploaded document."""

    model_config = _example(_DETAILS)

    id: str
    filename: str
    case_id: str | None
    run_id: str
    size: int | None
    sha256: str | None
    media_type: str | None
    title: str | None
    status: Status
    step: str
    progress: float
    message: str
    error_message: str | None
    attempt: int
    pages: int
    characters: int
    chunks: int
    #: The document's work in pages of text, and the pages that need OCR, by which the
    #: run's progress weighs it. Null while unknown.
    work: int | None = None
    ocr_pages: int | None = None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime


class StepSpan(BaseModel):
    """The part of a document's progress, in percent, that a step takes."""

    name: str
    start: float
    end: float


class SyncedFolder(BaseModel):
    """A folder that is kept in sync, and what its last sync found."""

    #: The last part of its path or URL.
    name: str
    case_id: str | None
    run_id: str
    synchronized_at: datetime
    #: For example "12 added, 3 changed, 1 removed, 984 unchanged".
    changes: str


class DocumentList(BaseModel):
    """A page of documents, the newest run's first, in the order of submission."""

    model_config = _example(
        {
            "documents": [_DETAILS],
            "more": False,
            "next": None,
            "steps": [
                {"name": "extraction", "start": 0, "end": 60},
                {"name": "chunking", "start": 60, "end": 65},
                {"name": "embedding", "start": 65, "end": 100},
            ],
            "waiting": {},
            "folders": [],
        }
    )

    #: Whether there is another page.
    more: bool
    #: The `after` of the next page; null if there is none.
    next: str | None
    documents: list[DocumentDetails]
    #: The steps of these documents; empty if their runs have different ones.
    steps: list[StepSpan] = []
    #: By run, why no document is being processed: "waiting for queue gpu: no worker
    #: serves it". Only for runs in this page, and if the reason is known.
    waiting: dict[str, str] = {}
    #: The folders that were synchronized last, of the case if one is given; only in
    #: the first page of a list without other filters.
    folders: list[SyncedFolder] = []


class StepTime(BaseModel):
    """The duration of one step of a document."""

    name: str
    seconds: float
    attempt: int


class DocumentHistory(BaseModel):
    """A document's most recent events, oldest first."""

    model_config = _example(
        {
            "document_id": "20260101-120000-3f9a01-0001",
            "events": [_EVENT],
            "steps": [{"name": "extraction", "seconds": 0.19, "attempt": 1}],
        }
    )

    document_id: str
    events: list[dict[str, JsonValue]]
    steps: list[StepTime]


class Changed(BaseModel):
    """The number of documents that an action changed."""

    model_config = _example({"documents": 1})

    documents: int


class RetryRequest(BaseModel):
    """The optional body of a retry."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"passwords": ["…"]}}
    )

    #: Tried on encrypted documents of the document's run for a day.
    passwords: list[Annotated[SecretStr, Field(max_length=MAX_PASSWORD_LENGTH)]] = (
        Field(default=[], max_length=MAX_PASSWORDS)
    )


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of an optional body, with the example of its model."""
    example = model.model_json_schema()["example"]
    return {"requestBody": {"content": {"application/json": {"example": example}}}}


class TicketRequest(BaseModel):
    """The subjects that a ticket is requested for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"documents": ["20260101-120000-3f9a01-0001"], "seconds": 300},
            "anyOf": [
                {"required": [kind], "properties": {kind: {"minItems": 1}}}
                for kind in ("documents", "runs", "cases")
            ],
        },
    )

    documents: list[Id] = []
    runs: list[Id] = []
    cases: list[Id] = []
    #: How long the ticket is valid.
    seconds: float = Field(default=300.0, gt=0)


class Ticket(BaseModel):
    """A ticket, which grants access for a short time."""

    model_config = _example(
        {
            "ticket": "WzE3Njcy….6kqZ…",
            "expires_at": "2026-01-01T12:05:00Z",
        }
    )

    ticket: str
    expires_at: datetime


class Problem(BaseModel):
    """Why a request was rejected."""

    model_config = _example({"detail": "the token is wrong"})

    detail: str


class Part(BaseModel):
    """The state of one service that the server depends on."""

    ok: bool
    message: str


class Readiness(BaseModel):
    """Whether all services that the server depends on work."""

    model_config = _example(_READY)

    ready: bool
    redis: Part
    database: Part
    #: Whether events that streams need are received.
    events: Part
    workers: Part
    recovery: Part


class Health(BaseModel):
    """The process responds."""

    model_config = _example({"status": "ok", "version": "1.0.0"})

    status: str = "ok"
    version: str
