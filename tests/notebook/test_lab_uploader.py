"""Uploads by drag and drop in JupyterLab, in a real browser."""

import hashlib
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect
from support.lab import HELD, Notebook, Window
from support.runs import with_text
from support.services import eventually

AXE = (
    Path(__file__).parents[1] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
)

MB = 1_000_000

START = "from docprogress import Uploader\nuploader = Uploader({given})\nuploader"

FILES = "print([(f.name, f.size, f.sha256[:8]) for f in uploader.files])"

#: What lies in the uploader's folder once nothing is on its way.
LEFT = """import time
while any(each.status == "arriving" for each in uploader._receiver):
    time.sleep(0.01)
sorted(path.name for path in uploader._receiver._place.glob("0*"))"""

#: Lets nothing out of the page any more, and closes the line under it.
CUT = """() => {
  const send = WebSocket.prototype.send;
  const sockets = new Set();
  window.mended = () => { WebSocket.prototype.send = send; };
  window.cut = () => sockets.forEach((socket) => socket.close());
  WebSocket.prototype.send = function (data) { sockets.add(this); };
}"""


@pytest.fixture(autouse=True)
def _awake(window: Window) -> Iterator[None]:
    """No kernel stands still after a test."""
    yield
    for process in window.lab.kernel_processes():
        process.resume()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    return path


def fill(path: Path, size: int) -> str:
    """Write a file that is like no other; how it is found in `FILES`."""
    data = random.randbytes(size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return f"('{path.name}', {size}, '{hashlib.sha256(data).hexdigest()[:8]}')"


def pick(view: Locator, *paths: Path) -> None:
    """Choose files, as somebody does who uses the button."""
    view.locator("input[type=file]").first.set_input_files(paths)


def drop(page: Page, view: Locator, *paths: Path) -> None:
    """Drop files and folders, as somebody does who drags them there."""
    box = view.locator(".dp-drop-zone").bounding_box()
    assert box is not None
    control = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        control.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + 20,
                "y": box["y"] + 10,
                "data": {
                    "items": [],
                    "files": [str(path) for path in paths],
                    "dragOperationsMask": 1,
                },
            },
        )
    control.detach()


def headline(view: Locator) -> Locator:
    return view.locator(".dp-headline")


def problem(view: Locator) -> Locator:
    return view.locator(".dp-problem:visible")


def row(view: Locator, name: str) -> Locator:
    return view.locator(".dp-file").filter(has=view.page.get_by_title(name, exact=True))


def stop(notebook: Notebook) -> psutil.Process:
    """Have the kernel stand still, as one that is stuck in somebody's C code."""
    [process] = notebook.lab.kernel_processes()
    process.suspend()
    return process


def half_way(notebook: Notebook, view: Locator, path: Path) -> psutil.Process:
    """Pick a file, and have the kernel stand still when some of it is there.

    Until then it goes on for moments only: else all of it might be.
    """
    kernel = stop(notebook)
    pick(view, path)
    bar = view.locator(".dp-file").last.locator(".dp-bar")

    def some_is_there() -> bool:
        if int(bar.get_attribute("aria-valuenow") or 0) > 10:  # percent
            return True
        kernel.resume()
        time.sleep(0.02)
        kernel.suspend()
        return False

    eventually(some_is_there, what="some of it is there")
    return kernel


def looks_well(notebook: Notebook, name: str) -> None:
    """Take pictures for people, bright and dark, wide and narrow; ask axe-core."""
    page = notebook.page
    if not AXE.exists():
        if "CI" in os.environ:
            pytest.fail("axe-core is not there: npm ci in tests/frontend")
        pytest.skip("axe-core is not there: npm ci in tests/frontend")
    page.evaluate(AXE.read_text("utf-8"))
    page.evaluate("() => jupyterapp.shell.collapseLeft()")
    size = page.viewport_size
    for theme in ("Dark", "Light"):
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)
        for width in (1400, 620):
            page.set_viewport_size({"width": width, "height": 900})
            notebook.screenshot(f"{name}-{theme.lower()}-{width}")
        result = page.evaluate("() => axe.run('.jp-OutputArea-child')")
        assert [
            f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:300]}"
            for each in result["violations"]
            if each["impact"] in ("serious", "critical")
        ] == [], theme
    page.set_viewport_size(size)


