"""The command line: `docprogress --help` lists what it can do.

Exit status: 0 if all went well, 1 if a document failed or was cancelled or
something could not be reached, 2 for wrong use, 130 if it was interrupted.
"""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from docprogress.cli.arguments import hide_passwords
from docprogress.cli.lab import lab
from docprogress.cli.serve import serve
from docprogress.errors import (
    DocProgressError,
    DocumentNotFound,
    RunNotFound,
    SettingsError,
    StepError,
    SubmitError,
)

if TYPE_CHECKING:
    from docprogress.run import Pipeline
    from docprogress.settings import Settings
    from docprogress.store import DocumentRow

#: Errors that say the command was used wrongly.
WRONG_USE = (SettingsError, SubmitError, StepError, RunNotFound, DocumentNotFound)

app = typer.Typer(
    name="docprogress",
    help="Documents through a pipeline of workers, watched live.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class PdfEngine(StrEnum):
    """What reads PDFs."""

    AUTO = "auto"
    PDFIUM = "pdfium"
    PYPDF = "pypdf"


Home = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The folder of local services and their data."),
]
RedisUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="A Redis of yours, instead of local services."),
]
DatabaseUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="A database instead of SQLite.")
]
StorageUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Where documents' bytes are kept.")
]
Workers = Annotated[
    int | None, typer.Option(metavar="N", help="Local worker processes.")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, one object a line.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, how it begins, or `latest`.")
]


def main() -> NoReturn:
    """Run the command that the arguments of this process name."""
    hide_passwords()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Closed by whoever started this: what is written goes nowhere.
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)
        else:
            # A name that the terminal cannot show must not end a run.
            stream.reconfigure(errors="replace")
    try:
        app()
    except DocProgressError as error:
        from docprogress.formatting import plain
        from docprogress.settings import redacted

        typer.echo(f"docprogress: {plain(redacted(str(error)))}", err=True)
        sys.exit(2 if isinstance(error, WRONG_USE) else 1)
    sys.exit(0)


def _say_version(wanted: bool) -> None:
    if wanted:
        from docprogress.version import __version__

        typer.echo(f"docprogress {__version__}")
        raise typer.Exit


