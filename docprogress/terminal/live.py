"""A run on a terminal: while it goes on, and what is left on the screen after it.

A view is told of events and asked to draw.  What an event means, and every
number, comes from `Progress`.
"""

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.text import Text

from docprogress.events import ProgressEvent, Status
from docprogress.formatting import (
    cut,
    duration,
    pad,
    plain,
    plural,
    rate,
    remaining,
    shorten,
    stopwatch,
)
from docprogress.progress import SUMMARY_ORDER, DocumentProgress, Progress

#: The colour of each state.
STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.PROCESSING: "cyan",
    Status.QUEUED: "dim",
}

_STALLED = "bold yellow"

#: The narrowest line that is drawn; a narrower terminal sees its beginning.
NARROWEST = 40

#: The widest that the lines about the whole run become: an eye has to find
#: the end of the line.
WIDEST_TOTAL = 120

#: The widest name of a document, in cells.
WIDEST_NAME = 50

#: Cells that most messages need: what is more than that goes to names.
ROOMY = 24

#: What sums of shares may lack in floating point.
ROUNDING = 1e-9

_GAP = "  "
_FULL, _HALF, _EMPTY = "━", "╸", "─"
#: What stands for our own characters where a terminal has only ASCII.
_ASCII = str.maketrans({_FULL: "#", _HALF: "-", _EMPTY: ".", "…": "~", "·": "-"})


class View(Protocol):
    """What shows a run while it is watched."""

    def told(self, event: ProgressEvent) -> None:
        """Hear of an event that `Progress` knows by now."""

    def draw(self, *, lost_at: datetime | None = None) -> None:
        """Show the present.

        Args:
            lost_at: When the newest update came, if the connection is lost.
        """

    def say(self, notice: str) -> None:
        """Tell the person who watches something besides."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


class TerminalView:
    """Draws in place, as often as it is asked to; it has no thread of its own."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._console = console
        self._name_width = 0
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            # Warnings appear above the picture, unless they go elsewhere.
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start()

    def told(self, event: ProgressEvent) -> None:
        """Nothing is drawn for one event, only its name is measured."""
        # The column only grows: nothing jumps about.
        width = cell_len(plain(event.name or event.document_id))
        self._name_width = max(self._name_width, width)

    def draw(self, *, lost_at: datetime | None = None) -> None:
        width, height = self._console.size
        picture = frame(
            self._progress,
            width=width,
            # The last line is where the cursor rests.
            height=height - 1,
            name_width=self._name_width,
            ascii_only=not self._console.encoding.startswith("utf"),
            lost_at=lost_at,
        )
        self._live.update(picture, refresh=True)

    def say(self, notice: str) -> None:
        self._console.print(Text(notice))

    def close(self) -> None:
        self._live.stop()


class PlainView:
    """Writes one line for each document as it ends: for pipes, files and logs."""

    def __init__(self, progress: Progress, out: IO[str], notices: IO[str]) -> None:
        self._progress = progress
        self._out = out
        self._notices = notices
        # How each document that was said to have ended did so.
        self._said: dict[str, ProgressEvent] = {}

    def told(self, event: ProgressEvent) -> None:
        document = self._progress.documents[event.document_id]
        known = document.event
        if known.final and self._said.get(document.id) is not known:
            self._said[document.id] = known
            self._out.write(f"{known.status:<9}{_GAP}{_ending(document)}\n")
            self._out.flush()

    def draw(self, *, lost_at: datetime | None = None) -> None:
        """Nothing is drawn between two endings."""

    def say(self, notice: str) -> None:
        self._notices.write(f"docprogress: {notice}\n")
        self._notices.flush()

    def close(self) -> None:
        """There is nothing to put away."""


class JsonView:
    """Writes every event as a line of JSON."""

    def __init__(self, out: IO[str], notices: IO[str]) -> None:
        self._out = out
        self._notices = notices

    def told(self, event: ProgressEvent) -> None:
        self._out.write(f"{event.encode().decode()}\n")
        self._out.flush()

    def draw(self, *, lost_at: datetime | None = None) -> None:
        """Nothing is drawn: standard output is for the events alone."""

    def say(self, notice: str) -> None:
        self._notices.write(f"docprogress: {notice}\n")
        self._notices.flush()

    def close(self) -> None:
        """There is nothing to put away."""


