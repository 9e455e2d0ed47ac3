"""Output of the commands that only read: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import typer
from redis.exceptions import RedisError
from rich.console import Console
from rich.text import Text

from docprogress import local
from docprogress.bus.connection import connect
from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.events import NOT_HANDED_IN, Status
from docprogress.formatting import duration, plain, plural
from docprogress.progress.summary import SUMMARY_ORDER
from docprogress.queueing.queues import Queue, queues
from docprogress.queueing.waits import queue_reasons
from docprogress.search import results_text
from docprogress.search.results import SearchResults
from docprogress.settings import redacted
from docprogress.store import DocumentRow, RunSummary
from docprogress.terminal.listing import (
    NARROW,
    Column,
    Row,
    indented,
    labelled,
    listing,
)
from docprogress.terminal.styles import STYLES

#: The width of the console if the output is not a terminal, in cells.
UNLIMITED = 10_000


def runs(rows: Iterable[RunSummary], *, as_json: bool) -> None:
    """Print a line for each run."""
    if as_json:
        _write_json(
            {
                "run_id": row.id,
                "case_id": row.case_id,
                "created_at": row.created_at,
                "finished_at": row.finished_at,
                "expected": row.expected,
                "counts": row.counts,
            }
            for row in rows
        )
        return
    console = _console()
    width = _width(console)
    narrow = width is not None and width < NARROW
    listed = []
    for row in rows:
        states = _states(row.counts)
        cells = [
            Text(row.id),
            Text(_local_time(row.created_at)),
            Text(plain(row.case_id or "")),
            Text(f"{row.expected:,}"),
            Text() if narrow else states,
            Text("" if row.seconds is None else duration(row.seconds)),
        ]
        listed.append(Row(cells, note=states if narrow else Text()))
    if not listed:
        typer.echo("no runs yet; start one with `docprogress run PATH`")
        return
    for line in listing(_RUN_COLUMNS, listed, width, least_name=None):
        console.print(line, soft_wrap=True)


_RUN_COLUMNS = (
    Column("RUN"),
    Column("SUBMITTED", rank=3),
    Column("CASE", rank=1),
    Column("DOCUMENTS", rank=4, right=True),
    Column(""),
    Column("TOOK", rank=2, right=True),
)


def run(found: Run, *, as_json: bool) -> None:
    """Print a line for each document of a run."""
    rows = (row for batch in found.batches() for row in batch)
    if as_json:
        _write_json(map(_facts, rows))
        return
    console = _console()
    width = _width(console)
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
    return reason.removeprefix(f"{plain(row.name)}:").lstrip()


def _not_handed_in(row: DocumentRow) -> str:
    cancelled = row.status is Status.CANCELLED
    return row.message if cancelled and row.message.startswith(NOT_HANDED_IN) else ""


def document(row: DocumentRow, *, as_json: bool) -> None:
    """Print everything known about a document."""
    if as_json:
        _write_json([_facts(row)])
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
        ("Error", plain(row.error or "")),
        ("Note", plain(row.note or "")),
        ("Attempt", str(row.attempt)),
        ("Content", _content(row)),
        ("Engine", plain(row.engine or "")),
        ("Embedder", plain(row.embedder or "")),
        ("Worker", plain(row.worker or "")),
        ("Submitted", _local_time(row.created_at)),
        ("Took", _between(row.started_at, row.finished_at)),
    ]
    _show_facts(facts)


def overview(pipeline: Pipeline, *, as_json: bool) -> None:
    """Print the services, the queues, and the number of documents by status."""
    settings = pipeline.settings
    services = local.status(settings.home) if settings.local else None
    totals = pipeline.store.runs.totals()
    counts = totals.counts
    url = services.redis_url if services else settings.redis_url
    version, waiting, reasons = _redis(pipeline, url)
    if as_json:
        shown = services and {
            "pid": services.pid,
            "workers": services.workers,
            "started": services.started,
            "version": services.version,
        }
        _write_json(
            [
                {
                    "services": shown,
                    "redis": {"reachable": version is not None, "version": version},
                    "queues": {
                        queue.name: {
                            "documents": queue.documents,
                            "oldest_seconds": queue.oldest_seconds,
                            "served": queue.served,
                        }
                        for queue in waiting
                    },
                    "waiting": reasons,
                    "runs": {"total": totals.runs, "unfinished": totals.unfinished},
                    "counts": counts,
                }
            ]
        )
        return
    total = sum(counts.values())
    documents = Text(f"{total:,}: " if total else "none").append_text(_states(counts))
    runs = f"{totals.runs:,} ({totals.unfinished:,} unfinished)"
    _show_facts(
        [
            ("Services", _services(pipeline, services)),
            ("Redis", f"version {version}" if version else "unreachable")
            if url
            else ("Redis", "not running"),
            *((f"Queue {queue.name}", _waiting(queue)) for queue in waiting),
            *((f"Run {run_id}", plain(why)) for run_id, why in reasons.items()),
            ("Runs", runs if totals.runs else "none"),
            ("Documents", documents),
        ]
    )


def passages(found: SearchResults, *, as_json: bool) -> None:
    """Print passages, best first, with marked words in bold."""
    for warning in found.warnings:
        typer.echo(f"warning: {plain(warning)}", err=True)
    if as_json:
        _write_json(hit.to_dict() for hit in found)
        return
    if not found:
        typer.echo(results_text.summary(found))
    console = _console()
    for hit in found:
        console.print(results_text.heading(hit))
        for line in results_text.passage(hit).wrap(console, console.width - 4):
            line.rstrip()
            console.print(Text("    ").append_text(line), soft_wrap=True)


def _services(pipeline: Pipeline, services: local.Services | None) -> str:
    settings = pipeline.settings
    if settings.redis_url is not None:
        return f"external: {redacted(settings.redis_url)}"
    if services is None:
        return f"not running in {settings.home}; they start when needed"
    workers = plural(services.workers, "worker")
    return f"running in {settings.home} (process {services.pid}, {workers})"


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


def _waiting(queue: Queue) -> str:
    """The documents that wait in a queue, in words."""
    text = plural(queue.documents, "document")
    if queue.oldest_seconds is not None:
        text += f", the oldest for {duration(queue.oldest_seconds)}"
    return text if queue.served is not False else f"{text}; no worker serves it"


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


def _states(counts: Mapping[Status, int]) -> Text:
    """The number of documents by status, in words and colour."""
    parts = [
        Text(f"{counts[status]:,} {status}", style=STYLES[status])
        for status in SUMMARY_ORDER
        if counts[status]
    ]
    return Text(", ").join(parts)


def _local_time(when: datetime) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M}"


def _console() -> Console:
    console = Console(highlight=False)
    if not sys.stdout.isatty():
        console.width = UNLIMITED
    return console


def _width(console: Console) -> int | None:
    """The cells of the terminal; None if there is none."""
    return None if console.width == UNLIMITED else console.width


def _show_facts(facts: Iterable[tuple[str, str | Text]]) -> None:
    given = [(name, value) for name, value in facts if value]
    longest = max(len(name) for name, _ in given) + 2
    console = _console()
    width = _width(console)
    for name, value in given:
        text = value if isinstance(value, Text) else Text(value)
        label = Text(f"{name:<{longest}}", style="dim")
        # The label's style is not that of the text.
        for line in labelled(Text().append_text(label), text, width):
            console.print(line, soft_wrap=True)


def _write_json(rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(f"{json.dumps(row, default=_as_json)}\n")


def _as_json(value: Any) -> Any:
    """A datetime in the wire format, or a NumPy number as a Python number."""
    return value.isoformat() if isinstance(value, datetime) else value.item()
