"""A place in a notebook to drop files of any size.

Received files are on this machine, complete and with a checksum. Incomplete files leave
nothing behind.
"""

import inspect
import io
import os
import time
import uuid
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.errors import SubmitError
from docprogress.formatting import byte_size, plural
from docprogress.notebook.cells import attended
from docprogress.notebook.environment import (
    HOW_TO_INSTALL,
    has_anywidget,
    in_kernel,
    in_marimo,
    require_anywidget,
)
from docprogress.notebook.live_output import (
    LiveOutput,
    anchor,
    publish,
)
from docprogress.notebook.progress.expressions import attach_expression
from docprogress.notebook.progress.registry import registry
from docprogress.notebook.progress.view import ProgressView
from docprogress.notebook.upload.receiver import (
    CHUNK,
    Announced,
    IncomingFile,
    Receiver,
    State,
    UploadedFile,
    all_settled,
)
from docprogress.notebook.upload.session import (
    TICK,
    Message,
    UploadSession,
    close_views,
)
from docprogress.notebook.upload.summary import html, summarize, text
from docprogress.settings import MIB

if TYPE_CHECKING:
    from docprogress.notebook.upload.widget import UploadWidget

#: The default limits; that of bytes is the one of a document.
MAX_BYTES = 512 * MIB
MAX_FILES = 1_000

#: Seconds in which an uploader whose run was waited for becomes a table.
SETTLE_SECONDS = 3.0

#: Notes in the static form.
MORE = "Run the cell again to upload more."
CLOSED = "The uploader is closed."
NO_PAGE = "In a notebook, you can drop files here."
AGAIN = "Run the cell again to drop files here."


