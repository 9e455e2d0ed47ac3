"""The application: progress, documents and tickets over HTTP.

Nothing here waits for Redis or the store on the event loop, and nothing but the
routes says what a request means.
"""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from http import HTTPStatus
from types import EllipsisType
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from docprogress.errors import DocumentNotFound, InvalidForm
from docprogress.events import Status
from docprogress.server.error_handlers import (
    BODY_REFUSALS,
    HANDLERS,
    LAST_EVENT_ID,
    REFUSALS,
    STREAM,
    UNKNOWN,
    UPLOAD_BODY,
    UPLOAD_REFUSALS,
)
from docprogress.server.middleware import AccessLog, RequestGuard
from docprogress.server.options import ServerOptions, configured
from docprogress.server.schemas import (
    Changed,
    DocumentDetails,
    DocumentHistory,
    DocumentList,
    DocumentStatus,
    Health,
    Id,
    Readiness,
    Ticket,
    TicketRequest,
    Uploaded,
)
from docprogress.server.security import Grant
from docprogress.server.sse.client_queue import Kind, Subject
from docprogress.server.sse.response import BEGUN, EventStream
from docprogress.server.state import ServerState, changed
from docprogress.server.static_files import add_site
from docprogress.server.uploads import received
from docprogress.settings import Settings, load
from docprogress.store import DocumentRow
from docprogress.version import __version__

#: The most characters of what a list of documents goes on behind.
LONGEST_CURSOR = 2_000


class Application(FastAPI):
    """A FastAPI application whose streams go on outside of it.

    What has found a route and checked a token would otherwise lie in memory for as
    long as the stream lasts, and have each of its frames pass through it.
    """

    def __init__(self, service: ServerState, **options: Any) -> None:
        super().__init__(**options)
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or begin and end."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        record = AccessLog(scope, send, self._service.meter)
        begun: list[EventStream] = []
        given = set(scope)
        scope[BEGUN] = begun
        try:
            await super().__call__(scope, receive, record.send)
            for name in scope.keys() - given:
                # The server keeps the scope: what was added lies there with it.
                del scope[name]
            for stream in begun:
                await stream.tell(receive, send)
        finally:
            for stream in begun:
                stream.release()
            record.close()

    def lifespan(self, app: Any = None) -> AbstractAsyncContextManager[None]:
        """Open what requests need, and close it: the lifespan of who mounts this.

        Without it the first request opens that, and the event loop's end closes it.
        """
        return self._service.lifespan(app)

    def dismiss(self) -> None:
        """End all streams, before the server waits for them."""
        if self._service.running is not None:
            self._service.hub.dismiss()


def create_app(
    settings: Settings | None = None,
    options: ServerOptions | None = None,
    *,
    token: str | EllipsisType | None = ...,
) -> Application:
    """Make an application that may be served, or mounted in another one.

    What it needs is opened by its first request, or, where the application that mounts
    it has its `lifespan`, when that starts: `FastAPI(lifespan=mounted.lifespan)`.

    Args:
        settings: Where Redis, the store and the storage are.  None: as the
            environment says, which is local services if it says nothing.
        options: What can be set of the server.
        token: What every request has to know, if `options` does not say it.  Where
            nothing says it, a token is made up and kept in the file `server-token` of
            the home folder; None lets everybody in.

    Raises:
        SettingsError: A setting or an option cannot be used.
    """
    if token is not ...:
        given = {} if options is None else options.model_dump(exclude_unset=True)
        options = configured(**(given | {"token": token}))
    service = ServerState(settings or load(), options or configured())
    app = Application(
        service,
        title="docprogress",
        summary="Documents through a pipeline of workers, watched live.",
        version=__version__,
        lifespan=service.lifespan,
        # Their pages are scripts from elsewhere, on the origin that the token is for.
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=service.options.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
                max_age=600,
            ),
            Middleware(
                RequestGuard,
                limits=service.limits,
                hosts=service.options.hosts,
                origins=service.options.cors_origins,
            ),
        ],
    )
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    _add_progress(app, service)
    _add_tickets(app, service)
    _add_documents(app, service)
    _add_operations(app, service)
    add_site(app)
    return app


