"""The Markdown of a flow: headings, items of lists, code, tables, paragraphs."""

import re
from collections.abc import Callable
from typing import NamedTuple

from docprogress.steps.markdown import inline as marks
from docprogress.steps.markdown.grid import Grid, cell, github_table
from docprogress.structure import escaped

_ORDINAL = re.compile(r"\d{1,9}[.)]")
BULLET = "•"

#: Paragraphs between the items of a list that are taken for part of one.
MOST_BETWEEN = 3


class _Block(NamedTuple):
    #: Markdown, or the lines of code.
    text: str
    #: The level of a list's item, from 0; without a marker the block goes on with it.
    level: int | None = None
    marker: str = ""
    code: bool = False
    #: Whether it is text between others, neither a heading nor a table.
    plain: bool = False


class FlowMarkdown:
    """Blocks of Markdown in reading order; `spend` is called with what each takes."""

    def __init__(self, spend: Callable[[int], None]) -> None:
        self._spend = spend
        self._blocks: list[_Block] = []
        self._spans: list[marks.Span] = []
        self._heading = 0
        self._label = ""
        self._level: int | None = None
        self._code = False
        self._tables: list[Grid] = []
        # The paragraphs of each open cell; None where a table has no open cell.
        self._cells: list[list[str] | None] = []

    def __str__(self) -> str:
        parts: list[str] = []
        # The levels of the items that are open, and where their texts begin.
        items: list[tuple[int, int]] = []
        before: _Block | None = None
        for block in _within_items(_with_code_joined(self._blocks)):
            if before is not None:
                parts.append("\n" if _tight(before, block) else "\n\n")
            before = block
            if block.level is None:
                items.clear()
                parts.append(marks.fenced(block.text) if block.code else block.text)
                continue
            last = block.level if block.marker else block.level + 1
            while items and items[-1][0] >= last:
                items.pop()
            indent = " " * (items[-1][1] if items else 0)
            if not block.marker:
                text = marks.fenced(block.text) if block.code else block.text
                parts.append(indent + text.replace("\n", f"\n{indent}"))
                continue
            inner = f"{indent}{' ' * len(block.marker)} "
            items.append((block.level, len(inner)))
            text = block.text.replace("\n", f"\n{inner}")
            parts.append(f"{indent}{block.marker} {text}")
        return "".join(parts)

    @property
    def _in_table(self) -> bool:
        return bool(self._tables)

    def begin_paragraph(
        self, *, heading: int, label: str, level: int | None, code: bool
    ) -> None:
        self._heading, self._label, self._level = min(heading, 6), label, level
        self._code = code

    def write(self, text: str, style: int, link: str) -> None:
        self._spans.append((text, style, link))

    def end_paragraph(self) -> None:
        if not self._spans:
            return
        spans, self._spans = self._spans, []
        code = self._code or (spans[0][1] & marks.CODE and _is_code(spans))
        if code and not (self._in_table or self._heading or self._label):
            line = "".join(span[0] for span in spans).rstrip()
            self._append(_Block(line, code=True))
        elif text := self._inline(spans):
            if self._in_table:
                self._add_to_cell(text)
            else:
                self._append(self._block(text))
        self._heading, self._label, self._level = 0, "", None
        self._code = False

    def begin_table(self) -> None:
        self._tables.append(Grid())
        self._cells.append(None)

    def begin_row(self) -> None:
        if self._in_table:
            self._tables[-1].begin_row()

    def begin_cell(self) -> None:
        if self._in_table:
            self._cells[-1] = []

    def end_cell(
        self, across: int, down: int, *, continued: bool, beside: bool
    ) -> None:
        """End a cell, which may belong to the one above it, or the one before it.

        A cell without columns is covered by another.
        """
        paragraphs, self._cells[-1] = self._cells[-1], None
        text = "<br>".join(paragraphs or ())
        self._spend(3 * across)
        if continued and not text:
            self._tables[-1].add_continued(across)
        elif beside and not text:
            self._tables[-1].add_beside()
        elif across or text:
            self._tables[-1].add(text, across, down)

    def end_row(self) -> None:
        self._tables[-1].end_row()

    def end_table(self) -> None:
        grid = self._tables.pop()
        self._cells.pop()
        grid.end_row()
        if not grid.rows:
            return
        if self._in_table:
            rows = (" ".join(filter(None, row)) for row in grid.rows)
            self._add_to_cell("<br>".join(rows))
        else:
            self._append(_Block(github_table(grid.rows)))

    def add(self, other: "FlowMarkdown", text: str) -> None:
        """Add what another has; in a cell only its text."""
        if self._in_table:
            self._add_to_cell(cell(escaped(text)))
        else:
            self._blocks += other._blocks  # noqa: SLF001 - another of this class

    def add_text(self, text: str, markdown: str | None) -> None:
        if self._in_table:
            self._add_to_cell(cell(escaped(" ".join(text.split()))))
        else:
            self._append(
                _Block(marks.plain_text(text) if markdown is None else markdown)
            )

    def _append(self, block: _Block) -> None:
        self._spend(len(block.text) + 2)
        self._blocks.append(block)

    def _add_to_cell(self, text: str) -> None:
        paragraphs = self._cells[-1]
        if paragraphs is not None and text:
            self._spend(len(text))
            paragraphs.append(text)

    def _inline(self, spans: list[marks.Span]) -> str:
        """The paragraph's Markdown; in a cell, with its label."""
        text = marks.inline(spans, plain=bool(self._heading))
        if not self._in_table:
            return text.strip()
        mark = "-" if self._label == BULLET else escaped(self._label)
        return cell(f"{mark} {text}" if mark else text)

    def _block(self, text: str) -> _Block:
        label = self._label
        if self._heading:
            return _Block(marks.heading(self._heading, f"{label} {text}"))
        if self._level is None:
            text = f"{escaped(label)} {text}" if label else text
            return _Block(marks.paragraph(text), plain=True)
        text = marks.paragraph(text)
        if not label:
            return _Block(text, self._level)
        if label == BULLET:
            return _Block(text, self._level, "-")
        if _ORDINAL.fullmatch(label):
            return _Block(text, self._level, label)
        return _Block(f"{escaped(label)} {text}", self._level, "-")


