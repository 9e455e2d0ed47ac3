"""How fast the nearest vectors are found among many, how many of them, at what cost.

    python tests/benchmarks/search_vectors.py [--chunks 1000000] [--dimensions 256]

The vectors lie around centres, as those of embedders do; `--vectors FILE.npy` takes
given ones, of the embedder of your choice. Searches run in a process of their own,
whose memory is measured: that of the index's files can be taken back by the system.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from search_synthetic import CHUNKS_PER_DOCUMENT

from docprogress.events import now
from docprogress.store import SearchFilter, Store, pgvector, schema
from docprogress.store.vector_index import exact
from docprogress.store.vector_index.selection import VectorQuery

EMBEDDER = "model:benchmark"
QUERIES = 100
#: Queries whose result is compared with that of an exact search.
COMPARED = 12
DOCUMENTS_PER_TRANSACTION = 500
FILTERS = {
    "all": SearchFilter(),
    "a run of 25 %": SearchFilter(case_id="case 1"),
    "tables, 2 %": SearchFilter(kind="table"),
    "20 documents": SearchFilter(names=tuple(f"{n}.pdf" for n in range(100, 120))),
}


def clustered(dimensions: int) -> Iterator[NDArray[np.float32]]:
    """The vectors of documents; the first dimensions matter more than the last."""
    random = np.random.default_rng(1)
    weights = 1 / np.sqrt(1 + np.arange(dimensions) / 32)
    centres = random.standard_normal((2000, dimensions)) * 0.7 + 0.3
    while True:
        places = random.integers(0, len(centres), CHUNKS_PER_DOCUMENT)
        noise = random.standard_normal((CHUNKS_PER_DOCUMENT, dimensions))
        yield ((centres[places] + noise) * weights).astype("<f4")


def given(path: str) -> Iterator[NDArray[np.float32]]:
    """The vectors of a file."""
    array = np.load(path, mmap_mode="r")
    for start in range(0, len(array) - CHUNKS_PER_DOCUMENT, CHUNKS_PER_DOCUMENT):
        yield array[start : start + CHUNKS_PER_DOCUMENT].astype("<f4")


def fill(
    store: Store, vectors: Iterator[NDArray[np.float32]], documents: range
) -> float:
    """Insert completed documents; the seconds that their vectors took."""
    run = store.runs.add(
        run_id=uuid.uuid4().hex,
        case_id=None,
        expected=len(documents),
        steps=[],
        settings={"embedder": EMBEDDER},
        fingerprint="benchmark",
    )
    spent = 0.0
    for start in range(0, len(documents), DOCUMENTS_PER_TRANSACTION):
        numbers = documents[start : start + DOCUMENTS_PER_TRANSACTION]
        arrays = [next(vectors) for _ in numbers]
        rows = [_document(run.id, number) for number in numbers]
        with store.database.writing() as connection:
            connection.execute(sa.insert(schema.document), rows)
            connection.execute(
                sa.insert(schema.chunk),
                [
                    _chunk(row["id"], number)
                    for row in rows
                    for number in range(1, CHUNKS_PER_DOCUMENT + 1)
                ],
            )
            began = time.process_time()
            connection.execute(
                sa.insert(schema.vectors),
                [
                    {
                        "document_id": row["id"],
                        "first": 1,
                        "count": len(array),
                        "dimensions": array.shape[1],
                        "embedder": EMBEDDER,
                        "data": array.tobytes(),
                    }
                    for row, array in zip(rows, arrays, strict=True)
                ],
            )
            if store.database.compares_vectors:
                for row, array in zip(rows, arrays, strict=True):
                    given_rows = pgvector.rows([(1, array)])
                    pgvector.replace(connection, row["id"], given_rows)
            spent += time.process_time() - began
    return spent


def _document(run_id: str, number: int) -> dict:
    moment = now()
    return {
        "id": uuid.uuid4().hex,
        "run_id": run_id,
        "number": number,
        "case_id": f"case {number % 4}",
        "name": f"{number}.pdf",
        "ready": True,
        "status": "completed",
        "step": "embedding",
        "next_step": 3,
        "progress": 100.0,
        "kept_progress": 100.0,
        "message": "Done",
        "attempt": 1,
        "first_attempt": 1,
        "cancel_requested": False,
        "pages": 1,
        "characters": 1,
        "chunks": CHUNKS_PER_DOCUMENT,
        "embedder": EMBEDDER,
        "created_at": moment,
        "updated_at": moment,
    }


def _chunk(document_id: str, number: int) -> dict:
    return {
        "document_id": document_id,
        "number": number,
        "start": 0,
        "end": 900,
        "first_page": 1,
        "last_page": 1,
        "text": "x" * 900,
        "kind": "table" if number == 1 and document_id[0] in "0123456" else "text",
    }


def searching(url: str) -> None:
    """What the process does that searches."""
    with Store(url) as store:
        queries = _queries(store)
        wall, cpu = time.perf_counter(), time.process_time()
        store.vectors.update_index()
        store.vectors.make_index(len(queries[0]))
        seconds = time.perf_counter() - wall, time.process_time() - cpu
        print("index made in {:.1f} s, {:.1f} s of CPU".format(*seconds), flush=True)
        for name, wanted in FILTERS.items():
            print(_measured(store, queries, name, wanted, 10), flush=True)
        print(_measured(store, queries[:30], "all", FILTERS["all"], 100), flush=True)
        print("memory: {:.0f} MB, and {:.0f} MB of files".format(*_memory()))
        vectors = clustered(len(queries[0]))
        for count in (100, 1000):
            fill(store, vectors, range(10_000_000, 10_000_000 + count))
            cpu = time.process_time()
            store.vectors.update_index()
            spent = (time.process_time() - cpu) * 1000
            added = count * CHUNKS_PER_DOCUMENT
            print(f"{added} chunks more: index updated in {spent:.0f} ms of CPU")


def _queries(store: Store) -> list[NDArray[np.float32]]:
    """Mixtures of two vectors that are there, neither of which they equal."""
    random = np.random.default_rng(3)
    query = sa.select(schema.vectors).limit(4000)
    with store.database.reading() as connection:
        rows = connection.execute(query).all()
    arrays = [np.frombuffer(row.data, "<f4").reshape(row.count, -1) for row in rows]
    pool = np.concatenate(arrays)
    pool = pool / np.linalg.norm(pool, axis=1, keepdims=True)
    places = random.integers(0, len(pool), (QUERIES, 2))
    return [pool[first] + 0.5 * pool[second] for first, second in places]


def _measured(
    store: Store,
    queries: list[NDArray[np.float32]],
    name: str,
    wanted: SearchFilter,
    limit: int,
) -> str:
    walls, cpus, shares = [], [], []
    for number, query in enumerate(queries):
        wall, cpu = time.perf_counter(), time.process_time()
        found = store.vectors.nearest(
            query, embedder=EMBEDDER, filter=wanted, limit=limit
        )
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        if number < COMPARED:
            exactly = VectorQuery(
                vector=query, embedder=EMBEDDER, filter=wanted, limit=limit
            )
            with store.database.snapshot() as connection:
                true = exact.nearest(connection, exactly)
            same = {match[1:] for match in true} & {match[1:] for match in found}
            shares.append(len(same) / max(1, len(true)))
    p50, p95 = np.percentile(walls, [50, 95]) * 1000
    c50, c95 = np.percentile(cpus, [50, 95]) * 1000
    return (
        f"{name:16} recall@{limit} {np.mean(shares):.4f}, p50 {p50:.0f} ms, "
        f"p95 {p95:.0f} ms; of CPU {c50:.0f} and {c95:.0f} ms"
    )


def _memory() -> tuple[float, float]:
    """MB of this process alone, and of files that are mapped."""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    own, files = (int(status[name].split()[0]) for name in ("RssAnon", "RssFile"))
    return own / 1024, files / 1024


def main() -> None:
    """Fill a database, and have a process search in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--vectors", metavar="FILE.npy", help="an array of vectors")
    parser.add_argument("--database", help="an empty database; by default, SQLite's")
    parser.add_argument("--search", metavar="URL", help="only search in this database")
    options = parser.parse_args()
    if options.search:
        searching(options.search)
        return
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{Path(folder, 'speed.db')}"
        source = (
            given(options.vectors) if options.vectors else clustered(options.dimensions)
        )
        with Store(url) as store:
            documents = range(options.chunks // CHUNKS_PER_DOCUMENT)
            spent = fill(store, source, documents)
        print(f"{spent / options.chunks * 1e6:.0f} µs of CPU to store a vector")
        subprocess.run([sys.executable, __file__, "--search", url], check=True)
        files = Path(folder, "speed.db.vectors").rglob("*")
        size = sum(path.stat().st_size for path in files if path.is_file())
        print(f"index: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
