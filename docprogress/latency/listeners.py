"""Records what this process receives in a measurement, and what a page paints."""

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


class Received:
    """The events that have arrived, each with its moment."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: set[int] = set()
        self._places = array("q")
        self._moments = array("d")
        #: The number of documents whose final event has arrived.
        self.ended = 0

    def __len__(self) -> int:
        return len(self._moments)

    @property
    def complete(self) -> bool:
        """Whether an event of every document has arrived."""
        return len(self._known) == self._plan.documents

    def arrays(self) -> tuple[Integers, Integers, Floats]:
        """Everything so far in order of arrival: documents, event numbers, moments."""
        moments = np.array(self._moments)
        # An event that is being added may have a place and no moment yet.
        documents, numbers = np.array(self._places[: 2 * len(moments)]).reshape(-1, 2).T
        return documents, numbers, moments

    def add(self, event: ProgressEvent) -> None:
        """Record an event as of now."""
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
    """A subscription like any program's, on a thread of its own."""

    def __init__(self, plan: Plan, bus: Bus) -> None:
        self.received = Received(plan)
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
        with suppress(RuntimeError):  # it has already ended
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
            # Close first: redis-py may lose a cancellation, and keep listening.
            await subscription.aclose()
            for task in (listening, stopping):
                task.cancel()
            await asyncio.gather(listening, stopping, return_exceptions=True)

    async def _listen(self, subscription: Any) -> None:
        async for event in subscription:
            self.received.add(event)


class PageListener:
    """A view in the running cell, and the page that shows it, if there is one.

    It observes the view's session as a `Probe`.
    """

    def __init__(self, plan: Plan, pipeline: Pipeline) -> None:
        self.received = Received(plan)
        self._plan = plan
        #: What was sent: document, number of its event, number of the message.
        self.sent_rows = array("q")
        #: What was painted when, by the page's clock: number of the message, moment.
        self.painted: list[tuple[int, float]] = []
        #: How far the page's clock is ahead of ours; None until it has answered.
        self.offset: ClockOffset | None = None
        self.round_trips = 0
        self._newest = 0
        #: Newest event of each document that no message to the page has carried yet.
        self._unsent: dict[int, int] = {}
        self._page_id: object = None
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
            display_id = self._session.show()
            if display_id is not None:
                self._display_ids.append(display_id)
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
        """Ask the page for its time; return whether it answers within `seconds`."""
        self._answered.clear()
        self._session.send({"type": "clock", "request": len(self._asked)})
        return self._answered.wait(seconds)

    def close(self) -> None:
        """Remove the view and its output."""
        self._session.probe = None
        self._session.clear(self._display_ids)
        registry.leave(self._session, ())

    def on_event(self, event: ProgressEvent) -> None:
        index = self._plan.index(event.document_id)
        if index is not None and event.current:
            self._unsent[index] = event.current
        self.received.add(event)

    def on_send(self, message: Message) -> None:
        if message["type"] == "clock":
            self._asked[message["request"]] = clock()
        elif "seq" in message:
            self._newest = message["seq"]
            for row in message["rows"]:
                if row.get("current"):
                    self.sent_rows.extend((row["index"], row["current"], self._newest))
                    if self._unsent.get(row["index"], 0) <= row["current"]:
                        self._unsent.pop(row["index"], None)

    def on_receive(self, message: Message) -> None:
        at = clock()
        moment = message.get("at")
        if not isinstance(moment, int | float):
            return
        match message:
            case {"type": "clock", "request": int(request), "page": page}:
                self._compare_clocks(request, page, moment / 1000, at)
            case {"type": "painted", "seq": int(seq), "page": page}:
                # Another tab may show the same view, and has a clock of its own.
                if page == self._page_id:
                    self.painted.append((seq, moment / 1000))

    def _compare_clocks(
        self, request: int, page: object, moment: float, at: float
    ) -> None:
        asked = self._asked.get(request)
        if self._page_id is None:
            self._page_id = page
        if asked is None or page != self._page_id:
            return
        found = ClockOffset(
            seconds=moment - (asked + at) / 2, uncertainty=(at - asked) / 2
        )
        if self.offset is None or found.uncertainty < self.offset.uncertainty:
            self.offset = found
        self.round_trips += 1
        self._answered.set()
