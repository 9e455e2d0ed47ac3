"""Checks of the installation and its services, with suggested fixes."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.bus.connection import connect
from docprogress.bus.connection_errors import translate_error
from docprogress.errors import DocProgressError
from docprogress.formatting import plural
from docprogress.queueing.celery_app import make_app
from docprogress.queueing.recovery_status import last_recovery
from docprogress.settings import MIB, Settings, redacted
from docprogress.storage import Files
from docprogress.store import Store
from docprogress.version import __version__

#: Free bytes that the home folder should have.
MIN_FREE_BYTES = 1024 * MIB

#: The oldest version of Redis whose streams generate the ids that events need.
MIN_REDIS = (7, 0)

#: Seconds to wait for workers to answer a ping.
PING_SECONDS = 1.0


class State(StrEnum):
    """The result of a check."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    state: State
    subject: str
    message: str


def findings(settings: Settings) -> Iterator[Finding]:
    """Check everything, in order of dependency."""
    system = f"Python {platform.python_version()} on {platform.platform()}"
    yield Finding(State.OK, "docprogress", f"{__version__}, {system}")
    yield from check_settings()
    url = settings.redis_url
    if settings.local:
        yield from check_home(settings.home)
        yield from check_valkey()
        services = local.status(settings.home)
        url = services.redis_url if services else None
        yield check_services(services)
    if url is not None:
        reached = settings.model_copy(update={"redis_url": url})
        redis = list(check_redis(url))
        yield from redis
        if all(finding.state is not State.BROKEN for finding in redis):
            workers = check_workers(reached)
            yield workers
            yield check_recovery(url, any_worker=workers.state is State.OK)
    yield check_database(settings)
    yield check_storage(settings)
    yield from check_libraries()
    yield check_embedder(settings)
    yield check_ocr(settings)
    yield from check_sink(settings)
    yield from check_extras()


def check_settings() -> Iterator[Finding]:
    """The names of settings from the environment, but not their values."""
    names = sorted(name for name in os.environ if name.startswith("DOCPROGRESS_"))
    server = (f"server_{name}" for name in _server_options())
    accepted = {*Settings.model_fields, "progress", *server}
    unknown = [n for n in names if n[12:].lower() not in accepted]
    known = [name for name in names if name not in unknown]
    if known:
        yield Finding(
            State.OK, "settings", f"set in the environment: {', '.join(known)}"
        )
    if unknown:
        message = f"unknown settings: {', '.join(unknown)}"
        yield Finding(State.NOTE, "settings", message)


def _server_options() -> Iterable[str]:
    """The names of the HTTP server's options, if it is installed."""
    try:
        from docprogress.server import ServerOptions
    except ImportError:
        return ()
    return ServerOptions.model_fields


def check_home(home: Path) -> Iterator[Finding]:
    """Whether the home folder can be written and has space."""
    existing = home
    while not existing.exists():
        existing = existing.parent
    if not os.access(existing, os.W_OK | os.X_OK) or not existing.is_dir():
        message = f"{home} cannot be written: choose another folder with --home"
        yield Finding(State.BROKEN, "home", message)
        return
    free = shutil.disk_usage(existing).free
    left = f"{free / 1024 / MIB:.1f} GiB free"
    if free < MIN_FREE_BYTES:
        yield Finding(State.NOTE, "home", f"{home}, only {left}: free some space")
    else:
        note = "" if home.exists() else ", created when needed"
        yield Finding(State.OK, "home", f"{home}, {left}{note}")


def check_valkey() -> Iterator[Finding]:
    """Whether the Valkey server of the local services can be started."""
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
    yield Finding(State.OK, "server", f"{_server_version(shown.stdout)} ({binary})")


def _server_version(line: str) -> str:
    """The product and version in what a server prints: `Valkey 8.1.4`."""
    found = re.match(r"(\w+) server v=([\w.-]+)", line)
    return f"{found[1]} {found[2]}" if found else line.strip()


def check_services(services: local.Services | None) -> Finding:
    """The local services that are running, if any."""
    if services is None:
        message = "not running; they start when needed"
        return Finding(State.OK, "services", message)
    message = f"process {services.pid}, {plural(services.workers, 'worker')}"
    if services.version != __version__:
        return Finding(
            State.NOTE,
            "services",
            f"{message}, version {services.version}: stop them with `docprogress "
            "down`; the next run starts this version",
        )
    started = datetime.fromisoformat(services.started).astimezone()
    message += f", since {started:%Y-%m-%d %H:%M}"
    return Finding(State.OK, "services", message)


def check_redis(url: str) -> Iterator[Finding]:
    """Whether Redis can be used, and is configured to keep tasks."""
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
    message = f"{f'Valkey {valkey}' if valkey else f'Redis {number}'} at {url}"
    old = tuple(int(part) for part in number.split(".")[:2]) < MIN_REDIS
    if old:
        oldest = ".".join(map(str, MIN_REDIS))
        yield Finding(
            State.BROKEN, "redis", f"{message}: {oldest} or later is required"
        )
        return
    yield Finding(State.OK, "redis", message)
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction" and info.get("maxmemory"):
        advice = "tasks may be evicted; set maxmemory-policy to noeviction"
        yield Finding(State.NOTE, "redis", f"maxmemory-policy is {policy}: {advice}")


def check_workers(settings: Settings) -> Finding:
    """The workers that answer a ping over the broker."""
    app = make_app(settings)
    try:
        # Not from the pool, whose connection may be lost.
        with app.connection_for_write() as connection:
            answers = app.control.ping(timeout=PING_SECONDS, connection=connection)
    except (KombuError, RedisError, OSError) as error:
        return Finding(State.BROKEN, "workers", f"cannot use the broker: {error}")
    finally:
        app.close()
    names = sorted(name for answer in answers for name in answer)
    if not names:
        message = "no worker responds: start one with `docprogress worker`"
        return Finding(State.NOTE, "workers", message)
    return Finding(State.OK, "workers", ", ".join(names))


