"""Views in JupyterLab with few, many and hostile documents."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from support.lab import Notebook, Window, most_in_a_second
from support.patience import patient
from support.services import eventually
from support.steered import SteeredRun, publish_event, watching

from docprogress import Bus, Status

#: The most messages a second that a page gets, and what a busy machine may add to
#: them by holding some back.
MOST_MESSAGES = 15
HELD_BACK = 5

AXE = (
    Path(__file__).parents[1] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
)

HOSTILE = {
    "markup": "<img src=x onerror=\"window.harmed='img'\">.pdf",
    "script": "</script><script>window.harmed='script'</script>",
    "link": "[click](javascript:window.harmed='link')",
    "right-to-left": "عقد الإيجار.pdf",
    "turned round": "contract\u202efdp.exe",
    "family": "👩‍👩‍👧‍👦 Ünïcödé.pdf",
    "line breaks": "first\nsecond\r\n\tthird",
    "long": "endless" * 714 + "ed",
}


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> Iterator[SteeredRun]:
    """A run of thirty documents, none of which moves by itself."""
    settings = {"home": str(tmp_path / "home"), "redis_url": redis_url}
    run = SteeredRun(settings, [f"contract-{n:02}.pdf" for n in range(30)])
    yield run
    run.close()


def row(view: Locator, name: str) -> Locator:
    return view.get_by_role("row").filter(has_text=name)


def unharmed(notebook: Notebook) -> bool:
    return notebook.page.evaluate("() => window.harmed === undefined")


def looks_well(notebook: Notebook, name: str) -> None:
    """Take pictures for people, bright and dark, wide and narrow; ask axe-core."""
    page = notebook.page
    page.evaluate("() => jupyterapp.shell.collapseLeft()")
    size = page.viewport_size
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)
        for width in (1400, 760):
            page.set_viewport_size({"width": width, "height": 900})
            notebook.screenshot(f"{name}-{theme.lower()}-{width}")
        assert violations(notebook) == [], theme
    page.set_viewport_size(size)


def violations(notebook: Notebook) -> list[str]:
    """What axe-core calls serious in the views of a page."""
    if not AXE.exists():
        if "CI" in os.environ:
            pytest.fail("axe-core is not there: npm ci in tests/frontend")
        pytest.skip("axe-core is not there: npm ci in tests/frontend")
    notebook.page.evaluate(AXE.read_text("utf-8"))
    result = notebook.page.evaluate("() => axe.run('.jp-OutputArea-child')")
    return [
        f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:300]}"
        for each in result["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def test_one_document_is_one_bar_with_its_message(
    window: Window, bus: Bus, redis_url: str
):
    notebook = window.new(watching(redis_url, "scan-1"))
    notebook.run(0)
    view = notebook.view(0)

    publish_event(
        bus, "scan-1", progress=42, message="Reading page 12 of 200", name="scan.pdf"
    )

    expect(view).to_contain_text("Reading page 12 of 200")
    expect(view).to_contain_text("42 %")
    expect(view).to_contain_text("scan.pdf")
    expect(view.get_by_role("progressbar").first).to_have_attribute(
        "aria-valuenow", "42"
    )
    looks_well(notebook, "one")
    publish_event(bus, "scan-1", Status.COMPLETED, name="scan.pdf")
    expect(notebook.output(0)).to_contain_text("completed")
    assert notebook.errors == []


@pytest.mark.slow
def test_thirty_documents_show_failures_and_the_progress_of_the_others(
    window: Window, run: SteeredRun
):
    notebook = window.new(run.cell + "run")
    notebook.run(0)
    view = notebook.view(0)

    for number in range(12):
        run.publish(number, Status.COMPLETED)
    run.publish(12, Status.FAILED, progress=20, error="contract-12.pdf: it is damaged")
    run.publish(13, progress=70, step="embedding", message="Embedding 3 of 12 chunks")
    run.publish(14, progress=30, message="Extracting page 7 of 20", attempt=2)

    expect(row(view, "contract-12")).to_contain_text("It is damaged")
    expect(row(view, "contract-12")).to_contain_text("20 %")
    expect(row(view, "contract-13")).to_contain_text("Embedding 3 of 12 chunks")
    expect(row(view, "contract-14")).to_contain_text("2 of 3")
    expect(view.get_by_role("button", name="12 completed")).to_be_visible()
    looks_well(notebook, "thirty")
    for number in range(12, 30):
        run.publish(number, Status.COMPLETED, attempt=3)
    expect(notebook.output(0)).to_contain_text("30 completed")
    expect(notebook.output(0)).to_contain_text("contract-29.pdf")
    looks_well(notebook, "thirty-ended")
    assert notebook.errors == []


@pytest.mark.slow
def test_hostile_names_and_messages_are_shown_as_text(
    window: Window, bus: Bus, redis_url: str
):
    ids = [f"hostile-{n}" for n in range(len(HOSTILE))]
    notebook = window.new(watching(redis_url, *ids))
    notebook.run(0)
    view = notebook.view(0)

    for document_id, text in zip(ids, HOSTILE.values(), strict=True):
        publish_event(
            bus, document_id, progress=50, name=text, message=text, step=text[:90]
        )

    expect(row(view, "<img src=x onerror=")).to_be_visible()
    expect(row(view, "</script><script>")).to_be_visible()
    expect(row(view, "عقد الإيجار.pdf")).to_be_visible()
    expect(row(view, "👩‍👩‍👧‍👦")).to_be_visible()
    expect(row(view, "endlessendless")).to_be_visible()
    for each in (view, *view.get_by_role("row").all()[1:]):
        wide = "element => element.scrollWidth - element.clientWidth"
        assert each.evaluate(wide) <= 1
    row(view, "endlessendless").click()
    expect(view.get_by_role("heading", level=2)).to_have_text(HOSTILE["long"])
    looks_well(notebook, "hostile")
    row(view, "<img").click()
    expect(view.get_by_role("heading", level=2)).to_have_text(HOSTILE["markup"])

    for document_id, text in zip(ids, HOSTILE.values(), strict=True):
        publish_event(
            bus, document_id, Status.FAILED, progress=50, name=text, error=text
        )

    expect(notebook.view(0)).to_have_count(0)
    ended = notebook.output(0)
    for name in ("markup", "script", "right-to-left", "family"):
        expect(ended).to_contain_text(HOSTILE[name])
    assert ended.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
    looks_well(notebook, "hostile-ended")
    assert unharmed(notebook)
    assert notebook.errors == []


def test_the_keyboard_reaches_everything_and_the_notebook_gets_no_keys(
    window: Window, run: SteeredRun
):
    notebook = window.new(run.cell + "run", "'another cell'")
    notebook.run(0)
    view = notebook.view(0)
    run.publish(3, progress=30, message="Reading")
    expect(view).to_contain_text("Reading")
    page = notebook.page

    view.evaluate("element => element.focus()")
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                """() => {
                  const {activeElement: element} = document;
                  if (!element.closest(".docprogress")) return "";
                  return element.getAttribute("role")
                    ?? `${element.localName} ${element.innerText || element.type}`;
                }"""
            )
        )
    wanted = {"grid", "button Cancel", "input search"}
    assert wanted <= {" ".join(each.split()) for each in reached}

    page.keyboard.press("Tab")
    view.get_by_role("grid").focus()
    for key in ("ArrowDown", "ArrowDown", "x", "d", "d", "a", "Enter"):
        page.keyboard.press(key)
    expect(view.get_by_role("group", name="details of contract-")).to_be_visible()
    page.keyboard.press("Escape")
    expect(view.get_by_role("group", name="details of contract-")).to_be_hidden()
    view.get_by_role("searchbox").focus()
    page.keyboard.type("contract-07")
    expect(view.get_by_role("row").filter(has_text="contract-")).to_have_count(1)
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2)
    assert notebook.errors == []


@pytest.mark.parametrize(
    ("documents", "events"),
    [(2_000, 5_000), pytest.param(10_000, 10_000, marks=pytest.mark.slow)],
)
def test_many_events_come_as_few_messages_and_end_right(
    window: Window, bus: Bus, redis_url: str, documents: int, events: int
):
    script = Path(__file__).parents[1] / "support" / "crowd_of_events.py"
    notebook = window.new(
        "from docprogress import ProgressView\n"
        f"ids = [f'many-{{n}}' for n in range({documents})]\n"
        f"ProgressView.watch(*ids, redis_url={redis_url!r})"
    )
    notebook.run(0)
    expect(notebook.view(0)).to_contain_text(f"{documents:,}")
    begun = len(notebook.message_times())

    result = subprocess.run(
        [
            *(sys.executable, script, redis_url),
            *("--documents", str(documents), "--rate", "2000", "--seconds", "3"),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=patient(120),
    )

    ended = notebook.output(0)
    expect(ended).to_contain_text(f"{documents - 1:,} completed")
    expect(ended).to_contain_text("1 failed")
    times = notebook.message_times()[begun:]
    assert json.loads(result.stdout)["events"] > events
    assert most_in_a_second(times) <= MOST_MESSAGES + HELD_BACK
    assert len(times) / (times[-1] - times[0]) <= MOST_MESSAGES
    nodes = ended.evaluate("element => element.querySelectorAll('*').length")
    assert nodes < 5_000
    assert notebook.errors == []


@pytest.mark.slow
def test_fifty_views_that_were_closed_leave_nothing_behind(
    window: Window, bus: Bus, redis_url: str
):
    counting = f"""
