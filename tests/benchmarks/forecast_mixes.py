"""Random mixes of documents, and random circumstances, for simulated runs.

Families in the first half were used to tune what the forecast believes; the second
half tells how good it is.
"""

import math
import random
from collections.abc import Callable
from typing import Literal

from forecast_runs import EVENTS, Doc, Run, Speeds

Make = Callable[[random.Random], list[Doc]]

#: The bytes of a page, by suffix; and of one that is an image.
PAGE_BYTES = {"pdf": 40_000.0, "txt": 3_000.0, "docx": 9_000.0, "xlsx": 5_000.0}
SCAN_BYTES = 300_000.0

#: The seconds that runs take, and the most pages of one.
SHORTEST, LONGEST = 40.0, 7200.0
MOST_PAGES = 60_000


def lognormal(chance: random.Random, median: float, sigma: float, most: int) -> int:
    return max(min(round(chance.lognormvariate(math.log(median), sigma)), most), 1)


def number_of(chance: random.Random, low: int, high: int) -> int:
    return round(math.exp(chance.uniform(math.log(low), math.log(high))))


def made(
    chance: random.Random, pages: list[int], suffix: str, *, scanned: float = 0.0
) -> list[Doc]:
    sigma = chance.uniform(0.1, 0.6)
    slow = chance.uniform(0.05, 0.4)
    found = []
    for number, count in enumerate(pages):
        images = round(count * scanned)
        share = images / count
        per_page = PAGE_BYTES[suffix] * (1 - share) + SCAN_BYTES * share
        found.append(
            Doc(
                f"{number}.{suffix}",
                count,
                scanned=images,
                bytes_per_page=per_page * chance.lognormvariate(0, sigma),
                speed=chance.lognormvariate(0, slow),
            )
        )
    return found


def pages_of(
    chance: random.Random, count: int, sigma: float | None = None
) -> list[int]:
    median = chance.choice([3, 8, 20])
    if sigma is None:
        sigma = chance.uniform(0.3, 1.0)
    return [lognormal(chance, median, sigma, 1500) for _ in range(count)]


def shuffled(chance: random.Random, docs: list[Doc]) -> list[Doc]:
    chance.shuffle(docs)
    return docs


# The first half.


def alike(chance: random.Random) -> list[Doc]:
    pages = [chance.randint(1, 40)] * number_of(chance, 10, 400)
    return made(chance, pages, chance.choice(list(PAGE_BYTES)))


def common(chance: random.Random) -> list[Doc]:
    return made(chance, pages_of(chance, number_of(chance, 20, 500)), "pdf")


def giant_somewhere(chance: random.Random) -> list[Doc]:
    docs = made(chance, pages_of(chance, number_of(chance, 20, 200)), "pdf")
    docs += made(chance, [chance.randint(200, 1500)], "pdf")
    return shuffled(chance, docs)


def scans_among_texts(chance: random.Random) -> list[Doc]:
    count = number_of(chance, 30, 200)
    docs = made(chance, pages_of(chance, count), "pdf")
    some = max(round(count * chance.uniform(0.05, 0.4)), 1)
    docs += made(chance, pages_of(chance, some), "pdf", scanned=1.0)
    return shuffled(chance, docs)


def kinds(chance: random.Random) -> list[Doc]:
    docs: list[Doc] = []
    for suffix in chance.sample(list(PAGE_BYTES), 3):
        docs += made(chance, pages_of(chance, number_of(chance, 10, 100)), suffix)
    return shuffled(chance, docs)


def few(chance: random.Random) -> list[Doc]:
    pages = [lognormal(chance, 60, 0.8, 1500) for _ in range(chance.randint(3, 12))]
    return made(chance, pages, "pdf")


def largest_first(chance: random.Random) -> list[Doc]:
    docs = made(chance, pages_of(chance, number_of(chance, 20, 300), 1.0), "pdf")
    return sorted(docs, key=lambda doc: -doc.size)


def thousands(chance: random.Random) -> list[Doc]:
    return made(chance, pages_of(chance, number_of(chance, 1000, 6000), 0.6), "txt")


# The second half.


def heavy_tails(chance: random.Random) -> list[Doc]:
    count = number_of(chance, 20, 400)
    return made(chance, pages_of(chance, count, chance.uniform(1.1, 1.8)), "pdf")


def giant_last(chance: random.Random) -> list[Doc]:
    docs = made(chance, pages_of(chance, number_of(chance, 20, 200)), "pdf")
    return docs + made(chance, [chance.randint(200, 1500)], "pdf")


def bimodal(chance: random.Random) -> list[Doc]:
    count = number_of(chance, 20, 200)
    large = max(round(count * chance.uniform(0.05, 0.5)), 1)
    pages = [1] * count + [chance.randint(40, 100) for _ in range(large)]
    return shuffled(chance, made(chance, pages, "pdf"))


def only_scans(chance: random.Random) -> list[Doc]:
    count = number_of(chance, 5, 150)
    return made(chance, pages_of(chance, count), "pdf", scanned=1.0)


