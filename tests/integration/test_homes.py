"""Home folders of any name; services that cannot start leave nothing behind."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest
from support.patience import patient
from support.services import eventually, free_port

from docprogress import local
from docprogress.bus.bus import Bus
from docprogress.bus.celery_broker import celery_broker
from docprogress.bus.connection import connect
from docprogress.bus.redis_url import parse_redis_url, unix_url
from docprogress.client.pipeline import Pipeline
from docprogress.errors import ServicesError
from docprogress.local import supervisor, valkey
from docprogress.settings import load

NAMES = [
    "a#b",
    "why?",
    "100%",
    "50%23",
    "with space",
    "Verträge 文書",
    "a'b\"c;d,e&f=g+h@i:j[k]{l}$m!n\\o",
]
LONG = "x" * 150
NOT_UTF8 = os.fsdecode(b"caf\xe9")


def processes(home):
    """Those that work in a home folder, and have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if home in (Path(process.cwd()), Path(process.cwd()).parent):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.parametrize(
    "name",
    [
        "/".join(NAMES[:6]),
        NAMES[6],
        pytest.param(LONG, marks=pytest.mark.slow),
        pytest.param(NOT_UTF8, marks=pytest.mark.slow),
    ],
)
def test_a_run_in_a_home_of_any_name_ends(short_path, name):
    home = short_path / name
    try:
        with Pipeline(home=home, workers=1) as pipeline:
            run = pipeline.submit([("a.txt", b"a few words")])
            run.wait(timeout=patient(60))

            assert "1 completed" in run.summary()
            assert len(run.events()) >= 2
            assert list(pipeline.search("words", run=run).to_frame()["document"]) == [
                "a.txt"
            ]
            assert (home / "docprogress.db").exists()
            assert list((home / "files").iterdir())
        assert local.status(home) is not None
    finally:
        assert local.down(home)
    assert local.status(home) is None
    assert not processes(home)
    assert not local.down(home)


@pytest.mark.parametrize("name", NAMES)
def test_the_url_of_a_socket_of_any_name_is_understood(short_path, name):
    path = short_path / name / "redis.sock"

    url = unix_url(path)

    assert parse_redis_url(url).options["path"] == str(path)
    with Bus(url) as bus:
        assert bus.redis.connection_pool.connection_kwargs["path"] == str(path)


def test_a_server_left_by_a_killed_supervisor_is_found_in_any_home(short_path):
    home = short_path / NAMES[0] / NAMES[2]
    services = local.up(load(home=home, workers=1))
    supervised = psutil.Process(services.pid)
    workers = [
        one
        for one in supervised.children(recursive=True)
        if one.pid != services.redis_pid
    ]
    supervised.kill()
    for worker in workers:
        worker.kill()
    eventually(lambda: not local.is_held(home / "supervisor.lock"))
    assert psutil.Process(services.redis_pid).is_running()

    assert local.down(home)

    eventually(lambda: not processes(home))


@pytest.fixture
def unusable(monkeypatch):
    """A server that cannot be started: it does what the shell script says."""

    def make(script):
        folder = Path(tempfile.mkdtemp(prefix="dp-"))
        made.append(folder)
        server = folder / "valkey-server"
        server.write_text(f"#!/bin/sh\n{script}\n")
        server.chmod(0o755)
        monkeypatch.setattr(valkey, "server_binary", lambda: str(server))

    made = []
    yield make
    for folder in made:
        shutil.rmtree(folder)


NOISE = (
    "echo '7:M 01 Jan 2026 00:00:00.000 # WARNING Memory overcommit must be enabled! "
    "Without it, a background save may fail'"
)


def started(home, monkeypatch, seconds=1.0):
    """Start a server as a supervisor does; what it says of that it cannot."""
    monkeypatch.setattr(supervisor, "START_SECONDS", 2 * seconds)
    made = supervisor.Supervisor(load(home=local.prepare(home)))
    with pytest.raises(ServicesError) as raised:
        made._keep_server()
    made._stop()
    return str(raised.value)


def test_a_server_that_exits_at_once_is_reported_with_its_own_reason(
    home, unusable, monkeypatch
):
    unusable(f"echo '# Failed opening Unix socket: no room'; {NOISE}; exit 1")

    message = started(home, monkeypatch)

    assert "Failed opening Unix socket: no room" in message
    assert "overcommit" not in message


def test_a_server_that_never_answers_is_not_left_running(home, unusable, monkeypatch):
    unusable(f"{NOISE}; exec sleep 600")

    message = started(home, monkeypatch)

    assert "nothing answers at" in message
    assert "overcommit" not in message
    assert not processes(home)


def test_services_that_do_not_start_leave_nothing_behind(home, monkeypatch):
    """As it is for a user: the whole way from a pipeline to the supervisor's end."""
    local.prepare(home)
    # Nobody can listen where there is a folder.
    (home / "redis.sock").mkdir()

    with pytest.raises(ServicesError, match=r"redis\.sock|[Ss]ocket") as raised:
        Pipeline(home=home, workers=1)

    assert "overcommit" not in str(raised.value)
    eventually(lambda: not processes(home))
    (home / "redis.sock").rmdir()
    assert not local.down(home)


def test_a_supervisor_that_cannot_lock_for_the_moment_does_not_exit(home, monkeypatch):
    def acquire(file, **_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    made = supervisor.Supervisor(load(home=local.prepare(home)))
    monkeypatch.setattr(supervisor, "acquire", acquire)

    with (home / "start.lock").open("a") as start_lock:
        assert made._may_exit(start_lock, made._touched()) is False


@pytest.mark.parametrize("scheme", ["valkey", "VALKEY"])
def test_a_valkey_is_reached_by_its_own_scheme(server, scheme, tmp_path):
    # On its socket no scheme is needed: what is tested is a port.
    with connect(server.url) as client:
        client.config_set("bind", "127.0.0.1")
        port = free_port()
        client.config_set("port", port)
    url = f"{scheme}://127.0.0.1:{port}/0"
    with Pipeline(redis_url=url, home=tmp_path) as pipeline:
        assert pipeline.bus.redis.ping()
        pipeline.bus.check()
    assert celery_broker(url).url == f"redis://127.0.0.1:{port}/0"


def test_valkeys_schemes_mean_the_same_as_those_of_redis():
    for theirs, ours in (
        ("valkey://u:p@h:1/2", "redis://u:p@h:1/2"),
        ("valkeys://h?ssl_ca_certs=/dev/null", "rediss://h?ssl_ca_certs=/dev/null"),
        ("valkey+sentinel://h:1/x/2", "redis+sentinel://h:1/x/2"),
        ("valkeys+sentinel://h:1/x", "rediss+sentinel://h:1/x"),
    ):
        assert parse_redis_url(theirs) == parse_redis_url(ours)
        assert celery_broker(theirs).url == celery_broker(ours).url
        assert celery_broker(theirs).encryption == celery_broker(ours).encryption
        assert load(redis_url=theirs).redis_url == theirs
        assert load(broker_url=theirs).broker_url == theirs
