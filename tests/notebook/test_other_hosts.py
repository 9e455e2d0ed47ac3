"""Runs and views where something else than JupyterLab shows a notebook."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, Locator, Page, Route, expect
from support.lab import SCREENSHOTS, Lab, Notebook, private_jupyter
from support.patience import patient
from support.served import Served, script
from support.services import free_port, lacking
from support.steered import SteeredRun

from docprogress import Status

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LOAD = patient(60) * 1000


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> Iterator[SteeredRun]:
    """A run of three documents, one of which has failed and one of which is read."""
    settings = {"home": str(tmp_path / "home"), "redis_url": redis_url}
    run = SteeredRun(settings, ["one.pdf", "two.pdf", "three.pdf"])
    run.publish(0, progress=20, message="Extracting page 2 of 10")
    run.publish(1, Status.FAILED, error="it is broken")
    yield run
    run.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that reaches nothing but this machine."""
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    context.route("**/*", _stay_here)
    yield context.new_page()
    context.close()


def _stay_here(route: Route) -> None:
    here = route.request.url.startswith(("http://127.0.0.1", "file:", "data:", "blob:"))
    if here:
        route.continue_()
    else:
        route.abort()


def installed(program: str) -> None:
    """Skip on a laptop, fail in CI, where a host is not installed."""
    if not script(program).exists():
        lacking(f"{program} is not installed: pip install --group hosts")


def environment(folder: Path) -> dict[str, str]:
    """Nothing of whoever runs the tests, and no news from the network."""
    private = {f"XDG_{name}_HOME": str(folder) for name in ("CACHE", "CONFIG", "STATE")}
    return (
        private_jupyter(folder / "jupyter")
        | private
        | {"MARIMO_SKIP_UPDATE_CHECK": "1"}
    )


def complete(run: SteeredRun) -> None:
    for number in (0, 2):
        run.publish(number, Status.COMPLETED)


def picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def marimo_notebook(path: Path, *cells: str) -> Path:
    parts = ["import marimo\n\napp = marimo.App()\n"]
    for cell in cells:
        body = indent(cell.rstrip(), "    ")
        parts.append(f"\n@app.cell\ndef _():\n{body}\n    return\n")
    path.write_text("\n".join(parts))
    return path


@pytest.mark.parametrize("mode", ["run", "edit"])
def test_marimo_shows_a_run_and_a_view_that_is_wrapped_and_takes_uploads(
    run: SteeredRun, tmp_path: Path, page: Page, mode: str
):
    installed("marimo")
    cell = (
        run.cell.replace("run = Pipeline(", "pipeline = Pipeline(").replace(
            ").attach(", ")\nrun = pipeline.attach("
        )
        + "import marimo as mo\n"
        "mo.vstack([mo.as_html(run), mo.ui.anywidget(ProgressView(run)),"
        " mo.as_html(pipeline.upload())])"
    )
    path = marimo_notebook(tmp_path / "notebook.py", cell)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = ["marimo", mode, str(path), "--headless", "--no-token", f"--port={port}"]
    with Served(
        command,
        url=url,
        log=tmp_path / "marimo.log",
        environment=environment(tmp_path),
    ):
        page.goto(url, timeout=LOAD)
        if mode == "edit":
            page.locator(".cm-content").first.click(timeout=LOAD)
            page.keyboard.press("Control+Shift+r")

        views = page.locator(".docprogress:not(.dp-uploader)")
        expect(views).to_have_count(2, timeout=LOAD)
        document = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"Some words."}
        page.locator("input[type=file]").first.set_input_files([document])
        uploader = page.locator(".dp-uploader")
        expect(uploader).to_contain_text("1 file uploaded")
        expect(uploader).to_contain_text(
            'show this in another cell: ProgressView.attach("'
        )
        for view in views.all():
            expect(view).to_contain_text("Extracting page 2 of 10")
            expect(view).to_contain_text("is broken")
        complete(run)
        for view in views.all():
            expect(view).to_contain_text("1 of 3 documents failed")
        picture(page, f"marimo-{mode}")
        if mode == "edit":
            # The kernel goes on, and has to be asked what became of it.
            page.reload(timeout=LOAD)
            expect(views).to_have_count(2, timeout=LOAD)
            for view in views.all():
                expect(view).to_contain_text("1 of 3 documents failed")


