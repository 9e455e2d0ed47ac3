"""Latency measurements are correct and leave nothing behind."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import redis
from matplotlib.image import imread
from support.kernels import Kernel
from support.patience import patient
from support.proxy import Proxy
from support.services import eventually

from docprogress import Pipeline, Status
from docprogress.errors import BusError
from docprogress.latency import ClockOffset, measure, runner
from docprogress.latency.measurement import (
    STAGES,
    TO_KERNEL,
    TO_PAINTED,
    TO_REDIS,
    UNTIL_CLIENT,
    UNTIL_KERNEL,
    UNTIL_PAINTED,
    arrivals_of,
    until_clients,
    until_kernel,
    until_painted,
)
from docprogress.latency.plan import Plan

#: Seconds by which the clock of the page that a test plays is ahead.
AHEAD = 1234.5


def plan(documents: int = 2, events: int = 5) -> Plan:
    return Plan(run_id="latency-test", documents=documents, events=events, rate=10.0)


def left_in(pipeline: Pipeline) -> list[bytes]:
    return list(pipeline.bus.redis.scan_iter("*latency-*"))


def taking_part() -> list[str]:
    """The processes of measurements that this one has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            command = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if "docprogress.latency" in command or "docprogress serve" in command:
            found.append(command)
    return found


def threads() -> set[str]:
    return {
        each.name
        for each in threading.enumerate()
        if each.name.startswith("docprogress")
    }


@pytest.fixture
def started(pipeline: Pipeline) -> Iterator[Pipeline]:
    """A pipeline of which nothing is left of measurements when the test has ended."""
    pipeline.bus.redis.ping()
    before = threads()
    yield pipeline
    assert taking_part() == []
    assert threads() <= before
    assert left_in(pipeline) == []


def test_a_plan_has_every_event_once_and_ends_every_document():
    events = [plan(3, 8).event(position) for position in range(8)]

    assert [(each.document_id[-4:], each.current, each.total) for each in events] == [
        ("0001", 1, 3),
        ("0002", 1, 3),
        ("0003", 1, 2),
        ("0001", 2, 3),
        ("0002", 2, 3),
        ("0003", 2, 2),
        ("0001", 3, 3),
        ("0002", 3, 3),
    ]
    ended = [each.document_id[-1] for each in events if each.status is Status.COMPLETED]
    assert ended == ["3", "1", "2"]
    assert [plan(3, 8).index(each.document_id) for each in events[:3]] == [0, 1, 2]
    assert plan().index("latency-test-0003") is None
    assert plan().index("latency-other-0001") is None
    assert plan().index("") is None


def test_an_event_that_was_overtaken_came_with_the_one_that_overtook_it():
    # Of the first document event 2 never came, of the second none after 1.
    found = arrivals_of(
        plan(2, 5),
        np.array([0, 1, 0, 0]),
        np.array([1, 1, 3, 3]),
        np.array([10.0, 11.0, 12.0, 13.0]),
    )

    assert found.moments.tolist()[:3] == [10.0, 11.0, 12.0]
    assert math.isnan(found.moments[3])
    assert found.moments[4] == 12.0
    assert found.overtaken.tolist() == [False, False, True, True, False]


def test_redis_has_an_event_after_it_was_sent_and_before_it_was_delivered():
    published = np.array([[1.0, 1.4], [2.0, 2.4], [3.0, 3.4]])
    # The second is received before the publisher has its reply, the third never.
    received = arrivals_of(
        plan(1, 3), np.array([0, 0]), np.array([1, 2]), np.array([1.5, 2.2])
    )

    stages = {
        stage.name: stage for stage in until_kernel(plan(1, 3), published, received)
    }

    assert stages[TO_REDIS].seconds == pytest.approx([0.2, 0.1, 0.2])
    assert stages[TO_REDIS].uncertainty == pytest.approx([0.2, 0.1, 0.2])
    assert stages[TO_KERNEL].seconds == pytest.approx([0.3, 0.1])
    assert stages[UNTIL_KERNEL].seconds == pytest.approx([0.5, 0.2])
    assert [len(stage.seconds) for stage in stages.values()] == [3, 2, 2]
    assert {stage.expected for stage in stages.values()} == {3}


