"""Recognise headings and their levels by size, weight, number and outline.

What is body text, and which sizes are headings, is learned from a sample of pages and
then holds for the whole document, so that levels are the same on each page.
"""

import re
from collections import Counter
from itertools import islice

from docprogress.steps.readers.pdf_heading_levels import (
    LARGER,
    LARGER_BY,
    SAME_SIZE,
    Heading,
    Key,
    Levels,
    key_of_line,
)
from docprogress.steps.readers.pdf_lists import marker_of
from docprogress.steps.readers.pdf_outline import Outline, key_of
from docprogress.steps.readers.pdf_running_titles import RunningTitles
from docprogress.steps.readers.pdf_text_lines import TextLine, leading_of

#: Sizes within as many points may be those of body text.
BODY = 0.5

#: The maximum number of characters and lines of a heading, and of one that is only
#: bold.
MOST_CHARACTERS = 200
MOST_LINES = 4
MOST_BOLD_CHARACTERS = 110
MOST_BOLD_LINES = 2

#: Distances before a heading of the body's size, in those between its lines.
ABOVE = 1.12
FAR_ABOVE = 1.3

#: The minimum number of letters of a heading, unless its script is wide.
LEAST_LETTERS = 2

#: How far apart the lines of one heading are at most, in sizes.
TOGETHER = 1.6

#: The least size of a heading that is smaller than body text, in that of body text.
SMALLEST = 0.6

_LABEL = re.compile(
    r"(?:chapter|part|appendix|annex|kapitel|teil|chapitre|capítulo)\s+[\divxlc]+[.:]?"
    r"|(?:appendix|annex)\s+[a-z]",
    re.IGNORECASE,
)
_ROMAN = re.compile(r"[ivxlc]+", re.IGNORECASE)
_CAPTION = re.compile(r"(?:fig|tab|abb|chart|source|note)[a-z]*\b", re.IGNORECASE)


class Headings:
    """The headings of one document."""

    def __init__(self, outline: Outline, pages: int) -> None:
        self._outline = outline
        self._pages = pages
        self._sample: dict[int, list[TextLine]] = {}
        # What was found in the sample, until it is asked for.
        self._found: dict[int, tuple[list[TextLine], list[Heading]]] = {}
        self._sizes: Counter[float] = Counter()
        self._bold = self._fixed = 0
        self.body = 10.0
        #: Whether body text is bold, or of fixed pitch.
        self.body_bold = False
        self.body_fixed = False
        self._running = RunningTitles([], self.body)
        self._levels = Levels({}, pages, self.body)

    def learn(self, page: int, lines: list[TextLine]) -> None:
        """Learn from a page, counted from 0, what is usual."""
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
        self._running = RunningTitles(self._sample.values(), self.body)
        found = {
            page: self.find(page, lines, leading_of(lines, self.body))
            for page, lines in self._sample.items()
        }
        self._levels = Levels(found, self._pages, self.body)
        self._found = {page: (self._sample[page], found[page]) for page in found}
        self._sample.clear()

    def find(self, page: int, lines: list[TextLine], leading: float) -> list[Heading]:
        """The headings of a page, counted from 0."""
        known, kept = self._found.pop(page, (None, []))
        if known is lines:
            return kept
        titles = self._titles(page)
        beginnings = "".join(f"\n{title}" for title in titles)
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
                heading = self._heading(lines, place, leading, titles, beginnings)
                if heading is not None:
                    found.append(heading)
                    end = heading.end
        return found

    def level(self, heading: Heading) -> int:
        """The level of a heading, from 1."""
        return self._levels.level(heading)

    def level_of(self, line: TextLine) -> int:
        """The level of headings that look like a line, from 1."""
        return self._levels.level_of(key_of_line(line))

    def _titles(self, page: int) -> dict[str, int]:
        if not self._outline:
            return {}
        around = [self._outline.get(page + n, {}) for n in (-1, 1, 0)]
        return {title: depth for found in around for title, depth in found.items()}

    def _heading(
        self,
        lines: list[TextLine],
        start: int,
        leading: float,
        titles: dict[str, int],
        beginnings: str,
    ) -> Heading | None:
        line = lines[start]
        if not (line.text and line.placed):
            return None
        key = self._key(lines, start, leading)
        if key is None and not _may_be_outlined(line.text, beginnings):
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
        if outlined and line not in self._running:
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
        """Whether a line that looks like a heading can be one."""
        line = lines[start]
        marker = marker_of(line.text)
        listed = line.dotted or line.leads_to_page or (marker and not marker.number)
        if listed or line in self._running:
            return False
        if len(text) > MOST_CHARACTERS or not _has_letters(text):
            return False
        if key.size >= LARGER * self.body:
            return not (text[-1] in ".,;" and len(text) > MOST_BOLD_CHARACTERS)
        if end - start > MOST_BOLD_LINES or text[-1] in ".,;:。；：，":  # noqa: RUF001 - as typed
            return False
        following = next((one for one in lines[end : end + 1] if one.text), None)
        if following is None:
            return key.rank == 0 and start > 0  # what it is above is on the next page
        # A line beside other text, such as a label, is not a heading.
        below = following.first < line.last - 0.5 * line.size or not following.placed
        return below and not (following.bold and line.bold)


def _may_be_outlined(text: str, beginnings: str) -> bool:
    """Whether a bookmark may begin with a line.

    Args:
        text: The line.
        beginnings: The bookmarks' keys, each behind a line feed.
    """
    if not beginnings:
        return False
    key = key_of(text)
    return key.isdecimal() or f"\n{key}" in beginnings


def _has_letters(text: str) -> bool:
    """Whether a text has two letters, or one and a character of a wide script."""
    letters = islice(filter(str.isalpha, text), LEAST_LETTERS)
    found = len(list(letters))
    if found == LEAST_LETTERS:
        return True
    return found > 0 and any(character > "\u2e80" for character in text)


def _may_begin(line: TextLine) -> bool:
    first = line.text[0]
    if _ROMAN.fullmatch(line.text):
        return False
    return (first.isalnum() and not first.islower()) or first in "§¿¡\"'“«(<[…„"


def _same_heading(before: TextLine, line: TextLine) -> bool:
    """Whether a line continues the heading before it."""
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
