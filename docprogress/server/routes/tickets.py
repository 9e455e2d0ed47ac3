"""Tickets: short-lived access for clients that cannot send a token."""

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Depends

from docprogress.errors import InvalidForm
from docprogress.server.dependencies import Authorization
from docprogress.server.openapi import BODY_REFUSALS, REFUSALS
from docprogress.server.schemas import Ticket, TicketRequest
from docprogress.server.state import ServerState
from docprogress.server.subjects import Kind, Subject


def ticket_routes(state: ServerState, authorization: Authorization) -> APIRouter:
    """The route `/tickets`."""
    router = APIRouter(tags=["progress"])

    @router.post(
        "/tickets",
        status_code=HTTPStatus.CREATED,
        responses=BODY_REFUSALS | {code: REFUSALS[code] for code in (401, 422, 429)},
        dependencies=[Depends(authorization.trusted)],
    )
    async def make_ticket(wanted: TicketRequest) -> Ticket:
        """Make a ticket, for a browser's `EventSource`, which cannot send a token.

        Pass it as `?ticket=`. It covers the named documents, runs and cases, and their
        documents.
        """
        subjects = [
            *(Subject(Kind.DOCUMENT, each) for each in wanted.documents),
            *(Subject(Kind.RUN, each) for each in wanted.runs),
            *(Subject(Kind.CASE, each) for each in wanted.cases),
        ]
        limit = state.options.subjects
        if not 0 < len(subjects) <= limit:
            raise InvalidForm(f"name 1 to {limit} documents, runs and cases")
        seconds = min(wanted.seconds, state.options.ticket_seconds)
        ticket, expires_at = state.access.ticket(subjects, seconds=seconds)
        return Ticket(ticket=ticket, expires_at=datetime.fromtimestamp(expires_at, UTC))

    return router
