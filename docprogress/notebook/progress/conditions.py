"""Notices what no event reports: a lost connection, silent documents, why all wait."""

from datetime import datetime

from docprogress.events import now
from docprogress.notebook.progress.source import Source
from docprogress.notebook.progress.update_scheduler import UpdateScheduler
from docprogress.notebook.progress.view_model import ViewModel

#: Seconds for which the connection may be lost before the page shows it.
LOSS_SECONDS = 1.0


class Conditions:
    """Conditions noticed since a subscription was opened.

    Args:
        source: The documents.
        view_model: What is shown of them.
        scheduler: Notified of changes.
    """

    def __init__(
        self, source: Source, view_model: ViewModel, scheduler: UpdateScheduler
    ) -> None:
        self._source = source
        self._view_model = view_model
        self._scheduler = scheduler
        self._stalled: frozenset[int] = frozenset()
        self._queue_reason: str | None = None

    def look(self, lost_at: datetime | None) -> bool:
        """Mark what has changed; whether to send it at once.

        Args:
            lost_at: Since when the connection is lost; None if it is not.
        """
        return any([self._loss(lost_at), self._reason(), self._stalls()])

    def _loss(self, lost_at: datetime | None) -> bool:
        if lost_at is not None and (now() - lost_at).total_seconds() < LOSS_SECONDS:
            lost_at = None
        if lost_at == self._view_model.lost_at:
            return False
        self._view_model.lost_at = lost_at
        self._scheduler.mark_summary_changed()
        return True

    def _reason(self) -> bool:
        reason = self._source.queue_reason
        if reason == self._queue_reason:
            return False
        self._queue_reason = reason
        self._scheduler.mark_summary_changed()
        return True

    def _stalls(self) -> bool:
        stalled = self._view_model.stalled()
        changed = stalled ^ self._stalled
        self._stalled = stalled
        return bool(changed) and self._scheduler.mark_changed(changed)
