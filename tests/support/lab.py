"""JupyterLab or Notebook 7 in a real browser: open notebooks, run cells, read outputs.

One JupyterLab and one Chromium serve many tests; each test has its own notebooks and
kernels, which end with it.  Configuration, data and workspaces are private: nothing
of whoever runs the tests is read, and nothing is left.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    expect,
    sync_playwright,
)
from support.added import AddedEnvironment
from support.patience import patient
from support.services import eventually, free_port

#: Where pictures are kept for whoever looks at a test run; not in the repository.
SCREENSHOTS = Path(__file__).parents[1] / "screenshots"

#: Chromium without a screen, and without anything that it does for itself.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: What JupyterLab is not to do unasked: fetch news, or save in the middle of a test.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}

#: The modules of programs, what they call themselves in their configuration, and where
#: they open notebooks.
MODULES = {"lab": "jupyterlab", "notebook": "notebook"}
APPS = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}
PAGES = {"lab": "lab/tree", "notebook": "notebooks"}

#: What pages complain of without any cell: JupyterLab when a kernel ends that it had
#: asked something, and late, so that the kernel may be that of the notebook before;
#: Notebook 7 while it loads its settings (jupyter/notebook#7862).
THEIR_ERRORS = ("Canceled future for", "(reading 'schema')")

#: What makes notebooks shared documents, in the server.
SHARING_SERVER = "{'jupyter_server_ydoc': True, 'jupyter_server_fileid': True}"

#: Seconds that JupyterLab may take to load.
LOAD_SECONDS = patient(60)

#: Seconds that a cell may take on a busy machine.
CELL_SECONDS = patient(90)

#: A step that goes on until somebody lets it end.
HELD = """%%writefile held_steps.py
import time
from pathlib import Path

def held(pages):
    for page in pages:
        while not Path({gate!r}).exists():
            time.sleep(0.02)
        yield page
