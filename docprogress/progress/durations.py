"""What documents take, learned within the run, and how sure that is.

The logarithm of a document's seconds is its kind's, plus a slope times that of its
bytes, plus what is its own. Kinds are drawn towards the mean of all, the slope towards
1, and the spread towards that of common documents, as far as few were seen
(a conjugate normal model). What is a document's own follows those that were seen.
"""

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from statistics import median
from typing import NamedTuple

#: The spread of documents that is believed at first, as the standard deviation of the
#: logarithm of their seconds, and as how many documents that belief counts.
SPREAD = 0.5
SPREAD_DOCUMENTS = 3.0

#: How far a kind is believed to be from the mean of all kinds, and how far the slope is
#: from 1.
KIND_SPREAD = 1.0
SLOPE_SPREAD = 0.3

#: What each document costs besides its bytes, in those of a median document: each is
#: believed as far as it explains what was seen.
OVERHEADS = (0.03, 0.3, 3.0)

#: Documents may have been submitted in the order of what they take: how much is
#: believed of that before anything was seen, and how many times as long the last ones
#: take as the first, as a logarithm.
TREND_BELIEF = 0.1
TREND_SPREAD = 3.0

#: Documents of a smaller weight do not tell what is a document's own.
LEAST_WEIGHT = 0.5

#: For what is a document's own: as how many documents those of other kinds count, those
#: that follow the normal distribution, and those unlike any that was seen, with the
#: spread of the latter; and how many are drawn of what was seen.
OTHERS = 1.0
NORMAL = 1.0
UNLIKE = 0.4
UNLIKE_SPREAD = 1.5
MOST_DRAWN = 40


class Sample(NamedTuple):
    """A document that was seen."""

    kind: str
    #: 0 if unknown.
    size: int
    seconds: float
    #: Below 1 if it has not ended, so that its seconds are estimated.
    weight: float = 1.0
    #: Its place in the order of submission, from 0 to 1.
    place: float = 0.0


class _Kind(NamedTuple):
    documents: float
    #: The mean of what explains, and of the logarithm of seconds.
    x: float
    y: float


class Fit:
    """What was learned, for one overhead.

    Args:
        samples: The documents that were seen; one at least.
        medians: The median bytes of each kind.
        overhead: One of `OVERHEADS`.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        medians: Mapping[str, float],
        overhead: float,
        *,
        trend: bool = False,
    ) -> None:
        self._medians = medians
        self.trend = self.trend_deviation = self.middle = 0.0
        self._overhead = overhead
        groups: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        for kind, size, seconds, weight, _ in samples:
            y = math.log(max(seconds, 1e-3))
            groups[kind].append((self.x(kind, size), y, weight))
        kinds = {kind: _mean(points) for kind, points in groups.items()}
        xx = xy = yy = count = 0.0
        for kind, points in groups.items():
            _, mean_x, mean_y = kinds[kind]
            for x, y, weight in points:
                xx += weight * (x - mean_x) ** 2
                xy += weight * (x - mean_x) * (y - mean_y)
                yy += weight * (y - mean_y) ** 2
                count += weight
        slope, variance = 1.0, SPREAD**2
        for _ in range(3):
            prior = variance / SLOPE_SPREAD**2
            slope = (xy + prior) / (xx + prior)
            off = yy - 2 * slope * xy + slope * slope * xx
            off += prior * (slope - 1) ** 2
            self.freedom = SPREAD_DOCUMENTS + max(count - len(groups), 0.0)
            variance = (SPREAD_DOCUMENTS * SPREAD**2 + off) / self.freedom
        self.slope, self.spread = slope, math.sqrt(variance)
        self.slope_deviation = math.sqrt(variance / (xx + variance / SLOPE_SPREAD**2))
        self.likelihood = -0.5 * self.freedom * math.log(variance)
        self._learn_kinds(kinds, variance)
        before = variance
        if trend:
            self._learn_trend(samples, variance)
        self._own: dict[str, list[float]] = {
            kind: [
                y - self.mean(kind, x)
                for x, y, weight in points
                if weight > LEAST_WEIGHT
            ]
            for kind, points in groups.items()
        }
        if trend:
            # What was in the order is no document's own.
            shrunk = self.spread / math.sqrt(max(before, 1e-9))
            self._own = {k: [e * shrunk for e in own] for k, own in self._own.items()}
        self._all_own = [each for own in self._own.values() for each in own]

    def _learn_trend(self, samples: Sequence[Sample], variance: float) -> None:
        """How what documents take changes in their order."""
        count = sum(each.weight for each in samples)
        self.middle = sum(each.weight * each.place for each in samples) / count
        squares = off = 0.0
        for kind, size, seconds, weight, place in samples:
            own = math.log(max(seconds, 1e-3)) - self.mean(kind, self.x(kind, size))
            squares += weight * (place - self.middle) ** 2
            off += weight * (place - self.middle) * own
        prior = variance / TREND_SPREAD**2
        self.trend = off / (squares + prior)
        explained = off * self.trend / variance
        variance = max(variance - off * self.trend / self.freedom, 0.2 * variance)
        self.spread = math.sqrt(variance)
        self.trend_deviation = math.sqrt(variance / (squares + prior))
        # How much more likely this is than that there is none.
        self.likelihood += 0.5 * math.log(prior / (squares + prior)) + 0.5 * explained

    def _learn_kinds(self, kinds: Mapping[str, _Kind], variance: float) -> None:
        """What the kinds take, where nothing else explains it: mean and deviation."""
        between = KIND_SPREAD**2
        precision = level = 0.0
        intercepts = {}
        for kind, (count, x, y) in kinds.items():
            intercepts[kind] = y - self.slope * x, variance / max(count, 1e-9)
            each = 1 / (between + intercepts[kind][1])
            precision += each
            level += each * intercepts[kind][0]
        level /= precision
        self.other = level, math.sqrt(between + 1 / precision)
        self._kinds = {}
        for kind, (intercept, uncertain) in intercepts.items():
            share = between / (between + uncertain)
            mean = share * intercept + (1 - share) * level
            deviation = math.sqrt(share * uncertain + (1 - share) ** 2 / precision)
            self._kinds[kind] = mean, deviation
        self._centres = {kind: each.x for kind, each in kinds.items()}

    def x(self, kind: str, size: int) -> float:
        """What explains a document's seconds; 0 for one like the median."""
        typical = self._medians.get(kind)
        if not size or not typical:
            return 0.0
        return math.log((size / typical + self._overhead) / (1 + self._overhead))

    def mean(self, kind: str, x: float, place: float = 0.0) -> float:
        """The logarithm of the seconds that are expected."""
        level = self._kinds.get(kind, self.other)[0] + self.slope * x
        return level + self.trend * (place - self.middle)

    def drawn(self, chance: random.Random) -> "Drawn":
        """What may be true, by what was seen."""
        return Drawn(self, chance)

    def kind(self, name: str) -> tuple[float, float, float]:
        """A kind's mean and deviation, and where its documents are."""
        return *self._kinds.get(name, self.other), self._centres.get(name, 0.0)

    def own(self, kind: str) -> tuple[Sequence[float], Sequence[float]]:
        """By how much documents of this kind, and all, were off."""
        return self._own.get(kind, ()), self._all_own


