"""`docprogress lab`: copies of the notebooks, and a JupyterLab that ends cleanly."""

import os
import re
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import psutil
import pytest
from support.lab import private_jupyter
from support.patience import patient
from support.services import eventually

from docprogress import local
from docprogress.cli.notebook_copies import (
    FIRST_NOTEBOOK,
    MANIFEST,
    CopyResult,
    originals,
    update,
)
from docprogress.errors import SettingsError

SAMPLE = "samples/price-list.html"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What a small package has to copy."""
    source = tmp_path / "package"
    for name in (FIRST_NOTEBOOK, "web.ipynb", SAMPLE, "docs/install.md"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(f"{name}, version 1")
    return source


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    """A folder that has been opened once."""
    folder = tmp_path / "a b" / "mine"
    assert update(source, folder).new == [FIRST_NOTEBOOK, "web.ipynb", SAMPLE]
    return folder


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def test_opening_a_folder_again_touches_nothing(source, folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    assert update(source, folder) == CopyResult()

    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert after | {folder: 0} == before | {folder: 0}


def test_what_was_not_changed_follows_the_package(source, folder):
    (source / FIRST_NOTEBOOK).write_text("version 2")
    (source / "new.ipynb").write_text("there was none")

    assert update(source, folder) == CopyResult(
        new=["new.ipynb"], updated=[FIRST_NOTEBOOK]
    )

    assert files(folder)[FIRST_NOTEBOOK] == "version 2"


def test_a_changed_notebook_stays_and_its_new_version_lies_beside_it(source, folder):
    (folder / FIRST_NOTEBOOK).write_text("mine")
    assert update(source, folder) == CopyResult()

    (source / FIRST_NOTEBOOK).write_text("version 2")
    assert update(source, folder) == CopyResult(
        new=["quickstart.new.ipynb"], kept={FIRST_NOTEBOOK: "quickstart.new.ipynb"}
    )
    assert update(source, folder) == CopyResult()

    assert files(folder)[FIRST_NOTEBOOK] == "mine"
    assert files(folder)["quickstart.new.ipynb"] == "version 2"

    (folder / "quickstart.new.ipynb").write_text("mine too")
    (source / FIRST_NOTEBOOK).write_text("version 3")
    update(source, folder)

    assert files(folder)[FIRST_NOTEBOOK] == "mine"
    assert files(folder)["quickstart.new.ipynb"] == "mine too"


def test_a_changed_sample_stays_and_is_not_doubled(source, folder):
    (folder / SAMPLE).write_text("mine")
    (source / SAMPLE).write_text("version 2")

    assert update(source, folder).kept == {SAMPLE: None}

    assert [name for name in files(folder) if name.startswith("samples/")] == [SAMPLE]
    assert files(folder)[SAMPLE] == "mine"


def test_what_was_deleted_comes_back(source, folder):
    shutil.rmtree(folder / "samples")

    assert update(source, folder) == CopyResult(new=[SAMPLE])

    assert files(folder) == {
        name: text for name, text in files(source).items() if "docs" not in name
    }


@pytest.mark.parametrize(
    "manifest", [b"", b"[1]", b'{"quickstart.ipynb": 3}', b"\xff", b"[" * 100_000]
)
def test_nothing_is_written_over_where_nothing_is_known(source, folder, manifest):
    (folder / MANIFEST).write_bytes(manifest)
    (folder / FIRST_NOTEBOOK).write_text("mine")
    (source / "web.ipynb").write_text("version 2")

    copied = update(source, folder)

    assert copied.updated == []
    assert files(folder)[FIRST_NOTEBOOK] == "mine"
    assert files(folder)["web.ipynb"] == "web.ipynb, version 1"
    assert files(folder)["web.new.ipynb"] == "version 2"


def test_what_a_link_leads_to_is_left_alone(source, folder, tmp_path):
    precious = tmp_path / "precious.ipynb"
    precious.write_text((folder / FIRST_NOTEBOOK).read_text())
    (folder / FIRST_NOTEBOOK).unlink()
    (folder / FIRST_NOTEBOOK).symlink_to(precious)
    (source / FIRST_NOTEBOOK).write_text("version 2")

    update(source, folder)

    assert (folder / FIRST_NOTEBOOK).is_symlink()
    assert precious.read_text() == f"{FIRST_NOTEBOOK}, version 1"


def test_the_folder_that_copies_are_made_of_is_opened_as_it_is(source):
    before = files(source)

    assert update(source, source / "docs" / "..") == CopyResult()

    assert files(source) == before
    assert not (source / MANIFEST).exists()


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_cannot_be_is_refused_by_name(source, tmp_path, name):
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=re.escape(str(tmp_path / name))):
        update(source, tmp_path / name)


def test_a_folder_that_cannot_be_written_is_refused_with_the_reason(source):
    if not Path("/proc/self").exists():
        pytest.skip("there is no folder here that nobody can write")

    with pytest.raises(SettingsError, match=r"/proc/self cannot be written \(.+\)"):
        update(source, Path("/proc/self"))


def test_every_notebook_of_the_project_is_copied(tmp_path):
    copied = update(originals(), tmp_path)

    notebooks = {path.name for path in originals().glob("*.ipynb")}
    assert notebooks <= set(copied.new)
    assert {Path(name).parts[0] for name in copied.new} - notebooks <= {
        "images",
        "samples",
        "samples-of-each-kind",
        "samples-that-fail",
    }


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Callable[..., pexpect.spawn]]:
    """Start the command in a terminal of its own."""
    started = []

    def command(*arguments: str) -> pexpect.spawn:
        child = pexpect.spawn(
            sys.executable,
            ["-m", "docprogress", "lab", *arguments, "--no-browser"],
            cwd=tmp_path,
            env=os.environ
            | private_jupyter(tmp_path / "jupyter")
            | {"DOCPROGRESS_HOME": str(home), "DOCPROGRESS_WORKERS": "1"},
            dimensions=(30, 200),
            encoding="utf-8",
            timeout=patient(60),
        )
        started.append(child)
        return child

    yield command
    for child in started:
        child.close(force=True)


def test_one_interrupt_ends_jupyterlab_and_leaves_the_services(start, home, tmp_path):
    child = start("notebooks of mine")

    child.expect(r"are in (\S+/notebooks of mine) \(\d+ files new\)")
    child.expect(r"local services are running in \S+ \(1 worker\)")
    child.expect(r"(http://127\.0\.0\.1:\d+)/lab/tree/quickstart\.ipynb\?token=(\w+)")
    address, token = child.match.groups()
    request = urllib.request.Request(
        f"{address}/api/sessions",
        data=b'{"path": "web.ipynb", "type": "notebook", "kernel": {"name": ""}}',
        headers={"Authorization": f"token {token}"},
    )

    def a_kernel_is_started() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=patient(60)):
                return True
        except urllib.error.HTTPError:
            raise
        except OSError:
            # It says where it listens a moment before it does.
            return False

    eventually(a_kernel_is_started)
    kernels = psutil.Process(child.pid).children(recursive=True)
    assert kernels

    child.sendintr()
    child.expect(pexpect.EOF)
    child.wait()

    assert child.exitstatus == 0
    eventually(lambda: not any(kernel.is_running() for kernel in kernels))
    assert local.status(home) is not None
    assert (tmp_path / "notebooks of mine" / FIRST_NOTEBOOK).exists()


def test_a_port_in_use_is_reported_before_anything_is_done(start, home, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        child = start("mine", "--port", port)
        child.expect(pexpect.EOF)
        child.wait()

    assert child.exitstatus == 2
    assert f"cannot listen on port {port}" in child.before
    assert "--port" in child.before
    assert not (tmp_path / "mine").exists()
    assert local.status(home) is None
