"""Keep the documents of a case in sync with a folder.

New and changed files are submitted as documents of a new run; the documents of missing
files are retired. The document of a changed file replaces the earlier one when it is
completed (see `store.versions`), so an interrupted sync leaves the earlier state, and
the next one continues.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from docprogress.client.changes import KEPT_PATHS, FolderChanges
from docprogress.client.connections import Connections
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
    SettingsError,
    SyncRefused,
)
from docprogress.settings import redacted
from docprogress.steps import Step
from docprogress.store import RunRow
from docprogress.store.statements import batches

log = logging.getLogger(__name__)

#: Retired documents whose files are deleted at once, and the threads that do.
DISCARDED_TOGETHER = 100
THREADS = 8

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


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

    def look(self, **options: Any) -> FolderChanges:
        """The plan of a sync; nothing is changed."""
        source = self._store.sources.get(self._folder.root, self._case_id)
        files = iter(()) if source is None else self._store.sources.files(source.id)
        max_delete = options.pop("max_delete")
        plan = self._planner(**options).plan(files)
        return plan.describe(self._folder.root, self._refusal(plan, max_delete))

    def is_in_step(self, *, max_delete: str | float, **options: Any) -> bool:
        """Whether there is nothing to do, nor to be remembered.

        Raises:
            SubmitError: The folder does not exist, or cannot be read.
            SyncRefused: Too many of its files are missing.
        """
        source = self._store.sources.get(self._folder.root, self._case_id)
        files = iter(()) if source is None else self._store.sources.files(source.id)
        plan = self._planner(**options).plan(files)
        self._refuse(plan, max_delete)
        return not (plan.changes or plan.removed or plan.moves or plan.touched)

    def synchronize(
        self,
        *,
        max_delete: str | float,
        confirm: bool,
        add_run: Callable[[int, dict[str, Any]], RunRow],
        cancel: Callable[[str], object],
        on_progress: Callable[[int, int], None],
        always: bool = True,
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
            options: Of `Planner`.

        Raises:
            SubmitError: The folder does not exist, or cannot be read.
            SyncRefused: Too many of its files are missing.
            SyncBusy: Another process synchronizes it.
        """
        limit(max_delete, 1)
        source = self._store.sources.add(self._folder.root, self._case_id)
        with SyncLock(self._store.sources, source) as lock:
            self._store.sources.settle(source.id)
            planner = self._planner(renew=lock.check, **options)
            plan = planner.plan(self._store.sources.files(source.id))
            if not confirm:
                self._refuse(plan, max_delete)
            refusal = self._refusal(plan, max_delete)
            changes = plan.describe(self._folder.root, refusal)
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

    def _refuse(self, plan: SyncPlan, max_delete: str | float) -> None:
        refusal = self._refusal(plan, max_delete)
        if refusal is not None:
            raise SyncRefused(
                f"{refusal}; nothing was changed. If that is intended, confirm it with "
                "pipeline.sync(…, confirm=True)",
                removed=len(plan.removed),
                known=plan.known,
            )

    def _refusal(self, plan: SyncPlan, max_delete: str | float) -> str | None:
        """Why too many files are missing; None if they are not."""
        gone, root = len(plan.removed), self._folder.root
        if gone and not plan.found:
            return (
                f"{root} has no documents any more, of {plan.known:,} that it had: is "
                "it a drive that is not mounted?"
            )
        if gone > limit(max_delete, plan.known):
            return (
                f"{gone:,} of {plan.known:,} files of {root} are missing, more than "
                f"max_delete={max_delete!r} allows"
            )
        return None

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


def limit(max_delete: str | float, known: int) -> float:
    """The maximum number of missing files, of those that are known.

    Raises:
        SettingsError: It is neither a number nor a percentage.
    """
    share = (
        _SHARE.fullmatch(max_delete.strip()) if isinstance(max_delete, str) else None
    )
    if share is not None:
        found = float(share[1]) * known / 100
    elif isinstance(max_delete, str) and max_delete.strip().isdecimal():
        found = int(max_delete)
    elif isinstance(max_delete, int) and not isinstance(max_delete, bool):
        found = max_delete
    elif isinstance(max_delete, float) and 0 <= max_delete <= 1:
        found = max_delete * known
    else:
        found = -1
    if found < 0:
        raise SettingsError(
            f"max_delete must be a number of files or a percentage, not {max_delete!r}"
        )
    return found
