"""The lines of a page with their positions and fonts, from which structure is found.

They hold nothing of PDFium's, and are made while the page is loaded.
"""

from typing import NamedTuple

from docprogress.steps.readers.pdf_fonts import Font
from docprogress.steps.readers.pdf_grids import Grid, Rule

#: The maximum number of lines and characters of a page whose structure is found.
MOST_LINES = 5_000
MOST_CHARACTERS = 500_000

#: The greatest coordinate and font size that are taken seriously, in points.
FARTHEST = 1e5


class Run(NamedTuple):
    """Text of one font, without a gap, on one line."""

    text: str
    left: float
    right: float
    baseline: float
    size: float
    font: Font
    #: The number of the marked content it belongs to; -1 if it is not marked.
    mark: int = -1
    turned: bool = False

    @property
    def width(self) -> float:
        return self.right - self.left


class Link(NamedTuple):
    """A text that is linked."""

    text: str
    url: str
    bottom: float
    top: float


class Label(NamedTuple):
    """The meaning of marked content by the tags of a PDF."""

    #: `heading`, `text`, `item`, `cell`, `code` or `other`.
    kind: str
    #: Distinguishes one paragraph, item or table from the next.
    block: int
    #: The level of a heading, 0 if it has none; the depth of an item, from 0.
    level: int = 0
    row: int = 0
    column: int = 0
    rows: int = 1
    columns: int = 1
    #: Distinguishes the text of a list item from its bullet.
    bullet: bool = False


#: The middle of a bullet that is drawn, which is no text.
Dot = tuple[float, float]


class Layout(NamedTuple):
    """A page's lines, each of which may be several that a hyphen joins."""

    lines: list[list[Run]]
    #: The grids of lines that are drawn, and other horizontal ones of the same extent.
    grids: list[Grid]
    bands: list[list[Rule]]
    links: list[Link]
    labels: dict[int, Label]
    #: The middles of bullets that are drawn.
    dots: list[Dot]


def glue(before: str, after: str) -> str:
    """What joins two lines of a text: a space, if its script has spaces."""
    return "" if _is_wide(before[-1:]) and _is_wide(after[:1]) else " "


def _is_wide(character: str) -> bool:
    return (
        "\u2e80" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\uff00" <= character <= "\uff60"
        or character >= "\U00020000"
    )
