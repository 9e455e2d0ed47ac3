"""Compare what clients were sent with the store, which also has what Redis lost."""

import asyncio
import logging
import operator
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from docprogress.errors import DocProgressError, RunNotFound
from docprogress.events import ProgressEvent
from docprogress.server.executor import BoundedExecutor
from docprogress.server.sse.channel import Channel
from docprogress.server.subjects import Kind
from docprogress.settings import redacted
from docprogress.store import DocumentRow, Store

log = logging.getLogger(__name__)

T = TypeVar("T")

#: How long before the newest change that was read to read again: a transaction may
#: become visible after one that carries a later time.
OVERLAP = timedelta(seconds=10)

#: Events after which other tasks of the event loop get a turn.
YIELD_EVERY = 500


class Reconciler:
    """Reads channels' documents from the store.

    Args:
        store: The store.
        executor: The threads to read it in.
        accept: Called with the event of each row; it ignores older events.
        subscribe: Subscribes to the runs of a channel that has new ones.
        unsubscribe: Unsubscribes from documents and runs, unless others need them.
    """

    def __init__(
        self,
        store: Store,
        executor: BoundedExecutor,
        *,
        accept: Callable[[ProgressEvent], None],
        subscribe: Callable[[Iterable[Channel]], Awaitable[None]],
        unsubscribe: Callable[[Iterable[str], Iterable[str]], Awaitable[None]],
    ) -> None:
        self._store = store
        self._executor = executor
        self._accept = accept
        self._subscribe = subscribe
        self._unsubscribe = unsubscribe

    async def reconcile(self, channels: Iterable[Channel]) -> None:
        """Read the documents of channels that are not cases."""
        channels = list(channels)
        documents = [each for each in channels if each.subject.kind is Kind.DOCUMENT]
        if documents:
            ids = [channel.subject.id for channel in documents]
            events = await self.read(
                lambda: self._store.documents.current_events(documents=ids)
            )
            if events is not None:
                await self._accept_all(events)
                for channel in documents:
                    channel.missing = not channel.documents
                    channel.wake_clients()
        for channel in channels:
            if channel.subject.kind is Kind.RUN:
                await self._reconcile_run(channel)

    async def reconcile_case(self, channel: Channel) -> None:
        """Read the new documents of a case, and subscribe to its unfinished runs."""
        unfinished = [
            document_id
            for document_id, state in channel.documents.items()
            if not state.frame.final
        ]
        known = frozenset(channel.documents)
        rows = await self.read(
            lambda: _read_case(
                self._store,
                channel.subject.id,
                channel.stored_until,
                known,
                unfinished,
            )
        )
        if rows is None or channel.removed:
            return
        channel.stored_until = max(
            (row.updated_at for row in rows), default=channel.stored_until
        )
        ended = [row for row in rows if row.status.final]
        running = [row for row in rows if not row.status.final]
        before, channel.runs = channel.runs, {row.run_id for row in running}
        await self._accept_all(row.event() for row in ended)
        if not channel.runs <= before:
            await self._subscribe([channel])
        # Redis has newer events of these, which have been received just now.
        await self._accept_all(row.event() for row in running)
        if not before <= channel.runs:
            await self._unsubscribe([], before - channel.runs)

    async def read(self, function: Callable[[], T]) -> T | None:
        """Call a function in a thread; None, with a warning, if the store is down."""
        try:
            return await self._executor.run(function)
        except DocProgressError as error:
            log.warning("the store did not respond: %s", redacted(str(error)))
            return None

    async def _reconcile_run(self, channel: Channel) -> None:
        """Read the changes of a run; read all of it where the counts do not add up."""
        before = channel.stored_counts
        found = await self._read_run(channel)
        if found is not None and channel.stored_until is not None:
            known = len(channel.documents), channel.ended
            # Events received since may have made these larger than the store's.
            behind = any(map(operator.lt, known, found.counts))
            if behind or known != found.counts == before:
                # A writer whose clock is slow has stored a change under an older time.
                channel.stored_until = None
                found = await self._read_run(channel)
        if found is None:
            return
        if found.expected is not None:
            channel.expected = found.expected
        channel.confirmed = True
        channel.missing = found.expected is None and not channel.documents
        channel.wake_clients()

    async def _read_run(self, channel: Channel) -> "_RunRows | None":
        found = await self.read(
            lambda: _read_run(self._store, channel.subject.id, channel.stored_until)
        )
        if found is not None:
            await self._accept_all(row.event() for row in found.rows)
            changed = (row.updated_at for row in found.rows)
            channel.stored_until = max(changed, default=channel.stored_until)
            channel.stored_counts = found.counts
        return found

    async def _accept_all(self, events: Iterable[ProgressEvent]) -> None:
        for count, event in enumerate(events, 1):
            self._accept(event)
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)


class _RunRows(NamedTuple):
    """The rows of a run in the store."""

    rows: list[DocumentRow]
    #: The number of documents, and of those in a final state.
    counts: tuple[int, int]
    #: How many documents there will be; None if there is no such run.
    expected: int | None


def _read_run(store: Store, run_id: str, since: datetime | None) -> _RunRows:
    """The documents of a run that changed since then; all of them if it is None."""
    try:
        expected = store.runs.get(run_id).expected
    except RunNotFound:
        expected = None
    counts = store.documents.counts(run_id)
    ended = sum(count for status, count in counts.items() if status.final)
    if since is None:
        rows = store.documents.find(run_id)
    else:
        rows = store.documents.changes(run_id, since - OVERLAP)
    return _RunRows(rows, (sum(counts.values()), ended), expected)


def _read_case(
    store: Store,
    case_id: str,
    since: datetime | None,
    known: frozenset[str],
    unfinished: Iterable[str],
) -> list[DocumentRow]:
    """The documents of a case that changed since then, and all unfinished ones.

    Args:
        store: The store.
        case_id: The case.
        since: The newest change that is known; None to read all.
        known: The documents that are known.
        unfinished: Those of them that are not known to have ended.
    """
    documents = store.documents
    if since is None:
        return documents.in_case(case_id)
    rows = {row.id: row for row in documents.in_case(case_id, since=since - OVERLAP)}
    if documents.count_in_case(case_id) > len(known | rows.keys()):
        # One was added under an older time, by a writer whose clock is slow.
        return documents.in_case(case_id)
    missing = [each for each in unfinished if each not in rows]
    return [*documents.find(ids=missing), *rows.values()]
