"""Run a worker: Celery's, with limits, recovery and a graceful shutdown."""

import gc
import logging
import os
import select
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from billiard.exceptions import WorkerLostError
from billiard.process import current_process
from celery import Celery, signals
from celery.exceptions import SecurityWarning
from celery.worker.request import Request

from docprogress.bus.bus import Bus
from docprogress.errors import DocProgressError, SettingsError
from docprogress.queueing.celery_app import make_app
from docprogress.queueing.routing import task_queues
from docprogress.queueing.sender import SETTLE_TASK, TASK, Sender
from docprogress.settings import Settings, log_to_stderr
from docprogress.steps import chunk, extract
from docprogress.steps.embed import embedder
from docprogress.storage import Files
from docprogress.store import Store
from docprogress.worker import transports
from docprogress.worker.child import Child
from docprogress.worker.consumer_watchdog import ConsumerWatchdog, WaitingMessages
from docprogress.worker.limits import LimitEnforcer
from docprogress.worker.recovery import Death, Recovery
from docprogress.worker.shutdown import GracefulShutdown

log = logging.getLogger(__name__)

#: Modules that are imported before processes are forked, so that they share them.
PRELOADED = (extract, chunk)

#: Seconds between two checks that the supervisor is alive.
PARENT_SECONDS = 0.5


def run_worker(
    settings: Settings,
    *,
    queues: Sequence[str | None] | None = None,
    concurrency: int | None = None,
    supervisor: int | None = None,
    orphaned: Callable[[], None] = lambda: None,
) -> int:
    """Process documents until a signal; return the exit status.

    At SIGTERM or SIGINT the worker finishes its documents, or hands them to other
    workers within ten seconds. At a second signal it exits at once.

    Args:
        settings: This machine's settings; a run's own settings take precedence.
        queues: The queues to serve; None: the default one.
        concurrency: Processes; None: the setting, or one for each core.
        supervisor: The process that started this one. If it dies, the worker shuts
            down gracefully.
        orphaned: Called before that.

    Raises:
        SettingsError: There is no Redis to work with, or the embedder is unknown.
        StoreError: The database cannot be used.
        BusError: Redis or the broker cannot be reached, or refuses.
    """
    # As root, Celery warns of pickle, which is not accepted here.
    warnings.simplefilter("ignore", SecurityWarning)
    if settings.redis_url is None:
        raise SettingsError(
            "a worker needs a Redis: pass --redis-url, or set DOCPROGRESS_REDIS_URL"
        )
    transports.install()
    _check(settings)
    name = f"{socket.gethostname()}:{os.getpid()}"
    app = make_app(settings)
    limits = LimitEnforcer(memory=settings.worker_memory)
    served = queues or [None]
    sender = Sender(app)
    recovery = Recovery(settings, sender, worker=name, queues=served)
    _add_task(app, settings, name=name, queues=served, limits=limits, recovery=recovery)
    worker = _celery_worker(app, settings, served, concurrency, name)
    waiting = WaitingMessages(settings, sender)
    watchdog = ConsumerWatchdog(worker, waiting)
    shutdown = GracefulShutdown(limits, recovery.close)
    limits.start()
    recovery.start()
    watchdog.start()
    shutdown.watch()
    if supervisor is not None:
        _watch_supervisor(supervisor, orphaned)
    try:
        worker.start()
    finally:
        watchdog.close()
        waiting.close()
        limits.close()
        recovery.close()
        shutdown.close()
    return int(worker.exitcode or 0)


class _Request(Request):  # type: ignore[misc] # Celery is not typed
    """A task's request that reports its start, and its process's death."""

    begun: Callable[[str, float], None]
    died: Callable[[Any, Any], None]

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        super().on_accepted(pid, time_accepted)
        sent_at = self._request_dict.get("sent_at")
        if isinstance(sent_at, int | float):
            type(self).begun(self.delivery_info["routing_key"], sent_at)

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> Any:
        error = exc_info.exception
        error = getattr(
            error, "exc", error
        )  # Celery wraps some, to keep their traceback
        if isinstance(error, WorkerLostError | SystemExit):
            type(self).died(self.args, self.worker_pid)
        return super().on_failure(exc_info, send_failed_event, return_ok)


