"""Survey a page's objects: what in it needs a closer look than its text.

Most pages need none, and each that is surveyed pays for it, so it makes as few calls as
it can.
"""

import sys
from collections.abc import Iterable, Iterator
from ctypes import addressof, c_float, c_uint
from itertools import compress
from operator import le, not_, sub
from typing import NamedTuple

from pypdfium2 import raw as pdfium

from docprogress.steps.readers import pdf_native as native

#: Render mode of text that is not drawn, and what is given for other objects.
INVISIBLE = 3
_NO_TEXT = -1

#: The least value of a colour's parts that counts as white.
WHITE = 250
_BELOW_WHITE = bytes(range(WHITE))

#: The least gap between the columns of a row, in points, and how many rows have one.
COLUMN_GAP = 12.0
LEAST_ROWS = 3

#: The least width of text beside a gap, in its heights, and the most objects of it.
LEAST_TEXT = 8.0
MOST_PARTS = 60

#: How many times as high as wide a vertical line is at least, and its least height.
VERTICAL = 4.0
LEAST_HEIGHT = 36.0

#: How deep forms may contain each other, and the most objects that are looked at.
DEEPEST = 6
MOST_OBJECTS = 200_000


# The lowest byte of an integer, and the bytes of four of them.
_LOWEST = 0 if sys.byteorder == "little" else 3
_COLOR_SIZE = 16
# The bytes with the sign of each of a series of floats, and those of positive ones.
_SIGNS = slice(3 if sys.byteorder == "little" else 0, None, 4)
_POSITIVE = bytes(range(0x80))

Box = tuple[float, float, float, float]


class Text(NamedTuple):
    """A text object that may be invisible."""

    address: int
    #: Its position among the page's objects.
    position: int
    #: Left, bottom, right, top; None within a form.
    box: Box | None


class Survey:
    """Facts about a page from its objects."""

    def __init__(self) -> None:
        #: Whether there is text at all.
        self.texts = 0
        #: Text that is not drawn, is white or transparent, or lies off the page.
        self.undrawn: list[Text] = []
        self.white: list[Text] = []
        self.outside: list[Text] = []
        #: Objects other than text: paths, images, shadings, forms.
        self.others: list[int] = []
        #: Text objects without an extent.
        self.empty: list[int] = []
        #: Whether rows of text have gaps as between columns.
        self.gaps = False
        #: Whether there is text whose lines run downwards.
        self.vertical = False

    def add_if_unseen(self, text: Text, mode: int, color: list[int] | None) -> None:
        """Add a text object that may be invisible by its mode or colour."""
        if mode == INVISIBLE or (color and not color[3]):
            self.undrawn.append(text)
        elif color and min(color) >= WHITE:
            self.white.append(text)

    @property
    def maybe_hidden(self) -> bool:
        return bool(self.undrawn or self.white or self.outside)


_colors = native.Quads(c_uint)
_boxes = native.Quads(c_float)
_shown = pdfium.FS_RECTF()


def survey(page: object) -> Survey:
    """Survey a loaded page."""
    found = Survey()
    count = min(pdfium.FPDFPage_CountObjects(page), MOST_OBJECTS)
    for first in range(0, count, native.BATCH):
        numbers = range(first, min(first + native.BATCH, count))
        _survey_batch(found, page, native.get_objects(page, numbers), first)
    return found


def _survey_batch(found: Survey, page: object, objects: list[int], first: int) -> None:
    modes = list(map(native.render_mode, objects))
    texts = objects
    is_text: list[bool] | None = None
    if _NO_TEXT in modes:
        is_text = list(map(_NO_TEXT.__lt__, modes))
        others = list(compress(objects, map(not_, is_text)))
        found.others += others
        if pdfium.FPDF_PAGEOBJ_FORM in map(native.object_type, others):
            _survey_forms(found, objects, first)
        texts = list(compress(objects, is_text))
    count = len(texts)
    if not count:
        return
    found.texts += count
    list(map(native.bounds, texts, *_boxes.references))
    known = list(map(native.fill_color, texts, *_colors.references))
    boxes = Boxes(_boxes.values[: 4 * count])
    if INVISIBLE in modes or _maybe_unseen(_colors.values[: 4 * count].tobytes()):
        colors = _colors.values[: 4 * count].tolist()
        shown = compress(modes, is_text) if is_text else modes
        for n, (mode, position) in enumerate(
            zip(shown, _positions(first, is_text, count), strict=True)
        ):
            text = Text(texts[n], position, boxes[n])
            color = colors[4 * n : 4 * n + 4] if mode == 0 and known[n] else None
            found.add_if_unseen(text, mode, color)
    _survey_boxes(found, texts, boxes)
    if _may_lie_outside(boxes, shown_box := page_box(page)):
        positions = _positions(first, is_text, count)
        found.outside += _outside(texts, positions, boxes, shown_box)


