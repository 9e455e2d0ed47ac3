"""How runs stand, read from SQLite's file without SQLAlchemy.

Loading SQLAlchemy takes longer than anything else that a command does which lists
runs. The statements mean what those of `Runs` do.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docprogress.store.rows import RunSummary, Totals, counted, summary
from docprogress.store.table_version import HEAD, VERSION_TABLE

#: Seconds that a read waits for a database that is locked.
BUSY_SECONDS = 5.0

_RUNS = """
SELECT id, case_id, created_at, expected, steps, settings, fingerprint FROM run
WHERE :case IS NULL OR case_id = :case
ORDER BY created_at DESC, id DESC LIMIT :limit
"""
_COUNTS = """
SELECT run_id, status, count(*), max(finished_at) FROM document
WHERE run_id IN (SELECT value FROM json_each(?)) GROUP BY run_id, status
"""
_RUN_TOTALS = """
SELECT count(*), count(*) FILTER (WHERE
    expected > 0 AND NOT EXISTS (
        SELECT 1 FROM document
        WHERE document.run_id = run.id AND document.number >= run.expected)
    OR EXISTS (
        SELECT 1 FROM document
        WHERE document.run_id = run.id AND status IN ('queued', 'processing'))
) FROM run
"""
_STATUS_TOTALS = "SELECT status, count(*) FROM document GROUP BY status"


class SQLiteOverview:
    """The runs in a file, as they were when it was opened; none without a file."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection

    def runs(self, *, case_id: str | None, limit: int) -> list[RunSummary]:
        """Runs with their progress, newest first."""
        if self._connection is None:
            return []
        values = {"case": case_id, "limit": limit}
        cursor = self._connection.execute(_RUNS, values)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
        counts: dict[str, dict[str, int]] = {row["id"]: {} for row in rows}
        ended: dict[str, list[datetime]] = {row["id"]: [] for row in rows}
        ids = json.dumps([row["id"] for row in rows])
        for run_id, status, count, end in self._connection.execute(_COUNTS, (ids,)):
            counts[run_id][status] = count
            if end is not None:
                ended[run_id].append(_moment(end))
        return [
            summary(_converted(row), counts[row["id"]], ended[row["id"]])
            for row in rows
        ]

    def totals(self) -> Totals:
        """Count runs, unfinished runs, and documents by status."""
        if self._connection is None:
            return Totals(runs=0, unfinished=0, counts=counted({}))
        runs, unfinished = self._connection.execute(_RUN_TOTALS).fetchone()
        counts = dict(self._connection.execute(_STATUS_TOTALS).fetchall())
        return Totals(runs=runs, unfinished=unfinished, counts=counted(counts))


@contextmanager
def opened(path: Path) -> Iterator[SQLiteOverview | None]:
    """The overview of a database; None if it has to be opened as a `Store`.

    That is so if it is not of this version, or cannot be read.
    """
    if not path.exists():
        yield SQLiteOverview(None)
        return
    try:
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", timeout=BUSY_SECONDS, uri=True
        )
    except sqlite3.Error:
        yield None
        return
    with closing(connection):
        try:
            connection.execute("BEGIN")
            query = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608
            known = connection.execute(query).fetchone() == (HEAD,)
        except sqlite3.Error:
            known = False
        yield SQLiteOverview(connection) if known else None


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "created_at": _moment(row["created_at"]),
        "steps": json.loads(row["steps"]),
        "settings": json.loads(row["settings"]),
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
