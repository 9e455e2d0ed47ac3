"""The time that a run has left, drawn many times from what may be true of it."""

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from docprogress.progress.durations import Drawn, Fit
from docprogress.progress.schedule import makespan

#: How often the time left is drawn.
DRAWS = 32

#: The most documents that are placed one by one; of more, those that are small beside
#: what a worker has to do are placed together.
MOST_PLACED = 200
PARTS = 16

#: How much of the uncertainty of running documents all of them have in common.
COMMON = 0.5

#: What is overdue may end at any time: the share of what it has taken that is left.
OVERDUE = 0.1


#: What others say of a document counts from this share on.
LEAST_SHARE = 0.02


class Running(NamedTuple):
    """A document that is being processed."""

    kind: str
    size: int
    #: The seconds it has taken; None if it was not seen from its start.
    spent: float | None
    #: The share of it that is done, by its percentage.
    done: float
    #: What it takes as a whole by its own pace, and the standard deviation of the
    #: logarithm of that; infinite if its pace is unknown.
    whole: float
    deviation: float
    #: Its place in the order of submission, from 0 to 1.
    place: float


class Waiting(NamedTuple):
    """A document that waits."""

    kind: str
    size: int
    #: The share of it that is left.
    left: float = 1.0
    #: Its place in the order of submission, from 0 to 1.
    place: float = 0.0


class _Part(NamedTuple):
    """Documents of a kind that are placed together."""

    kind: str
    x: float
    place: float
    amount: float
    documents: float


def draw(
    fits: Sequence[tuple[Fit, float]],
    running: Sequence[Running],
    waiting: Sequence[Waiting],
    workers: float,
    effort: float = 1.0,
) -> list[float]:
    """Times left that may be true, in ascending order.

    Args:
        fits: What was learned of documents, and how far each is believed.
        running: The documents in process.
        waiting: Those that wait, in the order in which they are fetched.
        workers: How many documents are processed at once.
        effort: What those that wait take, as a share of what was learned.
    """
    # The same numbers each time: what is shown changes with what happens alone.
    chance = random.Random(1)  # noqa: S311
    slots = max(round(workers), 1)
    slower = effort * slots / max(workers, 0.5)
    parts = {id(fit): _parts(fit, waiting, slots) for fit, _ in fits}
    found_fits, beliefs = zip(*fits, strict=True)
    found = []
    for _ in range(DRAWS):
        fit = chance.choices(found_fits, beliefs)[0]
        drawn = fit.drawn(chance)
        lefts = _lefts(drawn, running, chance)
        work = [
            slower
            * amount
            * math.exp(drawn.mean(kind, x, place))
            * drawn.factor(kind, count)
            for kind, x, place, amount, count in parts[id(fit)]
        ]
        found.append(makespan(lefts, work, slots))
    return sorted(found)


def _lefts(
    drawn: Drawn, running: Sequence[Running], chance: random.Random
) -> list[float]:
    common = chance.gauss(0.0, 1.0) * math.sqrt(COMMON)
    lefts = []
    for kind, size, spent, done, whole, deviation, place in running:
        alone = chance.gauss(0.0, math.sqrt(1 - COMMON))
        if math.isinf(deviation):
            share, paced = 1.0, 0.0
        else:
            share = deviation**2 / (deviation**2 + drawn.spread**2)
            paced = math.log(max(whole, 1e-3)) + deviation * (common + alone)
        if share < LEAST_SHARE:
            mean = paced
        else:
            seen = drawn.mean(kind, drawn.fit.x(kind, size), place)
            seen += math.log(max(drawn.factor(kind, 1), 1e-9))
            mean = share * seen + (1 - share) * paced
        found = math.exp(mean)
        if spent is None:
            lefts.append(found * (1 - done))
            continue
        least = OVERDUE * spent * chance.expovariate(1.0)
        lefts.append(max(found - spent, least))
    return lefts


def _parts(fit: Fit, waiting: Sequence[Waiting], slots: int) -> list[_Part]:
    """What waits, in order, of which small documents are taken together."""
    points = [
        _Part(kind, fit.x(kind, size), place, left, 1.0)
        for kind, size, left, place in waiting
    ]
    if len(points) <= MOST_PLACED:
        return points
    expected = [
        left * math.exp(fit.mean(kind, x, place)) for kind, x, place, left, _ in points
    ]
    unit = sum(expected) / (slots * PARTS)
    parts: list[_Part] = []
    # By kind: the sum of what is expected, of its squares, and of that times the rest.
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    for point, each in zip(points, expected, strict=True):
        if each >= unit:
            parts.append(point)
            continue
        total = sums[point.kind]
        total[0] += each
        total[1] += each * each
        total[2] += each * point.x
        total[3] += each * point.place
        if total[0] >= unit:
            parts.append(_together(fit, point.kind, sums.pop(point.kind)))
    parts += [_together(fit, kind, total) for kind, total in sums.items()]
    return parts


def _together(fit: Fit, kind: str, sums: Sequence[float]) -> _Part:
    total, squares = sums[0], sums[1]
    x, place = sums[2] / total, sums[3] / total
    amount = total / math.exp(fit.mean(kind, x, place))
    return _Part(kind, x, place, amount, total * total / squares)
