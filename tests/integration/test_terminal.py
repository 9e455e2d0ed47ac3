"""Commands in a real terminal: what is on its screen, and in its tab."""

import os
import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.terminals import PACKAGE, Terminal

WINDOWS_TERMINAL = {"WT_SESSION": "0ab1"}

STEPS = """
import time
from pathlib import Path


def gated(pages):
    for page in pages:
        deadline = time.monotonic() + 120
        while not Path(r"{gate}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield page
"""


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        name = f"services-agreement-2026-{number}.txt"
        (tmp_path / name).write_text(f"Clause {number}. Either party may leave. " * 20)
    (tmp_path / "empty.txt").touch()
    (tmp_path / "own_steps.py").write_text(STEPS.format(gate=tmp_path / "gate"))
    return tmp_path


@pytest.fixture
def start(browser: Browser, folder: Path, shared_home: Path):
    """Start a command in a terminal of its own."""
    if not PACKAGE.is_dir():
        reason = "xterm.js is not installed: run `npm ci` in tests/frontend"
        (pytest.fail if "CI" in os.environ else pytest.skip)(reason)
    started: list[Terminal] = []
    with browser.new_context(viewport={"width": 1300, "height": 800}) as context:

        def command(*arguments: str, columns: int = 80, **env: str) -> Terminal:
            home = ("--home", str(shared_home))
            line = [sys.executable, "-m", "docprogress", *arguments, *home]
            page = context.new_page()
            terminal = Terminal(page, line, folder=folder, columns=columns, env=env)
            started.append(terminal)
            return terminal

        yield command
        (folder / "gate").touch()
        for terminal in started:
            terminal.kill()


def running(lines):
    """Whether a document waits in the step that is gated."""
    return any("services-agreement" in line and " %  " in line for line in lines)


def live(lines):
    """The lines of the last frame, below the heading of the run."""
    headings = [n for n, line in enumerate(lines) if line.startswith("Run ")]
    return lines[headings[-1] + 1 :]


@pytest.mark.slow
def test_a_run_is_shown_from_its_first_moment_to_the_commands_after_it(start, folder):
    terminal = start(
        *("run", "*.txt", "--step", "own_steps:gated"), columns=100, **WINDOWS_TERMINAL
    )

    first = terminal.read_until(any)
    terminal.read_until(
        lambda lines: running(lines) and any("empty.txt" in line for line in lines)
    )
    (folder / "gate").touch()
    lines = terminal.read()

    assert first[0].endswith("…")
    assert terminal.status == 1
    run_id = re.fullmatch(r"Run ([\w-]+): 4 documents", lines[0])[1]
    assert lines[1] == "failed  empty.txt: the file is empty"
    assert re.match(r"4 documents in .* s: 3 completed, 1 failed · 3 pages", lines[2])
    assert lines[3:5] == ["", "Next:"]
    commands = [line.split("--home")[0].split() for line in lines[5:] if "docp" in line]
    assert commands[1:] == [
        ["docprogress", "search", "QUERY", "--run", run_id],
        ["docprogress", "retry", run_id],
    ]
    tab = terminal.tab
    assert tab[0] == "4;3;0"
    assert any(re.fullmatch(r"4;2;\d+", told) for told in tab)
    assert tab[-1] == "4;0;0"


@pytest.mark.slow
def test_a_window_that_is_resized_shows_one_frame(start, folder):
    terminal = start("run", "*.txt", "--step", "own_steps:gated", columns=120)
    terminal.read_until(running)

    for columns in (80, 40, 60, 120, 44):
        terminal.resize(columns)
        lines = terminal.read_until(
            lambda lines, columns=columns: (
                running(lines)
                and sum("processing" in line for line in lines) == 1
                and max(map(len, lines)) <= columns
            )
        )
        frame = live(lines)
        assert sum("━" in line or "─" in line for line in frame[:1]) == 1
        assert len([line for line in frame if line.startswith("failed")]) <= 1
    (folder / "gate").touch()
    lines = terminal.read()

    assert sum(line.startswith("Run ") for line in lines) == 1
    assert not any("━" in line or "─" in line for line in lines)


@pytest.mark.slow
def test_ctrl_c_restores_the_terminal_and_its_tab(start, folder):
    terminal = start("run", "*.txt", "--step", "own_steps:gated", **WINDOWS_TERMINAL)
    terminal.read_until(running)

    terminal.interrupt()
    terminal.read_until(lambda lines: any("cancelling the run" in x for x in lines))
    terminal.interrupt()
    terminal.read()

    assert terminal.status == 130
    assert terminal.tab[-1] == "4;0;0"
    assert terminal.written.count(b"\x1b[?25l") == terminal.written.count(b"\x1b[?25h")


@pytest.mark.slow
def test_an_error_before_the_run_leaves_a_clean_screen(start):
    terminal = start("run", "nowhere.pdf", **WINDOWS_TERMINAL)

    lines = terminal.read()

    assert terminal.status == 2
    assert lines == ["docprogress: nowhere.pdf: no such file or folder"]
    assert terminal.tab[-1] == "4;0;0"


@pytest.mark.slow
def test_a_terminal_of_continuous_integration_gets_no_escape_sequences(start):
    terminal = start("run", "*.txt", CI="true", FORCE_COLOR="1")

    lines = terminal.read()

    assert b"\x1b" not in terminal.written
    assert any(line.startswith("completed  services-agreement") for line in lines)
    assert "failed     empty.txt: the file is empty" in lines


@pytest.mark.slow
def test_no_color_means_no_colour(start):
    terminal = start("run", "*.txt", NO_COLOR="1")

    terminal.read()

    assert not re.search(rb"\x1b\[(?:\d+;)*(?:3\d|9\d)m", terminal.written)
    assert "─".encode() in terminal.written
    # This terminal is not known to open links.
    assert b"\x1b]8;" not in terminal.written


@pytest.mark.slow
def test_lists_fit_a_narrow_terminal(start):
    start("run", "*.txt", columns=40).read()

    for arguments in (["status", "latest"], ["runs"], ["doctor"]):
        lines = start(*arguments, columns=40).read()
        assert max(map(len, lines)) <= 40
        words = " ".join(lines).split()
        assert sum(len(word) <= 2 for word in words) < len(words) / 2


@pytest.mark.slow
def test_failed_documents_link_to_their_files_where_links_open(start, folder):
    terminal = start("run", "*.txt", TERM_PROGRAM="WezTerm")

    terminal.read()

    link = (folder / "empty.txt").as_uri().encode()
    assert re.search(rb"\x1b\]8;[^;]*;" + link + rb"\x1b\\", terminal.written)
