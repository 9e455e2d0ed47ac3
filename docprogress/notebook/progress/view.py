"""The live view of documents in a notebook, and its static forms."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from docprogress.client.pipeline import Pipeline
from docprogress.client.run import Run
from docprogress.notebook.environment import (
    HOW_TO_INSTALL,
    has_anywidget,
    in_kernel,
    require_anywidget,
)
from docprogress.notebook.live_output import publish
from docprogress.notebook.progress import table
from docprogress.notebook.progress.source import DocumentsSource, RunSource, Source
from docprogress.notebook.progress.view_model import ViewModel
from docprogress.notebook.widget_access import WidgetAccess
from docprogress.terminal import prompt

if TYPE_CHECKING:
    from docprogress.notebook.progress.session import ViewSession
    from docprogress.notebook.progress.widget import ProgressWidget


class ProgressView(WidgetAccess):
    """Shows the progress of a run, or of documents that any program publishes.

    As the last line of a cell it is live until every document has finished, and a
    table afterwards. Views of the same documents share one subscription.

    Args:
        run: The run to show.
    """

    def __init__(self, run: Run | Source) -> None:
        self._source = RunSource(run) if isinstance(run, Run) else run
        # Guards all that follows, because any thread may use a view.
        self._lock = threading.RLock()
        self._session: ViewSession | None = None
        self._display_ids: list[str] = []
        # Whether the widget was handed out, so that the session stays live for it.
        self._held = False
        self._closed = False
        # The last state before the view was closed.
        self._last: ViewModel | None = None

    @classmethod
    def attach(cls, run_id: str, **settings: Any) -> Self:
        """Show a run that was submitted elsewhere, or before a restart.

        Args:
            run_id: Its id, or the beginning of it, or `latest`.
            settings: Any field of `Settings`, such as where to find the run.

        Raises:
            RunNotFound: No run matches, or more than one.
        """
        pipeline = Pipeline(**settings)
        try:
            run = pipeline.attach(run_id)
        except BaseException:
            pipeline.close()
            raise
        return cls(RunSource(run, owned=True))

    @classmethod
    def watch(
        cls,
        *document_ids: str,
        redis_url: str | None = None,
        pipeline: Pipeline | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Self:
        """Show documents whose events any program publishes.

        Without `redis_url` and `pipeline`, use those of `Pipeline()`, whose local
        services are started if necessary.

        Args:
            document_ids: The ids of the documents, in display order.
            redis_url: The Redis on which their events are published.
            pipeline: The pipeline whose Redis that is. Its store provides details.
            names: Names by id, for documents whose events have none.

        Raises:
            BusError: The URL is invalid.
        """
        if not document_ids:
            raise TypeError("name at least one document to watch")
        given: tuple[Any, ...] = document_ids
        if not all(isinstance(each, str) and each for each in given):
            raise TypeError("document ids must be non-empty strings")
        if pipeline is not None and redis_url is not None:
            raise TypeError("give a redis_url or a pipeline, not both")
        owned = False
        if pipeline is None and redis_url is None:
            pipeline, owned = Pipeline(), True
        if pipeline is not None:
            redis_url = pipeline.redis_url
        assert redis_url is not None
        source = DocumentsSource(
            document_ids,
            names=names or {},
            redis_url=redis_url,
            pipeline=pipeline,
            owned=owned,
        )
        return cls(source)

    def summary(self) -> str:
        """Describe the documents in plain text: one line for all, and one for each.

        It contains names, states, steps and errors, but nothing that differs between
        two identical runs: no ids and no times.
        """
        return table.text(self._current())

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until every document has finished, successfully or not.

        An interrupt stops the waiting, not the documents.

        Raises:
            TimeoutError: `timeout` seconds have passed.
        """
        if (run := self._source.run) is not None:
            run.wait(timeout)
        elif not self._closed:
            self._join().wait(timeout)
        return self

    @property
    def widget(self) -> "ProgressWidget":
        """The widget, for your own layout; it stays live.

        Raises:
            ImportError: The extra `notebook` is not installed.
        """
        require_anywidget()
        with self._lock:
            session = self._join()
            if not self._held:
                session.hold()
                self._held = True
            return session.widget()

    @property
    def finished(self) -> bool:
        """Whether every document has finished."""
        return self._current().finished

    def static_bundle(self) -> dict[str, str]:
        """The static forms of the view by media type."""
        note = table.CLOSED if self._closed else HOW_TO_INSTALL
        if not self._closed and has_anywidget():
            note = ""
        return table.bundle(self._current(), note=note)

    def live_bundle(self) -> dict[str, str]:
        """The same, with an anchor in place of which a page draws the live view."""
        return self._join().live_bundle()

    def close(self) -> None:
        """Replace the view by a table; processing continues."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._last = self._current()
            session, display_ids, held = self._session, self._display_ids, self._held
            self._display_ids, self._held = [], False
        # Without the lock: the last view of a session waits for its thread.
        if session is None:
            self._source.close()
        else:
            from docprogress.notebook.progress.registry import registry

            registry.leave(session, display_ids, holds=int(held))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return self.static_bundle()["text/html"]

    def _display_(self) -> "ProgressWidget":
        """What marimo shows."""
        return self.widget

    def _ipython_display_(self) -> None:
        if not in_kernel():
            run = self._source.run
            prompt.print_once(
                self._current().progress, seconds=None if run is None else run.seconds
            )
            return
        if self._closed or not has_anywidget():
            publish(self.static_bundle())
            return
        with self._lock:
            display_id = self._join().show()
            if display_id is not None:
                self._display_ids.append(display_id)

    def _join(self) -> "ViewSession":
        from docprogress.notebook.progress.registry import registry

        with self._lock:
            if self._session is None:
                self._session = registry.join(self._source)
            return self._session

    def _current(self) -> ViewModel:
        if self._last is not None:
            return self._last
        if self._session is not None:
            return self._session.current()
        view_model = ViewModel(self._source)
        view_model.load()
        view_model.load_newest()
        return view_model
