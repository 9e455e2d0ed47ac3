"""A run as a picture: who worked on what and when, and how much came of it.

It is drawn from what the store keeps, so it is the same from wherever it is asked
for, during a run and years after it.  Importing this module loads matplotlib.
"""

import io
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from docprogress.bus import Bus
from docprogress.errors import BusError
from docprogress.events import Status, now
from docprogress.store import AttemptRow, DocumentRow, RunRow, StepTiming, Store
from docprogress.store.rows import AttemptStatus

try:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties, findfont, get_font
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.textpath import TextToPath
except ImportError as error:
    raise ImportError(
        "plots need matplotlib: pip install 'docprogress[notebook]'"
    ) from error

#: Colours that people with any kind of colour vision can tell apart (Okabe and Ito,
#: https://jfly.uni-koeln.de/color/); what has failed is told by its shape as well.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442")
ALARM = "#D55E00"
INK = "#24292F"
FAINT = "#6E7781"
LINE = "#D0D7DE"
UNFINISHED = "#E4E7EB"

#: Pixels to the inch of what a notebook shows; twice that are drawn, for fine screens.
DPI = 100

#: Inches of a figure: its width, what each track is high, with names and without, and
#: the least and the most of all tracks together.
WIDTH = 10.0
NAMED_TRACK = 0.36
TRACK = 0.22
LEAST_TRACKS = 0.9
MOST_TRACKS = 9.0

#: Points that are left for a track beside the workers' names, and how much more than
#: the run it shows: the marks have room there.
TRACK_POINTS = 72 * (WIDTH - 2.6)
MARGIN = 1.02

#: Inches of the throughput, and of everything around it.
THROUGHPUT = 1.3
AROUND = 1.55

#: The part of a track that is bar: with names above it, and without.
NAMED_BAR = 0.5
BAR = 0.74

#: The part of a track that is the line which holds a document's steps together.
THREAD = 0.05

#: The size of small text in points, what a letter of it is wide on average, and the
#: fewest letters of a name that say anything.
SMALL = 7.5
LETTER = 0.6
LEAST_LETTERS = 8
LONGEST_WORKER = 30

#: The most letters of a text that are looked at.
LONGEST_TEXT = 200

#: The share of bars that must have room for a name before any has one.
ROOM_FOR_NAMES = 0.2

#: Words of a legend in a line.
LEGEND_COLUMNS = 8

#: Seconds by which two documents of one process may seem to overlap.
OVERLAP = 0.001

#: The fewest and the most bars of the throughput.
LEAST_BINS = 8
MOST_BINS = 80


class Plot(Figure):
    """A figure that a notebook shows once, and that pyplot knows nothing of."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(
            figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained"
        )
        FigureCanvasAgg(self)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        image = io.BytesIO()
        self.savefig(image, format="png", dpi=2 * DPI)
        width, height = (round(inches * DPI) for inches in self.get_size_inches())
        return image.getvalue(), {"width": width, "height": height}


class Part(NamedTuple):
    """What a worker did for one step; a step that was not finished has no name."""

    step: str | None
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One document at one worker, without a break."""

    worker: str
    name: str
    parts: Sequence[Part]
    #: How it went away from there, if that is worth a mark.
    mark: str | None = None

    @property
    def begin(self) -> float:
        return self.parts[0].begin

    @property
    def end(self) -> float:
        return self.parts[-1].end


class Mark(NamedTuple):
    """How something is marked: by its shape, and by its colour."""

    shape: str
    colour: str


MARKS = {
    "failed": Mark("X", ALARM),
    "cancelled": Mark("s", INK),
    "tried again": Mark(">", INK),
    "worker lost": Mark("D", INK),
}


def timeline(store: Store, run: RunRow, bus: Callable[[], Bus]) -> Plot:
    """A track for each process of each worker, and documents a second beneath.

    Args:
        store: What knows of the run.
        run: The run.
        bus: Remembers which worker did a step that has a queue of its own.

    Raises:
        StoreError: The store cannot be asked.
    """
    documents = store.documents(run.id)
    attempts = store.attempts(run.id)
    timings = store.timings(run.id)
    workers: Mapping[tuple[str, int, str], str] = {}
    if len({step.get("queue") for step in run.steps}) > 1:
        handed_over = {attempt.document_id for attempt in attempts}
        workers = _workers(handed_over, bus)
    begin = min([run.created_at, *(attempt.started_at for attempt in attempts)])
    stays = _stays(documents, attempts, timings, workers, begin=begin, until=now())
    names = [step["name"] for step in run.steps]
    # A step of a version that has other ones is drawn all the same.
    steps = list(dict.fromkeys([*names, *(timing.step for timing in timings)]))
    return _Drawing(run, documents, stays, steps, begin).figure


