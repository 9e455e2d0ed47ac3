"""Local services: one supervisor per home, found again, stopped when idle."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.patience import patient
from support.services import eventually

from docprogress import Pipeline, Status, local
from docprogress.bus.connection import connect
from docprogress.errors import ServicesError
from docprogress.settings import load


@pytest.fixture
def settings(home):
    return load(home=home, workers=1)


def processes(home):
    """Every process that works for a home folder, by its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            running = process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if running and environment.get("DOCPROGRESS_HOME") == str(home):
            found.append(process)
    return found


def test_services_are_started_and_found_again(settings):
    first = local.up(settings)
    second = local.up(settings)

    assert first == second
    with connect(first.redis_url) as client:
        assert client.ping()


def test_services_run_detached_from_the_starting_process(settings):
    services = local.up(settings)
    supervisor = psutil.Process(services.pid)

    assert supervisor.ppid() != os.getpid()
    assert os.getsid(services.pid) != os.getsid(0)


def test_other_users_cannot_reach_local_services(settings):
    services = local.up(settings)
    path = Path(services.redis_url.removeprefix("unix://"))

    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    listening = psutil.Process(services.redis_pid).net_connections("inet")
    assert not listening


@pytest.mark.parametrize("count", [4, pytest.param(10, marks=pytest.mark.slow)])
def test_processes_that_start_at_once_get_one_supervisor(settings, count):
    code = (
        "from docprogress import local\n"
        "from docprogress.settings import load\n"
        f"print(local.up(load(home={str(settings.home)!r}, workers=1)).pid)\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    pids = {process.communicate(timeout=patient(60))[0] for process in started}

    assert len(pids) == 1
    assert all(process.returncode == 0 for process in started)


def test_stopping_leaves_nothing_behind(settings):
    local.up(settings)
    eventually(lambda: len(processes(settings.home)) >= 3)

    assert local.down(settings.home)

    assert processes(settings.home) == []
    assert local.status(settings.home) is None
    assert not local.down(settings.home)


def test_stopped_services_are_not_started_by_watching(settings):
    local.up(settings)
    local.down(settings.home)

    local.revive(settings)
    assert local.status(settings.home) is None

    local.up(settings)
    assert local.status(settings.home) is not None


def test_local_services_stop_when_they_are_idle(home):
    local.up(load(home=home, workers=1, idle_seconds=1))

    eventually(lambda: local.status(home) is None)
    eventually(lambda: processes(home) == [])


def test_a_client_that_connects_while_services_stop_gets_new_ones(home):
    settings = load(home=home, workers=1, idle_seconds=0.1)
    for _ in range(3):
        services = local.up(settings)
        with connect(services.redis_url) as client:
            assert client.ping()
        eventually(lambda: local.status(home) is None)


def test_what_dies_is_started_again(settings):
    services = local.up(settings)
    os.kill(services.redis_pid, signal.SIGKILL)

    def replaced():
        found = local.status(settings.home)
        return found and found.redis_pid != services.redis_pid and found

    again = eventually(replaced)
    with connect(again.redis_url) as client:
        assert client.ping()
    assert again.pid == services.pid


def test_a_new_supervisor_keeps_the_server_of_one_that_was_killed(settings):
    services = local.up(settings)
    with connect(services.redis_url) as client:
        client.set("remembered", "1")
        os.kill(services.pid, signal.SIGKILL)

        again = eventually(
            lambda: (found := local.up(settings)).pid != services.pid and found
        )

        assert again.redis_pid == services.redis_pid
        assert client.get("remembered") == b"1"


def test_what_redis_remembers_outlives_a_stop(settings):
    with connect(local.up(settings).redis_url) as client:
        client.set("remembered", "1")
    local.down(settings.home)

    with connect(local.up(settings).redis_url) as client:
        assert client.get("remembered") == b"1"


def test_a_broken_memory_does_not_keep_the_server_from_starting(settings):
    local.up(settings)
    local.down(settings.home)
    (settings.home / "redis" / "dump.rdb").write_bytes(b"REDIS0011 not really")

    with connect(local.up(settings).redis_url) as client:
        assert client.ping()


def test_an_interrupt_of_the_whole_group_does_not_reach_them(settings):
    code = (
        "import os, signal\n"
        "from docprogress import local\n"
        "from docprogress.settings import load\n"
        f"local.up(load(home={str(settings.home)!r}, workers=1))\n"
        "os.killpg(0, signal.SIGINT)\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stderr=subprocess.DEVNULL
    )
    starter.wait(patient(60))

    assert starter.returncode != 0
    with connect(local.up(settings).redis_url) as client:
        assert client.ping()


def test_a_long_path_gets_a_socket_elsewhere(short_path):
    home = short_path / ("x" * 120)
    settings = load(home=home, workers=1)
    try:
        services = local.up(settings)
        with connect(services.redis_url) as client:
            assert client.ping()
        folder = Path(services.redis_url.removeprefix("unix://")).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        local.down(home)


def test_a_home_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ServicesError, match="DOCPROGRESS_HOME"):
        local.up(load(home=tmp_path / "file" / "home"))


