"""Where a view's documents come from: one run, or a list of documents.

A source reads the data of a view, and performs its actions. It draws and sends nothing.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from docprogress.bus.bus import Bus
from docprogress.bus.subscription import Subscription
from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.errors import BusError, DocumentNotFound
from docprogress.events import ProgressEvent, Status
from docprogress.notebook.progress.expressions import (
    attach_expression,
    watch_expression,
)
from docprogress.steps.planning import stored_plan_spans
from docprogress.store import DocumentRow, StepTiming, Store

#: Documents that are loaded completely; of more, only the first of each status are.
MANY = 1000
FIRST = 200


class Source(Protocol):
    """Documents to show.

    Its methods may wait for Redis or the store, so they are called off the event loop.
    """

    @property
    def key(self) -> Hashable:
        """Equal for sources that can share one subscription."""

    @property
    def title(self) -> str:
        """The headline."""

    @property
    def changes(self) -> str:
        """The changes of a sync, for the line above the documents, if any."""

    @property
    def run(self) -> Run | None:
        """The run; None for a list of documents."""

    @property
    def expected(self) -> int:
        """The number of documents."""

    def refresh_expected(self) -> int:
        """Read that number again: documents may have been found in others.

        Raises:
            StoreError: The store cannot be reached.
        """

    @property
    def names(self) -> Mapping[str, str | None]:
        """Documents that have a row before their first event, with their names."""

    @property
    def attempts(self) -> int | None:
        """The maximum number of attempts at a document; None if unknown."""

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The part of a document's progress, in percent, that each step takes."""

    @property
    def actions(self) -> bool:
        """Whether its documents can be cancelled and retried."""

    @property
    def attach(self) -> str:
        """The expression that shows its documents in another notebook."""

    def initial_state(self) -> tuple[dict[Status, int] | None, list[ProgressEvent]]:
        """The current events; of many documents only some, with counts by status.

        Raises:
            StoreError: The store cannot be reached.
        """

    def newest(self, document_ids: Sequence[str]) -> list[ProgressEvent]:
        """The newest events of these documents that Redis has.

        Raises:
            BusError: Redis cannot be reached.
        """

    def counts(self) -> dict[Status, int]:
        """The number of documents by status; empty if all of them were loaded.

        Raises:
            StoreError: The store cannot be reached.
        """

    def index_of(self, document_id: str) -> int | None:
        """The index of a document, from 0; None if unknown."""

    @property
    def queue_reason(self) -> str | None:
        """Why no document is processed; None if one is, or that is unknown."""

    def subscribe(self) -> Subscription:
        """Subscribe to its documents."""

    def document(self, document_id: str) -> DocumentRow | None:
        """A document as the store has it."""

    def documents(self, document_ids: Sequence[str]) -> list[DocumentRow]:
        """Those of these documents that the store has.

        Raises:
            StoreError: The store cannot be reached.
        """

    def timings(self, document: DocumentRow) -> list[StepTiming]:
        """The durations of the document's finished steps."""

    def history(self, document_id: str) -> list[ProgressEvent]:
        """The events of a document that Redis still has, oldest first."""

    def cancel(self, document_ids: Sequence[str] | None) -> int:
        """Cancel these documents, or all; return how many."""

    def retry(self, document_ids: Sequence[str] | None) -> int:
        """Retry these documents, or all that failed; return how many."""

    def close(self) -> None:
        """Close its connections."""


class RunSource:
    """All documents of one run.

    Args:
        run: The run.
        owned: Whether its pipeline is closed with it.
    """

    def __init__(self, run: Run, *, owned: bool = False) -> None:
        self.run = run
        self.key = (
            run.connections.redis_url,
            run.connections.settings.database,
            run.id,
        )
        self.title = f"run {run.id}"
        self.changes = "" if run.changes is None else str(run.changes)
        self.expected = run.expected  # as of now: see `refresh_expected`
        self.names: dict[str, str | None] = {}
        self.attempts: int | None = run.record.settings.get("max_attempts")
        self.steps = _step_segments(run.record.steps)
        self.actions = True
        self.attach = attach_expression(run.id, run.connections.settings)
        self.queue_reason: str | None = None
        self._owned = owned
        # Not the pipeline's bus, which would start local services to read the history.
        self._bus = Bus(run.connections.redis_url)

    def refresh_expected(self) -> int:
        self.expected = self.run.expected
        return self.expected

    def initial_state(self) -> tuple[dict[Status, int] | None, list[ProgressEvent]]:
        store, run_id = self.run.connections.store, self.run.id
        if self.expected <= MANY:
            return None, store.documents.current_events(runs=[run_id])
        first = {row.id: row for row in store.documents.find(run_id, limit=FIRST)}
        for status in (Status.FAILED, Status.CANCELLED, Status.PROCESSING):
            found = store.documents.find(run_id, status=status, limit=FIRST)
            first |= {row.id: row for row in found}
        return store.documents.counts(run_id), [row.event() for row in first.values()]

    def newest(self, document_ids: Sequence[str]) -> list[ProgressEvent]:
        return list(self._bus.newest(document_ids).values())

    def counts(self) -> dict[Status, int]:
        try:
            counts = self._bus.counts(self.run.id)
        except BusError:
            counts = {}
        # Redis may have been emptied, and then counts only what was published since.
        whole = sum(counts.values()) >= self.refresh_expected()
        return (
            counts
            if whole
            else self.run.connections.store.documents.counts(self.run.id)
        )

    def index_of(self, document_id: str) -> int | None:
        begin, _, number = document_id.rpartition("-")
        if begin != self.run.id or not (number.isascii() and number.isdigit()):
            return None
        return int(number) - 1 if 1 <= int(number) <= self.expected else None

    def subscribe(self) -> Subscription:
        return self.run.subscribe(on_queue_reason=self._set_queue_reason)

    def _set_queue_reason(self, reason: str | None) -> None:
        self.queue_reason = reason

    def document(self, document_id: str) -> DocumentRow | None:
        return _document(self.run.connections.store, document_id)

    def documents(self, document_ids: Sequence[str]) -> list[DocumentRow]:
        return self.run.connections.store.documents.find(ids=document_ids)

    def timings(self, document: DocumentRow) -> list[StepTiming]:
        return _timings(self.run.connections.store, document)

    def history(self, document_id: str) -> list[ProgressEvent]:
        return self._bus.history(document_id)

    def cancel(self, document_ids: Sequence[str] | None) -> int:
        return self.run.cancel(document_ids)

    def retry(self, document_ids: Sequence[str] | None) -> int:
        return self.run.retry(document_ids=document_ids)

    def close(self) -> None:
        self._bus.close()
        if self._owned:
            self.run.connections.close()


