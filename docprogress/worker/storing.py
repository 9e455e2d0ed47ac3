"""Store a document's chunks in the sink of its run, as the last step of an attempt.

Each document is stored exactly once: the intention to write is recorded first, so that
everything written can be found; each write replaces the whole document; and an attempt
that turns out to be over marks the document, so that a worker reconciles it (see
`worker/sink_settlement.py`).

A new version replaces the earlier one in the sink just before it is completed in the
store. If it fails or is cancelled in between, the earlier one is restored.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, cast

from docprogress.documents import Chunk
from docprogress.errors import ServiceUnavailable, SinkError
from docprogress.reporting.step_progress import StepProgress
from docprogress.settings import redacted
from docprogress.sinks import Sink, SinkDocument, SinkLocation, locate, open_sink
from docprogress.store import Claim, DocumentRow
from docprogress.store.sinks import SinkEntry
from docprogress.worker.attempt_writer import AttemptWriter

if TYPE_CHECKING:
    from docprogress.worker.processing import DocumentProcessor

log = logging.getLogger(__name__)

#: Seconds for which the worker itself waits for an unavailable sink, and between two
#: tries. After that, the document waits in the queue.
WAIT_SECONDS = 10.0
PAUSES = (0.1, 0.2, 0.5, 1.0)


class Storing:
    """Stores the chunks of one attempt at a document.

    Args:
        processor: The processor of the worker.
        entry: The document, and the sink of its run.
        attempt: The attempt.
        writer: Writes and publishes for the attempt.
    """

    def __init__(
        self,
        processor: "DocumentProcessor",
        entry: SinkEntry,
        attempt: int,
        *,
        writer: AttemptWriter,
    ) -> None:
        self._processor = processor
        self._sinks = processor.store.sinks
        self._entry = entry
        self._attempt = attempt
        self._writer = writer
        # The documents of which this attempt may change something in the sink.
        self._written: list[SinkEntry] = []

    @classmethod
    def of(
        cls, processor: "DocumentProcessor", claim: Claim, *, writer: AttemptWriter
    ) -> Self | None:
        """For a claimed document; None if its run has no sink."""
        settings, document = claim.run.settings, claim.document
        if "sink" not in settings:
            return None
        entry = SinkEntry(
            document.id,
            document.run_id,
            sink=settings["sink"],
            folder=settings.get("sink_folder"),
            queue=claim.run.steps[-1].get("queue"),
        )
        return cls(processor, entry, document.attempt, writer=writer)

    @property
    def sink(self) -> str:
        """The sink, without its secrets."""
        return self._entry.sink

    def store(
        self,
        chunks: Sequence[Chunk],
        progress: StepProgress,
        renew: Callable[[], None],
    ) -> None:
        """Replace the document's chunks in the sink.

        Args:
            chunks: Its chunks, with vectors.
            progress: Counts and publishes the stored chunks.
            renew: Begins the step's time without progress again.

        Raises:
            ServiceUnavailable: The sink was still unavailable after a wait.
            Superseded: The attempt is over.
            Cancelled: The document is to be cancelled.
        """
        location = self._processor.locate_sink(self._entry)
        sink = open_sink(location)
        begun = self._writer.write(
            lambda: self._sinks.begin(self._entry, self._attempt)
        )
        self._written = [self._entry, *begun.replaces]
        document = document_of(
            begun.document,
            new=begun.new,
            creates=begun.creates,
            replaces=tuple([entry.document_id for entry in begun.replaces]),
        )
        progress.total = len(chunks)

        def stored(count: int) -> None:
            renew()
            progress.update(count, message=f"Storing {count} of {len(chunks)} chunks")

        deadline = self._processor.clock() + WAIT_SECONDS
        pauses = iter(PAUSES)
        while True:
            try:
                self._upsert(sink, location, document, chunks, stored)
                self._delete_replaced(sink, document)
            except ServiceUnavailable as error:
                if self._processor.clock() >= deadline:
                    raise
                log.warning("waiting for %s: %s", error.service, redacted(str(error)))
            else:
                return
            self._writer.publish_message(f"Waiting for the sink ({location.name})")
            renew()
            self._processor.sleep(next(pauses, PAUSES[-1]))
            # Part of it may have been written.
            document = replace(document, new=False)

    def _delete_replaced(self, sink: Sink, document: SinkDocument) -> None:
        """Delete earlier versions from a sink that has not done so itself."""
        if document.replaces and not replaces_documents(sink):
            self._sinks.check(self._entry.document_id, self._attempt)
            sink.delete(document.replaces)

    def superseded(self) -> None:
        """Mark documents that this attempt may have written after the next one."""
        if self._written:
            self._writer.write(lambda: self._sinks.mark(*self._written))

    def _upsert(
        self,
        sink: Sink,
        location: SinkLocation,
        document: SinkDocument,
        chunks: Sequence[Chunk],
        stored: Callable[[int], None],
    ) -> None:
        # A commit that is interrupted here may go on in a library's own threads.
        whole = self._processor.uninterrupted if location.scheme else nullcontext
        with whole():
            made = sink.upsert(document, chunks)
        with closing(numbers(made, location)) as done:
            while True:
                with whole():
                    count = next(done, None)
                if count is None:
                    break
                stored(count)
                if count >= len(chunks):
                    # The last moment at which a sink that has locks is stopped.
                    self._sinks.check(self._entry.document_id, self._attempt)
        stored(len(chunks))


def numbers(made: Iterable[int] | None, location: SinkLocation) -> Generator[int]:
    """The numbers of stored chunks that a sink's `upsert` yields.

    Raises:
        SinkError: It yields something else.
    """
    if made is None or (not location.scheme and not isinstance(made, Iterator)):
        return
    with closing(cast("Any", made)) if hasattr(made, "close") else nullcontext():
        for count in made:
            if not isinstance(count, int):
                raise SinkError(
                    f"sink {location.public!r}: `upsert` must yield how many chunks "
                    f"are stored, not {type(count).__name__}"
                )
            yield count


def replaces_documents(sink: Sink) -> bool:
    """Whether a sink deletes earlier versions of a document when it writes it."""
    return bool(getattr(sink, "replaces_documents", False))


def locate_publicly(entry: SinkEntry) -> SinkLocation:
    """The sink of a document, without secrets.

    Raises:
        SettingsError: This version does not support such a sink.
    """
    return locate(entry.sink, folder=entry.folder)


def document_of(
    row: DocumentRow,
    *,
    new: bool = False,
    creates: bool = True,
    replaces: tuple[str, ...] = (),
) -> SinkDocument:
    """The document of a row of the store."""
    return SinkDocument(
        id=row.id,
        name=row.name,
        run_id=row.run_id,
        case_id=row.case_id,
        parent_id=row.parent_id,
        media_type=row.media_type,
        title=row.title,
        embedder=row.embedder,
        attempt=row.attempt,
        new=new,
        creates=creates,
        replaces=replaces,
        metadata=row.metadata or {},
    )
