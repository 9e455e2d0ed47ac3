"""Open a sink: a built-in one by its URL, or a class by its import path."""

import inspect
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from docprogress.errors import SettingsError, StepError
from docprogress.sinks.location import SinkLocation, locate
from docprogress.sinks.protocol import Sink
from docprogress.steps import modules

#: The module of each built-in sink, its extra, and the module that this installs.
_BUILT_IN = {
    "lancedb": ("docprogress.sinks.lancedb", "lancedb", "lancedb"),
    "pgvector": ("docprogress.sinks.pgvector", "pgvector", "pgvector"),
    "qdrant": ("docprogress.sinks.qdrant", "qdrant", "qdrant_client"),
}


def find_sink(sink: str | None) -> SinkLocation | None:
    """Where the sink of a setting is; None without one.

    Raises:
        SettingsError: It cannot be used.
    """
    if sink is None:
        return None
    location = locate(sink)
    if location.scheme:
        return location
    sink_class(location)
    return replace(location, folder=folder_of(location))


def open_sink(location: SinkLocation) -> Sink:
    """The sink at this location; one for each process and location.

    Raises:
        SettingsError: Its library is missing, or the class cannot be used.
    """
    if location.scheme:
        return _built_in(location)
    cls = sink_class(location)
    if _made.get(location.public, (None,))[0] is not cls:
        try:
            _made[location.public] = cls, cast("Sink", cls())
        except TypeError as error:
            raise SettingsError(
                f"sink {location.public!r} cannot be created without arguments: {error}"
            ) from error
    return _made[location.public][1]


def sink_class(location: SinkLocation) -> type[Any]:
    """The class of a sink of the user's own, in its current version.

    Raises:
        SettingsError: It cannot be found, or lacks `upsert` or `delete`.
    """
    path = location.public
    module_name, _, attribute = path.partition(":")
    try:
        found: Any = modules.find(module_name, location.folder)
    except StepError as error:
        raise SettingsError(f"sink {path!r}: {error}") from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise SettingsError(f"sink {path!r}: {module_name!r} has no {attribute!r}")
    if not inspect.isclass(found):
        raise SettingsError(
            f"sink {path!r} is {type(found).__name__}: it must be a class with the "
            "methods `upsert` and `delete`"
        )
    for method, arguments in (("upsert", 3), ("delete", 2)):
        _check(path, method, getattr(found, method, None), arguments)
    return found


def folder_of(location: SinkLocation) -> str | None:
    """The folder of the class's module, if it is not installed."""
    module_name = location.public.partition(":")[0]
    return modules.folder_of(modules.find(module_name, location.folder))


#: The sinks of the user's own that this process has made, with their classes.
_made: dict[str, tuple[type[Any], Sink]] = {}


@lru_cache(maxsize=16)
def _built_in(location: SinkLocation) -> Sink:
    module, extra, library = _BUILT_IN[location.scheme.partition("+")[0]]
    if find_spec(library) is None:
        raise SettingsError(
            f"storing in {location.name} needs `pip install 'docprogress[{extra}]'` "
            "where the workers are"
        )
    return cast("Sink", import_module(module).open_sink(location))


def _check(path: str, name: str, method: object, arguments: int) -> None:
    if not callable(method):
        raise SettingsError(f"sink {path!r} has no method `{name}`")
    try:
        inspect.signature(method).bind(*range(arguments))
    except TypeError as error:
        wanted = "document, chunks" if name == "upsert" else "document_ids"
        raise SettingsError(
            f"sink {path!r}: `{name}` must take ({wanted}): {error}"
        ) from None
    if inspect.iscoroutinefunction(method):
        raise SettingsError(f"sink {path!r}: `{name}` must not be a coroutine")
