"""The lists and quotations that are open at a place of a page."""

from dataclasses import dataclass

from docprogress.steps.markdown.blocks import (
    MOST_CONTAINERS,
    Container,
    item,
    quotation,
)

#: Elements within each other that are followed, and those that are searched for the
#: one that a list's item ends.
MOST_OPEN = 1_000
MOST_SEARCHED = 50

#: The longest number of an item that Markdown allows, in digits.
_LONGEST_NUMBER = 9

_ITEMS = {"li": ("ul", "ol", "menu", "dir"), "dd": ("dl",), "dt": ("dl",)}
_SAME = {"li": ("li",), "dd": ("dd", "dt"), "dt": ("dd", "dt")}


@dataclass(slots=True, eq=False)
class _Element:
    name: str
    #: The containers around it.
    around: int
    ordered: bool = False
    #: The number of the next item.
    number: int = 1


class Lists:
    """Follows the start and end tags of lists, their items and quotations."""

    def __init__(self, around: tuple[Container, ...] = ()) -> None:
        self._containers = list(around)
        self._open: list[_Element] = []
        self._counts: dict[str, int] = {}
        self._loose = _Element("ul", 0)
        #: Whether the place is in the term of a definition.
        self.in_term = False

    @property
    def containers(self) -> tuple[Container, ...]:
        return tuple(self._containers)

    def move_into(self, around: tuple[Container, ...]) -> None:
        """Put everything that is open into other containers."""
        self._containers[:0] = around
        for element in self._open:
            element.around += len(around)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.in_term = name == "dt"
        if name in _ITEMS:
            self._start_item(name, attributes)
            return
        element = _Element(name, len(self._containers))
        if name == "blockquote":
            self._enter(quotation())
        elif name == "ol":
            element.ordered = True
            element.number = number_of(attributes.get("start"), 1)
        self._push(element)

    def end(self, name: str) -> None:
        """End an element, with those in it that have no end tag."""
        self.in_term = False
        if not self._counts.get(name):
            return
        while self._open:
            element = self._open.pop()
            self._counts[element.name] -= 1
            del self._containers[element.around :]
            if element.name == name:
                return

    def _start_item(self, name: str, attributes: dict[str, str]) -> None:
        same, lists = _SAME[name], _ITEMS[name]
        owner = self._nearest(same + lists)
        if owner is not None and owner.name in same:
            self.end(owner.name)
            self.in_term = name == "dt"
            owner = self._nearest(lists)
        owner = owner or self._loose
        element = _Element(name, len(self._containers))
        if name != "dt":
            marker = "-"
            if owner.ordered:
                number = number_of(attributes.get("value"), owner.number)
                owner.number = number + 1
                if len(str(number)) <= _LONGEST_NUMBER:
                    marker = f"{number}."
            self._enter(item(marker, owner))
        self._push(element)

    def _nearest(self, names: tuple[str, ...]) -> _Element | None:
        last = reversed(self._open[-MOST_SEARCHED:])
        return next((one for one in last if one.name in names), None)

    def _enter(self, container: Container) -> None:
        if len(self._containers) < MOST_CONTAINERS:
            self._containers.append(container)

    def _push(self, element: _Element) -> None:
        if len(self._open) < MOST_OPEN:
            self._open.append(element)
            self._counts[element.name] = self._counts.get(element.name, 0) + 1


def number_of(value: str | None, default: int) -> int:
    """A number that is not negative, as Markdown's are."""
    digits = (value or "").strip()
    if digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER:
        return int(digits)
    return default
