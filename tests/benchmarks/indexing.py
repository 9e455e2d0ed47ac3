"""What the index costs of a run: the same files with it, and without.

    python tests/benchmarks/indexing.py [texts pdfs office] [--embedder wordllama]
    python tests/benchmarks/indexing.py --postgres        # beside PostgreSQL and pgvector
    python tests/benchmarks/indexing.py pdfs --from FOLDER  # its PDFs, cut into slices

Each side has services of its own, which differ in nothing but the index. What is
compared is the processor time of all that takes part, so that it matters little what
else the machine does.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple, NoReturn, Self

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from corpus import office, pdfs, slices, texts
from measuring import machine
from surroundings import WORKERS, finished, server_process, short_folder

from docprogress import Pipeline
from docprogress.settings import load
from docprogress.store import Store, pgvector, word_entries, word_sources
from docprogress.store.vector_index import updating
from docprogress.store.vector_index.embedders import HASHING
from docprogress.store.words import WordIndex
from docprogress.worker.main import run_worker

#: Files of a run of each kind.
TEXTS, PDFS, OFFICE = 300, 60, 120
#: Pages of each PDF.
PAGES = 10
#: What numbers vectors for the index beside SQLite.
TRIGGERS = ("vector_part_added", "vector_part_removed", "vector_space_added")


class Services(NamedTuple):
    """What both sides share, or have each."""

    redis_url: str
    database_url: str
    #: The processes that serve them.
    servers: dict[str, psutil.Process]


class Side:
    """A pipeline with its worker, with the index or without."""

    def __init__(
        self, folder: Path, services: Services, *, embedder: str, indexed: bool
    ) -> None:
        self._indexed = indexed
        self._embedder = embedder
        self._settings = {
            "home": str(folder / "home"),
            "redis_url": services.redis_url,
            "database_url": services.database_url,
            "storage_url": (folder / "files").as_uri(),
        }
        self._servers = services.servers
        self._log = folder / "log"
        self.pipeline = Pipeline(**self._settings, embedder=embedder)
        self._store = Store(services.database_url).open()
        if not indexed and self._store.database.is_sqlite:
            with self._store.database.writing() as connection:
                for name in TRIGGERS:
                    connection.exec_driver_sql(f"DROP TRIGGER {name}")
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self.pipeline.close()
        self._store.close()

    def restart(self) -> None:
        """Have new worker processes, which know nothing yet."""
        self._stop()
        self._start()

    def cost(self, paths: Sequence[Path]) -> dict[str, float]:
        """The seconds of processor time of a run, by whose they are."""
        before = self._spent()
        finished(self.pipeline.submit(paths))
        if self._indexed:
            self._complete_index()
        return {who: spent - before[who] for who, spent in self._spent().items()}

    def _complete_index(self) -> None:
        """Do now what is left for later, or for the next search."""
        if self._embedder != HASHING:
            self._store.vectors.update_index()
        while self._merges():
            if not self._store.words.merge():
                time.sleep(0.3)  # the worker is at it

    def _merges(self) -> bool:
        with self._store.database.reading() as connection:
            return word_sources.due(connection)

    def _start(self) -> None:
        command = [sys.executable, __file__, "--work", json.dumps(self._settings)]
        if not self._indexed:
            command.append("--without")
        with self._log.open("ab") as log:
            self._worker = subprocess.Popen(command, stderr=log)
        self._processes = self._servers | {"worker": psutil.Process(self._worker.pid)}

    def _stop(self) -> None:
        self._worker.terminate()
        self._worker.wait()

    def _spent(self) -> dict[str, float]:
        found = {who: _with_children(each) for who, each in self._processes.items()}
        return {"client": time.process_time()} | found


def _with_children(process: psutil.Process) -> float:
    """The seconds of a process and of all that it started."""
    # The clock of another process, which has nanoseconds: see `clock_getcpuclockid(3)`.
    total = time.clock_gettime((~process.pid << 3) | 2)
    # Those that have ended are counted with their parent.
    ended = process.cpu_times()
    total += ended.children_user + ended.children_system
    for child in process.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += _with_children(child)
    return total


def leave_out_index() -> None:
    """Have this process write no index. Vectors are stored, as they are results."""
    word_entries.given_chunks = lambda _: []
    word_entries.entries = lambda _: []
    word_entries.replace = lambda *_, **__: None
    WordIndex.maintain = lambda *_, **__: None
    pgvector.available = lambda _: False


def work(settings: dict[str, Any], *, indexed: bool) -> NoReturn:
    """What a worker does."""
    if not indexed:
        leave_out_index()
    sys.exit(run_worker(load(**settings), concurrency=WORKERS))


@contextlib.contextmanager
def sides(embedder: str, *, on_postgres: bool) -> Iterator[tuple[Side, Side]]:
    """A side with the index, and one without."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(short_folder())
        postgres = None
        if on_postgres:
            from support.postgres import vector_postgres

            postgres = stack.enter_context(vector_postgres())
            postgres.execute("CREATE EXTENSION vector", url=postgres.url("template1"))
        made = []
        for indexed in (True, False):
            own = folder / ("with" if indexed else "without")
            own.mkdir()
            redis_url, process = stack.enter_context(server_process())
            servers = {"Redis": process}
            database_url = f"sqlite:///{own / 'store.db'}"
            if postgres is not None:
                database_url = stack.enter_context(postgres.database())
                servers["PostgreSQL"] = _postmaster(database_url)
            services = Services(redis_url, database_url, servers)
            side = Side(own, services, embedder=embedder, indexed=indexed)
            made.append(stack.enter_context(side))
        yield made[0], made[1]


