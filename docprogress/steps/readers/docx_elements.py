"""The elements of a Word document that are read, and who handles them."""

from dataclasses import dataclass, field

from docprogress.steps.readers.docx_fields import Equations
from docprogress.steps.readers.docx_styles import PLAIN, Resolved
from docprogress.steps.readers.flow import Flow
from docprogress.steps.readers.ooxml import (
    CHART,
    COMPATIBILITY,
    DIAGRAM,
    DRAWING,
    MATH,
    WORD,
    WORD_DRAWING,
    elements,
)

_VML = ("urn:schemas-microsoft-com:vml",)

#: Subtrees without text of the document: what was before a change, deleted or moved
#: text, pronunciation, properties of controls.
SKIPPED = elements(
    (WORD, "moveFrom pPrChange rPrChange sectPrChange tblPrChange tcPrChange"),
    (WORD, "trPrChange tblPrExChange tblGridChange numberingChange"),
    (WORD, "rt sdtPr sdtEndPr binData"),
)
_WORD = elements(
    (WORD, "p r t tab br cr noBreakHyphen ptab sym pPr rPr pStyle rStyle vanish"),
    (WORD, "specVanish b i numId ilvl outlineLvl del tbl tr tc gridSpan vMerge"),
    (WORD, "hidden rFonts instrText fldSimple framePr"),
    (WORD, "hyperlink fldChar ffData listEntry result default checked checkBox ddList"),
    (WORD, "txbxContent altChunk sectPr headerReference footerReference titlePg trPr"),
    (WORD, "footnoteReference endnoteReference commentReference"),
    (WORD, "footnote endnote comment"),
    (COMPATIBILITY, "AlternateContent Choice Fallback"),
)
_OF_VML = ("shape", "rect", "textpath")
_OTHER = {
    **{key: f"drawing_{name}" for key, name in elements((DRAWING, "p t")).items()},
    **{key: f"math_{name}" for key, name in elements((MATH, Equations.NAMES)).items()},
    **{f"{space} chart": "chart" for space in CHART},
    **{f"{space} relIds": "diagram" for space in DIAGRAM},
    **{f"{space} docPr": "docPr" for space in WORD_DRAWING},
    **{f"{space} {name}": f"vml_{name}" for space in _VML for name in _OF_VML},
}
NAMES = _WORD | _OTHER
#: What refers to a note or a comment, by the kind.
NOTE_REFERENCES = {
    key: name.removesuffix("Reference")
    for key, name in _WORD.items()
    if name in ("footnoteReference", "endnoteReference", "commentReference")
}


@dataclass(slots=True)
class Paragraph:
    """A paragraph that is being read."""

    style: Resolved
    num_id: str | None = None
    level: int | None = None
    heading: int | None = None
    #: Its mark is deleted or hidden: the next paragraph continues it.
    joined: str | None = None
    begun: bool = False
    hides: bool = False
    #: A picture's description has been written last.
    described: bool = False
    asides: list[Flow] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """A run, with its own properties."""

    style: Resolved = PLAIN
    vanish: bool | None = None
    bold: bool | None = None
    italic: bool | None = None
    code: bool | None = None
