"""Read where the lines of a loaded page are, with few calls for each line."""

import re
from collections.abc import Callable, Iterator, Sequence
from ctypes import addressof, c_double, c_float
from itertools import repeat
from math import hypot, isfinite

from docprogress.steps.readers import pdf_native as native
from docprogress.steps.readers.pdf_fonts import PLAIN, Font, PageFonts
from docprogress.steps.readers.pdf_hyphens import MARK
from docprogress.steps.readers.pdf_lines import FARTHEST, Run
from docprogress.steps.readers.pdf_pieces import Line as PieceLine

#: How much of the width of a letter, in font sizes, is too much between two objects of
#: the same word group.
JOINED = 0.6

#: The slope of a line that is turned.
TURNED = 0.05

#: Lines are likely to have gaps if their characters seem this many times as wide as
#: those of the page's median line, and so many lines are.
SPARSE = 1.25
LEAST_SPARSE = 3
#: The least width of a character in such a line, in sizes, and its least characters.
SPARSE_WIDTH = 0.7
LEAST_LENGTH = 6

#: What ends a line once the text is cleaned: fonts of formulas have odd characters.
_LINE_END = re.compile("\r\n|[\r\n\x0b\x0c\x85]")
_ODD = re.compile("\r(?!\n)|[\x0b\x0c\x85]")
_PART = re.compile(rf"[^\s{MARK}][^{MARK}]*{MARK}?|{MARK}")
_WORD = re.compile(rf"[^\s{MARK}]+{MARK}?|{MARK}")

#: Where a printed line is in the page's text, and which of its lines it belongs to.
Part = tuple[int, int, int]

#: Where words are in the page's text, and the text object they belong to.
Span = tuple[int, int, int]

#: A text object's left, right, baseline, size, font, mark, and whether it is turned.
Object = tuple[float, float, float, float, Font, int, bool]

_NOWHERE: Object = (0.0, 0.0, 0.0, 0.0, PLAIN, -1, False)

_bounds = native.Quads(c_float)
_sizes = (c_float * native.BATCH)()
_matrices = (c_float * (6 * native.BATCH))()
_size_places = [addressof(_sizes) + 4 * n for n in range(native.BATCH)]
_matrix_places = [addressof(_matrices) + 24 * n for n in range(native.BATCH)]
_char_boxes = native.Quads(c_double)


class LineReader:
    """Reads the lines of a page's text, as they are counted once it is cleaned.

    Args:
        content: The page's text, loaded.
        text: What PDFium gives for it.
        first: The position in PDFium's text that it begins at.
        tagged: Whether marked content is distinguished.
    """

    def __init__(self, content: object, text: str, first: int, *, tagged: bool) -> None:
        self._text = text
        self._tagged = tagged
        self._address = native.address(content)
        self._index = _indices(self._address, first, len(text))
        lines = _split(text)
        self._parts = list(_parts(text, lines))
        self._objects: dict[int, Object] = {}
        self.lines: list[list[Run]] = [[] for _ in lines]
        self._read()

    def _read(self) -> None:
        parts, text, address = self._parts, self._text, self._address
        starts = self._index([part[0] for part in parts])
        ends = self._index([part[1] - 1 for part in parts])
        owners = list(map(native.text_object, repeat(address), starts))
        last = list(map(native.text_object, repeat(address), ends))
        mixed = [
            part
            for part, owner, other in zip(parts, owners, last, strict=True)
            if not owner or owner != other
        ]
        words = iter(self._words(mixed))
        spans: list[Span] = []
        counts: list[int] = []
        for part, owner, other in zip(parts, owners, last, strict=True):
            if owner and owner == other:
                spans.append((part[0], part[1], owner))
                counts.append(1)
            else:
                found = _grouped(next(words))
                spans += found
                counts.append(len(found))
        # A word may be several objects: where it ends, the last one says.
        several = len(spans) > len(parts)
        finals = [own for _, _, own in spans]
        if several:
            places = self._index([end - 1 for _, end, _ in spans])
            finals = list(map(native.text_object, repeat(address), places))
        every = {own for _, _, own in spans}.union(finals)
        self._objects = _objects(every, tagged=self._tagged)
        get = self._objects.get
        runs = [Run(text[s:e], *get(own, _NOWHERE)) for s, e, own in spans]
        if several:
            for n, final in enumerate(finals):
                if final and final != spans[n][2]:
                    right = max(get(final, _NOWHERE)[1], runs[n].right)
                    runs[n] = runs[n]._replace(right=right)
        place = 0
        for part, count in zip(parts, counts, strict=True):
            if count == 1:
                self.lines[part[2]].append(runs[place])
            else:
                some = slice(place, place + count)
                self.lines[part[2]] += _joined(text, runs[some], spans[some])
            place += count

    def split(self, numbers: set[int]) -> None:
        """Have each word of these lines be a run of its own."""
        parts = [part for part in self._parts if part[2] in numbers]
        words = self._words(parts)
        every = [word for line in words for word in line]
        new = {own for _, _, own in every} - self._objects.keys()
        self._objects |= _objects(new, tagged=self._tagged)
        boxes = _word_boxes(self._address, self._index, every)
        runs = iter(_placed_words(self._text, every, self._objects, boxes))
        for number in numbers:
            self.lines[number] = []
        for part, line in zip(parts, words, strict=True):
            self.lines[part[2]] += [next(runs) for _ in line]

    def _words(self, parts: Sequence[Part]) -> list[list[Span]]:
        """The words of each part."""
        text, find = self._text, _WORD.finditer
        words = [[m.span() for m in find(text, part[0], part[1])] for part in parts]
        places = self._index([word[0] for line in words for word in line])
        owned = map(native.text_object, repeat(self._address), places)
        # Each line takes as many owners as it has words.
        return [
            [(start, end, own or 0) for (start, end), own in zip(line, owned)]  # noqa: B905
            for line in words
        ]


