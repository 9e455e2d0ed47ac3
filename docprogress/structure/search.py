"""Search a text from front to back for lines that may be written a little differently.

All searches together take time in proportion to the text.
"""

import re
from collections.abc import Callable

Span = tuple[int, int]
#: Whether a line can be at a span.
Fits = Callable[[int, int], bool]

#: Characters beyond its own length within which a line is searched for.
NEAR = 2_000

#: The same for headings that are lines on their own.
NEAR_HEADING = 20_000

#: A line with so many characters is also searched for in the rest of the text, which
#: may have text before it that is not in the Markdown.
LONG = 24

#: Texts that searches of the rest may read, times the length of the text.
MAX_FAR = 20

#: Occurrences that are examined before a short line counts as missing.
_MAX_TRIES = 16

#: Words at either end by which a line is found that is not the same everywhere.
_WORDS = 5
_FEWEST = 2
_WORD = re.compile(r"\w+")
# Characters between two of them, at most: dots up to the number of a page.
_APART = 300
#: Characters before a line for its number, at most.
_NUMBER = 16
_BLANK = re.compile(r"\s*")


class Search:
    """A text, and the place up to which it has been found."""

    def __init__(self, text: str) -> None:
        self.text = text
        # The text as one line, in which a paragraph is as it is in Markdown.
        self._flat = text.replace("\n", " ")
        self.place = 0
        self._far = MAX_FAR * len(text)

    def find(self, line: str, *, heading: bool = False) -> Span | None:
        """Find a line after the last one that was found.

        Args:
            line: What to find.
            heading: Whether it is probably a line on its own, rather than a part of
                another one or an entry of a table of contents.
        """
        line = line.strip()
        if not line:
            return None
        span = self._find(line, self._alone) if heading else None
        span = span or self._find(line, self._begins if heading else self._apart)
        span = span or self._in_rest(line)
        if span is not None:
            self.place = span[1]
        return span

    def find_here(self, block: str) -> Span | None:
        """Find lines that come next, wherever they are broken."""
        line = block
        if "\n" in block:
            line = " ".join([part.strip() for part in block.split("\n")])
        start = self.skip_blank()
        end = start + len(line)
        if not self._flat.startswith(line, start) or not self._apart(start, end):
            return None
        self.place = end
        return start, end

    def skip_blank(self) -> int:
        """Go to the next place that is not white space."""
        if self.text[self.place : self.place + 1].isspace():
            found = _BLANK.match(self.text, self.place)
            assert found is not None
            self.place = found.end()
        return self.place

    def _find(self, line: str, fits: Fits) -> Span | None:
        """Find a line here or nearby, as it is or by its words."""
        start = self.skip_blank()
        if self.text.startswith(line, start) and fits(start, start + len(line)):
            return start, start + len(line)
        return self._near(line, fits) or self._by_words(line, fits)

    def _near(self, line: str, fits: Fits) -> Span | None:
        start = self.place
        most = start + len(line) + NEAR
        if fits == self._alone and self._far > 0:
            # Its entry in a table of contents, which may be long, is nearer.
            most += NEAR_HEADING
            self._far -= NEAR_HEADING
        for _ in range(_MAX_TRIES):
            start = self.text.find(line, start, most)
            if start < 0:
                return None
            if fits(start, start + len(line)):
                return start, start + len(line)
            start += 1
        return None

    def _apart(self, start: int, end: int) -> bool:
        """Whether no word goes on before or after a span."""
        text = self.text
        before = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
        after = text[end : end + 1].isalnum() and text[end - 1].isalnum()
        return not before and not after

    def _begins(self, start: int, end: int) -> bool:
        """Whether a line begins here, or a little before: with a number."""
        line = self.text.rfind("\n", max(0, start - _NUMBER), start) + 1
        return (line > 0 or start < _NUMBER) and self._apart(start, end)

    def _alone(self, start: int, end: int) -> bool:
        """Whether a span is all of its line, except for a number before it."""
        line = self.text.find("\n", end, end + _NUMBER)
        last = end + _NUMBER >= len(self.text)
        rest = self.text[end : line if line >= 0 else end + _NUMBER]
        return (line >= 0 or last) and not rest.strip() and self._begins(start, end)

    def _by_words(self, line: str, fits: Fits) -> Span | None:
        """Find the first and last words of a line."""
        words = _WORD.findall(line[:400])[:_WORDS]
        if len(words) < _FEWEST:
            return None
        whole = len(words) < _WORDS
        most = self.place + len(line) + NEAR
        first = self._sequence(words, self.place, most, fits if whole else self._apart)
        if first is None or whole:
            return first
        start, end = first
        least = max(start, start + len(line) - len(line) // 4 - 400)
        words = _WORD.findall(line[-400:])[-_WORDS:]
        most = start + 2 * len(line) + 200
        # What ends a line may be long and have no word: a rule, a row of dots.
        last = self._sequence(words, least, most, self._apart) if words else None
        end = max(end, last[1] if last else end)
        return (start, end) if fits(start, end) else None

    def _sequence(
        self, words: list[str], start: int, most: int, fits: Fits
    ) -> Span | None:
        """Where words follow each other, with anything but words between them."""
        for _ in range(_MAX_TRIES):
            start = self.text.find(words[0], start, most)
            if start < 0:
                return None
            end = start
            for word in words:
                found = _WORD.search(self.text, end, end + _APART + len(word))
                if found is None or found[0] != word:
                    break
                end = found.end()
            else:
                if fits(start, end):
                    return start, end
            start += 1
        return None

    def _in_rest(self, line: str) -> Span | None:
        if len(line) < LONG or self._far < 0:
            return None
        start = self.text.find(line, self.place)
        self._far -= (len(self.text) if start < 0 else start) - self.place
        return None if start < 0 else (start, start + len(line))
