"""Decide whether too many files of a folder are missing, as on an unmounted drive.

Withheld removals stay withheld even if files are added in the meantime: the share
refers to the files that the folder had when the first removal was withheld.
"""

import re
import shlex
from dataclasses import dataclass

from docprogress.client.sync_plan import SyncPlan
from docprogress.errors import SettingsError, SyncRefused
from docprogress.store.source_rows import KnownFile

#: How Python confirms removals, before the command that does.
CONFIRM_OR = "pipeline.sync(…, confirm=True) or "

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionGuard:
    """Guards the documents of one folder."""

    root: str
    #: The maximum number of missing files, or their share: `20%`.
    max_delete: str | float
    #: The number of files when removals were first withheld.
    withheld_of: int | None = None

    def refusal(self, plan: SyncPlan) -> str | None:
        """Why too many files are missing; None if they are not."""
        gone = len(self._gone(plan))
        if gone and not plan.found:
            return (
                f"{self.root} has no documents any more, of {plan.known:,} that it "
                "had: is it a drive that is not mounted?"
            )
        known = max(self._known(plan), gone)
        if gone > limit(self.max_delete, known):
            return (
                f"{gone:,} of {known:,} files of {self.root} are missing, more than "
                f"max_delete={self.max_delete!r} allows"
            )
        return None

    def refuse(self, plan: SyncPlan) -> None:
        """Raise an error if too many files are missing.

        Raises:
            SyncRefused: They are.
        """
        refusal = self.refusal(plan)
        if refusal is not None:
            raise SyncRefused(
                f"{refusal}; nothing was changed. If that is intended, confirm it with "
                "pipeline.sync(…, confirm=True)",
                removed=len(self._gone(plan)),
                known=plan.known,
            )

    def withhold(self, plan: SyncPlan) -> int | None:
        """Keep the documents of missing files if there are too many.

        Returns:
            How many files the folder had when the first removal was withheld; None if
            none is.
        """
        if self.refusal(plan) is None:
            return None
        plan.withheld, plan.removed = self._gone(plan), []
        if self.withheld_of is not None:
            plan.unsettled = []
        return self._known(plan)

    def _gone(self, plan: SyncPlan) -> list[KnownFile]:
        """The missing files; while removals are withheld, also those just missed."""
        if self.withheld_of is None:
            return plan.removed
        return [*plan.removed, *plan.unsettled]

    def _known(self, plan: SyncPlan) -> int:
        if self.withheld_of is None:
            return plan.known
        return min(plan.known, self.withheld_of)


def how_to_confirm(root: str, case_id: str | None) -> str:
    """How to confirm that files were deleted."""
    words = ["docprogress", "sync", root, "--yes"]
    if case_id is not None:
        words[3:3] = ["--case", case_id]
    return f"If that is intended, confirm it with {CONFIRM_OR}`{shlex.join(words)}`"


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