def _workers(
    document_ids: Iterable[str], connect: Callable[[], Bus]
) -> dict[tuple[str, int, str], str]:
    """Who worked on which step of which attempt, as far as Redis remembers it."""
    found: dict[tuple[str, int, str], str] = {}
    with connect() as bus:
        try:
            for document_id in document_ids:
                for event in bus.history(document_id):
                    if event.worker and event.status is Status.PROCESSING:
                        key = (document_id, event.attempt or 1, event.step)
                        found[key] = event.worker
        except BusError:
            pass  # each attempt's first worker stands for all of it
    return found


def _stays(
    documents: Iterable[DocumentRow],
    attempts: Iterable[AttemptRow],
    timings: Iterable[StepTiming],
    workers: Mapping[tuple[str, int, str], str],
    *,
    begin: datetime,
    until: datetime,
) -> list[Stay]:
    known = {document.id: document for document in documents}
    timed: dict[tuple[str, int], list[StepTiming]] = defaultdict(list)
    for timing in timings:
        timed[timing.document_id, timing.attempt].append(timing)

    def seconds(moment: datetime) -> float:
        return (moment - begin).total_seconds()

    stays: list[Stay] = []
    for attempt in attempts:
        document = known.get(attempt.document_id)
        if document is None:
            continue  # the run changes while it is looked at
        parts: list[tuple[str, Part]] = []
        worker, at = attempt.worker, seconds(attempt.started_at)
        for timing in timed[attempt.document_id, attempt.number]:
            key = (attempt.document_id, attempt.number, timing.step)
            worker = workers.get(key, worker)
            # The step before may have ended on a machine whose clock is ahead.
            at = max(at, seconds(timing.started_at))
            parts.append((worker, Part(timing.step, at, at + timing.seconds)))
            at += timing.seconds
        ended = attempt.finished_at or (until if _at_work(document, attempt) else None)
        if attempt.status is not AttemptStatus.COMPLETED or not parts:
            key = (attempt.document_id, attempt.number, document.step)
            end = at if ended is None else max(at, seconds(ended))
            parts.append((workers.get(key, worker), Part(None, at, end)))
        stays += _split(document, parts, _mark(document, attempt))
    return stays


def _split(
    document: DocumentRow, parts: Iterable[tuple[str, Part]], mark: str | None
) -> list[Stay]:
    """A stay for each worker that a document was handed on to."""
    stays = [
        Stay(worker=worker, name=document.name, parts=[part for _, part in some])
        for worker, some in groupby(parts, key=lambda each: each[0])
    ]
    return [*stays[:-1], replace(stays[-1], mark=mark)]


def _at_work(document: DocumentRow, attempt: AttemptRow) -> bool:
    return document.attempt == attempt.number and document.status is Status.PROCESSING


def _mark(document: DocumentRow, attempt: AttemptRow) -> str | None:
    if attempt.status is AttemptStatus.LOST:
        return "worker lost"
    if attempt.status is AttemptStatus.CANCELLED:
        return "cancelled"
    if attempt.status is AttemptStatus.FAILED:
        return "tried again" if document.attempt > attempt.number else "failed"
    return None


def _packed(stays: Iterable[Stay]) -> dict[str, list[list[Stay]]]:
    """Each worker's stays on tracks, one for each process that it must have had."""
    tracks: dict[str, list[list[Stay]]] = {}
    for stay in sorted(stays, key=lambda stay: (stay.begin, stay.end)):
        of_worker = tracks.setdefault(stay.worker, [])
        free = [each for each in of_worker if each[-1].end <= stay.begin + OVERLAP]
        if free:
            # Whoever has just ended with one document goes on with the next.
            max(free, key=lambda track: track[-1].end).append(stay)
        else:
            of_worker.append([stay])
    return {worker: tracks[worker] for worker in sorted(tracks, key=_in_order)}


def _in_order(worker: str) -> list[tuple[int, str]]:
    """Sorts by numbers where there are some: host-9 before host-10."""
    parts = re.findall(r"(\d{1,18})|(\D+)", worker)
    return [(int(number or -1), text) for number, text in parts]


class _Unit(NamedTuple):
    name: str
    seconds: float


