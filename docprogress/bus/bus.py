"""Publish and subscribe to progress events over Redis."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

import redis
from redis.exceptions import RedisError

from docprogress.bus.connection import COMMAND_SECONDS, batched
from docprogress.bus.connection_errors import translate_error
from docprogress.bus.fork_safety import ForkSafeClient
from docprogress.bus.history import History
from docprogress.bus.keys import (
    cancel_key,
    counts_key,
    document_channel,
    passwords_key,
    run_channel,
    waiting_key,
)
from docprogress.bus.publisher import Published, Publisher
from docprogress.bus.subscription import Reconcile, Subscription
from docprogress.errors import BusError
from docprogress.events import ProgressEvent, Status, now
from docprogress.settings import redacted


class Bus:
    """Publish and subscribe over one Redis.

    Args:
        url: `redis://`, `rediss://`, `redis+sentinel://` or `unix://`.
        remember_seconds: How long Redis keeps a document after its last event.
    """

    def __init__(self, url: str, *, remember_seconds: float = 7 * 24 * 3600) -> None:
        self._url = url
        self._retention_ms = round(remember_seconds * 1000)
        self._client = ForkSafeClient(url)
        self._history = History(self._client)
        self._publisher = self.new_publisher()

    def __repr__(self) -> str:
        return f"Bus({redacted(self._url)!r})"

    @property
    def redis(self) -> redis.Redis:
        """The client, which any number of threads may use.

        A forked process gets a client of its own.
        """
        return self._client.client

    def new_publisher(self) -> Publisher:
        """A publisher with its own connection, which the caller closes."""
        return Publisher(self._client, retention_ms=self._retention_ms)

    def clone(self) -> "Bus":
        """Another bus for the same Redis, with connections of its own."""
        return Bus(self._url, remember_seconds=self._retention_ms / 1000)

    @property
    def identity(self) -> tuple[str, int]:
        """Equal for buses that publish in the same way to the same Redis."""
        return self._url, self._retention_ms

    def publish(
        self, event: ProgressEvent, *, only_if_queued: bool = False
    ) -> Published:
        """Publish an event and store it as the document's current state.

        Args:
            event: The document's state.
            only_if_queued: Reject it once a worker has published for this attempt.

        Raises:
            Superseded: A later attempt has begun, this one has ended, or it is no
                longer queued.
            BusError: Redis cannot be reached, or refuses.
        """
        return self._publisher.publish(event, only_if_queued=only_if_queued)

    def publish_all(
        self, events: Sequence[ProgressEvent], *, only_if_queued: bool = False
    ) -> None:
        """Publish many events, waiting for Redis once per few hundred.

        Superseded events are skipped.

        Args:
            events: The documents' states.
            only_if_queued: Skip documents that a worker has published events for since.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        self._publisher.publish_all(events, only_if_queued=only_if_queued)

    def history(
        self, document_id: str, *, since: str | None = None
    ) -> list[ProgressEvent]:
        """The events that Redis keeps of a document, oldest first.

        Args:
            document_id: The document's id.
            since: Start at the event with this id, inclusive.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        return self._history.events(document_id, since=since)

    def newest(self, document_ids: Sequence[str]) -> dict[str, ProgressEvent]:
        """The newest event that Redis keeps of each document, where there is one.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        return self._history.newest(document_ids)

    def counts(self, run_id: str) -> dict[Status, int]:
        """How many documents of a run have each status, by their newest events.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        return self._history.counts(run_id)

    def request_cancel(self, attempts: Mapping[str, int]) -> None:
        """Ask the workers to stop these attempts when they next publish.

        Args:
            attempts: The attempt to stop, by document id.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        pipe = self.redis.pipeline(transaction=False)
        for document_id, attempt in attempts.items():
            pipe.set(cancel_key(document_id), attempt, px=self._retention_ms)
        try:
            pipe.execute()
        except (RedisError, OSError) as error:
            raise translate_error(error) from error

    def forget(self, document_ids: Sequence[str], *, run_id: str | None = None) -> int:
        """Delete the keys of these documents, and of a run; returns how many.

        Raises:
            BusError: Redis cannot be reached, or refuses.
        """
        kinds = (document_channel, cancel_key, waiting_key)
        keys = [key(d) for d in document_ids for key in kinds]
        if run_id:
            keys += [run_channel(run_id), counts_key(run_id), passwords_key(run_id)]
        try:
            unlinked: list[Any] = [self.redis.unlink(*batch) for batch in batched(keys)]
            return sum(unlinked)
        except (RedisError, OSError) as error:
            raise translate_error(error) from error

    def check(self) -> None:
        """Try every operation once, with a document without subscribers.

        Raises:
            BusRefused: Redis wants another password, certificate or permission.
            BusError: Redis cannot be reached.
        """
        name = f"check-{secrets.token_hex(8)}"
        event = ProgressEvent(
            document_id=name,
            status=Status.QUEUED,
            step="",
            progress=0,
            message="Check",
            timestamp=now(),
            run_id=name,
        )
        try:
            self.redis.ping()
            self.publish(event)
            self.request_cancel({name: 1})
            self.history(name)
            with self.redis.pubsub() as pubsub:  # type: ignore[no-untyped-call]
                pubsub.subscribe(document_channel(name), run_channel(name))
                pubsub.get_message(timeout=COMMAND_SECONDS)
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        finally:
            with suppress(BusError):
                self.forget([name], run_id=name)

    def subscribe(
        self,
        documents: Iterable[str] = (),
        *,
        runs: Iterable[str] = (),
        since: str | None = None,
        reconcile: Reconcile | None = None,
        final_only: bool = False,
        pause: Callable[[], None] | None = None,
    ) -> Subscription:
        """The current state of documents and runs, then every update.

        The state of a run arrives a few hundred documents at a time, in no particular
        order, with updates in between.

        Use it as ``async with bus.subscribe(["a"]) as events``: leaving the block
        closes the connection, a bare ``break`` does not.

        Args:
            documents: Document ids.
            runs: Run ids.
            since: The id of the last event seen, for a single document: replay what
                followed it, if Redis still has that, instead of the current state.
            reconcile: Called on every connection and every few seconds with what was
                delivered; the newer events it returns are delivered too, although
                they never reached Redis.
            final_only: Skip the intermediate events of first attempts without decoding
                them. The current state, and later attempts, are delivered in full.
            pause: Called after each message that was waited for, so that further ones
                accumulate. It blocks the event loop, which must have no other use.
        """
        return Subscription(
            self._url,
            documents=tuple(dict.fromkeys(documents)),
            runs=tuple(dict.fromkeys(runs)),
            since=since,
            reconcile=reconcile,
            final_only=final_only,
            pause=pause,
        )

    def close(self) -> None:
        """Close all connections; a later use opens new ones."""
        self._publisher.close()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
