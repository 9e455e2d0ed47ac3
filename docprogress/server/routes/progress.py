"""Progress: streams, status and history."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from docprogress.errors import DocumentNotFound
from docprogress.events import ProgressEvent, sort_key
from docprogress.server.dependencies import Authorization
from docprogress.server.middleware import client_address
from docprogress.server.openapi import LAST_EVENT_ID, REFUSALS, STREAM, UNKNOWN
from docprogress.server.schemas import DocumentHistory, DocumentStatus, Id
from docprogress.server.security import Grant
from docprogress.server.sse.client_queue import ClientQueue
from docprogress.server.sse.response import close_on_disconnect, open_stream
from docprogress.server.state import ServerState
from docprogress.server.subjects import Kind, Subject


def progress_routes(state: ServerState, authorization: Authorization) -> APIRouter:
    """The routes under `/progress`."""
    router = APIRouter(prefix="/progress", tags=["progress"])
    granted = Annotated[Grant, Depends(authorization.granted)]
    document_id = Annotated[Id, Path(description="Any document's id.")]

    async def stream(
        request: Request,
        grant: Grant,
        subjects: Iterable[Subject],
        *,
        single: bool = False,
        endless: bool = False,
    ) -> Response:
        subjects = frozenset(subjects)
        await authorization.authorize(grant, subjects)
        return await open_stream(
            request,
            subjects,
            broadcaster=state.broadcaster,
            rate_limiter=state.rate_limiter,
            counters=state.counters,
            single=single,
            endless=endless,
        )

    @router.get(
        "/documents/{document_id:path}/stream",
        responses=STREAM,
        response_class=Response,
        openapi_extra=LAST_EVENT_ID,
    )
    async def stream_document(
        request: Request, document_id: document_id, grant: granted
    ) -> Response:
        """Stream the progress of one document, until its final event.

        The id may be unknown: another program may be about to publish. With
        `Last-Event-ID`, missed events are replayed, or the current state is sent if
        they are no longer stored.
        """
        subject = Subject(Kind.DOCUMENT, document_id)
        return await stream(request, grant, [subject], single=True)

    @router.get(
        "/documents/{document_id:path}/status",
        responses=REFUSALS | UNKNOWN,
        response_model=DocumentStatus,
    )
    async def document_status(
        request: Request,
        document_id: document_id,
        grant: granted,
        wait: Annotated[
            float,
            Query(
                ge=0,
                le=3600,
                description="Wait until it changes, up to this many seconds.",
            ),
        ] = 0,
        since: Annotated[
            str | None,
            Query(
                max_length=50,
                description="The last `id` that you have received: "
                "respond at once if it differs.",
            ),
        ] = None,
    ) -> Response:
        """Return a document's current status."""
        subject = Subject(Kind.DOCUMENT, document_id)
        await authorization.authorize(grant, [subject])
        event = await state.backend.newest(document_id)
        if wait and not (event and (event.final or (since and event.id != since))):
            seconds = min(wait, state.options.wait_seconds)
            event = await wait_for_change(state, request, subject, event, seconds)
        if event is None:
            raise DocumentNotFound(document_id)
        content = event.to_dict() | {"error_message": event.error}
        return JSONResponse(content, headers={"cache-control": "no-store"})

    @router.get("/documents/{document_id:path}/history", responses=REFUSALS | UNKNOWN)
    async def document_history(
        document_id: document_id, grant: granted
    ) -> DocumentHistory:
        """Return a document's recent events, and how long its steps took."""
        await authorization.authorize(grant, [Subject(Kind.DOCUMENT, document_id)])
        return await state.backend.history(document_id)

    @router.get(
        "/stream",
        responses=STREAM,
        response_class=Response,
        openapi_extra=LAST_EVENT_ID,
    )
    async def stream_documents(
        request: Request,
        grant: granted,
        document_id: Annotated[
            list[Id],
            Query(
                min_length=1,
                max_length=state.options.subjects,
                description="The documents; repeat it for each of them.",
            ),
        ],
        follow: Annotated[
            bool,
            Query(description="Continue after all have ended, for retries."),
        ] = False,
    ) -> Response:
        """Stream the progress of several documents, until all of them have ended.

        It takes one connection, and a browser opens no more than six.
        """
        subjects = [Subject(Kind.DOCUMENT, each) for each in document_id]
        return await stream(request, grant, subjects, endless=follow)

    @router.get(
        "/runs/{run_id:path}/stream",
        responses=STREAM,
        response_class=Response,
        openapi_extra=LAST_EVENT_ID,
    )
    async def stream_run(
        request: Request,
        run_id: Annotated[Id, Path(description="A run's id.")],
        grant: granted,
    ) -> Response:
        """Stream the progress of a run's documents, until all of them have ended."""
        return await stream(request, grant, [Subject(Kind.RUN, run_id)])

    @router.get(
        "/cases/{case_id:path}/stream", responses=STREAM, response_class=Response
    )
    async def stream_case(
        request: Request,
        case_id: Annotated[Id, Path(description="A case's id.")],
        grant: granted,
    ) -> Response:
        """Stream the progress of a case's documents, including new ones."""
        return await stream(request, grant, [Subject(Kind.CASE, case_id)])

    return router


async def wait_for_change(
    state: ServerState,
    request: Request,
    subject: Subject,
    event: ProgressEvent | None,
    seconds: float,
) -> ProgressEvent | None:
    """The document's newest event once it has changed, or after the timeout."""
    broadcaster, address = state.broadcaster, client_address(request.scope)
    state.rate_limiter.open_stream(address)
    client = ClientQueue([subject], abort=lambda: None)
    watching = asyncio.create_task(close_on_disconnect(request.receive, client))
    try:
        broadcaster.join(client)
        async with asyncio.timeout(seconds):
            while not client.closed:
                client.wake.clear()
                newest = broadcaster.newest(subject.id)
                if newest is not None and _differs(newest, event):
                    return newest
                await client.wake.wait()
    except TimeoutError:
        pass  # nothing has changed
    finally:
        watching.cancel()
        broadcaster.leave(client)
        state.rate_limiter.close_stream(address)
    return event


def _differs(newest: ProgressEvent, event: ProgressEvent | None) -> bool:
    if event is None:
        return True
    return sort_key(newest) > sort_key(event) or (
        newest.id is None and newest.timestamp > event.timestamp
    )
