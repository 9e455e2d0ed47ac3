"""Consistency of the repository: metadata, workflows, documented commands."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from support.patience import patient

import docprogress
from docprogress import errors

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def tracked_files() -> list[Path]:
    """The files of the repository that are there."""
    try:
        output = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=patient(30),
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        if "CI" in os.environ:
            raise
        pytest.skip("this is not a Git repository, or there is no Git")
    paths = (ROOT / os.fsdecode(name) for name in output.split(b"\0") if name)
    return [path for path in paths if path.is_file()]


def commands(file: str) -> list[str]:
    """The commands of every shell block of a Markdown file."""
    text = (ROOT / file).read_text("utf-8")
    shell = re.findall(r"```(?:bash|sh|console)\n(.*?)```", text, re.DOTALL)
    return [line for block in shell for line in block.splitlines() if line.strip()]


def new_modules(code: str) -> set[str]:
    """What `code` loads, by the names of the top-level packages."""
    script = (
        "import sys; before = set(sys.modules)\n"
        f"{code}\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    output = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=patient(60),
    ).stdout
    return set(output.split()) - sys.stdlib_module_names


def test_the_exported_names_are_sorted():
    assert docprogress.__all__ == sorted(docprogress.__all__)


def test_the_exported_names_are_those_that_can_be_found():
    assert docprogress.__all__ == sorted(docprogress._HOMES)


@pytest.mark.parametrize("name", docprogress.__all__)
def test_every_exported_name_can_be_imported(name):
    value = getattr(docprogress, name)

    assert value is getattr(docprogress, name)
    assert value.__name__ == name
    assert value.__doc__


def test_type_checkers_see_every_exported_name():
    source = inspect.getsource(docprogress)
    block = source[source.index("if TYPE_CHECKING:") : source.index("__all__")]

    imported = re.findall(
        r"from docprogress\.([\w.]+) import (?:\((.*?)\)|(.*?)$)",
        block,
        re.DOTALL | re.MULTILINE,
    )
    homes = {
        name: module
        for module, many, few in imported
        for name in re.findall(r"\w+", many or few)
    }
    assert homes == docprogress._HOMES


def test_a_name_that_is_not_exported_is_no_attribute():
    with pytest.raises(AttributeError, match="Nothing"):
        docprogress.Nothing  # noqa: B018 - the access is what raises


def test_completion_offers_the_exported_names():
    assert set(docprogress.__all__) < set(dir(docprogress))


def test_importing_the_package_loads_nothing_else():
    assert new_modules("import docprogress") == {"docprogress"}


@pytest.mark.parametrize(
    "code",
    [
        "from docprogress import ProgressEvent, Status",
        "from docprogress import Document, Page, Chunk",
        "from docprogress import DocumentError, TransientError",
        "from docprogress import Settings",
    ],
)
def test_values_load_nothing_heavy(code):
    heavy = {
        "celery",
        "docx",
        "fastapi",
        "httpx",
        "ipywidgets",
        "numpy",
        "pandas",
        "pypdfium2",
        "redis",
        "mmh3",
        "sqlalchemy",
    }

    assert new_modules(code) & heavy == set()


def test_the_version_is_that_of_the_installed_package():
    assert docprogress.__version__ == version("docprogress")


def test_the_changelog_begins_with_the_unreleased_changes():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    heads = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    unreleased = text.partition("## [Unreleased]")[2].partition("\n## ")[0]

    assert heads[0] == "Unreleased"
    if docprogress.__version__ not in heads[1:2]:
        # It is the version that is being made.
        assert docprogress.__version__ in unreleased


def test_the_tree_of_errors_is_drawn_as_it_is():
    drawn = {}
    path = ["DocProgressError"]
    for indent, name in re.findall(
        r"^ {4}((?:│ {3}| {4})*)[├└]── (\w+) {2,}\S", errors.__doc__, re.MULTILINE
    ):
        depth = len(indent) // 4 + 1
        path[depth:] = [name]
        drawn[name] = path[depth - 1]

    defined = {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value is not errors.DocProgressError
    }
    assert drawn == defined


@pytest.mark.parametrize(
    "error",
    [value for value in vars(errors).values() if inspect.isclass(value)],
)
def test_every_error_says_when_it_is_raised(error):
    assert issubclass(error, errors.DocProgressError)
    assert inspect.cleandoc(error.__doc__).startswith("Raised")


@pytest.mark.parametrize(
    ("error", "evidence"),
    [
        (errors.RunNotFound("r1"), {"run_id": "r1"}),
        (errors.DocumentNotFound("d1"), {"document_id": "d1"}),
        (errors.Superseded("d1", 2), {"document_id": "d1", "attempt": 2}),
        (errors.Cancelled("d1"), {"document_id": "d1"}),
    ],
)
def test_an_error_keeps_and_names_its_evidence(error, evidence):
    assert vars(error) == evidence
    assert all(str(value) in str(error) for value in evidence.values())


def test_no_module_imports_a_public_name_from_the_package_itself():
    """It imports all others, so the import contract cannot see through it."""
    package = Path(docprogress.__file__).parent

    found = [
        f"{path.relative_to(package)}: {node.lineno}"
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module == "docprogress"
        and {name.name for name in node.names} & {*docprogress.__all__, "__version__"}
    ]

    assert found == []


def test_imports_follow_the_module_map():
    checked = subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(60),
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_contributing_draws_the_module_map_that_is_checked():
    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    layers = [re.findall(r"\w+", layer) for layer in contract["layers"]]

    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    drawn = text.partition("```\ncli ")[2].partition("```")[0]
    lines = [re.split(" {2,}", line)[0] for line in f"cli {drawn}".splitlines()]

    assert [re.findall(r"\w+", line) for line in lines] == layers


def test_contributing_says_where_to_change_what_with_paths_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.partition("## Where do I change what?")[2].partition("\n## ")[0]
    paths = re.findall(r"`([a-z_./]+(?:/|\.\w+))`", table)

    assert len(paths) > 40
    assert [
        path
        for path in paths
        if not (ROOT / path).exists() and not (ROOT / "docprogress" / path).exists()
    ] == []


def test_no_file_contains_a_path_of_a_developer_s_machine():
    folder = re.compile(rb"(?<![\w./-])/(?:home/(?!me/|you/|user/)|root/|work/)")

    found = [
        path.relative_to(ROOT).as_posix()
        for path in tracked_files()
        if folder.search(path.read_bytes())
    ]

    assert found == []


def test_no_large_file_is_kept():
    large = [path.name for path in tracked_files() if path.stat().st_size > 500_000]

    assert large == []


def test_contributing_has_three_commands():
    set_up, check, test = commands("CONTRIBUTING.md")

    assert "--group dev" in set_up
    assert "ruff check" in check
    assert test.endswith(".venv/bin/pytest")


def test_readme_and_contributing_have_the_same_test_command():
    *_, test = commands("CONTRIBUTING.md")

    assert test in commands("README.md")


def test_readme_begins_with_a_run_of_documents_that_are_there():
    first, *_ = commands("README.md")

    command, folder = first.rsplit(" ", 1)
    assert command.endswith("docprogress run")
    assert any((ROOT / folder).iterdir())


def test_ci_runs_the_documented_commands():
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    _, check, test = (
        command.replace(".venv/bin", '"$venv"/bin')
        for command in commands("CONTRIBUTING.md")
    )

    assert [part for part in check.split(" && ") if part not in script] == []
    assert test in script


def test_ci_ends_with_the_slow_tests():
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()

    assert script[-1] == '"$venv"/bin/pytest -m slow'
    assert ".venv/bin/pytest -m slow" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_ci_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_ci_names_no_package_registry():
    script = (ROOT / ".ci" / "run").read_text("utf-8")

    assert re.findall(r"index-url|find-links|trusted-host|https?://", script) == []


def workflow() -> dict:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    return yaml.safe_load(text)


def test_actions_are_pinned_by_hash():
    used = [
        step["uses"]
        for job in workflow()["jobs"].values()
        for step in job["steps"]
        if "uses" in step
    ]

    assert used
    assert [
        name for name in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)
    ] == []


def test_the_workflow_may_do_nothing_but_read():
    assert workflow()["permissions"] == {}
    assert not any("permissions" in job for job in workflow()["jobs"].values())


def test_one_job_requires_all_others():
    jobs = workflow()["jobs"]

    assert set(jobs["required"]["needs"]) == set(jobs) - {"required"}
    assert jobs["required"]["if"] == "always()"


def test_tests_run_on_every_python_that_is_promised():
    promised = [
        classifier.rpartition(" ")[2]
        for classifier in PROJECT["project"]["classifiers"]
        if re.search(r"Python :: 3\.\d+$", classifier)
    ]
    supported = SpecifierSet(PROJECT["project"]["requires-python"])

    assert workflow()["jobs"]["tests"]["strategy"]["matrix"]["python"] == promised
    assert all(python in supported for python in promised)


def environment() -> tuple[list[str], list[str]]:
    """What conda brings, and what pip does."""
    text = (ROOT / "environment.yml").read_text("utf-8")
    *packages, last = yaml.safe_load(text)["dependencies"]
    return packages, last["pip"]


def test_the_environment_lists_no_version_that_the_project_lists():
    packages, _ = environment()

    versions = [name for name in packages if not re.fullmatch(r"[a-z0-9-]+", name)]

    (python,) = versions
    name, _, number = python.partition("=")
    assert name == "python"
    assert number in SpecifierSet(PROJECT["project"]["requires-python"])


def test_the_environment_brings_what_the_project_asks_for():
    packages, (editable,) = environment()
    extras = re.fullmatch(r"-e \.\[(.+)\]", editable)[1].split(",")
    asked = {
        Requirement(text).name
        for text in [
            *PROJECT["project"]["dependencies"],
            *(
                text
                for extra in extras
                for text in PROJECT["project"]["optional-dependencies"][extra]
            ),
        ]
    }

    # The rest is what pip cannot bring.
    others = {"nodejs", "pip", "python", "redis-server"}
    assert {name.partition("=")[0] for name in packages} - others <= asked
    assert others <= {name.partition("=")[0] for name in packages}


def test_no_requirement_is_listed_twice():
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]

    for group in groups:
        found = [Requirement(text) for text in group if isinstance(text, str)]
        # One package may have several versions, for different machines.
        keys = [(each.name, str(each.marker or "")) for each in found]
        assert len(set(keys)) == len(keys)
        assert [name for name, _ in keys] == sorted(name for name, _ in keys)


def test_every_module_says_what_it_is_for():
    root = Path(docprogress.__file__).parent
    silent = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "versions" not in path.parts
        and not path.read_text("utf-8").lstrip().startswith(('"""', 'r"""'))
    ]

    assert silent == []


@pytest.mark.parametrize(
    "name", ["utils", "helpers", "common", "base", "core", "manager"]
)
def test_no_module_is_named_for_nothing(name):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"docprogress.{name}")
