"""Generate the sample documents. The output is the same bytes on every run.

    python notebooks/make_samples.py [FOLDER]

The texts are in `sample_texts`. Every person, company, product and place in them
is fictional. Files in `samples` can be read; each file in `samples-that-fail`
fails for a different reason; `samples-of-each-kind` has one file of each kind, most of
them written by `sample_writers`.
"""

import io
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
import format_samples
import reportlab
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Pt
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.graphics.charts.lineplots import LinePlot
from reportlab.graphics.shapes import Drawing, String
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, A5
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    FrameBreak,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

HERE = Path(__file__).resolve().parent
TEXTS = HERE / "sample_texts"

#: The creation date of every document.
CREATED = datetime(2025, 3, 14, 9, 30, tzinfo=UTC)

#: The password of the encrypted sample.
PASSWORD = "correct horse"

INK = HexColor("#1d2433")
SOFT = HexColor("#5b6475")
LINE = HexColor("#c9cfda")
TINT = HexColor("#eef1f6")


def main(folder: Path = HERE) -> None:
    """Write every sample below `folder`, replacing existing files."""
    for name, make in SAMPLES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())


def text_of(name: str) -> str:
    return (TEXTS / name).read_text("utf-8")


def rows_of(name: str) -> list[tuple[str, ...]]:
    """The rows of a tab-separated file."""
    return [tuple(line.split("\t")) for line in text_of(name).splitlines()]


def handwritten(name: str) -> bytes:
    """A sample that is text, and therefore its own source."""
    return (HERE / "samples" / name).read_bytes()


def style(name: str, size: float, **options: Any) -> ParagraphStyle:
    options = {"fontName": "Times-Roman", "textColor": INK} | options
    return ParagraphStyle(name, fontSize=size, leading=size * 1.4, **options)


