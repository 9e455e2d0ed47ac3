"""Rates and averages over the recent past, in bounded memory."""

import math
from collections import deque

#: Seconds of the recent past over which a rate is taken; more while fewer than
#: `RATE_SAMPLES` samples exist, so that a slow run does not flicker.
RATE_WINDOW = 30.0
RATE_SAMPLES = 8

#: Seconds that are combined into one sample.
SAMPLE_SECONDS = 0.25

#: Seconds that must have been observed before there is a rate.
LEAST_SECONDS = 1.0

#: Seconds over which observed concurrency decays, and the longest pause between two
#: documents that counts as overhead of the pipeline.
CONCURRENCY_SECONDS = 10.0
MAX_PAUSE = 5.0


class Rate:
    """How fast a count has grown recently."""

    __slots__ = ("_began", "_recent", "_samples", "total")

    def __init__(self) -> None:
        self.total = 0
        self._recent = 0
        # The start of the period that `_recent` covers.
        self._began: float | None = None
        self._samples: deque[tuple[float, int]] = deque()

    def begin(self, at: float) -> None:
        """Start counting at this moment, unless counting has started."""
        if self._began is None:
            self._began = at

    def add(self, at: float, amount: int) -> None:
        """Count `amount` more at this moment."""
        self.begin(at)
        self.total += amount
        self._recent += amount
        if self._samples and at - self._samples[-1][0] < SAMPLE_SECONDS:
            began, before = self._samples[-1]
            self._samples[-1] = (began, before + amount)
        else:
            self._samples.append((at, amount))
            self._drop_old(at)

    def per_second(self, at: float) -> float | None:
        """The rate over the recent past; None while that is unknown."""
        self._drop_old(at)
        if self._began is None or not self._recent:
            return None
        seconds = at - self._began
        return self._recent / seconds if seconds >= LEAST_SECONDS else None

    def average(self, seconds: float) -> float | None:
        """The rate over a whole period; None if it is too short to tell."""
        return (
            self.total / seconds if self.total and seconds >= SAMPLE_SECONDS else None
        )

    def _drop_old(self, at: float) -> None:
        samples = self._samples
        while len(samples) > RATE_SAMPLES and samples[0][0] < at - RATE_WINDOW:
            self._began, amount = samples.popleft()
            self._recent -= amount


class Concurrency:
    """How many documents were processed at once recently, on average.

    Pauses between two documents count, so the average includes the pipeline's own
    overhead.
    """

    __slots__ = ("_area", "_at", "_running", "_seconds")

    def __init__(self) -> None:
        self._at: float | None = None
        self._running = 0
        self._area = 0.0
        self._seconds = 0.0

    def change(self, at: float, difference: int) -> None:
        """Note that so many more documents are running from this moment on."""
        self._area, self._seconds = self._decayed(at)
        self._running += difference
        self._at = at if self._at is None else max(at, self._at)

    def at(self, at: float) -> float | None:
        """The average at this moment; None while nothing has run."""
        area, seconds = self._decayed(at)
        if seconds < SAMPLE_SECONDS:
            return float(self._running) or None
        return area / seconds if area > 0 else None

    def _decayed(self, at: float) -> tuple[float, float]:
        if self._at is None:
            return 0.0, 0.0
        passed = max(at - self._at, 0.0)
        if not self._running:
            passed = min(passed, MAX_PAUSE)
        kept = math.exp(-passed / CONCURRENCY_SECONDS)
        gained = CONCURRENCY_SECONDS * (1 - kept)
        area = self._area * kept + self._running * gained
        return area, self._seconds * kept + gained
