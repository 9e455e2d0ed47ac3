import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from support.kernels import Kernel
from support.services import Server, eventually
from support.steered import SteeredRun, publish_event, watching

from docprogress import Bus, Pipeline, Status
from docprogress.bus.pubsub import CLIENT_NAME
from docprogress.notebook.environment import HOW_TO_INSTALL
from docprogress.notebook.progress import table

WIDGET = "application/vnd.jupyter.widget-view+json"

#: What a kernel has of us: threads, file descriptors, feeds, widgets.
COUNT = """
import gc, os, threading
from ipywidgets.widgets.widget import _instances
from docprogress.notebook.progress.registry import registry
gc.collect()
ours = [t.name for t in threading.enumerate() if t.name.startswith("docprogress")]
print(len(ours), len(registry.sessions), len(_instances), len(os.listdir("/proc/self/fd")))
"""

WAYS = {
    "wait": "run.wait()",
    "await": "await run",
    "async for": "async for event in run: pass",
    "as_completed": "for document in run.as_completed(): pass",
}

in_every_way = pytest.mark.parametrize("waiting", WAYS.values(), ids=WAYS)


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with Kernel(tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


@pytest.fixture
def kernel(shared_kernel: Kernel) -> Iterator[Kernel]:
    """A kernel in which nothing is shown."""
    shared_kernel.messages.clear()
    yield shared_kernel
    shared_kernel.run(
        "from docprogress.notebook.progress.registry import registry\n"
        "for each in registry.sessions: each.close()"
    )


@pytest.fixture
def own_kernel(tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(tmp_path) as kernel:
        yield kernel


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> Iterator[SteeredRun]:
    """A run of three documents, none of which moves by itself."""
    settings = {"home": str(tmp_path / "home"), "redis_url": redis_url}
    run = SteeredRun(settings, ["one.pdf", "two.pdf", "three.pdf"])
    yield run
    run.close()


def complete(run: SteeredRun) -> None:
    """Let every document end, in the store as well."""
    store = run.run.connections.store
    for number, row in enumerate(run.run.documents()):
        store.attempts.claim(row.id, row.attempt, worker="a test")
        store.attempts.finish(
            row.id, row.attempt, Status.COMPLETED, message="Completed"
        )
        run.publish(number, Status.COMPLETED)


def watchers(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return sum(each["name"] == CLIENT_NAME for each in client.client_list())


def frozen(kernel: Kernel) -> dict[str, str]:
    """What the newest output has shown since it is a table."""

    def last() -> dict[str, str] | None:
        data = kernel.last_display()[-1]
        return None if WIDGET in data else data

    return eventually(last, what="the view has become a table")


def test_a_run_is_live_until_its_end_and_a_table_from_then_on(
    kernel: Kernel, run: SteeredRun
):
    kernel.run(run.cell + "run")
    run.publish(0, progress=20, message="Extracting page 2 of 10")
    row = eventually(
        lambda: next(
            (row for row in kernel.rows().values() if row["progress"] == 20), None
        ),
        what="the page is updated",
    )
    live = kernel.last_display()[0]
    complete(run)

    data = frozen(kernel)

    assert row["message"] == "Extracting page 2 of 10"
    assert set(live) == {WIDGET, "text/plain", "text/html"}
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"].startswith("3 documents: 3 completed\n")
    assert {row["status"] for row in kernel.rows().values()} == {"completed"}


def test_a_run_that_has_ended_is_shown_as_a_table_at_once(
    kernel: Kernel, run: SteeredRun
):
    complete(run)

    text = kernel.run(run.cell + "run")

    assert text.startswith("3 documents: 3 completed\n")
    assert kernel.comms() == set()
    assert watchers(run._settings["redis_url"]) == 0


def test_waiting_ends_when_the_table_is_there(
    kernel: Kernel, pipeline: Pipeline, samples: Path
):
    run = pipeline.submit(samples)
    kernel.run(attached(pipeline, run.id) + "run")

    kernel.run("_ = run.wait()")

    first, *_ = kernel.displays().values()
    assert WIDGET not in first[-1]


def test_waiting_as_the_last_line_adds_a_line_to_the_table_that_is_there(
    kernel: Kernel, run: SteeredRun
):
    kernel.run(run.cell + "run")
    complete(run)

    line = kernel.run("run.wait()")
    again = kernel.run("await run")
    alone = kernel.run("run")
    together = kernel.run("display(run)\nrun.wait()")

    assert line == again == "3 documents: 3 completed"
    assert alone == together
    assert alone.startswith("3 documents: 3 completed\n")


def attached(pipeline: Pipeline, run_id: str) -> str:
    return (
        "from docprogress import Pipeline, ProgressView\n"
        f"pipeline = Pipeline(home={str(pipeline.settings.home)!r})\n"
        f"run = pipeline.attach({run_id!r})\n"
    )


@in_every_way
def test_a_cell_waits_for_a_run_in_every_way(
    kernel: Kernel, pipeline: Pipeline, samples: Path, waiting: str
):
    run = pipeline.submit(samples / "price-list.html")

    kernel.run(attached(pipeline, run.id) + waiting)

    assert kernel.run("print(run.progress().finished)") == "True\n"


@in_every_way
def test_an_interrupt_ends_the_waiting_and_not_the_run(
    kernel: Kernel, run: SteeredRun, waiting: str
):
    url = run._settings["redis_url"]
    # Or an interrupt would come before there is anything to interrupt.
    eventually(lambda: watchers(url) == 0, what="nobody of a test before watches")
    kernel.run(run.cell + "run")
    eventually(lambda: watchers(url) == 1, what="the view watches")
    cell = kernel.begin(waiting)
    eventually(lambda: watchers(url) == 2, what="it waits")

    kernel.interrupt()
    ended = kernel.end(cell)
    complete(run)

    assert ended.error in ("KeyboardInterrupt", "CancelledError")
    assert frozen(kernel)["text/plain"].startswith("3 documents: 3 completed\n")
    eventually(lambda: watchers(run._settings["redis_url"]) == 0, what="nobody watches")


def test_waiting_no_longer_than_it_may_is_an_error(kernel: Kernel, run: SteeredRun):
    kernel.run(run.cell)

    ended = kernel.end(kernel.begin("run.wait(timeout=0.2)"))

    assert ended.error == "TimeoutError"


def test_buttons_work_while_a_cell_waits(
    kernel: Kernel, run: SteeredRun, redis_url: str
):
    kernel.run(run.cell + "run")
    document = run.run.documents()[0]
    run.publish(0, progress=20)
    cell = kernel.begin("_ = run.wait()")
    eventually(lambda: watchers(redis_url) == 2, what="it waits")

    kernel.send({"type": "details", "id": document.id}, aside=True)
    (details,) = eventually(
        lambda: kernel.view_messages("details"), what="details are sent"
    )
    asked = {"type": "cancel", "request": 7, "page": "a", "ids": None}
    kernel.send(asked, aside=True)
    ended = kernel.end(cell)
    (acted,) = eventually(
        lambda: kernel.view_messages("acted"), what="the action is answered"
    )

    assert details["id"] == document.id
    assert [each["progress"] for each in details["history"]][-1] == 20
    assert acted == {
        "type": "acted",
        "request": 7,
        "page": "a",
        "ok": True,
        "text": "3 documents cancelled",
    }
    assert ended.status == "ok"
    assert frozen(kernel)["text/plain"].startswith("3 documents: 3 cancelled\n")


def test_an_action_names_documents_of_this_view_alone(kernel: Kernel, run: SteeredRun):
    kernel.run(run.cell + "run")
    mine = run.run.documents()[1].id

    ids = ["another-run-0001", mine, None, {}]
    kernel.send({"type": "cancel", "request": 1, "ids": ids})
    kernel.send({"type": "retry", "request": 2, "ids": "nonsense"})
    kernel.send({"type": "retry", "request": 3, "ids": 17})
    kernel.send({"type": "details", "id": ["nonsense"]})
    kernel.send({"type": "nonsense"})
    kernel.send({})
    eventually(lambda: len(kernel.view_messages("acted")) == 3, what="all are answered")

    states = {row.id: row.status for row in run.run.documents()}
    assert [state is Status.CANCELLED for state in states.values()].count(True) == 1
    assert states[mine] is Status.CANCELLED
    answers = {
        message["request"]: message["ok"] for message in kernel.view_messages("acted")
    }
    assert answers == {1: True, 2: True, 3: False}


def test_views_of_one_run_share_one_subscription(
    kernel: Kernel, run: SteeredRun, redis_url: str
):
    kernel.run(run.cell + "run")
    for _ in range(3):
        kernel.run("ProgressView(run)")
    eventually(lambda: watchers(redis_url), what="it is subscribed to")
    comms, subscriptions = len(kernel.comms()), watchers(redis_url)

    complete(run)
    frozen(kernel)

    assert (comms, subscriptions) == (2, 1)
    last = [shown[-1] for shown in kernel.displays().values()]
    assert [WIDGET in data for data in last] == [False] * 4


def counted(kernel: Kernel) -> list[int]:
    """Threads, sessions and widgets of ours, and open files."""
    return [int(number) for number in kernel.run(COUNT).split()]


def test_fifty_views_that_were_closed_leave_nothing(
    own_kernel: Kernel, run: SteeredRun, redis_url: str
):
    show_and_close = (
        "from IPython.display import display\n"
        "view = ProgressView(run)\n"
        "display(view); view.close()"
    )
    own_kernel.run(run.cell + show_and_close)
    *before, open_files = counted(own_kernel)

    for _ in range(10):
        own_kernel.run("\n".join([show_and_close] * 5))

    # ipykernel closes its sockets of threads that have ended every ten seconds: it may
    # have had more of them before.
    eventually(
        lambda: counted(own_kernel)[-1] <= open_files, what=f"{open_files} open files"
    )
    assert before == counted(own_kernel)[:-1] == [0, 0, 0]
    assert own_kernel.comms() == set()
    assert watchers(redis_url) == 0


def test_a_closed_view_leaves_a_table_that_reports_it(kernel: Kernel, run: SteeredRun):
    kernel.run(run.cell + "view = ProgressView(run)\nview")

    kernel.run("view.close()")

    assert table.CLOSED in frozen(kernel)["text/plain"]
    assert kernel.comms() == set()


def test_one_view_that_is_closed_takes_no_other_with_it(
    kernel: Kernel, run: SteeredRun
):
    kernel.run(run.cell + "one, other = ProgressView(run), ProgressView(run)\none")
    kernel.run("other")
    kernel.run("one.close()")
    run.publish(1, progress=30)

    eventually(
        lambda: any(row["progress"] == 30 for row in kernel.rows().values()),
        what="the other one is updated",
    )
    first, second = kernel.displays().values()
    assert table.CLOSED in first[-1]["text/plain"]
    assert WIDGET in second[-1]


def test_a_widget_in_a_layout_is_updated_until_it_is_closed(
    kernel: Kernel, run: SteeredRun, redis_url: str
):
    kernel.run(
        run.cell + "import ipywidgets\n"
        "view = ProgressView(run)\n"
        "box = ipywidgets.VBox([view.widget])\n"
        "box"
    )
    complete(run)
    eventually(lambda: kernel.summary().get("finished"), what="the end is sent")
    sent = len(kernel.view_messages())

    eventually(lambda: len(kernel.view_messages()) > sent, what="it still beats")
    # A box that holds a widget without a comm would keep all others from any page.
    kernel.run("box.close(); view.close()")

    assert watchers(redis_url) == 0


def test_documents_of_other_publishers_are_shown(
    kernel: Kernel, redis_url: str, bus: Bus
):
    kernel.run(watching(redis_url, "theirs", "silent"))
    bare = (
        '{"document_id": "theirs", "status": "processing", "step": "ocr", '
        '"progress": 42, "message": "reading", "timestamp": "2026-01-02T03:04:05Z"}'
    )
    eventually(lambda: watchers(redis_url), what="it is subscribed to")
    eventually(
        lambda: bus.redis.publish("document:theirs:progress", bare),
        what="somebody listens",
    )

    eventually(
        lambda: kernel.rows().get("theirs", {}).get("progress") == 42,
        what="the page is updated",
    )
    assert kernel.rows()["silent"]["status"] == "queued"
    assert not kernel.summary()["actions"]


def test_documents_that_begin_again_are_live_again(
    kernel: Kernel, redis_url: str, bus: Bus
):
    kernel.run(watching(redis_url, "again"))
    publish_event(bus, "again", Status.COMPLETED, attempt=1)
    frozen(kernel)

    publish_event(bus, "again", progress=10, attempt=2)

    eventually(lambda: WIDGET in kernel.last_display()[-1], what="it is alive again")


def test_a_retry_brings_a_table_to_life_and_to_its_end(
    kernel: Kernel, pipeline: Pipeline
):
    run = pipeline.submit([("empty.txt", b"")])
    kernel.run(attached(pipeline, run.id) + "run")
    kernel.run("_ = run.wait()")
    first = frozen(kernel)["text/plain"]

    before = len(next(iter(kernel.displays().values())))
    kernel.run("run.retry(); _ = run.wait()")

    shown = next(iter(kernel.displays().values()))
    assert first.startswith("1 document: 1 failed\n")
    assert any(WIDGET in data for data in shown[before:])
    assert WIDGET not in shown[-1]


def test_a_retry_through_another_pipeline_brings_a_table_to_life(
    kernel: Kernel, pipeline: Pipeline
):
    run = pipeline.submit([("empty.txt", b"")])
    kernel.run(attached(pipeline, run.id) + "run")
    kernel.run("_ = run.wait()")
    frozen(kernel)
    before = len(next(iter(kernel.displays().values())))

    kernel.run(attached(pipeline, run.id).replace("run =", "other =") + "other.retry()")

    def live() -> bool:
        shown = next(iter(kernel.displays().values()))
        return any(WIDGET in data for data in shown[before:])

    eventually(live, what="it is alive again")


def test_documents_that_ended_again_unseen_are_in_the_table(
    kernel: Kernel, redis_url: str, bus: Bus
):
    kernel.run(watching(redis_url, "again"))
    publish_event(
        bus, "again", Status.FAILED, attempt=1, progress=20, error="the first time"
    )
    first = frozen(kernel)["text/plain"]

    publish_event(bus, "again", Status.COMPLETED, attempt=2)

    assert first.endswith("the first time")
    eventually(
        lambda: "1 completed" in kernel.last_display()[-1]["text/plain"],
        what="the table is another one",
    )


def test_a_page_that_is_loaded_again_is_right_at_once(kernel: Kernel, run: SteeredRun):
    kernel.run(run.cell + "run")
    run.publish(2, progress=70)
    eventually(
        lambda: any(row["progress"] == 70 for row in kernel.rows().values()),
        what="the kernel has received it",
    )

    snapshot = kernel.ask_states()[kernel.model()]["snapshot"]

    assert [row["progress"] for row in snapshot["rows"]] == [0, 0, 70]
    assert snapshot["summary"]["rows"] == 3


def test_a_page_that_is_loaded_after_the_end_is_answered(
    kernel: Kernel, run: SteeredRun
):
    kernel.run(run.cell + "run")
    complete(run)
    frozen(kernel)
    kernel.messages[:] = [m for m in kernel.messages if m["msg_type"] == "comm_open"]

    kernel.send({"type": "whole"})

    (whole,) = eventually(
        lambda: kernel.view_messages("whole"), what="it gets everything"
    )
    assert {row["status"] for row in whole["rows"]} == {"completed"}
    kernel.send({"type": "details", "id": whole["rows"][0]["id"]})
    eventually(lambda: kernel.view_messages("details"), what="details are sent")


def test_a_view_shows_a_lost_connection_and_recovers(
    kernel: Kernel, server: Server, tmp_path: Path
):
    settings = {"home": str(tmp_path / "home"), "redis_url": server.url}
    run = SteeredRun(settings, ["one.pdf"])
    kernel.run(run.cell + "run")
    eventually(lambda: watchers(server.url), what="it is subscribed to")

    server.kill()
    eventually(lambda: not kernel.summary().get("connected", True), what="it is shown")
    lost_at = kernel.summary()["lost_at"]
    server.start()
    eventually(lambda: kernel.summary()["connected"], what="it is there again")
    complete(run)
    data = frozen(kernel)

    assert lost_at
    assert data["text/plain"].startswith("1 document: 1 completed\n")
    run.close()


def test_a_storm_of_events_is_few_messages_and_right_in_the_end(
    kernel: Kernel, run: SteeredRun
):
    kernel.run(run.cell + "run")
    answering = threading.Event()

    def paint() -> None:
        painted = 0
        while not answering.wait(0.01):
            sent = kernel.view_messages("delta")
            if len(sent) > painted:
                painted = len(sent)
                last = {key: sent[-1][key] for key in ("session", "seq")}
                kernel.send({"type": "painted", **last})

    page = threading.Thread(target=paint)
    page.start()
    for number in range(3000):
        run.publish(number % 3, progress=number / 3000 * 99)
    complete(run)
    frozen(kernel)
    answering.set()
    page.join()

    moments = [at.timestamp() for at, _ in kernel.view_messages_at()]
    most = max(sum(m <= at < m + 1 for at in moments) for m in moments)
    assert most <= 15
    assert {row["status"] for row in kernel.rows().values()} == {"completed"}
    sequence = [
        message["seq"] for message in kernel.view_messages() if "seq" in message
    ]
    assert sequence == list(range(1, len(sequence) + 1))


def test_a_restarted_kernel_attaches_and_shows_the_run_again(
    own_kernel: Kernel, run: SteeredRun
):
    own_kernel.run(run.cell + "run")
    run.publish(0, progress=33)
    own_kernel.restart()

    attach = (
        "from docprogress import ProgressView\n"
        f"ProgressView.attach({run.run.id!r}, **{run._settings!r})"
    )
    own_kernel.run(attach)

    eventually(
        lambda: any(row["progress"] == 33 for row in own_kernel.rows().values()),
        what="the new kernel's page is updated",
    )


def test_where_no_page_answers_a_table_replaces_the_view_and_is_kept_up_to_date(
    own_kernel: Kernel, run: SteeredRun
):
    own_kernel.run(
        "from docprogress.notebook.progress import audience\n"
        "audience.ANSWER_SECONDS = 0.3"
    )
    own_kernel.run(run.cell + "run")

    def shown(text: str) -> dict[str, str] | None:
        data = own_kernel.last_display()[-1]
        return data if WIDGET not in data and text in data["text/plain"] else None

    attach = f'ProgressView.attach("{run.run.id}"'
    eventually(lambda: shown(attach), what="the view has become a table")
    run.publish(0, progress=40)
    eventually(lambda: shown("40 %"), what="the table is updated")
    own_kernel.send({"type": "loaded", "page": "a"})
    eventually(lambda: WIDGET in own_kernel.last_display()[-1], what="it is live again")
    complete(run)
    assert "As of" not in frozen(own_kernel)["text/plain"]


def test_without_anywidget_a_table_says_how_to_see_it_live(
    own_kernel: Kernel, run: SteeredRun
):
    own_kernel.run("import sys; sys.modules['anywidget'] = None")

    text = own_kernel.run(run.cell + "run")
    ended = own_kernel.end(own_kernel.begin("ProgressView(run).widget"))

    assert text.startswith("3 documents: 3 queued\n")
    assert HOW_TO_INSTALL in text
    assert ended.error == "ImportError"


def test_cells_behind_a_nested_loop_all_run(own_kernel: Kernel):
    own_kernel.run("import docprogress; docprogress.allow_nested_asyncio()")
    nested = (
        "import asyncio\n"
        "async def answer(): await asyncio.sleep(0.2); return 42\n"
        "print(asyncio.run(answer()))"
    )

    cells = [own_kernel.begin(nested), *(own_kernel.begin(f"{n}") for n in range(5))]
    ended = [own_kernel.end(cell) for cell in cells]

    assert [cell.text for cell in ended] == ["42\n", "0", "1", "2", "3", "4"]


def test_a_run_is_waited_for_inside_a_nested_loop(
    own_kernel: Kernel, run: SteeredRun, redis_url: str
):
    own_kernel.run("import docprogress; docprogress.allow_nested_asyncio()")
    own_kernel.run(run.cell + "run")
    cell = own_kernel.begin(
        "import asyncio\n"
        "async def ended(): return await run\n"
        "print(asyncio.run(ended()).id)"
    )
    eventually(lambda: watchers(redis_url) == 2, what="it waits")

    complete(run)

    assert run.run.id in own_kernel.end(cell).text
    assert frozen(own_kernel)["text/plain"].startswith("3 documents: 3 completed\n")


@pytest.mark.skipif(os.name != "posix", reason="uvloop is for POSIX alone")
def test_a_loop_of_uvloop_is_not_patched(own_kernel: Kernel):
    pretended = (
        "import asyncio, docprogress\n"
        "Loop = type('Loop', (), {'__module__': 'uvloop.loop'})\n"
        "asyncio.get_running_loop = Loop\n"
        "docprogress.allow_nested_asyncio()"
    )

    ended = own_kernel.end(own_kernel.begin(pretended))

    assert ended.error == "SettingsError"


def test_a_progress_bar_in_a_notebook_stays_as_text_when_it_is_saved(kernel: Kernel):
    kernel.run(
        "from docprogress.terminal.bar import progress_bar\n"
        "with progress_bar('Exporting', 3, unit='documents') as update:\n"
        "    update(1, 3)\n"
        "    update(3, 3)"
    )

    first, *_, last = kernel.last_display()
    assert first["text/plain"] == "Exporting: 0 of 3 documents"
    assert '<progress value="3" max="3">' in last["text/html"]
    assert last["text/plain"].startswith("Exporting: 3 of 3 documents in ")


def test_a_page_that_draws_in_anchors_gets_outputs_without_a_widget_that_are_current(
    own_kernel: Kernel, run: SteeredRun
):
    own_kernel.run(
        "from docprogress.notebook.progress import output\noutput.SAVE_SECONDS = 0.1"
    )
    own_kernel.run(run.cell + "run")
    assert WIDGET in own_kernel.last_display()[-1]

    own_kernel.send({"type": "anchors", "page": "a", "restored": True})
    run.publish(0, progress=40)

    def shown() -> bool:
        data = own_kernel.last_display()[-1]
        return WIDGET not in data and "40 %" in data["text/plain"]

    eventually(shown, what="the table is current")
    assert 'class="docprogress-live-' in own_kernel.last_display()[-1]["text/html"]
    complete(run)
    eventually(
        lambda: (
            "completed" in own_kernel.last_display()[-1]["text/html"]
            and "docprogress-live-" not in own_kernel.last_display()[-1]["text/html"]
        ),
        what="the table of the end is there",
    )
    ended = own_kernel.last_display()[-1]
    pushed = [m for m in own_kernel.view_messages() if m.get("type") == "table"]
    assert pushed[-1]["pages"] == ["a"]
    assert pushed[-1]["data"]["text/html"] == ended["text/html"]
