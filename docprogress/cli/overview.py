"""The output of `runs` and `status`: lists of runs, and the overall status.

It imports nothing that would slow down these commands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from docprogress.cli.output import (
    local_time,
    output_console,
    show_facts,
    states,
    width_of,
    write_json,
)
from docprogress.formatting import duration, plain, plural
from docprogress.queueing.queue_state import Queue
from docprogress.store.rows import RunSummary, Totals
from docprogress.terminal.listing import NARROW, Column, Row, listing

if TYPE_CHECKING:
    from docprogress.local import Services


def show_runs(rows: Iterable[RunSummary], *, as_json: bool) -> None:
    """Print a line for each run."""
    if as_json:
        write_json(
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
    console = output_console()
    width = width_of(console)
    narrow = width is not None and width < NARROW
    listed = []
    for row in rows:
        counted = states(row.counts)
        cells = [
            Text(row.id),
            Text(local_time(row.created_at)),
            Text(plain(row.case_id or "")),
            Text(f"{row.expected:,}"),
            Text() if narrow else counted,
            Text("" if row.seconds is None else duration(row.seconds)),
        ]
        listed.append(Row(cells, note=counted if narrow else Text()))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The services, the queues, and the documents by status."""

    home: Path
    #: Without secrets; None for local services.
    redis_url: str | None
    #: Local services that are running.
    services: "Services | None"
    #: The version of Redis; None if it is unreachable.
    version: str | None
    queues: Sequence[Queue]
    #: Why runs wait.
    reasons: Mapping[str, str]
    totals: Totals


def show_overview(found: Overview, *, as_json: bool) -> None:
    """Print the overall status."""
    services, version, totals = found.services, found.version, found.totals
    counts = totals.counts
    if as_json:
        shown = services and {
            "pid": services.pid,
            "workers": services.workers,
            "started": services.started,
            "version": services.version,
        }
        write_json(
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
                        for queue in found.queues
                    },
                    "waiting": found.reasons,
                    "runs": {"total": totals.runs, "unfinished": totals.unfinished},
                    "counts": counts,
                }
            ]
        )
        return
    total = sum(counts.values())
    documents = Text(f"{total:,}: " if total else "none").append_text(states(counts))
    runs = f"{totals.runs:,} ({totals.unfinished:,} unfinished)"
    show_facts(
        [
            ("Services", _services(found)),
            ("Redis", f"version {version}" if version else "unreachable")
            if services or found.redis_url
            else ("Redis", "not running"),
            *((f"Queue {queue.name}", _waiting(queue)) for queue in found.queues),
            *((f"Run {run_id}", plain(why)) for run_id, why in found.reasons.items()),
            ("Runs", runs if totals.runs else "none"),
            ("Documents", documents),
        ]
    )


def _services(found: Overview) -> str:
    if found.redis_url is not None:
        return f"external: {found.redis_url}"
    if found.services is None:
        return f"not running in {found.home}; they start when needed"
    workers = plural(found.services.workers, "worker")
    return f"running in {found.home} (process {found.services.pid}, {workers})"


def _waiting(queue: Queue) -> str:
    """The documents that wait in a queue, in words."""
    text = plural(queue.documents, "document")
    if queue.oldest_seconds is not None:
        text += f", the oldest for {duration(queue.oldest_seconds)}"
    return text if queue.served is not False else f"{text}; no worker serves it"
