"""Who may see what: one token for everything, tickets for what they name.

A browser's `EventSource` sends no headers, and what stands in a URL ends up in logs:
so a URL holds a ticket, which is good for what it names, and for a few minutes.  A
ticket is signed and not stored: every server that has the token accepts it.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import msgspec

from docprogress.errors import UnauthorizedError
from docprogress.server.sse.client_queue import Kind, Subject

#: The longest ticket that is looked at, in characters.
LONGEST_TICKET = 60_000


class Grant(NamedTuple):
    """What somebody may see; None is everything."""

    subjects: frozenset[Subject] | None

    def lacking(self, subjects: Iterable[Subject]) -> list[Subject]:
        """What of this is not named."""
        if self.subjects is None:
            return []
        return [subject for subject in subjects if subject not in self.subjects]

    @property
    def collective(self) -> bool:
        """Whether it names runs or cases, and with them their documents."""
        return any(kind is not Kind.DOCUMENT for kind, _ in self.subjects or ())

    def opens(self, subject: Subject, holders: Collection[Subject] = ()) -> bool:
        """Whether something may be seen, which is a part of all its `holders`."""
        return self.subjects is None or not self.subjects.isdisjoint(
            (subject, *holders)
        )


class Access:
    """Checks tokens, and makes and checks tickets.

    Args:
        token: What whoever may do everything knows; None lets everybody in.
        clock: The time of day, in seconds since the epoch.
    """

    def __init__(
        self, token: str | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._token = None if token is None else token.encode()
        self._key = hmac.digest(self._token or b"", b"docprogress ticket", "sha256")
        self._clock = clock

    def ticket(self, subjects: Iterable[Subject], *, seconds: float) -> tuple[str, int]:
        """A ticket for these subjects, and until when it is good."""
        until = int(self._clock() + seconds)
        named = sorted((subject.kind.value, subject.id) for subject in subjects)
        content = msgspec.json.encode([until, named])
        return f"{_encoded(content)}.{_encoded(self._signature(content))}", until

    def grant(self, token: str | None, ticket: str | None) -> Grant:
        """What somebody with this token, or this ticket, may see.

        Raises:
            UnauthorizedError: The token is wrong, the ticket is wrong or too old, or
                there is neither.
        """
        if self._token is None:
            return Grant(None)
        if token is not None:
            if not hmac.compare_digest(token.encode(errors="replace"), self._token):
                raise UnauthorizedError("the token is not the server's")
            return Grant(None)
        if ticket is None:
            raise UnauthorizedError(
                "a token is needed: `Authorization: Bearer TOKEN`, or `?ticket=` for "
                "a stream"
            )
        return self._granted(ticket)

    def _granted(self, ticket: str) -> Grant:
        try:
            content, signature = map(_decoded, ticket[:LONGEST_TICKET].split(".", 1))
        except (ValueError, binascii.Error):
            raise UnauthorizedError("this is not a ticket") from None
        if not hmac.compare_digest(signature, self._signature(content)):
            raise UnauthorizedError("the ticket is not this server's")
        # What was signed here needs no more distrust.
        until, named = msgspec.json.decode(content)
        if until <= self._clock():
            raise UnauthorizedError("the ticket has expired")
        return Grant(frozenset(Subject(Kind(kind), name) for kind, name in named))

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
