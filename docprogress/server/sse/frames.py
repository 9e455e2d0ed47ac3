"""Frames: pieces of an event stream, encoded once for all clients, and their ids."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from docprogress.events import FINAL_NUMBER, ProgressEvent

#: The prefix of ids made here, for final events without one and for a stream's end.
END = "end"


class Frame(NamedTuple):
    """An encoded piece of a stream, and the slot it occupies in a client's queue."""

    data: bytes
    slot: str
    event: ProgressEvent | None = None
    #: When the event was created, in seconds since the epoch. None for current state,
    #: whose age says nothing about the latency of this server.
    published: float | None = None

    @property
    def final(self) -> bool:
        """Whether it ends an attempt of a document."""
        return self.event is not None and self.event.final


def progress_frame(event: ProgressEvent) -> Frame:
    """Encode a progress event."""
    data = b"data: %b\n\n" % event.encode()
    if (id_ := event_id(event)) is not None:
        data = b"id: %b\n%b" % (id_.encode(), data)
    return Frame(data, event.document_id, event)


def typed_frame(kind: str, document_id: str, fields: Mapping[str, object]) -> Frame:
    """Encode an event with a separate type, which `onmessage` does not receive."""
    data = b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(fields))
    # No document's id contains a line break, so this is no document's slot.
    return Frame(data, f"{document_id}\n")


def event_id(event: ProgressEvent) -> str | None:
    """The SSE id of an event; None if a client cannot resume after it."""
    if event.id is None and event.final:
        return f"{END}-{event.timestamp.timestamp():.6f}"
    return event.id


def is_final_id(id_: str) -> bool:
    """Whether no event of the same attempt can follow the event with this id."""
    return id_.startswith(END) or id_.endswith(f"-{FINAL_NUMBER}")


def is_stream_end_id(id_: str) -> bool:
    """Whether this is the id of the end of a whole stream, not of one document."""
    return re.fullmatch(rf"{END}-[0-9a-f]{{16}}", id_) is not None
