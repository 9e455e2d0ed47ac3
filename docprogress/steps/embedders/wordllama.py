"""The small model of the wordllama package, whose weights are in its wheel."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from docprogress.steps.embedders.embedder import LEAST_SIMILARITY, Vectors, normalize
from docprogress.steps.embedders.packaged import (
    cannot_be_loaded,
    digest,
    known_share,
    not_installed,
    package_folder,
)
from docprogress.words.folding import fold
from docprogress.words.stop_words import STOP_WORDS

NAME = "wordllama"
MODEL = "l2_supercat_256"
WEIGHTS = Path("weights", f"{MODEL}.safetensors")
TOKENIZER = Path("tokenizers", "l2_supercat_tokenizer_config.json")
_TENSOR = "embedding.weight"
#: The minimum number of letters a token that a word has on average if the model knows
#: it. Of 300 words of random letters 3 have as many, of 40 words of English 34.
LETTERS_A_TOKEN = 2.6
_WORD = re.compile(r"\b[^\W\d_]{3,}\b")
#: How well the model knows scripts, as measured by the benchmark of search. Letters of
#: the others are mostly tokens of their own, whose mean means nothing.
_KNOWN = {"LATIN": 1.0, "CJK": 0.2, "HIRAGANA": 0.2, "KATAKANA": 0.2}


class WordLlamaEmbedder:
    """A row of numbers for each token, and their mean for a text: no network.

    The package is not imported, only its files are read: importing it configures the
    logging of the process, and its own loader may download.

    Raises:
        SettingsError: The package is not installed, or has no weights.
    """

    #: A mean has no window.
    window: int | None = None

    def __init__(self) -> None:
        try:
            from safetensors import safe_open
            from tokenizers import Tokenizer
        except ImportError as error:
            raise not_installed(NAME) from error
        folder = package_folder(NAME, embedder=NAME)
        weights, tokenizer = folder / WEIGHTS, folder / TOKENIZER
        try:
            with safe_open(weights, framework="np") as opened:
                # In 16 bits, as they are stored: half of the memory.
                self._rows = opened.get_tensor(_TENSOR)
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            version = digest(weights, tokenizer)
        except Exception as error:  # the libraries have no error class of their own
            raise cannot_be_loaded(
                NAME, error, folder=folder, distribution=NAME
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.dimensions = int(self._rows.shape[1])
        #: With a digest of the files, which distinguishes vectors of other weights.
        self.name = f"{NAME}:{MODEL}@{version}"

    def knowledge(self, text: str) -> float:
        return known_share(text, _KNOWN)

    def least_similarity(self, text: str) -> float:
        # Words that it does not know are made of short tokens, down to single letters.
        words = (word for word in _WORD.findall(text) if fold(word) not in STOP_WORDS)
        return LEAST_SIMILARITY if any(map(self._known, words)) else 1.0

    def _known(self, word: str) -> bool:
        tokens = len(self._tokens(word))
        return tokens == 1 or len(word) >= LETTERS_A_TOKEN * tokens

    def count_tokens(self, text: str) -> int:
        return len(self._tokens(text))

    def embed(self, texts: Sequence[str]) -> Vectors:
        means = np.zeros((len(texts), self.dimensions), np.float32)
        for mean, text in zip(means, texts, strict=True):
            if tokens := self._tokens(text):
                self._rows[tokens].mean(axis=0, dtype=np.float32, out=mean)
        return normalize(means)

    def batches(self, texts: Sequence[str]) -> Iterator[Vectors]:
        yield self.embed(texts)

    def _tokens(self, text: str) -> list[int]:
        # The tokenizer takes no lone surrogates. It is given one text at a time, since
        # it starts threads for several, which do not survive a fork.
        text = text.encode("utf-8", "replace").decode()
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return list(encoded.ids)