def _unit(span: float) -> _Unit:
    """What time is told in."""
    if span < 0.5:  # noqa: PLR2004
        return _Unit("milliseconds", 0.001)
    if span < 3 * 60:
        return _Unit("seconds", 1.0)
    if span < 3 * 3600:
        return _Unit("minutes", 60.0)
    return _Unit("hours", 3600.0)


class _Drawing:
    """The figure of one run, as it is drawn."""

    def __init__(
        self,
        run: RunRow,
        documents: Sequence[DocumentRow],
        stays: Sequence[Stay],
        steps: Sequence[str],
        begin: datetime,
    ) -> None:
        self._run = run
        self._documents = documents
        self._stays = stays
        self._steps = steps
        self._ends = [
            (document.status, (document.finished_at - begin).total_seconds())
            for document in documents
            if document.finished_at is not None and document.status.final
        ]
        moments = [stay.end for stay in stays] + [moment for _, moment in self._ends]
        self._span = max(moments, default=0.0) or 1.0
        self._unit = _unit(self._span)
        self._tracks = _packed(stays)
        rows = [track for tracks in self._tracks.values() for track in tracks]
        self._count = len(rows)
        self._named = self._room_for_names()
        self._bar = NAMED_BAR if self._named else BAR
        height = self._count * (NAMED_TRACK if self._named else TRACK)
        height = min(max(height, LEAST_TRACKS), MOST_TRACKS)
        self._track_points = 72 * height / max(self._count, 1)
        self.figure = Plot(WIDTH, height + THROUGHPUT + AROUND)
        above, beneath = self.figure.subplots(
            2, 1, sharex=True, height_ratios=[height, THROUGHPUT]
        )
        for axes in (above, beneath):
            plain(axes)
        self._draw_tracks(above, rows)
        self._draw_throughput(beneath)
        self._draw_words(above)

    def _room_for_names(self) -> bool:
        if not self._stays or self._count * NAMED_TRACK > MOST_TRACKS:
            return False
        fits = sum(self._letters(stay) >= LEAST_LETTERS for stay in self._stays)
        return fits >= ROOM_FOR_NAMES * len(self._stays)

    def _points(self, stay: Stay) -> float:
        """How wide a bar is, in points."""
        return TRACK_POINTS * (stay.end - stay.begin) / (self._span * MARGIN)

    def _letters(self, stay: Stay) -> int:
        """How many letters have room above a bar, on average."""
        return int(self._points(stay) / (SMALL * LETTER))

    def _draw_tracks(self, axes: Axes, rows: Sequence[Sequence[Stay]]) -> None:
        bars: dict[str | None, list[tuple[float, float, float]]] = defaultdict(list)
        marks: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for row, track in enumerate(rows):
            for stay in track:
                for part in stay.parts:
                    bars[part.step].append((part.begin, part.end, row))
                if stay.mark:
                    marks[stay.mark].append((stay.end, row + 1 - self._bar / 2))
                if self._named:
                    self._write_name(axes, row, stay)
        threads = [
            (stay.begin, stay.end, row)
            for row, track in enumerate(rows)
            for stay in track
        ]
        if threads:
            # A pause between two steps is none between two documents.
            axes.add_collection(
                self._boxes(threads, THREAD, {"facecolor": FAINT, "zorder": 1})
            )
        for step, found in bars.items():
            axes.add_collection(self._boxes(found, self._bar, self._look(step)))
        for kind, found_marks in marks.items():
            self._draw_marks(axes, kind, found_marks)
        axes.set_ylim(max(self._count, 1), 0)
        axes.set_xlim(0, self._span * MARGIN / self._unit.seconds)
        self._write_workers(axes)

    def _boxes(
        self,
        found: Sequence[tuple[float, float, float]],
        high: float,
        look: dict[str, Any],
    ) -> PolyCollection:
        """Boxes at the foot of their tracks: from, to, track."""
        begin, end, top = np.array(found).T
        begin, end = begin / self._unit.seconds, end / self._unit.seconds
        upper, lower = top + 0.97 - high, top + 0.97
        corners = [(begin, upper), (end, upper), (end, lower), (begin, lower)]
        vertices = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)
        # A step that took less than a pixel is there all the same.
        edge = {"edgecolor": look["facecolor"], "linewidth": 0.3, "zorder": 2}
        return PolyCollection(vertices, **(edge | look))  # type: ignore[arg-type] # an array is quicker, and taken

    def _look(self, step: str | None) -> dict[str, Any]:
        if step is None:
            return {"facecolor": UNFINISHED, "edgecolor": FAINT, "hatch": "////"}
        number = self._steps.index(step)
        look: dict[str, Any] = {"facecolor": COLOURS[number % len(COLOURS)]}
        if number >= len(COLOURS):
            look |= {"edgecolor": "white", "hatch": ("..", "\\\\", "xx")[number % 3]}
        return look

    def _draw_marks(
        self, axes: Axes, kind: str, found: Sequence[tuple[float, float]]
    ) -> None:
        x, y = np.array(found).T
        shape, colour = MARKS[kind]
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

    def _write_name(self, axes: Axes, row: int, stay: Stay) -> None:
        letters = self._letters(stay)
        if letters >= LEAST_LETTERS:
            axes.text(
                stay.begin / self._unit.seconds,
                row + (1 - self._bar) / 2 + 0.03,
                fitted(stay.name, SMALL, self._points(stay)),
                fontsize=SMALL,
                color=INK,
                verticalalignment="center",
                parse_math=False,
            )

    def _write_workers(self, axes: Axes) -> None:
        """Name the workers that have room for it, from above."""
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
            _say(axes, "No document has come to rest")
        bins = round(2 * math.sqrt(len(self._ends)))
        bins = min(max(bins, LEAST_BINS), MOST_BINS)
        edges = np.linspace(0, self._span, bins + 1)
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
                heights = np.histogram(np.clip(moments, 0, self._span), edges)[0]
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
            _legend(
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

    def _draw_words(self, axes: Axes) -> None:
        handles: list[Any] = [
            Patch(label=cut(step, 24), linewidth=0.3, **self._look(step))
            for step in self._steps
        ]
        parts = {part.step for stay in self._stays for part in stay.parts}
        if None in parts:
            handles.append(
                Patch(label="step not finished", linewidth=0.3, **self._look(None))
            )
        marks = {stay.mark for stay in self._stays}
        handles += [
            Line2D(
                [],
                [],
                linestyle="",
                marker=shape,
                color=colour,
                markersize=7,
                markeredgecolor="white",
                label=kind,
            )
            for kind, (shape, colour) in MARKS.items()
            if kind in marks
        ]
        self.figure.suptitle(
            self._title(), x=0.01, horizontalalignment="left", fontsize=10.5, color=INK
        )
        if not self._stays:
            axes.set_yticks([])
            _say(axes, "No worker has begun with a document")
            return
        _legend(
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
        said = ", ".join(
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
        return f"run {self._run.id}: {total:,} {noun}" + (f", {said}" if said else "")


def plain(axes: Axes) -> None:
    """Draw of the axes themselves no more than has to be."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(colors=INK, labelsize=SMALL + 0.5, color=LINE)


def _say(axes: Axes, text: str) -> None:
    axes.text(
        0.5,
        0.5,
        text,
        transform=axes.transAxes,
        horizontalalignment="center",
        verticalalignment="center",
        fontsize=SMALL + 1,
        color=FAINT,
    )


def _legend(axes: Axes, handles: Sequence[Any], **options: Any) -> None:
    legend = axes.legend(
        handles=handles,
        fontsize=SMALL + 0.5,
        frameon=False,
        labelcolor=INK,
        handlelength=1.2,
        columnspacing=1.2,
        handletextpad=0.5,
        **options,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def cut(text: str, letters: int) -> str:
    """`text` in one line, in letters that can be drawn, and not more of them.

    Names that begin alike are told apart by their ends: it is the middle that goes.
    """
    font = get_font(findfont("DejaVu Sans"))
    if len(text) > LONGEST_TEXT:
        text = f"{text[: LONGEST_TEXT // 2]}…{text[-LONGEST_TEXT // 2 :]}"
    drawable = "".join(
        letter if letter.isprintable() and font.get_char_index(ord(letter)) else "□"
        for letter in " ".join(text.split())
    )
    if len(drawable) <= letters:
        return drawable
    end = 3 * letters // 5
    return f"{drawable[: letters - 1 - end]}…{drawable[len(drawable) - end :]}"


def fitted(text: str, size: float, points: float) -> str:
    """As much of `text` as has room at a font's size; it may be nothing."""
    font = FontProperties(family="DejaVu Sans", size=size)
    for letters in range(int(2 * points / size), LEAST_LETTERS - 1, -1):
        said = cut(text, letters)
        if _measure.get_text_width_height_descent(said, font, ismath=False)[0] < points:
            return said
    return ""


_measure = TextToPath()
