"""A run in Notebook 7."""

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support.lab import Lab
from support.people import People, live
from support.services import lacking
from support.steered import SteeredRun

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> Iterator[SteeredRun]:
    """A run of three documents, none of which moves by itself."""
    settings = {"home": str(tmp_path / "home"), "redis_url": redis_url}
    run = SteeredRun(settings, ["one.pdf", "two.pdf", "three.pdf"])
    yield run
    run.close()


@pytest.fixture
def notebook_7() -> Iterator[Lab]:
    if find_spec("notebook") is None:
        lacking("notebook is not installed: pip install --group hosts")
    with (
        tempfile.TemporaryDirectory(prefix="dp-") as folder,
        Lab(Path(folder) / "lab", program="notebook") as server,
    ):
        yield server


def test_notebook_7_shows_a_run_live_to_its_end_also_on_pages_loaded_during_it(
    notebook_7: Lab, browser: Browser, run: SteeredRun
):
    with People(browser, notebook_7, run.cell + "run") as people:
        notebook = people.come()
        notebook.run(0)
        run.publish(0, progress=10)
        live(notebook, "10 %")
        notebook.save()
        run.publish(0, progress=40)

        reloaded = people.come()

        live(reloaded, "40 %")
        run.publish(0, progress=60)
        for each in people.notebooks:
            live(each, "60 %")
        reloaded.screenshot("notebook-7-running")
        run.complete()
        expect(notebook.output(0).get_by_role("table")).to_be_visible()
        for each in people.notebooks:
            expect(each.output(0)).to_contain_text("3 completed")
            assert each.errors == []

        notebook.save()
        reloaded.load()

        expect(reloaded.output(0).get_by_role("table")).to_be_visible()
        expect(reloaded.output(0)).to_contain_text("3 completed")
        reloaded.screenshot("notebook-7-ended")
