"""Commands that delete runs: `delete` the named ones, `prune` the old ones."""

import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from docprogress.cli.options import ServiceOptions, Yes, with_service_options
from docprogress.errors import RunNotFound, RunUnfinished, SettingsError

if TYPE_CHECKING:
    from docprogress.client.deletion import Deleted
    from docprogress.client.run import Run

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(\d{1,6})([mhdw])")


@with_service_options
def delete(
    *,
    run_ids: Annotated[
        list[str],
        typer.Argument(metavar="RUN", help="Run ids, beginnings of ids, or `latest`."),
    ],
    cancel_first: Annotated[
        bool, typer.Option("--cancel", help="Cancel unfinished documents first.")
    ] = False,
    sure: Yes = False,
    services: ServiceOptions,
) -> None:
    """Delete runs with their documents, files and results."""
    with services.open_pipeline(start=False) as pipeline:
        # Find all of them before deleting any; the same run may be named twice.
        runs = list({run.id: run for run in map(pipeline.attach, run_ids)}.values())
        for run in runs:
            typer.echo(f"{run.id}: {run.summary()}")
        status = _delete(runs, cancel=cancel_first, sure=sure)
    raise typer.Exit(status)


@with_service_options
def prune(
    *,
    older_than: Annotated[
        str,
        typer.Option(
            metavar="AGE", help="Minimum time since the run ended: 12h, 30d, 2w."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be deleted.")
    ] = False,
    sure: Yes = False,
    services: ServiceOptions,
) -> None:
    """Delete old runs. Unfinished runs are kept."""
    from docprogress.formatting import plural

    age = _age(older_than)
    with services.open_pipeline(start=False) as pipeline:
        old, unfinished = pipeline.old_runs(age)
        if unfinished:
            typer.echo(
                f"{plural(len(unfinished), 'unfinished run')} kept; list them with "
                "`docprogress runs`, cancel them with `docprogress cancel`"
            )
        if not old:
            typer.echo("nothing to delete")
            return
        runs = [pipeline.attach(run_id) for run_id in old]
        if dry_run:
            for run in runs:
                typer.echo(f"{run.id}: {run.summary()}")
            typer.echo(f"{plural(len(runs), 'run')} would be deleted")
            return
        status = _delete(runs, cancel=False, sure=sure)
    raise typer.Exit(status)


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise SettingsError(
            f"{text!r} is not an age: use a number followed by m, h, d or w, such as "
            "12h or 30d"
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _delete(runs: "Sequence[Run]", *, cancel: bool, sure: bool) -> int:
    """Delete runs after confirmation; the exit status."""
    from rich.filesize import decimal

    from docprogress.formatting import plural
    from docprogress.terminal.shell_words import in_shell_words

    if not sure:
        if not sys.stdin.isatty():
            raise SettingsError(
                "cannot prompt for confirmation without a terminal: add --yes"
            )
        if not typer.confirm(f"Delete {plural(len(runs), 'run')}?"):
            return 1
    done: list[Deleted] = []
    status = 0
    for run in runs:
        try:
            if cancel:
                run.cancel()
            done.append(run.delete())
        except RunNotFound:
            continue  # deleted by another process in the meantime
        except RunUnfinished as error:
            reason = in_shell_words(str(error), run_id=run.id)
            typer.echo(f"docprogress: {reason}", err=True)
            status = 1
    documents = sum(each.documents for each in done)
    files, size = sum(each.files for each in done), sum(each.bytes for each in done)
    keys = sum(each.keys for each in done)
    typer.echo(
        f"deleted {plural(len(done), 'run')} with {plural(documents, 'document')}: "
        f"{plural(files, 'file')} ({decimal(size)}), {plural(keys, 'Redis key')}"
    )
    return status
