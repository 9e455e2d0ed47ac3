"""Compare an event with the one that is known of the same document."""

from docprogress.events import ProgressEvent, Status
from docprogress.progress.document import attempt_of


def visible_state(event: ProgressEvent) -> tuple[object, ...]:
    """The fields of an event that people can see."""
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


def is_duplicate(known: ProgressEvent, event: ProgressEvent) -> bool:
    """Whether an event of the same attempt is not newer than the known one."""
    before, position = known.position, event.position
    if before is not None and position is not None:
        # A Redis that was emptied numbers from the start again, with later timestamps.
        return position <= before and event.timestamp <= known.timestamp
    if event.timestamp == known.timestamp:
        return visible_state(event) == visible_state(known)
    if event.timestamp > known.timestamp or event.final:
        return False
    # An attempt has one clock. Without attempts, take events as they come.
    return attempt_of(known) is not None and attempt_of(event) is not None


def passes_step(known: ProgressEvent, event: ProgressEvent) -> bool:
    """Whether the known step was done when `event` happened."""
    if event.final:
        return event.status is Status.COMPLETED
    return event.step != known.step
