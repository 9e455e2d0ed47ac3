"""The small model of the wordllama package, whose weights are in its wheel."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import mmh3
import numpy as np

from docprogress.errors import SettingsError
from docprogress.steps.embedders.embedder import Vectors, normalize

MODEL = "l2_supercat_256"
_WEIGHTS = Path("weights", f"{MODEL}.safetensors")
_TOKENIZER = Path("tokenizers", "l2_supercat_tokenizer_config.json")
_TENSOR = "embedding.weight"
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
            raise _missing() from error
        folder = _folder()
        weights, tokenizer = folder / _WEIGHTS, folder / _TOKENIZER
        try:
            with safe_open(weights, framework="np") as opened:
                # In 16 bits, as they are stored: half of the memory.
                self._rows = opened.get_tensor(_TENSOR)
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            digest = _digest(weights, tokenizer)
        except Exception as error:  # the libraries have no error class of their own
            raise SettingsError(
                f"the model of embedder 'wordllama' in {folder} cannot be loaded: "
                f"{error}; install the package again: "
                "pip install --force-reinstall --no-deps wordllama"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.dimensions = int(self._rows.shape[1])
        #: With a digest of the files, so that vectors of other weights are told apart.
        self.name = f"wordllama:{MODEL}@{digest}"

    def knowledge(self, text: str) -> float:
        scripts = Counter(filter(None, map(_script, text)))
        if not scripts:
            return 1.0
        known = sum(_KNOWN.get(script, 0.0) * n for script, n in scripts.items())
        return known / scripts.total()

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


def _script(letter: str) -> str | None:
    """The first word of a letter's name, which is its script; None for other signs."""
    return unicodedata.name(letter, "").split(" ")[0] if letter.isalpha() else None


def _folder() -> Path:
    spec = find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        raise _missing()
    return Path(spec.submodule_search_locations[0])


def _missing() -> SettingsError:
    return SettingsError(
        "embedder 'wordllama' needs a library that is not installed: "
        "pip install 'docprogress[semantic]'"
    )


def _digest(*files: Path) -> str:
    hasher = mmh3.mmh3_x64_128()
    for file in files:
        # Wheels of several versions have the same files, but for a line end.
        hasher.update(file.read_bytes().rstrip(b"\n"))
    return str(hasher.digest().hex()[:8])
