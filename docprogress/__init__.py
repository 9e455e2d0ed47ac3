"""Process documents on Celery workers and watch their progress live.

Importing this package starts nothing and loads nothing heavy: each public name is
imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from docprogress.client.surfaces import register_surface
from docprogress.version import __version__ as __version__  # a public name

if TYPE_CHECKING:
    from docprogress.bus.bus import Bus
    from docprogress.client.pipeline import Pipeline
    from docprogress.client.run import Run
    from docprogress.documents import Chunk, Document, Page, Table
    from docprogress.errors import (
        Cancelled,
        DocProgressError,
        DocumentError,
        Superseded,
        TransientError,
    )
    from docprogress.events import ProgressEvent, Status
    from docprogress.notebook.nested_asyncio import allow_nested_asyncio
    from docprogress.notebook.progress.view import ProgressView
    from docprogress.notebook.upload.uploader import Uploader
    from docprogress.progress.fold import Progress
    from docprogress.reporting.report import report
    from docprogress.search.results import Hit, SearchResults
    from docprogress.settings import Settings
    from docprogress.steps import Step

__all__ = [
    "Bus",
    "Cancelled",
    "Chunk",
    "DocProgressError",
    "Document",
    "DocumentError",
    "Hit",
    "Page",
    "Pipeline",
    "Progress",
    "ProgressEvent",
    "ProgressView",
    "Run",
    "SearchResults",
    "Settings",
    "Status",
    "Step",
    "Superseded",
    "Table",
    "TransientError",
    "Uploader",
    "allow_nested_asyncio",
    "report",
]

#: The module that defines each public name, imported on first use.
_HOMES = {
    "Bus": "bus.bus",
    "Cancelled": "errors",
    "Chunk": "documents",
    "DocProgressError": "errors",
    "Document": "documents",
    "DocumentError": "errors",
    "Hit": "search.results",
    "Page": "documents",
    "Pipeline": "client.pipeline",
    "Progress": "progress.fold",
    "ProgressEvent": "events",
    "ProgressView": "notebook.progress.view",
    "Run": "client.run",
    "SearchResults": "search.results",
    "Settings": "settings",
    "Status": "events",
    "Step": "steps",
    "Superseded": "errors",
    "Table": "documents",
    "TransientError": "errors",
    "Uploader": "notebook.upload.uploader",
    "allow_nested_asyncio": "notebook.nested_asyncio",
    "report": "reporting.report",
}

# The client shows runs without importing the notebook.
register_surface(
    "docprogress.notebook.surface", waiting="docprogress.notebook.starting"
)

if not TYPE_CHECKING:
    # Hidden from type checkers: they would accept any misspelled name as `Any`.
    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            value = getattr(import_module(f"docprogress.{_HOMES[name]}"), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module 'docprogress' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
