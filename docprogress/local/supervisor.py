"""The supervisor: keeps the server and the workers of one home folder running.

It is a daemon, restarts what dies, and exits after a while without work. A supervisor
that replaces one that was killed adopts its server.
"""

import contextlib
import json
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import IO, Any

import psutil
from redis.exceptions import RedisError

from docprogress.bus.connection import connect
from docprogress.bus.pubsub import CLIENT_NAME
from docprogress.bus.redis_url import unix_url
from docprogress.errors import DocProgressError, ServicesError, StoreUnavailable
from docprogress.events import now
from docprogress.local.home import START_LOCK, SUPERVISED
from docprogress.local.lock import acquire, release
from docprogress.local.logs import last_line
from docprogress.local.processes import alive, ended, fork, start
from docprogress.local.services import (
    START_SECONDS,
    STOP_SECONDS,
    Services,
    digests,
)
from docprogress.local.valkey import server_command, socket_path
from docprogress.settings import Settings, redacted
from docprogress.store import Store
from docprogress.version import __version__

log = logging.getLogger(__name__)

#: Seconds between two checks of an adopted server, which is no child process.
CHECK_SECONDS = 1.0

#: Seconds between two checks of children, whose death is also noticed at once, and of
#: whether the services are needed.
IDLE_CHECK_SECONDS = 10.0

#: The shortest and the longest pause, in seconds, before a worker is restarted.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0


