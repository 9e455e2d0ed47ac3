"""What the routes of one application share, from its start to its end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyQuery, HTTPAuthorizationCredentials, HTTPBearer

from docprogress.errors import ForbiddenError, ServerBusy, UnauthorizedError
from docprogress.events import ProgressEvent, sort_key
from docprogress.server.backend import Backend
from docprogress.server.counters import Counters
from docprogress.server.metrics import Metrics
from docprogress.server.middleware import address
from docprogress.server.options import ServerOptions
from docprogress.server.rate_limit import RateLimiter
from docprogress.server.security import Access, Grant
from docprogress.server.sse.broadcaster import Broadcaster
from docprogress.server.sse.client_queue import (
    Client,
    Kind,
    Subject,
    denotes_end,
    event_id,
)
from docprogress.server.sse.response import CONNECTION, EventStream
from docprogress.server.token import load_or_create_token, token_path
from docprogress.server.uploads import Uploads
from docprogress.settings import Settings

log = logging.getLogger(__name__)

#: What a wrong token costs of what an address may ask for.
WRONG_TOKEN_COST = 20.0

_Bearer = HTTPBearer(auto_error=False, description="The server's token.")
_TicketQuery = APIKeyQuery(
    name="ticket", auto_error=False, description="A ticket of `POST /tickets`."
)


class ServerState:
    """The pipeline, the hub and the rules of one application.

    Args:
        settings: The pipeline's.
        options: The server's.
    """

    def __init__(self, settings: Settings, options: ServerOptions) -> None:
        self.settings = settings
        self.options = options
        self.meter = Counters()
        self._access: Access | None = None
        self.limits = RateLimiter(
            streams=options.streams,
            streams_each=options.streams_each,
            per_second=options.requests_per_second,
            burst=options.requests_burst,
        )
        self.running: tuple[Backend, Broadcaster] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[None] | None = None
        self.metrics: Metrics | None = None
        self.uploads = Uploads(
            options.uploads,
            pause_seconds=options.upload_pause_seconds,
            least_speed=options.upload_least_speed,
        )

    @asynccontextmanager
    async def lifespan(self, _: Any) -> AsyncIterator[None]:
        """Open what requests need, and close it after the last of them."""
        self.access  # noqa: B018 - says where a token is that was made up
        desk = await asyncio.to_thread(Backend, self.settings)
        hub = Broadcaster(
            desk.bus,
            desk.pipeline.store,
            desk.pipeline.settings,
            meter=self.meter,
            keep_alive_seconds=self.options.keep_alive_seconds,
            stuck_seconds=self.options.stuck_seconds,
            truth_seconds=self.options.truth_seconds,
        )
        hub.start()
        metrics = self.metrics = Metrics(
            self.meter, desk.pipeline.store, desk.bus, lambda: hub.deaf_seconds
        )
        self.running = desk, hub
        try:
            yield
        finally:
            self.running = None
            metrics.close()
            await hub.close()
            await asyncio.to_thread(desk.close)

    async def start(self) -> None:
        """Open what requests need, where no lifespan has done that.

        A server runs the lifespan of the outermost application alone.  What is opened
        here is closed when the event loop ends.

        Raises:
            StoreError: The database cannot be used.
            ServicesError: Local services cannot be started.
            BusError: The URL of Redis cannot be used.
        """
        while self.running is None:
            if self._opened is None or self._keeper is None or self._keeper.done():
                self._opened = asyncio.get_running_loop().create_future()
                self._keeper = asyncio.create_task(
                    self._keep(self._opened), name="docprogress-server"
                )
            await asyncio.shield(self._opened)

    async def _keep(self, opened: "asyncio.Future[None]") -> None:
        """Keep open what requests need, until the event loop cancels all tasks."""
        try:
            async with self.lifespan(None):
                opened.set_result(None)
                await asyncio.get_running_loop().create_future()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            opened.cancel()

    @property
    def desk(self) -> Backend:
        """Who asks the pipeline."""
        return self._run()[0]

    @property
    def hub(self) -> Broadcaster:
        """Who tells the clients."""
        return self._run()[1]

    @property
    def access(self) -> Access:
        """Who knows the token, which is made up if none was given."""
        if self._access is None:
            token = self.options.token
            if token is None and not self.options.open:
                token = load_or_create_token(self.settings.home)
                log.warning(
                    "no token was given; the one that is used is in %s",
                    token_path(self.settings.home),
                )
            self._access = Access(token)
        return self._access

    def _run(self) -> tuple[Backend, Broadcaster]:
        if self.running is None:
            raise ServerBusy("the server stops")
        return self.running

    # FastAPI has what is not asynchronous wait for a thread.
    async def granted(
        self,
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_Bearer)],
        ticket: Annotated[str | None, Depends(_TicketQuery)],
    ) -> Grant:
        """What the request may see."""
        try:
            grant = self.access.grant(
                None if bearer is None else bearer.credentials, ticket
            )
        except UnauthorizedError:
            self.limits.spend(address(request.scope), WRONG_TOKEN_COST)
            raise
        await self.start()
        return grant

    async def trusted(
        self,
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_Bearer)],
    ) -> None:
        """Let nobody pass who has no more than a ticket."""
        await self.granted(request, bearer, None)

    async def check(self, grant: Grant, subjects: Iterable[Subject]) -> None:
        """Let nothing pass that is not granted, if only with its run or its case.

        Raises:
            ForbiddenError: Something is not.
        """
        lacking = grant.lacking(subjects)
        holders: dict[str, set[Subject]] = {}
        documents = [each.id for each in lacking if each.kind is Kind.DOCUMENT]
        if documents and grant.collective:
            holders = await self.desk.holders(documents)
        for subject in lacking:
            document = subject.kind is Kind.DOCUMENT
            if not (document and grant.opens(subject, holders.get(subject.id, ()))):
                raise ForbiddenError(
                    f"the ticket does not name the {subject.kind} {subject.id!r}"
                )

    async def stream(
        self,
        request: Request,
        grant: Grant,
        subjects: Iterable[Subject],
        *,
        single: bool = False,
        endless: bool = False,
    ) -> Response:
        """Tell whoever asks of these subjects, from the present on."""
        subjects = frozenset(subjects)
        await self.check(grant, subjects)
        hub = self.hub
        if hub.closing:
            raise ServerBusy("the server stops")
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
            endless=endless,
        )
        try:
            hub.join(client)
            since = None if endless else request.headers.get("last-event-id")
            if since and await self._told_before(client, since, single=single):
                response.release()
                return Response(status_code=HTTPStatus.NO_CONTENT)
        except BaseException:
            response.release()
            raise
        return response

    async def _told_before(self, client: Client, since: str, *, single: bool) -> bool:
        """Whether a client that comes again was told everything; else, what it missed.

        An end that nobody knows of any more was told all the same.  The end of one
        document says nothing of the others of its stream: all of them are told anew.
        """
        hub = self.hub
        await hub.ready(client)
        if not single:
            return hub.saw_end(client, since)
        (subject,) = client.subjects
        newest = hub.newest(subject.id)
        if newest is None and denotes_end(since):
            return hub.forgotten(subject.id)
        if newest is not None and newest.final and event_id(newest) == since:
            return True
        missed = await hub.missed(subject.id, since)
        if missed is not None:
            client.replay(missed)
        return False


async def changed(
    service: ServerState,
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
    return sort_key(newest) > sort_key(event) or (
        newest.id is None and newest.timestamp > event.timestamp
    )


def _abort(request: Request) -> Callable[[], object]:
    """What ends the connection of a request at once.

    Where the server does not offer it, the request's task is cancelled, and it is up
    to the server to close the connection.
    """
    offered = request.scope.get("extensions", {}).get(CONNECTION)
    if offered is not None:
        found: Callable[[], object] = offered["abort"]
        return found
    task = asyncio.current_task()
    assert task is not None
    return task.cancel
