"""The values of forms, and the text of annotations on the page."""

from collections.abc import Callable, Iterator
from ctypes import byref, c_int, c_ushort, c_void_p
from itertools import repeat
from typing import Any

from pypdfium2 import raw as pdfium

from docprogress.steps.readers import pdf_native as native
from docprogress.steps.readers.pdf_pieces import Line, Piece

#: How a box or button that is on or off is written, as Word does.
CHECKED = "☒"
UNCHECKED = "☐"

#: The maximum number of bytes of a field's value.
MOST_BYTES = 1 << 20

#: How far a label may be from its field, in points.
NEAR = 40.0

_HIDDEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13
_MARKS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_CHOICES = (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
_SHOWN = (pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT)


def has_filled(page: object) -> bool:
    """Whether a page has annotations that may show text."""
    address = native.address(page)
    count = pdfium.FPDFPage_GetAnnotCount(page)
    if _are_links(address, count):
        return False
    found = False
    for number in range(count):
        if annotation := native.get_annotation(address, number):
            found = native.annotation_type(annotation) in _SHOWN
            native.close_annotation(annotation)
            if found:
                break
    return found


def _are_links(page: int, count: int) -> bool:
    """Whether all annotations of a page are links, by one call for each."""
    place, link = c_int(), c_void_p()
    pages, places = repeat(page, count), repeat(byref(place))
    return all(map(native.next_link, pages, places, repeat(byref(link))))


def filled(page: object, form: object | None) -> list[Piece]:
    """The values of a page's fields and free texts, with their places."""
    found = []
    for annotation in _annotations(page):
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind not in _SHOWN or pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
            continue
        if kind == pdfium.FPDF_ANNOT_FREETEXT:
            text = _string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
        else:
            text = _value(form, annotation) if form is not None else ""
        box = pdfium.FS_RECTF()
        if text.strip() and pdfium.FPDFAnnot_GetRect(annotation, byref(box)):
            text = "\n".join(line.strip() for line in text.strip().splitlines())
            low, high = sorted((box.bottom, box.top))
            found.append(Piece(text, box.left, box.right, low, high))
    return found


def placed(lines: list[Line], values: list[Piece]) -> list[Line]:
    """Lines with values beside their labels, or on lines of their own."""
    lines = [list(line) for line in lines]
    printed = [value for value in values if _is_printed(lines, value)]
    for value in sorted(values, key=lambda piece: (-piece.middle, piece.left)):
        if value not in printed and not _beside_label(lines, value):
            _on_own_line(lines, value)
    return lines


def _annotations(page: object) -> Iterator[Any]:
    for number in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, number)
        if annotation:
            try:
                yield annotation
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)


def _value(form: object, annotation: object) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _MARKS:
        return CHECKED if _is_checked(form, annotation) else UNCHECKED
    if kind in _CHOICES:
        chosen = [
            _string(pdfium.FPDFAnnot_GetOptionLabel, form, annotation, number)
            for number in range(pdfium.FPDFAnnot_GetOptionCount(form, annotation))
            if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, number)
        ]
        if chosen:
            return ", ".join(chosen)
    elif (
        kind != pdfium.FPDF_FORMFIELD_TEXTFIELD
        or pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD
    ):
        return ""
    return _string(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)


def _is_checked(form: object, annotation: object) -> bool:
    if pdfium.FPDFAnnot_IsChecked(form, annotation):
        return True
    state = _string(pdfium.FPDFAnnot_GetStringValue, annotation, b"AS")
    if not state and pdfium.FPDFAnnot_GetFormControlCount(form, annotation) == 1:
        # Without appearances, the value is that of the only box.
        state = _string(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
    return state not in {"", "Off"}


def _string(function: Callable[..., int], *arguments: object) -> str:
    """The text that a function of PDFium writes into a buffer."""
    size = function(*arguments, None, 0)
    if size > MOST_BYTES:
        return ""
    buffer = (c_ushort * (size // 2 + 1))()
    function(*arguments, buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").split("\0", 1)[0]


def _beside_label(lines: list[Line], value: Piece) -> bool:
    """Put a value into the line of its label, if there is one at its height."""
    mark = value.text in {CHECKED, UNCHECKED}
    left: tuple[float, Line, int] | None = None
    right: tuple[float, Line, int] | None = None
    for line in lines:
        for number, piece in enumerate(line):
            if piece.blank or not _same_height(piece, value):
                continue
            if piece.right <= value.left + 3:
                distance = value.left - piece.right
                if left is None or distance <= left[0]:
                    left = (distance, line, number + 1)
            elif piece.left >= value.right - 3:
                distance = piece.left - value.right
                if right is None or distance < right[0]:
                    right = (distance, line, number)
    space = value._replace(text=" ")
    if right and ((mark and right[0] <= NEAR) or left is None):
        _, line, number = right
        line[number:number] = [value, space]
        return True
    if left:
        _, line, number = left
        line[number:number] = [space, value]
        return True
    return False


def _is_printed(lines: list[Line], value: Piece) -> bool:
    """Whether the page itself has a value where its field is."""
    inside = "".join(
        piece.text
        for line in lines
        for piece in line
        if _same_height(piece, value)
        and value.left - 2 <= piece.left
        and piece.right <= value.right + 2
    )
    return "".join(value.text.split()) in "".join(inside.split())


def _same_height(piece: Piece, value: Piece) -> bool:
    return value.bottom - 2 <= piece.middle <= value.top + 2


def _on_own_line(lines: list[Line], value: Piece) -> None:
    """Put a value below the last line that stands above it."""
    place = 0
    for number, line in enumerate(lines, 1):
        if line[0].middle >= value.middle:
            place = number
    lines.insert(place, [value])