def test_a_page_s_moments_are_read_by_its_own_clock():
    published = np.array([[1.0, 1.1], [2.0, 2.1], [3.0, 3.1]])
    received = arrivals_of(
        plan(1, 3), np.array([0, 0, 0]), np.array([1, 2, 3]), np.array([1.2, 2.2, 3.2])
    )
    # The first event is in message 4; the second was overtaken by the third, in 6.
    sent = np.array([0, 1, 4, 0, 3, 6])
    # One frame has painted messages 4 and 5.
    painted = [(5, 101.5), (6, 103.6)]

    stages = until_painted(
        plan(1, 3),
        published=published,
        received=received,
        sent_rows=sent,
        painted=painted,
        offset=ClockOffset(seconds=100.0, uncertainty=0.05),
    )

    assert [stage.name for stage in stages] == [TO_PAINTED, UNTIL_PAINTED]
    assert stages[0].seconds == pytest.approx([0.3, 1.4, 0.4])
    assert stages[1].seconds == pytest.approx([0.5, 1.6, 0.6])
    assert stages[1].overtaken.tolist() == [False, True, False]
    assert stages[1].uncertainty.tolist() == [0.05] * 3


def test_each_client_receives_each_event():
    published = np.array([[1.0, 1.1], [2.0, 2.1]])
    # As it came: client, document, event.
    places = np.array([1, 0, 1, 0, 0, 1, 1, 0, 2])

    stage = until_clients(plan(1, 2), published, 3, places, np.array([1.3, 1.5, 2.1]))

    assert stage.clients is not None
    assert list(zip(stage.clients, stage.numbers, strict=True)) == [
        (0, 1),
        (1, 1),
        (1, 2),
    ]
    assert stage.seconds == pytest.approx([0.5, 0.3, 0.1])
    assert stage.expected == 6


def test_without_a_page_all_other_stages_are_measured(started: Pipeline):
    measured = measure(started, 7, 100, clients=3, seconds=0.5)

    frame, summary = measured.to_frame(), measured.summary()
    events = 50
    assert dict(zip(summary.index, summary.measured, strict=True)) == {
        TO_REDIS: events,
        TO_KERNEL: events,
        UNTIL_KERNEL: events,
        UNTIL_CLIENT: 3 * events,
        TO_PAINTED: 0,
        UNTIL_PAINTED: 0,
    }
    assert (summary.measured == summary.expected).all()
    assert set(measured.missing) == {TO_PAINTED, UNTIL_PAINTED}
    assert "not a notebook" in measured.missing[TO_PAINTED]
    # Every event is there once for each stage, and for each client.
    of_whom = ["stage", "document_id", "event", "client"]
    assert not frame.duplicated(of_whom).any()
    assert len(frame) == 6 * events
    assert set(frame.client.dropna()) == {1, 2, 3}
    assert frame.document_id.nunique() == 7
    # Nothing is received before it was published, and the parts add up.
    assert (frame.latency_ms > 0).all()
    parts = frame[frame.client.isna()].pivot_table(
        index=["document_id", "event"],
        columns="stage",
        values="latency_ms",
        observed=True,
    )
    assert (parts[TO_REDIS] + parts[TO_KERNEL]).to_numpy() == pytest.approx(
        parts[UNTIL_KERNEL].to_numpy()
    )
    ranked = summary[["p50_ms", "p95_ms", "p99_ms", "max_ms"]].dropna().to_numpy()
    assert (np.diff(ranked, axis=1) >= 0).all()
    assert frame.groupby("stage", observed=True).latency_ms.max().to_dict() == (
        pytest.approx(summary.max_ms.dropna().to_dict())
    )
    assert measured.events == events
    assert measured.offset is None


