"""A real terminal: a pseudo-terminal whose screen is xterm.js in a browser.

xterm.js is what VS Code and JupyterLab show terminals with. It wraps lines again when
it is resized, as most terminals do.
"""

import base64
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pexpect
from playwright.sync_api import Page
from support.patience import patient

PACKAGE = Path(__file__).parents[1] / "frontend" / "node_modules" / "@xterm" / "xterm"

#: Variables that would change what a command writes.
_CLEARED = ("CI", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TMUX", "STY")
_CLEARED_PREFIXES = ("GITHUB_", "TTY_", "TERM_PROGRAM")

#: Colours of a dark and a light terminal.
THEMES = {
    "dark": {"background": "#1e1e1e", "foreground": "#d4d4d4"},
    "light": {
        "background": "#ffffff",
        "foreground": "#1f2328",
        "green": "#1a7f37",
        "red": "#cf222e",
        "yellow": "#9a6700",
        "cyan": "#1b7c83",
        "brightBlack": "#6e7781",
    },
}

_OPEN = """([columns, rows, theme]) => {
    document.body.innerHTML = "";
    document.body.style.margin = "12px";
    document.body.style.background = theme.background;
    const place = document.createElement("div");
    place.style.display = "inline-block";
    document.body.append(place);
    window.tab = [];
    window.terminal = new Terminal({
        cols: columns, rows, theme, fontSize: 13, scrollback: 1000,
        fontFamily: "DejaVu Sans Mono, monospace", allowProposedApi: true,
    });
    terminal.parser.registerOscHandler(9, data => { tab.push(data); return true; });
    terminal.open(place);
}"""

_WRITE = """data => new Promise(done => terminal.write(
    Uint8Array.from(atob(data), c => c.charCodeAt(0)), done))"""

_LINES = """() => {
    const buffer = terminal.buffer.active, lines = [];
    for (let n = 0; n < buffer.length; n++)
        lines.push(buffer.getLine(n).translateToString(true));
    return lines;
}"""


class Terminal:
    """A command in a terminal.

    Args:
        page: Where the terminal is shown.
        command: The command and its arguments.
        folder: Where it runs.
        columns: The width of the terminal.
        rows: Its height.
        theme: Its colours.
        env: Variables besides those of this process.
    """

    def __init__(
        self,
        page: Page,
        command: Sequence[str],
        *,
        folder: Path,
        columns: int = 80,
        rows: int = 24,
        theme: str = "dark",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._page = page
        self._rows = rows
        #: Everything that was written.
        self.written = b""
        if not page.evaluate("() => 'Terminal' in window"):
            page.add_style_tag(path=PACKAGE / "css" / "xterm.css")
            page.add_script_tag(path=PACKAGE / "lib" / "xterm.js")
        page.evaluate(_OPEN, [columns, rows, THEMES[theme]])
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in _CLEARED and not name.startswith(_CLEARED_PREFIXES)
        }
        self._child = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=str(folder),
            env=inherited | {"TERM": "xterm-256color"} | dict(env or {}),
            dimensions=(rows, columns),
            timeout=patient(60),
        )

    @property
    def status(self) -> int | None:
        """The exit status of the command that has ended."""
        self._child.close()
        status: int | None = self._child.exitstatus
        return status

    @property
    def tab(self) -> list[str]:
        """What the tab of the terminal was told: the texts of OSC 9."""
        found: list[str] = self._page.evaluate("() => tab")
        return found

    def lines(self) -> list[str]:
        """The lines on the screen and above it, without empty ones at the end."""
        found: list[str] = self._page.evaluate(_LINES)
        while found and not found[-1]:
            found.pop()
        return found

    def read_until(self, reached: Callable[[list[str]], bool]) -> list[str]:
        """Show what the command writes, until the screen is as wanted."""
        deadline = patient(60)
        waited = 0.0
        while True:
            lines = self.lines()
            if reached(lines):
                return lines
            assert waited < deadline, "\n".join(lines)
            try:
                self._show(self._child.read_nonblocking(65536, timeout=0.1))
            except pexpect.TIMEOUT:
                waited += 0.1
            except pexpect.EOF:
                assert reached(self.lines()), "\n".join(self.lines())

    def read(self) -> list[str]:
        """Show everything that the command writes until it ends."""
        while True:
            try:
                self._show(self._child.read_nonblocking(65536, timeout=patient(60)))
            except pexpect.EOF:
                return self.lines()

    def resize(self, columns: int) -> None:
        """Change the width of the terminal, and let the command know.

        The command is stopped meanwhile: what it writes for one width must not arrive
        at a terminal that has the other, as it may where both happen at once.
        """
        self._child.kill(signal.SIGSTOP)
        with suppress(pexpect.TIMEOUT):
            while True:
                self._show(self._child.read_nonblocking(65536, timeout=0.5))
        self._page.evaluate(
            "([columns, rows]) => terminal.resize(columns, rows)", [columns, self._rows]
        )
        self._child.setwinsize(self._rows, columns)
        self._child.kill(signal.SIGCONT)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._child.sendintr()

    def kill(self) -> None:
        """End the command, whatever it is doing."""
        self._child.kill(signal.SIGKILL)
        self._child.close(force=True)

    def photograph(self, path: Path) -> None:
        """Write a picture of the terminal."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._page.evaluate("() => new Promise(requestAnimationFrame)")
        self._page.locator(".xterm-screen").screenshot(path=path)

    def _show(self, written: bytes) -> None:
        self.written += written
        self._page.evaluate(_WRITE, base64.b64encode(written).decode())
