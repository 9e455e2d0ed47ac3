"""Tell headings and their levels from size, weight, numbers, and the outline.

What is body text, and which sizes are headings, is learned from a sample of pages and
then holds for the whole document, so that levels are the same on each page.
"""

import re
from collections import Counter, defaultdict
from typing import NamedTuple

from docprogress.steps.readers.pdf_lists import marker_of
from docprogress.steps.readers.pdf_outline import Outline, key_of
from docprogress.steps.readers.pdf_text_lines import TextLine, leading_of

#: How many times as large as body text a heading is, and by how many points, if it is
#: larger.
LARGER = 1.11
LARGER_BY = 0.8

#: Sizes within as many points may be those of body text.
BODY = 0.5

#: The most characters and lines of a heading, and of one that is only bold.
MOST_CHARACTERS = 200
MOST_LINES = 4
MOST_BOLD_CHARACTERS = 110
MOST_BOLD_LINES = 2

#: Distances before a heading of the body's size, in those between its lines.
ABOVE = 1.12
FAR_ABOVE = 1.3

#: How far apart the lines of one heading are at most, in sizes.
TOGETHER = 1.6

#: Sizes that differ by a smaller share are one.
SAME_SIZE = 0.035

#: The least size of a heading that is smaller than body text, in that of body text.
SMALLEST = 0.6

DEEPEST = 6

#: A document with fewer pages has no cover.
LEAST_WITH_COVER = 4

#: The share of pages on which a line at their edge is a running title.
RUNNING = 0.4
LEAST_RUNNING = 3

_NUMBER = re.compile(
    r"(?:(?:chapter|section|part|appendix|article|annex|kapitel|abschnitt|chapitre"
    r"|§)\s*)?(\d{1,3}(?:\.\d{1,3}){0,5}|[A-Z](?:\.\d{1,3}){0,5})(?:[.:)]\s*|\s+)(?=\S)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:chapter|part|appendix|annex|kapitel|teil|chapitre|capítulo)\s+[\divxlc]+[.:]?"
    r"|(?:appendix|annex)\s+[a-z]",
    re.IGNORECASE,
)
_ROMAN = re.compile(r"[ivxlc]+", re.IGNORECASE)
_CAPTION = re.compile(r"(?:fig|tab|abb|chart|source|note)[a-z]*\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")


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


