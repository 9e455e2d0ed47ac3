"""How true the time left is that a run shows, in simulated runs.

At 10, 25, 50 and 75 % of a run's time, and of its work, what is shown is compared with
what the run still takes.

    .venv/bin/python tests/benchmarks/forecast.py
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from forecast_mixes import HELD_OUT, TUNED, Make, made_run
from forecast_runs import Simulation

#: Where in the run the forecast is looked at.
MOMENTS = (0.1, 0.25, 0.5, 0.75)

#: How far a forecast may be off.
TOLERANCE = 0.25

#: Runs that are over sooner show no forecast worth the name.
SHORTEST = 20.0


@dataclass
class Looked:
    """What was shown at one moment of a run."""

    shown: float | None
    range: tuple[float, float] | None
    truth: float

    @property
    def near(self) -> bool:
        return self.shown is not None and near(self.shown, self.truth)

    @property
    def within(self) -> bool:
        """Whether the truth is in the range that is shown."""
        low, high = self.range or (0.0, 0.0)
        return low <= self.truth <= high


def near(value: float, truth: float) -> bool:
    return abs(value - truth) <= max(TOLERANCE * truth, 1.0)


def played(make: Make, seed: int, *, of: str = "time") -> dict[float, Looked]:
    """What one run showed at each moment; empty if it was too short.

    Args:
        make: The family of its documents.
        seed: What else decides about it.
        of: Of what the moments are shares: `time`, or `work`.
    """
    before = Simulation(made_run(make, seed), seed, shown=False)
    for _ in before.play():
        pass
    begin, end = before.began, before.seconds
    if end - begin < SHORTEST:
        return {}
    simulation = Simulation(made_run(make, seed), seed)
    found: dict[float, Looked] = {}
    left = list(MOMENTS)
    for at, work in simulation.play():
        share = work if of == "work" else (at - begin) / (end - begin)
        while left and share >= left[0]:
            progress = simulation.progress
            found[left.pop(0)] = Looked(
                progress.remaining_seconds,
                progress.remaining_range,
                end - at,
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--family", action="append")
    parser.add_argument("--of", choices=["time", "work"], default="time")
    parser.add_argument("--half", choices=["tuned", "held out"])
    options = parser.parse_args()
    columns = "".join(f"{moment:>25.0%}" for moment in MOMENTS)
    print(f"{'family':<20}{'runs':>5}{columns}")
    print(f"{'':<25}" + f"{'shown near  range true':>25}" * len(MOMENTS))
    for half, families in (("tuned", TUNED), ("held out", HELD_OUT)):
        if options.half not in (None, half):
            continue
        total: dict[float, list[Looked]] = defaultdict(list)
        for make in families:
            if options.family and make.__name__ not in options.family:
                continue
            looked: dict[float, list[Looked]] = defaultdict(list)
            for seed in range(options.first, options.first + options.seeds):
                for moment, each in played(make, seed, of=options.of).items():
                    looked[moment].append(each)
                    total[moment].append(each)
            _print(make.__name__, looked)
        _print(f"all {half}", total)


def _print(name: str, looked: dict[float, list[Looked]]) -> None:
    line = f"{name:<20}{len(looked.get(0.5, ())):>5}"
    for moment in MOMENTS:
        each = looked.get(moment, [])
        shown = [one for one in each if one.shown is not None]
        ranges = [one for one in each if one.shown is None and one.range]
        line += (
            f"{_share(shown, each):>9}{_share([o for o in shown if o.near], shown):>5}"
        )
        line += f"{_share(ranges, each):>6}"
        line += f"{_share([o for o in ranges if o.within], ranges):>5}"
    print(line)
    sys.stdout.flush()


def _share(part: Sequence[Looked], whole: Sequence[Looked]) -> str:
    return f"{len(part) / len(whole):.0%}" if whole else "-"


if __name__ == "__main__":
    main()
