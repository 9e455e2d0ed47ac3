"""Whatever is damaged in a file, reading it ends in pages or in a clear refusal.

`DOCPROGRESS_TEST_FUZZ_SECONDS=600` reads new mutants for ten minutes, in place of
the ones that are always the same.
"""

import itertools
import os
import queue
import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from support.mutants import Breeder, Mutant
from support.reader import LIMIT, Outcome, Reader

#: Mutants that are read at a time.
READERS = 2

#: Mutants between two looks at the clock.
AT_ONCE = 50

SECONDS = float(os.environ.get("DOCPROGRESS_TEST_FUZZ_SECONDS", "0"))

pytestmark = pytest.mark.timeout(180 + SECONDS)


@pytest.fixture(scope="module")
def breeder() -> Breeder:
    return Breeder()


def test_every_seed_is_read_or_refused_before_it_is_damaged(breeder, tmp_path):
    refused = set()
    with closing(Reader()) as reader:
        for name, content in breeder.seeds.items():
            outcome = reader.read(_written(tmp_path, content), name)
            assert outcome.kind in ("pages", "refused"), (name, outcome)
            if outcome.kind == "refused":
                refused.add(name)

    assert refused == {"empty.pdf", "encrypted.pdf", "truncated.pdf"}


@pytest.mark.parametrize(
    ("signal_", "seen"), [(signal.SIGSEGV, "died"), (signal.SIGSTOP, "hung")]
)
def test_a_reader_that_dies_or_hangs_is_seen_and_replaced(signal_, seen, tmp_path):
    path = _written(tmp_path, b"text")
    with closing(Reader()) as reader:
        assert reader.read(path, "a.txt").kind == "pages"
        reader.limit = 1.0
        os.kill(reader.pid, signal_)

        assert reader.read(path, "a.txt").kind == seen
        reader.limit = LIMIT
        assert reader.read(path, "a.txt").kind == "pages"


def test_a_number_makes_the_same_mutant_again(breeder):
    again = Breeder()

    for number in range(60):
        assert again.mutant(number) == breeder.mutant(number)


@pytest.mark.parametrize("count", [30, pytest.param(800, marks=pytest.mark.slow)])
def test_mutated_files_give_pages_or_a_refusal_that_names_them(
    breeder, tmp_path, count
):
    numbers = _until(time.monotonic() + SECONDS) if SECONDS else iter(range(count))
    counts: Counter[str] = Counter()
    slowest = 0.0
    wrong = []

    for mutant, outcome, seconds in _read(breeder, numbers, tmp_path):
        counts[f"{Path(mutant.name).suffix} {outcome.kind}"] += 1
        slowest = max(slowest, seconds)
        if outcome.kind not in ("pages", "refused"):
            kept = tmp_path / f"{mutant.number}-{mutant.name}"
            kept.write_bytes(mutant.content)
            wrong.append((str(kept), outcome))

    print(
        f"{counts.total()} mutants, {slowest:.2f} s at most: {sorted(counts.items())}"
    )
    assert not wrong
    for kind in (".pdf", ".docx", ".html"):
        assert counts[f"{kind} pages"], "all are broken: nothing is read to its end"
        assert counts[f"{kind} refused"], "none is broken enough to be refused"


def _read(
    breeder: Breeder, numbers: Iterator[int], folder: Path
) -> Iterator[tuple[Mutant, Outcome, float]]:
    """Read the mutants of these numbers, as many at a time as there are readers."""
    readers: queue.SimpleQueue[tuple[Reader, Path]] = queue.SimpleQueue()

    def read(number: int) -> tuple[Mutant, Outcome, float]:
        mutant = breeder.mutant(number)
        reader, place = readers.get()
        try:
            path = _written(place, mutant.content)
            began = time.monotonic()
            outcome = reader.read(path, mutant.name)
            return mutant, outcome, time.monotonic() - began
        finally:
            readers.put((reader, place))

    with ExitStack() as stack:
        for number in range(READERS):
            place = folder / f"reader-{number}"
            place.mkdir()
            readers.put((stack.enter_context(closing(Reader())), place))
        pool = stack.enter_context(ThreadPoolExecutor(READERS))
        while some := list(itertools.islice(numbers, AT_ONCE)):
            yield from pool.map(read, some)


def _until(deadline: float) -> Iterator[int]:
    """Numbers that were hardly ever used, until this moment."""
    start = secrets.randbelow(2**60)
    return itertools.takewhile(
        lambda _: time.monotonic() < deadline, itertools.count(start)
    )


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "document"
    path.write_bytes(content)
    return path
