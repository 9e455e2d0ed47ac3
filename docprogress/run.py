"""What a user holds: a `Pipeline` that takes documents, and the `Run` they make.

A run belongs to nobody's process: whoever attaches to its id, from wherever, is
told the same.
"""

import asyncio
import hashlib
import inspect
import json
import logging
import queue
import secrets
import threading
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeVar

from redis.exceptions import RedisError

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.bus.connection_errors import translate_error
from docprogress.bus.fork_safety import renew_after_fork
from docprogress.bus.keys import SUBMITTING_SECONDS, submitting_key
from docprogress.bus.redis_url import unix_url
from docprogress.bus.subscription import Subscription
from docprogress.documents import document_id
from docprogress.errors import (
    BusError,
    BusRefused,
    DocProgressError,
    DocumentError,
    RunNotFound,
    RunTooNew,
    RunUnfinished,
    ServicesError,
    StoreError,
    StoreUnavailable,
    Superseded,
    TransientError,
)
from docprogress.events import ProgressEvent, Status, now
from docprogress.progress.fold import Progress, summarize
from docprogress.queueing import fair_share, protocol
from docprogress.queueing.availability import (
    SUBMITTER_GONE,
    is_worker_alive,
    mark_unserved,
)
from docprogress.queueing.batching import MessageBatcher
from docprogress.queueing.sender import Sender
from docprogress.reporting.process_buffer import publish_later
from docprogress.search import nearest
from docprogress.settings import RUN_SETTINGS, Settings, load, redacted
from docprogress.steps import Step, plan
from docprogress.steps import load as load_step
from docprogress.steps.planning import stored_plan_spans
from docprogress.storage import Files, Source, Spool
from docprogress.storage.sources import expand
from docprogress.store import DocumentRow, NewDocument, RunRow, RunSummary, Store
from docprogress.store.statements import batches

if TYPE_CHECKING:
    from pandas import DataFrame

    from docprogress import Uploader
    from docprogress.notebook.progress.view import ProgressView
    from docprogress.plots.style import Plot

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Documents that are stored, told and sent together: the first few at once, so that
#: workers need not wait, and more as there is more for them to do.
FIRST_BATCH = 8
BATCH = 50

#: Documents of a run that are cancelled, or tried again, in one transaction.
CHANGED_TOGETHER = 2_000

#: Documents that are deleted together, and the threads that delete their files.
DELETED_TOGETHER = 500
DELETING_THREADS = 8

#: Seconds for which a worker is waited for that has a cancelled document, and between
#: two looks whether it still has.
REST_SECONDS = 20.0
REST_TICK = 0.1

#: Seconds between two checks whether local services are there.
REVIVE_SECONDS = 1.0

#: Seconds for which a submitting process must be gone before whoever watches its run
#: gives up what it has not handed in.
GONE_SECONDS = 10.0

#: Documents that are read from the store together.
BATCH_SIZE = 1000

#: Documents that are entered into the store in one transaction.
ADDED_TOGETHER = 500

#: Seconds after which documents are sent on their way, however few they are.
FLUSH_SECONDS = 0.1

#: Seconds between two tries to end what waits for events.
CANCEL_SECONDS = 0.5

#: Seconds for which events are left to gather, while more documents than so many
#: are unfinished: to be woken for each costs what reading a page does.
GATHER_SECONDS = 0.05
FEW = 8

#: How far back changes are looked at again: machines' clocks differ, and so do the
#: moments when a change is written and when it is seen.
OVERLAP = timedelta(seconds=2)

#: Changed whenever the built-in steps would make something else of a document.
STEPS_VERSION = 1


class Observer(Protocol):
    """Hears of what is done to runs in this process."""

    def tried_again(self, run: "Run") -> None:
        """Documents that had come to rest are at work again."""

    def waited_for(self, run: "Run") -> None:
        """The end of a run was waited for, and has come."""


#: Whatever shows runs in this process adds itself.
observers: list[Observer] = []