def test_other_settings_restart_idle_services(home):
    first = local.up(load(home=home, workers=1))
    second = local.up(load(home=home, workers=2))
    third = local.up(load(home=home))

    assert first.pid != second.pid
    assert second.workers == 2
    assert third == second, "no wish is no other wish"


def test_no_secret_is_written_down_or_shown(home):
    settings = load(
        home=home,
        workers=1,
        embedding_api_key="secret-word",
        database_url=f"sqlite:///{home}/other.db?password=secret-word",
    )
    local.up(settings)
    eventually(lambda: len(processes(home)) >= 3)

    for process in processes(home):
        assert "secret-word" not in " ".join(process.cmdline())
    for path in [home / "services.json", *(home / "logs").iterdir()]:
        assert "secret-word" not in path.read_text("utf-8", "replace")


@pytest.mark.parametrize("count", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_runs_of_several_processes_share_one_home_and_see_only_their_own(
    settings, count
):
    code = (
        "import sys\n"
        "from docprogress import Pipeline\n"
        f"pipeline = Pipeline(home={str(settings.home)!r})\n"
        "run = pipeline.submit([(f'{sys.argv[1]}-{n}.txt', b'text') for n in range(5)])\n"
        f"frame = run.wait(timeout={patient(60)}).to_frame()\n"
        "assert set(frame['status']) == {'completed'}, frame\n"
        "assert all(name.startswith(sys.argv[1]) for name in frame['name']), frame\n"
        "print(pipeline.bus.redis.info('server')['process_id'])\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"own{number}"], stdout=subprocess.PIPE
        )
        for number in range(count)
    ]
    servers = {process.communicate(timeout=patient(90))[0] for process in started}

    assert all(process.returncode == 0 for process in started)
    assert len(servers) == 1, "one server, so one supervisor"


def test_where_a_fork_is_unsafe_workers_are_commands(settings):
    code = (
        "import sys\n"
        "from docprogress.local import processes\n"
        "processes.FORKS = False\n"
        "from docprogress import daemon\n"
        "sys.exit(daemon.main())"
    )
    home = local.prepare(settings.home)
    environment = {"DOCPROGRESS_HOME": str(home), "DOCPROGRESS_WORKERS": "1"}
    subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, check=True
    )

    with Pipeline(home=home, workers=1) as pipeline:
        run = pipeline.submit(("note.txt", b"A note."))
        run.wait(timeout=patient(30))
        assert run.documents()[0].status is Status.COMPLETED
    services = local.status(home)
    children = psutil.Process(services.pid).children()
    commands = [each.cmdline() for each in children if each.pid != services.redis_pid]
    assert [command[-1] for command in commands] == ["worker"]
