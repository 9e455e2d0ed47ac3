"""What processes load before they do something: time that a user waits for."""

import subprocess
import sys

import pytest
from support.patience import patient

#: What takes tens of milliseconds to load.
HEAVY = (
    *("alembic", "celery", "cryptography", "fastapi", "fsspec", "IPython", "kombu"),
    *("matplotlib", "msgspec", "numpy", "pandas", "pydantic", "redis", "rich"),
    *("sqlalchemy", "typer", "yaml"),
)

#: What no worker needs before it knows its first document.
OF_DOCUMENTS = (
    *("alembic", "cv2", "docx", "fastapi", "IPython", "kreuzberg", "lancedb", "lxml"),
    *("matplotlib", "onnxruntime", "openpyxl", "pandas", "PIL", "pptx", "pyarrow"),
    *("pypdf", "pypdfium2", "python_calamine", "rapidocr", "safetensors"),
    *("sentence_transformers", "tokenizers", "trafilatura", "typer", "wordllama"),
)


def loaded(code: str) -> set[str]:
    """The names of all modules that a new interpreter has loaded after `code`."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=patient(60),
    ).stdout
    return set(output.splitlines()[-1].split())


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("docprogress.")}


def test_the_package_loads_its_version_and_the_names_of_its_surfaces_alone():
    modules = loaded("import docprogress")

    assert own(modules) == {
        *("docprogress.client", "docprogress.client.surfaces", "docprogress.version")
    }
    assert not modules & {*HEAVY}


def test_help_loads_the_commands_and_nothing_that_they_use():
    code = (
        "import runpy, contextlib; sys.argv = ['docprogress', '--help']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    runpy.run_module('docprogress', run_name='__main__')"
    )

    modules = loaded(code)

    packages = {name.split(".")[1] for name in own(modules)}
    used = {"bus", "queueing", "settings", "storage", "store", "worker"}
    assert not packages & used
    assert "docprogress.client.pipeline" not in modules
    assert modules & {*HEAVY} <= {"typer"}


@pytest.mark.parametrize("command", ["runs", "status"])
def test_commands_that_only_list_load_no_library_of_a_pipeline(command, tmp_path):
    arguments = ["docprogress", command, "--home", str(tmp_path / "home")]
    code = (
        f"import os, runpy, contextlib; sys.argv = {arguments}\n"
        "for name in [each for each in os.environ if each.startswith('DOCPROGRESS_')]: "
        "del os.environ[name]\n"
        "with contextlib.suppress(SystemExit):\n"
        "    runpy.run_module('docprogress', run_name='__main__')"
    )

    modules = loaded(code)

    # Typer checks arguments with pydantic.
    assert modules & {*HEAVY} <= {"msgspec", "pydantic", "rich", "typer"}
    assert len(own(modules)) < 70


def test_services_are_launched_before_anything_heavy_is_loaded():
    modules = loaded("import docprogress.local.launch")

    assert not modules & {*HEAVY}
    assert len(own(modules)) < 15


def test_the_server_is_started_before_anything_but_the_settings_is_loaded():
    modules = loaded(
        "import docprogress.daemon, docprogress.local.processes, "
        "docprogress.local.valkey"
    )

    assert modules & {*HEAVY} <= {"pydantic"}
    assert len(own(modules)) < 20


@pytest.mark.parametrize(
    "module", ["docprogress.worker.main", "docprogress.client.pipeline"]
)
def test_no_library_for_documents_is_loaded_before_the_first_one(module):
    modules = loaded(f"import {module}")

    assert not modules & {*OF_DOCUMENTS}
    assert len(own(modules)) < 240
