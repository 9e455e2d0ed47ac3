"""Pictures of printed pages, as a scanner or a camera makes them."""

import functools
import io
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.pdfgen.canvas import Canvas

#: A4, in inches.
PAPER = (8.27, 11.69)

#: The margin, in inches.
MARGIN = 0.9

#: Languages that are written from right to left.
RIGHT_TO_LEFT = {"ar", "he"}

#: Languages whose lines may be broken between any two characters.
UNSPACED = {"zh", "hant", "ja"}

#: Fonts as Debian installs them; with none of these, whatever fontconfig finds.
_FONTS = {
    "en": "liberation/LiberationSerif-Regular.ttf",
    "ja": "fonts-japanese-gothic.ttf",
}
_FOLDER = Path("/usr/share/fonts/truetype")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a page is printed and scanned."""

    dpi: int = 200
    points: float = 10
    skew: float = 0.0
    noise: float = 0.0
    #: JPEG's quality; None for no loss.
    jpeg: int | None = None

    def __str__(self) -> str:
        parts = [f"{self.dpi} dpi", f"{self.points:g} pt"]
        if self.skew:
            parts.append(f"skew {self.skew:g}°")
        if self.noise:
            parts.append(f"noise {self.noise:g}")
        if self.jpeg:
            parts.append(f"JPEG {self.jpeg}")
        return ", ".join(parts)


@functools.cache
def font(language: str) -> tuple[str, int] | None:
    """The file of a font that has the language's letters, and its place in there.

    None where there is no such font.
    """
    known = _FOLDER / _FONTS.get(language, "none")
    if known.is_file():
        return str(known), 0
    code = {"hant": "zh-tw", "zh": "zh-cn"}.get(language, language)
    try:
        found = subprocess.run(
            [
                "fc-match",
                "-f",
                "%{file}\t%{index}\t%{lang}",
                f":lang={code}",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    file, index, languages = found.split("\t")
    # The upper half of the number names an instance of a variable font.
    return (file, int(index) & 0xFFFF) if code in languages.split("|") else None


def picture(text: str, language: str, look: Look) -> Image.Image:
    """A page with this text, which must not be longer than that."""
    scale = look.dpi
    page = Image.new("L", (round(PAPER[0] * scale), round(PAPER[1] * scale)), 255)
    draw = ImageDraw.Draw(page)
    size = look.points / 72 * scale
    found = font(language)
    assert found, f"there is no font for {language}"
    file, index = found
    letters = ImageFont.truetype(file, size, index)
    margin, height = MARGIN * scale, size * 1.5
    place = margin
    for line in lines(text, letters, page.width - 2 * margin, language):
        if place + height > page.height - margin:
            raise ValueError(f"the text in {language} needs more than a page")
        if language in RIGHT_TO_LEFT:
            draw.text(
                (page.width - margin, place),
                line,
                0,
                letters,
                "ra",
                direction="rtl",
            )
        else:
            draw.text((margin, place), line, 0, letters)
        place += height
    return _scanned(page, look)


def lines(
    text: str, letters: ImageFont.FreeTypeFont, width: float, language: str
) -> Iterator[str]:
    """The lines that a text is set in, an empty one between paragraphs."""
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ""
        joint = "" if language in UNSPACED else " "
        line = ""
        for part in list(paragraph) if not joint else paragraph.split():
            longer = f"{line}{joint if line else ''}{part}"
            if line and letters.getlength(longer) > width:
                yield line
                longer = part
            line = longer
        yield line


def _scanned(page: Image.Image, look: Look) -> Image.Image:
    chance = random.Random(str(look))
    if look.skew:
        page = page.rotate(look.skew, Image.Resampling.BICUBIC, fillcolor=255)
    if look.noise:
        page = page.filter(ImageFilter.GaussianBlur(0.5))
        grain = Image.frombytes(
            "L", page.size, chance.randbytes(page.width * page.height)
        )
        # The paper is not white, and the ink is not black.
        page = Image.blend(page, grain, look.noise)
    if look.jpeg:
        made = io.BytesIO()
        page.save(made, "JPEG", quality=look.jpeg)
        page = Image.open(made)
    return page


def png(page: Image.Image, look: Look) -> bytes:
    made = io.BytesIO()
    page.save(made, "PNG", dpi=(look.dpi, look.dpi))
    return made.getvalue()


def pdf(pages: list[Image.Image], look: Look) -> bytes:
    """A scanned PDF: a picture on each page, and no text."""
    made = io.BytesIO()
    canvas = Canvas(made, invariant=1)
    for page in pages:
        size = (page.width / look.dpi * 72, page.height / look.dpi * 72)
        canvas.setPageSize(size)
        canvas.drawInlineImage(page, 0, 0, *size)
        canvas.showPage()
    canvas.save()
    return made.getvalue()