def _placed_words(
    text: str,
    spans: list[Span],
    objects: dict[int, Object],
    boxes: Iterator[tuple[float, float]],
) -> list[Run]:
    runs = []
    for (start, end, own), place in zip(spans, boxes, strict=True):
        it = objects.get(own, _NOWHERE)
        known = place[0] < place[1] and isfinite(place[0] + place[1])
        left, right = place if known else it[:2]
        runs.append(Run(text[start:end], left, right, *it[2:]))
    return runs


def _joined(text: str, runs: list[Run], spans: list[Span]) -> list[Run]:
    """Runs of a line, those that look alike and are next to each other as one."""
    found: list[Run] = []
    begin = 0
    for run, (start, end, _) in zip(runs, spans, strict=True):
        if found:
            before = found[-1]
            near = abs(run.left - before.right) < JOINED * run.size
            if near and before[3:] == run[3:]:
                found[-1] = Run(text[begin:end], before.left, *run[2:])
                continue
        begin = start
        found.append(run)
    return found


def lines_of_pieces(lines: Sequence[PieceLine]) -> list[list[Run]]:
    """The lines of a page that were put into order character by character."""
    owners = {piece.owner for line in lines for piece in line}
    objects = _objects(owners, tagged=False)
    found: list[list[Run]] = [[]]
    for line in lines:
        groups: list[PieceLine] = []
        for piece in line:
            blank = piece.blank or not groups or groups[-1][-1].blank
            if groups and (blank or groups[-1][-1].owner == piece.owner):
                groups[-1].append(piece)
            else:
                groups.append([piece])
        for group in groups:
            inked = [piece for piece in group if not piece.blank]
            if not inked:
                continue
            it = objects.get(inked[0].owner, _NOWHERE)
            left, right = inked[0].left, inked[-1].right
            text = "".join(piece.text for piece in group).strip()
            rest = it[2:]
            if not it[3]:
                size = max(inked[0].top - inked[0].bottom, 1.0)
                rest = (inked[0].bottom, size, PLAIN, -1, False)
            found[-1].append(Run(text, left, right, *rest))
        if not (found[-1] and found[-1][-1].text.endswith(MARK)):
            found.append([])
    return found if found[-1] else found[:-1] or [[]]


