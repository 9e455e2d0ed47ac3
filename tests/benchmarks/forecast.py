"""How true the time left is that a run shows, in simulated runs.

Documents are read page by page, recognised, chunked and embedded by workers that fetch
them in order; the events are those of real workers, and the clock is simulated. At 10,
25, 50 and 75 % of the work, the time that is shown is compared with what the run takes.

    .venv/bin/python tests/benchmarks/forecast.py
"""

import argparse
import heapq
import math
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from docprogress.events import ProgressEvent, Status
from docprogress.progress.fold import Progress

#: Where in the work the forecast is looked at.
MOMENTS = (0.1, 0.25, 0.5, 0.75)

#: How far a forecast may be off, and the seconds between two events of a document.
TOLERANCE = 0.25
EVENT_SECONDS = 0.5

#: Runs that are over sooner show no forecast worth the name.
SHORTEST = 20.0

STEPS = {"extraction": (0.0, 70.0), "chunking": (70.0, 75.0), "embedding": (75.0, 100)}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass
class Doc:
    """A document, and what it takes."""

    name: str
    pages: int
    scanned: int = 0
    bytes_per_page: float = 40_000.0
    sized: bool = True
    speed: float = 1.0
    #: At which share of its work its first attempt is interrupted.
    fails_at: float | None = None

    @property
    def size(self) -> int:
        return max(round(self.pages * self.bytes_per_page), 200)


@dataclass
class Speeds:
    """Seconds of a machine, for a document and a page."""

    each: float
    page: float
    scan: float
    embedding: float


@dataclass
class Run:
    """A simulated run."""

    docs: list[Doc]
    workers: int
    speeds: Speeds
    #: When workers arrive after the start, and when they die.
    joins: list[float] = field(default_factory=list)
    deaths: list[float] = field(default_factory=list)
    begins: float = 0.0


