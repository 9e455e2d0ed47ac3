"""Report the progress of any work, in any process, with a context manager."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from docprogress.bus.bus import Bus
from docprogress.errors import Cancelled, SettingsError, Superseded
from docprogress.events import MAX_UNFINISHED_PROGRESS, ProgressEvent, Status, now
from docprogress.reporting.buffered_publisher import BufferedPublisher
from docprogress.reporting.process_buffer import process_buffer
from docprogress.reporting.step_progress import EVENTS_PER_SECOND, StepProgress
from docprogress.settings import load


@contextmanager
def report(
    document_id: str,
    *,
    step: str,
    total: int | None = None,
    unit: str | None = None,
    name: str | None = None,
    span: tuple[float, float] = (0.0, 100.0),
    attempt: int | None = None,
    bus: Bus | None = None,
    redis_url: str | None = None,
    per_second: float = EVENTS_PER_SECOND,
    **fields: Any,
) -> Iterator[StepProgress]:
    """Report the progress of any work on a document, in any process.

    ::

        with report("contract-7", step="ocr", total=len(pages)) as progress:
            for page in progress.track(pages):
                ...

    The document is completed when the block ends, and fails if the block raises, with
    the exception as its error. While Redis is unreachable the work continues, and the
    newest event is published once Redis is back, even after the block. An exiting
    process waits a few seconds for that, and logs the documents whose final events were
    lost.

    Args:
        document_id: Any id, under which the report can be watched.
        step: The name of the step: `ocr`.
        total: The number of items.
        unit: The unit of the count: `page`.
        name: The file's name.
        span: The step's share of the document's progress, in percent. If it ends below
            100, the document stays unfinished.
        attempt: Counted from 1. None for one more than the last that ended.
        bus: Where to publish. None for the Redis of `redis_url`, or of the environment
            variable `DOCPROGRESS_REDIS_URL`.
        redis_url: Where to publish, if no `bus` is given.
        per_second: Maximum rate of events.
        fields: More fields of the event, such as `run_id` and `case_id`.

    Raises:
        SettingsError: Neither a bus nor a Redis is configured.
        Cancelled: The document is to be cancelled.
        Superseded: A later attempt has begun.
    """
    used = bus or Bus(_redis_url(redis_url))
    publisher = BufferedPublisher(used, handover=process_buffer)
    start = ProgressEvent(
        document_id=document_id,
        status=Status.PROCESSING,
        step=step,
        progress=min(span[0], MAX_UNFINISHED_PROGRESS),
        message=step,
        timestamp=now(),
        name=name,
        attempt=attempt,
        **fields,
    )
    progress = StepProgress(
        publisher.publish,
        start,
        step=step,
        total=total,
        unit=unit,
        span=span,
        per_second=per_second,
    )
    try:
        yield from _reported(publisher, start, progress, completes=span[1] >= 100)  # noqa: PLR2004
    finally:
        publisher.hand_over()
        if bus is None:
            used.close()


def _reported(
    publisher: BufferedPublisher,
    start: ProgressEvent,
    progress: StepProgress,
    *,
    completes: bool,
) -> Iterator[StepProgress]:
    def end(status: Status, message: str, error: str | None = None) -> None:
        publisher.publish(
            start.replace(
                status=status,
                progress=100.0 if status is Status.COMPLETED else progress.progress,
                message=message,
                error=error,
                timestamp=now(),
                current=progress.current or None,
                total=progress.total,
                unit=progress.unit,
            )
        )

    try:
        progress.publish()
        yield progress
    except Superseded:
        raise
    except (Cancelled, KeyboardInterrupt):
        with suppress(Superseded):
            end(Status.CANCELLED, "Cancelled")
        raise
    except BaseException as error:
        reason = str(error).strip() or type(error).__name__
        with suppress(Superseded):
            end(Status.FAILED, f"Failed during {progress.step}", reason)
        raise
    if completes:
        end(Status.COMPLETED, "Completed")
    else:
        progress.publish()


def _redis_url(url: str | None) -> str:
    found = load(redis_url=url).redis_url
    if found is None:
        raise SettingsError(
            "no Redis to report to: pass `bus` or `redis_url`, or set "
            "DOCPROGRESS_REDIS_URL"
        )
    return found
