"""Services, and processes to compare with: started here, and stopped here."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import psutil
import redis

from docprogress import Pipeline, Run, Status, local

CROWD = Path(__file__).with_name("crowd.py")

#: Worker processes of every pipeline; as many as of those that it is compared with.
WORKERS = 2

#: Seconds that a run may take before something is wrong with it.
PATIENCE = 1800.0


class NotInstalledError(Exception):
    """Raised when there is nothing to compare with; says what is missing."""


class Crowd:
    """Two processes that read files, of one kind."""

    def __init__(self, kind: str, python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, str(CROWD), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            missing = self._answer()["missing"]
        except BaseException:
            self.close()
            raise
        if missing is not None:
            self.close()
            raise NotInstalledError(f"{kind} is not installed: {missing}")

    def speed(self, paths: Sequence[Path]) -> float:
        """Pages a second."""
        print(
            json.dumps([str(path) for path in paths]),
            file=self._process.stdin,
            flush=True,
        )
        answer = self._answer()
        return answer["pages"] / answer["seconds"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended: see its errors above")
        return json.loads(line)


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder of its own, with a path that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="dp-benchmark-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def services(**settings: Any) -> Iterator[Pipeline]:
    """A pipeline in a home of its own, with its local services up."""
    with short_folder() as home:
        try:
            with Pipeline(home=home, workers=WORKERS, **settings) as pipeline:
                yield pipeline
        finally:
            stop_services(home)


def stop_services(home: Path) -> None:
    """Stop the local services of a home; signals wait until that is done."""
    waiting: list[int] = []
    # Not by a mask, which holds for this thread alone: any other would take them.
    before = {
        number: signal.signal(number, lambda number, _: waiting.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        local.down(home)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in waiting:
            signal.raise_signal(number)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a server that nobody else uses."""
    with server_process() as (url, _):
        yield url


@contextlib.contextmanager
def server_process() -> Iterator[tuple[str, psutil.Process]]:
    """The same, and the server's process."""
    with short_folder() as folder:
        path = folder / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(path), "--save", ""]
        process = subprocess.Popen(
            [local.server_binary(), *options, "--dir", str(folder)],
            stdout=subprocess.DEVNULL,
        )
        try:
            with redis.Redis.from_url(f"unix://{path}") as client:
                deadline = time.monotonic() + 30
                while not _answers(client):
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("the server does not start")
                    time.sleep(0.01)
            yield f"unix://{path}", psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def finished(run: Run) -> Run:
    """Wait for the end of a run, all of whose documents must complete.

    A number that was measured on failures would look good, and mean nothing.
    """
    run.wait(PATIENCE)
    bad = [row for row in run.documents() if row.status is not Status.COMPLETED]
    if bad:
        raise RuntimeError(f"{len(bad)} documents did not complete: {bad[0].error}")
    return run


class Processes(NamedTuple):
    """The processes of one home's local services."""

    supervisor: psutil.Process
    server: psutil.Process
    worker: psutil.Process
    children: list[psutil.Process]


def processes(pipeline: Pipeline) -> Processes:
    """What runs for a pipeline, once its workers have worked."""
    found = local.status(pipeline.settings.home)
    if found is None:
        raise RuntimeError("the local services have left")
    supervisor = psutil.Process(found.pid)
    (worker,) = (
        child for child in supervisor.children() if child.pid != found.redis_pid
    )
    return Processes(
        supervisor, psutil.Process(found.redis_pid), worker, worker.children()
    )
