"""Every notebook in JupyterLab, opened without a kernel; live ones after Run All."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from support.lab import SCREENSHOTS, Lab
from support.services import eventually

from docprogress import local

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))

#: Notebooks that show nothing live: what is saved in them was shown by a program, too.
STATIC = {
    *("custom_steps.ipynb", "many_machines.ipynb", "reading.ipynb"),
    *("results.ipynb", "search.ipynb", "web.ipynb"),
}
LIVE = [name for name in NOTEBOOKS if name not in STATIC]

#: Seconds that Run All may take in all notebooks at once, on a busy machine.
RUN_SECONDS = 300

#: The page while notebooks run, and so high that the longest is to be seen as a whole.
SIZE: ViewportSize = {"width": 1100, "height": 1000}
TALL: ViewportSize = {"width": 1100, "height": 8000}

#: Opens a notebook, in a tab of its own within the page.
_OPEN = """
async ([path, kernel]) => {
  const panel = await jupyterapp.commands.execute("docmanager:open", {
    path,
    kernelPreference: kernel ? undefined : {shouldStart: false, canStart: false},
  });
  await panel.context.ready;
  await panel.revealed;
  if (kernel) {
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
  }
}
"""

#: Does what the menu's Run All does, in each notebook, without waiting for another.
_RUN_ALL = """
async (paths) => {
  const panels = [...jupyterapp.shell.widgets("main")].filter((panel) => panel.context);
  const of = (path) => panels.find((panel) => panel.context.path === path);
  await Promise.all(paths.map((path) => jupyterapp.commands.execute(
    "notebook:run-all-cells", {semanticWidget: of(path).id, activate: false},
  )));
}
"""

_SAVE = """
async () => {
  for (const {context} of jupyterapp.shell.widgets("main")) await context?.save();
}
"""

_CLOSE = """
() => {
  for (const panel of [...jupyterapp.shell.widgets("main")]) {
    // Nobody is asked whether it is to be saved.
    if (panel.context) panel.context.model.dirty = false;
    panel.close();
  }
}
"""

#: What JupyterLab says where a widget should be and is not.
LOST = ("model not found", "Error displaying widget", "Loading widget")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A JupyterLab on copies of the notebooks, with local services of its own."""
    with tempfile.TemporaryDirectory(prefix="dp-") as name:
        folder, home = Path(name), Path(name) / "home"
        with pytest.MonkeyPatch.context() as environment:
            for variable in [each for each in os.environ if "DOCPROGRESS_" in each]:
                environment.delenv(variable)
            environment.setenv("DOCPROGRESS_HOME", str(home))
            lab = Lab(folder / "lab").__enter__()
        try:
            shutil.copytree(
                FOLDER,
                lab.folder,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("docs"),
            )
            yield lab
        finally:
            lab.__exit__()
            local.down(home)


@pytest.fixture
def page(lab: Lab, browser: Browser) -> Iterator[Page]:
    """A page of JupyterLab with nothing open, in which nothing may go wrong."""
    errors: list[str] = []
    with browser.new_context(viewport=SIZE) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error.message))
        page.goto(lab.address("samples"))
        page.wait_for_function("() => window.jupyterapp?.shell?.isAttached")
        page.evaluate("() => jupyterapp.restored.then(() => null)")
        yield page
    # So says ipywidgets where a notebook is opened without a kernel.
    assert set(errors) <= {"Cannot read properties of null (reading 'kernel')"}


def wrong(saved: nbformat.NotebookNode) -> list[Any]:
    """The cells that were dropped, ran out of turn, or failed."""
    cells = [cell for cell in saved.cells if cell.cell_type == "code"]
    return [
        (number, cell.execution_count, cell.source, cell.outputs)
        for number, cell in enumerate(cells, 1)
        if cell.execution_count != number
        or any(output.output_type == "error" for output in cell.outputs)
    ]


def shown_outputs(notebook: nbformat.NotebookNode) -> list[Any]:
    """The bundles of what is shown; texts that follow each other are one."""
    found: list[Any] = []
    for cell in notebook.cells:
        before = None
        for output in cell.get("outputs", []):
            text = output.get("name")
            data = output.get("data", {})
            # Where the start of services was announced, nothing is left to show.
            nothing = "data" in output and data == {}
            if not nothing and (text is None or text != before):
                found.append(data)
            before = text
    return found


def picture(page: Page, name: str) -> None:
    """Keep a picture of all of the notebook, for whoever looks at a test run."""
    panel = page.locator(".jp-WindowedPanel-inner")
    # For a moment after the notebook was opened there is none.
    height = eventually(panel.bounding_box)["height"]
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(
        path=SCREENSHOTS / f"{name}.png",
        clip={"x": 0, "y": 0, "width": TALL["width"], "height": height + 100},
    )


@pytest.mark.timeout(2 * RUN_SECONDS)
@pytest.mark.slow
def test_notebooks_run_side_by_side_and_all_show_their_results_when_opened_again(
    lab: Lab, page: Page
):
    for name in LIVE:
        page.evaluate(_OPEN, [name, True])
    page.evaluate(_RUN_ALL, LIVE)
    page.evaluate(_SAVE)
    page.evaluate(_CLOSE)
    lab.end_kernels()

    saved = {name: nbformat.read(lab.folder / name, as_version=4) for name in NOTEBOOKS}
    assert {name: wrong(notebook) for name, notebook in saved.items()} == {
        name: [] for name in NOTEBOOKS
    }

    page.set_viewport_size(TALL)
    for name, notebook in saved.items():
        page.evaluate(_OPEN, [name, False])
        bundles = shown_outputs(notebook)
        tables = sum(bundle.get("text/html", "").count("<table") for bundle in bundles)
        shown = page.locator(".jp-Notebook .jp-OutputArea-output")
        expect(shown).to_have_count(len(bundles))
        expect(shown.locator("table")).to_have_count(tables)
        expect(page.locator(".docprogress")).to_have_count(0)
        text = page.locator(".jp-Notebook").inner_text()
        assert not [lost for lost in LOST if lost in text]
        picture(page, f"notebook-{Path(name).stem}")
        page.evaluate(_CLOSE)
    assert lab.kernel_processes() == []
