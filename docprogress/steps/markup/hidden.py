"""Where a hidden element ends."""

from collections import Counter

from docprogress.steps.markup.elements import IMPLIED_ENDS, PARENTS

_NONE: frozenset[str] = frozenset()


class HiddenElement:
    """A hidden element whose content is being skipped.

    An element whose end tag may be omitted ends where browsers end it: at the next of
    its kind, or with its parent.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._depth = 1
        self._may_omit = name in IMPLIED_ENDS
        self._enders, self._shields = IMPLIED_ENDS.get(name, (_NONE, _NONE))
        self._open: Counter[str] = Counter()

    def ends_before(self, name: str) -> bool:
        """Note a start tag; whether it ends the element, and stands after it."""
        if self._may_omit:
            shielded = any(self._open[shield] for shield in self._shields)
            if name in self._enders and not shielded:
                return True
            self._open[name] += 1
        elif name == self._name:
            self._depth += 1
        return False

    def ends_at(self, name: str) -> bool:
        """Note an end tag; whether it is the element's."""
        if self._may_omit:
            return name == self._name and not self._open[name]
        if name == self._name:
            self._depth -= 1
        return self._depth == 0

    def ends_with(self, name: str) -> bool:
        """Note an end tag of another element; whether it is the parent's."""
        if not self._may_omit:
            return False
        if self._open[name]:
            self._open[name] -= 1
            return False
        return name in PARENTS and name != self._name
