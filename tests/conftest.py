"""Fixtures: private services, which the tests start and stop themselves."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, expect
from support.clock import Clock
from support.lab import Lab, Window, chromium, launched
from support.patience import patient
from support.postgres import Postgres, system_postgres, vector_postgres
from support.services import Server, lacking
from support.sinks import (
    LanceFolder,
    PgTable,
    QdrantFolder,
    QdrantServer,
    VectorStore,
)

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.client.pipeline import Pipeline
from docprogress.store import Store


def _handle_ignored_signals() -> None:
    """Give every child process the default action for the usual signals.

    A shell without job control starts background commands with SIGINT and SIGQUIT
    ignored, and `nohup` ignores SIGHUP. Children inherit ignored signals, but not
    handlers. The empty handler keeps pytest itself running after a hangup.
    """
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_handle_ignored_signals()

# What is imported to collect the tests is no garbage: nothing looks for any in it.
gc.disable()

# Hundreds of processes load the same modules: Python compiles each of them once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

SAMPLES = Path(__file__).parents[1] / "notebooks" / "samples"

# How fast a busy machine is says nothing about what is true.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
expect.set_options(timeout=patient(30) * 1000)


#: Fixtures that cost seconds, by the group of the tests that share them. A group runs
#: in one process; the longest begin first.
GROUPS = {
    "lab": "lab",
    "pipeline": "pipeline",
    "pipeline_with": "pipeline",
    "shared_home": "pipeline",
    "shared_kernel": "pipeline",
    "postgres": "postgres",
    "rabbit": "rabbit",
    "vector_server": "pgvector",
    "site": "site",
    "moto_port": "moto",
    "jupyter": "jupyter",
    "wheel": "wheel",
    "made_samples": "samples",
}

#: Values of parameters that take seconds to start, load or import, by their group.
VALUES = {
    "pgvector": "pgvector",
    "hnsw": "pgvector",
    "qdrant": "qdrant",
    "qdrant folder": "qdrant",
    "lancedb": "lancedb",
    "universal-sentence-encoder": "model",
}

#: Modules whose tests share what takes seconds to start, load or import, by their group.
MODULES = {
    "test_extras.py": "extras",
    "test_ocr.py": "ocr",
    "test_recognition.py": "ocr",
    "test_plot.py": "plot",
    "test_mutated_formats.py": "readers",
    "test_hostile_pdf_structure.py": "readers",
}

#: Directories in the order in which their other tests begin: the longest waits come
#: first, so that short tests fill the end of a run evenly.
ORDER = (
    "faults",
    "server",
    "frontend",
    "packaging",
    "notebook",
    "integration",
    "unit",
)


#: Modules whose tests are all slow, and whose libraries take seconds to import.
SLOW_MODULES = {"test_openapi.py"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules none of whose tests the default run has."""
    default = config.getoption("markexpr") == "not slow"
    return True if default and collection_path.name in SLOW_MODULES else None


#: Characters of a value that are part of a test's name.
LONGEST_VALUE = 60


def group(item: pytest.Item) -> str | None:
    """The tests that one process runs, as they share what is costly to start."""
    names = getattr(item, "fixturenames", ())
    parameters = getattr(item, "callspec", None)
    values = () if parameters is None else tuple(parameters.params.values())
    if "postgresql" in values:
        return "postgres"
    for fixture, name in GROUPS.items():
        if fixture in names:
            return name
    # Several modules use a browser, which each of them opens for itself.
    if "browser" in names:
        return f"browser-{item.path.stem}"
    # Slow tests take so long that starting is the lesser part, and they run side by side.
    if item.get_closest_marker("slow"):
        return None
    named = [VALUES[v] for v in values if isinstance(v, str) and v in VALUES]
    return named[0] if named else MODULES.get(item.path.name)


def rank(item: pytest.Item) -> tuple[int, int]:
    """Where in a run a test begins."""
    mark = item.get_closest_marker("xdist_group")
    names = [*GROUPS.values(), *VALUES.values(), *MODULES.values()]
    if mark is None:
        first = len(names) + 1
    else:
        [name] = mark.args
        first = names.index(name) if name in names else len(names)
    return first, ORDER.index(item.path.parent.name)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    default = pytest.mark.timeout(float(config.getini("timeout"))).mark
    for item in items:
        # Timeouts scale like all other deadlines.
        mark = item.get_closest_marker("timeout", default)
        scaled = pytest.mark.timeout(patient(mark.args[0]), **mark.kwargs)
        item.add_marker(scaled, append=False)
        if name := group(item):
            item.add_marker(pytest.mark.xdist_group(name))
    yield
    grouped = [item for item in items if item.get_closest_marker("xdist_group")]
    if config.getoption("loadgroup", False) and any(
        "@" not in i.nodeid for i in grouped
    ):
        message = "pytest-xdist did not group the tests: see pytest in pyproject.toml"
        raise pytest.UsageError(message)
    items.sort(key=rank)


