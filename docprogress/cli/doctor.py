"""What is there, what can be reached, and what to do about the rest."""

import contextlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kombu.exceptions import KombuError
from redis.exceptions import RedisError
from rich.console import Console
from rich.text import Text

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.bus.connection import connect
from docprogress.bus.connection_errors import translate_error
from docprogress.errors import DocProgressError
from docprogress.formatting import plain, plural
from docprogress.settings import MIB, Settings, redacted
from docprogress.storage import Files
from docprogress.store import Store
from docprogress.version import __version__
from docprogress.worker.app import make_app
from docprogress.worker.leadership import last_look

#: Bytes that a home folder should have left.
LEAST_SPACE = 1024 * MIB

#: The oldest Redis that numbers events the way they need it.
OLDEST_REDIS = (7, 0)

#: Seconds in which a worker that lives answers.
ANSWER_SECONDS = 1.0


class State(StrEnum):
    """How something that was looked at is."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


_STYLES = {State.OK: "green", State.NOTE: "yellow", State.BROKEN: "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    state: State
    what: str
    said: str


def examine(settings: Settings) -> bool:
    """Write what was found; whether nothing is broken."""
    console = Console(highlight=False, soft_wrap=True)
    well = True
    for finding in findings(settings):
        well = well and finding.state is not State.BROKEN
        line = Text(f"{finding.state:<8}", style=_STYLES[finding.state])
        line.append(f"{finding.what:<12}", style="dim")
        console.print(line.append(plain(redacted(finding.said)), style="default"))
    return well


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at everything, the foundations first."""
    system = f"Python {platform.python_version()} on {platform.platform()}"
    yield Finding(State.OK, "docprogress", f"{__version__}, {system}")
    yield from _set()
    url = settings.redis_url
    if settings.local:
        yield from _home(settings.home)
        yield from _server()
        services = local.status(settings.home)
        url = services.redis_url if services else None
        yield _services(services)
    if url is not None:
        reached = settings.model_copy(update={"redis_url": url})
        redis = list(_redis(url))
        yield from redis
        if all(finding.state is not State.BROKEN for finding in redis):
            workers = _workers(reached)
            yield workers
            yield _recovery(url, any_worker=workers.state is State.OK)
    yield _database(settings)
    yield _storage(settings)
    yield from _libraries()
    yield _embedder(settings)
    yield from _extras()


def _set() -> Iterator[Finding]:
    """Which settings come from the environment; never what they hold."""
    names = sorted(name for name in os.environ if name.startswith("DOCPROGRESS_"))
    accepted = {*Settings.model_fields, *(f"server_{n}" for n in _server_options())}
    unknown = [n for n in names if n[12:].lower() not in accepted]
    known = [name for name in names if name not in unknown]
    if known:
        yield Finding(State.OK, "settings", f"set here: {', '.join(known)}")
    if unknown:
        said = f"there are no settings of these names: {', '.join(unknown)}"
        yield Finding(State.NOTE, "settings", said)


def _server_options() -> Iterable[str]:
    """What can be set of the HTTP server, if it is installed."""
    try:
        from docprogress.server import ServerOptions
    except ImportError:
        return ()
    return ServerOptions.model_fields


def _home(home: Path) -> Iterator[Finding]:
    there = home
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        said = f"{home} cannot be written: choose another one with --home"
        yield Finding(State.BROKEN, "home", said)
        return
    free = shutil.disk_usage(there).free
    left = f"{free / 1024 / MIB:.1f} GiB free"
    if free < LEAST_SPACE:
        yield Finding(State.NOTE, "home", f"{home}, only {left}: make room")
    else:
        made = "" if home.exists() else ", made when it is needed"
        yield Finding(State.OK, "home", f"{home}, {left}{made}")


