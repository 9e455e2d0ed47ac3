"""Three hosts: one with Valkey, PostgreSQL, S3 and the server, two with workers."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
import redis
from support.hosts import Host, Link, three_hosts
from support.patience import patient
from support.postgres import Postgres, system_programs
from support.s3 import KEY, SECRET
from support.services import eventually

from docprogress import Status
from docprogress.local import server_binary
from docprogress.store import Store

pytestmark = pytest.mark.slow

TOKEN = "of-the-tests"
DOCUMENTS = 80

#: `slow` works only once there is a file, so that nothing is over before the test looks.
STEPS = """
import time
from pathlib import Path

BEGIN = Path(__file__).with_name("begin")

def slow(pages):
    for page in pages:
        while not BEGIN.exists():
            time.sleep(0.02)
        time.sleep(0.2)
        yield page

def quick(pages):
    for page in pages:
        time.sleep(0.05)
        yield page
"""

SUBMIT = """
import sys
from docprogress import Pipeline

texts = ((f"{n}.txt", f"Document {n}. ".encode() * 200) for n in range(int(sys.argv[2])))
with Pipeline(steps=[sys.argv[1]]) as pipeline:
    print(pipeline.submit(texts).id)
"""

BUCKET = """
import boto3
boto3.client("s3").create_bucket(Bucket="documents")
"""


class Elsewhere(Postgres):
    """A PostgreSQL on one of the hosts, which lets in whoever reaches it."""

    def __init__(self, programs: Path, folder: Path, host: Host) -> None:
        super().__init__(programs, folder)
        self._host = host

    def make(self) -> None:
        super().make()
        data = self.folder / "data"
        with (data / "postgresql.conf").open("a") as file:
            file.write("listen_addresses = '*'\n")
        with (data / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.77.0.0/16 trust\n")

    def command(self, *command):
        # Only root may go to another host.
        user, self.user = self.user, None
        return self._host.command(
            "setpriv", f"--reuid={user}", "--clear-groups", *command
        )


class Site:
    """All three hosts, with what runs on them."""

    def __init__(self, folder: Path, hosts: list[Host], links: list[Link]) -> None:
        self.folder = folder
        self.hosts = hosts
        self.links = links
        self.socket = folder / "hidden" / "redis.sock"
        self._stack = contextlib.ExitStack()
        (folder / "steps").mkdir()
        (folder / "steps" / "host_steps.py").write_text(STEPS)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()
        for number, host in enumerate(self.hosts):  # shown if the test fails
            print(f"=== {host.label}", self.output(number), sep="\n")

    def _start(self) -> None:
        services = self.hosts[0]
        hidden = self.folder / "hidden"
        server = [server_binary(), "--bind", "0.0.0.0", "--protected-mode", "no"]
        self.started(0, *server, "--unixsocket", self.socket, "--dir", hidden)
        postgres = hidden / "postgres"
        postgres.mkdir()
        hidden.chmod(0o755)
        self.postgres = Elsewhere(system_programs(), postgres, services)
        self.postgres.make()
        self._stack.callback(self.postgres.stop)
        self.postgres.start()
        self.started(0, sys.executable, "-m", "moto.server", "-H0.0.0.0", "-p9000")
        eventually(self.answers)
        eventually(lambda: not self.ran(0, sys.executable, "-c", BUCKET).returncode)
        serve = ["serve", "--port", "8000", "--token", TOKEN]
        self.started(0, sys.executable, "-m", "docprogress", *serve)
        self.workers = [
            self.started(
                number, sys.executable, "-m", "docprogress", "worker", "--concurrency=2"
            )
            for number in (1, 2)
        ]
        for number, worker in enumerate(self.workers, 1):
            children = psutil.Process(worker.pid).children
            eventually(
                lambda worker=worker, children=children: (
                    worker.poll() is not None or len(children()) > 1
                ),
                seconds=60,
            )
            assert worker.poll() is None, self.output(number)

    def answers(self) -> bool:
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def environment(self, number: int) -> dict[str, str]:
        address = self.links[max(number - 1, 0)].addresses[0] if number else "127.0.0.1"
        home = self.folder / f"host-{number}"
        home.mkdir(exist_ok=True)
        return os.environ | {
            "DOCPROGRESS_REDIS_URL": f"redis://{address}:6379",
            "DOCPROGRESS_DATABASE_URL": (
                f"postgresql+psycopg://docprogress@{address}/postgres"
                if number
                else self.postgres.url()
            ),
            "DOCPROGRESS_STORAGE_URL": "s3://documents",
            "DOCPROGRESS_HOME": str(home),
            "AWS_ENDPOINT_URL": f"http://{address}:9000",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": str(self.folder / "steps"),
            "TMPDIR": str(home),
        }

    def started(self, number: int, *command: str | Path) -> subprocess.Popen[bytes]:
        """A process on a host; what it says is kept."""
        with (self.folder / f"host-{number}.log").open("ab") as log:
            process = subprocess.Popen(
                self.hosts[number].command(*command),
                env=self.environment(number) if number or "serve" in command else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._stack.callback(process.wait, patient(30))
        self._stack.callback(process.terminate)
        return process

    def ran(
        self, number: int, *command: str | Path
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.hosts[number].command(*command),
            env=self.environment(number),
            capture_output=True,
            text=True,
            timeout=patient(60),
            check=False,
        )

    def output(self, number: int) -> str:
        return (self.folder / f"host-{number}.log").read_text()

    def submitted(self, step: str) -> str:
        done = self.ran(
            0, sys.executable, "-c", SUBMIT, f"host_steps:{step}", DOCUMENTS
        )
        assert not done.returncode, done.stderr
        return done.stdout.strip()

    def begin(self) -> None:
        """Let the step `slow` work."""
        (self.folder / "steps" / "begin").touch()


@pytest.fixture
def site():
    with tempfile.TemporaryDirectory(prefix="dp-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "hidden").mkdir()
        with three_hosts(folder / "hidden") as (hosts, links):
            with Site(folder, hosts, links) as site:
                yield site


def followed(site: Site, run_id: str) -> subprocess.Popen[str]:
    """The run's events as the server streams them."""
    url = f"http://127.0.0.1:8000/progress/runs/{run_id}/stream"
    header = f"Authorization: Bearer {TOKEN}"
    return subprocess.Popen(
        site.hosts[0].command(
            "curl", "-sN", "--max-time", patient(170), "-H", header, url
        ),
        stdout=subprocess.PIPE,
        text=True,
    )


