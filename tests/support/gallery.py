"""The gallery of made-up runs, served and opened in a browser."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page

import docprogress

ROOT = Path(__file__).parents[2]
PACKAGE = Path(docprogress.__file__).parent


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        # The package may be installed elsewhere.
        inside = path.partition("/docprogress/")[2]
        return str(PACKAGE / inside) if inside else super().translate_path(path)

    def do_GET(self) -> None:
        if self.path == "/favicon.ico":
            self.send_error(HTTPStatus.NO_CONTENT)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        pass


@contextmanager
def serving_gallery() -> Iterator[str]:
    """Serve the gallery; yields its URL."""
    handler = partial(_Quiet, directory=str(ROOT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/tests/frontend/gallery.html"
        finally:
            server.shutdown()
            thread.join()


class Gallery:
    """Opens made-up runs in a browser."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._address = address
        self._pages: list[Page] = []
        #: What the pages had to say: errors, and what the policy refused.
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for page in self._pages:
            page.close()

    def open(
        self,
        *scenes: str,
        width: int = 632,
        scheme: str = "light",
        theme: str = "",
        motion: str = "no-preference",
        trusted: bool = False,
    ) -> Page:
        page = self._browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion=motion,
            # What a test adds to the page is not of the page's policy.
            bypass_csp=trusted,
        )
        self._pages.append(page)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._record)
        query = urlencode({"scene": scenes, "theme": theme}, doseq=True)
        page.goto(f"{self._address}?{query}")
        page.wait_for_selector(".docprogress .dp-percent:not(:empty)")
        return page

    def _record(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
