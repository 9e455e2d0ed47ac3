import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import psutil
import pytest
from support.events import event
from support.patience import patient
from support.services import eventually
from support.web import Web
from typer.testing import CliRunner

from docprogress.bus.bus import Bus
from docprogress.cli.app import app
from docprogress.errors import BusError, SettingsError, StoreError
from docprogress.server.jupyter_proxy import describe
from docprogress.server.uvicorn_server import listen_unix


class Served:
    """A `docprogress serve` of the test's own."""

    def __init__(self, folder, *arguments, environment=None):
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "docprogress",
                    "serve",
                    "--port",
                    "0",
                    *arguments,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | (environment or {}),
                text=True,
            )
        self.printed = self.process.stdout.readline()
        match = re.search(r"http://[^:]+:(\d+)\S*/$", self.printed.rstrip())
        assert match, f"{self.printed!r} {self.log.read_text()}"
        given = (environment or {}).get("DOCPROGRESS_SERVER_TOKEN")
        if "--token" in arguments:
            given = arguments[arguments.index("--token") + 1]
        self.place = None
        if given is None:
            printed = self.process.stdout.readline()
            self.place = Path(printed.removeprefix("The token is in ").rstrip())
            given = self.place.read_text().strip()
        self.token = given or None
        self.web = Web(int(match[1]), self.token)
        if self.token is not None:
            self.web.client.headers["Authorization"] = f"Bearer {self.token}"

    def stop(self):
        self.web.client.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(patient(30))
        self.process.stdout.close()


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(*arguments, **options):
        started.append(Served(tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def remote(redis_url, tmp_path):
    return [
        f"--home={tmp_path}",
        f"--redis-url={redis_url}",
        f"--database-url=sqlite:///{tmp_path / 'store.db'}",
        f"--storage-url={(tmp_path / 'files').as_uri()}",
    ]


def test_upload_is_processed_and_streamed_by_local_services(serve, home, samples):
    served = serve("--home", str(home), "--workers", "1")

    with (samples / "services-agreement.pdf").open("rb") as file:
        answer = served.web.client.post(
            "/documents/upload", files={"file": file}, data={"case_id": "case-123"}
        )
    assert answer.status_code == 201
    with served.web.read(answer.json()["stream"], token=served.token) as reader:
        delivered = reader.rest()

    assert delivered[-1].data["status"] == "completed"
    progress = [each.data["progress"] for each in delivered]
    assert progress == sorted(progress)
    status = served.web.client.get(answer.json()["status_url"]).json()
    assert status["status"] == "completed"
    assert served.web.metric('docprogress_documents{status="completed"}') == 1
    assert served.web.metric('docprogress_step_seconds_count{step="chunking"}') == 1


def test_token_is_made_up_and_this_machine_alone_is_listened_to(serve, remote):
    served = serve(*remote)

    assert len(served.token) >= 32
    assert served.web.client.get("/documents").status_code == 200
    served.web.client.headers.pop("Authorization")
    assert served.web.client.get("/documents").status_code == 401
    listening = [
        each.laddr.ip
        for each in psutil.Process(served.process.pid).net_connections()
        if each.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def on_a_terminal(arguments, environment=None):
    """What a server prints where somebody reads it, until it says where it is."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "docprogress", "serve", "--port", "0", *arguments],
        stdout=terminal,
        stderr=terminal,
        env=os.environ | (environment or {}),
    )
    os.close(terminal)
    printed = b""
    try:
        while not re.search(rb"serves (\S+)\r?\n", printed):
            printed += os.read(controller, 10_000)
        url = re.search(rb"serves (\S+)", printed)[1].decode()
        token = url.partition("#token=")[2]
        answer = httpx.get(
            f"{url.partition('#')[0]}documents",
            headers={"Authorization": f"Bearer {token or 'wrong'}"},
            timeout=patient(30),
        )
    finally:
        process.terminate()
        process.wait(patient(30))
    while True:
        try:
            more = os.read(controller, 10_000)
        except OSError:  # Linux says so where nobody writes any more
            break
        if not more:
            break
        printed += more
    os.close(controller)
    return printed.decode(), token, answer.status_code


def test_token_is_printed_on_a_terminal_if_it_was_made_up_for_this_start(remote):
    first, token, status = on_a_terminal(remote)
    second, other, _ = on_a_terminal(remote)

    assert status == 200
    assert first.count(token) == 1
    assert token != other
    assert token not in second


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_configured_token_is_printed_nowhere(serve, remote, way):
    secret = "a/secret+of=mine"
    arguments, environment = list(remote), {}
    if way == "argument":
        arguments += ["--token", secret]
    else:
        environment["DOCPROGRESS_SERVER_TOKEN"] = secret

    printed, shown, _ = on_a_terminal(arguments, environment)
    served = serve(*arguments, environment=environment)
    assert served.web.client.get("/documents").status_code == 200
    served.process.terminate()
    served.process.wait(patient(30))

    for text in (
        printed,
        served.printed,
        served.process.stdout.read(),
        served.log.read_text(),
    ):
        assert "secret" not in text
        assert "token" not in text
    assert shown == ""


def test_token_that_is_not_printed_is_in_a_file_of_the_home_folder(serve, remote):
    first = serve(*remote)
    assert first.web.client.get("/documents").status_code == 200
    first.process.terminate()
    first.process.wait(patient(30))
    again = serve(*remote)

    assert first.place.stat().st_mode & 0o777 == 0o600
    assert first.token not in first.printed + first.process.stdout.read()
    assert first.token not in first.log.read_text()
    assert (again.place, again.token) == (first.place, first.token)
    again.place.chmod(0o644)
    assert serve(*remote).token != first.token, "others may have read it"


def test_token_is_in_no_list_of_processes(serve, remote):
    served = serve(*remote, "--token", "a-secret-of-mine")

    assert served.web.client.get("/documents").status_code == 200
    assert "secret" not in " ".join(psutil.Process(served.process.pid).cmdline())


def test_empty_token_switches_authentication_off(serve, remote):
    served = serve(*remote, "--token", "")

    assert served.token is None
    served.web.client.headers.pop("Authorization", None)
    assert served.web.client.get("/documents").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_server_with_200_open_streams_stops_at_once(serve, remote, redis_url, number):
    served = serve(*remote)
    with Bus(redis_url) as bus:
        bus.publish(event())
    with ThreadPoolExecutor(20) as pool:
        readers = list(
            pool.map(
                lambda _: served.web.read(
                    "/progress/documents/a/stream", token=served.token
                ),
                range(200),
            )
        )
        list(pool.map(lambda reader: reader.progress(), readers))

        started = time.monotonic()
        served.process.send_signal(number)
        status = served.process.wait(patient(30))
        taken = time.monotonic() - started
        rests = list(pool.map(lambda reader: reader.rest(), readers))
    for reader in readers:
        reader.close()

    assert taken < patient(3)
    assert status == (-signal.SIGTERM if number == signal.SIGTERM else 130)
    assert rests == [[]] * 200
    assert "Cancel" not in served.log.read_text()
    assert "Traceback" not in served.log.read_text()


def test_log_is_json_on_request_and_names_no_ticket(serve, remote):
    served = serve(
        *remote, "--json-log", environment={"DOCPROGRESS_SERVER_TOKEN": "environment"}
    )
    assert served.token == "environment"
    ticket = served.web.client.post("/tickets", json={"documents": ["a"]}).json()[
        "ticket"
    ]
    served.web.client.get(f"/progress/documents/a/status?ticket={ticket}")

    def lines():
        return [json.loads(line) for line in served.log.read_text().splitlines()]

    def requests():
        return [line for line in lines() if line.get("status") == 404]

    (line,) = eventually(requests)
    assert line["method"] == "GET"
    assert line["path"] == "/progress/documents/a/status"
    assert line["seconds"] < 30
    assert line["client"] == "127.0.0.1"
    assert ticket not in served.log.read_text()
    assert served.token not in served.log.read_text()


def test_without_a_token_no_page_of_another_origin_is_let_in(serve, remote):
    client = serve(*remote, "--token", "").web.client
    client.headers.pop("Authorization", None)
    form = {"files": {"file": ("a.txt", b"text")}}

    assert (
        client.get("/documents", headers={"Host": "evil.example.org"}).status_code
        == 403
    )
    other_port = f"http://127.0.0.1:{client.base_url.port + 1}"
    other_scheme = f"https://127.0.0.1:{client.base_url.port}"
    other_name = f"http://localhost:{client.base_url.port}"
    for origin in (
        *("https://evil.example.org", "null", "http://127.0.0.1.evil.org"),
        *(other_port, other_scheme, other_name),
    ):
        answer = client.post("/documents/upload", headers={"Origin": origin}, **form)
        assert answer.status_code == 403
    own = {"Origin": f"http://127.0.0.1:{client.base_url.port}"}
    assert client.post("/documents/upload", headers=own, **form).status_code == 201


def test_proxy_of_jupyter_starts_a_server_that_it_alone_reaches(
    redis_url, tmp_path, short_path
):
    place = short_path / "server.sock"
    described = describe()
    command = [
        part.replace("{unix_socket}", str(place)).replace("{base_url}", "/user/a/")
        for part in described["command"]
    ]
    environment = {
        "DOCPROGRESS_REDIS_URL": redis_url,
        "DOCPROGRESS_HOME": str(tmp_path),
        "DOCPROGRESS_DATABASE_URL": f"sqlite:///{tmp_path / 'store.db'}",
    }
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert "/user/a/docprogress" in process.stdout.readline()
        assert place.stat().st_mode & 0o077 == 0
        transport = httpx.HTTPTransport(uds=str(place))
        with httpx.Client(transport=transport, base_url="http://jupyter") as client:
            answer = client.post(
                "/documents/upload", files={"file": ("a.txt", b"text")}
            )
        assert answer.status_code == 201
        assert answer.json()["stream"].startswith("/user/a/docprogress/progress/")
        with pytest.raises(OSError, match="another server"):
            listen_unix(place)
    finally:
        process.terminate()
        process.wait(patient(30))
        process.stdout.close()
    listen_unix(place).close()


def test_proxy_of_jupyter_finds_the_server():
    (found,) = entry_points(group="jupyter_serverproxy_servers", name="docprogress")

    assert found.load() is describe
    assert describe()["unix_socket"] is True


def test_database_that_cannot_be_used_is_named_in_a_line(redis_url, tmp_path):
    (tmp_path / "file").touch()
    database = f"--database-url=sqlite:///{tmp_path / 'file' / 'store.db'}"

    result = CliRunner().invoke(app, ["serve", f"--redis-url={redis_url}", database])

    assert isinstance(result.exception, StoreError)


def test_redis_url_that_cannot_be_used_is_named_in_a_line(remote):
    wrong = "--redis-url=redis://localhost/0?socket_timeout=soon"

    result = CliRunner().invoke(app, ["serve", *remote, wrong])

    assert isinstance(result.exception, BusError)
    assert "socket_timeout" in str(result.exception)


def test_port_that_is_taken_is_named(remote):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = CliRunner().invoke(app, ["serve", "--port", str(port), *remote])

    assert isinstance(result.exception, SettingsError)
    assert f"port {port}" in str(result.exception)
    assert "--port" in str(result.exception)


def test_wrong_origin_is_named(remote):
    result = CliRunner().invoke(app, ["serve", "--cors-origin", "*", *remote])

    assert isinstance(result.exception, SettingsError)
    assert "cors_origins" in str(result.exception)
