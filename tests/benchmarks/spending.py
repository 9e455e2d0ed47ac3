"""Where time and memory go, when there are many documents, or a large one."""

import cProfile
import pstats
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median

import psutil
from corpus import pdfs, texts
from measuring import Row, limited
from surroundings import Processes, finished, processes, server, services, short_folder

from docprogress import Pipeline
from docprogress.settings import MIB
from docprogress.worker.child import Child

#: Seconds between two looks at a process's memory.
LOOK_SECONDS = 0.01

#: Documents that are processed under a profiler.
PROFILED = 300

#: What a function belongs to, by what its file or its name contains: the first
#: that fits.
GROUPS = (
    ("SQLite", ("sqlite3",)),
    ("SQLAlchemy", ("/sqlalchemy/",)),
    ("waiting for Redis", ("_socket", "select.", "recv_into")),
    ("redis-py", ("/redis/", "hiredis")),
    ("Celery", ("/celery/", "/kombu/", "/billiard/")),
    ("vectors", ("mmh3", "numpy", "embedders/")),
    ("fsspec, files", ("/fsspec/", "docprogress/storage/", "posix", "_io", "pathlib")),
    ("docprogress, store", ("docprogress/store/",)),
    ("docprogress, other", ("docprogress/",)),
    ("threads and locks", ("_thread", "threading.py")),
)


def small_texts(documents: int) -> Iterator[Row]:
    """Many tiny files: how fast, and whose processor time that is."""
    with short_folder() as folder, services() as pipeline:
        paths = texts(folder, documents=documents)
        finished(pipeline.submit(paths[:50]))
        running = processes(pipeline)
        before = _spent(running)
        started = time.perf_counter()
        run = pipeline.submit(paths)
        submitted = time.perf_counter() - started
        run.wait()
        ended = time.perf_counter() - started
        spent = {who: used - before[who] for who, used in _spent(running).items()}
        finished(run)
    what = f"{documents} tiny files"
    yield Row(what=what, ours=f"{documents / ended:,.0f} documents/s")
    yield Row(what=f"{what}, submit", ours=f"{documents / submitted:,.0f} documents/s")
    for who, seconds in spent.items():
        each = f"{seconds / documents * 1e3:.2f} ms a document"
        yield Row(what=f"{what}, {who}", ours=f"{seconds:.1f} CPU s", against=each)


def profile(documents: int) -> Iterator[Row]:
    """What a worker process does with a tiny file, by whose functions do it.

    The profiler slows down what makes many calls: shares show where to look, not
    how much there is to be won.
    """
    documents = min(documents, PROFILED)
    with short_folder() as folder, server() as url:
        settings = {"home": folder / "home", "redis_url": url}
        paths = texts(folder / "texts", documents=documents)
        with Pipeline(
            **settings,
            database_url=f"sqlite:///{folder / 'store.db'}",
            storage_url=(folder / "files").as_uri(),
        ) as pipeline:
            # Nobody takes the tasks: this process is the worker.
            child = Child(pipeline.settings, worker="profiled", guard=None)
            profiler = cProfile.Profile()
            try:
                rows = pipeline.submit(paths).documents()
                child.process([(rows[0].id, rows[0].attempt)])
                with profiler:
                    for row in rows[1:]:
                        child.process([(row.id, row.attempt)])
            finally:
                child.close()
    shares = _shares(pstats.Stats(profiler))
    for group, share in shares.most_common():
        yield Row(what=f"a worker's time, {group}", ours=f"{share:.0%}")


def large_pdf(rounds: int, pages: int) -> Iterator[Row]:
    """The most memory that a worker process has while it reads a large PDF."""
    peaks = []
    with short_folder() as folder, services() as pipeline:
        paths = pdfs(folder, documents=1, pages=pages)
        small = texts(folder, documents=8)
        for _ in range(rounds):
            finished(pipeline.submit(small))
            with _peak(processes(pipeline).children) as peak:
                finished(pipeline.submit(paths))
            peaks.append(peak.result() / MIB)
    what = f"a PDF of {pages} pages, worker's peak memory"
    yield limited(what, median(peaks), unit="MB", under=400)


def _spent(running: Processes) -> dict[str, float]:
    """Seconds of processor time that each kind of process has used so far."""
    worker = running.worker.cpu_times()
    # Those that have ended are counted with their parent.
    ended = worker.children_user + worker.children_system
    return {
        "who submits and waits": _own(psutil.Process()),
        "worker, parent": worker.user + worker.system,
        "worker, children": ended + sum(map(_own, running.worker.children())),
        "server": _own(running.server),
        "supervisor": _own(running.supervisor),
    }


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _shares(stats: pstats.Stats) -> Counter[str]:
    """What share of all time was spent within the functions of each group."""
    seconds: Counter[str] = Counter()
    for (path, _, name), (_, _, own, _, _) in stats.stats.items():
        where = name if path == "~" else path
        seconds[_group(where)] += own
    total = seconds.total()
    return Counter({group: own / total for group, own in seconds.items()})


def _group(where: str) -> str:
    for group, fragments in GROUPS:
        if any(fragment in where for fragment in fragments):
            return group
    return "Python and others"


@contextmanager
def _peak(watched: Sequence[psutil.Process]) -> Iterator[Future[int]]:
    """The most bytes that any of some processes has within the block.

    It is known after the block, unless one of them has ended: then that is raised.
    """
    ended = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        try:
            yield executor.submit(_highest, watched, ended)
        finally:
            ended.set()


def _highest(watched: Sequence[psutil.Process], ended: threading.Event) -> int:
    highest = 0
    while not ended.wait(LOOK_SECONDS):
        for process in watched:
            highest = max(highest, process.memory_info().rss)
    return highest
