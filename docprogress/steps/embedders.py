"""What turns texts into vectors: on this machine, by a model, or by an endpoint."""

import json
import math
import os
import re
import ssl
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from itertools import pairwise
from typing import Any, Protocol

import httpx
import mmh3
import numpy as np
from numpy.typing import NDArray

from docprogress.errors import (
    DocumentError,
    ServiceUnavailable,
    SettingsError,
    TransientError,
)
from docprogress.settings import redacted
from docprogress.steps.answers import (
    AWAY,
    ERROR_BYTES,
    LONGEST_SHOWN,
    MAY_PASS,
    TooLarge,
    out_of_quota,
    phrase,
    refuses_size,
    retry_after,
    said,
)
from docprogress.steps.tokens import estimated, split

#: Numbers in a vector of the hashing embedder.
HASHING_DIMENSIONS = 1024

#: Words of which it remembers where they are counted, and the longest of them, in
#: characters: some 5 MB in each process.
KNOWN_WORDS = 50_000
LONGEST_KNOWN = 40

#: Answered requests after which an endpoint is given more at a time again.
CALM_REQUESTS = 20

#: How often an endpoint is asked at once, the pause after the first time in seconds
#: (doubled for each one after it), and the longest pause that it may ask for.  For
#: what takes longer, the document gives its worker free.
ATTEMPTS = 3
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 2.0

#: Seconds that an endpoint may take to accept a connection, and to answer.
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0

#: How many times as long an answer may take that does not stop coming.
SLOW_ANSWER = 5

#: The most bytes of an answer, and for each text.
ANSWER_BYTES = 4 * 1024 * 1024
TEXT_BYTES = 1024 * 1024

#: Tokens of a text that any model takes: if it is refused, its length is not why.  The
#: second one is for endpoints that do not say why.
SHORT_TEXT = 16
SHORT_ENOUGH = 128

#: The smallest window that an endpoint is believed to have, in tokens.
SHORT_WINDOW = 64

Vectors = NDArray[np.float32]

