"""Order the best passages again, by a function or a model that reads query and text."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from docprogress.errors import SearchError, SettingsError, StepError
from docprogress.steps import modules

#: How many of the best passages are ordered again; the others follow as they were.
RERANKED = 50

#: Scores of texts for a query, one for each text: the higher, the better.
Reranker = Callable[[str, Sequence[str]], Iterable[float]]

_IMPORT_PATH = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")


def reranker(given: object) -> tuple[str, Reranker]:
    """The name of a reranker, and its function.

    Args:
        given: A function, its import path (`my_module:function`), or the name of a
            cross-encoder of sentence-transformers.

    Raises:
        SearchError: There is no such function.
        SettingsError: The model cannot be loaded.
    """
    if callable(given):
        return getattr(given, "__qualname__", type(given).__name__), given
    if not isinstance(given, str) or not given.strip():
        raise SearchError(
            f"rerank={given!r}: pass a function, 'module:function', or the name of a "
            "model"
        )
    if _IMPORT_PATH.fullmatch(given):
        return given, _function(given)
    return given, _model(given)


def rerank_scores(
    name: str, function: Reranker, query: str, texts: Sequence[str]
) -> list[float]:
    """A finite score for each text.

    Raises:
        SearchError: The function fails, or returns something else.
    """
    try:
        scores = np.asarray(list(function(query, list(texts))), dtype=float)
    except Exception as error:
        raise SearchError(
            f"rerank function {name!r} failed: {type(error).__name__}: {error}"
        ) from error
    if scores.shape != (len(texts),):
        raise SearchError(
            f"rerank function {name!r} must return one number for each text: it "
            f"returned {_shape(scores)} for {len(texts)} texts"
        )
    if not np.isfinite(scores).all():
        raise SearchError(
            f"rerank function {name!r} returned a score that is not a finite number"
        )
    return [float(score) for score in scores]


def _function(path: str) -> Reranker:
    module_name, _, attribute = path.partition(":")
    try:
        found: Any = modules.find(module_name, None)
    except StepError as error:
        raise SearchError(f"rerank function {path!r}: {error}") from error
    for name in attribute.split("."):
        found = getattr(found, name, None)
    if not callable(found):
        raise SearchError(
            f"rerank function {path!r}: module {module_name!r} has no function "
            f"{attribute!r}"
        )
    return found  # type: ignore[no-any-return]


@lru_cache(maxsize=2)
def _model(name: str) -> Reranker:
    try:
        from sentence_transformers import CrossEncoder
    except ImportError as error:
        raise SettingsError(
            f"rerank model {name!r} needs a library that is not installed: "
            "pip install 'docprogress[sentence-transformers]'"
        ) from error
    try:
        model = CrossEncoder(name)
    except Exception as error:  # the library has no error class of its own
        raise SettingsError(
            f"rerank model {name!r} cannot be loaded (is its name right, and was it "
            f"downloaded? a function is named 'module:function'): {error}"
        ) from error

    def scores(query: str, texts: Sequence[str]) -> Iterable[float]:
        pairs = [(query, text) for text in texts]
        return model.predict(pairs, show_progress_bar=False)  # type: ignore[no-any-return]

    return scores


def _shape(scores: "np.ndarray[Any, Any]") -> str:
    return f"{len(scores)}" if scores.ndim == 1 else f"the shape {scores.shape}"
