"""Translate errors of Redis clients into unavailability and rejections.

A `BusRefused` says what to do about a password, certificate or permission, and never
contains a secret.
"""

import re
import ssl
from collections.abc import Iterator
from importlib.resources import files

from redis import sentinel
from redis.asyncio import sentinel as asyncio_sentinel
from redis.exceptions import AuthenticationError, NoPermissionError

from docprogress.errors import BusError, BusRefused
from docprogress.settings import redacted

_NO_PRIMARY = (sentinel.MasterNotFoundError, asyncio_sentinel.MasterNotFoundError)

#: TLS connections that were closed, which is no refusal.
_CLOSED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def translate_error(error: BaseException) -> BusError:
    """The `BusError` or `BusRefused` for an error of a Redis client."""
    for cause in _causes(error):
        if isinstance(cause, _NO_PRIMARY) and not is_untrusted(error):
            return _no_primary(str(cause))
    for cause in _causes(error):
        if (reason := _refusal(cause)) is not None:
            return BusRefused(f"Redis refuses: {redacted(reason)}")
    return BusError(f"Redis cannot be reached: {redacted(str(error))}")


def is_untrusted(error: BaseException) -> bool:
    """Whether the server's certificate was rejected."""
    return any(isinstance(e, ssl.SSLCertVerificationError) for e in _causes(error))


def _no_primary(text: str) -> BusError:
    """The sentinels' errors, without redis-py's description of each connection."""
    service = text.partition("'")[2].partition("'")[0]
    names = dict.fromkeys(re.findall(r" - (?:\w+:)?(\w+Error)\b", text))
    if "AuthenticationError" in names:
        return BusRefused(
            "Redis refuses: the username or password of the sentinels is wrong; set "
            "them in the URL as ?sentinel_username=…&sentinel_password=…"
        )
    errors = f" ({', '.join(names)})" if names else ""
    reason = f"no sentinel reports a primary of the service {service!r}{errors}"
    return BusError(f"Redis cannot be reached: {reason}")


def _refusal(error: BaseException) -> str | None:
    """Why waiting will not help; None where it may."""
    text = str(error)
    if isinstance(error, AuthenticationError):
        return "the username or password is wrong; set them in the URL"
    if isinstance(error, ssl.SSLError) and not isinstance(error, _CLOSED):
        return _refused_encryption(error)
    rights = files("docprogress.bus").joinpath("redis.acl")
    no_right = f"{text.rstrip('.')}; {rights} lists the permissions its user needs"
    if isinstance(error, NoPermissionError):
        return no_right
    reasons = {
        "ACL failure in script": no_right,
        "The user executing the script can't": no_right,
        "DB index is out of range": "it has no database of the URL's number",
        "over TLS": "it requires TLS: rediss://",
    }
    return next((reasons[part] for part in reasons if part in text), None)


def _refused_encryption(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}); name a private "
            "authority in the URL: rediss://HOST:PORT?ssl_ca_certs=FILE"
        )
    return (
        f"TLS failed ({error.reason or error}); check that the port speaks TLS, and, "
        "if the server wants a client certificate, name it in the URL as "
        "?ssl_certfile=FILE&ssl_keyfile=FILE"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        current = current.__cause__ or current.__context__
