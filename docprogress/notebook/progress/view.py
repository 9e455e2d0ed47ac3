"""The live view of documents in a notebook, and what stands there without one."""

import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.notebook.progress import table
from docprogress.notebook.progress.source import DocumentsSource, RunSource, Source
from docprogress.notebook.progress.view_model import ViewModel
from docprogress.terminal import prompt

if TYPE_CHECKING:
    from docprogress.notebook.progress.session import ViewSession
    from docprogress.notebook.progress.widget import ProgressWidget

#: What is said where the live view could be and is not.
HOW_TO_INSTALL = "install docprogress[notebook] to see this live"


class ProgressView:
    """Shows a run, or documents that anybody publishes, as they go on.

    As the last line of a cell it is alive until everything has come to rest, and a
    table from then on.  Views of the same documents share one subscription.

    Args:
        run: The run that is shown.
    """

    _watched: Source
    _lock: threading.RLock
    _feed: "ViewSession | None"
    #: What `ViewSession.leave` takes away again.
    _shown: list[str]
    _closed: bool
    _last: ViewModel | None

    def __init__(self, run: Run) -> None:
        self._begin(RunSource(run))

    @classmethod
    def attach(cls, run_id: str, **settings: Any) -> Self:
        """The view of a run that was submitted elsewhere, or before a restart.

        Args:
            run_id: Its id, or the beginning of it, or `latest`.
            settings: Where it is found: any field of `Settings`.

        Raises:
            RunNotFound: There is none, or more than one.
        """
        pipeline = Pipeline(**settings)
        try:
            run = pipeline.attach(run_id)
        except BaseException:
            pipeline.close()
            raise
        return cls._of(RunSource(run, owned=True))

    @classmethod
    def watch(
        cls,
        *document_ids: str,
        redis_url: str | None = None,
        pipeline: Pipeline | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Self:
        """The view of documents, whoever publishes what happens to them.

        Without `redis_url` and `pipeline`, they are those of `Pipeline()`, whose
        local services are started if need be.

        Args:
            document_ids: Their ids, in the order in which they are shown.
            redis_url: Where they are published.
            pipeline: Whose Redis that is, and whose store may know more of them.
            names: What they are called where no event says so, by id.

        Raises:
            BusError: The URL cannot be used.
        """
        if not document_ids:
            raise TypeError("name at least one document to watch")
        given: tuple[Any, ...] = document_ids
        if not all(isinstance(each, str) and each for each in given):
            raise TypeError("documents are named by strings that are not empty")
        if pipeline is not None and redis_url is not None:
            raise TypeError("give a redis_url or a pipeline, not both")
        owned = False
        if pipeline is None and redis_url is None:
            pipeline, owned = Pipeline(), True
        if pipeline is not None:
            redis_url = pipeline.redis_url
        assert redis_url is not None
        watched = DocumentsSource(
            document_ids,
            names=names or {},
            redis_url=redis_url,
            pipeline=pipeline,
            owned=owned,
        )
        return cls._of(watched)

    def summary(self) -> str:
        """A line for all documents and one for each, in their order.

        It holds names, states, steps and errors, and nothing that differs between
        two runs which went the same way: no id, no time, no place in memory.
        """
        return table.text(self._picture())

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until everything that is shown has come to rest, however it ended.

        An interrupt stops the waiting and nothing else.

        Raises:
            TimeoutError: `timeout` seconds were not enough.
        """
        if (run := self._watched.run) is not None:
            run.wait(timeout)
        elif not self._closed:
            self._joined().wait(timeout)
        return self

    @property
    def widget(self) -> "ProgressWidget":
        """The widget, to be put into a layout of your own; it stays alive.

        Raises:
            ImportError: The extra `notebook` is not installed.
        """
        _require_anywidget()
        with self._lock:
            feed = self._joined()
            if "" not in self._shown:
                self._shown.append(feed.hold())
            return feed.model()

    def close(self) -> None:
        """Leave a table where the view was; what it showed goes on."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            # What is asked later is answered with what was seen last.
            self._last = self._picture()
            feed, shown = self._feed, self._shown
            self._shown = []
        # Not under the lock: the last view of a feed waits for its thread.
        if feed is None:
            self._watched.close()
        else:
            feed.leave(shown)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return self._bundle()["text/html"]

    def _display_(self) -> "ProgressWidget":
        """What marimo shows."""
        return self.widget

    def _ipython_display_(self) -> None:
        if not in_kernel():
            run = self._watched.run
            prompt.print_once(
                self._picture().progress, seconds=None if run is None else run.seconds
            )
            return

        if self._closed or not has_anywidget():
            from docprogress.notebook.live_output import publish

            publish(self._bundle())
            return
        with self._lock:
            self._shown.append(self._joined().show())

    @classmethod
    def _of(cls, watched: Source) -> Self:
        view = cls.__new__(cls)
        view._begin(watched)
        return view

    def _begin(self, watched: Source) -> None:
        self._watched = watched
        # Guards all that follows, as any thread may use a view.
        self._lock = threading.RLock()
        self._feed = None
        self._shown = []
        self._closed = False
        self._last = None

    def _joined(self) -> "ViewSession":
        from docprogress.notebook.progress import session

        with self._lock:
            if self._feed is None:
                self._feed = session.join(self._watched)
            return self._feed

    def _bundle(self) -> dict[str, str]:
        note = table.CLOSED if self._closed else HOW_TO_INSTALL
        if not self._closed and has_anywidget():
            note = ""
        return table.bundle(self._picture(), note=note)

    def _picture(self) -> ViewModel:
        if self._last is not None:
            return self._last
        if self._feed is not None:
            return self._feed.refreshed()
        picture = ViewModel(self._watched)
        picture.begin()
        return picture


def in_kernel() -> bool:
    """Whether this is a kernel, which has a page to show things on."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def has_anywidget() -> bool:
    """Whether a live view can be drawn."""
    try:
        import_module("anywidget")
    except ImportError:
        return False
    return True


def _require_anywidget() -> None:
    if not has_anywidget():
        raise ImportError(
            "the live view needs anywidget: pip install 'docprogress[notebook]'"
        )
