"""Documents through a pipeline of Celery workers, watched live.

Importing this package starts nothing and loads nothing heavy: names are found
when they are first asked for.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Bus": "bus",
    "Cancelled": "errors",
    "Chunk": "documents",
    "DocProgressError": "errors",
    "Document": "documents",
    "DocumentError": "errors",
    "Page": "documents",
    "Pipeline": "run",
    "Progress": "progress",
    "ProgressEvent": "events",
    "Run": "run",
    "Settings": "settings",
    "Status": "events",
    "Step": "steps",
    "Superseded": "errors",
    "TransientError": "errors",
    "report": "reporter",
}

__all__ = [  # noqa: PLE0604 - sorted and complete, as a test checks
    *sorted(_HOMES),
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"docprogress.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'docprogress' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