"""

#: Keeps the moment of every message that a kernel sends to a widget of this page.
#: In Jupyter's binary protocol a message begins with the number of its offsets and
#: the offsets; the parts are the channel, the header, the parent's header, ….
_COUNT_MESSAGES = """
window.commMessages = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({data}) => {
      if (!(data instanceof ArrayBuffer)) return;
      const view = new DataView(data);
      const offset = (part) => Number(view.getBigUint64(8 * (part + 1), true));
      const header = new Uint8Array(data, offset(1), offset(2) - offset(1));
      const {msg_type} = JSON.parse(new TextDecoder().decode(header));
      if (msg_type === "comm_msg") window.commMessages.push(performance.now());
    });
  }
};
"""

#: An output as it is shown: a live view hides the HTML in whose place it is drawn.
SHOWN = (
    ".jp-OutputArea-child"
    """ > :not(.jp-OutputPrompt):not([style*="display: none"])"""
)

_NOTEBOOK = "jupyterapp.shell.currentWidget"


def chromium() -> str | None:
    """The Chromium of this machine; None if it has none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def launched(executable: str) -> Iterator[Browser]:
    """A browser; every context of it is closed with it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        browser.on("context", _be_patient)
        try:
            yield browser
        finally:
            browser.close()


def _be_patient(context: BrowserContext) -> None:
    context.set_default_timeout(patient(30) * 1000)


class Lab:
    """A JupyterLab or Notebook 7 of the tests' own, in a folder of its own.

    Args:
        folder: The folder, which it makes.
        shared: Whether notebooks are shared documents (jupyter-collaboration).
        program: What serves them: JupyterLab ("lab"), or Notebook 7 ("notebook").
        added: The environment that it runs in, instead of that of the tests.
    """

    def __init__(
        self,
        folder: Path,
        *,
        shared: bool = False,
        program: str = "lab",
        added: AddedEnvironment | None = None,
    ) -> None:
        self.folder = folder / "notebooks"
        self.token = secrets.token_urlsafe(16)
        self._config = folder / "config"
        self._shared = shared
        self._program = program
        self._python = Path(sys.executable) if added is None else added.python
        self._variables = private_jupyter(self._config) | (
            {} if added is None else added.variables
        )
        self._log = folder / "jupyterlab.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        for name, values in SETTINGS.items():
            path = self._settings(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        (self._config / "data").mkdir()
        self._port = free_port()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(self._python, "-P", "-m", MODULES[self._program]),
                    "--no-browser",
                    "--allow-root",
                    "--ip=127.0.0.1",
                    f"--port={self._port}",
                    "--ServerApp.port_retries=0",
                    f"--IdentityProvider.token={self.token}",
                    f"--ServerApp.root_dir={self.folder}",
                    f"--{APPS[self._program]}.expose_app_in_browser=True",
                    *(self._sharing() if self._shared else ()),
                ],
                env=os.environ | self._variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._answers, seconds=60, what="JupyterLab answers")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        try:
            self.end_kernels()
        finally:
            self._process.terminate()
            try:
                self._process.wait(patient(10))
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def _settings(self, name: str) -> Path:
        return self._config / "settings" / f"{name}.jupyterlab-settings"

    def _sharing(self) -> tuple[str, ...]:
        """What makes notebooks shared documents, and where their history is kept."""
        return (
            f"--ServerApp.jpserver_extensions={SHARING_SERVER}",
            f"--SQLiteYStore.db_path={self._config / 'data' / 'shared.db'}",
        )

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Make a notebook of these cells; its path, as JupyterLab knows it."""
        notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.folder / name)
        return name

    def address(self, path: str) -> str:
        """Where a notebook is found, with nothing else open beside it."""
        page = PAGES[self._program]
        return f"{self._url}/{page}/{path}?token={self.token}&reset"

    @contextmanager
    def setting(self, name: str, values: Mapping[str, Any]) -> Iterator[None]:
        """What pages that are loaded meanwhile have set."""
        path = self._settings(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
        try:
            yield
        finally:
            path.unlink()

    def kernel_processes(self) -> list[psutil.Process]:
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        return [
            child
            for child in children
            if any("ipykernel_launcher" in part for part in _command(child))
        ]

    def end_kernels(self) -> None:
        for session in self._ask("GET", "api/sessions"):
            self._ask("DELETE", f"api/sessions/{session['id']}")
        eventually(lambda: not self.kernel_processes(), what="every kernel has ended")

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            self._ask("GET", "api")
        except OSError:
            return False
        return True

    def _ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(
            f"{self._url}/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=patient(20)) as answer:
            return json.loads(answer.read() or "null")


class Notebook:
    """A notebook that is open in a tab."""

    def __init__(self, lab: Lab, page: Page, path: str) -> None:
        self.lab = lab
        self.page = page
        self.path = path
        #: What went wrong in the page, by its own account.
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self._note(str(error)))

    def _note(self, error: str) -> None:
        if not any(known in error for known in THEIR_ERRORS):
            self.errors.append(error)

    def load(self) -> Self:
        """Load the page anew."""
        self.page.goto(self.lab.address(self.path), timeout=LOAD_SECONDS * 1000)
        return self._ready()

    def open(self) -> Self:
        """Open the notebook in a JupyterLab that is loaded, with nothing beside it."""
        if not self.page.evaluate("() => Boolean(window.jupyterapp)"):
            return self.load()
        _close_notebooks(self.page)
        self.command("docmanager:open", path=self.path)
        return self._ready()

    def _ready(self) -> Self:
        self.page.wait_for_function(
            f"path => window.jupyterapp && {_NOTEBOOK}?.context?.path === path",
            arg=self.path,
            timeout=LOAD_SECONDS * 1000,
        )
        self.page.evaluate(
            f"""async () => {{
              const {{context, sessionContext}} = {_NOTEBOOK};
              await context.ready;
              await sessionContext.ready;
            }}"""
        )
        self.page.wait_for_function(
            f"{_NOTEBOOK}.sessionContext.session?.kernel?.connectionStatus"
            ' === "connected"',
            timeout=LOAD_SECONDS * 1000,
        )
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        return self

    def run(self, cell: int, *, wait: bool = True) -> None:
        """Run one cell; with `wait`, until it has ended."""
        self.page.evaluate(
            f"""async ([cell, wait, seconds]) => {{
              const notebook = {_NOTEBOOK}.content;
              notebook.activeCellIndex = cell;
              notebook.deselectAll();
              const ran = jupyterapp.commands.execute("notebook:run-cell");
              if (!wait) return;
              const late = new Promise((_, refuse) => setTimeout(
                () => refuse(new Error(`cell ${{cell}} runs for ${{seconds}} s`)),
                seconds * 1000,
              ));
              await Promise.race([ran, late]);
            }}""",
            [cell, wait, CELL_SECONDS],
        )

    def command(self, name: str, **arguments: Any) -> None:
        """Have JupyterLab do what a menu or a key would, and wait for it."""
        self.page.evaluate(
            "([name, given]) => jupyterapp.commands.execute(name, given)"
            ".then(() => null)",
            [name, arguments],
        )

    def restart_kernel(self) -> None:
        self.page.evaluate(f"() => {_NOTEBOOK}.sessionContext.session.kernel.restart()")

    def save(self) -> nbformat.NotebookNode:
        """What is on disk after the notebook has been saved."""
        self.command("docmanager:save")
        return nbformat.read(self.lab.folder / self.path, as_version=4)

    def trusted(self) -> bool:
        """Whether JupyterLab believes the outputs, as it does if it saved them."""
        return self.page.evaluate(
            f"() => [...{_NOTEBOOK}.content.model.cells].every("
            "cell => cell.type !== 'code' || cell.trusted)"
        )

    def windowing_mode(self) -> str:
        """Which of its cells the notebook draws, and when."""
        return self.page.evaluate(
            f"() => {_NOTEBOOK}.content.notebookConfig.windowingMode"
        )

    def output(self, cell: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(SHOWN)

    def view(self, cell: int) -> Locator:
        """The live view in a cell's output."""
        return self.output(cell).locator(".docprogress")

    def settled_view(self, cell: int) -> Locator:
        """The live view in place of the output's HTML, where it stays."""
        expect(
            self.output(cell).locator("[data-session] > .docprogress")
        ).to_be_visible()
        return self.view(cell)

    def text(self, cell: int) -> str:
        """What a cell has put out, as a person would read it."""
        return "\n".join(self.output(cell).all_inner_texts())

    @contextmanager
    def asleep(self, seconds: float) -> Iterator[None]:
        """Have the page stand still for so long, as on a laptop that sleeps.

        Its process does: Chromium freezes no page that can be seen, and without a
        screen all of them can.
        """
        browser = self.page.context.browser
        assert browser is not None
        control = browser.new_browser_cdp_session()
        processes = control.send("SystemInfo.getProcessInfo")["processInfo"]
        control.detach()
        pages = [
            psutil.Process(process["id"])
            for process in processes
            if process["type"] == "renderer"
        ]
        asleep = time.monotonic()
        for process in pages:
            process.suspend()
        try:
            yield
            time.sleep(max(asleep + seconds - time.monotonic(), 0))
        finally:
            for process in pages:
                process.resume()

    def message_times(self) -> list[float]:
        """When the page got its messages for widgets, in seconds of its own clock."""
        times = self.page.evaluate("() => window.commMessages")
        return [time / 1000 for time in times]

    def screenshot(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


class Window:
    """A browser window that shows JupyterLab in one tab, or in more.

    The first tab is kept from test to test, as people do: loading JupyterLab takes
    longer than opening a notebook.
    """

    def __init__(self, lab: Lab, context: BrowserContext) -> None:
        self.lab = lab
        self._context = context
        self._first = _page(context)

    def new(self, *cells: str) -> Notebook:
        """A new notebook of these cells, opened in the first tab."""
        path = self.lab.write(f"{secrets.token_hex(4)}.ipynb", cells)
        return self.open(path)

    def open(self, path: str) -> Notebook:
        """A notebook that is there, opened in the first tab."""
        return Notebook(self.lab, self._first, path).open()

    def open_beside(self, path: str) -> Notebook:
        """A notebook that is there, opened in a tab of its own."""
        return Notebook(self.lab, _page(self._context), path).load()

    def clear(self) -> None:
        """Close all but the first tab, and end every kernel."""
        for page in self._context.pages:
            if page is not self._first:
                page.close()
        if self._first.locator(".jp-Dialog").count():
            # Whatever it asks is nobody's business any more.
            self._first.goto("about:blank")
        _close_notebooks(self._first)
        self.lab.end_kernels()


def _close_notebooks(page: Page) -> None:
    page.evaluate(
        """() => {
          for (const panel of [...(window.jupyterapp?.shell.widgets("main") ?? [])]) {
            // Nobody is asked whether it is to be saved.
            if (panel.context) panel.context.model.dirty = false;
            panel.close();
          }
          window.commMessages = [];
        }"""
    )


def _page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.add_init_script(_COUNT_MESSAGES)
    return page


def private_jupyter(folder: Path) -> dict[str, str]:
    """The environment that keeps everything of Jupyter's in one folder."""
    return {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(folder),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }


def most_in_a_second(times: Sequence[float]) -> int:
    """The most moments that fall into any one second."""
    most = first = 0
    for last, moment in enumerate(times):
        while times[first] <= moment - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
