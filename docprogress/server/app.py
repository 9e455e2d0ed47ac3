"""The application: progress, documents and tickets over HTTP.

Nothing here waits for Redis or the store on the event loop, and nothing but the
routes says what a request means.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyQuery, HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from docprogress import __version__
from docprogress.bus import order
from docprogress.errors import (
    BusError,
    DocumentNotFound,
    LimitExceeded,
    RunNotFound,
    ServicesError,
    StoreError,
    TransientError,
    Unreadable,
)
from docprogress.events import LONGEST_ID, ProgressEvent, Status
from docprogress.server.auth import (
    Access,
    ForbiddenError,
    Grant,
    UnauthorizedError,
)
from docprogress.server.desk import Desk
from docprogress.server.gate import Limited, Recorded, address, too_many
from docprogress.server.hub import Client, Hub, Kind, Subject, denotes_end
from docprogress.server.limits import Limits, TooManyError
from docprogress.server.meter import Meter
from docprogress.server.metrics import Metrics
from docprogress.server.options import ServerOptions
from docprogress.server.shapes import (
    Changed,
    DocumentDetails,
    DocumentList,
    DocumentStatus,
    Health,
    Id,
    Problem,
    Readiness,
    Ticket,
    TicketRequest,
    Uploaded,
)
from docprogress.server.stream import ABORT, EventStream
from docprogress.server.threads import BusyError
from docprogress.server.uploads import FormError, TooSlowError, received
from docprogress.settings import Settings, load, redacted
from docprogress.store import DocumentRow

log = logging.getLogger(__name__)

#: What a wrong token costs of what an address may ask for.
WRONG_TOKEN_COST = 20.0

#: Errors of one request that are told.
MOST_ERRORS = 10

#: Seconds after which somebody who met a fault that may pass may try again.
RETRY_SECONDS = 2

_Bearer = HTTPBearer(auto_error=False, description="The server's token.")
_TicketQuery = APIKeyQuery(
    name="ticket", auto_error=False, description="A ticket of `POST /tickets`."
)

_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No token, a wrong one, or an old ticket"},
    403: {"model": Problem, "description": "The ticket does not name what is asked"},
    422: {"model": Problem, "description": "The request does not make sense"},
    429: {"model": Problem, "description": "Too many requests, or streams"},
    503: {"model": Problem, "description": "Something is away; see `Retry-After`"},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No document has this id"},
}
_STREAM: dict[int | str, dict[str, Any]] = _REFUSALS | {
    200: {
        "description": (
            "Server-Sent Events. The first says `connected`, then comes the present, "
            "then the future. Signs of life are events of the type `heartbeat`, a "
            "document without one is told by an event of the type `stalled`; a "
            "stream of several documents ends with one of the type `end`."
        ),
        "content": {
            "text/event-stream": {
                "example": ': connected\nretry: 2417\ndata: {"status": "connected"}\n\n'
                'id: 1-17\ndata: {"document_id": "…", "status": "processing", …}\n\n'
            }
        },
    },
    204: {"description": "Everything was told before: do not come again"},
}

_LAST_EVENT_ID: dict[str, Any] = {
    "parameters": [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "The `id` of the last event that was seen.",
            "schema": {"type": "string", "maxLength": 50},
        }
    ]
}
_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "case_id": {"type": "string", "maxLength": LONGEST_ID},
                    },
                }
            }
        },
    }
}
_UPLOAD_REFUSALS: dict[int | str, dict[str, Any]] = {
    408: {"model": Problem, "description": "The upload does not come on"},
    413: {"model": Problem, "description": "The file is larger than `max_bytes`"},
    415: {"model": Problem, "description": "The file is nothing that can be read"},
}


def create_app(
    settings: Settings | None = None, options: ServerOptions | None = None
) -> FastAPI:
    """Make an application that may be served, or mounted in another one.

    It begins with its lifespan: an application that mounts it runs that too, as
    `FastAPI(lifespan=mounted.router.lifespan_context)` does.  Without a `token` among
    the options everybody is let in: whoever mounts it sees to that, and
    `docprogress serve` makes up a token where none is given.

    Args:
        settings: Where Redis, the store and the storage are.  None: as the
            environment says, which is local services if it says nothing.
        options: What can be set of the server.
    """
    service = _Service(settings or load(), options or ServerOptions())
    app = FastAPI(
        title="docprogress",
        summary="Documents through a pipeline of workers, watched live.",
        version=__version__,
        lifespan=service.lifespan,
        middleware=[
            Middleware(Recorded, meter=service.meter),
            Middleware(
                CORSMiddleware,
                allow_origins=service.options.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
                max_age=600,
            ),
            Middleware(Limited, limits=service.limits),
        ],
    )
    app.state.docprogress = service
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    _add_progress(app, service)
    _add_documents(app, service)
    _add_operations(app, service)
    return app


def hub_of(app: FastAPI) -> Hub | None:
    """The hub of an application that runs; None before and after."""
    service: _Service = app.state.docprogress
    return service.running[1] if service.running else None


class _Service:
    """What the routes of one application share."""

    def __init__(self, settings: Settings, options: ServerOptions) -> None:
        self.settings = settings
        self.options = options
        self.meter = Meter()
        self.access = Access(options.token)
        self.limits = Limits(
            streams=options.streams,
            streams_each=options.streams_each,
            per_second=options.requests_per_second,
            burst=options.requests_burst,
        )
        self.running: tuple[Desk, Hub] | None = None
        self.metrics: Metrics | None = None
        self.uploads = 0

    @asynccontextmanager
    async def lifespan(self, _: Any) -> AsyncIterator[None]:
        """Open what requests need, and close it after the last of them."""
        desk = await asyncio.to_thread(Desk, self.settings)
        hub = Hub(desk.bus, desk.pipeline.store, self.settings, meter=self.meter)
        hub.start()
        self.metrics = Metrics(self.meter, desk.pipeline.store, desk.reading)
        self.running = desk, hub
        try:
            yield
        finally:
            self.running = None
            await hub.close()
            await asyncio.to_thread(desk.close)

    @property
    def desk(self) -> Desk:
        """Who asks the pipeline."""
        return self._run()[0]

    @property
    def hub(self) -> Hub:
        """Who tells the clients."""
        return self._run()[1]

    def _run(self) -> tuple[Desk, Hub]:
        if self.running is None:
            raise RuntimeError(
                "the application's lifespan does not run: pass "
                "`lifespan=mounted.router.lifespan_context` to the one that mounts it"
            )
        return self.running

    def granted(
        self,
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_Bearer)],
        ticket: Annotated[str | None, Depends(_TicketQuery)],
    ) -> Grant:
        """What the request may see."""
        try:
            return self.access.grant(
                None if bearer is None else bearer.credentials, ticket
            )
        except UnauthorizedError:
            self.limits.spend(address(request.scope), WRONG_TOKEN_COST)
            raise

    def trusted(
        self,
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_Bearer)],
    ) -> None:
        """Let nobody pass who has no more than a ticket."""
        self.granted(request, bearer, None)

    async def stream(
        self,
        request: Request,
        grant: Grant,
        subjects: Iterable[Subject],
        *,
        single: bool = False,
    ) -> Response:
        """Tell whoever asks of these subjects, from the present on."""
        subjects = frozenset(subjects)
        grant.check(subjects)
        hub = self.hub
        if hub.closing:
            raise BusyError("the server stops")
        client_address = address(request.scope)
        self.limits.enter(client_address)
        client = Client(subjects, abort=_abort(request))
        response = EventStream(
            hub,
            client,
            meter=self.meter,
            limits=self.limits,
            address=client_address,
            single=single,
        )
        try:
            hub.join(client)
            since = request.headers.get("last-event-id")
            if since and await self._told_before(client, since, single=single):
                response.release()
                return Response(status_code=HTTPStatus.NO_CONTENT)
        except BaseException:
            response.release()
            raise
        return response

    async def _told_before(self, client: Client, since: str, *, single: bool) -> bool:
        """Whether a client that comes again was told everything; else, what it missed.

        An end that nobody knows of any more was told all the same.
        """
        hub = self.hub
        await hub.ready(client)
        if not single:
            return denotes_end(since) and hub.ended(client)
        (subject,) = client.subjects
        newest = hub.newest(subject.id)
        if denotes_end(since) and (
            newest is None or (newest.final and newest.id in (None, since))
        ):
            return True
        missed = await hub.missed(subject.id, since)
        if missed is not None:
            client.replay(missed)
        return False


def _add_progress(app: FastAPI, service: _Service) -> None:
    granted = Annotated[Grant, Depends(service.granted)]
    document_id = Annotated[Id, Path(description="Any document's id.")]
    tags: list[Any] = ["progress"]

    @app.get(
        "/progress/documents/{document_id:path}/stream",
        tags=tags,
        responses=_STREAM,
        response_class=Response,
        openapi_extra=_LAST_EVENT_ID,
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
        responses=_REFUSALS | _UNKNOWN,
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
        grant.check([subject])
        event = await service.desk.newest(document_id)
        if wait and not (event and (event.final or (since and event.id != since))):
            seconds = min(wait, service.options.wait_seconds)
            event = await _changed(service, request, subject, event, seconds)
        if event is None:
            raise DocumentNotFound(document_id)
        shown = event.to_dict() | {"error_message": event.error}
        return JSONResponse(shown, headers={"cache-control": "no-store"})

    @app.get(
        "/progress/stream",
        tags=tags,
        responses=_STREAM,
        response_class=Response,
        openapi_extra=_LAST_EVENT_ID,
    )
    async def stream_documents(
        request: Request,
        grant: granted,
        document_id: Annotated[
            list[Id],
            Query(min_length=1, max_length=service.options.subjects),
        ],
    ) -> Response:
        """Tell the progress of several documents, until all of them have ended.

        One connection for all of them: a browser opens no more than six.
        """
        subjects = [Subject(Kind.DOCUMENT, each) for each in document_id]
        return await service.stream(request, grant, subjects)

    @app.get(
        "/progress/runs/{run_id}/stream",
        tags=tags,
        responses=_STREAM,
        response_class=Response,
        openapi_extra=_LAST_EVENT_ID,
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
        responses=_STREAM,
        response_class=Response,
    )
    async def stream_case(
        request: Request,
        case_id: Annotated[Id, Path(description="What documents belong to.")],
        grant: granted,
    ) -> Response:
        """Tell the progress of a case's documents, and of those that are added."""
        return await service.stream(request, grant, [Subject(Kind.CASE, case_id)])

    @app.post(
        "/tickets",
        tags=tags,
        status_code=HTTPStatus.CREATED,
        responses={code: _REFUSALS[code] for code in (401, 422, 429)},
        dependencies=[Depends(service.trusted)],
    )
    async def make_ticket(wanted: TicketRequest) -> Ticket:
        """Make a ticket, for a browser's `EventSource` that can send no token.

        It is good for what it names, and for nothing else, in `?ticket=`.
        """
        subjects = [
            *(Subject(Kind.DOCUMENT, each) for each in wanted.documents),
            *(Subject(Kind.RUN, each) for each in wanted.runs),
            *(Subject(Kind.CASE, each) for each in wanted.cases),
        ]
        if not 0 < len(subjects) <= service.options.subjects:
            most = service.options.subjects
            raise FormError(f"name 1 to {most} documents, runs and cases")
        seconds = min(wanted.seconds, service.options.ticket_seconds)
        ticket, until = service.access.ticket(subjects, seconds=seconds)
        return Ticket(ticket=ticket, expires_at=datetime.fromtimestamp(until, UTC))


