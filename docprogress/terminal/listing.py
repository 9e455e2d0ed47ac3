"""Lists with columns that fit a terminal of any width.

A narrow terminal loses the least important columns, and then the middle of names. A
note stands below its row, in the whole width; without a terminal it ends the row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from docprogress.formatting import shorten
from docprogress.terminal.columns import GAP

#: Cells that the column of names keeps at least.
LEAST_NAME = 16

#: The narrowest terminal in which labels are beside their texts.
NARROW = 60


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list.

    Args:
        heading: The heading above it.
        rank: Columns with the greatest rank are left out first; 0 stays.
        right: Whether it is aligned to the right.
    """

    heading: str
    rank: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list, the first cell of which is a name."""

    cells: Sequence[Text]
    note: Text = field(default_factory=Text)


def listing(
    columns: Sequence[Column],
    rows: Sequence[Row],
    width: int | None,
    *,
    least_name: int | None = LEAST_NAME,
) -> Iterator[Text]:
    """The lines of a list with headings.

    Args:
        columns: Its columns.
        rows: Its rows, with a cell for each column.
        width: The cells of the terminal; None if there is none.
        least_name: The cells that the first column keeps; None if it is never cut.
    """
    needs = [
        max([row.cells[number].cell_len for row in rows], default=0)
        for number in range(len(columns))
    ]
    # A column without any content is left out.
    kept = [number for number, need in enumerate(needs) if need]
    widths = {n: max(needs[n], cell_len(columns[n].heading)) for n in kept}
    if width is not None:
        while _total(kept, widths, name=least_name) > width:
            least = max(kept, key=lambda number: (columns[number].rank, number))
            if columns[least].rank == 0:
                break
            kept.remove(least)
        if least_name is not None and 0 in kept:
            excess = max(_total(kept, widths) - width, 0)
            widths[0] = max(widths[0] - excess, 1)
    headings = [Text(column.heading, style="dim") for column in columns]
    yield _line(headings, columns, kept, widths)
    for row in rows:
        line = _line(row.cells, columns, kept, widths)
        if width is None:
            yield line.append(GAP).append_text(row.note) if row.note else line
            continue
        yield line
        yield from indented(row.note, width, indent=len(GAP))


def indented(text: Text, width: int, *, indent: int) -> Iterator[Text]:
    """Text in lines that begin with spaces."""
    if not text:
        return
    # Wrapping needs no console: without one, nothing about it is assumed.
    for line in text.wrap(Console(), max(width - indent, 1)):
        line.rstrip()
        yield Text(" " * indent).append_text(line)


def labelled(label: Text, text: Text, width: int | None) -> Iterator[Text]:
    """Text beside its label, or below it in a narrow terminal."""
    if width is None:
        yield label.append_text(text)
    elif width < NARROW:
        label.rstrip()
        yield label
        yield from indented(text, width, indent=len(GAP))
    else:
        first, *others = indented(text or Text(" "), width, indent=label.cell_len)
        yield label.append_text(first[label.cell_len :])
        yield from others


def _total(
    kept: Sequence[int], widths: dict[int, int], *, name: int | None = None
) -> int:
    """The cells of a line, with a name of at most `name` cells."""
    found = [widths[number] for number in kept]
    if name is not None and found:
        found[0] = min(found[0], name)
    return sum(found) + len(GAP) * (len(found) - 1)


def _line(
    cells: Sequence[Text],
    columns: Sequence[Column],
    kept: Sequence[int],
    widths: dict[int, int],
) -> Text:
    line = Text()
    for number in kept:
        cell = cells[number]
        if cell.cell_len > widths[number]:
            cell = Text(shorten(cell.plain, widths[number]), style=cell.style)
        space = " " * (widths[number] - cell.cell_len)
        line.append(GAP if number != kept[0] else "")
        if columns[number].right:
            line.append(space).append_text(cell)
        else:
            line.append_text(cell).append(space)
    line.rstrip()
    return line
