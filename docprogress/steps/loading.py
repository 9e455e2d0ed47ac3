"""Find a step's function by its import path, and call it."""

import difflib
import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from docprogress.documents import Document
from docprogress.errors import StepError
from docprogress.settings import Settings
from docprogress.steps import modules
from docprogress.steps.definition import BUILT_IN_PATHS, HOW_TO_NAME, Step
from docprogress.steps.signature import extras


def load(step: Step) -> Callable[..., Any]:
    """Import a step's function in its current version.

    Raises:
        StepError: It cannot be found on this machine, or is not a function.
    """
    module_name, _, attribute = step.path.partition(":")
    module = modules.find(module_name, step.folder)
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            close = difflib.get_close_matches(part, dir(found), n=3)
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise StepError(
                f"step {step.path!r}: {module_name!r} has no {attribute!r}{hint}"
            ) from None
    if not callable(found):
        raise StepError(
            f"step {step.path!r} is {type(found).__name__}, not a function: "
            f"{HOW_TO_NAME}"
        )
    return found  # type: ignore[no-any-return]


def call(
    step: Step,
    items: Document | Iterable[Any],
    *,
    document: Document,
    settings: Settings,
) -> Iterable[Any]:
    """Call a step's function; the items that it yields are not checked.

    The function is passed `document` and `settings` if it has parameters with these
    names.

    Raises:
        StepError: It cannot be found, or returned something that is not iterable.
    """
    function = load(step)
    names = _built_in_extras(step.path) or extras(function)
    available = {"document": document, "settings": settings}
    made = function(items, **{name: available[name] for name in names})
    if isinstance(made, (str, bytes)) or not isinstance(made, Iterable):
        if inspect.iscoroutine(made):
            made.close()
        raise StepError(
            f"step {step.name!r} must return or yield {step.gives.value}, "
            f"not {type(made).__name__}"
        )
    return made


@cache
def _built_in_extras(path: str) -> tuple[str, ...]:
    """The extras of a built-in step, cached because `inspect` is slow."""
    return extras(load(BUILT_IN_PATHS[path])) if path in BUILT_IN_PATHS else ()
