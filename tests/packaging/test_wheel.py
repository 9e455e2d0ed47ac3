"""The built wheel, installed in a new environment."""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from playwright.sync_api import Browser, expect
from support.lab import LOAD_SECONDS, SCREENSHOTS, private_jupyter
from support.patience import patient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"

#: What shows that the registry, not the wheel, is to blame.
OFFLINE = re.compile(r"NameResolutionError|NewConnectionError|ConnectTimeoutError")

#: Keeps every percentage that a bar of the page has shown.
_WATCH_BARS = """
window.shown = new Set();
new MutationObserver((changes) => {
  for (const {target} of changes) {
    window.shown.add(target.getAttribute("aria-valuenow"));
  }
}).observe(document, {subtree: true, attributeFilter: ["aria-valuenow"]});
"""


class Environment:
    """A new virtual environment, and a home folder for whoever uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._scripts = folder / "venv" / "bin"
        self.command = self._scripts / "docprogress"
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", folder / "venv"],
            check=True,
            timeout=patient(60),
        )
        # Nothing of this test run's own environment is to be found by accident.
        kept = {"PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}
        self.variables = {
            name: value
            for name, value in os.environ.items()
            if name in kept or name.lower().endswith("_proxy") or name[:4] == "PIP_"
        }
        self.variables |= private_jupyter(folder / "jupyter") | {
            "DOCPROGRESS_HOME": str(folder / "home")
        }

    def pip(self, *arguments: str | Path) -> None:
        # Whoever runs the tests keeps the packages of before in pip's usual cache.
        cache = {"HOME": str(Path.home())}
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", self._scripts / "python"),
                *("-q", "--disable-pip-version-check", *arguments),
            ],
            env=self.variables | cache,
            capture_output=True,
            text=True,
            check=False,
            timeout=patient(240),
        )
        if OFFLINE.search(ran.stderr) and "CI" not in os.environ:
            pytest.skip("no package can be fetched")
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=patient(60),
        )

    def spawn(self, *arguments: str) -> pexpect.spawn:
        """The command in a terminal of its own."""
        return pexpect.spawn(
            str(self.command),
            list(arguments),
            cwd=self.folder,
            env=self.variables,
            dimensions=(40, 200),
            encoding="utf-8",
            timeout=LOAD_SECONDS,
        )


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with tempfile.TemporaryDirectory(prefix="dp-") as folder:
        environment = Environment(Path(folder))
        yield environment
        # It is installed only by a test that runs it.
        if environment.command.exists():
            environment.run("down")


@pytest.fixture(scope="module")
def wheel(environment: Environment) -> Path:
    """The wheel of this checkout, or the one that stands for it."""
    folder = ROOT / "dist"
    if (ROOT / "docprogress").is_dir():
        folder = environment.folder / "dist"
        environment.pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_the_package_and_the_notebooks_and_nothing_else(wheel):
    held = {
        name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name
    }

    copies = "docprogress/cli/notebooks/"
    notebooks = {f"{copies}{path.name}" for path in NOTEBOOKS.glob("*.ipynb")}
    samples = {
        f"{copies}{path.relative_to(NOTEBOOKS).as_posix()}"
        for folder in ("samples", "samples-of-each-kind", "samples-that-fail")
        for path in (NOTEBOOKS / folder).iterdir()
    }
    assert notebooks | samples <= held
    others = {name for name in held if name.startswith(copies)} - notebooks - samples
    assert {Path(name).parent.name for name in others} <= {"images"}
    rest = {name for name in held if not name.startswith(copies)}
    assert {name.partition("/")[0] for name in rest} == {"docprogress"}
    assert {"docprogress/bus/scripts/publish.lua", "docprogress/py.typed"} < rest
    if (ROOT / "docprogress").is_dir():
        output = subprocess.run(
            [
                *("git", "ls-files", "-z", "--cached", "--others"),
                *("--exclude-standard", "docprogress"),
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=patient(30),
        ).stdout
        tracked = {os.fsdecode(name) for name in output.split(b"\0") if name}
        assert rest == {
            name
            for name in tracked
            if (ROOT / name).is_file()
            # The bundles are shipped, not what they are built from.
            and not name.startswith("docprogress/frontend/src/")
        }


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_one_command_and_one_keystroke_lead_from_the_wheel_to_a_view_that_moves(
    environment: Environment, wheel: Path, browser: Browser
):
    # Compiling everything takes longer than compiling what is used.
    environment.pip("install", "--no-compile", wheel)
    refused = environment.run("lab", "notebooks")
    assert refused.returncode == 1
    assert "pip install 'docprogress[notebook]'" in refused.stderr
    assert not (environment.folder / "notebooks").exists()

    environment.pip("install", "--no-compile", f"{wheel}[notebook]")
    environment.pip("check")
    lab = environment.spawn("lab", "notebooks", "--no-browser")
    try:
        lab.expect(r"http://127\.0\.0\.1:\d+/lab/tree/quickstart\.ipynb\?token=\w+")
        address = lab.match.group()
        lab.expect("Use Control-C")
        with browser.new_context(viewport={"width": 1400, "height": 1000}) as context:
            page = context.new_page()
            page.add_init_script(_WATCH_BARS)
            page.goto(address, timeout=LOAD_SECONDS * 1000)
            page.wait_for_selector(
                ".jp-Notebook .jp-CodeCell", timeout=LOAD_SECONDS * 1000
            )
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

            page.keyboard.press("Shift+Enter")

            page.wait_for_function("window.shown.size > 3", timeout=LOAD_SECONDS * 1000)
            output = page.locator(".jp-CodeCell").first.locator(".jp-OutputArea-output")
            summary = expect(output.first)
            summary.to_contain_text("12 completed", timeout=LOAD_SECONDS * 1000)
            summary.to_contain_text("encrypted.pdf")
            SCREENSHOTS.mkdir(exist_ok=True)
            page.screenshot(path=SCREENSHOTS / "wheel.png")
        lab.sendintr()
        lab.expect(pexpect.EOF)
        lab.wait()
        assert lab.exitstatus == 0
    finally:
        lab.close(force=True)
