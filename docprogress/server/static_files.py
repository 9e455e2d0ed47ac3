"""The page at `/`, and the files that it and other pages load.

They contain no secrets and need no token: the page asks for it.
"""

import os
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FRONTEND = Path(__file__).parent.parent / "frontend" / "dist"

#: The page may load, run and connect to resources of this server only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class RevalidatedFiles(StaticFiles):
    """Files that browsers revalidate each time, since their names never change."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Send a file, or answer 304."""
        found = super().file_response(full_path, stat_result, scope, status_code)
        found.headers["cache-control"] = "no-cache"
        return found


def add_static_files(app: FastAPI) -> None:
    """Serve the page at `/` and its files at `/frontend`."""
    files = RevalidatedFiles(directory=FRONTEND)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        found = await files.get_response("index.html", request.scope)
        found.headers["content-security-policy"] = POLICY
        return found

    app.mount("/frontend", files, name="frontend")
