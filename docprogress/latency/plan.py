"""What is published in a measurement: which events, of which documents, how fast.

It is known to all processes that take part, so that they need to tell one another
nothing but moments.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any, Self

from docprogress.events import ProgressEvent, Status, now

#: The step that the documents of a measurement are at.
STEP = "measuring"

#: What each of them counts.
UNIT = "event"

#: Seconds for which Redis remembers what a measurement that was killed left there.
REMEMBER = 600.0


def clock() -> float:
    """Seconds of a clock that all processes of a machine share, and nobody sets."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """So many events, of each document in turn; the last of each is its end."""

    run_id: str
    documents: int
    events: int
    #: How many are published a second.
    rate: float

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON shows it."""
        return asdict(self)

    @property
    def document_ids(self) -> list[str]:
        """The documents, in their order."""
        return [self._id(index) for index in range(self.documents)]

    @property
    def names(self) -> dict[str, str]:
        """What the documents are called, by id."""
        return {self._id(index): _name(index) for index in range(self.documents)}

    def index(self, document_id: str) -> int | None:
        """A document's place, from 0; None if it is none of the plan's."""
        prefix, _, number = document_id.rpartition("-")
        if prefix != self.run_id or not number.isdecimal():
            return None
        index = int(number) - 1
        return index if 0 <= index < self.documents else None

    def count(self, index: int) -> int:
        """How many events a document has."""
        whole, rest = divmod(self.events, self.documents)
        return whole + (index < rest)

    def place(self, position: int) -> tuple[int, int]:
        """The document of an event, from 0, and the event's number there, from 1."""
        return position % self.documents, position // self.documents + 1

    def ends(self, position: int) -> bool:
        """Whether a document ends with the event at this place."""
        return position + self.documents >= self.events

    def waiting(self, index: int) -> ProgressEvent:
        """A document before its first event."""
        return self._event(index, 0, Status.QUEUED)

    def event(self, position: int) -> ProgressEvent:
        """The event at a place among all, made now."""
        status = Status.COMPLETED if self.ends(position) else Status.PROCESSING
        return self._event(*self.place(position), status)

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
