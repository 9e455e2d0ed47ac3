"""Keeps every view of the same documents told, from one thread of its own.

A feed owns the subscription, the fold of its events, and all sending.  It exists
from the first view that is shown until the last one is closed; its thread and its
connection exist while there is something to tell, or somebody looks.
"""

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from docprogress.bus.subscription import Subscription
from docprogress.client.connections import Connections
from docprogress.client.run import Run
from docprogress.errors import BusError, DocProgressError
from docprogress.events import ProgressEvent, now
from docprogress.formatting import plural
from docprogress.notebook.live_output import publish
from docprogress.notebook.progress import table
from docprogress.notebook.progress.source import Source
from docprogress.notebook.progress.update_scheduler import Message, UpdateScheduler
from docprogress.notebook.progress.view_model import LOOK_SECONDS, ViewModel
from docprogress.settings import redacted

if TYPE_CHECKING:
    from docprogress.notebook.progress.widget import ProgressWidget

log = logging.getLogger(__name__)

#: Events that are taken in before others on the loop have their turn.
SHARE = 50

#: Seconds for which the connection may be lost before that is worth saying.
UNSAID = 1.0

#: Seconds for which somebody who looks at what has ended is still told, and in
#: which what was painted before the end may still arrive.
LINGER = 10.0
STALE = 3.0

#: The least seconds between two tables of what begins and ends again and again.
REFREEZE_SECONDS = 1.0

#: Documents' details, and actions, that are worked at together, and the most that
#: may wait for it.
HANDS = 2
MOST_ANSWERS = 50

#: Seconds in which a run whose end was waited for becomes a table, and between two
#: looks whether it has.
SETTLE_SECONDS = 3.0
SETTLE_TICK = 0.02

#: What is said of an action that no document needs.
NOTHING = "There is nothing to do"

#: How many ended feeds are kept ready for a page that is loaded again.
MOST_ENDED = 32

_feeds: dict[Hashable, "ViewSession"] = {}
_lock = threading.RLock()


class Probe(Protocol):
    """Hears what passes through a feed, at the moment when it does, on any thread."""

    def hears(self, event: ProgressEvent) -> None:
        """The feed has heard of an event."""

    def sends(self, message: Message) -> None:
        """The feed sends a message to the page."""

    def takes(self, message: Message) -> None:
        """A message has come from a page."""


