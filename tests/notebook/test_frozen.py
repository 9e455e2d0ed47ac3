"""What a view leaves in a notebook that has no kernel."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.client import KernelClient
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from support.lab import private_jupyter
from support.patience import patient
from support.steered import SteeredRun

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


@pytest.fixture
def steered(
    redis_url: str, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SteeredRun]:
    """A run of three documents that no worker works on."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    settings = {"redis_url": redis_url, "home": str(short_path / "home")}
    run = SteeredRun(settings, ["a.txt", "b.txt", "c.txt"])
    yield run
    run.close()


def executed(pipeline: Pipeline, documents: list[str], *cells: str) -> NotebookNode:
    """A notebook that shows a run, and these cells after it, as nobody looks."""
    begin = (
        "from docprogress import Pipeline\n"
        f"pipeline = Pipeline(home={str(pipeline.settings.home)!r}, workers=2)\n"
        f"run = pipeline.submit({documents!r})\n"
        "run"
    )
    return of_cells(begin, *cells)


def of_cells(*cells: str) -> NotebookNode:
    """A notebook of these cells that was executed by a program."""
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
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
    notebook = executed(pipeline, documents, waiting)
    data = shown(notebook)

    reason = "the PDF is encrypted and needs a password"
    assert data["text/plain"].splitlines() == [
        "3 documents: 2 completed, 1 failed",
        f"encrypted.pdf       failed      {reason}; give it to run.retry(passwords=[…])",
        "price-list.html     completed",
        "welcome-letter.pdf  completed",
    ]
    assert_static(notebook)


def test_a_run_without_wait_is_saved_as_a_current_table(
    steered: SteeredRun,
):
    """Events come from cells here: nothing else would happen between them."""
    notebook = of_cells(
        steered.cell + "run",
        "from support.steered import publish_event\n"
        "from docprogress import Status\n"
        "ids = [row.id for row in run.documents()]\n"
        "bus = run.connections.bus\n"
        "publish_event(bus, ids[0], progress=40, run_id=run.id)\n"
        "publish_event(bus, ids[1], Status.FAILED, error='broken', run_id=run.id)",
        "ProgressView.watch(ids[0], redis_url=run.connections.redis_url)",
    )

    page, _ = HTMLExporter().from_notebook_node(notebook)
    lines = shown(notebook)["text/plain"].splitlines()
    assert lines[0] == "3 documents: 1 failed, 1 processing, 1 queued"
    assert [line.split()[1] for line in lines[1:4]] == [
        "failed",
        "processing",
        "queued",
    ]
    assert "40 % ocr" in lines[2]
    assert lines[4].startswith("As of 2")
    assert f'To see it live: ProgressView.attach("{steered.run.id}", ' in lines[4]
    assert "ProgressView.attach(" in page
    assert "processing  40 % ocr" in notebook.cells[2].outputs[0].data["text/plain"]
    assert_static(notebook)


def test_an_uploader_in_an_executed_notebook_says_that_there_is_no_page(
    pipeline: Pipeline, documents: list[str]
):
    notebook = of_cells(
        "from docprogress import Pipeline, Uploader\n"
        f"pipeline = Pipeline(home={str(pipeline.settings.home)!r}, workers=2)\n"
        "upload = pipeline.upload()\n"
        "upload",
        f"upload.add({documents[0]!r})\n_ = upload.wait()",
    )

    text = shown(notebook)["text/plain"]
    assert "1 document: 1 completed" in text
    assert_static(notebook)


def test_a_host_that_drops_what_is_sent_between_cells_saves_a_current_table(
    steered: SteeredRun,
):
    """Somebody could answer, but nothing loads the widget, as without its module."""
    wait = (
        "from docprogress.notebook.progress import audience, registry\n"
        "from time import sleep\n"
        "audience.ANSWER_SECONDS = 0\n"
        "while not registry.registry.sessions[0]._output.frozen: sleep(0.02)"
    )
    cells = (f"{steered.cell}run", wait)
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    bundles: list[NotebookNode] = []

    def between(cell: NotebookNode, cell_index: int, **_: object) -> None:
        bundles.extend(output.data for output in cell.outputs)
        if cell_index == 0:
            steered.publish(0, progress=40)

    Front(notebook, kernel_name="python3", on_cell_executed=between).execute()

    (live,) = bundles
    (output,) = notebook.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in live
    assert f'ProgressView.attach("{steered.run.id}"' in live["text/html"]
    assert set(output.data) == {"text/plain", "text/html"}
    assert "40 %" in output.data["text/plain"]


class Front(NotebookClient):
    """Executes a notebook as a front end with a person does."""

    async def async_start_new_kernel_client(self) -> KernelClient:
        client = await super().async_start_new_kernel_client()
        client.allow_stdin = True
        return client


def test_waiting_as_the_last_line_leaves_one_table(
    pipeline: Pipeline, documents: list[str]
):
    notebook = executed(pipeline, documents, "run.wait()", "display(run)\nrun.wait()")

    (line,), (table,) = (cell.outputs for cell in notebook.cells[1:])
    assert line.data == {"text/plain": "3 documents: 2 completed, 1 failed"}
    assert "<table" in shown(notebook)["text/html"]
    assert table.data == shown(notebook)
    assert_static(notebook)


def test_exports_read_well_and_load_no_widget(pipeline: Pipeline, documents: list[str]):
    notebook = executed(pipeline, documents, "_ = run.wait()")

    page, _ = HTMLExporter().from_notebook_node(notebook)
    text, _ = MarkdownExporter().from_notebook_node(notebook)

    for export in (page, text):
        assert "3 documents: 2 completed, 1 failed" in export
        assert "The PDF is encrypted and needs a password" in export
        assert "model_id" not in export


def assert_static(notebook: NotebookNode) -> None:
    """Check that no output and no metadata needs a page that draws widgets."""
    for cell in notebook.cells:
        for output in cell.outputs:
            assert set(output.get("data", {})) <= {"text/plain", "text/html"}
    assert "widgets" not in notebook.metadata


def test_tables_need_no_style_sheet_and_no_script(
    pipeline: Pipeline, documents: list[str]
):
    html = shown(executed(pipeline, documents, "_ = run.wait()"))["text/html"]

    assert not re.search(r"<(style|script|link|img|iframe)|class=|on\w+=", html)
