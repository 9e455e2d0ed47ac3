"""Render pages of a PDF with PDFium, and check whether their text has a meaning.

PDFium is not thread-safe: the caller holds the lock.
"""

import ctypes
from typing import TYPE_CHECKING, Any

from pypdfium2 import raw as pdfium

if TYPE_CHECKING:
    from docprogress.steps.ocr.engine import Picture

#: The maximum number of pixels of a drawn page, and of one of its sides.
MAX_PIXELS = 30_000_000
MAX_SIDE = 10_000

#: Characters of a page whose mapping is looked at: a few, and more if one of them has
#: none; and the share without one from which the text is garbage.
FEW_SAMPLED = 4
SAMPLED = 32
UNMAPPED_SHARE = 0.5


def draw(document: Any, index: int, dpi: int) -> "Picture | None":
    """An image of a page; None if it is blank or cannot be drawn."""
    import numpy as np

    page = pdfium.FPDF_LoadPage(document, index)
    if not page:
        return None
    try:
        if not pdfium.FPDFPage_CountObjects(page) and not pdfium.FPDFPage_GetAnnotCount(
            page
        ):
            return None
        width, height = _size(page, dpi)
        bitmap = pdfium.FPDFBitmap_CreateEx(
            width, height, pdfium.FPDFBitmap_BGR, None, 0
        )
        if not bitmap:
            return None
        try:
            pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xFFFFFFFF)
            pdfium.FPDF_RenderPageBitmap(
                bitmap, page, 0, 0, width, height, 0, pdfium.FPDF_ANNOT
            )
            stride = pdfium.FPDFBitmap_GetStride(bitmap)
            pointer = pdfium.FPDFBitmap_GetBuffer(bitmap)
            raw = ctypes.cast(
                pointer, ctypes.POINTER(ctypes.c_ubyte * (stride * height))
            )
            rows = np.frombuffer(raw.contents, np.uint8).reshape(height, stride)
            picture = rows[:, : width * 3].reshape(height, width, 3)[:, :, ::-1].copy()
        finally:
            pdfium.FPDFBitmap_Destroy(bitmap)
    finally:
        pdfium.FPDF_ClosePage(page)
    return None if picture.min() == picture.max() else picture


def is_unmapped(content: Any, count: int) -> bool:
    """Whether the characters of a page have no meaning, as a sample shows."""
    step = count // FEW_SAMPLED or 1
    has_error = pdfium.FPDFText_HasUnicodeMapError
    if all(has_error(content, index) != 1 for index in range(step // 2, count, step)):
        return False
    step = count // SAMPLED or 1
    sample = range(step // 2, count, step)
    missing = 0
    seen = 0
    for index in sample:
        if pdfium.FPDFText_IsGenerated(content, index) == 1:
            continue
        seen += 1
        missing += has_error(content, index) == 1
    return missing > UNMAPPED_SHARE * seen


def _size(page: Any, dpi: int) -> tuple[int, int]:
    """Width and height of a page in pixels, within the limits."""
    width = max(pdfium.FPDF_GetPageWidthF(page), 1.0)
    height = max(pdfium.FPDF_GetPageHeightF(page), 1.0)
    scale = min(
        dpi / 72,
        (MAX_PIXELS / (width * height)) ** 0.5,
        MAX_SIDE / max(width, height),
    )
    return max(1, round(width * scale)), max(1, round(height * scale))