class _Own(NamedTuple):
    """What documents take, by what is expected of them."""

    factors: list[float]
    #: How often each is found, cumulated.
    weights: list[float]
    mean: float
    deviation: float


class Drawn:
    """What may be true of documents."""

    def __init__(self, fit: Fit, chance: random.Random) -> None:
        self.fit = fit
        self._chance = chance
        half = fit.freedom / 2
        self.spread = fit.spread * math.sqrt(half / chance.gammavariate(half, 1.0))
        self._slope = chance.gauss(0.0, fit.slope_deviation)
        self.slope = fit.slope + self._slope
        self.trend = fit.trend + chance.gauss(0.0, fit.trend_deviation)
        self._off: dict[str, float] = {}
        self._centre: dict[str, float] = {}
        self._own: dict[str, _Own] = {}

    def mean(self, kind: str, x: float, place: float) -> float:
        """The logarithm of the seconds that are expected."""
        off = self._off.get(kind)
        if off is None:
            mean, deviation, centre = self.fit.kind(kind)
            # The slope turns around the documents that were seen.
            off = mean + self._chance.gauss(0.0, deviation) - self._slope * centre
            self._off[kind] = off
        return off + self.slope * x + self.trend * (place - self.fit.middle)

    def factor(self, kind: str, count: float) -> float:
        """What is the documents' own: their seconds, by what is expected of them."""
        found = self._own.get(kind)
        if found is None:
            found = self._own[kind] = self._draw_own(kind)
        factors, weights, mean, deviation = found
        if count < 2:  # noqa: PLR2004
            return self._chance.choices(factors, cum_weights=weights)[0]
        off = deviation * self._chance.gauss(0.0, 1.0) / math.sqrt(count)
        return max(mean + off, 0.1 * mean)

    def _draw_own(self, kind: str) -> _Own:
        chance, (own, others) = self._chance, self.fit.own(kind)
        drawn: list[float] = []
        weights: list[float] = []
        for seen, whole in ((own, len(own)), (others, OTHERS)):
            if seen:
                some = min(len(seen), MOST_DRAWN)
                drawn += chance.choices(seen, k=some)
                weights += [whole / some] * some
        drawn += [chance.gauss(0.0, self.spread), chance.gauss(0.0, UNLIKE_SPREAD)]
        weights += [NORMAL, UNLIKE]
        factors = [math.exp(each) for each in drawn]
        total = sum(weights)
        pairs = list(zip(factors, weights, strict=True))
        mean = sum(each * weight for each, weight in pairs) / total
        square = sum(weight * (each - mean) ** 2 for each, weight in pairs) / total
        return _Own(factors, list(accumulate(weights)), mean, math.sqrt(square))


def fits(
    samples: Sequence[Sample], sizes: Mapping[str, list[int]]
) -> list[tuple[Fit, float]]:
    """What was learned, by overhead, and how much each of these is believed."""
    medians = {kind: float(median(each)) for kind, each in sizes.items() if each}
    found = [Fit(samples, medians, overhead) for overhead in OVERHEADS]
    best = max(found, key=lambda fit: fit.likelihood)
    overhead = OVERHEADS[found.index(best)]
    found.append(Fit(samples, medians, overhead, trend=True))
    most = max(each.likelihood for each in found)
    beliefs = [math.exp(each.likelihood - most) for each in found]
    beliefs[-1] *= TREND_BELIEF
    return list(zip(found, beliefs, strict=True))


def _mean(points: Sequence[tuple[float, float, float]]) -> _Kind:
    count = sum(weight for _, _, weight in points)
    return _Kind(
        count,
        sum(x * weight for x, _, weight in points) / count,
        sum(y * weight for _, y, weight in points) / count,
    )
