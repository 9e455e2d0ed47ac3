"""Draw a run as text of a given width and height."""

from datetime import datetime

from rich.text import Text

from docprogress.events import Status
from docprogress.formatting import cut, plain, rate, remaining, stopwatch
from docprogress.progress.fold import Progress
from docprogress.progress.summary import SUMMARY_ORDER
from docprogress.terminal.columns import GAP
from docprogress.terminal.results import Reword, describe_end
from docprogress.terminal.rows import (
    EMPTY,
    FULL,
    HALF,
    ROUNDING,
    bar,
    percentage,
    running_rows,
)
from docprogress.terminal.styles import STALLED_STYLE, STYLES, flow

#: The least width in cells; a narrower terminal shows the beginning of each line.
NARROWEST = 40

#: The maximum width of the lines about the whole run, so that they stay readable.
WIDEST_TOTAL = 120

#: The maximum number of failures that are listed below the running documents.
MOST_FAILURES = 3

#: Replacements for terminals that have only ASCII.
_ASCII = str.maketrans({FULL: "#", HALF: "-", EMPTY: ".", "…": "~", "·": "-"})


def frame(
    progress: Progress,
    *,
    width: int,
    height: int,
    name_width: int | None = None,
    ascii_only: bool = False,
    lost_at: datetime | None = None,
    reword: Reword = str,
) -> Text:
    """Draw a run, at most `width` cells wide and `height` lines high.

    Args:
        progress: The run.
        width: The cells of a line.
        height: The number of lines.
        name_width: The cells of the longest name; None takes those that are shown.
        ascii_only: Whether the terminal has no other characters.
        lost_at: When the last update arrived, if the connection is lost.
        reword: Puts errors into the words of the surface.
    """
    wide = max(width, NARROWEST)
    # Without a connection, silence does not mean that a document is stalled.
    stalled = len(progress.stalled_documents) if lost_at is None else 0
    total_width = min(wide, WIDEST_TOTAL)
    lines = [_total_line(progress, total_width)]
    lines += _count_lines(progress, total_width, stalled=stalled)
    if lost_at is not None:
        notice = f"reconnecting to Redis, last update {lost_at.astimezone():%H:%M:%S}"
        lines.append(Text(notice, style=STALLED_STYLE))
    lines.append(Text())
    running = progress.running
    room = max(height - len(lines), 0)
    shown = running if len(running) <= room else running[: max(room - 1, 0)]
    lines += running_rows(shown, wide, name_width, stalled=bool(stalled))
    if len(shown) < len(running):
        more = f"… and {len(running) - len(shown):,} more"
        lines.append(Text(more, style="dim"))
    elif not running and not progress.finished:
        waiting = plain(progress.waiting_for or "waiting for a worker")
        lines.append(Text(waiting, style="dim"))
    lines += _failures(progress, wide, room=height - len(lines) - 1, reword=reword)
    del lines[max(height, 1) :]
    for line in lines:
        if ascii_only:
            line.plain = line.plain.translate(_ASCII)
        line.truncate(width)
    return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)


def _total_line(progress: Progress, width: int) -> Text:
    """The bar of the whole run, its percentage, and the remaining time."""
    left = "" if progress.finished else time_left(progress)
    right = f"{percentage(progress.fraction * 100)}{GAP}{left:<18}"
    cells = width - len(GAP) - len(right)
    widths = _widths(progress, cells)
    parts = [(widths[status], STYLES[status]) for status in SUMMARY_ORDER]
    return bar(parts, cells).append(GAP).append(right.rstrip(), style="bold")


def time_left(progress: Progress) -> str:
    """The time left of a run, as a number or a range."""
    return remaining(progress.remaining_seconds, progress.remaining_range)


def _widths(progress: Progress, cells: int) -> dict[Status, int]:
    """The number of cells in the run's bar for each status.

    They fill the bar only if every document has completed.
    """
    counts, shares = progress.counts, progress.shares
    widths = {}
    share, edge = 0.0, 0
    for status in SUMMARY_ORDER:
        share += shares[status]
        before, edge = edge, int(cells * share + ROUNDING)
        widths[status] = edge - before
    for status in (Status.FAILED, Status.CANCELLED):
        # Show at least one cell, even for one failure among thousands.
        widths[status] = max(widths[status], min(counts[status], 1))
    for status in (Status.COMPLETED, Status.PROCESSING, Status.QUEUED):
        excess = max(sum(widths.values()) - cells, 0)
        widths[status] -= min(widths[status], excess)
    return widths


def _count_lines(progress: Progress, width: int, *, stalled: int) -> list[Text]:
    """The number of documents in each state, and the speed."""
    counts = progress.counts
    total = max(progress.total, progress.expected or 0)
    counts[Status.QUEUED] += total - sum(counts.values())
    states = []
    for status in SUMMARY_ORDER:
        if counts[status]:
            state = Text(f"{counts[status]:,} {status}", style=STYLES[status])
            if status is Status.PROCESSING and stalled:
                state.append(f" ({stalled:,} stalled)", style=STALLED_STYLE)
            states.append(state)
    speeds = []
    if progress.documents_per_second is not None:
        speeds.append(rate(progress.documents_per_second, "documents"))
    if progress.pages_per_second is not None:
        speeds.append(rate(progress.pages_per_second, "pages"))
    if progress.elapsed is not None:
        speeds.append(stopwatch(progress.elapsed))
    left = flow(states, width)
    right = flow([Text(speed, style="dim") for speed in speeds], width)
    if len(left) == len(right) == 1:
        between = width - left[0].cell_len - right[0].cell_len
        if between >= len(GAP):
            return [left[0].append(" " * between).append_text(right[0])]
    return left + right


def _failures(
    progress: Progress, width: int, *, room: int, reword: Reword
) -> list[Text]:
    """The newest failures and their reasons, if there is room for them."""
    newest = progress.failures[-min(room, MOST_FAILURES) :] if room > 0 else []
    lines = [Text()] if newest else []
    for event in newest:
        text = describe_end(progress.documents[event.document_id], reword)
        label = f"{Status.FAILED}{GAP}"
        line = Text(label, style=STYLES[Status.FAILED])
        lines.append(line.append(cut(text, width - len(label)), style="default"))
    return lines
