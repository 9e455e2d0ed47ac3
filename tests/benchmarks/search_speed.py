"""How fast searches are among many chunks, and what their index costs.

    python tests/benchmarks/search_speed.py [--chunks 1000000] [--database URL]
    python tests/benchmarks/search_speed.py --vectors vectors.npy  # hybrid searches too

The corpus is synthetic: words by Zipf's law, in several scripts, inserted straight into
the store. `--vectors` gives its chunks vectors of the embedder `wordllama`, of whatever
texts. Searches run in a process of their own, whose memory is measured.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from search_synthetic import CHUNKS_PER_DOCUMENT, Corpus

from docprogress.events import now
from docprogress.search.searching import Request
from docprogress.search.searching import search as search_store
from docprogress.settings import load
from docprogress.steps.embed import embedder
from docprogress.store import Store, schema, word_entries
from docprogress.store.search_filter import SearchFilter

DOCUMENTS_PER_TRANSACTION = 100
EMBEDDER = "wordllama"
#: Queries whose result is compared with that of an exact search.
RECALLED = 100
ROWS_AT_A_TIME = 50_000


def fill(
    store: Store, corpus: Corpus, chunks: int, distinct: int, vectors: str | None = None
) -> dict[str, float]:
    """Insert documents that are completed; the seconds of CPU that their index took."""
    source = np.load(vectors, mmap_mode="r") if vectors else None
    settings = {"embedder": EMBEDDER} if vectors else {}
    model = embedder(load(**settings)).name if vectors else None
    run = store.runs.add(
        run_id=uuid.uuid4().hex,
        case_id=None,
        expected=chunks // CHUNKS_PER_DOCUMENT,
        steps=[{"name": "extraction"}],
        settings=settings,
        fingerprint="benchmark",
    )
    spent = {"words of chunks": 0.0, "inserting": 0.0, "merging": 0.0}
    made: dict[int, tuple[list, list]] = {}
    documents = range(1, chunks // CHUNKS_PER_DOCUMENT + 1)
    for start in range(0, len(documents), DOCUMENTS_PER_TRANSACTION):
        numbers = documents[start : start + DOCUMENTS_PER_TRANSACTION]
        rows = [
            document_row(run.id, number) | {"embedder": model} for number in numbers
        ]
        place = start % max(1, distinct // CHUNKS_PER_DOCUMENT)
        if place not in made:
            texts = [corpus.document(number) for number in numbers]
            began = time.process_time()
            made[place] = (
                texts,
                [word_entries.entries(chunks_of) for chunks_of in texts],
            )
            spent["words of chunks"] += time.process_time() - began
        texts, entries = made[place]
        began = time.process_time()
        with store.database.writing() as connection:
            connection.execute(sa.insert(schema.document), rows)
            for row, given in zip(rows, entries, strict=False):
                word_entries.replace(connection, row["id"], 1, given, new=True)
        spent["inserting"] += time.process_time() - began
        if source is not None:
            _insert_vectors(store, rows, source)
        with store.database.writing() as connection:
            connection.execute(
                sa.insert(schema.chunk),
                [
                    _chunk(row["id"], c)
                    for row, cs in zip(rows, texts, strict=True)
                    for c in cs
                ],
            )
        began = time.process_time()
        while store.words.merge():
            pass
        spent["merging"] += time.process_time() - began
    return spent


def document_row(run_id: str, number: int) -> dict:
    moment = now()
    return {
        "id": uuid.uuid4().hex,
        "run_id": run_id,
        "number": number,
        "case_id": "small" if number % 5000 == 1 else f"case {number % 50}",
        "name": f"{number}.pdf",
        "ready": True,
        "status": "completed",
        "step": "extraction",
        "next_step": 1,
        "progress": 100.0,
        "kept_progress": 100.0,
        "message": "Done",
        "attempt": 1,
        "first_attempt": 1,
        "indexed_attempt": 1,
        "cancel_requested": False,
        "pages": 1,
        "characters": 1,
        "chunks": CHUNKS_PER_DOCUMENT,
        "created_at": moment,
        "updated_at": moment,
    }


def _insert_vectors(store: Store, rows: list[dict], given: np.ndarray) -> None:
    with store.database.writing() as connection:
        connection.execute(
            sa.insert(schema.vectors),
            [
                {
                    "document_id": row["id"],
                    "first": 1,
                    "count": CHUNKS_PER_DOCUMENT,
                    "dimensions": given.shape[1],
                    "embedder": row["embedder"],
                    "data": _vectors_of(row["number"], given).astype("<f4").tobytes(),
                }
                for row in rows
            ],
        )


def _vectors_of(number: int, given: np.ndarray) -> np.ndarray:
    start = (number - 1) * CHUNKS_PER_DOCUMENT % (len(given) - CHUNKS_PER_DOCUMENT)
    return given[start : start + CHUNKS_PER_DOCUMENT]


def _chunk(document_id: str, chunk: word_entries.IndexedChunk) -> dict:
    return {
        "document_id": document_id,
        "number": chunk.number,
        "start": 0,
        "end": len(chunk.text),
        "first_page": 1,
        "last_page": 1,
        "text": chunk.text,
        "kind": chunk.kind,
    }


def index_bytes(store: Store) -> int:
    """The bytes of the index of words."""
    with store.database.reading() as connection:
        return sum(
            connection.execute(sa.text(query)).scalar_one() or 0
            for query in (
                "SELECT sum(length(data) + 24) FROM word_block",
                "SELECT sum(length(lengths)) FROM word_segment",
                "SELECT sum(coalesce(length(data), 0) + 80) FROM word_document",
            )
        )


def search(
    url: str, queries: dict[str, Any], mode: str
) -> Iterator[tuple[str, list[float], list[float], float]]:
    """Search, and yield the seconds of each kind of query, of wall and of CPU."""
    settings = load(embedder=EMBEDDER)
    with Store(url) as store:

        def found_by(query: str, scope: SearchFilter) -> int:
            if mode == "words":
                return len(store.words.search(query, scope))
            request = Request(query=query, where=scope, mode=mode)
            return len(search_store(store, request, settings=settings))

        store.vectors.update_index()
        found_by("warm up", SearchFilter())
        for kind, (several, scope) in queries.items():
            given = {
                k: tuple(v) if isinstance(v, list) else v for k, v in scope.items()
            }
            walls, cpus, found = [], [], 0
            for query in several:
                wall, cpu = time.perf_counter(), time.process_time()
                found += found_by(query, SearchFilter(**given))
                cpus.append(time.process_time() - cpu)
                walls.append(time.perf_counter() - wall)
            yield kind, walls, cpus, found / len(several)


def recall(url: str, given: np.ndarray, chunks: int) -> float:
    """The share of the ten nearest vectors that are found, by an exact search."""
    random = np.random.default_rng(3)
    pairs = given[random.integers(0, len(given), (RECALLED, 2))].astype("f4")
    # Mixtures of two vectors, neither of which they equal.
    queries = pairs[:, 0] + 0.5 * pairs[:, 1]
    scores = np.empty((len(given), RECALLED), np.float32)
    for start in range(0, len(given), ROWS_AT_A_TIME):
        rows = given[start : start + ROWS_AT_A_TIME].astype("f4")
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        units = rows / np.maximum(lengths, 1e-9)
        scores[start : start + len(rows)] = units @ queries.T
    scores /= np.linalg.norm(queries, axis=1)
    of_documents = [
        np.arange(CHUNKS_PER_DOCUMENT)
        + number * CHUNKS_PER_DOCUMENT % (len(given) - CHUNKS_PER_DOCUMENT)
        for number in range(chunks // CHUNKS_PER_DOCUMENT)
    ]
    stored = np.concatenate(of_documents)
    model = embedder(load(embedder=EMBEDDER)).name
    shares = []
    with Store(url) as store:
        for number, query in enumerate(queries):
            tenth = np.partition(scores[stored, number], -10)[-10]
            found = store.vectors.nearest(
                query, embedder=model, filter=SearchFilter(), limit=10
            )
            shares.append(sum(match.score >= tenth - 1e-5 for match in found) / 10)
    return float(np.mean(shares))


def _searching(url: str, mode: str) -> None:
    """What the process does that searches."""
    queries = json.load(sys.stdin)
    before = _memory("RssAnon")
    walls: list[float] = []
    cpus: list[float] = []
    columns = "p50 ms", "p95 ms", "CPU p50", "CPU p95"
    print(f"{mode:24}" + "".join(f"{name:>9}" for name in columns) + "   hits")
    most = before
    for kind, wall, cpu, hits in search(url, queries, mode):
        walls += wall
        cpus += cpu
        most = max(most, _memory("RssAnon"))
        print(_line(kind, wall, cpu, hits), flush=True)
    print(_line("all", walls, cpus, 0))
    print(
        f"memory of searching: {most - before:.0f} MB, of {most:.0f} MB; "
        f"at most {_memory('VmHWM'):.0f} MB with pages of mapped files"
    )


def _memory(name: str) -> float:
    """The process's memory in MB: `RssAnon` is its own, `VmHWM` the most of all."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


