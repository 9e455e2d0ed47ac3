"""Documents of headings, nested lists and tables, as their structure.

Each language gives one; what is in it differs from document to document.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from truths import LANGUAGES


@dataclass(frozen=True, slots=True)
class Heading:
    #: From 1 to 6.
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    #: From 0.
    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Item, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    across: int = 1
    down: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the cells that begin in them, as in HTML; the first row is the header."""

    rows: tuple[tuple[Cell, ...], ...]

    def places(self) -> Iterator[tuple[int, int, Cell]]:
        """Each cell with the row and column in which it begins."""
        taken: set[tuple[int, int]] = set()
        for number, row in enumerate(self.rows):
            column = 0
            for cell in row:
                while (number, column) in taken:
                    column += 1
                yield number, column, cell
                taken.update(
                    itertools.product(
                        range(number, number + cell.down),
                        range(column, column + cell.across),
                    )
                )

    def grid(self) -> list[list[str]]:
        """The text of each place; a merged cell's is in each that it covers."""
        texts = {
            (number + down, column + across): cell.text
            for number, column, cell in self.places()
            for down in range(cell.down)
            for across in range(cell.across)
        }
        width = 1 + max(column for _, column in texts)
        return [
            [texts.get((row, column), "") for column in range(width)]
            for row in range(len(self.rows))
        ]


Block = Heading | Paragraph | Items | Table


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    number: int
    blocks: tuple[Block, ...]


@dataclass(slots=True)
class Truth:
    """What should be found in one file."""

    headings: list[tuple[int, str]] = field(default_factory=list)
    items: list[tuple[int, str]] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)


def truth(source: Source) -> Truth:
    """What a format that can express all of it should give."""
    found = Truth()
    for block in source.blocks:
        match block:
            case Heading(level, text):
                found.headings.append((level, text))
            case Items(items):
                found.items += [(item.depth, item.text) for item in items]
            case Table():
                found.tables.append(block.grid())
    return found


def sources() -> Iterator[Source]:
    """A document in each language."""
    for number, (language, text) in enumerate(LANGUAGES.items()):
        yield Source(language, number, tuple(_blocks(number, _Phrases(text))))


class _Phrases:
    """Pieces of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self._paragraphs = itertools.cycle(text.split("\n\n"))
        self._text = " ".join(text.split())
        self._place = 0

    def paragraph(self) -> str:
        return next(self._paragraphs)

    def phrase(self, length: int) -> str:
        piece = ""
        while len(piece) < 3:
            begin = self._place % max(1, len(self._text) - length)
            cut = self._text[begin : begin + length]
            # Whole words, in scripts that have them.
            piece = cut.partition(" ")[2].rpartition(" ")[0] or cut
            piece = re.sub(r"^[\W_]+|[\W_]+$", "", piece)
            self._place += length + 1
        return piece


def _blocks(number: int, phrases: _Phrases) -> Iterator[Block]:
    marks = ("A*B*", "x_1_y", "[k]", "1 < 2", "`q`", "#7", "C & D", "100 %")
    deepest = 3 + number % 4
    yield Heading(1, phrases.phrase(40))
    yield Paragraph(phrases.paragraph())
    for section in range(3):
        mark = marks[(number + section) % len(marks)]
        yield Heading(2, f"{phrases.phrase(30)} {mark}")
        yield Paragraph(phrases.paragraph())
        yield _list(phrases, ordered=(number + section) % 2 == 0)
        yield Heading(3, phrases.phrase(36))
        yield (_simple, _merged, _ragged)[section](phrases)
        for level in range(4, deepest + 1):
            yield Heading(level, phrases.phrase(26))
            yield Paragraph(phrases.phrase(60))
    yield Heading(2, phrases.phrase(24))
    yield Paragraph(phrases.paragraph())


def _list(phrases: _Phrases, *, ordered: bool) -> Items:
    depths = (0, 1, 2, 2, 1, 0, 0, 1, 0)
    return Items(tuple(Item(depth, phrases.phrase(32)) for depth in depths), ordered)


def _simple(phrases: _Phrases) -> Table:
    head = tuple(Cell(f"{phrases.phrase(14)} {number}") for number in range(4))
    rows = tuple(
        (
            Cell(phrases.phrase(18)),
            Cell(f"{row * 7}.25"),
            Cell(f"a|{row}" if row % 2 else f"{row} * {row}"),
            Cell("" if row == 2 else phrases.phrase(12)),
        )
        for row in range(1, 6)
    )
    return Table((head, *rows))


def _merged(phrases: _Phrases) -> Table:
    def cell(across: int = 1, down: int = 1) -> Cell:
        return Cell(phrases.phrase(16), across, down)

    return Table(
        (
            (cell(down=2), cell(across=2), cell()),
            (cell(), cell(), cell()),
            (cell(down=3), cell(), cell(across=2)),
            (cell(across=2, down=2), cell()),
            (cell(),),
            (cell(), cell(), cell(), cell()),
        )
    )


def _ragged(phrases: _Phrases) -> Table:
    head = tuple(Cell(phrases.phrase(12)) for _ in range(5))
    lines = Cell(f"{phrases.phrase(14)}\n{phrases.phrase(14)}\n{phrases.phrase(10)}")
    return Table(
        (
            head,
            (Cell(""), lines, Cell("| |"), Cell(""), Cell("x")),
            (Cell("1"), Cell(""), Cell(""), Cell("\\*"), Cell("")),
            (Cell(""), Cell(""), Cell("<b>"), Cell(""), Cell(phrases.phrase(20))),
        )
    )