class Headings:
    """The headings of one document."""

    def __init__(self, outline: Outline, pages: int) -> None:
        self._outline = outline
        self._pages = pages
        self._sample: dict[int, list[TextLine]] = {}
        self._sizes: Counter[float] = Counter()
        self._bold = self._fixed = 0
        self.body = 10.0
        #: Whether body text is bold, or of fixed pitch.
        self.body_bold = False
        self.body_fixed = False
        self._levels: dict[Key, int] = {}
        self._offset: int | None = None
        self._shift = 0
        #: Lines at the edge of many pages, and the heights of those with page numbers.
        self._running: set[str] = set()
        self._head: set[int] = set()

    def learn(self, page: int, lines: list[TextLine]) -> None:
        """Take a page, counted from 0, for what is usual."""
        self._sample[page] = lines
        for line in lines:
            if line.placed:
                length = len(line.text)
                self._sizes[line.size] += length
                self._bold += line.bold * length
                self._fixed += line.fixed * length

    def settle(self) -> None:
        """Decide what is body text, and which headings have which level."""
        total = max(self._sizes.total(), 1)
        if self._sizes:
            sizes = Counter[float]()
            for size, count in self._sizes.items():
                sizes[round(size * 2) / 2] += count
            rough = sizes.most_common(1)[0][0]
            self.body = max(
                (size for size in self._sizes if abs(size - rough) <= BODY),
                key=lambda size: self._sizes[size],
                default=rough,
            )
        self.body_bold = self._bold > total / 2
        self.body_fixed = self._fixed > total / 2
        self._running = self._running_titles()
        found = {
            page: self.find(page, lines, leading_of(lines, self.body))
            for page, lines in self._sample.items()
        }
        self._rank(found)
        self._sample.clear()

    def find(self, page: int, lines: list[TextLine], leading: float) -> list[Heading]:
        """The headings of a page, counted from 0."""
        titles = self._titles(page)
        longest = max(map(len, titles), default=0) * 2 + 8 if titles else 0
        large = min(LARGER * self.body, self.body + LARGER_BY)
        found: list[Heading] = []
        end = 0
        for place, line in enumerate(lines):
            text = line.text
            if place < end or not text or not line.size:
                continue
            if (
                line.size >= large
                or (line.bold and not self.body_bold)
                or text[0].isdigit()
                or len(text) < longest
                or (text.isupper() and not line.fixed)
            ):
                heading = self._heading(lines, place, leading, titles)
                if heading is not None:
                    found.append(heading)
                    end = heading.end
        return found

    def level(self, heading: Heading) -> int:
        """The level of a heading, from 1."""
        if heading.outlined:
            level = heading.outlined + self._shift
        elif heading.depth and self._offset is not None:
            level = heading.depth + self._offset
        else:
            level = self.level_of(heading.key)
        return min(max(level, 1), DEEPEST)

    def _titles(self, page: int) -> dict[str, int]:
        if not self._outline:
            return {}
        around = [self._outline.get(page + n, {}) for n in (-1, 1, 0)]
        return {title: depth for found in around for title, depth in found.items()}

    def _heading(
        self, lines: list[TextLine], start: int, leading: float, titles: dict[str, int]
    ) -> Heading | None:
        line = lines[start]
        if not (line.text and line.placed):
            return None
        key = self._key(lines, start, leading)
        if key is None and not titles:
            return None
        end = start + 1
        while (
            end < len(lines)
            and end - start < MOST_LINES
            and _same_heading(lines[end - 1], lines[end])
        ):
            end += 1
        text = " ".join(line.text for line in lines[start:end])
        outlined = titles.get(key_of(text), 0) if titles else 0
        if not outlined and titles and (outlined := titles.get(key_of(line.text), 0)):
            end, text = start + 1, line.text
        if outlined and not self._runs(line):
            key = key or Key(line.size, 0 if line.bold else 3)
            return Heading(start, end, key, text, outlined)
        if key is None or not self._holds(lines, start, end, key, text):
            return None
        return Heading(start, end, key, text)

    def _key(  # noqa: PLR0911 - a list of looks
        self, lines: list[TextLine], place: int, leading: float
    ) -> Key | None:
        """What kind of heading a line looks like, if any."""
        line = lines[place]
        if line.fixed and not self.body_fixed and line.size < LARGER * self.body:
            return None
        if line.size >= LARGER * self.body and line.size - self.body >= LARGER_BY:
            return Key(line.size, 0 if line.bold else 1)
        if len(line.text) > MOST_BOLD_CHARACTERS or line.size < 0.95 * self.body:
            return self._small_key(lines, place, leading)
        above = _distance(lines, place, leading)
        if line.bold and not self.body_bold and above > ABOVE:
            apart = _distance_below(lines, place, leading) > ABOVE
            lower = line.text[0].islower() and not _ROMAN.fullmatch(line.text)
            sure = _may_begin(line) or (lower and above > FAR_ABOVE and apart)
            return Key(line.size, 0) if sure else None
        if not _may_begin(line):
            return None
        if above < FAR_ABOVE or _distance_below(lines, place, leading) < ABOVE:
            return None
        words = line.text
        if words.isupper() and sum(map(str.isalpha, words)) > 3:  # noqa: PLR2004 - no abbreviation
            return Key(line.size, 2)
        numbered = Heading(place, place + 1, Key(line.size, 3), words)
        return numbered.key if numbered.depth > 1 else None

    def _small_key(
        self, lines: list[TextLine], place: int, leading: float
    ) -> Key | None:
        """What kind of heading a line smaller than the body is: none but a bold one."""
        line = lines[place]
        if (
            line.bold
            and not self.body_bold
            and SMALLEST * self.body < line.size < self.body
            and len(line.text) <= MOST_BOLD_CHARACTERS
            and _distance(lines, place, leading) > FAR_ABOVE
            and _distance_below(lines, place, leading) > ABOVE
            and not _CAPTION.match(line.text)
        ):
            return Key(line.size, 0)
        return None

    def _holds(
        self, lines: list[TextLine], start: int, end: int, key: Key, text: str
    ) -> bool:
        """Whether what looks like a heading can be one."""
        line = lines[start]
        marker = marker_of(line.text)
        listed = line.dotted or line.leads_to_page or (marker and not marker.number)
        if listed or self._runs(line):
            return False
        letters = sum(map(str.isalpha, text))
        wide = any(character > "\u2e80" for character in text)
        if letters < (1 if wide else 2) or len(text) > MOST_CHARACTERS:
            return False
        if key.size >= LARGER * self.body:
            return not (text[-1] in ".,;" and len(text) > MOST_BOLD_CHARACTERS)
        if end - start > MOST_BOLD_LINES or text[-1] in ".,;:。；：，":  # noqa: RUF001 - as typed
            return False
        following = next((one for one in lines[end : end + 1] if one.text), None)
        if following is None or following.bold == line.bold is True:
            return False
        # What stands beside other text, as a label does, is no heading.
        return following.first < line.last - 0.5 * line.size or not following.placed

    def _rank(self, found: dict[int, list[Heading]]) -> None:
        groups: dict[Key, list[Heading]] = defaultdict(list)
        pages: dict[Key, set[int]] = defaultdict(set)
        for page, headings in found.items():
            for heading in headings:
                groups[heading.key].append(heading)
                pages[heading.key].add(page)
        ranked = sorted(groups, key=lambda key: (-key.size, key.rank))
        cover = self._pages >= LEAST_WITH_COVER
        level = 0
        before: Key | None = None
        for key in ranked:
            alone = len(groups[key]) == 1 and pages[key] == {0}
            if cover and alone and before is not None:
                continue
            if before is None or not _same_level(before, key):
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
            if _same_level(known, key):
                return level
        larger = [
            level for known, level in self._levels.items() if known.size > key.size
        ]
        return max(larger, default=0) + 1

    def _runs(self, line: TextLine) -> bool:
        """Whether a line is a running title."""
        if self._head and _has_page_number(line.text) and line.size < 1.3 * self.body:
            height = round(line.first)
            if not self._head.isdisjoint((height - 1, height, height + 1)):
                return True
        return bool(self._running) and _running_key(line) in self._running

    def _running_titles(self) -> set[str]:
        """Lines that stand at the edge of many pages."""
        counts: Counter[str] = Counter()
        for lines in self._sample.values():
            inked = _inked(lines)
            counts.update({_running_key(line) for line in inked[:2] + inked[-2:]})
        least = max(LEAST_RUNNING, RUNNING * len(self._sample))
        numbered = Counter(
            round(lines[0].first)
            for lines in map(_inked, self._sample.values())
            if lines and _has_page_number(lines[0].text)
        )
        self._head = {
            height for height, count in numbered.items() if count >= least
        } or set()
        return {text for text, count in counts.items() if count >= least}


