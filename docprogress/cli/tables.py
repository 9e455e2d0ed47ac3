"""Output of the commands that only read: tables for people, JSON for programs."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import typer
from redis.exceptions import RedisError
from rich.text import Text

from docprogress import local
from docprogress.bus.connection import connect
from docprogress.cli.output import (
    UNLIMITED,
    local_time,
    output_console,
    show_facts,
    width_of,
    write_json,
)
from docprogress.cli.overview import Overview
from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.events import NOT_HANDED_IN, Status
from docprogress.formatting import duration, plain, plural
from docprogress.queueing.queue_state import Queue
from docprogress.queueing.queues import queues
from docprogress.queueing.waits import queue_reasons
from docprogress.search import results_text
from docprogress.search.results import SearchResults
from docprogress.settings import redacted
from docprogress.store import DocumentRow
from docprogress.terminal.listing import Column, Row, indented, listing
from docprogress.terminal.shell_words import in_shell_words
from docprogress.terminal.styles import STYLES


def run(found: Run, *, as_json: bool) -> None:
    """Print a line for each document of a run."""
    rows = (row for batch in found.batches() for row in batch)
    if as_json:
        write_json(map(_facts, rows))
        return
    console = output_console()
    width = width_of(console)
    heading = Text(f"Run {found.id}: {found.summary()}")
    for line in indented(heading, width or UNLIMITED, indent=0):
        console.print(line, soft_wrap=True)
    if (waiting := found.waiting_for) is not None:
        console.print(Text(plain(waiting)), soft_wrap=True)
    listed = [
        Row(
            [
                Text(plain(row.name)),
                Text(row.status, style=STYLES[row.status]),
                Text(f"{int(row.progress)} %"),
                Text(plain(row.step)),
                Text(f"{row.pages:,}" if row.pages else ""),
                Text(f"{row.chunks:,}" if row.chunks else ""),
                Text(_between(row.started_at, row.finished_at)),
            ],
            note=Text(_reason(row)),
        )
        for row in rows
    ]
    for line in listing(_DOCUMENT_COLUMNS, listed, width):
        console.print(line, soft_wrap=True)


_DOCUMENT_COLUMNS = (
    Column("NAME"),
    Column("STATUS"),
    Column("DONE", right=True),
    Column("STEP", rank=3),
    Column("PAGES", rank=1, right=True),
    Column("CHUNKS", rank=2, right=True),
    Column("TOOK", rank=1, right=True),
)


def _reason(row: DocumentRow) -> str:
    """Why a document failed, or was never submitted, without its name."""
    reason = plain(row.error or _not_handed_in(row))
    reason = reason.removeprefix(f"{plain(row.name)}:").lstrip()
    return in_shell_words(reason, run_id=row.run_id)


def _not_handed_in(row: DocumentRow) -> str:
    cancelled = row.status is Status.CANCELLED
    return row.message if cancelled and row.message.startswith(NOT_HANDED_IN) else ""


def document(row: DocumentRow, *, as_json: bool) -> None:
    """Print everything known about a document."""
    if as_json:
        write_json([_facts(row)])
        return
    status = Text(row.status, style=STYLES[row.status])
    facts: list[tuple[str, str | Text]] = [
        ("Name", plain(row.name)),
        ("Document", row.id),
        ("Run", row.run_id),
        ("Case", plain(row.case_id or "")),
        ("From", plain(redacted(row.url or ""))),
        ("Status", status),
        ("Step", f"{plain(row.step)}, {int(row.progress)} % of the document"),
        ("Message", plain(row.message)),
        ("Error", in_shell_words(plain(row.error or ""), run_id=row.run_id)),
        ("Note", plain(row.note or "")),
        ("Attempt", str(row.attempt)),
        ("Content", _content(row)),
        ("Engine", plain(row.engine or "")),
        ("Embedder", plain(row.embedder or "")),
        ("Worker", plain(row.worker or "")),
        ("Submitted", local_time(row.created_at)),
        ("Took", _between(row.started_at, row.finished_at)),
    ]
    show_facts(facts)


def overview(pipeline: Pipeline) -> Overview:
    """The services, the queues, and the number of documents by status."""
    settings = pipeline.settings
    services = local.status(settings.home) if settings.local else None
    url = services.redis_url if services else settings.redis_url
    version, waiting, reasons = _redis(pipeline, url)
    return Overview(
        home=settings.home,
        redis_url=None if settings.redis_url is None else redacted(settings.redis_url),
        services=services,
        version=version,
        queues=waiting,
        reasons=reasons,
        totals=pipeline.store.runs.totals(),
    )


def passages(found: SearchResults, *, as_json: bool) -> None:
    """Print passages, best first, with marked words in bold."""
    for warning in found.warnings:
        typer.echo(f"warning: {in_shell_words(plain(warning))}", err=True)
    if as_json:
        corrections = {"corrections": [asdict(each) for each in found.corrections]}
        write_json(hit.to_dict() | corrections for hit in found)
        return
    for each in found.corrections:
        typer.echo(f"{results_text.corrected(each)} (as written: --no-spelling)")
    if not found:
        typer.echo(results_text.summary(found))
    console = output_console()
    for hit in found:
        console.print(results_text.heading(hit))
        for line in results_text.passage(hit).wrap(console, console.width - 4):
            line.rstrip()
            console.print(Text("    ").append_text(line), soft_wrap=True)


def _redis(
    pipeline: Pipeline, url: str | None
) -> tuple[str | None, list[Queue], dict[str, str]]:
    """The version of Redis, the queues, and why runs wait.

    The version is None if Redis is unreachable.
    """
    if url is None:
        return None, queues(pipeline.store, None), {}
    client: Any = connect(url)
    try:
        info = client.info("server")
        version = str(info.get("valkey_version") or info["redis_version"])
        reasons = queue_reasons(pipeline.store, client, local=pipeline.settings.local)
        return version, queues(pipeline.store, client), reasons
    except (RedisError, OSError):
        return None, queues(pipeline.store, None), {}
    finally:
        client.close()


def _facts(row: DocumentRow) -> dict[str, Any]:
    """A document as a JSON object."""
    return {
        "document_id": row.id,
        "run_id": row.run_id,
        "case_id": row.case_id,
        "name": row.name,
        "status": row.status,
        "step": row.step,
        "progress": row.progress,
        "message": row.message,
        "error": row.error,
        "attempt": row.attempt,
        "size": row.size,
        "pages": row.pages,
        "chunks": row.chunks,
        "characters": row.characters,
        "engine": row.engine,
        "worker": row.worker,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }


def _content(row: DocumentRow) -> str:
    counts = ((row.size, "byte"), (row.pages, "page"), (row.chunks, "chunk"))
    return ", ".join(plural(count, noun) for count, noun in counts if count)


def _between(start: datetime | None, end: datetime | None) -> str:
    """The duration; empty unless it has ended."""
    if start is None or end is None:
        return ""
    return duration(max((end - start).total_seconds(), 0.0))
