"""Decides what to send to a page next, and when.

A message contains what has changed since the last one, at most ten times a second.
Every few seconds a message asks to be acknowledged once it is painted, so that a page
that is slow or does not answer gets one larger message a second. Not every message
asks, because JupyterLab shows the kernel as busy for each answer. Some rows are
repeated in full from time to time, so that a page that missed something recovers even
if it cannot ask.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from docprogress.events import Status
from docprogress.notebook.progress.view_model import Row, ViewModel, timestamp

#: Something that is sent to the page, or came from it.
Message = dict[str, Any]

#: The minimum seconds between two messages of any kind, and between two deltas.
SHORTEST_GAP = 1 / 14
DELTA_GAP = 0.1

#: Seconds that a page may take to paint what it was asked about, before it counts as
#: slow; and between two messages to a page that is.
SLOW_SECONDS = 1.0

#: Seconds between two messages that ask to be acknowledged.
ACK_SECONDS = 5.0

#: The maximum number of seconds between two heartbeats, and the rows that each repeats.
HEARTBEAT = 2.0
REPEATED_ROWS = 100

#: How far, in seconds, the page's own count of the elapsed may be off.
CLOCK_DRIFT = 0.5

#: The maximum number of rows of one message: what a page paints without a pause.
MOST_ROWS = 1000

#: The maximum number of replies that wait to be sent: the older ones are dropped.
MOST_REPLIES = 50

#: Fields that the page advances between messages.
_CLOCKS = ("elapsed", "silent")


class UpdateScheduler:
    """The pending changes of one session. One thread owns it, except for `snapshot`."""

    def __init__(
        self, view_model: ViewModel, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.session = secrets.token_hex(8)
        self.seq = 0
        self._view_model = view_model
        self._clock = clock
        # The state of each running row that the page has, and when it was sent. Other
        # rows are not kept: if they change, they are sent in full.
        self._sent: dict[int, tuple[Row, float]] = {}
        self._sent_rows: set[int] = set()
        self._changed: set[int] = set()
        # Rows that were never sent, in order of arrival.
        self._new: dict[int, None] = {}
        self._replies: deque[Message] = deque(maxlen=MOST_REPLIES)
        self._full_requested = False
        self._summary_changed = False
        self._sent_at = self._delta_at = self._heartbeat_at = -SLOW_SECONDS
        self._next_repeated = 0
        # The last request for an acknowledgement: whether it was answered, and when.
        self._acknowledged = True
        self._ack_seq = 0
        self._ack_requested_at = -ACK_SECONDS
        #: Whether a page has ever acknowledged a message.
        self.page_seen = False
        # When the end was sent; None until then.
        self._ended_at: float | None = None

    def mark_changed(self, indexes: Iterable[int]) -> bool:
        """Note that these rows have changed; return whether nothing was pending."""
        idle = not self._changed and not self._new
        for index in indexes:
            if index in self._sent_rows:
                self._changed.add(index)
            else:
                self._new[index] = None
        return idle

    def mark_summary_changed(self) -> None:
        """Note that the summary has changed although no row has."""
        self._summary_changed = True

    def request_full(self) -> None:
        """Send everything again."""
        self._full_requested = True

    def queue_reply(self, message: Message) -> None:
        """Send an additional message as soon as possible."""
        self._replies.append(message)

    def acknowledge(self, message: Message) -> None:
        """Note that the page has painted a message."""
        if message.get("session") == self.session:
            self.page_seen = True
            seq = message.get("seq")
            self._acknowledged |= isinstance(seq, int) and seq >= self._ack_seq

    @property
    def end_delivered(self) -> bool:
        """Whether the end was sent, and painted if a page paints at all."""
        if self._ended_at is None or self._replies or self._changed:
            return False
        late = self._clock() >= self._ended_at + SLOW_SECONDS
        return self._acknowledged or late or not self.page_seen

    def seconds_until_due(self) -> float:
        """Seconds until the next message is due; 0 or less if it is."""
        due = self._heartbeat_at + HEARTBEAT
        if self._replies or self._end_undelivered():
            due = self._sent_at
        elif self._full_requested:
            due = min(due, self._delta_at + DELTA_GAP)
        elif self._changed or self._new or self._summary_changed:
            due = min(due, self._delta_at + self._gap(self._clock()))
        elif self._ended_at is not None and not self._acknowledged:
            due = min(due, self._ended_at + SLOW_SECONDS)
        return max(due, self._sent_at + SHORTEST_GAP) - self._clock()

    def next_message(self) -> Message | None:
        """The message to send now; None if nothing is due."""
        at = self._clock()
        if at < self._sent_at + SHORTEST_GAP:
            return None
        if self._due(at):
            self._sent_at = self._delta_at = at
            return self._full(at) if self._full_requested else self._delta(at)
        if self._replies:
            self._sent_at = at
            return self._replies.popleft()
        return None

    def snapshot(self) -> Message:
        """The current state, for a page that has just been loaded; thread-safe."""
        with self._view_model.lock:
            summary = self._view_model.summary()
            rows = self._view_model.first_rows(MOST_ROWS)
            summary["loading"] |= len(rows) < summary["rows"]
            summary["rows"] = len(rows)
            return {
                "session": self.session,
                "seq": self.seq,
                "at": timestamp(),
                "summary": summary,
                "rows": rows,
            }

    def _due(self, at: float) -> bool:
        if self._end_undelivered() or at >= self._heartbeat_at + HEARTBEAT:
            return True
        if self._full_requested:
            return at >= self._delta_at + DELTA_GAP
        due = at >= self._delta_at + self._gap(at)
        return due and (bool(self._changed or self._new) or self._summary_changed)

    def _gap(self, at: float) -> float:
        """The minimum seconds between two deltas."""
        slow = not self._acknowledged and at >= self._ack_requested_at + SLOW_SECONDS
        return SLOW_SECONDS if slow else DELTA_GAP

    def _end_undelivered(self) -> bool:
        return self._ended_at is None and self._view_model.finished

    def _full(self, at: float) -> Message:
        with self._view_model.lock:
            self._changed.clear()
            self._full_requested = False
            rows = self._view_model.first_rows(MOST_ROWS)
            self._sent_rows = {row["index"] for row in rows}
            self._sent.clear()
            for row in rows:
                self._remember(row, at)
            rest = (i for i in self._view_model.indexes() if i not in self._sent_rows)
            self._new = dict.fromkeys(rest)
            self._heartbeat_at = at
            return self._message("whole", rows, at)

    def _delta(self, at: float) -> Message:
        with self._view_model.lock:
            repeated: list[int] = []
            if at >= self._heartbeat_at + HEARTBEAT:
                self._heartbeat_at = at
                repeated = self._to_repeat()
            changed = self._take_changed(repeated)
            rows = [self._difference(row, at) for row in self._view_model.rows(changed)]
            again = self._view_model.rows(repeated)
            for row in again:
                self._remember(row, at)
            self._sent_rows.update(changed, repeated)
            return self._message("delta", [*filter(None, rows), *again], at)

    def _take_changed(self, repeated: Sequence[int]) -> list[int]:
        """Take changed and new rows: no more than a page paints without a pause."""
        self._changed.difference_update(repeated)
        for index in repeated:
            self._new.pop(index, None)
        taken = list(islice(self._changed, MOST_ROWS))
        self._changed.difference_update(taken)
        new = list(islice(self._new, MOST_ROWS - len(taken)))
        for index in new:
            del self._new[index]
        return taken + new

    def _remember(self, row: Row, at: float) -> None:
        """Remember the state of a row on the page while it changes."""
        if Status(row["status"]) is Status.PROCESSING:
            self._sent[row["index"]] = (row, at)
        else:
            self._sent.pop(row["index"], None)

    def _message(self, kind: str, rows: list[Row], at: float) -> Message:
        summary = self._view_model.summary()
        # A page that has fewer has missed some.
        summary["rows"] = len(self._sent_rows)
        summary["loading"] |= bool(self._new)
        self.seq += 1
        self._summary_changed = False
        self._ended_at = at if summary["finished"] else None
        ask = self._wants_ack(at)
        return {
            "type": kind,
            "ack": ask,
            "session": self.session,
            "seq": self.seq,
            "at": timestamp(),
            "summary": summary,
            "rows": rows,
        }

    def _wants_ack(self, at: float) -> bool:
        """Whether this message requests an acknowledgement."""
        if self._ended_at is not None or (
            self._acknowledged and at >= self._ack_requested_at + ACK_SECONDS
        ):
            self._acknowledged, self._ack_seq, self._ack_requested_at = (
                False,
                self.seq,
                at,
            )
            return True
        # A page that was slow, or loaded again, may not have been asked yet.
        return not self._acknowledged and at >= self._ack_requested_at + SLOW_SECONDS

    def _to_repeat(self) -> list[int]:
        total = len(self._view_model)
        if not total:
            return []
        begin = self._next_repeated % total
        repeated = self._view_model.indexes(begin, REPEATED_ROWS)
        self._next_repeated = begin + len(repeated)
        return repeated

    def _difference(self, row: Row, at: float) -> Row | None:
        """The fields of a row that the page does not have."""
        index = row["index"]
        known, sent_at = self._sent.get(index, ({}, at))
        self._remember(row, at)
        if not known:
            return row
        changes = {name: value for name, value in row.items() if known[name] != value}
        if row["attempt"] == known["attempt"]:
            for name in _CLOCKS:
                if self._matches_page_clock(name, row, known, at - sent_at):
                    changes.pop(name, None)
                    # The page still counts from the previous value.
                    row[name] = known[name] + (at - sent_at)
        return {"index": index, **changes} if changes else None

    def _matches_page_clock(
        self, name: str, row: Row, known: Row, passed: float
    ) -> bool:
        """Whether the page's own clock shows the same."""
        now, before = row[name], known[name]
        if now is None or before is None or row["status"] != "processing":
            return False
        return bool(abs(now - before - passed) < CLOCK_DRIFT)
