"""Keep the documents of a case in sync with a folder.

New and changed files are submitted as documents of a new run; the documents of missing
files are retired. The document of a changed file replaces the earlier one when it is
completed (see `store.versions`), so an interrupted sync leaves the earlier state, and
the next one continues.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from docprogress.client.changes import KEPT_PATHS, FolderChanges
from docprogress.client.connections import Connections
from docprogress.client.deletion_guard import DeletionGuard, limit
from docprogress.client.fingerprint import step_sources
from docprogress.client.folders import Folder
from docprogress.client.staleness import STEP_SOURCES, Staleness
from docprogress.client.sync_lock import SyncLock
from docprogress.client.sync_plan import Planner, SyncPlan
from docprogress.client.sync_submission import SyncSubmission
from docprogress.errors import (
    BusError,
    DocProgressError,
    RunNotFound,
)
from docprogress.settings import redacted
from docprogress.steps import Step
from docprogress.store import RunRow
from docprogress.store.source_rows import SourceRow
from docprogress.store.statements import batches

log = logging.getLogger(__name__)

#: Retired documents whose files are deleted at once, and the threads that do.
DISCARDED_TOGETHER = 100
THREADS = 8


class FolderSync:
    """Synchronizes one folder.

    Args:
        connections: Where the documents are.
        folder: The folder.
        case_id: What its documents belong to.
        plan: The steps of its documents.
        settings: Their settings, with the sink.
        fingerprint: Of both.
    """

    def __init__(
        self,
        connections: Connections,
        folder: Folder,
        *,
        case_id: str | None,
        plan: Sequence[Step],
        settings: Mapping[str, Any],
        fingerprint: str,
    ) -> None:
        self._connections = connections
        self._store = connections.store
        self._folder = folder
        self._case_id = case_id
        self._steps = plan
        self._settings = settings
        self._fingerprint = fingerprint

    def look(self, *, max_delete: str | float, **options: Any) -> FolderChanges:
        """What a synchronization would do; nothing is changed."""
        source, plan = self._compare(options)
        refusal = self._guard(source, max_delete).refusal(plan)
        return plan.describe(self._folder.root, refusal)

    def survey(
        self, *, max_delete: str | float, **options: Any
    ) -> tuple[bool, FolderChanges]:
        """Whether there is anything to do, or to be remembered; and what there is.

        Removals of too many files are withheld.

        Raises:
            SubmitError: The folder does not exist, or cannot be read.
        """
        source, plan = self._compare(options)
        guard = self._guard(source, max_delete)
        refusal = guard.refusal(plan)
        withheld_of = guard.withhold(plan)
        remembered = None if source is None else source.withheld_of
        to_do = plan.changes or plan.removed or plan.moves or plan.touched
        found = plan.describe(self._folder.root, refusal)
        return bool(to_do) or withheld_of != remembered, found

    def synchronize(
        self,
        *,
        max_delete: str | float,
        confirm: bool,
        add_run: Callable[[int, dict[str, Any]], RunRow],
        cancel: Callable[[str], object],
        on_progress: Callable[[int, int], None],
        always: bool = True,
        withhold: bool = False,
        **options: Any,
    ) -> tuple[RunRow | None, FolderChanges]:
        """Submit new and changed files, and retire missing ones.

        Args:
            max_delete: The maximum number of missing files, or their share: `20%`.
            confirm: Whether to accept any number of missing files.
            add_run: Makes the run, given how many documents it has, and its settings.
            cancel: Cancels a run.
            on_progress: Called with how many documents are stored, out of how many.
            always: Whether to make a run also if there is nothing to do.
            withhold: Whether to keep the documents of too many missing files, instead
                of raising an error.
            options: Of `Planner`.

        Raises:
            SubmitError: The folder does not exist, or cannot be read.
            SyncRefused: Too many of its files are missing, and `withhold` is false.
            SyncBusy: Another process synchronizes it.
        """
        limit(max_delete, 1)
        source = self._store.sources.add(self._folder.root, self._case_id)
        with SyncLock(self._store.sources, source) as lock:
            # As the process before this one has left it.
            source = self._store.sources.get(source.root, source.case_id) or source
            self._store.sources.settle(source.id)
            planner = self._planner(renew=lock.check, **options)
            plan = planner.plan(self._store.sources.files(source.id))
            guard = self._guard(source, max_delete)
            if not (confirm or withhold):
                guard.refuse(plan)
            refusal = guard.refusal(plan)
            withheld_of = None if confirm else guard.withhold(plan)
            changes = plan.describe(self._folder.root, refusal)
            if withheld_of != source.withheld_of:
                self._store.sources.withhold(lock.lock, withheld_of)
            if not (always or changes):
                self._store.sources.touch(lock.lock, plan.touched)
                return None, changes
            own = {
                "changes": changes.to_dict(KEPT_PATHS),
                "source": source.id,
                STEP_SOURCES: step_sources(self._steps),
            }
            record = add_run(len(plan.changes), own)
            self._store.sources.touch(lock.lock, plan.touched)
            gone = self._store.sources.remove(
                lock.lock, [file.key for file in plan.removed]
            )
            self._cancel_retired(gone)
            SyncSubmission(
                self._connections,
                record,
                plan.changes,
                folder=self._folder,
                lock=lock,
                cancel=lambda: cancel(record.id),
                on_progress=on_progress,
            ).submit()
            self._discard()
            self._store.sources.finish(
                lock.lock, fingerprint=self._fingerprint, run_id=record.id
            )
            self._forget_idle_run(source.run_id)
        return record, changes

    def _compare(self, options: dict[str, Any]) -> tuple[SourceRow | None, SyncPlan]:
        """What is known of the folder, compared with it."""
        source = self._store.sources.get(self._folder.root, self._case_id)
        files = iter(()) if source is None else self._store.sources.files(source.id)
        return source, self._planner(**options).plan(files)

    def _guard(
        self, source: SourceRow | None, max_delete: str | float
    ) -> DeletionGuard:
        return DeletionGuard(
            root=self._folder.root,
            max_delete=max_delete,
            withheld_of=None if source is None else source.withheld_of,
        )

    def _planner(self, **options: Any) -> Planner:
        sources = self._store.sources
        staleness = Staleness(
            self._steps,
            self._settings,
            self._fingerprint,
            run=self._store.runs.cached,
            members=sources.members,
            has_sparse_pages=sources.has_sparse_pages,
        )
        most = self._settings.get("max_bytes")
        return Planner(self._folder, staleness.first_step, max_bytes=most, **options)

    def _cancel_retired(self, document_ids: Sequence[str]) -> None:
        """Cancel retired documents that workers are still processing."""
        for some in batches(document_ids):
            rows = self._store.documents.find(ids=some)
            attempts = {row.id: row.attempt for row in rows if not row.status.final}
            self._connections.publish_states(rows)
            if attempts:
                with suppress(BusError):
                    self._connections.bus.request_cancel(attempts)

    def _forget_idle_run(self, run_id: str | None) -> None:
        """Delete the run of the last synchronization if that found nothing to do.

        A folder that is synchronized every minute would leave hundreds of them a day.
        """
        if run_id is None:
            return
        with suppress(RunNotFound):
            run = self._store.runs.get(run_id)
            found = FolderChanges.from_dict(run.settings["changes"])
            if not run.expected and not found:
                self._store.runs.delete_empty(run_id)

    def _discard(self) -> None:
        """Delete the files and results of retired documents.

        After an error, the next sync deletes the rest.
        """
        sources = self._store.sources
        try:
            while ids := sources.discardable(limit=DISCARDED_TOGETHER):
                with ThreadPoolExecutor(THREADS) as threads:
                    for _ in threads.map(self._connections.files.delete, ids):
                        pass
                sources.discard(ids)
        except DocProgressError as error:
            log.warning(
                "retired documents will be deleted later: %s", redacted(str(error))
            )
