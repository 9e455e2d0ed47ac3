"""Shut a worker down in time: it finishes its documents, or hands them over.

At the first signal Celery stops fetching tasks and waits for running ones, however long
they take. Service managers kill a process after some seconds, so the wait is limited.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
from celery import signals

from docprogress.worker.limits import GRACE_SECONDS, LimitEnforcer

log = logging.getLogger(__name__)

#: Seconds that a step may take to end by itself once the worker is stopped. Together
#: with the grace period and handing back, less than the ten seconds after which Docker
#: kills.
FINISH_SECONDS = 6.0

#: Seconds that handing back may take before the worker exits without it.
HAND_BACK_SECONDS = 2.0


class GracefulShutdown:
    """Limits how long a worker takes to stop.

    Args:
        limits: Stops steps that take too long.
        hand_back: Hands back unfinished documents once all processes have ended; called
            with the number of seconds that may take.
    """

    def __init__(
        self, limits: LimitEnforcer, hand_back: Callable[[float], None]
    ) -> None:
        self._limits = limits
        self._hand_back = hand_back
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """React to signals from now on."""
        signals.worker_shutting_down.connect(self._begin)

    def close(self) -> None:
        """Stop reacting: the worker has stopped."""
        signals.worker_shutting_down.disconnect(self._begin)
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _begin(self, **_: Any) -> None:
        if self._thread is not None:
            return
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, _exit_at_once)
        self._thread = threading.Thread(
            target=self._enforce, name="docprogress-shutdown", daemon=True
        )
        self._thread.start()

    def _enforce(self) -> None:
        if self._stopped.wait(FINISH_SECONDS):
            return
        log.info("handing back unfinished documents")
        try:
            self._limits.stop_all()
            if self._stopped.wait(GRACE_SECONDS):
                return
            _kill_children()
            self._hand_back(HAND_BACK_SECONDS)
        except Exception:
            # The worker exits anyway: recovery finds the rest.
            log.exception("unfinished documents could not be handed back")
        if not self._stopped.is_set():
            # Celery would wait for killed processes.
            os._exit(0)


def _exit_at_once(number: int, _: Any) -> None:
    """Exit at the second signal; recovery finds the documents."""
    _kill_children()
    os._exit(128 + number)


def _kill_children() -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()
