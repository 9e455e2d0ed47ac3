"""Find the blocks of a page's Markdown in its plain text.

The two differ in white space, escapes, bullets, numbers and the layout of tables, and
either may have what the other has not. So a block is searched for from the end of the
one before it, and text that belongs to no block is a segment as well: segments follow
each other and leave nothing out but white space.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from docprogress.structure.blocks import Block, blocks
from docprogress.structure.row_location import find_rows
from docprogress.structure.search import Search, Span

_NUMBER = re.compile(r"\d{1,9}[.)] ")


class Segment(NamedTuple):
    """A part of a page's text: a block, or text that belongs to none."""

    #: As in `Block`.
    kind: str
    #: Offsets in the text; both are the same if a heading is in the Markdown only.
    start: int
    end: int
    block: Block | None = None
    #: The spans of a table's rows in the text; None for rows that it does not have.
    rows: tuple[Span | None, ...] = ()


def segments(text: str, markdown: str) -> Iterator[Segment]:
    """The segments of a page's text, in order."""
    found = blocks(markdown)
    located = _same(found) if text == markdown else _search(text, found)
    return _complete(text, located)


def _same(found: Iterable[Block]) -> Iterator[Block | Segment]:
    """Blocks of a text that is Markdown itself."""
    for block in found:
        lines: list[Span] = []
        start = block.start
        if block.rows:
            for line in block.markdown.split("\n"):
                lines.append((start, start + len(line)))
                start += len(line) + 1
            del lines[1]  # the row of delimiters
        yield Segment(
            kind=block.kind,
            start=block.start,
            end=block.end,
            block=block,
            rows=tuple(lines[: len(block.rows)]),
        )


def _search(text: str, found: Iterable[Block]) -> Iterator[Block | Segment]:
    """Each block, as a segment if it was found."""
    search = Search(text)
    for block in found:
        rows: tuple[Span | None, ...] = ()
        if block.rows:
            rows = find_rows(search, block)
            spans = [span for span in rows if span is not None]
        elif block.kind == "heading":
            span = search.find(block.text, heading=True)
            spans = [] if span is None else [span]
        else:
            spans = _lines(search, block)
        if spans:
            yield Segment(
                kind=block.kind,
                start=spans[0][0],
                end=spans[-1][1],
                block=block,
                rows=rows,
            )
        else:
            yield block


def _lines(search: Search, block: Block) -> list[Span]:
    """The first and the last found line of a block."""
    if span := search.find_here(block.text):
        return [span]
    if block.kind != "list" and (span := search.find(block.text)):
        return [span]
    found: list[Span] = []
    for line in block.text.split("\n"):
        span = None
        if line.strip():
            span = search.find_here(line) or search.find(line)
        if span is None and (number := _NUMBER.match(line)):
            span = search.find(line[number.end() :])
        if span is not None:
            found[1:] = [span]
    return found


def _complete(text: str, located: Iterable[Block | Segment]) -> Iterator[Segment]:
    """The segments, with what is between them."""
    last: Segment | None = None
    missing: list[Block] = []
    for found in located:
        if isinstance(found, Block):
            missing.append(found)
            continue
        start, end = _gap(text, last, found.start)
        if last is not None:
            yield last if last.end == start else last._replace(end=start)
        if missing or text[start:end].strip():
            yield from _between(text, start, end, missing)
            missing = []
        last = found if found.start == end else found._replace(start=end)
    start, _ = _gap(text, last, len(text))
    if last is not None:
        yield last._replace(end=start)
    yield from _between(text, start, len(text), missing)


def _gap(text: str, last: Segment | None, end: int) -> Span:
    """What is between two blocks, without the rest of the lines that they are in."""
    start = 0 if last is None else last.end
    if not text[start:end].strip():
        return start, end
    line_end = text.find("\n", start, end)
    if line_end < 0:
        # A bullet or number of the next block, or what follows the last one.
        return (start, start) if last is None or end < len(text) else (end, end)
    last_line = text.rfind("\n", start, end) + 1
    if last is not None:
        start = line_end
    return start, last_line if text[last_line:end].strip() else end


def _between(
    text: str, start: int, end: int, missing: list[Block]
) -> Iterator[Segment]:
    """What is between two blocks that were found, where `missing` were not."""
    between = len(text[start:end].strip())
    if len(missing) == 1 and 0 < between <= 2 * len(missing[0].text):
        # Nearly the same text is the block, as it is written there.
        yield Segment(kind=missing[0].kind, start=start, end=end, block=missing[0])
        return
    kinds = {block.kind for block in missing if block.kind != "heading"}
    for block in missing:
        if block.kind == "heading":
            yield Segment(kind="heading", start=start, end=start, block=block)
    if text[start:end].strip():
        kind = kinds.pop() if len(kinds) == 1 else "text"
        others = [block for block in missing if block.kind == kind]
        yield Segment(
            kind=kind, start=start, end=end, block=others[0] if others else None
        )
