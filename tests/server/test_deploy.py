"""Deployment files: nginx for real, the others as far as possible."""

import configparser
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import psutil
import pytest
import typer
import yaml
from playwright.sync_api import Browser
from support.patience import patient
from support.services import eventually, free_port
from support.settings import service_options
from support.tabs import (
    follow,
    network_only,
    open_page,
    opened,
    publish,
    shown_progress,
    wait_for,
)
from support.web import Web, served

import docprogress
from docprogress.cli.app import app
from docprogress.server.options import ServerOptions
from docprogress.settings import Settings, load

DEPLOY = Path(docprogress.__file__).parent / "server" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))


class Nginx:
    """An nginx with the shipped site, between the tests and a server."""

    def __init__(self, executable: str, folder: Path, upstream: int) -> None:
        self.port = free_port()
        self._executable = executable
        self._folder = folder
        self.upstream = upstream
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, without: str | None = None, **changed: str) -> None:
        """Start with the shipped site, but for places and what is named."""
        site = (DEPLOY / "nginx.conf").read_text()
        changes = {
            "listen 80;": f"listen 127.0.0.1:{self.port};",
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{self.upstream};",
            "/var/log/nginx/": f"{self._folder}/",
        } | {f"{name} 90s;": f"{name} {value};" for name, value in changed.items()}
        if without is not None:
            changes[without] = ""
        for before, after in changes.items():
            assert before in site
            site = site.replace(before, after)
        temporary = "".join(
            f"{kind}_temp_path {self._folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = self._folder / "whole.conf"
        config.write_text(
            f"daemon off; worker_processes 1; pid {self._folder}/pid;\n"
            f"error_log {self._folder}/nginx.log;\n"
            f"events {{}}\nhttp {{ {temporary}\n{site}\n}}\n"
        )
        self.process = subprocess.Popen(
            [self._executable, "-e", self._folder / "nginx.log", "-c", config],
            stderr=subprocess.DEVNULL,
        )
        eventually(self._listens, what="nginx listens")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(patient(20))
            self.process = None

    def kill(self) -> None:
        assert self.process is not None
        # Those who work for it would go on without it.
        workers = psutil.Process(self.process.pid).children()
        for each in (self.process, *workers):
            each.kill()
        self.process.wait()
        psutil.wait_procs(workers, timeout=patient(20))
        self.process = None

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self._folder / "nginx.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self) -> str:
        logs = self._folder.glob("docprogress.*.log")
        return "".join(path.read_text() for path in logs)


def found_nginx():
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture(scope="module", autouse=True)
def silent(shared_server, tmp_path_factory):
    """A stream through the proxy that gets no events, and since when.

    It begins with the first test of the module, so that the others run meanwhile.
    """
    executable = found_nginx()
    if executable is None:
        yield None
        return
    home = tmp_path_factory.mktemp("silent")
    settings = load(
        home=home,
        redis_url=shared_server.url,
        database_url=f"sqlite:///{home / 'store.db'}",
        storage_url=(home / "files").as_uri(),
    )
    with tempfile.TemporaryDirectory(prefix="dp-") as folder, served(settings) as web:
        Path(folder).chmod(0o755)
        nginx = Nginx(executable, Path(folder), web.port)
        nginx.start()
        try:
            front = Web(nginx.port)
            with (
                front.client,
                front.read("/progress/documents/nobody-speaks-of-it/stream") as reader,
            ):
                assert reader.next().data == {"status": "connected"}
                yield reader, time.monotonic()
        finally:
            nginx.stop()


@pytest.fixture
def settings(redis_url, tmp_path):
    return load(
        **service_options(tmp_path, redis_url),
        max_bytes=3_000_000,
    )


@pytest.fixture
def web(settings):
    with served(settings, keep_alive_seconds=1.0) as web:
        yield web


@pytest.fixture
def nginx(web, short_path):
    executable = found_nginx()
    if executable is None:
        if "CI" in os.environ:
            pytest.fail("there is no nginx")
        pytest.skip("there is no nginx on this machine")
    # Where it is root its workers are somebody else.
    short_path.chmod(0o755)
    nginx = Nginx(executable, short_path, web.port)
    yield nginx
    nginx.stop()


@pytest.fixture
def front(nginx):
    """What clients see."""
    nginx.start()
    front = Web(nginx.port)
    with front.client:
        yield front


def test_page_is_served_by_a_proxy_that_hides_its_host(nginx):
    nginx.start(without="proxy_set_header Host $http_host;")
    with Web(nginx.port).client as client:

        def status(site):
            headers = {"Origin": str(client.base_url)}
            if site is not None:
                headers["Sec-Fetch-Site"] = site
            form = {"files": {"file": ("a.txt", b"text")}}
            return client.post("/documents/upload", headers=headers, **form).status_code

        assert status("same-origin") == 201
        assert status("same-site") == 403
        assert status("cross-site") == 403
        assert status(None) == 403


def test_first_byte_comes_at_once_and_events_one_by_one(front, bus):
    publish(bus, "a", 10)
    started = time.monotonic()
    with front.read("/progress/documents/a/stream") as reader:
        assert reader.next().data == {"status": "connected"}
        taken = time.monotonic() - started
        assert reader.progress().data["progress"] == 10
        for progress in (20, 30, 100):
            publish(bus, "a", progress)
            assert reader.progress().data["progress"] == progress
        assert reader.progress() is None

    # Buffered, it would come with the end; on a quiet machine it takes some 10 ms.
    assert taken < patient(1)


@pytest.mark.parametrize(
    "path", ["stream?document_id=a", "cases/c/stream", "runs/r/stream"]
)
def test_every_stream_is_handed_on_as_it_comes(front, path):
    with front.read(f"/progress/{path}") as reader:
        assert reader.next().data == {"status": "connected"}


def test_stream_outlives_a_silence_longer_than_the_proxy_waits(nginx, bus):
    nginx.start(proxy_read_timeout="5s")
    with (
        Web(nginx.port).client as client,
        Web(nginx.port).read("/progress/documents/a/stream") as reader,
    ):
        assert client.get("/health").status_code == 200
        silent_until = time.monotonic() + 7
        while time.monotonic() < silent_until:
            reader.comment()
        publish(bus, "a", 100)

        assert reader.progress().data["progress"] == 100


@pytest.mark.slow
def test_stream_outlives_ninety_seconds_of_silence_as_it_is_shipped(nginx, silent, bus):
    reader, since = silent
    time.sleep(max(0.0, since + 92 - time.monotonic()))
    publish(bus, "nobody-speaks-of-it", 50)
    assert reader.progress().data["progress"] == 50
    assert reader.comments.count("keep-alive") >= 5
    publish(bus, "nobody-speaks-of-it", 100)
    assert [event.data["progress"] for event in reader.rest()] == [100]


def test_proxy_waits_longer_than_the_server_is_silent():
    site = (DEPLOY / "nginx.conf").read_text()
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", site)
    options = ServerOptions()

    assert int(seconds) >= 4 * options.keep_alive_seconds
    assert int(seconds) > options.wait_seconds


def test_large_upload_goes_through_and_too_large_is_the_server_s_to_say(front):
    def upload(size):
        form = {"file": ("a.md", b"# word\n" * (size // 7))}
        return front.client.post("/documents/upload", files=form)

    assert upload(2_900_000).status_code == 201
    refused = upload(4_000_000)
    assert refused.status_code == 413
    assert "detail" in refused.json()


def test_page_is_there_and_metrics_are_not(front):
    assert "<title>Document progress</title>" in front.client.get("/").text
    assert front.client.get("/metrics").status_code == 404


def test_clients_are_distinguished_and_no_ticket_is_logged(front, nginx, web):
    ticket = front.client.post("/tickets", json={"documents": ["a"]}).json()["ticket"]
    path = f"/progress/documents/a/stream?ticket={ticket}"
    with front.read(path, token=None) as reader:
        assert reader.next().data == {"status": "connected"}
    nginx.upstream = 1  # nobody listens there
    nginx.stop()
    nginx.start()
    assert httpx.get(f"{front.url}{path}").status_code == 502
    eventually(lambda: nginx.log().count("/progress/documents/a/stream") == 2)

    assert ticket[:20] not in nginx.log()


def test_many_documents_fit_into_one_address(front):
    ids = [f"20260101-120000-3f9a01-{number:04}" for number in range(500)]
    ticket = front.client.post("/tickets", json={"documents": ids}).json()["ticket"]
    query = "&".join(f"document_id={each}" for each in ids)
    path = f"/progress/stream?ticket={ticket}&{query}"
    with front.read(path, token=None) as reader:
        assert reader.status == 200
        assert reader.next().data == {"status": "connected"}


def test_browser_comes_back_to_a_proxy_that_was_killed(
    browser: Browser, front, nginx, bus
):
    with opened(browser) as tab:
        open_page(tab, front)
        publish(bus, "a", 10)
        follow(tab, "a")
        wait_for(tab, "events.length === 1 && connections.at(-1) === 'streaming'")

        nginx.kill()
        publish(bus, "a", 60)
        wait_for(tab, "connections.at(-1) !== 'streaming'")
        nginx.start()
        wait_for(tab, "events.at(-1).progress === 60")
        publish(bus, "a", 100)
        wait_for(tab, "connections.at(-1) === 'ended'")

        assert shown_progress(tab) == [10, 60, 100]
        assert network_only(tab.complaints)


def commands():
    """Every command that is shipped, and where."""
    for path in UNITS:
        unit = configparser.ConfigParser(strict=False, delimiters="=")
        unit.optionxform = str
        unit.read(path)
        yield pytest.param(unit["Service"]["ExecStart"], id=path.name)
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in ("server", "worker"):
        yield pytest.param(services[name]["command"], id=f"compose {name}")


@pytest.mark.parametrize("command", list(commands()))
def test_command_is_one_that_there_is(command):
    program, name, *arguments = shlex.split(command)

    assert Path(program).name == "docprogress"
    found = typer.main.get_command(app).commands[name]
    # What it would be called with; it is not run.
    found.make_context(name, arguments)


def test_every_setting_that_is_named_is_one():
    text = "".join(
        path.read_text()
        for path in [DEPLOY / "docprogress.env", DEPLOY / "compose.yaml"]
    )
    named = set(re.findall(r"^ *DOCPROGRESS_(\w+)[=:]", text, re.MULTILINE))
    settings = {name.upper() for name in Settings.model_fields}
    options = {f"SERVER_{name.upper()}" for name in ServerOptions.model_fields}

    assert len(named) == 4
    assert named <= settings | options


def test_compose_file_names_nothing_that_it_does_not_have():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]

    assert set(services) == {"nginx", "server", "worker", "valkey", "postgres"}
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            known = source in compose["volumes"] or (DEPLOY / source).is_file()
            assert known, volume


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_understands_every_line(path, tmp_path):
    verify = shutil.which("systemd-analyze")
    if verify is None:
        if "CI" in os.environ:
            pytest.fail("there is no systemd-analyze")
        pytest.skip("there is no systemd-analyze on this machine")
    unit = tmp_path / path.name
    # It looks for the program, which need not be installed there.
    unit.write_text(
        path.read_text().replace("/opt/docprogress/bin/docprogress", "/bin/sh")
    )
    done = subprocess.run(
        [verify, "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(60),
    )

    assert path.name not in done.stderr
    assert done.returncode == 0, done.stderr