def _postmaster(url: str) -> psutil.Process:
    """The process that starts all others of a database's server."""
    with Store(url) as store, store.database.reading() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        return psutil.Process(pid).parent()


def measured(
    with_index: Side,
    without: Side,
    paths: Sequence[Path],
    *,
    pairs: int,
    pause: float,
    fresh: bool,
) -> list[tuple[dict[str, float], dict[str, float]]]:
    """The costs of runs in pairs; the first pair warms up and is dropped."""
    found = []
    for number in range(pairs + 1):
        pair = {}
        # Who follows whom may matter.
        for side in (with_index, without)[:: 1 if number % 2 else -1]:
            if fresh:
                side.restart()
            pair[side] = side.cost(paths)
            time.sleep(pause)
        found.append((pair[with_index], pair[without]))
    return found[1:]


def report(
    what: str, found: Sequence[tuple[dict[str, float], dict[str, float]]], files: int
) -> None:
    """Print the median of the pairs' shares, with their spread, and whose they are."""
    shares = [1 - sum(off.values()) / sum(on.values()) for on, off in found]
    low, _, high = quantiles(shares, n=4)
    each = median(sum(on.values()) for on, _ in found) / files * 1e3
    print(
        f"{what}: {each:.2f} ms a file, of which the index {median(shares):.1%} "
        f"(half of the pairs {low:.1%} to {high:.1%}, all {min(shares):.1%} to "
        f"{max(shares):.1%})"
    )
    for who in found[0][0]:
        on, off = (median(pair[at][who] for pair in found) for at in (0, 1))
        print(
            f"    {who:12}{on / files * 1e3:8.2f} ms a file, without the index "
            f"{off / files * 1e3:.2f}",
            flush=True,
        )


def corpora(folder: Path, source: Path | None) -> dict[str, Callable[[], list[Path]]]:
    """What is processed, by name."""

    def reports() -> list[Path]:
        if source is None:
            return pdfs(folder / "pdfs", documents=PDFS, pages=PAGES)
        return slices(folder, source, documents=PDFS, pages=PAGES)

    return {
        "texts": lambda: texts(folder / "texts", documents=TEXTS),
        "pdfs": reports,
        "office": lambda: office(folder / "office", documents=OFFICE),
    }


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="texts, pdfs, office; all by default")
    parser.add_argument("--embedder", default="hashing")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--fresh", action="store_true", help="new workers for each run")
    parser.add_argument("--pause", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--from", dest="source", type=Path, metavar="FOLDER")
    parser.add_argument("--work", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--without", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, indexed=not options.without)
    # Every run's vectors are added to the index, not only once there are many.
    updating.MOST_WAITING = 0
    print(machine())
    with short_folder() as folder:
        made = corpora(folder, options.source)
        for name in options.names or made:
            paths = made[name]()
            with sides(options.embedder, on_postgres=options.postgres) as both:
                found = measured(
                    *both,
                    paths,
                    pairs=options.pairs,
                    pause=options.pause,
                    fresh=options.fresh,
                )
            where = "PostgreSQL" if options.postgres else "SQLite"
            report(
                f"{len(paths)} {name}, {options.embedder}, {where}", found, len(paths)
            )


if __name__ == "__main__":
    main()
