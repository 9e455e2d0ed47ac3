"""Survey a page's objects: what in it needs a closer look than its text.

Most pages need none, and each that is surveyed pays for it, so it makes as few calls as
it can.
"""

from collections.abc import Iterator
from ctypes import addressof, byref, c_float, c_uint
from itertools import repeat
from operator import le, sub
from typing import NamedTuple

from pypdfium2 import raw as pdfium

from docprogress.steps.readers import pdf_native as native

#: Render mode of text that is not drawn.
INVISIBLE = 3

#: The least value of a colour's parts that counts as white.
WHITE = 250

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


class Text(NamedTuple):
    """A text object that may be invisible."""

    address: int
    #: Its position among the page's objects.
    position: int
    #: Left, bottom, right, top; None within a form.
    box: tuple[float, ...] | None


class Survey:
    """What a page's objects tell of it."""

    def __init__(self) -> None:
        #: Whether there is text at all.
        self.texts = 0
        #: Text that is not drawn, is white or transparent, or lies off the page.
        self.undrawn: list[Text] = []
        self.white: list[Text] = []
        self.outside: list[Text] = []
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


def survey(page: object) -> Survey:
    """Survey a loaded page."""
    found = Survey()
    address = native.address(page)
    count = min(pdfium.FPDFPage_CountObjects(page), MOST_OBJECTS)
    for first in range(0, count, native.BATCH):
        positions = range(first, min(first + native.BATCH, count))
        objects = list(map(native.get_object, repeat(address), positions))
        _survey_batch(found, page, objects, first)
    return found


def _survey_batch(found: Survey, page: object, objects: list[int], first: int) -> None:
    modes = list(map(native.render_mode, objects))
    texts = objects
    positions: list[int] | range = range(first, first + len(objects))
    if min(modes) < 0:
        others = [o for o, mode in zip(objects, modes, strict=True) if mode < 0]
        if pdfium.FPDF_PAGEOBJ_FORM in map(native.object_type, others):
            _survey_forms(found, objects, first)
        positions = [first + n for n, mode in enumerate(modes) if mode >= 0]
        texts = [objects[n - first] for n in positions]
        modes = [mode for mode in modes if mode >= 0]
    if not texts:
        return
    found.texts += len(texts)
    known = list(map(native.fill_color, texts, *_colors.addresses))
    list(map(native.bounds, texts, *_boxes.addresses))
    colors = _colors.values[: 4 * len(texts)]
    boxes = _boxes.values[: 4 * len(texts)]
    pale = max(colors[::4]) >= WHITE or min(colors[3::4]) == 0
    if INVISIBLE in modes or pale:
        for n, mode in enumerate(modes):
            text = Text(texts[n], positions[n], tuple(boxes[4 * n : 4 * n + 4]))
            color = colors[4 * n : 4 * n + 4] if mode == 0 and known[n] else None
            found.add_if_unseen(text, mode, color)
    _survey_boxes(found, page, texts, positions, boxes)


def _survey_boxes(
    found: Survey,
    page: object,
    texts: list[int],
    positions: list[int] | range,
    boxes: list[float],
) -> None:
    lefts, bottoms, rights, tops = (boxes[part::4] for part in range(4))
    if any(map(le, rights, lefts)):
        found.empty += [
            text
            for text, left, right in zip(texts, lefts, rights, strict=True)
            if right <= left
        ]
    low_x, low_y, high_x, high_y = page_box(page)
    if (
        min(rights) < low_x
        or max(lefts) > high_x
        or min(tops) < low_y
        or max(bottoms) > high_y
    ):
        for n, text in enumerate(texts):
            left, bottom, right, top = box = tuple(boxes[4 * n : 4 * n + 4])
            beside = right < low_x or left > high_x
            if right > left and (beside or top < low_y or bottom > high_y):
                found.outside.append(Text(text, positions[n], box))
    if max(map(sub, tops, bottoms)) > LEAST_HEIGHT:
        heights = zip(map(sub, tops, bottoms), map(sub, rights, lefts), strict=True)
        found.vertical = found.vertical or any(
            height > LEAST_HEIGHT and height > VERTICAL * width
            for height, width in heights
        )
    widths = map(sub, lefts[1:], rights)
    gaps = [n for n, width in enumerate(widths) if width > COLUMN_GAP]
    if len(gaps) >= LEAST_ROWS:
        found.gaps = found.gaps or _have_columns(gaps, boxes)


def _have_columns(gaps: list[int], boxes: list[float]) -> bool:
    """Whether gaps between objects are those between columns of prose.

    They are if several rows have one at the same place, between text of some length.
    """
    gutters: list[tuple[float, float]] = []
    begin = 0
    for gap in gaps:
        left, bottom, right, top = boxes[4 * gap : 4 * gap + 4]
        next_left, next_bottom, _, next_top = boxes[4 * gap + 4 : 4 * gap + 8]
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


def _row_start(boxes: list[float], last: int, begin: int) -> float:
    """Where the text begins that ends with an object, on the left."""
    start = boxes[4 * last]
    for n in range(last - 1, begin - 1, -1):
        left, _, right, _ = boxes[4 * n : 4 * n + 4]
        if right > start + 1 or start - right > COLUMN_GAP or left > start:
            break
        start = left
    return start


def _row_end(boxes: list[float], first: int) -> float:
    """Where the text ends that begins with an object, on the right."""
    end = boxes[4 * first + 2]
    for n in range(first + 1, min(first + MOST_PARTS, len(boxes) // 4)):
        left, _, right, _ = boxes[4 * n : 4 * n + 4]
        if left < end - 1 or left - end > COLUMN_GAP:
            break
        end = right
    return end


def page_box(page: object) -> tuple[float, float, float, float]:
    """The left, bottom, right and top of what is shown of a page."""
    box = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, byref(box))
    return box.left, box.bottom, box.right, box.top


def vertical_texts(page: object) -> set[int]:
    """The text objects whose lines run downwards, rather than being turned."""
    address = native.address(page)
    found = set()
    for number in range(pdfium.FPDFPage_CountObjects(page)):
        text = native.get_object(address, number)
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
    addresses = (part[0] for part in _colors.addresses)
    return list(_colors.values[:4]) if native.fill_color(address, *addresses) else None


def box_of(address: int) -> tuple[float, float, float, float]:
    """The left, bottom, right and top of an object."""
    addresses = (part[0] for part in _boxes.addresses)
    if not native.bounds(address, *addresses):
        return 0.0, 0.0, 0.0, 0.0
    left, bottom, right, top = _boxes.values[:4]
    return left, bottom, right, top
