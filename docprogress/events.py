"""The wire format: a frozen value with the current state of one document.

An event is absolute, never a delta, so the next event makes up for a lost one. Any
program may publish the first seven fields with a plain `PUBLISH`.
"""

import json
import math
import re
from datetime import UTC, datetime
from enum import StrEnum
from importlib.resources import files
from typing import Any, Self

import msgspec

from docprogress.errors import EventError

#: The number of a final event within its attempt: the greatest that a Redis stream
#: can hold, so Redis rejects any later event of the same attempt.
FINAL_NUMBER = 2**64 - 1

#: The greatest progress of a document that is not completed, in percent.
MAX_UNFINISHED_PROGRESS = 99.9

#: The beginning of the message of a document that was cancelled before it was
#: submitted; the reason follows.
NOT_HANDED_IN = "Not handed in: "

#: Notes at the end of a completed document's message that it has no text: because OCR
#: is not installed, because it is switched off, or because there is none.
NEEDS_OCR = "no text layer, OCR needed"
OCR_IS_OFF = "no text layer, and OCR is off"
NO_TEXT = "no text"
NOTES_WITHOUT_TEXT = (NEEDS_OCR, OCR_IS_OFF, NO_TEXT)

#: The longest `document_id` and `run_id`, in characters.
LONGEST_ID = 200

#: The characters of a page above which it counts as several.
LONGEST_PAGE = 10_000