def _add_documents(app: FastAPI, service: _Service) -> None:
    trusted = [Depends(service.trusted)]
    granted = Annotated[Grant, Depends(service.granted)]
    document_id = Annotated[Id, Path(description="The id that its upload gave.")]
    tags: list[Any] = ["documents"]

    @app.post(
        "/documents/upload",
        tags=tags,
        status_code=HTTPStatus.CREATED,
        responses=_REFUSALS | _UPLOAD_REFUSALS,
        dependencies=trusted,
        openapi_extra=_UPLOAD_BODY,
    )
    async def upload(request: Request) -> Uploaded:
        """Take a document in, and have it processed.

        It is written away as it comes.  Its content says what it is, not its name.
        """
        if service.uploads >= service.options.uploads:
            raise TooManyError("too many uploads at the same time", RETRY_SECONDS)
        service.uploads += 1
        try:
            async with received(
                request,
                service.settings,
                service.desk.writing,
                pause_seconds=service.options.upload_pause_seconds,
                least_speed=service.options.upload_least_speed,
            ) as arrived:
                row = await service.desk.submit(arrived)
                found = arrived.media_type
        finally:
            service.uploads -= 1
        service.meter.uploaded += row.size or 0
        service.hub.look(row.case_id)
        progress = f"{request.scope.get('root_path', '')}/progress/documents/{row.id}"
        return Uploaded(
            id=row.id,
            filename=row.name,
            case_id=row.case_id,
            run_id=row.run_id,
            size=row.size,
            sha256=row.sha256,
            media_type=found,
            status=row.status,
            created_at=row.created_at,
            stream=f"{progress}/stream",
            status_url=f"{progress}/status",
        )

    @app.get("/documents", tags=tags, responses=_REFUSALS, dependencies=trusted)
    async def documents(
        case_id: Id | None = None,
        run_id: Id | None = None,
        status: Status | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> DocumentList:
        """List the newest documents, of a case, of a run, with a status."""
        rows = await service.desk.documents(
            case_id=case_id, run_id=run_id, status=status, limit=limit
        )
        return DocumentList(documents=[_details(row) for row in rows])

    @app.get(
        "/documents/{document_id}",
        tags=tags,
        responses=_REFUSALS | _UNKNOWN,
    )
    async def document(document_id: document_id, grant: granted) -> DocumentDetails:
        """Say what is known of a document that was taken in."""
        grant.check([Subject(Kind.DOCUMENT, document_id)])
        return _details(await service.desk.document(document_id))

    @app.post(
        "/documents/{document_id}/retry",
        tags=tags,
        responses=_REFUSALS | _UNKNOWN,
        dependencies=trusted,
    )
    async def retry(document_id: document_id) -> Changed:
        """Try a document again that has failed or was cancelled."""
        return Changed(documents=await service.desk.retry(document_id))

    @app.post(
        "/documents/{document_id}/cancel",
        tags=tags,
        responses=_REFUSALS | _UNKNOWN,
        dependencies=trusted,
    )
    async def cancel(document_id: document_id) -> Changed:
        """Cancel a document that has not come to rest."""
        return Changed(documents=await service.desk.cancel(document_id))


def _add_operations(app: FastAPI, service: _Service) -> None:
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

        A server without workers is ready: what it takes in waits for them.
        """
        found = await service.desk.readiness()
        if not found.ready:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return found

    @app.get(
        "/metrics",
        tags=tags,
        responses={
            200: {"content": {"text/plain": {}}},
            401: _REFUSALS[401],
            429: _REFUSALS[429],
        },
        response_class=Response,
        dependencies=[Depends(service.trusted)],
    )
    async def metrics() -> Response:
        """Tell Prometheus."""
        assert service.metrics is not None
        return Response(await service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


async def _changed(
    service: _Service,
    request: Request,
    subject: Subject,
    event: ProgressEvent | None,
    seconds: float,
) -> ProgressEvent | None:
    """The document's event once it is another one, or after so many seconds."""
    hub, client_address = service.hub, address(request.scope)
    service.limits.enter(client_address)
    client = Client([subject], abort=lambda: None)
    leaving = asyncio.create_task(_gone(request, client))
    try:
        hub.join(client)
        async with asyncio.timeout(seconds):
            while not client.closed:
                client.wake.clear()
                newest = hub.newest(subject.id)
                if newest is not None and _differs(newest, event):
                    return newest
                await client.wake.wait()
    except TimeoutError:
        pass  # nothing has changed
    finally:
        leaving.cancel()
        hub.leave(client)
        service.limits.leave(client_address)
    return event


async def _gone(request: Request, client: Client) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    client.closed = True
    client.wake.set()


def _differs(newest: ProgressEvent, event: ProgressEvent | None) -> bool:
    if event is None:
        return True
    return order(newest) > order(event) or (
        newest.id is None and newest.timestamp > event.timestamp
    )


def _abort(request: Request) -> Callable[[], object]:
    """What ends the connection of a request at once.

    Where the server does not offer it, the request's task is cancelled, and it is up
    to the server to close the connection.
    """
    offered = request.scope.get("extensions", {}).get(ABORT)
    if offered is not None:
        found: Callable[[], object] = offered["abort"]
        return found
    task = asyncio.current_task()
    assert task is not None
    return task.cancel


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


def _problem(
    status: HTTPStatus, error: Exception, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"detail": redacted(str(error))}, status, headers=headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with a request, without repeating what stands in it."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"loc": each["loc"], "msg": each["msg"], "type": each["type"]}
        for each in error.errors()[:MOST_ERRORS]
    ]
    said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found)
    return JSONResponse(
        {"detail": said, "errors": jsonable_encoder(found)},
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )


async def _refused(request: Request, error: Exception) -> JSONResponse:
    """What a request is told that cannot be answered as it wants."""
    if isinstance(error, TooManyError):
        return too_many(error)
    status = next(found for kind, found in _STATUSES.items() if isinstance(error, kind))
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(RETRY_SECONDS)
        log.warning("%s %s: %s", request.method, request.url.path, error)
    return _problem(status, error, headers)


#: What each error means in HTTP; the first that fits counts.
_STATUSES: dict[type[Exception], HTTPStatus] = {
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    DocumentNotFound: HTTPStatus.NOT_FOUND,
    RunNotFound: HTTPStatus.NOT_FOUND,
    LimitExceeded: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unreadable: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    FormError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooSlowError: HTTPStatus.REQUEST_TIMEOUT,
    ClientDisconnect: HTTPStatus.BAD_REQUEST,
    # Redis, the database or the disk is away, or the server is busy: it may pass.
    BusError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    ServicesError: HTTPStatus.SERVICE_UNAVAILABLE,
    TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Any]] = {
    RequestValidationError: _invalid,
    TooManyError: _refused,
    **dict.fromkeys(_STATUSES, _refused),
}
