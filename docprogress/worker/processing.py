"""One document through its steps: the store keeps what they make, events tell it.

Whatever happens on the way, the attempt ends in exactly one of these: completed,
failed, cancelled, tried again, postponed, handed over to another queue, or superseded.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from operator import length_hint
from pathlib import Path
from typing import Any, TypeVar

from docprogress.documents import Chunk, Document, Page
from docprogress.errors import (
    Cancelled,
    DocProgressError,
    HandedBack,
    ServiceUnavailable,
    StepError,
    StoreUnavailable,
    Superseded,
)
from docprogress.events import MAX_UNFINISHED_PROGRESS, ProgressEvent, Status, now
from docprogress.reporting.step_progress import StepProgress
from docprogress.settings import MIB, RUN_SETTINGS, Settings, redacted
from docprogress.steps import Kind, Step, call
from docprogress.steps.definition import BUILT_IN_PATHS, EMBEDDING_PATH
from docprogress.steps.planning import is_fast_plan, progress_spans
from docprogress.storage import Files
from docprogress.store import Claim, DocumentRow, FinishedStep, Store
from docprogress.worker.error_reasons import (
    MAX_ERROR_LENGTH,
    format_duration,
    is_disk_full,
    is_transient,
)
from docprogress.worker.service_outages import KnownOutage, ServiceOutages, service_key
from docprogress.worker.step_runner import UNITS, VERBS, CountedInput, _vector_length

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds for which a step waits for a database that is away before the attempt
#: is given up, and the longest pause between two tries.
STORE_WAIT_SECONDS = 60.0

MAX_PAUSE = 2.0

#: The longest that a document waits for its next attempt, in seconds.
MAX_RETRY_DELAY = 3600.0

#: Seconds of finished work that may be lost, and done again, with a killed worker.
SAVE_SECONDS = 0.25

#: Seconds between two times that the vectors of an unfinished step are kept.
KEEP_SECONDS = 10.0

#: What is said of a document whose worker was stopped before it was finished.
HANDED_BACK_MESSAGE = "Waiting for another worker: the one before it was stopped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of an attempt."""

    #: The document as the store has it now; None if the attempt was superseded.
    document: DocumentRow | None
    #: Set if the attempt goes on, as a task of this queue.
    queue: str | None = None
    #: Whether a task has to be sent for the document now.
    send: bool = False
    #: Whether that task was interrupted, and is to be taken before all others.
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentProcessor:
    """What it takes to process documents; one for each worker process.

    Args:
        settings: The worker's; a run's own settings win.
        publish: Takes an event, and says whether to stop.
        guard: Given a step's limit in seconds, a context in which it holds.
        uninterrupted: A context within which a step's limit interrupts nothing.
        outages: What is known of services that steps use and that are away.
    """

    store: Store
    files: Files
    settings: Settings
    publish: Callable[[ProgressEvent], bool]
    guard: Callable[[float], AbstractContextManager[object]] = nullcontext
    uninterrupted: Callable[[], AbstractContextManager[object]] = nullcontext
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    outages: ServiceOutages = field(default_factory=ServiceOutages)

    def process(self, claim: Claim) -> Outcome:
        """Take a claimed document as far as its queue goes."""
        return _Attempt(self, claim).run()


