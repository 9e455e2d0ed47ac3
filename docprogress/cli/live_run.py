"""Follows a run in a terminal, until it ends or the user interrupts."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.client.stream import RunStream
from docprogress.events import Status, now
from docprogress.formatting import plain, plural
from docprogress.progress.fold import Progress
from docprogress.terminal.live import JsonView, PlainView, TerminalView, View
from docprogress.terminal.results import closing_line, failure_lines

#: Seconds between two frames.
TICK = 0.1

#: How long the connection may be lost before the view says so.
SILENT_LOSS = timedelta(seconds=1)

#: How many of the skipped files are named.
MAX_NAMED = 5

#: The exit status after an interrupt.
INTERRUPTED = 130

#: Submits documents; its argument is called with the number stored and the total.
Submit = Callable[[Callable[[int, int], None]], Run]


def submit(
    pipeline: Pipeline,
    paths: Sequence[str],
    *,
    case_id: str | None,
    skip_existing: bool,
    priority: int,
    detach: bool,
    as_json: bool,
) -> int:
    """Submit documents, and watch them unless `detach`; the exit status."""

    def start(on_progress: Callable[[int, int], None]) -> Run:
        return pipeline.submit(
            list(paths),
            case_id=case_id,
            skip_existing=skip_existing,
            priority=priority,
            on_progress=on_progress,
        )

    return asyncio.run(_Session(as_json=as_json).submit(start, detach=detach))


def sync(
    pipeline: Pipeline,
    folder: str,
    options: Mapping[str, Any],
    *,
    detach: bool,
    as_json: bool,
) -> int:
    """Synchronize a folder, and watch the run unless `detach`; the exit status."""

    def start(on_progress: Callable[[int, int], None]) -> Run:
        run: Run = pipeline.sync(folder, on_progress=on_progress, **options)
        return run

    return asyncio.run(_Session(as_json=as_json).submit(start, detach=detach))


def retry(
    run: Run,
    *,
    failed_only: bool,
    passwords: Sequence[str],
    detach: bool,
    as_json: bool,
) -> int:
    """Retry a run's documents, and watch them unless `detach`; the exit status."""
    if not run.retry(failed_only=failed_only, passwords=passwords):
        _notice(f"there is nothing to retry in run {run.id}")
    if detach:
        _write(run.id)
        return 0
    return asyncio.run(_Session(as_json=as_json).watch(run, cancels=True))


def watch(run: Run, *, as_json: bool) -> int:
    """Watch a run; an interrupt does not cancel it."""
    return asyncio.run(_Session(as_json=as_json).watch(run, cancels=False))


