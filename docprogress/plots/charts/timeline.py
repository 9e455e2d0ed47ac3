"""A run as a timeline: who worked on what and when, and the throughput below.

Importing this module loads matplotlib.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from docprogress.bus.bus import Bus
from docprogress.events import Status
from docprogress.plots.charts.style import (
    ALARM,
    COLOURS,
    FAINT,
    INK,
    LEAST_LETTERS,
    LETTER,
    LINE,
    SMALL,
    UNFINISHED,
    WIDTH,
    Plot,
    cut,
    fitted,
    legend,
    note,
    plain,
)
from docprogress.plots.spans import Mark, RunSpans, Span, pack, spans_of
from docprogress.store import RunRow, Store

#: The height of a track in inches, with names and without, and the least and the
#: greatest height of all tracks together.
NAMED_TRACK = 0.36
TRACK = 0.22
LEAST_TRACKS = 0.9
MOST_TRACKS = 9.0

#: The width of a track in points, beside the workers' names.
TRACK_POINTS = 72 * (WIDTH - 2.6)

#: The time axis in lengths of the run; the rest is room for marks.
MARGIN = 1.02

#: Inches of the throughput chart, and of everything around both charts.
THROUGHPUT = 1.3
AROUND = 1.55

#: The part of a track's height that bars take: with names above them, and without.
NAMED_BAR = 0.5
BAR = 0.74

#: The part of a track's height of the line that connects a document's steps.
CONNECTOR = 0.05

#: The maximum number of letters of a worker's name.
LONGEST_WORKER = 30

#: Names are shown if at least this share of the bars has room for one.
ROOM_FOR_NAMES = 0.2

#: Entries in one line of a legend.
LEGEND_COLUMNS = 8

#: The fewest and the most bars of the throughput chart.
LEAST_BINS = 8
MOST_BINS = 80


class MarkStyle(NamedTuple):
    """How a mark is drawn: shapes differ too, not only colours."""

    shape: str
    colour: str


MARK_STYLES = {
    Mark.FAILED: MarkStyle("X", ALARM),
    Mark.CANCELLED: MarkStyle("s", INK),
    Mark.RETRIED: MarkStyle(">", INK),
    Mark.LOST: MarkStyle("D", INK),
}


def timeline(store: Store, run: RunRow, connect: Callable[[], Bus]) -> Plot:
    """Draw a track for each process of each worker, and the throughput below.

    Args:
        store: Where the run is kept.
        run: The run.
        connect: Opens the bus; called only if the steps use several queues, to find
            out which worker did which step.

    Raises:
        StoreError: The store cannot be read.
    """
    return _Drawing(run, spans_of(store, run, connect)).figure


class _Unit(NamedTuple):
    name: str
    seconds: float


def _unit(seconds: float) -> _Unit:
    """The unit in which an axis of this length is labelled."""
    if seconds < 0.5:  # noqa: PLR2004
        return _Unit("milliseconds", 0.001)
    if seconds < 3 * 60:
        return _Unit("seconds", 1.0)
    if seconds < 3 * 3600:
        return _Unit("minutes", 60.0)
    return _Unit("hours", 3600.0)


class _Drawing:
    """Draws the figure of one run."""

    def __init__(self, run: RunRow, data: RunSpans) -> None:
        self._run = run
        self._documents = data.documents
        self._spans = data.spans
        self._steps = data.steps
        self._ends = [
            (document.status, (document.finished_at - data.begin).total_seconds())
            for document in data.documents
            if document.finished_at is not None and document.status.final
        ]
        moments = [span.end for span in data.spans]
        moments += [moment for _, moment in self._ends]
        self._length = max(moments, default=0.0) or 1.0
        self._unit = _unit(self._length)
        self._tracks = pack(data.spans)
        rows = [track for tracks in self._tracks.values() for track in tracks]
        self._count = len(rows)
        self._named = self._room_for_names()
        self._bar = NAMED_BAR if self._named else BAR
        height = self._count * (NAMED_TRACK if self._named else TRACK)
        height = min(max(height, LEAST_TRACKS), MOST_TRACKS)
        self._track_points = 72 * height / max(self._count, 1)
        self.figure = Plot(WIDTH, height + THROUGHPUT + AROUND)
        tracks, throughput = self.figure.subplots(
            2, 1, sharex=True, height_ratios=[height, THROUGHPUT]
        )
        for axes in (tracks, throughput):
            plain(axes)
        self._draw_tracks(tracks, rows)
        self._draw_throughput(throughput)
        self._draw_legend(tracks)

    def _room_for_names(self) -> bool:
        if not self._spans or self._count * NAMED_TRACK > MOST_TRACKS:
            return False
        fits = sum(self._letters(span) >= LEAST_LETTERS for span in self._spans)
        return fits >= ROOM_FOR_NAMES * len(self._spans)

    def _points(self, span: Span) -> float:
        """The width of a bar in points."""
        return TRACK_POINTS * (span.end - span.begin) / (self._length * MARGIN)

    def _letters(self, span: Span) -> int:
        """How many letters fit above a bar on average."""
        return int(self._points(span) / (SMALL * LETTER))

    def _draw_tracks(self, axes: Axes, rows: Sequence[Sequence[Span]]) -> None:
        bars: dict[str | None, list[tuple[float, float, float]]] = defaultdict(list)
        marks: dict[Mark, list[tuple[float, float]]] = defaultdict(list)
        for row, track in enumerate(rows):
            for span in track:
                for step in span.steps:
                    bars[step.step].append((step.begin, step.end, row))
                if span.mark:
                    marks[span.mark].append((span.end, row + 1 - self._bar / 2))
                if self._named:
                    self._write_name(axes, row, span)
        connectors = [
            (span.begin, span.end, row)
            for row, track in enumerate(rows)
            for span in track
        ]
        if connectors:
            # Bridge pauses between two steps of the same document.
            axes.add_collection(
                self._boxes(connectors, CONNECTOR, {"facecolor": FAINT, "zorder": 1})
            )
        for name, boxes in bars.items():
            axes.add_collection(self._boxes(boxes, self._bar, self._look(name)))
        for mark, places in marks.items():
            self._draw_marks(axes, mark, places)
        axes.set_ylim(max(self._count, 1), 0)
        axes.set_xlim(0, self._length * MARGIN / self._unit.seconds)
        self._write_workers(axes)

    def _boxes(
        self,
        boxes: Sequence[tuple[float, float, float]],
        height: float,
        look: dict[str, Any],
    ) -> PolyCollection:
        """Boxes (begin, end, track) at the lower edge of their tracks."""
        begin, end, top = np.array(boxes).T
        begin, end = begin / self._unit.seconds, end / self._unit.seconds
        upper, lower = top + 0.97 - height, top + 0.97
        corners = [(begin, upper), (end, upper), (end, lower), (begin, lower)]
        vertices = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)
        # The edge keeps a step visible that took less than a pixel.
        edge = {"edgecolor": look["facecolor"], "linewidth": 0.3, "zorder": 2}
        return PolyCollection(vertices, **(edge | look))  # type: ignore[arg-type] # an array is faster than tuples, and accepted

    def _look(self, step: str | None) -> dict[str, Any]:
        if step is None:
            return {"facecolor": UNFINISHED, "edgecolor": FAINT, "hatch": "////"}
        number = self._steps.index(step)
        look: dict[str, Any] = {"facecolor": COLOURS[number % len(COLOURS)]}
        if number >= len(COLOURS):
            look |= {"edgecolor": "white", "hatch": ("..", "\\\\", "xx")[number % 3]}
        return look

    def _draw_marks(
        self, axes: Axes, mark: Mark, places: Sequence[tuple[float, float]]
    ) -> None:
        x, y = np.array(places).T
        shape, colour = MARK_STYLES[mark]
        axes.scatter(
            x / self._unit.seconds,
            y,
            marker=shape,
            s=min(42.0, (self._track_points * 0.62) ** 2),
            facecolor=colour,
            edgecolor="white",
            linewidth=0.7,
            zorder=4,
            clip_on=False,
        )

    def _write_name(self, axes: Axes, row: int, span: Span) -> None:
        letters = self._letters(span)
        if letters >= LEAST_LETTERS:
            axes.text(
                span.begin / self._unit.seconds,
                row + (1 - self._bar) / 2 + 0.03,
                fitted(span.name, SMALL, self._points(span)),
                fontsize=SMALL,
                color=INK,
                verticalalignment="center",
                parse_math=False,
            )

    def _write_workers(self, axes: Axes) -> None:
        """Label workers from the top down, as far as there is room."""
        shown: list[tuple[float, str]] = []
        row, free = 0, 0.0
        for worker, tracks in self._tracks.items():
            middle = row + len(tracks) / 2
            row += len(tracks)
            if len(self._tracks) > 1:
                axes.axhline(row, color=LINE, linewidth=0.8, zorder=0)
            label = cut(worker, LONGEST_WORKER) if worker else "already processed"
            lines = 1
            if len(tracks) > 1 and self._track_points * len(tracks) > 3 * SMALL:
                label, lines = f"{label}\n{len(tracks)} processes", 2
            half = 0.65 * lines * SMALL / self._track_points
            if middle - half >= free:
                shown.append((middle, label))
                free = middle + half
        axes.set_yticks([y for y, _ in shown], [label for _, label in shown])
        for text in axes.get_yticklabels():
            text.set_fontsize(SMALL + 0.5)
            text.set_parse_math(False)

    def _draw_throughput(self, axes: Axes) -> None:
        if not self._ends:
            axes.set_yticks([])
            note(axes, "No document has finished")
        bins = round(2 * math.sqrt(len(self._ends)))
        bins = min(max(bins, LEAST_BINS), MOST_BINS)
        edges = np.linspace(0, self._length, bins + 1)
        width = edges[1] - edges[0]
        base = np.zeros(bins)
        looks: dict[Status, dict[str, Any]] = {
            Status.COMPLETED: {"facecolor": "#8C959F"},
            Status.FAILED: {"facecolor": ALARM},
            Status.CANCELLED: {
                "facecolor": "white",
                "edgecolor": FAINT,
                "hatch": "////",
            },
        }
        drawn = []
        for status, look in looks.items():
            moments = [moment for each, moment in self._ends if each is status]
            if moments:
                heights = np.histogram(np.clip(moments, 0, self._length), edges)[0]
                axes.bar(
                    edges[:-1] / self._unit.seconds,
                    heights / width,
                    width / self._unit.seconds,
                    bottom=base,
                    align="edge",
                    linewidth=0.4,
                    **look,
                )
                base += heights / width
                drawn.append(Patch(label=status.value, linewidth=0.4, **look))
        if len(drawn) > 1:
            legend(
                axes, drawn, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(drawn)
            )
        axes.set_ylim(0, base.max() * 1.1 or 1.0)
        axes.set_ylabel("documents/s", fontsize=SMALL + 1, color=INK)
        axes.set_xlabel(
            f"{self._unit.name} since the run was submitted",
            fontsize=SMALL + 1,
            color=INK,
        )
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)

    def _draw_legend(self, axes: Axes) -> None:
        handles: list[Any] = [
            Patch(label=cut(step, 24), linewidth=0.3, **self._look(step))
            for step in self._steps
        ]
        if any(step.step is None for span in self._spans for step in span.steps):
            handles.append(
                Patch(label="step not finished", linewidth=0.3, **self._look(None))
            )
        marks = {span.mark for span in self._spans}
        handles += [
            Line2D(
                [],
                [],
                linestyle="",
                marker=shape,
                color=colour,
                markersize=7,
                markeredgecolor="white",
                label=mark.value,
            )
            for mark, (shape, colour) in MARK_STYLES.items()
            if mark in marks
        ]
        self.figure.suptitle(
            self._title(), x=0.01, horizontalalignment="left", fontsize=10.5, color=INK
        )
        if not self._spans:
            axes.set_yticks([])
            note(axes, "No worker has started a document")
            return
        legend(
            axes,
            handles,
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=min(len(handles), LEGEND_COLUMNS),
        )

    def _title(self) -> str:
        counts = {
            status: sum(document.status is status for document in self._documents)
            for status in Status
        }
        states = ", ".join(
            f"{counts[status]:,} {status.value}"
            for status in (
                Status.COMPLETED,
                Status.FAILED,
                Status.CANCELLED,
                Status.PROCESSING,
                Status.QUEUED,
            )
            if counts[status]
        )
        total = self._run.expected
        noun = "document" if total == 1 else "documents"
        return f"run {self._run.id}: {total:,} {noun}" + (
            f", {states}" if states else ""
        )
