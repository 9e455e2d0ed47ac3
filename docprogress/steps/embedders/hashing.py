"""The hashing embedder, which needs no model: vectors of word counts."""

from collections.abc import Iterator, Sequence
from itertools import chain

import mmh3
import numpy as np

from docprogress.steps.embedders.embedder import LEAST_SIMILARITY, Vectors, normalize
from docprogress.steps.embedders.words import ascii_words, has_unspaced, words

DIMENSIONS = 1024
#: The maximum number of words whose dimension is cached, and the longest of them, in
#: characters: about 5 MB in each process.
CACHED_WORDS = 50_000
LONGEST_CACHED = 40

#: The place that words are counted in which count for no dimension, and the number of
#: places for each text.
_IGNORED = 2 * DIMENSIONS
_PLACES = _IGNORED + 1

#: How many texts are counted at once.
_BATCH = 16


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

    def knowledge(self, text: str) -> float:
        """1 for scripts without spaces between words, and 0 for others.

        In others, these vectors are no more than what a search by words counts better.
        In these scripts they also count single characters, and find words with errors.
        """
        return float(has_unspaced(text))

    def least_similarity(self, text: str) -> float:  # noqa: ARG002 - for any text
        return LEAST_SIMILARITY

    def count_tokens(self, text: str) -> int:
        """How many words the text is compared by."""
        return len(words(text))

    def embed(self, texts: Sequence[str]) -> Vectors:
        found = [ascii_words(t) if t.isascii() else words(t) for t in texts]
        dimensions = np.fromiter(
            map(self._dimension_of.__getitem__, chain.from_iterable(found)), np.intp
        )
        # Counted at once, each text in places of its own.
        offsets = np.arange(0, len(texts) * _PLACES, _PLACES)
        dimensions += np.repeat(offsets, list(map(len, found)))
        counted = np.bincount(dimensions, minlength=len(texts) * _PLACES)
        places = counted.reshape(len(texts), _PLACES)
        up, down = places[:, :DIMENSIONS], places[:, DIMENSIONS:_IGNORED]
        counts = (up - down).astype(np.float32)
        # Logarithmic counts, or "the" would dominate every text.
        return normalize(np.sign(counts) * np.log1p(np.abs(counts)))

    def batches(self, texts: Sequence[str]) -> Iterator[Vectors]:
        for start in range(0, len(texts), _BATCH):
            yield self.embed(texts[start : start + _BATCH])


class _DimensionCache(dict[str, int]):
    """The dimension of each word, plus `DIMENSIONS` for words that count negatively.

    Single letters and digits of ASCII are not counted.

    The sign makes words that share a dimension cancel out as often as they add up. Uses
    MurmurHash3, as scikit-learn's HashingVectorizer does.
    """

    def __missing__(self, word: str) -> int:
        if len(word) == 1 and word.isascii():
            dimension = _IGNORED
        else:
            hashed = mmh3.hash(word)
            dimension = abs(hashed) % DIMENSIONS
            if hashed < 0:
                dimension += DIMENSIONS
        if len(word) <= LONGEST_CACHED:
            if len(self) >= CACHED_WORDS:
                self.clear()
            self[word] = dimension
        return dimension
