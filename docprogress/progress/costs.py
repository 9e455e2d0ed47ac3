"""What documents take by their bytes, learned within the run, for those that wait.

A document of a kind takes some seconds, and some more per byte. How far documents were
from that tells how far the sum of those that wait may be from it.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

#: The bytes below which documents differ in little but their overhead.
SMALL = 10_000

#: How many of the newest documents count.
MOST_DOCUMENTS = 200

#: How far a document is believed to be from what is expected, as a share of that, while
#: few were seen, and as how many documents that belief counts.
PRIOR_DEVIATION = 0.8
PRIOR_DOCUMENTS = 4.0

#: As how many documents of a kind all others count, of which fewer were seen.
GENERAL = 2.0


#: How many times as large as any other a document is of which nothing was learned.
LARGER = 2

#: As how many documents a kind counts of which none was seen.
UNSEEN = 0.5


class Sample(NamedTuple):
    """A document, and what it took or is expected to take."""

    kind: str
    size: int
    seconds: float


class _Line(NamedTuple):
    """The seconds of a document, and of each of its bytes."""

    each: float
    per_byte: float

    def at(self, size: int) -> float:
        return self.each + self.per_byte * size


class Costs:
    """What documents took, by their kind and bytes."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=MOST_DOCUMENTS)

    def add(self, sample: Sample) -> None:
        """Learn from a document that was completed."""
        self._samples.append(sample)

    def model(self, running: Iterable[Sample]) -> "Model":
        """What is expected, by those that are being processed as well.

        Short documents complete first, so without these the expectation is too low.
        """
        return Model([*self._samples, *running])


class Model:
    """What documents are expected to take, and how far they may be from that."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.count = len(samples)
        by_kind: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            by_kind[sample.kind].append(sample)
        self._general = _fit(samples)
        self._lines = {
            kind: self._blend(each) if len(by_kind) > 1 else self._general
            for kind, each in by_kind.items()
        }
        self._ratio = _ratio(samples)
        self._ratios = {kind: _ratio(each) for kind, each in by_kind.items()}
        self._largest = {
            kind: max(size for _, size, _ in each) for kind, each in by_kind.items()
        }
        expected = [self.expect(kind, size) for kind, size, _ in samples]
        squares = sum(each * each for each in expected)
        each_off = [
            (sample.seconds - each) ** 2
            for sample, each in zip(samples, expected, strict=True)
        ]
        off = sum(each_off)
        # Where a few are far off, as scans are among texts, more of them may follow.
        off *= 1 + (max(each_off, default=0.0) / off if off else 0.0)
        if self.count > len(by_kind):
            off *= self.count / (self.count - len(by_kind))
        prior = PRIOR_DOCUMENTS * squares / max(self.count, 1)
        self._variance = (off + PRIOR_DEVIATION**2 * prior) / ((squares + prior) or 1.0)
        # By kind: as many equal documents would say as much about their sum.
        totals: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for sample, each in zip(samples, expected, strict=True):
            totals[sample.kind][0] += each
            totals[sample.kind][1] += each * each
        self._alike = {
            kind: total * total / (squares or 1.0)
            for kind, (total, squares) in totals.items()
        }

    def expect(self, kind: str, size: int) -> float:
        """The seconds of a document."""
        if size > LARGER * self._largest.get(kind, 0):
            # A line through small ones says little about it: in proportion, then.
            return (size + SMALL) * self._ratios.get(kind, self._ratio)
        return self._lines.get(kind, self._general).at(size)

    @property
    def deviation_of_one(self) -> float:
        """How far a document may be from what is expected, as a share of that."""
        return math.sqrt(self._variance)

    def deviation(self, expected: Iterable[Sample]) -> float:
        """By how many seconds the sum of these may be off, as a standard deviation."""
        squares = 0.0
        totals: dict[str, float] = defaultdict(float)
        for kind, size, each in expected:
            squares += each * each
            # Much larger ones are another kind: what they take was not seen.
            larger = size > LARGER * self._largest.get(kind, 0)
            totals[f"larger {kind}" if larger else kind] += each
        for kind, total in totals.items():
            squares += total * total / (self._alike.get(kind, 0.0) + UNSEEN)
        return math.sqrt(self._variance * squares)

    def _blend(self, samples: Sequence[Sample]) -> _Line:
        """The line of a kind, or that of all if it was hardly seen."""
        own, share = _fit(samples), len(samples) / (len(samples) + GENERAL)
        return _Line(
            *(
                share * mine + (1 - share) * others
                for mine, others in zip(own, self._general, strict=True)
            )
        )


def _fit(samples: Sequence[Sample]) -> _Line:
    """Seconds as a line over bytes; neither of its parts is negative."""
    if not samples:
        return _Line(0.0, 0.0)
    w = wx = wxx = wt = wxt = 0.0
    for _, size, seconds in samples:
        weight = 1 / (size + SMALL)
        w += weight
        wx += weight * size
        wxx += weight * size * size
        wt += weight * seconds
        wxt += weight * size * seconds
    spread = w * wxx - wx * wx
    if spread > 1e-3 * w * wxx:
        slope = (w * wxt - wx * wt) / spread
        base = (wt - slope * wx) / w
        if base >= 0 and slope >= 0:
            return _Line(base, slope)
    # In proportion to the bytes, with those of a small document for the overhead.
    slope = _ratio(samples)
    return _Line(SMALL * slope, slope)


def _ratio(samples: Sequence[Sample]) -> float:
    """Seconds per byte, if a document had some more bytes than it has."""
    size = sum(each.size + SMALL for each in samples)
    return sum(each.seconds for each in samples) / size if size else 0.0
