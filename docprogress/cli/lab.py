"""`docprogress lab`: JupyterLab on copies of the notebooks, with services that run."""

import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from docprogress.cli.copies import FIRST, Copied, copy, originals
from docprogress.errors import ServicesError, SettingsError

#: What JupyterLab and the notebooks in it cannot do without.
NEEDED = ("jupyterlab", "ipykernel", "anywidget", "matplotlib")


def lab(
    *,
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where the copies are, or are made."),
    ] = Path("docprogress-notebooks"),
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="This one; else the first free from 8888."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only say the URL.")
    ] = False,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder of local services."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Local worker processes.")
    ] = None,
) -> None:
    """Open JupyterLab on notebooks and samples that are yours to change.

    They are copied on the first time, and brought up to date later on; what you have
    changed stays, and a file that you have deleted comes back.

    Ctrl-C ends JupyterLab and its kernels. Runs go on, and the local services leave
    when they have been idle for ten minutes; `docprogress down` ends them at once.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ServicesError(
            f"JupyterLab needs more packages ({', '.join(missing)}): "
            "pip install 'docprogress[notebook]'"
        )
    from docprogress import local
    from docprogress.settings import load

    settings = load(home=home, workers=workers)
    folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - without `..`
    source = originals()
    if port is not None:
        _claim(port)
    _say(folder, copy(source, folder))
    if settings.local:
        found = local.up(settings)
        typer.echo(
            f"local services run for {settings.home} "
            f"({found.workers} worker{'s' * (found.workers != 1)})"
        )
    command = [
        *(sys.executable, "-P", "-m", "jupyterlab"),
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{FIRST}",
        # One Ctrl-C is enough: nothing that matters ends with it.
        "--ServerApp.answer_yes=True",
    ]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if no_browser:
        command += ["--ServerApp.open_browser=False"]
    if os.geteuid() == 0:
        # As in a container.  It listens on this machine alone, and asks for a token.
        command += ["--ServerApp.allow_root=True"]
    given = {"DOCPROGRESS_HOME": str(settings.home)}
    if workers is not None:
        given["DOCPROGRESS_WORKERS"] = str(workers)
    # The kernel is to be this environment's own, not one of the same name that the
    # user has installed elsewhere.
    environment = {"JUPYTER_PREFER_ENV_PATH": "1"} | os.environ | given
    sys.stdout.flush()
    # There is nothing left to do here: whoever stops this process stops JupyterLab.
    os.execve(sys.executable, command, environment)  # noqa: S606


def _claim(port: int) -> None:
    """Make sure that a port is free, before anything is done.

    Raises:
        SettingsError: It cannot be listened on.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SettingsError(
                f"cannot listen on port {port} ({error.strerror}): choose another one "
                "with --port, or leave it out"
            ) from error


def _say(folder: Path, copied: Copied) -> None:
    from docprogress.formatting import plain, plural

    parts = [
        f"{plural(len(names), 'file')} {what}"
        for what, names in (("new", copied.new), ("updated", copied.updated))
        if names
    ]
    typer.echo(f"notebooks and samples are in {plain(str(folder))}", nl=False)
    typer.echo(f" ({', '.join(parts)})" if parts else "")
    for name, beside in copied.kept.items():
        told = f"; the new version is {beside}" if beside else ""
        typer.echo(f"{name} is as you have changed it{told}")
