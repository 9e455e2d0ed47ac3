"""What a step is, how the steps of a run are put together, and how code is found.

A step is a function from items to items: `Document → Pages → Chunks → Chunks
with vectors`.  It travels by its import path, so a worker on another machine
runs the code that it finds there, in the version that it finds there.
"""

import difflib
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, Self

from docprogress.documents import Document
from docprogress.errors import StepError
from docprogress.settings import Settings
from docprogress.steps import modules
from docprogress.steps.signature import Kind, extras, kinds

__all__ = ["Kind", "Step", "call", "load", "plan", "step"]

#: The longest name of a step or a queue, in characters.
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, as it travels with a run.

    Raises:
        StepError: A field cannot be used.
    """

    name: str
    #: Where the function is imported from, its module and its name.
    path: str
    takes: Kind
    gives: Kind
    #: None: the queue that everything else uses.
    queue: str | None = None
    #: Its share of the document's progress, relative to the other steps'.
    weight: float = 1.0
    #: Where a module that is not installed was found.
    folder: str | None = None

    def __post_init__(self) -> None:
        if (
            not self.name
            or len(self.name) > LONGEST_NAME
            or not self.name.isprintable()
        ):
            raise StepError(
                f"a step's name has 1 to {LONGEST_NAME} printable characters, "
                f"which {self.name!r} has not"
            )
        if not _PATH.fullmatch(self.path):
            raise StepError(f"{self.path!r} does not name a function: {_HOW_TO_NAME}")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise StepError(
                f"step {self.name!r}: its weight must be a number above 0, "
                f"not {self.weight!r}"
            )
        if self.queue is not None and not _QUEUE.fullmatch(self.queue):
            raise StepError(
                f"step {self.name!r}: {self.queue!r} is no queue's name; use letters, "
                "digits, dots, dashes and underscores"
            )

    def to_dict(self) -> dict[str, Any]:
        """The step as JSON holds it; what is not set is left out."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """The step that `to_dict` wrote.

        Raises:
            StepError: It was written by another version, or by nobody.
        """
        try:
            kinds = {end: Kind(fields[end]) for end in ("takes", "gives")}
            return cls(**{**fields, **kinds})
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, StepError):
                raise
            raise StepError(f"not a step that this version knows: {error}") from error


_QUEUE = re.compile(r"[\w.-]{1,100}")
_PATH = re.compile(r"(?!\d)\w+(\.(?!\d)\w+)*:(?!\d)\w+(\.(?!\d)\w+)*")
_HOW_TO_NAME = "name it as 'module:function', such as 'my_steps:ocr'"
_HOW_TO_MOVE = (
    "workers import steps by name, so put it into a module (in a notebook: a cell "
    'that begins with `%%writefile my_steps.py`) and pass "my_steps:{}"'
)
_BUILT_IN = {
    step.name: step
    for step in (
        Step(
            name="extraction",
            path="docprogress.steps.extract:extract",
            takes=Kind.DOCUMENT,
            gives=Kind.PAGES,
            weight=6.0,
        ),
        Step(
            name="chunking",
            path="docprogress.steps.chunk:chunk",
            takes=Kind.PAGES,
            gives=Kind.CHUNKS,
            weight=1.0,
        ),
        Step(
            name="embedding",
            path="docprogress.steps.embed:embed",
            takes=Kind.CHUNKS,
            gives=Kind.CHUNKS,
            weight=3.0,
        ),
    )
}
_BUILT_IN_PATHS = {step.path: step for step in _BUILT_IN.values()}


def step(
    what: str | Callable[..., Any] | Step,
    *,
    queue: str | None = None,
    weight: float | None = None,
    name: str | None = None,
) -> Step:
    """A step, from a built-in's name, an import path, or a function.

    Args:
        what: `"embedding"`, `"my_steps:ocr"`, or a function of a module.
        queue: Where its workers listen, if not where all others do.
        weight: Its share of the document's progress; 1 if it is not built in.
        name: What it is called in events; the function's name if not given.

    Raises:
        StepError: It cannot be found, or is no step; the message says what to do.
    """
    if isinstance(what, Step):
        found = what
    elif isinstance(what, str):
        found = _BUILT_IN.get(what) or _BUILT_IN_PATHS.get(what) or _by_path(what)
    elif callable(what):
        found = _by_function(what)
    else:
        raise StepError(f"{what!r} is no step: {_HOW_TO_NAME}")
    changes: dict[str, Any] = {"queue": queue, "weight": weight, "name": name}
    return replace(
        found, **{key: new for key, new in changes.items() if new is not None}
    )


def plan(
    steps: Iterable[str | Callable[..., Any] | Step] | None = None,
) -> tuple[Step, ...]:
    """The steps of a run, in their order.

    A list that names a built-in step is taken exactly as it is given.  Steps of
    your own alone are put among the built-in ones: each goes where what it takes
    is at hand, and one that gives something else replaces the step that did so.

    Raises:
        StepError: A step cannot be found, or the steps do not connect.
    """
    if isinstance(steps, (str, Step)) or callable(steps):
        steps = [steps]
    given = tuple(step(each) for each in (steps or ()))
    if not any(each.path in _BUILT_IN_PATHS for each in given):
        given = _inserted(given)
    _check_connected(given)
    return given


def load(step: Step) -> Callable[..., Any]:
    """The step's function, in its newest version.

    Raises:
        StepError: It cannot be found here, or is no function.
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
            f"{_HOW_TO_NAME}"
        )
    return found  # type: ignore[no-any-return]


