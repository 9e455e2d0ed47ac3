"""Search a text from front to back for lines that may be written a little differently.

All searches together take time in proportion to the text.
"""

import re

Span = tuple[int, int]

#: Characters beyond its own length within which a line is searched for.
NEAR = 2_000

#: A line with so many characters is also searched for in the rest of the text, which
#: may have text before it that is not in the Markdown.
LONG = 24

#: Texts that searches of the rest may read, times the length of the text.
MAX_FAR = 20

#: Occurrences that are looked at before a short line is taken to be missing.
_MAX_TRIES = 16

#: Words at either end by which a line is found that is not the same everywhere.
_WORDS = 5
_FEWEST = 2
_WORD = re.compile(r"\w+")
# Characters between two of them, at most.
_APART = 40
_BLANK = re.compile(r"\s*")


class Search:
    """A text, and the place up to which it has been found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self._far = MAX_FAR * len(text)

    def find(self, line: str, *, line_start: bool = False) -> Span | None:
        """Find a line after the last one that was found.

        Args:
            line: What to find.
            line_start: Whether it begins a line, maybe after a number.
        """
        line = line.strip()
        if not line:
            return None
        span = self._next(line) or self._near(line, line_start=line_start)
        span = span or self._by_words(line) or self._in_rest(line)
        if span is not None:
            self.place = span[1]
        return span

    def skip_blank(self) -> int:
        """The next place that is not white space."""
        found = _BLANK.match(self.text, self.place)
        assert found is not None
        return found.end()

    def _next(self, line: str) -> Span | None:
        start = self.skip_blank()
        if self.text.startswith(line, start):
            end = start + len(line)
            if not (self.text[end : end + 1].isalnum() and line[-1].isalnum()):
                return start, end
        return None

    def _near(self, line: str, *, line_start: bool) -> Span | None:
        most = self.place + len(line) + NEAR
        start = self.place
        for _ in range(_MAX_TRIES):
            start = self.text.find(line, start, most)
            if start < 0:
                return None
            end = start + len(line)
            if self._apart(start, end) and (not line_start or self._begins(start)):
                return start, end
            start += 1
        return None

    def _apart(self, start: int, end: int) -> bool:
        """Whether no word goes on before or after a span."""
        text = self.text
        before = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
        after = text[end : end + 1].isalnum() and text[end - 1].isalnum()
        return not before and not after

    def _begins(self, start: int) -> bool:
        """Whether a line begins here, or a little before."""
        line = self.text.rfind("\n", max(0, start - 16), start) + 1
        return (line > 0 or start < 16) and start - line < 16  # noqa: PLR2004

    def _by_words(self, line: str) -> Span | None:
        """Find the first and last words of a line."""
        words = _WORD.findall(line[:400])[:_WORDS]
        if len(words) < _FEWEST:
            return None
        first = self._sequence(words, self.place, self.place + len(line) + NEAR)
        if first is None or len(words) < _WORDS:
            return first
        start, end = first
        least = max(start, start + len(line) - len(line) // 4 - 400)
        words = _WORD.findall(line[-400:])[-_WORDS:]
        last = self._sequence(words, least, start + 2 * len(line) + 200)
        return start, max(end, last[1] if last else end)

    def _sequence(self, words: list[str], start: int, most: int) -> Span | None:
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
                return start, end
            start += 1
        return None

    def _in_rest(self, line: str) -> Span | None:
        if len(line) < LONG or self._far < 0:
            return None
        start = self.text.find(line, self.place)
        self._far -= (len(self.text) if start < 0 else start) - self.place
        return None if start < 0 else (start, start + len(line))
