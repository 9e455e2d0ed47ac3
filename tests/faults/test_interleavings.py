"""Publish, watch, die and retry in any order: watchers end up with the current state.

Random orders of what workers, reapers, users and watchers do, against a real
server and a real store.  The model says what each of them must be answered;
watchers must show, in the end, what the store holds.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.patience import patient

from docprogress.bus.bus import Bus
from docprogress.bus.keys import lease_key
from docprogress.bus.leases import Lease, Leases
from docprogress.errors import Superseded
from docprogress.events import ProgressEvent, Status, now
from docprogress.progress.fold import Progress
from docprogress.store import FinishedStep, NewDocument, Store

#: The most rules of an example, and how many rules an example has on average at least.
RULES = 100
LEAST = 40

#: Documents of a run, and how many watch it or work on it at a time.
DOCUMENTS = 3
MOST_WATCHERS = 3
MOST_WORKERS = 6

#: Seconds within which every watcher shows what is true.
SECONDS = patient(30)

UNFINISHED = (Status.QUEUED, Status.PROCESSING)
STEP = "extraction"

_numbers = itertools.count(1)

which = st.integers(min_value=0, max_value=11)
ends = st.sampled_from([Status.COMPLETED, Status.FAILED, Status.CANCELLED])


@dataclass
class Document:
    """What the store must hold."""

    id: str
    attempt: int = 1
    status: Status = Status.QUEUED
    cancel_requested: bool = False


@dataclass
class Worker:
    """Who believes to work on a document, rightly or not."""

    document: Document
    attempt: int
    progress: float
    steps: int = 0
    #: The last event that Redis has taken.
    newest: ProgressEvent | None = None

    @property
    def present(self) -> bool:
        """Whether this is the attempt that counts."""
        document = self.document
        return document.attempt == self.attempt and (
            document.status is Status.PROCESSING
        )


class Watcher:
    """Watches the run, and knows only what was delivered."""

    def __init__(self, bus: Bus, store: Store, run_id: str, loop) -> None:
        self._loop = loop
        self._events = bus.subscribe(
            runs=[run_id],
            reconcile=lambda delivered: store.documents.current_events(runs=[run_id]),
        )
        self._newest: dict[str, ProgressEvent] = {}
        self.progress = Progress()

    def shown(self, document_id: str) -> ProgressEvent | None:
        document = self.progress.documents.get(document_id)
        return document and document.event

    def until(self, condition: Callable[[], bool]) -> None:
        """Listen until this is so."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not delivered: {self._newest}"
            self._receive()

    def close(self) -> None:
        self._loop.run_until_complete(self._events.aclose())

    def _receive(self) -> None:
        try:
            event = self._loop.run_until_complete(self._next())
        except TimeoutError:
            return
        before = self._newest.get(event.document_id)
        if before is not None:
            assert event.attempt >= before.attempt, (before, event)
            same = event.attempt == before.attempt
            assert not (same and before.final), (before, event)
        self._newest[event.document_id] = event
        shown = self.shown(event.document_id)
        self.progress.apply(event)
        after = self.shown(event.document_id)
        if shown is not None and shown.attempt == after.attempt:
            assert after.progress >= shown.progress

    async def _next(self) -> ProgressEvent:
        async with asyncio.timeout(1):
            return await anext(self._events)


