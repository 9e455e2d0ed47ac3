"""How long it takes until something can be seen."""

import asyncio
import json
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

SAMPLES = Path(__file__).parents[2] / "notebooks" / "samples"

#: What comes first when nothing is running, in the order in which it must come.
STAGES = (
    "services launched",
    "server begun",
    "database made",
    "services ready",
    "first event",
    "worker's log begun",
    "first event of a worker",
)


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


def light_commands(rounds: int) -> Iterator[Row]:
    """Commands that start nothing, beside an interpreter that imports nothing."""
    with short_folder() as home:
        for command in ("--help", "runs", "status"):
            options = [] if command == "--help" else ["--home", str(home)]
            ours, bare = interleaved(
                rounds,
                lambda command=command, options=options: _command(command, *options),
                lambda: _interpreter(""),
            )
            more = median(ours) - median(bare)
            yield Row(
                what=f"docprogress {command}, beside python -c ''",
                ours=f"{median(ours):.1f} ms",
                against=f"{median(bare):.1f} ms",
                ratio=f"{more:.1f} ms more",
                wanted="≤ 150 ms more",
                ok=more <= 150,
            )


def from_a_shell(rounds: int) -> Iterator[Row]:
    """`docprogress run` in a new home, until its output has a worker's first event."""
    timelines = []
    for _ in range(rounds):
        with short_folder() as home:
            try:
                timelines.append(_timeline(home / "home"))
            finally:
                stop_services(home / "home")
    for stage in STAGES:
        values = [timeline[stage] for timeline in timelines]
        last = stage == STAGES[-1]
        yield Row(
            what=f"docprogress run in a new home: {stage}",
            ours=f"{median(values):.2f} s",
            ratio=f"{min(values):.2f} to {max(values):.2f} s",
            wanted="≤ 1.2 s" if last else "",
            ok=median(values) <= 1.2 if last else None,
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
    for what, measured, under in (("cold", cold, 1.2), ("services up", warm, 0.3)):
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


def _command(*arguments: str) -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "docprogress", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1e3


def _timeline(home: Path) -> dict[str, float]:
    """Seconds from the start of the command on, by stage."""
    started = time.time()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "docprogress", "run", "--json"),
            *("--home", str(home), "--workers", str(WORKERS), str(SAMPLES)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    moments: dict[str, float] = {}
    try:
        for line in process.stdout:
            moments.setdefault("first event", time.time())
            if json.loads(line)["status"] != Status.QUEUED:
                moments["first event of a worker"] = time.time()
                break
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    logs = home / "logs"
    moments |= {
        "services launched": _made(logs / "supervisor.log"),
        "server begun": _made(logs / "redis.log"),
        "database made": _made(home / "docprogress.db"),
        "services ready": _made(home / "services.json"),
        "worker's log begun": _made(logs / "worker.log"),
    }
    return {stage: moments[stage] - started for stage in STAGES}


def _made(path: Path) -> float:
    """When a file was created, as far as the file system knows."""
    output = subprocess.run(
        ["stat", "--format=%.9W", str(path)], check=True, capture_output=True, text=True
    ).stdout
    return float(output)


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