def partly_scanned(chance: random.Random) -> list[Doc]:
    docs: list[Doc] = []
    for pages in pages_of(chance, number_of(chance, 20, 150)):
        share = chance.random() if chance.random() < 0.4 else 0.0
        docs += made(chance, [pages], "docx", scanned=share)
    return docs


def smallest_first(chance: random.Random) -> list[Doc]:
    docs = made(chance, pages_of(chance, number_of(chance, 20, 300), 1.0), "pdf")
    return sorted(docs, key=lambda doc: doc.size)


def kind_after_kind(chance: random.Random) -> list[Doc]:
    docs: list[Doc] = []
    for suffix in chance.sample(list(PAGE_BYTES), 3):
        scanned = 1.0 if chance.random() < 0.2 else 0.0
        pages = pages_of(chance, number_of(chance, 10, 100))
        docs += made(chance, pages, suffix, scanned=scanned)
    return docs


def thousands_of_kinds(chance: random.Random) -> list[Doc]:
    docs: list[Doc] = []
    for suffix in chance.sample(list(PAGE_BYTES), 2):
        count = number_of(chance, 500, 5000)
        docs += made(chance, pages_of(chance, count, 1.2), suffix)
    return shuffled(chance, docs)


TUNED: tuple[Make, ...] = (
    alike,
    common,
    giant_somewhere,
    scans_among_texts,
    kinds,
    few,
    largest_first,
    thousands,
)
HELD_OUT: tuple[Make, ...] = (
    heavy_tails,
    giant_last,
    bimodal,
    only_scans,
    partly_scanned,
    smallest_first,
    kind_after_kind,
    thousands_of_kinds,
)

#: What happens in half of the runs, in the first and in the second half.
TROUBLES: dict[Literal["tuned", "held out"], tuple[str, ...]] = {
    "tuned": ("joins", "retries", "queue"),
    "held out": ("deaths", "leaves", "failures", "refusals", "drift"),
}


def made_run(make: Make, seed: int) -> Run:
    """A run of a family, in circumstances that the seed decides."""
    chance = random.Random(f"{make.__name__} {seed}")
    docs = make(chance)
    while sum(doc.pages for doc in docs) > MOST_PAGES:
        docs = docs[::2]
    count = chance.choice([1, 2, 3, 4, 6, 8, 12, 16])
    spread = chance.choice([0.0, 0.0, 0.3])
    workers = [chance.lognormvariate(0.0, spread) for _ in range(count)]
    speeds = Speeds(
        each=10 ** chance.uniform(-0.5, 1.0),
        page=1.0,
        scan=10 ** chance.uniform(1.0, 2.0),
        embedding=10 ** chance.uniform(-1.5, 1.0),
        noise=chance.uniform(0.1, 0.7),
    )
    # As long as is drawn, whatever the documents are.
    work = sum(
        doc.speed
        * (
            speeds.each
            + doc.pages * (1 + speeds.embedding)
            + doc.scanned * (speeds.scan - 1)
        )
        for doc in docs
    )
    seconds = math.exp(chance.uniform(math.log(SHORTEST), math.log(LONGEST)))
    factor = seconds * count / work
    for name in ("each", "page", "scan", "embedding"):
        setattr(speeds, name, getattr(speeds, name) * factor)
    known = chance.choice([1.0, 1.0, 1.0, 0.5, 0.0])
    for doc in docs:
        doc.sized = chance.random() < known
    run = Run(
        docs,
        workers,
        speeds,
        begins=chance.choice([0.0, 0.0, 3.0, 40.0]),
        events=chance.choice([EVENTS[0], EVENTS[0], EVENTS[0], *EVENTS[1:]]),
        planned=chance.random() < 0.8,
    )
    half: Literal["tuned", "held out"] = "tuned" if make in TUNED else "held out"
    if seed % 2:
        _disturb(run, chance.choice(TROUBLES[half]), seconds, chance)
    return run


def _disturb(run: Run, trouble: str, seconds: float, chance: random.Random) -> None:
    """Have something happen in a run that takes about so many seconds."""
    some = max(len(run.docs) // chance.choice([10, 20, 50]), 1)
    if trouble == "joins":
        joining = chance.randint(1, len(run.workers))
        run.workers += [1.0] * joining
        run.joins = [chance.uniform(0, seconds / 3) for _ in range(joining)]
    elif trouble in ("deaths", "leaves"):
        ends = max(len(run.workers) // 4, 1)
        moments = [chance.uniform(0, seconds) for _ in range(ends)]
        setattr(run, trouble, moments)
    elif trouble in ("retries", "failures"):
        for doc in chance.sample(run.docs, some):
            doc.fails_at, doc.fails = chance.random(), trouble == "failures"
    elif trouble == "queue":
        run.embedders = max(len(run.workers) * chance.uniform(0.2, 1.0), 1.0)
    elif trouble == "refusals":
        for _ in range(chance.randint(1, 3)):
            pause = chance.uniform(5, max(seconds / 10, 6))
            run.refusals.append((chance.uniform(0, seconds), pause))
    elif trouble == "drift":
        period, strength = seconds * chance.uniform(0.3, 2), chance.uniform(0.1, 0.4)
        run.drift = lambda at: 1 + strength * math.sin(2 * math.pi * at / period)
