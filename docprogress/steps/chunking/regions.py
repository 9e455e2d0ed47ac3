"""Divide a document's text into regions, of which each chunk is a part.

A region has one kind and one path of headings. It begins with the headings above it
that no other region has, so that no chunk ends with a heading.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from docprogress.documents import PAGE_SEPARATOR, Page
from docprogress.steps.chunking.spans import Span
from docprogress.structure import Segment, segments

#: The longest heading in the path of a chunk, in characters.
LONGEST_HEADING = 300
#: The longest line that is kept with the list or code that it introduces.
LONGEST_INTRODUCTION = 300

#: The longest running title that stays with the heading below it, in characters.
LONGEST_RUNNING_TITLE = 120

_COLONS = (":", "\uff1a")
# What a running title does not end with.
_SENTENCE_ENDS = (*_COLONS, ".", "!", "?", "\u3002", "\uff01", "\uff1f", "\u061f")
# A fence that says in which language the code is.
_LANGUAGE = re.compile(r"\s*(?:`{3,}|~{3,})[ \t]*\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of the text of which each chunk has the same kind and headings."""

    kind: str
    #: Offsets in the document's text; `body` is where its headings end.
    start: int
    body: int
    end: int
    headings: tuple[str, ...] = ()
    #: The spans of a table's rows; None for rows that are in the Markdown only.
    rows: tuple[Span | None, ...] = ()
    #: The cells of a table's header.
    header: tuple[str, ...] = ()


def regions(pages: Iterable[Page], text: str) -> Iterator[Region]:
    """The regions of a document, whose text is that of all pages together."""
    builder = _Builder(text)
    start = 0
    for page in pages:
        builder.begin_page()
        if page.markdown is None:
            if page.text.strip():
                whole = Segment(kind="text", start=0, end=len(page.text))
                yield from builder.add(whole, start)
        else:
            for segment in segments(page.text, page.markdown):
                yield from builder.add(segment, start)
        start += len(page.text) + len(PAGE_SEPARATOR)
    yield from builder.close()


class _Builder:
    """Joins segments to regions."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._path: list[tuple[int, str]] = []
        # Where the headings begin and end that no region has yet.
        self._headings: Span | None = None
        self._region: Region | None = None
        # Where the last segment of the region begins.
        self._last = 0
        # Whether the page has no segment yet.
        self._first = True
        # Where the first segment of the page begins.
        self._top = -1

    def begin_page(self) -> None:
        self._first = True

    def add(self, segment: Segment, offset: int) -> Iterator[Region]:
        """Add a segment of a page that begins at `offset`, and yield what is ready."""
        start, end = segment.start + offset, segment.end + offset
        first, self._first = self._first, False
        if first:
            self._top = start
        if segment.kind == "heading" and segment.block is not None:
            if self._is_running_title():
                self._begin_with_region()
            yield from self._flush()
            self._descend(segment.block.level, segment.block.text)
            if end > start:
                before = start if self._headings is None else self._headings[0]
                self._headings = (before, end)
            return
        kind = "text" if self._goes_on_with(segment) else _kind(segment)
        last = self._region
        # A list may go on on the next page, and so may code.
        goes_on = kind == "text" or (first and kind != "table")
        if last is not None and kind == last.kind and goes_on:
            # `replace` takes twice as long.
            self._region = Region(
                kind=last.kind,
                start=last.start,
                body=last.body,
                end=end,
                headings=last.headings,
                rows=last.rows,
                header=last.header,
            )
            self._last = start
            return
        introduction = None
        if kind in ("list", "code"):
            introduction = self._introduction()
        yield from self._flush()
        region = self._open(kind, start if introduction is None else introduction, end)
        if segment.rows:
            region = _with_rows(region, segment, offset)
        self._region = region
        self._last = start
        if kind == "table":
            yield from self._flush()

    def close(self) -> Iterator[Region]:
        """Yield what is left."""
        yield from self._flush()
        if self._headings is not None:
            start, end = self._headings
            yield Region(
                kind="text", start=start, body=start, end=end, headings=self._titles()
            )

    def _open(self, kind: str, start: int, end: int) -> Region:
        body = start
        if self._headings is not None:
            start, self._headings = self._headings[0], None
        return Region(
            kind=kind, start=start, body=body, end=end, headings=self._titles()
        )

    def _flush(self) -> Iterator[Region]:
        region, self._region = self._region, None
        if region is not None:
            yield region

    def _goes_on_with(self, segment: Segment) -> bool:
        """Whether one line of code is part of the text before it.

        In manuals it is often an option or a name, which the next paragraph explains.
        """
        region, block = self._region, segment.block
        if segment.kind != "code" or block is None or "\n" in block.text:
            return False
        if region is None or region.kind != "text" or _LANGUAGE.match(block.markdown):
            return False
        begin = max(region.start, region.end - 9)
        return not self._text[begin : region.end].rstrip().endswith(_COLONS)

    def _is_running_title(self) -> bool:
        """Whether the region is the running title of a page that begins a section.

        By itself it would be a chunk on every page that says nothing.
        """
        region = self._region
        if region is None or region.kind != "text" or region.start != self._top:
            return False
        if region.body > region.start:
            return False
        title = self._text[region.start : region.end].strip()
        return len(title) <= LONGEST_RUNNING_TITLE and not title.endswith(
            _SENTENCE_ENDS
        )

    def _begin_with_region(self) -> None:
        """Let the next region begin with this one."""
        if self._region is not None:
            self._headings = (self._region.start, self._region.end)
            self._region = None

    def _introduction(self) -> int | None:
        """Take the last paragraph from its region if it introduces what follows."""
        region = self._region
        if region is None or region.kind != "text":
            return None
        start = max(self._last, region.end - LONGEST_INTRODUCTION - 1)
        found = self._text[start : region.end].rstrip()
        if start > self._last or not found.endswith(_COLONS):
            return None
        if start <= region.body:
            # It is all that the region has.
            self._region = None
            if region.body > region.start:
                self._headings = (region.start, region.body)
        else:
            self._region = replace(region, end=start)
        return start

    def _descend(self, level: int, title: str) -> None:
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        if len(title) > LONGEST_HEADING:
            title = title[: LONGEST_HEADING - 1] + "…"
        self._path.append((level, title))

    def _titles(self) -> tuple[str, ...]:
        return tuple([title for _, title in self._path])


def _kind(segment: Segment) -> str:
    """A chunk's kind; a list with one item is a paragraph with a number."""
    if segment.kind == "list" and segment.block and "\n" not in segment.block.text:
        return "text"
    return "text" if segment.kind == "heading" else segment.kind


def _with_rows(region: Region, segment: Segment, offset: int) -> Region:
    rows = tuple(
        [span and (span[0] + offset, span[1] + offset) for span in segment.rows]
    )
    header = segment.block.rows[0] if segment.block else ()
    return replace(region, rows=rows, header=header)
