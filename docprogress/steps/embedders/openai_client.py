"""One request to an OpenAI-compatible endpoint: its vectors, or the right error."""

import json
import os
import ssl
import time
from http import HTTPStatus
from typing import Any

import httpx
import numpy as np

from docprogress.errors import (
    DocumentError,
    ServiceUnavailable,
    SettingsError,
    TransientError,
)
from docprogress.settings import redacted
from docprogress.steps.embedders.embedder import Vectors
from docprogress.steps.embedders.responses import (
    ERROR_BYTES,
    LONGEST_SHOWN,
    RETRYABLE,
    UNAVAILABLE,
    TooLarge,
    error_message,
    out_of_quota,
    phrase,
    rejects_size,
    retry_after,
)

#: The timeout of a connection attempt, in seconds.
CONNECT_SECONDS = 10.0
#: The limit for a whole response, in multiples of the timeout for its next bytes.
RESPONSE_TIMEOUTS = 5
#: The maximum number of bytes of a response, in total and for each text.
RESPONSE_BYTES = 4 * 1024 * 1024
TEXT_BYTES = 1024 * 1024


class OpenAIClient:
    """A client of an OpenAI-compatible endpoint.

    Args:
        model: The endpoint's name of the model.
        url: The endpoint, without `/embeddings`.
        key: The API key; None sends none.
        seconds: The timeout of a response.
    """

    def __init__(
        self, model: str, *, url: str, key: str | None, seconds: float
    ) -> None:
        self._model = model
        self._seconds = seconds
        self.dimensions: int | None = None
        self._key = (key or "").strip()
        # httpx's own error would show the key.
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key:
            raise SettingsError("embedding_api_key contains invalid characters")
        try:
            self.url = httpx.URL(url.rstrip("/") + "/embeddings")
        except httpx.InvalidURL:
            raise SettingsError("embedding_url is not a URL") from None
        if self.url.scheme not in ("http", "https") or not self.url.host:
            raise SettingsError("embedding_url must begin with http:// or https://")
        self._pid = 0
        self._client: httpx.Client | None = None

    def embed(self, texts: list[str]) -> Vectors:
        """Send one request, and return a row for each text.

        Raises:
            TooLarge: The endpoint may accept smaller requests.
            DocumentError: It rejects the request.
            ServiceUnavailable: It is unavailable, or limits its use.
            TransientError: Its response is invalid.
        """
        body = {
            "model": self._model,
            # JSON in UTF-8 cannot contain surrogates.
            "input": [text.encode("utf-8", "replace").decode() for text in texts],
            "encoding_format": "float",
        }
        try:
            with self._connection().stream("POST", self.url, json=body) as response:
                good = response.status_code == HTTPStatus.OK
                most = RESPONSE_BYTES + len(texts) * TEXT_BYTES
                content = self._read(response, most if good else ERROR_BYTES)
        except httpx.TimeoutException as error:
            raise self._unavailable(
                "no response", str(error) or "it timed out"
            ) from error
        except httpx.LocalProtocolError as error:
            raise DocumentError(
                f"the request to the embedding endpoint {self.url.host} failed: "
                f"{self._safe(str(error))}"
            ) from error
        except httpx.ConnectError as error:
            if _certificate_failed(error):
                raise DocumentError(
                    f"the certificate of the embedding endpoint {self.url.host} is "
                    f"not accepted: {self._safe(str(error))}"
                ) from error
            raise self._unavailable("it cannot be reached", str(error)) from error
        except httpx.TransportError as error:
            raise self._unavailable("the connection was lost", str(error)) from error
        except httpx.HTTPError as error:
            raise self._transient_error(str(error) or type(error).__name__) from error
        if good:
            if len(content) > most:
                raise self._invalid(f"more than {most} bytes")
            return self._vectors(content, len(texts))
        raise self._translate(response, error_message(content), len(texts))

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _read(self, response: httpx.Response, most: int) -> bytes:
        """The body, or its first `most` bytes and a few more."""
        content = bytearray()
        deadline = time.monotonic() + RESPONSE_TIMEOUTS * self._seconds
        for part in response.iter_bytes():
            content += part
            if len(content) > most:
                break
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("its response does not end")
        return bytes(content)

    def _connection(self) -> httpx.Client:
        # Connections opened before a fork belong to the parent.
        if self._client is None or self._pid != os.getpid():
            self._client = httpx.Client(
                headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
                timeout=httpx.Timeout(
                    self._seconds, connect=min(CONNECT_SECONDS, self._seconds)
                ),
            )
            self._pid = os.getpid()
        return self._client

    def _vectors(self, content: bytes, count: int) -> Vectors:
        try:
            items = json.loads(content)["data"]
            rows: list[Any] = [None] * count
            for position, item in enumerate(items):
                rows[item.get("index", position)] = item["embedding"]
            made = np.asarray(rows, np.float32)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise self._invalid("something that is not a list of vectors") from error
        if len(items) != count or made.ndim != 2 or not made.size:  # noqa: PLR2004
            raise self._invalid(f"{len(items)} vectors for {count} texts")
        if not np.isfinite(made).all():
            raise self._invalid("vectors with numbers that are not finite")
        if self.dimensions not in (None, made.shape[1]):
            raise self._invalid(
                f"vectors of {made.shape[1]} numbers after those of {self.dimensions}"
            )
        self.dimensions = made.shape[1]
        return made

    def _invalid(self, what: str) -> TransientError:
        return TransientError(
            f"the embedding endpoint {self.url.host} answered {what} "
            f"(model {self._model!r})"
        )

    def _transient_error(self, what: str) -> TransientError:
        return TransientError(self._describe(what))

    def _describe(self, what: str) -> str:
        return (
            f"the embedding endpoint {self.url.host} does not answer as it should: "
            f"{self._safe(what)}"
        )

    def _unavailable(
        self, reason: str, what: str, seconds: float | None = None
    ) -> ServiceUnavailable:
        return ServiceUnavailable(
            self._describe(what or reason),
            service="the embedding endpoint",
            reason=reason,
            seconds=seconds,
        )

    def _translate(self, response: httpx.Response, text: str, count: int) -> Exception:
        """The exception for an unsuccessful response."""
        status = response.status_code
        limited = status == HTTPStatus.TOO_MANY_REQUESTS
        size = rejects_size(status, text)
        if size is not False:
            rejection = self._reject(status, self._safe(text[:LONGEST_SHOWN]))
            return TooLarge(rejection, text, texts=count, sure=bool(size))
        if (limited and not out_of_quota(text)) or status in UNAVAILABLE:
            reason = "rate limit" if limited else phrase(status)
            what = f"it answered {phrase(status)}"
            return self._unavailable(reason, what, retry_after(response))
        if status in RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            shown = f": {text[:LONGEST_SHOWN]}" if text else ""
            return self._transient_error(f"it answered {phrase(status)}{shown}")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            advice = "set embedding_api_key"
        elif status == HTTPStatus.NOT_FOUND:
            advice = f"is there a model {self._model!r}, and is embedding_url right?"
        elif status < HTTPStatus.BAD_REQUEST:
            advice = "embedding_url must be the address that it redirects to"
        else:
            advice = self._safe(text[:LONGEST_SHOWN])
        return self._reject(status, advice)

    def _reject(self, status: int, advice: str) -> DocumentError:
        return DocumentError(
            f"the embedding endpoint {self.url.host} refused: {phrase(status)}; "
            f"{advice}"
        )

    def _safe(self, text: str) -> str:
        shown = text.replace(self._key, "***") if self._key else text
        return redacted(shown)


def _certificate_failed(error: BaseException | None) -> bool:
    """Whether a connection failed because of the server's certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
