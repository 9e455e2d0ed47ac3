"""`Pipeline`: submit documents and find runs."""

import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from docprogress.bus.bus import Bus
from docprogress.client import hooks, run_lookup
from docprogress.client.changes import FolderChanges
from docprogress.client.connections import Connections
from docprogress.client.deletion_guard import limit
from docprogress.client.fingerprint import fingerprint
from docprogress.client.folder_documents import FolderDocuments
from docprogress.client.hooks import UploadView
from docprogress.client.remote_folders import folder_root
from docprogress.client.results import DocumentHandle
from docprogress.client.run import Run
from docprogress.client.search_scope import search_scope
from docprogress.client.sources import expand
from docprogress.client.submission import Submission
from docprogress.client.synchronizer import Synchronizer
from docprogress.client.watching import FolderWatch, log_problem
from docprogress.events import now
from docprogress.queueing import fair_share, protocol
from docprogress.search.reranking import Reranker
from docprogress.search.results import SearchResults
from docprogress.search.searching import Request, search
from docprogress.settings import RUN_SETTINGS, Settings, load, redacted
from docprogress.sinks.loading import find_sink
from docprogress.steps import load as load_step
from docprogress.steps import plan
from docprogress.steps.embed import embedder
from docprogress.storage import Spool
from docprogress.store import DocumentRow, RunRow, RunSummary

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


