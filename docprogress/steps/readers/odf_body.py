"""Follow the XML of an OpenDocument text, a slide, or a header."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from docprogress.steps.markdown.inline import safe_link
from docprogress.steps.readers.flow import BULLET, Budget, Flow
from docprogress.steps.readers.handlers import NamedHandlers
from docprogress.steps.readers.odf import name
from docprogress.steps.readers.odf_elements import NAMES, SKIPPED
from docprogress.steps.readers.odf_lists import Label, OpenList, whole
from docprogress.steps.readers.odf_pictures import Pictures
from docprogress.steps.readers.odf_styles import Styles

_WHITE = re.compile(r"[ \t\r\n]+")

#: Spaces in a row, and columns of one cell, that are written.
MOST_SPACES = 100
MOST_COLUMNS = 64

_NO_LABEL = Label("", "", 0)


@dataclass(slots=True)
class _State:
    """Where text goes at the moment."""

    flow: Flow
    #: Paragraphs that are open: one, or none.
    paragraph: bool = False
    begun: bool = False
    label: Label | None = None
    heading: int = 0
    code: bool = False
    #: Whether the paragraph is hidden, and each span that is open.
    hidden: list[bool] = field(default_factory=list)
    styles: list[int] = field(default_factory=list)
    spaced: bool = True
    #: Whether a picture's description has been written last.
    described: bool = False
    asides: list[Flow] = field(default_factory=list)


@dataclass(slots=True)
class _Cell:
    """A table's cell that is open; one that another covers has no columns."""

    repeated: int = 1
    across: int = 1
    down: int = 1