class ViewSession:
    """What the views of the same documents have in common."""

    def __init__(self, watched: Source) -> None:
        self.watched = watched
        self.picture = ViewModel(watched)
        self._outbox = UpdateScheduler(self.picture)
        # Guards all that follows: which thread runs, and what is on the page.
        self._gate = threading.RLock()
        self._model: ProgressWidget | None = None
        self._shown: list[str] = []
        # Whether what is shown was replaced by a table, and when.
        self._frozen_at: float | None = None
        self._frozen_changes = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._heard_at = float("-inf")
        self._hands = asyncio.Semaphore(HANDS)
        self._answers: set[asyncio.Task[None]] = set()
        self._closed = False
        # The views that have joined and not left: guarded by the module's lock.
        self._views = 0
        #: Whoever measures.  Meanwhile the page acknowledges each message.
        self.probe: Probe | None = None

    def show(self) -> str:
        """Show the documents in the cell that runs; what takes them away again.

        Raises:
            StoreError: The store cannot be asked.
        """
        shown = uuid.uuid4().hex
        with self._gate:
            self._refresh()
            if self.picture.finished:
                data = table.bundle(self.picture)
                if not self._shown:
                    self._frozen_changes = self.picture.changes
                    self._frozen_at = time.monotonic()
            else:
                data = self._live(self.model())
            publish(data, display_id=shown)
            self._shown.append(shown)
            if not self.picture.finished or self.watched.run is None:
                self._start()
        return shown

    def hold(self) -> str:
        """Keep the feed for whoever shows its model in another way."""
        with self._gate:
            self._refresh()
            self._start()
            self._shown.append("")
        return ""

    def model(self) -> "ProgressWidget":
        """The model of all views."""
        from docprogress.notebook.progress.widget import ProgressWidget

        with self._gate:
            if self._model is None:
                self._model = ProgressWidget(self._outbox.snapshot, self._take)
            return self._model

    def refreshed(self) -> ViewModel:
        """What is known now.

        Raises:
            StoreError: The store cannot be asked.
        """
        with self._gate:
            self._refresh()
        return self.picture

    def tried_again(self) -> None:
        """Documents that had ended are at work again: be alive again."""
        with self._gate:
            if self._shown:
                self._refresh()
                self._thaw()
                self._start()

    def wait(self, seconds: float | None) -> None:
        """Listen until everything has come to rest, and show it as a table.

        Raises:
            TimeoutError: That took longer than so many seconds.
            BusError: Nothing is heard any more.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        held = self.hold()
        try:
            while not self.picture.finished:
                if self._loop is None:
                    raise BusError(f"nothing is heard any more of {self.watched.title}")
                if deadline is not None and time.monotonic() >= deadline:
                    with self.picture.lock:
                        progress = self.picture.progress
                        known = max(len(self.picture), sum(progress.counts.values()))
                        left = known - progress.ended
                    raise TimeoutError(
                        f"{plural(left, 'document')} unfinished after {seconds:g} s"
                    )
                time.sleep(SETTLE_TICK)
        finally:
            with self._gate:
                self._shown.remove(held)
        self.settle(SETTLE_SECONDS)

    def say(self, message: Message) -> None:
        """Tell the page something besides what it shows; any thread may ask for it."""
        with self._gate:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._reply, message)

    def settle(self, seconds: float) -> None:
        """Wait until what has ended is shown as a table, and show it from here.

        Whoever executes a notebook without a page (nbclient, papermill) takes only
        what the cell says that runs now: what the feed's own thread says is lost.
        """
        self._catch_up()
        deadline = time.monotonic() + seconds
        while self._loop is not None and self._frozen_at is None:
            if time.monotonic() >= deadline or not self.picture.finished:
                break
            time.sleep(SETTLE_TICK)
        with self._gate:
            if self.picture.finished and "" not in self._shown:
                self._freeze()

    def leave(self, shown: Sequence[str]) -> None:
        """Leave a table where these were shown; the last view to go closes the feed.

        No lock may be held: the last one waits for the feed's thread, whose work on a
        page's request may need that lock.
        """
        with self._gate:
            if self._frozen_at is None:
                self._replace(shown, table.bundle(self.picture, note=table.CLOSED))
            for each in shown:
                self._shown.remove(each)
        with _lock:
            # Together, so that nobody joins what is about to be closed.
            self._views -= 1
            last = self._views <= 0
            if last:
                self._withdraw()
        if last:
            self.close()

    def close(self) -> None:
        """End the thread, the connection and the comm; no lock may be held."""
        self._stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._release()

    def _withdraw(self) -> None:
        """Let nobody join any more."""
        with _lock:
            if _feeds.get(self.watched.key) is self:
                del _feeds[self.watched.key]

    def _stop(self) -> None:
        """Have the thread end, without waiting for it."""
        self._withdraw()
        with self._gate:
            self._closed = True
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.call_soon_threadsafe(self._woken.set)

    def _release(self) -> None:
        """Close the comm and the connection."""
        with self._gate:
            model, self._model = self._model, None
        if model is not None:
            model.close()
        self.watched.close()

    @property
    def ended(self) -> bool:
        """Whether nothing is told any more."""
        return self._loop is None

    def _refresh(self) -> None:
        """Take in what the store knows, unless it is being listened to."""
        if self._loop is None:
            self._outbox.change(self.picture.begin())

    def _catch_up(self) -> None:
        """Know of an end that somebody else has heard of first."""
        loop = self._loop
        if loop is None or self.picture.finished:
            return
        try:
            changed = self.picture.begin()
        except DocProgressError as error:
            log.warning("the store could not be asked: %s", redacted(str(error)))
            return
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._told_of, changed)

    def _told_of(self, changed: Sequence[int]) -> None:
        self._outbox.change(changed)
        self._woken.set()

    def _start(self) -> None:
        if self._loop is not None or self._closed:
            return
        self._loop = loop = asyncio.new_event_loop()
        if self._outbox.seq:
            # Nobody can know what a page still has of what it was told before.
            self._outbox.ask_whole()
        self._woken, self._hands = asyncio.Event(), asyncio.Semaphore(HANDS)
        self._thread = threading.Thread(
            target=self._run, args=(loop,), name="docprogress-view", daemon=True
        )
        self._thread.start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_until_complete(self._main())
        except Exception:
            # The page says by itself that nothing is heard any more.
            log.exception("the view of %s has ended", self.watched.title)
        finally:
            with self._gate:
                if self._loop is loop:
                    self._loop = None
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    async def _main(self) -> None:
        async with self.watched.subscribe() as subscription:
            async with asyncio.TaskGroup() as tasks:
                others = [
                    tasks.create_task(self._listen(subscription)),
                    tasks.create_task(self._look(subscription)),
                ]
                await self._tell()
                # First of all: redis-py may lose a cancellation, and listen on.
                await subscription.aclose()
                for other in others:
                    other.cancel()

    async def _listen(self, subscription: Subscription) -> None:
        """Take in what happens."""
        taken = 0
        async for event in subscription:
            if (probe := self.probe) is not None:
                probe.hears(event)
            changed = self.picture.apply((event,))
            # An end may be the last one, which is told at once.
            if changed and (self._outbox.change(changed) or event.final):
                self._woken.set()
            taken += 1
            if taken % SHARE == 0:
                # What is told already does not let go of the loop by itself.
                await asyncio.sleep(0)

    async def _look(self, subscription: Subscription) -> None:
        """Notice what changes without an event: silence, and a lost connection."""
        stalled: frozenset[int] = frozenset()
        while True:
            lost_at = subscription.lost_at
            if lost_at is not None and (now() - lost_at).total_seconds() < UNSAID:
                lost_at = None
            if lost_at != self.picture.lost_at:
                self.picture.lost_at = lost_at
                self._outbox.stir()
                self._woken.set()
            silent = self.picture.stalled()
            if silent != stalled and self._outbox.change(silent ^ stalled):
                self._woken.set()
            stalled = silent
            if self.picture.progress.partial and await asyncio.to_thread(self._recount):
                self._outbox.stir()
                self._woken.set()
            await asyncio.sleep(LOOK_SECONDS)

    def _recount(self) -> bool:
        try:
            return self.picture.recount()
        except DocProgressError as error:
            log.warning("the store could not be asked: %s", redacted(str(error)))
            return False

    async def _tell(self) -> None:
        """Tell the page what there is to tell, until there is no more."""
        while not self._over():
            message = self._outbox.next() if self._watched_by_anybody() else None
            if message is not None:
                assert self._model is not None
                if (probe := self.probe) is not None:
                    if "ack" in message:
                        message["ack"] = True
                    probe.sends(message)
                self._model.send(message)
                continue
            self._woken.clear()
            wait = self._outbox.wait() if self._watched_by_anybody() else LOOK_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.001)):
                    await self._woken.wait()

    def _watched_by_anybody(self) -> bool:
        if self._model is None:
            return False
        held = "" in self._shown
        return held or self._frozen_at is None or self._heard_lately()

    def _heard_lately(self) -> bool:
        return time.monotonic() < self._heard_at + LINGER

    def _over(self) -> bool:
        """Replace what has ended by a table; whether the thread may go as well."""
        with self._gate:
            if self._closed:
                return True
            if not self.picture.finished:
                self._thaw()
                return False
            if self._answers:
                return False
            if self._frozen_at is None:
                if self._outbox.end_told:
                    self._freeze()
            elif self._outdated():
                self._freeze()
            if (
                self._frozen_at is None
                or self._heard_lately()
                # Only a run is known not to begin again by itself.
                or self.watched.run is None
                # Whoever shows the model in another way is not replaced.
                or "" in self._shown
            ):
                return False
            self._loop = None
        _forget_old()
        return True

    def _outdated(self) -> bool:
        """Whether a document has begun and ended again since the table was made."""
        late = time.monotonic() >= (self._frozen_at or 0.0) + REFREEZE_SECONDS
        return late and self._frozen_changes != self.picture.changes

    def _freeze(self) -> None:
        self._frozen_changes = self.picture.changes
        self._replace(self._shown, table.bundle(self.picture))
        self._frozen_at = time.monotonic()
        self._heard_at = float("-inf")

    def _thaw(self) -> None:
        if self._frozen_at is not None:
            self._replace(self._shown, self._live(self.model()))
            self._frozen_at = None
            self._outbox.ask_whole()

    def _replace(self, shown: Sequence[str], data: dict[str, Any]) -> None:
        for each in shown:
            if each:
                publish(data, display_id=each, update=True)

    def _live(self, model: "ProgressWidget") -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": model.model_id}
        return {
            "application/vnd.jupyter.widget-view+json": view,
            **table.bundle(self.picture),
        }

    def _take(self, message: Message) -> None:
        """Hear a page, on the main thread or a subshell's."""
        if (probe := self.probe) is not None:
            probe.takes(message)
        with self._gate:
            at = time.monotonic()
            painted = message.get("type") == "painted"
            if self._frozen_at is not None:
                if painted and at < self._frozen_at + STALE:
                    return
                # A page that was loaded again shows what it found in the notebook.
                self._heard_at = at
            self._start()
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._heard, message)

    def _heard(self, message: Message) -> None:
        match message.get("type"):
            case "painted":
                self._outbox.painted(message)
            case "whole":
                self._outbox.ask_whole()
            case "details":
                self._begin(self._details, message)
            case "cancel" | "retry":
                self._begin(self._act, message)
        self._woken.set()

    def _begin(self, ask: Callable[[Message], Message], message: Message) -> None:
        """Have an answer found, which may take long, and sent."""
        if len(self._answers) < MOST_ANSWERS:
            answer = asyncio.ensure_future(self._answer(ask, message))
            self._answers.add(answer)
            answer.add_done_callback(self._answers.discard)

    async def _answer(
        self, ask: Callable[[Message], Message], message: Message
    ) -> None:
        async with self._hands:
            self._reply(await asyncio.to_thread(ask, message))

    def _reply(self, message: Message) -> None:
        self._outbox.reply(message)
        self._woken.set()

    def _details(self, message: Message) -> Message:
        document_id = message.get("id")
        try:
            return self.picture.details(str(document_id))
        except Exception as error:  # noqa: BLE001 - whoever asked is told, whatever it is
            return {"type": "details", "id": document_id, "problem": _said(error)}

    def _act(self, message: Message) -> Message:
        ok = True
        try:
            text = self._done(message)
        except Exception as error:  # noqa: BLE001 - whoever asked is told, whatever it is
            ok, text = False, _said(error)
        # The page counts its requests, and another window has the same numbers.
        request, page = message.get("request"), message.get("page")
        answer = {"type": "acted", "request": request, "ok": ok, "text": text}
        return answer if page is None else answer | {"page": page}

    def _done(self, message: Message) -> str:
        ids, known = message.get("ids"), self.picture.ids
        if ids is not None:
            ids = [each for each in ids if isinstance(each, str) and each in known]
        if message["type"] == "cancel":
            count = self.watched.cancel(ids)
            return f"{plural(count, 'document')} cancelled" if count else NOTHING
        count = self.watched.retry(ids)
        return f"{plural(count, 'document')} tried again" if count else NOTHING


