"""The command `search`, which starts nothing but reads what runs have made."""

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
        typer.Option("--run", metavar="RUN", help="Only in this run; repeatable."),
    ] = None,
    case: Annotated[
        str | None, typer.Option(metavar="ID", help="Only in this case.")
    ] = None,
    document: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only in this document; repeatable."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Only passages of this kind: text, table, code or list."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Only documents in this language: en, de, …"),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="Find by words, by vectors of meaning, or by both.")
    ] = Mode.HYBRID,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="Maximum number of passages.")
    ] = 10,
    offset: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many better ones to skip.")
    ] = 0,
    rerank: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Order again by this model or `module:function`."
        ),
    ] = None,
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
        )
        tables.passages(found, as_json=as_json)
