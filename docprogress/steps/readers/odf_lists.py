"""The numbers of an OpenDocument text's lists and headings."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from docprogress.steps.readers.counting import combined_letters, counted
from docprogress.steps.readers.flow import BULLET
from docprogress.steps.readers.odf import name

#: Levels of a list.
LEVELS = 10

#: The list style of headings.
OUTLINE = "\0outline"

_PLACE = re.compile(r"%(\d{1,2})%")
_FORMATS = {"i": "lowerRoman", "I": "upperRoman", "1": "decimal", "01": "decimalZero"}
_SEQUENCES = {
    "一": "chineseCounting",
    "①": "decimalEnclosedCircle",
    "ア": "aiueo",
    "イ": "iroha",
    "가": "ganada",
    "א": "hebrew1",
    "\u03b1": "greekLower",
    "\u0430": "russianLower",
    "\u0410": "russianUpper",
    "甲": "ideographTraditional",
}
_LONGEST = 100


@dataclass(slots=True)
class Level:
    """One level of a list style."""

    format: str = ""
    prefix: str = ""
    suffix: str = ""
    start: int = 1
    shown: int = 1
    #: LibreOffice's pattern, such as `%1%.%2%.`, if it gives one.
    pattern: str | None = None
    bullet: bool = False
    repeats: bool = False
    gap: str = " "


class Label(NamedTuple):
    """The label before a paragraph."""

    text: str
    gap: str
    level: int


@dataclass(slots=True)
class OpenList:
    """A list that is open, and its numbers so far."""

    style: str
    counts: dict[int, int]
    level: int
    #: The number at which the item begins, or None; the item is not counted yet.
    start: int | None = None
    pending: bool = False


@dataclass(slots=True)
class Lists:
    """List styles, and the lists that are open."""

    styles: dict[str, dict[int, Level]] = field(default_factory=dict)
    _open: list[OpenList] = field(default_factory=list)
    _by_style: dict[str, dict[int, int]] = field(default_factory=dict)
    _by_id: dict[str, dict[int, int]] = field(default_factory=dict)
    _outline: dict[int, int] = field(default_factory=dict)
    _reading: dict[int, Level] | None = None
    _level: Level | None = None

    @property
    def depth(self) -> int:
        return len(self._open)

    @property
    def level(self) -> int | None:
        """The level of the innermost list, from 0; None outside of lists."""
        return self._open[-1].level if self._open else None

    def begin(self, attributes: dict[str, str]) -> None:
        """Begin a list, within an item if there is one."""
        style = attributes.get(name("text:style-name"), "")
        if self._open:
            outer = self._open[-1]
            level = min(outer.level + 1, LEVELS - 1)
            self._open.append(OpenList(style or outer.style, outer.counts, level))
            return
        counts: dict[int, int] = {}
        continued = attributes.get(name("text:continue-list"), "")
        if continued in self._by_id:
            counts = self._by_id[continued]
        elif attributes.get(name("text:continue-numbering")) == "true":
            counts = self._by_style.get(style, counts)
        self._by_style[style] = counts
        if key := attributes.get("http://www.w3.org/XML/1998/namespace id"):
            self._by_id[key] = counts
        self._open.append(OpenList(style, counts, 0))

    def end(self) -> None:
        if self._open:
            self._open.pop()

    def begin_item(self, attributes: dict[str, str]) -> None:
        """Begin an item, which counts once it has a paragraph."""
        if self._open:
            self._open[-1].pending = True
            self._open[-1].start = whole(attributes.get(name("text:start-value")))

    def begin_header(self) -> None:
        if self._open:
            self._open[-1].pending = False

    def suspend(self) -> list[OpenList]:
        """Leave the lists for a note or a text box, which has its own."""
        found, self._open = self._open, []
        return found

    def resume(self, suspended: list[OpenList]) -> None:
        self._open = suspended

    def item_label(self, paragraph_style: str | None) -> Label | None:
        """The label of the item's first paragraph; None for another one."""
        if not self._open or not self._open[-1].pending:
            return None
        found = self._open[-1]
        found.pending = False
        levels = self.styles.get(found.style) or self.styles.get(
            paragraph_style or "", {}
        )
        _count(found.counts, levels, found.level, found.start)
        return _label(found.counts, levels, found.level)

    def heading_label(self, level: int, attributes: dict[str, str]) -> Label | None:
        """The label of a heading by its level, from 0."""
        levels = self.styles.get(OUTLINE, {})
        if attributes.get(name("text:is-list-header")) == "true":
            return None
        start = whole(attributes.get(name("text:start-value")))
        if attributes.get(name("text:restart-numbering")) == "true" and start is None:
            start = levels[level].start if level in levels else 1
        _count(self._outline, levels, level, start)
        return _label(self._outline, levels, level)

    # List styles.

    def begin_style(self, key: str) -> None:
        self._reading = self.styles[key] = {}

    def end_style(self) -> None:
        self._reading = self._level = None

    def begin_level(self, attributes: dict[str, str], *, bullet: bool) -> None:
        """Read a level of the style that has begun."""
        place = whole(attributes.get(name("text:level"))) or 1
        start = whole(attributes.get(name("text:start-value")))
        level = Level(
            format=attributes.get(name("style:num-format"), "")[:_LONGEST],
            prefix=attributes.get(name("style:num-prefix"), "")[:_LONGEST],
            suffix=attributes.get(name("style:num-suffix"), "")[:_LONGEST],
            start=1 if start is None else start,
            shown=min(whole(attributes.get(name("text:display-levels"))) or 1, LEVELS),
            pattern=attributes.get(name("loext:num-list-format")),
            bullet=bullet,
            repeats=attributes.get(name("style:num-letter-sync")) == "true",
        )
        self._level = level
        if self._reading is not None:
            self._reading[min(place, LEVELS) - 1] = level

    def align(self, attributes: dict[str, str]) -> None:
        if self._level is not None:
            follows = attributes.get(name("text:label-followed-by"))
            self._level.gap = "" if follows == "nothing" else " "


