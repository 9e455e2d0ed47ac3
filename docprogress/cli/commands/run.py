"""Commands that start, follow and cancel runs: `run`, `watch`, `retry`, `cancel`."""

from typing import Annotated

import typer

from docprogress.cli.lookup import find
from docprogress.cli.options import (
    Json,
    RunId,
    ServiceOptions,
    Workers,
    with_service_options,
)
from docprogress.cli.processing_options import (
    Case,
    EmbedderName,
    OcrChoice,
    OcrEngineChoice,
    PdfEngineChoice,
    Priority,
    Sink,
    Steps,
)
from docprogress.cli.progress_mode import (
    Progress,
    ProgressMode,
    choose,
    status_line,
)


@with_service_options
def run(
    *,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders, glob patterns or URLs."),
    ],
    case: Case = None,
    steps: Steps = None,
    embedder: EmbedderName = None,
    pdf_engine: PdfEngineChoice = None,
    ocr: OcrChoice = None,
    ocr_engine: OcrEngineChoice = None,
    sink: Sink = None,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Skip files that have already been processed, and reuse their "
            "results.",
        ),
    ] = False,
    priority: Priority = 0,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the run id without waiting.")
    ] = False,
    progress: Progress = ProgressMode.AUTO,
    as_json: Json = False,
    workers: Workers = None,
    services: ServiceOptions,
) -> None:
    """Read, chunk and embed documents, and show their progress.

    Ctrl-C cancels the run and waits for it to end; a second Ctrl-C exits immediately.
    """
    display = choose(progress, as_json=as_json)
    with (
        status_line(display) as line,
        services.open_pipeline(
            line=line,
            workers=workers,
            embedder=embedder,
            pdf_engine=pdf_engine and pdf_engine.value,
            ocr=ocr and ocr.value,
            ocr_engine=ocr_engine and ocr_engine.value,
            sink=sink,
            steps=steps or None,
        ) as pipeline,
    ):
        from docprogress.cli import live_run

        status = live_run.submit(
            pipeline,
            paths,
            case_id=case,
            skip_existing=skip_existing,
            priority=priority,
            detach=detach,
            output=live_run.Output(
                display=display, line=line, options=services.arguments()
            ),
        )
    raise typer.Exit(status)


@with_service_options
def watch(
    *,
    run_id: RunId,
    progress: Progress = ProgressMode.AUTO,
    as_json: Json = False,
    services: ServiceOptions,
) -> None:
    """Show the progress of a run.

    Ctrl-C stops watching; the run continues.
    """
    display = choose(progress, as_json=as_json)
    with (
        status_line(display) as line,
        services.open_pipeline(line=line) as pipeline,
    ):
        from docprogress.cli import live_run

        output = live_run.Output(
            display=display, line=line, options=services.arguments()
        )
        status = live_run.watch(pipeline.attach(run_id), output=output)
    raise typer.Exit(status)


@with_service_options
def retry(
    *,
    run_id: RunId,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Process all documents, including completed ones."),
    ] = False,
    password_file: Annotated[
        typer.FileText | None,
        typer.Option(
            "--password-file",
            metavar="FILE",
            help="Passwords for encrypted documents, one per line; - reads standard "
            "input.",
        ),
    ] = None,
    ask_password: Annotated[
        bool,
        typer.Option("--ask-password", help="Prompt for the password of documents."),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Exit without waiting.")
    ] = False,
    progress: Progress = ProgressMode.AUTO,
    as_json: Json = False,
    services: ServiceOptions,
) -> None:
    """Retry the failed and cancelled documents of a run.

    Completed steps are not repeated.
    """
    display = choose(progress, as_json=as_json)
    passwords = password_file.read().splitlines() if password_file else []
    if ask_password:
        passwords.append(typer.prompt("Password", hide_input=True))
    with (
        status_line(display) as line,
        services.open_pipeline(line=line) as pipeline,
    ):
        from docprogress.cli import live_run

        status = live_run.retry(
            pipeline.attach(run_id),
            failed_only=not everything,
            passwords=[password for password in passwords if password],
            detach=detach,
            output=live_run.Output(
                display=display, line=line, options=services.arguments()
            ),
        )
    raise typer.Exit(status)


@with_service_options
def cancel(
    *,
    which: Annotated[
        list[str],
        typer.Argument(metavar="RUN|DOCUMENT", help="Run or document ids."),
    ],
    services: ServiceOptions,
) -> None:
    """Cancel runs or single documents."""
    with services.open_pipeline(start=False) as pipeline:
        # Find all of them before cancelling any.
        for found, row in [find(pipeline, name) for name in which]:
            count = found.cancel([row.id] if row else None)
            typer.echo(f"{found.id}: cancelled {count or 'nothing'}")