def _within_items(blocks: list[_Block]) -> list[_Block]:
    """The blocks, with text between items inside of a list as part of its item.

    Office programs have such text outside of the list, which goes on after it.
    """
    made: list[_Block] = []
    last: int | None = None
    between = 0
    for block in blocks:
        if block.level is not None:
            if between and last is not None and block.marker and block.level > 0:
                made[-between:] = [one._replace(level=last) for one in made[-between:]]
            last, between = block.level, 0
        elif (block.plain or block.code) and last is not None:
            between += 1
            if between > MOST_BETWEEN:
                last, between = None, 0
        else:
            last, between = None, 0
        made.append(block)
    return made


def _tight(before: _Block, block: _Block) -> bool:
    """Whether no empty line is between two blocks: two items of a list.

    Only a list that begins with 1 may follow a line of text (CommonMark 5.3).
    """
    if not (block.marker and before.marker):
        return False
    begins = (before.level or 0) < (block.level or 0)
    return not begins or block.marker in ("-", "1.", "1)")


def _is_code(spans: list[marks.Span]) -> bool:
    """Whether all of a paragraph is in a font for code."""
    return all(style & marks.CODE for text, style, _ in spans if text.strip())


def _with_code_joined(blocks: list[_Block]) -> list[_Block]:
    """The blocks, with the lines of code that follow each other in one."""
    joined: list[_Block] = []
    lines: list[str] = []
    for block in blocks:
        if block.code:
            lines.append(block.text)
            continue
        if lines:
            joined.append(_Block("\n".join(lines), code=True))
            lines = []
        joined.append(block)
    if lines:
        joined.append(_Block("\n".join(lines), code=True))
    return joined
