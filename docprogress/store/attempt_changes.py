"""The columns that a finished step changes."""

from datetime import datetime
from typing import Any

from docprogress.events import MAX_UNFINISHED_PROGRESS, Status
from docprogress.store.rows import EXTRACTED, FACTS, FinishedStep


def step_changes(finished: FinishedStep) -> dict[str, Any]:
    """The columns of a document that a finished step changes."""
    progress = min(finished.progress, MAX_UNFINISHED_PROGRESS)
    # An empty fact takes back what an earlier step has found.
    values: dict[str, Any] = {
        k: str(v) or None
        for k, v in finished.facts.items()
        if k in FACTS and v is not None
    }
    values |= {
        "next_step": finished.position + 1,
        "step": finished.next_step,
        "progress": progress,
        "kept_progress": progress,
        "message": f"Finished {finished.step}",
    }
    if finished.pages is not None:
        values["pages"] = len(finished.pages)
        values["characters"] = sum(len(page.text) for page in finished.pages)
        # Facts from the first step are kept unless a later step reports them again.
        first = finished.position == 0
        for name in ("ocr_pages", "confidence"):
            if first or name in finished.facts:
                values[name] = finished.facts.get(name)
        other = {
            name: value
            for name, value in finished.facts.items()
            if name not in (*FACTS, *EXTRACTED)
        }
        if first or other:
            values["metadata"] = other or None
    if finished.chunks is not None:
        values["chunks"] = len(finished.chunks)
    return values


def completed_changes(
    message: str | None, attempt: int, moment: datetime
) -> dict[str, Any]:
    """The columns that completing a document changes; none without a message."""
    if message is None:
        return {}
    return {
        "status": Status.COMPLETED.value,
        "message": message,
        "progress": 100.0,
        "error": None,
        "due_at": None,
        "finished_at": moment,
        "indexed_attempt": attempt,
    }


def timing(document_id: str, attempt: int, finished: FinishedStep) -> dict[str, Any]:
    """The row with the duration of a step."""
    return {
        "document_id": document_id,
        "attempt": attempt,
        "position": finished.position,
        "step": finished.step,
        "started_at": finished.started_at,
        "seconds": finished.seconds,
        "items": finished.items,
        "unit": finished.unit,
    }
