"""The matches of a search, and their similarities."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Match(NamedTuple):
    """A chunk that a search found, and its cosine similarity."""

    score: float
    document_id: str
    number: int


def best(matches: Iterable[Match], limit: int) -> list[Match]:
    """The nearest ones, in an order that does not depend on the given one."""
    ordered = sorted(matches, key=lambda m: (-m.score, m.document_id, m.number))
    return ordered[:limit]


def similarities(
    vectors: NDArray[np.float32], query: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The cosine similarity of each row; 0 for zero or non-finite vectors."""
    # Numbers that are not finite, or nearly so, are no error: their chunk is not found.
    with np.errstate(all="ignore"):
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
        found: NDArray[np.float32] = np.zeros(len(vectors), np.float32)
        np.divide(vectors @ query, norms, out=found, where=norms > 0)
    return np.nan_to_num(found, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
