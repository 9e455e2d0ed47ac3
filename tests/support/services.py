"""Private services for tests, and how to wait for conditions."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NoReturn, TypeVar

import psutil
import pytest
import redis
from support.patience import patient

from docprogress.local import server_binary


class Server:
    """A Valkey of the test's own, on a unix socket, that can be hurt."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        self.process = subprocess.Popen(
            [server_binary(), *options, "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


#: Seconds between two looks at a condition, at least and at most.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.1

T = TypeVar("T")

#: How many times as long as a look took the processor the pause after it is, so that
#: a test that waits takes little from what it waits for.
PAUSE_PER_LOOK = 5


def eventually(
    condition: Callable[[], T], *, seconds: float = 30.0, what: str = ""
) -> T:
    """Wait for a condition, and return what it returned.

    Args:
        seconds: The deadline on an idle machine.
    """
    deadline = time.monotonic() + patient(seconds)
    while True:
        began = time.thread_time()
        if found := condition():
            return found
        assert time.monotonic() < deadline, f"not within {patient(seconds):g} s: {what}"
        pause = PAUSE_PER_LOOK * (time.thread_time() - began)
        time.sleep(min(max(SHORTEST_PAUSE, pause), LONGEST_PAUSE))


CI = "CI" in os.environ


def lacking(what: str) -> NoReturn:
    """Skip on a laptop, fail in CI."""
    if CI:
        pytest.fail(what)
    pytest.skip(what)


#: The password of the restricted Redis user, plain and quoted for a URL.
SECRET = "s%c:r@t/x"
QUOTED = "s%25c%3Ar%40t%2Fx"


def create_restricted_user(client: redis.Redis) -> None:
    """Make the Redis user `docprogress` with the rights that the package lists."""
    line = files("docprogress.bus").joinpath("redis.acl").read_text("utf-8")
    client.execute_command(*line.replace("PASSWORD", SECRET).split())


class Worker:
    """A `docprogress worker` of the test's own, in its own process."""

    def __init__(
        self,
        redis_url: str,
        home: Path,
        *,
        concurrency: int = 2,
        path: Path | None = None,
        queues: str = "default",
        **environment: str,
    ) -> None:
        command = ["-m", "docprogress", "worker", "--concurrency", str(concurrency)]
        command += ["--queues", queues]
        inherited = os.environ | {
            "DOCPROGRESS_REDIS_URL": redis_url,
            "DOCPROGRESS_HOME": str(home),
        }
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        self.process = subprocess.Popen(
            [sys.executable, *command],
            env=inherited | environment,
            # Where it is run from, a package is found before any that is installed.
            cwd=path,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def output(self) -> str:
        return os.pread(self.log.fileno(), 1 << 20, 0).decode()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def ready(self) -> None:
        """Wait until it takes documents."""
        eventually(lambda: len(self.children()) > 1 or self.process.poll() is not None)
        assert self.process.poll() is None, self.output()

    def stop(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(psutil.Error):
            for process in self._tree():
                process.kill()
        self.process.wait()
        self.log.close()

    def kill_during(self, work: Callable[[], T]) -> T:
        """Kill it while `work` finds something, and return what it found.

        It is stopped meanwhile, so that what was found cannot end before the kill.
        """

        def found() -> T:
            tree = self._tree()
            for process in tree:
                process.suspend()
            found = work()
            for process in () if found else tree:
                process.resume()
            return found

        result = eventually(found)
        self.kill()
        return result

    def _tree(self) -> list[psutil.Process]:
        return [*self.children(), psutil.Process(self.process.pid)]


#: Below the range from which Linux takes the ports of outgoing connections.
PORTS = range(10_000, 32_000)


def free_port() -> int:
    """A port that no other test of this machine gets while this process lives.

    The name of an abstract socket reserves it.
    """
    while True:
        # `random` is seeded alike in all processes of the suite.
        port = secrets.choice(PORTS)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0docprogress-test-port-{port}")
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        reservation.detach()  # stays open until the process ends
        return port


class Service:
    """A process of the test's own that listens on a port of 127.0.0.1."""

    def __init__(
        self,
        port: int,
        command: Sequence[str | Path],
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        seconds: float = 30.0,
    ) -> None:
        self.port = port
        self.log = (folder / f"{port}.log").open("w+")
        self.process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        what = " ".join(map(str, command))
        eventually(self.listens, seconds=seconds, what=what)

    def listens(self) -> bool:
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError(self.log.read())
        return self._connects()

    def _connects(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        # What it has started as well: it has a session of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        eventually(lambda: not self._connects())
        self.log.close()


class Authority:
    """A private certificate authority, and what it has signed."""

    def __init__(self, folder: Path, name: str) -> None:
        self.certificate = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        self._folder = folder
        subject = ["-subj", f"/CN={name}", "-days", "2", "-nodes"]
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        self._openssl(
            "req",
            "-x509",
            *curve,
            *subject,
            "-keyout",
            self._key,
            "-out",
            self.certificate,
        )

    def signed(self, name: str, *, host: str = "127.0.0.1") -> tuple[Path, Path]:
        """A certificate for a host, and its key."""
        request, key, certificate = (
            self._folder / f"{name}.{kind}" for kind in ("csr", "key", "crt")
        )
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        kind = "IP" if host[0].isdecimal() else "DNS"
        subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={kind}:{host}"]
        self._openssl(
            "req", "-new", "-nodes", *curve, *subject, "-keyout", key, "-out", request
        )
        signer = ["-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial"]
        copied = ["-copy_extensions", "copyall", "-days", "2"]
        self._openssl(
            "x509", "-req", "-in", request, *signer, *copied, "-out", certificate
        )
        return certificate, key

    def _openssl(self, *arguments: str | Path) -> None:
        command = ["openssl", *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True)


class RabbitMQ:
    """A RabbitMQ of the test's own, with everything that it writes in a folder."""

    #: Debian's; the one on the path insists on the user that the system's runs as.
    SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder = folder
        self.authority = authority.certificate
        self.port, self.tls_port, distribution, mapper = (free_port() for _ in range(4))
        certificate, key = authority.signed("rabbitmq")
        self.name = f"docprogress{self.port}@localhost"
        (folder / "environment").touch()
        (folder / "plugins").write_text("[].")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            f"listeners.ssl.default = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.cacertfile = {self.authority}\n"
            f"ssl_options.certfile = {certificate}\n"
            f"ssl_options.keyfile = {key}\n"
            "ssl_options.verify = verify_none\n"
        )
        self.environment = os.environ | {
            "HOME": str(folder),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # For a table of its own of as many as are allowed: gigabytes, in some
            # containers.
            "ERL_MAX_PORTS": "4096",
        }
        # One that is there already is not started as a daemon.
        self.mapper = Service(mapper, ["epmd", "-port", str(mapper)], folder)
        self.start()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        where = f"127.0.0.1:{self.tls_port}?ssl_ca_certs={self.authority}"
        return f"amqps://guest:guest@{where}"

    def start(self) -> None:
        command = [self.SERVER]
        self.server = Service(
            self.port, command, self.folder, environment=self.environment, seconds=90
        )

    def pause(self) -> None:
        for process in self._processes():
            process.suspend()

    def resume(self) -> None:
        for process in self._processes():
            process.resume()

    def _processes(self) -> list[psutil.Process]:
        process = psutil.Process(self.server.process.pid)
        return [process, *process.children(recursive=True)]

    def control(self, *arguments: str) -> str:
        command = [self.SERVER.with_name("rabbitmqctl"), "-n", self.name, *arguments]
        done = subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def kill(self) -> None:
        self.server.kill()
        self.mapper.kill()
