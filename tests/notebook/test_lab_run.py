"""Runs with real workers in JupyterLab: buttons and saved outputs."""

import os
import subprocess
import sysconfig
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, expect
from support.lab import HELD, SCREENSHOTS, Notebook, Window, private_jupyter
from support.patience import patient

START = """
from docprogress import Pipeline
pipeline = Pipeline(home={home!r}, workers=2, steps=["held_steps:held"])
names = ["{name}", "two.txt", "three.txt", "four.txt"]
run = pipeline.submit([(name, b"A sentence of some words.") for name in names])
run
"""

WIDGET = "application/vnd.jupyter.widget-view+json"


def chip(view: Locator, text: str) -> Locator:
    """The filter that counts the documents of a state."""
    return view.get_by_role("button", name=text, exact=True)


def ended(window: Window, home: Path, *, name: str = "one.txt") -> Notebook:
    """A notebook whose run has ended: one document failed, two completed."""
    notebook = window.new(
        f"from docprogress import Pipeline\npipeline = Pipeline(home={str(home)!r}, workers=2)",
        # Not as it is, so that only the output can hold it.
        f"name = bytes.fromhex({name.encode().hex()!r}).decode()\n"
        "documents = {name: b'Some words.', 'two.txt': b'More.', 'empty.pdf': b''}\n"
        "run = pipeline.submit(list(documents.items()))\nrun",
        f"run.wait(timeout={patient(60)})\nprint(run.progress().summary())",
    )
    for cell in range(3):
        notebook.run(cell)
    expect(notebook.view(1)).to_have_count(0)
    return notebook


def test_buttons_cancel_and_retry_while_a_cell_waits_for_the_run(
    window: Window, shared_home: Path, gate: Path
):
    notebook = window.new(
        HELD.format(gate=str(gate)),
        START.format(home=str(shared_home), name="one.txt"),
        f"run.wait(timeout={patient(80)})\nprint(run.progress().summary())",
    )
    notebook.run(0)
    notebook.run(1)
    view = notebook.settled_view(1)
    notebook.run(2, wait=False)
    expect(chip(view, "2 processing")).to_be_visible()

    view.get_by_role("row").filter(has_text="four.txt").click()
    panel = view.get_by_role("group", name="details of four.txt")
    panel.get_by_role("button", name="Cancel").click()
    expect(chip(view, "1 cancelled")).to_be_visible()
    expect(view).to_contain_text("1 document cancelled")
    notebook.screenshot("run-one-cancelled")

    panel.get_by_role("button", name="Retry").click()
    expect(view).to_contain_text("1 document retried")
    expect(chip(view, "1 cancelled")).to_have_count(0)
    gate.touch()

    expect(notebook.output(2)).to_contain_text("4 completed")
    expect(notebook.view(1)).to_have_count(0)
    expect(notebook.output(1)).to_contain_text("4 completed")
    assert notebook.errors == []


@pytest.mark.slow
def test_the_button_that_cancels_a_run_ends_the_cell_that_waits(
    window: Window, shared_home: Path, gate: Path
):
    notebook = window.new(
        HELD.format(gate=str(gate)),
        START.format(home=str(shared_home), name="one.txt"),
        f"run.wait(timeout={patient(80)})\nprint(run.progress().summary())",
    )
    notebook.run(0)
    notebook.run(1)
    view = notebook.settled_view(1)
    notebook.run(2, wait=False)
    expect(chip(view, "2 processing")).to_be_visible()

    view.get_by_role("button", name="Cancel").first.click()

    expect(notebook.output(2)).to_contain_text("4 cancelled")
    expect(notebook.view(1)).to_have_count(0)
    expect(notebook.output(1)).to_contain_text("4 cancelled")
    assert notebook.errors == []


@pytest.mark.slow
def test_a_run_that_is_tried_again_comes_alive_where_its_table_stood(
    window: Window, shared_home: Path, gate: Path
):
    notebook = window.new(
        HELD.format(gate=str(gate)),
        START.format(home=str(shared_home), name="one.txt"),
        "run.cancel()",
        "run.retry()",
    )
    for cell in range(3):
        notebook.run(cell)
    expect(notebook.view(1)).to_have_count(0)

    notebook.run(3)

    expect(notebook.view(1)).to_contain_text("held")
    gate.touch()
    expect(notebook.view(1)).to_have_count(0)
    expect(notebook.output(1)).to_contain_text("4 completed")
    assert notebook.errors == []


@pytest.mark.parametrize(
    "trusted",
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["trusted", "untrusted"],
)
def test_a_saved_notebook_shows_the_table_when_it_is_opened_again(
    window: Window, shared_home: Path, trusted: bool
):
    notebook = ended(window, shared_home)
    saved = notebook.save()
    path = notebook.path
    if not trusted:
        # As it came from elsewhere: what is signed is the content.
        saved.metadata["elsewhere"] = True
        path = f"untrusted-{path}"
        nbformat.write(saved, window.lab.folder / path)
    window.clear()

    again = window.open(path)

    output = again.output(1)
    expect(output).to_contain_text("2 completed, 1 failed")
    expect(output).to_contain_text("The file is empty")
    expect(output.locator("table")).to_be_visible()
    expect(again.page.get_by_text("model not found")).to_have_count(0)
    assert again.trusted() == trusted
    again.screenshot(f"saved-{'trusted' if trusted else 'untrusted'}")
    assert again.errors == []


@pytest.mark.slow
def test_a_saved_notebook_can_be_exported_without_a_network(
    window: Window, browser: Browser, shared_home: Path, tmp_path: Path
):
    name = "<b>bold | pipe *star* [link](x).txt"
    notebook = ended(window, shared_home, name=name)
    saved = notebook.save()
    assert not any(
        WIDGET in output.get("data", {}) for output in saved.cells[1].outputs
    )

    for kind, suffix in (("html", "html"), ("markdown", "md")):
        subprocess.run(
            [
                *(Path(sysconfig.get_path("scripts")) / "jupyter", "nbconvert"),
                *("--to", kind, "--output-dir", tmp_path, "--output", "exported"),
                window.lab.folder / notebook.path,
            ],
            env=os.environ | private_jupyter(tmp_path / "jupyter"),
            check=True,
            capture_output=True,
            timeout=patient(90),
        )
        text = (tmp_path / f"exported.{suffix}").read_text("utf-8")
        assert "2 completed, 1 failed" in text
        assert "The file is empty" in text
        assert "widget-view" not in text
        assert "model not found" not in text
        assert "<b>" not in text

    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.route("http*://**", lambda route: route.abort())
        page.goto((tmp_path / "exported.html").as_uri())
        expect(page.get_by_role("table")).to_be_visible()
        expect(page.get_by_role("table")).to_contain_text(name)
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / "exported.png")
