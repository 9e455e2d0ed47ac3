"""The connections of one pipeline: store, files, Redis, broker and local services.

Runs, streams, submissions and deletions use them without knowing the `Pipeline`.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from functools import partial
from weakref import WeakValueDictionary

from redis.exceptions import RedisError

from docprogress import local
from docprogress.bus import passwords
from docprogress.bus.bus import Bus
from docprogress.bus.connection_errors import translate_error
from docprogress.bus.fork_safety import renew_after_fork
from docprogress.bus.redis_url import unix_url
from docprogress.client.hooks import RunObserver, waiting
from docprogress.errors import BusError, BusRefused, ServicesError
from docprogress.queueing.availability import mark_unserved
from docprogress.queueing.batching import MessageBatcher
from docprogress.queueing.sender import Sender
from docprogress.reporting.process_buffer import publish_later
from docprogress.settings import Settings
from docprogress.sinks.location import locate
from docprogress.storage import Files
from docprogress.store import DocumentRow, RunRow, Store

log = logging.getLogger(__name__)

#: Seconds between two checks whether the local services are running.
REVIVE_SECONDS = 1.0


class RunObservers(list[RunObserver]):
    """The observers of the runs in one Redis and database."""

    __slots__ = ("__weakref__",)


_observers: WeakValueDictionary[tuple[str, str], RunObservers] = WeakValueDictionary()
_observers_lock = threading.Lock()


def _observers_of(redis_url: str, database: str) -> RunObservers:
    with _observers_lock:
        return _observers.setdefault((redis_url, database), RunObservers())


class Connections:
    """Everything that a pipeline is connected to, opened once and closed together.

    Args:
        settings: Where the services are.
        start: Whether to start local services now, or to try Redis and the broker,
            rather than when they are first needed.
    """

    def __init__(self, settings: Settings, *, start: bool = True) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._bus: Bus | None = None
        self._sender: Sender | None = None
        self._inherited: Sender | None = None
        renew_after_fork(self)
        self._revived_at = float("-inf")
        if settings.local:
            local.prepare(settings.home)
            if start:
                self._start(settings)
        elif start:
            self._check()
        #: Notified of retries and waits of this pipeline's runs. Pipelines of this
        #: process with the same Redis and database share them.
        self.observers = _observers_of(self.redis_url, settings.database)
        self.store = Store(settings.database).open()
        self.files = Files(settings.storage, settings.storage_options)
        self._batcher = MessageBatcher(self.store, processes=settings.processes)

    @staticmethod
    def _start(settings: Settings) -> None:
        if local.status(settings.home) is not None:
            local.up(settings)
            return
        with waiting("Starting workers…"):
            local.up(settings)

    @property
    def redis_url(self) -> str:
        """The URL of Redis, which may be a local service's socket."""
        if self.settings.redis_url is not None:
            return self.settings.redis_url
        return unix_url(local.socket_path(self.settings.home))

    @property
    def bus(self) -> Bus:
        """The bus; local services are started if they are gone.

        That is checked every `REVIVE_SECONDS` at most.
        """
        if time.monotonic() >= self._revived_at + REVIVE_SECONDS:
            self.revive()
        return self._open_bus()

    def bus_to_look_back(self) -> Bus:
        """A separate bus that does not start local services."""
        return Bus(self.redis_url)

    @property
    def sender(self) -> Sender:
        """The connection to the broker."""
        with self._lock:
            if self._sender is None:
                settings = self.settings.model_copy(
                    update={"redis_url": self.redis_url}
                )
                self._sender = Sender.for_settings(settings)
            return self._sender

    def observe(self, observer: RunObserver) -> None:
        """Notify an observer from now on; adding it again has no effect."""
        if observer not in self.observers:
            self.observers.append(observer)

    def revive(self) -> None:
        """Start local services if they have stopped.

        Raises:
            ServicesError: They cannot be started.
        """
        if self.settings.local:
            local.up(self.settings)
        self._revived_at = time.monotonic()

    def reach(self) -> None:
        """Start local services, or try whether Redis answers.

        Raises:
            BusError: It does not.
            ServicesError: Local services cannot be started.
        """
        self.revive()
        try:
            self.bus.redis.ping()
        except (RedisError, OSError) as error:
            raise translate_error(error) from error

    def send_tasks(
        self, rows: Sequence[DocumentRow], *, first: int = 1, coming: int = 0
    ) -> None:
        """Send documents to the workers.

        If the broker is unreachable, a worker finds them in the store later.

        Args:
            rows: The documents.
            first: The position of the first one among those submitted together.
            coming: How many more will follow.

        Raises:
            BusRefused: The broker wants another password, certificate or permission.
        """
        try:
            self.sender.send(self._batcher.batch(rows, first=first, coming=coming))
        except BusRefused:
            raise
        except BusError as error:
            log.warning("documents will be sent later: %s", error)

    def publish_states(
        self, rows: Iterable[DocumentRow], *, only_if_queued: bool = False
    ) -> None:
        """Publish the state of documents; without Redis, watchers read the store.

        Args:
            rows: The documents.
            only_if_queued: Skip those that a worker has published for in the meantime.
        """
        if not self.settings.events_per_second:
            return
        events = [row.event() for row in rows]
        try:
            self.bus.publish_all(events, only_if_queued=only_if_queued)
        except (BusError, ServicesError) as error:
            log.warning("progress will be published later: %s", error)
            publish_later(self._open_bus(), events)

    def share_passwords(self, run_id: str, given: Sequence[str]) -> None:
        """Send passwords for encrypted documents to the workers of a run.

        Raises:
            BusError: Redis cannot be reached.
            RunNotFound: There is no such run.
        """
        if given:
            key = self.store.runs.encryption_key(run_id)
            passwords.store(self.bus.redis, run_id, key, given)

    def share_sink(self, run: RunRow) -> None:
        """Send the secrets of the sink setting to the workers of a run.

        Raises:
            BusError: Redis cannot be reached.
        """
        public = run.settings.get("sink")
        if public is None or self.settings.sink is None:
            return
        location = locate(self.settings.sink)
        if location.public == public != location.url:
            key = self.store.sinks.encryption_key(public, make=True)
            passwords.store_sink(self.bus.redis, public, key or "", location.url)

    def mark_unserved(self, run_id: str) -> None:
        """State in a run's queued documents that no worker serves their queue.

        Local services always have a worker.

        Raises:
            StoreError: The store cannot be reached.
            BusError: Redis cannot be reached.
        """
        if not self.settings.local:
            publish = partial(self.publish_states, only_if_queued=True)
            mark_unserved(self.store, self.bus.redis, publish, run_id=run_id)

    def after_fork(self) -> None:
        """Leave the lock, and the connection to the broker, to the parent process."""
        self._lock = threading.RLock()
        if self._sender is not None:
            # Kept: garbage collection might close the parent's connection.
            self._inherited = self._sender
            self._sender = None

    def close(self) -> None:
        """Close all connections; runs and local services continue."""
        self._disconnect()
        self.store.close()

    def _open_bus(self) -> Bus:
        with self._lock:
            if self._bus is None:
                self._bus = Bus(
                    self.redis_url, remember_seconds=self.settings.remember_seconds
                )
            return self._bus

    def _check(self) -> None:
        """Raise now if Redis or the broker refuses; they may be unreachable."""
        try:
            self.bus.check()
            self.sender.check()
        except BusRefused:
            self._disconnect()
            raise
        except BusError as error:
            log.warning("%s", error)

    def _disconnect(self) -> None:
        with self._lock:
            if self._bus is not None:
                self._bus.close()
                self._bus = None
            if self._sender is not None:
                self._sender.close()
                self._sender = None