def _add_progress(app: FastAPI, service: ServerState) -> None:
    granted = Annotated[Grant, Depends(service.granted)]
    document_id = Annotated[Id, Path(description="Any document's id.")]
    tags: list[Any] = ["progress"]

    @app.get(
        "/progress/documents/{document_id:path}/stream",
        tags=tags,
        responses=STREAM,
        response_class=Response,
        openapi_extra=LAST_EVENT_ID,
    )
    async def stream_document(
        request: Request, document_id: document_id, grant: granted
    ) -> Response:
        """Tell the progress of one document, until its final event.

        A document that nobody knows is waited for: another program may be about to
        publish.  `Last-Event-ID` has what was missed told, or the present where that
        is not remembered any more.
        """
        subject = Subject(Kind.DOCUMENT, document_id)
        return await service.stream(request, grant, [subject], single=True)

    @app.get(
        "/progress/documents/{document_id:path}/status",
        tags=tags,
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
                description="Answer when it changes, or after so many seconds.",
            ),
        ] = 0,
        since: Annotated[
            str | None,
            Query(
                max_length=50,
                description="The `id` that is known: do not wait if it is another now.",
            ),
        ] = None,
    ) -> Response:
        """Say where a document stands."""
        subject = Subject(Kind.DOCUMENT, document_id)
        await service.check(grant, [subject])
        event = await service.desk.newest(document_id)
        if wait and not (event and (event.final or (since and event.id != since))):
            seconds = min(wait, service.options.wait_seconds)
            event = await changed(service, request, subject, event, seconds)
        if event is None:
            raise DocumentNotFound(document_id)
        shown = event.to_dict() | {"error_message": event.error}
        return JSONResponse(shown, headers={"cache-control": "no-store"})

    @app.get(
        "/progress/documents/{document_id:path}/history",
        tags=tags,
        responses=REFUSALS | UNKNOWN,
    )
    async def document_history(
        document_id: document_id, grant: granted
    ) -> DocumentHistory:
        """Say what happened to a document, and how long its steps took."""
        await service.check(grant, [Subject(Kind.DOCUMENT, document_id)])
        return await service.desk.history(document_id)

    @app.get(
        "/progress/stream",
        tags=tags,
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
                max_length=service.options.subjects,
                description="The documents: once for each of them.",
            ),
        ],
        follow: Annotated[
            bool,
            Query(description="Go on when all have ended: they may be tried again."),
        ] = False,
    ) -> Response:
        """Tell the progress of several documents, until all of them have ended.

        One connection for all of them: a browser opens no more than six.
        """
        subjects = [Subject(Kind.DOCUMENT, each) for each in document_id]
        return await service.stream(request, grant, subjects, endless=follow)

    @app.get(
        "/progress/runs/{run_id:path}/stream",
        tags=tags,
        responses=STREAM,
        response_class=Response,
        openapi_extra=LAST_EVENT_ID,
    )
    async def stream_run(
        request: Request,
        run_id: Annotated[Id, Path(description="A run's id.")],
        grant: granted,
    ) -> Response:
        """Tell the progress of a run's documents, until all of them have ended."""
        return await service.stream(request, grant, [Subject(Kind.RUN, run_id)])

    @app.get(
        "/progress/cases/{case_id:path}/stream",
        tags=tags,
        responses=STREAM,
        response_class=Response,
    )
    async def stream_case(
        request: Request,
        case_id: Annotated[Id, Path(description="What documents belong to.")],
        grant: granted,
    ) -> Response:
        """Tell the progress of a case's documents, and of those that are added."""
        return await service.stream(request, grant, [Subject(Kind.CASE, case_id)])


def _add_tickets(app: FastAPI, service: ServerState) -> None:
    @app.post(
        "/tickets",
        tags=["progress"],
        status_code=HTTPStatus.CREATED,
        responses=BODY_REFUSALS | {code: REFUSALS[code] for code in (401, 422, 429)},
        dependencies=[Depends(service.trusted)],
    )
    async def make_ticket(wanted: TicketRequest) -> Ticket:
        """Make a ticket, for a browser's `EventSource` that can send no token.

        It is good for what it names, and the documents of that, in `?ticket=`.
        """
        subjects = [
            *(Subject(Kind.DOCUMENT, each) for each in wanted.documents),
            *(Subject(Kind.RUN, each) for each in wanted.runs),
            *(Subject(Kind.CASE, each) for each in wanted.cases),
        ]
        if not 0 < len(subjects) <= service.options.subjects:
            most = service.options.subjects
            raise InvalidForm(f"name 1 to {most} documents, runs and cases")
        seconds = min(wanted.seconds, service.options.ticket_seconds)
        ticket, until = service.access.ticket(subjects, seconds=seconds)
        return Ticket(ticket=ticket, expires_at=datetime.fromtimestamp(until, UTC))


