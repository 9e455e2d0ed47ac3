"""What turns texts into vectors: on this machine, by a model, or by an endpoint."""

import os
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import pairwise
from typing import Any, Protocol

import httpx
import mmh3
import numpy as np
from numpy.typing import NDArray

from docprogress.errors import DocumentError, SettingsError, TransientError
from docprogress.settings import redacted

#: Numbers in a vector of the hashing embedder.
HASHING_DIMENSIONS = 1024

#: Words of which it remembers where they are counted, and the longest of them, in
#: characters: some 5 MB in each process.
KNOWN_WORDS = 50_000
LONGEST_KNOWN = 40

#: How often an endpoint is asked, the pause after the first time in seconds
#: (doubled for each one after it), and the longest pause that it may ask for.
ATTEMPTS = 4
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0

#: Seconds that an endpoint may take to accept a connection, and to answer.
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors of length 1, whose product is their likeness."""

    name: str

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each text, of length 1, or 0 where there is nothing to tell.

        Raises:
            DocumentError: These texts, or any, are refused.
            TransientError: It may work later.
        """


class HashingEmbedder:
    """Counts words, each in the place that its hash says: no model, no download.

    Likeness is that of the words, not of the meaning.  Scripts that put no
    spaces between words are counted by characters and pairs of them.
    """

    name = "hashing"
    dimensions = HASHING_DIMENSIONS

    def __init__(self) -> None:
        self._places = _Places()

    def embed(self, texts: Sequence[str]) -> Vectors:
        counts = np.empty((len(texts), self.dimensions), np.float32)
        place = self._places.__getitem__
        for row, text in zip(counts, texts, strict=True):
            found = np.fromiter(map(place, words(text)), np.intp)
            up, down = np.bincount(found, minlength=2 * self.dimensions).reshape(2, -1)
            row[:] = up - down
        # A word that comes ten times says more than one that comes once, but not
        # ten times as much; else "the" would be what every text is about.
        return normalised(np.sign(counts) * np.log1p(np.abs(counts)))


class _Places(dict[str, int]):
    """Where each word is counted: up, or a vector's length behind that, down.

    Two words that share a place cancel each other out as often as they add up.  By
    MurmurHash3, as scikit-learn's HashingVectorizer has it.
    """

    def __missing__(self, word: str) -> int:
        hashed = mmh3.hash(word)
        place = abs(hashed) % HASHING_DIMENSIONS
        if hashed < 0:
            place += HASHING_DIMENSIONS
        if len(word) <= LONGEST_KNOWN:
            if len(self) >= KNOWN_WORDS:
                self.clear()
            self[word] = place
        return place


class SentenceTransformerEmbedder:
    """A model of the sentence-transformers library, on this machine."""

    def __init__(self, model: str) -> None:
        self.name = f"sentence-transformers:{model}"
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise SettingsError(
                f"embedder {self.name!r} needs a library that is not installed: "
                "pip install 'docprogress[semantic]'"
            ) from error
        try:
            self._model = SentenceTransformer(model)
            made = self._model
            if hasattr(made, "get_embedding_dimension"):
                self.dimensions = int(made.get_embedding_dimension())
            else:  # what it was called before version 5
                self.dimensions = int(made.get_sentence_embedding_dimension())
        except Exception as error:  # it has no error of its own for this
            raise SettingsError(
                f"the model of embedder {self.name!r} cannot be loaded (is its name "
                f"right, and was it downloaded?): {error}"
            ) from error

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        made = self._model.encode(
            list(texts), convert_to_numpy=True, show_progress_bar=False
        )
        return normalised(np.asarray(made, np.float32))


