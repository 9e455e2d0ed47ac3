"""Blocks of Markdown within lists and quotations, and how they are put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docprogress.steps.markdown.grid import cell
from docprogress.steps.markdown.inline import fenced, heading, paragraph

#: Lists and quotations within each other that are kept; what is deeper is in the last.
MOST_CONTAINERS = 30


@dataclass(slots=True, eq=False)
class Container:
    """A quotation or an item of a list, around blocks."""

    #: What its first line begins with, and each other one.
    first: str
    prefix: str
    #: The list that an item is in; None for a quotation.
    of: object | None = None
    begun: bool = False


def quotation() -> Container:
    """A quotation."""
    return Container("> ", "> ")


def item(marker: str, of: object) -> Container:
    """An item of a list, with its marker: `-` or `3.`."""
    return Container(f"{marker} ", " " * (len(marker) + 1), of)


@dataclass(slots=True)
class Block:
    """A block; `text` is inline Markdown, or the code itself."""

    text: str
    containers: tuple[Container, ...] = ()
    #: The level of a heading.
    level: int = 0
    code: bool = False
    language: str = ""
    #: Whether the text is Markdown of several lines, such as a table.
    ready: bool = False

    def lines(self) -> str:
        """The block by itself."""
        if self.ready:
            return self.text
        if self.code:
            return fenced(self.text, self.language)
        if self.level:
            return heading(self.level, self.text)
        return paragraph(self.text)

    def in_cell(self) -> str:
        """The block within a table's cell, on one line."""
        text = self.text
        if self.code:
            lines = (line.strip().replace("`", "'") for line in text.split("\n"))
            text = "\n".join(f"`{line}`" for line in lines if line)
        marks = ""
        for container in self.containers:
            if container.of is not None and not container.begun:
                container.begun = True
                marks += container.first
        return cell(marks + text)


def in_cell(blocks: Sequence[Block]) -> str:
    """Blocks within a table's cell, on one line."""
    return "<br>".join(filter(None, (block.in_cell() for block in blocks)))


def joined(blocks: Sequence[Block], spend: Callable[[int], bool]) -> str | None:
    """The blocks as one text; None once `spend` allows no more characters."""
    parts: list[str] = []
    before: tuple[Container, ...] = ()
    for block in blocks:
        if parts:
            parts.append(_between(before, block.containers))
        first = "".join(map(_first, block.containers))
        text = block.lines()
        if block.containers:
            prefix = "".join(one.prefix for one in block.containers)
            text = first + _indented(text, prefix)
        if not spend(len(text) + len(parts[-1] if parts else "")):
            return None
        parts.append(text)
        before = block.containers
    return "".join(parts)


def _first(container: Container) -> str:
    if container.begun:
        return container.prefix
    container.begun = True
    return container.first


def _indented(text: str, prefix: str) -> str:
    if "\n" not in text:
        return text
    bare = prefix.rstrip()
    first, *lines = text.split("\n")
    return "\n".join([first, *(prefix + one if one else bare for one in lines)])


def _between(before: tuple[Container, ...], after: tuple[Container, ...]) -> str:
    """What separates two blocks: the items of a list have no line between them."""
    shared = 0
    for one, other in zip(before, after, strict=False):
        if one is not other:
            break
        shared += 1
    if shared < len(after):
        following = after[shared]
        same = shared < len(before) and before[shared].of is following.of
        inner = shared == len(before) and shared > 0 and before[-1].of is not None
        # Only a list that begins with 1 may follow a line of text (CommonMark 5.3).
        inner = inner and following.first in ("- ", "1. ")
        if following.of is not None and (same or inner):
            return "\n"
    prefix = "".join(one.prefix for one in after[:shared]).rstrip()
    return f"\n{prefix}\n"
