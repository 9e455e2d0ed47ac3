"""The lines of a page with their places and fonts: what its structure is told from.

They are made while the page is loaded, with few calls for each line, and hold nothing
of PDFium's afterwards.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from ctypes import addressof, c_double, c_float
from itertools import repeat
from math import hypot, isfinite
from typing import NamedTuple

from docprogress.steps.readers import pdf_native as native
from docprogress.steps.readers.pdf_fonts import PLAIN, Font, PageFonts
from docprogress.steps.readers.pdf_hyphens import MARK
from docprogress.steps.readers.pdf_pieces import Line as PieceLine

#: The most lines and characters of a page whose structure is told.
MOST_LINES = 5_000
MOST_CHARACTERS = 500_000

#: The greatest coordinate and font size that are taken seriously, in points.
FARTHEST = 1e5

#: How much of the width of a letter, in font sizes, is too much between two objects of
#: the same word group.
JOINED = 0.6

#: Lines are likely to have gaps if their characters seem this many times as wide as
#: those of the page's median line, and so many lines are.
SPARSE = 1.25
LEAST_SPARSE = 3
#: The least width of a character in such a line, in sizes, and its least characters.
SPARSE_WIDTH = 0.6
LEAST_LENGTH = 4

_PART = re.compile(rf"[^\s{MARK}][^{MARK}]*{MARK}?|{MARK}")
_WORD = re.compile(rf"[^\s{MARK}]+{MARK}?|{MARK}")


class Run(NamedTuple):
    """Text of one font, without a gap, on one line."""

    text: str
    left: float
    right: float
    baseline: float
    size: float
    font: Font
    #: The number of the marked content it belongs to; -1 if it is not marked.
    mark: int = -1
    turned: bool = False

    @property
    def width(self) -> float:
        return self.right - self.left


class Rule(NamedTuple):
    """A horizontal or vertical line that is drawn."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def flat(self) -> bool:
        return self.right - self.left >= self.top - self.bottom


class Link(NamedTuple):
    """A text that is linked."""

    text: str
    url: str
    bottom: float
    top: float


class Label(NamedTuple):
    """What the tags of a PDF say of marked content."""

    #: `heading`, `text`, `item`, `cell`, `code` or `other`.
    kind: str
    #: Tells one paragraph, item or table from the next.
    block: int
    #: The level of a heading, 0 if it has none; the depth of an item, from 0.
    level: int = 0
    row: int = 0
    column: int = 0
    rows: int = 1
    columns: int = 1
    #: Tells one list item's text from its bullet.
    bullet: bool = False


class Layout(NamedTuple):
    """A page's lines, each of which may be several that a hyphen joins."""

    lines: list[list[Run]]
    rules: list[Rule]
    links: list[Link]
    labels: dict[int, Label]

    @property
    def words(self) -> int:
        return sum(map(len, self.lines))


class Part(NamedTuple):
    """A line as it is printed: where it is in the page's text."""

    start: int
    end: int
    line: int


class _Object(NamedTuple):
    left: float
    right: float
    baseline: float
    size: float
    font: Font
    mark: int
    turned: bool


_NOWHERE = _Object(0.0, 0.0, 0.0, 0.0, PLAIN, -1, False)

_bounds = native.Quads(c_float)
_sizes = (c_float * native.BATCH)()
_matrices = (c_float * (6 * native.BATCH))()
_size_places = [addressof(_sizes) + 4 * n for n in range(native.BATCH)]
_matrix_places = [addressof(_matrices) + 24 * n for n in range(native.BATCH)]
_char_boxes = native.Quads(c_double)


def read_lines(
    content: object, text: str, first: int, *, single: bool, tagged: bool
) -> list[list[Run]]:
    r"""The lines of a page's text, as `text.split("\r\n")` counts them.

    Args:
        content: The page's text, loaded.
        text: What PDFium gives for it.
        first: The position in PDFium's text that it begins at.
        single: Whether each word is a run of its own.
        tagged: Whether marked content is told apart.
    """
    lines: list[list[Run]] = [[] for _ in range(text.count("\r\n") + 1)]
    parts = list(_parts(text))
    address = native.address(content)
    index = _indices(address, first, len(text))
    starts = index([part.start for part in parts])
    ends = index([part.end - 1 for part in parts])
    owners = list(map(native.text_object, repeat(address), starts))
    last = list(map(native.text_object, repeat(address), ends))
    found: list[tuple[Part, list[tuple[int, int, int]]]] = []
    for part, owner, other in zip(parts, owners, last, strict=True):
        if owner and owner == other and not single:
            found.append((part, [(part.start, part.end, owner)]))
            continue
        words = [m.span() for m in _WORD.finditer(text, part.start, part.end)]
        places = index([start for start, _ in words])
        owned = map(native.text_object, repeat(address), places)
        spans = [(*word, own or 0) for word, own in zip(words, owned, strict=True)]
        found.append((part, spans if single else _grouped(spans)))
    objects = _objects({own for _, s in found for _, _, own in s}, tagged=tagged)
    boxes: Iterator[tuple[float, float]] = iter(())
    if single:
        boxes = _word_boxes(address, index, [w[:2] for _, s in found for w in s])
    for part, spans in found:
        runs = lines[part.line]
        for start, end, own in spans:
            it = objects.get(own, _NOWHERE)
            left, right = next(boxes) if single else (it.left, it.right)
            if left >= right or not isfinite(left + right):
                left, right = it.left, it.right
            run = Run(text[start:end], left, right, *it[2:])
            if runs and not single and start > part.start:
                before = runs[-1]
                near = abs(left - before.right) < JOINED * run.size
                if near and before[3:] == run[3:]:
                    joined = text[start - len(before.text) - 1 : end]
                    if joined.startswith(before.text):
                        run = run._replace(text=joined, left=before.left)
                        runs[-1] = run
                        continue
            runs.append(run)
    return lines


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
            it = objects.get(inked[0].owner)
            left, right = inked[0].left, inked[-1].right
            text = "".join(piece.text for piece in group).strip()
            if it is None or not it.size:
                size = max(inked[0].top - inked[0].bottom, 1.0)
                it = _Object(left, right, inked[0].bottom, size, PLAIN, -1, False)
            found[-1].append(Run(text, left, right, *it[2:]))
        if not (found[-1] and found[-1][-1].text.endswith(MARK)):
            found.append([])
    return found if found[-1] else found[:-1] or [[]]