#: Objects made before garbage is looked for. With Python's own 700, tests spend a tenth
#: of their processor time on it.
OBJECTS = 20_000


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(OBJECTS)
    gc.enable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes and long texts by their argument.

    Processes must agree on the names of tests, and files contain the time of day.
    """
    unnamed = isinstance(val, bytes) or (
        isinstance(val, str) and len(val) > LONGEST_VALUE
    )
    return argname if unnamed else None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three or four processes for each core: tests wait for something, slow ones more."""
    each = 3 if config.getoption("markexpr") == "not slow" else 4
    return min(each * len(os.sched_getaffinity(0)), 8)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="dp-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="dp-"))
    server = Server(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(shared_server: Server) -> str:
    """A Redis that is there and empty."""
    with redis.Redis.from_url(shared_server.url) as client:
        client.flushall()
    return shared_server.url


@pytest.fixture
def server(short_path: Path) -> Iterator[Server]:
    """A Redis of this test alone, to be killed, stopped and started."""
    server = Server(short_path)
    server.start()
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def bus(redis_url: str) -> Iterator[Bus]:
    with Bus(redis_url) as bus:
        yield bus


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that all tests of a session may use."""
    with system_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: Postgres, shared_database: str) -> str:
    """A database with its tables and nothing in them: emptying is the quickest."""
    with Store(shared_database):
        pass
    for table in ("run", "word_segment", "word_block"):
        postgres.execute(f"DELETE FROM {table}", url=shared_database)
    return shared_database


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith("DOCPROGRESS_") and not name.startswith("DOCPROGRESS_TEST"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_home() -> Iterator[Path]:
    """A home folder whose local services all tests of a session may use."""
    folder = Path(tempfile.mkdtemp(prefix="dp-"))
    yield folder
    local.down(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pipeline(shared_home: Path) -> Iterator[Pipeline]:
    """Local services with two workers, shared with other tests."""
    with Pipeline(home=shared_home, workers=2) as pipeline:
        yield pipeline


@pytest.fixture
def pipeline_with(shared_home: Path) -> Callable[..., Pipeline]:
    """Makes pipelines with further settings on the shared local services."""
    return partial(Pipeline, home=shared_home, workers=2)


@pytest.fixture(scope="session")
def shared_vector_postgres() -> Iterator[Postgres]:
    """A PostgreSQL with pgvector that all tests of a session may use."""
    with vector_postgres() as server:
        yield server


@pytest.fixture(params=["lancedb", "pgvector", "qdrant", "qdrant folder"])
def vector_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[VectorStore]:
    """A vector store of each kind, with nothing in it."""
    if request.param == "pgvector":
        server = request.getfixturevalue("shared_vector_postgres")
        with server.database() as url:
            yield PgTable(server, url)
    elif request.param == "qdrant":
        with QdrantServer(tmp_path / "qdrant") as qdrant:
            yield qdrant
    elif request.param == "qdrant folder":
        yield QdrantFolder(tmp_path)
    else:
        yield LanceFolder(tmp_path)


@pytest.fixture
def home(short_path: Path) -> Iterator[Path]:
    """A home folder of this test alone; its services are stopped after it."""
    folder = short_path / "home"
    yield folder
    local.down(folder)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def small_disk(short_path: Path) -> Iterator[Path]:
    """A file system of 4 MB, mounted for the test."""
    folder = short_path / "disk"
    folder.mkdir()
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    options = f"size=4m,uid={os.geteuid()}"
    mount = [*root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not shutil.which(mount[0]) or subprocess.run(mount, check=False).returncode:
        lacking("mounting a small disk takes root")
    yield folder
    subprocess.run([*root, "umount", "-l", str(folder)], check=True)


@pytest.fixture
def samples() -> Path:
    return SAMPLES


@pytest.fixture(autouse=True)
def _own_imports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No step of one test's own is another one's: none stays imported."""
    folder = str(tmp_path_factory.getbasetemp())
    before, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(folder):
            del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """The file that lets the held step end; no worker is held longer than its test."""
    path = tmp_path / "open"
    yield path
    path.touch()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A JupyterLab that all tests of a session may use."""
    with tempfile.TemporaryDirectory(prefix="dp-") as folder, Lab(Path(folder)) as lab:
        yield lab


class Screen:
    """A browser and a window of JupyterLab, open while tests of a group follow."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._browser: Browser | None = None
        self._windows: dict[str, Window] = {}

    def browser(self) -> Browser:
        if self._browser is None:
            executable = chromium()
            if executable is None:
                lacking("there is no Chromium")
            self._browser = self._open.enter_context(launched(executable))
        return self._browser

    def window(self, lab: Lab) -> Window:
        if lab.token not in self._windows:
            context = self.browser().new_context(
                viewport={"width": 1400, "height": 1000}
            )
            self._windows[lab.token] = Window(lab, self._open.enter_context(context))
        return self._windows[lab.token]

    def close(self) -> None:
        self._browser = None
        self._windows.clear()
        self._open.pop_all().close()


SCREEN = Screen()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Iterator[None]:
    try:
        yield
    finally:
        # Where a browser is open, tests cannot run an event loop of their own.
        if (
            nextitem is None
            or group(nextitem) != group(item)
            or "browser" not in getattr(nextitem, "fixturenames", ())
        ):
            SCREEN.close()


@pytest.fixture
def browser() -> Browser:
    """A browser that the tests of a group share."""
    return SCREEN.browser()


@pytest.fixture
def window(lab: Lab, browser: Browser) -> Iterator[Window]:
    """A browser window in which nothing is open; nor is anything afterwards."""
    window = SCREEN.window(lab)
    yield window
    window.clear()
