"""A view that was scrolled out of sight is current, however JupyterLab draws cells."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support.lab import Lab, Notebook
from support.people import People, live
from support.steered import SteeredRun

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

#: Where JupyterLab has how it draws the cells of a notebook.
TRACKER = "@jupyterlab/notebook-extension/tracker"

#: A cell that fills the window, and how many of them follow the run.
FILLER = "print('line\\n' * 30)"
FILLERS = 20

#: Keeps every message of the kernel to this page.
HEARING = """
window.heard = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({data}) => {
      if (data instanceof ArrayBuffer) heard.push(new TextDecoder().decode(data));
    });
  }
};
"""


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> Iterator[SteeredRun]:
    """A run of three documents, none of which moves by itself."""
    settings = {"home": str(tmp_path / "home"), "redis_url": redis_url}
    run = SteeredRun(settings, ["one.pdf", "two.pdf", "three.pdf"])
    yield run
    run.close()


def scroll_to(notebook: Notebook, cell: int) -> None:
    notebook.page.evaluate(
        "cell => jupyterapp.shell.currentWidget.content.scrollToItem(cell, 'start')",
        cell,
    )


def scroll_away(notebook: Notebook) -> None:
    scroll_to(notebook, FILLERS)
    last = notebook.page.locator(".jp-Notebook .jp-CodeCell").last
    expect(last).to_be_in_viewport()
    expect(notebook.page.locator(".docprogress")).not_to_be_in_viewport()


def hears(notebook: Notebook, *words: str) -> None:
    """Wait until one message to the page has all of these."""
    notebook.page.wait_for_function(
        "words => heard.some(message => words.every(word => message.includes(word)))",
        arg=words,
    )


@pytest.mark.parametrize("mode", ["full", "defer", "contentVisibility"])
def test_a_run_that_went_on_out_of_sight_is_current_when_it_is_scrolled_to(
    lab: Lab, browser: Browser, run: SteeredRun, mode: str
):
    cells = [run.cell + "run", *[FILLER] * FILLERS]
    with (
        lab.setting(TRACKER, {"windowingMode": mode}),
        People(browser, lab, *cells) as people,
    ):
        notebook = people.come(HEARING)
        assert notebook.windowing_mode() == mode
        notebook.command("notebook:run-all-cells")
        run.publish(0, progress=10)
        scroll_to(notebook, 0)
        live(notebook, "10 %")
        scroll_away(notebook)
        run.publish(0, progress=40, message="Reading page 4")
        hears(notebook, "comm_msg", "Reading page 4")
        scroll_to(notebook, 0)
        live(notebook, "40 %")

        scroll_away(notebook)
        run.complete()
        hears(notebook, "update_display_data", "3 completed")
        scroll_to(notebook, 0)

        expect(notebook.output(0).get_by_role("table")).to_be_visible()
        expect(notebook.output(0)).to_contain_text("3 completed")
        notebook.screenshot(f"windowing-{mode}")
        assert notebook.errors == []
    lab.end_kernels()
