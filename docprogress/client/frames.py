"""A run's documents and events as DataFrames."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from docprogress.bus.bus import Bus
from docprogress.client.batches import BATCH_SIZE, document_batches
from docprogress.errors import BusError
from docprogress.events import ProgressEvent
from docprogress.store import DocumentRow, RunRow, Store

if TYPE_CHECKING:
    from pandas import DataFrame

_COLUMNS = (
    "name",
    "status",
    "step",
    "progress",
    "pages",
    "chunks",
    "characters",
    "size",
    "attempt",
    "error",
    "message",
    "engine",
    "ocr_pages",
    "confidence",
    "worker",
    "started_at",
    "finished_at",
)

_EVENT_COLUMNS = [
    name
    for name in ProgressEvent.__struct_fields__
    if name not in ("heartbeat", "extra")
]


def documents_frame(store: Store, run: RunRow) -> "DataFrame":
    """A row for each document of a run; members follow their container."""
    import pandas as pd

    columns: dict[str, list[Any]] = {name: [] for name in _columns(run)}
    for rows in document_batches(store, run.id, BATCH_SIZE):
        for name, values in _values(store, run, rows).items():
            columns[name] += values
    frame = pd.DataFrame(columns)
    order = nested(columns["document_id"])
    return frame if order is None else frame.iloc[order].reset_index(drop=True)


def nested(ids: Sequence[str]) -> list[int] | None:
    """The positions of documents, each container's followed by those of its members.

    None if none is a member: the order stays as it is.
    """
    below: dict[str, list[int]] = {}
    known = set(ids)
    first: list[int] = []
    for position, name in enumerate(ids):
        container = name.rpartition(".")[0]
        if container in known:
            below.setdefault(container, []).append(position)
        else:
            first.append(position)
    if not below:
        return None
    order, waiting = [], first[::-1]
    while waiting:
        position = waiting.pop()
        order.append(position)
        waiting += reversed(below.get(ids[position], ()))
    return order


def document_frames(store: Store, run: RunRow, size: int) -> "Iterator[DataFrame]":
    """The same, so many documents at a time."""
    import pandas as pd

    for rows in document_batches(store, run.id, size):
        yield pd.DataFrame(_values(store, run, rows))


def events_frame(store: Store, run: RunRow, bus: Bus) -> "DataFrame":
    """A row for each event that Redis keeps, oldest first."""
    import pandas as pd

    events: list[ProgressEvent] = []
    for event in store.documents.current_events(runs=[run.id]):
        events += _history(bus, event)
    events.sort(key=lambda event: event.timestamp)
    return pd.DataFrame([event.to_dict() for event in events], columns=_EVENT_COLUMNS)


def _columns(run: RunRow) -> list[str]:
    steps = (f"{step['name']}_seconds" for step in run.steps)
    return ["document_id", *_COLUMNS, *steps]


def _values(
    store: Store, run: RunRow, rows: Sequence[DocumentRow]
) -> Mapping[str, list[Any]]:
    """The columns of documents that follow one another."""
    seconds: dict[tuple[str, str], float] = {}
    first, last = rows[0].number, rows[-1].number
    for timing in store.results.timings(run.id, after=first - 1, up_to=last):
        seconds[timing.document_id, f"{timing.step}_seconds"] = timing.seconds
    values: dict[str, list[Any]] = {
        name: [seconds.get((row.id, name)) for row in rows] for name in _columns(run)
    }
    values |= {name: [getattr(row, name) for row in rows] for name in _COLUMNS}
    values["document_id"] = [row.id for row in rows]
    values["status"] = [row.status.value for row in rows]
    return values


def _history(bus: Bus, current: ProgressEvent) -> list[ProgressEvent]:
    """The events of a document that Redis keeps, up to its current state."""
    try:
        found = bus.history(current.document_id)
    except BusError:
        return [current]
    if current.final and (not found or not found[-1].final):
        found.append(current)
    return found or [current]
