"""The command `search`, which only reads and starts no services."""

from typing import Annotated

import typer

from docprogress.cli.options import Json, ServiceOptions, with_service_options
from docprogress.search.mode import Mode


@with_service_options
def search(
    *,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words or a question.")],
    run_id: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="RUN", help="Search this run. Can be repeated."),
    ] = None,
    case: Annotated[
        str | None, typer.Option(metavar="ID", help="Search only this case.")
    ] = None,
    document: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Search this document. Can be repeated."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="Find only this kind: text, table, code or list."
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Search only documents in this language: en, de, …"
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(
            metavar="MODE",
            help="Search by words, by meaning (vectors), or by both (hybrid).",
        ),
    ] = Mode.HYBRID,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="Maximum number of passages.")
    ] = 10,
    offset: Annotated[
        int, typer.Option(metavar="N", min=0, help="Number of passages to skip.")
    ] = 0,
    rerank: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Rerank with this model or module:function."),
    ] = None,
    spelling: Annotated[
        bool,
        typer.Option(
            "--spelling/--no-spelling",
            help="Correct words that no passage has, and say so.",
        ),
    ] = True,
    as_json: Json = False,
    services: ServiceOptions,
) -> None:
    """Find the passages that answer a query."""
    from docprogress.cli import tables

    with services.open_pipeline(start=False) as pipeline:
        found = pipeline.search(
            query,
            run=run_id or None,
            case_id=case,
            documents=document or None,
            kind=kind,
            language=language,
            mode=mode,
            limit=limit,
            offset=offset,
            rerank=rerank,
            spelling=spelling,
        )
        tables.passages(found, as_json=as_json)
