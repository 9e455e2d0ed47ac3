"""The state that the routes of an application share while it runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from docprogress.errors import ServerBusy
from docprogress.server.backend import Backend
from docprogress.server.counters import Counters
from docprogress.server.metrics import Metrics
from docprogress.server.options import ServerOptions
from docprogress.server.rate_limit import RateLimiter
from docprogress.server.readiness import ReadinessProbe
from docprogress.server.security import Access
from docprogress.server.sse.broadcaster import Broadcaster
from docprogress.server.token import load_or_create_token, token_path
from docprogress.server.uploads import Uploads
from docprogress.settings import Settings

log = logging.getLogger(__name__)


class Resources(NamedTuple):
    """The connections that are open while the application runs."""

    backend: Backend
    broadcaster: Broadcaster
    metrics: Metrics
    readiness: ReadinessProbe


class ServerState:
    """The options, limits and open resources of one application.

    Args:
        settings: The pipeline's settings.
        options: The server's options.
    """

    def __init__(self, settings: Settings, options: ServerOptions) -> None:
        self.settings = settings
        self.options = options
        self.counters = Counters()
        self.rate_limiter = RateLimiter(
            streams=options.streams,
            streams_each=options.streams_each,
            per_second=options.requests_per_second,
            burst=options.requests_burst,
        )
        self.uploads = Uploads(
            options.uploads,
            pause_seconds=options.upload_pause_seconds,
            least_speed=options.upload_least_speed,
        )
        self._access: Access | None = None
        self._resources: Resources | None = None
        self._opened: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def backend(self) -> Backend:
        """What calls the pipeline."""
        return self._open().backend

    @property
    def broadcaster(self) -> Broadcaster:
        """What sends events to clients."""
        return self._open().broadcaster

    @property
    def metrics(self) -> Metrics:
        """What Prometheus is given."""
        return self._open().metrics

    @property
    def readiness(self) -> ReadinessProbe:
        """What checks whether the server is ready."""
        return self._open().readiness

    @property
    def access(self) -> Access:
        """What checks tokens. A token is generated if none is configured."""
        if self._access is None:
            token = self.options.token
            if token is None and not self.options.open:
                token = load_or_create_token(self.settings.home)
                log.warning(
                    "no token is configured; using the generated one in %s",
                    token_path(self.settings.home),
                )
            self._access = Access(token)
        return self._access

    @asynccontextmanager
    async def lifespan(self, _: Any = None) -> AsyncIterator[None]:
        """Open what requests need, and close it after the last of them."""
        self.access  # noqa: B018 - logs where a generated token is
        backend = await asyncio.to_thread(Backend, self.settings)
        store = backend.pipeline.store
        broadcaster = Broadcaster(
            backend.bus,
            store,
            backend.pipeline.settings,
            counters=self.counters,
            keep_alive_seconds=self.options.keep_alive_seconds,
            stuck_seconds=self.options.stuck_seconds,
            reconcile_seconds=self.options.truth_seconds,
        )
        broadcaster.start()
        metrics = Metrics(
            self.counters, store, backend.bus, lambda: broadcaster.lost_seconds
        )
        readiness = ReadinessProbe(backend.bus, store, backend.pipeline.settings)
        self._resources = Resources(backend, broadcaster, metrics, readiness)
        try:
            yield
        finally:
            self._resources = None
            metrics.close()
            readiness.close()
            await broadcaster.close()
            await asyncio.to_thread(backend.close)

    async def start(self) -> None:
        """Open what requests need if no lifespan has.

        A server runs the lifespan of the outermost application only. What is opened
        here is closed when the event loop ends.

        Raises:
            StoreError: The database cannot be used.
            ServicesError: Local services cannot be started.
            BusError: The URL of Redis cannot be used.
        """
        while self._resources is None:
            if self._opened is None or self._task is None or self._task.done():
                self._opened = asyncio.get_running_loop().create_future()
                self._task = asyncio.create_task(
                    self._keep_open(self._opened), name="docprogress-server"
                )
            await asyncio.shield(self._opened)

    def end_streams(self) -> None:
        """End all streams, so that the server can stop."""
        if self._resources is not None:
            self._resources.broadcaster.end_streams()

    def _open(self) -> Resources:
        if self._resources is None:
            raise ServerBusy("the server is stopping")
        return self._resources

    async def _keep_open(self, opened: "asyncio.Future[None]") -> None:
        """Keep the resources open until the event loop cancels all tasks."""
        try:
            async with self.lifespan():
                opened.set_result(None)
                await asyncio.get_running_loop().create_future()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            opened.cancel()