def test_a_measurement_is_shown_as_text_html_and_plot(started: Pipeline):
    measured = measure(started, 5, 50, clients=0, seconds=0.2, page_seconds=0)

    assert str(measured).startswith("10 events of 5 documents in ")
    assert f"{UNTIL_CLIENT}: no clients were requested" in str(measured)
    assert UNTIL_CLIENT in measured._repr_html_()
    plot = measured.plot()
    image, size = plot._repr_png_()
    assert imread(io.BytesIO(image)).shape[:2] == (
        2 * size["height"],
        2 * size["width"],
    )
    axes = plot.axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        TO_REDIS,
        TO_KERNEL,
        UNTIL_KERNEL,
    ]
    assert "100 ms: perceived as instantaneous" in [
        text.get_text() for text in axes.texts
    ]
    assert {label.get_text().split()[-1] for label in axes.get_xticklabels()} <= {
        "µs",
        "ms",
        "s",
    }
    plot.canvas.draw()
    shown = [text for each in plot.axes for text in each.texts]
    boxes = [text.get_window_extent() for text in shown]
    assert not any(
        one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n]
    )
    width, height = plot.canvas.get_width_height()
    assert all(box.x0 >= 0 and box.x1 <= width and box.y1 <= height for box in boxes)


def test_more_documents_than_events_make_for_an_event_of_each(started: Pipeline):
    measured = measure(started, 30, 200, clients=0, seconds=0.1)

    assert measured.events == 30
    assert measured.summary().measured[UNTIL_KERNEL] == 30


def test_without_what_a_server_needs_the_clients_are_missing(
    started: Pipeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runner, "SERVER_PACKAGES", ("fastapi", "a_package_of_nobody"))

    measured = measure(started, 2, 50, seconds=0.1)

    reason = measured.missing[UNTIL_CLIENT]
    assert "a_package_of_nobody" in reason
    assert "pip install 'docprogress[server]'" in reason
    assert measured.clients == 0


