"""Put the steps of a run together, from names, import paths and functions."""

import difflib
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import accumulate
from types import ModuleType
from typing import Any

from docprogress.errors import StepError
from docprogress.steps import modules
from docprogress.steps.definition import (
    BUILT_IN,
    BUILT_IN_PATHS,
    HOW_TO_NAME,
    LONGEST_NAME,
    PATH_PATTERN,
    STORING_PATH,
    Step,
)
from docprogress.steps.loading import load
from docprogress.steps.signature import Kind, extras, kinds

_HOW_TO_MOVE = (
    "workers import steps by name, so put it into a module (in a notebook: a cell "
    'that begins with `%%writefile my_steps.py`) and pass "my_steps:{}"'
)


def step(
    what: str | Callable[..., Any] | Step,
    *,
    queue: str | None = None,
    weight: float | None = None,
    name: str | None = None,
) -> Step:
    """Define a step by a built-in's name, an import path, or a function.

    Args:
        what: `"embedding"`, `"my_steps:ocr"`, or a function of a module.
        queue: The queue of its workers; None for the default one.
        weight: Its share of the document's progress; the default is 1, or the
            built-in's.
        name: Its name in events; the default is the function's.

    Raises:
        StepError: It cannot be found, or is not a step.
    """
    if isinstance(what, Step):
        found = what
    elif isinstance(what, str):
        found = BUILT_IN.get(what) or BUILT_IN_PATHS.get(what) or _by_path(what)
    elif callable(what):
        found = _by_function(what)
    else:
        raise StepError(f"{what!r} is not a step: {HOW_TO_NAME}")
    changes: dict[str, Any] = {"queue": queue, "weight": weight, "name": name}
    return replace(
        found, **{key: new for key, new in changes.items() if new is not None}
    )


def plan(
    steps: Iterable[str | Callable[..., Any] | Step] | None = None,
    *,
    sink: bool = False,
    chunker: str | Callable[..., Any] | None = None,
) -> tuple[Step, ...]:
    """The steps of a run, in their order.

    A list with a built-in step is used exactly as given. A list of your own steps alone
    is inserted among the built-in ones: each step where the items it takes are
    available. A step that gives another kind replaces the built-in one that does so.

    Args:
        steps: The steps; None for the built-in ones.
        sink: Whether documents are stored in a sink, which is the last step.
        chunker: What replaces the built-in chunking step.

    Raises:
        StepError: A step cannot be found, or the steps do not connect.
    """
    if isinstance(steps, (str, Step)) or callable(steps):
        steps = [steps]
    given = tuple(step(each) for each in (steps or ()))
    storing = [each for each in given if each.path == STORING_PATH]
    if storing and not (sink and given[-1] in storing):
        raise StepError("the step 'storing' must be the last one, and needs `sink=…`")
    given = given[:-1] if storing else given
    own = () if chunker is None else (_chunking(chunker),)
    if not any(each.path in BUILT_IN_PATHS for each in given):
        given = _insert((*own, *given))
    elif own:
        given = _replace_chunking(given, own[0])
    if sink:
        given = (*given, *(storing or [BUILT_IN["storing"]]))
    _check_connected(given)
    return given


def _chunking(chunker: str | Callable[..., Any]) -> Step:
    made = step(chunker, name="chunking")
    if (made.takes, made.gives) != (Kind.PAGES, Kind.CHUNKS):
        raise StepError(
            f"chunker {made.path!r} makes {made.gives.value} of {made.takes.value}; it "
            "must make chunks of pages, such as `def sections(pages: Iterable[Page]) "
            "-> Iterator[Chunk]`"
        )
    return made


def _replace_chunking(given: tuple[Step, ...], own: Step) -> tuple[Step, ...]:
    built_in = BUILT_IN["chunking"].path
    if not any(each.path == built_in for each in given):
        raise StepError(
            f"chunker {own.path!r} replaces the step 'chunking', but `steps` does not "
            "contain it"
        )
    return tuple(
        replace(own, queue=each.queue, weight=each.weight, name=each.name)
        if each.path == built_in
        else each
        for each in given
    )


def is_fast_plan(plan: Iterable[Step], *, embedder: str) -> bool:
    """Whether all steps are built-in ones that take moments for most documents."""
    fast = embedder in ("hashing", "wordllama")
    return all(
        fast and step.path in BUILT_IN_PATHS and step.path != STORING_PATH
        for step in plan
    )


