"""The automatic numbers of a Word document's paragraphs: `2.1`, `(a)`, `Article IV`."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from docprogress.steps.readers.counting import counted
from docprogress.steps.readers.docx_styles import Resolved, Styles, number
from docprogress.steps.readers.flow import BULLET
from docprogress.steps.readers.ooxml import attribute, switched_on

#: Levels of a list.
LEVELS = 9

#: The longest text of a level that is taken.
LONGEST_LABEL = 200

_PLACE = re.compile(r"%([1-9])")
_GAPS = {"tab": " ", "space": " ", "nothing": ""}


@dataclass(slots=True)
class Level:
    """One level of a list."""

    start: int = 1
    style: str = "decimal"
    #: For numbers with leading zeros: their length.
    digits: int = 0
    text: str = ""
    gap: str = " "
    #: The level after which it starts again, from 1; 0 for never; None for every one.
    restart: int | None = None
    legal: bool = False
    hidden: bool = False
    paragraph_style: str | None = None


@dataclass(slots=True)
class _List:
    """A definition (`abstractNum`), with where its numbers are."""

    levels: dict[int, Level] = field(default_factory=dict)
    #: The numbering style that has the levels in place of this definition.
    style_link: str | None = None
    counts: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Instance:
    """A list in use (`num`): a definition and what differs."""

    definition: str = ""
    levels: dict[int, Level] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    started: set[int] = field(default_factory=set)


class Label(NamedTuple):
    """The label before a paragraph."""

    text: str
    #: What separates it from the paragraph.
    gap: str
    level: int


class Numbering:
    """Reads `numbering.xml`, and counts paragraphs."""

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._lists: dict[str, _List] = {}
        self._instances: dict[str, _Instance] = {}
        self._list: _List | None = None
        self._instance: _Instance | None = None
        self._level: Level | None = None
        self._place = 0
        self._skipped = 0

    def next_label(
        self, num_id: str | None, level: int | None, style: Resolved
    ) -> Label | None:
        """Count a paragraph, and give its label.

        Args:
            num_id: The list that the paragraph itself names, if any.
            level: The level that it names, if any.
            style: The paragraph's style, which may name both.
        """
        by_style = num_id is None
        if num_id is None:
            num_id = style.num_id
        instance = self._instances.get(num_id or "0")
        if instance is None or num_id == "0":
            return None
        found = self._definition(instance)
        if found is None:
            return None
        levels = found.levels | instance.levels
        if level is None and by_style:
            level = self._linked(levels, style)
        place = min(max(level or 0, 0), LEVELS - 1)
        self._count(found, instance, levels, place)
        return self._label(found, levels, place)

    def _linked(self, levels: dict[int, Level], style: Resolved) -> int | None:
        for name in style.chain:
            for place, level in levels.items():
                if level.paragraph_style == name:
                    return place
        return style.level

    def _definition(self, instance: _Instance) -> _List | None:
        found = self._lists.get(instance.definition)
        if found is None or found.levels or not found.style_link:
            return found
        style = self._styles.resolve(found.style_link)
        linked = self._instances.get(style.num_id or "")
        return self._lists.get(linked.definition) if linked else found

    def _count(
        self, found: _List, instance: _Instance, levels: dict[int, Level], place: int
    ) -> None:
        counts = found.counts
        start = levels[place].start if place in levels else 1
        if place in instance.starts and place not in instance.started:
            instance.started.add(place)
            counts[place] = instance.starts[place]
        elif place in counts:
            counts[place] += 1
        else:
            counts[place] = instance.starts.get(place, start)
        for deeper in [level for level in counts if level > place]:
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or place < restart:
                del counts[deeper]

    def _label(self, found: _List, levels: dict[int, Level], place: int) -> Label:
        level = levels.get(place)
        if level is None or level.hidden:
            return Label("", "", place)
        if level.style == "bullet":
            return Label(BULLET if level.text.strip() else "", level.gap, place)

        def value(match: re.Match[str]) -> str:
            other = int(match[1]) - 1
            shown = levels.get(other, Level())
            count = found.counts.get(other, shown.start)
            if level.legal:
                return str(count)
            if shown.digits:
                return f"{count:0{shown.digits}d}"
            return "" if shown.style == "bullet" else counted(count, shown.style)

        text = _PLACE.sub(value, level.text)
        return Label(text.strip(), level.gap if text == text.rstrip() else " ", place)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if self._skipped or local in ("Fallback", "numPicBullet", "pPr"):
            self._skipped += 1
            return
        match local:
            case "abstractNum":
                key = attribute(attributes, "abstractNumId") or ""
                self._list = self._lists[key] = _List()
            case "num":
                key = attribute(attributes, "numId") or ""
                self._instance = self._instances[key] = _Instance()
            case "abstractNumId" if self._instance is not None:
                self._instance.definition = attribute(attributes, "val") or ""
            case "numStyleLink" if self._list is not None:
                self._list.style_link = attribute(attributes, "val")
            case "lvlOverride":
                self._place = _place(attributes)
            case "startOverride" if self._instance is not None:
                self._instance.starts[self._place] = number(attributes) or 0
            case "lvl":
                self._start_level(attributes)
            case _ if self._level is not None:
                _property(self._level, local, attributes)

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        match name.rpartition(" ")[2]:
            case "abstractNum":
                self._list = None
            case "num":
                self._instance = None
            case "lvl":
                self._level = None

    def characters(self, _: str) -> None: ...

    def _start_level(self, attributes: dict[str, str]) -> None:
        holder = self._instance or self._list
        if holder is not None:
            self._level = holder.levels[_place(attributes)] = Level()


def _place(attributes: dict[str, str]) -> int:
    value = attribute(attributes, "ilvl") or "0"
    return int(value) if len(value) == 1 and value in "012345678" else 0


def _property(level: Level, local: str, attributes: dict[str, str]) -> None:
    value = attribute(attributes, "val")
    match local:
        case "start":
            found = number(attributes)
            level.start = 1 if found is None else found
        case "numFmt":
            level.style = value or "decimal"
            form = attribute(attributes, "format") or ""
            if level.style == "custom":
                level.digits = min(len(form.split(",", 1)[0].strip()), 9)
        case "lvlText":
            level.text = (value or "")[:LONGEST_LABEL]
        case "lvlRestart":
            level.restart = number(attributes)
        case "isLgl":
            level.legal = switched_on(attributes)
        case "suff":
            level.gap = _GAPS.get(value or "", " ")
        case "pStyle":
            level.paragraph_style = value
        case "vanish":
            level.hidden = switched_on(attributes)
