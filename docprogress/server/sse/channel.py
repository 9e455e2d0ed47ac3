"""Channels with their clients, and the state of their documents."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from docprogress.events import ProgressEvent
from docprogress.server.sse.client_queue import ClientQueue
from docprogress.server.sse.frames import Frame
from docprogress.server.subjects import Kind, Subject


class DocumentState:
    """The newest event of a document, and the channels that it belongs to."""

    __slots__ = ("channels", "frame", "seen_at", "stalled")

    def __init__(self, frame: Frame, seen_at: float) -> None:
        self.frame = frame
        #: When its worker last gave a sign of life, by the monotonic clock.
        self.seen_at = seen_at
        #: The frame that reports the document as stalled, if it is.
        self.stalled: Frame | None = None
        self.channels: set[Channel] = set()

    @property
    def event(self) -> ProgressEvent:
        """Its newest event."""
        assert self.frame.event is not None
        return self.frame.event

    def update(self, frame: Frame, seen_at: float) -> None:
        """Replace the newest event, and count ends in the channels."""
        change = int(frame.final) - int(self.frame.final)
        for channel in self.channels:
            channel.ended += change
        self.frame, self.seen_at, self.stalled = frame, seen_at, None

    def send(self, frame: Frame) -> None:
        """Send a frame to the clients of all its channels."""
        for channel in self.channels:
            for client in channel.clients:
                client.put(frame)


class Channel:
    """A document, a run or a case that is watched, and its clients."""

    __slots__ = (
        "clients",
        "confirmed",
        "documents",
        "empty_since",
        "ended",
        "expected",
        "missing",
        "ready",
        "removed",
        "runs",
        "stored_counts",
        "stored_until",
        "subject",
    )

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.clients: set[ClientQueue] = set()
        #: Its documents by id, in the order of their first event.
        self.documents: dict[str, DocumentState] = {}
        #: How many of them are in a final state.
        self.ended = 0
        #: How many documents there will be; None while that is unknown.
        self.expected = 1 if subject.kind is Kind.DOCUMENT else None
        #: Whether that number was read from the store since the last document ended.
        self.confirmed = True
        #: Set once the current state has been sent.
        self.ready = asyncio.Event()
        #: Since when it has no client.
        self.empty_since: float | None = None
        #: Set once it has had no client for a while, and is no longer updated.
        self.removed = False
        #: The subscribed runs. Of a case, these are the unfinished ones.
        self.runs = {subject.id} if subject.kind is Kind.RUN else set[str]()
        #: The time of the newest change that was read from the store.
        self.stored_until: datetime | None = None
        #: The numbers of documents and of ends of a run when the store was last read.
        self.stored_counts: tuple[int, int] | None = None
        #: Whether the store has answered that it contains nothing of this.
        self.missing = False

    @property
    def finished(self) -> bool:
        """Whether all its documents are known and in a final state."""
        return (
            self.confirmed
            and self.expected is not None
            and self.ended == len(self.documents) >= self.expected
            and self.ended > 0
        )

    @property
    def external(self) -> bool:
        """Whether it is a document of another program, which no store contains."""
        if self.subject.kind is not Kind.DOCUMENT:
            return False
        state = self.documents.get(self.subject.id)
        return state is not None and state.event.run_id is None

    def add(self, document_id: str, state: DocumentState) -> None:
        """Add a document, if it is not there yet."""
        if self not in state.channels:
            state.channels.add(self)
            self.documents[document_id] = state
            self.ended += state.frame.final

    def wake_clients(self) -> None:
        """Have every client check whether its stream has ended."""
        for client in self.clients:
            client.wake.set()


def split_cases(channels: Iterable[Channel]) -> tuple[list[Channel], list[Channel]]:
    """The channels of cases, and the others."""
    cases: list[Channel] = []
    others: list[Channel] = []
    for channel in channels:
        (cases if channel.subject.kind is Kind.CASE else others).append(channel)
    return cases, others


def subscribed_ids(channels: Iterable[Channel]) -> tuple[list[str], list[str]]:
    """The documents and the runs to subscribe to for these channels."""
    documents: list[str] = []
    runs: dict[str, None] = {}
    for channel in channels:
        if channel.subject.kind is Kind.DOCUMENT:
            documents.append(channel.subject.id)
        runs |= dict.fromkeys(channel.runs)
    return documents, list(runs)
