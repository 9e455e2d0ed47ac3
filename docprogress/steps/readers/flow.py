"""Collect a document's text and the same as Markdown, within a budget of characters.

In the text, a paragraph and a table's row are one line each, and a tab separates the
cells of a row. In Markdown, tables are GitHub's.
"""

import re
from dataclasses import dataclass, field

from docprogress.steps.text import TooLong
from docprogress.structure import escaped, escaped_begin

#: Markdown may be longer than the text: by this factor and at least by these
#: characters. Beyond that there is none.
MARKDOWN_FACTOR = 3
MARKDOWN_EXTRA = 100_000

_ORDINAL = re.compile(r"\d{1,9}[.)]")
BULLET = "•"


class Budget:
    """Characters that may still be written; several flows share one."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.markdown_left = most * MARKDOWN_FACTOR + MARKDOWN_EXTRA

    def spend(self, characters: int) -> None:
        """Use up characters.

        Raises:
            TooLong: There are not that many left.
        """
        self.left -= characters
        if self.left < 0:
            raise TooLong


@dataclass(slots=True)
class _Table:
    rows: list[list[str]] = field(default_factory=list)
    row: list[str] | None = None
    cell: list[str] | None = None


class Flow:
    """Text and Markdown in reading order.

    A paragraph begins with the first text after the last `end_paragraph`; headings,
    labels and list levels are stated by `begin_paragraph` before that.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        #: The text, in pieces.
        self.pieces: list[str] = []
        self._blocks: list[tuple[bool, str]] = []
        self._spans: list[tuple[str, int, str]] = []
        self._heading = 0
        self._label = ""
        self._level: int | None = None
        self._tables: list[_Table] = []
        # White space to write before the next text.
        self._gap = ""

    def __str__(self) -> str:
        return "".join(self.pieces)

    @property
    def markdown(self) -> str | None:
        """The Markdown; None if it is far longer than the text."""
        if self.budget.markdown_left < 0:
            return None
        parts: list[str] = []
        before = False
        for item, block in self._blocks:
            if parts:
                parts.append("\n" if item and before else "\n\n")
            parts.append(block)
            before = item
        return "".join(parts)

    @property
    def depth(self) -> int:
        """How many tables are open."""
        return len(self._tables)

    def begin_paragraph(
        self,
        *,
        heading: int = 0,
        label: str = "",
        gap: str = " ",
        level: int | None = None,
        bullet: bool = False,
    ) -> None:
        """State what the next paragraph is.

        Args:
            heading: The level of a heading, from 1; 0 for none.
            label: The number or bullet before its text.
            gap: What separates the two.
            level: The level of a list's item, from 0; None for none.
            bullet: Whether it is a list's item in Markdown although it has no label.
        """
        self._heading = min(heading, 6)
        self._label = BULLET if bullet and not label else label
        self._level = level
        if label:
            self._emit(label + gap)

    def write(self, text: str, style: int = 0, link: str = "") -> None:
        """Write text; `style` is 1 for bold, 2 for italic, 3 for both."""
        self._emit(text)
        if self.budget.markdown_left >= 0:
            self._spans.append((text, style, link))

    def end_paragraph(self) -> None:
        """End a paragraph: a space within a table's cell, otherwise a line end."""
        if self.pieces and not self._gap:
            self._gap = " " if self._tables else "\n"
        if not self._spans:
            return
        text = self._inline()
        if self._tables:
            self._add_to_cell(text)
        elif text:
            self._add_block(text)
        self._heading, self._label, self._level = 0, "", None

    def begin_table(self) -> None:
        self.end_paragraph()
        self._tables.append(_Table())

    def begin_row(self) -> None:
        if self._tables:
            self._tables[-1].row = []

    def begin_cell(self) -> None:
        if self._tables:
            self._tables[-1].cell = []

    def end_cell(self, *, span: int = 1) -> None:
        """End a cell that is `span` columns wide; an empty cell keeps its tab."""
        if not self._tables:
            return
        self.end_paragraph()
        self._gap = self._gap.rstrip(" ") + "\t"
        if len(self._gap) > self.budget.left:
            raise TooLong
        table = self._tables[-1]
        cells = [" ".join(table.cell or ()), *[""] * (min(span, 64) - 1)]
        self._spend_markdown(3 * len(cells))
        if table.row is not None and self.budget.markdown_left >= 0:
            table.row += cells
        table.cell = None

    def end_row(self) -> None:
        if not self._tables:
            return
        self._gap = "\n"
        table = self._tables[-1]
        if table.row and any(table.row):
            table.rows.append(table.row)
        table.row = None

    def end_table(self) -> None:
        if not self._tables:
            return
        self.end_paragraph()
        rows = self._tables.pop().rows
        if not self._tables and self.pieces:
            self._gap = "\n"
        if not rows or self.budget.markdown_left < 0:
            return
        if self._tables:
            self._add_to_cell(" ".join(cell for row in rows for cell in row if cell))
        else:
            self._append(False, github_table(rows))

    def add(self, other: "Flow") -> None:
        """Append what another flow with the same budget has collected."""
        text = str(other)
        if not text.strip():
            return
        self.end_paragraph()
        if self.pieces:
            self.pieces.append(self._gap)
        self._gap = ""
        inner = " ".join(text.split()) if self._tables else text
        self.pieces.append(inner)
        self.end_paragraph()
        if self._tables:
            self._add_to_cell(escaped(inner).replace("|", "\\|"))
        else:
            self._blocks += other._blocks  # noqa: SLF001 - another of this class

    def add_text(self, text: str, markdown: str | None = None) -> None:
        """Append lines of text that have been read elsewhere."""
        if not text.strip():
            return
        self.end_paragraph()
        self._emit(" ".join(text.split()) if self._tables else text.strip("\n"))
        self.end_paragraph()
        if self._tables:
            self._add_to_cell(escaped(" ".join(text.split())).replace("|", "\\|"))
        else:
            self._append(False, escaped(text) if markdown is None else markdown)

    def _emit(self, text: str) -> None:
        self.budget.spend(len(text) + len(self._gap))
        if self.pieces:
            self.pieces.append(self._gap)
        self._gap = ""
        self.pieces.append(text)

    def _spend_markdown(self, characters: int) -> None:
        self.budget.markdown_left -= characters

    def _append(self, item: bool, block: str) -> None:
        self._spend_markdown(len(block) + 2)
        if self.budget.markdown_left >= 0:
            self._blocks.append((item, block))

    def _add_to_cell(self, text: str) -> None:
        cell = self._tables[-1].cell
        if cell is not None and text:
            self._spend_markdown(len(text))
            cell.append(text)

    def _add_block(self, text: str) -> None:
        label = self._label
        if self._heading:
            text = " ".join(f"{label} {text}".split())
            self._append(False, f"{'#' * self._heading} {text}")
        elif self._level is not None and label:
            if label == BULLET:
                mark = "-"
            else:
                mark = label if _ORDINAL.fullmatch(label) else f"- {label}"
            indent = "   " * min(self._level, 9)
            self._append(True, f"{indent}{mark} {text}")
        elif label:
            self._append(False, f"{escaped(label)} {text}")
        else:
            self._append(False, escaped_begin(text))

    def _inline(self) -> str:
        """The paragraph's Markdown, neighbours of the same style as one."""
        spans, self._spans = self._spans, []
        out: list[str] = []
        place = 0
        while place < len(spans):
            _, style, link = spans[place]
            pieces: list[str] = []
            while place < len(spans) and spans[place][1:] == (style, link):
                pieces.append(spans[place][0])
                place += 1
            out.append(_span("".join(pieces), 0 if self._heading else style, link))
        text = "".join(out)
        if self._tables:
            return " ".join(text.split()).replace("|", "\\|")
        text = text.strip()
        if "\n" not in text:
            return text
        if self._heading:
            return text.replace("\n", " ")
        return "  \n".join(map(escaped_begin, text.split("\n")))


def github_table(rows: list[list[str]]) -> str:
    """A GitHub table of Markdown cells; one cell alone is a paragraph."""
    width = max(map(len, rows))
    if width == 1 and len(rows) == 1:
        return rows[0][0].replace("\\|", "|")
    lines = [f"| {' | '.join(row)}{' |' * (width - len(row))} |" for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def _span(text: str, style: int, link: str) -> str:
    core = text.strip()
    if not core:
        return text
    marked = escaped(core)
    if style:
        mark = "*" * (3 if style == 3 else 3 - style)  # noqa: PLR2004 - bold and italic
        marked = f"{mark}{marked}{mark}"
    if link:
        marked = f"[{marked}](<{link}>)" if " " in link else f"[{marked}]({link})"
    begin = text.index(core[0])
    return f"{text[:begin]}{marked}{text[begin + len(core) :]}"
