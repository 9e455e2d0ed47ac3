"""The store of runs, documents and results: the source of truth.

Everything else, such as events in Redis and views, can be lost and rebuilt from it.
Each public name is imported when it is first used: values need no SQLAlchemy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docprogress.store.rows import (
        AttemptRow,
        AttemptStatus,
        Claim,
        DocumentRow,
        FinishedStep,
        NewDocument,
        QueuedRow,
        RunRow,
        RunSummary,
        StepTiming,
    )
    from docprogress.store.search_filter import SearchFilter
    from docprogress.store.store import Store
    from docprogress.store.vector_index.embedders import EmbedderInUse
    from docprogress.store.vector_index.matches import Match

__all__ = [
    "AttemptRow",
    "AttemptStatus",
    "Claim",
    "DocumentRow",
    "EmbedderInUse",
    "FinishedStep",
    "Match",
    "NewDocument",
    "QueuedRow",
    "RunRow",
    "RunSummary",
    "SearchFilter",
    "StepTiming",
    "Store",
]

#: The modules of the names that are not in `rows`.
_HOMES = {
    "EmbedderInUse": "vector_index.embedders",
    "Match": "vector_index.matches",
    "SearchFilter": "search_filter",
    "Store": "store",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            home = _HOMES.get(name, "rows")
            return getattr(import_module(f"docprogress.store.{home}"), name)
        raise AttributeError(f"module 'docprogress.store' has no attribute {name!r}")
