"""Follow the XML of a Word document's story: its body, a header, its notes."""

from collections.abc import Callable

from docprogress.steps.readers.docx_elements import (
    NAMES,
    SKIPPED,
    Paragraph,
    Run,
)
from docprogress.steps.readers.docx_fields import Equations, Fields, Forms
from docprogress.steps.readers.docx_formatting import Formatting
from docprogress.steps.readers.docx_numbering import Numbering
from docprogress.steps.readers.docx_sections import Notes, Sections
from docprogress.steps.readers.docx_styles import Styles, number
from docprogress.steps.readers.flow import Flow
from docprogress.steps.readers.handlers import Alternatives, handlers
from docprogress.steps.readers.ooxml import attribute, relation, switched_on
from docprogress.steps.readers.pictures_described import description
from docprogress.steps.readers.symbols import symbol

#: What a story needs from its document: charts, diagrams, parts in other formats.
Insert = Callable[[str, str, Flow], None]


class Story:
    """Collects the text of one part into a flow.

    Args:
        flow: Where the text goes.
        styles: The document's styles.
        numbering: The document's lists, which count on from part to part.
        insert: Adds a part that this one refers to: its kind, its relation, the flow.
        link: The address of a hyperlink's relation.
    """

    def __init__(
        self,
        flow: Flow,
        *,
        styles: Styles,
        numbering: Numbering,
        insert: Insert,
        link: Callable[[str], str],
    ) -> None:
        #: The targets of the part's references.
        self.sections = Sections()
        self.notes = Notes(lambda: self._format.hidden)
        #: Decides which notes and comments of a part are read, and how they begin.
        self.choose: Callable[[str, dict[str, str]], str | None] = lambda *_: ""
        self._flow = flow
        self._format = Formatting(styles)
        self._numbering = numbering
        self._insert = insert
        self._link_of = link
        self._inside = False
        self._in_code = False
        self._skipped = 0
        self._link = ""
        # Of each open cell: its columns, and whether it goes on with the one above.
        self._spans: list[int] = []
        self._continued: list[bool] = []
        self._saved: list[tuple[Flow, Paragraph, Run | None, Fields, bool]] = []
        self._fields = Fields()
        self._carry: Paragraph | None = None
        self._starts, self._ends = handlers(
            NAMES,
            self,
            self._format,
            self.sections,
            self.notes,
            Equations(self._write),
            Alternatives(self._skip),
            Forms(self._write_value),
        )
        self._starts |= dict.fromkeys(SKIPPED, lambda _: self._skip())

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped:
            self._skipped += 1
            self.notes.skipped(name, attributes)
            return
        handle = self._starts.get(name)
        if handle is not None:
            handle(attributes)

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        handle = self._ends.get(name)
        if handle is not None:
            handle()

    def characters(self, data: str) -> None:
        if self._skipped:
            return
        if self._inside:
            self._write(data)
        elif self._in_code:
            self._fields.add_code(data)

    def _skip(self) -> None:
        self._skipped = 1

    # Text.

    def _write(self, text: str) -> None:
        if self._fields.coding:
            return
        if self._format.hidden:
            self._format.paragraph.hides = True
            if not text.isspace():
                self._flow.budget.hides = True
            return
        paragraph = self._format.paragraph
        if not paragraph.begun:
            self._begin(paragraph)
        if paragraph.described:
            paragraph.described = False
            text = text if text[:1].isspace() else f" {text}"
        self._flow.write(text, self._format.style, self._link or self._fields.link)

    def _begin(self, paragraph: Paragraph) -> None:
        paragraph.begun = True
        label = self._numbering.next_label(
            paragraph.num_id, paragraph.level, paragraph.style
        )
        heading = paragraph.heading
        self._flow.begin_paragraph(
            heading=paragraph.style.heading if heading is None else heading,
            label=label.text if label else "",
            gap=label.gap if label else "",
            level=max(label.level, paragraph.style.depth) if label else None,
            code=paragraph.style.code,
        )

    def start_t(self, _: dict[str, str]) -> None:
        self._inside = True

    def end_t(self) -> None:
        self._inside = False

    start_math_t, end_math_t = start_t, end_t
    start_drawing_t, end_drawing_t = start_t, end_t

    def start_tab(self, _: dict[str, str]) -> None:
        if self._format.run is not None and not self._format.properties:
            self._write("\t")

    start_ptab = start_tab

    def start_br(self, _: dict[str, str]) -> None:
        self._write("\n")

    start_cr = start_br

    def start_noBreakHyphen(self, _: dict[str, str]) -> None:  # noqa: N802
        self._write("-")

    def start_sym(self, attributes: dict[str, str]) -> None:
        found = symbol(attribute(attributes, "char"), attribute(attributes, "font"))
        if found:
            self._write(found)

    def start_vml_textpath(self, attributes: dict[str, str]) -> None:
        if text := attributes.get("string"):
            self._write(text)

    def start_docPr(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if attributes.get("hidden") not in ("1", "true"):
            self._describe(attributes.get("descr"))

    def start_vml_shape(self, attributes: dict[str, str]) -> None:
        self._describe(attributes.get("alt"))

    start_vml_rect = start_vml_shape

    def _describe(self, text: str | None) -> None:
        """Write the description of a picture, apart from the words around it."""
        if found := description(text):
            written = self._flow.pieces if self._format.paragraph.begun else []
            apart = written and not written[-1][-1:].isspace()
            self._write(f" {found}" if apart else found)
            self._format.paragraph.described = True

    # Paragraphs and runs.

    def start_p(self, _: dict[str, str]) -> None:
        carried, self._carry = self._carry, None
        self._format.properties = ""
        self._format.run, self._format.hidden, self._inside = None, False, False
        if carried is not None and carried.begun:
            carried.joined = None
            self._format.paragraph = carried
            return
        self._flow.end_paragraph()
        self._format.paragraph = self._format.plain_paragraph()

    def end_p(self) -> None:
        paragraph = self._format.paragraph
        self._format.run, self._format.hidden, self._inside = None, False, False
        self._fields.end_paragraph()
        if paragraph.joined is not None:
            if paragraph.begun and paragraph.joined:
                self._flow.write(paragraph.joined)
            if not paragraph.asides:
                self._carry = paragraph
                return
        elif not paragraph.begun and not paragraph.hides:
            # An empty paragraph has a number, too.
            self._numbering.next_label(
                paragraph.num_id, paragraph.level, paragraph.style
            )
        self._flow.end_paragraph()
        for aside in paragraph.asides:
            self._flow.add(aside)
        paragraph.asides.clear()

    def start_drawing_p(self, _: dict[str, str]) -> None:
        if self._format.paragraph.begun:
            self._write("\n")

    def start_del(self, _: dict[str, str]) -> None:
        if self._format.properties == "mark":
            if self._format.paragraph.joined is None:
                self._format.paragraph.joined = ""
        elif self._format.properties == "tr":
            self._leave_row()
        elif self._format.properties != "r":
            self._skipped = 1

    # Tables.

    def start_tbl(self, _: dict[str, str]) -> None:
        self._flow.begin_table()

    def end_tbl(self) -> None:
        self._flow.end_table()

    def start_tr(self, _: dict[str, str]) -> None:
        self._flow.begin_row()

    def end_tr(self) -> None:
        self._flow.end_row()

    def start_trPr(self, _: dict[str, str]) -> None:  # noqa: N802
        self._format.properties = "tr"

    def end_trPr(self) -> None:  # noqa: N802
        self._format.properties = ""

    def start_hidden(self, attributes: dict[str, str]) -> None:
        if self._format.properties == "tr" and switched_on(attributes):
            self._leave_row()

    def _leave_row(self) -> None:
        """Skip the rest of a row that is not shown: `trPr` and this are open in it."""
        self._format.properties = ""
        self._skipped = 3

    def start_tc(self, _: dict[str, str]) -> None:
        self._spans.append(1)
        self._continued.append(False)
        self._flow.begin_cell()

    def start_gridSpan(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self._spans:
            self._spans[-1] = max(1, number(attributes) or 1)

    def start_vMerge(self, attributes: dict[str, str]) -> None:  # noqa: N802
        if self._continued:
            self._continued[-1] = attribute(attributes, "val") != "restart"

    def end_tc(self) -> None:
        self._carry = None
        if self._spans:
            self._flow.end_cell(span=self._spans.pop(), continued=self._continued.pop())

    # Fields and what is written in other parts.

    def start_hyperlink(self, attributes: dict[str, str]) -> None:
        found = relation(attributes)
        self._link = self._link_of(found) if found else ""

    def end_hyperlink(self) -> None:
        self._link = ""

    def start_fldChar(self, attributes: dict[str, str]) -> None:  # noqa: N802
        self._fields.mark(attribute(attributes, "fldCharType"))

    def start_instrText(self, _: dict[str, str]) -> None:  # noqa: N802
        self._in_code = True

    def end_instrText(self) -> None:  # noqa: N802
        self._in_code = False

    def start_fldSimple(self, attributes: dict[str, str]) -> None:  # noqa: N802
        self._fields.begin_simple(attribute(attributes, "instr") or "")

    def end_fldSimple(self) -> None:  # noqa: N802
        self._fields.mark("end")

    def _write_value(self, value: str) -> None:
        """Write what a form field shows, which is within its code."""
        coding, self._fields.coding = self._fields.coding, 0
        self._write(value)
        self._fields.coding = coding

    def start_txbxContent(self, _: dict[str, str]) -> None:  # noqa: N802
        if self._format.hidden or self._fields.coding:
            self._skipped = 1
            return
        now = self._format
        self._saved.append(
            (self._flow, now.paragraph, now.run, self._fields, now.hidden)
        )
        self._flow = Flow(self._flow.budget)
        self._fields = Fields()
        now.paragraph, now.run = now.plain_paragraph(), None

    def end_txbxContent(self) -> None:  # noqa: N802
        if not self._saved:
            return
        aside = self._flow
        aside.end_paragraph()
        now = self._format
        self._flow, now.paragraph, now.run, self._fields, now.hidden = self._saved.pop()
        self._carry = None
        now.paragraph.asides.append(aside)

    def start_chart(self, attributes: dict[str, str]) -> None:
        self._add_aside("chart", relation(attributes))

    def start_diagram(self, attributes: dict[str, str]) -> None:
        self._add_aside("diagram", relation(attributes, "dm"))

    def start_altChunk(self, attributes: dict[str, str]) -> None:  # noqa: N802
        self._flow.end_paragraph()
        self._insert("altChunk", relation(attributes), self._flow)

    def _add_aside(self, kind: str, found: str) -> None:
        if found and not self._format.hidden:
            aside = Flow(self._flow.budget)
            self._insert(kind, found, aside)
            self._format.paragraph.asides.append(aside)

    # Notes and comments, in their own part.

    def start_footnote(self, attributes: dict[str, str]) -> None:
        self._begin_note("footnote", attributes)

    def start_endnote(self, attributes: dict[str, str]) -> None:
        self._begin_note("endnote", attributes)

    def start_comment(self, attributes: dict[str, str]) -> None:
        self._begin_note("comment", attributes)

    def _begin_note(self, kind: str, attributes: dict[str, str]) -> None:
        begins = self.choose(kind, attributes)
        if begins is None:
            self._skipped = 1
        elif begins:
            self._flow.end_paragraph()
            self._flow.write(begins)
            self._carry = self._format.paragraph
            self._format.paragraph.begun = True
