"""Commands that start, follow and cancel runs: `run`, `watch`, `retry`, `cancel`."""

from enum import StrEnum
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


class PdfEngine(StrEnum):
    """The library that reads PDFs."""

    AUTO = "auto"
    PDFIUM = "pdfium"
    PYPDF = "pypdf"


class Ocr(StrEnum):
    """The choices of `--ocr`."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class OcrEngine(StrEnum):
    """The choices of `--ocr-engine`."""

    RAPIDOCR = "rapidocr"
    TESSERACT = "tesseract"


@with_service_options
def run(
    *,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders, globs, http(s) URLs."),
    ],
    case: Annotated[
        str | None, typer.Option(metavar="ID", help="Case the documents belong to.")
    ] = None,
    steps: Annotated[
        list[str] | None,
        typer.Option(
            "--step", metavar="MODULE:FUNCTION", help="Add your own step; repeatable."
        ),
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="hashing, wordllama, universal-sentence-encoder, "
            "sentence-transformers:MODEL, openai:MODEL.",
        ),
    ] = None,
    pdf_engine: Annotated[
        PdfEngine | None, typer.Option(help="Library that reads PDFs.")
    ] = None,
    ocr: Annotated[
        Ocr | None, typer.Option(help="Pages whose text is recognised in an image.")
    ] = None,
    ocr_engine: Annotated[
        OcrEngine | None, typer.Option(help="Program that recognises it.")
    ] = None,
    sink: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Vector store that documents are stored in."),
    ] = None,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing", help="Reuse the results of files processed before."
        ),
    ] = False,
    priority: Annotated[
        int, typer.Option(metavar="N", help="Before (1, 2, …) or after (-1) others.")
    ] = 0,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the run's id and do not wait.")
    ] = False,
    as_json: Json = False,
    workers: Workers = None,
    services: ServiceOptions,
) -> None:
    """Read, chunk and embed documents, and show their progress.

    Ctrl-C cancels the run and waits for it to end; a second Ctrl-C exits at once.
    """
    from docprogress.cli import live_run

    with services.open_pipeline(
        workers=workers,
        embedder=embedder,
        pdf_engine=pdf_engine and pdf_engine.value,
        ocr=ocr and ocr.value,
        ocr_engine=ocr_engine and ocr_engine.value,
        sink=sink,
        steps=steps or None,
    ) as pipeline:
        status = live_run.submit(
            pipeline,
            paths,
            case_id=case,
            skip_existing=skip_existing,
            priority=priority,
            detach=detach,
            as_json=as_json,
        )
    raise typer.Exit(status)


@with_service_options
def watch(*, run_id: RunId, as_json: Json = False, services: ServiceOptions) -> None:
    """Show the progress of a run. Ctrl-C stops watching; the run continues."""
    from docprogress.cli import live_run

    with services.open_pipeline() as pipeline:
        status = live_run.watch(pipeline.attach(run_id), as_json=as_json)
    raise typer.Exit(status)


@with_service_options
def retry(
    *,
    run_id: RunId,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Redo everything, completed documents too."),
    ] = False,
    password_file: Annotated[
        typer.FileText | None,
        typer.Option(
            "--password-file",
            help="Passwords for encrypted documents, one a line; - is standard input.",
        ),
    ] = None,
    ask_password: Annotated[
        bool,
        typer.Option("--ask-password", help="Ask for the password of documents."),
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait.")] = False,
    as_json: Json = False,
    services: ServiceOptions,
) -> None:
    """Retry the failed and cancelled documents of a run.

    Completed steps are not repeated.
    """
    from docprogress.cli import live_run

    passwords = password_file.read().splitlines() if password_file else []
    if ask_password:
        passwords.append(typer.prompt("Password", hide_input=True))
    with services.open_pipeline() as pipeline:
        status = live_run.retry(
            pipeline.attach(run_id),
            failed_only=not everything,
            passwords=[password for password in passwords if password],
            detach=detach,
            as_json=as_json,
        )
    raise typer.Exit(status)


@with_service_options
def cancel(
    *,
    which: Annotated[
        list[str],
        typer.Argument(metavar="RUN|DOCUMENT", help="Runs, or ids of documents."),
    ],
    services: ServiceOptions,
) -> None:
    """Cancel the unfinished documents of runs, or single documents."""
    with services.open_pipeline(start=False) as pipeline:
        # Find all of them before cancelling any.
        for found, row in [find(pipeline, name) for name in which]:
            count = found.cancel([row.id] if row else None)
            typer.echo(f"{found.id}: cancelled {count or 'nothing'}")
