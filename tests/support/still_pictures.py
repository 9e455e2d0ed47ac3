"""Photographs views in JupyterLab during a run, for the README and the notebooks.

    python tests/support/still_pictures.py [FOLDER] [--only NAME]

Writes `running.png`, of the table after that run `ended.png`, `failures.png`,
`attached.png`, `second-attempt.png` and `uploads.png`, by default to `notebooks/images`;
`--only running` takes one of them.
"""

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Locator

from docprogress import local
from docprogress.settings import load

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.lab import Lab, chromium, launched

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

#: Milliseconds until a run must look as wanted.
DEADLINE_MS = 180_000

WINDOW = {"width": 1250, "height": 900}
NARROW_WINDOW = {"width": 760, "height": 900}

#: How many colours a picture has: of the view's and JupyterLab's own, their shades.
COLOURS = 256

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


def code_of(notebook: str) -> list[str]:
    """The cells of a notebook that have code."""
    cells = json.loads((NOTEBOOKS / notebook).read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def cells_with(notebook: str, *texts: str) -> list[str]:
    """The first cell of a notebook with each of some texts."""
    code = code_of(notebook)
    return [next(source for source in code if text in source) for text in texts]


def failures() -> list[str]:
    """The cells of the notebook about failures, up to its run."""
    code = code_of("failures.ipynb")
    submitting = next(n for n, source in enumerate(code) if "submit(" in source)
    return code[: submitting + 1]


def attached() -> list[str]:
    """Submit the run of the notebook about attaching, and attach to it."""
    step, submit = cells_with("attach.ipynb", "%%writefile", 'elsewhere("""')
    code = submit.partition('"""')[2].partition('"""')[0].strip()
    return [step, f"{code}\npipeline.attach(run.id)"]


def second_attempt() -> list[str]:
    """Kill the workers of a run, as the notebook about several runs does."""
    return cells_with(
        "concurrent_runs.ipynb",
        "%%writefile",
        "weight=20",
        "reports = ",
        "psutil.Process(",
    )


def counts(view: Locator) -> dict[str, int]:
    """The number of documents by status, as the view's filters show them."""
    words = view.inner_text().split()
    return {
        status: int(words[words.index(status) - 1])
        for status in ("failed", "processing", "queued", "completed")
        if status in words and words[words.index(status) - 1].isdigit()
    }


def has(**least: int) -> Callable[[Locator], bool]:
    """Whether a view shows at least so many documents in each of some states."""

    def ready(view: Locator) -> bool:
        found = counts(view)
        return all(found.get(status, 0) >= count for status, count in least.items())

    return ready


def tried_again(view: Locator) -> bool:
    """Whether two documents are in their second attempt, and the others have ended."""
    return has(completed=2, processing=2)(view) and (
        view.locator(
            ".dp-message:has(.dp-attempt:not([hidden]))", has_text="of 20"
        ).count()
        == 2
    )


def uploading(view: Locator) -> bool:
    """Whether much of a large file has been uploaded; chooses files first."""
    if not view.locator(".dp-file").count():
        folder = Path(os.environ["DOCPROGRESS_HOME"]).parent
        for name, size in (
            ("scans-2025.pdf", 360_000_000),
            ("archive.pdf", 1_200_000_000),
        ):
            with (folder / name).open("wb") as file:
                file.truncate(size)
        samples = [
            NOTEBOOKS / "samples" / name
            for name in (
                "maintenance-manual.pdf",
                "board-minutes.docx",
                "services-agreement.pdf",
            )
        ]
        empty = NOTEBOOKS / "samples-that-fail" / "empty.pdf"
        names = [*samples, empty, folder / "archive.pdf", folder / "scans-2025.pdf"]
        view.locator("input[type=file]").first.set_input_files(names)
    percent = view.locator(".dp-headline .dp-percent").inner_text().removesuffix(" %")
    return percent.isdigit() and 40 <= int(percent) < 99


def photograph(
    cells: list[str],
    path: Path,
    *,
    workers: int,
    ready: Callable[[Locator], bool],
    ended: Path | None = None,
    window: dict[str, int] = WINDOW,
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
            with browser.new_context(viewport=window, device_scale_factor=1.5) as tab:
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
                    if ready(view):
                        break
                    page.wait_for_timeout(100)
                else:
                    raise SystemExit(f"the run never looked right for {path.name}")
                # Let the documents in progress get somewhere.
                page.wait_for_timeout(700)
                save(view, path)
                if ended is not None:
                    table = page.locator(".jp-OutputArea-output table")
                    table.wait_for(timeout=DEADLINE_MS)
                    save(table.locator(".."), ended)
            local.down(folder / "home")


def save(element: Locator, path: Path) -> None:
    """Photograph an element, in few colours, which are also those that are rare in it."""
    shot = Image.open(io.BytesIO(element.screenshot())).convert("RGB")
    few = shot.quantize(
        COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    few.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


#: How each picture is taken.
PICTURES: dict[str, dict[str, Any]] = {
    "running": {
        "cells": lambda: RUNNING,
        "workers": 3,
        "ready": has(failed=1, completed=4, processing=2),
    },
    "failures": {"cells": failures, "workers": 2, "ready": has(failed=9)},
    "attached": {
        "cells": attached,
        "workers": 2,
        "ready": has(completed=1, processing=2, queued=1),
    },
    "second-attempt": {"cells": second_attempt, "workers": 2, "ready": tried_again},
    "uploads": {
        "cells": lambda: cells_with("uploads.ipynb", "pipeline.upload("),
        "workers": 1,
        "ready": uploading,
        "window": NARROW_WINDOW,
    },
}


def main() -> None:
    """Take all pictures, or some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=NOTEBOOKS / "images")
    parser.add_argument("--only", action="append", choices=PICTURES)
    given = parser.parse_args()
    for name in given.only or PICTURES:
        picture = PICTURES[name]
        photograph(
            picture["cells"](),
            given.folder / f"{name}.png",
            workers=picture["workers"],
            ready=picture["ready"],
            ended=given.folder / "ended.png" if name == "running" else None,
            window=picture.get("window", WINDOW),
        )


if __name__ == "__main__":
    main()