def _positions(first: int, is_text: list[bool] | None, count: int) -> Iterable[int]:
    """The positions of a batch's text objects among the page's objects."""
    if is_text is None:
        return range(first, first + count)
    return compress(range(first, first + len(is_text)), is_text)


def _maybe_unseen(colors: bytes) -> bool:
    """Whether one of several colours may be white or transparent."""
    one = colors[:_COLOR_SIZE]
    if colors == one * (len(colors) // _COLOR_SIZE):
        colors = one  # as on most pages
    # The lowest bytes of the values, which are 255 at most.
    red, green, blue, alpha = (colors[_LOWEST + 4 * part :: 16] for part in range(4))
    if 0 in alpha:
        return True
    return all(part.translate(None, _BELOW_WHITE) for part in (red, green, blue))


class Boxes:
    """The extents of several objects, each side by itself."""

    def __init__(self, values: "memoryview[float]") -> None:
        self.lefts = values[0::4].tolist()
        self.bottoms = values[1::4].tolist()
        self.rights = values[2::4].tolist()
        self.tops = values[3::4].tolist()
        #: Whether one of the values is below zero.
        self.has_negative = bool(values.tobytes()[_SIGNS].translate(None, _POSITIVE))

    def __len__(self) -> int:
        return len(self.lefts)

    def __getitem__(self, n: int) -> Box:
        return self.lefts[n], self.bottoms[n], self.rights[n], self.tops[n]


def _may_lie_outside(boxes: Boxes, shown: Box) -> bool:
    """Whether one of several objects may lie outside what is shown of the page."""
    low_x, low_y, high_x, high_y = shown
    return (
        max(boxes.lefts) > high_x
        or max(boxes.bottoms) > high_y
        # A search for signs is faster than for the least values.
        or ((boxes.has_negative or low_x > 0) and min(boxes.rights) < low_x)
        or ((boxes.has_negative or low_y > 0) and min(boxes.tops) < low_y)
    )


def _outside(
    texts: list[int], positions: Iterable[int], boxes: Boxes, shown: Box
) -> Iterator[Text]:
    low_x, low_y, high_x, high_y = shown
    for n, position in enumerate(positions):
        left, bottom, right, top = boxes[n]
        beside = right < low_x or left > high_x
        if right > left and (beside or top < low_y or bottom > high_y):
            yield Text(texts[n], position, boxes[n])


def _survey_boxes(found: Survey, texts: list[int], boxes: Boxes) -> None:
    lefts, bottoms, rights, tops = boxes.lefts, boxes.bottoms, boxes.rights, boxes.tops
    if True in map(le, rights, lefts):
        found.empty += compress(texts, map(le, rights, lefts))
    if max(map(sub, tops, bottoms)) > LEAST_HEIGHT:
        heights = zip(map(sub, tops, bottoms), map(sub, rights, lefts), strict=True)
        found.vertical = found.vertical or any(
            height > LEAST_HEIGHT and height > VERTICAL * width
            for height, width in heights
        )
    if found.gaps or len(texts) <= LEAST_ROWS:
        return
    following = lefts[1:]
    if max(map(sub, following, rights)) > COLUMN_GAP:
        are_wide = map(COLUMN_GAP.__lt__, map(sub, following, rights))
        gaps = list(compress(range(len(texts)), are_wide))
        found.gaps = len(gaps) >= LEAST_ROWS and _have_columns(gaps, boxes)


def _have_columns(gaps: list[int], boxes: Boxes) -> bool:
    """Whether gaps between objects are those between columns of prose.

    They are if several rows have one at the same place, between text of some length.
    """
    gutters: list[tuple[float, float]] = []
    begin = 0
    for gap in gaps:
        left, bottom, right, top = boxes[gap]
        next_left, next_bottom, _, next_top = boxes[gap + 1]
        if next_bottom >= top or next_top <= bottom:
            continue
        least = LEAST_TEXT * (top - bottom)
        begin = max(begin, gap - MOST_PARTS)
        start = _row_start(boxes, gap, begin)
        end = _row_end(boxes, gap + 1)
        if right - start >= least and end - next_left >= least:
            gutters.append((right, next_left))
    for left, right in gutters:
        shared = [g for g in gutters if g[0] < right and g[1] > left]
        narrow = min(g[1] for g in shared) - max(g[0] for g in shared)
        if len(shared) >= LEAST_ROWS and narrow > 0:
            return True
    return False


def _row_start(boxes: Boxes, last: int, begin: int) -> float:
    """Where the text begins that ends with an object, on the left."""
    start = boxes.lefts[last]
    for n in range(last - 1, begin - 1, -1):
        left, right = boxes.lefts[n], boxes.rights[n]
        if right > start + 1 or start - right > COLUMN_GAP or left > start:
            break
        start = left
    return start


def _row_end(boxes: Boxes, first: int) -> float:
    """Where the text ends that begins with an object, on the right."""
    end = boxes.rights[first]
    for n in range(first + 1, min(first + MOST_PARTS, len(boxes))):
        left, right = boxes.lefts[n], boxes.rights[n]
        if left < end - 1 or left - end > COLUMN_GAP:
            break
        end = right
    return end


def page_box(page: object) -> Box:
    """The left, bottom, right and top of the visible part of a page."""
    pdfium.FPDF_GetPageBoundingBox(page, _shown)
    return _shown.left, _shown.bottom, _shown.right, _shown.top


def vertical_texts(page: object) -> set[int]:
    """The text objects whose lines run downwards, rather than being turned."""
    found = set()
    for text in native.get_objects(page, range(pdfium.FPDFPage_CountObjects(page))):
        if native.render_mode(text) < 0:
            continue
        left, bottom, right, top = box_of(text)
        turned = pdfium.FS_MATRIX()
        native.matrix(text, addressof(turned))
        is_high = top - bottom > VERTICAL * (right - left)
        if is_high and abs(turned.b) < abs(turned.a) > abs(turned.c):
            found.add(text)
    return found


def _survey_forms(found: Survey, objects: list[int], first: int) -> None:
    """Survey the text within forms, whose positions are relative to the form."""
    for position, address in enumerate(objects, first):
        if native.object_type(address) != pdfium.FPDF_PAGEOBJ_FORM:
            continue
        for inner in form_objects(address):
            mode = native.render_mode(inner)
            if mode < 0:
                continue
            found.texts += 1
            text = Text(inner, position, None)
            found.add_if_unseen(text, mode, color_of(inner) if mode == 0 else None)


def form_objects(form: int) -> Iterator[int]:
    """The objects within a form and the forms that it contains."""
    left = MOST_OBJECTS
    waiting = [(form, 0)]
    while waiting:
        outer, depth = waiting.pop()
        for number in range(native.count_form_objects(outer)):
            inner = native.get_form_object(outer, number)
            left -= 1
            if left < 0:
                return
            if not inner:
                continue
            yield inner
            is_form = native.object_type(inner) == pdfium.FPDF_PAGEOBJ_FORM
            if is_form and depth < DEEPEST:
                waiting.append((inner, depth + 1))


def color_of(address: int) -> list[int] | None:
    """Red, green, blue and alpha that an object is filled with; None if unknown."""
    known = native.fill_color(address, *_colors.first)
    return _colors.values[:4].tolist() if known else None


def box_of(address: int) -> Box:
    """The left, bottom, right and top of an object."""
    if not native.bounds(address, *_boxes.first):
        return 0.0, 0.0, 0.0, 0.0
    left, bottom, right, top = _boxes.values[:4]
    return left, bottom, right, top
