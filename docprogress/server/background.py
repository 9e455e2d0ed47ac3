"""A server in a thread, for notebooks and for tests of applications.

It ends with the process, however that ends.
"""

import threading
import time
from types import TracebackType
from typing import Self

from docprogress.errors import ServicesError
from docprogress.server.app import create_app
from docprogress.server.backend import Backend
from docprogress.server.options import ServerOptions
from docprogress.server.token import generate_token, url_fragment
from docprogress.server.uvicorn_server import listen, server
from docprogress.settings import Settings, load

#: Seconds that the server may take to start, and to stop.
TIMEOUT_SECONDS = 60.0


class BackgroundServer:
    """A server for this machine only, which runs from construction until `close`.

    Args:
        settings: Where Redis, the store and the storage are. None: as set in the
            environment, or local services.
        options: The server's options. A token is generated if there is none.
        port: The port to listen on; 0 picks a free one.

    Raises:
        StoreError: The database cannot be used.
        BusError: The URL of Redis cannot be used.
        ServicesError: Local services, or the server, do not start.
        OSError: The port is not available.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        options: ServerOptions | None = None,
        *,
        port: int = 0,
    ) -> None:
        settings, options = settings or load(), options or ServerOptions()
        # Raises errors in the settings here, not in the thread.
        Backend(settings).close()
        #: The token that every request needs: `Authorization: Bearer TOKEN`.
        self.token: str = options.token or generate_token()
        listening = listen("127.0.0.1", port)
        #: Its URL, without a trailing slash.
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = create_app(settings, options.model_copy(update={"token": self.token}))
        self._server = server(app)
        self._thread = threading.Thread(
            target=self._server.run,
            args=([listening],),
            name="docprogress-serve",
            daemon=True,
        )
        self._thread.start()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.close()
                raise ServicesError("the server did not start; see its log")
            time.sleep(0.01)

    @property
    def page(self) -> str:
        """The URL of the page for a browser, with the token."""
        return f"{self.url}/{url_fragment(self.token)}"

    def close(self) -> None:
        """End all streams and stop. It may be called twice."""
        self._server.should_exit = True
        self._thread.join(TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"BackgroundServer({self.url!r})"