class Uploader:
    """Accepts files that are dropped on it, or chosen, as the last line of a cell.

    Files are kept in a temporary folder until the uploader is closed or Python ends.

    Args:
        max_bytes: The size limit of a file, shown in the page and checked before
            anything is sent.
        max_files: The maximum number of files.
        folder: Where to make the temporary folder. None uses the system's default,
            which may be small.
        pipeline: Processes the files as soon as they have arrived. See
            `Pipeline.upload`.
        options: Options of `Pipeline.submit`.
    """

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        max_files: int = MAX_FILES,
        folder: str | Path | None = None,
        pipeline: Pipeline | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        if max_bytes < 1 or max_files < 1:
            raise ValueError("max_bytes and max_files must be at least 1")
        place = None if folder is None else Path(folder).expanduser().absolute()
        #: The runs with the files, newest last.
        self.runs: list[Run] = []
        self._receiver = Receiver(
            max_bytes=max_bytes, max_files=max_files, folder=place
        )
        key = uuid.uuid4().hex
        self._output = LiveOutput(
            key,
            widget=self._live_widget,
            render_live=lambda: self._bundle(AGAIN, key=key),
            render_static=self._bundle,
            send=self._send,
        )
        # Guards all that follows, together with the outputs.
        self._lock = self._output.lock
        self._widget: UploadWidget | None = None
        self._box: Any = None
        self._views: dict[str, ProgressView] = {}
        # Whether the widget is shown without the views of the runs.
        self._alone = False
        self._closed = False
        self._session = UploadSession(
            self._receiver,
            key=key,
            output=self._output,
            pipeline=pipeline,
            options=options or {},
            send=self._send,
            on_submitted=self._add_run,
            runs=self.runs,
            guide=self._guide,
            views=lambda: list(self._views.values()),
            freeze=lambda: self._freeze(MORE),
        )
        _uploaders.add(self)
        if pipeline is not None:
            # First the sessions: an uploader closes views that they have to update.
            registry.observe(pipeline.connections)
            pipeline.connections.observe(_observer)

    @classmethod
    def into(cls, pipeline: Pipeline, **options: Any) -> Self:
        """Process dropped files with a pipeline: see `Pipeline.upload`."""
        inspect.signature(pipeline.submit).bind(None, **options)
        settings = pipeline.settings
        return cls(
            max_bytes=settings.max_bytes,
            folder=settings.home / "uploads" if settings.storage_url is None else None,
            pipeline=pipeline,
            options=options,
        )

    @property
    def files(self) -> list[UploadedFile]:
        """The files that have arrived, in the order in which they were dropped."""
        return self._receiver.files()

    def submit(self, pipeline: Pipeline, **options: Any) -> Run:
        """Process the files that have arrived; the uploader becomes a table.

        The files are kept, and can be submitted again.

        Args:
            pipeline: The pipeline that processes them.
            options: Options of `Pipeline.submit`.

        Raises:
            SubmitError: No file has arrived, or some are still arriving.
            BusError: Redis cannot be reached; nothing was started.
        """
        if self._closed:
            raise SubmitError("the uploader is closed, and its files were deleted")
        arriving = [each for each in self._receiver if each.status is State.ARRIVING]
        if arriving:
            received = sum(each.received for each in arriving)
            size = sum(each.size for each in arriving)
            raise SubmitError(
                f"{plural(len(arriving), 'file')} still uploading "
                f"({byte_size(received)} of {byte_size(size)}): submit when all have "
                "arrived, or cancel them"
            )
        arrived = [each for each in self._receiver if each.status is State.ARRIVED]
        if not arrived:
            raise SubmitError(
                "nothing has been uploaded: show the uploader in a separate cell, "
                "and drop files on it"
            )
        run = pipeline.submit(self._receiver.files(arrived), **options)
        self._session.mark_submitted(arrived)
        with self._lock:
            self.runs.append(run)
            views = self._freeze(MORE)
        close_views(views)
        return run

    def add(self, *files: str | os.PathLike[str] | tuple[str, bytes]) -> None:
        """Add files from this machine, as if they had been dropped together.

        Args:
            files: Paths, or pairs of a name and bytes.

        Raises:
            SubmitError: Some files were rejected; the message says which and why.
        """
        drop = uuid.uuid4().hex
        with ExitStack() as stack:
            opened = [_open(each, stack) for each in files]
            added = self._receiver.expect(
                drop,
                [
                    Announced(f"{drop}-{number}", name, _size(file))
                    for number, (name, file) in enumerate(opened)
                ],
            )
            for each, (_, file) in zip(added, opened, strict=True):
                _copy(file, each)
        self._session.announce(added)
        self._session.advance(added)
        if refused := [each for each in added if each.status is not State.ARRIVED]:
            raise SubmitError(
                "; ".join(f"{each.name}: {each.error}" for each in refused)
            )

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until all files have arrived and, with a pipeline, been processed.

        Raises:
            TimeoutError: `timeout` seconds have passed.
            DocProgressError: Files could not be submitted.
        """
        ends = float("inf") if timeout is None else time.monotonic() + timeout
        while not all_settled(self._receiver) or self._session.ready():
            if time.monotonic() >= ends:
                raise TimeoutError(f"not all files arrived within {timeout:g} s")
            time.sleep(TICK)
        if self._session.problem is not None:
            raise self._session.problem
        for run in list(self.runs) if self._session.pipeline is not None else ():
            left = None if timeout is None else max(ends - time.monotonic(), 0.0)
            run.wait(left)
        return self

    def summary(self) -> str:
        """Describe the files in plain text: one line for all, and one for each."""
        return text(summarize(list(self._receiver)))

    @property
    def widget(self) -> Any:
        """The widget, for your own layout.

        Raises:
            ImportError: The extra `notebook` is not installed.
        """
        require_anywidget()
        with self._lock:
            return self._live_widget()

    def close(self) -> None:
        """Remove the files, and replace the uploader by a table; runs continue."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._session.close()
        with self._lock:
            for each in self._receiver:
                each.end(State.CANCELLED)
            views = self._freeze(MORE if self._output.frozen else CLOSED)
        close_views(views)
        self._receiver.close()
        _uploaders.discard(self)

    def retried(self, run: Run) -> None:
        """Show the uploader live again, if finished documents of its runs restart."""
        if self._processes(run):
            with self._lock:
                frozen = self._output.frozen and self._output.displayed
                if frozen and not self._closed and attended():
                    self._output.thaw()
                    self._session.start()

    def waited(self, run: Run) -> None:
        """Show the table now, for notebooks that are executed without a page."""
        if self._processes(run):
            _eventually(lambda: self._session.at_rest)
            views: list[ProgressView] = []
            with self._lock:
                if self._session.at_rest:
                    views = self._freeze(MORE)
            close_views(views)

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
            print(self._bundle(NO_PAGE)["text/plain"])  # noqa: T201 - the user asked
            return
        if self._closed or not has_anywidget():
            publish(self._bundle(CLOSED if self._closed else HOW_TO_INSTALL))
            return
        with self._lock:
            if self._output.frozen:
                # Tables in other cells stay as they are.
                self._output.abandon()
            self._output.show(live=attended(), note=NO_PAGE)
            if not self._session.at_rest:
                self._session.start()

    def _processes(self, run: Run) -> bool:
        """Whether the uploader submitted this run to its own pipeline."""
        ids = [each.id for each in self.runs]
        return self._session.pipeline is not None and run.id in ids

    def _live_widget(self) -> Any:
        """The widget; with a pipeline, in a box with the views of its runs.

        marimo has no boxes, so the widget says there how to show the runs.
        """
        from docprogress.notebook.upload.widget import UploadWidget

        self._alone |= in_marimo()
        if self._widget is None:
            session = self._session
            self._widget = UploadWidget(session.snapshot, session.receive)
        if self._session.pipeline is None or self._alone:
            return self._widget
        if self._box is None:
            import ipywidgets  # type: ignore[import-untyped]

            self._box = ipywidgets.VBox()
            self._arrange()
        return self._box

    def _arrange(self) -> None:
        """Show the views of the runs below the widget, the newest first."""
        if self._box is None:
            return
        for run in self.runs:
            if run.id not in self._views:
                self._views[run.id] = ProgressView(run)
        views = [self._views[run.id].widget for run in reversed(self.runs)]
        for view in views:
            view.layout.margin = "8px 0 0"
        self._box.children = [self._widget, *views]

    def _bundle(self, note: str = "", *, key: str = "") -> dict[str, str]:
        """The static forms with a note; with a key, with anchors for what is live."""
        files = list(self._receiver)
        # With a pipeline, submitted files appear in the table of their run.
        summary = summarize(files, submitted=self._session.pipeline is None)
        table = html(summary, note)
        parts: list[dict[str, str]] = [
            {
                "text/plain": text(summary, note),
                "text/html": anchor(table, key) if key else table,
            }
        ]
        if self._session.pipeline is not None:
            for run in reversed(self.runs):
                view = self._views.get(run.id)
                if key and view is not None:
                    parts.append(view.live_bundle())
                else:
                    parts.append((view or ProgressView(run)).static_bundle())
        return {
            kind: "\n\n".join(part[kind] for part in parts)
            for kind in ("text/plain", "text/html")
        }

    def _freeze(self, note: str) -> list[ProgressView]:
        """Replace the live view by a table; the caller holds the lock.

        Returns:
            The views to close once the lock is released: closing the last view of a
            run waits for a thread that may be waiting for the lock.
        """
        self._output.freeze(note)
        views = list(self._views.values())
        if self._box is not None:
            self._box.layout.close()
            self._box.close()
        self._views, self._box = {}, None
        if self._widget is not None and (self._closed or not self._alone):
            self._widget.close()
            self._widget = None
        return views

    def _guide(self) -> str:
        """How to show the runs, where the widget is shown without their views."""
        if not self._alone or not self.runs:
            return ""
        run = self.runs[-1]
        expression = attach_expression(run.id, run.connections.settings)
        return f"To see run {run.id}, show this in another cell: {expression}"

    def _add_run(self, run: Run) -> None:
        with self._lock:
            self.runs.append(run)
            self._arrange()
            self._output.save()

    def _send(self, message: Message) -> None:
        widget = self._widget
        if widget is not None:
            widget.send(message)