def sparse_lines(lines: Sequence[Sequence[Run]]) -> set[int]:
    """Lines that are one object each, and seem to have gaps between words."""
    widths = [
        ((run.right - run.left) / (run.size * len(run.text)), number)
        for number, line in enumerate(lines)
        for run in line
        if run.size
        and len(run.text) >= LEAST_LENGTH
        and not run.font.fixed
        and " " in run.text
    ]
    if len(widths) < LEAST_SPARSE:
        return set()
    least = max(SPARSE * sorted(widths)[len(widths) // 2][0], SPARSE_WIDTH)
    sparse = {number for width, number in widths if width > least}
    return sparse if len(sparse) >= LEAST_SPARSE else set()


def _split(text: str) -> list[str]:
    """The lines of a text, as they are counted once it is cleaned."""
    lines = text.split("\r\n")
    # Fonts of formulas have odd characters, which end lines, too.
    if len(lines) - 1 == text.count("\n") and not _ODD.search(text):
        return lines
    return _LINE_END.split(text)


def _parts(text: str, lines: Sequence[str]) -> Iterator[Part]:
    position = 0
    for number, line in enumerate(lines):
        if MARK in line:
            for match in _PART.finditer(line):
                start, end = match.span()
                end -= len(match[0]) - len(match[0].rstrip())
                yield position + start, position + end, number
        elif line and not line.isspace():
            end = position + len(line)
            if line[0] == " " or line[-1] == " ":
                start = end - len(line.lstrip())
                yield start, position + len(line.rstrip()), number
            else:
                yield position, end, number
        position += len(line)
        position += 2 if text.startswith("\r\n", position) else 1


def _indices(address: int, first: int, length: int) -> Callable[[list[int]], list[int]]:
    """Turns positions in the text into indices of characters."""
    last = first + length - 1
    if first == 0 and native.char_index(address, last) == last:
        return lambda positions: positions

    def index(positions: list[int]) -> list[int]:
        shifted = [first + position for position in positions]
        return [max(native.char_index(address, place), 0) for place in shifted]

    return index


def _grouped(words: list[Span]) -> list[Span]:
    """Words of the same object, one after the other, as one."""
    groups: list[Span] = []
    for start, end, owner in words:
        if groups and (owner == groups[-1][2] or not owner):
            groups[-1] = (groups[-1][0], end, groups[-1][2])
        else:
            groups.append((start, end, owner))
    return groups


def _word_boxes(
    address: int,
    index: Callable[[list[int]], list[int]],
    words: list[Span],
) -> Iterator[tuple[float, float]]:
    """The left and right of each word."""
    references = _char_boxes.references
    for first in range(0, len(words), native.BATCH):
        batch = words[first : first + native.BATCH]
        firsts = index([start for start, _, _ in batch])
        list(map(native.character_box, repeat(address), firsts, *references))
        lefts = _char_boxes.values[: 4 * len(batch) : 4].tolist()
        lasts = index([end - 1 for _, end, _ in batch])
        list(map(native.character_box, repeat(address), lasts, *references))
        rights = _char_boxes.values[1 : 4 * len(batch) : 4].tolist()
        yield from zip(lefts, rights, strict=True)


def _objects(owners: set[int], *, tagged: bool) -> dict[int, Object]:
    """The places and fonts of text objects."""
    fonts = PageFonts()
    found: dict[int, Object] = {}
    everyone = [owner for owner in owners if owner]
    for first in range(0, len(everyone), native.BATCH):
        batch = everyone[first : first + native.BATCH]
        many = len(batch)
        list(map(native.bounds, batch, *_bounds.references))
        list(map(native.font_size, batch, _size_places))
        list(map(native.matrix, batch, _matrix_places))
        looks = map(fonts.__getitem__, map(native.font_of, batch))
        marks = list(map(native.content_id, batch)) if tagged else [-1] * many
        boxes = _bounds.values[: 4 * many].tolist()
        matrices = _matrices[: 6 * many]
        for owner, left, right, a, b, c, d, baseline, given, font, mark in zip(
            batch,
            boxes[::4],
            boxes[2::4],
            *(matrices[part::6] for part in (0, 1, 2, 3, 5)),
            _sizes[:many],
            looks,
            marks,
            strict=True,
        ):
            size = round(given * (abs(d) if not c else hypot(c, d)), 2)
            if not abs(left) + abs(right) + abs(baseline) + size < FARTHEST:
                continue  # absurd, or not a number
            turned = d < 0 or (b != 0 and abs(b) > TURNED * abs(a))
            found[owner] = left, right, baseline, size, font, mark, turned
    return found
