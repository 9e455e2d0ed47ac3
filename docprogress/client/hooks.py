"""How surfaces plug into runs and pipelines without the client importing them."""

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, Protocol

from docprogress.client import surfaces


class RunView(Protocol):
    """What shows a run in a notebook."""

    def _repr_html_(self) -> str: ...

    def _ipython_display_(self) -> None: ...

    def _display_(self) -> Any: ...


class UploadView(Protocol):
    """What accepts files in a notebook; `docprogress.Uploader` documents it."""

    runs: list[Any]

    @property
    def files(self) -> list[Any]: ...

    @property
    def widget(self) -> Any: ...

    def add(self, *files: Any) -> None: ...

    def summary(self) -> str: ...

    def wait(self, timeout: float | None = None) -> "UploadView": ...

    def close(self) -> None: ...


class RunObserver(Protocol):
    """Is notified when a run of the pipelines that it observes is used."""

    def retried(self, run: Any) -> None:
        """Documents that had ended are being processed again."""

    def waited(self, run: Any) -> None:
        """A caller has waited for the run, which has ended."""


class _Surface(Protocol):
    def show(self, run: Any) -> RunView: ...

    def upload(self, pipeline: Any, **options: Any) -> UploadView: ...


def waiting(text: str) -> AbstractContextManager[None]:
    """Show what is waited for inside, if the surface can."""
    if surfaces.waits is None:
        return nullcontext()
    shown: AbstractContextManager[None] = import_module(surfaces.waits).shown(text)
    return shown


def show(run: Any) -> RunView:
    """A view of a run."""
    return _surface().show(run)


def upload(pipeline: Any, **options: Any) -> UploadView:
    """An `Uploader` that submits to a pipeline."""
    return _surface().upload(pipeline, **options)


def _surface() -> _Surface:
    if surfaces.module is None:
        raise RuntimeError("no surface is registered: import docprogress first")
    found: Any = import_module(surfaces.module)
    surface: _Surface = found
    return surface
