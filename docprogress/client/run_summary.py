"""A run in one line for people."""

from collections.abc import Callable

from docprogress.client.changes import FolderChanges
from docprogress.events import NEEDS_OCR, Status
from docprogress.formatting import plural
from docprogress.progress.summary import summarize
from docprogress.store import Store


def describe(
    store: Store,
    run_id: str,
    *,
    expected: int,
    not_handed_in: Callable[[], str | None],
    changes: FolderChanges | None,
) -> str:
    """How many documents of a run have each status, and what follows from it.

    Args:
        store: Where it is.
        run_id: The run.
        expected: How many documents it should have.
        not_handed_in: Why some were never submitted, if that is known.
        changes: The changes of the folder, if the run is a sync.
    """
    counts = store.documents.counts(run_id)
    total = max(sum(counts.values()), expected)
    if changes is not None and not total:
        return str(changes)
    notes = store.runs.without_text(run_id)
    summary = summarize(
        counts,
        total,
        not_handed_in=not_handed_in() if counts[Status.CANCELLED] else None,
        without_text=sum(notes.values()),
        needs_ocr=bool(notes.get(NEEDS_OCR)),
    )
    if changes is None or not (counts[Status.FAILED] + counts[Status.CANCELLED]):
        return summary
    kept = store.sources.count_kept(run_id)
    return f"{summary}; {plural(kept, 'earlier version')} kept" if kept else summary


def with_changes(summary: str, changes: FolderChanges | None) -> str:
    """A summary that begins with what a synchronization found, if the run is one."""
    if changes is None or str(changes) == summary:
        return summary
    return f"{changes}; {summary}"
