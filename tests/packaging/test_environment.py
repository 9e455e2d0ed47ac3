"""The conda environment contains what the project and notebooks need."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import (
    PackageNotFoundError,
    packages_distributions,
    requires,
)
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def environment() -> tuple[list[str], Requirement]:
    """Return what conda installs, and this project as pip installs it."""
    text = (ROOT / "environment.yml").read_text("utf-8")
    *packages, last = yaml.safe_load(text)["dependencies"]
    (editable,) = last["pip"]
    assert editable.startswith("-e .[")
    return packages, Requirement(f"docprogress{editable.removeprefix('-e .')}")


def brought(project: Requirement) -> set[str]:
    """The names of all that is installed with the project, by everybody's metadata."""
    found = {canonicalize_name(project.name)}
    extras = PROJECT["optional-dependencies"]
    asked = [
        *PROJECT["dependencies"],
        *(each for name in project.extras for each in extras[name]),
    ]
    wanted = [(Requirement(text), "") for text in asked]
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement, of_extra = wanted.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": of_extra}):
            continue
        name = canonicalize_name(requirement.name)
        found.add(name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                wanted += [(Requirement(text), extra) for text in required(name)]
    return found


def required(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:
        # It is for another system, or for an extra that is not installed here.
        return []


def code(notebook: Path) -> Iterator[str]:
    """The Python of a notebook's cells, and of the modules that they write."""
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            lines = [
                re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in cell["source"]
            ]
            yield "".join(
                line if line.endswith("\n") else f"{line}\n" for line in lines
            )


def imported(notebook: Path) -> set[str]:
    modules: set[str] = set()
    for source in code(notebook):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module or "")
    text = notebook.read_text("utf-8")
    own = set(re.findall(r"%%writefile (\w+)\.py", text))
    names = {module.partition(".")[0] for module in modules}
    return names - own - {"docprogress"} - sys.stdlib_module_names


def test_the_environment_has_a_python_that_is_tested():
    packages, _ = environment()
    promised = {
        classifier.rpartition(" ")[2]
        for classifier in PROJECT["classifiers"]
        if re.search(r"Python :: 3\.\d+$", classifier)
    }

    (python,) = [name for name in packages if re.match(r"python\b(?!-)", name)]
    assert python.partition("=")[2] in promised


def test_the_environment_asks_for_extras_that_there_are():
    _, project = environment()

    assert project.extras <= PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_the_environment_brings_what_a_notebook_imports(notebook):
    packages, project = environment()
    there = brought(project) | {name.partition("=")[0] for name in packages}

    homes = packages_distributions()
    missing = [
        name
        for name in imported(notebook)
        if not {canonicalize_name(home) for home in homes.get(name, [])} & there
    ]
    assert missing == []
