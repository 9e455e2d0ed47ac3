"""What a view leaves in a notebook that has no kernel."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from support.lab import private_jupyter
from support.patience import patient

from docprogress import Pipeline


@pytest.fixture(autouse=True)
def _own_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in private_jupyter(tmp_path).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def documents(samples: Path) -> list[str]:
    """Some that pass and one that does not."""
    names = ["price-list.html", "welcome-letter.pdf"]
    broken = samples.parent / "samples-that-fail" / "encrypted.pdf"
    return [str(samples / name) for name in names] + [str(broken)]


def executed(pipeline: Pipeline, documents: list[str], waiting: str) -> NotebookNode:
    """A notebook that shows a run and waits for it, as nobody looks."""
    begin = (
        "from docprogress import Pipeline\n"
        f"pipeline = Pipeline(home={str(pipeline.settings.home)!r}, workers=2)\n"
        f"run = pipeline.submit({documents!r})\n"
        "run"
    )
    notebook = new_notebook(cells=[new_code_cell(begin), new_code_cell(waiting)])
    NotebookClient(notebook, timeout=int(patient(120)), kernel_name="python3").execute()
    nbformat.validate(notebook)
    return notebook


def shown(notebook: NotebookNode) -> NotebookNode:
    """What the cell that shows the run has kept."""
    (output,) = notebook.cells[0].outputs
    return output.data


@pytest.mark.parametrize("waiting", ["_ = run.wait()", "_ = await run"])
def test_an_executed_notebook_keeps_the_table_and_no_widget(
    pipeline: Pipeline, documents: list[str], waiting: str
):
    data = shown(executed(pipeline, documents, waiting))

    assert set(data) == {"text/plain", "text/html"}
    reason = "encrypted.pdf: the PDF is encrypted and needs a password"
    assert data["text/plain"].splitlines() == [
        "3 documents: 2 completed, 1 failed",
        "price-list.html     completed",
        "welcome-letter.pdf  completed",
        f"encrypted.pdf       failed      {reason}; give it to run.retry(passwo…",
    ]


def test_exports_read_well_and_load_no_widget(pipeline: Pipeline, documents: list[str]):
    notebook = executed(pipeline, documents, "_ = run.wait()")

    page, _ = HTMLExporter().from_notebook_node(notebook)
    text, _ = MarkdownExporter().from_notebook_node(notebook)

    for export in (page, text):
        assert "3 documents: 2 completed, 1 failed" in export
        assert "the PDF is encrypted and needs a password" in export
        assert "model_id" not in export


def test_tables_need_no_style_sheet_and_no_script(
    pipeline: Pipeline, documents: list[str]
):
    html = shown(executed(pipeline, documents, "_ = run.wait()"))["text/html"]

    assert not re.search(r"<(style|script|link|img|iframe)|class=|on\w+=", html)
