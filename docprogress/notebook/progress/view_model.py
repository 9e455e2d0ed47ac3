"""The data of a view: a row for each document, and a summary.

Rows and summary are the values of `Progress` as JSON. Whatever other programs publish,
they contain only valid JSON and texts of limited length.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from heapq import nsmallest
from typing import Any

from docprogress.errors import BusError, DocProgressError
from docprogress.events import ProgressEvent, Status, now
from docprogress.notebook.progress.source import Source
from docprogress.progress.document import GREATEST_COUNT, DocumentProgress
from docprogress.progress.fold import Progress
from docprogress.progress.summary import lacks_text
from docprogress.progress.waiting import shown_message
from docprogress.store import DocumentRow

#: The order in which documents are shown if there are many.
_URGENCY = (
    Status.FAILED,
    Status.CANCELLED,
    Status.PROCESSING,
    Status.QUEUED,
    Status.COMPLETED,
)

#: One document, as the page has it: see `Picture.row`.
Row = dict[str, Any]

#: The maximum number of characters of a text in a row, and of a requested one.
LONGEST_TEXT = 300
LONGEST_DETAIL = 20_000

#: The maximum number of characters of errors in one message.
MOST_ERROR_TEXT = 4_000_000

#: Seconds between two looks for documents that have become silent.
POLL_SECONDS = 0.5

#: The most unfinished documents whose newest events are loaded from Redis.
MOST_LOADED = 1000

#: The maximum number of events of a document's history that are shown.
MOST_EVENTS = 256


class ViewModel:
    """Everything a view shows, as of now.

    Calls hold `lock` only briefly, so any thread may use it.
    """

    def __init__(
        self, source: Source, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._clock = clock
        self.lock = threading.RLock()
        self.progress = Progress(
            expected=source.expected,
            steps={s["name"]: (s["from"], s["to"]) for s in source.steps},
            clock=clock,
        )
        #: How many changes have been applied.
        self.changes = 0
        self._stalled: frozenset[int] = frozenset()
        self._polled_at = float("-inf")
        #: When the connection was lost; None while it is open.
        self.lost_at: datetime | None = None
        # By the row's index, in order of arrival.
        self._ids = dict(enumerate(source.names))
        self._index = {document_id: i for i, document_id in self._ids.items()}
        self._order = list(self._ids)
        # Where documents continue that have no place of their own.
        self._next_index = source.expected

    def __len__(self) -> int:
        return len(self._order)

    @property
    def finished(self) -> bool:
        """Whether every document has finished."""
        with self.lock:
            return self.progress.finished

    @property
    def unfinished(self) -> int:
        """The number of documents that have not finished."""
        with self.lock:
            progress = self.progress
            known = max(len(self), sum(progress.counts.values()))
            return known - progress.ended

    @property
    def ending(self) -> bool:
        """Whether one more final event makes the run seem to have ended."""
        with self.lock:
            progress = self.progress
            known = sum(progress.counts.values())
            return max(known, progress.expected or 0) - progress.ended <= 1

    def refresh_expected(self) -> None:
        """Learn of documents found in others, before the last final event is applied.

        The store has them before their container has ended, whose event may arrive
        before theirs.

        Raises:
            StoreError: The store cannot be reached.
        """
        expected = self._source.refresh_expected()
        with self.lock:
            self.progress.expected = max(self.progress.expected or 0, expected)

    @property
    def ids(self) -> frozenset[str]:
        """The documents that have a row."""
        with self.lock:
            return frozenset(self._index)

    def apply(self, events: Iterable[ProgressEvent]) -> list[int]:
        """Apply events; return the indexes of the rows that changed."""
        with self.lock:
            changed = [
                self._index_of(event.document_id)
                for event in events
                if self.progress.apply(event)
            ]
            self.changes += len(changed)
            if self.progress.partial:
                self.progress.assume(self.progress.counts)
        return changed

    def load(self) -> list[int]:
        """Load the current state; return the indexes of the rows that changed.

        Of many documents, load counts by status and some rows.

        Raises:
            StoreError: The store cannot be reached.
        """
        counts, events = self._source.initial_state()
        with self.lock:
            changed = self.apply(events)
            self.progress.assume(counts)
        return changed

    def load_newest(self) -> list[int]:
        """Load the newest events of unfinished documents, without subscribing.

        Returns:
            The indexes of the rows that changed; none if Redis cannot be reached.
        """
        with self.lock:
            known = self.progress.documents
            unfinished = [
                document_id
                for document_id in self._index
                if document_id not in known or not known[document_id].event.final
            ]
        try:
            events = self._source.newest(unfinished[:MOST_LOADED])
        except BusError:
            return []
        return self.apply(events)

    def recount(self) -> bool:
        """Refresh the counts by status while not all documents are known.

        Raises:
            StoreError: The store cannot be reached.
        """
        if not self.progress.partial:
            return False
        counts = self._source.counts()
        with self.lock:
            if self.progress.partial:
                self.progress.assume(counts)
        return True

    def indexes(self, start: int = 0, limit: int | None = None) -> list[int]:
        """The indexes of rows in order of arrival, from a position on."""
        with self.lock:
            return self._order[start : None if limit is None else start + limit]

    def first_rows(self, limit: int) -> list[Row]:
        """All rows in order; of too many, the most urgent ones."""
        with self.lock:
            if len(self._order) <= limit:
                return self.rows(sorted(self._order))
            return self.rows(nsmallest(limit, self._order, key=self._urgency))

    def ranked_rows(self, limit: int) -> list[Row]:
        """The most urgent rows, failures first, each with its number of pages."""
        with self.lock:
            ranked = nsmallest(limit, self._order, key=self._rank)
            return [self._row(i) | {"pages": self._pages(i)} for i in ranked]

    def stored(self, document_ids: Sequence[str]) -> dict[str, DocumentRow]:
        """The rows of these documents in the store; empty if it cannot be read."""
        try:
            rows = self._source.documents(document_ids)
        except DocProgressError:
            return {}
        return {row.id: row for row in rows}

    @property
    def attach(self) -> str:
        """The expression that shows these documents live, in any notebook."""
        return self._source.attach

    def stalled(self) -> frozenset[int]:
        """The indexes of the running documents that are stalled."""
        with self.lock:
            at = self._clock()
            if at >= self._polled_at + POLL_SECONDS:
                silent = self.progress.stalled_documents
                self._stalled = frozenset(self._index[each.id] for each in silent)
                self._polled_at = at
            # Without a connection, silence does not mean that a document is stalled.
            return self._stalled if self.lost_at is None else frozenset()

    def rows(self, indexes: Iterable[int] | None = None) -> list[Row]:
        """These rows, or all."""
        with self.lock:
            wanted = sorted(self._order) if indexes is None else indexes
            return [self._row(index) for index in wanted]

    def summary(self) -> dict[str, Any]:
        """The totals of all documents."""
        source = self._source
        with self.lock:
            progress = self.progress
            total = max(progress.total, progress.expected or 0)
            counts = progress.counts
            counts[Status.QUEUED] += total - sum(counts.values())
            progress.queue_reason = source.queue_reason
            waiting = progress.waiting_for
            missing = progress.missing_text
            between = progress.remaining_range
            return {
                "title": clean(source.title),
                "run_id": source.run.id if source.run else None,
                "case_id": source.run.case_id if source.run else None,
                "text": progress.summary(),
                "total": total,
                "counts": {status.value: count for status, count in counts.items()},
                "stalled": len(self.stalled()),
                "fraction": progress.fraction,
                "shares": {s.value: share for s, share in progress.shares.items()},
                "elapsed": _rounded(progress.elapsed),
                "remaining": _rounded(left := progress.remaining_seconds),
                **(
                    {"remaining_range": [round(each, 1) for each in between]}
                    if left is None and between
                    else {}
                ),
                "documents_per_second": _rounded(progress.documents_per_second),
                "pages_per_second": _rounded(progress.pages_per_second),
                "pages": progress.pages,
                "steps": source.steps,
                "finished": progress.finished,
                "connected": self.lost_at is None,
                "lost_at": self.lost_at and self.lost_at.isoformat(),
                "actions": source.actions,
                "rows": len(self._order),
                "loading": progress.partial,
                **({"changes": source.changes} if source.changes else {}),
                **({"waiting": clean(waiting)} if waiting else {}),
                **({"missing_text": missing} if missing else {}),
            }

    def search(self, query: str) -> list[str]:
        """The documents in whose texts, however long, all words of a query occur."""
        terms = query.lower().split()
        with self.lock:
            documents = list(self.progress.documents.values())
            names = {each.id: self._name(each) for each in documents}
        found = []
        for document in documents:
            event = document.event
            parts = (
                names[document.id],
                event.message,
                event.error,
                event.worker,
                document.id,
            )
            text = "\n".join(filter(None, parts)).lower()
            if all(term in text for term in terms):
                found.append(document.id)
        return found

    def errors(self, document_ids: Iterable[str]) -> dict[str, str]:
        """The whole errors of documents; of very many, the rest as rows have them."""
        with self.lock:
            found = [self.progress.documents.get(each) for each in document_ids]
        errors, room = {}, MOST_ERROR_TEXT
        for document in filter(None, found):
            if document.event.error:
                longest = LONGEST_DETAIL if room > 0 else LONGEST_TEXT
                errors[document.id] = clean(document.event.error, longest)
                room -= len(errors[document.id])
        return errors

    def details(self, document_id: str) -> dict[str, Any]:
        """The details of one document. This may wait for Redis and the store.

        Raises:
            StoreError: The store cannot be reached.
        """
        source = self._source
        with self.lock:
            row = self._row(self._index[document_id], LONGEST_DETAIL)
            error = row["error"]
        document = source.document(document_id)
        if document is not None and document.status is Status.FAILED:
            error = document.error and clean(document.error, LONGEST_DETAIL)
        seconds = {}
        if document is not None:
            # The newest attempt that did the step comes last.
            seconds = {timing.step: timing for timing in source.timings(document)}
        names = [step["name"] for step in source.steps] or list(seconds)
        steps = []
        for name in names:
            timing = seconds.get(name)
            steps.append(
                {
                    "name": name,
                    "seconds": timing and timing.seconds,
                    "attempt": timing and timing.attempt,
                }
            )
        problem = None
        history: list[ProgressEvent] = []
        try:
            history = source.history(document_id)
        except BusError:
            problem = "Redis cannot be reached: only the store is shown"
        if not history and document is not None:
            history = [document.event()]
        return {
            "type": "details",
            "id": document_id,
            "row": row | {"error": error},
            "steps": steps,
            "history": [_history_entry(event) for event in history[-MOST_EVENTS:]],
            "problem": problem,
        }

    def _index_of(self, document_id: str) -> int:
        """The index of a document's row; a new document gets one."""
        index = self._index.get(document_id)
        if index is None:
            index = self._source.index_of(document_id)
            if index is None or index in self._ids:
                index = max(self._next_index, len(self._order))
                while index in self._ids:
                    index += 1
                self._next_index = index + 1
            self._index[document_id] = index
            self._ids[index] = document_id
            self._order.append(index)
        return index

    def _urgency(self, index: int) -> tuple[int, int]:
        document = self.progress.documents.get(self._ids[index])
        status = Status.QUEUED if document is None else document.status
        return _URGENCY.index(status), index

    def _rank(self, index: int) -> tuple[int, bool, int]:
        """The same; completed documents without text precede the others."""
        urgency, _ = self._urgency(index)
        document = self.progress.documents.get(self._ids[index])
        noted = (
            document is not None
            and document.status is Status.COMPLETED
            and lacks_text(document.event.message) is not None
        )
        return urgency, not noted, index

    def _pages(self, index: int) -> int | None:
        document = self.progress.documents.get(self._ids[index])
        return None if document is None else document.page_count

    def _row(self, index: int, longest: int = LONGEST_TEXT) -> Row:
        document_id = self._ids[index]
        document = self.progress.documents.get(document_id)
        if document is None:
            return self._row_without_events(index, document_id)
        event = document.event
        attempt, most = document.attempt, self._source.attempts
        stalled = self.lost_at is None and document.stalled
        return {
            "index": index,
            "id": document_id,
            "name": clean(self._name(document), longest),
            "status": event.status.value,
            "step": clean(event.step, longest),
            "progress": round(event.progress, 2),
            "message": clean(shown_message(event, now()), longest),
            "error": event.error and clean(event.error, longest),
            "attempt": _plausible(attempt),
            # After a retry, the number of the attempt may exceed the maximum.
            "attempts": most if (attempt or 1) <= (most or 0) else None,
            "current": _plausible(event.current),
            "total": _plausible(event.total),
            "unit": event.unit and clean(event.unit),
            "worker": event.worker and clean(event.worker),
            "elapsed": _rounded(document.elapsed),
            "stalled": stalled,
            "silent": _rounded(document.silent_seconds) if stalled else None,
        }

    def _row_without_events(self, index: int, document_id: str) -> Row:
        """The row of a listed document without events."""
        nothing = dict.fromkeys(
            (
                "error",
                "attempt",
                "attempts",
                "current",
                "total",
                "unit",
                "worker",
                "elapsed",
                "silent",
            )
        )
        return {
            "index": index,
            "id": document_id,
            "name": clean(self._source.names.get(document_id) or document_id),
            "status": Status.QUEUED.value,
            "step": "",
            "progress": 0,
            "message": "No event has arrived yet",
            "stalled": False,
            **nothing,
        }

    def _name(self, document: DocumentProgress) -> str:
        if document.name == document.id:
            return self._source.names.get(document.id) or document.id
        return document.name


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """`text` as valid UTF-8 of limited length."""
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    if text.isascii():
        return text
    return text.encode(errors="replace").decode()


def timestamp() -> str:
    """The current time in the format of messages."""
    return now().isoformat(timespec="milliseconds")


def _history_entry(event: ProgressEvent) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "timestamp": event.timestamp.isoformat(timespec="milliseconds"),
        "attempt": event.attempt,
        "status": event.status.value,
        "step": clean(event.step),
        "progress": event.progress,
        "message": clean(event.message),
    }
    if event.error:
        entry["error"] = clean(event.error, LONGEST_DETAIL)
    return entry


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _plausible(count: int | None) -> int | None:
    """The count if it is plausible, or None."""
    return count if count is not None and 0 <= count <= GREATEST_COUNT else None
