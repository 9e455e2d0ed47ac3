"""A synchronization that is killed anywhere: the next one ends in the right state."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from support.customized_workers import customized
from support.patience import patient
from support.services import Server, Worker, eventually

from docprogress import Pipeline, Status
from docprogress.errors import Unreadable
from docprogress.store.search_filter import SearchFilter

#: Synchronizes in a process of its own for each line of its input, which is killed before
#: that statement of the database, counted from 1. They begin with everything imported.
SYNC = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
import docprogress.client.pipeline

folder, home, redis_url, database_url = sys.argv[1:]
urls = {"redis_url": redis_url, "database_url": database_url or None}
count = place = 0

def counted(*_):
    global count
    count += 1
    if count == place:
        os.kill(os.getpid(), signal.SIGKILL)

LISTEN

for line in sys.stdin:
    place = int(line)
    child = os.fork()
    if child == 0:
        with docprogress.Pipeline(home=home, **urls) as pipeline:
            pipeline.sync(
                folder, case_id="synchronized", max_delete="100%", retry_failed=True
            )
        print(count, end=" ", flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""

#: The same for one of a worker's processes, if the file ARMED says which statement.
KILLED = """
import os, signal, sys
main = os.getpid()
count = 0

def counted(*_):
    global count
    if os.getpid() == main:
        return
    try:
        with open("ARMED") as armed:
            place = int(armed.read() or 0)
    except OSError:
        count = 0
        return
    count += 1
    if place and count >= place:
        try:
            os.unlink("ARMED")
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

if "worker" in sys.argv or "worker" in " ".join(sys.orig_argv):
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    LISTEN
"""

#: Calls `counted` before each statement. What SQLite is given by its driver alone, no
#: event tells of.
LISTEN = """
event.listen(Engine, "before_cursor_execute", counted)
event.listen(Engine, "commit", counted)
""".strip()
LISTEN_TO_SQLITE = """
event.listen(Engine, "connect", lambda c, _: c.set_trace_callback(counted))
""".strip()

#: Statements of a worker's process among which it is killed.
WORKER_PLACES = 60


class Folder:
    """A folder whose files change from one state to the next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._write("kept.txt", "This stays as it is.")
        self._write("moved-0.txt", "This is moved.")
        self.state = 0
        self.change()

    def change(self) -> None:
        """Change, add, remove and move files, and the members of an archive."""
        before, self.state = self.state, self.state + 1
        now = self.state
        self._write("changed.txt", f"Version {now} of a file.")
        self._write(f"added-{now}.txt", f"File {now}.")
        if before > 1:
            (self.path / f"added-{before - 1}.txt").unlink()
        (self.path / f"moved-{before}.txt").rename(self.path / f"moved-{now}.txt")
        with zipfile.ZipFile(self.path / "box.zip", "w") as box:
            box.writestr("same.txt", "A member that stays.")
            box.writestr("changed.txt", f"Version {now} of a member.")
            box.writestr(f"member-{now}.txt", f"Member {now}.")

    def _write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)


