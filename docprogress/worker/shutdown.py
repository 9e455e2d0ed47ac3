"""Ends a worker in good time: it finishes what it is at, or another one does.

Celery stops taking tasks at the first signal, and waits for those that run, however
long that takes.  Here it takes no longer than whoever stops services allows.
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

#: Seconds that a step is given to end by itself once the worker is to stop.  With
#: the warden's grace and what it takes to hand back, less than the ten seconds after
#: which Docker kills.
FINISH_SECONDS = 6.0

#: Seconds that handing back may take, until the worker leaves without.
HAND_BACK_SECONDS = 2.0


class GracefulShutdown:
    """Sees to it that a worker that is told to stop does so.

    Args:
        warden: Has steps stopped that take too long.
        hand_back: Gives back what is left once no process works any more; it is
            given how many seconds that may take.
    """

    def __init__(
        self, warden: LimitEnforcer, hand_back: Callable[[float], None]
    ) -> None:
        self._warden = warden
        self._hand_back = hand_back
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """From now on, be there when a signal comes."""
        signals.worker_shutting_down.connect(self._begin)

    def close(self) -> None:
        """The worker has stopped."""
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
            target=self._see_to_it, name="docprogress-shutdown", daemon=True
        )
        self._thread.start()

    def _see_to_it(self) -> None:
        if self._stopped.wait(FINISH_SECONDS):
            return
        log.info("what is not finished is handed back")
        try:
            self._warden.stop_all()
            if self._stopped.wait(GRACE_SECONDS):
                return
            _kill_children()
            self._hand_back(HAND_BACK_SECONDS)
        except Exception:
            # Whatever goes wrong, this worker ends: what is left is found lost.
            log.exception("what is not finished could not be handed back")
        if not self._stopped.is_set():
            # Celery goes on waiting for what was killed.
            os._exit(0)


def _exit_at_once(number: int, _: Any) -> None:
    """Leave at the second signal: what is lost is tried again elsewhere."""
    _kill_children()
    os._exit(128 + number)


def _kill_children() -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()
