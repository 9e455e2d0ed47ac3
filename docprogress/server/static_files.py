"""The page at `/`, and the files that it, and other pages, are made of.

They hold nothing secret, so that no token is needed: the page asks for it.
"""

import os
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FRONTEND = Path(__file__).parent.parent / "frontend" / "dist"

#: What the page may load, run and talk to: this server's own, and nothing else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class RevalidatedFiles(StaticFiles):
    """Files that are asked for again each time, and sent only if they have changed.

    Their names stay the same from version to version.
    """

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Send a file, or say that the browser has it."""
        found = super().file_response(full_path, stat_result, scope, status_code)
        found.headers["cache-control"] = "no-cache"
        return found


def add_static_files(app: FastAPI) -> None:
    """Serve the page at `/`, and what it is made of beside it."""
    files = RevalidatedFiles(directory=FRONTEND)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        found = await files.get_response("index.html", request.scope)
        found.headers["content-security-policy"] = POLICY
        return found

    app.mount("/frontend", files, name="frontend")
