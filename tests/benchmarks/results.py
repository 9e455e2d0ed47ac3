"""What it takes to get results out: a hundred thousand documents, by their client.

The documents are put into the database directly; no worker is started.

    python tests/benchmarks/results.py --documents 100000 --chunks 4
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
from surroundings import short_folder

from docprogress import Pipeline, Run
from docprogress.documents import document_id
from docprogress.events import Status, now
from docprogress.settings import MIB
from docprogress.store import NewDocument, Store, schema
from docprogress.store.submissions import NEW_DOCUMENT

RUN = "run"

#: Documents that are added in one transaction.
BATCH = 2_000

PAGE = """# Prices

What it costs to have bread, and to eat it, told once more.

| what | coins |
| --- | --- |
| bread | 2 |
| butter | 3 |
"""

#: What is measured, and what it yields or writes.
TASKS: dict[str, Callable[[Run, Path], Any]] = {
    "run.chunks()": lambda run, _: sum(1 for _ in run.chunks()),
    "run.chunks(vectors=True)": lambda run, _: sum(1 for _ in run.chunks(vectors=True)),
    "run.pages()": lambda run, _: sum(1 for _ in run.pages()),
    "run.tables()": lambda run, _: sum(1 for _ in run.tables()),
    "parquet": lambda run, folder: _exported(run, folder, "parquet", "chunks"),
    "jsonl": lambda run, folder: _exported(run, folder, "jsonl", "chunks"),
    "csv": lambda run, folder: _exported(run, folder, "csv", "chunks"),
    "tables parquet": lambda run, folder: _exported(run, folder, "parquet", "tables"),
    "markdown": lambda run, folder: _exported(run, folder, "markdown", "documents"),
}


def fill(store: Store, *, documents: int, chunks: int, dimensions: int) -> None:
    """A run of documents that have been read, chunked and embedded."""
    steps = [{"name": name} for name in ("extraction", "chunking", "embedding")]
    store.runs.add(
        run_id=RUN,
        case_id=None,
        expected=documents,
        steps=steps,
        settings={},
        fingerprint="",
    )
    random = np.random.default_rng(7)
    words = ("bread butter liability clause of the agreement and its " * 12)[:600]
    for first in range(1, documents + 1, BATCH):
        numbers = range(first, min(first + BATCH, documents + 1))
        rows = [_document(number, chunks) for number in numbers]
        ids = [row["id"] for row in rows]
        pages = [
            {"document_id": each, "number": 1, "text": words, "markdown": PAGE}
            for each in ids
        ]
        pieces = [
            {
                "document_id": each,
                "number": n,
                "start": 0,
                "end": len(words),
                "first_page": 1,
                "last_page": 1,
                "text": f"{each} {n} {words}",
                "kind": "text",
                "headings": '["Prices", "Bread"]',
            }
            for each in ids
            for n in range(1, chunks + 1)
        ]
        vectors = [
            {
                "document_id": each,
                "first": 1,
                "count": chunks,
                "dimensions": dimensions,
                "embedder": "made",
                "data": random.random((chunks, dimensions), np.float32).tobytes(),
            }
            for each in ids
        ]
        with store.database.writing() as connection:
            connection.execute(schema.document.insert(), rows)
            connection.execute(schema.page.insert(), pages)
            connection.execute(schema.chunk.insert(), pieces)
            connection.execute(schema.vectors.insert(), vectors)


def _document(number: int, chunks: int) -> dict[str, Any]:
    new = NewDocument(
        id=document_id(RUN, number), run_id=RUN, number=number, name=f"{number}.md"
    )
    moment = now()
    return {
        **NEW_DOCUMENT,
        **{name: getattr(new, name) for name in ("id", "run_id", "number", "name")},
        "ready": True,
        "status": Status.COMPLETED.value,
        "step": "embedding",
        "pages": 1,
        "chunks": chunks,
        "characters": 600,
        "created_at": moment,
        "started_at": moment,
        "finished_at": moment + timedelta(seconds=1),
        "updated_at": moment,
    }


def measured(home: Path, task: str) -> dict[str, float]:
    """What a task takes in this process, which has done nothing else."""
    process = psutil.Process()
    with Pipeline(home=home, start=False) as pipeline:
        run = pipeline.attach(RUN)
        before = process.memory_info().rss
        cpu = sum(process.cpu_times()[:2])
        with _Peak(process) as peak:
            found = TASKS[task](run, home / "out")
        cpu = sum(process.cpu_times()[:2]) - cpu
        return {
            "found": found,
            "per_second": found / cpu,
            "grown": (peak.bytes - before) / MIB,
        }


class _Peak:
    """The most memory that a process has while the context is open."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._ended.wait(0.01):
            self._look()

    def _look(self) -> None:
        self.bytes = max(self.bytes, self._process.memory_info().rss)


def _exported(run: Run, folder: Path, file_format: Any, what: Any) -> int:
    target = run.export(folder, format=file_format, what=what)
    return json.loads((target / "manifest.json").read_text())["records"]


def _apart(home: Path, task: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--home", home, "--only", task]
    path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
    completed = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return json.loads(completed.stdout.splitlines()[-1])


def compared(documents: int, chunks: int, dimensions: int) -> Iterator[str]:
    """A line of a table for each task."""
    with short_folder() as home:
        with Pipeline(home=home, start=False) as pipeline:
            fill(
                pipeline.store,
                documents=documents,
                chunks=chunks,
                dimensions=dimensions,
            )
        yield from tasks_of(home)


def tasks_of(home: Path) -> Iterator[str]:
    """A line of a table for each task, for a home that has been filled."""
    yield "| what | records | records/s of processor time | grown by MiB |"
    yield "|---|---:|---:|---:|"
    for task in TASKS:
        started = time.perf_counter()
        found = _apart(home, task)
        yield (
            f"| {task} | {found['found']:,} | {found['per_second']:,.0f} | "
            f"{found['grown']:.0f} | {time.perf_counter() - started:.0f} s"
        )


def main() -> None:
    """Measure what the arguments ask for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--chunks", type=int, default=4, help="of each document")
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--home", type=Path, help="filled, or to be filled, and kept")
    parser.add_argument("--only", choices=[*TASKS, "fill"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only == "fill":
        with Pipeline(home=given.home, start=False) as pipeline:
            fill(
                pipeline.store,
                documents=given.documents,
                chunks=given.chunks,
                dimensions=given.dimensions,
            )
    elif given.only:
        print(json.dumps(measured(given.home, given.only)))
    else:
        for line in (
            tasks_of(given.home)
            if given.home
            else compared(given.documents, given.chunks, given.dimensions)
        ):
            print(line, flush=True)


if __name__ == "__main__":
    main()
