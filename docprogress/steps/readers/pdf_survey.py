"""Survey a page's objects: what in it needs a closer look than its text.

Most pages need none, and each pays for the survey, so it makes as few calls as it can.
"""

from collections.abc import Iterator
from ctypes import addressof, byref, c_float, c_uint
from itertools import repeat
from typing import NamedTuple

import numpy as np
from pypdfium2 import raw as pdfium

from docprogress.steps.readers import pdf_native as native

#: Render mode of text that is not drawn.
INVISIBLE = 3

#: The least value of a colour's parts that counts as white.
WHITE = 250

#: The least gap between the columns of a row, in points, and how many rows have one.
COLUMN_GAP = 12.0
LEAST_ROWS = 3

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
    box: tuple[float, float, float, float] | None


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
    count = len(texts)
    if not count:
        return
    found.texts += count
    colored = list(map(native.fill_color, texts, *_colors.addresses))
    list(map(native.bounds, texts, *_boxes.addresses))
    boxes = np.frombuffer(_boxes.values, np.float32, 4 * count).reshape(-1, 4)
    colors = np.frombuffer(_colors.values, np.uint32, 4 * count).reshape(-1, 4)
    pale = (colors[:, 0] >= WHITE) | (colors[:, 3] == 0)
    if INVISIBLE in modes or pale.any():
        for n, mode in enumerate(modes):
            text = Text(texts[n], positions[n], tuple(boxes[n].tolist()))
            filled = mode == 0 and colored[n]
            if mode == INVISIBLE or (filled and not colors[n, 3]):
                found.undrawn.append(text)
            elif filled and colors[n].min() >= WHITE:
                found.white.append(text)
    _survey_boxes(found, page, texts, positions, boxes)


def _survey_boxes(
    found: Survey,
    page: object,
    texts: list[int],
    positions: list[int] | range,
    boxes: "np.ndarray[tuple[int, int], np.dtype[np.float32]]",
) -> None:
    left, bottom, right, top = boxes.T
    low_x, low_y, high_x, high_y = page_box(page)
    outside = (right < low_x) | (left > high_x) | (top < low_y) | (bottom > high_y)
    width, height = right - left, top - bottom
    empty = width <= 0
    if empty.any():
        found.empty += [texts[n] for n in np.flatnonzero(empty).tolist()]
        outside &= ~empty
    if outside.any():
        found.outside += [
            Text(texts[n], positions[n], tuple(boxes[n].tolist()))
            for n in np.flatnonzero(outside).tolist()
        ]
    if ((height > VERTICAL * width) & (height > LEAST_HEIGHT)).any():
        found.vertical = True
    same_row = (bottom[1:] < top[:-1]) & (top[1:] > bottom[:-1])
    gap = left[1:] - right[:-1] > COLUMN_GAP
    if np.count_nonzero(same_row & gap) >= LEAST_ROWS:
        found.gaps = True


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
            color = color_of(inner) if mode == 0 else None
            if mode == INVISIBLE or (color and not color[3]):
                found.undrawn.append(text)
            elif color and min(color) >= WHITE:
                found.white.append(text)


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
