"""The frames that wait for one client: one slot per document, the newest event wins.

However slow a client is, its queue stays small, and final events are never dropped.
A short burst is delivered event by event, since it does not mean that the client is
slow.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

from docprogress.server.sse.frames import Frame
from docprogress.server.subjects import Subject

#: Frames taken from the queue at a time.
BATCH_SIZE = 256

#: Overtaken frames kept in total before newer ones replace them.
BURST_SIZE = 16


class Wake:
    """Wakes one task. It needs a tenth of the memory of an `asyncio.Event`."""

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake the task that waits now, or the next one that does."""
        self._is_set = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def clear(self) -> None:
        """Make later calls of `wait` block until the next `set`."""
        self._is_set = False

    async def wait(self) -> None:
        """Wait until it is set. Only one task may wait at a time."""
        if not self._is_set:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None


class ClientQueue:
    """The frames that one client has not received yet.

    Args:
        subjects: What the client watches.
        abort: Closes its connection at once, discarding unsent frames.
    """

    __slots__ = (
        "_finals",
        "_floor",
        "_overtaken",
        "_replay",
        "_slots",
        "abort",
        "closed",
        "saw_end",
        "send_now",
        "sending_since",
        "sent_at",
        "subjects",
        "wake",
    )

    def __init__(
        self, subjects: Iterable[Subject], *, abort: Callable[[], object]
    ) -> None:
        self.subjects = frozenset(subjects)
        self.abort = abort
        self.wake = Wake()
        #: Set when the stream must end: the client left, or the server stops.
        self.closed = False
        #: Whether the client reconnects after the end of the same stream.
        self.saw_end = False
        #: When a frame was last sent, and since when one is being sent.
        self.sent_at = time.monotonic()
        self.sending_since: float | None = None
        #: Sends a frame at once if the connection accepts it. Set while the queue is
        #: empty and its task waits.
        self.send_now: Callable[[Frame], bool] | None = None
        self._replay: list[Frame] = []
        self._overtaken: list[Frame] = []
        self._finals: dict[str, Frame] = {}
        self._slots: dict[str, Frame] = {}
        self._floor: tuple[int, int] | None = None

    @property
    def pending(self) -> bool:
        """Whether there are frames to take."""
        return bool(self._replay or self._overtaken or self._finals or self._slots)

    def put(self, frame: Frame) -> None:
        """Send a frame at once, or queue it; it replaces an older one of its slot."""
        if self._floor is not None and _at_or_below(frame, self._floor):
            return
        # The response handles final frames: one may end the stream.
        if self.send_now is not None and not frame.final and self.send_now(frame):
            return
        self.send_now = None
        replaced = self._slots.pop(frame.slot, None)
        # A client that watches a document and its run gets the same frame twice.
        if replaced is not None and replaced.event and replaced.data is not frame.data:
            self._keep_overtaken(replaced)
        self._slots[frame.slot] = frame
        self.wake.set()

    def replay(self, missed: Iterable[Frame]) -> None:
        """Deliver these first, one by one, and drop queued frames that are older."""
        self.send_now = None
        self._replay.extend(missed)
        if self._replay:
            event = self._replay[-1].event
            self._floor = None if event is None else event.position
        floor = self._floor
        if floor is not None:
            self._overtaken = [
                frame for frame in self._overtaken if not _at_or_below(frame, floor)
            ]
            self._slots = {
                slot: frame
                for slot, frame in self._slots.items()
                if not _at_or_below(frame, floor)
            }
        self.wake.set()

    def take(self) -> list[Frame]:
        """Remove and return the next frames, in the order of delivery."""
        taken: list[Frame] = []
        if self._replay:
            taken, self._replay = self._replay[:BATCH_SIZE], self._replay[BATCH_SIZE:]
        if len(taken) < BATCH_SIZE:
            taken += self._overtaken
            self._overtaken = []
        for slots in (self._finals, self._slots):
            while slots and len(taken) < BATCH_SIZE:
                # The oldest first, so that busy slots do not starve others.
                taken.append(slots.pop(next(iter(slots))))
        return taken

    def clear(self) -> None:
        """Drop all frames."""
        self._replay.clear()
        self._overtaken.clear()
        self._finals.clear()
        self._slots.clear()

    def _keep_overtaken(self, frame: Frame) -> None:
        """Keep a replaced frame that must be delivered anyway."""
        if len(self._overtaken) < BURST_SIZE and frame.slot not in self._finals:
            self._overtaken.append(frame)
        elif frame.final:
            self._finals[frame.slot] = frame


def _at_or_below(frame: Frame, floor: tuple[int, int]) -> bool:
    position = None if frame.event is None else frame.event.position
    return position is not None and position <= floor