def stored_plan_spans(
    steps: Iterable[dict[str, Any]],
) -> dict[str, tuple[float, float]]:
    """The progress spans of a stored plan, by the steps' names.

    Empty if the plan was made by another version that this one cannot read.
    """
    try:
        plan = [Step.from_dict(step) for step in steps]
    except StepError:
        return {}
    return dict(zip((step.name for step in plan), progress_spans(plan), strict=True))


def progress_spans(plan: list[Step]) -> list[tuple[float, float]]:
    """Where each step begins and ends in a document's progress, by their weights."""
    ends = list(accumulate(step.weight for step in plan))
    return [
        (100 * (end - step.weight) / ends[-1], 100 * end / ends[-1])
        for step, end in zip(plan, ends, strict=True)
    ]


def _by_path(path: str) -> Step:
    if not PATH_PATTERN.fullmatch(path):
        close = difflib.get_close_matches(path, BUILT_IN, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        names = ", ".join(BUILT_IN)
        raise StepError(
            f"there is no step {path!r}{hint}: the built-in ones are {names}; "
            f"for one of your own, {HOW_TO_NAME}"
        )
    # Its input is unknown before it is loaded.
    sought = Step(
        name=path[:LONGEST_NAME], path=path, takes=Kind.PAGES, gives=Kind.PAGES
    )
    function = load(sought)
    module = sys.modules[path.partition(":")[0]]
    return _describe(function, path, module)


def _by_function(function: Callable[..., Any]) -> Step:
    module_name = getattr(function, "__module__", None)
    qualified = getattr(function, "__qualname__", None)
    name = getattr(function, "__name__", "step")
    if module_name is None or qualified is None:
        raise StepError(f"{function!r} cannot be imported by name: {HOW_TO_NAME}")
    if "<lambda>" in qualified:
        raise StepError("a lambda has no name: " + _HOW_TO_MOVE.format("function"))
    if "<locals>" in qualified:
        raise StepError(
            f"{name!r} is defined inside a function: " + _HOW_TO_MOVE.format(name)
        )
    if module_name == "__main__":
        raise StepError(
            f"{name!r} is defined in the notebook or script itself: "
            + _HOW_TO_MOVE.format(name)
        )
    path = f"{module_name}:{qualified}"
    if path in BUILT_IN_PATHS:
        return BUILT_IN_PATHS[path]
    module = sys.modules.get(module_name) or modules.find(module_name, None)
    found: Any = module
    for part in qualified.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise StepError(f"{name!r} cannot be found as {path!r}: {HOW_TO_NAME}")
    return _describe(function, path, module)


def _describe(function: Callable[..., Any], path: str, module: ModuleType) -> Step:
    takes, gives = kinds(function, path)
    extras(function)
    return Step(
        name=getattr(function, "__name__", path.rpartition(":")[2])[:LONGEST_NAME],
        path=path,
        takes=takes,
        gives=gives,
        folder=modules.folder_of(module),
    )


def _insert(own: tuple[Step, ...]) -> tuple[Step, ...]:
    """Insert steps among the built-in ones by what they take and give."""
    replacing: dict[tuple[Kind, Kind], Step] = {}
    between: dict[Kind, list[Step]] = {Kind.PAGES: [], Kind.CHUNKS: []}
    for each in own:
        ends = (each.takes, each.gives)
        if each.takes is each.gives:
            between[each.takes].append(each)
        elif ends in replacing:
            raise StepError(
                f"steps {replacing[ends].name!r} and {each.name!r} both make "
                f"{each.gives.value} of {each.takes.value}; list all steps in their "
                "order instead"
            )
        else:
            replacing[ends] = each
    whole = replacing.pop((Kind.DOCUMENT, Kind.CHUNKS), None)
    if whole is not None:
        first = [whole, *replacing.values(), *between[Kind.PAGES]]
    else:
        first = [
            replacing.pop((Kind.DOCUMENT, Kind.PAGES), BUILT_IN["extraction"]),
            *between[Kind.PAGES],
            replacing.pop((Kind.PAGES, Kind.CHUNKS), BUILT_IN["chunking"]),
            *replacing.values(),
        ]
    return (*first, *between[Kind.CHUNKS], BUILT_IN["embedding"])


def _check_connected(steps: tuple[Step, ...]) -> None:
    names: set[str] = set()
    at_hand, maker = Kind.DOCUMENT, "the run"
    for each in steps:
        if each.name in names:
            raise StepError(
                f"two steps are named {each.name!r}; rename one with `step(…, name=…)`"
            )
        names.add(each.name)
        if each.takes is not at_hand:
            raise StepError(
                f"step {each.name!r} takes {each.takes.value}, but {maker} yields "
                f"{at_hand.value}"
            )
        at_hand, maker = each.gives, f"step {each.name!r} before it"
