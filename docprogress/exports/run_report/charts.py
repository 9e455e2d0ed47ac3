"""The charts of a report, as SVG: who did what when, and how much was finished."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

from docprogress.exports.run_report.values import Segment, Track
from docprogress.formatting import duration, one_line, plural

#: The width of a chart in units, which a browser stretches to the page's.
WIDTH = 1000
TRACK_HEIGHT = 14
BARS_HEIGHT = 96
BARS = 100

#: Segments are drawn apart if they are wider than so many units.
NARROW = 1.0

#: The class of a segment's colour, by its position among the steps.
COLOURS = 6


class _Box(NamedTuple):
    kind: str
    left: float
    right: float
    title: str


def kinds_of(tracks: Sequence[Track], steps: Sequence[str]) -> dict[str, str]:
    """The class of each kind of segment that occurs: of steps, then of bad ends."""
    found = {segment.kind for track in tracks for segment in track.segments}
    classes = {
        step: f"step-{position % COLOURS}" for position, step in enumerate(steps)
    }
    others = sorted(found - classes.keys())
    classes |= {kind: f"end-{kind.split()[-1]}" for kind in others}
    return {kind: classes[kind] for kind in classes if kind in found}


def timeline(track: Track, classes: dict[str, str], seconds: float) -> str:
    """One track; neighbours that are too narrow to be seen are drawn as one."""
    scale = WIDTH / max(seconds, 1e-9)
    boxes = "".join(
        f'<rect class="{classes[box.kind]}" x="{box.left:.1f}" y="1" '
        f'width="{max(box.right - box.left, 0.5):.1f}" height="{TRACK_HEIGHT - 2}">'
        f"<title>{escape(box.title)}</title></rect>"
        for box in _boxes(track.segments, scale)
    )
    return (
        f'<svg class="track" viewBox="0 0 {WIDTH} {TRACK_HEIGHT}" '
        f'preserveAspectRatio="none" aria-hidden="true">{boxes}</svg>'
    )


def throughput(ends: Sequence[tuple[float, int]], seconds: float) -> tuple[str, float]:
    """Pages of the documents that ended, in equal spans of time; and the most a second.

    A document's pages count where it ended.
    """
    span = max(seconds, 1e-9) / BARS
    sums = Counter[int]()
    for end, pages in ends:
        sums[min(max(int(end / span), 0), BARS - 1)] += pages
    most = max(sums.values(), default=0)
    width = WIDTH / BARS
    bars = "".join(
        f'<rect x="{position * width + 0.5:.1f}" y="{BARS_HEIGHT - height:.1f}" '
        f'width="{width - 1:.1f}" height="{height:.1f}"><title>'
        f"{duration(position * span)}: {plural(pages, 'page')}</title></rect>"
        for position, pages in sorted(sums.items())
        if (height := BARS_HEIGHT * pages / most if most else 0)
    )
    chart = (
        f'<svg class="bars" viewBox="0 0 {WIDTH} {BARS_HEIGHT}" '
        f'preserveAspectRatio="none" aria-hidden="true">{bars}</svg>'
    )
    return chart, most / span


def _boxes(segments: Sequence[Segment], scale: float) -> Iterator[_Box]:
    for narrow, group in groupby(
        segments, key=lambda one: (one.end - one.begin) * scale < NARROW
    ):
        if narrow:
            yield from _merged(group, scale)
            continue
        for one in group:
            title = (
                f"{one_line(one.title)}: {one.kind}, {duration(one.end - one.begin)}"
            )
            yield _Box(one.kind, one.begin * scale, one.end * scale, title)


def _merged(segments: Iterator[Segment], scale: float) -> Iterator[_Box]:
    """Narrow segments that follow one another, in boxes that can be seen."""
    taken: list[Segment] = []
    for one in segments:
        if taken and (
            (one.begin - taken[-1].end) * scale > NARROW
            or (one.end - taken[0].begin) * scale > 2 * NARROW
        ):
            yield _box(taken, scale)
            taken = []
        taken.append(one)
    if taken:
        yield _box(taken, scale)


def _box(segments: Sequence[Segment], scale: float) -> _Box:
    kinds = Counter[str]()
    for one in segments:
        kinds[one.kind] += 1 + round((one.end - one.begin) * 1e6)
    titles = list(dict.fromkeys(one.title for one in segments))
    title = one_line(titles[0]) if len(titles) == 1 else plural(len(titles), "document")
    begin, end = segments[0].begin, segments[-1].end
    title = f"{title}: {duration(end - begin)}"
    return _Box(kinds.most_common(1)[0][0], begin * scale, end * scale, title)
