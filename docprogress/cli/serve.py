"""`docprogress serve`: progress over HTTP, for browsers and other programs."""

import gc
import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from docprogress.errors import ServicesError, SettingsError

#: Where whoever is on this machine alone can connect.
LOOPBACK = ("127.0.0.1", "::1", "localhost")


#: Connections that there may be beside the streams.
OTHER_CONNECTIONS = 1_000


def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes any that is free.")
    ] = 8000,
    unix_socket: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Listen there, for this user alone."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="What requests have to know; made up if it is not given: printed on "
            "a terminal, else kept in the home folder. An empty one lets everybody in."
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
        from docprogress.server.desk import Desk
        from docprogress.server.options import configured
        from docprogress.server.serving import (
            allow_connections,
            listen,
            listen_unix,
            server,
        )
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
        given["token"] = token or None
    if cors_origins:
        given["cors_origins"] = tuple(cors_origins)
    options = configured(**given)
    local = unix_socket is None and host in LOOPBACK
    if options.open and local and not options.hosts:
        options = options.model_copy(update={"hosts": LOOPBACK})
    told = ""
    _log(as_json=json_log)
    if options.token is None and not options.open:
        made, told = _made_up(settings.home)
        options = options.model_copy(update={"token": made})
    if options.token is None and not local and unix_socket is None:
        logging.getLogger("docprogress.server").warning(
            "whoever reaches %s may see, add and cancel documents: there is no token",
            host,
        )
    # What is wrong with the settings is said in a line, before anything listens.
    Desk(settings).close()
    allow_connections()
    listens = f"{host}, port {port}" if unix_socket is None else str(unix_socket)
    try:
        listening = (
            listen(host, port) if unix_socket is None else listen_unix(unix_socket)
        )
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {listens} ({error.strerror}): choose another place with "
            "--host, --port or --unix-socket"
        ) from error
    app = create_app(settings, options)
    # What is loaded stays. Each time that the collector looked at all of it, every
    # stream would be held up.
    gc.collect()
    gc.freeze()
    if unix_socket is None:
        name = f"[{host}]" if ":" in host else host
        url = f"http://{name}:{listening.getsockname()[1]}"
    else:
        url = f"http+unix://{quote(str(unix_socket), safe='')}"
    typer.echo(f"docprogress serves {url}{root_path}/{told}")
    try:
        most = options.streams + OTHER_CONNECTIONS
        serving = server(app, root_path=root_path, limit_concurrency=most)
        serving.run(sockets=[listening])
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _made_up(home: Path) -> tuple[str, str]:
    """A token, and what is printed behind the server's address so that it is found."""
    from docprogress.server.token import (
        generate_token,
        load_or_create_token,
        token_path,
        url_fragment,
    )

    if sys.stdout.isatty():
        token = generate_token()
        return token, url_fragment(token)
    # What is printed here ends up in a journal, or in a container's log.
    return load_or_create_token(home), f"\nThe token is in {token_path(home)}"


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