class Pipeline:
    """Takes documents, and has them read, chunked and embedded by workers.

    Without a Redis of yours, local services are found or started: a private server
    and workers for the home folder, which outlive this process.

    Args:
        steps: Import paths or functions of your own steps, which take their place
            among `extraction`, `chunking` and `embedding`; or all steps in order.
        start: Whether to start local services now, rather than when they are needed.
        settings: Any field of `Settings`: `home`, `redis_url`, `workers`, …

    Raises:
        SettingsError: A setting cannot be used.
        StepError: A step cannot be found, or does not fit.
        ServicesError: Local services cannot be started.
        BusRefused: Redis, or the broker, wants another password, certificate or right.
        StoreError: The database cannot be used.
    """

    def __init__(
        self,
        *,
        steps: Iterable[Any] | None = None,
        start: bool = True,
        **settings: Any,
    ) -> None:
        self.settings: Settings = load(**settings)
        self.steps = plan(steps)
        self._lock = threading.RLock()
        self._bus: Bus | None = None
        self._sender: Sender | None = None
        self._inherited: Sender | None = None
        renew_after_fork(self)
        self._revived_at = float("-inf")
        if self.settings.local:
            local.prepare(self.settings.home)
            if start:
                local.up(self.settings)
        elif start:
            self._check()
        self.store = Store(self.settings.database).open()
        self._batcher = MessageBatcher(self.store, processes=self.settings.processes)
        self.files = Files(self.settings.storage, self.settings.storage_options)

    def __repr__(self) -> str:
        where = (
            f"home={str(self.settings.home)!r}"
            if self.settings.redis_url is None
            else f"redis_url={redacted(self.settings.redis_url)!r}"
        )
        return f"Pipeline({where}, steps={[step.name for step in self.steps]})"

    @property
    def bus(self) -> Bus:
        """The bus, with local services started if they are needed and gone.

        Whether they are there is checked once in `REVIVE_SECONDS`.
        """
        if time.monotonic() >= self._revived_at + REVIVE_SECONDS:
            self.revive()
        return self._made_bus()

    def submit(
        self,
        what: Any,
        *,
        case_id: str | None = None,
        skip_existing: bool = False,
        priority: int = 0,
        told: Callable[[int, int], None] | None = None,
    ) -> "Run":
        """Store documents, and have them processed; does not wait for that.

        Args:
            what: Paths, globs, folders, http(s) URLs, bytes, `(name, bytes)` pairs,
                binary file objects, `uploader.files`, or the value of Jupyter's
                `FileUpload`: one of them or any number.  Of a generator no more is
                kept in memory than of one that ends soon.
            case_id: What the documents belong to.
            skip_existing: Whether a file whose content this store already holds,
                processed by the same steps, completes at once.
            priority: Runs share the workers by themselves, and small ones do not wait
                for large ones.  With 1 a run has its turns as one of an eighth of
                its size would, with -1 as one of eight times its size.
            told: Called with how many documents are stored, out of how many.

        Raises:
            SubmitError: Something of `what` is not there; nothing was started.
            BusError: Redis cannot be reached; nothing was started.
        """
        sources, skipped = expand(what)
        with closing(sources):
            return self._submit(
                sources,
                skipped,
                case_id=case_id,
                own={
                    "skip_existing": skip_existing,
                    "priority": fair_share.validate_priority(priority),
                },
                told=told or (lambda *_: None),
            )

    def _submit(
        self,
        sources: Spool,
        skipped: list[str],
        *,
        case_id: str | None,
        own: dict[str, Any],
        told: Callable[[int, int], None],
    ) -> "Run":
        for step in self.steps:
            load_step(step)
        self._reach()
        run_id = f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        settings = {name: getattr(self.settings, name) for name in RUN_SETTINGS}
        row = self.store.runs.add(
            run_id=run_id,
            case_id=case_id,
            expected=len(sources),
            steps=[step.to_dict() for step in self.steps],
            settings=settings | own | protocol.stamp(),
            fingerprint=_fingerprint(self.steps, settings),
        )
        run = Run(self, row, skipped=skipped)
        _Submission(self, run, sources, told=told).store()
        return run

    def upload(self, **options: Any) -> "Uploader":
        """A place in a notebook to drop documents on, which are processed at once.

        As the last line of a cell it takes what is dropped and shows how far it is:
        what was dropped together is one run, begun when all of it is here.

        Args:
            options: Of `submit`: `case_id`, `skip_existing`, …
        """
        # By the package's name for it: a run knows nothing of what is above it.
        from docprogress import Uploader

        return Uploader.into(self, **options)

    def runs(self, *, case_id: str | None = None, limit: int = 100) -> list[RunSummary]:
        """The runs of this store, newest first."""
        return self.store.runs.find(case_id=case_id, limit=limit)

    def attach(self, run_id: str) -> "Run":
        """The run with this id, or the only one whose id begins like it, or `latest`.

        Raises:
            RunNotFound: There is none, or more than one.
        """
        with suppress(RunNotFound):
            return Run(self, self.store.runs.get(run_id))
        if run_id == "latest":
            found = self.store.runs.ids("", limit=1)
        else:
            # Two are enough to know that it is not the only one.
            found = self.store.runs.ids(run_id, limit=2) if run_id else []
        if len(found) != 1:
            raise RunNotFound(run_id)
        return Run(self, self.store.runs.get(found[0]))

    def old_runs(self, older_than: timedelta) -> tuple[list[str], list[str]]:
        """Runs that came to rest so long ago, and older ones that have not.

        The oldest come first.  `Run.delete` forgets the former.
        """
        return self.store.runs.old(now() - older_than)

    def document(self, document_id: str) -> DocumentRow:
        """What the store knows of a document.

        Raises:
            DocumentNotFound: It knows none with this id.
        """
        return self.store.documents.get(document_id)

    def search(
        self, query: str, *, run_id: str | None = None, limit: int = 10
    ) -> "DataFrame":
        """The chunks nearest to a query, of one run or of all: see `Run.search`."""
        wanted = [run_id] if run_id else [row.id for row in self.runs(limit=100_000)]
        rows = [self.store.runs.get(found) for found in wanted]
        return nearest(self.store, rows, query, settings=self.settings, limit=limit)

    def after_fork(self) -> None:
        """Leave the lock, and the connection to the broker, to the parent process."""
        self._lock = threading.RLock()
        if self._sender is not None:
            # Kept: collected, it might end the connection of the parent.
            self._inherited = self._sender
            self._sender = None

    def close(self) -> None:
        """Give connections back.  Runs, and local services, go on."""
        self._disconnect()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def revive(self) -> None:
        """Start local services again if they have left, or died.

        Raises:
            ServicesError: They cannot be started.
        """
        if self.settings.local:
            local.up(self.settings)
        self._revived_at = time.monotonic()

    def send(
        self, rows: Sequence[DocumentRow], *, first: int = 1, coming: int = 0
    ) -> None:
        """Have workers take these documents, with `coming` more to follow.

        The first one has the place `first` among those that are sent together.
        Without the broker this is put off: a worker finds them in the store.

        Raises:
            BusRefused: The broker wants another password, certificate or right.
        """
        try:
            messages = self._batcher.batch(rows, first=first, coming=coming)
            self._made_sender().send(messages)
        except BusRefused:
            raise
        except BusError as error:
            log.warning("documents are sent later: %s", error)

    def tell(self, rows: Iterable[DocumentRow], *, waiting: bool = False) -> None:
        """Publish where these documents stand; without Redis, the store tells it.

        With `waiting`, only of those that no worker has told more of since.
        """
        if not self.settings.events_per_second:
            return
        events = [row.event() for row in rows]
        try:
            self.bus.publish_all(events, only_if_queued=waiting)
        except (BusError, ServicesError) as error:
            log.warning("progress is told later: %s", error)
            publish_later(self._made_bus(), events)

    def mark_unserved(self, run_id: str) -> None:
        """Have a run's documents say that no worker serves the queue they wait in.

        With local services there is always one, or one is started.

        Raises:
            StoreError: The store cannot be asked.
            BusError: Redis cannot be reached.
        """
        if not self.settings.local:
            tell = partial(self.tell, waiting=True)
            mark_unserved(self.store, self.bus.redis, tell, run_id=run_id)

    @property
    def _redis_url(self) -> str:
        if self.settings.redis_url is not None:
            return self.settings.redis_url
        return unix_url(local.socket_path(self.settings.home))

    def _made_bus(self) -> Bus:
        with self._lock:
            if self._bus is None:
                self._bus = Bus(
                    self._redis_url, remember_seconds=self.settings.remember_seconds
                )
            return self._bus

    def _made_sender(self) -> Sender:
        with self._lock:
            if self._sender is None:
                reached = self.settings.model_copy(
                    update={"redis_url": self._redis_url}
                )
                self._sender = Sender.for_settings(reached)
            return self._sender

    def _check(self) -> None:
        """Find out now that Redis, or the broker, refuses; they may well be away."""
        try:
            self.bus.check()
            self._made_sender().check()
        except BusRefused:
            self._disconnect()
            raise
        except BusError as error:
            log.warning("%s", error)

    def _disconnect(self) -> None:
        with self._lock:
            if self._bus is not None:
                self._bus.close()
                self._bus = None
            if self._sender is not None:
                self._sender.close()
                self._sender = None

    def _reach(self) -> None:
        self.revive()
        try:
            self.bus.redis.ping()
        except (RedisError, OSError) as error:
            raise translate_error(error) from error