@pytest.mark.slow
def test_files_of_one_twelve_and_fifty_megabytes_arrive_whole(
    window: Window, folder: Path, capsys, record_property
):
    sizes = (1, 12, 50)
    digests = [fill(folder / f"{size}.bin", size * MB) for size in sizes]
    notebook = window.new(START.format(given=""), FILES, "uploader.close()")
    notebook.run(0)
    view = notebook.view(0)

    pick(view, *(folder / f"{size}.bin" for size in sizes))

    expect(headline(view)).to_contain_text("3 files uploaded, 63.0 MB")
    notebook.run(1)
    assert notebook.text(1).strip() == f"[{', '.join(digests)}]"

    began = time.monotonic()
    pick(view, folder / "50.bin")
    expect(headline(view)).to_contain_text("4 files up")
    speed = 50 / (time.monotonic() - began)
    record_property("upload_megabytes_per_second", round(speed, 1))
    with capsys.disabled():
        print(f"\n50 MB from the browser to the kernel: {speed:.1f} MB/s")
    notebook.run(2)
    expect(notebook.view(0)).to_have_count(0)
    expect(notebook.output(0)).to_contain_text("50 (2).bin")
    assert notebook.errors == []


@pytest.mark.slow
def test_a_file_that_is_cancelled_half_way_leaves_nothing_and_others_go_on(
    window: Window, folder: Path
):
    for name in ("first.bin", "second.bin"):
        fill(folder / name, 40 * MB)
    third = fill(folder / "third.bin", 4 * MB)
    notebook = window.new(START.format(given=""), FILES, LEFT)
    notebook.run(0)
    view = notebook.view(0)

    kernel = half_way(notebook, view, folder / "first.bin")
    pick(view, folder / "second.bin", folder / "third.bin")
    expect(problem(view)).to_contain_text("Waiting for the kernel")
    notebook.screenshot("uploader-busy")
    view.get_by_role("button", name="Cancel first.bin").click()
    view.get_by_role("button", name="Cancel second.bin").click()
    kernel.resume()

    expect(headline(view)).to_contain_text("1 file uploaded, 4.0 MB · 2 cancelled")
    notebook.run(1)
    assert notebook.text(1).strip() == f"[{third}]"
    kernel = half_way(notebook, view, folder / "first.bin")
    view.get_by_role("button", name="Cancel all").click()
    kernel.resume()
    notebook.run(2)
    assert notebook.text(2).strip() == "['000003.bin']"
    assert notebook.errors == []


def test_an_upload_continues_where_it_was_when_the_line_is_back(
    window: Window, folder: Path
):
    digest = fill(folder / "a.bin", 30 * MB)
    other = fill(folder / "b.bin", 3 * MB)
    notebook = window.new(START.format(given=""), FILES)
    notebook.run(0)
    view = notebook.view(0)

    kernel = half_way(notebook, view, folder / "a.bin")
    # What the page sends from now on is lost, and so is what it is dropped.
    notebook.page.evaluate(CUT)
    kernel.resume()
    pick(view, folder / "b.bin")
    expect(problem(view)).to_be_visible()
    notebook.page.evaluate("() => { cut(); mended(); }")

    expect(headline(view)).to_contain_text("2 files uploaded, 33.0 MB")
    notebook.run(1)
    assert notebook.text(1).strip() == f"[{digest}, {other}]"
    assert notebook.errors == []


@pytest.mark.slow
def test_a_kernel_restart_during_an_upload_is_shown(window: Window, folder: Path):
    fill(folder / "a.bin", 40 * MB)
    notebook = window.new(START.format(given=""))
    notebook.run(0)
    view = notebook.view(0)
    # It stands still, lest the rest arrives before it is restarted.
    half_way(notebook, view, folder / "a.bin")

    notebook.restart_kernel()

    expect(problem(view)).to_contain_text("was restarted or has ended")
    expect(row(view, "a.bin")).to_contain_text("Did not arrive")
    expect(view.get_by_role("button", name="Choose files")).to_be_disabled()
    notebook.screenshot("uploader-restarted")
    assert notebook.errors == []


