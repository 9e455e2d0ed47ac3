"""Process one document: run its steps, save their results, publish its progress.

An attempt ends in exactly one of these ways: completed, failed, cancelled, to be tried
again, postponed, handed over to another queue, or superseded.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from docprogress.documents import Document
from docprogress.errors import (
    Cancelled,
    DocProgressError,
    HandedBack,
    PasswordNeeded,
    ServiceUnavailable,
    StoreUnavailable,
    Superseded,
)
from docprogress.events import ProgressEvent, Status, now
from docprogress.formatting import plural
from docprogress.queueing.availability import WAITING_MESSAGE
from docprogress.queueing.routing import display_name
from docprogress.settings import RUN_SETTINGS, Settings
from docprogress.sinks import SinkLocation
from docprogress.steps import Kind, Step
from docprogress.steps.containers import is_container
from docprogress.steps.definition import EXTRACTION_PATH
from docprogress.storage import Files
from docprogress.storage.incoming import Stored
from docprogress.store import Claim, DocumentRow, Store
from docprogress.store.sinks import SinkEntry
from docprogress.worker.attempt_writer import (
    MAX_PAUSE,
    STORE_WAIT_SECONDS,
    AttemptWriter,
)
from docprogress.worker.container_listing import Unpacked
from docprogress.worker.downloading import download
from docprogress.worker.error_reasons import (
    error_message,
    error_reason,
    format_duration,
    is_disk_full,
    is_transient,
)
from docprogress.worker.limits import StepGuard, no_limit
from docprogress.worker.retirement import try_to_discard
from docprogress.worker.service_outages import KnownOutage, ServiceOutages, Wait
from docprogress.worker.step_runner import StepResult, StepRunner
from docprogress.worker.storing import Storing, locate_publicly
from docprogress.worker.unpacking import Unpacker

log = logging.getLogger(__name__)

#: The longest that a document waits for its next attempt, in seconds.
MAX_RETRY_DELAY = 3600.0

#: The message of a document whose worker was stopped.
HANDED_BACK_MESSAGE = "Waiting for another worker: the previous one was stopped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended in this task."""

    #: The document as it is stored now; None if the attempt was superseded.
    document: DocumentRow | None
    #: Whether the document's next task must be sent now.
    send: bool = False
    #: Whether that task goes ahead of all others.
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentProcessor:
    """Processes documents in one worker process.

    Args:
        settings: The worker's settings; a run's own settings take precedence.
        publish: Publishes an event, and returns whether to cancel the attempt.
        guard: Makes a context that enforces a step's limits.
        uninterrupted: Makes a context within which that limit interrupts nothing.
        outages: The known outages of services that steps use.
    """

    store: Store
    files: Files
    settings: Settings
    publish: Callable[[ProgressEvent], bool]
    guard: StepGuard = no_limit
    uninterrupted: Callable[[], AbstractContextManager[object]] = nullcontext
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    outages: ServiceOutages = field(default_factory=ServiceOutages)
    #: Publishes the state of other documents than the one that is processed.
    publish_rows: Callable[[Sequence[DocumentRow]], None] = lambda _: None
    #: Sends queued documents to the workers.
    send: Callable[[Sequence[DocumentRow]], None] = lambda _: None
    #: The passwords that were given for a run's documents.
    passwords: Callable[[str], list[str]] = lambda _: []
    #: Finds the sink of a document, with its secrets.
    locate_sink: Callable[[SinkEntry], SinkLocation] = locate_publicly

    def process(self, claim: Claim) -> Outcome:
        """Process a claimed document as far as its queue goes."""
        outcome = DocumentAttempt(self, claim).run()
        row = outcome.document
        if row is not None and row.replaces and row.status is Status.COMPLETED:
            try_to_discard(self.store, self.files)
        return outcome

    def with_passwords(self, settings: Settings, run_id: str) -> Settings:
        """The settings, with the passwords of the run."""
        passwords = list(dict.fromkeys([*settings.passwords, *self.passwords(run_id)]))
        if len(passwords) == len(settings.passwords):
            return settings
        return settings.model_copy(update={"passwords": passwords})


