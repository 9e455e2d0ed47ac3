"""The levels of a document's headings: by their sizes, their numbers, its outline."""

import re
from collections import Counter, defaultdict
from typing import NamedTuple

from docprogress.steps.readers.pdf_text_lines import TextLine

#: How many times as large as body text a heading is, and by how many points, if it is
#: larger.
LARGER = 1.11
LARGER_BY = 0.8

#: Sizes that differ by a smaller share are one.
SAME_SIZE = 0.035

DEEPEST = 6

#: A document with fewer pages has no cover.
LEAST_WITH_COVER = 4

_NUMBER = re.compile(
    r"(?:(?:chapter|section|part|appendix|article|annex|kapitel|abschnitt|chapitre"
    r"|§)\s*)?(\d{1,3}(?:\.\d{1,3}){0,5}|[A-Z](?:\.\d{1,3}){0,5})(?:[.:)]\s*|\s+)(?=\S)",
    re.IGNORECASE,
)


class Key(NamedTuple):
    """What headings of the same level have in common."""

    size: float
    #: 0 for bold, 1 for larger only, 2 for capitals, 3 for a number alone.
    rank: int


class Heading(NamedTuple):
    """Consecutive lines that are one heading."""

    start: int
    end: int
    key: Key
    text: str
    outlined: int = 0

    @property
    def depth(self) -> int:
        """How deep its number says it is; 0 if it has none."""
        found = _NUMBER.match(self.text)
        if found is None:
            return 0
        number = found[1]
        if not number[0].isdigit() and "." not in number:
            return 0  # "A", which is more often a word
        return number.count(".") + 1


class Levels:
    """Which headings of a document have which level.

    Args:
        found: The headings of a sample of its pages, by their numbers from 0.
        pages: How many pages it has.
        body: The size of its body text.
    """

    def __init__(
        self, found: dict[int, list[Heading]], pages: int, body: float
    ) -> None:
        self._body = body
        self._levels: dict[Key, int] = {}
        self._offset: int | None = None
        self._shift = 0
        self._rank(found, covered=pages >= LEAST_WITH_COVER)

    def level(self, heading: Heading) -> int:
        """The level of a heading, from 1."""
        if heading.outlined:
            level = heading.outlined + self._shift
        elif heading.depth and self._offset is not None:
            level = heading.depth + self._offset
        else:
            level = self.level_of(heading.key)
        return min(max(level, 1), DEEPEST)

    def _rank(self, found: dict[int, list[Heading]], *, covered: bool) -> None:
        groups: dict[Key, list[Heading]] = defaultdict(list)
        pages: dict[Key, set[int]] = defaultdict(set)
        for page, headings in found.items():
            for heading in headings:
                groups[heading.key].append(heading)
                pages[heading.key].add(page)
        ranked = sorted(groups, key=lambda key: (-key.size, key.rank))
        level = 0
        before: Key | None = None
        for key in ranked:
            alone = len(groups[key]) == 1 and pages[key] == {0}
            if covered and alone and before is not None:
                continue
            if before is None or not self._same_level(before, key):
                level += 1
            self._levels[key] = min(level, DEEPEST)
            before = key
        every = [heading for headings in found.values() for heading in headings]
        offsets: Counter[int] = Counter()
        for key, level in self._levels.items():
            depths = [heading.depth for heading in groups[key] if heading.depth]
            if depths:
                offsets[level - min(depths)] += len(depths)
        if offsets:
            offset, count = offsets.most_common(1)[0]
            if 2 * count > offsets.total() and offset >= 0:
                self._offset = offset
        self._use_outline(every, found.get(0, []))

    def _use_outline(self, every: list[Heading], first_page: list[Heading]) -> None:
        """Give headings that are not in the outline the level of those that are."""
        depths: dict[Key, Counter[int]] = defaultdict(Counter)
        for heading in every:
            if heading.outlined:
                depths[heading.key][heading.outlined] += 1
        if not depths:
            return
        known = {key: count.most_common(1)[0][0] for key, count in depths.items()}
        largest = max(key.size for key in known)
        title = any(
            not heading.outlined and heading.key.size > largest * (1 + SAME_SIZE)
            for heading in first_page
        )
        self._shift = int(title)
        self._offset = None
        self._levels |= {key: depth + self._shift for key, depth in known.items()}
        for key in self._levels.keys() - known.keys():
            larger = [depth for other, depth in known.items() if other.size >= key.size]
            self._levels[key] = max(larger) + self._shift + 1 if larger else 1

    def level_of(self, key: Key) -> int:
        """The level of headings that look alike, from 1."""
        for known, level in self._levels.items():
            if self._same_level(known, key):
                return level
        larger = [
            level for known, level in self._levels.items() if known.size > key.size
        ]
        return max(larger, default=0) + 1

    def _same_level(self, one: Key, other: Key) -> bool:
        """Whether two headings differ too little to be of different levels."""
        size = max(one.size, other.size)
        alike = one.rank == other.rank or size >= LARGER * self._body
        return alike and abs(one.size - other.size) <= SAME_SIZE * size


def key_of_line(line: TextLine) -> Key:
    """What a heading of this line has in common with others."""
    return Key(line.size, 0 if line.bold else 1)
