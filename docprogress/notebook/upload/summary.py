"""The static forms of an uploader: plain text and HTML.

Both are limited in size, and equal for two uploads of the same files.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from rich.cells import cell_len

from docprogress.formatting import byte_size, cut, one_line, pad, plain, plural, shorten
from docprogress.notebook.progress.table import (
    MOST_LINES,
    MOST_ROWS,
    WIDEST_NAME,
    WIDEST_NOTE,
)
from docprogress.notebook.upload.receiver import IncomingFile, State

#: The headline without files.
NOTHING = "No file has been uploaded"

_MARKS = {
    State.ARRIVED: ("✓", "#2e8b57"),
    State.FAILED: ("✗", "#d9534f"),
    State.CANCELLED: ("⊘", "#b8860b"),
    State.ARRIVING: ("▸", "#3b82c4"),
}

# Inline, because a notebook that is not trusted loses every <style>.
_CELL = "text-align: left; vertical-align: top; padding: 2px 12px 2px 0"
_NUMBER = "text-align: right; vertical-align: top; padding: 2px 12px 2px 0"
_NAME = "word-break: break-all"


class Line(NamedTuple):
    """The state of one file."""

    name: str
    size: int
    status: State
    note: str


class Summary(NamedTuple):
    """All files in one line, and those that are listed."""

    headline: str
    lines: list[Line]


def summarize(files: Sequence[IncomingFile], *, submitted: bool = True) -> Summary:
    """Summarize files; of many, list the failed ones first.

    Args:
        files: The files.
        submitted: Whether to list files that are part of a run.
    """
    summary = [(each, _line(each)) for each in files]
    shown = [line for each, line in summary if submitted or not each.submitted]
    if len(shown) > MOST_LINES:
        shown.sort(key=lambda line: line.status is not State.FAILED)
    return Summary(_headline([line for _, line in summary]), shown)


def text(summary: Summary, note: str = "") -> str:
    """All files, as plain text."""
    shown = summary.lines[:MOST_LINES]
    names = [shorten(plain(line.name), WIDEST_NAME) for line in shown]
    width = max(map(cell_len, names), default=0)
    lines = [summary.headline]
    for name, line in zip(names, shown, strict=True):
        row = f"{pad(name, width)}  {byte_size(line.size):>10}  {plain(line.note)}"
        lines.append(cut(row.rstrip(), width + WIDEST_NOTE))
    if more := len(summary.lines) - len(shown):
        lines.append(f"… and {more:,} more")
    if note:
        lines.append(note)
    return "\n".join(lines)


def html(summary: Summary, note: str = "") -> str:
    """All files, as a table."""
    shown = summary.lines[:MOST_ROWS]
    parts = ["<div>", f"<p><strong>{escape(summary.headline)}</strong></p>"]
    if shown:
        parts += [
            '<table style="border-collapse: collapse">',
            "<thead><tr>",
            *(f'<th style="{_CELL}">{head}</th>' for head in ("", "File")),
            f'<th style="{_NUMBER}">Size</th><th style="{_CELL}">Status</th>',
            "</tr></thead>",
            "<tbody>",
            *map(_row, shown),
            "</tbody>",
            "</table>",
        ]
    if more := len(summary.lines) - len(shown):
        parts.append(f"<p>… and {more:,} more</p>")
    if note:
        parts.append(f"<p><em>{escape(note)}</em></p>")
    parts.append("</div>")
    return "\n".join(parts)


def _row(line: Line) -> str:
    mark, colour = _MARKS[line.status]
    status = line.note or line.status.value
    return (
        f'<tr><td style="{_CELL}; color: {colour}">{mark}</td>'
        f'<td style="{_CELL}; overflow-wrap: anywhere"><bdi style="{_NAME}">'
        f"{escape(one_line(line.name))}</bdi></td>"
        f'<td style="{_NUMBER}; white-space: nowrap">{byte_size(line.size)}</td>'
        f'<td style="{_CELL}; color: {colour}">{escape(one_line(status))}</td></tr>'
    )


def _line(file: IncomingFile) -> Line:
    with file.lock:
        note = {
            State.ARRIVED: "",
            State.FAILED: f"failed: {file.error}",
            State.CANCELLED: "cancelled",
            State.ARRIVING: f"{100 * file.received // max(file.size, 1)} %",
        }[file.status]
        return Line(file.name, file.size, file.status, note)


def _headline(summary: Sequence[Line]) -> str:
    if not summary:
        return NOTHING
    arrived = [line for line in summary if line.status is State.ARRIVED]
    parts = [f"{plural(len(arrived), 'file')} uploaded"]
    if arrived:
        parts[0] += f", {byte_size(sum(line.size for line in arrived))}"
    for status, word in (
        (State.FAILED, "failed"),
        (State.CANCELLED, "cancelled"),
        (State.ARRIVING, "uploading"),
    ):
        if count := sum(line.status is status for line in summary):
            parts.append(f"{count:,} {word}")
    return "; ".join(parts)
