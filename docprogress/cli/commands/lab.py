"""`docprogress lab`: JupyterLab with copies of the notebooks and local services."""

import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docprogress.cli.options import Home, Workers
from docprogress.errors import ServicesError, SettingsError

if TYPE_CHECKING:
    from docprogress.cli.notebook_copies import CopyResult

#: Modules that JupyterLab and the notebooks need.
REQUIRED = ("jupyterlab", "ipykernel", "anywidget", "matplotlib")


def lab(
    *,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder for the notebooks.")
    ] = Path("docprogress-notebooks"),
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=1,
            max=65535,
            help="Port to listen on.",
            show_default="the first free one from 8888",
        ),
    ] = None,
    no_browser: Annotated[
        bool,
        typer.Option("--no-browser", help="Print the URL without opening a browser."),
    ] = False,
    home: Home = None,
    workers: Workers = None,
) -> None:
    """Open JupyterLab with your own copies of the notebooks and samples.

    The first start copies them, and later starts update them. Files that you have
    changed are kept; files that you have deleted are restored.

    Ctrl-C stops JupyterLab and its kernels. Runs continue, and the local services stop
    after ten idle minutes, or immediately with `docprogress down`.
    """
    missing = [name for name in REQUIRED if find_spec(name) is None]
    if missing:
        raise ServicesError(
            f"JupyterLab needs more packages ({', '.join(missing)}): "
            "pip install 'docprogress[notebook]'"
        )
    from docprogress import local
    from docprogress.cli.notebook_copies import FIRST_NOTEBOOK, originals, update
    from docprogress.settings import load

    settings = load(home=home, workers=workers)
    folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - without `..`
    source = originals()
    if port is not None:
        _require_free(port)
    _report(folder, update(source, folder))
    if settings.local:
        found = local.up(settings)
        typer.echo(
            f"local services are running in {settings.home} "
            f"({found.workers} worker{'s' * (found.workers != 1)})"
        )
    command = [
        *(sys.executable, "-P", "-m", "jupyterlab"),
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}",
        # Do not ask for confirmation on Ctrl-C: runs and services continue.
        "--ServerApp.answer_yes=True",
    ]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if no_browser:
        command += ["--ServerApp.open_browser=False"]
    if os.geteuid() == 0:
        # As in a container. It listens on localhost only and requires a token.
        command += ["--ServerApp.allow_root=True"]
    given = {"DOCPROGRESS_HOME": str(settings.home)}
    if workers is not None:
        given["DOCPROGRESS_WORKERS"] = str(workers)
    # Prefer this environment's kernel to one of the same name that the user has
    # installed elsewhere.
    environment = {"JUPYTER_PREFER_ENV_PATH": "1"} | os.environ | given
    sys.stdout.flush()
    # Replace this process, so that a signal to it reaches JupyterLab.
    os.execve(sys.executable, command, environment)  # noqa: S606


def _require_free(port: int) -> None:
    """Raise `SettingsError` if the port is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SettingsError(
                f"cannot listen on port {port} ({error.strerror}): choose another one "
                "with --port, or leave it out"
            ) from error


def _report(folder: Path, result: "CopyResult") -> None:
    from docprogress.formatting import plain, plural

    parts = [
        f"{plural(len(names), 'file')} {what}"
        for what, names in (("new", result.new), ("updated", result.updated))
        if names
    ]
    typer.echo(f"notebooks and samples are in {plain(str(folder))}", nl=False)
    typer.echo(f" ({', '.join(parts)})" if parts else "")
    for name, beside in result.kept.items():
        advice = f"; the new version is {beside}" if beside else ""
        typer.echo(f"kept {name}, which you have changed{advice}")
