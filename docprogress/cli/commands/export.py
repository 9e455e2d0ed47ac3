"""The command `export`: write a run's results into a folder."""

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
        Path, typer.Argument(metavar="DIR", help="A new folder, or an earlier export.")
    ],
    file_format: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORMAT", help="parquet, jsonl, csv or markdown."
        ),
    ] = "parquet",
    what: Annotated[
        str, typer.Option(metavar="WHAT", help="chunks, pages, tables or documents.")
    ] = "chunks",
    services: ServiceOptions,
) -> None:
    """Write the results of a run into a folder."""
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
