"""Every snippet and command of the README and of the site does what it shows.

Each page is run from its top to its end in a folder of its own, as by somebody who
follows it. What a reader has to replace, such as `redis://…`, is replaced here.
"""

import ast
import asyncio
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import pytest
import typer
from fastapi import FastAPI
from support.patience import patient

from docprogress import Pipeline, ProgressView
from docprogress.cli.app import app

ROOT = Path(__file__).resolve().parents[2]

#: The page about HTTP has tests of its own.
PAGES = [
    path
    for path in (
        ROOT / "README.md",
        ROOT / "notebooks" / "index.md",
        *sorted((ROOT / "notebooks" / "docs").glob("*.md")),
    )
    if path.name != "http.md"
]

#: Kinds of blocks that are no program.
SHOWN = {"text", "json", "yaml", "js", "jsx", "http"}

#: What a reader replaces, and what takes too long as it stands.
REPLACED = {
    "redis://…": "REDIS",
    "rediss://:…@redis.example.org/0": "REDIS",
    "postgresql+psycopg://…": "sqlite:///FOLDER/store.db",
    "s3://bucket/documents": "file://FOLDER/files",
    "/data/vectors": "FOLDER/vectors",
    "documents=100, clients=100": "documents=4, clients=2",
    # A model that would be downloaded.
    "cross-encoder/ms-marco-MiniLM-L-6-v2": "my_module:by_date",
}

#: Commands that serve until they are ended; they have tests of their own.
SERVING = {"lab", "serve", "worker"}

#: Lines of the shell that other tests run, or that change this environment.
ELSEWHERE = ("python3 -m venv", ".venv/bin/", "curl ")


class Snippet(NamedTuple):
    kind: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that it is, by its first line."""
        found = re.match(r"# (\w+\.py)\n", self.text)
        return found and found[1]


def snippets(page: Path) -> list[Snippet]:
    blocks = re.findall(
        r"^```(\w+)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [Snippet(*block) for block in blocks if block[0] not in SHOWN]


def mentioned(page: Path) -> list[str]:
    """The commands in a page's prose and tables."""
    prose = re.sub(
        r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return re.findall(r"`docprogress ([a-z][^`]*)`", prose)


def check(command: str) -> None:
    """Check that there is such a command, and that it has the options."""
    name, *arguments = shlex.split(command, comments=True)
    commands = typer.main.get_command(app).commands
    assert name in commands, f"docprogress {command}"
    known = {
        option
        for parameter in commands[name].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    given = {argument for argument in arguments if argument.startswith("-")}
    assert given <= known, f"docprogress {command}"


def compiled(text: str, name: str) -> CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(text, name, "exec", flags=flags, dont_inherit=True)


@pytest.fixture
def folder(tmp_path, samples, shared_home, monkeypatch) -> Path:
    """Where the reader is: with contracts, scans, and a module."""
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    for name, sample in {
        "contract.pdf": "supply-agreement.docx",
        "lease.pdf": "services-agreement.pdf",
        "letter.txt": "письмо жильцу.txt",
    }.items():
        shutil.copy(samples / sample, contracts / name)
    shutil.copytree(contracts, tmp_path / "scans")
    (tmp_path / "my_module.py").write_text(
        "def by_date(query, passages):\n    return [1.0 for _ in passages]\n"
    )
    monkeypatch.setenv("DOCPROGRESS_HOME", str(shared_home))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_in_the_prose_is_one_that_there_is(page):
    for command in mentioned(page):
        check(command)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if snippets(page)], ids=lambda page: page.stem
)
@pytest.mark.slow
def test_the_snippets_of_a_page_run_from_its_top_to_its_end(
    page, pipeline, folder, redis_url
):
    run = pipeline.submit("contracts/").wait()
    names = {
        "Pipeline": Pipeline,
        "ProgressView": ProgressView,
        "pipeline": pipeline,
        "run": run,
        "paths": ["contracts/"],
        "pages": ["one", "two"],
        "view": ProgressView(run),
        "application": FastAPI(),
        "__name__": "snippet",
    }
    for position, snippet in enumerate(snippets(page), 1):
        text = snippet.text
        for shown, real in REPLACED.items():
            text = text.replace(shown, real)
        text = text.replace("FOLDER", str(folder)).replace("REDIS", redis_url)
        where = f"{page.stem}, snippet {position}"
        if snippet.kind == "bash":
            shell(text, run.id, folder)
        elif snippet.file:
            with (folder / snippet.file).open("a", encoding="utf-8") as file:
                file.write(text)
            sys.modules.pop(Path(snippet.file).stem, None)
            compiled(text, where)
        else:
            execute(compiled(text, where), names)
        if "sink=" in text and snippet.kind == "python":
            names["pipeline"].submit("contracts/").wait()
    for value in names.values():
        if isinstance(value, Pipeline | ProgressView) and value is not pipeline:
            value.close()


def execute(code: CodeType, names: dict[str, object]) -> None:
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(until_silence(eval(code, names)))
    else:
        exec(code, names)


async def until_silence(snippet: Coroutine[object, object, object]) -> None:
    """A subscription has no end: one second without an error is enough."""
    with suppress(TimeoutError):
        await asyncio.wait_for(snippet, patient(1))


def shell(text: str, run_id: str, folder: Path) -> None:
    """Run the commands of a block, each of which has to succeed."""
    scripts = Path(sys.executable).parent
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    for line in text.replace("\\\n", " ").splitlines():
        command = line.replace("RUN", run_id)
        if command.startswith("pip install"):
            installable(command)
        elif command.startswith("conda env create -f "):
            assert (ROOT / shlex.split(command)[4]).is_file()
        elif command.startswith(("docprogress ", "mkdir ", "printf ", "touch ")):
            program, name = command.split()[:2]
            if program == "docprogress":
                check(command.partition("docprogress ")[2].partition(" || ")[0])
            if name not in SERVING:
                subprocess.run(
                    ["bash", "-ec", command],
                    cwd=folder,
                    env=os.environ | {"PATH": path, "PYTHONPATH": str(folder)},
                    stdin=subprocess.DEVNULL,
                    check=True,
                    timeout=patient(120),
                )
        else:
            assert command.startswith(ELSEWHERE), command


def installable(command: str) -> None:
    """What `pip install` is asked for are extras that there are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    [wanted] = shlex.split(command, comments=True)[2:]
    name, _, extra = wanted.rstrip("]").partition("[")
    assert name == project["name"]
    assert not extra or extra in project["optional-dependencies"]
