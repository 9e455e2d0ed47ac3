"""The static forms of a view: plain text and HTML.

Both are limited in size, and contain no address, time or id that differs between two
identical runs, so that saved notebooks can be compared.
"""

from html import escape
from typing import Any

from rich.cells import cell_len

from docprogress.events import Status
from docprogress.formatting import cut, one_line, pad, plain, shorten
from docprogress.notebook.progress.view_model import Row, ViewModel

#: The most documents that are named, in text and in HTML.
MOST_LINES = 60
MOST_ROWS = 200

#: The widest name and the widest end of a line, in cells.
WIDEST_NAME = 40
WIDEST_NOTE = 100

#: The longest error that is shown without a click, in characters.
LONGEST_ERROR = 120

#: The note below a view that was closed early.
CLOSED = "The view was closed before the end."

#: Marks that distinguish states without colour, and colours that are legible on
#: white and on black.
_MARKS = {
    "completed": ("✓", "#2e8b57"),
    "failed": ("✗", "#d9534f"),
    "cancelled": ("⊘", "#b8860b"),
    "processing": ("▸", "#3b82c4"),
    "queued": ("·", "inherit"),
}

# Inline, because front ends remove <style> from notebooks that are not trusted.
_CELL = "text-align: left; vertical-align: top; padding: 2px 12px 2px 0"
# Wraps long names without spaces, also in notebooks that are not trusted.
_NAME = "word-break: break-all"
_NUMBER = "text-align: right; vertical-align: top; padding: 2px 12px 2px 0"


def bundle(view_model: ViewModel, *, note: str = "") -> dict[str, str]:
    """Return the static forms of a view by media type.

    Args:
        view_model: What to show.
        note: A note below it, unless every document has finished.
    """
    with view_model.lock:
        summary, rows = view_model.summary(), view_model.first_rows(MOST_ROWS)
        lines = view_model.first_rows(MOST_LINES)
    note = "" if summary["finished"] else note
    return {
        "text/plain": _text(summary, lines, note),
        "text/html": _html(summary, rows, note),
    }


def text(view_model: ViewModel) -> str:
    """A line for all documents, and one for each."""
    with view_model.lock:
        return _text(view_model.summary(), view_model.first_rows(MOST_LINES), "")


def _text(summary: dict[str, Any], shown: list[Row], note: str) -> str:
    names = [shorten(plain(row["name"]), WIDEST_NAME) for row in shown]
    width = max(map(cell_len, names), default=0)
    lines = [*_changes(summary), summary["text"]]
    for name, row in zip(names, shown, strict=True):
        line = f"{pad(name, width)}  {row['status']:<10}  {_note(row)}"
        lines.append(cut(line.rstrip(), width + WIDEST_NOTE))
    if more := _more(summary, shown):
        lines.append(f"… and {more:,} more")
    if note:
        lines.append(note)
    return "\n".join(lines)


def _html(summary: dict[str, Any], shown: list[Row], note: str) -> str:
    steps = [_step(row) for row in shown]
    # Omit empty columns.
    stepped = any(steps)
    heads = ["", "Document", "Status", "Progress", *["Step"] * stepped]
    lines = [
        _table_row(row, step if stepped else None)
        for row, step in zip(shown, steps, strict=True)
    ]
    parts = [
        "<div>",
        *(f"<p>{escape(line)}</p>" for line in _changes(summary)),
        f"<p><strong>{escape(summary['text'])}</strong></p>",
        '<table style="border-collapse: collapse">',
        "<thead><tr>",
        *(f'<th style="{_CELL}">{head}</th>' for head in heads),
        "</tr></thead>",
        "<tbody>",
        *lines,
        "</tbody>",
        "</table>",
    ]
    if more := _more(summary, shown):
        parts.append(f"<p>… and {more:,} more</p>")
    if note:
        parts.append(f"<p><em>{note}</em></p>")
    parts.append("</div>")
    return "\n".join(parts)


def _changes(summary: dict[str, Any]) -> list[str]:
    """What a synchronization has found, as a line."""
    return [summary["changes"]] if "changes" in summary else []


def _table_row(row: Row, step: str | None) -> str:
    mark, colour = _MARKS[row["status"]]
    error = f"<br>{_error(row['error'])}" if row["error"] else ""
    last = "" if step is None else f'<td style="{_CELL}">{escape(step)}</td>'
    return (
        f'<tr><td style="{_CELL}; color: {colour}">{mark}</td>'
        f'<td style="{_CELL}; overflow-wrap: anywhere"><bdi style="{_NAME}">'
        f"{escape(one_line(row['name']))}</bdi>{error}</td>"
        f'<td style="{_CELL}; color: {colour}">{row["status"]}</td>'
        f'<td style="{_NUMBER}">{_percent(row)}</td>{last}</tr>'
    )


def _step(row: Row) -> str:
    """The step of a document that has not completed."""
    return "" if row["status"] == Status.COMPLETED else plain(row["step"])


def _error(error: str) -> str:
    text = one_line(error)
    if len(text) <= LONGEST_ERROR:
        return f"<small>{escape(text)}</small>"
    begin = cut(text, LONGEST_ERROR)
    return (
        f"<details><summary><small>{escape(begin)}</small></summary>"
        f"<small>{escape(text)}</small></details>"
    )


def _note(row: Row) -> str:
    """The error of a document, or its percentage and step."""
    if row["status"] == Status.COMPLETED:
        return ""
    if row["error"]:
        return plain(row["error"])
    percent = _percent(row) if row["progress"] else ""
    return f"{percent} {plain(row['step'])}".strip()


def _percent(row: Row) -> str:
    """The percentage, which is 100 only for completed documents."""
    done = row["status"] == Status.COMPLETED
    return f"{100 if done else min(int(row['progress']), 99)} %"


def _more(summary: dict[str, Any], shown: list[Row]) -> int:
    """The number of documents that are not shown."""
    known = summary["total"] if summary["loading"] else summary["rows"]
    return int(known) - len(shown)
