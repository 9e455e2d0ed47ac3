"""Count within a step, and publish no more often than people can follow."""

import time
from collections.abc import Callable, Iterable, Iterator
from operator import length_hint
from typing import Self, TypeVar

from docprogress.errors import Cancelled
from docprogress.events import MAX_UNFINISHED_PROGRESS, ProgressEvent, Status, now

T = TypeVar("T")

#: Events per second and document, unless the settings say otherwise.
EVENTS_PER_SECOND = 20.0


class StepProgress:
    """Counts the progress within one step of a document, and publishes it.

    Args:
        publish: Publishes an event and returns whether to cancel.
        event: The constant fields: the document, the run, the attempt, …
        step: The step's name.
        total: The number of items; None if unknown.
        unit: The unit of the count.
        span: The step's share of the document's progress, in percent.
        verb: The verb of the message: "Extracting".
        per_second: Maximum rate of events; 0 publishes only the boundaries.
    """

    def __init__(
        self,
        publish: Callable[[ProgressEvent], bool],
        event: ProgressEvent,
        *,
        step: str,
        total: int | None = None,
        unit: str | None = None,
        span: tuple[float, float] = (0.0, 100.0),
        verb: str | None = None,
        per_second: float = EVENTS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._event = event
        self._verb = verb or step
        self._span = span
        self._interval = 1 / per_second if per_second else float("inf")
        self._clock = clock
        self._due = clock()
        self._message: str | None = None
        self.step = step
        self.unit = unit
        self.total = total
        self.current = 0
        #: The number of items that cost far more than the others, such as pages that
        #: need OCR, and how many of them are done. None if there are no such items.
        self.ocr_current: int | None = None
        self.ocr_total: int | None = None

    @property
    def progress(self) -> float:
        """The document's progress in percent, below 100."""
        low, high = self._span
        part = min(self.current / self.total, 1.0) if self.total else 0.0
        return min(
            max(low + (high - low) * part, self._event.progress),
            MAX_UNFINISHED_PROGRESS,
        )

    @property
    def message(self) -> str:
        """The current activity, for people."""
        if self._message is not None:
            return self._message
        unit = self.unit or "item"
        if self.total is not None and self.current:
            return (
                f"{self._verb} {unit} {min(self.current, self.total)} of {self.total}"
            )
        if self.current:
            return f"{self._verb}: {self.current} {unit}{'s' * (self.current != 1)}"
        return self._verb

    def advance(self, count: int = 1, *, message: str | None = None) -> None:
        """Count this many more items as done.

        Raises:
            Cancelled: The document is to be cancelled.
            Superseded: Another attempt works on this document now.
        """
        self.update(self.current + count, message=message)

    def update(
        self,
        current: int | None = None,
        *,
        total: int | None = None,
        message: str | None = None,
    ) -> None:
        """Set the number of items done, the total, or the message.

        Raises:
            Cancelled: The document is to be cancelled.
            Superseded: Another attempt works on this document now.
        """
        if current is not None:
            self.current = max(current, self.current)
        if total is not None:
            self.total = total
        if message is not None:
            self._message = message
        if self._clock() >= self._due:
            self.publish()

    def begin(self, message: str | None) -> None:
        """Publish the current activity at once; None returns to counting.

        Raises:
            Cancelled: The document is to be cancelled.
            Superseded: Another attempt works on this document now.
        """
        self._message = message
        if message is not None:
            self.publish()

    def track(self, items: Iterable[T], *, total: int | None = None) -> Iterator[T]:
        """Yield the items, counting each one when the next is requested."""
        if total is None and self.total is None:
            total = length_hint(items, 0) or None
        if total is not None:
            self.total = total
        for item in items:
            yield item
            self.advance()

    def publish(self) -> None:
        """Publish the current state now, regardless of the rate.

        Raises:
            Cancelled: The document is to be cancelled.
            Superseded: Another attempt works on this document now.
        """
        self._due = self._clock() + self._interval
        self._event = self._event.replace(
            status=Status.PROCESSING,
            step=self.step,
            progress=self.progress,
            message=self.message,
            timestamp=now(),
            current=self.current if self.total is not None or self.current else None,
            total=self.total,
            unit=self.unit,
            ocr_current=self.ocr_current,
            ocr_total=self.ocr_total,
        )
        if self._publish(self._event):
            raise Cancelled(self._event.document_id)

    def __enter__(self) -> Self:
        self.publish()
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: the next step, or the final event, ends this one."""
