"""Models behind OpenAI-compatible endpoints."""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import httpx
import numpy as np

from docprogress.errors import ServiceUnavailable, TransientError
from docprogress.settings import redacted
from docprogress.steps.embedders.embedder import LEAST_SIMILARITY, Vectors, join_parts
from docprogress.steps.embedders.openai_client import OpenAIClient
from docprogress.steps.embedders.responses import TooLarge
from docprogress.steps.embedders.token_counter import token_counter
from docprogress.steps.embedders.tokens import Parts, estimate_tokens, split

#: Successful requests after which a batch reduced by a timeout grows again.
CALM_REQUESTS = 20
#: Immediate attempts, seconds before the second one (doubled for each further one), and
#: the longest pause that the endpoint may request. For longer ones, the document
#: releases its worker.
ATTEMPTS = 3
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 2.0
RESPONSE_SECONDS = 60.0

#: Tokens of a text that every model accepts, so that its length cannot be why it is
#: rejected. The second is for endpoints that give no reason.
SHORT_TEXT = 16
SHORT_ENOUGH = 128
#: The smallest window that is believed if an endpoint names it, in tokens.
SHORT_WINDOW = 64
#: More tokens than any text has, for an unknown window.
UNLIMITED_TOKENS = 1 << 40


class EndpointEmbedder:
    """A model behind an OpenAI-compatible endpoint.

    It adapts to the endpoint's limits: requests rejected as too large are split into
    halves, and texts rejected as too long into parts.

    Args:
        model: The endpoint's name of the model.
        url: The endpoint, without `/embeddings`.
        key: The API key; None sends none.
        batch: The maximum number of texts in a request.
        batch_tokens: The maximum number of tokens in a request, as an estimate.
        window: The maximum number of tokens of a text, as an estimate; None to find it
            out.
        seconds: The timeout of a response.
        pause: Sleeps for so many seconds.
    """

    def __init__(
        self,
        model: str,
        *,
        url: str,
        key: str | None = None,
        batch: int = 64,
        batch_tokens: int = 30_000,
        window: int | None = None,
        seconds: float = RESPONSE_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._client = OpenAIClient(model, url=url, key=key, seconds=seconds)
        self._max_batch = self._batch = batch
        # Successful requests since the last timeout.
        self._calm = 0
        self._batch_tokens = batch_tokens
        #: The window that the settings state, whatever is found out later: chunks of
        #: the same text are the same.
        self.window = window
        self._window: float = window or math.inf
        self._pause = pause

    def __repr__(self) -> str:
        url = redacted(str(self._client.url))
        return f"EndpointEmbedder({self._model!r}, url={url!r})"

    @property
    def dimensions(self) -> int:
        """The length of a vector; the first use sends a request."""
        if self._client.dimensions is None:
            self.embed(["dimensions"])
        assert self._client.dimensions is not None
        return self._client.dimensions

    def knowledge(self, text: str) -> float:  # noqa: ARG002 - of any language
        return 1.0

    def least_similarity(self, text: str) -> float:  # noqa: ARG002 - for any text
        return LEAST_SIMILARITY

    def count_tokens(self, text: str) -> int:
        return token_counter(self._model)(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return np.concatenate(list(self.batches(texts)))

    def batches(self, texts: Sequence[str]) -> Iterator[Vectors]:
        start, most, refused = 0, self._batch, 0
        while start < len(texts):
            group = self._next_group(texts[start : start + most])
            try:
                made = self._embed_group(group)
            except TooLarge as error:
                if len(group) == 1:
                    made = self._embed_in_parts(texts[start], error)
                    # This text also explains the rejections before.
                    most, refused = self._batch, 0
                else:
                    most, refused = len(group) // 2, _tokens(group)
                    if error.too_many:
                        self._max_batch = self._batch = most
                    continue
            if refused:
                # The size was the reason, and will be again.
                self._batch_tokens = min(self._batch_tokens, max(1, refused // 2))
                refused = 0
            elif self._batch < self._max_batch:
                # A timeout had reduced it: grow again.
                self._calm += 1
                if self._calm >= CALM_REQUESTS:
                    grown = min(self._batch * 2, self._max_batch)
                    most = grown if most == self._batch else most
                    self._batch, self._calm = grown, 0
            start += len(group)
            yield made

    def _next_group(self, texts: Sequence[str]) -> list[Parts]:
        """The first texts that fit into a request, at least one, each in parts."""
        group: list[Parts] = []
        tokens = count = 0
        for text in texts:
            parts = split(text, int(min(self._window, UNLIMITED_TOKENS)))
            tokens += sum(of_part for _, of_part in parts)
            count += len(parts)
            if group and (tokens > self._batch_tokens or count > self._batch):
                break
            group.append(parts)
        return group

    def _embed_group(self, group: list[Parts]) -> Vectors:
        """One row for each text, from as many requests as their parts need.

        Raises:
            TooLarge: One of the requests is rejected.
        """
        rows: list[Vectors] = []
        request: list[str] = []
        request_tokens = 0
        for part, tokens in (found for parts in group for found in parts):
            full = (
                len(request) >= self._batch
                or request_tokens + tokens > self._batch_tokens
            )
            if request and full:
                rows.append(self._request(request))
                request, request_tokens = [], 0
            request.append(part)
            request_tokens += tokens
        rows.append(self._request(request))
        return join_parts(group, np.concatenate(rows))

    def _embed_in_parts(self, text: str, error: TooLarge) -> Vectors:
        """The row of a rejected text, from ever smaller parts of it."""
        batch, tokens = self._batch, self._batch_tokens
        window = min(self._window, estimate_tokens(text))
        parts = split(text, int(window))
        try:
            while True:
                if error.texts > 1:
                    # Each part may fit alone.
                    self._batch = max(1, error.texts // 2)
                elif window <= (SHORT_TEXT if error.sure else SHORT_ENOUGH):
                    raise error.rejection
                else:
                    window = self._shrink_window(window, parts, error)
                    parts = split(text, window)
                try:
                    made = self._embed_group([parts])
                except TooLarge as again:
                    error = again
                else:
                    self._window = window
                    return made
        finally:
            self._batch, self._batch_tokens = batch, tokens

    def _shrink_window(self, window: float, parts: Parts, error: TooLarge) -> int:
        """The next smaller window, after a part was rejected."""
        longest = min(window, max(tokens for _, tokens in parts))
        if error.sure and error.window and SHORT_WINDOW <= error.window < longest:
            return error.window
        return int(longest) // 2

    def _request(self, texts: list[str]) -> Vectors:
        for attempt in range(1, ATTEMPTS + 1):
            wait = FIRST_PAUSE * 2 ** (attempt - 1)
            try:
                return self._client.embed(texts)
            except ServiceUnavailable as error:
                requested = error.seconds or 0.0
                cause = error.__cause__
                timed_out = isinstance(cause, httpx.TimeoutException)
                if timed_out and not isinstance(cause, httpx.ConnectTimeout):
                    # The request may have been too large.
                    self._batch = max(1, min(self._batch, len(texts)) // 2)
                    self._calm = 0
                if attempt == ATTEMPTS or requested > LONGEST_PAUSE or timed_out:
                    raise
                wait = max(wait, requested)
            except TransientError:
                if attempt == ATTEMPTS:
                    raise
            self._pause(wait)
        raise AssertionError  # never: the last attempt raises


def _tokens(group: list[Parts]) -> int:
    return sum(tokens for parts in group for _, tokens in parts)
