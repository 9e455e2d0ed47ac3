"""The static forms of a view: plain text and HTML.

Both are limited in size. Those of finished documents contain no address, time of day
or id that differs between two identical runs, so that saved notebooks can be compared.
Those of unfinished documents say when they were made and how to see more.
"""

from collections.abc import Sequence

from rich.cells import cell_len

from docprogress.events import Status, now
from docprogress.formatting import capitalized, cut, pad, plain, shorten
from docprogress.notebook.progress import table_html
from docprogress.notebook.progress.table_rows import (
    NO_PERCENT,
    TableRow,
    table_row,
    table_rows,
)
from docprogress.notebook.progress.view_model import ViewModel

#: The maximum number of documents that are named, in text and in HTML.
MOST_LINES = 60
MOST_ROWS = 200

#: The widest name and the widest end of a line, in cells.
WIDEST_NAME = 40
WIDEST_NOTE = 100

#: The note below a view that was closed early.
CLOSED = "The view was closed before the end."


def bundle(view_model: ViewModel, *, note: str = "") -> dict[str, str]:
    """Return the static forms of a view by media type.

    Args:
        view_model: What to show.
        note: A note below it, unless every document has finished.
    """
    with view_model.lock:
        summary, ranked = view_model.summary(), view_model.ranked_rows(MOST_ROWS)
    rows = table_rows(view_model, ranked)
    heads = _heads(summary)
    notes: list[tuple[str, str]] = []
    if not summary["finished"]:
        stamp = now().strftime("%Y-%m-%d %H:%M:%S UTC")
        waiting = f" {capitalized(summary['waiting'])}." if "waiting" in summary else ""
        notes.append((f"As of {stamp}.{waiting} To see it live:", view_model.attach))
        if note:
            notes.append((note, ""))
    more = _more(summary, len(rows))
    lines = _lines(rows[:MOST_LINES])
    if left := more + len(rows) - len(lines):
        lines.append(f"… and {left:,} more")
    lines += [f"{text} {code}".rstrip() for text, code in notes]
    return {
        "text/plain": "\n".join([*heads, *lines]),
        "text/html": table_html.render(heads, rows, more, notes),
    }


def text(view_model: ViewModel) -> str:
    """A line for all documents, and one for each, without the time of day."""
    with view_model.lock:
        summary, ranked = view_model.summary(), view_model.ranked_rows(MOST_LINES)
    rows = [table_row(row) for row in ranked]
    lines = [*_heads(summary), *_lines(rows)]
    if more := _more(summary, len(rows)):
        lines.append(f"… and {more:,} more")
    return "\n".join(lines)


def _heads(summary: dict[str, object]) -> list[str]:
    """The lines above the documents; first the changes of a sync."""
    changes = [str(summary["changes"])] if "changes" in summary else []
    return [*changes, str(summary["text"])]


def _lines(rows: Sequence[TableRow]) -> list[str]:
    names = [shorten(plain(row.name), WIDEST_NAME) for row in rows]
    width = max(map(cell_len, names), default=0)
    lines = []
    for name, row in zip(names, rows, strict=True):
        line = f"{pad(name, width)}  {row.status:<10}  {_note(row)}"
        lines.append(cut(line.rstrip(), width + WIDEST_NOTE))
    return lines


def _note(row: TableRow) -> str:
    """The reason of a failure, a note on the result, or the progress."""
    if row.status is Status.COMPLETED:
        return "; ".join(map(plain, row.notes))
    if row.error:
        return plain(row.error)
    percent = row.percent if row.percent != NO_PERCENT else ""
    return f"{percent} {plain(row.step)}".strip()


def _more(summary: dict[str, int], shown: int) -> int:
    """The number of documents that are not shown."""
    known = summary["total"] if summary["loading"] else summary["rows"]
    return int(known) - shown