def _server() -> Iterator[Finding]:
    try:
        binary = local.server_binary()
        shown = subprocess.run(
            [binary, "--version"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (DocProgressError, OSError, subprocess.SubprocessError) as error:
        yield Finding(State.BROKEN, "server", str(error))
        return
    yield Finding(State.OK, "server", f"{shown.stdout.strip()} ({binary})")


def _services(services: local.Services | None) -> Finding:
    if services is None:
        said = "local services are not running; they start when they are needed"
        return Finding(State.OK, "services", said)
    said = f"process {services.pid}, {plural(services.workers, 'worker')}"
    if services.version != __version__:
        return Finding(
            State.NOTE,
            "services",
            f"{said}, of version {services.version}: `docprogress down` ends them, and "
            "the next run starts new ones",
        )
    return Finding(State.OK, "services", f"{said}, since {services.started}")


def _redis(url: str) -> Iterator[Finding]:
    try:
        client: Any = connect(url)
        with client, Bus(url) as bus:
            info = client.info()
            bus.check()
    except DocProgressError as error:
        yield Finding(State.BROKEN, "redis", f"{url}: {error}")
        return
    except (RedisError, OSError) as error:
        yield Finding(State.BROKEN, "redis", f"{url}: {translate_error(error)}")
        return
    number = str(info["redis_version"])
    valkey = info.get("valkey_version")
    said = f"{f'Valkey {valkey}' if valkey else f'Redis {number}'} at {url}"
    old = tuple(int(part) for part in number.split(".")[:2]) < OLDEST_REDIS
    if old:
        oldest = ".".join(map(str, OLDEST_REDIS))
        yield Finding(State.BROKEN, "redis", f"{said}: {oldest} or later is needed")
        return
    yield Finding(State.OK, "redis", said)
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction" and info.get("maxmemory"):
        advice = "tasks may vanish when it is full; set maxmemory-policy to noeviction"
        yield Finding(State.NOTE, "redis", f"maxmemory-policy is {policy}: {advice}")


def _workers(settings: Settings) -> Finding:
    """The workers that answer, over the broker that tasks are sent through."""
    app = make_app(settings)
    try:
        # Not from a pool, which may have one that was lost.
        with app.connection_for_write() as connection:
            answers = app.control.ping(timeout=ANSWER_SECONDS, connection=connection)
    except (KombuError, RedisError, OSError) as error:
        return Finding(State.BROKEN, "workers", f"the broker cannot be used: {error}")
    finally:
        app.close()
    names = sorted(name for answer in answers for name in answer)
    if not names:
        said = "none answers: start one with `docprogress worker`"
        return Finding(State.NOTE, "workers", said)
    return Finding(State.OK, "workers", ", ".join(names))


def _recovery(url: str, *, any_worker: bool) -> Finding:
    """Whether the workers look for lost documents."""
    try:
        client: Any = connect(url)
        with client:
            look = last_look(client)
    except DocProgressError as error:
        return Finding(State.BROKEN, "recovery", f"cannot be asked: {error}")
    if look is None:
        said = "not known: no worker has looked for lost documents yet"
        return Finding(State.NOTE, "recovery", said)
    said = f"lost documents were looked for {look.seconds:.0f} s ago by {look.worker}"
    if not look.overdue:
        return Finding(State.OK, "recovery", said)
    if not any_worker:
        return Finding(State.NOTE, "recovery", said)
    return Finding(
        State.BROKEN, "recovery", f"{said}: its log says why; restart that worker"
    )


def _database(settings: Settings) -> Finding:
    path = settings.home / "docprogress.db"
    if settings.database_url is None and not path.exists():
        return Finding(State.OK, "database", f"SQLite, made when needed: {path}")
    try:
        with Store(settings.database, busy_seconds=5.0) as store:
            store.check()
            return Finding(State.OK, "database", f"{store.system()} at {store.url}")
    except DocProgressError as error:
        return Finding(State.BROKEN, "database", str(error))


def _storage(settings: Settings) -> Finding:
    path = settings.home / "files"
    if settings.storage_url is None and not path.exists():
        return Finding(State.OK, "storage", f"a folder, made when needed: {path}")
    try:
        Files(settings.storage, settings.storage_options).check()
    except (DocProgressError, OSError) as error:
        return Finding(State.BROKEN, "storage", str(error))
    return Finding(State.OK, "storage", redacted(settings.storage))


#: What documents are read with: the package, and the module that it is used by.
_READERS = {
    "pypdfium2": "pypdfium2",
    "pypdf": "pypdf",
    "semantic-text-splitter": "semantic_text_splitter",
}


def _libraries() -> Iterator[Finding]:
    there = []
    for package, module in _READERS.items():
        try:
            import_module(module)
        except ImportError as error:
            yield Finding(State.BROKEN, "libraries", f"{package}: {error}")
        else:
            there.append(f"{package} {_version(package)}")
    yield Finding(State.OK, "libraries", ", ".join(there))


def _embedder(settings: Settings) -> Finding:
    from docprogress.steps.embed import embedder

    try:
        embedder(settings)
    except DocProgressError as error:
        return Finding(State.BROKEN, "embedder", str(error))
    return Finding(State.OK, "embedder", settings.embedder)


#: What can be installed besides, and a module by which it is known.
_EXTRAS = {
    "notebook": "anywidget",
    "server": "fastapi",
    "postgres": "psycopg",
    "s3": "s3fs",
    "semantic": "sentence_transformers",
}


def _extras() -> Iterator[Finding]:
    there = [name for name, module in _EXTRAS.items() if find_spec(module)]
    missing = [name for name in _EXTRAS if name not in there]
    said = f"installed: {', '.join(there) or 'none'}"
    if missing:
        said += f"; not installed: {', '.join(missing)}"
        said += f" (pip install 'docprogress[{missing[0]}]')"
    yield Finding(State.OK, "extras", said)


def _version(package: str) -> str:
    with contextlib.suppress(PackageNotFoundError):
        return version(package)
    return "(version unknown)"
