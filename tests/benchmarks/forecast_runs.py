"""Plays simulated runs, and shows their events to the fold of a real view.

Documents are read page by page, recognised, chunked and embedded by workers that fetch
them in order; the events are those of real workers, and the clock is simulated.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from docprogress.events import ProgressEvent, Status
from docprogress.progress.fold import Progress

#: The seconds between two events of a document.
EVENT_SECONDS = 0.5

#: Seconds between two signs of life of a document, unless events are few.
HEARTBEAT_SECONDS = 10.0

#: Seconds until the document of a dead worker is queued again.
RECOVERY_SECONDS = 12.0

STEPS = {"extraction": (0.0, 70.0), "chunking": (70.0, 75.0), "embedding": (75.0, 100)}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

#: What events say: all that those of workers do, a percentage alone, or steps alone.
EVENTS = ("full", "percentage", "steps")


@dataclass
class Doc:
    """A document, and what it takes."""

    name: str
    pages: int
    scanned: int = 0
    bytes_per_page: float = 40_000.0
    sized: bool = True
    speed: float = 1.0
    #: At which share of its work its first attempt is interrupted, and whether it fails.
    fails_at: float | None = None
    fails: bool = False

    @property
    def size(self) -> int:
        return max(round(self.pages * self.bytes_per_page), 200)


@dataclass
class Speeds:
    """Seconds of a machine, for a document and a page; and how much pages differ."""

    each: float
    page: float
    scan: float
    embedding: float
    noise: float = 0.4


@dataclass
class Run:
    """A simulated run."""

    docs: list[Doc]
    #: How much longer each worker takes than others.
    workers: list[float]
    speeds: Speeds
    #: When workers arrive after the start, when they die, and when they leave.
    joins: list[float] = field(default_factory=list)
    deaths: list[float] = field(default_factory=list)
    leaves: list[float] = field(default_factory=list)
    begins: float = 0.0
    #: How many documents the embedder serves at once without becoming slower.
    embedders: float = 1e9
    #: When the embedder refuses documents: from when, and for how many seconds.
    refusals: list[tuple[float, float]] = field(default_factory=list)
    #: The workers' slowness at a moment, which changes slowly.
    drift: Callable[[float], float] = lambda _: 1.0
    events: str = "full"
    planned: bool = True


@dataclass
class _Held:
    worker: int
    epoch: int
    step: str = ""


class Simulation:
    """Plays a run.

    Args:
        run: The run.
        seed: Of what happens by chance: the same seed gives the same run.
        shown: Whether its events are folded.
    """

    def __init__(self, run: Run, seed: object, *, shown: bool = True) -> None:
        self.run = run
        self.chance = random.Random(f"play {seed}")
        self.seconds = 1000.0
        self.progress = Progress(
            expected=len(run.docs),
            steps=STEPS if run.planned else {},
            clock=lambda: self.seconds,
            now=lambda: NOON + timedelta(seconds=self.seconds),
        )
        self._shown = shown
        self._order = 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._waiting = list(range(len(run.docs)))[::-1]
        self._attempts = [1] * len(run.docs)
        self._begins_at = [0] * len(run.docs)
        self._unfinished = len(run.docs)
        self._free: list[int] = []
        self._leaving: set[int] = set()
        self._running: dict[int, _Held] = {}
        self._epoch = [0] * len(run.docs)
        self._embedding = 0
        self._plans: list[list[tuple[float, dict[str, object]]]] = []
        self.work = self.done = 0.0

    def play(self) -> Iterator[tuple[float, float]]:
        """Yield the time and the share of the work, whenever something happens."""
        run = self.run
        self._plans = [self._plan(doc) for doc in run.docs]
        self.work = sum(plan[-1][0] for plan in self._plans)
        for number in range(len(self._plans)):
            self._publish(number, Status.QUEUED, progress=0.0)
        self.began = start = self.seconds + run.begins
        count = len(run.workers) - len(run.joins)
        for worker in range(len(run.workers)):
            at = start if worker < count else start + run.joins[worker - count]
            self._at(at, lambda worker=worker: self._arrive(worker))
        for at in run.deaths:
            self._at(start + at, self._kill)
        for at in run.leaves:
            self._at(start + at, self._leave)
        if run.events != "percentage":
            self._at(start, self._beat)
        while self._heap and self._unfinished:
            self.seconds, _, act = heapq.heappop(self._heap)
            act()
            yield self.seconds, self.done / self.work

    def _at(self, when: float, act: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._heap, (when, self._order, act))

    def _arrive(self, worker: int) -> None:
        if worker in self._leaving:
            self._leaving.discard(worker)
            return
        self._free.append(worker)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._free and self._waiting:
            worker, number = self._free.pop(0), self._waiting.pop()
            self._running[number] = _Held(worker, self._epoch[number])
            position = self._begins_at[number]
            self._step(number, position, self._epoch[number])

    def _beat(self) -> None:
        for number in self._running:
            if self._shown:
                known = self.progress.documents[f"run-{number:05}"].event
                moment = NOON + timedelta(seconds=self.seconds)
                self.progress.apply(known.replace(timestamp=moment, heartbeat=True))
        self._at(self.seconds + HEARTBEAT_SECONDS, self._beat)

    def _refused_until(self) -> float | None:
        for begin, seconds in self.run.refusals:
            if self.began + begin <= self.seconds < self.began + begin + seconds:
                return self.began + begin + seconds
        return None

    def _step(self, number: int, position: int, epoch: int) -> None:
        """Publish what a document has done, and plan its next event."""
        if self._epoch[number] != epoch:
            return
        plan, doc, held = (
            self._plans[number],
            self.run.docs[number],
            self._running[number],
        )
        total = plan[-1][0]
        reached = plan[position - 1][0] if position else 0.0
        if position > self._begins_at[number]:
            self.done += reached - (plan[position - 2][0] if position > 1 else 0.0)
        first = self._attempts[number] == 1
        if first and doc.fails_at is not None and reached > doc.fails_at * total:
            if doc.fails:
                self._end(number, Status.FAILED, plan[position - 1][1])
            else:
                self._again(number, delay=5.0)
            return
        if position == len(plan):
            self._end(number, Status.COMPLETED, {"progress": 100, "step": "embedding"})
            return
        end, fields = plan[position]
        step = str(fields.get("step", "extraction"))
        if step == "embedding" and self._has_to_wait(number, position):
            return
        if step != held.step:
            self._embedding += (step == "embedding") - (held.step == "embedding")
            held.step = step
        if (
            position == 0
            or fields != plan[position - 1][1]
            or position == self._begins_at[number]
        ):
            self._publish(number, Status.PROCESSING, **fields)
        seconds = (end - reached) * self.run.workers[held.worker]
        seconds *= self.run.drift(self.seconds - self.began)
        if step == "embedding":
            seconds *= max(self._embedding / self.run.embedders, 1.0)
        self._at(
            self.seconds + seconds, lambda: self._step(number, position + 1, epoch)
        )

    def _has_to_wait(self, number: int, position: int) -> bool:
        """Whether the embedder refuses a document, which continues here later."""
        until = self._refused_until()
        if until is None:
            return False
        self._begins_at[number] = position
        delay = until - self.seconds + 0.05 * len(self._running)
        self._again(number, delay=delay, wait=until)
        return True

    def _release(self, number: int) -> int:
        held = self._running.pop(number)
        self._embedding -= held.step == "embedding"
        self._epoch[number] += 1
        return held.worker

    def _end(self, number: int, status: Status, fields: dict[str, object]) -> None:
        doc, worker = self.run.docs[number], self._release(number)
        self._unfinished -= 1
        if status is Status.COMPLETED:
            fields = fields | {"work": doc.pages, "ocr_pages": doc.scanned or None}
        else:
            self.done += self._plans[number][-1][0] * (1 - (doc.fails_at or 0.0))
        self._publish(number, status, **fields)
        self._at(self.seconds + 0.02, lambda: self._arrive(worker))

    def _again(
        self,
        number: int,
        delay: float,
        *,
        worker_lives: bool = True,
        wait: float | None = None,
    ) -> None:
        """Begin the next attempt at a document, or continue it once a wait is over."""
        worker = self._release(number)
        fields: dict[str, object] = {"progress": 0.0, "message": "Trying again"}
        if wait is None:
            self._attempts[number] += 1
            self._begins_at[number] = 0
        else:
            until = NOON + timedelta(seconds=wait)
            fields |= {
                "progress": STEPS["embedding"][0],
                "step": "embedding",
                "message": f"Waiting for the embedder until {until:%H:%M:%S}",
                "waiting_until": until.isoformat(),
            }
        if worker_lives:
            self._publish(number, Status.QUEUED, **fields)
            self._at(self.seconds + 0.02, lambda: self._arrive(worker))

        def send() -> None:
            if not worker_lives or wait is not None:
                message = {"message": "Queued", "waiting_until": None}
                self._publish(number, Status.QUEUED, **fields | message)
            self._waiting.append(number)
            self._dispatch()

        self._at(self.seconds + delay, send)

    def _kill(self) -> None:
        if self._running and len(self._running) + len(self._free) > 1:
            number = self.chance.choice(list(self._running))
            self._again(number, delay=RECOVERY_SECONDS, worker_lives=False)

    def _leave(self) -> None:
        """Have a worker end with its document."""
        if len(self._running) + len(self._free) - len(self._leaving) > 1:
            if self._free:
                self._free.pop()
            else:
                held = [each.worker for each in self._running.values()]
                staying = [each for each in held if each not in self._leaving]
                self._leaving.add(self.chance.choice(staying))

    def _publish(self, number: int, status: Status, **fields: object) -> None:
        if not self._shown:
            return
        doc, events = self.run.docs[number], self.run.events
        known: dict[str, object] = {
            "document_id": f"run-{number:05}",
            "step": "extraction",
            "message": "",
            "timestamp": NOON + timedelta(seconds=self.seconds),
            "attempt": self._attempts[number],
            "name": doc.name,
        }
        if doc.sized:
            known["size"] = doc.size
        known |= fields
        if events != "full":
            for name in ("current", "total", "unit", "ocr_current", "ocr_total"):
                known.pop(name, None)
            for name in ("work", "ocr_pages"):
                known.pop(name, None)
        if events == "steps" and status is Status.PROCESSING:
            known["progress"] = STEPS[str(known["step"])][0]
        self.progress.apply(ProgressEvent(status=status, **known))

    def _plan(self, doc: Doc) -> list[tuple[float, dict[str, object]]]:
        """When a document says what, in seconds since it began."""
        speeds, chance = self.run.speeds, self.chance
        plan: list[tuple[float, dict[str, object]]] = []
        at = published = 0.0
        fields: dict[str, object] = {"progress": 0.0}

        def spend(
            seconds: float, following: dict[str, object], *, always: bool
        ) -> None:
            nonlocal at, published, fields
            at += seconds * doc.speed
            if always or at - published >= EVENT_SECONDS:
                plan.append((at, fields))
                published, fields = at, following

        spend(speeds.each, self._pages(doc, 0, 0), always=True)
        scanned = set(chance.sample(range(doc.pages), doc.scanned))
        # Pages without text are recognised after the others were read.
        order = [page for page in range(doc.pages) if page not in scanned]
        done, noise = 0, speeds.noise
        for count, page in enumerate([*order, *sorted(scanned)], 1):
            seconds = speeds.scan if page in scanned else speeds.page
            seconds *= chance.lognormvariate(-noise * noise / 2, noise)
            done += page in scanned
            spend(seconds, self._pages(doc, count, done), always=False)
        low, high = STEPS["embedding"]
        facts = {"work": doc.pages, "ocr_pages": doc.scanned or None}
        spend(0.0, {"step": "chunking", "progress": 70.0} | facts, always=True)
        spend(
            0.05 * speeds.embedding * doc.pages,
            {"step": "embedding", "progress": low} | facts,
            always=True,
        )
        parts = max(min(doc.pages, 200), 1)
        for part in range(1, parts + 1):
            progress = min(low + (high - low) * part / parts, 99.9)
            following = {
                "step": "embedding",
                "progress": progress,
                "current": part,
                "total": parts,
                "unit": "chunk",
            } | facts
            spend(speeds.embedding * doc.pages / parts, following, always=part == parts)
        return plan

    def _pages(self, doc: Doc, count: int, recognised: int) -> dict[str, object]:
        fields: dict[str, object] = {
            "progress": 70.0 * count / doc.pages,
            "current": count,
            "total": doc.pages,
            "unit": "page",
        }
        if doc.scanned and count >= doc.pages - doc.scanned:
            fields |= {"ocr_current": recognised, "ocr_total": doc.scanned}
        return fields