def test_voila_shows_a_run_live_to_its_end(run: SteeredRun, tmp_path: Path, page: Page):
    installed("voila")
    path = tmp_path / "notebook.ipynb"
    notebook = new_notebook(cells=[new_code_cell(f"{run.cell}run")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = ["voila", str(path), "--no-browser", f"--port={port}"]
    with Served(
        [*command, "--Voila.ip=127.0.0.1", "--token="],
        # Not the notebook, which each request executes.
        url=f"{url}voila/nothing",
        log=tmp_path / "voila.log",
        environment=environment(tmp_path),
    ):
        page.goto(url, timeout=LOAD)

        view = page.locator(".docprogress")
        expect(view).to_contain_text("Extracting page 2 of 10", timeout=LOAD)
        complete(run)
        expect(view).to_contain_text("1 of 3 documents failed")
        picture(page, "voila")


def test_papermill_and_exports_keep_a_table_that_can_be_read_without_a_network(
    run: SteeredRun, tmp_path: Path, page: Page
):
    installed("papermill")
    notebook = new_notebook(cells=[new_code_cell(f"{run.cell}run")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    commands = [
        ["papermill", "notebook.ipynb", "executed.ipynb"],
        ["jupyter-nbconvert", "--to=html", "--execute", "notebook.ipynb"],
    ]
    for program, *arguments in commands:
        subprocess.run(
            [script(program), *arguments],
            cwd=tmp_path,
            env=os.environ | environment(tmp_path),
            check=True,
            capture_output=True,
        )

    saved = nbformat.read(tmp_path / "executed.ipynb", as_version=4)
    page.goto((tmp_path / "notebook.html").as_uri())

    (output,) = saved.cells[-1].outputs
    assert set(output.data) == {"text/plain", "text/html"}
    assert "widgets" not in saved.metadata
    is_table(page.locator("body"), run)
    picture(page, "nbconvert")


def is_table(place: Locator, run: SteeredRun) -> None:
    """It has the current state, and how to attach, and no trace of a widget."""
    rows = place.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("is broken")
    expect(rows.nth(1)).to_contain_text("20")
    expect(rows.nth(2)).to_contain_text("queued")
    expect(place).to_contain_text(f'ProgressView.attach("{run.run.id}"')
    expect(place).not_to_contain_text("model not found")
    expect(place).not_to_contain_text("Loading widget")


def test_a_documentation_page_has_the_table_without_a_network(
    run: SteeredRun, tmp_path: Path, page: Page
):
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        'extensions = ["myst_nb"]\nnb_execution_mode = "force"\n'
        "nb_execution_raise_on_error = True\n"
    )
    (source / "index.md").write_text(
        "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n# A run\n\n"
        f"```{{code-cell}}\n{run.cell}run\n```\n"
    )
    subprocess.run(
        [script("sphinx-build"), "-q", source, tmp_path / "site"],
        env=os.environ | environment(tmp_path),
        check=True,
        capture_output=True,
    )

    page.goto((tmp_path / "site" / "index.html").as_uri())

    is_table(page.locator("body"), run)
    assert "widget-view" not in page.content()
    picture(page, "sphinx")


def test_jupyterlab_without_a_network_shows_the_view_and_then_the_table(
    run: SteeredRun, lab: Lab, page: Page
):
    path = lab.write("offline.ipynb", [f"{run.cell}run"])
    notebook = Notebook(lab, page, path).load()

    notebook.run(0)

    expect(notebook.view(0)).to_contain_text("Extracting page 2 of 10")
    complete(run)
    expect(notebook.output(0).locator("tbody tr")).to_have_count(3)
    expect(notebook.view(0)).to_have_count(0)
    lab.end_kernels()


def test_a_front_end_that_cannot_load_the_widget_gets_a_table_that_is_kept_up_to_date(
    run: SteeredRun, lab: Lab, page: Page
):
    """As in VS Code and Colab, which load anywidget's module from a network."""
    page.route("**/extensions/anywidget/**", lambda route: route.abort())
    path = lab.write(
        "no-module.ipynb",
        [
            "import docprogress.notebook.progress.audience as it; it.ANSWER_SECONDS = 1",
            f"{run.cell}run",
        ],
    )
    notebook = Notebook(lab, page, path).load()

    notebook.run(0)
    notebook.run(1)

    output = notebook.output(1)
    is_table(output, run)
    run.publish(0, progress=60)
    expect(output.locator("tbody tr").nth(1)).to_contain_text("60")
    complete(run)
    expect(output).to_contain_text("3 documents: 2 completed, 1 failed")
    expect(output).not_to_contain_text("As of")
    saved = notebook.save()
    assert (
        "application/vnd.jupyter.widget-view+json" not in saved.cells[1].outputs[0].data
    )
    lab.end_kernels()
