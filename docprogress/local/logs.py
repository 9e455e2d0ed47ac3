"""Log files of the local services."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

#: The size at which a log file is renamed and a new one started, in bytes.
LOG_BYTES = 10 * 1024 * 1024

#: A line of Valkey's or Redis's log that is not an error.
_WARNING = re.compile(r"^\d+:[A-Z] .* # WARNING")


@contextlib.contextmanager
def log_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a log to append to; a large one is renamed first."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    with path.open("ab") as file:
        yield file


def last_line(path: Path) -> str:
    """The last line of a log, for an error message.

    Valkey's warnings at every start are skipped.
    """
    try:
        lines = path.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    lines = [line for line in lines if not _WARNING.search(line)]
    return lines[-1] if lines else f"see {path}"
