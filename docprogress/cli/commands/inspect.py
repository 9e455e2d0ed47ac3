"""Commands that only read: `runs`, `status`, `show`; they start nothing."""

from typing import Annotated

import typer

from docprogress.cli.lookup import find
from docprogress.cli.options import Json, ServiceOptions, with_service_options
from docprogress.errors import DocumentNotFound, ResultsUnavailable

Limit = Annotated[int, typer.Option(metavar="N", min=1, help="Maximum number of rows.")]


@with_service_options
def runs(
    *,
    case: Annotated[
        str | None, typer.Option(metavar="ID", help="List only the runs of this case.")
    ] = None,
    limit: Limit = 100,
    as_json: Json = False,
    services: ServiceOptions,
) -> None:
    """List runs, newest first."""
    from docprogress.cli.overview import show_runs
    from docprogress.cli.quick_overview import quick

    with quick(services) as found:
        if found is not None:
            show_runs(found.runs(case_id=case, limit=limit), as_json=as_json)
            return
    with services.open_pipeline(start=False) as pipeline:
        show_runs(pipeline.runs(case_id=case, limit=limit), as_json=as_json)


@with_service_options
def status(
    *,
    which: Annotated[
        str | None,
        typer.Argument(metavar="[RUN|DOCUMENT]", help="Run or document id."),
    ] = None,
    as_json: Json = False,
    services: ServiceOptions,
) -> None:
    """Show the status of everything, one run, or one document."""
    from docprogress.cli.overview import show_overview
    from docprogress.cli.quick_overview import quick

    if which is None:
        with quick(services) as quickly:
            if quickly is not None and (standing := quickly.overview()) is not None:
                show_overview(standing, as_json=as_json)
                return
    from docprogress.cli import tables

    with services.open_pipeline(start=False) as pipeline:
        if which is None:
            show_overview(tables.overview(pipeline), as_json=as_json)
            return
        found, row = find(pipeline, which)
        if row is None:
            tables.run(found, as_json=as_json)
        else:
            tables.document(row, as_json=as_json)


@with_service_options
def show(
    *,
    which: Annotated[
        str, typer.Argument(metavar="DOCUMENT", help="Document id or name.")
    ],
    run_id: Annotated[
        str,
        typer.Option("--run", metavar="RUN", help="Run in which to look up the name."),
    ] = "latest",
    markdown: Annotated[
        bool,
        typer.Option("--markdown", help="Print Markdown: headings, lists and tables."),
    ] = False,
    tables: Annotated[
        bool, typer.Option("--tables", help="Print only the tables, as Markdown.")
    ] = False,
    services: ServiceOptions,
) -> None:
    """Print the text or the tables of a document."""
    from docprogress.formatting import plain
    from docprogress.structure.tables import titled
    from docprogress.terminal.shell_words import in_shell_words

    with services.open_pipeline(start=False) as pipeline:
        try:
            document = pipeline.attach(pipeline.document(which).run_id)[which]
        except DocumentNotFound:
            document = pipeline.attach(run_id)[which]
        try:
            found = document.tables if tables else document.pages
        except ResultsUnavailable as error:
            reason = document.row.error or str(error)
            shown = in_shell_words(plain(reason), run_id=document.row.run_id)
            typer.echo(shown, err=True)
            raise typer.Exit(1) from None
        if not tables:
            typer.echo(document.markdown if markdown else document.text)
        elif found:
            typer.echo("\n\n".join(map(titled, document.tables)))
        else:
            typer.echo(f"{document.name} has no tables", err=True)
