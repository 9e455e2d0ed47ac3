"""The commands `export` and `report`, which write the results of a run to files."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from docprogress.cli.options import RunId, ServiceOptions, with_service_options


@with_service_options
def export(
    *,
    run_id: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="Run id, the beginning of one, or `latest`. Not with `--folder`.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="New folder, or that of an earlier export.",
            show_default=False,
        ),
    ] = None,
    synchronized: Annotated[
        str | None,
        typer.Option(
            "--folder",
            metavar="FOLDER",
            help="Export what is current in a synchronized folder, not a run.",
        ),
    ] = None,
    case: Annotated[
        str | None,
        typer.Option(metavar="ID", help="With `--folder`: the case it belongs to."),
    ] = None,
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="File format: parquet, jsonl, csv or markdown.",
        ),
    ] = "parquet",
    what: Annotated[
        str,
        typer.Option(
            metavar="WHAT", help="What to export: chunks, pages, tables or documents."
        ),
    ] = "chunks",
    services: ServiceOptions,
) -> None:
    """Write the results of a run, or of a synchronized folder, to a folder.

    With --folder, the newest version of each document of it is exported, over all its
    synchronizations: docprogress export --folder contracts/ DIR
    """
    from docprogress.formatting import plural

    if synchronized is not None and run_id is not None and folder is None:
        folder, run_id = Path(run_id), None
    if (run_id is None) == (synchronized is None) or folder is None:
        raise typer.BadParameter("give RUN and DIR, or --folder FOLDER and DIR")
    if case is not None and synchronized is None:
        raise typer.BadParameter("--case needs --folder")
    with services.open_pipeline(start=False) as pipeline:
        # `export` checks both, and names those that there are.
        options: dict[str, Any] = {"format": file_format, "what": what}
        found = (
            pipeline.attach(run_id)
            if run_id is not None
            else pipeline.folder(synchronized or "", case_id=case)
        )
        written = found.export(folder, **options, progress=True)
    manifest = json.loads((written / "manifest.json").read_text(encoding="utf-8"))
    typer.echo(f"{plural(len(manifest['files']), 'file')} in {written}")
    if left_out := len(manifest["left_out"]):
        unfinished = plural(left_out, "document")
        typer.echo(f"{unfinished} left out; manifest.json gives the reasons", err=True)


@with_service_options
def report(
    *,
    run_id: RunId,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="HTML file to write.",
            show_default="RUN.html",
        ),
    ] = None,
    services: ServiceOptions,
) -> None:
    """Write a self-contained HTML report of a run."""
    with services.open_pipeline(start=False) as pipeline:
        run = pipeline.attach(run_id)
        typer.echo(run.report(output or f"{run.id}.html"))
