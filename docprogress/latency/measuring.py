"""Takes the measurement: starts who takes part, and ends all of them again."""

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from typing import Any

import numpy as np

from docprogress.bus.bus import Bus
from docprogress.client.pipeline import Pipeline
from docprogress.errors import BusError, DocProgressError
from docprogress.events import now
from docprogress.formatting import plural
from docprogress.latency import hops, publisher, watchers
from docprogress.latency.ears import Listener, Page
from docprogress.latency.measurement import Floats, Hop, Integers, Measurement
from docprogress.latency.plan import Plan
from docprogress.latency.processes import TICK, Process, environment_of, taking_part
from docprogress.latency.telling import Teller
from docprogress.notebook.environment import has_anywidget, in_kernel

#: What may be asked for: from, to.
DOCUMENTS = (1, 10_000)
CLIENTS = (0, 1_000)
RATE = (0.1, 10_000.0)
SECONDS = (0.1, 600.0)
PAGE_SECONDS = (0.0, 120.0)

#: The most moments of one measurement that are kept.
MOST_MOMENTS = 5_000_000

#: Seconds in which the documents are to be heard of here.
HEAR_SECONDS = 30.0

#: Seconds in which what was published last is to be heard here, and to be painted.
LAST_SECONDS = 5.0

#: Seconds after which a page that does not answer is asked again: it may be loading.
ASK_SECONDS = 0.5

#: Round trips from which the page's clock is known, and seconds that one may take.
ROUND_TRIPS = 10
ROUND_TRIP_SECONDS = 2.0

#: What a server needs to be there.
SERVER_PACKAGES = (
    "fastapi",
    "itsdangerous",
    "prometheus_client",
    "python_multipart",
    "uvicorn",
)


def measure(
    pipeline: Pipeline,
    documents: int = 100,
    events_per_second: float = 200.0,
    *,
    clients: int = 1,
    seconds: float = 5.0,
    page_seconds: float = 5.0,
) -> Measurement:
    """Publish events of made-up documents, and note when each was heard and seen.

    They go through the pipeline's Redis like all others, published by a process of
    their own; nothing of them is left there.  In a notebook a view of them is shown
    while it lasts, and the page tells when it has painted what.  A `docprogress
    serve` of its own tells its clients by Server-Sent Events.

    An interrupt ends it, and all that takes part.

    Args:
        pipeline: Whose Redis, database and settings are used.
        documents: How many documents the events are about, in turn.
        events_per_second: How many events are published a second.
        clients: How many clients follow all documents over HTTP; 0: there is no server.
        seconds: For how long; longer where a document would have no event, or where
            Redis answers too slowly: then fewer events are published.
        page_seconds: How long to wait for a page to answer; 0: no view is shown.

    Raises:
        ValueError: A number is out of its range.
        TypeError: Something is not what it has to be.
        BusError: Redis cannot be reached, or was lost meanwhile.
        ServicesError: Local services cannot be started.
    """
    if not isinstance(pipeline, Pipeline):
        raise TypeError(f"measure() takes a Pipeline, not {type(pipeline).__name__}")
    _check("documents", documents, DOCUMENTS, whole=True)
    _check("events_per_second", events_per_second, RATE)
    _check("clients", clients, CLIENTS, whole=True)
    _check("seconds", seconds, SECONDS)
    _check("page_seconds", page_seconds, PAGE_SECONDS)
    events = max(documents, round(events_per_second * seconds))
    if events * (clients + 4) > MOST_MOMENTS:
        raise ValueError(
            f"{events:,} events for {clients:,} clients are more than the "
            f"{MOST_MOMENTS:,} moments that are kept: ask for fewer events a second, "
            "seconds or clients"
        )
    plan = Plan(
        run_id=f"latency-{now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        documents=documents,
        events=events,
        rate=float(events_per_second),
    )
    with Teller() as tell, ExitStack() as stack:
        return _Measuring(pipeline, plan, stack, tell).take(clients, page_seconds)


