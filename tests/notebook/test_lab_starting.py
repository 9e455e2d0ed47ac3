"""What a cell in JupyterLab says while local services start."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.lab import Window
from support.patience import patient

from docprogress import local
from docprogress.local.lock import locked

pytestmark = pytest.mark.slow


def test_a_cell_says_that_workers_are_being_started_and_keeps_nothing_of_it(
    window: Window, home: Path
):
    notebook = window.new(
        "from docprogress import Pipeline",
        "print('before')\n"
        f"pipeline = Pipeline(home={str(home)!r}, workers=1)\n"
        "print('after')",
        f"Pipeline(home={str(home)!r}, workers=1).runs()",
    )
    notebook.run(0)
    local.prepare(home)
    with locked(home / "start.lock", seconds=patient(1)):
        notebook.run(1, wait=False)
        message = notebook.output(1).filter(has_text="Starting workers…")
        expect(message).to_be_visible()
        expect(notebook.output(1).filter(has_text="before")).to_be_visible()
        notebook.screenshot("starting-workers")

    expect(notebook.output(1).filter(has_text="after")).to_be_visible()
    expect(message).to_have_count(0)
    notebook.run(2)
    expect(notebook.output(2)).to_have_text("[]")
    [stream, empty, *rest] = notebook.save().cells[1].outputs
    assert (stream.text, empty.data) == ("before\n", {})
    assert [output.text for output in rest] == ["after\n"]
    assert notebook.errors == []
