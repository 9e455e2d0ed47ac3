"""Locks of the notebook's threads: no deadlocks."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kernels import Kernel
from support.patience import patient
from support.services import eventually

from docprogress import Pipeline, ProgressView
from docprogress.notebook.progress.registry import registry

#: How a page's request is met by a view that is being closed, with one side slowed.
SLOWED = {
    "the request before it takes a lock": """
class Slow:
    def retried(self, run):
        reached.set()
        free.wait(60)

    def waited(self, run):
        pass


run.connections.observers.insert(0, Slow())
request()
assert reached.wait(60)
uploader._session.held_until = float("-inf")
close = Thread(target=closing)
close.start()
eventually(lambda: view._closed)
free.set()
""",
    "the closing before it waits for the thread": """
leave = SessionRegistry.leave


def slow(self, *arguments, **options):
    reached.set()
    free.wait(60)
    leave(self, *arguments, **options)


SessionRegistry.leave = slow
uploader._session.held_until = float("-inf")
close = Thread(target=closing)
close.start()
assert reached.wait(60)
request()
# Now it is at the observers, and on its way to the uploader's lock.
eventually(lambda: run.documents()[0].attempt == 2)
free.set()
""",
}

#: What closes the view of a run that an uploader shows.
CLOSINGS = {
    "the uploader is closed": "uploader.close()",
    "the run is waited for": "run.wait(60)",
}

PREPARED = """
import time
from threading import Event, Thread
from docprogress import Pipeline
from docprogress.notebook.progress.registry import SessionRegistry

def eventually(condition):
    ends = time.monotonic() + 100
    while not condition() and time.monotonic() < ends:
        time.sleep(0.01)

reached, free = Event(), Event()
uploader = Pipeline(home={home!r}).upload()
uploader._session.receive({{"type": "hold", "seconds": 60}}, [])
uploader.add(("broken.pdf", b"%PDF-1.7 and no more"))
uploader.widget
uploader.wait(25)
[run] = uploader.runs
view = uploader._views[run.id]
closing = lambda: {closing}

def request():
    view._join()._receive({{"type": "retry", "request": 1, "ids": None}})
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(tmp_path) as kernel:
        yield kernel


@pytest.mark.parametrize("closing", CLOSINGS.values(), ids=CLOSINGS)
@pytest.mark.parametrize("slowed", SLOWED.values(), ids=SLOWED)
def test_uploader_and_its_views_never_wait_for_each_other(
    kernel: Kernel, shared_home: Path, pipeline: Pipeline, slowed: str, closing: str
):
    kernel.run(PREPARED.format(home=str(shared_home), closing=closing))
    kernel.run(slowed)

    kernel.run("eventually(lambda: not close.is_alive())")

    assert kernel.run("close.is_alive()") == "False"
    kernel.run("uploader.close()")
    ours = "[t.name for t in threading.enumerate() if t.name.startswith('docprogress')]"
    left = f"import threading\n{ours}"
    eventually(lambda: kernel.run(left) == "[]", what="the threads have ended")


def test_views_that_end_together_do_not_wait_for_each_other(
    kernel: Kernel, shared_home: Path, pipeline: Pipeline
):
    kernel.run(
        "import threading\n"
        "from docprogress import Pipeline\n"
        "from docprogress.notebook.progress import registry\n"
        "both = threading.Barrier(2)\n"
        "class Slow:\n"
        "    def __rsub__(self, ended):\n"
        "        both.wait(25)  # both have found what has ended\n"
        "        return ended\n"
        "registry.MOST_ENDED = Slow()\n"
        f"pipeline = Pipeline(home={str(shared_home)!r})\n"
        "text = b'Text. ' * 500_000\n"
        "runs = [pipeline.submit([(name, text)]) for name in ('a.txt', 'b.txt')]\n"
        "display(*runs)"
    )
    alive = "len([t for t in threading.enumerate() if t.name == 'docprogress-view'])"
    assert kernel.run(alive) == "2"
    kernel.run("for run in runs: run.wait(25)")

    eventually(lambda: kernel.run(alive) == "0", what="the threads have ended")
    assert kernel.run("both.broken") == "False"


def test_a_view_is_used_from_many_threads(pipeline: Pipeline):
    run = pipeline.submit([("a.txt", b"Text.")]).wait(patient(60))
    for _ in range(10):
        view = ProgressView(run)
        models = in_threads(8, lambda view=view: (repr(view), view.widget)[1])

        assert len({id(model) for model in models}) == 1
        assert view._held
        assert view._session is not None
        assert view._session._holds == 1
        assert view._session.views == 1

        in_threads(4, view.close)
        assert view._session.ended
        assert view._session not in registry.sessions
    assert "docprogress-view" not in [each.name for each in threading.enumerate()]


def test_a_view_that_joins_while_the_last_one_leaves_is_alive(pipeline: Pipeline):
    run = pipeline.submit([("a.txt", b"Text.")]).wait(patient(60))
    for _ in range(20):
        old, new = ProgressView(run), ProgressView(run)
        old.widget  # noqa: B018 - it joins
        calls = iter([old.close, lambda new=new: new.widget])
        in_threads(2, lambda calls=calls: next(calls)())

        assert new._session is not None
        assert not new._session._closed
        assert new._session in registry.sessions
        new.close()


def in_threads(count: int, call) -> list:
    """Call from so many threads at the same moment; what the calls returned."""
    together, returned, errors = threading.Barrier(count), [], []

    def called() -> None:
        together.wait()
        try:
            returned.append(call())
        except Exception as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=called, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patient(60))
    assert not [thread for thread in threads if thread.is_alive()]
    assert errors == []
    return returned
