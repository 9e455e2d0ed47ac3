"""Photographs commands in a terminal, in several widths, on dark and on light.

    python tests/support/terminal_pictures.py [FOLDER]

Writes PNG files, by default to `tests/screenshots`.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.lab import chromium, launched
from support.terminals import THEMES, Terminal

from docprogress import local
from docprogress.settings import load

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

WIDTHS = (40, 80, 120)

#: Commands that are photographed when they have ended.
ENDED = {
    "status": ["status"],
    "status-run": ["status", "latest"],
    "runs": ["runs"],
    "doctor": ["doctor"],
    "help": ["--help"],
    "help-run": ["run", "--help"],
}

STEPS = """\
import time
from collections.abc import Iterable, Iterator
from docprogress import Page

def read(pages: Iterable[Page]) -> Iterator[Page]:
    for page in pages:
        time.sleep(0.4)
        yield page
"""


def command(*arguments: str) -> list[str]:
    """The command line of docprogress."""
    return [sys.executable, "-m", "docprogress", *arguments]


def photograph(
    page: Page, documents: Path, folder: Path, width: int, theme: str
) -> None:
    """Take the pictures of one width and one theme."""

    def terminal(*arguments: str, rows: int) -> Terminal:
        return Terminal(
            page,
            command(*arguments),
            folder=documents,
            columns=width,
            rows=rows,
            theme=theme,
        )

    def path(name: str) -> Path:
        return folder / f"terminal-{name}-{width}-{theme}.png"

    shown = terminal("run", ".", "--step", "slow_steps:read", rows=24)
    shown.read_until(lambda lines: any("Run " in line for line in lines))
    shown.photograph(path("first"))
    shown.read_until(lambda lines: any(line.startswith("failed") for line in lines))
    shown.photograph(path("failures"))
    shown.read()
    shown.photograph(path("end"))
    for name, arguments in ENDED.items():
        shown = terminal(*arguments, rows=48)
        shown.read()
        shown.photograph(path(name))


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).parents[1] / "screenshots"
    parser.add_argument("folder", nargs="?", type=Path, default=default)
    parser.add_argument("--width", type=int, action="append")
    parser.add_argument("--theme", choices=THEMES, action="append")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="dp-") as name,
        launched(chromium() or "chromium") as browser,
        browser.new_context(viewport={"width": 1300, "height": 1100}) as context,
    ):
        documents = Path(name) / "documents"
        shutil.copytree(NOTEBOOKS / "samples", documents)
        shutil.copytree(NOTEBOOKS / "samples-that-fail", documents / "more")
        (documents / "slow_steps.py").write_text(STEPS)
        os.environ["DOCPROGRESS_HOME"] = str(Path(name) / "home")
        os.environ["DOCPROGRESS_WORKERS"] = "3"
        try:
            page = context.new_page()
            for width in given.width or WIDTHS:
                for theme in given.theme or THEMES:
                    photograph(page, documents, given.folder, width, theme)
        finally:
            local.down(load().home)


if __name__ == "__main__":
    main()
