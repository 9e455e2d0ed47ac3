"""A place in a notebook to drop files on, of any size, that says what became of each.

What has arrived lies on this machine, whole and with its checksum; what has not is
not there at all.
"""

import inspect
import io
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.errors import DocProgressError, SubmitError
from docprogress.formatting import plural
from docprogress.notebook.progress import session
from docprogress.notebook.progress.view import (
    HOW_TO_INSTALL,
    ProgressView,
    _require_anywidget,
    has_anywidget,
    in_kernel,
)
from docprogress.notebook.upload.receiver import (
    CHUNK,
    Announced,
    IncomingFile,
    Receiver,
    State,
    UploadedFile,
    amount,
    settled,
)
from docprogress.notebook.upload.summary import html, listing, text
from docprogress.settings import MIB, redacted

if TYPE_CHECKING:
    from docprogress.notebook.upload.widget import UploadWidget

log = logging.getLogger(__name__)

Message = dict[str, Any]

#: How large a file may be unless something else is said: what a document may have.
MAX_BYTES = 512 * MIB
MAX_FILES = 1_000

#: The most files of one message, and the most characters of a key, that are looked at.
MOST_ANNOUNCED = 20_000
LONGEST_KEY = 100

#: Seconds between two looks at whether everything has come to rest.
TICK = 0.1

#: Seconds for which a page may ask that the uploader stays as it is.
LONGEST_HOLD = 120.0

#: Seconds in which an uploader whose run was waited for becomes a table.
SETTLE_SECONDS = 3.0

#: What is said where an uploader was.
MORE = "Run the cell again to upload more."
CLOSED = "The uploader is closed."
NO_PAGE = "Shown in a notebook's page, it takes files that are dropped on it."


