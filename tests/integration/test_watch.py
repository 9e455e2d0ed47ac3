"""A folder that is watched is in step with its documents, whatever happens to it."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager

import fsspec
import pytest
from support.patience import patient
from support.services import Worker, eventually
from support.settings import service_options

from docprogress import Pipeline, Status
from docprogress.client import watching


class Watched:
    """A watch in a thread: its runs, and the problems that it reported."""

    def __init__(self, pipeline, root, **options):
        self.runs, self.problems, self.stop = [], [], threading.Event()
        self._pipeline = pipeline
        self._watch = pipeline.watch(
            root, stop=self.stop, on_problem=self.problems.append, **options
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        for run in self._watch:
            self.runs.append(run)

    def has(self, *changes):
        """Wait until it has made runs with these changes."""
        eventually(lambda: len(self.runs) >= len(changes))
        assert [str(run.changes) for run in self.runs] == list(changes)

    def problem(self, part):
        """Wait until its last problem has this part."""
        eventually(lambda: self.problems and part in str(self.problems[-1]), what=part)

    def end(self):
        self.stop.set()
        self._thread.join(patient(20))
        assert not self._thread.is_alive()


@contextmanager
def watch(pipeline, root, **options):
    watched = Watched(pipeline, root, **options)
    try:
        yield watched
    finally:
        watched.end()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "contracts"
    made.mkdir()
    for name in "abcd":
        (made / f"{name}.txt").write_text(f"The first version of {name}.")
    return made


def texts(pipeline, case):
    """What searches see, by document."""
    rows = pipeline.store.documents.find(case_id=case, current=True)
    return {
        row.name: " ".join(p.text for p in pipeline.store.results.pages(row.id))
        for row in rows
    }


def in_step(pipeline, case, folder):
    expected = {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*.txt")
    }
    eventually(
        lambda: texts(pipeline, case) == expected, what="the documents are the folder's"
    )


def test_changes_of_a_folder_are_picked_up(pipeline, folder):
    with watch(pipeline, folder, case_id="watch") as watched:
        in_step(pipeline, "watch", folder)
        watched.has("4 added")

        (folder / "new.txt").write_text("Something new.")
        in_step(pipeline, "watch", folder)
        (folder / "a.txt").write_text("The second version of a, which is longer.")
        in_step(pipeline, "watch", folder)
        (folder / "b.txt").unlink()
        in_step(pipeline, "watch", folder)
        (folder / "c.txt").rename(folder / "moved.txt")
        in_step(pipeline, "watch", folder)
        (folder / "inside").mkdir()
        (folder / "inside" / "deep.txt").write_text("Deep inside.")
        in_step(pipeline, "watch", folder)

        watched.has(
            "4 added",
            "1 added, 4 unchanged",
            "1 changed, 4 unchanged",
            "1 removed, 4 unchanged",
            "1 moved, 3 unchanged",
            "1 added, 4 unchanged",
        )
        assert watched.problems == []


@pytest.mark.slow
def test_a_file_that_is_being_written_is_read_once_and_complete(pipeline, folder):
    with watch(pipeline, folder, case_id="written") as watched:
        in_step(pipeline, "written", folder)
        with (folder / "slow.txt").open("w") as file:
            file.write("The beginning. ")
            file.flush()
            # Other files do not wait for it.
            (folder / "other.txt").write_text("Something else.")
            eventually(lambda: "other.txt" in texts(pipeline, "written"))
            watched.has("4 added", "1 added, 4 unchanged")
            file.write("The end.")
        in_step(pipeline, "written", folder)

        watched.has("4 added", "1 added, 4 unchanged", "1 added, 5 unchanged")


@pytest.mark.slow
@pytest.mark.parametrize("events", [True, False], ids=["events", "no events"])
def test_removals_of_too_many_files_are_withheld_and_other_changes_are_taken(
    pipeline, folder, monkeypatch, events
):
    if not events:
        monkeypatch.setattr(watching, "watched", lambda *_: None)
    case = f"refused {events}"
    with watch(pipeline, folder, case_id=case) as watched:
        in_step(pipeline, case, folder)
        aside = folder.with_name("aside")
        folder.rename(aside)
        watched.problem("no such file or folder")
        folder.mkdir()
        watched.problem("has no documents any more")
        (aside / "a.txt").rename(folder / "a.txt")
        watched.problem("3 of 4 files")
        (folder / "a.txt").write_text("The second version of a.")
        for number in range(20):
            (folder / f"new-{number}.txt").write_text(f"Something new: {number}.")
        eventually(lambda: len(texts(pipeline, case)) == 24)
        eventually(lambda: "second" in texts(pipeline, case)["a.txt"])
        eventually(
            lambda: str(watched.runs[-1].changes).endswith("3 removals withheld")
        )

    # They are a small share of all that there is meanwhile.
    with watch(pipeline, folder, case_id=case) as watched:
        watched.problem("3 of 4 files")
        for path in aside.iterdir():
            path.rename(folder / path.name)
        watched.problem("None")
        in_step(pipeline, case, folder)
        assert watched.runs == []


def test_a_refusal_ends_when_it_is_confirmed(pipeline, folder):
    with watch(pipeline, folder, case_id="confirmed") as watched:
        in_step(pipeline, "confirmed", folder)
        for name in "abc":
            (folder / f"{name}.txt").unlink()
        watched.problem("max_delete='20%' allows; their documents are kept")

        pipeline.sync(folder, case_id="confirmed", confirm=True)

        in_step(pipeline, "confirmed", folder)
        watched.problem("None")


@pytest.mark.slow
def test_a_url_is_looked_at_regularly(pipeline):
    system = fsspec.filesystem("memory")
    system.pipe("/watched-folder/a.txt", b"The first version.")
    with watch(
        pipeline, "memory://watched-folder", case_id="url", interval=0.2
    ) as watched:
        eventually(lambda: texts(pipeline, "url") == {"a.txt": "The first version."})
        system.pipe("/watched-folder/b.txt", b"Another file.")
        eventually(lambda: len(texts(pipeline, "url")) == 2)
        watched.has("1 added", "1 added, 1 unchanged")
    system.rm("/watched-folder", recursive=True)


def test_redis_and_the_folder_are_waited_for(server, tmp_path, folder):
    with (
        Pipeline(
            home=tmp_path / "home",
            redis_url=server.url,
            database_url=f"sqlite:///{tmp_path / 'store.db'}",
            storage_url=(tmp_path / "files").as_uri(),
        ) as pipeline,
        watch(pipeline, folder) as watched,
    ):
        eventually(lambda: watched.runs)
        server.kill()
        (folder / "new.txt").write_text("Something new.")
        eventually(lambda: watched.problems, what="Redis is missed")
        server.start()

        eventually(lambda: len(watched.runs) > 1)
        names = {
            row.name
            for row in pipeline.store.documents.find(limit=100)
            if row.status is not Status.CANCELLED
        }
        assert "new.txt" in names
        watched.problem("None")


@pytest.mark.slow
def test_the_database_and_the_workers_are_waited_for(
    postgres, server, tmp_path, folder
):
    (folder / "e.txt").write_text("One of five may be gone.")
    with postgres.database() as url, ExitStack() as workers:
        options = service_options(tmp_path, server.url) | {"database_url": url}
        environment = {f"DOCPROGRESS_{n.upper()}": str(v) for n, v in options.items()}

        def work() -> Worker:
            home = options["home"]
            worker = Worker(server.url, home, concurrency=1, **environment)
            workers.callback(worker.kill)
            return worker

        with Pipeline(**options) as pipeline, watch(pipeline, folder) as watched:
            worker = work()
            in_step(pipeline, None, folder)
            worker.kill()
            (folder / "a.txt").write_text("Changed while no worker was there.")
            eventually(lambda: len(watched.runs) > 1)
            with postgres.away():
                (folder / "b.txt").write_text("Changed while the database was away.")
                eventually(lambda: watched.problems, what="the database is missed")

            watched.problem("None")
            work()
            in_step(pipeline, None, folder)
            (folder / "c.txt").unlink()
            in_step(pipeline, None, folder)


COMMAND = [sys.executable, "-m", "docprogress", "sync", "--watch", "--json"]


@pytest.mark.slow
def test_a_killed_watch_continues_where_it_was(pipeline, shared_home, folder):
    def start():
        return subprocess.Popen(
            [*COMMAND, str(folder), "--case", "killed", "--home", str(shared_home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            text=True,
        )

    (folder / "more.txt").write_text("One of five may be gone.")
    process = start()
    in_step(pipeline, "killed", folder)
    (folder / "e.txt").write_text("Just before it was killed.")
    process.kill()
    process.communicate()
    (folder / "a.txt").write_text("Changed while nobody watched.")
    (folder / "b.txt").unlink()

    process = start()
    in_step(pipeline, "killed", folder)
    (folder / "new.txt").write_text("Something new.")
    in_step(pipeline, "killed", folder)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=patient(20))

    assert process.returncode == 0, err
    assert len(out.splitlines()) >= 2
    assert "Traceback" not in err


@pytest.mark.parametrize("option", ["--dry-run", "--yes", "--checksum", "--detach"])
def test_what_does_not_go_with_a_watch_is_refused(tmp_path, option):
    done = subprocess.run(
        [*COMMAND[:-1], str(tmp_path), option],
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(30),
    )

    assert done.returncode == 2
    assert f"{option} cannot be combined with --watch" in done.stderr
