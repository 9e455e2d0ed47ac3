"""Runs a measurement: starts the processes that take part, and ends them."""

import secrets
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

import numpy as np

from docprogress.bus.bus import Bus
from docprogress.client.pipeline import Pipeline
from docprogress.errors import BusError, DocProgressError
from docprogress.events import now
from docprogress.formatting import plural
from docprogress.latency import measurement as stages
from docprogress.latency import publisher, sse_clients
from docprogress.latency.listeners import Listener, PageListener
from docprogress.latency.measurement import Floats, Integers, Measurement, Stage
from docprogress.latency.plan import Plan
from docprogress.latency.processes import TICK, Process, environment_of, start_process
from docprogress.notebook.cells import attended
from docprogress.notebook.environment import has_anywidget, in_kernel
from docprogress.notebook.live_output import publish

#: Allowed ranges of the arguments: from, to.
DOCUMENTS = (1, 10_000)
CLIENTS = (0, 1_000)
RATE = (0.1, 10_000.0)
SECONDS = (0.1, 600.0)
PAGE_SECONDS = (0.0, 120.0)

#: The maximum number of moments of one measurement that are kept.
MOST_MOMENTS = 5_000_000

#: Seconds in which an event of every document must arrive here.
RECEIVE_SECONDS = 30.0

#: Seconds in which the last events must arrive here, and be painted.
LAST_SECONDS = 5.0

#: Seconds after which a request to a page is repeated: it may still be loading.
ASK_SECONDS = 0.5

#: Round trips from which the page's clock is known, and seconds that one may take.
ROUND_TRIPS = 10
ROUND_TRIP_SECONDS = 2.0

#: Packages that a server needs.
SERVER_PACKAGES = (
    "fastapi",
    "itsdangerous",
    "prometheus_client",
    "python_multipart",
    "uvicorn",
)

#: Seconds between two status lines about the same activity.
STATUS_SECONDS = 0.5


