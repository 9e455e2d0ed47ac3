"""Authorization: one token for everything, and tickets for named subjects.

A browser's `EventSource` cannot send headers, and URLs end up in logs. So a URL holds
a ticket, which grants access to its subjects for a few minutes. A ticket is signed, not
stored: every server with the same token accepts it.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from itsdangerous import BadData, BadSignature, URLSafeSerializer

from docprogress.errors import UnauthorizedError
from docprogress.server.subjects import Kind, Subject

#: The maximum length of a ticket, in characters.
MAX_TICKET_LENGTH = 60_000


class Grant(NamedTuple):
    """The subjects that a request may access; None means all."""

    subjects: frozenset[Subject] | None

    def missing(self, subjects: Iterable[Subject]) -> list[Subject]:
        """Those of the subjects that are not named."""
        if self.subjects is None:
            return []
        return [subject for subject in subjects if subject not in self.subjects]

    @property
    def names_containers(self) -> bool:
        """Whether it names runs or cases, and so covers their documents."""
        return any(kind is not Kind.DOCUMENT for kind, _ in self.subjects or ())

    def covers(self, subject: Subject, containers: Collection[Subject] = ()) -> bool:
        """Whether it names the subject, or a run or case containing it."""
        return self.subjects is None or not self.subjects.isdisjoint(
            (subject, *containers)
        )


class Access:
    """Checks tokens, and makes and checks tickets.

    Args:
        token: The token that grants access to everything; None requires none.
        clock: The time in seconds since the epoch.
    """

    def __init__(
        self, token: str | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._token = None if token is None else token.encode()
        self._serializer = URLSafeSerializer(
            self._token or b"",
            salt=b"docprogress ticket",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        self._clock = clock

    def ticket(self, subjects: Iterable[Subject], *, seconds: float) -> tuple[str, int]:
        """A ticket for these subjects, and when it expires, since the epoch."""
        expires_at = int(self._clock() + seconds)
        named = sorted((subject.kind.value, subject.id) for subject in subjects)
        return str(self._serializer.dumps([expires_at, named])), expires_at

    def grant(self, token: str | None, ticket: str | None) -> Grant:
        """The access of a request with this token, or otherwise this ticket.

        Raises:
            UnauthorizedError: The token or ticket is wrong or has expired, or there
                is neither.
        """
        if self._token is None:
            return Grant(None)
        if token is not None:
            if not hmac.compare_digest(token.encode(errors="replace"), self._token):
                raise UnauthorizedError("the token is wrong")
            return Grant(None)
        if ticket is None:
            raise UnauthorizedError(
                "a token is required: `Authorization: Bearer TOKEN`, or `?ticket=` for "
                "a stream"
            )
        return self._ticket_grant(ticket)

    def _ticket_grant(self, ticket: str) -> Grant:
        try:
            expires_at, named = self._serializer.loads(ticket[:MAX_TICKET_LENGTH])
        except BadSignature:
            raise UnauthorizedError(
                "the ticket was not issued by this server"
            ) from None
        except BadData:
            raise UnauthorizedError("the ticket is malformed") from None
        if expires_at <= self._clock():
            raise UnauthorizedError("the ticket has expired")
        return Grant(frozenset(Subject(Kind(kind), id_) for kind, id_ in named))
