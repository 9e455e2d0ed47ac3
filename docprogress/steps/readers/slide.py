"""Follow the XML of a PowerPoint slide or of its notes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from docprogress.steps.markdown.inline import BOLD, CODE, ITALIC
from docprogress.steps.readers.counting import counted
from docprogress.steps.readers.docx_fields import Equations
from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.handlers import Alternatives, NamedHandlers
from docprogress.steps.readers.names_of_styles import monospaced
from docprogress.steps.readers.ooxml import (
    CHART,
    COMPATIBILITY,
    DIAGRAM,
    DRAWING,
    MATH,
    SLIDES,
    elements,
    relation,
)
from docprogress.steps.readers.pictures_described import description

_NAMES = {
    **elements(
        (SLIDES, "sld sldLayout sp pic graphicFrame grpSp cNvPr ph txBody"),
        (DRAWING, "p r fld t br tab pPr rPr latin hlinkClick buAutoNum buChar buNone"),
        (DRAWING, "tbl tr tc"),
        (COMPATIBILITY, "AlternateContent Choice Fallback"),
    ),
    **{key: f"math_{name}" for key, name in elements((MATH, Equations.NAMES)).items()},
    **{f"{space} chart": "chart" for space in CHART},
    **{f"{space} relIds": "diagram" for space in DIAGRAM},
}
_TITLES = ("title", "ctrTitle")
_BODIES = ("", "body", "obj")

#: Placeholders that are left out: the slide's number, and what notes repeat of it.
_NUMBERS = ("sldNum",)
_OF_NOTES = ("sldNum", "sldImg", "hdr", "ftr", "dt")

_COUNTED = {
    "arabic": "decimal",
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
    "circleNum": "decimalEnclosedCircle",
    "ea1Chs": "chineseCounting",
    "ea1Cht": "chineseCounting",
    "ea1Jpn": "japaneseCounting",
}
_AROUND = {
    "Period": ("", "."),
    "ParenR": ("", ")"),
    "ParenBoth": ("(", ")"),
    "Minus": ("- ", " -"),
    "Plain": ("", ""),
}
#: Adds a chart or a diagram by its relation to a flow.
Insert = Callable[[str, str, Flow], None]


@dataclass(slots=True)
class _Paragraph:
    begun: bool = False
    level: int = 0
    bullet: bool | None = None
    number: tuple[str, int] | None = None


@dataclass(slots=True)
class _Body:
    """A shape's text, with the numbers of its paragraphs so far."""

    counts: dict[int, tuple[str, int]] = field(default_factory=dict)

    def label(self, paragraph: _Paragraph) -> str:
        level = paragraph.level
        for deeper in [one for one in self.counts if one > level]:
            del self.counts[deeper]
        if paragraph.number is None:
            self.counts.pop(level, None)
            return ""
        style, start = paragraph.number
        known, last = self.counts.get(level, ("", 0))
        number = last + 1 if known == style else start
        self.counts[level] = (style, number)
        return numbered(style, number)


