"""What the routes take and give, as OpenAPI describes it."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from docprogress.events import LONGEST_ID, Status

#: An id as it stands in a URL or in JSON.
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


class DocumentStatus(BaseModel):
    """Where a document stands: the fields of its newest event."""

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
    #: Why it has failed; null unless it has.
    error_message: str | None


class Uploaded(BaseModel):
    """A document that was taken in."""

    id: str = Field(examples=["20260101-120000-3f9a01-0001"])
    filename: str = Field(examples=["contract.pdf"])
    case_id: str | None = Field(examples=["case-123"])
    run_id: str = Field(examples=["20260101-120000-3f9a01"])
    size: int | None
    sha256: str | None
    media_type: str = Field(examples=["application/pdf"])
    status: Status
    created_at: datetime
    #: Where its progress is told.
    stream: str
    status_url: str


class DocumentDetails(BaseModel):
    """What is known of a document that was taken in."""

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
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime


class DocumentList(BaseModel):
    """Documents: the newest run's first, in the order in which they were sent."""

    documents: list[DocumentDetails]


class StepTime(BaseModel):
    """How long a step of a document took."""

    name: str = Field(examples=["extraction"])
    seconds: float
    attempt: int


class DocumentHistory(BaseModel):
    """What is remembered of a document: its newest events, the oldest of them first."""

    document_id: str
    events: list[dict[str, JsonValue]] = Field(examples=[[_EVENT]])
    steps: list[StepTime]


class Changed(BaseModel):
    """How many documents an action was about."""

    documents: int


class TicketRequest(BaseModel):
    """What a ticket is wanted for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"documents": ["20260101-120000-3f9a01-0001"], "seconds": 300}
        },
    )

    documents: list[Id] = []
    runs: list[Id] = []
    cases: list[Id] = []
    #: For how long it is to be good.
    seconds: float = Field(default=300.0, gt=0)


class Ticket(BaseModel):
    """What lets a stream be read, for a while."""

    ticket: str
    expires_at: datetime


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


class Part(BaseModel):
    """One thing that the server needs."""

    ok: bool
    message: str


class Readiness(BaseModel):
    """Whether the server has all that it needs."""

    ready: bool
    redis: Part
    database: Part
    workers: Part


class Health(BaseModel):
    """That the process answers."""

    status: str = "ok"
    version: str