def _add_documents(app: FastAPI, service: ServerState) -> None:
    trusted = [Depends(service.trusted)]
    granted = Annotated[Grant, Depends(service.granted)]
    document_id = Annotated[Id, Path(description="The id that its upload gave.")]
    tags: list[Any] = ["documents"]

    @app.post(
        "/documents/upload",
        tags=tags,
        status_code=HTTPStatus.CREATED,
        responses=REFUSALS | UPLOAD_REFUSALS,
        dependencies=trusted,
        openapi_extra=UPLOAD_BODY,
    )
    async def upload(request: Request) -> Uploaded:
        """Take a document in, and have it processed.

        It is written away as it comes.  Its content says what it is, not its name.
        """
        with service.uploads.begun() as pace:
            async with received(
                request, service.settings, service.desk.writing, pace
            ) as arrived:
                made = await service.desk.submit(arrived)
        service.meter.uploaded += arrived.size
        service.hub.look(arrived.case_id)
        root = request.scope.get("root_path", "")
        progress = f"{root}/progress/documents/{made.document_id}"
        return Uploaded(
            id=made.document_id,
            filename=arrived.name,
            case_id=arrived.case_id,
            run_id=made.run_id,
            size=arrived.size,
            sha256=arrived.sha256,
            media_type=arrived.media_type,
            status=Status.QUEUED,
            created_at=made.created_at,
            stream=f"{progress}/stream",
            status_url=f"{progress}/status",
        )

    @app.get("/documents", tags=tags, responses=REFUSALS, dependencies=trusted)
    async def documents(
        case_id: Annotated[Id | None, Query(description="Only of this case.")] = None,
        run_id: Annotated[Id | None, Query(description="Only of this run.")] = None,
        status: Annotated[
            Status | None, Query(description="Only those that stand like this.")
        ] = None,
        after: Annotated[
            str | None,
            Query(
                max_length=LONGEST_CURSOR,
                description="Go on behind a list: its `next`.",
            ),
        ] = None,
        limit: Annotated[
            int, Query(ge=1, le=1000, description="The first so many.")
        ] = 100,
    ) -> DocumentList:
        """List documents, those of the newest run first: of a case, with a status.

        Where there are more, `next` is what the next list is asked `after`: what is
        added meanwhile moves nothing to another list.
        """
        rows, following = await service.desk.documents(
            case_id=case_id, run_id=run_id, status=status, after=after, limit=limit
        )
        found = [_details(row) for row in rows]
        return DocumentList(documents=found, more=following is not None, next=following)

    @app.get(
        "/documents/{document_id}",
        tags=tags,
        responses=REFUSALS | UNKNOWN,
    )
    async def document(document_id: document_id, grant: granted) -> DocumentDetails:
        """Say what is known of a document that was taken in."""
        await service.check(grant, [Subject(Kind.DOCUMENT, document_id)])
        return _details(await service.desk.document(document_id))

    @app.post(
        "/documents/{document_id}/retry",
        tags=tags,
        responses=REFUSALS | UNKNOWN,
        dependencies=trusted,
    )
    async def retry(document_id: document_id) -> Changed:
        """Try a document again that has failed or was cancelled."""
        return Changed(documents=await service.desk.retry(document_id))

    @app.post(
        "/documents/{document_id}/cancel",
        tags=tags,
        responses=REFUSALS | UNKNOWN,
        dependencies=trusted,
    )
    async def cancel(document_id: document_id) -> Changed:
        """Cancel a document that has not come to rest."""
        return Changed(documents=await service.desk.cancel(document_id))


def _add_operations(app: FastAPI, service: ServerState) -> None:
    tags: list[Any] = ["operations"]

    @app.get("/health", tags=tags)
    async def health() -> Health:
        """Say that the process answers, whatever else is away."""
        return Health(version=__version__)

    @app.get(
        "/ready",
        tags=tags,
        responses={503: {"model": Readiness, "description": "Something is away"}},
    )
    async def ready(response: Response) -> Readiness:
        """Say whether Redis and the database answer, and when a worker last did.

        It is not ready either while it cannot receive the events that streams wait for.

        A server without workers is ready: what it takes in waits for them.
        """
        await service.start()
        deaf_seconds = service.hub.deaf_seconds
        found = await service.desk.readiness(deaf_seconds=deaf_seconds)
        if not found.ready:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return found

    @app.get(
        "/metrics",
        tags=tags,
        responses={
            200: {
                "content": {"text/plain": {"example": "docprogress_events_total 17.0"}}
            },
            401: REFUSALS[401],
            429: REFUSALS[429],
        },
        response_class=Response,
        dependencies=[Depends(service.trusted)],
    )
    async def metrics() -> Response:
        """Tell Prometheus."""
        assert service.metrics is not None
        return Response(await service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _details(row: DocumentRow) -> DocumentDetails:
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
        progress=row.event().progress,
        message=row.message,
        error_message=row.error if row.status is Status.FAILED else None,
        attempt=row.attempt,
        pages=row.pages,
        characters=row.characters,
        chunks=row.chunks,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
    )
