"""How surfaces plug into runs and pipelines without the client importing them."""

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, Protocol


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
        """Somebody has waited for the run, which has ended."""


class _Surface(Protocol):
    def show(self, run: Any) -> RunView: ...

    def upload(self, pipeline: Any, **options: Any) -> UploadView: ...


_surface_module: str | None = None
_waits_module: str | None = None


def register_surface(module: str, *, waits: str | None = None) -> None:
    """Set the module whose `show(run)` and `upload(pipeline, **options)` are used.

    It is imported when it is first needed.

    Args:
        module: Its name.
        waits: The name of a small one, whose `shown(text)` says what is waited for.
    """
    global _surface_module, _waits_module  # noqa: PLW0603 - one surface per process
    _surface_module = module
    _waits_module = waits


def waiting(text: str) -> AbstractContextManager[None]:
    """Say what is waited for inside, where the surface can."""
    if _waits_module is None:
        return nullcontext()
    shown: AbstractContextManager[None] = import_module(_waits_module).shown(text)
    return shown


def show(run: Any) -> RunView:
    """A view of a run."""
    return _surface().show(run)


def upload(pipeline: Any, **options: Any) -> UploadView:
    """An `Uploader` that submits to a pipeline."""
    return _surface().upload(pipeline, **options)


def _surface() -> _Surface:
    if _surface_module is None:
        raise RuntimeError("no surface is registered: import docprogress first")
    found: Any = import_module(_surface_module)
    surface: _Surface = found
    return surface
