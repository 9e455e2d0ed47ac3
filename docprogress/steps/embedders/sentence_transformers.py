"""Models of the sentence-transformers library."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from docprogress.errors import SettingsError
from docprogress.steps.embedders.embedder import LEAST_SIMILARITY, Vectors, join_parts
from docprogress.steps.embedders.tokens import Parts, estimate_tokens, split


class SentenceTransformerEmbedder:
    """A model of the sentence-transformers library, on this machine.

    Texts longer than the model's window are embedded in parts, since the library would
    truncate them silently.

    Args:
        model: The model's name or folder.
        window: The maximum number of tokens of a text, if that is less than the model's
            limit.
    """

    def __init__(self, model: str, *, window: int | None = None) -> None:
        self.name = f"sentence-transformers:{model}"
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise SettingsError(
                f"embedder {self.name!r} needs a library that is not installed: "
                "pip install 'docprogress[sentence-transformers]'"
            ) from error
        try:
            self._model = SentenceTransformer(model)
            made = self._model
            if hasattr(made, "get_embedding_dimension"):
                self.dimensions = int(made.get_embedding_dimension())
            else:  # the method's name before version 5
                self.dimensions = int(made.get_sentence_embedding_dimension())
        except Exception as error:  # the library has no error class of its own
            raise SettingsError(
                f"the model of embedder {self.name!r} cannot be loaded (is its name "
                f"right, and was it downloaded?): {error}"
            ) from error
        self._window = min(window or math.inf, _window(made))
        prompts = getattr(made, "prompts", None) or {}
        self._prompt = prompts.get(getattr(made, "default_prompt_name", None)) or ""

    @property
    def window(self) -> int | None:
        return None if math.isinf(self._window) else int(self._window)

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        whole = [self._split(text) for text in texts]
        made = self._model.encode(
            [part for parts in whole for part, _ in parts],
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return join_parts(whole, np.asarray(made, np.float32))

    def batches(self, texts: Sequence[str]) -> Iterator[Vectors]:
        yield self.embed(texts)

    def _split(self, text: str) -> Parts:
        if math.isinf(self._window):
            return [(text, 1)]
        return split(text, int(self._window), self.count_tokens)

    def knowledge(self, text: str) -> float:  # noqa: ARG002 - of any language
        return 1.0

    def least_similarity(self, text: str) -> float:  # noqa: ARG002 - for any text
        return LEAST_SIMILARITY

    def count_tokens(self, text: str) -> int:
        tokenizer = self._model.tokenizer
        text = self._prompt + text
        if hasattr(tokenizer, "encode_batch"):  # the library `tokenizers` itself
            # Truncation may be enabled.
            tokenizer.no_truncation()
            return len(tokenizer.encode(text).ids)
        if callable(tokenizer):
            return len(tokenizer(text, truncation=False, verbose=False)["input_ids"])
        return estimate_tokens(text)


def _window(model: Any) -> float:
    """The maximum number of tokens of a text; infinite without a limit."""
    try:
        window = model.max_seq_length
    except AttributeError:  # its first module has no such limit
        return math.inf
    return float(window) if window else math.inf