_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Status(StrEnum):
    """The status of a document; the last three are final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    def __init__(self, value: str) -> None:
        #: Whether this status ends an attempt.
        self.final = value in ("completed", "failed", "cancelled")


class ProgressEvent(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The current state of one document.

    Raises:
        EventError: A field is out of range.
    """

    document_id: str
    status: Status
    step: str
    #: The percentage of the whole document, 0 to 100; 100 exactly when completed.
    progress: float
    message: str
    timestamp: datetime
    #: For people, with the cause; only when failed.
    error: str | None = None
    #: `attempt-number`, set by Redis; None before that, and for a plain `PUBLISH`.
    id: str | None = None
    run_id: str | None = None
    case_id: str | None = None
    name: str | None = None
    attempt: int | None = None
    #: How much of the step is done, out of `total`, counted in `unit`.
    current: int | None = None
    total: int | None = None
    unit: str | None = None
    #: The number of the step's pages that need OCR, which takes far longer than reading
    #: the others, and how many of those are done.
    ocr_current: int | None = None
    ocr_total: int | None = None
    #: The size of the file in bytes. A run's progress weighs documents by it until
    #: `work` and `ocr_pages` are known.
    size: int | None = None
    #: The document's work without OCR, in pages of text.
    work: int | None = None
    #: The total number of pages that need OCR.
    ocr_pages: int | None = None
    #: The earliest time at which a queued document can continue, in ISO 8601: after a
    #: service's rate limit, or before the next attempt.
    waiting_until: str | None = None
    worker: str | None = None
    #: The id of the container of this document: a message or an archive.
    parent_id: str | None = None
    #: Whether a worker repeats its newest event as a heartbeat.
    heartbeat: bool = False
    #: Unknown fields, unchanged.
    extra: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if not 0 < len(self.document_id) <= LONGEST_ID:
            raise EventError(f"document_id must have 1 to {LONGEST_ID} characters")
        if _CONTROL.search(self.document_id):
            raise EventError("document_id contains control characters")
        if not (math.isfinite(self.progress) and 0 <= self.progress <= 100):  # noqa: PLR2004
            raise EventError(f"progress must be from 0 to 100, not {self.progress!r}")
        if (self.progress == 100) != (self.status is Status.COMPLETED):  # noqa: PLR2004
            raise EventError("progress is 100 exactly when the status is completed")
        if self.id is not None and not _ID.fullmatch(self.id):
            raise EventError(f"id must look like 1-17, not {self.id!r}")

    @property
    def final(self) -> bool:
        """Whether this event ends its attempt."""
        return self.status.final

    @property
    def position(self) -> tuple[int, int] | None:
        """The id as two sortable numbers; None without an id."""
        if self.id is None:
            return None
        attempt, _, number = self.id.partition("-")
        return int(attempt), int(number)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return msgspec.structs.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The event as a JSON object; optional fields only where they are set."""
        shown: dict[str, Any] = {
            "document_id": self.document_id,
            "status": self.status.value,
            "step": self.step,
            "progress": self.progress,
            "message": self.message,
            "timestamp": _utc(self.timestamp).isoformat(timespec="microseconds"),
        }
        for field in _OPTIONAL:
            value = getattr(self, field)
            if value is not None:
                shown[field] = value
        if self.heartbeat:
            shown["heartbeat"] = True
        return shown | {
            k: v
            for k, v in self.extra.items()
            if k not in _FIELDS or (k in _LATER_FIELDS and k not in shown)
        }

    def encode(self) -> bytes:
        """The event as JSON in UTF-8; `?` replaces what UTF-8 cannot encode."""
        shown = self.to_dict()
        try:
            return _ENCODER.encode(shown)
        except UnicodeEncodeError:
            # A file name that is not UTF-8 has surrogates (PEP 383), also when it is
            # quoted in an error.
            text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
            return text.encode(errors="replace")


def decode(raw: bytes | str) -> ProgressEvent:
    """Decode an event, whoever published it.

    Progress 100 means completed, whatever the status; a timestamp without an offset is
    UTC.

    Raises:
        EventError: `raw` is not the JSON of an event.
    """
    try:
        raw = raw.encode() if isinstance(raw, str) else raw
        # A field named "extra", however it is escaped, is an unknown field itself.
        if b'"extra"' not in raw and b"\\u" not in raw:
            return _in_utc(_EXPECTED.decode(raw))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # the slow path finds the problem, if there is one
    try:
        fields = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise EventError(f"not JSON: {error}") from error
    return from_dict(fields)


def from_dict(fields: Any) -> ProgressEvent:
    """Make an event from its decoded JSON.

    Raises:
        EventError: `fields` is not an event.
    """
    if not isinstance(fields, dict):
        raise EventError(f"expected an object, not {type(fields).__name__}")
    known = {
        k: v
        for k, v in fields.items()
        if k in _FIELDS and v is not None and _is_own(k, v)
    }
    if len(known) < len(fields):
        extra = {
            k: v for k, v in fields.items() if k not in _FIELDS or not _is_own(k, v)
        }
        if extra:
            known["extra"] = extra
    status, progress = known.get("status"), known.get("progress")
    if isinstance(progress, bool) or not isinstance(progress, int | float):
        raise EventError("progress is not a number")
    if status == "completed" and 0 <= progress <= 100:  # noqa: PLR2004
        known["progress"] = 100
    elif progress == 100 and status in ("queued", "processing"):  # noqa: PLR2004
        known["status"] = "completed"
    elif progress == 100 and status in ("failed", "cancelled"):  # noqa: PLR2004
        known["progress"] = MAX_UNFINISHED_PROGRESS
    try:
        event = msgspec.convert(known, ProgressEvent)
    except msgspec.ValidationError as error:
        raise EventError(str(error)) from error
    return _in_utc(event)


def _is_own(name: str, value: Any) -> bool:
    """Whether a field has this format's type, and not another program's meaning."""
    kind = _LATER_FIELDS.get(name)
    if kind is None or value is None:
        return True
    return isinstance(value, kind) and not isinstance(value, bool)


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


def schema() -> dict[str, Any]:
    """The JSON Schema of an event, from the file shipped with the package."""
    text = files("docprogress").joinpath("event.schema.json").read_bytes()
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


def pages_of_text(pages: int, characters: int) -> int:
    """The `work` of a document: its pages, with long ones counted as several."""
    return max(pages, characters // LONGEST_PAGE)


def sort_key(event: ProgressEvent) -> tuple[int, int]:
    """The order of an event among all of its document, with or without an id."""
    return event.position or (event.attempt or 0, -1)


def is_stale(event: ProgressEvent, delivered: ProgressEvent) -> bool:
    """Whether an event from Redis adds nothing to the one delivered before it."""
    position, before = event.position, delivered.position
    attempt = event.attempt if position is None else position[0]
    latest = delivered.attempt if before is None else before[0]
    if attempt is not None and latest is not None and attempt != latest:
        return attempt < latest
    if position is None or before is None:
        return False
    # A later event without a higher number is a heartbeat, or Redis was emptied and
    # counts from the start again.
    return delivered.final or (
        position <= before and event.timestamp <= delivered.timestamp
    )


def _in_utc(event: ProgressEvent) -> ProgressEvent:
    if event.timestamp.tzinfo is UTC:
        return event
    return event.replace(timestamp=_utc(event.timestamp))


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise EventError(f"timestamp is out of range: {moment}") from error


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()
_EXPECTED = msgspec.json.Decoder(ProgressEvent)
_FIELDS = frozenset(ProgressEvent.__struct_fields__) - {"extra"}
#: Fields that other programs may have used before the format did.
_LATER_FIELDS: dict[str, type] = {
    "size": int,
    "work": int,
    "ocr_pages": int,
    "waiting_until": str,
}
_OPTIONAL = (
    "error",
    "id",
    "run_id",
    "case_id",
    "name",
    "attempt",
    "current",
    "total",
    "unit",
    "ocr_current",
    "ocr_total",
    "size",
    "work",
    "ocr_pages",
    "waiting_until",
    "worker",
    "parent_id",
)
