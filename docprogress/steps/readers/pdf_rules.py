"""The horizontal and vertical lines that are drawn on a page, and its links."""

from collections.abc import Iterator, Sequence
from ctypes import addressof, byref, c_float, c_int, c_ushort, create_string_buffer
from itertools import pairwise
from math import isfinite

from pypdfium2 import raw as pdfium

from docprogress.steps.readers import pdf_native as native
from docprogress.steps.readers.pdf_grids import Rule
from docprogress.steps.readers.pdf_lines import FARTHEST, Dot, Link

#: How thick a line is at most, and how long at least, in points.
THICKEST = 3.0
SHORTEST = 6.5

#: The size of a bullet that is drawn, in points, and the most of them on a page.
SMALLEST_DOT = 2.0
LARGEST_DOT = 8.0
MOST_DOTS = 200

#: The maximum number of objects of a page whose lines are looked for, and the most
#: paths and parts of paths: a drawing with more is a map or a chart.
MOST_OBJECTS = 50_000
MOST_PATHS = 5_000
MOST_SEGMENTS = 20_000
MOST_OF_ONE = 4_000

#: The maximum number of links of a page, and the maximum number of characters of an
#: address and of its text.
MOST_LINKS = 100
MOST_URL = 2_000
MOST_TEXT = 500

_bounds = native.Quads(c_float)

Points = list[tuple[float, float]]


def read_rules(  # noqa: C901 - a list of what a path may be
    objects: Sequence[int],
) -> tuple[list[Rule], list[Dot]]:
    """The lines and bullets that are drawn on a loaded page.

    Args:
        objects: The page's objects, or at least those that are not text.
    """
    if len(objects) > MOST_OBJECTS:
        return [], []
    types = map(native.object_type, objects)
    paths = [
        path
        for path, kind in zip(objects, types, strict=True)
        if kind == pdfium.FPDF_PAGEOBJ_PATH
    ]
    if len(paths) > MOST_PATHS:
        return [], []
    rules: list[Rule] = []
    dots: list[Dot] = []
    left = MOST_SEGMENTS
    for first in range(0, len(paths), native.BATCH):
        batch = paths[first : first + native.BATCH]
        list(map(native.bounds, batch, *_bounds.references))
        values = _bounds.values[: 4 * len(batch)].tolist()
        for n, path in enumerate(batch):
            filled, stroked = _drawn(path)
            if not (filled or stroked):
                continue
            box = Rule(*values[4 * n : 4 * n + 4])
            if _is_thin(box):
                rules.append(box)
                continue
            if _is_dot(box):
                dots.append(((box.left + box.right) / 2, (box.bottom + box.top) / 2))
                continue
            if max(box.right - box.left, box.top - box.bottom) < SHORTEST:
                continue
            size = native.count_segments(path)
            left -= min(size, MOST_OF_ONE)
            if left < 0:
                return [], []
            if size <= MOST_OF_ONE:
                rules += _edges(path, size, stroked=stroked)
    dots = [] if len(dots) > MOST_DOTS else dots
    return [rule for rule in rules if _is_sensible(rule)], dots


def _drawn(path: int) -> tuple[bool, bool]:
    """Whether a path is filled, and whether its outline is drawn."""
    fill, stroke = c_int(), c_int()
    native.path_draw_mode(path, addressof(fill), addressof(stroke))
    return bool(fill.value), bool(stroke.value)


def _is_thin(rule: Rule) -> bool:
    thick, long = sorted((rule.right - rule.left, rule.top - rule.bottom))
    return thick <= THICKEST and long >= SHORTEST


def _is_dot(box: Rule) -> bool:
    width, height = box.right - box.left, box.top - box.bottom
    same = abs(width - height) <= 0.3 * max(width, height)
    return same and SMALLEST_DOT <= max(width, height) <= LARGEST_DOT


def _is_sensible(rule: Rule) -> bool:
    return all(isfinite(value) and abs(value) < FARTHEST for value in rule)


def _edges(path: int, size: int, *, stroked: bool) -> Iterator[Rule]:
    """The thin parts of a path, and its straight edges if they are drawn."""
    for points in _outlines(path, size):
        xs, ys = [x for x, _ in points], [y for _, y in points]
        box = Rule(min(xs), min(ys), max(xs), max(ys))
        if _is_thin(box):
            yield box
        elif stroked:
            for (x, y), (u, v) in pairwise(points):
                edge = Rule(min(x, u), min(y, v), max(x, u), max(y, v))
                if _is_thin(edge):
                    yield edge


def _outlines(path: int, size: int) -> Iterator[Points]:
    """The parts of a path that hang together, in the page's coordinates."""
    matrix = pdfium.FS_MATRIX()
    native.matrix(path, addressof(matrix))
    a, b, c, d = matrix.a, matrix.b, matrix.c, matrix.d
    e, f = matrix.e, matrix.f
    x, y = c_float(), c_float()
    places = addressof(x), addressof(y)
    points: Points = []
    for number in range(size):
        segment = native.get_segment(path, number)
        if not segment or not native.segment_point(segment, *places):
            continue
        kind = native.segment_type(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO and points:
            yield points
            points = []
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            # Rounded corners are left out, and so is everything else that is round.
            continue
        points.append((a * x.value + c * y.value + e, b * x.value + d * y.value + f))
        if native.segment_closes(segment):
            points.append(points[0])
    if points:
        yield points


def read_links(pdf: object, page: object, content: object) -> list[Link]:
    """The links to addresses on the web, with the texts that they are on."""
    links: list[Link] = []
    position = c_int(0)
    link = pdfium.FPDF_LINK()
    for _ in range(MOST_LINKS):
        if not pdfium.FPDFLink_Enumerate(page, byref(position), byref(link)):
            break
        url = _url(pdf, link)
        box = pdfium.FS_RECTF()
        if not url or not pdfium.FPDFLink_GetAnnotRect(link, byref(box)):
            continue
        low, high = sorted((box.bottom, box.top))
        text = _bounded(content, box.left, high, box.right, low)
        if text and abs(low) + abs(high) < FARTHEST:
            links.append(Link(text, url, low, high))
    return links


def _url(pdf: object, link: object) -> str:
    action = pdfium.FPDFLink_GetAction(link)
    if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
        return ""
    size = pdfium.FPDFAction_GetURIPath(pdf, action, None, 0)
    if not 0 < size <= MOST_URL:
        return ""
    buffer = create_string_buffer(size)
    pdfium.FPDFAction_GetURIPath(pdf, action, buffer, size)
    url = buffer.raw.rstrip(b"\0").decode("utf-8", "replace").strip()
    harmless = url.startswith(("http://", "https://", "mailto:", "ftp://", "tel:"))
    plain = url.isprintable() and not any(sign in url for sign in ' <>"\\')
    return url if harmless and plain else ""


def _bounded(
    content: object, left: float, top: float, right: float, bottom: float
) -> str:
    """The text within a rectangle, on one line."""
    box = left, top, right, bottom
    size = pdfium.FPDFText_GetBoundedText(content, *box, None, 0)
    if not 0 < size <= MOST_TEXT:
        return ""
    buffer = (c_ushort * size)()
    size = pdfium.FPDFText_GetBoundedText(content, *box, buffer, size)
    text = bytes(buffer)[: 2 * size].decode("utf-16-le", "ignore")
    lines = text.strip("\0\r\n ").splitlines()
    return lines[0].strip() if len(lines) == 1 else ""