import gc, threading, time
import psutil
from comm import get_comm_manager
from docprogress import ProgressView
from IPython.display import clear_output, display
from ipywidgets.widgets import widget
import redis

def counts():
    gc.collect()
    with redis.Redis.from_url({redis_url!r}) as client:
        watchers = [c for c in client.client_list() if "watcher" in c["name"]]
    return {{
        "threads": sorted(t.name for t in threading.enumerate()),
        "sockets": psutil.Process().net_connections("unix"),
        "watchers": watchers,
        "comms": list(get_comm_manager().comms),
        "widgets": list(widget._instances),
    }}

def more(before):
    # What was closed a moment ago may take another one to end.
    ends = time.monotonic() + {patient(30)}
    while True:
        found = counts()
        if all(len(found[name]) <= len(before[name]) for name in found):
            return ""
        if time.monotonic() > ends:
            return f"{{before}}, then {{found}}"
        time.sleep(0.05)

def settle():
    # What JupyterLab has made for views once one of them is alive.
    ends = time.monotonic() + {patient(30)}
    while not any("subshell" in t.name for t in threading.enumerate()):
        assert time.monotonic() < ends, "there is no subshell"
        time.sleep(0.05)

def show(times):
    for n in range(times):
        view = ProgressView.watch(f"closed-{{n}}", redis_url={redis_url!r})
        display(view)
        threading.Event().wait(0.05)
        view.close()
        clear_output()