def check_recovery(url: str, *, any_worker: bool) -> Finding:
    """Whether a worker looks for lost documents regularly."""
    try:
        client: Any = connect(url)
        with client:
            look = last_recovery(client)
    except DocProgressError as error:
        return Finding(State.BROKEN, "recovery", f"cannot be checked: {error}")
    if look is None:
        message = "unknown: no worker has checked for lost documents yet"
        return Finding(State.NOTE, "recovery", message)
    message = f"{look.worker} checked for lost documents {look.seconds:.0f} s ago"
    if not look.overdue:
        return Finding(State.OK, "recovery", message)
    if not any_worker:
        return Finding(State.NOTE, "recovery", message)
    return Finding(State.BROKEN, "recovery", f"{message}: check its log and restart it")


def check_database(settings: Settings) -> Finding:
    """Whether the database can be used."""
    path = settings.home / "docprogress.db"
    if settings.database_url is None and not path.exists():
        return Finding(State.OK, "database", f"SQLite at {path}, created when needed")
    try:
        with Store(settings.database, busy_seconds=5.0) as store:
            store.check()
            return Finding(State.OK, "database", f"{store.system()} at {store.url}")
    except DocProgressError as error:
        return Finding(State.BROKEN, "database", str(error))


def check_storage(settings: Settings) -> Finding:
    """Whether the storage can be used."""
    path = settings.home / "files"
    if settings.storage_url is None and not path.exists():
        return Finding(State.OK, "storage", f"{path}, created when needed")
    try:
        Files(settings.storage, settings.storage_options).check()
    except (DocProgressError, OSError) as error:
        return Finding(State.BROKEN, "storage", str(error))
    return Finding(State.OK, "storage", redacted(settings.storage))


#: Packages that read documents, with the module that each provides.
_READERS = {
    "pypdfium2": "pypdfium2",
    "pypdf": "pypdf",
    "semantic-text-splitter": "semantic_text_splitter",
}


def check_libraries() -> Iterator[Finding]:
    """Whether the libraries that read documents can be imported."""
    present = []
    for package, module in _READERS.items():
        try:
            import_module(module)
        except ImportError as error:
            yield Finding(State.BROKEN, "libraries", f"{package}: {error}")
        else:
            present.append(f"{package} {_version(package)}")
    yield Finding(State.OK, "libraries", ", ".join(present))


def check_embedder(settings: Settings) -> Finding:
    """Whether the embedder can be used."""
    from docprogress.steps.embed import embedder

    try:
        name = embedder(settings).name
    except DocProgressError as error:
        return Finding(State.BROKEN, "embedder", str(error))
    return Finding(State.OK, "embedder", name)


def check_ocr(settings: Settings) -> Finding:
    """Which engine recognises text in images, and whether it is there."""
    from docprogress.steps.ocr import engine as engines

    there = [engines.describe(name) for name in ("rapidocr", "tesseract")]
    found = ", ".join(filter(None, there))
    if settings.ocr == "never":
        return Finding(
            State.OK,
            "ocr",
            f"disabled by the setting `ocr`; installed: {found or 'none'}",
        )
    if not engines.installed(settings.ocr_engine):
        asked = settings.ocr == "always" or settings.ocr_engine == "tesseract"
        message = (
            f"{settings.ocr_engine} is missing: scans and images are not read; "
            f"installed: {found or 'none'} ({engines.INSTALL})"
        )
        return Finding(State.BROKEN if asked else State.NOTE, "ocr", message)
    try:
        name = engines.load(settings).name.partition("/")[0]
    except DocProgressError as error:
        return Finding(State.BROKEN, "ocr", str(error))
    return Finding(State.OK, "ocr", f"{name}; installed: {found}")


def check_sink(settings: Settings) -> Iterator[Finding]:
    """Which sink is set, and whether it can be reached from here."""
    if settings.sink is None:
        return
    from docprogress.sinks import locate, open_sink

    shown = ""
    try:
        location = locate(settings.sink)
        shown = f"{location.public}: "
        check = getattr(open_sink(location), "check", None)
        message = str(check()) if callable(check) else "a class with no `check` method"
    except Exception as error:  # noqa: BLE001 - a class of the user's raises anything
        message = redacted(str(error)) or type(error).__name__
        yield Finding(State.BROKEN, "sink", f"{shown}{message}")
        return
    yield Finding(State.OK, "sink", f"{shown}{message}")


#: Optional extras, with a module that each installs.
_EXTRAS = {
    "notebook": "anywidget",
    "server": "fastapi",
    "postgres": "psycopg",
    "s3": "s3fs",
    "semantic": "wordllama",
    "sentence-transformers": "sentence_transformers",
    "ocr": "rapidocr",
    "lancedb": "lancedb",
    "pgvector": "pgvector",
    "qdrant": "qdrant_client",
}


def check_extras() -> Iterator[Finding]:
    """The optional extras that are installed."""
    present = [name for name, module in _EXTRAS.items() if find_spec(module)]
    missing = [name for name in _EXTRAS if name not in present]
    message = f"installed: {', '.join(present) or 'none'}"
    if missing:
        message += f"; not installed: {', '.join(missing)}"
        message += f" (pip install 'docprogress[{missing[0]}]')"
    yield Finding(State.OK, "extras", message)


def _version(package: str) -> str:
    with contextlib.suppress(PackageNotFoundError):
        return version(package)
    return "(version unknown)"