class DocumentAttempt:
    """One attempt at one document, in one task."""

    def __init__(self, processor: DocumentProcessor, claim: Claim) -> None:
        self._processor = processor
        self._attempts = processor.store.attempts
        self._document = claim.document
        own = {k: v for k, v in claim.run.settings.items() if k in RUN_SETTINGS}
        self._settings = processor.settings.model_copy(update=own)
        self._skip_existing = bool(claim.run.settings.get("skip_existing"))
        self._fingerprint = claim.run.fingerprint
        self._steps = [Step.from_dict(step) for step in claim.run.steps]
        self._writer = AttemptWriter(
            processor, claim.document, embedder=self._settings.embedder
        )
        self._storing = Storing.of(processor, claim, writer=self._writer)
        self._configure()
        # The results of the steps so far.
        self._counts = {
            Kind.PAGES: claim.document.pages,
            Kind.CHUNKS: claim.document.chunks,
        }
        # How many chunks have the vectors of the earlier version of the document.
        self._unchanged = 0
        self._note = claim.document.note
        #: The name of the document's unit: a sheet, a slide, a message.
        self._page_unit = "page"
        self._started = processor.clock()

    def _configure(self) -> None:
        """Create the parts that depend on the settings."""
        self.runner = StepRunner(
            self._processor,
            self._document,
            steps=self._steps,
            settings=self._settings,
            writer=self._writer,
            storing=self._storing,
        )
        self._unpacker = Unpacker(
            self._processor,
            self._document,
            settings=self._settings,
            writer=self._writer,
            runner=self.runner,
        )

    def run(self) -> Outcome:
        """Process the document, handling all exceptions of its steps.

        Raises:
            StoreUnavailable: Nothing can be written. The document is sent again after
                its lease has expired.
        """
        try:
            return self._run()
        except Superseded:
            document = self._document
            log.info("attempt %s of %s is over", document.attempt, document.id)
            if self._storing is not None:
                self._storing.superseded()
            return Outcome(None)
        except Cancelled:
            return self._finish(Status.CANCELLED, "Cancelled")
        except StoreUnavailable:
            raise
        except Exception as error:
            with suppress(Superseded, Cancelled):
                self._save()
            if is_disk_full(error):
                return self._hand_to_other_disk(error)
            if is_transient(error):
                return self._retry(error)
            if not isinstance(error, DocProgressError):
                log.exception("%s failed during %s", self._document.id, self._step)
            return self._fail(error_reason(error, self._settings))

    @property
    def _step(self) -> str:
        return self.runner.step

    def _run(self) -> Outcome:
        try:
            return self._process_with_passwords()
        except HandedBack:
            self._save()
            return self._hand_back()
        except ServiceUnavailable as error:
            self._save()
            return self._postpone(error)

    def _process_with_passwords(self) -> Outcome:
        """Process the document, with the run's passwords only if it needs one."""
        try:
            return self._process()
        except PasswordNeeded:
            run_id, own = self._document.run_id, self._settings
            self._settings = self._processor.with_passwords(own, run_id)
            if self._settings is own:
                raise
        self._configure()
        return self._process()

    def _process(self) -> Outcome:
        first = self._document.next_step
        if first == 0 and self._document.url and self._document.sha256 is None:
            self._download(self._document.url)
        if first == 0 and self._document.parent_id and self._document.sha256 is None:
            self._set_content(self._unpacker.unpack_itself())
        same = self._same_content() if first == 0 else None
        if same and not is_container(same.media_type) and (row := self._reuse(same)):
            return self._publish(row, send=not row.status.final)
        items: list[Any] = []
        unpacked: Unpacked | None = None
        with self._processor.files.local(
            self._document.id,
            on_progress=self._publish_fetched,
            on_wait=self._publish_storage_wait,
        ) as path:
            if first == 0 and self._steps[0].path == EXTRACTION_PATH:
                unpacked = self._unpacker.unpack(self._step_document(path))
            if unpacked and unpacked.archive:
                return self._publish(self._complete_archive(unpacked))
            if unpacked and same and (row := self._reuse(same)):
                return self._publish(row, send=not row.status.final)
            for position in range(first, len(self._steps)):
                step = self._steps[position]
                if step.queue != self._steps[first].queue:
                    self._writer.save()
                    name = display_name(step.queue)
                    return self._hand_over(WAITING_MESSAGE.format(name))
                result = self.runner.run(
                    position,
                    items,
                    self._step_document(path),
                    known=unpacked.left_out.facts if unpacked else {},
                    note=self._note,
                )
                items = result.items
                self._counts[step.gives] = len(items)
                self._unchanged = result.unchanged or self._unchanged
                self._note = result.facts.get("note", self._note)
                self._page_unit = self._page_unit_of(step, result)
        summary = self._summary()
        if unpacked and unpacked.note:
            summary = f"{summary}; {unpacked.note}"
        return self._publish(self._writer.complete(summary))

    def _save(self) -> None:
        """Save the results of the steps before one of them was interrupted."""
        self._writer.save()
        self._writer.save_recognised()
        self._writer.save_vectors()

    def _download(self, url: str) -> None:
        """Download a document that was submitted by its URL."""
        span = (0.0, self.runner.spans[0][1] / 10)
        progress = self.runner.progress(0, span=span, verb="Downloading", unit="byte")
        stored = download(
            self._processor.files,
            self._document,
            url,
            settings=self._settings,
            progress=progress,
            on_wait=self._publish_storage_wait,
        )
        self._set_content(stored)

    def _set_content(self, stored: Stored) -> None:
        self._write(self._attempts.set_content, size=stored.size, sha256=stored.sha256)
        self._document = replace(self._document, size=stored.size, sha256=stored.sha256)
        self._writer.set_size(stored.size)

    def _complete_archive(self, unpacked: Unpacked) -> DocumentRow:
        """Complete a document that has members and no text."""
        self._writer.unsaved.append(
            unpacked.finished_step(
                self.runner.first_step,
                started_at=self._document.started_at or now(),
                seconds=self._processor.clock() - self._started,
            )
        )
        return self._writer.complete(f"Completed: {unpacked.note}")

    def _same_content(self) -> DocumentRow | None:
        """A completed document with the same content, whose results can be reused."""
        if not self._skip_existing or not self._document.sha256:
            return None
        reuse = self._processor.store.reuse
        same = reuse.find(
            self._document.sha256, self._fingerprint, name=self._document.name
        )
        return None if same is None or same.id == self._document.id else same

    def _reuse(self, same: DocumentRow) -> DocumentRow | None:
        """Complete the document with the results of another one."""
        reuse = self._processor.store.reuse
        return reuse.copy(
            same.id,
            self._document.id,
            self._document.attempt,
            remaining=self.runner.storing_step if self._storing else None,
        )

    def _step_document(self, path: Path) -> Document:
        """The document, as steps see it."""
        return Document(
            id=self._document.id,
            name=self._document.name,
            path=path,
            size=self._document.size or 0,
            run_id=self._document.run_id,
            case_id=self._document.case_id,
            url=self._document.url,
        )

    def _page_unit_of(self, step: Step, result: StepResult) -> str:
        reads = step.takes is Kind.DOCUMENT and result.unit
        return result.unit if reads else self._page_unit

    def _summary(self) -> str:
        pages = plural(self._counts[Kind.PAGES] or 0, self._page_unit)
        chunks = plural(self._counts[Kind.CHUNKS] or 0, "chunk")
        summary = f"Completed: {pages}, {chunks}"
        if self._unchanged:
            summary = f"{summary}, {self._unchanged} of them unchanged"
        return f"{summary}; {self._note}" if self._note else summary

    def _hand_over(self, message: str) -> Outcome:
        """Leave the next step to a worker that serves its queue."""
        row = self._write(self._attempts.hand_over, message=message)
        self._writer.publish(row.event())
        return Outcome(row, send=True)

    def _hand_back(self) -> Outcome:
        """Leave the running step to another worker: this one stops."""
        # The progress bar must not fall when that worker begins.
        self._write(
            self._attempts.save_progress,
            progress=self._writer.event.progress,
            step=self._step,
            message=HANDED_BACK_MESSAGE,
        )
        return replace(self._hand_over(HANDED_BACK_MESSAGE), interrupted=True)

    def _hand_to_other_disk(self, error: BaseException) -> Outcome:
        """Leave the document to a worker whose disk is not full.

        This does not use up an attempt: there may be room on this disk later, too.
        """
        started = self._document.started_at or now()
        if (now() - started).total_seconds() > STORE_WAIT_SECONDS:
            return self._retry(error)
        host = (self._document.worker or "").rpartition(":")[0]
        message = f"Waiting for room on the disk of {host}"
        self._writer.publish(
            self._writer.event.replace(message=message, timestamp=now())
        )
        self._processor.sleep(MAX_PAUSE)
        try:
            return self._hand_over("Waiting for a worker with room on its disk")
        except Superseded:
            return Outcome(None)

    def _postpone(self, error: ServiceUnavailable) -> Outcome:
        """Leave the document in the queue until a service may be available again.

        This does not use up an attempt, but has a separate limit.
        """
        limit = self._settings.wait_seconds
        wait = self._wait_for(error)
        if not isinstance(error, KnownOutage) and (error.seconds or 0.0) > limit:
            return self._fail(
                f"{error}; it requests a wait of {format_duration(error.seconds)}, "
                f"longer than the limit of {format_duration(limit)} (wait_seconds)"
            )
        if wait.waited >= limit:
            return self._fail(
                f"{error}; it was unavailable for the limit of "
                f"{format_duration(limit)} (wait_seconds)"
            )
        until = datetime.fromtimestamp(wait.until).astimezone()
        row = self._write(
            self._attempts.postpone,
            due_at=min(wait.until, time.time() + MAX_RETRY_DELAY),
            progress=max(self._writer.event.progress, self._document.progress),
            message=f"Waiting for {wait.service} until {until:%H:%M:%S} "
            f"({wait.reason})",
        )
        if row.cancel_requested:
            return self._finish(Status.CANCELLED, "Cancelled")
        return self._publish(row)

    def _wait_for(self, error: ServiceUnavailable) -> Wait:
        if isinstance(error, KnownOutage):
            return error.wait
        return self._processor.outages.record_refusal(
            self.runner.service or "",
            self._document.id,
            self._document.attempt,
            error,
            longest=self._settings.wait_seconds,
        )

    def _retry(self, error: BaseException) -> Outcome:
        """Begin the next attempt after a pause, unless this was the last one."""
        name = self._document.name
        reason = error_message(name, error_reason(error, self._settings))
        tries = self._document.attempt - self._document.first_attempt + 1
        limit = self._settings.max_attempts
        if tries >= limit:
            return self._fail(f"{reason} (after {plural(tries, 'attempt')})")
        delay = min(self._settings.retry_seconds * 2 ** (tries - 1), MAX_RETRY_DELAY)
        row = self._write(
            self._attempts.next_attempt,
            error=reason,
            delay=delay,
            lost=False,
            tries=limit,
        )
        if row is None:
            return Outcome(None)
        return self._publish(row, send=not delay)

    def _fail(self, reason: str) -> Outcome:
        error = error_message(self._document.name, reason)
        return self._finish(Status.FAILED, f"Failed during {self._step}", error=error)

    def _finish(
        self, status: Status, message: str, *, error: str | None = None
    ) -> Outcome:
        try:
            row = self._write(
                self._attempts.finish,
                status=status,
                message=message,
                error=error,
                progress=self._writer.event.progress,
            )
        except Superseded:
            return Outcome(None)
        return self._publish(row)

    def _write(self, method: Callable[..., Any], **values: Any) -> Any:
        """Call a method of the store for this attempt; waits while it is down."""
        document = self._document
        return self._writer.write(
            partial(method, document.id, document.attempt, **values)
        )

    def _publish(self, row: DocumentRow, *, send: bool = False) -> Outcome:
        self._writer.publish_row(row)
        return Outcome(row, send=send)

    def _publish_storage_wait(self) -> None:
        self._writer.publish_message("Waiting for the storage")

    def _publish_fetched(self, done: int, total: int) -> None:
        """Publish how much of a document that is fetched in parts has arrived."""
        if done < total:
            fetched = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"
            self._writer.publish_message(f"Fetching {fetched}")