class _Session:
    """The output and the signal handling of one command that follows a run."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(highlight=False)
        drawable = sys.stdout.isatty() and not self._console.is_dumb_terminal
        self._draws = drawable and not as_json
        self._interrupted = False
        # A run submitted by this command was watched from its start.
        self._submitted = False
        self._close: Callable[[], None] = _nothing

    async def submit(self, start: Submit, *, detach: bool) -> int:
        """Store documents, then watch them."""
        self._submitted = True
        with self._signals():
            run = await self._wait_until_stored(start)
            if run.skipped:
                _notice(_skipped(run.skipped))
            if run.changes is not None:
                _notice(str(run.changes))
                for line in _unsuccessful(run.changes.reasons):
                    _notice(line)
                if not detach and not run.expected:
                    return 0
            if not detach:
                return await self._follow(run, cancels=True)
            _write(run.id)
            if not self._interrupted:
                return 0
            await asyncio.to_thread(run.cancel)
            return 1

    async def watch(self, run: Run, *, cancels: bool) -> int:
        """Watch a run; an interrupt `cancels` it, or only stops watching."""
        with self._signals():
            return await self._follow(run, cancels=cancels)

    async def _wait_until_stored(self, start: Submit) -> Run:
        """The run, once all its documents are stored."""
        done, total = 0, 0

        def on_progress(*counts: int) -> None:
            nonlocal done, total
            done, total = counts

        storing = asyncio.create_task(asyncio.to_thread(start, on_progress))
        with self._status_line() as draw:
            while not storing.done():
                if self._interrupted:
                    draw("cancelling the run as soon as its documents are stored")
                elif total:
                    draw(f"storing document {done:,} of {total:,}")
                await asyncio.wait({storing}, timeout=TICK)
        return storing.result()

    async def _follow(self, run: Run, *, cancels: bool) -> int:
        events = run.watch()
        view = self._view(events.progress)
        self._close = view.close
        try:
            if self._draws:
                view.notify(f"Run {run.id}: {plural(run.expected, 'document')}")
            async with events:
                ended = await self._draw_until_end(run, events, view, cancels=cancels)
        finally:
            view.close()
            self._close = _nothing
        await self._print_summary(run, events.progress)
        if not ended:
            _notice(f"the run continues: `docprogress watch {run.id}` shows it again")
            return INTERRUPTED
        counts = events.progress.counts
        failed = counts[Status.FAILED] or counts[Status.CANCELLED]
        return 1 if failed or self._interrupted else 0

    async def _draw_until_end(
        self, run: Run, events: RunStream, view: View, *, cancels: bool
    ) -> bool:
        """Draw the run until it ends; False if the user left before."""
        listening = asyncio.create_task(_listen(events, view))
        asked = False
        try:
            while not listening.done():
                view.draw(lost_at=_lost_at(events))
                if self._interrupted and not cancels:
                    return False
                if self._interrupted and not asked:
                    asked = True
                    view.notify("cancelling the run; Ctrl-C again exits at once")
                    await asyncio.to_thread(run.cancel)
                await asyncio.wait({listening}, timeout=TICK)
            listening.result()
        finally:
            listening.cancel()
            await asyncio.wait({listening})
        return True

    def _view(self, progress: Progress) -> View:
        if self._draws:
            return TerminalView(progress, self._console)
        if self._as_json:
            return JsonView(sys.stdout, sys.stderr)
        return PlainView(progress, sys.stdout, sys.stderr)

    async def _print_summary(self, run: Run, progress: Progress) -> None:
        """Print the failures and the closing line."""
        speed = None
        # From the store, since the view may have joined late.
        seconds, pages = await asyncio.to_thread(lambda: (run.seconds, _pages_of(run)))
        if seconds and self._submitted:
            speed = pages / seconds
        out = Console(stderr=True, highlight=False) if self._as_json else self._console
        if self._draws or self._as_json:
            for line in failure_lines(progress, out):
                out.print(line, soft_wrap=True)
        closing = closing_line(progress, seconds=seconds, pages=pages, speed=speed)
        out.print(Text(closing), soft_wrap=True)

    @contextlib.contextmanager
    def _status_line(self) -> Iterator[Callable[[str], None]]:
        """Yield a function that draws one line in place, if the terminal can."""
        if not self._draws:
            yield _nothing
            return
        live = Live(console=self._console, auto_refresh=False, transient=True)
        self._close = live.stop

        def draw(text: str) -> None:
            # Not before the first call: most submissions are over by then.
            live.start()
            live.update(Text(text, style="dim"), refresh=True)

        try:
            yield draw
        finally:
            live.stop()
            self._close = _nothing

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM set `_interrupted`; a second SIGINT exits at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._interrupted and number is signal.SIGINT:
            self._close()
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError):
                    stream.flush()
            # Do not wait for threads that store documents or wait for the database.
            os._exit(INTERRUPTED)
        self._interrupted = True


def _pages_of(run: Run) -> int:
    return sum(row.pages for rows in run.batches() for row in rows)


async def _listen(events: RunStream, view: View) -> None:
    async for event in events:
        view.apply(event)


def _lost_at(events: RunStream) -> datetime | None:
    """The time of the last update, if the connection has been lost for a while."""
    lost_at = events.lost_at
    return lost_at if lost_at is not None and now() - lost_at > SILENT_LOSS else None


def _skipped(names: Sequence[str]) -> str:
    named = ", ".join(plain(name) for name in names[:MAX_NAMED])
    more = f", … and {len(names) - MAX_NAMED:,} more" if names[MAX_NAMED:] else ""
    what = plural(len(names), "file")
    return f"{what} skipped, of types that no step reads: {named}{more}"


def _unsuccessful(reasons: Mapping[str, str]) -> Iterator[str]:
    """Why files are not as they should be, the first few of them."""
    for path, reason in list(reasons.items())[:MAX_NAMED]:
        yield plain(reason if reason.startswith(path) else f"{path}: {reason}")
    if (more := len(reasons) - MAX_NAMED) > 0:
        yield f"… and {more:,} more"


def _notice(text: str) -> None:
    sys.stderr.write(f"docprogress: {text}\n")
    sys.stderr.flush()


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _nothing(*_: object) -> None:
    """Do nothing."""