class Simulation:
    """Plays a run, and shows it to the fold."""

    def __init__(self, run: Run, chance: random.Random) -> None:
        self.run = run
        self.chance = chance
        self.seconds = 1000.0
        self.progress = Progress(
            expected=len(run.docs),
            steps=STEPS,
            clock=lambda: self.seconds,
            now=lambda: NOON + timedelta(seconds=self.seconds),
        )
        self._order = 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._waiting = list(range(len(run.docs)))
        self._attempts = [1] * len(run.docs)
        self._free: list[int] = []
        self._running: dict[int, tuple[int, int]] = {}
        self._epoch = [0] * len(run.docs)
        self.work = 0.0
        self.done = 0.0

    def play(self) -> Iterator[tuple[float, float]]:
        """Yield the time and the share of the work, whenever something happens."""
        plans = [self._plan(doc) for doc in self.run.docs]
        self._plans = plans
        self.work = sum(end for plan in plans for end, _ in plan[-1:])
        for number in range(len(plans)):
            self._publish(number, Status.QUEUED, progress=0.0)
        start = self.seconds + self.run.begins
        for worker in range(self.run.workers):
            self._at(start, lambda worker=worker: self._arrive(worker))
        for number, at in enumerate(self.run.joins):
            worker = self.run.workers + number
            self._at(start + at, lambda worker=worker: self._arrive(worker))
        for at in self.run.deaths:
            self._at(start + at, self._kill)
        while self._heap:
            self.seconds, _, act = heapq.heappop(self._heap)
            act()
            yield self.seconds, self.done / self.work
            if self.progress.finished:
                return

    def _at(self, when: float, act: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._heap, (when, self._order, act))

    def _arrive(self, worker: int) -> None:
        self._free.append(worker)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._free and self._waiting:
            worker, number = self._free.pop(0), self._waiting.pop(0)
            self._running[number] = worker, self._epoch[number]
            self._step(number, 0, 0.0, self._epoch[number])

    def _step(self, number: int, position: int, before: float, epoch: int) -> None:
        """Publish what a document has done, and plan its next event."""
        if self._epoch[number] != epoch:
            return
        plan, doc = self._plans[number], self.run.docs[number]
        if position:
            self.done += plan[position - 1][0] - before
        total = plan[-1][0]
        reached = plan[position - 1][0] if position else 0.0
        first = self._attempts[number] == 1
        if first and doc.fails_at is not None and reached > doc.fails_at * total:
            self._again(number, delay=5.0)
            return
        if position == len(plan):
            worker, _ = self._running.pop(number)
            self._publish(
                number,
                Status.COMPLETED,
                progress=100,
                step="embedding",
                work=doc.pages,
                ocr_pages=doc.scanned or None,
            )
            self._at(self.seconds + 0.02, lambda: self._arrive(worker))
            return
        end, fields = plan[position]
        if position == 0 or fields != plan[position - 1][1]:
            self._publish(number, Status.PROCESSING, **fields)
        self._at(
            self.seconds + end - reached,
            lambda: self._step(number, position + 1, reached, epoch),
        )

    def _again(self, number: int, delay: float, *, worker_lives: bool = True) -> None:
        """Begin the next attempt at a document."""
        worker, _ = self._running.pop(number)
        self._epoch[number] += 1
        self._attempts[number] += 1
        # What was done is lost.
        self.done -= 0.0
        message = "Trying again"
        if worker_lives:
            self._publish(number, Status.QUEUED, progress=0.0, message=message)
            self._at(self.seconds + 0.02, lambda: self._arrive(worker))

        def send() -> None:
            if not worker_lives:
                self._publish(number, Status.QUEUED, progress=0.0, message=message)
            self._waiting.insert(0, number)
            self._dispatch()

        self._at(self.seconds + delay, send)

    def _kill(self) -> None:
        living = len(self._running) + len(self._free)
        if self._running and living > 1:
            number = self.chance.choice(list(self._running))
            self._again(number, delay=12.0, worker_lives=False)

    def _publish(self, number: int, status: Status, **fields: object) -> None:
        doc = self.run.docs[number]
        known = {
            "document_id": f"run-{number:05}",
            "step": "extraction",
            "message": "",
            "timestamp": NOON + timedelta(seconds=self.seconds),
            "attempt": self._attempts[number],
            "name": doc.name,
        }
        if doc.sized and "size" in ProgressEvent.__struct_fields__:
            known["size"] = doc.size
        found = {
            key: value
            for key, value in (known | fields).items()
            if key in ProgressEvent.__struct_fields__
        }
        self.progress.apply(ProgressEvent(status=status, **found))

    def _plan(self, doc: Doc) -> list[tuple[float, dict[str, object]]]:
        """When a document says what, in seconds since it began."""
        speeds, chance = self.run.speeds, self.chance
        plan: list[tuple[float, dict[str, object]]] = []
        at = published = 0.0
        fields: dict[str, object] = {"progress": 0.0}

        def spend(
            seconds: float, following: dict[str, object], *, always: bool
        ) -> None:
            nonlocal at, published, fields
            at += seconds * doc.speed
            if always or at - published >= EVENT_SECONDS:
                plan.append((at, fields))
                published, fields = at, following

        spend(speeds.each, self._pages(doc, 0, 0), always=True)
        scanned = set(chance.sample(range(doc.pages), doc.scanned))
        # Pages without text are recognised after the others were read.
        order = [page for page in range(doc.pages) if page not in scanned]
        done = 0
        for count, page in enumerate([*order, *sorted(scanned)], 1):
            noise = chance.lognormvariate(-0.08, 0.4)
            seconds = speeds.scan if page in scanned else speeds.page
            done += page in scanned
            spend(seconds * noise, self._pages(doc, count, done), always=False)
        low, high = STEPS["embedding"]
        facts = {"work": doc.pages, "ocr_pages": doc.scanned or None}
        spend(0.0, {"step": "chunking", "progress": 70.0} | facts, always=True)
        spend(
            0.05 * speeds.embedding * doc.pages,
            {"step": "embedding", "progress": low} | facts,
            always=True,
        )
        parts = max(min(doc.pages, 200), 1)
        for part in range(1, parts + 1):
            progress = min(low + (high - low) * part / parts, 99.9)
            following = {
                "step": "embedding",
                "progress": progress,
                "current": part,
                "total": parts,
                "unit": "chunk",
            } | facts
            spend(speeds.embedding * doc.pages / parts, following, always=part == parts)
        return plan

    def _pages(self, doc: Doc, count: int, recognised: int) -> dict[str, object]:
        fields: dict[str, object] = {
            "progress": 70.0 * count / doc.pages,
            "current": count,
            "total": doc.pages,
            "unit": "page",
        }
        if doc.scanned and count >= doc.pages - doc.scanned:
            fields |= {"ocr_current": recognised, "ocr_total": doc.scanned}
        return fields


