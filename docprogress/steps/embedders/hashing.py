"""The hashing embedder, which needs no model: vectors of word counts."""

from collections.abc import Iterator, Sequence

import mmh3
import numpy as np

from docprogress.steps.embedders.embedder import Vectors, normalize
from docprogress.steps.embedders.words import words

DIMENSIONS = 1024
#: The most words whose dimension is cached, and the longest of them, in characters:
#: about 5 MB in each process.
CACHED_WORDS = 50_000
LONGEST_CACHED = 40


class HashingEmbedder:
    """Counts words in dimensions given by their hashes: no model, no download.

    Texts are similar by their words, not by their meaning. Scripts without spaces
    between words are counted by characters and pairs of characters.
    """

    name = "hashing"
    dimensions = DIMENSIONS
    window: int | None = None

    def __init__(self) -> None:
        self._dimension_of = _DimensionCache()

    def count_tokens(self, text: str) -> int:
        """How many words the text is compared by."""
        return len(words(text))

    def embed(self, texts: Sequence[str]) -> Vectors:
        counts = np.empty((len(texts), self.dimensions), np.float32)
        dimension_of = self._dimension_of.__getitem__
        for row, text in zip(counts, texts, strict=True):
            found = np.fromiter(map(dimension_of, words(text)), np.intp)
            up, down = np.bincount(found, minlength=2 * self.dimensions).reshape(2, -1)
            row[:] = up - down
        # Logarithmic counts, or "the" would dominate every text.
        return normalize(np.sign(counts) * np.log1p(np.abs(counts)))

    def batches(self, texts: Sequence[str]) -> Iterator[Vectors]:
        yield self.embed(texts)


class _DimensionCache(dict[str, int]):
    """The dimension of each word, plus `DIMENSIONS` for words that count negatively.

    The sign makes words that share a dimension cancel out as often as they add up. Uses
    MurmurHash3, as scikit-learn's HashingVectorizer does.
    """

    def __missing__(self, word: str) -> int:
        hashed = mmh3.hash(word)
        dimension = abs(hashed) % DIMENSIONS
        if hashed < 0:
            dimension += DIMENSIONS
        if len(word) <= LONGEST_CACHED:
            if len(self) >= CACHED_WORDS:
                self.clear()
            self[word] = dimension
        return dimension
