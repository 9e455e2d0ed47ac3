"""Choose the part of a passage that is shown: where the marked words are densest."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

Span = tuple[int, int]

#: Characters by which an excerpt may be shorter to begin or end between words.
_LEEWAY = 40

#: Separators of sentences and lines.
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+(?=\S)|\n\s*|(?<=[\u3002\uff01\uff1f])")

#: What divides the header of a Markdown table from its rows.
_RULE = re.compile(r"[|\s:-]+")


def excerpt(text: str, marks: Sequence[Span], size: int) -> Span:
    """The part of a text with the most different marked words, about `size` long."""
    if len(text) <= size:
        return 0, len(text)
    first, last = _densest(text, marks, size)
    begin = max(min((first + last - size) // 2, len(text) - size), 0)
    if begin:
        begin = _after_break(text, begin, min(begin + _LEEWAY, first))
    end = min(begin + size, len(text))
    if end < len(text):
        end = _before_break(text, max(end - _LEEWAY, last), end)
    return begin, end


def is_row(line: str) -> bool:
    """Whether a line of a text is a row of a table: cells between tabs or lines."""
    return "\t" in line or line.startswith("|")


def is_cells(line: str) -> bool:
    """Whether a line is more than what divides a header from its rows."""
    return _RULE.fullmatch(line) is None


def table_lines(text: str, marks: Sequence[Span], most: int) -> list[Span]:
    """The lines of a table that are shown: its header, and the marked ones.

    Lines with most different marked words go first, then those beside the best one.
    """
    lines = list(_lines(text))
    if len(lines) <= most:
        return lines
    rows = [number for number, (a, b) in enumerate(lines) if is_row(text[a:b])] or [0]
    ruled = len(rows) > 1 and not is_cells(text[slice(*lines[rows[1]])])
    header = rows[: 2 if ruled else 1]
    words = [_words(text, marks, line) for line in lines]
    others = [number for number in range(len(lines)) if number not in header]
    best = max(others, key=lambda number: (words[number], number > header[-1]))
    others.sort(key=lambda number: (-words[number], abs(number - best)))
    chosen = sorted([*header, *others[: most - len(header)]])
    return [lines[number] for number in chosen]


def segments(
    text: str, span: Span, marks: Sequence[Span]
) -> Iterator[tuple[str, bool]]:
    """The parts of an excerpt in order, and whether each is marked."""
    begin, end = span
    place = begin
    for start, stop in marks:
        first, last = max(start, place), min(stop, end)
        if first >= last:
            continue
        if first > place:
            yield text[place:first], False
        yield text[first:last], True
        place = last
    if place < end:
        yield text[place:end], False


def _densest(text: str, marks: Sequence[Span], size: int) -> Span:
    """The shortest part with the most different marked words."""
    words = [text[start:end].casefold() for start, end in marks]
    inside: Counter[str] = Counter()
    best, chosen, first = (0, 0), (0, 0), 0
    for last, (_, end) in enumerate(marks):
        inside[words[last]] += 1
        while inside[words[first]] > 1 or (
            first < last and end - marks[first][0] > size
        ):
            inside[words[first]] -= 1
            first += 1
        start = marks[first][0]
        value = (len(+inside), start - end)
        if value > best or last == 0:
            best, chosen = value, (start, end)
    return chosen


def _words(text: str, marks: Sequence[Span], line: Span) -> int:
    """How many different marked words a line has."""
    begin, end = line
    return len(
        {text[start:stop].casefold() for start, stop in marks if begin <= start < end}
    )


def _after_break(text: str, begin: int, latest: int) -> int:
    """The beginning of a line or sentence that is near, or else of a word."""
    found = list(_SENTENCE.finditer(text, max(begin - _LEEWAY, 0), latest))
    if found:
        return found[-1].end()
    for at in range(begin, latest):
        if text[at - 1].isspace():
            return at
    return begin


def _before_break(text: str, earliest: int, end: int) -> int:
    for at in range(end, earliest, -1):
        if text[at].isspace():
            return at
    return end


def _lines(text: str) -> Iterator[Span]:
    ends = [-1, *(at for at, sign in enumerate(text) if sign == "\n"), len(text)]
    for before, end in pairwise(ends):
        if text[before + 1 : end].strip():
            yield before + 1, end
