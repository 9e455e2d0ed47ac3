"""PDFium's functions that are called for each object or character of a page.

They take and return addresses, which costs a third of what pypdfium2's own functions
cost. Numbers and references are not converted by a declared type, which costs half of
what is left. Whoever calls them holds the lock of PDFium.
"""

from collections.abc import Callable, Iterable
from ctypes import (
    PYFUNCTYPE,
    addressof,
    byref,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_size_t,
    c_uint,
    c_ulong,
    c_void_p,
    cast,
)
from itertools import repeat
from typing import Any

from pypdfium2 import raw as pdfium

#: How many objects or characters are examined with one buffer.
BATCH = 1024


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., int]:
    address = cast(getattr(pdfium, name), c_void_p).value
    assert address is not None
    function: Callable[..., int] = PYFUNCTYPE(result, *arguments)(address)
    return function


_get_object = _function("FPDFPage_GetObject", c_void_p)
count_form_objects = _function("FPDFFormObj_CountObjects", c_int, c_void_p)
get_form_object = _function("FPDFFormObj_GetObject", c_void_p, c_void_p, c_int)
object_type = _function("FPDFPageObj_GetType", c_int, c_void_p)
render_mode = _function("FPDFTextObj_GetTextRenderMode", c_int, c_void_p)
#: With references of `Quads`.
fill_color = _function("FPDFPageObj_GetFillColor", c_int, c_void_p)
bounds = _function("FPDFPageObj_GetBounds", c_int, c_void_p)
set_active = _function("FPDFPageObj_SetIsActive", c_int, c_void_p, c_int)
text_object = _function("FPDFText_GetTextObject", c_void_p, c_void_p)
character = _function("FPDFText_GetUnicode", c_uint, c_void_p)
#: With references of `Quads`.
character_box = _function("FPDFText_GetCharBox", c_int, c_void_p)
has_unicode_error = _function("FPDFText_HasUnicodeMapError", c_int, c_void_p)
is_generated = _function("FPDFText_IsGenerated", c_int, c_void_p)
text_index = _function("FPDFText_GetTextIndexFromCharIndex", c_int, c_void_p)
path_draw_mode = _function("FPDFPath_GetDrawMode", c_int, c_void_p, c_void_p, c_void_p)
matrix = _function("FPDFPageObj_GetMatrix", c_int, c_void_p, c_void_p)
font_of = _function("FPDFTextObj_GetFont", c_void_p, c_void_p)
is_embedded = _function("FPDFFont_GetIsEmbedded", c_int, c_void_p)
font_name = _function(
    "FPDFFont_GetBaseFontName", c_size_t, c_void_p, c_void_p, c_size_t
)
font_flags = _function("FPDFFont_GetFlags", c_int, c_void_p)
font_size = _function("FPDFTextObj_GetFontSize", c_int, c_void_p, c_void_p)
content_id = _function("FPDFPageObj_GetMarkedContentID", c_int, c_void_p)
count_segments = _function("FPDFPath_CountSegments", c_int, c_void_p)
get_segment = _function("FPDFPath_GetPathSegment", c_void_p, c_void_p, c_int)
segment_type = _function("FPDFPathSegment_GetType", c_int, c_void_p)
segment_closes = _function("FPDFPathSegment_GetClose", c_int, c_void_p)
segment_point = _function(
    "FPDFPathSegment_GetPoint", c_int, c_void_p, c_void_p, c_void_p
)
count_marks = _function("FPDFPageObj_CountMarks", c_int, c_void_p)
get_mark = _function("FPDFPageObj_GetMark", c_void_p, c_void_p, c_ulong)
mark_text = _function(
    "FPDFPageObjMark_GetParamStringValue",
    c_int,
    c_void_p,
    c_char_p,
    c_void_p,
    c_ulong,
    c_void_p,
)
get_annotation = _function("FPDFPage_GetAnnot", c_void_p, c_void_p)
annotation_type = _function("FPDFAnnot_GetSubtype", c_int, c_void_p)
next_link = _function("FPDFLink_Enumerate", c_int, c_void_p)
close_annotation = _function("FPDFPage_CloseAnnot", None, c_void_p)
char_index = _function("FPDFText_GetCharIndexFromTextIndex", c_int, c_void_p)


def address(handle: object) -> int:
    """The address that a handle of pypdfium2 holds."""
    return addressof(handle.contents) if handle else 0  # type: ignore[attr-defined]


def get_objects(page: object, numbers: Iterable[int]) -> list[int]:
    """The addresses of objects of a page."""
    reference = byref(c_char.from_address(address(page)))
    return list(map(_get_object, repeat(reference), numbers))


class Quads:
    """A buffer of four values for each object of a batch."""

    def __init__(self, kind: type[c_uint | c_float | c_double]) -> None:
        array = (kind * (4 * BATCH))()
        size = _SIZES[kind]
        #: The values, four after another.
        self.values: Any = memoryview(array).cast("B").cast(_FORMATS[kind])  # type: ignore[call-overload]
        #: References to the first, second, third and fourth value of each object.
        self.references = [
            [byref(array, size * place) for place in range(part, 4 * BATCH, 4)]
            for part in range(4)
        ]
        #: References to the four values of the first object.
        self.first = [part[0] for part in self.references]


_SIZES = {c_uint: 4, c_float: 4, c_double: 8}
_FORMATS = {c_uint: "I", c_float: "f", c_double: "d"}
