"""The rows of a static table, from a view and from the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from docprogress.events import Status, now
from docprogress.notebook.progress.view_model import Row, ViewModel
from docprogress.store import DocumentRow

#: The percentage of a document that has not started.
NO_PERCENT = "0 %"

#: How the message of a completed document begins; its notes follow.
_COMPLETED = "Completed: "


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One document of a static table."""

    name: str
    status: Status
    step: str
    #: The percentage, which is 100 only for completed documents.
    percent: str
    #: Why it failed, without its name.
    error: str = ""
    #: A note on the result, such as that there is no text.
    notes: tuple[str, ...] = ()
    pages: int | None = None
    chunks: int | None = None
    #: The duration of the newest attempt.
    seconds: float | None = None
    attempts: int | None = None


def table_rows(view_model: ViewModel, rows: Sequence[Row]) -> list[TableRow]:
    """The documents of these rows. This may wait for the store."""
    stored = view_model.stored([row["id"] for row in rows])
    at = now()
    return [table_row(row, stored.get(row["id"]), at=at) for row in rows]


def table_row(
    row: Row, stored: DocumentRow | None = None, *, at: datetime | None = None
) -> TableRow:
    """The document of a row.

    Args:
        row: The row in the view.
        stored: The row in the store, if there is one.
        at: The current time.
    """
    status = Status(row["status"])
    pages, chunks, seconds = row["pages"], None, row["elapsed"]
    if stored is not None and stored.status is status:
        pages, chunks = stored.pages, stored.chunks
        seconds = _seconds(stored, at)
    if status is not Status.COMPLETED:
        # Nothing is known, rather than that there are none.
        pages, chunks = pages or None, chunks or None
    begun = status is not Status.QUEUED
    return TableRow(
        name=row["name"],
        status=status,
        step=row["step"],
        percent=_percent(row),
        error=without_name(row["error"] or "", row["name"]),
        notes=_notes(row) if status is Status.COMPLETED else (),
        pages=pages,
        chunks=chunks,
        seconds=seconds if begun else None,
        attempts=row["attempt"] if begun else None,
    )


def without_name(error: str, name: str) -> str:
    """An error without the name of the document beside which it is shown."""
    for each in (name, name.rpartition("/")[2]):
        if error.casefold().startswith(f"{each}:".casefold()):
            return error[len(each) + 1 :].lstrip()
    return error


def _percent(row: Row) -> str:
    done = row["status"] == Status.COMPLETED
    return f"{100 if done else min(int(row['progress']), 99)} %"


def _notes(row: Row) -> tuple[str, ...]:
    message = row["message"]
    # Other publishers' messages have no such structure.
    return tuple(message.split("; ")[1:]) if message.startswith(_COMPLETED) else ()


def _seconds(stored: DocumentRow, at: datetime | None) -> float | None:
    begin, end = stored.started_at, stored.finished_at
    if end is None and stored.status is Status.PROCESSING:
        end = at
    if begin is None or end is None:
        return None
    return max((end - begin).total_seconds(), 0.0)
