"""Search with the index beside a SQLite database.

Its signs and integers choose candidates. What is returned was looked up in the
database: whether it is there, is current and admitted, and how near it is.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from docprogress.store.engine import Database
from docprogress.store.vector_index import exact, feed
from docprogress.store.vector_index.codes import normalized
from docprogress.store.vector_index.folder import Folder, State
from docprogress.store.vector_index.matches import Match, best, similarities
from docprogress.store.vector_index.selection import VectorQuery
from docprogress.store.vector_index.space import DamagedError, Space
from docprogress.store.vector_index.updating import OTHER_KIND, Updater

#: If a filter admits at most this many rows and vectors, they are compared exactly.
EXACT_PARTS = 2000
EXACT_VECTORS = 20_000
#: The candidates of a search: at least so many, and this share of the vectors.
MIN_CANDIDATES = 4096
CANDIDATE_SHARE = 0.02
#: Below this share of candidates that are admitted, only admitted ones are considered.
_MIN_ADMITTED = 0.05
#: And so many for each result.
_PER_RESULT = 40
#: The scores of candidates are at most so far from the true ones.
_TOLERANCE = 0.02


class _Candidates(NamedTuple):
    """Chunks that are admitted, and likely to be nearest, best first."""

    documents: list[str]
    #: The first chunk of each one's row of `vectors`, and its place in the row.
    firsts: NDArray[np.int64]
    places: NDArray[np.int64]


class VectorIndex:
    """The index of one database, in a folder beside it."""

    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._folder = Folder(path)
        self._updater = Updater(database, self._folder)
        self._opened: tuple[tuple[str, int, int], Space] | None = None

    def update(self) -> None:
        """Add the vectors that are not in it, if there are many."""
        self._updater.state()

    def nearest(self, query: VectorQuery) -> list[Match]:
        """The chunks nearest to a query."""
        state = self._updater.state()
        with self._database.snapshot() as connection:
            if state is not None and not self._few(connection, query):
                try:
                    if self._updater.usable(connection, state):
                        return self._indexed(connection, query, state)
                except DamagedError:
                    self._folder.discard(state)
            return exact.nearest(connection, query)

    def _few(self, connection: Connection, query: VectorQuery) -> bool:
        """Whether so few vectors are admitted that comparing them all is quicker."""
        if query.filter.admits_all_documents:
            return False
        found = feed.admitted(connection, query, limit=EXACT_PARTS + 1)
        sizes = sum(size for _, size in found.values())
        return len(found) <= EXACT_PARTS and sizes <= EXACT_VECTORS

    def _indexed(
        self, connection: Connection, query: VectorQuery, state: State
    ) -> list[Match]:
        found = exact.nearest(connection, query, after=state.last)
        position = state.position_of(query.embedder, query.dimensions)
        if position is None:
            return found
        space = self._space(state, position)
        kind = query.filter.kind
        kinds = None if kind is None else space.kinds == _code(state, kind)
        if kinds is not None and kind not in state.kinds and kinds.any():
            # Several kinds share a code.
            return exact.nearest(connection, query)
        wanted = query.limit + query.limit // 2 + 30
        candidates = _candidates(connection, query, space, kinds, wanted)
        return best([*found, *_scored(connection, query, candidates)], query.limit)

    def _space(self, state: State, position: int) -> Space:
        published = state.spaces[position]
        key = (state.generation, position, published.rows)
        if self._opened is None or self._opened[0] != key:
            space = self._folder.open(state, position)
            self._opened = key, space
            return space
        return self._opened[1]


def _code(state: State, kind: str) -> int:
    return state.kinds.index(kind) if kind in state.kinds else OTHER_KIND


def _candidates(
    connection: Connection,
    query: VectorQuery,
    space: Space,
    kinds: NDArray[np.bool_] | None,
    wanted: int,
) -> _Candidates:
    total = space.rows if kinds is None else int(np.count_nonzero(kinds))
    unit = normalized(query.vector[None])[0]
    rows = _likely(space, unit, _count(total, query.limit), kinds)
    found, share = _admitted(connection, query, space, rows, wanted)
    exhausted = len(rows) < _count(total, query.limit)
    enough = exhausted or len(found.documents) >= wanted
    if enough and (share >= _MIN_ADMITTED or exhausted):
        return found
    ids = np.fromiter(feed.admitted(connection, query), np.int64)
    mask = space.rows_of_parts(ids)
    if kinds is not None:
        mask &= kinds
    total = int(np.count_nonzero(mask))
    rows = _likely(space, unit, _count(total, query.limit), mask)
    return _admitted(connection, query, space, rows, wanted)[0]


def _count(total: int, limit: int) -> int:
    return max(MIN_CANDIDATES, int(CANDIDATE_SHARE * total), _PER_RESULT * limit)


def _likely(
    space: Space,
    unit: NDArray[np.float32],
    count: int,
    mask: NDArray[np.bool_] | None,
) -> NDArray[np.intp]:
    """The candidates with a positive score, best first."""
    rows, scores = space.candidates(unit, count, mask)
    return rows[scores > -_TOLERANCE]


def _admitted(
    connection: Connection,
    query: VectorQuery,
    space: Space,
    rows: NDArray[np.intp],
    wanted: int,
) -> tuple[_Candidates, float]:
    """The first `wanted` rows that are admitted, and the share that is."""
    documents: list[str] = []
    kept: list[NDArray[np.intp]] = []
    start, size = 0, 2 * wanted
    while start < len(rows) and len(documents) < wanted:
        some = rows[start : start + size]
        numbers = space.parts["id"][space.part_of(some)]
        known = feed.admitted(connection, query, among=np.unique(numbers))
        there = np.array([int(number) in known for number in numbers], bool)
        documents += [known[number][0] for number in numbers[there].tolist()]
        kept.append(some[there])
        start, size = start + size, 4 * size
    checked = min(start, len(rows))
    share = len(documents) / checked if checked else 1.0
    chosen = np.concatenate([*kept, np.empty(0, np.intp)])[:wanted]
    parts = space.parts[space.part_of(chosen)]
    found = _Candidates(
        documents[:wanted], parts["first"].astype(np.int64), chosen - parts["start"]
    )
    return found, share


def _scored(
    connection: Connection, query: VectorQuery, candidates: _Candidates
) -> list[Match]:
    """The candidates with their similarities, of the vectors in the database."""
    places = list(
        zip(
            candidates.documents,
            candidates.firsts.tolist(),
            candidates.places.tolist(),
            strict=True,
        )
    )
    chunks, vectors = [], []
    for at, vector in feed.vectors(connection, places, query.dimensions):
        document_id, first, place = places[at]
        chunks.append((document_id, first + place))
        vectors.append(vector)
    if not vectors:
        return []
    scores = similarities(np.stack(vectors), query.vector).tolist()
    return [
        Match(score, *chunk)
        for score, chunk in zip(scores, chunks, strict=True)
        if score > 0
    ]
