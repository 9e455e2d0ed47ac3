"""What a view is about: one run, or documents that were named.

Here a view finds out what it shows and does what its buttons ask for.  Nothing
here draws, counts or sends.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from docprogress.bus.bus import Bus
from docprogress.bus.subscription import Subscription
from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.errors import BusError, DocumentNotFound
from docprogress.events import ProgressEvent, Status
from docprogress.steps.planning import stored_plan_spans
from docprogress.store import DocumentRow, StepTiming, Store

#: How many documents are more than can be told at once, and how many of each kind
#: are told then.
MANY = 1000
FIRST = 200


class Source(Protocol):
    """What a view is about.

    Its methods may wait for Redis or the store, so they are called off the loop.
    """

    @property
    def key(self) -> Hashable:
        """The same for whatever can share one subscription."""

    @property
    def title(self) -> str:
        """What it is called."""

    @property
    def run(self) -> Run | None:
        """The run; None for documents that were named."""

    @property
    def expected(self) -> int:
        """How many documents there will be."""

    @property
    def names(self) -> Mapping[str, str | None]:
        """The documents that have a row before anything is heard of them."""

    @property
    def attempts(self) -> int | None:
        """How often a document is tried; None if nobody knows."""

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The percent of a document's progress that each step takes, in order."""

    @property
    def actions(self) -> bool:
        """Whether its documents can be cancelled and tried again from here."""

    def initial_state(self) -> tuple[dict[Status, int] | None, list[ProgressEvent]]:
        """Where its documents stand now; of many only some, with how many of each kind.

        Raises:
            StoreError: The store cannot be asked.
        """

    def counts(self) -> dict[Status, int]:
        """How many of its documents have each status, where only some were told.

        Raises:
            StoreError: The store cannot be asked.
        """

    def index_of(self, document_id: str) -> int | None:
        """A document's place among all of them, from 0; None if nobody knows."""

    def subscribe(self) -> Subscription:
        """The present and the future of its documents."""

    def document(self, document_id: str) -> DocumentRow | None:
        """What the store knows of one of its documents."""

    def timings(self, document: DocumentRow) -> list[StepTiming]:
        """What the document's finished steps have taken."""

    def history(self, document_id: str) -> list[ProgressEvent]:
        """What Redis remembers of one of its documents, oldest first."""

    def cancel(self, document_ids: Sequence[str] | None) -> int:
        """Cancel these documents, or all; how many that is."""

    def retry(self, document_ids: Sequence[str] | None) -> int:
        """Try these documents again, or all that failed; how many that is."""

    def close(self) -> None:
        """Give back what was opened for it."""


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
        self.expected = run.expected
        self.names: dict[str, str | None] = {}
        self.attempts: int | None = run.record.settings.get("max_attempts")
        self.steps = _step_segments(run.record.steps)
        self.actions = True
        self._owned = owned
        # Not the pipeline's: nothing is started again only to look back.
        self._bus = Bus(run.connections.redis_url)

    def initial_state(self) -> tuple[dict[Status, int] | None, list[ProgressEvent]]:
        store, run_id = self.run.connections.store, self.run.id
        if self.expected <= MANY:
            return None, store.documents.current_events(runs=[run_id])
        first = {row.id: row for row in store.documents.find(run_id, limit=FIRST)}
        for status in (Status.FAILED, Status.CANCELLED, Status.PROCESSING):
            found = store.documents.find(run_id, status=status, limit=FIRST)
            first |= {row.id: row for row in found}
        return store.documents.counts(run_id), [row.event() for row in first.values()]

    def counts(self) -> dict[Status, int]:
        try:
            counts = self._bus.counts(self.run.id)
        except BusError:
            counts = {}
        # Redis knows of what was told since it was empty last: perhaps not of all.
        whole = sum(counts.values()) >= self.expected
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
        return self.run.subscribe()

    def document(self, document_id: str) -> DocumentRow | None:
        return _document(self.run.connections.store, document_id)

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
    """Documents that were named, whoever publishes what happens to them.

    Args:
        document_ids: Their ids, in the order in which they are shown.
        names: What they are called where no event says so.
        redis_url: Where they are published.
        pipeline: Whose store may know more of them.
        owned: Whether the pipeline is closed with them.

    Raises:
        BusError: The URL cannot be used.
    """

    run = None
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
        self._bus.redis  # noqa: B018 - complains of a URL that cannot be used
        database = None if pipeline is None else pipeline.settings.database
        self.key = (redis_url, database, ids)
        self.title = ids[0] if len(ids) == 1 else f"{len(ids):,} documents"
        self.expected = len(ids)
        self.steps: list[dict[str, Any]] = []
        rows = [] if pipeline is None else pipeline.store.documents.find(ids=ids)
        self._runs = {row.id: row.run_id for row in rows}
        self.actions = len(self._runs) == len(ids)

    def initial_state(self) -> tuple[dict[Status, int] | None, list[ProgressEvent]]:
        # What is in Redis is told in good time by the subscription.
        return None, self._reconcile({})

    def counts(self) -> dict[Status, int]:
        raise NotImplementedError("all documents that were named are told at once")

    def index_of(self, document_id: str) -> int | None:  # noqa: ARG002 - each has a row
        return None

    def subscribe(self) -> Subscription:
        truth = self._reconcile if self._pipeline is not None else None
        return self._bus.subscribe(self.names, reconcile=truth)

    def document(self, document_id: str) -> DocumentRow | None:
        if self._pipeline is None:
            return None
        return _document(self._pipeline.store, document_id)

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
    # Where a step's share lies is decided where progress is made of it.
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