BODY = style("body", 10.5, spaceAfter=7, alignment=4)
TITLE = style("title", 22, fontName="Helvetica-Bold", spaceAfter=16)
HEADING = style(
    "heading",
    12.5,
    fontName="Helvetica-Bold",
    spaceBefore=10,
    spaceAfter=5,
    keepWithNext=1,
)
PLAIN = style("plain", 11, fontName="Helvetica", spaceAfter=7)
SMALL = style("small", 9, fontName="Helvetica", textColor=SOFT, spaceAfter=4)


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each paragraph of `text` with its kind: title, heading or body."""
    for block in text.strip().split("\n\n"):
        mark, _, rest = block.partition(" ")
        kind = {"#": "title", "##": "heading"}.get(mark)
        yield (kind, rest) if kind else ("body", block)


def joined(text: str) -> str:
    return " ".join(text.split())


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def pdf(
    story: list[Any],
    templates: list[PageTemplate],
    *,
    title: str,
    author: str,
    **options: Any,
) -> bytes:
    made = io.BytesIO()
    document = BaseDocTemplate(
        made,
        pagesize=templates[0].pagesize or A4,
        title=title,
        author=author,
        invariant=1,
        **options,
    )
    document.addPageTemplates(templates)
    document.build(story)
    return made.getvalue()


def page_template(
    left: str,
    *,
    margin: float = 25 * mm,
    size: tuple[float, float] = A4,
    numbered: bool = True,
) -> PageTemplate:
    width, height = size

    def foot(canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setStrokeColor(LINE)
        canvas.line(margin, 17 * mm, width - margin, 17 * mm)
        canvas.setFont("Helvetica", 8)
        canvas.setFillColor(SOFT)
        canvas.drawString(margin, 12.5 * mm, left)
        if numbered:
            canvas.drawRightString(
                width - margin, 12.5 * mm, f"{canvas.getPageNumber()}"
            )
        canvas.restoreState()

    frame = Frame(margin, 22 * mm, width - 2 * margin, height - 44 * mm, 0, 0, 0, 0)
    return PageTemplate(id="page", frames=[frame], onPage=foot, pagesize=size)


def prose(text: str, styles: dict[str, ParagraphStyle]) -> list[Any]:
    return [
        Paragraph(escaped(joined(block)), styles[kind]) for kind, block in blocks(text)
    ]


def services_agreement() -> bytes:
    story = prose(
        text_of("services-agreement.txt"),
        {"title": TITLE, "heading": HEADING, "body": BODY},
    )
    return pdf(
        story,
        [
            page_template(
                "Northbridge Analytics / Tamarind Foods - Master Services Agreement"
            )
        ],
        title="Master Services Agreement",
        author="Northbridge Analytics Limited",
    )


def welcome_letter() -> bytes:
    heading = style("letter head", 17, fontName="Times-Italic", spaceAfter=26)
    story = prose(
        text_of("welcome-letter.txt"),
        {"title": heading, "body": style("b", 12, spaceAfter=9)},
    )
    return pdf(
        story,
        [
            page_template(
                "Ellery Reading Room, 3 Canal Street, Port Ellery", numbered=False
            )
        ],
        title="Welcome to the Reading Room",
        author="Oona Brandt",
    )


def study() -> bytes:
    width, height = A4
    margin, gap, head = 18 * mm, 8 * mm, 24 * mm
    column = (width - 2 * margin - gap) / 2
    foot = page_template("Building Physics Notes 41 (2025)", margin=margin).onPage

    def frames(top: float) -> list[Frame]:
        tall = height - 22 * mm - top
        return [
            Frame(x, 22 * mm, column, tall, 0, 0, 0, 0)
            for x in (margin, margin + column + gap)
        ]

    banner = Frame(
        margin, height - 20 * mm - head, width - 2 * margin, head, 0, 0, 0, 0
    )
    first = PageTemplate("first", [banner, *frames(22 * mm + head)], onPage=foot)
    rest = PageTemplate("rest", frames(20 * mm), onPage=foot)

    narrow = style("narrow", 9.5, spaceAfter=5, alignment=4)
    heading = style(
        "h",
        10.5,
        fontName="Helvetica-Bold",
        spaceBefore=6,
        spaceAfter=3,
        keepWithNext=1,
    )
    (_, title), (_, authors), *text = blocks(text_of("insulation-study.txt"))
    story: list[Any] = [
        Paragraph(title, style("t", 19, fontName="Helvetica-Bold", spaceAfter=6)),
        Paragraph(authors, SMALL),
        FrameBreak(),
        NextPageTemplate("rest"),
    ]
    for kind, block in text:
        if block == "4. Discussion":
            story += [drying_curves(column), Paragraph(FIGURE, SMALL)]
        story.append(Paragraph(joined(block), heading if kind == "heading" else narrow))
    return pdf(story, [first, rest], title=title, author="L. Marchetti et al.")


FIGURE = (
    "Figure 1. Mean moisture content at the sole plate, in per cent of dry mass, over "
    "days since the leak. From the top: foil, intelligent membrane, open membrane."
)


def drying_curves(width: float) -> Drawing:
    drawing = Drawing(width, 130)
    plot = LinePlot()
    plot.x, plot.y, plot.width, plot.height = 24, 22, width - 34, 100
    days = range(0, 141, 10)
    plot.data = [
        [(day, low + (66 - low) * 0.5 ** (day / half)) for day in days]
        for low, half in ((31, 18), (11, 24), (11, 13))
    ]
    for number, colour in enumerate(("#b3423a", "#c08a2b", "#2f6fb0")):
        plot.lines[number].strokeColor = HexColor(colour)
        plot.lines[number].strokeWidth = 1.4
    plot.xValueAxis.valueSteps = [0, 35, 70, 105, 140]
    plot.yValueAxis.valueMin, plot.yValueAxis.valueMax = 0, 70
    plot.yValueAxis.valueStep = 20
    for axis in (plot.xValueAxis, plot.yValueAxis):
        axis.labels.fontName, axis.labels.fontSize = "Helvetica", 7
        axis.strokeColor = SOFT
    drawing.add(plot)
    drawing.add(String(width - 30, 2, "days", fontName="Helvetica", fontSize=7))
    return drawing


def japanese_rules() -> bytes:
    # Not embedded: PDF readers bring these fonts, and the text is Unicode.
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiKakuGo-W5"))
    sans = {"fontName": "HeiseiKakuGo-W5", "wordWrap": "CJK"}
    styles = {
        "title": style("jt", 20, spaceAfter=14, **sans),
        "heading": style("jh", 13, spaceBefore=10, spaceAfter=5, **sans),
        "body": style("jb", 11, fontName="HeiseiMin-W3", wordWrap="CJK", spaceAfter=8),
    }
    story = [
        Paragraph(escaped(block).replace("\n", "<br/>"), styles[kind])
        for kind, block in blocks(text_of("work-rules-ja.txt"))
    ]
    return pdf(
        story,
        [page_template("Minato Works")],
        title="就業規則",
        author="株式会社みなと製作所",
    )


def manual() -> bytes:
    heading = style("task", 16, fontName="Helvetica-Bold", spaceAfter=8)
    story: list[Any] = [
        Spacer(1, 40 * mm),
        Paragraph("AX-400", style("cover", 54, fontName="Helvetica-Bold")),
        Spacer(1, 30),
        Paragraph("Air handling unit", style("cover 2", 22, fontName="Helvetica")),
        Spacer(1, 10),
        Paragraph(
            "Maintenance manual, edition 7",
            style("c3", 14, fontName="Helvetica", textColor=SOFT),
        ),
        Spacer(1, 60 * mm),
        Paragraph(
            "Halvorsen Air, Mill Lane 40, Lower Hask. Document AX-400-M-07", SMALL
        ),
        PageBreak(),
    ]
    chapters = list(tasks())
    story += [
        Paragraph("How to use this manual", heading),
        Paragraph(
            "Each task has a page of its own, so that you can take the page with you. "
            "At its top you find how often the task is due, how long it takes one "
            "trained person, and what you need. The intervals hold for offices. Halve "
            "them for kitchens, workshops and buildings beside busy roads.",
            PLAIN,
        ),
        Paragraph(
            "Work that is marked as needing a certified person is not described here. "
            "Keep the log on the last page up to date: the guarantee depends on it.",
            PLAIN,
        ),
        Spacer(1, 8),
        contents(chapters),
        PageBreak(),
    ]
    for chapter, title, facts, body in chapters:
        story += [
            Paragraph(escaped(chapter).upper(), SMALL),
            Paragraph(escaped(title), heading),
            grid([("Interval", "Minutes", "Tools and parts"), facts], (33, 17, 70)),
            Spacer(1, 10),
            *body,
            PageBreak(),
        ]
    story += [
        Paragraph("Troubleshooting", heading),
        Paragraph("Look for the simple causes first; they are named first.", PLAIN),
        grid(
            [("What you notice", "What it may be"), *rows_of("troubleshooting.tsv")],
            (44, 76),
        ),
        PageBreak(),
        Paragraph("Spare parts", heading),
        Paragraph("Give the serial number of the unit with every order.", PLAIN),
        grid(
            [("Number", "Part", "Per unit"), *rows_of("spare-parts.tsv")], (22, 78, 20)
        ),
        PageBreak(),
        Paragraph("Service log", heading),
        Paragraph("Photocopy this page before it is full.", PLAIN),
        grid(
            [("Date", "Task", "Findings", "Name"), *[("",) * 4] * 16], (20, 34, 44, 22)
        ),
    ]
    return pdf(
        story,
        [page_template("AX-400 maintenance manual", margin=14 * mm, size=A5)],
        title="AX-400 air handling unit: maintenance manual",
        author="Halvorsen Air",
    )


def tasks() -> Iterator[tuple[str, str, tuple[str, ...], list[Any]]]:
    """Chapter, title, facts and body of each task in the manual.

    The source has `& chapter` and `@ title | interval | minutes | tools and parts`,
    then prose, `-` steps and `!` warnings.
    """
    chapter = ""
    warning = style(
        "warning",
        11,
        fontName="Helvetica-Bold",
        backColor=TINT,
        borderPadding=8,
        spaceBefore=14,
        leftIndent=8,
        rightIndent=8,
    )
    step = style("step", 11, fontName="Helvetica", leftIndent=18, spaceAfter=6)
    for block in text_of("maintenance-manual.txt").strip().split("\n\n"):
        if block.startswith("& "):
            chapter = block[2:]
            continue
        head, *lines = block.splitlines()
        title, *facts = (part.strip() for part in head[2:].split("|"))
        body: list[Any] = []
        number = 0
        for line in sentences(lines):
            if line.startswith("- "):
                number += 1
                body.append(Paragraph(escaped(line[2:]), step, bulletText=f"{number}."))
            elif line.startswith("! "):
                body.append(Paragraph(f"Warning. {escaped(line[2:])}", warning))
            else:
                body.append(Paragraph(escaped(line), PLAIN))
        yield chapter, title, tuple(facts), body


def sentences(lines: list[str]) -> list[str]:
    """`lines`, with those of one paragraph joined."""
    made: list[str] = []
    for line in lines:
        listed = line.startswith(("- ", "! "))
        if made and not listed and not made[-1].startswith(("- ", "! ")):
            made[-1] += f" {line}"
        else:
            made.append(line)
    return made


def contents(chapters: list[tuple[str, str, tuple[str, ...], list[Any]]]) -> Table:
    first = {
        chapter: page
        for page, (chapter, *_) in reversed(list(enumerate(chapters, start=3)))
    }
    last = 3 + len(chapters)
    rows = sorted((page, chapter) for chapter, page in first.items())
    rows += [
        (last, "Troubleshooting"),
        (last + 1, "Spare parts"),
        (last + 2, "Service log"),
    ]
    return grid(
        [("Chapter", "Page"), *((title, str(page)) for page, title in rows)], (104, 16)
    )


def grid(rows: list[tuple[str, ...]], widths: tuple[int, ...]) -> Table:
    cell = style("cell", 9.5, fontName="Helvetica")
    bold = style("bold", 9.5, fontName="Helvetica-Bold")
    table = Table(
        [
            [Paragraph(escaped(text), cell if number else bold) for text in row]
            for number, row in enumerate(rows)
        ],
        colWidths=[width * mm for width in widths],
        rowHeights=[24] * len(rows) if rows[-1] == ("",) * 4 else None,
        repeatRows=1,
        hAlign="LEFT",
    )
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), TINT),
                ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


def scan() -> bytes:
    """A page that is an image of text, slightly rotated like a scan."""
    chance = random.Random(1407)
    page = Image.new("L", (1240, 1754), 250)
    draw = ImageDraw.Draw(page)
    font_file = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
    large, normal = (ImageFont.truetype(str(font_file), size) for size in (44, 30))
    for number, line in enumerate(text_of("delivery-note.txt").splitlines()):
        draw.text(
            (130, 180 + 62 * number), line, 40, large if number in (0, 2) else normal
        )
    draw.line((130, 1190, 760, 1190), 60, 2)
    draw.rectangle((820, 1080, 1090, 1220), outline=90, width=4)
    draw.text((850, 1125), "RECEIVED", 90, normal)
    page = page.rotate(-0.7, Image.Resampling.BICUBIC, fillcolor=250)
    for _ in range(500):
        x, y = chance.randrange(1240), chance.randrange(1754)
        page.putpixel((x, y), chance.randrange(90, 200))
    page = page.filter(ImageFilter.GaussianBlur(0.7))

    made = io.BytesIO()
    canvas = Canvas(made, pagesize=A4, invariant=1)
    canvas.setTitle("Scan 2025-03-11")
    canvas.drawInlineImage(page.quantize(16).convert("L"), 0, 0, *A4)
    canvas.save()
    return made.getvalue()


def docx_bytes(document: Any, *, title: str, author: str) -> bytes:
    """The document as a .docx whose bytes depend only on its content."""
    properties = document.core_properties
    properties.title, properties.author = title, author
    properties.created = properties.modified = CREATED
    saved, made = io.BytesIO(), io.BytesIO()
    document.save(saved)
    with (
        zipfile.ZipFile(saved) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            # The default date is the present, which would change the bytes.
            entry = zipfile.ZipInfo(name, date_time=CREATED.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return made.getvalue()


def word(text: str) -> Any:
    document = docx.Document()
    document.styles["Normal"].font.size = Pt(11)
    for kind, block in blocks(text):
        if kind == "body":
            document.add_paragraph(joined(block))
        else:
            document.add_heading(joined(block), 0 if kind == "title" else 1)
    return document


def supply_agreement() -> bytes:
    document = word(text_of("supply-agreement.txt"))
    document.add_heading("Annex: volumes and prices", 1)
    document.add_paragraph("Yearly volume in pieces, price in crowns for one piece.")
    table = document.add_table(rows=1, cols=3, style="Light Grid Accent 1")
    for row in [("Article", "Volume", "Price"), *rows_of("prices.tsv")]:
        cells = table.rows[0].cells if row[0] == "Article" else table.add_row().cells
        for cell, text in zip(cells, row, strict=True):
            cell.text = text
    return docx_bytes(
        document, title="Supply Agreement", author="Harrow & Lunt Glassworks"
    )


def minutes() -> bytes:
    return docx_bytes(
        word(text_of("board-minutes.txt")),
        title="Works council minutes",
        author="Li Wen",
    )


def arabic_notice() -> bytes:
    document = word(text_of("notice-ar.txt"))
    for paragraph in document.paragraphs:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT  # "left" is the start: the right
        paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))
        for run in paragraph.runs:
            run._r.get_or_add_rPr().append(OxmlElement("w:rtl"))
    return docx_bytes(document, title="إشعار إلى السكان", author="إدارة المبنى")


def encrypted() -> bytes:
    text = "# Salaries 2025\n\nThis page is for the board. Nobody else should read it."
    return pdf(
        prose(text, {"title": TITLE, "body": BODY}),
        [page_template("Confidential")],
        title="Salaries",
        author="Tamarind Foods plc",
        encrypt=StandardEncryption(PASSWORD, ownerPassword=PASSWORD, strength=128),
    )


def truncated() -> bytes:
    """The first third of a PDF, like an interrupted download."""
    whole = services_agreement()
    return whole[: len(whole) // 3]


SAMPLES: dict[str, Callable[[], bytes]] = {
    "samples/board-minutes.docx": minutes,
    "samples/delivery-note-scan.pdf": scan,
    "samples/insulation-study.pdf": study,
    "samples/integration-guide.md": lambda: handwritten("integration-guide.md"),
    "samples/maintenance-manual.pdf": manual,
    "samples/notice-ar.docx": arabic_notice,
    "samples/price-list.html": lambda: handwritten("price-list.html"),
    "samples/services-agreement.pdf": services_agreement,
    "samples/supply-agreement.docx": supply_agreement,
    "samples/welcome-letter.pdf": welcome_letter,
    "samples/work-rules-ja.pdf": japanese_rules,
    "samples/письмо жильцу.txt": lambda: handwritten("письмо жильцу.txt"),
    "samples-that-fail/empty.pdf": bytes,
    "samples-that-fail/encrypted.pdf": encrypted,
    "samples-that-fail/truncated.pdf": truncated,
    **format_samples.SAMPLES,
}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
