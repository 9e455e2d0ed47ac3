"""The chunks nearest to a query: every vector is compared, some at a time.

Where the database can compare them, it does; words are weighted here.  A chunk that
is found by its words contains at least one word of the query.
"""

import heapq
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from docprogress.errors import SettingsError
from docprogress.settings import RUN_SETTINGS, Settings
from docprogress.steps.embed import embedder
from docprogress.steps.embedders.words import Evidence
from docprogress.store import Match, RunRow, SearchFilter, Store

if TYPE_CHECKING:
    from pandas import DataFrame

log = logging.getLogger(__name__)

_COLUMNS = ["document", "page", "text", "score", "document_id"]


def nearest(
    store: Store, runs: Sequence[RunRow], query: str, *, settings: Settings, limit: int
) -> "DataFrame":
    """The chunks of these runs that are nearest to a query, best first.

    Scores are cosine similarities. For the hashing embedder, which knows words and
    not their weight, words that many of the run's chunks hold count for less: each
    dimension is weighted by its inverse document frequency, as in tf-idf.  Words can
    share a dimension, so a chunk counts only if it contains a word of the query.

    Each embedder is asked once, for however many runs.  Of several runs, one whose
    embedder is not to be had here is left out.

    Raises:
        SettingsError: The only run's embedder is not to be had here.
    """
    import pandas as pd

    best: list[Match] = []
    vectors: dict[str, NDArray[np.float32]] = {}
    several = len(runs) > 1
    for run in runs if query.strip() else ():
        own = {k: v for k, v in run.settings.items() if k in RUN_SETTINGS}
        try:
            used = embedder(settings.model_copy(update=own))
        except SettingsError as error:
            if not several:
                raise
            log.warning("run %s is not searched: %s", run.id, error)
            continue
        if used.name not in vectors:
            vectors[used.name] = used.embed([query])[0]
        vector = vectors[used.name]
        found: Iterable[Match] | None
        if used.name == "hashing":
            found = islice(_by_words(store, run.id, query, vector), limit)
        else:
            found = store.vectors.nearest(
                vector,
                embedder=used.name,
                filter=SearchFilter(run_ids=(run.id,)),
                limit=limit,
            )
        best = heapq.nlargest(limit, [*best, *found])
    return pd.DataFrame(_rows(store, best), columns=_COLUMNS)


def query_vector(
    run: RunRow, query: str, *, settings: Settings
) -> "NDArray[np.float32]":
    """The vector of a query by a run's embedder, as a vector store compares it.

    Raises:
        SettingsError: The embedder is not to be had here.
    """
    own = {k: v for k, v in run.settings.items() if k in RUN_SETTINGS}
    vector: NDArray[np.float32] = embedder(settings.model_copy(update=own)).embed(
        [query]
    )[0]
    return vector


def _by_words(
    store: Store, run_id: str, query: str, vector: NDArray[np.float32]
) -> Iterator[Match]:
    """The chunks of a run that share a word with the query, best first."""
    evidence = Evidence(query)
    if not evidence:
        return
    weights = _inverse_frequencies(store, run_id, len(vector))
    documents: list[str] = []
    parts = []
    for document_id, first, vectors in store.vectors.in_run(run_id):
        if vectors.shape[1] == len(vector):
            scores = _similarities(vectors * weights, vector * weights)
            [likely] = np.nonzero(scores > 0)
            places = np.full(len(likely), len(documents))
            parts.append((scores[likely], places, first + likely))
            documents.append(document_id)
    if not parts:
        return
    scores, places, numbers = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    order = np.argsort(-scores, kind="stable")
    for start, end in _growing(len(order)):
        some = [
            Match(float(scores[at]), documents[places[at]], int(numbers[at]))
            for at in order[start:end]
        ]
        texts = _texts(store, some)
        yield from (near for near in some if evidence.found_in(texts.get(near[1:], "")))


def _growing(count: int) -> Iterator[tuple[int, int]]:
    """Stretches of `count` items: small ones first, since few items may do."""
    start, size = 0, 16
    while start < count:
        yield start, min(start + size, count)
        start, size = start + size, min(2 * size, 4096)


def _texts(store: Store, chunks: Iterable[Match]) -> dict[tuple[str, int], str]:
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for _, document_id, number in chunks:
        numbers[document_id].append(number)
    return {
        (document_id, chunk.number): chunk.text
        for document_id, wanted in numbers.items()
        for chunk in store.results.chunks_numbered(document_id, wanted)
    }


def _inverse_frequencies(
    store: Store, run_id: str, dimensions: int
) -> NDArray[np.float32]:
    """How rare each dimension is: ln((1 + n) / (1 + df)), as scikit-learn has it."""
    total, found = 0, np.zeros(dimensions, np.float32)
    for _, _, vectors in store.vectors.in_run(run_id):
        if vectors.shape[1] == dimensions:
            total += len(vectors)
            found += (vectors != 0).sum(axis=0)
    # A run of one chunk has no frequencies worth the name.
    rarity: NDArray[np.float32] = np.log((1 + total) / (1 + found)).astype(np.float32)
    return np.add(rarity, np.float32(1e-3))


def _similarities(
    vectors: NDArray[np.float32], query: NDArray[np.float32]
) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    found: NDArray[np.float32] = np.zeros(len(vectors), np.float32)
    np.divide(vectors @ query, norms, out=found, where=norms > 0)
    return found


def _rows(store: Store, best: list[Match]) -> list[dict[str, Any]]:
    names = {
        row.id: row.name for row in store.documents.find(ids=[d for _, d, _ in best])
    }
    return [
        {
            "document": names[document_id],
            "page": chunk.first_page,
            "text": chunk.text,
            "score": round(score, 4),
            "document_id": document_id,
        }
        for score, document_id, number in best
        for chunk in store.results.chunks_numbered(document_id, [number])
    ]
