"""The time left is true where it is shown; `tests/benchmarks/forecast.py` measures it."""

import importlib
import math
import random
from pathlib import Path

import pytest
from support.events import event_at
from support.forecasts import time_left

from docprogress.events import Status
from docprogress.progress.durations import Fit, Sample, fits
from docprogress.progress.fold import Progress
from docprogress.progress.forecast import Forecast, Trust
from docprogress.progress.schedule import makespan

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def simulated():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        module = importlib.import_module("forecast")
        module.mixes = importlib.import_module("forecast_mixes")
        yield module


def test_what_is_shown_of_simulated_runs_is_within_a_quarter_of_the_truth(simulated):
    looked = []
    for name in ("alike", "common", "giant_somewhere", "bimodal"):
        make = getattr(simulated.mixes, name)
        for seed in range(6):
            looked += simulated.played(make, seed).values()

    shown = [each for each in looked if each.shown is not None]
    ranges = [each for each in looked if each.shown is None and each.range]
    assert len(shown) / len(looked) > 0.3
    assert (len(shown) + len(ranges)) / len(looked) > 0.6
    assert sum(each.near for each in shown) / len(shown) > 0.8
    assert sum(each.within for each in ranges) / len(ranges) > 0.65


def test_documents_in_order_end_when_the_last_worker_is_done():
    assert makespan([], [], 4) == 0
    assert makespan([7.0, 3.0], [], 2) == 7
    assert makespan([4.0, 1.0], [2.0, 2.0], 2) == 5
    # The largest one begins last, and nothing is left for the other worker.
    assert makespan([1.0, 1.0], [1.0, 1.0, 10.0], 2) == 12
    many = [1.0] * 1000
    assert makespan([1.0], many, 1) == pytest.approx(1001)
    assert makespan([1.0] * 4, [*many, 50.0], 4) == pytest.approx(301)


def test_kinds_take_what_their_own_documents_took():
    samples = []
    for size in range(100_000, 2_000_000, 100_000):
        samples.append(Sample("pdf", size, 1 + size / 100_000))
        samples.append(Sample("txt", size, 0.1))
    fit = Fit(samples, {"pdf": 1e6, "txt": 1e6}, overhead=0.3)

    def expected(kind, size):
        return math.exp(fit.mean(kind, fit.x(kind, size)))

    assert expected("pdf", 1_000_000) == pytest.approx(11, rel=0.25)
    assert expected("txt", 1_000_000) < 2
    # Of a kind that was never seen, little is known.
    assert fit.kind("pdf")[1] < fit.kind("mp4")[1]


def test_documents_in_the_order_of_what_they_take_are_noticed():
    falling = [Sample("", 0, 100 - each, place=each / 100) for each in range(60)]
    chance = random.Random(1)
    mixed = [
        Sample("", 0, 50 * chance.uniform(0.8, 1.2), 1.0, each / 100)
        for each in range(60)
    ]

    beliefs = [fits(samples, {}) for samples in (falling, mixed)]

    trending = [fit[-1][1] / sum(each for _, each in fit) for fit in beliefs]
    assert trending[0] > 0.9
    assert trending[1] < 0.1
    assert beliefs[0][-1][0].mean("", 0.0, 0.9) < math.log(35)


def test_forecasts_whose_end_keeps_moving_are_trusted_less():
    trust, steady = Trust(), Trust()
    for at in range(10, 60, 10):
        trust.compare(Forecast(100.0, 0.1), at)
        steady.compare(Forecast(100.0 - at, 0.1), at)
    found = Forecast(50.0, 0.1)

    assert steady.widened(found, 50).deviation < 0.15
    assert trust.widened(found, 50).deviation > 0.2


def test_a_large_document_that_waits_is_expected_by_its_bytes(clock):
    progress = Progress(expected=42, clock=clock, now=clock.today)
    names = [f"{number}.pdf" for number in range(42)]
    sizes = [100_000] * 40 + [50_000, 150_000]
    for name, size in zip(names, sizes, strict=True):
        progress.apply(event_at(clock, name, Status.QUEUED, name=name, size=size))
    for name in names[:40]:
        fields = {"name": name, "size": 100_000}
        progress.apply(event_at(clock, name, **fields))
        clock.advance(2)
        progress.apply(event_at(clock, name, Status.COMPLETED, work=5, **fields))
    progress.apply(event_at(clock, names[40], name=names[40], size=50_000))

    # A half and one and a half of two seconds.
    assert time_left(progress) == pytest.approx(4, rel=0.25)


def test_nothing_is_promised_while_nothing_like_it_was_seen(clock):
    progress = Progress(expected=9, clock=clock, now=clock.today)
    for number in range(9):
        size, name = (10_000, f"{number}.txt") if number < 8 else (10**9, "film.pdf")
        event = event_at(clock, str(number), Status.QUEUED, name=name, size=size)
        progress.apply(event)
    for number in range(7):
        fields = {"name": f"{number}.txt", "size": 10_000}
        progress.apply(event_at(clock, str(number), **fields))
        clock.advance(1)
        progress.apply(event_at(clock, str(number), Status.COMPLETED, **fields))
    progress.apply(event_at(clock, "7", name="7.txt", size=10_000))

    assert progress.remaining_seconds is None