def lognormal(chance: random.Random, median: float, sigma: float, most: int) -> int:
    return max(min(round(chance.lognormvariate(math.log(median), sigma)), most), 1)


def made(
    chance: random.Random, pages: list[int], suffix: str, **fields: float
) -> list[Doc]:
    per_page = {"pdf": 40_000.0, "txt": 3_000.0, "docx": 9_000.0}[suffix]
    return [
        Doc(
            f"{number}.{suffix}",
            count,
            bytes_per_page=per_page * chance.lognormvariate(0, 0.4),
            speed=chance.lognormvariate(0, 0.2),
            **fields,
        )
        for number, count in enumerate(pages)
    ]


def scans(chance: random.Random, pages: list[int]) -> list[Doc]:
    found = made(chance, pages, "pdf")
    for doc in found:
        doc.scanned, doc.bytes_per_page = doc.pages, 300_000 * doc.speed
    return found


def equal(chance: random.Random) -> list[Doc]:
    return made(chance, [chance.randint(2, 40)] * chance.choice([20, 60, 200]), "pdf")


def heavy(chance: random.Random) -> list[Doc]:
    count = chance.choice([20, 60, 200])
    return made(chance, [lognormal(chance, 6, 1.3, 800) for _ in range(count)], "pdf")


def huge(chance: random.Random) -> list[Doc]:
    docs = made(chance, [chance.randint(2, 12) for _ in range(60)], "pdf")
    docs += made(chance, [chance.randint(300, 1000)], "pdf")
    chance.shuffle(docs)
    return docs


def some_scans(chance: random.Random) -> list[Doc]:
    docs = made(chance, [lognormal(chance, 8, 0.7, 200) for _ in range(80)], "pdf")
    docs += scans(chance, [lognormal(chance, 8, 0.7, 60) for _ in range(20)])
    chance.shuffle(docs)
    return docs


def kinds(chance: random.Random) -> list[Doc]:
    docs = made(chance, [lognormal(chance, 3, 0.8, 50) for _ in range(80)], "txt")
    docs += made(chance, [lognormal(chance, 10, 0.8, 300) for _ in range(40)], "pdf")
    docs += made(chance, [lognormal(chance, 8, 0.8, 100) for _ in range(30)], "docx")
    chance.shuffle(docs)
    return docs


def few(chance: random.Random) -> list[Doc]:
    return made(chance, [lognormal(chance, 40, 0.8, 800) for _ in range(8)], "pdf")


def bimodal(chance: random.Random) -> list[Doc]:
    pages = [1] * 60 + [chance.randint(50, 80) for _ in range(20)]
    chance.shuffle(pages)
    return made(chance, pages, "pdf")


def ascending(chance: random.Random) -> list[Doc]:
    return sorted(heavy(chance), key=lambda doc: doc.pages)


def only_scans(chance: random.Random) -> list[Doc]:
    return scans(chance, [lognormal(chance, 10, 0.8, 100) for _ in range(30)])


def partly_scanned(chance: random.Random) -> list[Doc]:
    docs = made(chance, [lognormal(chance, 20, 0.7, 200) for _ in range(60)], "docx")
    for doc in docs[::3]:
        doc.scanned = chance.randint(0, doc.pages)
        doc.bytes_per_page += 300_000 * doc.scanned / doc.pages
    return docs


def unsized(chance: random.Random) -> list[Doc]:
    docs = made(chance, [lognormal(chance, 8, 0.7, 200) for _ in range(60)], "pdf")
    for doc in docs:
        doc.sized = False
    return docs


