"""What terminals are sent, by what they say of themselves."""

import io
import re

import pytest
from rich.console import Console
from rich.text import Text
from support.clock import Clock

from docprogress.terminal.bar import progress_bar
from docprogress.terminal.capabilities import in_ci, opens_links, shows_progress
from docprogress.terminal.live_region import LiveRegion
from docprogress.terminal.status_line import StatusLine
from docprogress.terminal.taskbar import REPEAT_SECONDS, Taskbar, TaskbarState

WINDOWS_TERMINAL = {"TERM": "xterm-256color", "WT_SESSION": "0ab1"}


class Terminal(io.StringIO):
    """Something that is written to and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({}, False),
        ({"TERM": "xterm-256color"}, False),
        (WINDOWS_TERMINAL, True),
        ({"ConEmuANSI": "ON"}, True),
        ({"ConEmuANSI": "OFF"}, False),
        ({"TERM_PROGRAM": "ghostty"}, True),
        ({"TERM_PROGRAM": "WezTerm"}, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.6.5"}, False),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.6.6"}, True),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.10.0beta1"}, True),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_FEATURES": "T3LrMSc7UUw9Ts3BFP"}, True),
        ({"TERM_PROGRAM": "iTerm.app", "TERM_FEATURES": "T3PaSc7"}, False),
        ({"TERM_PROGRAM": "vscode", "TERM_PROGRAM_VERSION": "1.96.2"}, False),
        ({"TERM_PROGRAM": "vscode", "TERM_PROGRAM_VERSION": "1.101.0"}, True),
        ({"KONSOLE_VERSION": "251203"}, False),
        ({"KONSOLE_VERSION": "260400"}, True),
        ({"KONSOLE_VERSION": "twelve"}, False),
        ({"PTYXIS_VERSION": "47.6"}, False),
        ({"PTYXIS_VERSION": "48.0"}, True),
        ({**WINDOWS_TERMINAL, "TMUX": "/tmp/tmux-0/default,1,0"}, False),
        ({**WINDOWS_TERMINAL, "TERM": "screen-256color"}, False),
        ({**WINDOWS_TERMINAL, "TERM": "dumb"}, False),
        ({**WINDOWS_TERMINAL, "CI": "true"}, False),
    ],
)
def test_progress_goes_only_to_tabs_that_are_known_to_show_it(env, shown):
    assert shows_progress(env) is shown


@pytest.mark.parametrize(
    ("env", "opened"),
    [
        ({"TERM": "xterm-256color"}, False),
        (WINDOWS_TERMINAL, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"VTE_VERSION": "4601"}, False),
        ({"VTE_VERSION": "7600"}, True),
        ({"TERM_PROGRAM": "vscode"}, True),
        ({"TERM_PROGRAM": "vscode", "SSH_CONNECTION": "1 2 3 4"}, False),
        ({"TERM_PROGRAM": "vscode", "TERM": "tmux-256color"}, False),
    ],
)
def test_links_go_only_to_terminals_that_open_them(env, opened):
    assert opens_links(env) is opened


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("1", True), ("false", False), ("", False)]
)
def test_continuous_integration_is_detected(value, expected):
    assert in_ci({"CI": value}) is expected


def test_progress_in_a_tab_is_sent_when_it_changes_and_cleared():
    out, clock = Terminal(), Clock()
    taskbar = Taskbar(out, env=WINDOWS_TERMINAL, clock=clock)

    taskbar.show(TaskbarState.INDETERMINATE)
    for fraction in (0.1, 0.101, 0.109):
        taskbar.show(TaskbarState.NORMAL, fraction)
    taskbar.show(TaskbarState.ERROR, 0.5)
    clock.advance(REPEAT_SECONDS)
    taskbar.show(TaskbarState.ERROR, 0.5)
    taskbar.clear()
    taskbar.clear()

    assert out.getvalue().split("\x1b\\") == [
        *("\x1b]9;4;3;0", "\x1b]9;4;1;10", "\x1b]9;4;2;50", "\x1b]9;4;2;50"),
        *("\x1b]9;4;0;0", ""),
    ]


def test_a_pipe_gets_no_progress_for_tabs():
    out = io.StringIO()
    taskbar = Taskbar(out, env=WINDOWS_TERMINAL)

    taskbar.show(TaskbarState.NORMAL, 0.5)
    taskbar.clear()

    assert out.getvalue() == ""


def test_a_status_line_leaves_nothing_behind():
    out = Terminal()

    with StatusLine(out, env=WINDOWS_TERMINAL) as line:
        line.show("Starting local services…")
        line.show("Submitting 3 documents…", 1 / 3)

    *drawn, last = out.getvalue().split("\r\x1b[2K")
    assert [text.partition("\x1b")[0] for text in drawn] == [
        "",
        "Starting local services…",
        "Submitting 3 documents…",
    ]
    assert "\x1b]9;4;1;33\x1b\\" in drawn[-1]
    assert drawn[-1].endswith("\x1b]9;4;0;0\x1b\\")
    assert last == ""


def test_a_status_line_is_a_line_in_a_log_only_if_it_is_announced():
    out = io.StringIO()

    with StatusLine(out, logs=True, enabled=False, env={}) as line:
        line.show("Connecting…")
        line.announce("Starting local services…")

    assert out.getvalue() == "docprogress: Starting local services…\n"


def rows_erased(widths, texts, **env):
    """The rows that a region moves up before each frame."""
    out = Terminal()
    console = Console(file=out, force_terminal=True, color_system=None, height=20)
    region = LiveRegion(console, env=env)
    moved = []
    for width, text in zip(widths, texts, strict=True):
        console.width = width
        start = out.tell()
        region.draw(Text(text))
        written = out.getvalue()[start:]
        up = re.match(r"\r\x1b\[(\d+)A", written)
        moved.append(int(up[1]) if up else 0)
    return moved


def test_a_terminal_that_became_narrower_is_erased_by_the_rows_it_has_now():
    texts = ["x" * 80 + "\nshort\n" + "y" * 41, "z", "z", "zz"]

    assert rows_erased([80, 40, 40, 80], texts)[1] == 2 + 1 + 2
    # xterm cuts lines instead of wrapping them again.
    assert rows_erased([80, 40, 40, 80], texts, XTERM_VERSION="XTerm(1)")[1] == 3


def test_an_unchanged_frame_is_not_drawn_again():
    out = Terminal()
    region = LiveRegion(Console(file=out, force_terminal=True, width=80, height=20))

    region.draw(Text("one\ntwo"))
    written = out.getvalue()
    region.draw(Text("one\ntwo"))

    assert out.getvalue() == written


def test_text_printed_above_a_region_stays(monkeypatch):
    err, out = Terminal(), Terminal()
    monkeypatch.setattr("sys.stderr", err)
    import sys

    region = LiveRegion(Console(file=out, force_terminal=True, width=80, height=20))
    region.draw(Text("one\ntwo"))
    sys.stderr.write("a warn")
    sys.stderr.write("ing\n")
    region.close()

    assert err.getvalue() == ""
    assert sys.stderr is err
    assert "\r\x1b[2A\x1b[Ja warning\n\r\x1b[Kone" in out.getvalue()
    assert out.getvalue().endswith("\r\x1b[2A\x1b[J\x1b[?25h")


def test_a_bar_is_drawn_in_a_terminal_only(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def drawn(stream):
        monkeypatch.setattr("sys.stderr", stream)
        with progress_bar("Exporting", 3, unit="documents") as update:
            update(3, 3)
        return stream.getvalue()

    assert "3 of 3 documents" in drawn(Terminal())
    assert drawn(io.StringIO()) == ""
    monkeypatch.setenv("CI", "true")
    assert drawn(Terminal()) == ""
