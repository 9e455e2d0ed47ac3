"""How a command shows the progress of a run: `--progress`."""

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import IO, Annotated

import typer

from docprogress.cli.help import OUTPUT
from docprogress.terminal.capabilities import draws
from docprogress.terminal.status_line import StatusLine


class ProgressMode(StrEnum):
    """The choices of `--progress`."""

    AUTO = "auto"
    PLAIN = "plain"
    QUIET = "quiet"
    JSON = "json"


#: The environment variable for the option.
PROGRESS_VARIABLE = "DOCPROGRESS_PROGRESS"

Progress = Annotated[
    ProgressMode,
    typer.Option(
        metavar="MODE",
        help="How to show progress: auto (live in a terminal, otherwise plain), plain "
        "(one line per change), quiet (errors only), or json (one event per line).",
        rich_help_panel=OUTPUT,
        envvar=PROGRESS_VARIABLE,
        show_envvar=False,
    ),
]


class Display(StrEnum):
    """The output of a command while it follows a run."""

    LIVE = "live"
    PLAIN = "plain"
    QUIET = "quiet"
    JSON = "json"


def choose(
    mode: ProgressMode,
    *,
    as_json: bool = False,
    out: IO[str] | None = None,
    env: Mapping[str, str] = os.environ,
) -> Display:
    """What to print for the options `--progress` and `--json`.

    Raises:
        typer.BadParameter: They contradict each other.
    """
    if as_json and mode not in (ProgressMode.AUTO, ProgressMode.JSON):
        raise typer.BadParameter(f"--json cannot be combined with --progress {mode}")
    if as_json:
        return Display.JSON
    if mode is not ProgressMode.AUTO:
        return Display(mode.value)
    out = sys.stdout if out is None else out
    return Display.LIVE if out.isatty() and draws(env) else Display.PLAIN


def status_line(display: Display) -> StatusLine:
    """The line for what happens before the run: on standard output or error.

    It is on standard error where results go to standard output.
    """
    out = sys.stdout if display is Display.LIVE else sys.stderr
    enabled = display in (Display.LIVE, Display.JSON)
    logs = display is Display.PLAIN and out.isatty()
    return StatusLine(out, enabled=enabled, logs=logs)
