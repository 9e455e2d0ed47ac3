"""Submit a run: store its documents, publish their state, and send them to workers."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

from redis.exceptions import RedisError

from docprogress.bus.keys import SUBMITTING_SECONDS, submitting_key
from docprogress.client.connections import Connections
from docprogress.documents import document_id
from docprogress.errors import (
    DocProgressError,
    DocumentError,
    StoreUnavailable,
    Superseded,
    TransientError,
)
from docprogress.events import Status, now
from docprogress.settings import redacted
from docprogress.steps.containers import is_container
from docprogress.storage import Source
from docprogress.store import DocumentRow, NewDocument, RunRow
from docprogress.store.statements import batches

log = logging.getLogger(__name__)

#: Documents that are stored and sent together: few at first, so that workers can start,
#: and more as they have more to do.
FIRST_BATCH = 8
BATCH = 50

#: Documents that are added to the store in one transaction.
ADDED_TOGETHER = 500

#: Seconds after which documents are sent, however few they are.
FLUSH_SECONDS = 0.1


class Sources(Protocol):
    """Sources of documents, which are iterated over more than once."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Source]: ...


class Submission:
    """Stores the documents of a run and sends them to the workers in batches.

    Args:
        connections: Where the run is.
        run: The run, without documents yet.
        sources: The documents.
        cancel: Cancels the run if the submission fails.
        on_progress: Called with how many documents are stored, out of how many.
    """

    def __init__(
        self,
        connections: Connections,
        run: RunRow,
        sources: Sources,
        *,
        cancel: Callable[[], object],
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._connections = connections
        self._store = connections.store
        self._run = run
        self._sources = sources
        self._cancel = cancel
        self._on_progress = on_progress
        self._ready: list[tuple[str, int | None, str | None]] = []
        self._due = time.monotonic() + FLUSH_SECONDS

    def submit(self) -> None:
        """Store and send all documents.

        If anything is raised the run is cancelled: the caller gets no handle on it.
        """
        try:
            with self._keep_alive():
                self._add()
                self._upload()
            self._mark_unserved()
        except BaseException as error:
            self._abandon(error)
            raise

    def _mark_unserved(self) -> None:
        """State that no worker is running, if so; the run has started in any case."""
        try:
            self._connections.mark_unserved(self._run.id)
        except Exception:
            log.exception("cannot tell whether a worker serves run %s", self._run.id)

    def _abandon(self, error: BaseException) -> None:
        """Cancel the run, giving the reason for what was not submitted."""
        reason = "the submission was interrupted"
        if isinstance(error, Exception):
            text = redacted(str(error)) or type(error).__name__
            reason = f"the submission failed: {text:.300}"
        run_id = self._run.id
        try:
            while rows := self._store.submissions.abandon(run_id, reason):
                self._connections.publish_states(rows)
            self._cancel()
        except DocProgressError as failed:
            log.warning(
                "run %s could not be cancelled, a worker will end it in a moment: %s",
                run_id,
                redacted(str(failed)),
            )

    def _add(self) -> None:
        """Add all documents to the store."""
        for documents in batches(self._new_documents(), ADDED_TOGETHER):
            self._store.submissions.add(documents)

    def _new_documents(self) -> Iterator[NewDocument]:
        """All documents; they are added before the first is stored, so none is lost."""
        run, first = self._run, self._run.steps[0]["name"]
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
        files, limit = self._connections.files, self._connections.settings.max_bytes
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
                        on_wait=partial(self._show_waiting, name),
                    )
                except (DocumentError, TransientError, OSError) as error:
                    self._fail(name, source, error)
                else:
                    self._ready.append((name, stored.size, stored.sha256))
            full = len(self._ready) >= min(max(FIRST_BATCH, number // 2), BATCH)
            if full or number == total or time.monotonic() >= self._due:
                self._flush(coming=total - number)
            self._on_progress(number, total)

    def _flush(self, *, coming: int) -> None:
        """Update the store first, then watchers, then workers."""
        ready, self._ready = self._ready, []
        if ready:
            self._store.submissions.mark_ready(ready)
            rows = self._store.documents.find(ids=[name for name, *_ in ready])
            rows = [self._reuse(row) or row for row in rows]
            self._connections.publish_states(rows)
            first = len(self._sources) - coming - len(ready) + 1
            # Some may have been cancelled in the meantime.
            waiting = [row for row in rows if row.status is Status.QUEUED]
            self._connections.send_tasks(waiting, first=first, coming=coming)
        self._due = time.monotonic() + FLUSH_SECONDS

    def _reuse(self, row: DocumentRow) -> DocumentRow | None:
        """The document, completed, if the store has results for the same content."""
        settings = self._run.settings
        # A worker stores it in the sink.
        if not settings["skip_existing"] or "sink" in settings or row.sha256 is None:
            return None
        same = self._store.reuse.find(row.sha256, self._run.fingerprint, name=row.name)
        if (
            same is None
            # Its members are found by a worker.
            or is_container(same.media_type)
            or self._store.attempts.claim(row.id, row.attempt, worker="") is None
        ):
            return None
        done = self._store.reuse.copy(same.id, row.id, row.attempt)
        if done is None:
            # Its results were deleted or replaced in the meantime: process this one.
            with suppress(Superseded):
                self._store.attempts.hand_over(row.id, row.attempt, message="Queued")
        return done

    def _show_waiting(self, name: str) -> None:
        """Show that a document waits for the storage."""
        with suppress(StoreUnavailable):
            row = self._store.documents.get(name)
            waits = replace(row, message="Waiting for the storage", updated_at=now())
            self._connections.publish_states([waits])

    def _fail(self, name: str, source: Source, error: BaseException) -> None:
        text = getattr(error, "strerror", None) or redacted(str(error))
        reason = (
            text if text.startswith(f"{source.name}:") else f"{source.name}: {text}"
        )
        message = "Could not be stored"
        # Unless it was cancelled in the meantime.
        with suppress(Superseded):
            row = self._store.attempts.finish(
                name, 1, Status.FAILED, message=message, error=reason
            )
            self._connections.publish_states([row])

    @contextmanager
    def _keep_alive(self) -> Iterator[None]:
        """Maintain the key that shows that the run is still being submitted."""
        key = submitting_key(self._run.id)
        client = self._connections.bus.redis
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(SUBMITTING_SECONDS / 3):
                try:
                    client.set(key, 1, ex=SUBMITTING_SECONDS)
                except (RedisError, OSError):
                    pass  # the next one may get through
                except Exception:
                    log.exception("a heartbeat of the submission could not be sent")

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