class Uploader:
    """Takes files that are dropped on it, or picked, as the last line of a cell.

    Files lie in a temporary folder until the uploader is closed or Python ends.

    Args:
        max_bytes: How large a file may be; said in the page, and checked before
            anything is sent.
        max_files: How many there may be.
        folder: Where the temporary folder is made; the system's place for such if
            None, which may be a small one.
    """

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        max_files: int = MAX_FILES,
        folder: str | Path | None = None,
    ) -> None:
        if max_bytes < 1 or max_files < 1:
            raise ValueError("max_bytes and max_files must be at least 1")
        place = None if folder is None else Path(folder).expanduser().absolute()
        self._arrivals = Receiver(
            max_bytes=max_bytes, max_files=max_files, folder=place
        )
        #: What was made of the files, newest last.
        self.runs: list[Run] = []
        self._pipeline: Pipeline | None = None
        self._options: dict[str, Any] = {}
        # Guards all that follows: what is on the page, and who works.
        self._gate = threading.RLock()
        self._session = uuid.uuid4().hex
        self._model: UploadWidget | None = None
        self._box: Any = None
        self._views: dict[str, ProgressView] = {}
        self._shown: list[str] = []
        self._frozen = False
        self._held_until = float("-inf")
        self._closed = False
        self._problem: Exception | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        _open.add(self)

    @classmethod
    def into(cls, pipeline: Pipeline, **options: Any) -> Self:
        """An uploader that has what is dropped processed: see `Pipeline.upload`."""
        inspect.signature(pipeline.submit).bind(None, **options)
        settings = pipeline.settings
        uploader = cls(
            max_bytes=settings.max_bytes,
            folder=settings.home / "uploads" if settings.storage_url is None else None,
        )
        uploader._pipeline, uploader._options = pipeline, options
        # The sessions first: an uploader closes views that they have to update.
        session.observe(pipeline.connections)
        pipeline.connections.observe(_observer)
        return uploader

    @property
    def files(self) -> list[UploadedFile]:
        """What has arrived, in the order in which it was dropped."""
        return self._arrivals.files()

    def submit(self, pipeline: Pipeline, **options: Any) -> Run:
        """Have what has arrived processed; the uploader becomes a table.

        The files stay where they are, so they can be submitted again.

        Args:
            pipeline: What processes them.
            options: As `Pipeline.submit` takes them.

        Raises:
            SubmitError: Nothing has arrived, or not yet everything.
            BusError: Redis cannot be reached; nothing was started.
        """
        if self._closed:
            raise SubmitError("the uploader is closed, and its files are gone")
        coming = [each for each in self._arrivals if each.status is State.ARRIVING]
        if coming:
            received = sum(each.received for each in coming)
            size = sum(each.size for each in coming)
            raise SubmitError(
                f"{plural(len(coming), 'file')} still on the way ({amount(received)} "
                f"of {amount(size)}): submit when all have arrived, or cancel them"
            )
        arrived = self._arrived()
        if not arrived:
            raise SubmitError(
                "nothing has been uploaded: show the uploader in a cell of its own, "
                "and drop files on it"
            )
        run = pipeline.submit(self._arrivals.files(arrived), **options)
        self._mark_submitted(arrived)
        with self._gate:
            self.runs.append(run)
            views = self._freeze(MORE)
        _close(views)
        return run

    def add(self, *files: str | os.PathLike[str] | tuple[str, bytes]) -> None:
        """Take files from here, as if they had been dropped together.

        Args:
            files: Paths, or pairs of a name and bytes.

        Raises:
            SubmitError: Some are not taken; the message says which, and why.
        """
        drop = uuid.uuid4().hex
        with ExitStack() as opened:
            named = [_opened(each, opened) for each in files]
            arrivals = self._arrivals.expect(
                drop,
                [
                    Announced(f"{drop}-{place}", name, _length(file))
                    for place, (name, file) in enumerate(named)
                ],
            )
            for arrival, (_, file) in zip(arrivals, named, strict=True):
                for offset in range(0, arrival.size, CHUNK):
                    if arrival.status is not State.ARRIVING:
                        break
                    arrival.write(offset, file.read(CHUNK))
        self._tell(arrivals)
        self._advance(arrivals)
        if refused := [each for each in arrivals if each.status is not State.ARRIVED]:
            raise SubmitError(
                "; ".join(f"{each.name}: {each.error}" for each in refused)
            )

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until what was dropped is here and, with a pipeline, processed.

        Raises:
            TimeoutError: `timeout` seconds were not enough.
            DocProgressError: What was dropped could not be submitted.
        """
        ends = float("inf") if timeout is None else time.monotonic() + timeout
        while not settled(list(self._arrivals)) or self._ready():
            if time.monotonic() >= ends:
                raise TimeoutError(f"not everything is here after {timeout:g} s")
            time.sleep(TICK)
        if self._problem is not None:
            raise self._problem
        for run in list(self.runs) if self._pipeline is not None else ():
            left = None if timeout is None else max(ends - time.monotonic(), 0.0)
            run.wait(left)
        return self

    def summary(self) -> str:
        """A line for all files and one for each, with nothing else of any run."""
        return text(listing(list(self._arrivals)))

    @property
    def widget(self) -> Any:
        """The widget, to be put into a layout of your own.

        Raises:
            ImportError: The extra `notebook` is not installed.
        """
        _require_anywidget()
        with self._gate:
            return self._drawn()

    def close(self) -> None:
        """Remove the files, and leave a table where the uploader was; runs go on."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._closing.set()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._gate:
            for arrival in self._arrivals:
                arrival.end(State.CANCELLED)
            views = self._freeze(MORE if self._frozen else CLOSED)
        _close(views)
        self._arrivals.close()
        _open.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return self._bundle()["text/plain"]

    def _repr_html_(self) -> str:
        return self._bundle()["text/html"]

    def _display_(self) -> Any:
        """What marimo shows."""
        return self.widget

    def _ipython_display_(self) -> None:
        if not in_kernel():
            print(self._bundle(NO_PAGE)["text/plain"])  # noqa: T201 - it was asked for
            return

        from docprogress.notebook.live_output import publish

        if self._closed or not has_anywidget():
            publish(self._bundle(CLOSED if self._closed else HOW_TO_INSTALL))
            return
        with self._gate:
            if self._frozen:
                # What stands elsewhere by now stays as it is.
                self._shown, self._frozen = [], False
            shown = uuid.uuid4().hex
            publish(self._live(), display_id=shown)
            self._shown.append(shown)
            if not self._at_rest():
                self._work()

    # What is on the page.

    def _drawn(self) -> Any:
        """The model; in a box with the views of its runs if there may be any."""
        from docprogress.notebook.upload.widget import UploadWidget

        if self._model is None:
            self._model = UploadWidget(self._present, self._take)
        if self._pipeline is None:
            return self._model
        if self._box is None:
            import ipywidgets  # type: ignore[import-untyped]

            self._box = ipywidgets.VBox()
            self._arrange()
        return self._box

    def _arrange(self) -> None:
        """Put the views of the runs below, the newest first."""
        if self._box is None:
            return
        for run in self.runs:
            if run.id not in self._views:
                self._views[run.id] = ProgressView(run)
        views = [self._views[run.id].widget for run in reversed(self.runs)]
        for view in views:
            view.layout.margin = "8px 0 0"
        self._box.children = [self._model, *views]

    def _live(self) -> dict[str, Any]:
        model = self._drawn()
        view = {"version_major": 2, "version_minor": 0, "model_id": model.model_id}
        return {
            "application/vnd.jupyter.widget-view+json": view,
            **self._bundle(NO_PAGE),
        }

    def _bundle(self, note: str = "") -> dict[str, str]:
        arrivals = list(self._arrivals)
        # What is part of a run is in the run's own table, if that is here.
        found = listing(arrivals, submitted=self._pipeline is None)
        parts = [
            {
                "text/plain": text(found, note),
                "text/html": html(found, note),
            }
        ]
        if self._pipeline is not None:
            for run in reversed(self.runs):
                view = self._views.get(run.id) or ProgressView(run)
                parts.append(view._bundle())
        return {
            kind: "\n\n".join(part[kind] for part in parts)
            for kind in ("text/plain", "text/html")
        }

    def _freeze(self, note: str) -> list[ProgressView]:
        """Have a table take the place of what is alive, and end that.

        Returns:
            The views that are to be closed once the gate is open: the last view of a
            run waits for a thread that may be waiting for the gate.
        """
        if self._shown:
            from docprogress.notebook.live_output import publish

            data = self._bundle(note)
            for each in self._shown:
                publish(data, display_id=each, update=True)
        self._frozen = True
        views = list(self._views.values())
        if self._box is not None:
            self._box.layout.close()
            self._box.close()
        if self._model is not None:
            self._model.close()
        self._views, self._box, self._model = {}, None, None
        return views

    def _thaw(self) -> None:
        """Be alive again where the table stands."""
        if self._frozen and self._shown and not self._closed:
            from docprogress.notebook.live_output import publish

            self._frozen = False
            data = self._live()
            for each in self._shown:
                publish(data, display_id=each, update=True)
            self._work()

    # What a page says, on the main thread or a subshell's, and what it is told.

    def _take(self, message: Message, buffers: Sequence[memoryview]) -> None:
        match message:
            case {"type": "drop", "drop": str(drop), "files": list(files)}:
                announced = list(_announced(files))
                arrivals = self._arrivals.expect(drop, announced)
                self._tell(arrivals)
                self._advance(arrivals)
            case {"type": "chunk", "key": key, "offset": int(offset)} if buffers:
                self._chunk(key, offset, buffers[0])
            case {"type": "lost", "key": key, "error": str(error)}:
                self._end([key], State.FAILED, error)
            case {"type": "cancel", "keys": list(keys)}:
                self._end(keys, State.CANCELLED)
            case {"type": "forget", "keys": list(keys)}:
                self._send({"type": "gone", "keys": self._arrivals.forget(keys)})
            case {"type": "ask", "asked": int(asked), "keys": list(keys)}:
                self._answer(asked, keys)
            case {"type": "again"}:
                self._advance(self._arrivals)
            case {"type": "hold", "seconds": int(seconds) | float(seconds)}:
                kept = min(max(seconds, 0.0), LONGEST_HOLD)
                self._held_until = time.monotonic() + kept
            case _:
                log.warning("a page has said something unknown: %.100r", message)

    def _chunk(self, key: object, offset: int, block: memoryview) -> None:
        arrival = self._arrivals.find(key)
        if arrival is None:
            # Whoever sends it asks, and is told that nobody knows of it.
            return
        arrival.write(offset, block.cast("B"))
        told = {"type": "got", "key": key, "offset": offset, "file": arrival.to_dict()}
        self._send(told)
        self._advance([arrival])

    def _end(self, keys: Iterable[object], status: State, error: str = "") -> None:
        found = list(filter(None, map(self._arrivals.find, keys)))
        for arrival in found:
            arrival.end(status, error[:LONGEST_ERROR] or None)
        self._tell(found)
        self._advance(found)

    def _answer(self, asked: int, keys: Iterable[object]) -> None:
        """Say what is here of files whose sender has heard nothing for a while."""
        files = [
            arrival.to_dict() | {"have": arrival.have()}
            for arrival in filter(None, map(self._arrivals.find, keys))
        ]
        self._send({"type": "state", "asked": asked, "files": files})

    def _present(self) -> Message:
        """What a page is told that begins now."""
        arrivals = self._arrivals
        return {
            "session": self._session,
            "max_bytes": arrivals.max_bytes,
            "max_files": arrivals.max_files,
            "chunk": CHUNK,
            "suffixes": sorted(_suffixes()),
            "processed": self._pipeline is not None,
            "problem": self._said(),
            "files": [arrival.to_dict() for arrival in arrivals],
        }

    def _tell(self, arrivals: Sequence[IncomingFile]) -> None:
        if arrivals:
            files = [arrival.to_dict() for arrival in arrivals]
            self._send({"type": "files", "files": files, "problem": self._said()})

    def _send(self, message: Message) -> None:
        model = self._model
        if model is not None:
            model.send(message)

    def _said(self) -> str | None:
        return None if self._problem is None else redacted(str(self._problem))

    # What becomes of files that have arrived.

    def _arrived(self) -> list[IncomingFile]:
        return [each for each in self._arrivals if each.status is State.ARRIVED]

    def _advance(self, arrivals: Iterable[IncomingFile]) -> None:
        """Take care of drops of which nothing is on its way any more."""
        if self._pipeline is not None and any(settled([each]) for each in arrivals):
            # What could not be submitted is tried again with what has come now.
            self._problem = None
            self._work()

    def _ready(self) -> list[IncomingFile]:
        """What came together, is here, and is in no run yet."""
        if self._pipeline is None or self._problem is not None:
            return []
        for together in self._arrivals.drops():
            if settled(together):
                arrived = [each for each in together if each.status is State.ARRIVED]
                if waiting := [each for each in arrived if not each.submitted]:
                    return waiting
        return []

    def _work(self) -> None:
        """Have a thread see to what is to be done, until all has come to rest."""
        with self._gate:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._process, name="docprogress-upload", daemon=True
                )
                self._thread.start()

    def _process(self) -> None:
        try:
            self._submit_all()
        except Exception as error:
            log.exception("what was dropped is not processed any further")
            with self._gate:
                # The next file that is dropped begins another thread.
                self._thread, self._problem = None, error

    def _submit_all(self) -> None:
        frozen = False
        while not self._closing.is_set():
            together = self._ready()
            if together:
                self._submit(together)
                frozen = False
                continue
            views: list[ProgressView] = []
            with self._gate:
                rests = self._at_rest()
                if rests and (frozen or not self.runs or self._problem is not None):
                    self._thread = None
                    return
                if rests:
                    views = self._freeze(MORE)
                frozen = rests
            # Then look again: meanwhile a run may have been tried again.
            _close(views)
            if not rests:
                self._closing.wait(TICK)

    def _submit(self, together: list[IncomingFile]) -> None:
        assert self._pipeline is not None, "there is nothing that processes them"
        try:
            run = self._pipeline.submit(self._arrivals.files(together), **self._options)
        except Exception as error:
            if not isinstance(error, DocProgressError):
                log.exception("what was dropped could not be submitted")
            self._problem = error
            self._tell(together)
            return
        with self._gate:
            self.runs.append(run)
            self._arrange()
        self._mark_submitted(together)

    def _mark_submitted(self, arrivals: Sequence[IncomingFile]) -> None:
        for arrival in arrivals:
            arrival.submitted = True
        self._tell(arrivals)

    def _at_rest(self) -> bool:
        """Whether nothing is on its way, at work, or about to come."""
        return (
            settled(list(self._arrivals))
            and not self._ready()
            and time.monotonic() >= self._held_until
            and all(view._picture().finished for view in self._views.values())
        )


