"""Progress events with defaults for the fields that a test does not care about."""

from support.clock import Clock

from docprogress.events import ProgressEvent, Status, now


def event(
    document_id: str = "a", status: Status | str = Status.PROCESSING, **fields
) -> ProgressEvent:
    status = Status(status)
    defaults = {
        "step": "extraction",
        "progress": 100.0 if status is Status.COMPLETED else 10.0,
        "message": "Extracting page 1 of 10",
        "timestamp": now(),
    }
    return ProgressEvent(document_id=document_id, status=status, **defaults | fields)


def completed(document_id: str = "a", **fields) -> ProgressEvent:
    return event(document_id, Status.COMPLETED, **fields)


def event_at(
    clock: Clock,
    document_id: str = "a",
    status: Status | str = Status.PROCESSING,
    **fields,
) -> ProgressEvent:
    """An event of a document that has just begun, timestamped by a test's clock."""
    defaults = {"message": "", "timestamp": clock.today()}
    if status != Status.COMPLETED:
        defaults["progress"] = 0
    return event(document_id, status, **defaults | fields)
