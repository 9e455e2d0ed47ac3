"""A run in a notebook that several people have open (jupyter-collaboration)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support.added import AddedEnvironment, group_alone
from support.lab import Lab
from support.people import People, live
from support.steered import SteeredRun

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

#: Holds messages about widgets back, as where outputs come another way: they are drawn
#: before their widget is known.
LATE_WIDGETS = """
window.WebSocket = class extends WebSocket {
  set onmessage(listener) {
    super.onmessage = (event) => {
      const {data} = event;
      const late = data instanceof ArrayBuffer && /"comm_(open|msg)"/.test(
        new TextDecoder().decode(data.slice(0, 2000)));
      setTimeout(() => listener.call(this, event), late ? 700 : 0);
    };
  }
};
"""


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> Iterator[SteeredRun]:
    """A run of three documents, none of which moves by itself."""
    settings = {"home": str(tmp_path / "home"), "redis_url": redis_url}
    run = SteeredRun(settings, ["one.pdf", "two.pdf", "three.pdf"])
    yield run
    run.close()


@pytest.fixture
def shared_lab() -> Iterator[Lab]:
    """A JupyterLab whose notebooks are shared documents."""
    with tempfile.TemporaryDirectory(prefix="dp-") as name:
        folder = Path(name)
        added = AddedEnvironment(folder / "added", group_alone("sharing"))
        with Lab(folder / "lab", shared=True, added=added) as lab:
            yield lab


def test_everybody_in_a_shared_notebook_sees_the_run_move(
    shared_lab: Lab, browser: Browser, run: SteeredRun
):
    with People(browser, shared_lab, run.cell + "run") as people:
        first, second = people.come(LATE_WIDGETS), people.come()
        first.run(0)
        run.publish(0, progress=10)
        live(first, "10 %")
        live(second, "10 %")
        second.screenshot("shared-second")
        assert not second.trusted()

        third = people.come()
        first.load()
        run.publish(0, progress=40)
        for each in people.notebooks:
            live(each, "40 %")
        run.complete()
        late = people.come()

        for each in people.notebooks:
            expect(each.output(0)).to_contain_text("3 completed")
            expect(each.output(0)).not_to_contain_text("queued", use_inner_text=True)
            assert each.errors == []
        third.screenshot("shared-third")
        late.screenshot("shared-late")
