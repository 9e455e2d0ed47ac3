"""How paragraphs and runs of a Word document are set: styles, numbers, hidden text."""

from docprogress.steps.markdown.inline import BOLD, CODE, ITALIC
from docprogress.steps.readers.docx_elements import Paragraph, Run
from docprogress.steps.readers.docx_styles import Styles, number
from docprogress.steps.readers.names_of_styles import monospaced
from docprogress.steps.readers.ooxml import attribute, switched_on


class Formatting:
    """Follows the properties of the paragraph and the run that are read.

    Args:
        styles: The document's styles.
    """

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._plain = styles.paragraph(None)
        self.paragraph = self.plain_paragraph()
        self.run: Run | None = None
        #: Whether the run is hidden.
        self.hidden = False
        #: The element whose properties are read: `p`, its `mark`, `r`, `tr`.
        self.properties = ""

    def plain_paragraph(self) -> Paragraph:
        """A paragraph of the default style."""
        return Paragraph(self._plain)

    @property
    def style(self) -> int:
        """The run's style in Markdown."""
        run, paragraph = self.run, self.paragraph
        if run is None:
            return 0
        bold, italic = run.bold, run.italic
        if bold is None:
            bold = paragraph.style.bold != run.style.bold
        if italic is None:
            italic = paragraph.style.italic != run.style.italic
        code = run.style.code if run.code is None else run.code
        return (BOLD if bold else 0) | (ITALIC if italic else 0) | (CODE if code else 0)

    def start_pPr(self, _: dict[str, str]) -> None:  # noqa: N802
        self.properties = "p"

    def end_pPr(self) -> None:  # noqa: N802
        self.properties = ""

    def start_rPr(self, _: dict[str, str]) -> None:  # noqa: N802
        if self.properties == "p":
            self.properties = "mark"
        elif self.run is not None:
            self.properties = "r"

    def end_rPr(self) -> None:  # noqa: N802
        if self.properties == "mark":
            self.properties = "p"
        elif self.properties == "r":
            self.properties = ""
            self._decide_hidden()

    def start_r(self, _: dict[str, str]) -> None:
        self.run = Run()
        self.hidden = self.paragraph.style.vanish or self._styles.vanish

    def end_r(self) -> None:
        self.run, self.hidden, self.properties = None, False, ""

    def _decide_hidden(self) -> None:
        run = self.run
        if run is None:
            return
        hidden = run.vanish
        if hidden is None:
            # A style's properties of this kind cancel each other out.
            hidden = self.paragraph.style.vanish != run.style.vanish
            hidden = hidden or self._styles.vanish
        self.hidden = hidden

    def start_framePr(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if attribute(attributes, "dropCap") in ("drop", "margin"):
            # The next paragraph goes on with this large letter.
            self.paragraph.joined = ""

    def start_pStyle(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self.properties == "p" and not self.paragraph.begun:
            self.paragraph.style = self._styles.paragraph(attribute(attributes, "val"))

    def start_rStyle(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self.properties == "r" and self.run is not None:
            self.run.style = self._styles.resolve(attribute(attributes, "val"))

    def start_vanish(self, attributes: dict[str, str]) -> None:
        if self.properties == "r" and self.run is not None:
            self.run.vanish = switched_on(attributes)
        elif self.properties == "mark" and switched_on(attributes):
            self.paragraph.joined = " "

    def start_specVanish(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self.properties == "mark":
            self.start_vanish(attributes)

    def start_b(self, attributes: dict[str, str]) -> None:
        if self.properties == "r" and self.run is not None:
            self.run.bold = switched_on(attributes)

    def start_i(self, attributes: dict[str, str]) -> None:
        if self.properties == "r" and self.run is not None:
            self.run.italic = switched_on(attributes)

    def start_rFonts(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self.properties == "r" and self.run is not None:
            font = attribute(attributes, "ascii") or attribute(attributes, "hAnsi")
            self.run.code = None if font is None else monospaced(font)

    def start_numId(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self.properties == "p" and not self.paragraph.begun:
            self.paragraph.num_id = attribute(attributes, "val")

    def start_ilvl(self, attributes: dict[str, str]) -> None:
        if self.properties == "p" and not self.paragraph.begun:
            self.paragraph.level = number(attributes)

    def start_outlineLvl(self, attributes: dict[str, str]) -> None:  # noqa: N802
        level = number(attributes)
        if self.properties == "p" and level is not None:
            self.paragraph.heading = level + 1 if 0 <= level < 9 else 0  # noqa: PLR2004
