"""Runs at an IPython prompt in a terminal."""

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


def test_a_run_is_drawn_while_waiting_and_once_at_the_end(
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


def test_waiting_in_a_script_prints_nothing(
    pipeline: Pipeline, samples: Path, capfd: pytest.CaptureFixture[str]
):
    pipeline.submit(samples / "price-list.html").wait(timeout=patient(60))

    assert capfd.readouterr().out == ""