#: What the estimator was tuned with, and what it had not seen until it was done.
TUNED = (equal, heavy, huge, some_scans, kinds, few)
HELD_OUT = (bimodal, ascending, only_scans, partly_scanned, unsized)


def made_run(mix: Callable[[random.Random], list[Doc]], seed: int) -> Run:
    chance = random.Random(f"{mix.__name__} {seed}")
    docs = mix(chance)
    workers = chance.choice([1, 2, 4, 8, 16])
    factor = 10 ** chance.uniform(0.2, 1.2)
    run = Run(
        docs,
        workers,
        Speeds(
            each=0.05 * factor,
            page=0.02 * factor,
            scan=2.0 * factor,
            embedding=10 ** chance.uniform(-2.5, -1.3) * factor,
        ),
        begins=chance.choice([0.0, 0.0, 3.0, 40.0]),
    )
    # Five of eight runs go undisturbed.
    trouble = seed % 8
    if trouble == 1:
        run.joins = [chance.uniform(2, 30) for _ in range(chance.randint(1, workers))]
    elif trouble == 2:
        run.deaths = [chance.uniform(5, 60) for _ in range(max(workers // 4, 1))]
    elif trouble == 3:
        for doc in chance.sample(docs, max(len(docs) // 20, 1)):
            doc.fails_at = chance.random()
    return run


@dataclass
class Looked:
    """What was shown at one moment of a run."""

    shown: float | None
    naive: float | None
    truth: float


def played(mix: Callable[[random.Random], list[Doc]], seed: int) -> dict[float, Looked]:
    """What one run showed; empty if it was too short."""
    simulation = Simulation(made_run(mix, seed), random.Random(seed))
    found: dict[float, tuple[float, float | None, float]] = {}
    left = list(MOMENTS)
    began = simulation.seconds
    for at, share in simulation.play():
        while left and share >= left[0]:
            progress = simulation.progress
            fraction = progress.fraction
            passed = at - began
            naive = passed * (1 - fraction) / fraction if fraction else None
            found[left.pop(0)] = at, progress.remaining_seconds, naive
    end = simulation.seconds
    assert simulation.progress.finished
    if end - began - simulation.run.begins < SHORTEST:
        return {}
    return {
        moment: Looked(shown, naive, end - at)
        for moment, (at, shown, naive) in found.items()
    }


def near(value: float, truth: float) -> bool:
    return abs(value - truth) <= max(TOLERANCE * truth, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--mix", action="append")
    options = parser.parse_args()
    columns = "".join(f"{moment:>22.0%}" for moment in MOMENTS)
    print(f"{'mix':<16}{'runs':>5}{columns}")
    print(f"{'':<21}" + f"{'shown  near  naive':>22}" * len(MOMENTS))
    for group, mixes in (("tuned", TUNED), ("held out", HELD_OUT)):
        total: dict[float, list[Looked]] = defaultdict(list)
        for mix in mixes:
            if options.mix and mix.__name__ not in options.mix:
                continue
            looked: dict[float, list[Looked]] = defaultdict(list)
            for seed in range(options.first, options.first + options.seeds):
                for moment, each in played(mix, seed).items():
                    looked[moment].append(each)
                    total[moment].append(each)
            _print(mix.__name__, looked)
        _print(f"all {group}", total)


def _print(name: str, looked: dict[float, list[Looked]]) -> None:
    line = f"{name:<16}{len(looked.get(0.5, ())):>5}"
    for moment in MOMENTS:
        each = looked.get(moment, [])
        shown = [one for one in each if one.shown is not None]
        right = sum(near(one.shown or 0.0, one.truth) for one in shown)
        naive = sum(
            one.naive is not None and near(one.naive, one.truth) for one in each
        )
        line += f"{_share(len(shown), len(each)):>9}{_share(right, len(shown)):>6}"
        line += f"{_share(naive, len(each)):>7}"
    print(line)
    sys.stdout.flush()


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


if __name__ == "__main__":
    main()
