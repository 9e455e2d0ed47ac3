"""Recognise the items of lists by their bullets and numbers."""

import re
from typing import NamedTuple

from docprogress.steps.readers.pdf_text_lines import TextLine

#: What begins an item wherever it stands, and what does so only among others.
_STRONG = "•‣▪▸►◦○●■□➢➤✓✔❖∙\u2043\uf0b7\uf0a7\uf0d8\uf076"
_WEAK = "–—*·o-"  # noqa: RUF001 - as they are typed
_BULLET = re.compile(rf"^([{_STRONG}{_WEAK}])(?:\s+|$)")
_NUMBER = re.compile(
    r"^(?:\((\d{1,3}|[a-z]|[ivx]{1,5})\)|(\d{1,3})[.)]|([a-z]|[ivx]{1,5})\))\s+(?=\S)"
)

#: How many lines may be between two items of a list.
FARTHEST = 12

#: Indents that differ by less are one, in points.
SAME_INDENT = 3.0


class Marker(NamedTuple):
    """What an item begins with."""

    #: The characters of the line that it takes.
    length: int
    #: The item's number; 0 for a bullet.
    number: int
    sign: str
    weak: bool


#: A bullet that is drawn before the text.
DRAWN = Marker(0, 0, "•", weak=False)


def marker_of(text: str) -> Marker | None:
    """The bullet or number that a line begins with."""
    first = text[:1]
    if first.isalpha() and text[:2] != "o " and ")" not in text[1:6]:
        return None  # the usual case
    if found := _BULLET.match(text):
        sign = found[1]
        return Marker(found.end(), 0, sign, sign in _WEAK)
    if found := _NUMBER.match(text):
        digits = found[2] or ""
        if digits:
            return Marker(found.end(), int(digits) or 1, "1", True)
        return Marker(found.end(), 0, "(a)" if found[1] else "a", True)
    return None


def items(lines: list[TextLine]) -> dict[int, Marker]:
    """The lines that begin an item, with their markers."""
    found = {
        place: marker
        for place, line in enumerate(lines)
        if line.text
        and (marker := DRAWN if line.dotted else marker_of(line.text))
        and not line.leads_to_page
    }
    places = list(found)
    kept: dict[int, Marker] = {}
    for number, place in enumerate(places):
        marker = found[place]
        near = [
            other
            for other in (
                *places[max(number - 6, 0) : number],
                *places[number + 1 : number + 7],
            )
            if abs(other - place) <= FARTHEST
        ]
        if not marker.weak or any(
            _belong(marker, found[other], lines[place], lines[other], other > place)
            for other in near
        ):
            kept[place] = marker
    return kept


def _belong(
    marker: Marker, other: Marker, line: TextLine, beside: TextLine, after: bool
) -> bool:
    """Whether two lines begin items of the same list."""
    if marker.sign != other.sign or abs(line.left - beside.left) > 4 * SAME_INDENT:
        return False
    if not marker.number:
        return True
    return other.number == marker.number + (1 if after else -1)


class Indents:
    """The depths of items by where they begin."""

    def __init__(self) -> None:
        self._lefts: list[float] = []

    def depth(self, left: float) -> int:
        while self._lefts and left < self._lefts[-1] - SAME_INDENT:
            self._lefts.pop()
        if not self._lefts or left > self._lefts[-1] + SAME_INDENT:
            self._lefts.append(left)
        return len(self._lefts) - 1

    @property
    def left(self) -> float:
        """Where the innermost items begin."""
        return self._lefts[-1] if self._lefts else 0.0
