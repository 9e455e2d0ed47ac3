"""Authentication and authorization of requests, as FastAPI dependencies."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyQuery, HTTPAuthorizationCredentials, HTTPBearer

from docprogress.errors import ForbiddenError, UnauthorizedError
from docprogress.server.middleware import client_address
from docprogress.server.security import Grant
from docprogress.server.state import ServerState
from docprogress.server.subjects import Kind, Subject

#: The cost of a wrong token, in requests of an address's rate limit.
WRONG_TOKEN_COST = 20.0

_Bearer = HTTPBearer(auto_error=False, description="The server's token.")
_TicketQuery = APIKeyQuery(
    name="ticket", auto_error=False, description="A ticket of `POST /tickets`."
)
_BearerHeader = Annotated[HTTPAuthorizationCredentials | None, Depends(_Bearer)]


class Authorization:
    """The dependencies of one application's routes.

    They are coroutines, since FastAPI runs plain functions in a thread.
    """

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def granted(
        self,
        request: Request,
        bearer: _BearerHeader,
        ticket: Annotated[str | None, Depends(_TicketQuery)],
    ) -> Grant:
        """The access that the request has."""
        state = self._state
        try:
            grant = state.access.grant(
                None if bearer is None else bearer.credentials, ticket
            )
        except UnauthorizedError:
            address = client_address(request.scope)
            state.rate_limiter.spend(address, WRONG_TOKEN_COST)
            raise
        await state.start()
        return grant

    async def trusted(self, request: Request, bearer: _BearerHeader) -> None:
        """Require the token: a ticket is not enough."""
        await self.granted(request, bearer, None)

    async def authorize(self, grant: Grant, subjects: Iterable[Subject]) -> None:
        """Check that everything is granted, by its own name or its run's or case's.

        Raises:
            ForbiddenError: Something is not.
        """
        missing = grant.missing(subjects)
        containers: dict[str, set[Subject]] = {}
        documents = [each.id for each in missing if each.kind is Kind.DOCUMENT]
        if documents and grant.names_containers:
            containers = await self._state.backend.containers(documents)
        for subject in missing:
            is_document = subject.kind is Kind.DOCUMENT
            if not (
                is_document and grant.covers(subject, containers.get(subject.id, ()))
            ):
                raise ForbiddenError(
                    f"the ticket does not name the {subject.kind} {subject.id!r}"
                )
