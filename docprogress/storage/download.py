"""Bytes from web servers, which may answer anything, slowly, or never."""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from importlib.metadata import version

import httpx

from docprogress.errors import LimitExceeded, TransientError, Unreadable
from docprogress.settings import redacted
from docprogress.storage.incoming import Incoming, too_large

#: How many redirects are followed.
REDIRECTS = 5

#: Seconds of silence after which a server is taken for dead, if the whole may
#: take longer.
SILENCE = 30.0

#: How many bytes are looked at to tell an HTML page from what was asked for.
HEAD = 512

_HTML = re.compile(rb"(?i)[\xef\xbb\xbf\s]*<(?:!doctype\s+html|html|head)[\s>]")

_MAY_PASS = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def download(
    url: str,
    incoming: Incoming,
    *,
    seconds: float,
    told: Callable[[int, int | None], None],
) -> None:
    """Write what `url` gives to `incoming`.

    Raises:
        LimitExceeded: It is too large, or takes longer than `seconds`.
        Unreadable: The server refuses, or gives something else.
        TransientError: The server may give it later.
    """
    name = incoming.name
    try:
        # Only a loop can end a wait for a server that sends a byte now and then.
        asyncio.run(_within(seconds, url, incoming, told))
    except TimeoutError:
        raise LimitExceeded(
            f"{name}: the download took longer than {seconds:g} seconds "
            "(download_seconds)"
        ) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Unreadable(
            f"{name}: not a URL that can be fetched: {_said(error)}"
        ) from None
    except httpx.TooManyRedirects:
        raise Unreadable(
            f"{name}: the server redirects more than {REDIRECTS} times"
        ) from None
    except (httpx.DecodingError, httpx.LocalProtocolError) as error:
        raise Unreadable(
            f"{name}: the server's answer is broken: {_said(error)}"
        ) from None
    except httpx.TransportError as error:
        raise TransientError(f"{name}: the download failed: {_said(error)}") from error
    if not incoming.size:
        raise Unreadable(f"{name}: the server sent nothing")


async def _within(
    seconds: float,
    url: str,
    incoming: Incoming,
    told: Callable[[int, int | None], None],
) -> None:
    async with asyncio.timeout(seconds):
        await _download(url, incoming, told)


async def _download(
    url: str, incoming: Incoming, told: Callable[[int, int | None], None]
) -> None:
    headers = {
        "User-Agent": f"docprogress/{version('docprogress')}",
        # A document is compressed already, and its length is to be known.
        "Accept-Encoding": "identity",
    }
    async with (
        httpx.AsyncClient(
            headers=headers,
            timeout=SILENCE,
            follow_redirects=True,
            max_redirects=REDIRECTS,
        ) as client,
        client.stream("GET", url) as response,
    ):
        _check_status(response, incoming.name)
        total = _declared(response)
        if total is not None and total > incoming.max_bytes:
            raise too_large(incoming.name, total, incoming.max_bytes)
        head = b""
        async for block in response.aiter_bytes():
            if len(head) < HEAD:
                head += block[:HEAD]
                _check_promise(incoming.name, head)
            incoming.write(block)
            told(incoming.size, total)


def _check_status(response: httpx.Response, name: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    answer = f"{name}: the server answered {status} {response.reason_phrase}".rstrip()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _MAY_PASS:
        raise TransientError(answer)
    raise Unreadable(answer)


def _declared(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    if "Content-Encoding" in response.headers or not length.isdecimal():
        return None
    return int(length)


def _check_promise(name: str, head: bytes) -> None:
    wanted = {"pdf": "a PDF", "docx": "a DOCX"}.get(name.rpartition(".")[2].lower())
    if wanted and _HTML.match(head):
        raise Unreadable(
            f"{name}: the server sent an HTML page instead of {wanted} (a login page?)"
        )


def _said(error: Exception) -> str:
    return redacted(str(error)) or type(error).__name__
