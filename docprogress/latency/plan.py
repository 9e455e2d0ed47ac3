"""What a measurement publishes: which events, of which documents, how fast.

All processes know the plan, so that they exchange nothing but moments.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any, Self

from docprogress.events import ProgressEvent, Status, now

#: The step of the documents of a measurement.
STEP = "measuring"

#: The unit that each of them counts.
UNIT = "event"

#: Seconds after which Redis removes the events of a measurement that was killed.
REMEMBER_SECONDS = 600.0


def clock() -> float:
    """Seconds of a clock that all processes share and that is never set."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Events of each document in turn; the last event of each is final."""

    run_id: str
    documents: int
    events: int
    #: Events per second.
    rate: float

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-compatible values."""
        return asdict(self)

    @property
    def document_ids(self) -> list[str]:
        """The ids of the documents, in order."""
        return [self._id(index) for index in range(self.documents)]

    @property
    def names(self) -> dict[str, str]:
        """The names of the documents by id."""
        return {self._id(index): _name(index) for index in range(self.documents)}

    def index(self, document_id: str) -> int | None:
        """The index of a document, from 0; None if it is not in the plan."""
        prefix, _, number = document_id.rpartition("-")
        if prefix != self.run_id or not number.isdecimal():
            return None
        index = int(number) - 1
        return index if 0 <= index < self.documents else None

    def count(self, index: int) -> int:
        """The number of events of a document."""
        whole, rest = divmod(self.events, self.documents)
        return whole + (index < rest)

    def position_of(self, position: int) -> tuple[int, int]:
        """The index of an event's document, from 0, and its number there, from 1."""
        return position % self.documents, position // self.documents + 1

    def ends(self, position: int) -> bool:
        """Whether this is the final event of its document."""
        return position + self.documents >= self.events

    def waiting(self, index: int) -> ProgressEvent:
        """The queued state of a document, before its first event."""
        return self._event(index, 0, Status.QUEUED)

    def event(self, position: int) -> ProgressEvent:
        """The event at this position, with the current time."""
        status = Status.COMPLETED if self.ends(position) else Status.PROCESSING
        return self._event(*self.position_of(position), status)

    def _event(self, index: int, number: int, status: Status) -> ProgressEvent:
        count = self.count(index)
        return ProgressEvent(
            document_id=self._id(index),
            status=status,
            step=STEP,
            progress=100.0 * number / count,
            message=f"Event {number} of {count}" if number else "Waiting",
            timestamp=now(),
            run_id=self.run_id,
            name=_name(index),
            attempt=1,
            current=number,
            total=count,
            unit=UNIT,
        )

    def _id(self, index: int) -> str:
        return f"{self.run_id}-{index + 1:04d}"


def _name(index: int) -> str:
    return f"measured-{index + 1:04d}"
