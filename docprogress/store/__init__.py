"""The store of runs, documents and results: the source of truth.

Everything else, such as events in Redis and views, can be lost and rebuilt from it.
"""

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
