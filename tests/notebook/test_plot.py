"""The plot of a run is complete, readable, and shown once."""

import io
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.image import imread
from matplotlib.text import Text
from support.kernels import Kernel
from support.patience import patient

from docprogress import Pipeline, Status
from docprogress.bus.bus import Bus
from docprogress.plots.charts.style import COLOURS, Plot, cut, fitted
from docprogress.plots.charts.timeline import MARK_STYLES, timeline
from docprogress.store import NewDocument, RunRow, Store, schema

#: The steps of a made-up run, and the share of a document's time that each takes.
SHARES = {"extraction": 0.5, "chunking": 0.1, "embedding": 0.4}

HOSTILE = [
    "a$\\alpha$b_{x}^2.pdf",
    "$",
    "عقد الإيجار.pdf",
    "👩‍👩‍👧‍👦 Ünïcödé.pdf",
    "first\nsecond\t\x1b[31m.pdf",
    "endless" * 714,
    "契約書.pdf",
    "WWWWWWWWWWWWWWWWWWWWWW.pdf",
    "_legend",
    "%s{}",
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'docprogress.db'}") as store:
        yield store


def made_up(
    store: Store,
    names: Sequence[str],
    *,
    workers: int = 1,
    processes: int = 2,
    ends: Callable[[int, int], str] = lambda number, attempt: "completed",
    queues: Sequence[str | None] = (None, None, None),
) -> RunRow:
    """A past run with known times.

    Args:
        store: Where to keep it.
        names: The names of its documents.
        workers: The number of workers.
        processes: The number of processes of each.
        ends: Returns the status in which an attempt at a document ends.
        queues: The queues of the steps.
    """
    chance = random.Random(len(names))
    steps = [
        {"name": name, "path": f"steps:{name}", "weight": 1.0, "queue": queue}
        for name, queue in zip(SHARES, queues, strict=True)
    ]
    run = store.runs.add(
        run_id="20261124-160000-abcdef",
        case_id=None,
        expected=len(names),
        steps=steps,
        settings={},
        fingerprint="",
    )
    begin = run.created_at - timedelta(hours=1)
    free = {
        (f"host-{worker}:{4000 + worker}", process): 0.1
        for worker in range(workers)
        for process in range(processes)
    }
    documents, attempts, timings, states = [], [], [], []
    for number, name in enumerate(names, 1):
        key = f"{run.id}-{number:04d}"
        documents.append(
            NewDocument(id=key, run_id=run.id, number=number, name=name, size=1)
        )
        attempt, end = 0, "lost"
        while end in ("lost", "again"):
            attempt += 1
            process = min(free, key=free.__getitem__)
            began = at = free[process]
            end = ends(number, attempt)
            whole = 0.3 + chance.random()
            done = len(SHARES) if end == "completed" else number % len(SHARES)
            for position, (step, share) in enumerate(list(SHARES.items())[:done]):
                timings.append(
                    {
                        "document_id": key,
                        "attempt": attempt,
                        "position": position,
                        "step": step,
                        "started_at": begin + timedelta(seconds=at),
                        "seconds": whole * share,
                        "items": 1,
                        "unit": "page",
                    }
                )
                at += whole * share
            at += 0.0 if end == "completed" else whole / 10
            free[process] = at + 0.03
            times = {
                "started_at": begin + timedelta(seconds=began),
                "finished_at": begin + timedelta(seconds=at),
            }
            if end == "processing":
                times["finished_at"] = None
            status = "failed" if end == "again" else end
            state = times | {"status": status, "worker": process[0]}
            attempts.append(state | {"document_id": key, "number": attempt})
        states.append(state | {"id": key, "attempt": attempt})
    store.submissions.add(documents)
    with store.database.writing() as connection:
        connection.execute(sa.insert(schema.attempt), attempts)
        if timings:
            connection.execute(sa.insert(schema.step_timing), timings)
        connection.execute(sa.update(schema.run).values(created_at=begin))
        for values in states:
            key = values.pop("id")
            of_document = schema.document.c.id == key
            connection.execute(
                sa.update(schema.document).where(of_document).values(values)
            )
    return store.runs.get(run.id)


def no_bus() -> Bus:
    raise AssertionError("where every step has the same queue, Redis is not asked")


def drawn(plot: Plot) -> np.ndarray:
    """The pixels of the plot as a notebook shows it."""
    image, size = plot._repr_png_()
    pixels = imread(io.BytesIO(image))
    assert pixels.shape[:2] == (2 * size["height"], 2 * size["width"])
    return pixels


def bars(plot: Plot) -> Counter[str]:
    """The number of bars of each colour."""
    found: Counter[str] = Counter()
    for each in plot.axes[0].collections:
        if isinstance(each, PolyCollection):
            found[to_hex(each.get_facecolor()[0]).upper()] += len(each.get_paths())
    return found