class Pipeline:
    """Submits documents to workers, which read, chunk and embed them.

    Without `redis_url`, local services are found or started: a private server and
    workers for the home folder, which outlive this process.

    Args:
        steps: Import paths or functions of custom steps, which are inserted between
            `extraction`, `chunking` and `embedding`; or all steps in order.
        chunker: A function, or its import path, that splits pages into chunks instead
            of the built-in step.
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
        self._sink = find_sink(self.settings.sink)
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
            case_id: The case that the documents belong to.
            skip_existing: Whether to skip files that the same steps have already
                processed, and to reuse their results.
            priority: Runs share the workers fairly, and small runs do not wait for
                large ones. 1 schedules a run as if it had an eighth of its size, -1 as
                if it had eight times its size.
            on_progress: Called with how many documents are stored, out of how many.

        Raises:
            SubmitError: Part of `what` does not exist; nothing was started.
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

    @overload
    def sync(
        self,
        root: str | os.PathLike[str],
        *,
        dry_run: Literal[True],
        case_id: str | None = None,
        max_delete: str | float = "20%",
        confirm: bool = False,
        checksum: bool = False,
        retry_failed: bool = False,
        priority: int = 0,
        storage_options: Mapping[str, Any] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> FolderChanges: ...

    @overload
    def sync(
        self,
        root: str | os.PathLike[str],
        *,
        dry_run: Literal[False] = False,
        case_id: str | None = None,
        max_delete: str | float = "20%",
        confirm: bool = False,
        checksum: bool = False,
        retry_failed: bool = False,
        priority: int = 0,
        storage_options: Mapping[str, Any] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Run: ...

    def sync(
        self,
        root: str | os.PathLike[str],
        *,
        dry_run: bool = False,
        case_id: str | None = None,
        max_delete: str | float = "20%",
        confirm: bool = False,
        checksum: bool = False,
        retry_failed: bool = False,
        priority: int = 0,
        storage_options: Mapping[str, Any] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Run | FolderChanges:
        """Bring the documents of a folder up to date, processing only what has changed.

        The run contains the changed documents; `run.changes` lists the files that were
        added, changed, moved and removed. The document of a changed file replaces the
        earlier one in searches and exports when it is completed; if it fails, the
        earlier one stays. Missing files disappear from searches and exports at once.

        Args:
            root: The folder: a path, or a URL that fsspec can list. Its secrets are not
                stored.
            dry_run: Whether to return the changes without applying them.
            case_id: The case that the documents belong to. Each case has its own state
                of the folder.
            max_delete: The maximum number of missing files, or their share of all
                files.
            confirm: Whether to accept any number of missing files.
            checksum: Whether to compare the content of all files, not only of those
                whose size or time has changed.
            retry_failed: Whether to retry files that failed and have not changed since.
            priority: As in `submit`.
            storage_options: Further arguments of fsspec's file system, for a URL.
            on_progress: Called with how many documents are stored, out of how many.

        Raises:
            SubmitError: The folder does not exist, or cannot be read.
            SyncRefused: More files are missing than `max_delete` allows, or all of
                them. Nothing was changed.
            SyncBusy: Another process synchronizes the folder.
            BusError: Redis cannot be reached; nothing was started.
        """
        folder = self._synchronizer(root, case_id, priority, storage_options)
        choices = {"checksum": checksum, "retry_failed": retry_failed}
        if dry_run:
            return folder.look(max_delete=max_delete, **choices)
        return folder.synchronize(
            max_delete=max_delete,
            confirm=confirm,
            on_progress=on_progress or (lambda *_: None),
            **choices,
        )

    def watch(
        self,
        root: str | os.PathLike[str],
        *,
        case_id: str | None = None,
        max_delete: str | float = "20%",
        priority: int = 0,
        interval: float | None = None,
        storage_options: Mapping[str, Any] | None = None,
        on_problem: Callable[[str | None], object] | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Run]:
        """Keep documents in sync with a folder, and yield a run for each change.

        It starts with everything that has changed since the last time, and continues
        until `stop` is set or the iteration ends. A file is processed within two
        seconds of being complete. Network drives and URLs, which send no change events,
        are checked regularly. If the folder or a service is unavailable, the iteration
        waits.

        Args:
            root: The folder, as for `sync`.
            case_id: What its documents belong to.
            max_delete: The maximum number of missing files, or their share of all
                files. If more are missing, their documents are kept until the files are
                back, or `sync` is called with `confirm=True`; other changes are
                processed.
            priority: As in `submit`.
            interval: Seconds between two checks of a folder without change events; the
                default is one, or five for a URL, and more if a check takes long.
            storage_options: Further arguments of fsspec's file system, for a URL.
            on_problem: Called with the reason when the folder cannot be synchronized or
                removals are withheld, or when the reason changes, and with None when it
                is over. By default it is logged.
            stop: Ends the iteration when it is set.

        Raises:
            SubmitError: `root` cannot be a folder.
            SettingsError: A setting has to be changed; waiting does not help.
        """
        folder = self._synchronizer(root, case_id, priority, storage_options)
        limit(max_delete, 1)
        return FolderWatch(
            folder.open_folder,
            partial(folder.synchronize_settled, max_delete=max_delete),
            on_problem=on_problem or log_problem,
            interval=interval,
            stop=stop,
        ).runs()

    def _synchronizer(
        self,
        root: str | os.PathLike[str],
        case_id: str | None,
        priority: int,
        storage_options: Mapping[str, Any] | None,
    ) -> Synchronizer:
        return Synchronizer(
            connections=self.connections,
            root=root,
            storage_options=storage_options or {},
            case_id=case_id,
            steps=self.steps,
            settings=self._run_settings(),
            own={
                "skip_existing": True,
                "priority": fair_share.validate_priority(priority),
                **self._sink_settings(),
            },
            add_run=lambda expected, own: self._add_run(
                expected, case_id=case_id, own=own
            ),
            cancel=lambda run_id: self.attach(run_id).cancel(),
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
        record = self._add_run(len(sources), case_id=case_id, own=own)
        run = Run(self.connections, record, skipped=skipped)
        Submission(
            self.connections,
            record,
            sources,
            cancel=run.cancel,
            on_progress=on_progress,
        ).submit()
        return run

    def _add_run(
        self, expected: int, *, case_id: str | None, own: dict[str, Any]
    ) -> RunRow:
        """Add a run without documents, and send its secrets to the workers."""
        for step in self.steps:
            load_step(step)
        self.connections.reach()
        run_id = f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        settings = self._run_settings()
        record = self.store.runs.add(
            run_id=run_id,
            case_id=case_id,
            expected=expected,
            steps=[step.to_dict() for step in self.steps],
            settings=settings | own | protocol.stamp(),
            fingerprint=fingerprint(self.steps, settings),
        )
        self.connections.share_passwords(run_id, self.settings.passwords)
        self.connections.share_sink(record)
        return record

    def _run_settings(self) -> dict[str, Any]:
        return {name: getattr(self.settings, name) for name in RUN_SETTINGS}

    def _sink_settings(self) -> dict[str, Any]:
        """The settings of a run with the address of its sink, without secrets."""
        if self._sink is None:
            return {}
        return {"sink": self._sink.public, "sink_folder": self._sink.folder}

    def folder(
        self, root: str | os.PathLike[str], *, case_id: str | None = None
    ) -> FolderDocuments:
        """The current documents of a folder that is kept in sync, to read and export.

        Args:
            root: The folder, as it was given to `sync`.
            case_id: The case for which it is kept in sync.

        Raises:
            SubmitError: It was never synchronized for this case.
        """
        return FolderDocuments.of(self.store, folder_root(root), case_id)

    def upload(self, **options: Any) -> UploadView:
        """An `Uploader` that processes documents dropped on it in a notebook.

        As the last line of a cell, it accepts files and shows their progress. Files
        dropped together become one run, which starts when all of them have arrived.

        Args:
            options: Options of `submit`: `case_id`, `skip_existing`, …
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
        found = run_lookup.run_id(self.store, run_id)
        return Run(self.connections, self.store.runs.get(found))

    def old_runs(self, older_than: timedelta) -> tuple[list[str], list[str]]:
        """Runs that ended before this age, and older runs that are unfinished.

        Each list starts with the oldest. `Run.delete` deletes the former.
        """
        return self.store.runs.old(now() - older_than)

    def document(self, document_id: str) -> DocumentRow:
        """The state of a document in the store.

        Raises:
            DocumentNotFound: There is none with this id.
        """
        return self.store.documents.get(document_id)

    def search(
        self,
        query: str,
        *,
        case_id: str | None = None,
        run: Run | str | Iterable[Run | str] | None = None,
        documents: DocumentHandle | str | Iterable[DocumentHandle | str] | None = None,
        kind: str | None = None,
        language: str | None = None,
        mode: str = "hybrid",
        limit: int = 10,
        offset: int = 0,
        rerank: str | Reranker | None = None,
        spelling: bool = True,
    ) -> SearchResults:
        """The passages that answer a query, best first.

        As the last line of a cell, the results display themselves with the query's
        words marked. `results.to_frame()` is a DataFrame, and `results.warnings` lists
        what could not be searched.

        Args:
            query: Words, or a question.
            case_id: Search only this case.
            run: Search only this run, or these runs: a `Run`, its id, the beginning of
                its id, or `latest`.
            documents: Search only these documents, given by ids or names. A container's
                member is named `mail.eml/contract.pdf`.
            kind: Search only passages of this kind: `text`, `table`, `code`, `list`.
            language: Search only documents whose metadata state this language: `de`
                finds `de` and `de-AT`.
            mode: `hybrid` finds passages by words and by vectors, `words` and `vectors`
                only by one of them.
            limit: The maximum number of passages.
            offset: How many passages to skip, for pages of results.
            rerank: Reorders the best 50 passages: a function of query and texts that
                returns scores, its import path `my_module:function`, or the name of a
                cross-encoder of sentence-transformers.
            spelling: Search for other words instead of those that no passage has: words
                that differ by a letter, or by two in long words. `results.corrections`
                states which. Codes, numbers and "quoted" words are never changed.

        Raises:
            SearchError: The query is empty, or another value cannot be used.
            RunNotFound: There is no such run.
            DocumentNotFound: There is no such document.
            SettingsError: `mode` is `vectors`, and the embedder is unavailable.
        """
        where = search_scope(
            self.store,
            run=run,
            case_id=case_id,
            documents=documents,
            kind=kind,
            language=language,
        )
        request = Request(
            query=query,
            where=where,
            mode=mode,
            limit=limit,
            offset=offset,
            rerank=rerank,
            spelling=spelling,
        )
        return search(self.store, request, settings=self.settings)

    def embed(self, text: str) -> "NDArray[float32]":
        """Embed a text with this pipeline's embedder, to query a sink.

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
