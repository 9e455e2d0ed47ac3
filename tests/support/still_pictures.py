"""Photographs views in JupyterLab during a run, for the README and the notebooks.

    python tests/support/still_pictures.py [FOLDER]

Writes `running.png`, `failures.png` and, of the table after the run, `ended.png`, by
default to `notebooks/images`.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator

from docprogress import local
from docprogress.settings import load

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.lab import Lab, chromium, launched

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

#: Milliseconds until a run must look as wanted.
DEADLINE_MS = 180_000

WINDOW = {"width": 1250, "height": 900}

#: A step that is slow enough to be seen, and twelve documents for it.
RUNNING = [
    """\
%%writefile slow_steps.py
import time
from collections.abc import Iterable, Iterator
from docprogress import Page

def read(pages: Iterable[Page]) -> Iterator[Page]:
    for page in pages:
        time.sleep(0.5)
        yield page
""",
    """\
from pathlib import Path
from docprogress import Pipeline

documents = [path for path in sorted(Path("samples").iterdir()) if "ar." not in path.name]
pipeline = Pipeline(steps=["slow_steps:read"])
run = pipeline.submit(["samples-that-fail/encrypted.pdf", *documents])
run
""",
]


def failures() -> list[str]:
    """The cells of the notebook about failures, up to its run."""
    cells = json.loads((NOTEBOOKS / "failures.ipynb").read_text("utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    submitting = next(n for n, source in enumerate(code) if "submit(" in source)
    return code[: submitting + 1]


def counts(view: Locator) -> dict[str, int]:
    """The number of documents by status, as the view's filters show them."""
    words = view.inner_text().split()
    return {
        status: int(words[words.index(status) - 1])
        for status in ("failed", "processing", "queued", "completed")
        if status in words and words[words.index(status) - 1].isdigit()
    }


def photograph(
    cells: list[str],
    path: Path,
    *,
    workers: int,
    ready: Callable[..., bool],
    ended: Path | None = None,
) -> None:
    """Run cells, and photograph the view when it is `ready`, and the table `ended`."""
    with tempfile.TemporaryDirectory(prefix="dp-") as name:
        folder = Path(name)
        os.environ["DOCPROGRESS_HOME"] = str(folder / "home")
        os.environ["DOCPROGRESS_WORKERS"] = str(workers)
        local.up(load())
        with Lab(folder) as lab, launched(chromium() or "chromium") as browser:
            for samples in ("samples", "samples-that-fail"):
                shutil.copytree(NOTEBOOKS / samples, lab.folder / samples)
            address = lab.address(lab.write("pictures.ipynb", cells))
            with browser.new_context(viewport=WINDOW, device_scale_factor=1.5) as tab:
                page = tab.new_page()
                page.goto(address)
                page.wait_for_selector(".jp-Notebook .jp-CodeCell")
                page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
                for command in (
                    "application:toggle-left-area",
                    "notebook:run-all-cells",
                ):
                    page.evaluate(
                        "name => { jupyterapp.commands.execute(name) }", command
                    )
                view = page.locator(".docprogress").first
                view.wait_for(timeout=DEADLINE_MS)
                for _ in range(DEADLINE_MS // 100):
                    if ready(counts(view)):
                        break
                    page.wait_for_timeout(100)
                else:
                    raise SystemExit(f"the run never looked right for {path.name}")
                # Let the documents in progress get somewhere.
                page.wait_for_timeout(700)
                view.screenshot(path=path)
                print(f"{path}: {path.stat().st_size:,} bytes")
                if ended is not None:
                    table = page.locator(".jp-OutputArea-output table")
                    table.wait_for(timeout=DEADLINE_MS)
                    table.locator("..").screenshot(path=ended)
                    print(f"{ended}: {ended.stat().st_size:,} bytes")
            local.down(folder / "home")


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=NOTEBOOKS / "images")
    folder = parser.parse_args().folder
    photograph(
        RUNNING,
        folder / "running.png",
        workers=3,
        ready=lambda found: (
            found.get("failed", 0) == 1
            and found.get("completed", 0) >= 4
            and found.get("processing", 0) >= 2
        ),
        ended=folder / "ended.png",
    )
    photograph(
        failures(),
        folder / "failures.png",
        workers=2,
        ready=lambda found: found.get("failed", 0) >= 9,
    )


if __name__ == "__main__":
    main()