#: A text in parts that fit into a model's window, each with its tokens.
Parts = list[tuple[str, int]]


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
            ServiceUnavailable: It is known to be away, or to limit its use.
        """

    def parts(self, texts: Sequence[str]) -> Iterator[Vectors]:
        """The same, some rows at a time: what is there is kept if the rest fails."""


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

    def parts(self, texts: Sequence[str]) -> Iterator[Vectors]:
        yield self.embed(texts)


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
    """A model of the sentence-transformers library, on this machine.

    The library cuts off, without a word, what does not fit into the model's window.
    Here such a text is embedded in parts.

    Args:
        model: Its name, or its folder.
        window: The most tokens of a text, if that is less than the model says.
    """

    def __init__(self, model: str, *, window: int | None = None) -> None:
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
        self._window = min(window or math.inf, _window(made))
        prompts = getattr(made, "prompts", None) or {}
        self._prompt = prompts.get(getattr(made, "default_prompt_name", None)) or ""

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        whole = [self._split(text) for text in texts]
        made = self._model.encode(
            [part for parts in whole for part, _ in parts],
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return _joined(whole, np.asarray(made, np.float32))

    def parts(self, texts: Sequence[str]) -> Iterator[Vectors]:
        yield self.embed(texts)

    def _split(self, text: str) -> list[tuple[str, int]]:
        if math.isinf(self._window):
            return [(text, 1)]
        return split(text, int(self._window), self._count)

    def _count(self, text: str) -> int:
        """How many tokens the model makes of a text, with those that it adds."""
        tokenizer = self._model.tokenizer
        text = self._prompt + text
        if hasattr(tokenizer, "encode_batch"):  # the library `tokenizers` itself
            # It may have been told to cut off.
            tokenizer.no_truncation()
            return len(tokenizer.encode(text).ids)
        if callable(tokenizer):
            return len(tokenizer(text, truncation=False, verbose=False)["input_ids"])
        return estimated(text)


def _window(model: Any) -> float:
    """How many tokens a model of sentence-transformers takes; infinite if any."""
    try:
        said = model.max_seq_length
    except AttributeError:  # its first module has no such limit
        return math.inf
    return float(said) if said else math.inf


class EndpointEmbedder:
    """A model behind an OpenAI-compatible endpoint.

    It learns what the endpoint takes: a request that is refused as too large is sent
    in halves, and a text that is refused as too long in parts.

    Args:
        model: What the endpoint calls it.
        url: The endpoint, without `/embeddings`.
        key: What it is authorised with; None sends nothing.
        batch: How many texts are sent at a time.
        batch_tokens: How many tokens are, by estimate.
        window: The most tokens of a text, by estimate; None: what is refused tells.
        seconds: How long it may take to answer.
        pause: Waits for so many seconds.
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
        seconds: float = ANSWER_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = f"openai:{model}"
        self._model = model
        # The most texts in a request, and what that is at present.
        self._most = self._batch = batch
        # Requests that were answered since the last time-out.
        self._calm = 0
        self._batch_tokens = batch_tokens
        self._window: float = window or math.inf
        self._seconds = seconds
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
        return np.concatenate(list(self.parts(texts)))

    def parts(self, texts: Sequence[str]) -> Iterator[Vectors]:
        start, most, refused = 0, self._batch, 0
        while start < len(texts):
            group = self._group(texts[start : start + most])
            try:
                made = self._made(group)
            except TooLarge as error:
                if len(group) == 1:
                    made = self._in_parts(texts[start], error)
                    # That text was why, then, also before.
                    most, refused = self._batch, 0
                else:
                    most, refused = len(group) // 2, _tokens(group)
                    if error.count:
                        self._most = self._batch = most
                    continue
            if refused:
                # It was the size, then, and will be the next time.
                self._batch_tokens = min(self._batch_tokens, max(1, refused // 2))
                refused = 0
            elif self._batch < self._most:
                # A time-out made it smaller.
                self._calm += 1
                if self._calm >= CALM_REQUESTS:
                    grown = min(self._batch * 2, self._most)
                    most = grown if most == self._batch else most
                    self._batch, self._calm = grown, 0
            start += len(group)
            yield made

    def _group(self, texts: Sequence[str]) -> list[Parts]:
        """The first texts that fit into a request, each in its parts; at least one."""
        group: list[Parts] = []
        tokens = count = 0
        for text in texts:
            parts = split(text, int(min(self._window, MOST_TOKENS)))
            tokens += sum(of_part for _, of_part in parts)
            count += len(parts)
            if group and (tokens > self._batch_tokens or count > self._batch):
                break
            group.append(parts)
        return group

    def _made(self, group: list[Parts]) -> Vectors:
        """A row for each text: as many requests as it takes for their parts.

        Raises:
            TooLarge: One of the requests is refused.
        """
        rows: list[Vectors] = []
        request: list[str] = []
        held = 0
        for part, tokens in (found for parts in group for found in parts):
            full = len(request) >= self._batch or held + tokens > self._batch_tokens
            if request and full:
                rows.append(self._ask(request))
                request, held = [], 0
            request.append(part)
            held += tokens
        rows.append(self._ask(request))
        return _joined(group, np.concatenate(rows))

    def _in_parts(self, text: str, error: TooLarge) -> Vectors:
        """The row of a text that is refused: of ever smaller parts of it."""
        batch, tokens = self._batch, self._batch_tokens
        window = min(self._window, estimated(text))
        parts = split(text, int(window))
        try:
            while True:
                if error.texts > 1:
                    # Two parts together: it need not be that they are too long.
                    self._batch = max(1, error.texts // 2)
                elif window <= (SHORT_TEXT if error.sure else SHORT_ENOUGH):
                    raise error.refusal
                else:
                    window = self._smaller(window, parts, error)
                    parts = split(text, window)
                try:
                    made = self._made([parts])
                except TooLarge as again:
                    error = again
                else:
                    self._window = window
                    return made
        finally:
            self._batch, self._batch_tokens = batch, tokens

    def _smaller(self, window: float, parts: Parts, error: TooLarge) -> int:
        """How many tokens a part may have, after one with more was refused."""
        longest = min(window, max(tokens for _, tokens in parts))
        if error.sure and error.window and SHORT_WINDOW <= error.window < longest:
            return error.window
        return int(longest) // 2

    def _ask(self, texts: list[str]) -> Vectors:
        for attempt in range(1, ATTEMPTS + 1):
            wait = FIRST_PAUSE * 2 ** (attempt - 1)
            try:
                return self._asked(texts)
            except ServiceUnavailable as error:
                asked = error.seconds or 0.0
                slow = isinstance(error.__cause__, httpx.TimeoutException)
                if attempt == ATTEMPTS or asked > LONGEST_PAUSE or slow:
                    raise
                wait = max(wait, asked)
            except TransientError:
                if attempt == ATTEMPTS:
                    raise
            self._pause(wait)
        raise AssertionError  # never: the last attempt raises

    def _asked(self, texts: list[str]) -> Vectors:
        """What the endpoint answers to one request.

        Raises:
            TooLarge: It may take less.
            DocumentError: It refuses.
            ServiceUnavailable: It is away, or limits its use.
            TransientError: It answers nonsense.
        """
        body = {
            "model": self._model,
            # What is no Unicode cannot be sent.
            "input": [text.encode("utf-8", "replace").decode() for text in texts],
            "encoding_format": "float",
        }
        try:
            with self._connection().stream("POST", self._url, json=body) as response:
                good = response.status_code == HTTPStatus.OK
                most = ANSWER_BYTES + len(texts) * TEXT_BYTES
                content = self._read(response, most if good else ERROR_BYTES)
        except httpx.TimeoutException as error:
            if not isinstance(error, httpx.ConnectTimeout):
                # Perhaps it was too much at a time.
                self._batch = max(1, min(self._batch, len(texts)) // 2)
                self._calm = 0
            raise self._away("no answer", str(error) or "it timed out") from error
        except httpx.LocalProtocolError as error:
            raise DocumentError(
                f"the embedding endpoint {self._url.host} cannot be asked: "
                f"{self._safe(str(error))}"
            ) from error
        except httpx.ConnectError as error:
            if _wrong_certificate(error):
                raise DocumentError(
                    f"the certificate of the embedding endpoint {self._url.host} is "
                    f"not accepted: {self._safe(str(error))}"
                ) from error
            raise self._away("it cannot be reached", str(error)) from error
        except httpx.TransportError as error:
            raise self._away("the connection was lost", str(error)) from error
        except httpx.HTTPError as error:
            raise self._trouble(str(error) or type(error).__name__) from error
        if good:
            if len(content) > most:
                raise self._nonsense(f"more than {most} bytes")
            return self._vectors(content, len(texts))
        raise self._refusal(response, said(content), len(texts))

    def _read(self, response: httpx.Response, most: int) -> bytes:
        """The body, or a little more than so many bytes of it."""
        content = bytearray()
        deadline = time.monotonic() + SLOW_ANSWER * self._seconds
        for part in response.iter_bytes():
            content += part
            if len(content) > most:
                break
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("it does not come to the end of its answer")
        return bytes(content)

    def _connection(self) -> httpx.Client:
        # A connection that was opened before a fork belongs to the parent.
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

    def _trouble(self, what: str) -> TransientError:
        return TransientError(self._complaint(what))

    def _complaint(self, what: str) -> str:
        return (
            f"the embedding endpoint {self._url.host} does not answer as it should: "
            f"{self._safe(what)}"
        )

    def _away(
        self, reason: str, what: str, seconds: float | None = None
    ) -> ServiceUnavailable:
        return ServiceUnavailable(
            self._complaint(what or reason),
            service="the embedding endpoint",
            reason=reason,
            seconds=seconds,
        )

    def _refusal(self, response: httpx.Response, text: str, count: int) -> Exception:
        """What an answer that is no success is raised as."""
        status = response.status_code
        limited = status == HTTPStatus.TOO_MANY_REQUESTS
        size = refuses_size(status, text)
        if size is not False:
            refusal = self._refused(status, self._safe(text[:LONGEST_SHOWN]))
            return TooLarge(refusal, text, texts=count, sure=bool(size))
        if (limited and not out_of_quota(text)) or status in AWAY:
            reason = "rate limit" if limited else phrase(status)
            what = f"it answered {phrase(status)}"
            return self._away(reason, what, retry_after(response))
        if status in MAY_PASS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            shown = f": {text[:LONGEST_SHOWN]}" if text else ""
            return self._trouble(f"it answered {phrase(status)}{shown}")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            advice = "set embedding_api_key (DOCPROGRESS_EMBEDDING_API_KEY)"
        elif status == HTTPStatus.NOT_FOUND:
            advice = f"is there a model {self._model!r}, and is embedding_url right?"
        elif status < HTTPStatus.BAD_REQUEST:
            advice = "embedding_url must be the address that it redirects to"
        else:
            advice = self._safe(text[:LONGEST_SHOWN])
        return self._refused(status, advice)

    def _refused(self, status: int, advice: str) -> DocumentError:
        return DocumentError(
            f"the embedding endpoint {self._url.host} refused: {phrase(status)}; "
            f"{advice}"
        )

    def _safe(self, text: str) -> str:
        shown = text.replace(self._key, "***") if self._key else text
        return redacted(shown)


#: No text has as many tokens as this.
MOST_TOKENS = 1 << 40


def _tokens(group: list[Parts]) -> int:
    return sum(tokens for parts in group for _, tokens in parts)


def _joined(whole: Sequence[Parts], rows: Vectors) -> Vectors:
    """A row for each text: the mean of those of its parts, by their tokens."""
    rows = normalised(rows)
    if len(rows) == len(whole):
        return rows
    joined = np.empty((len(whole), rows.shape[1]), np.float32)
    start = 0
    for row, parts in zip(joined, whole, strict=True):
        weights = [tokens for _, tokens in parts]
        row[:] = np.average(rows[start : start + len(parts)], axis=0, weights=weights)
        start += len(parts)
    return normalised(joined)


def _wrong_certificate(error: BaseException | None) -> bool:
    """Whether a connection failed over the server's certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


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
_PAIR = 2
_UNSPACED_ONLY = re.compile(f"[{_UNSPACED}]+")
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


class Evidence:
    """What a text must contain to share anything with a query.

    That is one of the query's words.  Of scripts without spaces it is a pair of
    characters, or a character that stands alone in the query.
    """

    def __init__(self, query: str) -> None:
        found = set(words(query))
        pairs = {w for w in found if len(w) == _PAIR and _UNSPACED_ONLY.fullmatch(w)}
        self._words = found - set("".join(pairs))

    def __bool__(self) -> bool:
        return bool(self._words)

    def found_in(self, text: str) -> bool:
        """Whether the text contains one of the words."""
        if text.isascii():
            # Much faster, and enough to rule out most texts.
            lower = text.lower()
            if not any(word in lower for word in self._words):
                return False
        return not self._words.isdisjoint(words(text))


def normalised(vectors: Vectors) -> Vectors:
    """The vectors with length 1; those of length 0 stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