class Slide(NamedHandlers):
    """Collects the text of a slide: its title, then its shapes in their order.

    Args:
        budget: Characters that may still be read.
        insert: Adds the text of another part.
        link: The address of a hyperlink's relation.
        notes: Whether it is the notes of a slide.
        master: Whether it is a layout or a master, whose placeholders are not shown.
    """

    names = _NAMES

    def __init__(
        self,
        budget: Budget,
        *,
        insert: Insert,
        link: Callable[[str], str],
        notes: bool = False,
        master: bool = False,
    ) -> None:
        #: Whether the shapes of its layout and its master are shown.
        self.shows_master = True
        self._master = master
        self._budget = budget
        self._insert = insert
        self._link_of = link
        self._left_out = _OF_NOTES if notes else _NUMBERS
        self._title = Flow(budget)
        self._rest = Flow(budget)
        self._flow = self._rest
        self._body = _Body()
        self._paragraph = _Paragraph()
        self._placeholder: str | None = None
        # Whether it is a picture, or something else that is not its own description.
        self._described = False
        self._style = 0
        self._link = ""
        self._inside = False
        self._spans: list[int] = []
        self._continued = False
        super().__init__(self, Equations(self._write), Alternatives(self._skip))

    @property
    def title(self) -> str:
        """The title on one line."""
        return " ".join(str(self._title).split())

    def finish(self) -> Flow:
        """The whole slide's flow, its title first."""
        self._rest.end_paragraph()
        self._title.end_paragraph()
        if title := self.title:
            whole = Flow(self._budget)
            whole.begin_paragraph(heading=1)
            whole.write(title)
            whole.end_paragraph()
            whole.add(self._rest)
            return whole
        return self._rest

    def characters(self, data: str) -> None:
        if self._inside and not self.skipped:
            self._write(data)

    def _write(self, text: str) -> None:
        paragraph = self._paragraph
        if not paragraph.begun:
            paragraph.begun = True
            label = self._body.label(paragraph)
            bullet = paragraph.bullet
            if bullet is None:
                bullet = self._placeholder in _BODIES and self._flow is self._rest
            self._flow.begin_paragraph(
                label=label,
                level=paragraph.level if bullet or label else None,
                bullet=bullet and not self._flow.depth,
            )
        self._flow.write(text, self._style, self._link)

    def _skip(self) -> None:
        self.skipped = 1

    def start_sld(self, attributes: dict[str, str]) -> None:
        self.shows_master = attributes.get("showMasterSp") not in ("0", "false")

    start_sldLayout = start_sld  # noqa: N815

    # Shapes.

    def start_sp(self, _: dict[str, str]) -> None:
        self._placeholder = None
        self._described = False

    def end_sp(self) -> None:
        self._placeholder = None
        self._flow = self._rest

    def start_graphicFrame(self, _: dict[str, str]) -> None:  # noqa: N802
        self._placeholder = None
        self._described = True

    start_pic = start_grpSp = start_graphicFrame  # noqa: N815

    def start_cNvPr(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if attributes.get("hidden") in ("1", "true"):
            self.skipped = 3  # this, the properties that it is in, and the shape
        elif self._described:
            self._rest.add_text(description(attributes.get("descr")))

    def start_ph(self, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "")
        if self._master or kind in self._left_out:
            self.skipped = 4  # this, two levels of properties, and the shape
        else:
            self._placeholder = kind

    def start_txBody(self, _: dict[str, str]) -> None:  # noqa: N802
        self._body = _Body()
        titled = self._placeholder in _TITLES and not self._title.pieces
        self._flow = self._title if titled else self._rest

    # Paragraphs and runs.

    def start_p(self, _: dict[str, str]) -> None:
        self._flow.end_paragraph()
        self._paragraph = _Paragraph()

    def end_p(self) -> None:
        self._flow.end_paragraph()

    def start_pPr(self, attributes: dict[str, str]) -> None:  # noqa: N802
        level = attributes.get("lvl", "0")
        self._paragraph.level = int(level) if level in tuple("012345678") else 0

    def start_buAutoNum(self, attributes: dict[str, str]) -> None:  # noqa: N802
        start = attributes.get("startAt", "1")
        valid = start.isascii() and start.isdecimal() and len(start) < 6  # noqa: PLR2004
        self._paragraph.number = (
            attributes.get("type", ""),
            int(start) if valid else 1,
        )

    def start_buChar(self, _: dict[str, str]) -> None:  # noqa: N802
        self._paragraph.bullet = True

    def start_buNone(self, _: dict[str, str]) -> None:  # noqa: N802
        self._paragraph.bullet = False

    def start_r(self, _: dict[str, str]) -> None:
        self._style, self._link = 0, ""

    start_fld = start_r

    def end_r(self) -> None:
        self._style, self._link = 0, ""

    end_fld = end_r

    def start_rPr(self, attributes: dict[str, str]) -> None:  # noqa: N802
        on = ("1", "true")
        self._style = (BOLD if attributes.get("b") in on else 0) | (
            ITALIC if attributes.get("i") in on else 0
        )

    def start_latin(self, attributes: dict[str, str]) -> None:
        if monospaced(attributes.get("typeface", "")):
            self._style |= CODE

    def start_hlinkClick(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if found := relation(attributes):
            self._link = self._link_of(found)

    def start_t(self, _: dict[str, str]) -> None:
        self._inside = True

    def end_t(self) -> None:
        self._inside = False

    start_math_t, end_math_t = start_t, end_t

    def start_br(self, _: dict[str, str]) -> None:
        self._write("\n")

    # Tables, and what is written in other parts.

    def start_tbl(self, _: dict[str, str]) -> None:
        self._flow = self._rest
        self._flow.begin_table()

    def end_tbl(self) -> None:
        self._flow.end_table()

    def start_tr(self, _: dict[str, str]) -> None:
        self._flow.begin_row()

    def end_tr(self) -> None:
        self._flow.end_row()

    def start_tc(self, attributes: dict[str, str]) -> None:
        span = attributes.get("gridSpan", "1")
        valid = span.isascii() and span.isdecimal() and len(span) < 4  # noqa: PLR2004
        if attributes.get("hMerge") not in ("1", "true"):
            self._spans.append(int(span) if valid else 1)
        else:
            self._spans.append(0)
        self._continued = attributes.get("vMerge") in ("1", "true")
        self._body = _Body()
        self._flow.begin_cell()

    def end_tc(self) -> None:
        span = self._spans.pop() if self._spans else 1
        self._flow.end_paragraph()
        if span:
            self._flow.end_cell(span=span, continued=self._continued)

    def start_chart(self, attributes: dict[str, str]) -> None:
        self._add("chart", relation(attributes))

    def start_diagram(self, attributes: dict[str, str]) -> None:
        self._add("diagram", relation(attributes, "dm"))

    def _add(self, kind: str, found: str) -> None:
        if found:
            aside = Flow(self._budget)
            self._insert(kind, found, aside)
            self._rest.add(aside)


def numbered(style: str, number: int) -> str:
    """A paragraph's number in a style such as `alphaLcParenR`."""
    for name, (before, after) in _AROUND.items():
        kind = style.removesuffix(name)
        if kind != style:
            return f"{before}{counted(number, _COUNTED.get(kind, 'decimal'))}{after}"
    return f"{number}."
