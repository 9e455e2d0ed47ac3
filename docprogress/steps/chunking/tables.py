"""Split a table by its rows, each part with the header."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from docprogress.steps.chunking.headed import headed_spans
from docprogress.steps.chunking.regions import Region
from docprogress.steps.chunking.sizes import Sizes
from docprogress.steps.chunking.spans import Span, trimmed


class Piece(NamedTuple):
    """A part of the text, which is that of a chunk."""

    start: int
    end: int
    #: A table's header, which the chunk has before this part of the text.
    header: str = ""


def table_pieces(text: str, region: Region, sizes: Sizes) -> Iterator[Piece]:
    """The parts of a table.

    The first begins with what is before the first row: headings, and the header. The
    others have the header repeated, unless it takes more than half of a chunk.
    """
    table = _Table.of(text, region)
    start, end = trimmed(text, region.start, region.end)
    if table.begins and sizes.fits(text[start:end]):
        yield Piece(start, end)
        return
    header = table.header
    if not header or 2 * sizes.of(f"{header}\n") > sizes.most:
        header = ""
    yield from _Packer(text, sizes, header).pack(start, region.body, table)


class _Table(NamedTuple):
    #: The header, as the text has it or, if it has it not, as the Markdown.
    header: str
    #: Whether the text begins with it.
    begins: bool
    #: The rows after the header. Each ends where the next one begins.
    rows: Sequence[Span]
    end: int

    @classmethod
    def of(cls, text: str, region: Region) -> "_Table":
        rows = region.rows or _lines(text, region)
        first, second = rows[0], rows[1] if len(rows) > 1 else None
        starts = [row[0] for row in rows[1:] if row is not None]
        if first is None:
            header = "\t".join(region.header).replace("\n", " ").rstrip()
            starts[:1] = [region.body]
        else:
            # In a text that is Markdown, a row of delimiters belongs to it.
            end = first[1] if second is None else second[0]
            header = text[first[0] : end].strip()
            if text[end : region.end].strip():
                starts[:1] = [end]
        ends = [*starts[1:], region.end]
        spans = list(zip(starts, ends, strict=False))
        return cls(header, first is not None, spans, region.end)


def _lines(text: str, region: Region) -> list[Span | None]:
    """The lines of a table whose rows were not found."""
    found: list[Span | None] = []
    start = region.body
    while start < region.end:
        end = text.find("\n", start, region.end)
        end = region.end if end < 0 else end
        if text[start:end].strip():
            found.append((start, end))
        start = end + 1
    return found


class _Packer:
    """Puts as many rows into a piece as fit."""

    def __init__(self, text: str, sizes: Sizes, header: str) -> None:
        self._text = text
        self._sizes = sizes
        self._header = header

    def pack(self, start: int, body: int, table: _Table) -> Iterator[Piece]:
        """The pieces of a table, whose headings end at `body`."""
        rows = [(row[0], self._end(*row)) for row in table.rows]
        rows = [row for row in rows if row[1] > row[0]]
        before = rows[0][0] if rows else len(self._text)
        header = "" if table.begins else self._header
        # Where the piece begins and ends that is being filled; -1 without one.
        first, last = -1, start
        if self._text[start:before].strip():
            if not rows or 4 * self._size("", start, before) > 3 * self._sizes.most:
                end = before if rows else table.end
                for span in headed_spans(self._text, start, body, end, self._sizes):
                    yield Piece(*span)
                header = self._header
            elif not self._fits(header, start, rows[0][1]):
                yield from self._long(start, before, rows.pop(0)[1], header)
                header = self._header
            else:
                first = start
        for begin, end in rows:
            if first >= 0 and self._fits(header, first, end):
                last = end
                continue
            if first >= 0:
                yield Piece(first, last, header)
                header = self._header
            first, last = begin, end
            if not self._fits(header, begin, end):
                first = -1
                yield from self._long(begin, begin, end, header)
                header = self._header
        if first >= 0:
            yield Piece(first, last, header)

    def _end(self, start: int, end: int) -> int:
        """The end of a row, without its line end."""
        while end > start and self._text[end - 1].isspace():
            end -= 1
        return end

    def _size(self, header: str, start: int, end: int) -> int:
        if self._sizes.count is None:
            return len(header) + bool(header) + end - start
        return self._sizes.of(joined(header, self._text[start:end]))

    def _fits(self, header: str, start: int, end: int) -> bool:
        return self._size(header, start, end) <= self._sizes.most

    def _long(self, start: int, row: int, end: int, header: str) -> Iterator[Piece]:
        """The pieces of a row that is too long, with what is before it."""
        most = self._sizes.most
        room = max(1, most - self._sizes.of(f"{self._header}\n"))
        sizes = replace(self._sizes, most=room, overlap=0)
        for begin, after in headed_spans(self._text, start, row, end, sizes):
            own = header if begin == start else self._header
            # Tokens do not add up exactly.
            yield Piece(begin, after, own if self._fits(own, begin, after) else "")


def joined(header: str, text: str) -> str:
    """The text of a piece with a repeated header."""
    return f"{header}\n{text}" if header else text
