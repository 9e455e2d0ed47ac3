"""Films a run in JupyterLab, for the README: what is seen there is what happens.

    python tests/support/moving_picture.py [FOLDER]

Writes `moving-light.gif` and `moving-dark.gif`, by default to `notebooks/images`.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from docprogress import local
from docprogress.settings import load

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "benchmarks")]

from corpus import pdfs  # noqa: E402
from support.lab import Lab, chromium, launched  # noqa: E402

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

#: What the documents are called, and how many pages they have.
PAGES = {
    "annual-report-2023.pdf": 160,
    "annual-report-2024.pdf": 240,
    "board-papers-march.pdf": 80,
    "data-protection-review.pdf": 140,
    "lease-harbour-street.pdf": 100,
    "services-agreement.pdf": 160,
    "supplier-audit.pdf": 100,
    "works-council-minutes.pdf": 60,
}

CELL = """\
from docprogress import Pipeline

run = Pipeline().submit("contracts/*.pdf")
run"""

#: A picture, and when it was taken.
Frame = tuple[float, Image.Image]

#: Seconds between two frames, for how long the last one stands, and for the whole.
FRAME = 0.2
LAST = 3.0
DEADLINE = 120.0

#: The window, and how much of it is filmed from the cell downwards, in pixels.
WINDOW = {"width": 980, "height": 760}
HEIGHT = 500

#: How many colours a picture has: of the view's and JupyterLab's own, a few shades.
COLOURS = 96


def film(theme: str, scheme: str) -> list[Frame]:
    """Every picture of one run, from the keystroke to a moment after the end."""
    with tempfile.TemporaryDirectory(prefix="dp-") as name:
        folder = Path(name)
        os.environ["DOCPROGRESS_HOME"] = str(folder / "home")
        os.environ["DOCPROGRESS_WORKERS"] = "3"
        # PDFium would be done before anybody has looked.
        os.environ["DOCPROGRESS_PDF_ENGINE"] = "pypdf"
        local.up(load())
        with Lab(folder) as lab, launched(chromium() or "chromium") as browser:
            write(lab.folder / "contracts")
            path = lab.write("contracts.ipynb", [CELL])
            with browser.new_context(viewport=WINDOW, color_scheme=scheme) as context:
                page = context.new_page()
                open_alone(page, lab.address(path), theme)
                frames = run(page)
            local.down(folder / "home")
    return frames


def write(contracts: Path) -> None:
    """Make the documents, one of which nobody can read."""
    contracts.mkdir()
    for title, pages in PAGES.items():
        (made,) = pdfs(contracts, documents=1, pages=pages, seed=pages)
        made.rename(contracts / title)
    encrypted = NOTEBOOKS / "samples-that-fail" / "encrypted.pdf"
    (contracts / "acquisition-draft.pdf").write_bytes(encrypted.read_bytes())


def open_alone(page: Page, address: str, theme: str) -> None:
    """Open a notebook with as little as possible around it."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    for command, arguments in (
        ("apputils:change-theme", {"theme": theme}),
        ("application:toggle-left-area", {}),
    ):
        page.evaluate(
            "([name, given]) => jupyterapp.commands.execute(name, given)"
            ".then(() => null)",
            [command, arguments],
        )
    page.add_style_tag(content=".jp-cell-toolbar, .jp-Toast { display: none }")
    page.wait_for_timeout(1000)


def run(page: Page) -> list[Frame]:
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    output = page.locator(".jp-OutputArea-output")
    place = cell.bounding_box()
    assert place is not None
    frames: list[Frame] = []
    cell.click()
    page.keyboard.press("Shift+Enter")
    deadline = time.monotonic() + DEADLINE
    ended = False
    while not ended:
        assert time.monotonic() < deadline, f"no end within {DEADLINE} s"
        ended = output.locator("table:visible").count() > 0
        began = time.monotonic()
        shot = page.screenshot(clip=place | {"height": HEIGHT})
        frames.append((began, Image.open(io.BytesIO(shot)).convert("RGB")))
        if not output.count():
            # The first import takes seconds that nobody wants to see.
            frames.clear()
        page.wait_for_timeout(max(0.0, FRAME - (time.monotonic() - began)) * 1000)
    return frames


def save(frames: list[Frame], path: Path) -> None:
    """Write what has changed from frame to frame, in few colours."""
    kept = frames[:1]
    for moment, picture in frames[1:]:
        if picture.tobytes() != kept[-1][1].tobytes():
            kept.append((moment, picture))
    moments = [moment for moment, _ in kept]
    seconds = [after - before for before, after in pairwise(moments)] + [LAST]
    pictures = [picture for _, picture in kept]
    palette = stacked(pictures[len(pictures) // 3 :: len(pictures) // 3])
    palette = palette.quantize(COLOURS, dither=Image.Dither.NONE)
    first, *rest = (
        picture.quantize(palette=palette, dither=Image.Dither.NONE)
        for picture in pictures
    )
    first.save(
        path,
        save_all=True,
        append_images=rest,
        duration=[int(1000 * each) for each in seconds],
        loop=0,
        optimize=True,
        disposal=1,
    )
    print(f"{path}: {len(kept)} frames, {path.stat().st_size:,} bytes")


def stacked(pictures: list[Image.Image]) -> Image.Image:
    width, height = pictures[0].size
    together = Image.new("RGB", (width, height * len(pictures)))
    for number, picture in enumerate(pictures):
        together.paste(picture, (0, number * height))
    return together


def main() -> None:
    """Film in light and in dark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=NOTEBOOKS / "images")
    folder = parser.parse_args().folder
    save(film("JupyterLab Light", "light"), folder / "moving-light.gif")
    save(film("JupyterLab Dark", "dark"), folder / "moving-dark.gif")


if __name__ == "__main__":
    main()
