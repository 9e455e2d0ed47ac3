"""Two versions at once understand each other, or report that they do not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.patience import patient
from support.runs import documents, ended_right
from support.services import Worker, eventually

import docprogress
from docprogress import Pipeline, ProgressEvent, Status
from docprogress.bus.leases import owners
from docprogress.errors import RunTooNew
from docprogress.events import now

#: A later version that steps and settings of a run are written otherwise by.
LATER = {
    "queueing/protocol.py": ("PROTOCOL = 1", "PROTOCOL = 2"),
    "version.py": (f'"{docprogress.__version__}"', '"9.9.0"'),
}

#: One that has changed the tables.
CHANGED = {
    "version.py": LATER["version.py"],
    "store/table_version.py": ('HEAD = "0001"', 'HEAD = "0002"'),
}

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None

def upgrade():
    op.add_column("run", sa.Column("colour", sa.Text(), nullable=True))
"""

SUBMIT = """
import sys
from docprogress import Pipeline

with Pipeline(redis_url=sys.argv[1], home=sys.argv[2]) as pipeline:
    print(pipeline.submit([("new.txt", b"A new text.")]).id)
"""


def version(folder, changes):
    """A copy of the package, changed as a later version may be."""
    copy = folder / "docprogress"
    shutil.copytree(Path(docprogress.__file__).parent, copy)
    for name, (before, after) in changes.items():
        text = (copy / name).read_text()
        assert text.count(before) == 1
        (copy / name).write_text(text.replace(before, after))
    if changes is CHANGED:
        (copy / "store/migrations/versions/0002_colours.py").write_text(MIGRATION)
    return folder


@pytest.fixture
def started(redis_url, short_path):
    workers = []

    def start(path=None):
        workers.append(Worker(redis_url, short_path / "home", path=path))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def submitted_by(path, redis_url, home):
    """A run that another version has submitted."""
    command = [sys.executable, "-c", SUBMIT, redis_url, home]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=path, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_run_of_a_later_version_waits_for_a_later_worker_with_a_message(
    redis_url, short_path, started, tmp_path
):
    later = version(tmp_path, LATER)
    home = short_path / "home"
    old = started()
    run_id = submitted_by(later, redis_url, home)
    with Pipeline(redis_url=redis_url, home=home) as pipeline:
        run = pipeline.attach(run_id)
        expected = "Waiting for a worker of docprogress 9.9.0 or later"
        eventually(lambda: run.documents()[0].message == expected)
        [row] = run.documents()
        assert (row.status, row.attempt) == (Status.QUEUED, 1)
        newest_events = pipeline.bus.newest
        eventually(lambda: newest_events([row.id])[row.id].message == expected)

        # Somebody who does not know sends it to the worker that may not touch it.
        pipeline.connections.send_tasks([row])
        eventually(
            lambda: "needs docprogress 9.9.0: left for another worker" in old.output()
        )
        [row] = run.documents()
        assert (row.status, row.attempt) == (Status.QUEUED, 1)
        eventually(lambda: owners(pipeline.bus.redis, [row.id])[row.id] is None)

        new = started(later)
        rows = ended_right(run, seconds=60)
        assert rows[0].attempt == 1
        assert rows[0].worker.endswith(f":{new.process.pid}")
        with pytest.raises(RunTooNew, match=r"9\.9\.0: upgrade"):
            run.retry(failed_only=False)


def test_a_later_worker_does_what_an_earlier_client_submits(
    redis_url, short_path, started, tmp_path
):
    later = version(tmp_path, LATER)
    with Pipeline(redis_url=redis_url, home=short_path / "home") as pipeline:
        new = started(later)
        new.ready()
        run = pipeline.submit(documents(12))
        rows = ended_right(run, seconds=60)

        assert {row.worker.rpartition(":")[2] for row in rows} == {str(new.process.pid)}
        for row in rows:
            assert "no worker" not in row.message


@pytest.mark.slow
def test_an_earlier_worker_stops_where_a_later_version_has_changed_the_tables(
    redis_url, short_path, started, tmp_path
):
    later = version(tmp_path, CHANGED)
    with Pipeline(redis_url=redis_url, home=short_path / "home") as pipeline:
        old = started()
        ended_right(pipeline.submit([("old.txt", b"An old text.")]), seconds=60)

        new = started(later)

        assert old.process.wait(patient(30)) == 0
        assert "a later docprogress has changed the tables" in old.output()
        again = started()
        assert again.process.wait(patient(30)) == 1
        assert "upgrade docprogress" in again.output()
        # The later one takes what the earlier client has submitted before.
        run_id = submitted_by(later, redis_url, short_path / "home")
        eventually(lambda: pipeline.store.documents.get(f"{run_id}-0001").status.final)
        assert new.process.poll() is None


@pytest.mark.anyio
async def test_events_of_a_later_version_are_shown_or_skipped_and_never_break(bus):
    event = ProgressEvent(
        document_id="a",
        status=Status.PROCESSING,
        step="ocr",
        progress=1,
        message="first",
        timestamp=now(),
    )
    known = event.replace(message="known", progress=2)
    later = known.encode().replace(b'"status"', b'"colour":{"deep":[1]},"status"')
    unknown = known.encode().replace(b'"processing"', b'"sublimated"')
    async with bus.subscribe(["a"]) as events:
        bus.publish(event)
        assert (await anext(events)).message == "first"
        for raw in (unknown, b'{"protocol":2}', later):
            bus.redis.publish("document:a:progress", raw)

        assert (await anext(events)).message == "known"
        assert events.invalid == 2
