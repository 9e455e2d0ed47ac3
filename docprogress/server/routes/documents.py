"""Documents: upload, list, retry and cancel."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from docprogress.events import Status
from docprogress.server.dependencies import Authorization
from docprogress.server.openapi import (
    BODY_REFUSALS,
    REFUSALS,
    UNKNOWN,
    UPLOAD_BODY,
    UPLOAD_REFUSALS,
)
from docprogress.server.schemas import (
    Changed,
    DocumentDetails,
    DocumentList,
    Id,
    RetryRequest,
    Uploaded,
    json_body,
)
from docprogress.server.security import Grant
from docprogress.server.state import ServerState
from docprogress.server.subjects import Kind, Subject
from docprogress.server.uploads import receive
from docprogress.store import DocumentRow

#: The maximum length of a cursor, in characters.
MAX_CURSOR_LENGTH = 2_000

#: The maximum length of a search, in characters.
MAX_SEARCH_LENGTH = 500


def document_routes(state: ServerState, authorization: Authorization) -> APIRouter:
    """The routes under `/documents`."""
    router = APIRouter(prefix="/documents", tags=["documents"])
    trusted = [Depends(authorization.trusted)]
    granted = Annotated[Grant, Depends(authorization.granted)]
    document_id = Annotated[Id, Path(description="The id returned by the upload.")]

    @router.post(
        "/upload",
        status_code=HTTPStatus.CREATED,
        responses=REFUSALS | UPLOAD_REFUSALS,
        dependencies=trusted,
        openapi_extra=UPLOAD_BODY,
    )
    async def upload(request: Request) -> Uploaded:
        """Upload a document and start processing it.

        It is written to disk as it arrives. Its type is detected from its content.
        """
        backend = state.backend
        with state.uploads.start() as rate:
            async with receive(
                request, state.settings, backend.writing, rate
            ) as received:
                submitted = await backend.submit(received)
        state.counters.uploaded += received.size
        state.broadcaster.refresh_case(received.case_id)
        root = request.scope.get("root_path", "")
        progress = f"{root}/progress/documents/{submitted.document_id}"
        return Uploaded(
            id=submitted.document_id,
            filename=received.name,
            case_id=received.case_id,
            run_id=submitted.run_id,
            size=received.size,
            sha256=received.sha256,
            media_type=received.media_type,
            status=Status.QUEUED,
            created_at=submitted.created_at,
            stream=f"{progress}/stream",
            status_url=f"{progress}/status",
        )

    @router.get("", responses=REFUSALS, dependencies=trusted)
    async def documents(  # noqa: PLR0917 - passed by name
        case_id: Annotated[
            Id | None, Query(description="List only documents of this case.")
        ] = None,
        run_id: Annotated[
            Id | None, Query(description="List only documents of this run.")
        ] = None,
        status: Annotated[
            Status | None, Query(description="List only documents with this status.")
        ] = None,
        search: Annotated[
            str | None,
            Query(
                max_length=MAX_SEARCH_LENGTH,
                description="Only those in whose name, message, error or id each of "
                "these words occurs, in upper or lower case.",
            ),
        ] = None,
        after: Annotated[
            str | None,
            Query(
                max_length=MAX_CURSOR_LENGTH,
                description="The `next` of the previous page.",
            ),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="The page size.")] = 100,
    ) -> DocumentList:
        """List documents, the newest run's first.

        If there are more, pass `next` as `after` to get the next page. Documents that
        are added in the meantime do not move others to another page.
        """
        rows, following, steps = await state.backend.documents(
            case_id=case_id,
            run_id=run_id,
            status=status,
            search=search,
            after=after,
            limit=limit,
        )
        found = [_details(row) for row in rows]
        filtered = (after, run_id, status, search) != (None, None, None, None)
        folders = [] if filtered else await state.backend.folders(case_id)
        return DocumentList(
            documents=found,
            more=following is not None,
            next=following,
            steps=steps,
            waiting=await state.backend.queue_reasons(rows),
            folders=folders,
        )

    @router.get("/{document_id}", responses=REFUSALS | UNKNOWN)
    async def document(document_id: document_id, grant: granted) -> DocumentDetails:
        """Return the details of a document."""
        await authorization.authorize(grant, [Subject(Kind.DOCUMENT, document_id)])
        return _details(await state.backend.document(document_id))

    @router.post(
        "/{document_id}/retry",
        responses=REFUSALS | UNKNOWN | BODY_REFUSALS,
        dependencies=trusted,
        openapi_extra=json_body(RetryRequest),
    )
    async def retry(
        document_id: document_id, options: RetryRequest | None = None
    ) -> Changed:
        """Retry a document that has failed or was cancelled.

        Passwords in the body are tried on it. They are neither stored in clear text nor
        logged, and not accepted in the URL, which proxies log.
        """
        given = options.passwords if options else []
        passwords = [each.get_secret_value() for each in given if each]
        return Changed(documents=await state.backend.retry(document_id, passwords))

    @router.post(
        "/{document_id}/cancel", responses=REFUSALS | UNKNOWN, dependencies=trusted
    )
    async def cancel(document_id: document_id) -> Changed:
        """Cancel a document that has not reached a final state."""
        return Changed(documents=await state.backend.cancel(document_id))

    return router


def _details(row: DocumentRow) -> DocumentDetails:
    event = row.event()
    return DocumentDetails(
        id=row.id,
        filename=row.name,
        case_id=row.case_id,
        run_id=row.run_id,
        size=row.size,
        sha256=row.sha256,
        media_type=row.media_type,
        title=row.title,
        status=row.status,
        step=row.step,
        progress=event.progress,
        message=row.message,
        error_message=row.error if row.status is Status.FAILED else None,
        attempt=row.attempt,
        pages=row.pages,
        characters=row.characters,
        chunks=row.chunks,
        work=event.work,
        ocr_pages=event.ocr_pages,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
    )
