"""Find the invisible text of a page."""

from ctypes import addressof, c_int

from pypdfium2 import raw as pdfium

from docprogress.steps.readers import pdf_native as native
from docprogress.steps.readers.pdf_survey import (
    WHITE,
    Survey,
    Text,
    box_of,
    color_of,
    form_objects,
    page_box,
)

#: The share of a page that images cover if it is a scan.
SCANNED = 0.6

Box = tuple[float, float, float, float]


def is_scan(page: object) -> bool:
    """Whether images cover the page."""
    low_x, low_y, high_x, high_y = page_box(page)
    covered = 0.0
    for address in _page_objects(page):
        kind = native.object_type(address)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = box_of(address)
            width = min(right, high_x) - max(left, low_x)
            height = min(top, high_y) - max(bottom, low_y)
            covered += max(width, 0.0) * max(height, 0.0)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and any(
            native.object_type(inner) == pdfium.FPDF_PAGEOBJ_IMAGE
            for inner in form_objects(address)
        ):
            left, bottom, right, top = box_of(address)
            covered += max(right - left, 0.0) * max(top - bottom, 0.0)
    return covered >= SCANNED * (high_x - low_x) * (high_y - low_y) > 0


def unseen(page: object, found: Survey) -> list[int]:
    """The text objects that are white on white, transparent, or off the page."""
    hidden = [text.address for text in found.outside]
    if found.white:
        drawn = _backgrounds(page)
        hidden += [text.address for text in found.white if not _is_shown(text, drawn)]
    return hidden


def set_active(texts: list[int], *, active: bool) -> None:
    """Have text objects taken into the page's text, or not."""
    for address in texts:
        native.set_active(address, active)


def _page_objects(page: object) -> list[int]:
    return native.get_objects(page, range(pdfium.FPDFPage_CountObjects(page)))


def _backgrounds(page: object) -> list[tuple[int, Box]]:
    """Objects drawn in a colour other than white, with position and extent."""
    drawn = []
    for position, address in enumerate(_page_objects(page)):
        if native.object_type(address) == pdfium.FPDF_PAGEOBJ_FORM:
            colored = any(map(_is_colored, form_objects(address)))
        else:
            colored = _is_colored(address)
        if colored:
            drawn.append((position, box_of(address)))
    return drawn


def _is_colored(address: int) -> bool:
    kind = native.object_type(address)
    if kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING):
        return True
    if kind != pdfium.FPDF_PAGEOBJ_PATH:
        return False
    fill, stroke = c_int(), c_int()
    native.path_draw_mode(address, addressof(fill), addressof(stroke))
    color = color_of(address)
    return bool(fill.value) and (color is None or min(color[:3]) < WHITE)


def _is_shown(text: Text, drawn: list[tuple[int, Box]]) -> bool:
    """Whether something drawn before a text lies behind it."""
    if text.box is None:
        # Its place within the form is not known.
        return bool(drawn)
    left, bottom, right, top = text.box
    x, y = (left + right) / 2, (bottom + top) / 2
    return any(
        position < text.position and box[0] <= x <= box[2] and box[1] <= y <= box[3]
        for position, box in drawn
    )