class _Observer:
    """Notifies uploaders of retries of their runs."""

    def retried(self, run: Run) -> None:
        for uploader in list(_uploaders):
            uploader.retried(run)

    def waited(self, run: Run) -> None:
        for uploader in list(_uploaders):
            uploader.waited(run)


#: Uploaders that are not closed.
_uploaders: weakref.WeakSet[Uploader] = weakref.WeakSet()

_observer = _Observer()


def _eventually(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + SETTLE_SECONDS
    while not condition() and time.monotonic() < ends:
        time.sleep(TICK)


def _open(
    file: str | os.PathLike[str] | tuple[str, bytes], stack: ExitStack
) -> tuple[str, BinaryIO]:
    """The name of a file, and the open file."""
    if isinstance(file, tuple):
        name, data = file
        return name, io.BytesIO(data)
    try:
        return os.fspath(file), stack.enter_context(Path(file).open("rb"))
    except OSError as error:
        raise SubmitError(
            f"{file}: {(error.strerror or str(error)).lower()}"
        ) from error


def _size(file: BinaryIO) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _copy(file: BinaryIO, incoming: IncomingFile) -> None:
    for offset in range(0, incoming.size, CHUNK):
        if incoming.status is not State.ARRIVING:
            return
        incoming.write(offset, file.read(CHUNK))
