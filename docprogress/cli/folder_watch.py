"""Keep documents in sync with a folder until a signal: `docprogress sync --watch`."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from docprogress.cli.live_run import INTERRUPTED
from docprogress.cli.progress_mode import Display
from docprogress.client.deletion_guard import CONFIRM_OR
from docprogress.client.pipeline import Pipeline
from docprogress.events import now
from docprogress.formatting import plain
from docprogress.terminal.shell_words import in_shell_words


def watch(
    pipeline: Pipeline, folder: str, options: Mapping[str, Any], *, display: Display
) -> int:
    """Synchronize a folder whenever it has changed; the exit status."""
    quiet = display is Display.QUIET
    stop = threading.Event()
    with _signals(stop):
        runs = pipeline.watch(folder, stop=stop, on_problem=_report, **options)
        if not quiet:
            _notice(f"watching {plain(folder)}; press Ctrl-C to stop")
        for run in runs:
            changes = run.changes
            assert changes is not None
            if quiet:
                continue
            if display is Display.JSON:
                line = {"at": now().isoformat(), "run_id": run.id}
                _write(json.dumps(line | {"counts": dict(changes.counts)}))
            else:
                at = now().astimezone()
                _write(f"{at:%Y-%m-%d %H:%M:%S} {changes} (run {run.id})")
    return 0


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set `stop`; a second SIGINT exits at once."""

    def handle(number: int, _frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            os._exit(INTERRUPTED)
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _report(problem: str | None) -> None:
    if problem is None:
        _notice("the folder is synchronized again")
    else:
        # The command alone says how to confirm removals.
        text = in_shell_words(plain(problem.replace(CONFIRM_OR, "")))
        _notice(f"warning: {text}")


def _notice(text: str) -> None:
    sys.stderr.write(f"docprogress: {text}\n")
    sys.stderr.flush()


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
