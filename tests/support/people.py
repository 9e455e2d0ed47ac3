"""People who have the same notebook open, and what each of them sees."""

import secrets
from contextlib import ExitStack
from typing import Self

from playwright.sync_api import Browser, Locator, expect
from support.lab import Lab, Notebook


class People:
    """Clients with nothing in common but a server: each has a browser of its own."""

    def __init__(self, browser: Browser, lab: Lab, *cells: str) -> None:
        self._browser = browser
        self._lab = lab
        self._path = lab.write(f"{secrets.token_hex(4)}.ipynb", cells)
        self._contexts = ExitStack()
        self.notebooks: list[Notebook] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._contexts.close()

    def come(self, script: str = "") -> Notebook:
        """One more person opens the notebook."""
        context = self._browser.new_context(viewport={"width": 1100, "height": 700})
        page = self._contexts.enter_context(context).new_page()
        if script:
            page.add_init_script(script)
        notebook = Notebook(self._lab, page, self._path).load()
        self.notebooks.append(notebook)
        return notebook


def live(notebook: Notebook, text: str, cell: int = 0) -> None:
    """The cell shows one live view, with this text, and nothing else."""
    views: Locator = notebook.view(cell)
    expect(views).to_have_count(1)
    expect(views).to_contain_text(text)
    output = notebook.output(cell)
    for unwanted in ("To see it live", "displaying widget", "Loading widget"):
        expect(output).not_to_contain_text(unwanted, use_inner_text=True)
