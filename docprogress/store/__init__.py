"""The store of runs, documents and results: the source of truth.

Everything else, such as events in Redis and views, can be lost and rebuilt from it.
"""

from docprogress.store.pgvector import Match
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
from docprogress.store.store import Store

__all__ = [
    "AttemptRow",
    "AttemptStatus",
    "Claim",
    "DocumentRow",
    "FinishedStep",
    "Match",
    "NewDocument",
    "QueuedRow",
    "RunRow",
    "RunSummary",
    "StepTiming",
    "Store",
]