def marks(plot: Plot) -> list[int]:
    return sorted(
        len(each.get_offsets())
        for each in plot.axes[0].collections
        if isinstance(each, PathCollection)
    )


def texts(plot: Plot) -> list[Text]:
    """All visible text in it."""
    plot.canvas.draw()
    found = [
        text
        for text in plot.findobj(Text)
        if text.get_visible() and text.get_text().strip()
    ]
    hidden = {
        label
        for axes in plot.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        for label in (tick.label1, tick.label2)
        if not tick.get_visible()
        or not min(axis.get_view_interval())
        <= tick.get_loc()
        <= max(axis.get_view_interval())
    }
    return [text for text in found if text not in hidden]


def overlapping(plot: Plot) -> list[tuple[str, str]]:
    renderer = plot.canvas.get_renderer()
    boxes = [
        (text.get_text(), text.get_window_extent(renderer)) for text in texts(plot)
    ]
    return [
        (one, other)
        for (one, box), (other, another) in combinations(boxes, 2)
        # Boxes that share an edge do not hide one another.
        if box.padded(-0.5).overlaps(another.padded(-0.5))
    ]


def outside(plot: Plot) -> list[str]:
    renderer = plot.canvas.get_renderer()
    width, height = plot.canvas.get_width_height()
    return [
        text.get_text()
        for text in texts(plot)
        if not (
            (box := text.get_window_extent(renderer)).x0 >= 0
            and box.x1 <= width
            and box.y0 >= 0
            and box.y1 <= height
        )
    ]


def faulty(number: int, attempt: int) -> str:
    if number % 10 == 3:
        return "again" if attempt < 3 else "failed"
    if number % 10 == 6:
        return "lost" if attempt < 2 else "completed"
    return "cancelled" if number % 10 == 9 else "completed"


@pytest.mark.parametrize(
    ("count", "workers", "processes"),
    [(1, 1, 1), (10, 1, 2), (1000, 2, 4), (400, 40, 4)],
)
def test_every_step_and_every_fault_is_drawn_and_no_text_hides_another(
    store, count, workers, processes
):
    names = [f"contract-{number:04}.pdf" for number in range(1, count + 1)]
    run = made_up(store, names, workers=workers, processes=processes, ends=faulty)

    plot = timeline(store, run, no_bus)
    pixels = drawn(plot)

    kept = Counter(timing.step for timing in store.results.timings(run.id))
    found = bars(plot)
    assert [found[colour] for colour in COLOURS[:3]] == [kept[step] for step in SHARES]
    attempts = store.attempts.of_run(run.id)
    wanted = Counter(each.status for each in attempts if each.status != "completed")
    failed = sum(
        document.status is Status.FAILED for document in store.documents.find(run.id)
    )
    assert marks(plot) == sorted(
        filter(
            None,
            [wanted["lost"], wanted["cancelled"], failed, wanted["failed"] - failed],
        )
    )
    assert overlapping(plot) == []
    assert outside(plot) == []
    # Dark notebooks show it on a white card.
    assert pixels[0, 0].tolist() == [1, 1, 1, 1]
    heights = [bar.get_height() for bar in plot.axes[1].patches]
    ended = [
        document for document in store.documents.find(run.id) if document.finished_at
    ]
    assert sum(heights) * plot.axes[1].patches[0].get_width() == pytest.approx(
        len(ended)
    )


def test_each_worker_has_a_track_for_each_of_its_processes(store):
    run = made_up(store, [f"{n}.pdf" for n in range(60)], workers=11, processes=3)

    plot = timeline(store, run, no_bus)

    labels = [label.get_text() for label in plot.axes[0].get_yticklabels()]
    assert labels == [f"host-{n}:{4000 + n}\n3 processes" for n in range(11)]
    assert sorted(plot.axes[0].get_ylim()) == [0, 33]


def test_names_of_any_characters_are_drawn_literally(store):
    run = made_up(store, HOSTILE, processes=1)

    plot = timeline(store, run, no_bus)
    drawn(plot)

    shown = [text.get_text() for text in plot.axes[0].texts]
    assert {"$", "_legend", "%s{}", "□□□.pdf"} <= set(shown)
    assert any(text.startswith("a$\\a") for text in shown)
    assert not any(text.get_parse_math() for text in plot.axes[0].texts)
    assert overlapping(plot) == []


def test_a_text_is_cut_in_the_middle_to_fit():
    assert cut("contract-0001.pdf", 17) == "contract-0001.pdf"
    assert cut("contract-0001.pdf", 10) == "con…01.pdf"
    assert len(fitted("W" * 50, 8, 100)) < len(fitted("i" * 50, 8, 100))
    assert fitted("anything", 8, 3) == ""


