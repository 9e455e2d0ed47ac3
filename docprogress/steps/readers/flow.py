"""Collect a document's text and the same as Markdown, within a budget of characters.

In the text, a paragraph and a table's row are one line each, and a tab separates the
cells of a row. In Markdown, tables are GitHub's.
"""

from docprogress.steps.markdown.grid import MOST_COLUMNS
from docprogress.steps.readers.flow_markdown import BULLET, FlowMarkdown
from docprogress.steps.text import TooLong

__all__ = ["BULLET", "Budget", "Flow"]

#: Markdown may be longer than the text: by this factor and at least by these
#: characters. Beyond that there is none.
MARKDOWN_FACTOR = 3
MARKDOWN_EXTRA = 100_000


class Budget:
    """Characters that may still be written; several flows share one.

    Args:
        most: The limit of characters.
        structure: Whether there is Markdown at all.
    """

    def __init__(self, most: int, *, structure: bool = True) -> None:
        self.left = most
        #: Whether text was left out because it is hidden.
        self.hides = False
        self.markdown_left = -1
        if structure:
            self.markdown_left = most * MARKDOWN_FACTOR + MARKDOWN_EXTRA

    def spend(self, characters: int) -> None:
        """Use up characters.

        Raises:
            TooLong: There are not that many left.
        """
        self.left -= characters
        if self.left < 0:
            raise TooLong

    def spend_markdown(self, characters: int) -> None:
        """Use up characters of the Markdown; there is none once all are spent."""
        self.markdown_left -= characters


class Flow:
    """Text and Markdown in reading order.

    A paragraph begins with the first text after the last `end_paragraph`; headings,
    labels and list levels are stated by `begin_paragraph` before that.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        #: The text, in pieces.
        self.pieces: list[str] = []
        self._whole = FlowMarkdown(budget.spend_markdown)
        #: How many tables are open.
        self.depth = 0
        # White space to write before the next text.
        self._gap = ""

    def __str__(self) -> str:
        return "".join(self.pieces)

    @property
    def markdown(self) -> str | None:
        """The Markdown; None if it is far longer than the text."""
        return None if self._marked is None else str(self._marked)

    @property
    def _marked(self) -> FlowMarkdown | None:
        """Where Markdown is collected, as long as there is any."""
        return None if self.budget.markdown_left < 0 else self._whole

    def begin_paragraph(
        self,
        *,
        heading: int = 0,
        label: str = "",
        gap: str = " ",
        level: int | None = None,
        bullet: bool = False,
        code: bool = False,
    ) -> None:
        """Set the kind of the next paragraph.

        Args:
            heading: The level of a heading, from 1; 0 for none.
            label: The number or bullet before its text.
            gap: What separates the two.
            level: The level of a list's item, from 0; None for none.
            bullet: Whether it is a list's item in Markdown although it has no label.
            code: Whether it is a line of code.
        """
        marker = BULLET if bullet and not label else label
        if marked := self._marked:
            marked.begin_paragraph(
                heading=heading, label=marker, level=level, code=code
            )
        if label:
            self._emit(label + gap)

    def write(self, text: str, style: int = 0, link: str = "") -> None:
        """Write text in a style of `markdown.inline`, linked if there is a link."""
        self._emit(text)
        if marked := self._marked:
            marked.write(text, style, link)

    def end_paragraph(self) -> None:
        """End a paragraph: a space within a table's cell, otherwise a line end."""
        if self.pieces and not self._gap:
            self._gap = " " if self.depth else "\n"
        if marked := self._marked:
            marked.end_paragraph()

    def begin_table(self) -> None:
        self.end_paragraph()
        self.depth += 1
        if marked := self._marked:
            marked.begin_table()

    def begin_row(self) -> None:
        if self.depth and (marked := self._marked):
            marked.begin_row()

    def begin_cell(self) -> None:
        if self.depth and (marked := self._marked):
            marked.begin_cell()

    def end_cell(
        self,
        *,
        span: int = 1,
        down: int = 1,
        continued: bool = False,
        beside: bool = False,
    ) -> None:
        """End a cell; an empty cell keeps its tab.

        Args:
            span: The columns that it covers.
            down: The rows that it covers.
            continued: Whether it is part of the cell above it.
            beside: Whether it is part of the cell before it.
        """
        if not self.depth:
            return
        self.end_paragraph()
        self._gap = self._gap.rstrip(" ") + "\t"
        if len(self._gap) > self.budget.left:
            raise TooLong
        if marked := self._marked:
            marked.end_cell(
                min(span, MOST_COLUMNS), down, continued=continued, beside=beside
            )

    def end_row(self) -> None:
        if self.depth:
            self._gap = "\n"
            if marked := self._marked:
                marked.end_row()

    def end_table(self) -> None:
        if not self.depth:
            return
        self.end_paragraph()
        self.depth -= 1
        if not self.depth and self.pieces:
            self._gap = "\n"
        if marked := self._marked:
            marked.end_table()

    def add(self, other: "Flow") -> None:
        """Append what another flow with the same budget has collected."""
        text = str(other)
        if not text.strip():
            return
        self.end_paragraph()
        if self.pieces:
            self.pieces.append(self._gap)
        self._gap = ""
        inner = " ".join(text.split()) if self.depth else text
        self.pieces.append(inner)
        self.end_paragraph()
        if marked := self._marked:
            marked.add(other._whole, inner)  # noqa: SLF001 - another of this class

    def add_text(self, text: str, markdown: str | None = None) -> None:
        """Append lines of text that have been read elsewhere."""
        if not text.strip():
            return
        self.end_paragraph()
        self._emit(" ".join(text.split()) if self.depth else text.strip("\n"))
        self.end_paragraph()
        if marked := self._marked:
            marked.add_text(text, markdown)

    def _emit(self, text: str) -> None:
        self.budget.spend(len(text) + len(self._gap))
        if self.pieces:
            self.pieces.append(self._gap)
        self._gap = ""
        self.pieces.append(text)
