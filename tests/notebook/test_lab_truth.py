"""A view in JupyterLab shows the current state, or since when it may be outdated."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from support.lab import Notebook, Window
from support.services import Server, eventually
from support.steered import SteeredRun, publish_event, watching

from docprogress import Bus, Status

#: Seconds without a sign of the kernel after which a view says so.
SILENCE = 6


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> Iterator[SteeredRun]:
    """A run of three documents, none of which moves by itself."""
    settings = {
        "home": str(tmp_path / "home"),
        "redis_url": redis_url,
    }
    run = SteeredRun(settings, ["one.pdf", "two.pdf", "three.pdf"])
    yield run
    run.close()


def shows(view: Locator, text: str | re.Pattern[str]) -> None:
    expect(view).to_contain_text(text)


def busy_until(path: Path) -> str:
    """A cell that ends when a file is there."""
    return (
        "import pathlib, time\n"
        f"while not pathlib.Path({str(path)!r}).exists():\n"
        "    time.sleep(0.02)"
    )


def last_update(notebook: Notebook, view: Locator) -> timedelta:
    """How long ago a view got its last update, as it shows."""
    shows(view, re.compile(r"Disconnected, last update \d\d:\d\d:\d\d"))
    match = re.search(r"last update (\S{8})", view.inner_text())
    assert match
    present = notebook.page.evaluate("() => new Date().toTimeString().slice(0, 8)")
    then, at = (datetime.strptime(text, "%H:%M:%S") for text in (match[1], present))  # noqa: DTZ007
    return (at - then) % timedelta(days=1)


def test_a_reloaded_page_shows_the_present(window: Window, run: SteeredRun):
    run.publish(0, progress=10)
    notebook = window.new(run.cell + "run")
    notebook.run(0)
    shows(notebook.view(0), "10 %")
    notebook.save()
    run.publish(0, progress=40)

    notebook.load()

    shows(notebook.view(0), "40 %")
    run.publish(0, progress=60)
    shows(notebook.view(0), "60 %")
    run.complete()
    expect(notebook.view(0)).to_have_count(0)
    shows(notebook.output(0), "3 documents: 3 completed")
    assert "3 completed" in notebook.save().cells[0].outputs[0].data["text/plain"]


@pytest.mark.slow
def test_a_notebook_saved_during_a_run_shows_a_current_table_without_its_kernel(
    window: Window, run: SteeredRun
):
    notebook = window.new(run.cell + "run")
    notebook.run(0)
    view = notebook.view(0)
    shown = {"text/html", "text/plain"}
    eventually(
        lambda: set(notebook.save().cells[0].outputs[0].data) == shown,
        what="the view is drawn in place of the HTML",
    )
    view.get_by_role("searchbox").fill("pdf")
    run.publish(0, progress=40)
    eventually(
        lambda: "40&nbsp;%" in notebook.save().cells[0].outputs[0].data["text/html"],
        what="the table under the view is current",
    )
    expect(view.get_by_role("searchbox")).to_be_focused()
    saved = notebook.save()
    window.clear()

    again = window.open(notebook.path)

    assert set(saved.cells[0].outputs[0].data) == shown
    expect(again.output(0).get_by_role("table")).to_be_visible()
    shows(again.output(0), "40")
    shows(again.output(0), f'ProgressView.attach("{run.run.id}"')
    expect(again.view(0)).to_have_count(0)
    again.screenshot("saved-during-a-run")
    assert again.errors == []


def test_a_view_moves_while_a_cell_is_busy(
    window: Window, run: SteeredRun, tmp_path: Path
):
    notebook = window.new(run.cell + "run", busy_until(tmp_path / "done"))
    notebook.run(0)
    shows(notebook.view(0), "one.pdf")
    notebook.run(1, wait=False)

    run.publish(0, progress=30)
    shows(notebook.view(0), "30 %")
    run.publish(0, progress=50)

    shows(notebook.view(0), "50 %")
    (tmp_path / "done").touch()


@pytest.mark.slow
def test_a_page_reloaded_while_a_cell_is_busy_shows_the_present(
    window: Window, run: SteeredRun, tmp_path: Path
):
    notebook = window.new(run.cell + "run", busy_until(tmp_path / "done"))
    notebook.run(0)
    run.publish(0, progress=10)
    shows(notebook.view(0), "10 %")
    notebook.save()
    notebook.run(1, wait=False)
    run.publish(0, progress=40)
    shows(notebook.view(0), "40 %")

    notebook.load()
    run.publish(0, progress=70)
    (tmp_path / "done").touch()

    shows(notebook.view(0), "70 %")


@pytest.mark.slow
def test_two_views_of_one_run_show_the_same(window: Window, run: SteeredRun):
    notebook = window.new(run.cell + "run", "ProgressView(run)")
    notebook.run(0)
    notebook.run(1)

    run.publish(0, progress=30)
    run.publish(1, Status.FAILED, progress=20, error="two.pdf: it is damaged")

    for cell in (0, 1):
        shows(notebook.view(cell), "30 %")
        shows(notebook.view(cell), "is damaged")


@pytest.mark.slow
def test_a_notebook_open_in_two_tabs_shows_the_same_in_both(
    window: Window, run: SteeredRun
):
    first = window.new(run.cell + "run")
    first.run(0)
    run.publish(0, progress=30)
    shows(first.view(0), "30 %")
    first.save()

    second = window.open_beside(first.path)

    shows(second.view(0), "30 %")
    run.publish(0, progress=50)
    shows(first.view(0), "50 %")
    shows(second.view(0), "50 %")


@pytest.mark.slow
def test_after_a_kernel_restart_the_old_view_reports_it_and_a_new_one_continues(
    window: Window, run: SteeredRun
):
    notebook = window.new(run.cell + "run", run.cell + "ProgressView(run)")
    notebook.run(0)
    run.publish(0, progress=30)
    shows(notebook.view(0), "30 %")

    notebook.restart_kernel()
    shows(notebook.view(0), "Disconnected")
    notebook.run(1)
    run.publish(0, progress=50)

    shows(notebook.view(1), "50 %")
    shows(notebook.view(0), "30 %")
    shows(notebook.view(0), "Disconnected")


def test_after_the_kernel_was_killed_the_view_says_since_when(
    window: Window, run: SteeredRun
):
    notebook = window.new(run.cell + "run")
    notebook.run(0)
    run.publish(0, progress=30)
    shows(notebook.view(0), "30 %")

    [kernel] = window.lab.kernel_processes()
    kernel.kill()

    assert last_update(notebook, notebook.view(0)) < timedelta(seconds=20)


@pytest.mark.slow
def test_a_kernel_that_hangs_is_distinguished_from_an_idle_one(
    window: Window, run: SteeredRun
):
    notebook = window.new(run.cell + "run")
    notebook.run(0)
    run.publish(0, progress=30)
    view = notebook.view(0)
    shows(view, "30 %")

    [kernel] = window.lab.kernel_processes()
    kernel.suspend()
    assert last_update(notebook, view) >= timedelta(seconds=SILENCE - 2)
    kernel.resume()

    expect(view).not_to_contain_text("Disconnected")
    run.publish(0, progress=50)
    shows(view, "50 %")


def test_the_view_reports_that_redis_is_unavailable(window: Window, server: Server):
    with Bus(server.url) as bus:
        notebook = window.new(watching(server.url, "scan-1", "scan-2"))
        notebook.run(0)
        view = notebook.view(0)
        publish_event(bus, "scan-1", progress=30)
        shows(view, "30 %")

        server.kill()
        shows(view, re.compile(r"Redis is unreachable since \d\d:\d\d:\d\d"))
        shows(view, "30 %")
        server.start()

        expect(view).not_to_contain_text("Redis is unreachable")
        publish_event(bus, "scan-1", progress=50)
        shows(view, "50 %")


@pytest.mark.slow
def test_a_page_that_was_asleep_shows_the_present_again(
    window: Window, run: SteeredRun
):
    notebook = window.new(run.cell + "run")
    notebook.run(0)
    run.publish(0, progress=30)
    view = notebook.view(0)
    shows(view, "30 %")
    notebook.page.evaluate(
        "() => { window.ticks = 0; setInterval(() => { window.ticks += 1; }, 100); }"
    )
    eventually(lambda: notebook.page.evaluate("() => window.ticks"))

    before = notebook.page.evaluate("() => window.ticks")
    with notebook.asleep(SILENCE + 2):
        run.publish(0, progress=50)
    after = notebook.page.evaluate("() => window.ticks")

    assert after - before < 20, "the page was not asleep"
    shows(view, "50 %")
    expect(view).not_to_contain_text("Disconnected")
    run.publish(0, progress=70)
    shows(view, "70 %")
