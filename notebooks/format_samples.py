"""One sample of each kind of file, about a ferry that does not exist."""

import io
import itertools
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from sample_writers import bundled, ooxml, opendocument, plain
from sample_writers.content import Content, content

HERE = Path(__file__).resolve().parent
FOLDER = "samples-of-each-kind"

#: A page of the scans, at 150 dpi.
PAGE = (1240, 1754)


def text_of(name: str) -> str:
    return (HERE / "sample_texts" / name).read_text("utf-8")


HANDBOOK = content("Crew handbook", text_of("crew-handbook.txt"), text_of("fares.tsv"))
FARES = content("Fares", "# Fares from March", text_of("fares.tsv"))
COMPLAINT = content("The quarter past six", text_of("complaint.txt"))


def drawn(text: str) -> Image.Image:
    """A printed page as a scanner sees it: slightly rotated and out of focus."""
    page = Image.new("L", PAGE, 252)
    draw = ImageDraw.Draw(page)
    font = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
    letters = ImageFont.truetype(str(font), 28)
    wrapped = itertools.chain.from_iterable(
        textwrap.wrap(line, 60) or [""] for line in text.splitlines()
    )
    for number, line in enumerate(wrapped):
        draw.text((140, 160 + 52 * number), line, 30, letters)
    page = page.rotate(0.4, Image.Resampling.BICUBIC, fillcolor=252)
    return page.filter(ImageFilter.GaussianBlur(0.6)).quantize(16).convert("L")


def image(kind: str, *texts: str) -> bytes:
    first, *others = map(drawn, texts)
    made = io.BytesIO()
    options = {"TIFF": {"compression": "tiff_lzw"}, "JPEG": {"quality": 55}}
    more = {"save_all": True, "append_images": others} if others else {}
    first.save(made, kind, dpi=(150, 150), **options.get(kind, {}), **more)
    return made.getvalue()


def scan(*texts: str) -> bytes:
    """A PDF whose pages are pictures."""
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=A4, invariant=1)
    canvas.setTitle("Scanned forms")
    for text in texts:
        canvas.drawInlineImage(drawn(text), 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    return made.getvalue()


def letter() -> bytes:
    """A PDF with text."""
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=A4, invariant=1)
    canvas.setTitle(COMPLAINT.title)
    lines = canvas.beginText(72, 760)
    lines.setFont("Times-Roman", 12)
    for paragraph in COMPLAINT.texts():
        lines.textLines("\n".join([*textwrap.wrap(paragraph, 80), ""]))
    canvas.drawText(lines)
    canvas.save()
    return made.getvalue()


def forms() -> Iterator[str]:
    """Two declarations that differ."""
    form = text_of("customs-form.txt")
    yield form
    yield form.replace("5512", "5513").replace("Jon Vale", "Ida Brandt")


def mail() -> bytes:
    receipt = text_of("customs-form.txt").encode()
    return bundled.eml(
        COMPLAINT,
        {
            "receipt.txt": receipt,
            "fares.xlsx": ooxml.xlsx(FARES),
            "quay.png": image("PNG", text_of("customs-form.txt")),
        },
    )


def members() -> dict[str, bytes]:
    return {
        "2025/handbook.odt": opendocument.odt(HANDBOOK),
        "2025/fares.csv": plain.separated(FARES),
        "letters/complaint.docx": ooxml.docx(COMPLAINT),
    }


def _written(
    write: Callable[[Content], bytes], what: Content = HANDBOOK
) -> Callable[[], bytes]:
    return lambda: write(what)


SAMPLES: dict[str, Callable[[], bytes]] = {
    f"{FOLDER}/{name}": make
    for name, make in {
        "archive.tar.gz": lambda: bundled.tar_gz(members()),
        "archive.zip": lambda: bundled.zip_(members()),
        "book.epub": _written(bundled.epub),
        "data.json": _written(plain.json_),
        "data.xml": _written(plain.xml_),
        "document.docm": _written(ooxml.docm),
        "document.docx": _written(ooxml.docx),
        "document.odt": _written(opendocument.odt),
        "document.rtf": _written(plain.rtf),
        "letter.pdf": letter,
        "mail.eml": mail,
        "mailbox.mbox": lambda: bundled.mbox([COMPLAINT, HANDBOOK]),
        "notebook.ipynb": _written(plain.notebook),
        "page.html": _written(plain.html),
        "page.mhtml": _written(bundled.mhtml),
        "page.xhtml": lambda: plain.html(HANDBOOK, xhtml=True),
        "photo.jpg": lambda: image("JPEG", text_of("complaint.txt")),
        "photo.png": lambda: image("PNG", text_of("customs-form.txt")),
        "scan.pdf": lambda: scan(*forms()),
        "scan.tiff": lambda: image("TIFF", *forms()),
        "sheets.csv": _written(plain.separated, FARES),
        "sheets.ods": _written(opendocument.ods),
        "sheets.tsv": lambda: plain.separated(FARES, "\t"),
        "sheets.xlsx": _written(ooxml.xlsx),
        "slides.odp": _written(opendocument.odp),
        "slides.pptx": _written(ooxml.pptx),
        "text.adoc": _written(plain.adoc),
        "text.md": _written(plain.markdown),
        "text.org": _written(plain.org),
        "text.rst": _written(plain.underlined),
        "text.tex": _written(plain.tex),
        "text.txt": lambda: text_of("complaint.txt").encode(),
    }.items()
}
