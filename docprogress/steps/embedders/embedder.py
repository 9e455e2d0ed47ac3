"""The protocol of embedders, and their vectors."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from docprogress.steps.embedders.tokens import Parts

Vectors = NDArray[np.float32]

#: `least_similarity` of models about which nothing else is known.
LEAST_SIMILARITY = 0.25


class Embedder(Protocol):
    """Maps texts to unit vectors, whose dot product is their similarity."""

    #: Embedders with one name give a text the same vector, in later versions as well:
    #: chunks that a changed document has kept take the vectors that they had.
    name: str

    @property
    def dimensions(self) -> int:
        """The length of a vector."""

    @property
    def window(self) -> int | None:
        """The maximum tokens of a text that is embedded as a whole; None if unknown."""

    def count_tokens(self, text: str) -> int:
        """The tokens of a text, or an upper bound, with those that the model adds."""

    def knowledge(self, text: str) -> float:
        """How well the model knows the language of a text, from 0 to 1.

        A search gives its vectors this weight.
        """

    def least_similarity(self, text: str) -> float:
        """The minimum similarity to a text if there are no common words.

        Texts that mean nothing seldom do: 1 if the model knows no word of this one.
        """

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each text: a unit vector, or zeros for a text without content.

        Raises:
            DocumentError: These texts, or all, are rejected.
            TransientError: A later attempt may succeed.
            ServiceUnavailable: The service is unavailable, or limits its use.
        """

    def batches(self, texts: Sequence[str]) -> Iterator[Vectors]:
        """The rows in batches, so that a later failure does not lose them."""


def normalize(vectors: Vectors) -> Vectors:
    """The vectors scaled to length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def join_parts(whole: Sequence[Parts], rows: Vectors) -> Vectors:
    """One row for each text: the mean of its parts' rows, weighted by tokens."""
    rows = normalize(rows)
    if len(rows) == len(whole):
        return rows
    joined = np.empty((len(whole), rows.shape[1]), np.float32)
    start = 0
    for row, parts in zip(joined, whole, strict=True):
        weights = [tokens for _, tokens in parts]
        row[:] = np.average(rows[start : start + len(parts)], axis=0, weights=weights)
        start += len(parts)
    return normalize(joined)
