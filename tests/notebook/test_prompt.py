"""A run at an IPython prompt, in a terminal of its own."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from support.lab import private_jupyter
from support.patience import patient

from docprogress import Pipeline


@pytest.fixture
def prompt(tmp_path: Path) -> Iterator[pexpect.spawn]:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        env=os.environ | private_jupyter(tmp_path) | {"TERM": "xterm"},
        dimensions=(30, 100),
        encoding="utf-8",
        timeout=patient(60),
    )
    yield child
    child.close(force=True)


def enter(prompt: pexpect.spawn, code: str) -> None:
    prompt.expect(r"In \[\d+\]: ")
    prompt.sendline(code)


def test_a_run_is_drawn_while_it_is_waited_for_and_once_after_it(
    prompt: pexpect.spawn, pipeline: Pipeline, samples: Path
):
    run = pipeline.submit([samples / "price-list.html", ("empty.txt", b"")])
    enter(prompt, "from docprogress import Pipeline")
    home = str(pipeline.settings.home)
    enter(prompt, f"run = Pipeline(home={home!r}).attach({run.id!r})")

    enter(prompt, "_ = run.wait()")
    prompt.expect("empty.txt: the file is empty")
    prompt.expect(r"2 documents.*: 1 completed, 1 failed")

    enter(prompt, "run")
    prompt.expect("empty.txt: the file is empty")
    prompt.expect(r"2 documents.*: 1 completed, 1 failed")


def test_a_script_that_waits_is_left_alone(
    pipeline: Pipeline, samples: Path, capfd: pytest.CaptureFixture[str]
):
    pipeline.submit(samples / "price-list.html").wait(timeout=patient(60))

    assert capfd.readouterr().out == ""
