"""How long it takes until something can be seen."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from measuring import Row, interleaved, limited
from surroundings import WORKERS, finished, short_folder, stop_services

from docprogress import Pipeline, Run, Status


class First(NamedTuple):
    """Seconds from `Pipeline()` on."""

    #: Until the first event of the document, which is that it waits.
    event: float
    #: Until the first event of a worker.
    worker: float


def light_import(rounds: int) -> Iterator[Row]:
    """`import docprogress`, beside an interpreter that imports nothing."""
    ours, bare = interleaved(
        rounds, lambda: _interpreter("import docprogress"), lambda: _interpreter("")
    )
    more = median(ours) - median(bare)
    yield Row(
        what="import docprogress, beside python -c ''",
        ours=f"{median(ours):.1f} ms",
        against=f"{median(bare):.1f} ms",
        ratio=f"{more:.1f} ms more",
        wanted="< 100 ms more",
        ok=more < 100,
    )


def first_event(rounds: int) -> Iterator[Row]:
    """`Pipeline()`, `submit` and the first event, with and without services up."""
    cold: list[First] = []
    warm: list[First] = []
    for _ in range(rounds):
        with short_folder() as home:
            try:
                cold.append(_first(home))
                warm.append(_first(home))
            finally:
                stop_services(home)
    for what, measured, under in (("cold", cold, 5), ("services up", warm, 0.3)):
        for whose, values in (
            ("event", [first.event for first in measured]),
            ("event of a worker", [first.worker for first in measured]),
        ):
            yield limited(
                f"Pipeline() to the first {whose}, {what}",
                median(values),
                unit="s",
                under=under,
            )


def _interpreter(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - started) * 1e3


def _first(home: Path) -> First:
    started = time.perf_counter()
    with Pipeline(home=home, workers=WORKERS) as pipeline:
        run = pipeline.submit(("note.txt", b"A note, to be seen soon."))
        published, worked = asyncio.run(_moments(run))
        finished(run)
    return First(published - started, worked - started)


async def _moments(run: Run) -> tuple[float, float]:
    """Return when the first event arrived, and the first one of a worker."""
    first = None
    async with run.watch() as events:
        async for event in events:
            moment = time.perf_counter()
            first = first or moment
            if event.status is not Status.QUEUED:
                return first, moment
    raise RuntimeError("the run ended without an event of a worker")