class EndpointEmbedder:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        model: What the endpoint calls it.
        url: The endpoint, without `/embeddings`.
        key: What it is authorised with; None sends nothing.
        batch: How many texts are sent at a time.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        model: str,
        *,
        url: str,
        key: str | None = None,
        batch: int = 64,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._batch = batch
        self._pause = pause
        self._dimensions: int | None = None
        self._key = (key or "").strip()
        # Anything else would be complained of by HTTP's library, which shows it.
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key:
            raise SettingsError("embedding_api_key holds characters that no key has")
        try:
            self._url = httpx.URL(url.rstrip("/") + "/embeddings")
        except httpx.InvalidURL:
            raise SettingsError("embedding_url is not a URL") from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise SettingsError("embedding_url must begin with http:// or https://")
        self._pid = 0
        self._client: httpx.Client | None = None

    def __repr__(self) -> str:
        return f"EndpointEmbedder({self._model!r}, url={redacted(str(self._url))!r})"

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; the endpoint is asked if nobody has yet."""
        if self._dimensions is None:
            self.embed(["dimensions"])
        assert self._dimensions is not None
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        parts = [
            self._ask(list(texts[start : start + self._batch]))
            for start in range(0, len(texts), self._batch)
        ]
        return normalised(np.concatenate(parts))

    def _ask(self, texts: list[str]) -> Vectors:
        trouble = ""
        for attempt in range(1, ATTEMPTS + 1):
            wait = FIRST_PAUSE * 2 ** (attempt - 1)
            try:
                response = self._connection().post(
                    self._url,
                    json={
                        "model": self._model,
                        "input": texts,
                        "encoding_format": "float",
                    },
                )
            except httpx.HTTPError as error:
                trouble = str(error) or type(error).__name__
            else:
                status = response.status_code
                if status == HTTPStatus.OK:
                    return self._vectors(response, len(texts))
                if (
                    status not in _MAY_PASS
                    and status < HTTPStatus.INTERNAL_SERVER_ERROR
                ):
                    raise self._refusal(response)
                trouble = f"it answered {_phrase(status)}"
                wait = max(wait, _retry_after(response))
            if attempt == ATTEMPTS or wait > LONGEST_PAUSE:
                break
            self._pause(wait)
        raise TransientError(
            f"the embedding endpoint {self._url.host} does not answer as it should: "
            f"{self._safe(trouble)}"
        )

    def _connection(self) -> httpx.Client:
        # A connection that was opened before a fork belongs to the parent.
        if self._client is None or self._pid != os.getpid():
            self._client = httpx.Client(
                headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
                timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            )
            self._pid = os.getpid()
        return self._client

    def _vectors(self, response: httpx.Response, count: int) -> Vectors:
        try:
            items = response.json()["data"]
            rows: list[Any] = [None] * count
            for place, item in enumerate(items):
                rows[item.get("index", place)] = item["embedding"]
            made = np.asarray(rows, np.float32)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise self._nonsense("something that is no list of vectors") from error
        if len(items) != count or made.ndim != 2 or not made.size:  # noqa: PLR2004
            raise self._nonsense(f"{len(items)} vectors for {count} texts")
        if not np.isfinite(made).all():
            raise self._nonsense("vectors with numbers that are not finite")
        if self._dimensions not in (None, made.shape[1]):
            raise self._nonsense(
                f"vectors of {made.shape[1]} numbers after those of {self._dimensions}"
            )
        self._dimensions = made.shape[1]
        return made

    def _nonsense(self, what: str) -> TransientError:
        return TransientError(
            f"the embedding endpoint {self._url.host} answered {what} "
            f"(model {self._model!r})"
        )

    def _refusal(self, response: httpx.Response) -> DocumentError:
        status = response.status_code
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            advice = "set embedding_api_key (DOCPROGRESS_EMBEDDING_API_KEY)"
        elif status == HTTPStatus.NOT_FOUND:
            advice = f"is there a model {self._model!r}, and is embedding_url right?"
        elif status < HTTPStatus.BAD_REQUEST:
            advice = "embedding_url must be the address that it redirects to"
        else:
            advice = self._safe(" ".join(response.text.split())[:300])
        return DocumentError(
            f"the embedding endpoint {self._url.host} refused: {_phrase(status)}; "
            f"{advice}"
        )

    def _safe(self, text: str) -> str:
        shown = text.replace(self._key, "***") if self._key else text
        return redacted(shown)


#: What an endpoint answers when it may answer otherwise in a moment.
_MAY_PASS = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}

#: Scripts whose words are not told apart by spaces, or which glue words together:
#: Thai, Lao, Myanmar, Khmer, kana, Han, Hangul.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
#: Arabic vowel signs and the stretching of words: most writers leave them out.
_ARABIC_SIGNS = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670]")


def _marks() -> str:
    """Every sign that is written on a letter; regular expressions end words there."""
    return "".join(
        sign
        for sign in map(chr, range(0x300, 0x10000))
        if unicodedata.category(sign) in ("Mn", "Mc")
    )


# For `str.translate`: small letters, and spaces for all that no word is made of.
_ASCII_LETTERS = "".join(
    sign.lower() if sign.isalnum() else " " for sign in map(chr, range(128))
)
# Signs that most texts have beside ASCII, and that no word is made of: quotes, dashes,
# bullets, arrows, operators, boxes.  Letters and digits among their likes are left out.
_SIGNS = re.compile(
    "[\u00a0-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    "\u2010-\u2027\u2030-\u205e\u2190-\u22ff\u2500-\u25ff]"
)
_PLAIN_WORD = re.compile(r"[^\W_]{2,}")
_NOT_PLAIN = re.compile(rf"[\u0640{_UNSPACED}{_marks()}]")
_WORD = re.compile(
    rf"(?P<unspaced>[{_UNSPACED}]+)|(?:[^\W_{_UNSPACED}][{_marks()}]*){{2,}}"
)


def words(text: str) -> list[str]:
    """What a text is compared by; case and ways to write a letter do not count."""
    if not text.isascii():
        text = _SIGNS.sub(" ", text)
    if text.isascii():
        return [w for w in text.translate(_ASCII_LETTERS).split() if len(w) > 1]
    text = unicodedata.normalize("NFKC", text).casefold()
    if not _NOT_PLAIN.search(text):
        # Most texts, in a fifth of the time.
        return _PLAIN_WORD.findall(text)
    text = _ARABIC_SIGNS.sub("", text)
    found: list[str] = []
    for word in _WORD.finditer(text):
        if word.lastgroup:
            found += word[0]
            found += map("".join, pairwise(word[0]))
        else:
            found.append(word[0])
    return found


def normalised(vectors: Vectors) -> Vectors:
    """The vectors with length 1; those of length 0 stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _retry_after(response: httpx.Response) -> float:
    """The seconds that the server asks to wait, 0 if it does not say."""
    said = response.headers.get("Retry-After", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return 0.0