def test_an_unfinished_run_is_drawn_up_to_now(store):
    names = ["one.pdf", "two.pdf", "three.pdf"]
    run = made_up(
        store, names, ends=lambda n, _: "processing" if n == 2 else "completed"
    )

    plot = timeline(store, run, no_bus)
    drawn(plot)

    assert "1 processing" in plot.get_suptitle()
    # It was submitted an hour ago.
    assert plot.axes[1].get_xlabel() == "minutes since the run was submitted"
    legend = [text.get_text() for text in plot.axes[0].get_legend().get_texts()]
    assert legend == [*SHARES, "step not finished"]


def test_a_run_that_has_not_started_is_drawn_empty(store):
    run = store.runs.add(
        run_id="r", case_id=None, expected=2, steps=[], settings={}, fingerprint=""
    )

    plot = timeline(store, run, no_bus)
    drawn(plot)

    shown = [text.get_text() for axes in plot.axes for text in axes.texts]
    assert shown == [
        "No worker has started a document",
        "No document has finished",
    ]


def test_a_step_on_another_queue_is_drawn_on_the_track_of_its_worker(
    store, bus, redis_url
):
    run = made_up(store, ["one.pdf"], processes=1, queues=(None, None, "gpu"))
    (document,) = store.documents.find(run.id)
    for number, step in enumerate(SHARES):
        event = document.event().replace(
            status=Status.PROCESSING,
            progress=number,
            id=None,
            step=step,
            worker="gpu-host:1" if step == "embedding" else "host-0:4000",
        )
        bus.publish(event)

    plot = timeline(store, run, lambda: Bus(redis_url))

    labels = [label.get_text() for label in plot.axes[0].get_yticklabels()]
    assert labels == ["gpu-host:1", "host-0:4000"]
    # Once Redis has forgotten it, the attempt's first worker stands for all of it.
    bus.redis.flushall()
    plot = timeline(store, run, lambda: Bus(redis_url))
    labels = [label.get_text() for label in plot.axes[0].get_yticklabels()]
    assert labels == ["host-0:4000"]


def test_a_run_of_real_workers_is_plotted_with_failures_and_retries(
    pipeline: Pipeline,
):
    documents = [(f"{n}.txt", b"A sentence of some words.") for n in range(8)]
    run = pipeline.submit([*documents, ("empty.pdf", b"")]).wait(timeout=patient(90))
    assert run.retry() == 1
    run.wait(timeout=patient(90))

    plot = run.plot()
    drawn(plot)

    assert sum(bars(plot)[colour] for colour in COLOURS[:3]) == 8 * 3
    assert marks(plot) == [1, 1]
    legend = {text.get_text() for text in plot.axes[0].get_legend().get_texts()}
    assert legend >= {"extraction", "chunking", "embedding", "failed", "retried"}
    workers = {attempt.worker for attempt in pipeline.store.attempts.of_run(run.id)}
    labels = {
        label.get_text().partition("\n")[0] for label in plot.axes[0].get_yticklabels()
    }
    assert labels == {cut(worker, 30) for worker in workers}


def test_a_plot_leaves_nothing_in_pyplot(store, tmp_path):
    made_up(store, ["one.pdf"])
    store.close()
    script = (
        "import sys; from docprogress.store import Store\n"
        "from docprogress.plots.charts.timeline import timeline\n"
        "with Store(sys.argv[1]) as store:\n"
        "    plot = timeline(store, store.runs.get('20261124-160000-abcdef'), None)\n"
        "    assert plot._repr_png_()\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )

    process = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-c", script),
            f"sqlite:///{tmp_path / 'docprogress.db'}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(60),
    )

    assert process.stdout == "False\n", process.stderr


@pytest.mark.parametrize("before", ["", "import matplotlib.pyplot"], ids=["", "pyplot"])
def test_a_notebook_shows_a_plot_once(store, tmp_path, before):
    made_up(store, ["one.pdf"])
    store.close()
    with Kernel(tmp_path) as kernel:
        kernel.run(
            f"{before}\n"
            "from docprogress.store import Store\n"
            "from docprogress.plots.charts.timeline import timeline\n"
            f"store = Store({f'sqlite:///{tmp_path}/docprogress.db'!r})\n"
            "plot = timeline(store, store.runs.get('20261124-160000-abcdef'), None)"
        )

        kernel.run("plot")

        shown = [
            message["content"]["data"]
            for message in kernel.messages
            if message["msg_type"] in ("execute_result", "display_data")
        ]
    assert ["image/png" in data for data in shown] == [True]


def test_without_matplotlib_the_error_names_what_to_install(tmp_path):
    script = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from docprogress.client.run import Run\n"
        "try: Run.plot(None)\n"
        "except ImportError as error: print(error)"
    )

    process = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=patient(60),
    )

    assert "pip install 'docprogress[notebook]'" in process.stdout


def test_marks_differ_in_shape():
    assert len({style.shape for style in MARK_STYLES.values()}) == len(MARK_STYLES)