def test_files_that_cannot_be_uploaded_are_named_and_the_others_arrive(
    window: Window, folder: Path
):
    fill(folder / "too-large.pdf", 3 * MB)
    (folder / "empty.pdf").touch()
    fill(folder / "a" / "same.txt", 10)
    fill(folder / "b" / "same.txt", 11)
    hostile = f"<img src=x onerror=alert(1)> \u202e{'long ' * 40}.txt"
    fill(folder / hostile, 12)
    fill(folder / "folder" / "deep" / "in.txt", 13)
    fill(folder / "folder" / "image.svg", 14)
    fill(folder / "folder" / ".hidden.txt", 15)
    fill(folder / "changed.bin", 2 * MB)
    notebook = window.new(
        START.format(given="max_bytes=2_500_000, max_files=6"),
        "[f.size for f in uploader.files]",
    )
    notebook.run(0)
    view = notebook.view(0)

    dropped = ("too-large.pdf", "empty.pdf", "folder", hostile)
    drop(notebook.page, view, *(folder / name for name in dropped))

    expect(headline(view)).to_contain_text("2 files uploaded, 25 bytes")
    expect(headline(view)).to_contain_text("2 failed")
    expect(row(view, "too-large.pdf")).to_contain_text("Too large: the limit is 2.5 MB")
    expect(row(view, "empty.pdf")).to_contain_text("The file is empty")
    expect(row(view, "in.txt")).to_contain_text("Uploaded")
    expect(view.locator(".dp-notice")).to_have_text(
        "1 file of other kinds in folders left out."
    )
    expect(view.locator("img")).to_have_count(0)

    pick(view, folder / "a" / "same.txt", folder / "b" / "same.txt")
    expect(row(view, "same (2).txt")).to_contain_text("Uploaded")
    looks_well(notebook, "uploader-refused")

    kernel = stop(notebook)
    pick(view, folder / "changed.bin")
    fill(folder / "changed.bin", MB)
    kernel.resume()
    expect(row(view, "changed.bin")).to_contain_text("changed, moved or deleted")
    for _ in range(2):
        pick(view, folder / "b" / "same.txt")
    expect(headline(view)).to_contain_text("6 files uploaded")
    pick(view, folder / "b" / "same.txt")
    expect(view.locator(".dp-notice")).to_have_text(
        "1 file left out: the limit is 6 files."
    )
    view.get_by_role("button", name="Remove same.txt").click()
    expect(headline(view)).to_contain_text("5 files uploaded")
    notebook.run(1)
    assert notebook.text(1).strip() == "[12, 13, 11, 11, 11]"
    assert notebook.errors == []


def test_dropped_documents_become_a_run_and_then_a_table(
    window: Window, shared_home: Path, samples: Path, gate: Path
):
    notebook = window.new(
        HELD.format(gate=str(gate)),
        f"from docprogress import Pipeline\n"
        f"pipeline = Pipeline(home={str(shared_home)!r}, workers=2, "
        "steps=['held_steps:held'])\n"
        "uploader = pipeline.upload()\nuploader",
        "uploader.runs[0].to_frame()[['name', 'status']].value_counts('status').to_dict()",
    )
    notebook.run(0)
    notebook.run(1)
    view = notebook.view(1).first
    expect(view.get_by_role("button", name="Choose files")).to_be_visible()
    with notebook.page.expect_file_chooser() as chosen:
        view.get_by_role("button", name="Choose files").press("Enter")

    chosen.value.set_files(with_text(samples)[:6])

    output = notebook.output(1)
    expect(output.locator(".docprogress .dp-grid")).to_be_visible()
    notebook.screenshot("uploader-processing")
    gate.touch()
    expect(output.locator(".docprogress")).to_have_count(0)
    expect(output).to_contain_text("6 files uploaded")
    expect(output).to_contain_text("6 documents: 6 completed")
    notebook.screenshot("uploader-frozen")
    notebook.run(2)
    assert notebook.text(2).strip() == "{'completed': 6}"
    saved = notebook.save()
    assert "widget-view" not in str(saved.cells[1].outputs)
    path = notebook.path
    window.clear()
    again = window.open(path)
    expect(again.output(1)).to_contain_text("6 documents: 6 completed")
    expect(again.page.get_by_text("model not found")).to_have_count(0)
    assert again.errors == []