def _inked(lines: list[TextLine]) -> list[TextLine]:
    return [line for line in lines if line.text]


def _has_page_number(text: str) -> bool:
    return text[0].isdigit() or text[-1].isdigit()


def _same_level(one: Key, other: Key) -> bool:
    """Whether two headings differ too little to be of different levels."""
    return one.rank == other.rank and abs(one.size - other.size) <= (
        SAME_SIZE * max(one.size, other.size)
    )


def _may_begin(line: TextLine) -> bool:
    first = line.text[0]
    if _ROMAN.fullmatch(line.text):
        return False
    return (first.isalnum() and not first.islower()) or first in "§¿¡\"'“«(<[…„"


def _same_heading(before: TextLine, line: TextLine) -> bool:
    """Whether a line goes on with the heading before it."""
    if not line.placed or not line.text:
        return False
    alike = (
        abs(before.size - line.size) <= SAME_SIZE * line.size
        and before.bold == line.bold
        and before.italic == line.italic
    )
    labelled = bool(_LABEL.fullmatch(before.text)) and before.bold == line.bold
    gap = before.last - line.first
    if labelled and line.size >= 0.9 * before.size:
        return 0 < gap < 3 * TOGETHER * line.size
    if not alike or Heading(0, 1, Key(0, 0), line.text).depth:
        return False
    return 0 <= gap <= TOGETHER * line.size


def _distance(lines: list[TextLine], place: int, leading: float) -> float:
    """The distance to the line above, in usual distances; great if there is none."""
    if place == 0 or not lines[place - 1].placed:
        return 10.0
    gap = lines[place - 1].last - lines[place].first
    return gap / leading if gap > 0 else 10.0 if gap < -leading else 0.0


def _distance_below(lines: list[TextLine], place: int, leading: float) -> float:
    return _distance(lines, place + 1, leading) if place + 1 < len(lines) else 0.0


def _running_key(line: TextLine) -> str:
    return f"{_DIGITS.sub('#', line.text.casefold())} {line.size:.0f}"


def key_of_line(line: TextLine) -> Key:
    """What a heading of this line has in common with others."""
    return Key(line.size, 0 if line.bold else 1)
