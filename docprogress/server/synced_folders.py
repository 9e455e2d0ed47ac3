"""What the page shows of a folder that is kept in sync."""

from datetime import UTC, datetime

from docprogress.client.changes import FolderChanges
from docprogress.errors import RunNotFound
from docprogress.server.schemas import SyncedFolder
from docprogress.store import Store
from docprogress.store.source_rows import SourceRow


def synced_folder(store: Store, source: SourceRow) -> SyncedFolder | None:
    """A folder and what its last sync found; None if its run was deleted."""
    if source.run_id is None or source.synced_at is None:
        return None
    try:
        changes = store.runs.cached(source.run_id).settings.get("changes")
    except RunNotFound:
        return None
    if changes is None:
        return None
    name = source.root.rstrip("/").rpartition("/")[2] or source.root
    return SyncedFolder(
        # Bytes of a path that are not UTF-8 cannot be sent as JSON.
        name=name.encode(errors="replace").decode(),
        case_id=source.case_id,
        run_id=source.run_id,
        synchronized_at=datetime.fromtimestamp(source.synced_at, UTC),
        changes=str(FolderChanges.from_dict(changes)),
    )