class DocumentsSource:
    """A list of documents, whichever program publishes their events.

    Args:
        document_ids: Their ids, in the order in which they are shown.
        names: Display names, for documents without events.
        redis_url: Where they are published.
        pipeline: Whose store may know more of them.
        owned: Whether the pipeline is closed with them.

    Raises:
        BusError: The URL cannot be used.
    """

    run = None
    queue_reason: str | None = None
    attempts: int | None = None

    def __init__(
        self,
        document_ids: Iterable[str],
        *,
        names: Mapping[str, str],
        redis_url: str,
        pipeline: Pipeline | None,
        owned: bool,
    ) -> None:
        self.names: dict[str, str | None] = {
            document_id: names.get(document_id) for document_id in document_ids
        }
        ids = tuple(self.names)
        self._pipeline = pipeline
        self._owned = owned
        self._bus = Bus(redis_url)
        self._bus.redis  # noqa: B018 - raises if the URL is invalid
        database = None if pipeline is None else pipeline.settings.database
        self.key = (redis_url, database, ids)
        self.title = ids[0] if len(ids) == 1 else f"{len(ids):,} documents"
        self.changes = ""
        self.expected = len(ids)
        self.steps: list[dict[str, Any]] = []
        rows = [] if pipeline is None else pipeline.store.documents.find(ids=ids)
        self._runs = {row.id: row.run_id for row in rows}
        self.actions = len(self._runs) == len(ids)
        self.attach = watch_expression(ids, default=owned and pipeline is not None)

    def refresh_expected(self) -> int:
        return self.expected

    def initial_state(self) -> tuple[dict[Status, int] | None, list[ProgressEvent]]:
        # The subscription delivers what is in Redis.
        return None, self._reconcile({})

    def newest(self, document_ids: Sequence[str]) -> list[ProgressEvent]:
        return list(self._bus.newest(document_ids).values())

    def counts(self) -> dict[Status, int]:
        return {}

    def index_of(self, document_id: str) -> int | None:  # noqa: ARG002 - each has a row
        return None

    def subscribe(self) -> Subscription:
        reconcile = self._reconcile if self._pipeline is not None else None
        return self._bus.subscribe(self.names, reconcile=reconcile)

    def document(self, document_id: str) -> DocumentRow | None:
        if self._pipeline is None:
            return None
        return _document(self._pipeline.store, document_id)

    def documents(self, document_ids: Sequence[str]) -> list[DocumentRow]:
        if self._pipeline is None:
            return []
        return self._pipeline.store.documents.find(ids=document_ids)

    def timings(self, document: DocumentRow) -> list[StepTiming]:
        assert self._pipeline is not None, "only a store has stored documents"
        return _timings(self._pipeline.store, document)

    def history(self, document_id: str) -> list[ProgressEvent]:
        return self._bus.history(document_id)

    def cancel(self, document_ids: Sequence[str] | None) -> int:
        return sum(run.cancel(ids) for run, ids in self._by_run(document_ids))

    def retry(self, document_ids: Sequence[str] | None) -> int:
        return sum(
            run.retry(document_ids=ids) for run, ids in self._by_run(document_ids)
        )

    def close(self) -> None:
        self._bus.close()
        if self._pipeline is not None and self._owned:
            self._pipeline.close()

    def _reconcile(self, _: Mapping[str, ProgressEvent]) -> list[ProgressEvent]:
        if self._pipeline is None:
            return []
        return self._pipeline.store.documents.current_events(documents=list(self.names))

    def _by_run(
        self, document_ids: Sequence[str] | None
    ) -> list[tuple[Run, list[str]]]:
        pipeline = self._pipeline
        assert pipeline is not None, "there are no actions without a store"
        ids_of: dict[str, list[str]] = {}
        for document_id in self.names if document_ids is None else document_ids:
            ids_of.setdefault(self._runs[document_id], []).append(document_id)
        return [
            (Run(pipeline.connections, pipeline.store.runs.get(run_id)), ids)
            for run_id, ids in ids_of.items()
        ]


def _step_segments(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # Workers compute a document's progress from the same spans.
    return [
        {"name": name, "from": begin, "to": end}
        for name, (begin, end) in stored_plan_spans(steps).items()
    ]


def _document(store: Store, document_id: str) -> DocumentRow | None:
    try:
        return store.documents.get(document_id)
    except DocumentNotFound:
        return None


def _timings(store: Store, document: DocumentRow) -> list[StepTiming]:
    found = store.results.timings(document.run_id)
    return [timing for timing in found if timing.document_id == document.id]
