"""The notebooks run from top to bottom, offline, and show what is saved in them."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nbformat
import psutil
import pytest
from support import s3
from support.lab import private_jupyter
from support.patience import patient
from support.postgres import system_postgres
from support.services import Service, eventually, free_port

from docprogress import local

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

#: Seconds for one notebook, run twice on a busy machine.
LONGEST = 400

#: Seconds in which a kernel that was killed, and what it had started, are gone.
GONE = 20.0

#: The notebook that is run against services which several machines could share.
SHARED = "many_machines"

#: Has the folder of a test in the environment of whatever a notebook starts.
MARK = "NOTEBOOK_IS_TESTED_IN"

#: What nbval says of a kernel that ended before it answered.
KERNEL_DIED = "Kernel died before replying to kernel_info"

#: Notebooks that only the slow tests run: other tests do what they do.
COSTLY = {
    *("attach", "concurrent_runs", "custom_steps", "latency"),
    *("many_machines", "reading", "results", "sync", "uploads", "web"),
}

notebooks = pytest.mark.parametrize(
    "notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of a notebook that was run, once or more, in one home folder."""

    result: subprocess.CompletedProcess[str]
    #: Processes that were left by the notebook itself, and by its local services.
    left: list[str]
    left_by_services: list[str]


def run(notebook: Path, *, times: int, ocr: bool = True) -> Ran:
    services = shared_services() if notebook.stem == SHARED else nullcontext({})
    with tempfile.TemporaryDirectory(prefix="dp-") as name, services as environment:
        folder = Path(name)
        # Cells write files beside their notebook.
        copy = folder / "notebooks"
        shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("docs", "images"))
        variables = dict(environment)
        if notebook.stem != "reading" or not ocr:
            variables |= without_ocr(folder)
        if not ocr:
            _compare_no_outputs(copy / notebook.name)
        paths = [copy / notebook.name]
        for number in range(2, times + 1):
            paths.append(copy / f"{notebook.stem}_{number}.ipynb")
            shutil.copy(paths[0], paths[-1])
        result = nbval(paths, folder, variables)
        left = _left(folder, apart_from_services=True)
        local.down(folder / "home")
        return Ran(result=result, left=left, left_by_services=_left(folder))


def _compare_no_outputs(notebook: Path) -> None:
    """Have nothing but errors of its cells count."""
    content = nbformat.read(notebook, as_version=4)
    for cell in content.cells:
        cell.metadata.pop("tags", None)
    nbformat.write(content, notebook)


