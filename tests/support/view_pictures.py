"""Photographs every state of the live view, at three widths and in each theme.

    python tests/support/view_pictures.py [FOLDER] [--only TEXT] [--theme THEME]

Writes `NAME-THEME-WIDTH.png`, by default to `tests/screenshots/view`, and `index.html`,
which shows them beside each other. The states are the scenes of the gallery, with and
without what a user opens in them.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.gallery import Gallery, serving_gallery
from support.lab import chromium, launched

FOLDER = Path(__file__).parents[1] / "screenshots" / "view"

#: A phone, half a screen, and a wide notebook.
WIDTHS = (390, 632, 1232)

#: Their names, the browser's colour scheme, and the theme of JupyterLab.
THEMES = {
    "light": ("light", ""),
    "dark": ("dark", ""),
    "jupyter-light": ("light", "jupyter-light"),
    "jupyter-dark": ("dark", "jupyter-dark"),
    "jupyter-contrast": ("dark", "jupyter-contrast"),
}

#: Scenes that are photographed as they are.
PLAIN = (
    "1 running",
    "1 stalled",
    "1 failed",
    "1 completed",
    "1 queued",
    "10 running",
    "10 finished",
    "10 synchronized",
    "38 completed",
    "1000 running",
    "10000 cancelled",
    "10 stalled",
    "30 foreign",
    "10 away",
    "1 hostile",
    "hostile",
    "none",
)


def open_failure(page: Page) -> None:
    """Open the details of the first document, which has failed."""
    page.locator(".dp-row").first.click()
    page.locator(".dp-panel tbody tr").first.wait_for()


def select(page: Page) -> None:
    """Select three documents, of which one has failed."""
    for number in (0, 1, 4):
        page.get_by_role("checkbox", name="Select ").nth(number + 1).click()


def sort(page: Page) -> None:
    """Sort by progress, descending."""
    for _ in range(2):
        page.get_by_role("columnheader", name="Progress").click()


def search(page: Page) -> None:
    """Search messages, and show what can be done with failures."""
    page.get_by_role("searchbox").fill("embedding")
    page.get_by_role("button", name="CSV", exact=True).click()


def explain(page: Page) -> None:
    """Show the keys, and the focus on a document."""
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("grid").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)


#: What a user does in a scene before it is photographed.
OPENED: dict[str, tuple[str, Callable[[Page], None]]] = {
    "details of a failure": ("10 running", open_failure),
    "selection": ("10 running", select),
    "sorted": ("1000 running", sort),
    "search": ("10 running", search),
    "keys": ("10 finished", explain),
    "details among hostile texts": ("hostile", open_failure),
}


def states() -> Iterator[tuple[str, str, Callable[[Page], None] | None]]:
    """The name of each picture, its scene, and what is done in it."""
    for scene in PLAIN:
        yield scene, scene, None
    for name, (scene, act) in OPENED.items():
        yield name, scene, act


def photograph(
    gallery: Gallery, folder: Path, only: str, themes: list[str]
) -> list[str]:
    """Take all pictures; return the names of their files."""
    taken = []
    for name, scene, act in states():
        for theme in themes:
            scheme, jupyter = THEMES[theme]
            for width in WIDTHS:
                file = re.sub(r"[^a-z0-9]+", "-", f"{name}-{theme}-{width}") + ".png"
                if only not in file:
                    continue
                page = gallery.open(scene, width=width, scheme=scheme, theme=jupyter)
                if act is not None:
                    act(page)
                page.mouse.move(0, 0)
                page.screenshot(path=folder / file, full_page=True)
                page.close()
                taken.append(file)
    return taken


def main() -> None:
    """Take the pictures, and write the page that shows them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--only", default="", help="part of the names of pictures")
    parser.add_argument(
        "--theme",
        action="append",
        choices=THEMES,
        help="by default light and dark; repeat for several",
    )
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with (
        serving_gallery() as address,
        launched(chromium() or "chromium") as browser,
        Gallery(browser, address) as gallery,
    ):
        taken = photograph(
            gallery, given.folder, given.only, given.theme or ["light", "dark"]
        )
    images = "\n".join(
        f'<figure><img src="{escape(name)}"><figcaption>{escape(name)}</figcaption></figure>'
        for name in taken
    )
    style = "body{display:flex;flex-wrap:wrap;align-items:start;font:12px sans-serif}"
    page = f"<!doctype html><meta charset=utf-8><style>{style}</style>{images}"
    (given.folder / "index.html").write_text(page, "utf-8")
    print(f"{len(taken)} pictures: {given.folder / 'index.html'}")
    if gallery.complaints:
        raise SystemExit("\n".join(gallery.complaints))


if __name__ == "__main__":
    main()
