"""Downloads from web servers, which may respond with anything, slowly, or never."""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from importlib.metadata import version

import httpx

from docprogress.errors import LimitExceeded, TransientError, Unreadable
from docprogress.settings import redacted
from docprogress.storage.incoming import Incoming, too_large

MAX_REDIRECTS = 5

#: Seconds without a byte after which a server counts as dead.
IDLE_TIMEOUT = 30.0

#: Bytes that are inspected to detect an HTML page in place of a document.
SNIFFED_BYTES = 512

_HTML = re.compile(rb"(?i)[\xef\xbb\xbf\s]*<(?:!doctype\s+html|html|head)[\s>]")

_TRANSIENT_STATUSES = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def download(
    url: str,
    incoming: Incoming,
    *,
    seconds: float,
    on_progress: Callable[[int, int | None], None],
) -> None:
    """Write the content of `url` to `incoming`.

    Args:
        url: `http://` or `https://`.
        incoming: The file to write.
        seconds: Time limit for the whole download.
        on_progress: Called with the bytes received and the total, if it is known.

    Raises:
        LimitExceeded: It is too large, or takes longer than `seconds`.
        Unreadable: The server refuses, or sends something else.
        TransientError: A later attempt may succeed.
    """
    name = incoming.name

    async def within_limit() -> None:
        # httpx's timeouts are for each read: a server that sends a byte now and
        # then never exceeds them.
        async with asyncio.timeout(seconds):
            await _download(url, incoming, on_progress)

    try:
        asyncio.run(within_limit())
    except TimeoutError:
        raise LimitExceeded(
            f"{name}: the download took longer than {seconds:g} seconds "
            "(download_seconds)"
        ) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Unreadable(
            f"{name}: not a URL that can be fetched: {_describe(error)}"
        ) from None
    except httpx.TooManyRedirects:
        raise Unreadable(
            f"{name}: the server redirects more than {MAX_REDIRECTS} times"
        ) from None
    except (httpx.DecodingError, httpx.LocalProtocolError) as error:
        raise Unreadable(
            f"{name}: the server's response is malformed: {_describe(error)}"
        ) from None
    except httpx.TransportError as error:
        raise TransientError(
            f"{name}: the download failed: {_describe(error)}"
        ) from error
    if not incoming.size:
        raise Unreadable(f"{name}: the server sent nothing")


async def _download(
    url: str, incoming: Incoming, on_progress: Callable[[int, int | None], None]
) -> None:
    headers = {
        "User-Agent": f"docprogress/{version('docprogress')}",
        # Documents are compressed already, and a compressed response has no
        # Content-Length of the document.
        "Accept-Encoding": "identity",
    }
    async with (
        httpx.AsyncClient(
            headers=headers,
            timeout=IDLE_TIMEOUT,
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
        ) as client,
        client.stream("GET", url) as response,
    ):
        _check_status(response, incoming.name)
        total = _content_length(response)
        if total is not None and total > incoming.max_bytes:
            raise too_large(incoming.name, total, incoming.max_bytes)
        head = b""
        async for block in response.aiter_bytes():
            if len(head) < SNIFFED_BYTES:
                head += block[:SNIFFED_BYTES]
                _check_type(incoming.name, head)
            incoming.write(block)
            on_progress(incoming.size, total)


def _check_status(response: httpx.Response, name: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    answer = f"{name}: the server answered {status} {response.reason_phrase}".rstrip()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT_STATUSES:
        raise TransientError(answer)
    raise Unreadable(answer)


def _content_length(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    if "Content-Encoding" in response.headers or not length.isdecimal():
        return None
    return int(length)


def _check_type(name: str, head: bytes) -> None:
    wanted = {"pdf": "a PDF", "docx": "a DOCX"}.get(name.rpartition(".")[2].lower())
    if wanted and _HTML.match(head):
        raise Unreadable(
            f"{name}: the server sent an HTML page instead of {wanted} (a login page?)"
        )


def _describe(error: Exception) -> str:
    return redacted(str(error)) or type(error).__name__