def measure(
    pipeline: Pipeline,
    documents: int = 100,
    events_per_second: float = 200.0,
    *,
    clients: int = 1,
    seconds: float = 5.0,
    page_seconds: float = 5.0,
) -> Measurement:
    """Publish events of made-up documents, and measure when each arrives and is seen.

    A process publishes them to the pipeline's Redis, and they are removed afterwards.
    In a notebook, a view shows them, and the page reports when it has painted them. A
    `docprogress serve` process sends them to clients by Server-Sent Events.

    An interrupt ends the measurement and its processes.

    Args:
        pipeline: Provides Redis, the database and settings.
        documents: The number of documents; events are published for each in turn.
        events_per_second: The rate of publishing.
        clients: The number of HTTP clients; 0 starts no server.
        seconds: How long to publish. It takes longer if some documents would have no
            event, or if Redis is slow; in that case some events are left out.
        page_seconds: How long to wait for the page to respond; 0 shows no view.

    Raises:
        ValueError: An argument is out of range.
        TypeError: An argument has the wrong type.
        BusError: Redis cannot be reached, or the connection was lost.
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
            f"{MOST_MOMENTS:,} timestamps that are kept: request fewer events a "
            "second, "
            "seconds or clients"
        )
    plan = Plan(
        run_id=f"latency-{now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        documents=documents,
        events=events,
        rate=float(events_per_second),
    )
    with StatusLine() as report, ExitStack() as stack:
        return _Runner(pipeline, plan, stack, report).take(clients, page_seconds)


class _Runner:
    """Runs one measurement."""

    def __init__(
        self,
        pipeline: Pipeline,
        plan: Plan,
        stack: ExitStack,
        report: Callable[[str], None],
    ) -> None:
        self._pipeline = pipeline
        self._plan = plan
        self._stack = stack
        self._report = report
        self._missing: dict[str, str] = {}

    def take(self, clients: int, page_seconds: float) -> Measurement:
        """Start the processes, publish, and collect what they recorded."""
        plan, bus = self._plan, self._pipeline.bus
        self._report("Starting …")
        self._stack.callback(_forget, self._pipeline, plan)
        publisher_process = self._stack.enter_context(
            start_process(
                publisher.__name__,
                {"url": self._pipeline.redis_url, "plan": plan.to_dict()},
            )
        )
        clients_process = self._start_clients(clients)
        page = self._page(page_seconds)
        listener = page or self._listener(bus)
        publisher_process.expect(publisher.READY)
        clients_process = clients_process and self._connect_clients(
            clients_process, clients
        )
        self._await(
            lambda: listener.received.complete,
            RECEIVE_SECONDS,
            error="published events do not arrive here",
        )
        if page is not None:
            self._measure_clock_offset(page)
        publisher_process.send(publisher.GO)
        published = self._publish(publisher_process, listener)
        client_arrivals = self._collect(clients_process) if clients_process else None
        self._await(lambda: listener.received.ended >= plan.documents, LAST_SECONDS)
        if page is not None and page.offset is not None:
            self._await(lambda: page.complete, LAST_SECONDS)
        self._report("Evaluating …")
        return self._result(published, listener, page, clients, client_arrivals)

    def _publish(
        self, publisher_process: Process, listener: Listener | PageListener
    ) -> Floats:
        plan = self._plan
        while not publisher_process.has_ended:
            received = len(listener.received)
            self._report(f"Publishing: {received:,} of {plan.events:,} events received")
            time.sleep(TICK)
        moments = np.frombuffer(publisher_process.result(), dtype=np.float64)
        moments = moments.reshape(-1, 2)
        if len(moments) != plan.events:
            raise BusError("the publisher ended too early")
        return moments

    def _start_clients(self, clients: int) -> Process | None:
        """Start the process of the clients; None without clients."""
        if not clients:
            self._missing[stages.UNTIL_CLIENT] = "no clients were requested (clients=0)"
            return None
        lacking = [name for name in SERVER_PACKAGES if find_spec(name) is None]
        if lacking:
            self._missing[stages.UNTIL_CLIENT] = (
                f"there is no server without {', '.join(lacking)}: "
                "pip install 'docprogress[server]'"
            )
            return None
        return self._stack.enter_context(
            start_process(
                sse_clients.__name__,
                {"clients": clients, "plan": self._plan.to_dict()},
                environment=environment_of(self._pipeline.settings),
            )
        )

    def _connect_clients(
        self, clients_process: Process, clients: int
    ) -> Process | None:
        """Wait until every client is connected; None if that fails."""
        count = plural(clients, "client")
        self._report(f"Starting a server, and connecting {count} to it …")
        try:
            clients_process.expect(sse_clients.READY)
        except DocProgressError as error:
            self._missing[stages.UNTIL_CLIENT] = str(error)
            return None
        return clients_process

    def _collect(self, clients_process: Process) -> tuple[Integers, Floats] | None:
        """What each client received when; None if that fails."""
        self._report("Waiting for the clients …")
        try:
            clients_process.send(sse_clients.END)
            recorded = clients_process.result()
        except DocProgressError as error:
            self._missing[stages.UNTIL_CLIENT] = str(error)
            return None
        count = int.from_bytes(recorded[:8], "little")
        places = np.frombuffer(recorded, dtype=np.int32, count=3 * count, offset=8)
        moments = np.frombuffer(recorded, dtype=np.float64, offset=8 + 12 * count)
        return places.astype(np.int64), moments

    def _page(self, seconds: float) -> PageListener | None:
        """Show a view, if a cell can show it; its page may answer or not."""
        reason = None
        if not in_kernel():
            reason = "there is no page: this is not a notebook"
        elif not attended():
            reason = "there is no page: a program executes this notebook"
        elif not has_anywidget():
            reason = "a view needs anywidget: pip install 'docprogress[notebook]'"
        elif not seconds:
            reason = "no page was requested (page_seconds=0)"
        if reason is not None:
            self._missing |= dict.fromkeys(
                (stages.TO_PAINTED, stages.UNTIL_PAINTED), reason
            )
            return None
        page = PageListener(self._plan, self._pipeline)
        self._stack.callback(page.close)
        self._report("Waiting for the page …")
        deadline = time.monotonic() + seconds
        while page.offset is None and time.monotonic() < deadline:
            page.ask_time(min(ASK_SECONDS, deadline - time.monotonic()))
        return page

    def _listener(self, bus: Bus) -> Listener:
        listener = Listener(self._plan, bus)
        self._stack.callback(listener.close)
        return listener

    def _measure_clock_offset(self, page: PageListener) -> None:
        self._report("Comparing clocks …")
        while page.offset is not None and page.round_trips < ROUND_TRIPS:
            if not page.ask_time(ROUND_TRIP_SECONDS):
                break  # make do with the round trips so far

    def _result(
        self,
        published: Floats,
        listener: Listener | PageListener,
        page: PageListener | None,
        clients: int,
        client_arrivals: tuple[Integers, Floats] | None,
    ) -> Measurement:
        plan = self._plan
        received = stages.arrivals_of(plan, *listener.received.arrays())
        measured: list[Stage] = stages.until_kernel(plan, published, received)
        measured += self._painted(published, received, page)
        if client_arrivals is not None:
            measured.append(
                stages.until_clients(plan, published, clients, *client_arrivals)
            )
        for stage in measured:
            if not len(stage.seconds):
                self._missing[stage.name] = "no event arrived"
        sent = published[:, 0][~np.isnan(published[:, 0])]
        duration = float(sent[-1] - sent[0])
        return Measurement(
            documents=plan.documents,
            events=len(sent),
            clients=clients if client_arrivals is not None else 0,
            seconds=duration,
            events_per_second=(len(sent) - 1) / duration if duration else plan.rate,
            offset=page.offset if page is not None else None,
            missing={
                name: self._missing[name]
                for name in stages.STAGES
                if name in self._missing
            },
            stages=[stage for stage in measured if len(stage.seconds)],
            document_ids=plan.document_ids,
        )

    def _painted(
        self, published: Floats, received: stages.Arrivals, page: PageListener | None
    ) -> list[Stage]:
        if page is None:
            return []
        reason = None
        if page.offset is None:
            reason = (
                "no page answered: this notebook is not open in a page, or the page "
                "answers only when the cell has ended"
            )
        elif not page.painted:
            reason = "the page painted nothing: its tab or its output is hidden"
        else:
            painted = stages.until_painted(
                self._plan,
                published=published,
                received=received,
                sent_rows=np.array(page.sent_rows),
                painted=page.painted,
                offset=page.offset,
            )
            if painted:
                return painted
            reason = "the page painted no event that it was sent"
        self._missing |= dict.fromkeys(
            (stages.TO_PAINTED, stages.UNTIL_PAINTED), reason
        )
        return []

    def _await(
        self, condition: Callable[[], bool], seconds: float, error: str = ""
    ) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= deadline:
                if error:
                    raise BusError(f"{error}: none within {seconds:g} s")
                return
            time.sleep(TICK)


def _forget(pipeline: Pipeline, plan: Plan) -> None:
    """Remove the events from Redis; what cannot be removed expires soon."""
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


class StatusLine:
    """A line that is overwritten, in a cell's output or a terminal, if there is one."""

    def __init__(self) -> None:
        self._display = uuid.uuid4().hex if in_kernel() else None
        self._terminal = self._display is None and sys.stderr.isatty()
        self._written_at = float("-inf")
        self._written = ""

    def __call__(self, line: str) -> None:
        """Overwrite the line."""
        same = line.partition(":")[0] == self._written.partition(":")[0]
        if same and time.monotonic() < self._written_at + STATUS_SECONDS:
            return
        self._write(line, update=bool(self._written))
        self._written, self._written_at = line, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the line."""
        if self._written:
            self._write("", update=True)

    def _write(self, line: str, *, update: bool) -> None:
        if self._display is not None:
            publish({"text/plain": line}, display_id=self._display, update=update)
        elif self._terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
