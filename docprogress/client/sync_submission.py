"""Submit the changes of a folder: documents that replace earlier ones."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from docprogress.client.connections import Connections
from docprogress.client.folders import Folder
from docprogress.client.submission import ADDED_TOGETHER, Submission
from docprogress.client.sync_lock import SyncLock
from docprogress.client.sync_plan import Change
from docprogress.errors import BusError, Superseded
from docprogress.steps import Step
from docprogress.steps.definition import STORING_PATH
from docprogress.steps.planning import progress_spans
from docprogress.steps.signature import Kind
from docprogress.storage import Source
from docprogress.store import DocumentRow, NewDocument, RunRow
from docprogress.store.reuse import Remaining
from docprogress.store.source_rows import SubmittedFile
from docprogress.store.statements import batches


class ChangedFiles:
    """The files of planned changes, as sources of documents."""

    def __init__(self, folder: Folder, changes: Sequence[Change]) -> None:
        self._folder = folder
        self._changes = changes

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[Source]:
        for change in self._changes:
            yield self._folder.source(change.path)


class SyncSubmission(Submission):
    """Stores the changes of a folder, and sends them to the workers.

    Args:
        connections: Where the run is.
        run: The run, without documents yet.
        changes: Its documents.
        folder: Where their files are.
        lock: The lock of the folder.
        cancel: Cancels the run if the submission fails.
        on_progress: Called with how many documents are stored, out of how many.
    """

    def __init__(
        self,
        connections: Connections,
        run: RunRow,
        changes: Sequence[Change],
        *,
        folder: Folder,
        lock: SyncLock,
        cancel: Callable[[], object],
        on_progress: Callable[[int, int], None],
    ) -> None:
        sources = ChangedFiles(folder, changes)
        super().__init__(
            connections, run, sources, cancel=cancel, on_progress=on_progress
        )
        self._changes = changes
        self._lock = lock
        self._plan = [Step.from_dict(step) for step in run.steps]

    def _add(self) -> None:
        """Add the documents, together with the states of their files."""
        new = self._new_documents()
        for changes in batches(self._changes, ADDED_TOGETHER):
            self._lock.check()
            self._cancel_superseded(changes)
            given = [
                (_submitted(change), _replacing(document, change))
                for change, document in zip(changes, new, strict=False)
            ]
            self._store.sources.submit(self._lock.lock, given)

    def _cancel_superseded(self, changes: Sequence[Change]) -> None:
        """Cancel pending versions that no longer need to replace earlier ones."""
        ids = [each.superseded for each in changes if each.superseded is not None]
        if not ids:
            return
        chosen = self._store.sources.unfinished(ids)
        ended, requested = self._store.documents.cancel(document_ids=chosen)
        self._connections.publish_states(ended)
        if requested:
            with suppress(BusError):
                self._connections.bus.request_cancel(
                    {row.id: row.attempt for row in requested}
                )

    def _reuse(self, row: DocumentRow) -> DocumentRow | None:
        """The document with the results that it keeps, completed or queued."""
        change = self._changes[row.number - 1]
        current = change.current
        if not change.first_step or current is None or current.sha256 != row.sha256:
            return super()._reuse(row)
        if self._store.attempts.claim(row.id, row.attempt, worker="") is None:
            return None
        remaining = self._remaining(change.first_step)
        done = self._store.reuse.copy(
            current.id, row.id, row.attempt, remaining=remaining
        )
        if done is None:
            with suppress(Superseded):
                self._store.attempts.hand_over(row.id, row.attempt, message="Queued")
        return done

    def _remaining(self, position: int) -> Remaining:
        step = self._plan[position]
        return Remaining(
            step=step.name,
            position=position,
            progress=progress_spans(self._plan)[position][0],
            chunks=step.takes is Kind.CHUNKS,
            vectors=step.path == STORING_PATH,
        )


def _submitted(change: Change) -> SubmittedFile:
    return SubmittedFile(
        key=change.key,
        state=change.state,
        current_id=change.current and change.current.id,
        moved_from=change.moved_from,
    )


def _replacing(document: NewDocument, change: Change) -> NewDocument:
    return replace(document, replaces=change.replaces)
