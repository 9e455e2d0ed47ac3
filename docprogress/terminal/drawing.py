"""Draw a run as text of a given width and height."""

from datetime import datetime

from rich.cells import cell_len
from rich.text import Text

from docprogress.events import Status
from docprogress.formatting import cut, pad, plain, rate, remaining, shorten, stopwatch
from docprogress.progress.document import DocumentProgress
from docprogress.progress.fold import Progress
from docprogress.progress.summary import SUMMARY_ORDER

#: The colour of each state.
STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.PROCESSING: "cyan",
    Status.QUEUED: "dim",
}

STALLED_STYLE = "bold yellow"

#: The least width in cells; a narrower terminal shows the beginning of each line.
NARROWEST = 40

#: The greatest width of the lines about the whole run, so that they stay readable.
WIDEST_TOTAL = 120

#: The widest name of a document, in cells.
WIDEST_NAME = 50

#: Cells reserved for messages; names may take what is left.
ROOMY = 24

#: Tolerance for sums of shares in floating point.
ROUNDING = 1e-9

GAP = "  "

_FULL, _HALF, _EMPTY = "━", "╸", "─"

#: Replacements for terminals that have only ASCII.
_ASCII = str.maketrans({_FULL: "#", _HALF: "-", _EMPTY: ".", "…": "~", "·": "-"})


def frame(
    progress: Progress,
    *,
    width: int,
    height: int,
    name_width: int = WIDEST_NAME,
    ascii_only: bool = False,
    lost_at: datetime | None = None,
) -> Text:
    """Draw a run, at most `width` cells wide and `height` lines high."""
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
    for document in shown:
        silent = bool(stalled) and document.stalled
        lines.append(_row(document, wide, name_width, stalled=silent))
    if len(shown) < len(running):
        more = f"… and {len(running) - len(shown):,} more"
        lines.append(Text(more, style="dim"))
    elif not running and not progress.finished:
        lines.append(Text(progress.waiting_for or "waiting for a worker", style="dim"))
    del lines[max(height, 1) :]
    for line in lines:
        if ascii_only:
            line.plain = line.plain.translate(_ASCII)
        line.truncate(width)
    return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)


def _total_line(progress: Progress, width: int) -> Text:
    """The bar of the whole run, its percentage, and the remaining time."""
    left = "" if progress.finished else remaining(progress.remaining_seconds)
    right = f"{_percent(progress.fraction * 100)}{GAP}{left:<18}"
    cells = width - len(GAP) - len(right)
    widths = _widths(progress, cells)
    parts = [(widths[status], STYLES[status]) for status in SUMMARY_ORDER]
    return _bar(parts, cells).append(GAP).append(right.rstrip(), style="bold")


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
    states = Text()
    for status in SUMMARY_ORDER:
        if counts[status]:
            states.append(" · " if states else "", style="dim")
            states.append(f"{counts[status]:,} {status}", style=STYLES[status])
        if status is Status.PROCESSING and stalled:
            states.append(f" ({stalled:,} stalled)", style=STALLED_STYLE)
    speeds = []
    if progress.documents_per_second is not None:
        speeds.append(rate(progress.documents_per_second, "documents"))
    if progress.pages_per_second is not None:
        speeds.append(rate(progress.pages_per_second, "pages"))
    if progress.elapsed is not None:
        speeds.append(stopwatch(progress.elapsed))
    pace = Text(" · ".join(speeds), style="dim")
    between = width - states.cell_len - pace.cell_len
    if between < len(GAP):
        return [states, pace]
    return [states.append(" " * between).append_text(pace)]


def _row(
    document: DocumentProgress, width: int, name_width: int, *, stalled: bool
) -> Text:
    """The line of a running document."""
    event = document.event
    clock = f"{stopwatch(document.elapsed or 0.0):>5}"
    step = pad(cut(plain(event.step), 12), 10)
    fixed = len(GAP) * 5 + cell_len(f"{clock}{step}") + 4
    room = width - fixed
    bar_width = min(max(room // 5, 6), 40)
    widest = max(room * 9 // 20, room - bar_width - ROOMY, 10)
    widest = min(widest, WIDEST_NAME)
    name_width = min(name_width, widest)
    detail_width = max(room - bar_width - name_width, 0)
    filled = event.progress / 100 * bar_width
    row = Text()
    row.append(pad(shorten(plain(document.name), name_width), name_width))
    row.append(GAP)
    style = "yellow" if stalled else STYLES[Status.PROCESSING]
    halves = int(filled * 2)
    row.append_text(_bar([(halves // 2, style)], bar_width, half=bool(halves % 2)))
    row.append(f"{GAP}{_percent(event.progress)}")
    row.append(f"{GAP}{clock}{GAP}", style="dim")
    row.append(f"{step}{GAP}")
    if stalled:
        notice = f"stalled for {stopwatch(document.silent_seconds)}"
        if len(notice) > detail_width:
            notice = cut("stalled", detail_width)
        row.append(notice, style=STALLED_STYLE)
    else:
        row.append(_detail(document, detail_width))
    return row


def _detail(document: DocumentProgress, width: int) -> str:
    """What a running document is doing, in `width` cells."""
    event = document.event
    attempt = f"attempt {document.attempt} · " if (document.attempt or 1) > 1 else ""
    message = plain(event.message)
    if message.casefold() == plain(event.step).casefold():
        message = ""
    if event.current is not None and event.total:
        counted = f"{plain(event.unit or '')} {event.current} of {event.total}".strip()
        # The step's column makes the verb redundant.
        if message.endswith(counted):
            message = counted
        short = f"{event.current}/{event.total}"
        for text in (f"{attempt}{message}", message, short):
            if cell_len(text) <= width:
                return text
    return cut(f"{attempt}{message}", width)


def _bar(parts: list[tuple[int, str]], width: int, *, half: bool = False) -> Text:
    """A bar of coloured parts, filled up to its width."""
    bar = Text()
    for cells, style in parts:
        bar.append(_FULL * min(cells, width - len(bar)), style=style)
    if half and len(bar) < width:
        bar.append(_HALF, style=parts[-1][1])
    return bar.append(_EMPTY * (width - len(bar)), style="dim")


def _percent(percent: float) -> str:
    """Format a percentage, rounded down: 100 % means done."""
    whole = 100 if percent >= 100 else min(int(percent + ROUNDING), 99)  # noqa: PLR2004 - of a hundred
    return f"{whole:>2} %"