class Supervisor:
    """Keeps the server and the workers of one home folder running.

    Args:
        settings: The settings of the services.
        server: A server that has been started and may not answer yet.
        load_worker: Loads what a worker needs, and returns what a forked worker does,
            given the URL of its Redis. None: workers are started as commands.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        server: psutil.Popen | None = None,
        load_worker: Callable[[], Callable[[str], int]] | None = None,
    ) -> None:
        self._settings = settings
        self._home = settings.home
        self._socket = socket_path(settings.home)
        self._url = unix_url(self._socket)
        self._redis = connect(self._url)
        self._store = Store(settings.database, busy_seconds=2.0)
        self._starting = server
        self._server: psutil.Process | None = None
        self._load_worker = load_worker
        self._worker: psutil.Process | None = None
        # What this process does from now on: it is a forked worker.
        self._work: Callable[[], int] | None = None
        self._pause = FIRST_PAUSE
        self._worker_started = self._worker_due = time.monotonic()
        self._leaving = False

    def run(self) -> Callable[[], int] | None:
        """Supervise until a signal, or until the services are no longer needed.

        Returns:
            None, or in a forked worker the function that it must run.
        """
        with contextlib.ExitStack() as stack:
            wait = stack.enter_context(_signals())
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, self._leave)
            # Once it is locked, until everything has stopped.
            start_lock = stack.enter_context((self._home / START_LOCK).open("a"))
            stack.callback(self._stop)
            with contextlib.suppress(StoreUnavailable):
                self._store.open()
            idle_since = time.monotonic()
            next_check = 0.0
            touched = 0.0
            while not self._leaving:
                self._keep()
                if self._work is not None:
                    break
                moment = time.monotonic()
                if moment >= next_check:
                    idle_seconds = self._settings.idle_seconds
                    next_check = moment + min(IDLE_CHECK_SECONDS, idle_seconds)
                    if self._needed() or touched != self._touched():
                        touched = self._touched()
                        idle_since = moment
                    elif moment - idle_since >= idle_seconds:
                        self._leaving = self._may_exit(start_lock, touched)
                due = min(next_check, self._due(moment))
                wait(max(due - time.monotonic(), 0.0))
        return self._work

    def _keep(self) -> None:
        """Keep the server and the worker running."""
        started = self._server is not None
        try:
            self._keep_server()
            self._keep_worker()
        except Exception:
            if not started or not self._home.exists():
                raise
            # A full disk, or a limit of processes, is transient.
            log.exception("the server and the worker could not be checked")
            time.sleep(LONGEST_PAUSE / 10)

    def _due(self, moment: float) -> float:
        """When to check again, unless a child ends before that."""
        if self._worker is None:
            return self._worker_due
        own = isinstance(self._server, psutil.Popen)
        return moment + (IDLE_CHECK_SECONDS if own else CHECK_SECONDS)

    def _leave(self, *_: object) -> None:
        self._leaving = True

    def _keep_server(self) -> None:
        if self._server is not None and alive(self._server):
            return
        if self._server is not None:
            log.warning("the server died, restarting it")
        adopted = None if self._starting else self._adopt_server()
        self._server = adopted or self._start_or_reset_server()
        self._write_state()

    def _adopt_server(self) -> psutil.Process | None:
        """The server of an earlier supervisor, if it is running."""
        if not self._socket.exists():
            return None
        try:
            pid = int(self._redis.info("server")["process_id"])
        except (RedisError, OSError):
            self._socket.unlink(missing_ok=True)
            return None
        return psutil.Process(pid)

    def _start_or_reset_server(self) -> psutil.Process:
        dump = self._home / "redis" / "dump.rdb"
        try:
            return self._start_server()
        except ServicesError:
            if not dump.exists():
                raise
        # The store knows which documents are unfinished; Redis can be lost.
        log.warning("the server does not start, so its dump was renamed to *.broken")
        dump.replace(dump.with_suffix(".rdb.broken"))
        return self._start_server()

    def _start_server(self) -> psutil.Process:
        """Start the server; if it does not answer, stop it.

        Raises:
            ServicesError: It ended, or does not answer.
        """
        process, self._starting = self._starting, None
        if process is None:
            command = server_command(self._socket, self._home / "redis")
            process = start(self._home, command, "redis.log")
        answered = False
        try:
            reason = self._wait_until_ready(process)
            answered = reason is None
        finally:
            if not answered:
                with contextlib.suppress(psutil.Error):
                    process.kill()
                ended(process, STOP_SECONDS)
        if reason is not None:
            raise ServicesError(f"the server does not start: {reason}")
        return process

    def _wait_until_ready(self, process: psutil.Process) -> str | None:
        """Wait until a server answers; why it does not, or None."""
        deadline = time.monotonic() + START_SECONDS / 2
        reason = "it does not answer"
        while alive(process):
            try:
                self._redis.ping()
            except (RedisError, OSError) as error:
                reason = f"nothing answers at {self._socket}: {error}"
            else:
                return None
            if time.monotonic() >= deadline:
                return reason
            time.sleep(0.01)
        return last_line(self._home / "logs" / "redis.log")

    def _keep_worker(self) -> None:
        moment = time.monotonic()
        if self._worker is not None and alive(self._worker):
            return
        if self._worker is not None:
            lived = moment - self._worker_started
            short = lived < LONGEST_PAUSE
            self._pause = min(self._pause * 2, LONGEST_PAUSE) if short else FIRST_PAUSE
            self._worker_due = moment + self._pause
            self._worker = None
            log.warning("the worker ended after %.0f s, restarting it", lived)
        if moment < self._worker_due:
            return
        self._worker_started = moment
        if self._load_worker is not None:
            work = self._load_worker()
            # The child leaves this connection alone; the store's are closed by a fork.
            self._redis.connection_pool.disconnect()
            self._worker = fork(self._home, "worker.log")
            if self._worker is None:
                self._work = partial(work, self._url)
            return
        self._worker = start(
            self._home,
            [sys.executable, "-m", "docprogress", "worker"],
            "worker.log",
            DOCPROGRESS_REDIS_URL=self._url,
            **{SUPERVISED: str(os.getpid())},
        )

    def _write_state(self) -> None:
        assert self._server is not None
        services = Services(
            pid=os.getpid(),
            redis_url=self._url,
            redis_pid=self._server.pid,
            workers=self._settings.processes,
            version=__version__,
            started=now().isoformat(timespec="seconds"),
            settings=digests(self._settings),
        )
        path = self._home / "services.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(services)), "utf-8")
        temporary.replace(path)

    def _needed(self) -> bool:
        """Whether there are unfinished documents, or subscribers to progress."""
        try:
            clients = self._redis.client_list()
            watched = any(client.get("name") == CLIENT_NAME for client in clients)
            return watched or self._store.documents.count_unfinished() > 0
        except (RedisError, OSError, DocProgressError) as error:
            log.warning("cannot check whether there is work: %s", redacted(str(error)))
            return True

    def _touched(self) -> float:
        try:
            return (self._home / START_LOCK).stat().st_mtime
        except OSError:
            return 0.0

    def _may_exit(self, start_lock: IO[Any], touched: float) -> bool:
        """Whether to exit: not if a process is just requesting the services."""
        if not self._home.exists():
            return True
        try:
            if not acquire(start_lock):
                return False
        except OSError:
            return False  # a network file system that has no locks for now
        # A process that requests them now waits until everything has stopped, and
        # restarts it.
        if self._touched() == touched and not self._needed():
            return True
        release(start_lock)
        return False

    def _stop(self) -> None:
        if self._work is not None:
            return
        if self._starting is not None:
            # It may not answer yet, and has nothing to save.
            self._starting.terminate()
            ended(self._starting, STOP_SECONDS)
        (self._home / "services.json").unlink(missing_ok=True)
        if self._worker is not None and alive(self._worker):
            self._worker.terminate()
            if not ended(self._worker, STOP_SECONDS):
                for process in (*self._worker.children(recursive=True), self._worker):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
        self._store.close()
        if self._server is not None and alive(self._server):
            self._stop_server(self._server)
        self._socket.unlink(missing_ok=True)

    def _stop_server(self, server: psutil.Process) -> None:
        try:
            self._redis.shutdown(save=True)
        except (RedisError, OSError) as error:
            log.warning("the server cannot save its dump: %s", error)
        if not ended(server, STOP_SECONDS):
            server.kill()
            ended(server, STOP_SECONDS)


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[float], None]]:
    """Yield a function that waits for some seconds, or until a signal.

    The end of a child is such a signal.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def wait(seconds: float) -> None:
        if select.select([reading], [], [], seconds)[0]:
            os.read(reading, 4096)

    try:
        yield wait
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(reading)
        os.close(writing)
