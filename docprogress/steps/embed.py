"""The embedding step: chunks to chunks with vectors."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from operator import length_hint
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docprogress.documents import Chunk
from docprogress.errors import SettingsError
from docprogress.settings import Settings
from docprogress.steps.embedders.embedder import Embedder
from docprogress.steps.embedders.hashing import HashingEmbedder
from docprogress.steps.embedders.sentence_transformers import (
    SentenceTransformerEmbedder,
)
from docprogress.steps.embedders.universal_sentence_encoder import (
    UniversalSentenceEncoder,
)
from docprogress.steps.embedders.wordllama import WordLlamaEmbedder

__all__ = ["Embedder", "Embedding", "embed", "embedder"]


class Embedding(Iterator[Chunk]):
    """An iterator over a document's chunks with vectors, embedded in batches."""

    unit = "chunk"

    def __init__(self, chunks: Iterable[Chunk], model: Embedder, batch: int) -> None:
        self._left = length_hint(chunks, 0)
        self._made = _embedded(iter(chunks), model, batch, self)
        self.facts: dict[str, str | int] = {"embedder": model.name}

    def __next__(self) -> Chunk:
        made = next(self._made)
        self._left -= 1
        return made

    def __length_hint__(self) -> int:
        return max(0, self._left)


def embed(chunks: Iterable[Chunk], *, settings: Settings) -> Embedding:
    """Embed chunks with the embedder of the settings.

    Raises:
        SettingsError: There is no such embedder, or it is not installed.
        DocumentError: The embedder rejects the document.
        TransientError: A later attempt may succeed.
    """
    return Embedding(chunks, embedder(settings), settings.embedding_batch)


def embedder(settings: Settings) -> Embedder:
    """The embedder of the settings, cached for the process.

    Raises:
        SettingsError: There is no such embedder, or it is not installed.
    """
    kind, _, model = settings.embedder.partition(":")
    if kind == "hashing" and not model:
        return _hashing()
    if kind == "wordllama" and not model:
        return _wordllama()
    if kind == "universal-sentence-encoder" and not model:
        return _universal_sentence_encoder()
    if kind == "sentence-transformers" and model:
        return _sentence_transformer(model, settings.embedding_tokens)
    if kind == "openai" and model:
        return _endpoint(
            model,
            url=settings.embedding_url or "",
            key=settings.embedding_api_key,
            batch=settings.embedding_batch,
            batch_tokens=settings.embedding_batch_tokens,
            window=settings.embedding_tokens,
            seconds=settings.step_seconds / 2,
        )
    raise SettingsError(
        f"unknown embedder {settings.embedder!r}; choose 'hashing', "
        "'wordllama', 'universal-sentence-encoder', 'sentence-transformers:MODEL' or "
        "'openai:MODEL'"
    )


@lru_cache(maxsize=1)
def _hashing() -> HashingEmbedder:
    return HashingEmbedder()


@lru_cache(maxsize=1)
def _wordllama() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


@lru_cache(maxsize=1)
def _universal_sentence_encoder() -> UniversalSentenceEncoder:
    return UniversalSentenceEncoder()


@lru_cache(maxsize=4)
def _sentence_transformer(
    model: str, window: int | None
) -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder(model, window=window)


@lru_cache(maxsize=16)
def _endpoint(model: str, *, seconds: float, **options: Any) -> Embedder:
    # httpx takes a tenth of a second to import, and few processes need it.
    from docprogress.steps.embedders.openai import RESPONSE_SECONDS, EndpointEmbedder

    return EndpointEmbedder(model, seconds=min(RESPONSE_SECONDS, seconds), **options)


def _embedded(
    chunks: Iterator[Chunk], model: Embedder, size: int, embedding: Embedding
) -> Iterator[Chunk]:
    while batch := list(islice(chunks, size)):
        vectors = _vectors([chunk.text for chunk in batch], model)
        for chunk, vector in zip(batch, vectors, strict=True):
            embedding.facts["dimensions"] = len(vector)
            # `replace` takes three times as long.
            yield Chunk(
                number=chunk.number,
                text=chunk.text,
                start=chunk.start,
                end=chunk.end,
                first_page=chunk.first_page,
                last_page=chunk.last_page,
                kind=chunk.kind,
                headings=chunk.headings,
                vector=vector,
            )


def _vectors(texts: list[str], model: Embedder) -> Iterator[NDArray[np.float32]]:
    """Yield a vector for each text as soon as it is known; zeros for a blank text.

    Blank texts are not sent to embedders, since endpoints reject them.
    """
    wanted = [text for text in texts if text.strip()]
    made = (vector for part in model.batches(wanted) for vector in part)
    first = next(made, None)
    empty = np.zeros(model.dimensions if first is None else len(first), np.float32)
    rows = chain([first], made)
    for text in texts:
        yield next(rows) if text.strip() else empty
