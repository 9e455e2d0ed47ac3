"""Forgetting runs: one that is named, or all that are old."""

import re
import sys
from collections.abc import Sequence
from datetime import timedelta

import typer
from rich.filesize import decimal

from docprogress.errors import RunNotFound, RunUnfinished, SettingsError
from docprogress.formatting import plural
from docprogress.run import Deleted, Pipeline, Run

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(\d{1,6})([mhdw])")


def age(text: str) -> timedelta:
    """`30d` and the like.

    Raises:
        SettingsError: It is nothing of the kind.
    """
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise SettingsError(
            f"{text!r} is no age: a number and m, h, d or w, such as 12h or 30d"
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def delete(runs: Sequence[Run], *, cancel: bool, sure: bool) -> int:
    """Delete these runs, after a question unless somebody is `sure`; the status."""
    for run in runs:
        typer.echo(f"{run.id}: {run.summary()}")
    if not _agreed(f"Delete {plural(len(runs), 'run')}?", sure=sure):
        return 1
    return _delete(runs, cancel=cancel)


def prune(pipeline: Pipeline, older_than: timedelta, *, sure: bool, dry: bool) -> int:
    """Delete what came to rest so long ago; the status."""
    old, unfinished = pipeline.old_runs(older_than)
    if unfinished:
        typer.echo(
            f"{plural(len(unfinished), 'older run')} kept, unfinished: "
            "`docprogress status` shows them, `docprogress cancel` ends them"
        )
    if not old:
        typer.echo("there is nothing to delete")
        return 0
    if dry:
        for run_id in old:
            typer.echo(f"{run_id}: {pipeline.attach(run_id).summary()}")
        typer.echo(f"{plural(len(old), 'run')} would be deleted")
        return 0
    if not _agreed(f"Delete {plural(len(old), 'run')}?", sure=sure):
        return 1
    return _delete([pipeline.attach(run_id) for run_id in old], cancel=False)


def _agreed(question: str, *, sure: bool) -> bool:
    if sure:
        return True
    if not sys.stdin.isatty():
        raise SettingsError("nobody can be asked here: say --yes")
    return typer.confirm(question)


def _delete(runs: Sequence[Run], *, cancel: bool) -> int:
    done: list[Deleted] = []
    status = 0
    for run in runs:
        try:
            if cancel:
                run.cancel()
            done.append(run.delete())
        except RunNotFound:
            continue  # somebody else was faster
        except RunUnfinished as error:
            typer.echo(f"docprogress: {error}", err=True)
            status = 1
    runs_, documents = len(done), sum(each.documents for each in done)
    files, size = sum(each.files for each in done), sum(each.bytes for each in done)
    keys = sum(each.keys for each in done)
    typer.echo(
        f"deleted {plural(runs_, 'run')} with {plural(documents, 'document')}: "
        f"{plural(files, 'file')} of {decimal(size)}, {plural(keys, 'key')} of Redis"
    )
    return status