def whole(value: str | None) -> int | None:
    """A number that is written in an attribute, or None."""
    if value and value.isascii() and value.isdecimal() and len(value) <= 9:  # noqa: PLR2004
        return int(value)
    return None


def _count(
    counts: dict[int, int], levels: dict[int, Level], place: int, start: int | None
) -> None:
    first = levels[place].start if place in levels else 1
    if start is not None:
        counts[place] = start
    else:
        counts[place] = counts[place] + 1 if place in counts else first
    for deeper in [level for level in counts if level > place]:
        del counts[deeper]


def _label(counts: dict[int, int], levels: dict[int, Level], place: int) -> Label:
    level = levels.get(place)
    if level is None:
        return Label("", "", place)
    if level.bullet:
        return Label(BULLET, " ", place)

    def shown(other: int) -> str:
        found = levels.get(other, Level())
        return _written(counts.get(other, found.start), found)

    if level.pattern is not None:
        text = _PLACE.sub(
            lambda match: shown(int(match[1]) - 1), level.pattern[:_LONGEST]
        )
    elif not level.format:
        text = level.prefix + level.suffix
    else:
        parts = [
            shown(one) for one in range(place - level.shown + 1, place + 1) if one >= 0
        ]
        text = level.prefix + ".".join(filter(None, parts)) + level.suffix
    text = text.strip()
    return Label(text, level.gap if text else "", place)


def _written(number: int, level: Level) -> str:
    style = level.format.strip()
    if not style:
        return ""
    if style in ("a", "A"):
        if level.repeats or number < 1:
            kind = "lowerLetter" if style == "a" else "upperLetter"
            return counted(number, kind)
        found = combined_letters(number)
        return found if style == "a" else found.upper()
    return counted(number, _FORMATS.get(style) or _SEQUENCES.get(style[0], "decimal"))
