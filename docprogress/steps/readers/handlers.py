"""Hand the elements of XML to the methods that are named after them."""

from collections.abc import Callable
from typing import ClassVar

Start = Callable[[dict[str, str]], None]
End = Callable[[], None]


def handlers(
    names: dict[str, str], *holders: object
) -> tuple[dict[str, Start], dict[str, End]]:
    """The methods `start_NAME` and `end_NAME` of objects by expat's names."""
    starts: dict[str, Start] = {}
    ends: dict[str, End] = {}
    for holder in holders:
        for key, name in names.items():
            if start := getattr(holder, f"start_{name}", None):
                starts[key] = start
            if end := getattr(holder, f"end_{name}", None):
                ends[key] = end
    return starts, ends


class NamedHandlers:
    """Receives the events of XML, and leaves out subtrees.

    Args:
        holders: The objects with the methods.
    """

    #: What the elements that are handled are called, by expat's names.
    names: ClassVar[dict[str, str]] = {}

    def __init__(self, *holders: object) -> None:
        #: How many elements that are open are left out, with all that is in them.
        self.skipped = 0
        self._starts, self._ends = handlers(self.names, *holders)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.skipped:
            self.skipped += 1
            return
        handle = self._starts.get(name)
        if handle is not None:
            handle(attributes)

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
            return
        handle = self._ends.get(name)
        if handle is not None:
            handle()