#: The longest reason of a page's that is kept, in characters.
LONGEST_ERROR = 300

#: Uploaders that may have something to hear of what is done to runs.
_open: weakref.WeakSet[Uploader] = weakref.WeakSet()


class _Observer:
    """Hears of what is done to runs in this process."""

    def retried(self, run: Run) -> None:
        for uploader in _of(run):
            with uploader._gate:
                uploader._thaw()

    def waited(self, run: Run) -> None:
        # So that whoever executes a notebook without looking finds the table.
        for uploader in _of(run):
            _eventually(uploader._at_rest)
            views: list[ProgressView] = []
            with uploader._gate:
                if uploader._at_rest():
                    views = uploader._freeze(MORE)
            _close(views)


def _of(run: Run) -> list[Uploader]:
    return [
        uploader
        for uploader in list(_open)
        if uploader._pipeline is not None
        and any(each.id == run.id for each in uploader.runs)
    ]


def _close(views: Iterable[ProgressView]) -> None:
    """Close views; no lock may be held."""
    for view in views:
        view.close()


def _eventually(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + SETTLE_SECONDS
    while not condition() and time.monotonic() < ends:
        time.sleep(TICK)


def _opened(
    what: str | os.PathLike[str] | tuple[str, bytes], opened: ExitStack
) -> tuple[str, BinaryIO]:
    """A file's name, and the file."""
    if isinstance(what, tuple):
        name, data = what
        return name, io.BytesIO(data)
    try:
        return os.fspath(what), opened.enter_context(Path(what).open("rb"))
    except OSError as error:
        raise SubmitError(
            f"{what}: {(error.strerror or str(error)).lower()}"
        ) from error


def _length(file: BinaryIO) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _announced(files: Sequence[Any]) -> Iterable[Announced]:
    """What a page says that it has, as far as it makes sense."""
    for each in files[:MOST_ANNOUNCED]:
        match each:
            case {"key": str(key), "name": str(name), "size": int(size)}:
                error = each.get("error")
                error = error[:LONGEST_ERROR] if isinstance(error, str) else None
                if len(key) <= LONGEST_KEY:
                    yield Announced(key, name, size, error)


def _suffixes() -> Iterable[str]:
    from docprogress.client.sources import SUFFIXES

    return SUFFIXES


_observer = _Observer()
