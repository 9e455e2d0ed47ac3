"""The commands `export` and `report`, which write the results of a run to files."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from docprogress.cli.options import RunId, ServiceOptions, with_service_options


@with_service_options
def export(
    *,
    run_id: RunId,
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="New folder, or that of an earlier export."),
    ],
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
    """Write the results of a run to a folder."""
    from docprogress.formatting import plural

    with services.open_pipeline(start=False) as pipeline:
        # `Run.export` checks both, and names those that there are.
        options: dict[str, Any] = {"format": file_format, "what": what}
        written = pipeline.attach(run_id).export(folder, **options, progress=True)
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
