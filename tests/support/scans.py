"""Images of text, and PDFs of them, as a scanner would make them."""

import io
from functools import cache
from typing import Any

from support.services import lacking

#: What the images say, unless they are to say something else.
TEXT = (
    "The lessee pays the annual rent in twelve",
    "equal instalments, each due on the third",
    "working day of the month.",
)


def need_ocr() -> None:
    """Skip, or fail in CI, without the default engine."""
    try:
        import onnxruntime  # noqa: F401
        import PIL  # noqa: F401
        import rapidocr  # noqa: F401
    except ImportError as error:
        lacking(f"docprogress[ocr] is not installed: {error}")


def drawn(lines=TEXT, *, dpi: int = 120, points: int = 12, margin: float = 0.5) -> Any:
    """An image of lines of text."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=points * dpi / 72)
    step = round(points * 1.6 * dpi / 72)
    width = max(round(font.getlength(line)) for line in (*lines, " "))
    edge = round(margin * dpi)
    image = Image.new("L", (width + 2 * edge, step * len(lines) + 2 * edge), 255)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((edge, edge + number * step), line, font=font, fill=0)
    return image


def encoded(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of an image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def scanned_pdf(*pages: Any, text: str = "", mode: int = 0) -> bytes:
    """A PDF with a page for each image, or for each string of text.

    `text` is written on the pages of images, in this rendering mode: 3 is invisible.
    """
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen import canvas

    file = io.BytesIO()
    pdf = canvas.Canvas(file, invariant=True)
    for page in pages:
        if isinstance(page, str):
            pdf.setPageSize((595, 842))
            pdf.drawString(60, 700, page)
        else:
            width, height = page.width * 72 / 120, page.height * 72 / 120
            pdf.setPageSize((width, height))
            pdf.drawImage(ImageReader(page), 0, 0, width, height)
            if text:
                written = pdf.beginText(20, height - 20)
                written.setFont("Helvetica", 6)
                written.setTextRenderMode(mode)
                written.textLine(text)
                pdf.drawText(written)
        pdf.showPage()
    pdf.save()
    return file.getvalue()


@cache
def numbered_scan(pages: int) -> bytes:
    """A scan whose pages say which one they are."""
    return scanned_pdf(
        *(drawn((f"This is page number {n}", *TEXT)) for n in range(1, pages + 1))
    )
