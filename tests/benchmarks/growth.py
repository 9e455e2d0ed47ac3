"""How it grows: a thousand to a hundred thousand documents, one to many workers.

The steps do nothing, so that what is left is what the machinery costs.

    python tests/benchmarks/growth.py --documents 1000 10000 --workers 1 2 4
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from surroundings import finished, short_folder, stop_services

from docprogress import Document, Page, Pipeline, Run
from docprogress.notebook.progress import table
from docprogress.notebook.progress.source import RunSource
from docprogress.notebook.progress.update_scheduler import UpdateScheduler
from docprogress.notebook.progress.view_model import ViewModel
from docprogress.settings import MIB

#: The columns of the table, and what stands over them.
COLUMNS = {
    "documents": "documents",
    "workers": "workers",
    "submitted": "submitted/s",
    "processed": "documents/s",
    "events": "events/s",
    "redis_bytes": "Redis B/doc",
    "stored_bytes": "database B/doc",
    "submit_mib": "submit MiB",
    "first_frame": "first frame ms",
    "all_rows": "all rows s",
    "view_mib": "view MiB",
}


def run(documents: int, workers: int) -> dict[str, float]:
    """A run in a home of its own, and what it took and left."""
    with short_folder() as home:
        try:
            with Pipeline(
                home=home, workers=workers, steps=["growth:nothing"]
            ) as pipeline:
                # What is loaded on first use is loaded, and each process has worked.
                finished(pipeline.submit(texts(16 * workers)))
                took, made = _measured(pipeline, home, documents)
            return {"workers": workers} | took | _apart("view", home, made.id)
        finally:
            stop_services(home)


def _measured(
    pipeline: Pipeline, home: Path, documents: int
) -> tuple[dict[str, float], Run]:
    client: Any = pipeline.bus.redis
    memory, stored, events = _used(client), _size(home), _events(client)
    before = _memory()
    started = time.perf_counter()
    made = pipeline.submit(texts(documents))
    submitting = time.perf_counter() - started
    submit_mib = _memory() - before
    finished = f"{documents:,} documents: {documents:,} completed"
    while made.summary() != finished:
        if " failed" in made.summary():
            raise RuntimeError(made.summary())
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    return {
        "documents": documents,
        "submitted": documents / submitting,
        "processed": documents / seconds,
        "events": (_events(client) - events) / seconds,
        "redis_bytes": (_used(client) - memory) / documents,
        "stored_bytes": (_size(home) - stored) / documents,
        "submit_mib": submit_mib,
    }, made


def view(home: Path, run_id: str) -> dict[str, float]:
    """What a view of the run takes until its first frame, and until it has all rows."""
    with Pipeline(home=home) as pipeline:
        made = pipeline.attach(run_id)
        before, started = _memory(), time.perf_counter()
        view_model = ViewModel(RunSource(made))
        scheduler = UpdateScheduler(view_model)
        scheduler.mark_changed(view_model.load())
        frame = json.dumps([table.bundle(view_model), scheduler.next_message()])
        first = time.perf_counter() - started
        assert f"{made.expected:,} documents" in frame
        asyncio.run(_all_rows(view_model, scheduler))
        return {
            "first_frame": 1000 * first,
            "all_rows": time.perf_counter() - started,
            "view_mib": _memory() - before,
        }


async def _all_rows(view_model: ViewModel, scheduler: UpdateScheduler) -> None:
    """As a view's feed does, with a page that paints at once."""

    def publish_all() -> None:
        if (message := scheduler.next_message()) is not None:
            json.dumps(message)
            scheduler.acknowledge(message)

    async with view_model._source.subscribe() as events:
        while view_model.progress.partial:
            scheduler.mark_changed(view_model.apply((await anext(events),)))
            publish_all()
    while len(scheduler._sent_rows) < len(view_model):
        await asyncio.sleep(max(scheduler.seconds_until_due(), 0))
        publish_all()


def texts(count: int) -> Iterator[tuple[str, bytes]]:
    return ((f"{n}.txt", b"Document number %d." % n) for n in range(count))


def _apart(*arguments: object) -> dict[str, float]:
    """The same in a process of its own, whose memory nothing else has touched."""
    command = [sys.executable, __file__, "--only", *map(str, arguments)]
    path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
    completed = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return json.loads(completed.stdout.splitlines()[-1])


def _memory() -> float:
    """What this process has in memory, in MiB: it gives nothing back to speak of."""
    return psutil.Process().memory_info().rss / MIB


def _used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


def _events(client: Any) -> int:
    return int(client.info("commandstats").get("cmdstat_xadd", {}).get("calls", 0))


def _size(home: Path) -> int:
    with (
        Pipeline(home=home, start=False) as pipeline,
        pipeline.store.database.reading() as sql,
    ):
        pages = sql.exec_driver_sql("PRAGMA page_count").scalar_one()
        free = sql.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        size = sql.exec_driver_sql("PRAGMA page_size").scalar_one()
    return (pages - free) * size


def main() -> None:
    """Measure what the arguments ask for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--only", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        kind, first, second = given.only
        if kind == "view":
            print(json.dumps(view(Path(first), second)))
        else:
            print(json.dumps(run(int(first), int(second))))
        return
    print("| " + " | ".join(COLUMNS.values()) + " |")
    print("|" + "---:|" * len(COLUMNS), flush=True)
    for documents in given.documents:
        for workers in given.workers:
            found = _apart("run", documents, workers)
            cells = [f"{found[name]:,.0f}" for name in COLUMNS]
            cells[-2] = f"{found['all_rows']:,.1f}"
            print("| " + " | ".join(cells) + " |", flush=True)


def nothing(document: Document) -> Iterator[Page]:
    """A step that does nothing: its page is empty, and so nothing follows of it."""
    yield Page(number=1, text="")


if __name__ == "__main__":
    main()
