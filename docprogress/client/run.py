"""`Run`: the handle on documents that were submitted together.

A run does not belong to a process: every process that attaches to its id sees the same.
"""

import asyncio
import os
from collections.abc import (
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from docprogress.bus.subscription import Subscription
from docprogress.client import (
    control,
    exporting,
    frames,
    hooks,
    reading,
    results,
    run_report,
    waiting,
)
from docprogress.client.batches import BATCH_SIZE, document_batches
from docprogress.client.changes import FolderChanges
from docprogress.client.connections import Connections
from docprogress.client.deletion import Deleted, RunDeletion
from docprogress.client.results import DocumentHandle
from docprogress.client.run_summary import describe, with_changes
from docprogress.client.search_scope import search_scope
from docprogress.client.selections import RunSelection
from docprogress.client.stream import RunStream, as_ended, iterate_blocking, subscribe
from docprogress.documents import Chunk, Page, Table
from docprogress.errors import RunNotFound, StoreError
from docprogress.events import ProgressEvent, Status
from docprogress.exports.records import What
from docprogress.exports.writers import Format
from docprogress.progress.fold import Progress
from docprogress.search.query_vectors import query_vector
from docprogress.search.reranking import Reranker
from docprogress.search.results import SearchResults
from docprogress.search.searching import Request, search
from docprogress.steps.planning import stored_plan_spans
from docprogress.store import DocumentRow, RunRow

if TYPE_CHECKING:
    import pyarrow as pa
    from langchain_core.documents import Document as LangChainDocument
    from llama_index.core.schema import TextNode
    from numpy import float32
    from numpy.typing import NDArray
    from pandas import DataFrame

    from docprogress.plots.charts.style import Plot


class Run:
    """The documents that were submitted together.

    Args:
        connections: Where the run is.
        record: The run in the store.
        skipped: Files that were left out.
        changes: The changes of the folder, if the run is a sync.
    """

    def __init__(
        self,
        connections: Connections,
        record: RunRow,
        *,
        skipped: Sequence[str] = (),
        changes: FolderChanges | None = None,
    ) -> None:
        #: The connections of the pipeline, for the surfaces that show the run.
        self.connections = connections
        #: The run in the store.
        self.record = record
        self._store = connections.store
        self.id: str = record.id
        self.case_id: str | None = record.case_id
        #: Files in folders that were left out because their format is not supported.
        self.skipped: list[str] = list(skipped)
        self._changes = changes
        self._selection = RunSelection(record)

    def __repr__(self) -> str:
        return f"<Run {self.id}: {with_changes(self.summary(), self.changes)}>"

    @property
    def expected(self) -> int:
        """The number of submitted documents and of the members found in them."""
        with suppress(RunNotFound, StoreError):
            self.record = self._store.runs.get(self.id)
        return self.record.expected

    @property
    def changes(self) -> FolderChanges | None:
        """The changes that `Pipeline.sync` found in the folder; None for other runs."""
        if self._changes is None and "changes" in self.record.settings:
            self._changes = FolderChanges.from_dict(self.record.settings["changes"])
        return self._changes

    def summary(self) -> str:
        """A line of text: how many documents have each status."""
        return describe(
            self._store,
            self.id,
            expected=self.expected,
            not_handed_in=lambda: self.not_handed_in,
            changes=self.changes,
        )

    @property
    def waiting_for(self) -> str | None:
        """Why no document of the run is being processed.

        For example "waiting for queue gpu: no worker serves it", or "waiting behind run
        20260101-120000-3f9a01: 1,234 documents to go". None if one is being processed,
        or if the reason is unknown.
        """
        return waiting.waiting_for(self.connections, self.id)

    @property
    def seconds(self) -> float | None:
        """The seconds from submission to the last document's end; None before it."""
        found = self._store.runs.find(run_id=self.id)
        return found[0].seconds if found else None

    @property
    def not_handed_in(self) -> str | None:
        """Why some documents were never submitted; None if all were.

        The process that submitted them ended or was interrupted, and they were
        cancelled.
        """
        return self._store.submissions.abandoned_reason(self.id)

    def __len__(self) -> int:
        return self.expected

    def _ipython_display_(self) -> None:
        hooks.show(self)._ipython_display_()

    def _repr_html_(self) -> str:
        return hooks.show(self)._repr_html_()

    def _display_(self) -> Any:
        """What marimo shows."""
        return hooks.show(self)._display_()

    def documents(
        self,
        *,
        status: Status | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[DocumentRow]:
        """The documents in the order of submission, with their state in the store.

        Args:
            status: Return only documents with this status.
            after: Return only documents with greater numbers.
            limit: Return at most this many; `batches` reads all in batches.
        """
        return self._store.documents.find(
            self.id, status=status, after=after, limit=limit
        )

    def __getitem__(self, which: str) -> DocumentHandle:
        """The document with this name or id: its text, pages, tables, chunks.

        A member of a container is named after both: `run["mail.eml/contract.pdf"]`.

        Raises:
            DocumentNotFound: The run has none, or several with this name.
        """
        return results.document(self._store, self.record, which)

    # Without it, iteration would call `__getitem__` with 0.
    __iter__ = None

    def pages(self) -> Iterator[Page]:
        """The pages of all completed documents, in bounded memory."""
        return reading.pages(self._store, self.id)

    def chunks(self, *, vectors: bool = False) -> Iterator[Chunk]:
        """The chunks of all completed documents, in bounded memory.

        Args:
            vectors: Whether to read their vectors, too.
        """
        return reading.chunks(self._store, self.id, vectors=vectors)

    def tables(self) -> Iterator[Table]:
        """The tables of all completed documents, in bounded memory."""
        return reading.tables(self._store, self.id)

    def to_arrow(self, what: What = "chunks") -> "pa.Table":
        """The chunks with their vectors, pages, tables or documents, in memory.

        Vectors are lists of a fixed size. `what` is as for `export`.
        """
        return exporting.to_arrow(self._store, self._selection, what)

    def export(
        self,
        folder: str | os.PathLike[str],
        *,
        format: Format = "parquet",  # noqa: A002 - what pandas and others call it
        what: What = "chunks",
        progress: bool | exporting.OnProgress = False,
    ) -> Path:
        """Write the results of all completed documents into a folder.

        The folder appears only once it is complete, with a `manifest.json` that lists
        its files and the documents that were left out. An interrupted export continues
        where it stopped; an earlier export in the folder is replaced. pandas reads all
        parts with `pd.read_parquet(folder, ignore_prefixes=["manifest"])`.

        Args:
            folder: A new folder, an empty one, or that of an earlier export.
            format: `parquet`, `jsonl` and `csv` files of many records each, or
                `markdown`, with a file for each document. In CSV, each table has its
                own file, and cells that a spreadsheet would evaluate as formulas begin
                with an apostrophe.
            what: `chunks` with their vectors, `pages`, `tables` or `documents`.
            progress: Whether to show a progress bar, or a function that is called with
                the number of documents done and their total.

        Raises:
            ExportError: The folder contains something else or cannot be written, the
                disk is full, or a package is missing.
        """
        return exporting.export(
            self._store,
            self._selection,
            folder,
            format=format,
            what=what,
            progress=progress,
        )

    def to_langchain(self) -> "list[LangChainDocument]":
        """The chunks as LangChain documents, with their positions as metadata."""
        return exporting.to_langchain(self._store, self._selection)

    def to_llama_index(self) -> "list[TextNode]":
        """The chunks as LlamaIndex nodes, with their vectors."""
        return exporting.to_llama_index(self._store, self._selection)

    def batches(self, size: int = BATCH_SIZE) -> Iterator[list[DocumentRow]]:
        """All documents in batches of this size, in bounded memory."""
        return document_batches(self._store, self.id, size)

    def progress(self) -> Progress:
        """The current state of the run, from the store."""
        progress = self._new_progress()
        for rows in self.batches():
            for row in rows:
                progress.apply(row.event())
        return progress

    def watch(self) -> RunStream:
        """The current state of every document, then events until the run's end.

        Iterating raises `RunNotFound` once the run has been deleted.
        """
        return RunStream(self.connections, self.record)

    def subscribe(
        self, *, on_queue_reason: Callable[[str | None], object] | None = None
    ) -> Subscription:
        """Like `watch`, but without an end and without folding the events.

        Args:
            on_queue_reason: Called every few seconds, from another thread, with the
                reason why no document is being processed; None if one is, or if it is
                unknown.
        """
        return subscribe(self.connections, self.record, on_queue_reason=on_queue_reason)

    def wait(self, timeout: float | None = None) -> Self:
        """Return the run once every document has finished.

        A failed document does not raise an exception. An interrupt stops the waiting
        but not the run. At an IPython prompt, the progress is shown.

        Raises:
            TimeoutError: The run was unfinished after `timeout` seconds.
            RunNotFound: The run was deleted.
        """
        from docprogress.terminal import prompt

        stream = RunStream(
            self.connections, self.record, final_only=not prompt.at_prompt()
        )
        # Not the stream's, which is in another thread.
        progress = self._new_progress()
        with prompt.show_while_waiting(
            progress, lambda: stream.lost_at, seconds=lambda: self.seconds
        ) as shown:
            events = iterate_blocking(
                stream, timeout, wanted=lambda _: shown.visible, meanwhile=shown.draw
            )
            for event in events:
                shown.apply(event)
        self._notify_waited()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self._finish().__await__()

    async def _finish(self) -> Self:
        async with RunStream(self.connections, self.record, final_only=True) as events:
            async for _ in events:
                pass
        await asyncio.to_thread(self._notify_waited)
        return self

    def _notify_waited(self) -> None:
        for observer in list(self.connections.observers):
            observer.waited(self)

    def __aiter__(self) -> AsyncIterator[ProgressEvent]:
        return self._events()

    async def _events(self) -> AsyncIterator[ProgressEvent]:
        async with self.watch() as events:
            async for event in events:
                yield event

    def as_completed(self, timeout: float | None = None) -> Iterator[DocumentRow]:
        """Each document as soon as it has ended, completed or not.

        Raises:
            TimeoutError: The run was unfinished after `timeout` seconds.
        """
        return as_ended(self.connections, self.record, timeout)

    def cancel(self, document_ids: Sequence[str] | None = None) -> int:
        """Cancel unfinished documents; returns how many.

        Queued documents are cancelled at once, those in progress within moments.
        Documents that have not been submitted yet are cancelled, too.
        """
        return control.cancel(
            self.connections, self.id, document_ids, expected=self.expected
        )

    def retry(
        self,
        *,
        failed_only: bool = True,
        document_ids: Sequence[str] | None = None,
        passwords: Sequence[str] = (),
    ) -> int:
        """Retry failed and cancelled documents; returns how many.

        Completed steps are not repeated.

        Args:
            failed_only: False processes all documents again, including completed ones.
            document_ids: Retry only these documents.
            passwords: Passwords to try on encrypted documents. Workers can read them
                for a day; they are encrypted, and appear in no database, event or log.

        Raises:
            BusError: Redis, which passwords need, cannot be reached.
            RunTooNew: The run was submitted by a later version than this one.
        """
        count = control.retry(
            self.connections,
            self.record,
            document_ids,
            expected=self.expected,
            failed_only=failed_only,
            passwords=passwords,
        )
        for observer in list(self.connections.observers) if count else ():
            observer.retried(self)
        return count

    def delete(self, on_progress: Callable[[int, int], None] | None = None) -> Deleted:
        """Delete the run: documents, files, results and Redis keys.

        It works in batches: call it again to continue after an interruption. Other runs
        and their files are not affected.

        Args:
            on_progress: Called with how many documents are deleted, out of how many.

        Raises:
            RunNotFound: The run was already deleted.
            RunUnfinished: Documents are being processed or submitted: cancel the run
                first.
            BusError: Redis cannot be reached.
            TransientError: The storage of documents' files cannot be reached.
        """
        deletion = RunDeletion(
            self.connections, self.id, on_progress or (lambda *_: None)
        )
        return deletion.delete()

    def to_frame(self) -> "DataFrame":
        """A row for each document: its status, the time of each step, its error.

        Columns `<step>_seconds` show the newest attempt that completed the step.
        """
        return frames.documents_frame(self._store, self.record)

    def to_frames(self, batch_size: int = 10_000) -> "Iterator[DataFrame]":
        """Like `to_frame`, in batches of this many documents."""
        return frames.document_frames(self._store, self.record, batch_size)

    def events(self) -> "DataFrame":
        """The history: a row for each event that Redis keeps, oldest first.

        Redis keeps a few hundred events of a document that is being processed, and the
        last few dozen for some days after it has ended. A document without events has
        one row, its state in the store.
        """
        return frames.events_frame(self._store, self.record, self.connections.bus)

    def plot(self) -> "Plot":
        """Plot what each worker did and when, and documents per second.

        Each worker process has a track with a bar for each step of a document; failures
        and retries are marked.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from docprogress.plots.charts.timeline import timeline

        return timeline(self._store, self.record, self.connections.bus_to_look_back)

    def report(self, target: str | os.PathLike[str]) -> Path:
        """Write a self-contained HTML report of the run.

        It shows the documents, which can be sorted and filtered, failures with their
        reasons, a timeline and more. The report of an unfinished run shows its current
        state.

        Raises:
            ExportError: The file cannot be written.
        """
        return run_report.write_report(
            self.connections, self.record, target, summary=self.summary()
        )

    def search(
        self,
        query: str,
        limit: int = 10,
        *,
        documents: DocumentHandle | str | Iterable[DocumentHandle | str] | None = None,
        kind: str | None = None,
        language: str | None = None,
        mode: str = "hybrid",
        offset: int = 0,
        rerank: str | Reranker | None = None,
        spelling: bool = True,
    ) -> SearchResults:
        """The passages of this run that answer a query, best first.

        `Pipeline.search` describes the arguments.
        """
        where = search_scope(
            self._store, run=self, documents=documents, kind=kind, language=language
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
        return search(self._store, request, settings=self.connections.settings)

    def embed(self, query: str) -> "NDArray[float32]":
        """Embed a query with the run's embedder, to query a vector store.

        Raises:
            SettingsError: The embedder is unavailable here.
        """
        return query_vector(self.record, query, settings=self.connections.settings)

    def _new_progress(self) -> Progress:
        return Progress(
            expected=self.expected, steps=stored_plan_spans(self.record.steps)
        )
