"""The steps that documents have in common, for the segments of their progress bars."""

from collections.abc import Iterable

from docprogress.server.schemas import StepSpan
from docprogress.steps.planning import stored_plan_spans
from docprogress.store import DocumentRow, Store

#: Runs whose steps are remembered: they never change.
MOST_RUNS = 10_000

#: Steps as they are compared: name, start and end.
_Spans = tuple[tuple[str, float, float], ...]


class StepSpans:
    """Finds the steps of documents, and remembers those of their runs.

    Args:
        store: Where the runs are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, _Spans] = {}

    def of(self, rows: Iterable[DocumentRow]) -> list[StepSpan]:
        """The steps of all these documents; empty if their runs have different ones."""
        runs = {row.run_id for row in rows}
        found = {run: self._known[run] for run in runs if run in self._known}
        if missing := runs - found.keys():
            for run_id, steps in self._store.runs.steps(missing).items():
                found[run_id] = tuple(
                    (name, start, end)
                    for name, (start, end) in stored_plan_spans(steps).items()
                )
            if len(self._known) + len(missing) > MOST_RUNS:
                self._known = {}
            self._known |= found
        if len(set(found.values())) != 1:
            return []
        [spans] = set(found.values())
        return [StepSpan(name=n, start=start, end=end) for n, start, end in spans]