def call(
    step: Step,
    items: Document | Iterable[Any],
    *,
    document: Document,
    settings: Settings,
) -> Iterable[Any]:
    """Run the step on its items; what it yields is not checked yet.

    The step is passed `document` and `settings` if it has parameters of these
    names.

    Raises:
        StepError: It cannot be found, or gave nothing to go through.
    """
    function = load(step)
    names = _built_in_extras(step.path) or extras(function)
    offered = {"document": document, "settings": settings}
    made = function(items, **{name: offered[name] for name in names})
    if isinstance(made, (str, bytes)) or not isinstance(made, Iterable):
        if inspect.iscoroutine(made):
            made.close()
        raise StepError(
            f"step {step.name!r} must return or yield {step.gives.value}, "
            f"but it returned {type(made).__name__}"
        )
    return made


@cache
def _built_in_extras(path: str) -> tuple[str, ...]:
    """What a built-in step asks for: that does not change, and takes long to tell."""
    return extras(load(_BUILT_IN_PATHS[path])) if path in _BUILT_IN_PATHS else ()


def _by_path(path: str) -> Step:
    if not _PATH.fullmatch(path):
        close = difflib.get_close_matches(path, _BUILT_IN, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        names = ", ".join(_BUILT_IN)
        raise StepError(
            f"there is no step {path!r}{hint}: the built-in ones are {names}; "
            f"for one of your own, {_HOW_TO_NAME}"
        )
    # What it takes is not known before it is found.
    sought = Step(
        name=path[:LONGEST_NAME], path=path, takes=Kind.PAGES, gives=Kind.PAGES
    )
    function = load(sought)
    module = sys.modules[path.partition(":")[0]]
    return _described(function, path, module)


def _by_function(function: Callable[..., Any]) -> Step:
    module_name = getattr(function, "__module__", None)
    qualified = getattr(function, "__qualname__", None)
    name = getattr(function, "__name__", "step")
    if module_name is None or qualified is None:
        raise StepError(f"{function!r} has no name to import it by: {_HOW_TO_NAME}")
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
    if path in _BUILT_IN_PATHS:
        return _BUILT_IN_PATHS[path]
    module = sys.modules.get(module_name) or modules.find(module_name, None)
    found: Any = module
    for part in qualified.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise StepError(f"{name!r} cannot be found as {path!r}: {_HOW_TO_NAME}")
    return _described(function, path, module)


def _described(function: Callable[..., Any], path: str, module: ModuleType) -> Step:
    takes, gives = kinds(function, path)
    extras(function)
    return Step(
        name=getattr(function, "__name__", path.rpartition(":")[2])[:LONGEST_NAME],
        path=path,
        takes=takes,
        gives=gives,
        folder=modules.folder_of(module),
    )


def _inserted(own: tuple[Step, ...]) -> tuple[Step, ...]:
    """Put steps among the built-in ones, by what they take and give."""
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
            replacing.pop((Kind.DOCUMENT, Kind.PAGES), _BUILT_IN["extraction"]),
            *between[Kind.PAGES],
            replacing.pop((Kind.PAGES, Kind.CHUNKS), _BUILT_IN["chunking"]),
            *replacing.values(),
        ]
    return (*first, *between[Kind.CHUNKS], _BUILT_IN["embedding"])


def _check_connected(steps: tuple[Step, ...]) -> None:
    names: set[str] = set()
    at_hand, maker = Kind.DOCUMENT, "the run"
    for each in steps:
        if each.name in names:
            raise StepError(
                f"two steps are called {each.name!r}; give one another name with "
                "`step(…, name=…)`"
            )
        names.add(each.name)
        if each.takes is not at_hand:
            raise StepError(
                f"step {each.name!r} takes {each.takes.value}, but {maker} gives "
                f"{at_hand.value}"
            )
        at_hand, maker = each.gives, f"step {each.name!r} before it"
