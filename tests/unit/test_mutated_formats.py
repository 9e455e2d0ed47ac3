"""Whatever is damaged in a file of any kind, reading it gives pages or a refusal.

`DOCPROGRESS_TEST_FUZZ_SECONDS=3600` reads new mutants for an hour, spread over all kinds;
`DOCPROGRESS_TEST_FUZZ_KINDS=.xlsx,.msg` reads some kinds, and
`DOCPROGRESS_TEST_FUZZ_SEEDS=FOLDER` mutates the files of a folder as well.
"""

import itertools
import os
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest
from support.format_mutants import FormatBreeder
from support.reader import Reader

SECONDS = float(os.environ.get("DOCPROGRESS_TEST_FUZZ_SECONDS", "0"))
BREEDER = FormatBreeder()
KINDS = [
    kind
    for kind in os.environ.get("DOCPROGRESS_TEST_FUZZ_KINDS", "").split(",")
    if kind
] or BREEDER.kinds

pytestmark = pytest.mark.timeout(300 + SECONDS)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with closing(Reader()) as reader:
        yield reader


@pytest.mark.parametrize(
    "count",
    [pytest.param(3, id="some"), pytest.param(40, id="many", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_of_each_kind_give_pages_or_a_refusal(
    reader, kind, count, tmp_path
):
    deadline = time.monotonic() + SECONDS / len(KINDS)
    numbers = (
        itertools.takewhile(
            lambda _: time.monotonic() < deadline,
            itertools.count(secrets.randbelow(2**60)),
        )
        if SECONDS
        else range(count)
    )
    counts: Counter[str] = Counter()
    slowest = (0.0, 0)
    wrong = []

    for number in numbers:
        mutant = BREEDER.mutant(kind, number)
        path = tmp_path / "document"
        path.write_bytes(mutant.content)
        began = time.monotonic()
        outcome = reader.read(path, mutant.name)
        slowest = max(slowest, (time.monotonic() - began, number))
        counts[outcome.kind] += 1
        if outcome.kind not in ("pages", "refused"):
            kept = tmp_path / f"{number}-{mutant.name}"
            path.rename(kept)
            wrong.append((str(kept), outcome))

    print(f"{kind}: {dict(counts)}, {slowest[0]:.1f} s at most (number {slowest[1]})")
    assert not wrong, "\n".join(f"{path}: {outcome}" for path, outcome in wrong)