class _Attempt:
    """One attempt at one document, in one task."""

    def __init__(self, pipeline: DocumentProcessor, claim: Claim) -> None:
        self._pipeline = pipeline
        self._store = pipeline.store
        self._document = claim.document
        own = {k: v for k, v in claim.run.settings.items() if k in RUN_SETTINGS}
        self._settings = pipeline.settings.model_copy(update=own)
        self._skip_existing = bool(claim.run.settings.get("skip_existing"))
        self._fingerprint = claim.run.fingerprint
        self._steps = [Step.from_dict(step) for step in claim.run.steps]
        self._spans = progress_spans(self._steps)
        self._event = claim.document.event()
        self._step = claim.document.step
        self._unsaved: list[FinishedStep] = []
        # The chunks of a step that is not finished whose vectors are not kept yet.
        self._unkept: list[Chunk] = []
        self._keep_at = 0.0
        # The service that a step uses, once it is known to be away.
        self._service: str | None = None
        # What the steps have made so far.
        self._counts = {
            Kind.PAGES: claim.document.pages,
            Kind.CHUNKS: claim.document.chunks,
        }
        self._note = claim.document.note
        # Whether the store has nothing yet of what steps have made of it.
        self._new = claim.document.attempt == 1 and claim.document.next_step == 0

    def run(self) -> Outcome:
        try:
            return self._worked()
        except Superseded:
            log.info(
                "attempt %s of %s is over", self._document.attempt, self._document.id
            )
            return Outcome(None)
        except Cancelled:
            return self._end(Status.CANCELLED, "Cancelled")
        except StoreUnavailable:
            # Nothing can be written now.  The lease runs out, or is given back,
            # and the document is sent again once the store is there.
            raise
        except Exception as error:
            with suppress(Superseded, Cancelled):
                self._save()
                self._keep()
            if is_disk_full(error):
                return self._elsewhere(error)
            if is_transient(error):
                return self._again(error)
            if not isinstance(error, DocProgressError):
                log.exception("%s failed during %s", self._document.id, self._step)
            return self._fail(self._cause(error))

    def _worked(self) -> Outcome:
        try:
            return self._process()
        except HandedBack:
            return self._hand_back()
        except ServiceUnavailable as error:
            self._save()
            self._keep()
            return self._postponed(error)

    def _process(self) -> Outcome:
        first = self._document.next_step
        if first == 0 and self._document.url and self._document.sha256 is None:
            self._download(self._document.url)
        if first == 0 and (row := self._same()):
            return self._published(row)
        items: list[Page] | list[Chunk] = []
        with self._pipeline.files.local(
            self._document.id, on_progress=self._fetched, on_wait=self._storage_is_away
        ) as path:
            for position in range(first, len(self._steps)):
                step = self._steps[position]
                if step.queue != self._steps[first].queue:
                    self._save()
                    queue = step.queue or "default"
                    return self._hand_over(f"Waiting for queue {queue}")
                items = self._run_step(position, step, items, self._seen(path))
        return self._complete()

    def _run_step(
        self, position: int, step: Step, items: list[Any], document: Document
    ) -> list[Any]:
        """Run one step, and keep what it makes."""
        self._step = step.name
        progress = StepProgress(
            self._told,
            self._event,
            step=step.name,
            unit=UNITS[step.gives],
            span=self._spans[position],
            verb=VERBS.get(step.name),
            per_second=self._settings.events_per_second,
        )
        started, clock = now(), self._pipeline.clock()
        self._look_for_outage(step)
        progress.publish()
        takes = items or self._stored(step.takes)
        kept = self._kept_chunks(step, takes) if not items else []
        with self._pipeline.guard(self._settings.step_seconds):
            made, facts = self._made(step, takes, progress, document, kept)
        self._unkept.clear()
        self._unsaved.append(
            FinishedStep(
                position=position,
                step=step.name,
                next_step=self._steps[min(position + 1, len(self._steps) - 1)].name,
                started_at=started,
                seconds=self._pipeline.clock() - clock,
                items=len(made),
                unit=progress.unit or "",
                progress=min(self._spans[position][1], MAX_UNFINISHED_PROGRESS),
                facts=facts,
                pages=made if step.gives is Kind.PAGES else None,
                chunks=made if step.gives is Kind.CHUNKS else None,
            )
        )
        if not self._may_wait(position + 1):
            self._save()
        self._note = facts.get("note", self._note)
        self._counts[step.gives] = len(made)
        return made

    def _look_for_outage(self, step: Step) -> None:
        """Have the document wait if a service that the step uses is known to be away.

        Raises:
            _Closed: It is not the time to ask it.
        """
        self._service = self._used_by(step)
        if self._service is None:
            return
        wait = self._pipeline.outages.closed(
            self._service, self._document.id, self._document.attempt
        )
        if wait is not None:
            raise KnownOutage(wait)

    def _used_by(self, step: Step) -> str | None:
        """A key for the service that a step may use; None if it uses none."""
        if step.path not in BUILT_IN_PATHS:
            return service_key(step.path)
        settings = self._settings
        if step.path != EMBEDDING_PATH or not settings.embedder.startswith("openai:"):
            return None
        used = settings.embedder, settings.embedding_url, settings.embedding_api_key
        return service_key(step.path, *used)

    def _kept_chunks(self, step: Step, takes: Sequence[Any]) -> list[Chunk]:
        """The chunks that this step had embedded when it was interrupted."""
        if step.path != EMBEDDING_PATH or self._quick([step]):
            return []
        found = self._store.vectors.unfinished(
            self._document.id, embedder=self._settings.embedder
        )
        return [
            replace(chunk, vector=found[chunk.number])
            for chunk in takes
            if chunk.number in found
        ]

    def _keep(self) -> None:
        """Keep the vectors that a step has made, though it is not finished."""
        self._keep_at = self._pipeline.clock() + KEEP_SECONDS
        if not self._unkept:
            return
        self._new = False

        def keep() -> None:
            with self._pipeline.uninterrupted():
                self._store.attempts.save_vectors(
                    self._document.id,
                    self._document.attempt,
                    self._unkept,
                    embedder=self._settings.embedder,
                )
                self._unkept = []

        self._patiently(keep)

    def _quick(self, following: Sequence[Step]) -> bool:
        return is_fast_plan(following, embedder=self._settings.embedder)

    def _may_wait(self, following: int) -> bool:
        """Whether what was made so far is kept together with what follows.

        So it is while doing it again would cost less than keeping it: before the
        end, and before a step of our own that takes moments.
        """
        if sum(finished.seconds for finished in self._unsaved) > SAVE_SECONDS:
            return False
        return self._quick(self._steps[following:])

    def _save(self) -> None:
        """Keep what the steps have made.

        Raises:
            Cancelled: Somebody asked for that.
        """
        unsaved, self._unsaved = self._unsaved, []
        if unsaved and self._kept(unsaved).cancel_requested:
            raise Cancelled(self._document.id)

    def _complete(self) -> Outcome:
        """Keep what is left to keep, and the end with it."""
        return self._published(self._kept(self._unsaved, completed=self._summary()))

    def _kept(
        self, finished: list[FinishedStep], *, completed: str | None = None
    ) -> DocumentRow:
        def finish() -> DocumentRow:
            # Where the line is lost, nobody knows whether it is kept.
            new, self._new = self._new, False
            return self._store.attempts.finish_steps(
                self._document.id,
                self._document.attempt,
                finished,
                completed=completed,
                new=new,
            )

        return self._patiently(finish)

    def _made(
        self,
        step: Step,
        takes: list[Any],
        progress: StepProgress,
        document: Document,
        kept: list[Chunk],
    ) -> tuple[list[Any], dict[str, Any]]:
        """What a step makes, counted as it is made, with what it had made before.

        What is counted is the step's output where it knows how much that will
        be, and else its input, as the step takes it.
        """
        numbers = {chunk.number for chunk in kept}
        left = [item for item in takes if item.number not in numbers] if kept else takes
        counted = CountedInput(left, progress)
        given = document if step.takes is Kind.DOCUMENT else counted
        result = call(step, given, document=document, settings=self._settings)
        wanted = Page if step.gives is Kind.PAGES else Chunk
        total = length_hint(result, 0)
        lazy = not isinstance(result, list | tuple)
        outputs = lazy and (total > 0 or step.takes is Kind.DOCUMENT)
        if outputs:
            counted.progress = None
            progress.unit = getattr(result, "unit", None) or progress.unit
            progress.total = total + len(kept) or None
            progress.update(len(kept))
        keeps = step.path == EMBEDDING_PATH and not self._quick([step])
        self._keep_at = self._pipeline.clock() + KEEP_SECONDS
        made: list[Any] = []
        with ExitStack() as stack:
            stack.callback(getattr(result, "close", lambda: None))
            for item in result:
                if not isinstance(item, wanted):
                    raise StepError(
                        f"step {step.name!r} must give {wanted.__name__} values, "
                        f"not {type(item).__name__}"
                    )
                if keeps and not made:
                    self._served()
                if keeps and isinstance(item, Chunk):
                    if kept and _vector_length(kept[0]) != _vector_length(item):
                        # The endpoint has another model now.
                        return self._made(step, takes, progress, document, [])
                    self._unkept.append(item)
                    if self._pipeline.clock() >= self._keep_at:
                        self._keep()
                made.append(item)
                # Told in any case: it is how a cancel is heard of.
                progress.advance(1 if outputs else 0)
        if not keeps:
            # Its next try would begin with the first item again: only now is it served.
            self._served()
        if kept:
            finished = {chunk.number: chunk for chunk in (*kept, *made)}
            made = [finished[chunk.number] for chunk in takes]
        return made, dict(getattr(result, "facts", None) or {})

    def _stored(self, kind: Kind) -> list[Any]:
        """What an earlier task of this document has made."""
        if kind is Kind.PAGES:
            return self._store.results.pages(self._document.id)
        if kind is Kind.CHUNKS:
            return self._store.results.chunks(self._document.id)
        return []

    def _download(self, url: str) -> None:
        """Fetch a document that was submitted by its URL."""
        progress = StepProgress(
            self._told,
            self._event,
            step=self._steps[0].name,
            span=(0.0, self._spans[0][1] / 10),
            verb="Downloading",
            unit="byte",
            per_second=self._settings.events_per_second,
        )
        progress.publish()
        stored = self._pipeline.files.fetch(
            self._document.id,
            url,
            name=self._document.name,
            max_bytes=self._settings.max_bytes,
            seconds=self._settings.download_seconds,
            on_progress=lambda done, total: progress.update(
                done, total=total, message=_downloading(done, total)
            ),
            on_wait=self._storage_is_away,
        )
        self._patiently(
            partial(
                self._store.attempts.set_content,
                self._document.id,
                self._document.attempt,
                size=stored.size,
                sha256=stored.sha256,
            )
        )
        self._document = replace(self._document, size=stored.size, sha256=stored.sha256)

    def _same(self) -> DocumentRow | None:
        """The document, completed, if the store holds the same content processed."""
        if not self._skip_existing or not self._document.sha256:
            return None
        same = self._store.reuse.find(self._document.sha256, self._fingerprint)
        if same is None or same.id == self._document.id:
            return None
        return self._store.reuse.copy(
            same.id, self._document.id, self._document.attempt
        )

    def _seen(self, path: Path) -> Document:
        """The document, as a step sees it."""
        return Document(
            id=self._document.id,
            name=self._document.name,
            path=path,
            size=self._document.size or 0,
            run_id=self._document.run_id,
            case_id=self._document.case_id,
            url=self._document.url,
        )

    def _summary(self) -> str:
        pages = _plural(self._counts[Kind.PAGES], "page")
        chunks = _plural(self._counts[Kind.CHUNKS], "chunk")
        said = f"Completed: {pages}, {chunks}"
        return f"{said}; {self._note}" if self._note else said

    def _hand_over(self, message: str) -> Outcome:
        """Leave the next step to whoever works on its queue."""
        row = self._patiently(
            partial(
                self._store.attempts.hand_over,
                self._document.id,
                self._document.attempt,
                message=message,
            )
        )
        self._told(row.event())
        return Outcome(row, queue=self._steps[row.next_step].queue, send=True)

    def _hand_back(self) -> Outcome:
        """Leave the step that runs to another worker: this one stops."""
        self._save()
        self._keep()
        # How far it was, so that the bar does not fall when that one begins.
        reached = partial(
            self._store.attempts.save_progress,
            self._document.id,
            self._document.attempt,
            progress=self._event.progress,
            step=self._step,
            message=HANDED_BACK_MESSAGE,
        )
        self._patiently(reached)
        return replace(self._hand_over(HANDED_BACK_MESSAGE), interrupted=True)

    def _elsewhere(self, error: BaseException) -> Outcome:
        """Leave the document to a worker whose disk is not full.

        That is no attempt: there may be room on this one, too, a little later.
        """
        begun = self._document.started_at or now()
        if (now() - begun).total_seconds() > STORE_WAIT_SECONDS:
            return self._again(error)
        host = (self._document.worker or "").rpartition(":")[0]
        self._told(self._waiting_for(f"room on the disk of {host}"))
        self._pipeline.sleep(MAX_PAUSE)
        try:
            return self._hand_over("Waiting for a worker with room on its disk")
        except Superseded:
            return Outcome(None)

    def _served(self) -> None:
        if self._service is not None:
            self._pipeline.outages.served(self._service, self._document.id)

    def _postponed(self, error: ServiceUnavailable) -> Outcome:
        """Leave the document in the queue until a service may be there again.

        That is no attempt, but it has a limit of its own.
        """
        longest = self._settings.wait_seconds
        if isinstance(error, KnownOutage):
            wait = error.wait
        else:
            wait = self._pipeline.outages.refused(
                self._service or "",
                self._document.id,
                self._document.attempt,
                error,
                longest=longest,
            )
            if (error.seconds or 0.0) > longest:
                return self._fail(
                    f"{error}; it asks to wait for {format_duration(error.seconds)}, "
                    f"longer than the limit of {format_duration(longest)} "
                    "(wait_seconds)"
                )
        if wait.waited >= longest:
            return self._fail(
                f"{error}; it was waited for as long as the limit of "
                f"{format_duration(longest)} (wait_seconds) allows"
            )
        until = datetime.fromtimestamp(wait.until).astimezone()
        row = self._patiently(
            partial(
                self._store.attempts.postpone,
                self._document.id,
                self._document.attempt,
                due_at=min(wait.until, time.time() + MAX_RETRY_DELAY),
                progress=max(self._event.progress, self._document.progress),
                message=f"Waiting for {wait.service} until {until:%H:%M:%S} "
                f"({wait.reason})",
            )
        )
        if row.cancel_requested:
            return self._end(Status.CANCELLED, "Cancelled")
        return self._published(row)

    def _again(self, error: BaseException) -> Outcome:
        """Try again later, unless that was the last time."""
        reason = self._reason(self._cause(error))
        tries = self._document.attempt - self._document.first_attempt + 1
        most = self._settings.max_attempts
        if tries >= most:
            return self._fail(f"{reason} (after {_plural(tries, 'attempt')})")
        delay = min(self._settings.retry_seconds * 2 ** (tries - 1), MAX_RETRY_DELAY)
        row = self._patiently(
            partial(
                self._store.attempts.next_attempt,
                self._document.id,
                self._document.attempt,
                error=reason,
                delay=delay,
                lost=False,
                tries=most,
            )
        )
        if row is None:
            return Outcome(None)
        return self._published(row, send=not delay)

    def _fail(self, reason: str) -> Outcome:
        reason = self._reason(reason)
        return self._end(Status.FAILED, f"Failed during {self._step}", error=reason)

    def _end(
        self, status: Status, message: str, *, error: str | None = None
    ) -> Outcome:
        """Let the store know first: it is the truth that everybody is told."""
        finish = partial(
            self._store.attempts.finish,
            self._document.id,
            self._document.attempt,
            status,
            message=message,
            error=error,
            progress=self._event.progress,
        )
        try:
            row = self._patiently(finish)
        except Superseded:
            return Outcome(None)
        return self._published(row)

    def _published(self, row: DocumentRow, *, send: bool = False) -> Outcome:
        with suppress(Superseded):
            self._pipeline.publish(row.event())
        return Outcome(row, send=send)

    def _told(self, event: ProgressEvent) -> bool:
        self._event = event
        return self._pipeline.publish(event)

    def _waiting_for(self, what: str) -> ProgressEvent:
        return self._event.replace(message=f"Waiting for {what}", timestamp=now())

    def _storage_is_away(self) -> None:
        if self._told(self._waiting_for("the storage")):
            raise Cancelled(self._document.id)

    def _fetched(self, done: int, total: int) -> None:
        """Tell of a document that comes in more than one part."""
        if done < total:
            message = f"Fetching {done / 1e6:.1f} of {total / 1e6:.1f} MB"
            if self._told(self._event.replace(message=message, timestamp=now())):
                raise Cancelled(self._document.id)

    def _cause(self, error: BaseException) -> str:
        """What went wrong, for a person."""
        if isinstance(error, MemoryError):
            limit = self._settings.worker_memory // MIB
            return f"it needs more memory than the limit of {limit} MB (worker_memory)"
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        text = str(error).strip()
        if isinstance(error, DocProgressError):
            return text
        return f"{type(error).__name__}: {text}" if text else type(error).__name__

    def _reason(self, text: str) -> str:
        text = redacted(text).strip()
        if len(text) > MAX_ERROR_LENGTH:
            text = f"{text[:MAX_ERROR_LENGTH]}…"
        name = self._document.name
        return text if text.startswith(f"{name}:") else f"{name}: {text}"

    def _patiently(self, write: Callable[[], T]) -> T:
        """Write to the store, also if it is away for a while."""
        deadline = self._pipeline.clock() + STORE_WAIT_SECONDS
        pause = 0.1
        while True:
            try:
                return write()
            except StoreUnavailable as error:
                if self._pipeline.clock() >= deadline:
                    raise
                log.warning("waiting for the store: %s", redacted(str(error)))
                self._told(self._waiting_for("the database"))
            self._pipeline.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE)


def _plural(count: int | None, noun: str) -> str:
    count = count or 0
    return f"{count} {noun}{'s' * (count != 1)}"


def _downloading(done: int, total: int | None) -> str:
    megabytes = f"{done / 1e6:.1f}"
    if total:
        return f"Downloading {megabytes} of {total / 1e6:.1f} MB"
    return f"Downloading: {megabytes} MB"
