"""Which elements a page's own style sheet hides.

Only rules that name an element by its classes and id are followed. Those that depend on
the size of the window, on other elements or on a state, are not.
"""

import re
from typing import NamedTuple

#: Rules that are followed of a page, and for each class or id.
MOST_RULES = 5_000
MOST_RULES_OF_A_MARK = 50

#: The longest selector and the longest declarations that are examined.
_LONGEST = 4_096

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_SIMPLE = re.compile(r"(?P<tag>[a-zA-Z][\w-]*|\*)?(?P<marks>(?:[.#][\w-]+)*)")
_MARK = re.compile(r"[.#][\w-]+")
_DISPLAY = re.compile(
    r"(?i)(?:^|;)\s*(display|visibility)\s*:\s*([\w-]+)\s*(!\s*important)?"
)
_HIDING = {"display": ("none",), "visibility": ("hidden", "collapse")}


class Declared(NamedTuple):
    """What declarations say of an element's visibility."""

    hides: bool
    important: bool


class _Rule(NamedTuple):
    tag: str | None
    marks: frozenset[str]
    hides: bool
    #: Later rules win among equals.
    weight: tuple[bool, int, int, int]


def declared(declarations: str) -> Declared | None:
    """What declarations say of an element's visibility; None if nothing."""
    if "isplay" not in declarations and "isibility" not in declarations:
        folded = declarations[:_LONGEST].lower()
        if "display" not in folded and "visibility" not in folded:
            return None
    found: dict[str, Declared] = {}
    for name, value, important in _DISPLAY.findall(declarations[:_LONGEST]):
        hides = value.lower() in _HIDING[name.lower()]
        found[name.lower()] = Declared(hides, bool(important))
    if not found:
        return None
    return next(
        (one for one in found.values() if one.hides), next(iter(found.values()))
    )


class Stylesheet:
    """The rules of a page's `style` elements that hide elements, or show them."""

    def __init__(self) -> None:
        self._rules: dict[str, list[_Rule]] = {}
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, css: str) -> None:
        """Add the rules of a `style` element."""
        for selectors, declarations in _blocks(_COMMENT.sub(" ", css)):
            said = declared(declarations)
            if said is None:
                continue
            for selector in selectors[:_LONGEST].split(","):
                self._add(selector.strip(), said)

    def visibility(self, tag: str, marks: set[str]) -> Declared | None:
        """The visibility of an element by the rules.

        Args:
            tag: Its name.
            marks: Its classes as `.class`, and its id as `#id`.
        """
        best: _Rule | None = None
        for key in marks & self._rules.keys():
            for rule in self._rules[key]:
                if (
                    (best is None or rule.weight > best.weight)
                    and rule.tag in (None, tag)
                    and rule.marks <= marks
                ):
                    best = rule
        return best and Declared(best.hides, best.weight[0])

    def _add(self, selector: str, said: Declared) -> None:
        simple = _SIMPLE.fullmatch(selector)
        if simple is None or self._count >= MOST_RULES:
            return
        tag = None if simple["tag"] in (None, "*") else simple["tag"].lower()
        marks = frozenset(_MARK.findall(simple["marks"]))
        rules = self._rules.setdefault(max(marks), []) if marks else None
        if rules is None or len(rules) >= MOST_RULES_OF_A_MARK:
            return
        self._count += 1
        ids = sum(mark.startswith("#") for mark in marks)
        others = 10 * (len(marks) - ids) + (tag is not None)
        weight = (said.important, ids, others, self._count)
        rules.append(_Rule(tag, marks, said.hides, weight))


def _blocks(css: str) -> list[tuple[str, str]]:
    """The selectors and declarations of the rules outside conditional groups."""
    found = []
    depth = start = 0
    selectors = ""
    for brace in re.finditer(r"[{};]", css):
        place = brace.start()
        match brace[0], depth:
            case "{", _:
                if depth == 0:
                    selectors = css[start:place].strip()
                depth += 1
                start = place + 1
            case "}", 1:
                if not selectors.startswith("@"):
                    found.append((selectors, css[start:place]))
                depth, start = 0, place + 1
            case "}", _:
                depth = max(0, depth - 1)
                start = place + 1
            case ";", 0:
                start = place + 1
    return found
