"""What this process hears of a measurement, and what a page shows of it."""

import asyncio
import threading
from array import array
from contextlib import suppress
from typing import Any

import numpy as np

from docprogress.bus.bus import Bus
from docprogress.client.pipeline import Pipeline
from docprogress.events import ProgressEvent
from docprogress.latency.measurement import ClockOffset, Floats, Integers
from docprogress.latency.plan import Plan, clock
from docprogress.notebook.progress.registry import registry
from docprogress.notebook.progress.source import DocumentsSource

#: A message to the page, or from it.
Message = dict[str, Any]


class Heard:
    """The events that were heard, each with its moment."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: set[int] = set()
        self._places = array("q")
        self._moments = array("d")
        #: Documents whose end was heard.
        self.ended = 0

    def __len__(self) -> int:
        return len(self._moments)

    @property
    def complete(self) -> bool:
        """Whether every document was heard of."""
        return len(self._known) == self._plan.documents

    def taken(self) -> tuple[Integers, Integers, Floats]:
        """What was heard until now: documents, events and moments, as they came."""
        moments = np.array(self._moments)
        # Of what is heard at this moment there may be a place, and no moment yet.
        documents, numbers = np.array(self._places[: 2 * len(moments)]).reshape(-1, 2).T
        return documents, numbers, moments

    def add(self, event: ProgressEvent) -> None:
        """Take an event in, as of now."""
        at = clock()
        index = self._plan.index(event.document_id)
        if index is None:
            return
        self._known.add(index)
        if event.current:
            self._places.extend((index, event.current))
            self._moments.append(at)
            self.ended += event.final


class Listener:
    """A subscription as any program may have one, in a thread of its own."""

    def __init__(self, plan: Plan, bus: Bus) -> None:
        self.heard = Heard(plan)
        self._run_id = plan.run_id
        self._bus = bus
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, name="docprogress-latency", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End the thread and its connection."""
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _main(self) -> None:
        async with self._bus.subscribe(runs=[self._run_id]) as subscription:
            listening = asyncio.create_task(self._listen(subscription))
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait(
                [listening, stopping], return_when=asyncio.FIRST_COMPLETED
            )
            # First of all: redis-py may lose a cancellation, and listen on.
            await subscription.aclose()
            for task in (listening, stopping):
                task.cancel()
            await asyncio.gather(listening, stopping, return_exceptions=True)

    async def _listen(self, subscription: Any) -> None:
        async for event in subscription:
            self.heard.add(event)


class Page:
    """A view in the cell that runs, and the page that shows it, if there is one.

    It is told by the view's feed what passes through, as a `Probe`.
    """

    def __init__(self, plan: Plan, pipeline: Pipeline) -> None:
        self.heard = Heard(plan)
        self._plan = plan
        #: What each message told: document, number of its event, the message's number.
        self.told = array("q")
        #: What was painted when, by the page's clock: the message's number, moment.
        self.painted: list[tuple[int, float]] = []
        #: What the page's clock is ahead of ours; None until it was asked.
        self.offset: ClockOffset | None = None
        self.round_trips = 0
        self._newest = 0
        #: Newest event of each document that no message to the page has carried yet.
        self._unsent: dict[int, int] = {}
        self._page: object = None
        self._asked: dict[int, float] = {}
        self._answered = threading.Event()
        self._session = registry.join(
            DocumentsSource(
                plan.document_ids,
                names=plan.names,
                redis_url=pipeline.redis_url,
                pipeline=pipeline,
                owned=False,
            )
        )
        self._session.probe = self
        self._display_ids: list[str] = []
        try:
            self._display_ids.append(self._session.show())
        except BaseException:
            self.close()
            raise

    @property
    def complete(self) -> bool:
        """Whether the newest event of each document was sent to the page and painted.

        A measurement ends when this becomes true. What was received and still waits
        to be sent has to count, or the last events would be missing.
        """
        return (
            not self._unsent
            and bool(self.painted)
            and self.painted[-1][0] >= self._newest
        )

    def ask_time(self, seconds: float) -> bool:
        """Have the page tell its time; whether it did within so many seconds."""
        self._answered.clear()
        self._session.send({"type": "clock", "request": len(self._asked)})
        return self._answered.wait(seconds)

    def close(self) -> None:
        """Take the view away again, and leave nothing where it was."""
        self._session.probe = None
        self._session.clear(self._display_ids)
        registry.leave(self._session, ())

    def on_event(self, event: ProgressEvent) -> None:
        index = self._plan.index(event.document_id)
        if index is not None and event.current:
            self._unsent[index] = event.current
        self.heard.add(event)

    def on_send(self, message: Message) -> None:
        if message["type"] == "clock":
            self._asked[message["request"]] = clock()
        elif "seq" in message:
            self._newest = message["seq"]
            for row in message["rows"]:
                if row.get("current"):
                    self.told.extend((row["index"], row["current"], self._newest))
                    if self._unsent.get(row["index"], 0) <= row["current"]:
                        self._unsent.pop(row["index"], None)

    def on_receive(self, message: Message) -> None:
        at = clock()
        moment = message.get("at")
        if not isinstance(moment, int | float):
            return
        match message:
            case {"type": "clock", "request": int(request), "page": page}:
                self._compare(request, page, moment / 1000, at)
            case {"type": "painted", "seq": int(seq), "page": page}:
                # Another tab shows the same, by a clock of its own.
                if page == self._page:
                    self.painted.append((seq, moment / 1000))

    def _compare(self, request: int, page: object, moment: float, at: float) -> None:
        asked = self._asked.get(request)
        if self._page is None:
            self._page = page
        if asked is None or page != self._page:
            return
        found = ClockOffset(
            seconds=moment - (asked + at) / 2, uncertainty=(at - asked) / 2
        )
        if self.offset is None or found.uncertainty < self.offset.uncertainty:
            self.offset = found
        self.round_trips += 1
        self._answered.set()
