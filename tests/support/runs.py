"""Runs of many small documents, and checks of their results."""

import psutil
from support.patience import patient
from support.services import eventually

from docprogress import Status, local

COUNT = 30


TEXT = "Either party may terminate this agreement for convenience. " * 60


def documents(count=COUNT):
    return [(f"contract-{n}.txt", f"{n}. {TEXT}".encode()) for n in range(count)]


def with_text(samples):
    """The samples without the scan: recognising its text takes seconds."""
    return sorted(path for path in samples.iterdir() if "scan" not in path.name)


def worker_of(home):
    services = local.status(home)
    children = psutil.Process(services.pid).children()
    [worker] = [each for each in children if each.pid != services.redis_pid]
    return worker


def in_the_middle(run):
    """Wait until some documents have ended, and some are being worked on."""
    eventually(
        lambda: (
            run.documents(status=Status.COMPLETED)
            and run.documents(status=Status.PROCESSING)
        )
    )


def ended_right(run, *, seconds=90):
    """Every document ended, and completed ones have all their chunks exactly once."""
    run.wait(timeout=patient(seconds))
    rows = run.documents()
    assert len(rows) == run.expected
    assert all(row.status is Status.COMPLETED for row in rows), [
        (row.name, row.status, row.error) for row in rows
    ]
    for row in rows:
        chunks = run.connections.store.results.chunks(row.id, vectors=True)
        assert [chunk.number for chunk in chunks] == list(range(1, row.chunks + 1))
        assert all(chunk.vector is not None for chunk in chunks)
        assert len(run.connections.store.results.pages(row.id)) == row.pages == 1
    return rows


def alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def nothing_is_left(home):
    local.down(home)

    def left():
        found = []
        for process in psutil.process_iter():
            try:
                # The server writes over its environment, to show where it listens.
                ours = process.environ().get("DOCPROGRESS_HOME") == str(home) or any(
                    str(home) in part for part in process.cmdline()
                )
            except psutil.Error:
                continue
            if ours and alive(process):
                found.append(process)
        return found

    eventually(lambda: not left(), what="processes are left")


def at_work(run):
    """How many documents are being worked on."""
    return len(run.documents(status=Status.PROCESSING))