def has_gaps(lines: Sequence[Sequence[Run]]) -> bool:
    """Whether lines that are one object each seem to have gaps between words."""
    widths = sorted(
        (run.right - run.left) / (run.size * len(run.text))
        for line in lines
        for run in line
        if run.size and len(run.text) >= LEAST_LENGTH
    )
    if len(widths) < LEAST_SPARSE:
        return False
    usual = widths[len(widths) // 2]
    sparse = sum(width > SPARSE * usual and width > SPARSE_WIDTH for width in widths)
    return sparse >= LEAST_SPARSE


def _parts(text: str) -> Iterator[Part]:
    position = 0
    for number, line in enumerate(text.split("\r\n")):
        for match in _PART.finditer(line):
            start, end = match.span()
            end -= len(match[0]) - len(match[0].rstrip())
            yield Part(position + start, position + end, number)
        position += len(line) + 2


def _indices(address: int, first: int, length: int) -> Callable[[list[int]], list[int]]:
    """Turns positions in the text into indices of characters."""
    last = first + length - 1
    if first == 0 and native.char_index(address, last) == last:
        return lambda positions: positions

    def index(positions: list[int]) -> list[int]:
        shifted = [first + position for position in positions]
        return [max(native.char_index(address, place), 0) for place in shifted]

    return index


def _grouped(words: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Words of the same object, one after the other, as one."""
    groups: list[tuple[int, int, int]] = []
    for start, end, owner in words:
        if groups and (owner == groups[-1][2] or not owner):
            groups[-1] = (groups[-1][0], end, groups[-1][2])
        else:
            groups.append((start, end, owner))
    return groups


def _word_boxes(
    address: int,
    index: Callable[[list[int]], list[int]],
    words: list[tuple[int, int]],
) -> Iterator[tuple[float, float]]:
    """The left and right of each word."""
    addresses = _char_boxes.addresses
    for first in range(0, len(words), native.BATCH):
        batch = words[first : first + native.BATCH]
        firsts = index([start for start, _ in batch])
        list(map(native.character_box, repeat(address), firsts, *addresses))
        lefts = _char_boxes.values[: 4 * len(batch) : 4]
        lasts = index([end - 1 for _, end in batch])
        list(map(native.character_box, repeat(address), lasts, *addresses))
        rights = _char_boxes.values[1 : 4 * len(batch) : 4]
        yield from zip(lefts, rights, strict=True)


def _objects(owners: set[int], *, tagged: bool) -> dict[int, _Object]:
    """The places and fonts of text objects."""
    fonts = PageFonts()
    found: dict[int, _Object] = {}
    everyone = [owner for owner in owners if owner]
    for first in range(0, len(everyone), native.BATCH):
        batch = everyone[first : first + native.BATCH]
        list(map(native.bounds, batch, *_bounds.addresses))
        list(map(native.font_size, batch, _size_places))
        list(map(native.matrix, batch, _matrix_places))
        font_addresses = list(map(native.font_of, batch))
        marks = list(map(native.content_id, batch)) if tagged else [-1] * len(batch)
        boxes = _bounds.values[: 4 * len(batch)]
        matrices = _matrices[: 6 * len(batch)]
        sizes = _sizes[: len(batch)]
        for n, owner in enumerate(batch):
            a, b, c, d, _, baseline = matrices[6 * n : 6 * n + 6]
            size = sizes[n] * hypot(c, d)
            left, right = boxes[4 * n], boxes[4 * n + 2]
            if not abs(left) + abs(right) + abs(baseline) + size < FARTHEST:
                continue  # absurd, or not a number
            turned = abs(b) > 0.05 * abs(a) or d < 0
            font = fonts[font_addresses[n] or 0]
            found[owner] = _Object(
                left, right, baseline, round(size, 2), font, marks[n], turned
            )
    return found
