"""The notebooks run from top to bottom, offline, and show what is saved in them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from lab import private_jupyter
from services import eventually

from docprogress import local

TESTS = Path(__file__).parent
NOTEBOOKS = sorted((TESTS.parent / "notebooks").glob("*.ipynb"))

notebooks = pytest.mark.parametrize(
    "notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS]
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder that nobody has used, and that nobody uses afterwards."""
    with tempfile.TemporaryDirectory(prefix="dp-") as folder:
        home = Path(folder) / "home"
        yield home
        local.down(home)
        eventually(lambda: not processes_of(home), what="no process is left behind")


def processes_of(home: Path) -> list[psutil.Process]:
    """The processes that were told to use this home folder."""
    return [
        process
        for process in psutil.process_iter()
        if _environment(process).get("DOCPROGRESS_HOME") == str(home)
    ]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def nbval(notebook: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """What pytest says to a notebook's cells and their saved outputs."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q"),
            *("-p", "no:randomly", "-p", "no:cacheprovider"),
            *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120"),
            *("--nbval-sanitize-with", TESTS / "sanitize.cfg"),
            notebook,
        ],
        cwd=TESTS.parent,
        env=os.environ
        | private_jupyter(home.with_name("jupyter"))
        | {"DOCPROGRESS_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )


@notebooks
def test_a_notebook_gives_what_is_saved_in_it_and_gives_it_again(notebook, home):
    for _ in ("in a new home", "with what it left there"):
        ran = nbval(notebook, home)

        assert ran.returncode == 0, ran.stdout + ran.stderr


@notebooks
def test_a_notebook_is_saved_as_it_looks_after_run_all(notebook):
    saved = nbformat.read(notebook, as_version=4)

    cells = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert {output.output_type for output in outputs} <= {
        "display_data",
        "execute_result",
        "stream",
    }


@notebooks
def test_a_notebook_needs_no_kernel_to_show_its_views(notebook):
    saved = nbformat.read(notebook, as_version=4)

    bundles = [
        output.data
        for cell in saved.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert bundles
    assert [bundle for bundle in bundles if "text/plain" not in bundle] == []
    assert not any(
        "application/vnd.jupyter.widget-view+json" in bundle for bundle in bundles
    )
    assert "widgets" not in saved.metadata
