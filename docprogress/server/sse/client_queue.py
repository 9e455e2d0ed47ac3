"""What waits for one client: one slot for each document, and the newest event wins.

However slow a client is, what waits for it stays small; an end is never lost.  A few
events that come at once are told one by one, for that is no slowness.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from docprogress.events import FINAL_NUMBER, ProgressEvent

if TYPE_CHECKING:
    from docprogress.server.sse.broadcaster import Channel

#: Frames that are handed to a connection at a time.
FRAMES = 256

#: Frames that wait for a client, in all, before newer ones take their place.
BURST = 16

#: What an event id begins with that names an end which Redis has given no id.
END = "end"


class Kind(StrEnum):
    """What can be watched."""

    DOCUMENT = "document"
    RUN = "run"
    CASE = "case"


class Subject(NamedTuple):
    """One thing that somebody watches."""

    kind: Kind
    id: str


class Frame(NamedTuple):
    """A piece of a stream, encoded once, and the slot that it goes in."""

    data: bytes
    slot: str
    event: ProgressEvent | None = None
    #: When the event was made, in seconds since the epoch; None for the present.
    published: float | None = None

    @property
    def final(self) -> bool:
        """Whether a document ends with it."""
        return self.event is not None and self.event.final


class Wake:
    """What wakes one task: of `asyncio.Event`, a tenth of the memory."""

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake whoever waits, or will wait."""
        self._is_set = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def clear(self) -> None:
        """Have whoever waits from now on wait for the next time."""
        self._is_set = False

    async def wait(self) -> None:
        """Wait until it is set; there is no more than one who waits."""
        if not self._is_set:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None


class Client:
    """One reader of events: what it has not taken yet, and how it is woken.

    Args:
        subjects: What it watches.
        abort: Ends its connection at once, whatever it has not taken.
    """

    __slots__ = (
        "_backlog",
        "_burst",
        "_ends",
        "_floor",
        "_slots",
        "abort",
        "closed",
        "rooms",
        "saw_end",
        "sending_since",
        "sent_at",
        "straight",
        "subjects",
        "wake",
    )

    def __init__(
        self, subjects: Iterable[Subject], *, abort: Callable[[], object]
    ) -> None:
        self.subjects = frozenset(subjects)
        self.abort = abort
        self.wake = Wake()
        #: Set once there is nothing more to be told: the server stops.
        self.closed = False
        #: What it hears of, cases being the runs that they have.
        self.rooms: set[Channel] = set()
        #: Whether it comes again after the end of the same stream.
        self.saw_end = False
        #: When it was last sent something, and since when it is being sent something.
        self.sent_at = time.monotonic()
        self.sending_since: float | None = None
        #: Sends a frame at once, if that can be done: there while nothing waits.
        self.straight: Callable[[Frame], bool] | None = None
        self._backlog: list[Frame] = []
        self._burst: list[Frame] = []
        self._ends: dict[str, Frame] = {}
        self._slots: dict[str, Frame] = {}
        self._floor: tuple[int, int] | None = None

    def offer(self, frame: Frame) -> None:
        """Send a frame, or put it in its slot; an end that lies there is kept."""
        if self._floor is not None and _below(frame, self._floor):
            return
        # An end is the stream's to tell: it may be its own as well.
        if self.straight is not None and not frame.final and self.straight(frame):
            return
        self.straight = None
        lying = self._slots.pop(frame.slot, None)
        # The same frame comes twice to who watches a document and its run.
        if lying is not None and lying.event and lying.data is not frame.data:
            self._overtake(lying)
        self._slots[frame.slot] = frame
        self.wake.set()

    def _overtake(self, lying: Frame) -> None:
        """Keep a frame that a newer one follows, if it is to be told all the same."""
        if len(self._burst) < BURST and lying.slot not in self._ends:
            self._burst.append(lying)
        elif lying.final:
            self._ends[lying.slot] = lying

    def replay(self, missed: Iterable[Frame]) -> None:
        """Tell these first, one by one, and nothing else that is older."""
        self.straight = None
        self._backlog.extend(missed)
        if self._backlog:
            event = self._backlog[-1].event
            self._floor = None if event is None else event.position
        floor = self._floor
        if floor is not None:
            self._burst = [frame for frame in self._burst if not _below(frame, floor)]
            self._slots = {s: f for s, f in self._slots.items() if not _below(f, floor)}
        self.wake.set()

    def forget(self) -> None:
        """Drop what has not been taken."""
        self._backlog.clear()
        self._burst.clear()
        self._ends.clear()
        self._slots.clear()

    def take(self) -> list[Frame]:
        """The next frames, in the order in which they are to be told."""
        taken: list[Frame] = []
        if self._backlog:
            taken, self._backlog = self._backlog[:FRAMES], self._backlog[FRAMES:]
        if len(taken) < FRAMES:
            taken += self._burst
            self._burst = []
        for slots in (self._ends, self._slots):
            while slots and len(taken) < FRAMES:
                # The oldest first, so that no slot is starved by busier ones.
                taken.append(slots.pop(next(iter(slots))))
        return taken

    @property
    def waiting(self) -> bool:
        """Whether there is something that it has not taken."""
        return bool(self._backlog or self._burst or self._ends or self._slots)


def progress(event: ProgressEvent) -> Frame:
    """An event, as it is sent."""
    data = b"data: %b\n\n" % event.encode()
    if (named := event_id(event)) is not None:
        data = b"id: %b\n%b" % (named.encode(), data)
    return Frame(data, event.document_id, event)


def event_id(event: ProgressEvent) -> str | None:
    """What a stream names an event by; None if nobody can go on after it."""
    if event.id is None and event.final:
        return f"{END}-{event.timestamp.timestamp():.6f}"
    return event.id


def sign(kind: str, document_id: str, fields: Mapping[str, object]) -> Frame:
    """News of a type of its own, which plain listeners do not see."""
    data = b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(fields))
    # No document's id holds a line break, so that no slot of a document is taken.
    return Frame(data, f"{document_id}\n")


def denotes_end(named: str) -> bool:
    """Whether nothing of the same attempt can follow the event with this id."""
    return named.startswith(END) or named.endswith(f"-{FINAL_NUMBER}")


def denotes_stream_end(named: str) -> bool:
    """Whether it is the id of the end of a whole stream, and not of a document."""
    return re.fullmatch(rf"{END}-[0-9a-f]{{16}}", named) is not None


def _below(frame: Frame, floor: tuple[int, int]) -> bool:
    position = None if frame.event is None else frame.event.position
    return position is not None and position <= floor
