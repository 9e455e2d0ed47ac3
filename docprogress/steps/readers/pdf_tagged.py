"""Headings and tables of pages whose tags say what their text is."""

from collections.abc import Sequence

from docprogress.steps.readers.pdf_blocks import Heading
from docprogress.steps.readers.pdf_grids import MOST_CELLS
from docprogress.steps.readers.pdf_headings import Headings
from docprogress.steps.readers.pdf_hyphens import join_hyphenated
from docprogress.steps.readers.pdf_lines import Label, Layout, Run
from docprogress.steps.readers.pdf_tables import Table, cell_text
from docprogress.steps.readers.pdf_text_lines import TextLine

#: The maximum number of characters of what is taken for a heading because of its tag.
MOST_CHARACTERS = 400

#: The maximum number of places of a table that its cells cover, those that several
#: cover each time.
MOST_PLACES = 4 * MOST_CELLS


def tagged_headings(lines: Sequence[TextLine], headings: Headings) -> list[Heading]:
    """The headings of a page by their tags."""
    found: list[Heading] = []
    place = 0
    while place < len(lines):
        label = lines[place].label
        end = place + 1
        if label is not None and label.kind == "heading" and lines[place].text:
            while end < len(lines) and _is_same(lines[end], label):
                end += 1
            length = sum(len(line.text) for line in lines[place:end])
            if length <= MOST_CHARACTERS:
                level = label.level or headings.level_of(lines[place])
                found.append(Heading(place, end, level))
        place = end
    return found


def _is_same(line: TextLine, label: Label) -> bool:
    return line.label is not None and line.label.block == label.block


def tagged_tables(layout: Layout, lines: Sequence[TextLine]) -> list[Table]:
    """The tables of a page by their tags."""
    runs: dict[int, dict[Label, list[Run]]] = {}
    taken: dict[int, set[int]] = {}
    beside: dict[int, list[str]] = {}
    for number, line in enumerate(lines):
        table = 0
        rest = []
        for run in line.runs:
            label = layout.labels.get(run.mark)
            if label is not None and label.kind == "cell":
                table = label.block
                runs.setdefault(table, {}).setdefault(label, []).append(run)
            else:
                rest.append(run.text)
        if table:
            taken.setdefault(table, set()).add(number)
            if rest:
                beside.setdefault(table, []).append(join_hyphenated(" ".join(rest)))
    found = []
    used: set[int] = set()
    for table, cells in runs.items():
        rows = _rows(cells)
        if rows and used.isdisjoint(taken[table]):
            used |= taken[table]
            found.append(Table(frozenset(taken[table]), rows, beside.get(table, [])))
    return found


def _placed(cells: dict[Label, list[Run]]) -> dict[Label, list[Run]]:
    """Cells in the columns that they stand in, where tags leave empty ones out."""
    rows: dict[int, list[Label]] = {}
    for label in cells:
        rows.setdefault(label.row, []).append(label)
    width = max(label.column + label.columns for label in cells)
    spanning = [label for label in cells if label.rows > 1]
    extents: dict[int, tuple[float, float]] = {}
    for label, runs in cells.items():
        if label.columns == 1 and _is_full(rows[label.row], width, spanning):
            left, right = min(r.left for r in runs), max(r.right for r in runs)
            known = extents.get(label.column, (left, right))
            extents[label.column] = min(known[0], left), max(known[1], right)
    if len(extents) < width:
        return cells
    placed = {}
    for row in rows.values():
        last = -1
        full = _is_full(row, width, spanning)
        for label in sorted(row, key=lambda one: one.column):
            column = label.column
            if not full:
                runs = cells[label]
                middle = (runs[0].left + max(r.right for r in runs)) / 2
                free = range(last + 1, width - label.columns + 1)
                away = [(_away(middle, extents[n]), n) for n in free]
                column = min(away)[1] if away else column
            last = column + label.columns - 1
            placed[label._replace(column=column)] = cells[label]
    return placed


def _away(position: float, extent: tuple[float, float]) -> float:
    """How far a position is outside of an extent; negative within."""
    return max(extent[0] - position, position - extent[1])


def _is_full(row: list[Label], width: int, spanning: list[Label]) -> bool:
    """Whether cells are known for each column of a row."""
    number = row[0].row
    above = sum(
        label.columns
        for label in spanning
        if label.row < number < label.row + label.rows
    )
    return above + sum(label.columns for label in row) >= width


def _rows(cells: dict[Label, list[Run]]) -> list[list[str]]:
    """The texts of cells in their rows, those that span several repeated."""
    cells = _placed(cells)
    height = max(label.row + label.rows for label in cells)
    width = max(label.column + label.columns for label in cells)
    if width * height > MOST_CELLS or width < 2 or height < 2:  # noqa: PLR2004 - a frame
        return []
    rows = [[""] * width for _ in range(height)]
    places = MOST_PLACES
    for label, runs in cells.items():
        places -= label.rows * label.columns
        if places < 0:
            return []
        left, right = min(r.left for r in runs), max(r.right for r in runs)
        text = cell_text(runs, left, right)
        for row in range(label.row, label.row + label.rows):
            for column in range(label.column, label.column + label.columns):
                if column < width:
                    rows[row][column] = text
    return [row for row in rows if any(row)]
