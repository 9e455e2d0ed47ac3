"""Follows a run in a terminal, until it ends or the user interrupts."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from rich.console import Console
from rich.text import Text

from docprogress.cli import github
from docprogress.cli.next_steps import next_steps
from docprogress.cli.progress_mode import Display
from docprogress.cli.source_files import SourceFiles
from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.client.stream import RunStream
from docprogress.events import Status, now
from docprogress.formatting import plain, plural
from docprogress.progress.fold import Progress
from docprogress.terminal.live import (
    JsonView,
    PlainView,
    QuietView,
    TerminalView,
    View,
)
from docprogress.terminal.results import (
    Reword,
    closing_lines,
    closing_parts,
    failure_lines,
)
from docprogress.terminal.shell_words import in_shell_words
from docprogress.terminal.status_line import StatusLine

#: Seconds between two frames.
TICK = 0.1

#: How long the connection may be lost before the view says so.
SILENT_LOSS = timedelta(seconds=1)

#: The maximum number of skipped files that are listed.
MAX_NAMED = 5

CANCELLING = "cancelling the run; press Ctrl-C again to exit immediately"

#: The exit status after an interrupt.
INTERRUPTED = 130

#: Submits documents; its argument is called with the number stored and the total.
Submit = Callable[[Callable[[int, int], None]], Run]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a command prints while it follows a run, and where.

    Args:
        display: What is printed.
        line: The line for what happens before the run.
        options: The options that name the services, for the commands that are
            suggested at the end.
    """

    display: Display
    line: StatusLine
    options: Sequence[str] = field(default=())


