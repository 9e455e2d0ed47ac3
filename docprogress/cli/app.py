"""The Typer application and the entry point of the console script.

Commands are plain functions in `cli/commands`; they are registered here, in the
order in which `docprogress --help` lists them.
"""

import atexit
import errno
import gc
import os
import sys
from pathlib import Path
from typing import IO, Annotated, NoReturn, cast

import typer

from docprogress.cli.argv import hide_passwords, service_options
from docprogress.cli.ci_log import guarded_streams
from docprogress.cli.commands.delete import delete, prune
from docprogress.cli.commands.doctor import doctor
from docprogress.cli.commands.export import export, report
from docprogress.cli.commands.inspect import runs, show, status
from docprogress.cli.commands.lab import lab
from docprogress.cli.commands.run import cancel, retry, run, watch
from docprogress.cli.commands.search import search
from docprogress.cli.commands.serve import serve
from docprogress.cli.commands.services import down, up, worker
from docprogress.cli.commands.sync import sync
from docprogress.cli.help import HelpCommand, HelpGroup, text_width
from docprogress.errors import (
    DocProgressError,
    DocumentNotFound,
    ExportError,
    RunNotFound,
    SearchError,
    SettingsError,
    StepError,
    SubmitError,
)
from docprogress.version import __version__

#: Errors that mean that the command was used incorrectly.
USAGE_ERRORS = (
    *(SettingsError, SubmitError, StepError, SearchError, ExportError),
    *(RunNotFound, DocumentNotFound),
)

app = typer.Typer(
    name="docprogress",
    help="Process documents on a pipeline of workers, and watch their progress live.",
    cls=HelpGroup,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "terminal_width": text_width(),
    },
)

#: The commands by purpose.
COMMANDS = {
    "Process documents": (run, sync, watch, cancel, retry),
    "See and use results": (runs, status, show, search, export, report),
    "Delete runs": (delete, prune),
    "Run services": (up, down, worker, serve, lab, doctor),
}

for purpose, commands in COMMANDS.items():
    for command in commands:
        app.command(cls=HelpCommand, rich_help_panel=purpose)(command)


def main() -> NoReturn:
    """Run the command that this process's arguments name."""
    hide_passwords()
    _spare_garbage_collection()
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Closed by the parent process: there is no input, and output is discarded.
            setattr(sys, name, _null("r" if name == "stdin" else "w"))
        elif name != "stdin":
            # A file name that the terminal cannot encode must not end a run.
            stream.reconfigure(errors="replace")
    with guarded_streams():
        _run()
    sys.exit(0)


def _run() -> None:
    try:
        app()
    except DocProgressError as error:
        from docprogress.formatting import plain
        from docprogress.settings import redacted
        from docprogress.terminal.shell_words import in_shell_words

        reason = in_shell_words(
            str(error),
            run_id=getattr(error, "run_id", None),
            options=service_options(sys.argv[1:]),
        )
        typer.echo(f"docprogress: {plain(redacted(reason))}", err=True)
        sys.exit(2 if isinstance(error, USAGE_ERRORS) else 1)
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        # What is left of the output is not written at exit either.
        sys.stdout = _null("w")
        typer.echo(f"docprogress: cannot write the output: {error.strerror}", err=True)
        sys.exit(1)


def _null(mode: str) -> IO[str]:
    return cast("IO[str]", Path(os.devnull).open(mode, encoding="utf-8"))


def _spare_garbage_collection() -> None:
    """Collect garbage rarely, and not at all on exit.

    Nearly all objects of a command are the modules that it imports; collecting garbage
    among them would take a third of the time of a short command.
    """
    gc.set_threshold(20_000, 50, 50)
    atexit.register(gc.freeze)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"docprogress {__version__}")
        raise typer.Exit


@app.callback()
def _docprogress(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Accept the options that precede the command."""