class Interleavings(RuleBasedStateMachine):
    """A run, whoever works on it, and whoever watches it."""

    #: Rules that were executed, over all examples, and one more for each.
    executed = 0

    def __init__(self, bus: Bus, store: Store, loop) -> None:
        super().__init__()
        self.bus, self.store, self.loop = bus, store, loop
        self.leases = Leases(lambda: bus.redis)
        self.run_id = f"run-{next(_numbers)}"
        store.runs.add(
            run_id=self.run_id,
            case_id=None,
            expected=DOCUMENTS,
            steps=[{"name": STEP}],
            settings={},
            fingerprint="",
        )
        ids = [f"{self.run_id}-{number}" for number in range(DOCUMENTS)]
        store.submissions.add(
            [
                NewDocument(
                    id=document_id,
                    run_id=self.run_id,
                    number=number,
                    name=f"{number}.pdf",
                    step=STEP,
                )
                for number, document_id in enumerate(ids, 1)
            ]
        )
        store.submissions.mark_ready([(document_id, 1, None) for document_id in ids])
        self.documents = [Document(document_id) for document_id in ids]
        self.workers: list[Worker] = []
        self.watchers: list[Watcher] = []
        # Events that are stored but not yet published; published in any order.
        self.unpublished = store.documents.current_events(runs=[self.run_id])
        # What Redis must know: the newest events, and the attempts to cancel.
        self.newest: dict[str, ProgressEvent] = {}
        self.asked: dict[str, int] = {}

    @rule(which=which)
    def claim(self, which: int) -> None:
        """A message is delivered; for the first time, or once more."""
        document = self.documents[which % DOCUMENTS]
        claim = self.store.attempts.claim(document.id, document.attempt, worker="w")

        assert (claim is not None) == (document.status is Status.QUEUED)
        if claim is not None:
            document.status = Status.PROCESSING
            progress = claim.document.progress
            self.workers.append(Worker(document, document.attempt, progress))
            del self.workers[:-MOST_WORKERS]

    @precondition(lambda self: self.workers)
    @rule(which=which, share=st.floats(min_value=0, max_value=1))
    def report(self, which: int, share: float) -> None:
        """A worker publishes its progress, even if it was superseded."""
        worker = self._worker(which)
        worker.progress += (99 - worker.progress) * share
        worker.newest = self._publish(self._stand(worker)) or worker.newest

    @precondition(lambda self: self.workers)
    @rule(which=which)
    def send_heartbeat(self, which: int) -> None:
        """A lease is renewed, and the worker's newest event repeated if it may be."""
        worker = self._worker(which)
        document_id = worker.document.id
        self.bus.redis.set(lease_key(document_id), "owner", px=60_000)
        lease = Lease(
            document_id,
            "owner",
            self.run_id,
            current=lambda: True,
            newest=lambda: worker.newest,
            stop=lambda _: None,
        )
        assert self.leases._send_renewal(lease) == 1

    @precondition(lambda self: self.workers)
    @rule(which=which)
    def finish_step(self, which: int) -> None:
        worker = self._worker(which)
        document = worker.document

        def write() -> bool:
            finished = FinishedStep(
                position=worker.steps,
                step=STEP,
                next_step=STEP,
                started_at=now(),
                seconds=0.0,
                items=0,
                unit="page",
                progress=worker.progress,
            )
            row = self.store.attempts.finish_steps(
                document.id, worker.attempt, [finished]
            )
            return row.cancel_requested

        if worker.present:
            assert write() == document.cancel_requested
            worker.steps += 1
        else:
            with pytest.raises(Superseded):
                write()

    @precondition(lambda self: self.workers)
    @rule(which=which)
    def hand_over(self, which: int) -> None:
        """A worker leaves the rest of its attempt to another queue."""
        worker = self._worker(which)
        document = worker.document

        def write() -> None:
            row = self.store.attempts.hand_over(
                document.id, worker.attempt, message="Waiting"
            )
            self.unpublished.append(row.event())

        if worker.present:
            write()
            document.status = Status.QUEUED
            self.workers.remove(worker)
        else:
            with pytest.raises(Superseded):
                write()

    @precondition(lambda self: self.workers)
    @rule(which=which, end=ends)
    def finish(self, which: int, end: Status) -> None:
        """A worker stores its end, which may be published later or never."""
        worker = self._worker(which)
        if worker.present:
            self._finish(worker.document, end, worker.progress)
        else:
            with pytest.raises(Superseded):
                self._write_end(
                    worker.document.id, worker.attempt, end, worker.progress
                )

    @precondition(lambda self: self.workers)
    @rule(which=which)
    def die(self, which: int) -> None:
        self.workers.remove(self._worker(which))

    @rule(which=which)
    def lose(self, which: int) -> None:
        """Somebody finds that a worker is lost, who may well be alive."""
        document = self.documents[which % DOCUMENTS]
        row = self.store.attempts.next_attempt(
            document.id,
            document.attempt,
            error="its worker was lost",
            delay=0,
            lost=True,
            tries=3,
        )
        assert (row is not None) == (document.status is Status.PROCESSING)
        if row is not None:
            document.status = Status.QUEUED
            document.attempt += 1
            self.unpublished.append(row.event())

    @rule(which=which)
    def cancel(self, which: int) -> None:
        document = self.documents[which % DOCUMENTS]
        ended, asked = self.store.documents.cancel(document_ids=[document.id])

        assert bool(ended) == (document.status is Status.QUEUED)
        assert bool(asked) == (document.status is Status.PROCESSING)
        if ended:
            document.status = Status.CANCELLED
            self.unpublished += [row.event() for row in ended]
        if asked:
            document.cancel_requested = True
            self.bus.request_cancel({document.id: document.attempt})
            self.asked[document.id] = document.attempt

    @rule(which=which, failed_only=st.booleans())
    def retry(self, which: int, failed_only: bool) -> None:
        document = self.documents[which % DOCUMENTS]
        rows = self.store.documents.retry(
            document_ids=[document.id], failed_only=failed_only
        )

        again = document.status in (Status.FAILED, Status.CANCELLED) or (
            document.status is Status.COMPLETED and not failed_only
        )
        assert bool(rows) == again
        if again:
            document.status = Status.QUEUED
            document.attempt += 1
            document.cancel_requested = False
            self.unpublished += [row.event() for row in rows]

    @precondition(lambda self: self.unpublished)
    @rule(which=which)
    def publish(self, which: int) -> None:
        """Publish an event that was stored, in any order."""
        self._publish(self.unpublished.pop(which % len(self.unpublished)))

    @precondition(lambda self: self.unpublished)
    @rule()
    def lose_an_event(self) -> None:
        """Drop an event: the process that stored it died before publishing."""
        self.unpublished.pop()

    @precondition(lambda self: len(self.watchers) < MOST_WATCHERS)
    @rule()
    def watch(self) -> None:
        self.watchers.append(Watcher(self.bus, self.store, self.run_id, self.loop))

    @precondition(lambda self: self.watchers)
    @rule(which=which)
    def look(self, which: int) -> None:
        """A watcher comes to show what Redis knows, or what is newer."""
        watcher = self.watchers[which % len(self.watchers)]
        watcher.until(lambda: all(map(_shown_by(watcher), self.newest.values())))

    @precondition(lambda self: self.watchers)
    @rule(which=which)
    def leave(self, which: int) -> None:
        self.watchers.pop(which % len(self.watchers)).close()

    @rule()
    def disconnect(self) -> None:
        """Every watcher loses its connection."""
        self.bus.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    @rule(restarted=st.booleans())
    def empty(self, restarted: bool) -> None:
        """Redis forgets everything, and perhaps the connections too."""
        self.bus.redis.flushall()
        self.newest.clear()
        self.asked.clear()
        if restarted:
            self.bus.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    @invariant()
    def counted(self) -> None:
        """Called after each rule, and once before the first."""
        type(self).executed += 1

    def teardown(self) -> None:
        try:
            self._end()
        finally:
            for watcher in self.watchers:
                watcher.close()

    def _end(self) -> None:
        """In the end every watcher shows what the store holds, and that stays so."""
        for number, document in enumerate(self.documents):
            if document.status in UNFINISHED:
                self._finish(document, Status.FAILED, 0.0)
                if number % 2:
                    self._publish(self.unpublished.pop())
        self._write_on()
        self.watch()
        self.bus.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        rows = self.store.documents.find(self.run_id)
        held = {row.id: row.event() for row in rows}

        assert [(row.status, row.attempt) for row in rows] == [
            (document.status, document.attempt) for document in self.documents
        ]
        for watcher in self.watchers:
            watcher.until(lambda: _shows(watcher, held))  # noqa: B023 - called at once
        self._write_on()
        mark = f"{self.run_id}-mark"
        self.bus.publish(_event(mark, 1, 1.0, run_id=self.run_id))
        for watcher in self.watchers:
            watcher.until(lambda: watcher.shown(mark) is not None)  # noqa: B023
            assert _shows(watcher, held)

    def _worker(self, which: int) -> Worker:
        return self.workers[which % len(self.workers)]

    def _stand(self, worker: Worker) -> ProgressEvent:
        return _event(
            worker.document.id, worker.attempt, worker.progress, run_id=self.run_id
        )

    def _publish(self, event: ProgressEvent) -> ProgressEvent | None:
        """Publish, and see that Redis refuses exactly what is over."""
        known = self.newest.get(event.document_id)
        over = known is not None and (event.attempt, True) <= (
            known.attempt,
            known.final,
        )
        if over or (known is not None and event.attempt < known.attempt):
            with pytest.raises(Superseded):
                self.bus.publish(event)
            return None
        published = self.bus.publish(event)
        self.newest[event.document_id] = published.event
        asked = self.asked.get(event.document_id)
        assert published.cancelled == (asked == event.attempt)
        return published.event

    def _finish(self, document: Document, end: Status, progress: float) -> None:
        row = self._write_end(document.id, document.attempt, end, progress)
        document.status = end
        self.unpublished.append(row.event())

    def _write_end(self, document_id: str, attempt: int, end: Status, progress: float):
        return self.store.attempts.finish(
            document_id,
            attempt,
            end,
            message=f"It is {end}",
            error="0.pdf: it is damaged" if end is Status.FAILED else None,
            progress=progress,
        )

    def _write_on(self) -> None:
        """Have every worker there ever was publish its progress once more."""
        for worker in self.workers:
            self._publish(self._stand(worker))


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'store.db'}").open()
    yield store
    store.close()


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.mark.parametrize("examples", [40, pytest.param(250, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)  # a minute, on a machine that has nothing else to do
def test_every_interleaving_ends_with_all_subscribers_up_to_date(
    bus, store, loop, examples
):
    Interleavings.executed = 0

    run_state_machine_as_test(
        lambda: Interleavings(bus, store, loop),
        settings=settings(max_examples=examples, stateful_step_count=RULES),
    )

    assert Interleavings.executed >= (LEAST + 1) * examples


def _event(
    document_id: str, attempt: int, progress: float, *, run_id: str
) -> ProgressEvent:
    return ProgressEvent(
        document_id=document_id,
        status=Status.PROCESSING,
        step=STEP,
        progress=progress,
        message="Extracting",
        timestamp=now(),
        run_id=run_id,
        attempt=attempt,
    )


def _shown_by(watcher: Watcher) -> Callable[[ProgressEvent], bool]:
    """Whether the watcher shows an event, or what came after it."""

    def shown(event: ProgressEvent) -> bool:
        found = watcher.shown(event.document_id)
        return found is not None and _age(found) >= _age(event)

    return shown


def _age(event: ProgressEvent) -> tuple[int, bool, object]:
    return event.attempt or 0, event.final, event.timestamp


def _shows(watcher: Watcher, held: dict[str, ProgressEvent]) -> bool:
    """Whether a watcher shows what the store holds; it may have seen more progress."""
    found = {document_id: watcher.shown(document_id) for document_id in held}
    return all(
        shown is not None
        and shown.status is held[document_id].status
        and shown.progress >= held[document_id].progress
        and shown.replace(progress=held[document_id].progress) == held[document_id]
        for document_id, shown in found.items()
    )
