"""Documents to measure with: made here, the same ones for the same seed.

A page is about 3,000 characters of real prose, the language's own manual, in the
fonts that a manual has: headings, text in a standard and in an embedded font, code.
"""

import itertools
import random
import sys
import textwrap
from pathlib import Path
from pydoc_data.topics import topics

from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

#: Characters of a page.
PAGE = 3_000

#: The margin, and the width of the text, in points.
MARGIN = 60
WIDTH = A4[0] - 2 * MARGIN

#: Fonts of text, each with its size: two that every reader has, one embedded.
TEXT_FONTS = (("Times-Roman", 9.5), ("Helvetica", 8.5), ("Vera", 8.0))


def pdfs(folder: Path, *, documents: int, pages: int, seed: int = 1) -> list[Path]:
    """Write so many PDFs, each different from the others."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Vera", "VeraBd"):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    made = []
    for number in range(documents):
        path = folder / f"manual-{number:04d}.pdf"
        _write(path, pages, random.Random(f"{seed}-{number}"))
        made.append(path)
    return made


def slices(folder: Path, source: Path, *, documents: int, pages: int) -> list[Path]:
    """Cut real PDFs of a folder into as many, of so many pages each."""
    paths: list[Path] = []
    for path in itertools.cycle(sorted(source.glob("*.pdf"))):
        reader = PdfReader(path)
        for first in range(0, len(reader.pages) - pages + 1, pages):
            if len(paths) == documents:
                return paths
            writer = PdfWriter()
            writer.append(reader, pages=(first, first + pages))
            paths.append(folder / f"slice-{len(paths):04d}.pdf")
            writer.write(paths[-1])
    raise SystemExit(f"there is no PDF in {source}")


def texts(folder: Path, *, documents: int) -> list[Path]:
    """Write so many text files of a sentence or two, each different."""
    folder.mkdir(parents=True, exist_ok=True)
    paragraphs = _paragraphs()
    made = []
    for number in range(documents):
        path = folder / f"note-{number:05d}.txt"
        prose = paragraphs[number % len(paragraphs)]
        path.write_text(f"Note {number}. {prose[:200]}\n", "utf-8")
        made.append(path)
    return made


def office(folder: Path, *, documents: int) -> list[Path]:
    """Write so many Word, Excel, PowerPoint, OpenDocument and HTML files."""
    sys.path.append(str(Path(__file__).parents[2] / "notebooks"))
    from sample_writers import ooxml, opendocument, plain
    from sample_writers.content import content

    folder.mkdir(parents=True, exist_ok=True)
    paragraphs = [" ".join(part.split()) for part in _paragraphs()]
    writers = {
        "docx": ooxml.docx,
        "xlsx": ooxml.xlsx,
        "pptx": ooxml.pptx,
        "odt": opendocument.odt,
        "html": plain.html,
    }
    made = []
    for number in range(documents):
        chance = random.Random(number)
        kind = list(writers)[number % len(writers)]
        prose = [
            part
            for section in range(1, 9)
            for part in (f"# Section {section}", *chance.sample(paragraphs, 4))
        ]
        rows = [
            f"{row}\t{chance.randrange(10_000)}\t{chance.choice(paragraphs)[:40]}"
            for row in range(40)
        ]
        path = folder / f"report-{number:04d}.{kind}"
        title = f"Report {number}"
        path.write_bytes(
            writers[kind](content(title, "\n\n".join(prose), "\n".join(rows)))
        )
        made.append(path)
    return made


def _write(path: Path, pages: int, chance: random.Random) -> None:
    paragraphs = _paragraphs()
    canvas = Canvas(str(path), pagesize=A4)
    canvas.setTitle(path.stem)
    for number in range(1, pages + 1):
        pen = A4[1] - MARGIN
        canvas.setFont("VeraBd" if number % 3 else "Helvetica-Bold", 14)
        canvas.drawString(MARGIN, pen, f"{path.stem}, section {number}")
        pen -= 24
        left = PAGE
        while left > 0:
            prose = chance.choice(paragraphs)[:left]
            left -= len(prose)
            code = prose.startswith("   ")
            font, size = ("Courier", 8) if code else chance.choice(TEXT_FONTS)
            for line in _lines(prose, font, size, code=code):
                canvas.setFont(font, size)
                canvas.drawString(MARGIN, pen, line)
                pen -= size * 1.25
            pen -= 4
        canvas.setFont("Helvetica-Oblique", 8)
        canvas.drawCentredString(A4[0] / 2, MARGIN / 2, f"{number} of {pages}")
        canvas.showPage()
    canvas.save()


def _lines(prose: str, font: str, size: float, *, code: bool) -> list[str]:
    if code:
        return textwrap.dedent(prose).splitlines()
    return simpleSplit(" ".join(prose.split()), font, size, WIDTH)


def _paragraphs() -> list[str]:
    """Every paragraph of the manual that is more than a line."""
    found = "\n\n".join(topics[name] for name in sorted(topics)).split("\n\n")
    plain = (part.encode("ascii", "ignore").decode() for part in found)
    return [part for part in plain if len(part) > 80]
