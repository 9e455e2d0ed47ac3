"""How many pages a second, beside what does less with the same libraries, or others."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from corpus import pdfs, slices
from measuring import Row, compared, interleaved
from surroundings import Crowd, NotInstalledError, finished, services, short_folder

from docprogress import Pipeline

#: Pages of each document.
PAGES = 10


def everything(rounds: int, documents: int, source: Path | None) -> Iterator[Row]:
    """Whole runs, beside two bare processes that keep nothing."""
    with short_folder() as folder, services() as pipeline, Crowd("bare") as crowd:
        paths = _corpus(folder, documents, source)
        ours, bare = interleaved(
            rounds, _until_published(pipeline, paths), lambda: crowd.speed(paths)
        )
    what = f"{documents} PDFs of {PAGES} pages, beside two bare processes"
    yield compared(what, ours, bare, unit="pages/s", at_least=0.7)


def progress(rounds: int, documents: int, source: Path | None) -> Iterator[Row]:
    """Whole runs with progress, beside such that publish nothing.

    Those publish no end, so both are measured by when the store has it.
    """
    with (
        short_folder() as folder,
        services() as publishing,
        services(events_per_second=0) as silent,
    ):
        paths = _corpus(folder, documents, source)
        published, unpublished = interleaved(
            rounds, _until_stored(publishing, paths), _until_stored(silent, paths)
        )
    what = f"{documents} PDFs of {PAGES} pages, progress on, beside off"
    yield compared(what, published, unpublished, unit="pages/s", at_least=0.97)


def peers(
    rounds: int, documents: int, source: Path | None, python: str
) -> Iterator[Row]:
    """Whole runs, beside two processes of each of two other libraries."""
    with contextlib.ExitStack() as stack:
        crowds: dict[str, Crowd] = {}
        for kind in ("llamaindex", "langchain"):
            try:
                crowds[kind] = stack.enter_context(Crowd(kind, python))
            except NotInstalledError as reason:
                yield Row(what=f"beside {kind}", ours="skipped", against=str(reason))
        if not crowds:
            return
        folder = stack.enter_context(short_folder())
        pipeline = stack.enter_context(services())
        paths = _corpus(folder, documents, source)
        ours, *others = interleaved(
            rounds,
            _until_published(pipeline, paths),
            *(lambda crowd=crowd: crowd.speed(paths) for crowd in crowds.values()),
        )
    named = dict(zip(crowds, others, strict=True))
    fastest = max(named, key=lambda kind: median(named[kind]))
    for kind, speeds in named.items():
        what = f"{documents} PDFs of {PAGES} pages, beside {kind}"
        wanted = 8 if kind == fastest else None
        yield compared(what, ours, speeds, unit="pages/s", at_least=wanted)


def _corpus(folder: Path, documents: int, source: Path | None) -> list[Path]:
    if source is None:
        return pdfs(folder, documents=documents, pages=PAGES)
    return slices(folder, source, documents=documents, pages=PAGES)


def _until_published(pipeline: Pipeline, paths: Sequence[Path]) -> Callable[[], float]:
    """Pages a second, from `submit` until `wait` returns."""

    def speed() -> float:
        started = time.perf_counter()
        run = pipeline.submit(paths)
        run.wait()
        seconds = time.perf_counter() - started
        finished(run)
        return len(paths) * PAGES / seconds

    return speed


def _until_stored(pipeline: Pipeline, paths: Sequence[Path]) -> Callable[[], float]:
    """Pages a second, from `submit` until the last document's end was stored."""

    def speed() -> float:
        started = datetime.now(UTC)
        run = finished(pipeline.submit(paths))
        ended = max(row.finished_at for row in run.documents())
        return len(paths) * PAGES / (ended - started).total_seconds()

    return speed