def submit(
    pipeline: Pipeline,
    paths: Sequence[str],
    *,
    case_id: str | None,
    skip_existing: bool,
    priority: int,
    detach: bool,
    output: Output,
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

    session = _Session(output, SourceFiles(paths, out=sys.stdout))
    return asyncio.run(session.submit(start, detach=detach))


def sync(
    pipeline: Pipeline,
    folder: str,
    options: Mapping[str, Any],
    *,
    detach: bool,
    output: Output,
) -> int:
    """Synchronize a folder, and watch the run unless `detach`; the exit status."""

    def start(on_progress: Callable[[int, int], None]) -> Run:
        run: Run = pipeline.sync(folder, on_progress=on_progress, **options)
        return run

    session = _Session(output, SourceFiles([folder], relative=True, out=sys.stdout))
    return asyncio.run(session.submit(start, detach=detach))


def retry(
    run: Run,
    *,
    failed_only: bool,
    passwords: Sequence[str],
    detach: bool,
    output: Output,
) -> int:
    """Retry a run's documents, and watch them unless `detach`; the exit status."""
    if not run.retry(failed_only=failed_only, passwords=passwords):
        output.line.clear()
        _notice(f"nothing to retry in run {run.id}")
    if detach:
        output.line.clear()
        _write(run.id)
        return 0
    return asyncio.run(_Session(output).watch(run, cancels=True))


def watch(run: Run, *, output: Output) -> int:
    """Watch a run; an interrupt does not cancel it."""
    return asyncio.run(_Session(output).watch(run, cancels=False))


class _Session:
    """The output and the signal handling of one command that follows a run."""

    def __init__(self, output: Output, files: SourceFiles | None = None) -> None:
        self._display = output.display
        self._line = output.line
        self._options = output.options
        self._files = files or SourceFiles([], out=sys.stdout)
        # A log gets no escape sequences, even if it is a terminal.
        logs = output.display is Display.PLAIN
        self._console = Console(highlight=False, color_system=None if logs else "auto")
        self._interrupted = False
        # A run submitted by this command was watched from its start.
        self._submitted = False
        self._close: Callable[[], None] = output.line.clear
        self._suggests = sys.stdout.isatty() and output.display in (
            Display.LIVE,
            Display.PLAIN,
        )

    async def submit(self, start: Submit, *, detach: bool) -> int:
        """Store documents, then watch them."""
        self._submitted = True
        with self._signals():
            run = await self._wait_until_stored(start)
            if run.skipped:
                self._inform(_skipped(run.skipped))
            if run.changes is not None:
                self._inform(str(run.changes))
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

        self._line.show("Looking for documents…")
        storing = asyncio.create_task(asyncio.to_thread(start, on_progress))
        try:
            while not storing.done():
                if self._interrupted:
                    self._line.show("Cancelling the run once its documents are stored…")
                elif total:
                    text = f"Submitting {plural(total, 'document')}…"
                    text += f" {done:,} stored" if total > 1 else ""
                    self._line.show(text, done / total)
                await asyncio.wait({storing}, timeout=TICK)
        finally:
            self._line.clear()
        return storing.result()

    async def _follow(self, run: Run, *, cancels: bool) -> int:
        self._line.clear()
        events = run.watch()
        view = self._view(run, events.progress)
        self._close = view.close
        try:
            if self._display is Display.LIVE:
                view.notify(_heading(run))
                view.draw()
            elif self._display is Display.PLAIN:
                _write(_heading(run))
            async with events:
                ended = await self._draw_until_end(run, events, view, cancels=cancels)
        finally:
            view.close()
            self._close = _nothing
        await self._print_summary(run, events.progress, ended=ended)
        if not ended:
            self._inform(
                f"the run continues; follow it with `docprogress watch {run.id}`"
            )
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
                    view.notify(
                        "cancelling the run; press Ctrl-C again to exit immediately"
                    )
                    await asyncio.to_thread(run.cancel)
                await asyncio.wait({listening}, timeout=TICK)
            listening.result()
        finally:
            listening.cancel()
            await asyncio.wait({listening})
        return True

    def _view(self, run: Run, progress: Progress) -> View:
        if self._display is Display.LIVE:
            return TerminalView(progress, self._console, reword=self._reword(run))
        if self._display is Display.JSON:
            return JsonView(sys.stdout, sys.stderr)
        if self._display is Display.QUIET:
            return QuietView(sys.stdout, sys.stderr)
        return PlainView(progress, sys.stdout, sys.stderr, reword=self._reword(run))

    def _reword(self, run: Run) -> Reword:
        """What an error suggests, as a command, unless those at the end name it."""
        return partial(
            in_shell_words,
            run_id=None if self._suggests else run.id,
            options=self._options,
        )

    async def _print_summary(
        self, run: Run, progress: Progress, *, ended: bool
    ) -> None:
        """Print the failures, the closing line, and what may be done next."""
        speed = None
        # From the store, since the view may have joined late.
        seconds, pages = await asyncio.to_thread(lambda: (run.seconds, _pages_of(run)))
        if seconds and self._submitted:
            speed = pages / seconds
        parts = closing_parts(progress, seconds=seconds, pages=pages, speed=speed)
        live = self._display is Display.LIVE
        plain_lines = self._display is Display.PLAIN
        out = self._console
        if not (live or plain_lines):
            out = Console(stderr=True, highlight=False)
        if not plain_lines:
            failures = failure_lines(
                progress, out, link=self._files.link, reword=self._reword(run)
            )
            for line in failures:
                out.print(line, soft_wrap=True)
        if self._display is not Display.QUIET:
            for line in closing_lines(parts, out):
                out.print(line, soft_wrap=True)
        if ended:
            github.report(
                progress,
                run_id=run.id,
                closing=parts,
                notices=sys.stderr,
                reword=partial(in_shell_words, run_id=run.id, options=self._options),
            )
        if ended and self._suggests:
            self._suggest(run, progress)

    def _suggest(self, run: Run, progress: Progress) -> None:
        """Print the commands that are useful next."""
        steps = next_steps(
            progress,
            run_id=run.id,
            width=self._console.width,
            options=self._options,
        )
        if steps:
            self._console.print(Text("\nNext:"), soft_wrap=True)
        for line in steps:
            self._console.print(line, soft_wrap=True)

    def _inform(self, text: str) -> None:
        """Print a notice that is not an error."""
        if self._display is not Display.QUIET:
            _notice(text)

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


def _heading(run: Run) -> str:
    return f"Run {run.id}: {plural(run.expected, 'document')}"


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
    return f"skipped {what} of types that cannot be read: {named}{more}"


def _unsuccessful(reasons: Mapping[str, str]) -> Iterator[str]:
    """Why files are not as they should be, the first few of them."""
    for path, reason in list(reasons.items())[:MAX_NAMED]:
        text = reason if reason.startswith(path) else f"{path}: {reason}"
        yield in_shell_words(plain(text))
    if (more := len(reasons) - MAX_NAMED) > 0:
        yield f"… and {more:,} more"


def _notice(text: str) -> None:
    line = f"docprogress: {text}"
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, break_on_hyphens=False)
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _nothing(*_: object) -> None:
    """Do nothing."""
