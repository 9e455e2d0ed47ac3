"""The FastAPI application: progress, documents and tickets over HTTP."""

from contextlib import AbstractAsyncContextManager
from types import EllipsisType
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from docprogress.server.dependencies import Authorization
from docprogress.server.error_handlers import HANDLERS
from docprogress.server.middleware import AccessLog, RequestGuard
from docprogress.server.options import ServerOptions, configured
from docprogress.server.routes.documents import document_routes
from docprogress.server.routes.operations import operation_routes
from docprogress.server.routes.progress import progress_routes
from docprogress.server.routes.tickets import ticket_routes
from docprogress.server.sse.response import STARTED_STREAMS, EventStream
from docprogress.server.state import ServerState
from docprogress.server.static_files import add_static_files
from docprogress.settings import Settings, load
from docprogress.version import __version__


class Application(FastAPI):
    """A FastAPI application that runs its event streams itself.

    Otherwise everything that routed and authorized a request would stay in memory for
    as long as its stream lasts, and each frame would pass through all of it.
    """

    def __init__(self, state: ServerState, **options: Any) -> None:
        super().__init__(**options)
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the lifespan."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        entry = AccessLog(scope, send, self._state.counters)
        started: list[EventStream] = []
        keys = set(scope)
        scope[STARTED_STREAMS] = started
        try:
            await super().__call__(scope, receive, entry.send)
            for key in scope.keys() - keys:
                # The server keeps the scope as long as the stream: free what was added.
                del scope[key]
            for stream in started:
                await stream.stream(receive, send)
        finally:
            for stream in started:
                stream.release()
            entry.close()

    def lifespan(self, app: Any = None) -> AbstractAsyncContextManager[None]:
        """The lifespan, for an application that mounts this one.

        Without it, the first request opens what is needed, and the end of the event
        loop closes it.
        """
        return self._state.lifespan(app)

    def dismiss(self) -> None:
        """End all streams, before the server waits for open responses."""
        self._state.end_streams()


def create_app(
    settings: Settings | None = None,
    options: ServerOptions | None = None,
    *,
    token: str | EllipsisType | None = ...,
) -> Application:
    """Create an application to serve, or to mount in another one.

    Its first request opens what it needs. An application that mounts it can do that at
    startup instead: `FastAPI(lifespan=mounted.lifespan)`.

    Args:
        settings: Where Redis, the store and the storage are. None: as set in the
            environment, or local services.
        options: The server's options.
        token: The token that every request needs, if `options` has none. If there is
            none at all, one is generated and kept in the file `server-token` of the
            home folder. None requires no token.

    Raises:
        SettingsError: A setting or an option is invalid.
    """
    if token is not ...:
        given = {} if options is None else options.model_dump(exclude_unset=True)
        options = configured(**(given | {"token": token}))
    state = ServerState(settings or load(), options or configured())
    origins = state.options.cors_origins
    app = Application(
        state,
        title="docprogress",
        summary="Documents through a pipeline of workers, watched live.",
        version=__version__,
        lifespan=state.lifespan,
        # These pages run scripts of other sites on the origin that the token is for.
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
                max_age=600,
            ),
            Middleware(
                RequestGuard,
                rate_limiter=state.rate_limiter,
                hosts=state.options.hosts,
                origins=origins,
            ),
        ],
    )
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    authorization = Authorization(state)
    for routes in (progress_routes, ticket_routes, document_routes, operation_routes):
        app.include_router(routes(state, authorization))
    add_static_files(app)
    return app
