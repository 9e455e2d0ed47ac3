"""Put a page's lines together to headings, paragraphs, lists, code and tables."""

from bisect import bisect_right
from collections.abc import Sequence

from docprogress.steps.markdown.grid import github_table
from docprogress.steps.markdown.inline import fenced
from docprogress.steps.readers import pdf_markdown as markdown
from docprogress.steps.readers.pdf_fonts import Font
from docprogress.steps.readers.pdf_lines import Link, glue
from docprogress.steps.readers.pdf_lists import (
    SAME_INDENT,
    Indents,
    Marker,
    items,
    marker_of,
)
from docprogress.steps.readers.pdf_tables import Table
from docprogress.steps.readers.pdf_text_lines import TextLine
from docprogress.structure import escaped, escaped_begin

#: A distance between two lines of a paragraph, in usual ones, at most.
TOGETHER = 1.3

#: An indent of a paragraph's first line, in sizes, at least.
INDENT = 0.7

#: The maximum number of spaces that code is indented by, and an indent of nested items.
MOST_SPACES = 60
NESTED = "    "

#: The width of a character in most fonts of fixed pitch, in sizes.
FIXED_WIDTH = 0.6

_ENDS = ".!?:;。！？：；»”\"')"  # noqa: RUF001 - as they are typed


class Heading:
    """Lines that are a heading, and its level."""

    def __init__(self, start: int, end: int, level: int) -> None:
        self.start = start
        self.end = end
        self.level = level


