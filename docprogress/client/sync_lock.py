"""The lock that a process holds while it synchronizes a folder."""

import logging
import os
import secrets
import socket
import threading
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Self

import psutil

from docprogress.errors import DocProgressError, SyncBusy
from docprogress.settings import redacted
from docprogress.store.source_rows import Lock, SourceRow
from docprogress.store.sources import LOCK_SECONDS, Sources

log = logging.getLogger(__name__)


class SyncLock:
    """Holds the lock of a source, and renews it.

    Raises:
        SyncBusy: Another process holds it.
    """

    def __init__(self, sources: Sources, source: SourceRow) -> None:
        self._sources = sources
        self._source = source
        self.lock = Lock(source.id, _owner())
        self._ended = threading.Event()
        self._lost: SyncBusy | None = None
        self._thread = threading.Thread(
            target=self._renew, name="docprogress-sync", daemon=True
        )

    def __enter__(self) -> Self:
        held = self._source.lock_owner
        gone = [held] if held is not None and not _is_alive(held) else []
        try:
            self._sources.lock(self.lock, instead_of=gone)
        except SyncBusy:
            raise SyncBusy(self._busy()) from None
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(DocProgressError):
            self._sources.unlock(self.lock)

    def check(self) -> None:
        """Raise if the lock was lost.

        Raises:
            SyncBusy: Another process has taken it: this one was suspended.
        """
        if self._lost is not None:
            raise self._lost

    def _renew(self) -> None:
        while not self._ended.wait(LOCK_SECONDS / 4):
            try:
                self._sources.renew(self.lock)
            except SyncBusy as error:
                self._lost = error
                return
            except DocProgressError as error:
                log.warning(
                    "the lock could not be renewed, retrying: %s", redacted(str(error))
                )

    def _busy(self) -> str:
        source = self._sources.get(self._source.root, self._source.case_id)
        owner = source.lock_owner if source else None
        if owner is None:
            return f"{self._source.root} was synchronized just now; try again"
        host, pid, *_ = owner.split("|")
        return (
            f"{self._source.root} is being synchronized by process {pid} on {host}; "
            "try again when it has ended"
        )


def _owner() -> str:
    """A name for one holder of a lock, which says whether its process is alive."""
    process = psutil.Process()
    parts = (socket.gethostname(), process.pid, process.create_time(), _machine())
    return "|".join(map(str, (*parts, secrets.token_hex(4))))


def _is_alive(owner: str) -> bool:
    """Whether a holder's process may be alive; only this machine's can be asked."""
    try:
        _, pid, created, machine, _ = owner.split("|")
        if machine != _machine():
            return True
        return psutil.Process(int(pid)).create_time() == float(created)
    except psutil.NoSuchProcess:
        return False
    except (ValueError, psutil.Error):
        return True


def _machine() -> str:
    """This machine, since it was started, and its namespace of processes."""
    namespace = ""
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path
    booted = datetime.fromtimestamp(psutil.boot_time()).astimezone()
    return f"{socket.gethostname()} {booted:%Y%m%d%H} {namespace}"