class Body(NamedHandlers):
    """Collects the text of a part into flows.

    Args:
        budget: Characters that may still be read.
        styles: The styles known so far; those of the part are added.
        comments: Whether comments are read.
        insert: Adds an object that is embedded: its address and where it goes.
    """

    names = NAMES
    #: Whether bullets are written in the text, too.
    bullets = True

    def __init__(
        self,
        budget: Budget,
        styles: Styles,
        *,
        comments: bool = False,
        insert: Callable[[str, Flow], None] = lambda *_: None,
    ) -> None:
        self.budget = budget
        self.styles = styles
        self.flow = Flow(budget)
        #: Footnotes and endnotes, and comments.
        self.notes = Flow(budget)
        self.comments = Flow(budget)
        self._with_comments = comments
        self._insert = insert
        self._state = _State(self.flow)
        self._saved: list[tuple[_State, list[OpenList], str]] = []
        self._link = ""
        self._creator: list[str] | None = None
        # Where characters go that are not in a paragraph.
        self._collected: list[str] | None = None
        self._cells: list[_Cell] = []
        self.pictures = Pictures(
            collect=self._collect, skip=self._skip, write=self._describe
        )
        super().__init__(styles, self.pictures, self)

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if not self.skipped and element in SKIPPED:
            self.skipped = 1
            return
        super().start(element, attributes)

    def characters(self, data: str) -> None:
        if self.skipped:
            return
        if self._collected is not None:
            self.budget.spend(len(data))
            self._collected.append(data)
            return
        state = self._state
        if not state.paragraph:
            return
        text = _WHITE.sub(" ", data)
        if state.spaced:
            text = text.lstrip(" ")
        if text:
            state.spaced = text.endswith(" ")
            self._write(text)

    @property
    def _hidden(self) -> bool:
        """Whether text is hidden at the moment: the innermost style decides."""
        hidden = self._state.hidden
        return bool(hidden) and hidden[-1]

    def go_to(self, flow: Flow) -> None:
        """Collect what follows into another flow."""
        self._state = _State(flow)

    def _write(self, text: str) -> None:
        state = self._state
        if self._hidden:
            if not text.isspace():
                state.flow.budget.hides = True
            return
        if not state.begun:
            state.begun = True
            self._begin(state)
        style = 0
        for one in state.styles:
            style |= one
        if state.described:
            state.described = False
            text = text if text[:1].isspace() else f" {text}"
        state.flow.write(text, style, self._link)

    def _begin(self, state: _State) -> None:
        label = state.label or _NO_LABEL
        bullet = label.text == BULLET and not self.bullets
        state.flow.begin_paragraph(
            heading=state.heading,
            label="" if bullet else label.text,
            gap=label.gap,
            level=label.level if state.label else self.styles.lists.level,
            bullet=bullet and not state.flow.depth,
            code=state.code,
        )

    # Paragraphs and what is in them.

    def start_text_p(self, attributes: dict[str, str], *, level: int = 0) -> None:
        state = self._state
        style = self.styles.resolve(
            "paragraph", attributes.get(name("text:style-name"), "")
        )
        state.flow.end_paragraph()
        state.paragraph, state.begun, state.spaced = True, False, True
        state.hidden = [bool(style.hidden)]
        state.styles = [style.marks]
        state.heading = level or style.heading
        state.code = style.code
        lists = self.styles.lists
        if level and not lists.depth:
            state.label = lists.heading_label(level - 1, attributes)
        else:
            state.label = lists.item_label(style.list_style)

    def start_text_h(self, attributes: dict[str, str]) -> None:
        level = whole(attributes.get(name("text:outline-level"))) or 1
        self.start_text_p(attributes, level=min(level, 10))

    def end_text_p(self) -> None:
        state = self._state
        state.paragraph = False
        state.flow.end_paragraph()
        for aside in state.asides:
            state.flow.add(aside)
        state.asides = []

    end_text_h = end_text_p

    def start_text_span(self, attributes: dict[str, str]) -> None:
        style = self.styles.resolve("text", attributes.get(name("text:style-name"), ""))
        state = self._state
        hidden = self._hidden if style.hidden is None else style.hidden
        state.hidden.append(hidden)
        state.styles.append(style.marks)

    def end_text_span(self) -> None:
        if len(self._state.hidden) > 1:
            self._state.hidden.pop()
            self._state.styles.pop()

    def start_text_a(self, attributes: dict[str, str]) -> None:
        link = attributes.get(name("xlink:href"), "")
        self._link = safe_link(link)

    def end_text_a(self) -> None:
        self._link = ""

    def start_text_s(self, attributes: dict[str, str]) -> None:
        count = whole(attributes.get(name("text:c")))
        if self._state.paragraph:
            self._write(" " * min(1 if count is None else count, MOST_SPACES))

    def start_text_tab(self, _: dict[str, str]) -> None:
        self._break("\t")

    def start_text_line_break(self, _: dict[str, str]) -> None:
        self._break("\n")

    def _break(self, text: str) -> None:
        if self._state.paragraph:
            self._state.spaced = True
            self._write(text)

    def start_text_hidden_text(self, attributes: dict[str, str]) -> None:
        if attributes.get(name("text:is-hidden")) == "true":
            self.skipped = 1

    def start_text_hidden_paragraph(self, attributes: dict[str, str]) -> None:
        if attributes.get(name("text:is-hidden")) == "true" and self._state.hidden:
            self._state.hidden = [True] * len(self._state.hidden)

    def start_text_section(self, attributes: dict[str, str]) -> None:
        display = attributes.get(name("text:display"))
        hidden = attributes.get(name("text:is-hidden")) == "true"
        if display == "none" or (display == "condition" and hidden):
            self.skipped = 1

    # Lists and tables.

    def start_text_list(self, attributes: dict[str, str]) -> None:
        self.styles.lists.begin(attributes)

    def end_text_list(self) -> None:
        self.styles.lists.end()

    def start_text_list_item(self, attributes: dict[str, str]) -> None:
        self.styles.lists.begin_item(attributes)

    def start_text_list_header(self, _: dict[str, str]) -> None:
        self.styles.lists.begin_header()

    def start_table_table(self, _: dict[str, str]) -> None:
        self._state.flow.begin_table()

    def end_table_table(self) -> None:
        self._state.flow.end_table()

    def start_table_table_row(self, attributes: dict[str, str]) -> None:
        if attributes.get(name("table:visibility")) in ("collapse", "filter"):
            self.skipped = 1
        else:
            self._state.flow.begin_row()

    def end_table_table_row(self) -> None:
        self._state.flow.end_row()

    def start_table_table_cell(self, attributes: dict[str, str]) -> None:
        repeated = _count(attributes, "table:number-columns-repeated")
        self._cells.append(
            _Cell(
                repeated=min(repeated, MOST_COLUMNS),
                across=_count(attributes, "table:number-columns-spanned"),
                down=_count(attributes, "table:number-rows-spanned"),
            )
        )
        self._state.flow.begin_cell()

    def start_table_covered_table_cell(self, attributes: dict[str, str]) -> None:
        self.start_table_table_cell(attributes)
        self._cells[-1].across = 0

    def end_table_table_cell(self) -> None:
        cell = self._cells.pop() if self._cells else _Cell()
        flow = self._state.flow
        flow.end_cell(span=cell.across, down=cell.down)
        for _ in range(cell.repeated - 1):
            flow.begin_cell()
            flow.end_cell(span=min(cell.across, 1))

    end_table_covered_table_cell = end_table_table_cell

    # Text boxes, notes, comments, objects.

    def _aside(self, kind: str, flow: Flow) -> None:
        self._saved.append((self._state, self.styles.lists.suspend(), kind))
        self._state = _State(flow)

    def _end_aside(self, kind: str) -> Flow | None:
        if not self._saved or self._saved[-1][2] != kind:
            return None
        flow = self._state.flow
        flow.end_paragraph()
        self._state, lists, _ = self._saved.pop()
        self.styles.lists.resume(lists)
        return flow

    def start_shape(self, _: dict[str, str]) -> None:
        """Keep a shape's text until the paragraph ends that it is anchored in."""
        if self._hidden and self._state.paragraph:
            self.skipped = 1
            return
        self._aside("shape", Flow(self.budget))

    def end_shape(self) -> None:
        flow = self._end_aside("shape")
        if flow is None:
            return
        if self._state.paragraph:
            self._state.asides.append(flow)
        else:
            self._state.flow.add(flow)

    start_draw_text_box = start_draw_custom_shape = start_draw_rect = start_shape
    start_draw_ellipse = start_draw_circle = start_draw_line = start_shape
    start_draw_polyline = start_draw_polygon = start_draw_path = start_shape
    start_draw_connector = start_draw_caption = start_shape
    end_draw_text_box = end_draw_custom_shape = end_draw_rect = end_shape
    end_draw_ellipse = end_draw_circle = end_draw_line = end_shape
    end_draw_polyline = end_draw_polygon = end_draw_path = end_shape
    end_draw_connector = end_draw_caption = end_shape

    def start_text_note(self, _: dict[str, str]) -> None:
        if self._hidden:
            self.skipped = 1
        else:
            self._aside("note", self.notes)

    def end_text_note(self) -> None:
        self._end_aside("note")

    def start_office_annotation(self, _: dict[str, str]) -> None:
        if not self._with_comments or self._hidden:
            self.skipped = 1
            return
        self._creator = []
        self._aside("comment", Flow(self.budget))

    def end_office_annotation(self) -> None:
        flow = self._end_aside("comment")
        creator = " ".join("".join(self._creator or ()).split())
        self._creator = None
        if flow is not None and (text := " ".join(str(flow).split())):
            self.comments.add_text(f"{creator or 'Comment'}: {text}")

    def start_dc_creator(self, _: dict[str, str]) -> None:
        self._collected = self._creator

    def end_dc_creator(self) -> None:
        self._collected = None

    def start_dc_date(self, _: dict[str, str]) -> None:
        self.skipped = 1

    # Pictures, whose elements `Pictures` handles.

    def _collect(self, pieces: list[str] | None) -> None:
        self._collected = pieces

    def _skip(self) -> None:
        self.skipped = 1

    def _describe(self, text: str) -> None:
        """Write the description of a picture at its position."""
        state = self._state
        if not state.paragraph:
            state.flow.add_text(text)
            return
        self._write(text if state.spaced or not state.begun else f" {text}")
        state.spaced, state.described = False, True

    def start_draw_object(self, attributes: dict[str, str]) -> None:
        self.pictures.start_draw_object()
        if self._hidden:
            return
        flow = Flow(self.budget)
        self._insert(attributes.get(name("xlink:href"), ""), flow)
        if self._state.paragraph:
            self._state.asides.append(flow)
        else:
            self._state.flow.add(flow)

    def start_math_mi(self, _: dict[str, str]) -> None:
        if not self._state.paragraph:
            self.start_text_p({})

    start_math_mn = start_math_mo = start_math_mtext = start_math_mi


def _count(attributes: dict[str, str], qualified: str) -> int:
    return whole(attributes.get(name(qualified))) or 1