class Blocks:
    """The blocks of one page, as Markdown."""

    def __init__(
        self,
        lines: list[TextLine],
        *,
        body: Font,
        leading: float,
        links: Sequence[Link] = (),
    ) -> None:
        self._lines = lines
        self._body = body
        self._leading = leading
        self._links = links
        self._blocks: list[str] = []
        self._in_list = False

    def build(self, headings: Sequence[Heading], tables: Sequence[Table]) -> str:
        """The page's Markdown.

        Args:
            headings: The page's headings.
            tables: Its tables, which share no lines with headings.
        """
        lines = self._lines
        table_at = {table.place: table for table in tables}
        taken = {number for table in tables for number in table.lines}
        heading_at = {heading.start: heading for heading in headings}
        found = {
            place: marker
            for place, marker in items(lines).items()
            if place not in taken
        }
        indents = Indents()
        ends = [*sorted(taken), len(lines)]
        place = 0
        while place < len(lines):
            if place in table_at:
                self._add_table(table_at[place])
            if place in taken or not lines[place].text:
                place += 1
                continue
            stop = ends[bisect_right(ends, place)]
            if place in heading_at:
                place = self._heading(heading_at[place])
            elif self._is_code(lines[place]):
                place = self._code(place, stop)
            elif self._is_item(lines[place], place, found):
                place = self._item(place, stop, found, heading_at, indents)
                continue
            else:
                place = self._paragraph(place, stop, found, heading_at)
            indents = Indents()
        return "\n".join(self._blocks).strip("\n")

    def _add(self, block: str, *, item: bool = False) -> None:
        if self._blocks and not (item and self._in_list):
            self._blocks.append("")
        self._blocks.append(block)
        self._in_list = item

    def _inline(self, line: TextLine) -> str:
        return markdown.inline(line, self._body, self._links)

    def _add_table(self, table: Table) -> None:
        for text in table.beside:
            self._add(escaped_begin(escaped(text.strip())))
        rows = [[markdown.cell(text) for text in row] for row in table.rows]
        self._add(github_table(rows))

    def _heading(self, heading: Heading) -> int:
        texts = [line.text for line in self._lines[heading.start : heading.end]]
        text = texts[0]
        for following in texts[1:]:
            text += glue(text, following) + following
        text = escaped(" ".join(text.split()))
        self._add(f"{'#' * heading.level} {text}")
        return heading.end

    def _is_code(self, line: TextLine) -> bool:
        if line.label and line.label.kind == "code":
            return True
        return line.fixed and not self._body.fixed and line.placed

    def _code(self, start: int, stop: int) -> int:
        lines = self._lines
        end = start + 1
        while end < stop and (self._is_code(lines[end]) or not lines[end].text):
            gap = lines[end - 1].last - lines[end].first
            if lines[end].text and not -1 < gap < 4 * lines[start].size:
                break
            end += 1
        while not lines[end - 1].text:
            end -= 1
        block = lines[start:end]
        left = min(line.left for line in block if line.text)
        texts = [f"{_indent(line, left)}{line.text}" for line in block]
        self._add(fenced("\n".join(texts)))
        return end

    def _is_item(self, line: TextLine, place: int, found: dict[int, Marker]) -> bool:
        if line.label is not None and line.label.kind != "other":
            return line.label.kind == "item"
        return place in found

    def _item(
        self,
        start: int,
        stop: int,
        found: dict[int, Marker],
        headings: dict[int, Heading],
        indents: Indents,
    ) -> int:
        lines = self._lines
        line = lines[start]
        label = line.label if line.label and line.label.kind == "item" else None
        marker = found.get(start) or (label and marker_of(line.text))
        depth = label.level if label else indents.depth(line.left)
        text = self._inline(line)
        sign = "-"
        if marker:
            if marker.number:
                sign = f"{marker.number}."
            if marker.number or marker.sign[0] not in "(a":
                head = escaped(line.text[: marker.length].strip())
                text = _without(text, head)
        end = start + 1
        parts = [text]
        while end < stop and end not in headings:
            following = lines[end]
            if label:
                if following.label is None or following.label.block != label.block:
                    break
            elif (
                not following.text
                or end in found
                or following.left < line.left - SAME_INDENT
                or self._breaks(lines[end - 1], following, in_item=True)
                or self._is_code(following)
            ):
                break
            parts.append(self._inline(following))
            end += 1
        body = markdown.joined([part for part in parts if part])
        space = NESTED * depth
        inner = "\n" + space + " " * (len(sign) + 1)
        self._add(f"{space}{sign} {body.replace(chr(10), inner)}", item=True)
        return end

    def _paragraph(
        self,
        start: int,
        stop: int,
        found: dict[int, Marker],
        headings: dict[int, Heading],
    ) -> int:
        lines = self._lines
        end = start + 1
        while (
            end < stop
            and end not in headings
            and lines[end].text
            and not self._is_item(lines[end], end, found)
            and not self._is_code(lines[end])
            and not self._breaks(lines[end - 1], lines[end])
        ):
            end += 1
        texts = [escaped_begin(self._inline(line)) for line in lines[start:end]]
        self._add(markdown.joined(texts))
        return end

    def _breaks(  # noqa: PLR0911 - a list of reasons
        self, before: TextLine, line: TextLine, *, in_item: bool = False
    ) -> bool:
        """Whether another paragraph begins with a line."""
        if before.label and line.label:
            return before.label.block != line.label.block
        if not (before.placed and line.placed):
            return before.placed != line.placed
        gap = before.last - line.first
        size = line.size
        if gap < -0.5 * size:
            return before.text[-1:] in _ENDS
        if abs(before.size - size) > 0.1 * max(before.size, size):
            return gap > 0.5 * size
        if gap > TOGETHER * max(self._leading * size / max(self._body_size, 1), size):
            return True
        if in_item:
            return False
        indented = line.left - before.left > INDENT * size
        return indented and gap > 0.5 * size and before.text[-1] in _ENDS

    @property
    def _body_size(self) -> float:
        return self._leading / 1.2


def _indent(line: TextLine, left: float) -> str:
    """The spaces before a line of code, by where it begins."""
    if not line.runs:
        return ""
    run = line.runs[0]
    width = run.width / max(len(run.text), 1)
    spaces = 0
    if line.indented and line.size:
        # The object begins with its spaces, which PDFium gives as one.
        width = FIXED_WIDTH * line.size
        spaces = round(run.width / width) - len(run.text)
    if width <= 0:
        return ""
    spaces = max(spaces, 0) + round((line.left - left) / width)
    return " " * max(min(spaces, MOST_SPACES), 0)


def _without(text: str, marker: str) -> str:
    """An item's text without its bullet, which may be emphasised."""
    for begin in ("", "*", "**", "`"):
        if text.startswith(begin + marker):
            rest = text[len(begin) + len(marker) :]
            if begin and rest.startswith(begin[::-1]):
                rest = rest[len(begin) :]
                return rest.strip()
            return f"{begin}{rest.lstrip()}" if begin else rest.strip()
    return text
