"""Synchronize a folder for a pipeline, once or whenever it changes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from docprogress.client.changes import FolderChanges
from docprogress.client.connections import Connections
from docprogress.client.deletion_guard import how_to_confirm
from docprogress.client.fingerprint import fingerprint
from docprogress.client.folders import Folder
from docprogress.client.remote_folders import open_folder
from docprogress.client.run import Run
from docprogress.client.settling import SettledFiles
from docprogress.client.sync import FolderSync
from docprogress.steps import Step
from docprogress.store import RunRow


class Synchronized(NamedTuple):
    """What became of a folder that is watched."""

    #: None if there was nothing to do.
    run: Run | None
    #: Why removals are withheld, and how to confirm them; None if none are.
    withheld: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Synchronizer:
    """Synchronizes one folder, once or repeatedly."""

    connections: Connections
    #: A path or a URL, and further arguments of fsspec's file system.
    root: Any
    storage_options: Mapping[str, Any]
    case_id: str | None
    steps: Sequence[Step]
    #: The settings of the pipeline's runs, and those of these runs alone.
    settings: Mapping[str, Any]
    own: Mapping[str, Any]
    #: Makes a run, given how many documents it has, and its own settings.
    add_run: Callable[[int, dict[str, Any]], RunRow]
    cancel: Callable[[str], object]

    def open_folder(self) -> Folder:
        """The folder.

        Raises:
            SubmitError: It cannot be one.
        """
        return open_folder(self.root, self.storage_options)

    def look(self, **choices: Any) -> FolderChanges:
        """The plan of a sync; nothing is changed."""
        return self._sync().look(**choices)

    def synchronize(self, **choices: Any) -> Run:
        """Synchronize."""
        run, _ = self._synchronize(**choices)
        assert run is not None
        return run

    def synchronize_settled(
        self, files: SettledFiles, *, max_delete: str | float
    ) -> Synchronized:
        """Synchronize files that are complete, and withhold too many removals."""
        choices: dict[str, Any] = {
            "max_delete": max_delete,
            "checksum": False,
            "retry_failed": False,
            "settled": files.settled,
        }
        # Without the lock, which others may wait for.
        to_do, found = self._sync().survey(**choices)
        run = None
        if to_do:
            run, found = self._synchronize(
                confirm=False,
                withhold=True,
                always=False,
                on_progress=lambda *_: None,
                **choices,
            )
        if not found.withheld:
            return Synchronized(run, None)
        kept = "their documents are kept, and other changes are taken"
        advice = how_to_confirm(found.root, self.case_id)
        return Synchronized(run, f"{found.refusal}; {kept}. {advice}")

    def _synchronize(self, **choices: Any) -> tuple[Run | None, FolderChanges]:
        """Synchronize; no run if there was nothing to do, unless `always`."""
        self.connections.reach()
        record, changes = self._sync().synchronize(
            add_run=lambda expected, settings: self.add_run(
                expected, {**self.own, **settings}
            ),
            cancel=self.cancel,
            **choices,
        )
        if record is None:
            return None, changes
        return Run(self.connections, record, changes=changes), changes

    def _sync(self) -> FolderSync:
        return FolderSync(
            self.connections,
            self.open_folder(),
            case_id=self.case_id,
            plan=self.steps,
            settings={**self.settings, **self.own},
            fingerprint=fingerprint(self.steps, self.settings),
        )