@contextmanager
def shared_services() -> Iterator[dict[str, str]]:
    """A Redis, a PostgreSQL and an S3, as the environment names them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dp-")))
        postgres = stack.enter_context(system_postgres())
        database_url = stack.enter_context(postgres.database())
        endpoint = f"http://127.0.0.1:{stack.enter_context(s3.moto())}"
        with closing(s3.client(endpoint)) as client:
            client.create_bucket(Bucket="documents")
        port, password = free_port(), "hunter2-of-redis"
        options = ["--port", port, "--bind", "127.0.0.1", "--requirepass", password]
        redis = Service(port, [local.server_binary(), *options, "--save", ""], folder)
        stack.callback(redis.kill)
        yield {
            "DOCPROGRESS_REDIS_URL": f"redis://:{password}@127.0.0.1:{port}/0",
            "DOCPROGRESS_DATABASE_URL": database_url,
            "DOCPROGRESS_STORAGE_URL": "s3://documents/incoming",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": s3.KEY,
            "AWS_SECRET_ACCESS_KEY": s3.SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def without_ocr(folder: Path) -> dict[str, str]:
    """The environment of processes that do not find the OCR engine.

    What is saved in a notebook is what a reader sees who installed only what notebooks
    need.
    """
    place = folder / "without-ocr"
    place.mkdir(exist_ok=True)
    hide = 'import sys\nsys.modules["rapidocr"] = None\n'
    (place / "sitecustomize.py").write_text(hide)
    return {"PYTHONPATH": str(place)}


def nbval(
    notebooks: Sequence[Path], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What pytest says to notebooks' cells and their saved outputs, one by one."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"}
    private = {"DOCPROGRESS_HOME": str(folder / "home"), MARK: str(folder)}
    run = partial(
        subprocess.run,
        [
            *(sys.executable, "-m", "pytest", "-q"),
            # The cells of a notebook are run by one kernel, one after the other.
            *("-p", "no:randomly", "-p", "no:cacheprovider", "-n", "0"),
            # They take a second to import.
            *("-p", "no:schemathesis", "-p", "no:langsmith_plugin"),
            # The settings of the tests, which may be found, leave it out.
            *("-p", "nbval"),
            *(
                "--nbval-lax",
                "--nbval-current-env",
                f"--nbval-cell-timeout={patient(120):.0f}",
            ),
            *("--nbval-sanitize-with", Path(__file__).with_name("sanitize.cfg")),
            *notebooks,
        ],
        cwd=notebooks[0].parent,
        env=inherited | private_jupyter(folder / "jupyter") | private | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(170) * len(notebooks),
    )
    done = run()
    if KERNEL_DIED in done.stdout:
        # Jupyter chooses ports that are free, and the kernel binds them later:
        # meanwhile another process may have taken one.
        done = run()
    return done


def _left(folder: Path, *, apart_from_services: bool = False) -> list[str]:
    """What the processes were that have not gone, and that are killed now."""

    def found() -> list[psutil.Process]:
        services = local.status(folder / "home") if apart_from_services else None
        family = _family(services.pid) if services else set()
        return [
            process
            for process in psutil.process_iter()
            if _environment(process).get(MARK) == str(folder)
            and process.pid not in family
        ]

    try:
        eventually(lambda: not found(), seconds=GONE)
    except AssertionError:
        left = found()
        commands = [" ".join(process.cmdline()) for process in left]
        for process in left:
            process.kill()
        return commands
    return []


def _family(pid: int) -> set[int]:
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return set()
    return {pid, *(child.pid for child in children)}


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


@pytest.mark.parametrize(
    ("notebook", "times"),
    [
        pytest.param(path, 1, id=f"{path.stem}-once")
        for path in NOTEBOOKS
        if path.stem not in COSTLY
    ]
    + [
        pytest.param(path, 2, id=f"{path.stem}-twice", marks=pytest.mark.slow)
        for path in NOTEBOOKS
    ],
)
@pytest.mark.timeout(LONGEST)
def test_a_notebook_reproduces_its_saved_outputs_and_leaves_no_process(notebook, times):
    ran = run(notebook, times=times)

    assert ran.result.returncode == 0, ran.result.stdout + ran.result.stderr
    assert ran.left == []
    assert ran.left_by_services == []


@pytest.mark.timeout(LONGEST)
def test_the_notebook_about_reading_needs_no_ocr():
    ran = run(FOLDER / "reading.ipynb", times=1, ocr=False)

    assert ran.result.returncode == 0, ran.result.stdout + ran.result.stderr


@notebooks
def test_a_notebook_begins_with_its_outcome(notebook):
    cells = nbformat.read(notebook, as_version=4).cells

    first = next(cell for cell in cells if cell.cell_type == "markdown")
    # At most the cell that starts everything stands before it.
    assert cells.index(first) <= 1
    title, *_ = first.source.splitlines()
    assert title.startswith("# ")
    assert "At the end of this page" in first.source


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


@notebooks
def test_saved_outputs_contain_nothing_of_the_machine(notebook):
    saved = nbformat.read(notebook, as_version=4)
    for cell in saved.cells:
        for output in cell.get("outputs", []):
            # The bytes of a picture may look like anything.
            output.get("data", {}).pop("image/png", None)

    shown = "\n".join(
        nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))
        for cell in saved.cells
        if cell.get("outputs")
    )
    assert not re.findall(
        r"(?<![\w.])/(?:home|root|tmp|Users|usr|var|work|private)/[^\s\"']*", shown
    )
    assert socket.gethostname() not in shown
    assert not re.findall(r"Warning: |WARNING", shown)


@notebooks
def test_the_pictures_of_a_notebook_are_there_and_say_what_they_show(notebook):
    saved = nbformat.read(notebook, as_version=4)

    text = "\n".join(cell.source for cell in saved.cells if cell.cell_type != "code")
    for alternative, path in re.findall(r"!\[(.*?)\]\((.+?)\)", text):
        assert len(alternative.split()) > 3, path
        assert (FOLDER / path).is_file(), path