def worked_on(row, host: str) -> bool:
    return (row.worker or "").startswith(f"{host}:")


def ended_right(site: Site, run_id: str, frames: str) -> list:
    """Check that documents and chunks exist once, and that every client got the end."""
    with Store(site.postgres.url()) as store:
        rows = store.documents.find(run_id)
        assert Counter(row.status for row in rows) == {Status.COMPLETED: DOCUMENTS}
        for row in rows:
            numbers = [
                chunk.number for chunk in store.results.chunks(row.id, vectors=True)
            ]
            assert numbers == list(range(1, row.chunks + 1)), row
            assert numbers, row
    streamed = [
        json.loads(line.removeprefix("data: "))
        for frame in frames.split("\n\n")
        if "event: " not in frame  # a sign of life, or that there is none
        for line in frame.splitlines()
        if line.startswith("data: ")
    ]
    attempts: dict[str, int] = {}
    ends = Counter()
    for event in streamed:
        if "document_id" in event:
            before = attempts.get(event["document_id"], 0)
            assert event["attempt"] >= before, event
            attempts[event["document_id"]] = event["attempt"]
            ends[event["document_id"]] += event["status"] == "completed"
    assert ends == {row.id: 1 for row in rows}
    return rows


@pytest.mark.timeout(500)
def test_a_host_that_is_cut_off_for_a_minute_loses_its_documents_and_changes_nothing(
    site,
):
    run_id = site.submitted("slow")
    with followed(site, run_id) as stream, Store(site.postgres.url()) as store:

        def at_work():
            rows = store.documents.find(run_id, status=Status.PROCESSING)
            done = store.documents.find(run_id, status=Status.COMPLETED)
            return len(done) > 20 and {row.id for row in rows if worked_on(row, "one")}

        site.begin()
        eventually(at_work)
        site.links[0].up = False
        cut_off = time.monotonic()
        # One that it had a moment ago may have been finished until then.
        held = eventually(at_work)
        frames = stream.stdout.read()
        time.sleep(max(0, cut_off + 60 - time.monotonic()))  # the outage is the test
        before = ended_right(site, run_id, frames)
        for row in before:
            if row.id in held:
                assert row.attempt == 2
                assert worked_on(row, "two")
        site.links[0].up = True

    def takes_its_share():
        last = site.submitted("quick")
        with followed(site, last) as stream:
            rows = ended_right(site, last, stream.stdout.read())
        return any(worked_on(row, "one") for row in rows)

    # It looks for the broker in ever longer pauses.  What it was at when it was cut
    # off it cannot finish any more.
    eventually(takes_its_share, seconds=180)
    assert ended_right(site, run_id, frames) == before


@pytest.mark.timeout(240)
def test_a_host_whose_link_is_slow_and_loses_packets_does_its_share(site):
    site.links[0].seconds = 0.1  # each way
    site.links[0].loss = 0.05
    site.begin()

    def slow_host_takes_part():
        run_id = site.submitted("slow")
        with followed(site, run_id) as stream:
            rows = ended_right(site, run_id, stream.stdout.read())
        assert {row.attempt for row in rows} == {1}
        return any(worked_on(row, "one") for row in rows)

    # Its worker may still be connecting over that link while the other one finishes
    # a whole run.
    eventually(slow_host_takes_part, seconds=60)
