"""Markdown to blocks, by one pass over its lines.

It knows the block structure of GitHub Markdown as far as it matters to who reads a
document: what is quoted is read as if it were not, and a list with all lists in it is
one block.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from docprogress.structure import lines
from docprogress.structure.inline import plain
from docprogress.structure.rows import Rows, delimiters, rows, split

#: Columns of white space that continue a list's item.
_ITEM_INDENT = 2

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*")
_QUOTE = re.compile(r"(?: {0,3}>)+ ?")
_MARKER = r"[ \t]*(?:[-+*]|\d{1,9}[.)])(?:[ \t]+|$)"
_ITEM = re.compile(_MARKER)
_MARKERS = re.compile(rf"(?:{_MARKER})+")
_TASK = re.compile(r"\[[ xX]\][ \t]")
_QUOTES = ("\n>", "\n >", "\n  >", "\n   >")
# What can begin a block other than a paragraph, after white space.
_SIGNS = frozenset("#`~>-+*=_0123456789")


class Block(NamedTuple):
    """A heading, paragraph, list, table or code block of a page."""

    #: `heading`, `text`, `list`, `table` or `code`.
    kind: str
    #: Without markup. A line for each item of a list, and for each row of a table, in
    #: which tabs separate the cells, up to the last one that is not empty.
    text: str
    #: The source.
    markdown: str
    #: Offsets of the source in the Markdown; `end` is exclusive.
    start: int
    end: int
    #: Of a heading, from 1; 0 for other blocks.
    level: int = 0
    #: The cells of a table, without markup; the first row is its header. `<br>` is a
    #: line end in them.
    rows: Rows = ()


def blocks(markdown: str) -> Iterator[Block]:
    """The blocks of Markdown in their order; what has no text is left out."""
    lines = markdown.split("\n")
    sizes = map((1).__add__, map(len, lines))
    offsets = list(accumulate(sizes, initial=0))
    quotes = any(sign in markdown for sign in _QUOTES) or ">" in markdown[:4]
    parser = _Parser(lines, quotes=quotes)
    for found in parser.blocks():
        start, end = offsets[found.first], offsets[found.after] - 1
        text = found.text.strip("\n")
        if text.strip():
            yield Block(
                kind=found.kind,
                text=text,
                markdown=markdown[start:end],
                start=start,
                end=end,
                level=found.level,
                rows=found.rows,
            )


@dataclass(slots=True)
class _Found:
    kind: str
    #: Its first line, and the one after its last.
    first: int
    after: int
    text: str
    level: int = 0
    rows: Rows = ()


class _Parser:
    def __init__(self, lines: list[str], *, quotes: bool) -> None:
        self._quoted = [0] * len(lines)
        self._lines = lines
        self._count = len(lines)
        if quotes:
            self._unquote()

    def _unquote(self) -> None:
        """Take the signs of quotes away, all levels at once."""
        fence = ""
        for number, line in enumerate(self._lines):
            if fence:
                fence = "" if lines.closes(line, fence) else fence
            elif ">" in line and (quote := _QUOTE.match(line)):
                self._quoted[number] = quote[0].count(">")
                self._lines[number] = line[quote.end() :]
            else:
                fence = lines.fence(line)

    def blocks(self) -> Iterator[_Found]:
        number = self._front_matter()
        if number:
            text = "\n".join(self._lines[1 : number - 1])
            yield _Found("text", 0, number, text)
        while number < self._count:
            line = self._lines[number]
            if not line.strip() or lines.is_break(line):
                number += 1
                continue
            for found in self._next(number, line):
                yield found
                number = found.after

    def _next(self, number: int, line: str) -> Iterator[_Found]:
        """What begins at a line: one block, or the parts of a list."""
        if line[0].isalpha():  # as most do
            table = self._table_begins(number)
            yield self._table(number) if table else self._paragraph(number)
        elif lines.indent(line) >= lines.CODE_INDENT:
            yield self._indented_code(number)
        elif lines.fence(line):
            yield self._fenced_code(number)
        elif heading := _HEADING.match(line):
            yield self._heading(number, heading)
        elif _ITEM.match(line):
            yield from self._list(number)
        elif self._table_begins(number):
            yield self._table(number)
        else:
            yield self._paragraph(number)

    def _front_matter(self) -> int:
        """The line after the metadata between `---` at the begin; 0 without any."""
        if self._count and self._lines[0].rstrip() == "---":
            for number in range(1, min(self._count, 200)):
                line = self._lines[number].rstrip()
                if line == "---":
                    return number + 1
                if not line:
                    break
        return 0

    def _heading(self, number: int, found: re.Match[str]) -> _Found:
        text = self._lines[number][found.end() :].rstrip()
        shorter = text.rstrip("#")
        if not shorter or shorter[-1] in " \t":
            text = shorter.rstrip()
        kind = "text" if self._quoted[number] else "heading"
        level = 0 if self._quoted[number] else len(found[1])
        return _Found(kind, number, number + 1, _one_line(plain(text)), level)

    def _fenced_code(self, number: int) -> _Found:
        line = self._lines[number]
        fence, indent = lines.fence(line), lines.indent(line)
        end = number + 1
        code: list[str] = []
        while end < self._count and self._quoted[end] == self._quoted[number]:
            line = self._lines[end]
            end += 1
            if lines.closes(line, fence):
                break
            code.append(line[min(indent, lines.indent(line)) :] if indent else line)
        return _Found("code", number, end, "\n".join(code))

    def _indented_code(self, number: int) -> _Found:
        end = after = number
        while end < self._count and self._quoted[end] == self._quoted[number]:
            line = self._lines[end]
            if line.strip():
                if lines.indent(line) < lines.CODE_INDENT:
                    break
                after = end + 1
            end += 1
        code = (
            line.expandtabs(lines.CODE_INDENT)[lines.CODE_INDENT :]
            for line in self._lines[number:after]
        )
        return _Found("code", number, after, "\n".join(code))

    def _table_begins(self, number: int) -> bool:
        if number + 1 >= self._count or "|" not in self._lines[number + 1]:
            return False
        columns = delimiters(self._lines[number + 1])
        return columns > 0 and columns == len(split(self._lines[number]))

    def _table(self, number: int) -> _Found:
        end = number + 2
        while end < self._count and self._continues_table(end):
            end += 1
        found = rows([self._lines[number], *self._lines[number + 2 : end]])
        text = "\n".join(
            ["\t".join(row).rstrip("\t").replace("\n", " ") for row in found]
        )
        return _Found("table", number, end, text, rows=found)

    def _continues_table(self, number: int) -> bool:
        line = self._lines[number]
        if line[:1] == "|":
            return True
        return bool(line.strip()) and not self._interrupts(number)

    def _paragraph(self, number: int) -> _Found:
        end = number + 1
        level = 0
        while end < self._count:
            line = self._lines[end]
            if not line.strip() or self._quoted[end] > self._quoted[end - 1]:
                break
            if _UNDERLINE.fullmatch(line) and not self._quoted[end]:
                level = 1 if "=" in line else 2
                break
            if self._interrupts(end) or self._table_begins(end):
                break
            end += 1
        text = _joined(self._lines[number:end])
        if level:
            return _Found("heading", number, end + 1, _one_line(text), level)
        return _Found("text", number, end, text)

    def _interrupts(self, number: int) -> bool:
        """Whether a line ends a paragraph before it."""
        line = self._lines[number]
        start = line.lstrip()
        if start[:1] not in _SIGNS:
            return False
        if lines.indent(line) >= lines.CODE_INDENT:
            return False
        if _HEADING.match(line) or lines.fence(line) or lines.thematic_break(line):
            return True
        item = _ITEM.match(line)
        # A number at the begin of a line is one, unless it is the first.
        return (
            item is not None
            and item.end() < len(line)
            and (not start[0].isdigit() or start[:2] in ("1.", "1)"))
        )

    def _list(self, number: int) -> Iterator[_Found]:
        """A list, and the tables and code in its items, as several blocks."""
        first = number
        items: list[str] = []
        item: list[str] = []
        blank = False

        def close() -> None:
            if item:
                items.append(_joined(item))
                item.clear()

        while number < self._count:
            line = self._lines[number]
            if not line.strip():
                blank = True
                close()
                number += 1
                continue
            indent = lines.indent(line)
            inside = indent >= _ITEM_INDENT
            marker = None if lines.thematic_break(line) else _MARKERS.match(line)
            if self._quoted[number] != self._quoted[first] and blank:
                break
            if marker is None and not inside and (blank or self._ends_list(number)):
                break
            found = self._inside(number) if marker is None and inside else None
            if found is not None:
                close()
                yield _Found("list", first, number, "\n".join(items))
                yield found
                first = number = found.after
                items.clear()
            elif marker is not None:
                close()
                item.append(_item(marker[0], line[marker.end() :]))
                number += 1
            else:
                item.append(line.strip(" \t") + ("  " if line.endswith("  ") else ""))
                number += 1
            blank = False
        close()
        yield _Found("list", first, number, "\n".join(items))

    def _inside(self, number: int) -> _Found | None:
        """The code or table that begins in a list's item."""
        if lines.fence(self._lines[number]):
            return self._fenced_code(number)
        return self._table(number) if self._table_begins(number) else None

    def _ends_list(self, number: int) -> bool:
        """Whether a line that is not indented is no lazy continuation of an item."""
        changed = number > 0 and self._quoted[number] > self._quoted[number - 1]
        return changed or self._interrupts(number) or self._table_begins(number)


def _item(marker: str, text: str) -> str:
    """An item's first line, with its number."""
    marker = marker.strip()
    text = _TASK.sub("", text, count=1) if text[:1] == "[" else text
    return f"{marker} {text}" if marker[:1].isdigit() else text


def _joined(lines: list[str]) -> str:
    """The text of a paragraph: one line, apart from hard line breaks."""
    if len(lines) == 1:
        return plain(lines[0].strip())
    parts: list[str] = []
    for line in lines:
        text = line.strip()
        if line.endswith("  "):
            parts += (text, "\n")
        elif text.endswith("\\") and not text.endswith("\\\\"):
            parts += (text[:-1], "\n")
        else:
            parts += (text, " ")
    return plain("".join(parts[:-1]))


def _one_line(text: str) -> str:
    return " ".join(text.split()) if "\n" in text else text.strip()
