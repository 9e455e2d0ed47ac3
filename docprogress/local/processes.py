"""Child processes of the supervisor: started by a command, or forked from it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from docprogress.local.logs import log_file

#: Signals whose handlers a forked process gets back from its parent's.
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

#: Whether a process that has loaded libraries can be forked. On macOS the system's
#: frameworks may abort the child.
FORKS = sys.platform.startswith("linux")


class ForkedProcess(psutil.Process):
    """A child of this process that was forked."""

    def poll(self) -> int | None:
        """The exit status once it has ended, else None."""
        try:
            return self.wait(0) or 0
        except psutil.TimeoutExpired:
            return None


def start(home: Path, command: list[str], log_name: str, **more: str) -> psutil.Popen:
    """Start a command in its own session, with a log in the home folder."""
    with log_file(home / "logs" / log_name) as output:
        return psutil.Popen(
            command,
            env=os.environ | more,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def fork(home: Path, log_name: str) -> ForkedProcess | None:
    """Fork this process, as if a command had been started; None in the child.

    The caller must have one thread. The child has to leave everything that it shares
    with its parent: open locks, pipes and connections.
    """
    with log_file(home / "logs" / log_name) as output:
        sys.stdout.flush()
        sys.stderr.flush()
        with _signals_blocked():
            pid = os.fork()
            if pid:
                return ForkedProcess(pid)
            os.setsid()
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.set_wakeup_fd(-1)
            for descriptor in (1, 2):
                os.dup2(output.fileno(), descriptor)
    return None


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; a child that has ended is reaped."""
    if isinstance(process, psutil.Popen | ForkedProcess):
        return process.poll() is None
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def ended(process: psutil.Process, seconds: float) -> bool:
    """Wait for the end of a process; whether it came in time."""
    deadline = time.monotonic() + seconds
    while alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Have a signal meet the handlers of the process that it was sent to."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
