"""A server in a thread of this process: for notebooks, and for tests of applications.

It ends with the process, however that ends, and leaves no process of its own.
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

#: Seconds that a server may take to start, and to stop.
PATIENCE = 60.0


class BackgroundServer:
    """Serves from the moment that it is made until `close`, on this machine alone.

    Args:
        settings: Where Redis, the store and the storage are.  None: as the
            environment says, which is local services if it says nothing.
        options: What can be set of the server.  A token is made up if there is none.
        port: Where it listens; 0 is any that is free.

    Raises:
        StoreError: The database cannot be used.
        BusError: The URL of Redis cannot be used.
        ServicesError: Local services, or the server, do not start.
        OSError: The port cannot be had.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        options: ServerOptions | None = None,
        *,
        port: int = 0,
    ) -> None:
        settings, options = settings or load(), options or ServerOptions()
        # What is wrong with the settings is raised here, not in the thread.
        Backend(settings).close()
        #: What every request has to know: `Authorization: Bearer TOKEN`.
        self.token: str = options.token or generate_token()
        listening = listen("127.0.0.1", port)
        #: Where it is, without a slash at the end.
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
        deadline = time.monotonic() + PATIENCE
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.close()
                raise ServicesError("the server does not start; its log says why")
            time.sleep(0.01)

    @property
    def page(self) -> str:
        """The page's address, with the token: for a browser."""
        return f"{self.url}/{url_fragment(self.token)}"

    def close(self) -> None:
        """End all streams, and stop; doing it twice does no harm."""
        self._server.should_exit = True
        self._thread.join(PATIENCE)

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
