"""The process that runs the local services of a home folder: `-m docprogress.daemon`.

It detaches from its starter, starts the server, loads everything that a worker needs
while the server starts, and forks the worker, which shares what is loaded. So nothing
is loaded twice, and a worker that replaces one that died starts at once.
"""

import gc
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from docprogress.errors import DocProgressError
from docprogress.local.home import SUPERVISOR_LOCK
from docprogress.local.lock import acquire
from docprogress.settings import Settings, load, log_to_stderr, redacted

if TYPE_CHECKING:
    import psutil


def main() -> int:
    """Become the supervisor of the home folder that the environment names."""
    # Imported modules stay: collecting garbage among them takes a sixth of the time.
    gc.disable()
    log_to_stderr()
    try:
        settings = load()
        with (settings.home / SUPERVISOR_LOCK).open("a") as lock:
            # A process that checks the lock holds it for a moment.
            if not acquire(lock, seconds=1.0):
                return 0
            if os.fork():
                # The starter waits for this process, and is left with no child.
                os._exit(0)
            try:
                work = _supervise(settings)
            except (DocProgressError, OSError) as error:
                # Before the lock is released: the starter reads the log then.
                return _report(error)
        # In a forked worker, which has no part in the lock.
        status = 0 if work is None else work()
    except (DocProgressError, OSError) as error:
        status = _report(error)
    # The interpreter would collect everything that is loaded on exit.
    gc.freeze()
    return status


def _supervise(settings: Settings) -> Callable[[], int] | None:
    """Supervise until the end; in a forked worker, return the function it must run."""
    server = _server(settings)
    try:
        # Loaded while the server starts.
        from docprogress.local.processes import FORKS
        from docprogress.local.supervisor import Supervisor
    except BaseException:
        if server is not None:
            server.kill()
        raise
    if FORKS:
        return Supervisor(settings, server=server, load_worker=_load_worker).run()
    gc.enable()
    return Supervisor(settings, server=server).run()


def _server(settings: Settings) -> "psutil.Popen | None":
    """Start the server, unless an earlier supervisor's may be running."""
    from docprogress.local.processes import start
    from docprogress.local.valkey import server_command, socket_path

    socket = socket_path(settings.home)
    if socket.exists():
        return None
    command = server_command(socket, settings.home / "redis")
    return start(settings.home, command, "redis.log")


def _load_worker() -> Callable[[str], int]:
    """Load what workers need; return what one does, given the URL of its Redis."""
    import docprogress.worker.main  # noqa: F401

    gc.freeze()
    gc.enable()
    return partial(_work, os.getpid())


def _work(supervisor: int, redis_url: str) -> int:
    from docprogress.local import revive
    from docprogress.worker.main import run_worker

    sys.argv[:] = ["docprogress", "worker"]
    os.environ["DOCPROGRESS_REDIS_URL"] = redis_url
    settings = load()
    # If the supervisor dies, its worker starts another one.
    orphaned = partial(revive, settings)
    return run_worker(settings, supervisor=supervisor, orphaned=orphaned)


def _report(error: Exception) -> int:
    """Log why the process ends, and return its exit status."""
    import logging

    logging.getLogger(__name__).error("%s", redacted(str(error)))
    return 1


if __name__ == "__main__":
    sys.exit(main())