def test_a_server_that_cannot_start_is_a_reason_and_no_error(
    started: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "uvicorn.py").write_text("raise ImportError('broken on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    measured = measure(started, 2, 50, seconds=0.1)

    reason = measured.missing[UNTIL_CLIENT]
    assert "docprogress serve does not start: " in reason
    assert "broken on purpose" in reason
    assert measured.summary().measured[UNTIL_KERNEL] == 5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"documents": 0}, ValueError, "documents must be from 1 to 10,000, not 0"),
        ({"documents": 2.5}, TypeError, "documents must be a whole number, not float"),
        ({"documents": True}, TypeError, "documents must be a whole number, not bool"),
        ({"events_per_second": "fast"}, TypeError, "must be a number, not str"),
        ({"events_per_second": math.nan}, ValueError, "events_per_second"),
        ({"events_per_second": math.inf}, ValueError, "not inf"),
        ({"events_per_second": -1}, ValueError, "from 0.1 to 10,000, not -1"),
        ({"clients": -1}, ValueError, "clients must be from 0 to 1,000, not -1"),
        ({"clients": 10**9}, ValueError, "clients"),
        ({"seconds": 0}, ValueError, "seconds must be from 0.1 to 600, not 0"),
        ({"page_seconds": None}, TypeError, "page_seconds must be a number"),
        (
            {"clients": 1000, "events_per_second": 5000, "seconds": 60},
            ValueError,
            "300,000 events for 1,000 clients are more than",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_plain_words(
    started: Pipeline, arguments, error, message
):
    with pytest.raises(error, match=message.replace("(", "\\(")):
        measure(started, **arguments)


def test_only_a_pipeline_can_be_measured():
    with pytest.raises(TypeError, match="takes a Pipeline, not str"):
        measure("redis://localhost")


def test_an_unavailable_redis_is_reported_as_an_error(server, tmp_path):
    with Pipeline(home=tmp_path / "home", redis_url=server.url) as pipeline:
        server.kill()

        with pytest.raises(BusError, match="Redis cannot be reached"):
            measure(pipeline, 2, 50, clients=0, seconds=0.1)

    assert taking_part() == []


def test_a_distant_redis_is_measured_with_fewer_events(server, tmp_path):
    with (
        Proxy(server.socket, tmp_path / "slow.sock", delay=0.05) as proxy,
        Pipeline(home=tmp_path / "home", redis_url=proxy.url) as pipeline,
    ):
        measured = measure(pipeline, 3, 200, clients=0, seconds=1)

    # There and back, one after the other.
    assert measured.events_per_second < 20
    assert 3 < measured.events < 100
    summary = measured.summary()
    assert summary.measured[UNTIL_KERNEL] == summary.expected[UNTIL_KERNEL]
    assert summary.expected[UNTIL_KERNEL] == measured.events
    assert summary.p50_ms[TO_REDIS] > 40


def test_a_redis_that_dies_ends_the_measurement(server, tmp_path):
    def kill() -> None:
        with redis.Redis.from_url(server.url) as client:
            eventually(lambda: client.keys("run:latency-*"), what="it has begun")
        time.sleep(0.5)
        server.kill()

    with Pipeline(home=tmp_path / "home", redis_url=server.url) as pipeline:
        killing = threading.Thread(target=kill)
        killing.start()
        with pytest.raises(BusError, match="Redis cannot be reached"):
            measure(pipeline, 2, 100, clients=0, seconds=60)
        killing.join()

    assert taking_part() == []


INTERRUPTED = """
import sys
from docprogress import Pipeline
from docprogress.latency import measure
with Pipeline(home=sys.argv[1], workers=2) as pipeline:
    print("begins", flush=True)
    measure(pipeline, 5, 50, clients=2, seconds=60)
"""


@pytest.mark.parametrize(
    "killed",
    [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)],
    ids=["^C", "killed"],
)
def test_an_interrupted_or_killed_measurement_leaves_no_process(
    started: Pipeline, shared_home: Path, killed: signal.Signals
):
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(shared_home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        family = psutil.Process(process.pid)

        def others() -> list[psutil.Process]:
            try:
                found = family.children(recursive=True)
                commands = [(each, " ".join(each.cmdline())) for each in found]
            except psutil.Error:
                return []
            return [each for each, command in commands if "docprogress" in command]

        # The publisher, the clients and their server.
        found = eventually(
            lambda: len(others()) == 3 and others(), what="all take part"
        )
        # As the terminal does it: all of the group.
        os.killpg(process.pid, killed)
        _, errors = process.communicate(timeout=patient(60))

    assert b"KeyboardInterrupt" in errors or killed == signal.SIGKILL
    eventually(lambda: not any(map(psutil.Process.is_running, found)))
    if killed == signal.SIGKILL:
        # Nobody was left to delete them: they are forgotten by themselves.
        client = started.bus.redis
        assert all(0 < client.ttl(key) <= 600 for key in left_in(started))
        for key in left_in(started):
            client.delete(key)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(tmp_path) as kernel:
        yield kernel


class PlayedPage:
    """Answers as a page does, by a clock that is ahead."""

    def __init__(self, kernel: Kernel, name: str, ahead: float) -> None:
        self._kernel = kernel
        self._name = name
        self._ahead = ahead
        self._read = 0

    def answer(self) -> None:
        sent = self._kernel.view_messages()
        for message in sent[self._read :]:
            if message["type"] == "clock":
                self._say({"type": "clock", "request": message["request"]})
            elif message.get("ack"):
                self._say(
                    {
                        "type": "painted",
                        "session": message["session"],
                        "seq": message["seq"],
                    }
                )
        self._read = len(sent)

    def _say(self, content: dict[str, object]) -> None:
        moment = time.clock_gettime(time.CLOCK_MONOTONIC) + self._ahead
        fields = {"page": self._name, "at": 1000 * moment}
        self._kernel.send(content | fields, aside=True)


def test_the_clock_offset_of_a_page_is_measured_by_round_trips(
    started: Pipeline, kernel: Kernel, shared_home: Path
):
    kernel.run(
        "import json\n"
        "from docprogress import Pipeline\n"
        "from docprogress.latency import measure\n"
        f"pipeline = Pipeline(home={str(shared_home)!r}, workers=2)"
    )
    cell = kernel.begin(
        "measured = measure(pipeline, 4, 20, seconds=2, clients=0, page_seconds=60)"
    )
    eventually(
        lambda: kernel.view_messages("clock"), what="the page is asked for its time"
    )
    pages = [PlayedPage(kernel, "one", AHEAD), PlayedPage(kernel, "two", -AHEAD)]
    done = threading.Event()

    def play() -> None:
        while not done.wait(0.005):
            for page in pages:
                page.answer()

    playing = threading.Thread(target=play)
    playing.start()
    ended = kernel.end(cell)
    done.set()
    playing.join()

    assert ended.status == "ok", ended
    output = json.loads(
        kernel.run(
            "summary = measured.summary()\n"
            "print(json.dumps([measured.offset.seconds, measured.offset.uncertainty,\n"
            "    dict(measured.missing), summary.measured.to_dict(),\n"
            "    measured.to_frame().latency_ms.min(),\n"
            "    [t.name for t in __import__('threading').enumerate()]]))"
        )
    )
    seconds, uncertainty, missing, counts, least, names = output
    assert abs(seconds - AHEAD) <= uncertainty < 1
    assert set(missing) == {UNTIL_CLIENT}
    assert {counts[name] for name in STAGES if name != UNTIL_CLIENT} == {40}
    assert least > -1000 * uncertainty
    assert "docprogress-view" not in names
    # Each message was to be acknowledged meanwhile.
    acks = Counter(
        message["ack"] for message in kernel.view_messages() if "ack" in message
    )
    assert set(acks) == {True}
    # What was shown meanwhile has gone, and with it the widget.
    assert [shown[-1] for shown in kernel.displays().values()] == [
        {"text/plain": ""},
        {"text/plain": ""},
    ]


def test_the_stop_button_ends_all_that_takes_part(
    started: Pipeline, kernel: Kernel, shared_home: Path
):
    kernel.run(
        "import threading\n"
        "from docprogress import Pipeline\n"
        "from docprogress.latency import measure\n"
        f"pipeline = Pipeline(home={str(shared_home)!r}, workers=2)"
    )
    comms = kernel.comms()
    cell = kernel.begin("measure(pipeline, 4, 20, seconds=60, page_seconds=60)")
    eventually(lambda: kernel.view_messages("delta"), what="the view is there")

    kernel.interrupt()

    assert kernel.end(cell).error == "KeyboardInterrupt"
    names = kernel.run("print(*(thread.name for thread in threading.enumerate()))")
    assert "docprogress-latency" not in names
    assert "docprogress-view" not in names
    assert kernel.comms() == comms


def test_a_notebook_that_is_not_open_reports_that_no_page_answered(
    started: Pipeline, kernel: Kernel, shared_home: Path
):
    output = kernel.run(
        "from docprogress import Pipeline\n"
        "from docprogress.latency import measure\n"
        f"pipeline = Pipeline(home={str(shared_home)!r}, workers=2)\n"
        "measured = measure(pipeline, 4, 20, seconds=0.5, clients=0, page_seconds=0.5)\n"
        "print(measured.missing['kernel → painted'])\n"
        "print(measured.summary().measured['publish → kernel'])"
    )

    assert "no page answered" in output
    assert "\n10\n" in output
