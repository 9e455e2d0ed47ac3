"""Photographs every state of what users see in a browser, at three widths, light and dark.

    python tests/support/view_pictures.py [FOLDER] [--only TEXT] [--theme THEME]

Writes `NAME-THEME-WIDTH.png`, by default to `tests/screenshots/view`, and `index.html`,
which shows them beside each other. The states of the live view are the scenes of the
gallery, with and without what a user opens in them; those of the server's page, the
uploader, the table of a saved notebook and the report follow.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Locator

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.gallery import Gallery, serving_gallery
from support.lab import chromium, launched
from support.other_states import STATES as OTHER_STATES
from support.page_states import STATES as PAGE_STATES

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


@dataclass(frozen=True)
class Wanted:
    """Which pictures to take."""

    only: str
    themes: list[str]
    widths: list[int]
    forced: Literal["active", "none"]


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


def open_failure(view: Locator) -> None:
    """Open the details of the first document, which has failed."""
    view.locator(".dp-row").first.click()
    view.locator(".dp-panel tbody tr").first.wait_for()


def select(view: Locator) -> None:
    """Select three documents, of which one has failed."""
    for number in (0, 1, 4):
        view.get_by_role("checkbox", name="Select ").nth(number + 1).click()


def sort(view: Locator) -> None:
    """Sort by progress, descending."""
    for _ in range(2):
        view.get_by_role("columnheader", name="Progress").click()


def search(view: Locator) -> None:
    """Search messages, and show what can be done with failures."""
    view.get_by_role("searchbox").fill("embedding")
    view.get_by_role("button", name="CSV", exact=True).click()


def find_nothing(view: Locator) -> None:
    """Search for what is nowhere."""
    view.get_by_role("searchbox").fill("nowhere")


def cancel(view: Locator) -> None:
    """Cancel the run."""
    view.get_by_role("button", name="Cancel", exact=True).click()


def ignore(_: Locator) -> None:
    """Do nothing: the kernel is gone."""


def explain(view: Locator) -> None:
    """Show the keys, and the focus on a document."""
    view.get_by_role("button", name="Keys").click()
    view.get_by_role("grid").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        view.page.keyboard.press(key)


#: What a user does in a scene before it is photographed; what has the focus comes last.
OPENED: Mapping[str, tuple[str, Callable[[Locator], None]]] = {
    "details of a failure": ("10 running", open_failure),
    "selection": ("10 running", select),
    "sorted": ("1000 running", sort),
    "search": ("10 running", search),
    "nothing found": ("10 running", find_nothing),
    "cancelling": ("10 running", cancel),
    "disconnected": ("10 running", ignore),
    "details among hostile texts": ("hostile", open_failure),
    "keys": ("10 finished", explain),
}


def file_name(name: str, theme: str, width: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{theme}-{width}") + ".png"


def photograph_views(
    gallery: Gallery, folder: Path, wanted: Wanted
) -> Iterator[tuple[str, int]]:
    """Take the pictures of live views; yield the names of their files and their widths."""
    states = [(name, name, None) for name in PLAIN]
    states += [(name, *opened) for name, opened in OPENED.items()]
    states = [state for state in states if wanted.only in state[0]]
    if not states:
        return
    # All are on one page: drawing is cheaper than loading.
    page = gallery.open(*(scene for _, scene, _ in states), width=max(wanted.widths))
    views = page.locator("main > [data-scene]")
    for number, (_, _, act) in enumerate(states):
        if act is not None:
            act(views.nth(number))
    page.mouse.move(0, 0)
    for theme in wanted.themes:
        scheme, jupyter = THEMES[theme]
        page.emulate_media(color_scheme=scheme, forced_colors=wanted.forced)
        page.evaluate("name => document.documentElement.dataset.theme = name", jupyter)
        for width in wanted.widths:
            page.set_viewport_size({"width": width, "height": 1600})
            for number, (name, _, _) in enumerate(states):
                file = file_name(name, theme, width)
                sign = "disconnect" if name == "disconnected" else "beat"
                page.evaluate(f"number => gallery.views[number].{sign}()", number)
                views.nth(number).screenshot(path=folder / file)
                yield file, width


def photograph_others(
    browser: Browser, folder: Path, wanted: Wanted
) -> Iterator[tuple[str, int]]:
    """Take the pictures of the page, the uploader, the table and the report."""
    for name, open_state in (PAGE_STATES | OTHER_STATES).items():
        if wanted.only not in name:
            continue
        page = open_state(browser)
        for theme in wanted.themes:
            scheme, jupyter = THEMES[theme]
            if jupyter:
                continue
            page.emulate_media(color_scheme=scheme, forced_colors=wanted.forced)
            for width in wanted.widths:
                page.set_viewport_size({"width": width, "height": 640})
                file = file_name(name, theme, width)
                page.screenshot(path=folder / file, full_page=True)
                yield file, width
        page.unroute_all(behavior="ignoreErrors")
        page.close()


def main() -> None:
    """Take the pictures, and write the page that shows them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--only", default="", help="part of the names of states")
    parser.add_argument(
        "--theme",
        action="append",
        choices=THEMES,
        help="by default light and dark; repeat for several",
    )
    parser.add_argument(
        "--width", action="append", type=int, help=f"by default {WIDTHS}"
    )
    parser.add_argument(
        "--forced-colors", action="store_true", help="as with a system's high contrast"
    )
    given = parser.parse_args()
    wanted = Wanted(
        only=given.only,
        themes=given.theme or ["light", "dark"],
        widths=given.width or list(WIDTHS),
        forced="active" if given.forced_colors else "none",
    )
    given.folder.mkdir(parents=True, exist_ok=True)
    with (
        serving_gallery() as address,
        launched(chromium() or "chromium") as browser,
        Gallery(browser, address) as gallery,
    ):
        taken = [
            *photograph_views(gallery, given.folder, wanted),
            *photograph_others(browser, given.folder, wanted),
        ]
    images = "\n".join(
        f'<figure><img src="{escape(name)}" width="{width}" loading="lazy">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, width in taken
    )
    style = "body{display:flex;flex-wrap:wrap;align-items:start;font:12px sans-serif}"
    page = f"<!doctype html><meta charset=utf-8><style>{style}</style>{images}"
    (given.folder / "index.html").write_text(page, "utf-8")
    print(f"{len(taken)} pictures: {given.folder / 'index.html'}")
    if gallery.complaints:
        raise SystemExit("\n".join(gallery.complaints))


if __name__ == "__main__":
    main()
