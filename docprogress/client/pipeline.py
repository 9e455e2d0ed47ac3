"""`Pipeline`: submit documents and find runs."""

import secrets
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from docprogress.bus.bus import Bus
from docprogress.client import hooks
from docprogress.client.connections import Connections
from docprogress.client.fingerprint import fingerprint
from docprogress.client.hooks import UploadView
from docprogress.client.run import Run
from docprogress.client.sources import expand
from docprogress.client.submission import Submission
from docprogress.errors import RunNotFound
from docprogress.events import now
from docprogress.queueing import fair_share, protocol
from docprogress.search import nearest
from docprogress.settings import RUN_SETTINGS, Settings, load, redacted
from docprogress.sinks.loading import folder_of, sink_class
from docprogress.sinks.location import SinkLocation, locate
from docprogress.steps import load as load_step
from docprogress.steps import plan
from docprogress.steps.embed import embedder
from docprogress.storage import Spool
from docprogress.store import DocumentRow, RunSummary

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray
    from pandas import DataFrame


class Pipeline:
    """Takes documents, and has them read, chunked and embedded by workers.

    Without a Redis of yours, local services are found or started: a private server and
    workers for the home folder, which outlive this process.

    Args:
        steps: Import paths or functions of custom steps, which are inserted among
            `extraction`, `chunking` and `embedding`; or all steps in order.
        chunker: The import path of a function, or the function, that makes chunks of
            pages instead of the built-in step.
        start: Whether to start local services now, rather than when they are needed.
        settings: Any field of `Settings`: `home`, `redis_url`, `workers`, …

    Raises:
        SettingsError: A setting cannot be used.
        StepError: A step cannot be found, or does not fit.
        ServicesError: Local services cannot be started.
        BusRefused: Redis or the broker wants another password, certificate or
            permission.
        StoreError: The database cannot be used.
    """

    def __init__(
        self,
        *,
        steps: Iterable[Any] | None = None,
        chunker: str | Callable[..., Any] | None = None,
        start: bool = True,
        **settings: Any,
    ) -> None:
        named = chunker if isinstance(chunker, str) else None
        self.settings: Settings = load(chunker=named, **settings)
        self._sink = self._locate_sink()
        self.steps = plan(
            steps,
            sink=self._sink is not None,
            chunker=chunker or self.settings.chunker,
        )
        #: Everything that the pipeline is connected to.
        self.connections = Connections(self.settings, start=start)
        self.store = self.connections.store
        self.files = self.connections.files

    def __repr__(self) -> str:
        where = (
            f"home={str(self.settings.home)!r}"
            if self.settings.redis_url is None
            else f"redis_url={redacted(self.settings.redis_url)!r}"
        )
        return f"Pipeline({where}, steps={[step.name for step in self.steps]})"

    @property
    def bus(self) -> Bus:
        """The bus; local services are started if they are gone."""
        return self.connections.bus

    @property
    def redis_url(self) -> str:
        """The URL of Redis, which may be a local service's socket."""
        return self.connections.redis_url

    def submit(
        self,
        what: Any,
        *,
        case_id: str | None = None,
        skip_existing: bool = False,
        priority: int = 0,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Run:
        """Store documents and start processing them, without waiting for the results.

        Args:
            what: Paths, globs, folders, http(s) URLs, bytes, `(name, bytes)` pairs,
                binary file objects, `uploader.files`, or the value of Jupyter's
                `FileUpload`: one of them or any number. An iterator of any length is
                consumed in bounded memory.
            case_id: What the documents belong to.
            skip_existing: Whether a file whose content the store already has results
                for, of the same steps, completes at once.
            priority: Runs share the workers fairly, and small runs do not wait for
                large ones. 1 schedules a run as if it had an eighth of its size, -1 as
                if it had eight times its size.
            on_progress: Called with how many documents are stored, out of how many.

        Raises:
            SubmitError: Something of `what` does not exist; nothing was started.
            BusError: Redis cannot be reached; nothing was started.
        """
        sources, skipped = expand(what)
        with closing(sources):
            return self._submit(
                sources,
                skipped,
                case_id=case_id,
                own={
                    "skip_existing": skip_existing,
                    "priority": fair_share.validate_priority(priority),
                    **self._sink_settings(),
                },
                on_progress=on_progress or (lambda *_: None),
            )

    def _submit(
        self,
        sources: Spool,
        skipped: list[str],
        *,
        case_id: str | None,
        own: dict[str, Any],
        on_progress: Callable[[int, int], None],
    ) -> Run:
        for step in self.steps:
            load_step(step)
        self.connections.reach()
        run_id = f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        settings = {name: getattr(self.settings, name) for name in RUN_SETTINGS}
        record = self.store.runs.add(
            run_id=run_id,
            case_id=case_id,
            expected=len(sources),
            steps=[step.to_dict() for step in self.steps],
            settings=settings | own | protocol.stamp(),
            fingerprint=fingerprint(self.steps, settings),
        )
        run = Run(self.connections, record, skipped=skipped)
        self.connections.share_passwords(run_id, self.settings.passwords)
        self.connections.share_sink(record)
        Submission(
            self.connections,
            record,
            sources,
            cancel=run.cancel,
            on_progress=on_progress,
        ).submit()
        return run

    def _locate_sink(self) -> SinkLocation | None:
        if self.settings.sink is None:
            return None
        location = locate(self.settings.sink)
        if location.scheme:
            return location
        sink_class(location)
        return replace(location, folder=folder_of(location))

    def _sink_settings(self) -> dict[str, Any]:
        """What a run keeps of its sink: no secret."""
        if self._sink is None:
            return {}
        return {"sink": self._sink.public, "sink_folder": self._sink.folder}

    def upload(self, **options: Any) -> UploadView:
        """An `Uploader` to drop documents on in a notebook; they are processed at once.

        As the last line of a cell it accepts files and shows their progress. Files
        dropped together are one run, which starts when all of them have arrived.

        Args:
            options: Of `submit`: `case_id`, `skip_existing`, …
        """
        return hooks.upload(self, **options)

    def runs(self, *, case_id: str | None = None, limit: int = 100) -> list[RunSummary]:
        """The runs of this store, newest first."""
        return self.store.runs.find(case_id=case_id, limit=limit)

    def attach(self, run_id: str) -> Run:
        """The run with this id, a unique prefix of an id, or `latest`.

        Raises:
            RunNotFound: There is none, or more than one.
        """
        with suppress(RunNotFound):
            return Run(self.connections, self.store.runs.get(run_id))
        if run_id == "latest":
            found = self.store.runs.ids("", limit=1)
        else:
            # Two are enough to know that it is not unique.
            found = self.store.runs.ids(run_id, limit=2) if run_id else []
        if len(found) != 1:
            raise RunNotFound(run_id)
        return Run(self.connections, self.store.runs.get(found[0]))

    def old_runs(self, older_than: timedelta) -> tuple[list[str], list[str]]:
        """Runs that ended longer ago than that, and older ones that have not ended.

        The oldest come first. `Run.delete` deletes the former.
        """
        return self.store.runs.old(now() - older_than)

    def document(self, document_id: str) -> DocumentRow:
        """A document as the store has it.

        Raises:
            DocumentNotFound: There is none with this id.
        """
        return self.store.documents.get(document_id)

    def search(
        self, query: str, *, run_id: str | None = None, limit: int = 10
    ) -> "DataFrame":
        """The chunks nearest to a query, of one run or of all: see `Run.search`."""
        wanted = [run_id] if run_id else [row.id for row in self.runs(limit=100_000)]
        rows = [self.store.runs.get(found) for found in wanted]
        return nearest(self.store, rows, query, settings=self.settings, limit=limit)

    def embed(self, text: str) -> "NDArray[float32]":
        """The vector of a text, by this pipeline's embedder: to search a sink with.

        Raises:
            SettingsError: The embedder is not installed here.
            ServiceUnavailable: Its endpoint cannot be reached.
        """
        vector: NDArray[float32] = embedder(self.settings).embed([text])[0]
        return vector

    def close(self) -> None:
        """Close all connections. Runs and local services continue."""
        self.connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
