"""Keeps all views of the same documents up to date, on one thread.

A session owns the subscription, the view model and everything that is sent. It exists
from the first view that is shown until the last one is closed; its thread and
connection exist while documents are unfinished or a page is looking.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from docprogress.bus.subscription import Subscription
from docprogress.errors import BusError, DocProgressError
from docprogress.formatting import plural
from docprogress.notebook.live_output import publish
from docprogress.notebook.progress import table
from docprogress.notebook.progress.audience import Audience
from docprogress.notebook.progress.conditions import Conditions
from docprogress.notebook.progress.output import ViewOutput
from docprogress.notebook.progress.page_requests import PageRequests
from docprogress.notebook.progress.probe import Probe
from docprogress.notebook.progress.source import Source
from docprogress.notebook.progress.update_scheduler import Message, UpdateScheduler
from docprogress.notebook.progress.view_model import POLL_SECONDS, ViewModel
from docprogress.settings import redacted

if TYPE_CHECKING:
    from docprogress.notebook.progress.widget import ProgressWidget

log = logging.getLogger(__name__)

#: Events that are applied before other tasks on the loop run.
EVENTS_PER_SLICE = 50

#: Seconds for which a page that looks at a finished run keeps getting updates, and in
#: which messages of the time before the end may still arrive.
LINGER = 10.0
STALE = 3.0

#: Seconds in which a finished run becomes a table, and between two checks.
SETTLE_SECONDS = 3.0
SETTLE_TICK = 0.02


class ViewSession:
    """What all views of the same documents have in common.

    Args:
        source: The documents.
        idle: Since how many seconds no cell runs.
        on_close: Called when no view can join the session any more.
        on_end: Called on the session's thread when it has nothing left to do.
    """

    def __init__(
        self,
        source: Source,
        *,
        idle: Callable[[], float],
        on_close: Callable[["ViewSession"], None],
        on_end: Callable[[], None],
    ) -> None:
        self.source = source
        self.view_model = ViewModel(source)
        #: The number of views that have joined and not left; the registry counts them.
        self.views = 0
        #: Observes messages; while it is set, the page acknowledges each of them.
        self.probe: Probe | None = None
        self._audience = Audience(idle)
        self._on_close = on_close
        self._on_end = on_end
        self._scheduler = UpdateScheduler(self.view_model)
        self._output = ViewOutput(
            self.view_model,
            self._scheduler.session,
            widget=self.widget,
            send=self._send_now,
        )
        # Guards all that follows, together with the outputs.
        self._lock = self._output.lock
        self._widget: ProgressWidget | None = None
        # How often the widget is used outside of our own outputs, which stays live.
        self._holds = 0
        self._contacted_at = float("-inf")
        self._closed = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakeup = asyncio.Event()
        self._requests = PageRequests(self.source, self.view_model, self._reply)

    @property
    def ended(self) -> bool:
        """Whether no updates are sent any more."""
        return self._loop is None

    def show(self) -> str | None:
        """Show the documents in the running cell.

        Returns:
            The output's display id; None if a table is there already.

        Raises:
            StoreError: The store cannot be read.
        """
        with self._lock:
            self._audience.enter()
            self._refresh()
            finished = self.view_model.finished
            if finished and self._output.displayed and self._audience.waited:
                # `run.wait()` is the last line: the table is where the view was.
                if not self._audience.shown_here:
                    publish({"text/plain": self.view_model.summary()["text"]})
                return None
            self._audience.shown()
            if not self._output.displayed:
                self._output.note_changes()
            live = self._audience.live
            display_id = self._output.show(live=live and not finished)
            if live and (not finished or self.source.run is None):
                self._start()
        return display_id

    def hold(self) -> None:
        """Stay live for a caller that displays the widget itself."""
        with self._lock:
            self._audience.hold()
            self._refresh()
            self._start()
            self._holds += 1

    def widget(self) -> "ProgressWidget":
        """The widget of all views."""
        from docprogress.notebook.progress.widget import ProgressWidget

        with self._lock:
            if self._widget is None:
                self._widget = ProgressWidget(self._scheduler.snapshot, self._receive)
            return self._widget

    def live_bundle(self) -> dict[str, str]:
        """The static forms, with an anchor for the live one."""
        return self._output.live_bundle()

    def current(self) -> ViewModel:
        """The view model as of now.

        Raises:
            StoreError: The store cannot be read.
        """
        with self._lock:
            self._refresh()
        return self.view_model

    def resume(self) -> None:
        """Go live again, because finished documents are being retried."""
        with self._lock:
            if self._output.displayed or self._holds:
                self._refresh()
                if not self._audience.live:
                    self._freeze(recorded=True)
                    return
                self._thaw()
                self._start()

    def cell_ended(self) -> None:
        """Show current tables while they are recorded, where no page gets more."""
        with self._lock:
            if self._audience.answered or not self._output.frozen:
                return
            if not self.view_model.finished:
                self._refresh()
            if self._output.changed or not self._output.recorded:
                self._freeze(recorded=True)

    def wait(self, seconds: float | None) -> None:
        """Wait until every document has finished, then show the table.

        Raises:
            TimeoutError: `seconds` have passed.
            BusError: The connection has failed for good.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        self.hold()
        try:
            while not self.view_model.finished:
                if self._loop is None:
                    raise BusError(
                        f"updates for {self.source.title} can no longer be received"
                    )
                if deadline is not None and time.monotonic() >= deadline:
                    left = plural(self.view_model.unfinished, "document")
                    raise TimeoutError(f"{left} unfinished after {seconds:g} s")
                time.sleep(SETTLE_TICK)
        finally:
            with self._lock:
                self._holds -= 1
        self.settle()

    def send(self, message: Message) -> None:
        """Send the page an additional message, from any thread."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._reply, message)

    def settle(self) -> None:
        """Wait until a finished run is shown as a table, and show it on this thread.

        Where there is no page, only output of the running cell is recorded.
        """
        self._audience.wait()
        if not self.view_model.finished:
            # Another subscription may have received the end first.
            self._ask(self._load)
        deadline = time.monotonic() + SETTLE_SECONDS
        while self._loop is not None and not self._output.frozen:
            if time.monotonic() >= deadline or not self.view_model.finished:
                break
            time.sleep(SETTLE_TICK)
        with self._lock:
            if self.view_model.finished and not self._holds:
                self._freeze(recorded=True)

    def detach(self, display_ids: Sequence[str], *, holds: int) -> None:
        """Replace these outputs by a table, and release this number of holds."""
        with self._lock:
            self._output.detach(display_ids, table.CLOSED)
            self._holds -= holds

    def clear(self, display_ids: Sequence[str]) -> None:
        """Leave nothing in these outputs."""
        self._output.clear(display_ids)

    def close(self) -> None:
        """End the thread, the connection and the comm. The caller must hold no lock."""
        self.stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self.release()

    def stop(self) -> None:
        """Signal the thread to end, without waiting for it."""
        self._on_close(self)
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.call_soon_threadsafe(self._wakeup.set)

    def release(self) -> None:
        """Close the comm and the connection."""
        with self._lock:
            widget, self._widget = self._widget, None
        if widget is not None:
            widget.close()
        self.source.close()

    # Outputs.

    def _freeze(self, *, recorded: bool = False) -> None:
        self._output.freeze_table(recorded=recorded)
        self._contacted_at = float("-inf")

    def _thaw(self) -> None:
        if self._output.frozen and self._audience.live:
            self._output.thaw()
            self._scheduler.request_full()

    def _send_now(self, message: Message) -> None:
        if self._widget is not None:
            self._widget.send(message)

    # Loading the current state from the store while no subscription is open.

    def _refresh(self) -> None:
        if self._loop is None:
            self._scheduler.mark_changed(self.view_model.load())
            if not self._audience.live:
                self._scheduler.mark_changed(self.view_model.load_newest())

    def _load(self) -> None:
        changed = self.view_model.load()
        with self._lock, suppress(RuntimeError):
            if self._loop is None:
                self._scheduler.mark_changed(changed)
            else:
                self._loop.call_soon_threadsafe(self._mark_changed, changed)

    def _mark_changed(self, changed: Sequence[int]) -> None:
        self._scheduler.mark_changed(changed)
        self._wakeup.set()

    # The thread.

    def _start(self) -> None:
        if self._loop is not None or self._closed:
            return
        self._loop = loop = asyncio.new_event_loop()
        if self._scheduler.seq:
            # It is unknown which earlier messages the page has received.
            self._scheduler.request_full()
        self._wakeup, self._requests = (
            asyncio.Event(),
            PageRequests(self.source, self.view_model, self._reply),
        )
        self._thread = threading.Thread(
            target=self._run, args=(loop,), name="docprogress-view", daemon=True
        )
        self._thread.start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_until_complete(self._main())
        except Exception:
            # The page notices missing heartbeats, and shows that it is disconnected.
            log.exception("the view of %s has ended", self.source.title)
        finally:
            with self._lock:
                if self._loop is loop:
                    self._loop = None
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    async def _main(self) -> None:
        async with self.source.subscribe() as subscription:
            async with asyncio.TaskGroup() as tasks:
                others = [
                    tasks.create_task(self._listen(subscription)),
                    tasks.create_task(self._poll(subscription)),
                ]
                await self._send_updates()
                # Close first: redis-py may lose a cancellation, and keep listening.
                await subscription.aclose()
                for other in others:
                    other.cancel()

    async def _listen(self, subscription: Subscription) -> None:
        """Apply events as they arrive."""
        received = 0
        async for event in subscription:
            if (probe := self.probe) is not None:
                probe.on_event(event)
            if event.final and self.view_model.ending:
                await asyncio.to_thread(self._ask, self.view_model.refresh_expected)
            changed = self.view_model.apply((event,))
            # A final event may end the run, which is sent at once.
            if changed and (self._scheduler.mark_changed(changed) or event.final):
                self._wakeup.set()
            received += 1
            if received % EVENTS_PER_SLICE == 0:
                # Buffered events are yielded without suspending this task.
                await asyncio.sleep(0)

    async def _poll(self, subscription: Subscription) -> None:
        """Notice what no event reports, and keep the table up to date."""
        conditions = Conditions(self.source, self.view_model, self._scheduler)
        while True:
            if conditions.look(subscription.lost_at):
                self._wakeup.set()
            if self.view_model.progress.partial and await asyncio.to_thread(
                self._ask, self.view_model.recount
            ):
                self._scheduler.mark_summary_changed()
                self._wakeup.set()
            self._update_table()
            await asyncio.sleep(POLL_SECONDS)

    def _update_table(self) -> None:
        """Keep tables current: under live views, and where no page has loaded one."""
        with self._lock:
            if not self._output.displayed or self.view_model.finished:
                return
            if self._output.saves:
                self._output.save_changes()
                return
            if self._holds:
                return
            if self._audience.miss() or (
                self._output.frozen
                and not self._audience.live
                and self._output.outdated
            ):
                self._freeze()

    def _ask(self, question: Callable[[], object]) -> bool:
        """Query the store; whether the result is new."""
        try:
            return bool(question())
        except DocProgressError as error:
            log.warning("the store could not be queried: %s", redacted(str(error)))
            return False

    async def _send_updates(self) -> None:
        """Send due messages to the page, until there is nothing left to do."""
        while not self._finish():
            message = self._scheduler.next_message() if self._observed() else None
            if message is not None:
                assert self._widget is not None
                if (probe := self.probe) is not None:
                    if "ack" in message:
                        message["ack"] = True
                    probe.on_send(message)
                self._widget.send(message)
                continue
            self._wakeup.clear()
            observed = self._observed()
            wait = self._scheduler.seconds_until_due() if observed else POLL_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.001)):
                    await self._wakeup.wait()

    def _observed(self) -> bool:
        """Whether a page may be showing the widget."""
        if self._widget is None:
            return False
        return bool(self._holds) or not self._output.frozen or self._page_active()

    def _page_active(self) -> bool:
        return time.monotonic() < self._contacted_at + LINGER

    def _finish(self) -> bool:
        """Show finished documents as a table; return whether the thread may end."""
        with self._lock:
            if self._closed:
                return True
            if not self.view_model.finished:
                self._thaw()
                return False
            if self._requests.pending:
                return False
            if self._output.frozen:
                due = self._output.outdated
            else:
                due = self._scheduler.end_delivered
            if due:
                self._freeze()
            if (
                not self._output.frozen
                or self._output.changed
                or self._page_active()
                # Documents that anyone publishes may start again at any time.
                or self.source.run is None
                or self._holds
            ):
                return False
            self._loop = None
        self._on_end()
        return True

    # Messages from the page.

    def _receive(self, message: Message) -> None:
        """Handle a message from a page, on the main thread or a subshell's."""
        if (probe := self.probe) is not None:
            probe.on_receive(message)
        with self._lock:
            at = time.monotonic()
            self._audience.answer()
            frozen_at = self._output.frozen_at
            if frozen_at is not None:
                early = at < frozen_at + STALE
                if early and message.get("type") in ("loaded", "painted", "unseen"):
                    return
                # A reloaded page shows the widget that it found in the notebook.
                self._contacted_at = at
            self._start()
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._handle, message)

    def _handle(self, message: Message) -> None:
        match message.get("type"):
            case "loaded":
                # The page draws in anchors once it knows that the kernel answers.
                self._scheduler.queue_reply({"type": "hello"})
            case "painted":
                self._scheduler.acknowledge(message)
            case "whole":
                self._scheduler.request_full()
            case "unseen":
                # The page drew the output before it received the widget.
                self._output.redraw()
            case "anchors":
                self._output.use_anchors(message)
            case "details" | "search" | "errors" | "cancel" | "retry":
                self._requests.submit(message)
        self._wakeup.set()

    def _reply(self, message: Message) -> None:
        self._scheduler.queue_reply(message)
        self._wakeup.set()