"""
    notebook = window.new(
        counting
        + f"first = ProgressView.watch('first', redis_url={redis_url!r})\nfirst",
        "settle()\nfirst.close()\nshow(3)",
        "before = counts()",
        "show(50)",
        "print(more(before) or 'no more')",
    )
    notebook.run(0)
    expect(notebook.view(0)).to_be_visible()
    notebook.run(1)
    expect(notebook.view(0)).to_have_count(0)
    expect(notebook.view(1)).to_have_count(0)
    notebook.run(2)
    before = _nodes(notebook)

    notebook.run(3)
    notebook.run(4)

    assert notebook.text(4).strip() == "no more"
    expect(notebook.view(3)).to_have_count(0)
    # JupyterLab keeps a dozen nodes of every output that was cleared, whatever it
    # was; a view that is kept has more than a hundred.
    eventually(lambda: _nodes(notebook) < before + 50 * 25, what="the views are gone")
    # What anywidget says of a view that was closed before the page had made it.
    early = "[anywidget] Failed to initialize model."
    assert set(notebook.errors) <= {early}


def _nodes(notebook: Notebook) -> int:
    """How many nodes a page holds, also those that are not in the document."""
    control = notebook.page.context.new_cdp_session(notebook.page)
    control.send("HeapProfiler.collectGarbage")
    nodes = control.send("Memory.getDOMCounters")["nodes"]
    control.detach()
    time.sleep(0.1)  # politeness between two collections
    return nodes
