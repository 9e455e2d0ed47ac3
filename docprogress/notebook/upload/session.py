"""Receives files from a page, and submits them.

With a pipeline, files that were dropped together become one run as soon as all of them
have arrived. A thread does that, and ends when nothing is left to do.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.errors import DocProgressError
from docprogress.notebook.live_output import SAVE_SECONDS, LiveOutput
from docprogress.notebook.progress.view import ProgressView
from docprogress.notebook.upload.receiver import (
    CHUNK,
    Announced,
    IncomingFile,
    Receiver,
    State,
    all_settled,
)
from docprogress.settings import redacted

log = logging.getLogger(__name__)

Message = dict[str, Any]

#: The maximum number of files of one message, and the longest key, that are accepted.
MOST_ANNOUNCED = 20_000
LONGEST_KEY = 100

#: Characters of an error message from a page that are kept.
LONGEST_ERROR = 300

#: Seconds between two checks whether everything has finished.
TICK = 0.1

#: The maximum seconds for which a page may keep the uploader live.
LONGEST_HOLD = 120.0


class UploadSession:
    """The work of one uploader.

    Args:
        receiver: The files.
        key: Names the session.
        output: The uploader's outputs, whose lock guards its views and threads too.
        pipeline: What processes the files; None leaves that to the user.
        options: Options of `Pipeline.submit`.
        send: Sends a message to the page, if there is one.
        on_submitted: Called with each new run.
        runs: The runs that were submitted.
        guide: Returns how to show the runs, if the page does not show them.
        views: Returns the views of the runs.
        freeze: Called under the lock when everything has finished; returns the views
            to close once the lock is released.
    """

    def __init__(
        self,
        receiver: Receiver,
        *,
        key: str,
        output: LiveOutput,
        pipeline: Pipeline | None,
        options: dict[str, Any],
        send: Callable[[Message], None],
        on_submitted: Callable[[Run], None],
        runs: Sequence[Run],
        guide: Callable[[], str],
        views: Callable[[], list[ProgressView]],
        freeze: Callable[[], list[ProgressView]],
    ) -> None:
        self.pipeline = pipeline
        #: Why files could not be submitted; None after the next attempt.
        self.problem: Exception | None = None
        #: Until when a page keeps the uploader live, by the monotonic clock.
        self.held_until = float("-inf")
        self._receiver = receiver
        self._options = options
        self._output = output
        self._lock = output.lock
        self._send = send
        self._on_submitted = on_submitted
        self._runs = runs
        self._guide = guide
        self._views = views
        self._freeze = freeze
        self._id = key
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def working(self) -> bool:
        """Whether the thread is running."""
        return self._thread is not None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is arriving, running, or about to start."""
        return (
            all_settled(self._receiver)
            and not self.ready()
            and time.monotonic() >= self.held_until
            and all(view.finished for view in self._views())
        )

    def ready(self) -> list[IncomingFile]:
        """Files that were dropped together, have arrived, and are in no run yet."""
        if self.pipeline is None or self.problem is not None:
            return []
        for drop in self._receiver.drops():
            if all_settled(drop):
                arrived = [each for each in drop if each.status is State.ARRIVED]
                if waiting := [each for each in arrived if not each.submitted]:
                    return waiting
        return []

    def start(self) -> None:
        """Start the thread, unless it is running."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="docprogress-upload", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """End the thread. The caller must not hold the lock."""
        with self._lock:
            self._closing.set()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def advance(self, files: Iterable[IncomingFile]) -> None:
        """Submit the files that are ready, if any of these has ended."""
        if self.pipeline is not None and any(all_settled([each]) for each in files):
            # Try again to submit what failed before.
            self.problem = None
            self.start()

    def announce(self, files: Sequence[IncomingFile]) -> None:
        """Send the state of these files to the page."""
        if files:
            states = [each.to_dict() for each in files]
            self._send(
                {
                    "type": "files",
                    "files": states,
                    "problem": self._error(),
                    "guide": self._guide(),
                }
            )

    def mark_submitted(self, files: Sequence[IncomingFile]) -> None:
        """Record that these files are part of a run."""
        for each in files:
            each.submitted = True
        self.announce(files)

    def snapshot(self) -> Message:
        """The current state, for a page that has just been loaded."""
        receiver = self._receiver
        return {
            "session": self._id,
            "max_bytes": receiver.max_bytes,
            "max_files": receiver.max_files,
            "chunk": CHUNK,
            "suffixes": sorted(_suffixes()),
            "processed": self.pipeline is not None,
            "problem": self._error(),
            "guide": self._guide(),
            "files": [each.to_dict() for each in receiver],
        }

    def receive(self, message: Message, buffers: Sequence[memoryview]) -> None:
        """Handle a message from a page, on the main thread or a subshell's."""
        match message:
            case {"type": "drop", "drop": str(drop), "files": list(files)}:
                expected = self._receiver.expect(drop, list(_announced(files)))
                self.announce(expected)
                self.advance(expected)
            case {"type": "chunk", "key": key, "offset": int(offset)} if buffers:
                self._receive_chunk(key, offset, buffers[0])
            case {"type": "lost", "key": key, "error": str(error)}:
                self._end([key], State.FAILED, error)
            case {"type": "cancel", "keys": list(keys)}:
                self._end(keys, State.CANCELLED)
            case {"type": "forget", "keys": list(keys)}:
                self._send({"type": "gone", "keys": self._receiver.forget(keys)})
            case {"type": "ask", "asked": int(asked), "keys": list(keys)}:
                self._send_state(asked, keys)
            case {"type": "again"}:
                self.advance(self._receiver)
            case {"type": "anchors"}:
                self._output.use_anchors(message)
            case {"type": "hold", "seconds": int(seconds) | float(seconds)}:
                kept = min(max(seconds, 0.0), LONGEST_HOLD)
                self.held_until = time.monotonic() + kept
            case _:
                log.warning("a page has sent an unknown message: %.100r", message)

    def _receive_chunk(self, key: object, offset: int, block: memoryview) -> None:
        file = self._receiver.find(key)
        if file is None:
            # The page asks for the state later, and learns that the file is unknown.
            return
        file.write(offset, block.cast("B"))
        self._send(
            {"type": "got", "key": key, "offset": offset, "file": file.to_dict()}
        )
        self.advance([file])

    def _end(self, keys: Iterable[object], status: State, error: str = "") -> None:
        files = list(filter(None, map(self._receiver.find, keys)))
        for each in files:
            each.end(status, error[:LONGEST_ERROR] or None)
        self.announce(files)
        self.advance(files)

    def _send_state(self, asked: int, keys: Iterable[object]) -> None:
        """Send which chunks of these files have arrived."""
        states = [
            file.to_dict() | {"have": file.received_offsets()}
            for file in filter(None, map(self._receiver.find, keys))
        ]
        self._send({"type": "state", "asked": asked, "files": states})

    def _error(self) -> str | None:
        return None if self.problem is None else redacted(str(self.problem))

    def _run(self) -> None:
        try:
            self._submit_all()
        except Exception as error:
            log.exception("dropped files will no longer be submitted")
            with self._lock:
                # The next file that is dropped starts another thread.
                self._thread, self.problem = None, error

    def _submit_all(self) -> None:
        frozen = False
        while not self._closing.is_set():
            if drop := self.ready():
                self._submit(drop)
                frozen = False
                continue
            views: list[ProgressView] = []
            with self._lock:
                at_rest = self.at_rest
                if at_rest and (frozen or not self._runs or self.problem):
                    self._thread = None
                    return
                if at_rest:
                    views = self._freeze()
                frozen = at_rest
                if not at_rest:
                    self._output.save(every=SAVE_SECONDS)
            close_views(views)
            # After freezing, check again: a run may have been retried in the meantime.
            if not at_rest:
                self._closing.wait(TICK)

    def _submit(self, files: list[IncomingFile]) -> None:
        assert self.pipeline is not None, "nothing processes the files"
        try:
            run = self.pipeline.submit(self._receiver.files(files), **self._options)
        except Exception as error:
            if not isinstance(error, DocProgressError):
                log.exception("dropped files could not be submitted")
            self.problem = error
            self.announce(files)
            return
        self._on_submitted(run)
        self.mark_submitted(files)


def close_views(views: Iterable[ProgressView]) -> None:
    """Close views. The caller must hold no lock."""
    for view in views:
        view.close()


def _announced(files: Sequence[Any]) -> Iterable[Announced]:
    """The valid entries of a page's message."""
    for each in files[:MOST_ANNOUNCED]:
        match each:
            case {"key": str(key), "name": str(name), "size": int(size)}:
                error = each.get("error")
                error = error[:LONGEST_ERROR] if isinstance(error, str) else None
                if len(key) <= LONGEST_KEY:
                    yield Announced(key, name, size, error)


def _suffixes() -> Iterable[str]:
    from docprogress.steps.suffixes import SUFFIXES

    return SUFFIXES