class Site:
    """A folder, a worker that can be killed, and what is to be compared."""

    def __init__(self, place: Path, redis_url: str, database_url: str = "") -> None:
        self.armed = place / "armed"
        self._database_url = database_url
        self._listen = LISTEN if database_url else LISTEN_TO_SQLITE
        self.folder = Folder(place / "folder")
        self.home = place / "home"
        self.redis_url = redis_url
        code = KILLED.replace("ARMED", str(self.armed))
        listen = self._listen.replace("\n", "\n    ")
        self._environment = customized(place, code.replace("LISTEN", listen))
        if database_url:
            self._environment["DOCPROGRESS_DATABASE_URL"] = database_url
        self.worker = self._start()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the site
        where = [self.folder.path, self.home, redis_url, database_url]
        self._synchronizer = subprocess.Popen(
            [sys.executable, "-c", SYNC.replace("LISTEN", self._listen), *where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.pipeline = Pipeline(
            home=self.home, redis_url=redis_url, database_url=database_url or None
        )

    def _start(self) -> Worker:
        worker = Worker(self.redis_url, self.home, **self._environment)
        worker.ready()
        return worker

    def close(self) -> None:
        self.pipeline.close()
        self.worker.kill()
        with self._synchronizer as synchronizer:
            synchronizer.kill()
        self._errors.close()

    def restart_worker(self) -> None:
        self.worker.kill()
        self.worker = self._start()

    def synchronize(self, place: int = 0) -> int | None:
        """Synchronize in a process; how many statements it took, or None if killed."""
        print(place, file=self._synchronizer.stdin, flush=True)
        *statements, status = self._synchronizer.stdout.readline().split()
        if int(status) == -signal.SIGKILL:
            return None
        assert int(status) == 0, os.pread(self._errors.fileno(), 1 << 20, 0).decode()
        return int(*statements)

    def continue_(self) -> None:
        """Synchronize in this process."""
        self.pipeline.sync(
            self.folder.path,
            case_id="synchronized",
            max_delete="100%",
            retry_failed=True,
        )

    def wait(self) -> None:
        store = self.pipeline.store
        eventually(store.documents.idle, seconds=90, what=self.worker.output())

    def current(self, case: str) -> dict[str, object]:
        """What is to be the same: the results of all current documents, by name."""
        store, found = self.pipeline.store, {}
        for row in store.documents.find(case_id=case, current=True):
            assert row.name not in found, f"{row.name} is there twice"
            found[row.name] = [
                (chunk.text, chunk.start, chunk.first_page, chunk.vector.tobytes())
                for chunk in store.results.chunks(row.id, vectors=True)
            ]
        return found

    def search(self, case: str) -> list[str]:
        """The names of the documents that a search for a word of all finds."""
        store = self.pipeline.store
        only = SearchFilter(case_id=case)
        words = "file version member stays moved"
        matches = store.words.search(words, only, limit=100)
        return sorted(store.documents.get(m.document_id).name for m in matches)

    def left_over(self) -> set[str]:
        """Documents that nothing sees, and that still have a file."""
        found = set()
        for row in self.pipeline.store.documents.find(case_id="synchronized"):
            if not row.current:
                with suppress(Unreadable), self.pipeline.files.local(row.id):
                    found.add(row.name)
        return found

    def check(self) -> None:
        """Compare the state with that of a run from nothing."""
        case = f"from nothing {self.folder.state}"
        run = self.pipeline.submit(self.folder.path, case_id=case)
        run.wait(timeout=patient(60))
        assert self.current("synchronized") == self.current(case)
        assert self.search("synchronized") == self.search(case)
        for row in self.pipeline.store.documents.find(
            case_id="synchronized", current=True
        ):
            with self.pipeline.files.local(row.id):
                pass
        eventually(lambda: not self.left_over(), what="files are left over")
        run.delete()


def killed_and_continued(site: Site, count: int, seed: int) -> bool:
    """Kill the process, a worker's process, both or the worker; then synchronize.

    A seed that fails can be tried by itself.

    Returns:
        Whether any process was killed.
    """
    chance = random.Random(seed)
    who = chance.choice(("process", "worker process", "both", "worker"))
    site.folder.change()
    if who in ("worker process", "both"):
        site.armed.write_text(str(chance.randint(1, WORKER_PLACES)))
    place = chance.randint(1, count) if who in ("process", "both") else 0
    killed = site.synchronize(place) is None
    if who == "worker":
        site.restart_worker()
        killed = True
    if chance.random() < 0.3:
        site.folder.change()
    site.continue_()
    site.wait()
    killed = killed or (who == "worker process" and not site.armed.exists())
    site.armed.unlink(missing_ok=True)
    if any(site.pipeline.store.documents.find(status=Status.FAILED)):
        # It has killed its worker too often.
        site.continue_()
        site.wait()
    site.check()
    return killed


@pytest.fixture
def site(tmp_path: Path, server: Server):
    site = Site(tmp_path, server.url)
    yield site
    site.close()


@pytest.mark.timeout(120)
def test_a_synchronization_that_is_killed_is_continued_by_the_next_one(site):
    count = site.synchronize()
    site.wait()

    killed = [killed_and_continued(site, count, seed) for seed in range(3)]
    assert any(killed)


def killed_often(site: Site, seeds: range) -> None:
    site.synchronize()
    site.wait()
    site.folder.change()
    count = site.synchronize()
    site.wait()
    killed = []
    for seed in seeds:
        print("seed", seed)
        killed.append(killed_and_continued(site, count, seed))
    assert sum(killed) > len(killed) / 2


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(100, 150, 10))
def test_a_synchronization_may_be_killed_in_fifty_places(site, first):
    killed_often(site, range(first, first + 10))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_synchronization_may_be_killed_with_postgresql(
    tmp_path, server, postgres_url
):
    site = Site(tmp_path, server.url, postgres_url)
    try:
        killed_often(site, range(200, 210))
    finally:
        site.close()