class _Measuring:
    """One measurement, while it is taken."""

    def __init__(
        self,
        pipeline: Pipeline,
        plan: Plan,
        stack: ExitStack,
        tell: Callable[[str], None],
    ) -> None:
        self._pipeline = pipeline
        self._plan = plan
        self._stack = stack
        self._tell = tell
        self._missing: dict[str, str] = {}

    def take(self, clients: int, page_seconds: float) -> Measurement:
        """Have everybody begin, then publish, then put together what they noted."""
        plan, bus = self._plan, self._pipeline.bus
        self._tell("Beginning …")
        self._stack.callback(_forget, self._pipeline, plan)
        publishing = self._stack.enter_context(
            taking_part(
                publisher.__name__,
                {"url": self._pipeline.redis_url, "plan": plan.to_dict()},
            )
        )
        watching = self._watchers(clients)
        page = self._page(page_seconds)
        ears = page or self._listener(bus)
        publishing.expect(publisher.READY)
        watching = watching and self._told_the_present(watching, clients)
        self._await(
            lambda: ears.heard.complete,
            HEAR_SECONDS,
            or_else="what Redis was told is not heard here",
        )
        if page is not None:
            self._compare_clocks(page)
        publishing.say(publisher.GO)
        published = self._publish(publishing, ears)
        found = self._told_by(watching) if watching else None
        self._await(lambda: ears.heard.ended >= plan.documents, LAST_SECONDS)
        if page is not None and page.offset is not None:
            self._await(lambda: page.complete, LAST_SECONDS)
        self._tell("Counting …")
        return self._measured(published, ears, page, clients, found)

    def _publish(self, publishing: Process, ears: Listener | Page) -> Floats:
        plan = self._plan
        while not publishing.has_ended:
            heard = len(ears.heard)
            self._tell(f"Publishing: {heard:,} of {plan.events:,} events were heard")
            time.sleep(TICK)
        moments = np.frombuffer(publishing.result(), dtype=np.float64).reshape(-1, 2)
        if len(moments) != plan.events:
            raise BusError("the publisher ended before its time")
        return moments

    def _watchers(self, clients: int) -> Process | None:
        """The clients; None where there are none."""
        if not clients:
            self._missing[hops.UNTIL_CLIENT] = "no clients were asked for (clients=0)"
            return None
        lacking = [name for name in SERVER_PACKAGES if find_spec(name) is None]
        if lacking:
            self._missing[hops.UNTIL_CLIENT] = (
                f"there is no server without {', '.join(lacking)}: "
                "pip install 'docprogress[server]'"
            )
            return None
        return self._stack.enter_context(
            taking_part(
                watchers.__name__,
                {"clients": clients, "plan": self._plan.to_dict()},
                environment=environment_of(self._pipeline.settings),
            )
        )

    def _told_the_present(self, watching: Process, clients: int) -> Process | None:
        """The clients, once all of them were told something; None if that fails."""
        said = plural(clients, "client")
        self._tell(f"Starting a server, and connecting {said} to it …")
        try:
            watching.expect(watchers.READY)
        except DocProgressError as error:
            self._missing[hops.UNTIL_CLIENT] = str(error)
            return None
        return watching

    def _told_by(self, watching: Process) -> tuple[Integers, Floats] | None:
        """What the clients have heard when."""
        self._tell("Waiting for the clients …")
        try:
            watching.say(watchers.END)
            told = watching.result()
        except DocProgressError as error:
            self._missing[hops.UNTIL_CLIENT] = str(error)
            return None
        count = int.from_bytes(told[:8], "little")
        places = np.frombuffer(told, dtype=np.int32, count=3 * count, offset=8)
        moments = np.frombuffer(told, dtype=np.float64, offset=8 + 12 * count)
        return places.astype(np.int64), moments

    def _page(self, seconds: float) -> Page | None:
        """A view, if there is a cell to show it in; whether a page answers or not."""
        reason = None
        if not in_kernel():
            reason = "there is no page: this is no notebook"
        elif not has_anywidget():
            reason = "a view needs anywidget: pip install 'docprogress[notebook]'"
        elif not seconds:
            reason = "no page was asked for (page_seconds=0)"
        if reason is not None:
            self._missing |= dict.fromkeys(
                (hops.TO_PAINTED, hops.UNTIL_PAINTED), reason
            )
            return None
        page = Page(self._plan, self._pipeline)
        self._stack.callback(page.close)
        self._tell("Waiting for the page …")
        deadline = time.monotonic() + seconds
        while page.offset is None and time.monotonic() < deadline:
            page.ask_time(min(ASK_SECONDS, deadline - time.monotonic()))
        return page

    def _listener(self, bus: Bus) -> Listener:
        listener = Listener(self._plan, bus)
        self._stack.callback(listener.close)
        return listener

    def _compare_clocks(self, page: Page) -> None:
        self._tell("Comparing clocks …")
        while page.offset is not None and page.round_trips < ROUND_TRIPS:
            if not page.ask_time(ROUND_TRIP_SECONDS):
                break  # what there is has to do

    def _measured(
        self,
        published: Floats,
        ears: Listener | Page,
        page: Page | None,
        clients: int,
        found: tuple[Integers, Floats] | None,
    ) -> Measurement:
        plan = self._plan
        heard = hops.came(plan, *ears.heard.taken())
        taken: list[Hop] = hops.until_kernel(plan, published, heard)
        taken += self._painted(published, heard, page)
        if found is not None:
            taken.append(hops.until_clients(plan, published, clients, *found))
        for hop in taken:
            if not len(hop.seconds):
                self._missing[hop.name] = "none of the events came that far"
        sent = published[:, 0][~np.isnan(published[:, 0])]
        lasted = float(sent[-1] - sent[0])
        return Measurement(
            documents=plan.documents,
            events=len(sent),
            clients=clients if found is not None else 0,
            seconds=lasted,
            events_per_second=(len(sent) - 1) / lasted if lasted else plan.rate,
            offset=page.offset if page is not None else None,
            missing={
                name: self._missing[name] for name in hops.HOPS if name in self._missing
            },
            hops=[hop for hop in taken if len(hop.seconds)],
            document_ids=plan.document_ids,
        )

    def _painted(
        self, published: Floats, heard: hops.Came, page: Page | None
    ) -> list[Hop]:
        if page is None:
            return []
        reason = None
        if page.offset is None:
            reason = (
                "no page answered: none shows this notebook, or it answers only when "
                "the cell has ended"
            )
        elif not page.painted:
            reason = "the page painted nothing: its tab or its output is hidden"
        else:
            found = hops.until_painted(
                self._plan,
                published=published,
                heard=heard,
                told=np.array(page.told),
                painted=page.painted,
                offset=page.offset,
            )
            if found:
                return found
            reason = "the page painted none of what it was told"
        self._missing |= dict.fromkeys((hops.TO_PAINTED, hops.UNTIL_PAINTED), reason)
        return []

    def _await(
        self, condition: Callable[[], bool], seconds: float, or_else: str = ""
    ) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= deadline:
                if or_else:
                    raise BusError(f"{or_else}, {seconds:g} s after it was published")
                return
            time.sleep(TICK)


def _forget(pipeline: Pipeline, plan: Plan) -> None:
    """Leave nothing in Redis; what cannot be deleted is forgotten by itself soon."""
    with suppress(DocProgressError):
        pipeline.bus.forget(plan.document_ids, run_id=plan.run_id)


def _check(name: str, value: Any, bounds: tuple[float, float], **kind: bool) -> None:
    least, most = bounds
    wanted = int if kind.get("whole") else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        what = "a whole number" if kind.get("whole") else "a number"
        raise TypeError(f"{name} must be {what}, not {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least:,g} to {most:,g}, not {value!r}")
