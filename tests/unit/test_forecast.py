"""The time left is true where it is shown; `tests/benchmarks/forecast.py` measures it."""

import importlib.util
import sys
from pathlib import Path

import pytest
from support.events import event_at

from docprogress.events import Status
from docprogress.progress.costs import Costs, Sample
from docprogress.progress.fold import Progress
from docprogress.progress.schedule import makespan

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "forecast.py"


@pytest.fixture(scope="module")
def simulated():
    spec = importlib.util.spec_from_file_location("forecast_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_forecasts_of_simulated_runs_are_within_a_quarter_of_the_truth(simulated):
    shown = right = moments = 0
    for mix in (simulated.equal, simulated.huge, simulated.kinds, simulated.only_scans):
        for seed in range(8):
            for moment, looked in simulated.played(mix, seed).items():
                if moment < 0.5:
                    continue
                moments += 1
                shown += looked.shown is not None
                right += looked.shown is not None and simulated.near(
                    looked.shown, looked.truth
                )

    assert shown / moments > 0.7
    assert right / shown > 0.8


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
    costs = Costs()
    for size in range(100_000, 2_000_000, 100_000):
        costs.add(Sample("pdf", size, 1 + size / 100_000))
        costs.add(Sample("txt", size, 0.1))
    model = costs.model([])

    assert model.expect("pdf", 1_000_000) == pytest.approx(11, rel=0.15)
    assert model.expect("txt", 1_000_000) < 2
    # Nothing was learned of a kind, or of a size, that was never seen.
    unsure = [
        model.deviation([Sample(kind, size, 10.0)])
        for kind, size in (("pdf", 1_000_000), ("mp4", 1_000_000), ("pdf", 10**8))
    ]
    assert unsure[0] < unsure[1]
    assert unsure[0] < unsure[2]


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
    assert progress.remaining_seconds == pytest.approx(4, rel=0.25)


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
