"""Download a document that was submitted by its URL."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from docprogress.reporting.step_progress import StepProgress
from docprogress.storage.incoming import Stored
from docprogress.store import DocumentRow

if TYPE_CHECKING:
    from docprogress.settings import Settings
    from docprogress.storage import Files


def download(
    files: "Files",
    document: DocumentRow,
    url: str,
    *,
    settings: "Settings",
    progress: StepProgress,
    on_wait: Callable[[], None],
) -> Stored:
    """Download a document into the storage of files, and publish how far it is."""
    progress.publish()
    return files.fetch(
        document.id,
        url,
        name=document.name,
        max_bytes=settings.max_bytes,
        seconds=settings.download_seconds,
        on_progress=lambda done, total: progress.update(
            done, total=total, message=_message(done, total)
        ),
        on_wait=on_wait,
    )


def _message(done: int, total: int | None) -> str:
    megabytes = f"{done / 1e6:.1f}"
    if total:
        return f"Downloading {megabytes} of {total / 1e6:.1f} MB"
    return f"Downloading: {megabytes} MB"
