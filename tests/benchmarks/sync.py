"""How long a synchronization takes that finds nothing to do, and in which memory.

    python tests/benchmarks/sync.py [--files 100000]

The files are made, and the store is told that all of them were processed; nothing is
read. The time is that of the processor, since other processes disturb the clock's.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from docprogress.client.folders import LocalFolder
from docprogress.client.staleness import Staleness
from docprogress.client.sync_plan import Planner
from docprogress.documents import document_id
from docprogress.store import NewDocument, Store, schema
from docprogress.store.source_rows import Lock, SubmittedFile

PER_FOLDER = 1000
TOGETHER = 500


def make_files(root: Path, count: int) -> None:
    """Small files in folders of a thousand, some seconds old."""
    for number in range(count):
        folder = root / f"{number // PER_FOLDER:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06d}.txt").write_text(f"Document {number}")


def record(store: Store, root: Path, count: int) -> str:
    """The source whose files are all processed."""
    source = store.sources.add(str(root), None)
    lock = Lock(source.id, "benchmark")
    store.sources.lock(lock)
    run = store.runs.add(
        run_id="benchmark",
        case_id=None,
        expected=count,
        steps=[],
        settings={},
        fingerprint="same",
    )
    given = []
    for number, found in enumerate(LocalFolder(str(root)).files(), 1):
        new = NewDocument(
            id=document_id(run.id, number),
            run_id=run.id,
            number=number,
            name=found.path,
            size=found.state.size,
        )
        # As if it was seen later than what the clock's steps leave open.
        state = found.state._replace(seen_at=found.state.seen_at + 10)
        given.append((SubmittedFile(found.key, state, None), new))
        if len(given) == TOGETHER or number == count:
            store.sources.submit(lock, given)
            given = []
    with store.database.writing() as connection:
        values = {"status": "completed", "ready": True, "sha256": "0" * 64}
        connection.execute(sa.update(schema.document).values(**values))
    store.sources.settle(source.id)
    store.sources.unlock(lock)
    return source.id


def main() -> None:
    """Measure, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--database")
    count = parser.parse_args().files
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "documents")
        make_files(root, count)
        url = parser.parse_args().database or f"sqlite:///{place}/docprogress.db"
        with Store(url) as store:
            source_id = record(store, root, count)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            began, clock = time.process_time(), time.monotonic()
            staleness = Staleness(
                [],
                {},
                "same",
                run=store.runs.cached,
                members=store.sources.members,
                has_sparse_pages=store.sources.has_sparse_pages,
            )
            planner = Planner(
                LocalFolder(str(root)),
                staleness.first_step,
                checksum=False,
                retry_failed=False,
            )
            plan = planner.plan(store.sources.files(source_id))
            spent, passed = time.process_time() - began, time.monotonic() - clock
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{plan.unchanged:,} of {count:,} files unchanged: {spent:.1f} s of the "
        f"processor, {passed:.1f} s in all; {(after - before) / 1024:.0f} MB more "
        f"than before"
    )


if __name__ == "__main__":
    main()
