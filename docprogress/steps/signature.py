"""Infer what a step takes and yields from its function's signature."""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, TypeVar, get_args

from docprogress.documents import Chunk, Document, Page
from docprogress.errors import StepError

#: Parameters that a step's function may have in addition to its items.
EXTRAS = ("document", "settings")


class Kind(StrEnum):
    """The kinds of items that steps take and give."""

    DOCUMENT = "document"
    PAGES = "pages"
    CHUNKS = "chunks"


_HOW_TO_ANNOTATE = (
    "say so by annotations, such as `def clean(pages: Iterable[Page]) -> "
    "Iterator[Page]`, or by naming its first parameter `document`, `pages` or `chunks`"
)

_KINDS = {Document: Kind.DOCUMENT, Page: Kind.PAGES, Chunk: Kind.CHUNKS}
_KIND_IN_TEXT = re.compile(r"\b(Document|Page|Chunk)\b")
_VAGUE = {
    *(Any, object, inspect.Parameter.empty, None, type(None)),
    *(Iterable, Iterator, Collection, Sequence, list, tuple),
}


def kinds(function: Callable[..., Any], path: str) -> tuple[Kind, Kind]:
    """The kinds that a function takes and gives, from annotations or parameter names.

    Raises:
        StepError: They are not clear; the message says how to annotate them.
    """
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise StepError(
            f"step {path!r} is asynchronous; a step is a plain function (it may call "
            "`asyncio.run` itself)"
        )
    signature = _signature(function, path)
    first = next(iter(signature.parameters.values()), None)
    if first is None or first.kind in (first.KEYWORD_ONLY, first.VAR_KEYWORD):
        raise StepError(f"step {path!r} takes nothing: {_HOW_TO_ANNOTATE}")
    takes = _kind(first.annotation)
    if takes is None and _vague(first.annotation):
        takes = next((kind for kind in Kind if kind.value == first.name), None)
    if takes is None:
        raise StepError(
            f"cannot determine what step {path!r} takes: {_HOW_TO_ANNOTATE}"
        )
    gives = _kind(signature.return_annotation)
    if gives is None and signature.return_annotation is signature.empty:
        gives = Kind.PAGES if takes is Kind.DOCUMENT else takes
    if gives is None or gives is Kind.DOCUMENT:
        raise StepError(
            f"cannot determine what step {path!r} yields, which must be pages or "
            "chunks: "
            f"{_HOW_TO_ANNOTATE}"
        )
    return takes, gives


def extras(function: Callable[..., Any]) -> tuple[str, ...]:
    """The `EXTRAS` that the function has as parameters.

    Raises:
        StepError: It has other required parameters.
    """
    path = getattr(function, "__qualname__", repr(function))
    _, *others = _signature(function, path).parameters.values()
    for other in others:
        if (
            other.default is other.empty
            and other.kind not in (other.VAR_POSITIONAL, other.VAR_KEYWORD)
            and (other.name not in EXTRAS or other.kind is other.POSITIONAL_ONLY)
        ):
            raise StepError(
                f"step {path!r} has an unknown parameter {other.name!r}: besides its "
                "items, a step can have `document` and `settings`"
            )
    return tuple(
        other.name
        for other in others
        if other.name in EXTRAS and other.kind is not other.POSITIONAL_ONLY
    )


def _signature(function: Callable[..., Any], path: str) -> inspect.Signature:
    with suppress(Exception):  # evaluating annotations may raise anything
        return inspect.signature(function, eval_str=True)
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise StepError(
            f"step {path!r} does not annotate what it takes: {_HOW_TO_ANNOTATE}"
        ) from error


def _kind(annotation: Any) -> Kind | None:
    if isinstance(annotation, str):  # it could not be evaluated
        named = _KIND_IN_TEXT.search(annotation)
        kinds = {kind.__name__: found for kind, found in _KINDS.items()}
        return kinds[named[0]] if named else None
    if isinstance(annotation, type) and annotation in _KINDS:
        return _KINDS[annotation]
    # The arguments of `Iterator[Page]`, or a class's generic bases.
    parts = get_args(annotation) or getattr(annotation, "__orig_bases__", ())
    return next((kind for part in parts if (kind := _kind(part))), None)


def _vague(annotation: Any) -> bool:
    if isinstance(annotation, (str, TypeVar)) or annotation in _VAGUE:
        return True
    parts = get_args(annotation)
    return bool(parts) and all(_vague(part) for part in parts if part is not ...)