def closing_line(
    progress: Progress,
    *,
    seconds: float | None = None,
    pages: int | None = None,
    speed: float | None = None,
) -> str:
    """What is said of a run when it is over, or left.

    Args:
        progress: What was heard of it.
        seconds: How long it took, where that is known better.
        pages: How many pages were read, where that is known better.
        speed: How many of them a second, where that is known better.
    """
    seconds = progress.elapsed if seconds is None else seconds
    pages = progress.pages if pages is None else pages
    speed = progress.pages_per_second if speed is None else speed
    head, colon, states = progress.summary().partition(": ")
    if colon and seconds is not None:
        head = f"{head} in {duration(seconds)}"
    said = [f"{head}{colon}{states}"]
    if pages:
        said.append(plural(pages, "page"))
        if speed:
            said.append(rate(speed, "pages"))
    return " · ".join(said)


def failure_lines(progress: Progress, console: Console) -> Iterator[Text]:
    """Every document that has failed, with its reason, as wide as the terminal."""
    label = f"{Status.FAILED}{_GAP}"
    width = max(console.width - len(label), NARROWEST // 2)
    for event in progress.failures:
        text = Text(_ending(progress.documents[event.document_id]))
        lines = text.wrap(console, width) if console.is_terminal else [text]
        for number, line in enumerate(lines):
            start = label if number == 0 else " " * len(label)
            line.rstrip()
            yield Text(start, style=STYLES[Status.FAILED], end="").append_text(
                Text.styled(line.plain, "default")
            )


def frame(
    progress: Progress,
    *,
    width: int,
    height: int,
    name_width: int = WIDEST_NAME,
    ascii_only: bool = False,
    lost_at: datetime | None = None,
) -> Text:
    """The picture of a run, at most `width` cells wide and `height` lines high."""
    wide = max(width, NARROWEST)
    # What is not heard of while nothing is heard at all may be well.
    stalled = len(progress.stalled_documents) if lost_at is None else 0
    total_width = min(wide, WIDEST_TOTAL)
    lines = [_total_line(progress, total_width)]
    lines += _count_lines(progress, total_width, stalled=stalled)
    if lost_at is not None:
        said = f"reconnecting to Redis, last update {lost_at.astimezone():%H:%M:%S}"
        lines.append(Text(said, style=_STALLED))
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
    """The bar of the whole run, its percentage, and the time that is left."""
    left = "" if progress.finished else remaining(progress.remaining_seconds)
    right = f"{_percent(progress.fraction * 100)}{_GAP}{left:<18}"
    cells = width - len(_GAP) - len(right)
    widths = _widths(progress, cells)
    parts = [(widths[status], STYLES[status]) for status in SUMMARY_ORDER]
    return _bar(parts, cells).append(_GAP).append(right.rstrip(), style="bold")


def _widths(progress: Progress, cells: int) -> dict[Status, int]:
    """The cells of the run's bar that show the work of each status.

    They are full only if everything was completed.
    """
    counts, shares = progress.counts, progress.shares
    widths = {}
    share, edge = 0.0, 0
    for status in SUMMARY_ORDER:
        share += shares[status]
        before, edge = edge, int(cells * share + ROUNDING)
        widths[status] = edge - before
    for status in (Status.FAILED, Status.CANCELLED):
        # One failure among thousands is seen.
        widths[status] = max(widths[status], min(counts[status], 1))
    for status in (Status.COMPLETED, Status.PROCESSING, Status.QUEUED):
        excess = max(sum(widths.values()) - cells, 0)
        widths[status] -= min(widths[status], excess)
    return widths


def _count_lines(progress: Progress, width: int, *, stalled: int) -> list[Text]:
    """How many documents are in each state, and how fast it goes."""
    counts = progress.counts
    total = max(progress.total, progress.expected or 0)
    counts[Status.QUEUED] += total - sum(counts.values())
    states = Text()
    for status in SUMMARY_ORDER:
        if counts[status]:
            states.append(" · " if states else "", style="dim")
            states.append(f"{counts[status]:,} {status}", style=STYLES[status])
        if status is Status.PROCESSING and stalled:
            states.append(f" ({stalled:,} stalled)", style=_STALLED)
    speeds = []
    if progress.documents_per_second is not None:
        speeds.append(rate(progress.documents_per_second, "documents"))
    if progress.pages_per_second is not None:
        speeds.append(rate(progress.pages_per_second, "pages"))
    if progress.elapsed is not None:
        speeds.append(stopwatch(progress.elapsed))
    pace = Text(" · ".join(speeds), style="dim")
    between = width - states.cell_len - pace.cell_len
    if between < len(_GAP):
        return [states, pace]
    return [states.append(" " * between).append_text(pace)]


def _row(
    document: DocumentProgress, width: int, name_width: int, *, stalled: bool
) -> Text:
    """One document that is running."""
    event = document.event
    clock = f"{stopwatch(document.elapsed or 0.0):>5}"
    step = pad(cut(plain(event.step), 12), 10)
    fixed = len(_GAP) * 5 + cell_len(f"{clock}{step}") + 4
    room = width - fixed
    bar_width = min(max(room // 5, 6), 40)
    widest = max(room * 9 // 20, room - bar_width - ROOMY, 10)
    widest = min(widest, WIDEST_NAME)
    name_width = min(name_width, widest)
    detail_width = max(room - bar_width - name_width, 0)
    filled = event.progress / 100 * bar_width
    row = Text()
    row.append(pad(shorten(plain(document.name), name_width), name_width))
    row.append(_GAP)
    style = "yellow" if stalled else STYLES[Status.PROCESSING]
    halves = int(filled * 2)
    row.append_text(_bar([(halves // 2, style)], bar_width, half=bool(halves % 2)))
    row.append(f"{_GAP}{_percent(event.progress)}")
    row.append(f"{_GAP}{clock}{_GAP}", style="dim")
    row.append(f"{step}{_GAP}")
    if stalled:
        said = f"stalled for {stopwatch(document.silent_seconds)}"
        said = said if len(said) <= detail_width else cut("stalled", detail_width)
        row.append(said, style=_STALLED)
    else:
        row.append(_detail(document, detail_width))
    return row


def _detail(document: DocumentProgress, width: int) -> str:
    """What a running document is at, in `width` cells."""
    event = document.event
    attempt = f"attempt {document.attempt} · " if (document.attempt or 1) > 1 else ""
    said = plain(event.message)
    if said.casefold() == plain(event.step).casefold():
        said = ""
    if event.current is not None and event.total:
        counted = f"{plain(event.unit or '')} {event.current} of {event.total}".strip()
        # The step and its verb say the same thing.
        if said.endswith(counted):
            said = counted
        short = f"{event.current}/{event.total}"
        for text in (f"{attempt}{said}", said, short):
            if cell_len(text) <= width:
                return text
    return cut(f"{attempt}{said}", width)


def _ending(document: DocumentProgress) -> str:
    """How a document has ended, after its name."""
    event = document.event
    name = plain(document.name)
    reason = plain(event.error or event.message)
    for start in (f"{name}:", f"{event.status.capitalize()}:"):
        reason = reason.removeprefix(start).lstrip()
    if event.status is Status.FAILED:
        return f"{name}: {reason or 'no reason was given'}"
    if event.status is Status.COMPLETED and reason:
        return f"{name}{_GAP}{reason}"
    return name


def _bar(parts: list[tuple[int, str]], width: int, *, half: bool = False) -> Text:
    """A bar of coloured parts, and what is left of its width."""
    bar = Text()
    for cells, style in parts:
        bar.append(_FULL * min(cells, width - len(bar)), style=style)
    if half and len(bar) < width:
        bar.append(_HALF, style=parts[-1][1])
    return bar.append(_EMPTY * (width - len(bar)), style="dim")


def _percent(percent: float) -> str:
    """A percentage that is 100 only when everything is done."""
    whole = 100 if percent >= 100 else min(int(percent + ROUNDING), 99)  # noqa: PLR2004 - of a hundred
    return f"{whole:>2} %"