def _line(kind: str, wall: list[float], cpu: list[float], hits: float) -> str:
    p50, p95 = np.percentile(wall, [50, 95]) * 1000
    cpu50, cpu95 = np.percentile(cpu, [50, 95]) * 1000
    return f"{kind:24}{p50:9.1f}{p95:9.1f}{cpu50:9.1f}{cpu95:9.1f} {hits:6.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument(
        "--distinct", type=int, help="so many texts are made, and then repeated"
    )
    parser.add_argument("--database", help="an empty database; by default, SQLite's")
    parser.add_argument("--vectors", metavar="FILE.npy", help="vectors of `wordllama`")
    parser.add_argument("--search", metavar="URL", help="only search in this database")
    parser.add_argument("--mode", default="words", help="how to: `words` or `hybrid`")
    options = parser.parse_args()
    if options.search:
        _searching(options.search, options.mode)
        return
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{Path(folder, 'speed.db')}"
        with Store(url) as store:
            spent = fill(
                store,
                Corpus(),
                options.chunks,
                options.distinct or options.chunks,
                options.vectors,
            )
            size = index_bytes(store)
        for work, seconds in spent.items():
            print(
                f"{work}: {seconds / options.chunks * 1e6:.0f} µs of CPU for each chunk"
            )
        print(f"index of words: {size / options.chunks:.0f} bytes for each chunk")
        queries = json.dumps(Corpus().queries()).encode()
        for mode in ("words", "hybrid") if options.vectors else ("words",):
            command = [sys.executable, __file__, "--search", url, "--mode", mode]
            subprocess.run(command, input=queries, check=True)
        if options.vectors:
            given = np.load(options.vectors, mmap_mode="r")
            share = recall(url, given, options.chunks)
            print(f"recall@10 of {RECALLED} queries: {share:.4f}")


if __name__ == "__main__":
    main()