@app.callback()
def _docprogress(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Say which version this is.",
            callback=_say_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Take the options that stand before the command."""


@app.command()
def run(
    *,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders, globs, http(s) URLs."),
    ],
    case: Annotated[
        str | None, typer.Option(metavar="ID", help="What the documents belong to.")
    ] = None,
    steps: Annotated[
        list[str] | None,
        typer.Option(
            "--step", metavar="MODULE:FUNCTION", help="A step of your own; repeatable."
        ),
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="hashing, sentence-transformers:MODEL, openai:MODEL."
        ),
    ] = None,
    pdf_engine: Annotated[
        PdfEngine | None, typer.Option(help="What reads PDFs.")
    ] = None,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Do not do the same file twice.")
    ] = False,
    priority: Annotated[
        int, typer.Option(metavar="N", help="Before (1, 2, …) or after (-1) others.")
    ] = 0,
    detach: Annotated[
        bool, typer.Option("--detach", help="Write the run's id, and do not wait.")
    ] = False,
    as_json: Json = False,
    workers: Workers = None,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Read, chunk and embed documents, and watch it happen.

    Ctrl-C cancels the run and waits for its end; a second one leaves at once.
    """
    from docprogress.cli import follow

    with _pipeline(
        home,
        redis_url,
        database_url,
        storage_url,
        workers=workers,
        embedder=embedder,
        pdf_engine=pdf_engine and pdf_engine.value,
        steps=steps or None,
    ) as pipeline:
        status = follow.submit(
            pipeline,
            paths,
            case_id=case,
            skip_existing=skip_existing,
            priority=priority,
            detach=detach,
            as_json=as_json,
        )
    raise typer.Exit(status)


@app.command()
def watch(
    *,
    run_id: RunId,
    as_json: Json = False,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Watch a run from the present on; Ctrl-C leaves it going."""
    from docprogress.cli import follow

    with _pipeline(home, redis_url, database_url, storage_url) as pipeline:
        status = follow.watch(pipeline.attach(run_id), as_json=as_json)
    raise typer.Exit(status)


@app.command()
def runs(
    *,
    case: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the runs of this case.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most so many.")
    ] = 100,
    as_json: Json = False,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """List the runs, newest first."""
    from docprogress.cli import tables

    with _pipeline(home, redis_url, database_url, storage_url, start=False) as pipeline:
        tables.runs(pipeline.runs(case_id=case, limit=limit), as_json=as_json)


@app.command()
def status(
    *,
    which: Annotated[
        str | None,
        typer.Argument(metavar="[RUN|DOCUMENT]", help="A run, or a document's id."),
    ] = None,
    as_json: Json = False,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Say how everything stands, or one run, or one document."""
    from docprogress.cli import tables

    with _pipeline(home, redis_url, database_url, storage_url, start=False) as pipeline:
        if which is None:
            tables.everything(pipeline, as_json=as_json)
            return
        try:
            found = pipeline.attach(which)
        except RunNotFound:
            tables.document(_document(pipeline, which), as_json=as_json)
        else:
            tables.run(found, as_json=as_json)


@app.command()
def search(
    *,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for.")],
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Only in this run.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most so many.")
    ] = 10,
    as_json: Json = False,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Find the passages nearest to a query."""
    from docprogress.cli import tables

    with _pipeline(home, redis_url, database_url, storage_url, start=False) as pipeline:
        wanted = pipeline.attach(run_id).id if run_id else None
        found = pipeline.search(query, run_id=wanted, limit=limit)
        tables.passages(found, as_json=as_json)


@app.command()
def cancel(
    *,
    which: Annotated[
        list[str],
        typer.Argument(metavar="RUN|DOCUMENT", help="Runs, or documents' ids."),
    ],
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Cancel what is unfinished of runs, or documents."""
    with _pipeline(home, redis_url, database_url, storage_url, start=False) as pipeline:
        # All of them are found before anything is cancelled.
        wanted: list[tuple[Any, list[str] | None]] = []
        for name in which:
            try:
                wanted.append((pipeline.attach(name), None))
            except RunNotFound:
                row = _document(pipeline, name)
                wanted.append((pipeline.attach(row.run_id), [row.id]))
        for found, documents in wanted:
            count = found.cancel(documents)
            typer.echo(f"{found.id}: cancelled {count or 'nothing'}")


@app.command()
def retry(
    *,
    run_id: RunId,
    everything: Annotated[
        bool, typer.Option("--all", help="Everything anew, completed documents too.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait.")] = False,
    as_json: Json = False,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Try again what has failed or was cancelled in a run, and watch it.

    Finished steps are not done again.
    """
    from docprogress.cli import follow

    with _pipeline(home, redis_url, database_url, storage_url) as pipeline:
        status = follow.retry(
            pipeline.attach(run_id),
            failed_only=not everything,
            detach=detach,
            as_json=as_json,
        )
    raise typer.Exit(status)


@app.command()
def delete(
    *,
    run_ids: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Runs, each as for `status`.")
    ],
    cancel_first: Annotated[
        bool, typer.Option("--cancel", help="Cancel first what is unfinished.")
    ] = False,
    sure: Yes = False,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Delete runs: documents, files, results, and what Redis has of them."""
    from docprogress.cli import deleting

    with _pipeline(home, redis_url, database_url, storage_url, start=False) as pipeline:
        # All of them are found before anything is deleted.
        found = {run.id: run for run in map(pipeline.attach, run_ids)}
        status = deleting.delete(list(found.values()), cancel=cancel_first, sure=sure)
    raise typer.Exit(status)


@app.command()
def prune(
    *,
    older_than: Annotated[
        str,
        typer.Option(metavar="AGE", help="Since its end: 30d, 12h or 2w, say."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be deleted.")
    ] = False,
    sure: Yes = False,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Delete the runs that ended long ago.  What is unfinished is kept."""
    from docprogress.cli import deleting

    age = deleting.age(older_than)
    with _pipeline(home, redis_url, database_url, storage_url, start=False) as pipeline:
        status = deleting.prune(pipeline, age, sure=sure, dry=dry_run)
    raise typer.Exit(status)


@app.command()
def up(*, workers: Workers = None, home: Home = None) -> None:
    """Start the local services, or say that they run."""
    from docprogress import local

    settings = _local_settings(home, workers=workers)
    found = local.up(settings)
    typer.echo(
        f"local services run for {settings.home} "
        f"(process {found.pid}, {found.workers} worker{'s' * (found.workers != 1)})"
    )


@app.command()
def down(*, home: Home = None) -> None:
    """Stop the local services.

    What is unfinished goes on when they are started again.
    """
    from docprogress import local

    settings = _local_settings(home)
    stopped = local.down(settings.home)
    typer.echo(
        f"local services for {settings.home} "
        f"{'have stopped' if stopped else 'were not running'}"
    )


@app.command()
def worker(
    *,
    queues: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Queues to work on; `default` is the usual."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes; one a core.")
    ] = None,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Work on documents in the foreground, on this machine.

    It needs the Redis, the database and the storage that submitters use; with
    `--home` those of the local services, which are started if they do not run.
    """
    from docprogress import local
    from docprogress.settings import load
    from docprogress.worker.main import run_worker

    names = [name.strip() for name in (queues or "default").split(",") if name.strip()]
    settings = load(
        home=home,
        redis_url=redis_url,
        database_url=database_url,
        storage_url=storage_url,
    )
    if home is not None and settings.local:
        # Only if it is asked for: on a server, no Redis is a mistake.
        found = local.up(settings)
        settings = settings.model_copy(update={"redis_url": found.redis_url})

    def replace_supervisor() -> None:
        local.up_again(settings)

    # Of this process alone: what it starts has another parent.
    supervisor = os.environ.pop(local.SUPERVISED, None)
    status = run_worker(
        settings,
        queues=[None if name == "default" else name for name in names],
        concurrency=concurrency,
        # One that dies is replaced by one that its worker starts.
        supervisor=None if supervisor is None else int(supervisor),
        orphaned=replace_supervisor,
    )
    raise typer.Exit(status)


@app.command()
def doctor(
    *,
    home: Home = None,
    redis_url: RedisUrl = None,
    database_url: DatabaseUrl = None,
    storage_url: StorageUrl = None,
) -> None:
    """Say what is there, what is broken, and what to do."""
    from docprogress.cli.doctor import examine
    from docprogress.settings import load

    settings = load(
        home=home,
        redis_url=redis_url,
        database_url=database_url,
        storage_url=storage_url,
    )
    raise typer.Exit(0 if examine(settings) else 1)


app.command()(serve)
app.command()(lab)


def _pipeline(
    home: Path | None,
    redis_url: str | None,
    database_url: str | None,
    storage_url: str | None,
    **others: Any,
) -> "Pipeline":
    from docprogress.run import Pipeline

    return Pipeline(
        home=home,
        redis_url=redis_url,
        database_url=database_url,
        storage_url=storage_url,
        **others,
    )


def _document(pipeline: "Pipeline", document_id: str) -> "DocumentRow":
    """What is known of a document, after it was found to be no run."""
    try:
        return pipeline.document(document_id)
    except DocumentNotFound:
        raise RunNotFound(document_id) from None


def _local_settings(home: Path | None, *, workers: int | None = None) -> "Settings":
    from docprogress.settings import load

    settings = load(home=home, workers=workers)
    if not settings.local:
        raise SettingsError(
            "DOCPROGRESS_REDIS_URL names a Redis, so that there are no local services"
        )
    return settings