class Run:
    """The documents that were submitted together."""

    def __init__(
        self, pipeline: Pipeline, row: RunRow, *, skipped: Sequence[str] = ()
    ) -> None:
        self._pipeline = pipeline
        self._store = pipeline.store
        self._row = row
        self.id: str = row.id
        self.case_id: str | None = row.case_id
        #: How many documents were handed in.
        self.expected: int = row.expected
        #: Files of folders that were left out, because no step reads their kind.
        self.skipped: list[str] = list(skipped)

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.summary()}>"

    def summary(self) -> str:
        """One line for a person: the documents, and how many are in each state."""
        counts = self._store.documents.counts(self.id)
        total = max(sum(counts.values()), self.expected)
        because = self.not_handed_in if counts[Status.CANCELLED] else None
        return summarize(counts, total, not_handed_in=because)

    @property
    def seconds(self) -> float | None:
        """How long it took: from its submission to the end of its last document.

        None while it is unfinished.
        """
        found = self._store.runs.find(run_id=self.id)
        return found[0].seconds if found else None

    @property
    def not_handed_in(self) -> str | None:
        """Why documents were never handed in; None if all were, as far as is known.

        They are cancelled: the process that submitted them ended, or was interrupted.
        """
        return self._store.submissions.abandoned_reason(self.id)

    def __len__(self) -> int:
        return self.expected

    def _ipython_display_(self) -> None:
        self._view()._ipython_display_()

    def _repr_html_(self) -> str:
        return self._view()._repr_html_()

    def _display_(self) -> Any:
        """What marimo shows."""
        return self._view()._display_()

    def _view(self) -> "ProgressView":
        # The one place where a run knows of what shows it.
        from docprogress.notebook.progress.view import ProgressView

        return ProgressView(self)

    def documents(
        self,
        *,
        status: Status | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[DocumentRow]:
        """What the store knows of each document, in the order they were handed in.

        Args:
            status: Only those with this status.
            after: Only those with a greater number.
            limit: Only the first so many; `batches` gives all, some at a time.
        """
        return self._store.documents.find(
            self.id, status=status, after=after, limit=limit
        )

    def batches(self, size: int = BATCH_SIZE) -> Iterator[list[DocumentRow]]:
        """The same as `documents`, so many at a time: however many there are."""
        after = 0
        while rows := self._store.documents.find(self.id, after=after, limit=size):
            after = rows[-1].number
            yield rows

    def progress(self) -> Progress:
        """Where the run stands now, as the store has it."""
        progress = Progress(
            expected=self.expected, steps=stored_plan_spans(self._row.steps)
        )
        for rows in self.batches():
            for row in rows:
                progress.apply(row.event())
        return progress

    def watch(self) -> "Watch":
        """The present of every document, then what happens, until the run's end.

        Iterating raises `RunNotFound` once somebody has deleted the run.
        """
        return Watch(self)

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until every document has come to rest, however it ended.

        It may be called where an event loop runs. An interrupt stops the waiting
        and not the run. At an IPython prompt the run is drawn meanwhile.

        Raises:
            TimeoutError: `timeout` seconds were not enough.
            RunNotFound: Somebody has deleted the run.
        """
        from docprogress.terminal import prompt

        watch = Watch(self, only_ends=not prompt.at_prompt())
        # Not the watch's: what it is told of is all that is drawn.
        progress = Progress(
            expected=self.expected, steps=stored_plan_spans(self._row.steps)
        )
        with prompt.show_while_waiting(
            progress, lambda: watch.lost_at, seconds=lambda: self.seconds
        ) as shown:
            events = self._waited(
                watch, timeout, wanted=lambda _: shown.visible, meanwhile=shown.draw
            )
            for event in events:
                shown.apply(event)
        self._waited_for()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self._finish().__await__()

    async def _finish(self) -> Self:
        async with Watch(self, only_ends=True) as events:
            async for _ in events:
                pass
        await asyncio.to_thread(self._waited_for)
        return self

    def _waited_for(self) -> None:
        for observer in observers:
            observer.waited_for(self)

    def __aiter__(self) -> AsyncIterator[ProgressEvent]:
        return self._events()

    async def _events(self) -> AsyncIterator[ProgressEvent]:
        async with self.watch() as events:
            async for event in events:
                yield event

    def as_completed(self, timeout: float | None = None) -> Iterator[DocumentRow]:
        """Each document, as it comes to rest, whether completed or not.

        Raises:
            TimeoutError: `timeout` seconds were not enough.
        """
        ended: set[str] = set()
        watch = Watch(self, only_ends=True)
        for event in self._waited(watch, timeout, wanted=lambda event: event.final):
            if event.document_id not in ended:
                ended.add(event.document_id)
                yield self._store.documents.get(event.document_id)

    def cancel(self, document_ids: Sequence[str] | None = None) -> int:
        """Cancel what is unfinished; how many documents that is.

        What waits is cancelled now, what a worker is at within moments. So are
        documents that were not handed in yet, and those that never will be.
        """
        count = 0
        for chosen in self._chosen(document_ids):
            if document_ids is None:
                missing = self._store.submissions.add_cancelled(**chosen)
                self._pipeline.tell(missing)
                count += len(missing)
            ended, asked = self._store.documents.cancel(**chosen)
            self._pipeline.tell(ended)
            if asked:
                attempts = {row.id: row.attempt for row in asked}
                try:
                    self._pipeline.bus.request_cancel(attempts)
                except BusError as error:
                    log.warning("workers are told to cancel later: %s", error)
            count += len(ended) + len(asked)
        return count

    def retry(
        self, *, failed_only: bool = True, document_ids: Sequence[str] | None = None
    ) -> int:
        """Try again what has failed or was cancelled; how many documents that is.

        Finished steps are not done again.

        Args:
            failed_only: False does everything anew, completed documents too.
            document_ids: Only these.

        Raises:
            RunTooNew: It was submitted by a later version than this one.
        """
        if (version := protocol.required_version(self._row.settings)) is not None:
            raise RunTooNew(self.id, version)
        count = 0
        for chosen in self._chosen(document_ids):
            rows = self._store.documents.retry(**chosen, failed_only=failed_only)
            self._pipeline.tell(rows)
            self._pipeline.send(rows, first=count + 1)
            count += len(rows)
        for observer in observers if count else ():
            observer.tried_again(self)
        return count

    def _chosen(self, document_ids: Sequence[str] | None) -> Iterator[dict[str, Any]]:
        """These documents, or all, as the store is to be told of them.

        So many at a time that a run of any size waits for little, on either side.
        """
        if document_ids is not None:
            yield {"document_ids": document_ids}
            return
        first = 1
        while first <= max(self._store.documents.last_number(self.id), self.expected):
            numbers = range(first, first + CHANGED_TOGETHER)
            yield {"run_id": self.id, "numbers": numbers}
            first += CHANGED_TOGETHER

    def delete(self, told: Callable[[int, int], None] | None = None) -> "Deleted":
        """Forget everything of the run: documents, files, results, what Redis has.

        It is done some documents at a time: what was interrupted is gone on with by
        deleting once more.  Other runs, and their files, are left alone.

        Args:
            told: Called with how many documents are deleted, out of how many.

        Raises:
            RunNotFound: Somebody else has deleted it.
            RunUnfinished: Documents are at work, or still to come: cancel it first.
            BusError: Redis cannot be reached.
            TransientError: The storage of documents' bytes cannot be.
        """
        return _Deletion(self._pipeline, self, told or (lambda *_: None)).delete()

    def to_frame(self) -> "DataFrame":
        """A row for each document: how it stands, how long each step took, its error.

        Columns `<step>_seconds` hold the seconds of the newest attempt that did the
        step.
        """
        import pandas as pd

        columns: dict[str, list[Any]] = {name: [] for name in self._columns()}
        for rows in self.batches():
            for name, values in self._values(rows).items():
                columns[name] += values
        return pd.DataFrame(columns)

    def to_frames(self, batch_size: int = 10_000) -> "Iterator[DataFrame]":
        """The same as `to_frame`, so many documents at a time."""
        import pandas as pd

        for rows in self.batches(batch_size):
            yield pd.DataFrame(self._values(rows))

    def _columns(self) -> list[str]:
        steps = (f"{step['name']}_seconds" for step in self._row.steps)
        return ["document_id", *_COLUMNS, *steps]

    def _values(self, rows: Sequence[DocumentRow]) -> dict[str, list[Any]]:
        """The columns of neighbouring documents."""
        seconds: dict[tuple[str, str], float] = {}
        first, last = rows[0].number, rows[-1].number
        for timing in self._store.results.timings(self.id, after=first - 1, up_to=last):
            seconds[timing.document_id, f"{timing.step}_seconds"] = timing.seconds
        values: dict[str, list[Any]] = {
            name: [seconds.get((row.id, name)) for row in rows]
            for name in self._columns()
        }
        values |= {name: [getattr(row, name) for row in rows] for name in _COLUMNS}
        values["document_id"] = [row.id for row in rows]
        values["status"] = [row.status.value for row in rows]
        return values

    def events(self) -> "DataFrame":
        """The history: a row for each event that is remembered, oldest first.

        Redis keeps a few hundred of a document that is at work, and the last few dozen
        once it has ended, for some days; of a document that it has forgotten, the store
        tells where it stands.
        """
        import pandas as pd

        bus = self._pipeline.bus
        told: list[ProgressEvent] = []
        for event in self._store.documents.current_events(runs=[self.id]):
            told += _remembered(bus, event)
        told.sort(key=lambda event: event.timestamp)
        return pd.DataFrame([event.to_dict() for event in told], columns=_EVENT_COLUMNS)

    def plot(self) -> "Plot":
        """A picture of who worked on what and when, and of documents a second.

        Each process of each worker has a track, and each document a bar for each
        step on it; what failed or was tried again is marked.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from docprogress.plots.timeline import timeline

        # Not the pipeline's bus: nothing is started again only to look back.
        return timeline(self._store, self._row, lambda: Bus(self._pipeline._redis_url))

    def search(self, query: str, limit: int = 10) -> "DataFrame":
        """The chunks nearest to a query.

        Columns: `document` (its name), `page` (its number), `text`, `score` (cosine
        similarity, 1 at most), `document_id`.
        """
        settings = self._pipeline.settings
        return nearest(self._store, [self._row], query, settings=settings, limit=limit)

    def _subscribe(
        self,
        *,
        only_ends: bool = False,
        pause: Callable[[], None] | None = None,
        until_deleted: bool = False,
    ) -> Subscription:
        truth = _Truth(self, until_deleted=until_deleted)
        return Bus(self._pipeline._redis_url).subscribe(
            runs=[self.id], reconcile=truth, final_only=only_ends, pause=pause
        )

    def _waited(
        self,
        watch: "Watch",
        timeout: float | None,
        *,
        wanted: Callable[[ProgressEvent], bool],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Iterator[ProgressEvent]:
        """The wanted events of a watch, from a private loop in a thread."""
        heard: queue.SimpleQueue[ProgressEvent | BaseException | None]
        heard = queue.SimpleQueue()
        loop = asyncio.new_event_loop()
        task = loop.create_task(_listen(watch, wanted, heard.put, seconds=timeout))

        def run() -> None:
            with suppress(asyncio.CancelledError, DocProgressError):
                loop.run_until_complete(task)
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

        thread = threading.Thread(target=run, name="docprogress-wait", daemon=True)
        thread.start()
        try:
            while True:
                meanwhile()
                try:
                    # Short, so that an interrupt is noticed.
                    item = heard.get(timeout=0.1)
                except queue.Empty:
                    continue
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            while thread.is_alive():
                # Again and again: redis-py may lose a cancellation, and listen on.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(task.cancel)
                thread.join(CANCEL_SECONDS)


async def _listen(
    watch: "Watch",
    wanted: Callable[[ProgressEvent], bool],
    put: Callable[[ProgressEvent | BaseException | None], None],
    *,
    seconds: float | None,
) -> None:
    """Hand on what is wanted of a watch, then how it ended."""

    def gather() -> None:
        if watch.unfinished > FEW:
            # Not in the loop, which would wake for each as well: it is ours.
            time.sleep(GATHER_SECONDS)

    watch.pause = gather
    try:
        async with asyncio.timeout(seconds), watch:
            async for event in watch:
                if wanted(event):
                    put(event)
        put(None)
    except TimeoutError:
        left = await asyncio.to_thread(watch.left)
        are = "document is" if left == 1 else "documents are"
        put(TimeoutError(f"{left:,} {are} unfinished after {seconds:g} s"))
    except BaseException as error:
        put(error)
        raise


class Watch:
    """The events of one run, in order, with what they add up to.

    Args:
        run: The run.
        only_ends: Whether nothing but how documents end is wanted: see
            `Bus.subscribe`.
    """

    def __init__(self, run: Run, *, only_ends: bool = False) -> None:
        self._run = run
        self._only_ends = only_ends
        self._subscription: Subscription | None = None
        self._ended = False
        #: Called after each message that had to be waited for; set before the first.
        self.pause: Callable[[], None] | None = None
        #: What has been told so far.
        self.progress = Progress(
            expected=run.expected, steps=stored_plan_spans(run._row.steps)
        )

    @property
    def connected(self) -> bool:
        """Whether Redis is there."""
        return self._subscription is not None and self._subscription.connected

    @property
    def lost_at(self) -> datetime | None:
        """When the connection was lost; None while it is there."""
        return self._subscription.lost_at if self._subscription else None

    @property
    def unfinished(self) -> int:
        """How many documents have not come to rest, as far as was told."""
        progress = self.progress
        return max(progress.total, progress.expected or 0) - progress.ended

    def left(self) -> int:
        """How many documents have not come to rest, by the store if it knows more.

        At least one while the run's end was not told.
        """
        left = self.unfinished
        if self.progress.total < self._run.expected:
            # The present was not told whole, perhaps not at all.
            with suppress(StoreError):
                counts = self._run._store.documents.counts(self._run.id)
                ended = sum(count for status, count in counts.items() if status.final)
                left = max(sum(counts.values()), self._run.expected) - ended
        return max(left, 1)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ProgressEvent:
        # A run may have no documents, or none any more.
        if self._ended or self.progress.finished:
            raise StopAsyncIteration
        event = await anext(self._subscribed())
        self.progress.apply(event)
        self._ended = self.progress.finished
        return event

    async def aclose(self) -> None:
        """Stop watching; the run goes on."""
        self._ended = True
        if self._subscription is not None:
            await self._subscription.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _subscribed(self) -> Subscription:
        if self._subscription is None:
            self._subscription = self._run._subscribe(
                only_ends=self._only_ends, pause=self.pause, until_deleted=True
            )
        return self._subscription


class Deleted(NamedTuple):
    """What was deleted with a run."""

    documents: int
    #: Files of documents, and their bytes.
    files: int
    bytes: int
    #: Keys of Redis.
    keys: int
    #: Always 0: messages stay in their queues until a worker takes and discards them.
    messages: int = 0


class _Deletion:
    """Deletes one run: of each document the row last, which names all the rest."""

    def __init__(
        self, pipeline: Pipeline, run: Run, told: Callable[[int, int], None]
    ) -> None:
        self._pipeline = pipeline
        self._store = pipeline.store
        self._run = run
        self._told = told

    def delete(self) -> Deleted:
        run, bus = self._run, self._pipeline.bus
        self._rest(time.monotonic() + REST_SECONDS)
        total = sum(self._store.documents.counts(run.id).values())
        documents = files = size = keys = 0
        while rows := self._store.documents.find(run.id, limit=DELETED_TOGETHER):
            unfinished = [row for row in rows if not row.status.final]
            if unfinished:
                raise RunUnfinished(run.id, "documents were tried again meanwhile")
            ids = [row.id for row in rows]
            with ThreadPoolExecutor(DELETING_THREADS) as threads:
                for _ in threads.map(self._pipeline.files.delete, ids):
                    pass
            keys += bus.forget(ids)
            documents += self._store.documents.delete(ids)
            files += sum(row.sha256 is not None for row in rows)
            size += sum(row.size or 0 for row in rows if row.sha256 is not None)
            self._told(documents, total)
        keys += bus.forget([], run_id=run.id)
        if not self._store.runs.delete_empty(run.id):
            raise RunUnfinished(run.id, "documents have come meanwhile")
        return Deleted(documents, files, size, keys)

    def _rest(self, deadline: float) -> None:
        """Wait for the workers to let go of what was cancelled."""
        run = self._run
        if self._pipeline.bus.redis.exists(submitting_key(run.id)):
            raise RunUnfinished(run.id, "its documents are still being submitted")
        while True:
            counts = self._store.documents.counts(run.id)
            left = sum(count for status, count in counts.items() if not status.final)
            if not left:
                return
            # Some of them may have come to rest meanwhile.
            held = self._store.documents.find(run.id, status=Status.PROCESSING)
            asked = left == counts[Status.PROCESSING] and all(
                row.cancel_requested for row in held
            )
            if not asked or time.monotonic() >= deadline:
                still = "are still at a worker" if asked else "are unfinished"
                hint = "try again in a moment" if asked else "cancel it first"
                raise RunUnfinished(run.id, f"{left:,} documents {still}; {hint}")
            time.sleep(REST_TICK)


class _Truth:
    """What the store knows of a run and one subscription was not told.

    It is asked every few seconds, so it costs what has changed since, not what
    there is; all documents are looked at first, and where that was not enough.
    """

    def __init__(self, run: Run, *, until_deleted: bool = False) -> None:
        self._run = run
        self._store = run._store
        # Whether to raise `RunNotFound` once somebody has deleted the run.
        self._until_deleted = until_deleted
        # Changes up to here have been looked at; None: all are to be.
        self._since: datetime | None = None
        # How many documents had each status when they were counted last.
        self._counts: dict[Status, int] | None = None
        # Since when the submitting process is gone while documents are to come.
        self._gone_at: float | None = None

    def __call__(self, told: Mapping[str, ProgressEvent]) -> Iterable[ProgressEvent]:
        settings = self._run._pipeline.settings
        try:
            if settings.local:
                local.up_again(settings)
        except DocProgressError as error:
            log.warning("local services are gone: %s", error)
        counts = self._store.documents.counts(self._run.id)
        if self._until_deleted and not sum(counts.values()):
            self._store.runs.get(self._run.id)
        whole = sum(counts.values()) >= self._run.expected
        waits = counts[Status.QUEUED] or not whole
        if waits and counts == self._counts and not settings.local:
            # Nothing moves: perhaps there is no worker, which would do both of this.
            self._mark_unserved()
            self._give_up_submission()
            counts = self._store.documents.counts(self._run.id)
        self._counts = counts
        finals = sum(count for status, count in counts.items() if status.final)
        known = sum(event.final for event in told.values())
        if known == len(told) == sum(counts.values()) == finals:
            return []
        news, newest = [], self._since
        for rows in self._rows():
            news += [row for row in rows if _unlike(row, told.get(row.id))]
            newest = max([*filter(None, [newest]), *(row.updated_at for row in rows)])
        # An end that is in neither: it was told by a clock that is slow.
        missed = finals > known + sum(row.status.final for row in news)
        self._since = None if missed else newest
        return [row.event() for row in news]

    def _mark_unserved(self) -> None:
        pipeline = self._run._pipeline
        with suppress(BusError):
            if is_worker_alive(pipeline.bus.redis) is False:
                pipeline.mark_unserved(self._run.id)

    def _give_up_submission(self) -> None:
        """Cancel what will never come, once the submitting process has long gone."""
        run, pipeline = self._run, self._run._pipeline
        gone = False
        if self._store.submissions.unfinished(run.id):
            with suppress(BusError, RedisError, OSError):
                gone = not pipeline.bus.redis.exists(submitting_key(run.id))
        if not gone:
            self._gone_at = None
            return
        if self._gone_at is None:
            self._gone_at = time.monotonic()
        if time.monotonic() < self._gone_at + GONE_SECONDS:
            return
        while rows := self._store.submissions.abandon(run.id, SUBMITTER_GONE):
            pipeline.tell(rows)

    def _rows(self) -> Iterator[list[DocumentRow]]:
        """The documents that are to be looked at, some at a time."""
        if self._since is None:
            yield from self._run.batches()
        elif rows := self._store.documents.changes(self._run.id, self._since - OVERLAP):
            yield rows


def _unlike(row: DocumentRow, told: ProgressEvent | None) -> bool:
    """Whether the store has a document in another state than was told."""
    return told is None or (row.status, row.attempt) != (told.status, told.attempt)


class _Submission:
    """Stores the documents of a run and sends them on their way, some at a time."""

    def __init__(
        self,
        pipeline: Pipeline,
        run: Run,
        sources: Spool,
        *,
        told: Callable[[int, int], None],
    ) -> None:
        self._pipeline = pipeline
        self._store = pipeline.store
        self._run = run
        self._sources = sources
        self._told = told
        self._ready: list[tuple[str, int | None, str | None]] = []
        self._due = time.monotonic() + FLUSH_SECONDS

    def store(self) -> None:
        """Store and send all documents.

        Whatever is raised, nothing of the run goes on: nobody is given it.
        """
        try:
            with self._alive():
                for documents in batches(self._new(), ADDED_TOGETHER):
                    self._store.submissions.add(documents)
                self._upload()
            self._mark_unserved()
        except BaseException as error:
            self._abandon(error)
            raise

    def _mark_unserved(self) -> None:
        """Say that no worker is there, if none is; the run has started in any case."""
        try:
            self._pipeline.mark_unserved(self._run.id)
        except Exception:
            log.exception("cannot tell whether a worker serves run %s", self._run.id)

    def _abandon(self, error: BaseException) -> None:
        """Cancel the run; what was not handed in says why."""
        reason = "the submission was interrupted"
        if isinstance(error, Exception):
            said = redacted(str(error)) or type(error).__name__
            reason = f"the submission failed: {said:.300}"
        run = self._run
        try:
            while rows := self._store.submissions.abandon(run.id, reason):
                self._pipeline.tell(rows)
            run.cancel()
        except DocProgressError as failed:
            log.warning(
                "run %s is not cancelled, a worker ends it in a moment: %s",
                run.id,
                redacted(str(failed)),
            )

    def _new(self) -> Iterator[NewDocument]:
        """All documents, before any of them is stored: none can be forgotten."""
        run, first = self._run, self._run._row.steps[0]["name"]
        for number, source in enumerate(self._sources, 1):
            yield NewDocument(
                id=document_id(run.id, number),
                run_id=run.id,
                number=number,
                name=source.name,
                url=source.url,
                size=source.size,
                case_id=run.case_id,
                step=first,
            )

    def _upload(self) -> None:
        total = len(self._sources)
        files, limit = self._pipeline.files, self._pipeline.settings.max_bytes
        for number, source in enumerate(self._sources, 1):
            name = document_id(self._run.id, number)
            if source.url is not None:
                self._ready.append((name, None, None))
            else:
                try:
                    stored = files.add(
                        name,
                        source,
                        max_bytes=limit,
                        on_wait=partial(self._storage_is_away, name),
                    )
                except (DocumentError, TransientError, OSError) as error:
                    self._fail(name, source, error)
                else:
                    self._ready.append((name, stored.size, stored.sha256))
            full = len(self._ready) >= min(max(FIRST_BATCH, number // 2), BATCH)
            if full or number == total or time.monotonic() >= self._due:
                self._flush(coming=total - number)
            self._told(number, total)

    def _flush(self, *, coming: int) -> None:
        """Let the store know first, then whoever watches, then the workers."""
        ready, self._ready = self._ready, []
        if ready:
            self._store.submissions.mark_ready(ready)
            rows = self._store.documents.find(ids=[name for name, *_ in ready])
            done = [row for row in map(self._same, rows) if row is not None]
            known = {row.id for row in done}
            rest = [row for row in rows if row.id not in known]
            self._pipeline.tell([*done, *rest])
            first = len(self._sources) - coming - len(ready) + 1
            # Some may have been cancelled meanwhile.
            waiting = [row for row in rest if row.status is Status.QUEUED]
            self._pipeline.send(waiting, first=first, coming=coming)
        self._due = time.monotonic() + FLUSH_SECONDS

    def _same(self, row: DocumentRow) -> DocumentRow | None:
        """The document, completed, if the store holds the same content processed."""
        if not self._run._row.settings["skip_existing"] or row.sha256 is None:
            return None
        same = self._store.reuse.find(row.sha256, self._run._row.fingerprint)
        if (
            same is None
            or self._store.attempts.claim(row.id, row.attempt, worker="") is None
        ):
            return None
        done = self._store.reuse.copy(same.id, row.id, row.attempt)
        if done is None:
            # It was deleted or tried again meanwhile: this one takes the usual way.
            with suppress(Superseded):
                self._store.attempts.hand_over(row.id, row.attempt, message="Queued")
        return done

    def _storage_is_away(self, name: str) -> None:
        with suppress(StoreUnavailable):
            row = self._store.documents.get(name)
            waits = replace(row, message="Waiting for the storage", updated_at=now())
            self._pipeline.tell([waits])

    def _fail(self, name: str, source: Source, error: BaseException) -> None:
        text = getattr(error, "strerror", None) or redacted(str(error))
        reason = (
            text if text.startswith(f"{source.name}:") else f"{source.name}: {text}"
        )
        message = "Could not be stored"
        # Unless it was cancelled meanwhile.
        with suppress(Superseded):
            row = self._store.attempts.finish(
                name, 1, Status.FAILED, message=message, error=reason
            )
            self._pipeline.tell([row])

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Say, for as long as documents are still to come, that they are."""
        key = submitting_key(self._run.id)
        client = self._pipeline.bus.redis
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(SUBMITTING_SECONDS / 3):
                try:
                    client.set(key, 1, ex=SUBMITTING_SECONDS)
                except (RedisError, OSError):
                    pass  # the next one may get through
                except Exception:
                    log.exception("a sign of life could not be sent")

        with suppress(RedisError, OSError):
            client.set(key, 1, ex=SUBMITTING_SECONDS)
        thread = threading.Thread(target=renew, name="docprogress-submit", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with suppress(RedisError, OSError):
                client.delete(key)


def _remembered(bus: Bus, present: ProgressEvent) -> list[ProgressEvent]:
    """The events of a document that Redis remembers, up to where it stands now."""
    try:
        found = bus.history(present.document_id)
    except BusError:
        return [present]
    if present.final and (not found or not found[-1].final):
        found.append(present)
    return found or [present]


_COLUMNS = (
    "name",
    "status",
    "step",
    "progress",
    "pages",
    "chunks",
    "characters",
    "size",
    "attempt",
    "error",
    "message",
    "engine",
    "worker",
    "started_at",
    "finished_at",
)

_EVENT_COLUMNS = [
    name
    for name in ProgressEvent.__struct_fields__
    if name not in ("heartbeat", "extra")
]


def _fingerprint(plan: Sequence[Step], settings: Mapping[str, Any]) -> str:
    """What decides what is made of a document's bytes, as one short text."""
    decides = {
        "version": STEPS_VERSION,
        "steps": [[step.path, _source_digest(step)] for step in plan],
        "settings": {
            name: settings[name]
            for name in ("embedder", "pdf_engine", "chunk_characters", "chunk_overlap")
        },
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _source_digest(step: Step) -> str | None:
    """A digest of the file that a step of the user's own is written in."""
    if step.path.startswith("docprogress."):
        return None
    path = inspect.getsourcefile(load_step(step))
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else None
