"""`docprogress serve`: the HTTP server, for browsers and other programs."""

import gc
import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from docprogress.cli.options import ServiceOptions, Workers, with_service_options
from docprogress.errors import ServicesError, SettingsError

#: Hosts that only this machine can connect to.
LOOPBACK = ("127.0.0.1", "::1", "localhost")

#: Connections allowed in addition to the streams.
OTHER_CONNECTIONS = 1_000


@with_service_options
def serve(
    *,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Port to listen on; 0 chooses a free one.",
        ),
    ] = 8000,
    unix_socket: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Listen on a Unix socket for this user instead."
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            help="Token that requests must send; generated if omitted. An empty value "
            "disables the check.",
        ),
    ] = None,
    cors_origins: Annotated[
        list[str] | None,
        typer.Option(
            "--cors-origin",
            metavar="ORIGIN",
            help="Allow requests from pages of this origin. Can be repeated.",
        ),
    ] = None,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Path prefix that a proxy adds.")
    ] = "",
    json_log: Annotated[
        bool,
        typer.Option("--json-log", help="Write the log as JSON, one object per line."),
    ] = False,
    workers: Workers = None,
    services: ServiceOptions,
) -> None:
    """Serve uploads and live progress over HTTP.

    By default, the server listens on localhost only and requires a random token. In a
    terminal it prints a URL with the token; otherwise the token is kept in the home
    folder.
    """
    try:
        from docprogress.server import create_app
        from docprogress.server.backend import Backend
        from docprogress.server.options import configured
        from docprogress.server.uvicorn_server import (
            allow_connections,
            listen,
            listen_unix,
            server,
        )
    except ImportError as error:
        raise ServicesError(
            f"a server needs more packages: pip install 'docprogress[server]' ({error})"
        ) from error
    settings = services.load_settings(workers=workers)
    given: dict[str, Any] = {}
    if token is not None:
        given["token"] = token or None
    if cors_origins:
        given["cors_origins"] = tuple(cors_origins)
    options = configured(**given)
    local = unix_socket is None and host in LOOPBACK
    if options.open and local and not options.hosts:
        options = options.model_copy(update={"hosts": LOOPBACK})
    token_note = ""
    _log(as_json=json_log)
    if options.token is None and not options.open:
        default, token_note = _default_token(settings.home)
        options = options.model_copy(update={"token": default})
    if options.token is None and not local and unix_socket is None:
        logging.getLogger("docprogress.server").warning(
            "no token is set: anyone who reaches %s can see, add and cancel documents",
            host,
        )
    # Report wrong settings before the server listens.
    Backend(settings).close()
    allow_connections()
    address = f"{host}, port {port}" if unix_socket is None else str(unix_socket)
    try:
        listening = (
            listen(host, port) if unix_socket is None else listen_unix(unix_socket)
        )
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {address} ({error.strerror}): choose another address "
            "with --host, --port or --unix-socket"
        ) from error
    app = create_app(settings, options)
    # Exempt the loaded modules from garbage collection: scanning them delays streams.
    gc.collect()
    gc.freeze()
    if unix_socket is None:
        name = f"[{host}]" if ":" in host else host
        url = f"http://{name}:{listening.getsockname()[1]}"
    else:
        url = f"http+unix://{quote(str(unix_socket), safe='')}"
    typer.echo(f"docprogress serves {url}{root_path}/{token_note}")
    try:
        limit = options.streams + OTHER_CONNECTIONS
        serving = server(app, root_path=root_path, limit_concurrency=limit)
        serving.run(sockets=[listening])
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _default_token(home: Path) -> tuple[str, str]:
    """A token, and what to print after the server's URL."""
    from docprogress.server.token import (
        generate_token,
        load_or_create_token,
        token_path,
        url_fragment,
    )

    if sys.stdout.isatty():
        token = generate_token()
        return token, url_fragment(token)
    # The output may go to a journal or a container's log, which must not hold it.
    return load_or_create_token(home), f"\nThe token is in {token_path(home)}"


def _log(*, as_json: bool) -> None:
    from docprogress.settings import log_to_stderr

    log_to_stderr()
    if as_json:
        for handler in logging.getLogger().handlers:
            handler.setFormatter(_JsonFormatter())


#: Attributes of an access record besides its message.
_FIELDS = ("method", "path", "status", "seconds", "client")


class _JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, without passwords."""

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
