"""Documents with given vectors, and what is nearest to a query among them."""

from dataclasses import replace

import numpy as np
from support.rows import CHUNKS, add_documents, add_run

from docprogress.events import now
from docprogress.store import FinishedStep, SearchFilter

MODEL = "openai:model"


def add_vectors(store, array, *, run=None, completed="Done", kinds=None, **changes):
    """A document whose chunks, counted from 1, have the rows as vectors; its id."""
    embedder = changes.pop("embedder", MODEL)
    run = run or add_run(store, settings={"embedder": embedder})
    [document_id] = add_documents(store, run, 1, **changes)
    store.submissions.mark_ready([(document_id, 1, document_id)])
    store_vectors(
        store, document_id, array, completed=completed, embedder=embedder, kinds=kinds
    )
    return document_id


def store_vectors(
    store,
    document_id,
    array,
    *,
    attempt=1,
    completed="Done",
    embedder=MODEL,
    kinds=None,
):
    """What a worker does with a document that waits."""
    assert store.attempts.claim(document_id, attempt, worker="w") is not None
    kinds = kinds or ["text"] * len(array)
    chunks = [
        replace(CHUNKS[0], number=number, vector=vector, kind=kind)
        for number, (vector, kind) in enumerate(zip(array, kinds, strict=True), 1)
    ]
    finished = FinishedStep(
        position=2,
        step="embedding",
        next_step="embedding",
        started_at=now(),
        seconds=0.0,
        items=len(chunks),
        unit="chunk",
        progress=99.0,
        chunks=chunks,
        facts={"embedder": embedder} if embedder else {},
    )
    store.attempts.finish_steps(document_id, attempt, [finished], completed=completed)


def nearest(store, query, *, embedder=MODEL, limit=10, **conditions):
    """What the store finds: (document, number), nearest first."""
    found = store.vectors.nearest(
        query, embedder=embedder, filter=SearchFilter(**conditions), limit=limit
    )
    assert [match.score for match in found] == sorted(
        (match.score for match in found), reverse=True
    )
    return [(match.document_id, match.number) for match in found]


def expected(arrays, query, *, limit=10):
    """The same, of arrays by document, computed in double precision."""
    scores = []
    for document_id, array in arrays.items():
        for number, vector in enumerate(np.asarray(array, float), 1):
            score = vector @ query / np.linalg.norm(vector) / np.linalg.norm(query)
            if score > 0:
                scores.append((-score, document_id, number))
    return [(document_id, number) for _, document_id, number in sorted(scores)[:limit]]


def random_vectors(count, dimensions=24, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((count, dimensions)).astype("f4")
