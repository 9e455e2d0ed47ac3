"""The truth about documents: what has to be done, what was done, and what it gave.

Everything else may be lost and is told again from here.
"""

from docprogress.store.attempts import Attempts
from docprogress.store.deleting import Deleting
from docprogress.store.pgvector import Match
from docprogress.store.queueing import Queueing
from docprogress.store.results import Results
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
from docprogress.store.submitting import Submitting

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


class Store(Submitting, Attempts, Queueing, Results, Deleting):
    """Runs, documents, attempts and results, in SQLite or PostgreSQL.

    May be used from several threads, and in the children of a process that forks.
    Every call is one short transaction.
    """
