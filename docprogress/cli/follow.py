"""Watching a run from a terminal, until its end or until somebody has had enough."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.live import Live
from rich.text import Text

from docprogress.events import Status, now
from docprogress.formatting import plain, plural
from docprogress.progress.fold import Progress
from docprogress.run import Pipeline, Run, Watch
from docprogress.terminal.live import JsonView, PlainView, TerminalView, View
from docprogress.terminal.results import closing_line, failure_lines

#: Seconds between two pictures.
TICK = 0.1

#: How long the connection may be lost before that is worth saying.
UNSAID = timedelta(seconds=1)

#: How many of the files that were left out are named.
MOST_NAMED = 5

#: The exit status of what was left before its end.
INTERRUPTED = 130

#: Submits documents, given what to call as they are stored.
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

    def start(told: Callable[[int, int], None]) -> Run:
        return pipeline.submit(
            list(paths),
            case_id=case_id,
            skip_existing=skip_existing,
            priority=priority,
            told=told,
        )

    return asyncio.run(_Session(as_json=as_json).submit(start, detach=detach))


def retry(run: Run, *, failed_only: bool, detach: bool, as_json: bool) -> int:
    """Try a run's documents again, and watch them unless `detach`."""
    if not run.retry(failed_only=failed_only):
        _notice(f"there is nothing to try again in run {run.id}")
    if detach:
        _write(run.id)
        return 0
    return asyncio.run(_Session(as_json=as_json).watch(run, cancels=True))


def watch(run: Run, *, as_json: bool) -> int:
    """Watch a run from the present on; an interrupt leaves it going."""
    return asyncio.run(_Session(as_json=as_json).watch(run, cancels=False))


class _Session:
    """One command that watches: what it shows, and what a signal means to it."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(highlight=False)
        drawable = sys.stdout.isatty() and not self._console.is_dumb_terminal
        self._draws = drawable and not as_json
        self._interrupted = False
        # Whether the run was submitted by this command: then all of it was seen.
        self._submitted = False
        self._close: Callable[[], None] = _nothing

    async def submit(self, start: Submit, *, detach: bool) -> int:
        """Store documents, then watch them."""
        self._submitted = True
        with self._signals():
            run = await self._stored(start)
            if run.skipped:
                _notice(_left_out(run.skipped))
            if not detach:
                return await self._followed(run, cancels=True)
            _write(run.id)
            if not self._interrupted:
                return 0
            await asyncio.to_thread(run.cancel)
            return 1

    async def watch(self, run: Run, *, cancels: bool) -> int:
        """Watch a run; an interrupt `cancels` it, or only ends the watching."""
        with self._signals():
            return await self._followed(run, cancels=cancels)

    async def _stored(self, start: Submit) -> Run:
        """The run, once its documents are stored, which may take a while."""
        done, total = 0, 0

        def told(*counts: int) -> None:
            nonlocal done, total
            done, total = counts

        storing = asyncio.create_task(asyncio.to_thread(start, told))
        with self._picture() as draw:
            while not storing.done():
                if self._interrupted:
                    draw("cancelling the run as soon as its documents are stored")
                elif total:
                    draw(f"storing document {done:,} of {total:,}")
                await asyncio.wait({storing}, timeout=TICK)
        return storing.result()

    async def _followed(self, run: Run, *, cancels: bool) -> int:
        events = run.watch()
        view = self._view(events.progress)
        self._close = view.close
        try:
            if self._draws:
                view.notify(f"Run {run.id}: {plural(run.expected, 'document')}")
            async with events:
                ended = await self._until_end(run, events, view, cancels=cancels)
        finally:
            view.close()
            self._close = _nothing
        await self._conclude(run, events.progress)
        if not ended:
            _notice(f"the run goes on: `docprogress watch {run.id}` shows it again")
            return INTERRUPTED
        counts = events.progress.counts
        failed = counts[Status.FAILED] or counts[Status.CANCELLED]
        return 1 if failed or self._interrupted else 0

    async def _until_end(
        self, run: Run, events: Watch, view: View, *, cancels: bool
    ) -> bool:
        """Show what happens until the run's end; False if it was left before."""
        listening = asyncio.create_task(_listen(events, view))
        asked = False
        try:
            while not listening.done():
                view.draw(lost_at=_lost_at(events))
                if self._interrupted and not cancels:
                    return False
                if self._interrupted and not asked:
                    asked = True
                    view.notify("cancelling the run; Ctrl-C again leaves at once")
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

    async def _conclude(self, run: Run, progress: Progress) -> None:
        """Leave on the screen what is worth keeping."""
        speed = None
        # Of what went by before anybody watched, the store knows the pages.
        seconds, pages = await asyncio.to_thread(lambda: (run.seconds, _pages_of(run)))
        if seconds and self._submitted:
            speed = pages / seconds
        out = Console(stderr=True, highlight=False) if self._as_json else self._console
        if self._draws or self._as_json:
            for line in failure_lines(progress, out):
                out.print(line, soft_wrap=True)
        said = closing_line(progress, seconds=seconds, pages=pages, speed=speed)
        out.print(Text(said), soft_wrap=True)

    @contextlib.contextmanager
    def _picture(self) -> Iterator[Callable[[str], None]]:
        """What draws a line in place, where there is a place."""
        if not self._draws:
            yield _nothing
            return
        live = Live(console=self._console, auto_refresh=False, transient=True)
        self._close = live.stop

        def draw(text: str) -> None:
            # Only now: most documents are stored before there is much to say.
            live.start()
            live.update(Text(text, style="dim"), refresh=True)

        try:
            yield draw
        finally:
            live.stop()
            self._close = _nothing

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C, or SIGTERM, asks; a second Ctrl-C is not asked again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _asked(self, number: signal.Signals) -> None:
        if self._interrupted and number is signal.SIGINT:
            self._close()
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError):
                    stream.flush()
            # Threads that store documents, or wait for a database, are not waited for.
            os._exit(INTERRUPTED)
        self._interrupted = True


def _pages_of(run: Run) -> int:
    return sum(row.pages for rows in run.batches() for row in rows)


async def _listen(events: Watch, view: View) -> None:
    async for event in events:
        view.apply(event)


def _lost_at(events: Watch) -> datetime | None:
    """When Redis was last heard of, once it is worth saying."""
    lost_at = events.lost_at
    return lost_at if lost_at is not None and now() - lost_at > UNSAID else None


def _left_out(names: Sequence[str]) -> str:
    named = ", ".join(plain(name) for name in names[:MOST_NAMED])
    more = f", … and {len(names) - MOST_NAMED:,} more" if names[MOST_NAMED:] else ""
    what = plural(len(names), "file")
    return f"{what} left out, of kinds that no step reads: {named}{more}"


def _notice(text: str) -> None:
    sys.stderr.write(f"docprogress: {text}\n")
    sys.stderr.flush()


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _nothing(*_: object) -> None:
    """Do nothing."""
