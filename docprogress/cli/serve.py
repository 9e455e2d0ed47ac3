"""`docprogress serve`: progress over HTTP, for browsers and other programs."""

import gc
import json
import logging
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from docprogress.errors import ServicesError, SettingsError

#: Where whoever is on this machine alone can connect.
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes any that is free.")
    ] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            help="What requests have to know; made up if it is not given. An empty "
            "one lets everybody in."
        ),
    ] = None,
    cors_origins: Annotated[
        list[str] | None,
        typer.Option(
            "--cors-origin",
            metavar="ORIGIN",
            help="Whose pages may ask: https://app.example.org; repeatable.",
        ),
    ] = None,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="What a proxy puts before each path.")
    ] = "",
    json_log: Annotated[
        bool, typer.Option("--json-log", help="Log one JSON object a line.")
    ] = False,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder of local services."),
    ] = None,
    redis_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A Redis of yours, not local services."),
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", help="A database instead of SQLite.")
    ] = None,
    storage_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where documents' bytes are kept.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Local worker processes.")
    ] = None,
) -> None:
    """Serve uploads and live progress over HTTP, until it is stopped.

    It listens on this machine alone, and its URL holds a token, unless it is told
    otherwise.
    """
    try:
        from docprogress.server import create_app
        from docprogress.server.options import configured
        from docprogress.server.serving import allow_connections, listen, server
    except ImportError as error:
        raise ServicesError(
            f"a server needs more packages: pip install 'docprogress[server]' ({error})"
        ) from error
    from docprogress.settings import load

    settings = load(
        home=home,
        redis_url=redis_url,
        database_url=database_url,
        storage_url=storage_url,
        workers=workers,
    )
    given: dict[str, Any] = {}
    if token is not None:
        given["token"] = token
    if cors_origins:
        given["cors_origins"] = tuple(cors_origins)
    options = configured(**given)
    open_to_all = options.token == ""
    if options.token is None:
        options = options.model_copy(update={"token": secrets.token_urlsafe(24)})
    elif open_to_all:
        options = options.model_copy(update={"token": None})
    _log(as_json=json_log)
    if open_to_all and host not in LOOPBACK:
        logging.getLogger("docprogress.server").warning(
            "whoever reaches %s may see, add and cancel documents: there is no token",
            host,
        )
    allow_connections()
    try:
        listening = listen(host, port)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}, port {port} ({error.strerror}): choose another "
            "one with --port"
        ) from error
    app = create_app(settings, options)
    # What is loaded stays. Each time that the collector looked at all of it, every
    # stream would be held up.
    gc.collect()
    gc.freeze()
    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    # Behind the hash it is for the page: no browser sends it, and no server logs it.
    secret = "" if options.token is None else f"#token={options.token}"
    typer.echo(f"docprogress serves http://{shown}:{port}{root_path}/{secret}")
    try:
        server(app, root_path=root_path).run(sockets=[listening])
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _log(*, as_json: bool) -> None:
    from docprogress.settings import log_to_stderr

    log_to_stderr()
    if as_json:
        for handler in logging.getLogger().handlers:
            handler.setFormatter(_Json())


#: What an access record holds beside its message.
_FIELDS = ("method", "path", "status", "seconds", "client")


class _Json(logging.Formatter):
    """One object a line, without a password in it."""

    def format(self, record: logging.LogRecord) -> str:
        from docprogress.settings import redacted

        shown: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        shown |= {
            name: getattr(record, name) for name in _FIELDS if hasattr(record, name)
        }
        if record.exc_info:
            shown["error"] = redacted(self.formatException(record.exc_info))
        return json.dumps(shown)
