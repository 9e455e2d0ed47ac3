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

    #: The names of handled elements, by expat's names.
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


class Alternatives:
    """Leaves out all alternatives of a content but the first: they say the same.

    Args:
        skip: Leaves out the element that begins.
    """

    def __init__(self, skip: Callable[[], None]) -> None:
        self._skip = skip
        # For each content that is open, whether one was read.
        self._read: list[bool] = []

    def start_AlternateContent(self, _: dict[str, str]) -> None:  # noqa: N802
        self._read.append(False)

    def end_AlternateContent(self) -> None:  # noqa: N802
        if self._read:
            self._read.pop()

    def start_Choice(self, _: dict[str, str]) -> None:  # noqa: N802
        if self._read and self._read[-1]:
            self._skip()
        elif self._read:
            self._read[-1] = True

    start_Fallback = start_Choice  # noqa: N815