class _Observer:
    """Hears of what is done to runs in this process."""

    def retried(self, run: Run) -> None:
        for feed in _of(run):
            feed.tried_again()

    def waited(self, run: Run) -> None:
        # So that whoever executes a notebook without looking finds the table.
        for feed in _of(run):
            feed.settle(SETTLE_SECONDS)


def join(watched: Source) -> ViewSession:
    """The feed of these documents, which may be somebody else's by now."""
    with _lock:
        feed = _feeds.get(watched.key)
        if feed is None:
            feed = _feeds[watched.key] = ViewSession(watched)
        feed._views += 1
    if watched.run is not None:
        observe(watched.run.connections)
    if feed.watched is not watched:
        watched.close()
    return feed


def observe(connections: Connections) -> None:
    """Notify the sessions of retries and waits of these connections' runs."""
    connections.observe(_observer)


def _of(run: Run) -> list[ViewSession]:
    with _lock:
        feeds = list(_feeds.values())
    return [
        feed for feed in feeds if feed.watched.run and feed.watched.run.id == run.id
    ]


def _forget_old() -> None:
    """Close what has ended longest ago, if much has."""
    with _lock:
        ended = [feed for feed in _feeds.values() if feed.ended]
    for feed in ended[: max(len(ended) - MOST_ENDED, 0)]:
        # This is a feed's own thread: two that waited for one another never ended.
        feed._stop()
        feed._release()


def _said(error: Exception) -> str:
    if isinstance(error, DocProgressError):
        return redacted(str(error))
    log.error("a page's request failed", exc_info=error)
    return f"{type(error).__name__}: {redacted(str(error))}"


_observer = _Observer()
