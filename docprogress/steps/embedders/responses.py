"""Interpret the errors of embedding endpoints: retry, send less, or fail.

OpenAI-compatible endpoints agree on successful responses, and on little else. A text
that is too long causes a 400, 413, 422 or 500, explained in prose.
"""

import json
import math
import re
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from docprogress.errors import DocumentError

#: The maximum number of bytes of an error that are read.
ERROR_BYTES = 64 * 1024

#: The longest error that is shown, in characters.
LONGEST_SHOWN = 300

#: Statuses of an unavailable service, from the server or a proxy. The last ones are
#: Cloudflare's.
UNAVAILABLE = frozenset((408, 502, 503, 504, *range(520, 525), 529, 530))

#: Statuses worth an immediate retry: a conflict, too early, a failed backend.
RETRYABLE = frozenset((409, 424, 425))

#: Statuses of responses to too many texts, or to one that is too long.
_SIZE_STATUSES = frozenset((400, 413, 422, 429, 500))

_SIZE = re.compile(
    r"too (large|long|many (tokens|inputs|texts|items))|context.?(length|window|size)"
    r"|(maximum|max|limit|exceed)\w*\b.{0,60}\b(tokens?|length|batch|inputs?|size)\b"
    r"|tokens?\b.{0,40}\b(limit|maximum|exceed)"
    r"|(less|fewer|more) than \d+ (tokens|inputs|texts|items)"
    r"|(batch|payload|body|input|request) (size|length|is too)"
    r"|reduce (the|your) (length|size|number|input)",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"model_not_found|invalid_api_key|invalid_model|api.?key|unauthori[sz]ed"
    r"|model\b.{0,80}\b(not (found|exist|available|supported)|unknown)"
    r"|(unknown|no such|invalid|unsupported) model|does not exist",
    re.IGNORECASE,
)
_WINDOWS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"context (?:length|window|size)\D{0,30}(\d+)",
        r"less than (\d+) tokens",
        r"max(?:imum)?\D{0,40}?(\d+) tokens",
        r"(?:limit|maximum|at most|up to)\D{0,20}(\d+)",
    )
)
_COUNT = re.compile(
    r"batch.?size|too many (inputs|texts|items)|number of (inputs|texts|items)"
    r"|array|more than \d+ (inputs|texts|items)",
    re.IGNORECASE,
)
# llama.cpp's term for the tokens of a text.
_PHYSICAL = re.compile(r"(physical|current) batch size", re.IGNORECASE)
_QUOTA = re.compile(
    r"insufficient_quota|billing|exceeded your current quota", re.IGNORECASE
)


class TooLarge(Exception):  # noqa: N818 - reads as a fact
    """Raised when a request is rejected, perhaps because of its size.

    Args:
        rejection: The error to raise if smaller requests are rejected too.
        text: The endpoint's message.
        texts: The number of texts in the request.
        sure: Whether the message names the size as the reason.
    """

    def __init__(
        self, rejection: DocumentError, text: str, *, texts: int, sure: bool
    ) -> None:
        super().__init__(str(rejection))
        self.rejection = rejection
        self.texts = texts
        self.sure = sure
        #: Whether there were too many texts, not too many tokens.
        self.too_many = bool(_COUNT.search(_PHYSICAL.sub("", text)))
        #: The maximum number of tokens of a text, if the message says so.
        self.window = next(
            (int(found[1]) for pattern in _WINDOWS if (found := pattern.search(text))),
            None,
        )


def rejects_size(status: int, text: str) -> bool | None:
    """Whether a request was rejected for its size; None if that is unclear."""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return True
    if status not in _SIZE_STATUSES:
        return False
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        # The request has more tokens than the limit for a minute.
        return "request too large" in text.lower()
    if _SIZE.search(text):
        return True
    if status not in (400, 422) or _OTHER.search(text):
        return False
    return None


def out_of_quota(text: str) -> bool:
    """Whether a 429 means that a paid quota is used up, so that waiting is no use."""
    return bool(_QUOTA.search(text))


def error_message(body: bytes) -> str:
    """The message in an error's body, as one line."""
    text = body.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except ValueError:
        # An HTML page, probably from a proxy.
        text = re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", text)
    else:
        text = _message(found) or text
    return " ".join(text.split())


def _message(found: object) -> str:
    if isinstance(found, str):
        return found
    if not isinstance(found, dict):
        return ""
    for name in ("error", "message", "detail"):
        if inner := found.get(name):
            shown = _message(inner) or json.dumps(inner, ensure_ascii=False)
            code = found.get("code")
            return f"{shown} ({code})" if isinstance(code, str) else shown
    return ""


def phrase(status: int) -> str:
    """A status with its phrase: `429 Too Many Requests`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def retry_after(response: httpx.Response) -> float | None:
    """The seconds of a `Retry-After` header; None without one."""
    given = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(given).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else max(0.0, seconds)