def _add_task(
    app: Celery,
    settings: Settings,
    *,
    name: str,
    queues: Sequence[str | None],
    limits: LimitEnforcer,
    recovery: Recovery,
) -> None:
    children: list[Child] = []
    parent = os.getpid()

    def started(**_: Any) -> None:
        guard = limits.guard(current_process().index)
        child = Child(settings, worker=name, queues=queues, guard=guard)
        child.watch_parent(parent)
        children.append(child)

    def stopped(**_: Any) -> None:
        while children:
            children.pop().close()

    def died(args: Any, pid: int | None) -> None:
        if limits.stopping:
            return  # handed back once all processes have ended
        reason = limits.reason(pid) if pid else None
        for document_id, attempt in args:
            recovery.process_died(Death(document_id, attempt, pid or 0, reason))

    def process(*documents: tuple[str, int]) -> None:
        children[0].process(documents)

    def settle(*documents: tuple[str, int]) -> None:
        children[0].settle([document_id for document_id, _ in documents])

    def begun(queue: str, sent_at: float) -> None:
        limits.wake()
        recovery.message_started(queue, sent_at)

    hooks = {"begun": staticmethod(begun), "died": staticmethod(died)}
    request = type("Request", (_Request,), hooks)
    app.task(process, name=TASK, ignore_result=True, Request=request)
    app.task(settle, name=SETTLE_TASK, ignore_result=True, Request=request)
    signals.worker_process_init.connect(started, weak=False)
    signals.worker_process_shutdown.connect(stopped, weak=False)
    signals.setup_logging.connect(_set_up_logging, weak=False)


def _celery_worker(
    app: Celery,
    settings: Settings,
    names: Sequence[str | None],
    concurrency: int | None,
    name: str,
) -> Any:
    app.conf.task_queues = task_queues(names)
    # Loaded once, before the fork.  Models are not: their threads do not survive it.
    embedder(settings.model_copy(update={"embedder": "hashing"}))
    # Keep objects that all children share out of garbage collection.
    gc.collect()
    gc.freeze()
    return app.Worker(
        hostname=f"docprogress@{name}",
        pool_cls="prefork",
        concurrency=concurrency or settings.processes,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        optimization="fair",
        max_memory_per_child=settings.worker_memory // 2 // 1024,
        quiet=True,
    )


def _check(settings: Settings) -> None:
    """Check that every service can be used, rather than fail for each document."""
    with Store(settings.database).open():
        pass
    Files(settings.storage, settings.storage_options).check()
    with Bus(settings.redis_url or "") as bus:
        bus.check()
    with Sender.for_settings(settings) as sender:
        sender.check()


def _watch_supervisor(supervisor: int, orphaned: Callable[[], None]) -> None:
    # A process that is forked while another one is being started inherits its pipe and
    # its lock, and would hold both for as long as it runs: forks wait.
    forks = threading.Lock()
    os.register_at_fork(
        before=forks.acquire,
        after_in_parent=forks.release,
        after_in_child=forks.release,
    )

    def watch() -> None:
        _wait_for_end(supervisor)
        log.warning("the supervisor has died")
        try:
            with forks:
                orphaned()
        except DocProgressError as error:
            log.warning("no other supervisor could be started: %s", error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="docprogress-supervisor", daemon=True).start()


def _wait_for_end(parent: int) -> None:
    """Wait until the parent of this process has ended."""
    if hasattr(os, "pidfd_open"):
        with suppress(OSError):
            descriptor = os.pidfd_open(parent)
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                # It may have died before, and its number belong to another process.
                if os.getppid() == parent:
                    poll.poll()
            finally:
                os.close(descriptor)
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)


def _set_up_logging(**_: Any) -> None:
    log_to_stderr()
