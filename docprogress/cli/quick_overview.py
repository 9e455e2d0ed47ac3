"""The status of a home folder, read without loading a pipeline.

A command that only lists runs ends sooner than the libraries of a pipeline would be
loaded. In unusual cases, it falls back to a pipeline.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from docprogress.bus.keys import queue_served_key
from docprogress.cli.overview import Overview
from docprogress.local.home import chosen
from docprogress.local.services import status
from docprogress.local.valkey import socket_path
from docprogress.queueing.queue_state import DEFAULT_DISPLAY_NAME, DEFAULT_QUEUE, Queue
from docprogress.store import sqlite_overview
from docprogress.store.rows import RunSummary
from docprogress.store.sqlite_overview import SQLiteOverview

if TYPE_CHECKING:
    from docprogress.cli.options import ServiceOptions

#: Seconds that the server may take to answer.
ANSWER_SECONDS = 1.0

_PREFIX = "DOCPROGRESS_"


class QuickOverview:
    """The status of a home folder with local services and its own database."""

    def __init__(self, home: Path, database: SQLiteOverview) -> None:
        self._home = home
        self._database = database

    def runs(self, *, case_id: str | None, limit: int) -> list[RunSummary]:
        """Runs with their progress, newest first."""
        return self._database.runs(case_id=case_id, limit=limit)

    def overview(self) -> Overview | None:
        """The services and documents; None if documents or the server are waiting."""
        totals = self._database.totals()
        if totals.unfinished:
            return None
        services = status(self._home)
        version, served = None, None
        if services is not None:
            answers = _ask(socket_path(self._home))
            if answers is None:
                return None
            version, served = answers
        return Overview(
            home=self._home,
            redis_url=None,
            services=services,
            version=version,
            queues=[Queue(DEFAULT_DISPLAY_NAME, 0, None, served)],
            reasons={},
            totals=totals,
        )


@contextmanager
def quick(services: "ServiceOptions") -> Iterator[QuickOverview | None]:
    """The overview of a home folder; None if more than that folder is configured."""
    configured = {
        name.upper()
        for name, value in os.environ.items()
        if value and name.upper().startswith(_PREFIX)
    }
    others = configured - {f"{_PREFIX}HOME", f"{_PREFIX}TEST_PATIENCE"}
    options = (services.redis_url, services.database_url, services.storage_url)
    if others or any(options):
        yield None
        return
    home = chosen(services.home)
    with sqlite_overview.opened(home / "docprogress.db") as database:
        yield None if database is None else QuickOverview(home, database)


def _ask(path: Path) -> tuple[str, bool] | None:
    """The server's version, and whether the default queue has a worker."""
    key = queue_served_key(DEFAULT_QUEUE)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(f"EXISTS {key}\r\nINFO server\r\n".encode())
            with connection.makefile("r", encoding="utf-8", newline="\r\n") as answer:
                served = answer.readline().strip()
                length = int(answer.readline().removeprefix("$"))
                facts = dict(
                    line.split(":", 1)
                    for line in answer.read(length).splitlines()
                    if ":" in line
                )
    except (OSError, ValueError):
        return None
    version = facts.get("valkey_version") or facts.get("redis_version")
    return None if version is None else (version, served == ":1")
